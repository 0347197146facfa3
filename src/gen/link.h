/* The C library (bpfrt/) behind emitted programs.
 *
 * The library is an ELF object inside the executable, compiled for BPF when Tapir was built. A
 * program gets those of its functions that it calls, directly or not, and one BTF blob serves all
 * programs of a session: the verifier wants to know the arguments of global functions, and where
 * every subprogram of a program with callbacks begins. Nothing here makes a system call. */
#ifndef GEN_LINK_H
#define GEN_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct bpf_insn;
struct lib;

/* A call (BPF_JMP | BPF_CALL, src 1, imm not yet known) or a reference (two-instruction BPF_LD_IMM64,
 * src BPF_PSEUDO_FUNC) to a library function. Calls between the emitter's own subprograms are the
 * emitter's: what is linked stands behind its instructions. */
struct lib_call {
	uint32_t insn;
	const char *function;
};

/* Subprograms of the emitted instructions, by ascending place; the first is at 0. */
enum lib_sub_kind {
	LIB_SUB_MAIN,	/* int main(void *ctx) */
	LIB_SUB_LOOP,	/* callback of bpf_loop: long (u64 index, void *ctx) */
	LIB_SUB_ELEM,	/* callback of bpf_for_each_map_elem: long (map, key, value, ctx) */
	LIB_SUB_STATIC, /* called by the emitter's own calls, verified at each */
	LIB_SUB_KINDS,
};
struct lib_sub {
	uint32_t insn;
	enum lib_sub_kind kind;
};

struct lib_unit {
	const struct bpf_insn *insns;
	uint32_t n_insns;
	const struct lib_call *calls;
	uint32_t n_calls;
	const struct lib_sub *subs;
	uint32_t n_subs;
	/* the result, in the arena of lib_link() */
	struct bpf_insn *linked;
	uint32_t n_linked;
	uint32_t *func_info; /* pairs: instruction, id in the BTF of lib_btf() */
	uint32_t n_func_info; /* pairs */
	uint32_t *places; /* instructions of the library that name the map of places */
	uint32_t n_places;
};

/* Reads the embedded object. One that is broken is a bug of the build. */
struct lib *lib_open(void);
void lib_close(struct lib *lib);
/* Number of a function, for all purposes an opaque one; -1: there is none. */
int lib_function(const struct lib *lib, const char *name);
/* Functions by number, from 0; NULL behind the last. Callbacks are listed too. */
const char *lib_function_name(const struct lib *lib, int function);
/* A function that the library doesn't have is a bug of the emitter. */
void lib_link(const struct lib *lib, struct arena *a, struct lib_unit *u);
const void *lib_btf(const struct lib *lib, uint32_t *size);

#endif
