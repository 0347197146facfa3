/* Writing eBPF instructions: one buffer a subprogram, labels, notes for the linker. */
#ifndef GEN_ASM_H
#define GEN_ASM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "gen/gen.h"

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

struct code_call {
	uint32_t insn;
	const char *function; /* of the C library */
};
struct code_fixup {
	uint32_t insn;
	int label;
};

struct code {
	struct arena *arena;
	VEC(struct bpf_insn) insns;
	VEC(struct gen_reloc) relocs;
	VEC(struct code_call) calls;
	VEC(struct code_call) callbacks; /* address or call of a subprogram; function: NULL, imm: its number */
	VEC(int32_t) labels;		 /* instruction, -1: not placed yet */
	VEC(struct code_fixup) fixups;
};

void code_init(struct code *c, struct arena *a);
void code_insn(struct code *c, uint8_t op, int dst, int src, int off, int32_t imm);
int code_label(struct code *c);
void code_place(struct code *c, int label);
bool code_placed(const struct code *c, int label);
/* Drops instructions that nothing reaches (the verifier refuses them) and fills in the offsets of
 * jumps. False: a jump is too long. */
bool code_resolve(struct code *c);

/* Moves and arithmetic; op: BPF_ADD ... BPF_ARSH. */
void code_mov(struct code *c, int dst, int src);
void code_imm(struct code *c, int dst, int64_t value); /* the shortest form */
void code_alu(struct code *c, int op, int dst, int src);
void code_alu_imm(struct code *c, int op, int dst, int32_t imm);
void code_neg(struct code *c, int dst);
/* R1 = R1 / R2 (or %), signed, truncating; R2 is not 0. R3 is lost. */
void code_divide(struct code *c, bool modulo);
/* Memory; size: BPF_B, BPF_H, BPF_W, BPF_DW. off may be any number where base is a frame. */
void code_load(struct code *c, int size, int dst, int base, int off);
void code_store(struct code *c, int size, int base, int off, int src);
void code_store_imm(struct code *c, int size, int base, int off, int32_t imm);
/* op: BPF_ADD, BPF_ADD | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG. */
void code_atomic(struct code *c, int size, int op, int base, int off, int src);
/* Jumps; op: BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT ... */
void code_jump(struct code *c, int label);
void code_jump_if(struct code *c, int op, int dst, int src, int label);
void code_jump_if_imm(struct code *c, int op, int dst, int32_t imm, int label);
void code_exit(struct code *c);
void code_helper(struct code *c, int number);
/* R0 = 0 or a negative errno of bpf_map_update_elem(): an int that the kernel does not extend before 6.4. */
void code_map_update(struct code *c);
void code_library(struct code *c, const char *function);
void code_map(struct code *c, int dst, uint32_t map);
void code_map_value(struct code *c, int dst, uint32_t map, uint32_t offset);
/* Address of subprogram number k of the program. */
void code_callback(struct code *c, int dst, int k);
void code_call_sub(struct code *c, int k);

#endif
