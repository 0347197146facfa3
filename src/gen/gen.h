/* Pass 4: IR to eBPF for the handlers that run in the kernel.
 *
 *   gen.c      what handlers use, the maps, the image
 *   constants.c  what programs read: strings, tables
 *   places.c   which handlers go into which program
 *   program.c  one program: the frame, filters, the handlers one after the other
 *   emit*.c    instructions of one handler
 *   counter.c  programs that keep perf counters
 *   netfilter.c  handlers that are given packets
 *   nesting.c  programs that count returns which the kernel does not see
 *   lock.c     which handlers need which globals for themselves
 *   texts.c    whether stacks and names of the kernel must be texts
 *   token_keys.c  tables with tokens as keys
 *   link.c     the C library (bpfrt/) behind the emitted instructions
 *
 * The image is plain data: it can be loaded (run/attach.c) or written to a file (-p4). Nothing here
 * makes a system call. */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "probe/provider.h"

struct session;
struct bpf_insn;
struct ir_global;

/* Maps that every image has, by index. */
enum gen_fixed_map { GEN_MAP_SHARED, GEN_MAP_FRAMES, GEN_MAP_RING, GEN_MAP_CONST, GEN_MAP_TARGETS, GEN_MAP_FIXED };

struct gen_map {
	const char *name;
	uint32_t type, key_size, value_size, max_entries, flags; /* of BPF_MAP_CREATE */
	int global;	       /* IR global that lives in it, -1: none */
	const void *init;      /* first value of each element, or NULL */
	bool mmapable;
	bool per_cpu; /* max_entries is for one CPU: to be multiplied by how many are possible */
};

/* Where an IR global lives while handlers in the kernel use it. */
struct gen_global {
	/* As handlers there see it: that of the IR, but keys that are nothing but tokens have their width. */
	const struct ir_global *desc;
	bool shared;	 /* false: only handlers in the stap process use it */
	int map;	 /* tables: index into maps; scalars: -1 */
	uint32_t offset; /* scalars and scalar statistics: in the value of GEN_MAP_SHARED; longs as
			  * int64_t, strings as struct rt_str, statistics as struct rt_stat_value */
	int lock;	 /* offset of its struct rt_lock there, -1: needs none */
};

enum gen_reloc_kind {
	GEN_RELOC_MAP,	     /* LD_IMM64: map file descriptor */
	GEN_RELOC_MAP_VALUE, /* LD_IMM64: address of element 0 + imm of the second half */
};
struct gen_reloc {
	uint32_t insn, map;
	enum gen_reloc_kind kind;
};

struct gen_site {
	const struct probe_site *site;
	uint64_t cookie; /* first of the instances at this place: index into gen_image.insts */
};

/* How a program is loaded and attached. */
enum gen_attach {
	GEN_UPROBES,	    /* at the sites: path, offset */
	GEN_RAW_TRACEPOINT, /* to `tracepoint`, or to those that the sites' paths name */
	GEN_KFUNCS,	    /* to the kernel functions that the sites' paths name */
	GEN_PERF,	    /* to perf events, at the sites */
	GEN_NETFILTER,	    /* to the hook of its one site */
};

/* Ways to attach to kernel functions. They differ in what a program is given. */
enum gen_kfunc {
	GEN_FENTRY, /* one function each; the arguments (and, at the return, the result) */
	GEN_KPROBE_MULTI, /* many functions at once; registers */
	GEN_KPROBE, /* one place each, anywhere; registers */
};

struct gen_program {
	const char *name;
	enum site_kind kind;
	enum gen_attach attach;
	enum gen_kfunc kfunc; /* of GEN_KFUNCS */
	const char *tracepoint; /* the one of this program: life of processes, system calls; else NULL */
	/* Programs that others lead to: the map where they are looked up, 0: none; the index there. */
	uint32_t led_by, slot;
	uint32_t task_arg; /* tracepoints: the argument, from 1, that is the task in question, 0: none */
	bool sleepable;
	struct bpf_insn *insns;
	uint32_t n_insns;
	VEC(struct gen_reloc) relocs;
	/* struct bpf_func_info (two uint32_t: instruction offset, BTF id) a subprogram; none: n = 0 */
	VEC(uint32_t) func_info;
	VEC(struct gen_site) sites;
	uint32_t first_inst, n_handlers; /* private: what it runs */
};

/* A place in the script where an error can arise: its token, and the call that it lies in. */
struct gen_place {
	const struct token *tok;
	int caller; /* index of a place, -1: in the handler itself */
};

/* What perf_event_open() takes of a counter. */
struct gen_counter {
	uint32_t type;
	uint64_t config;
};

struct gen_image {
	struct arena arena;
	VEC(struct gen_map) maps;
	VEC(struct gen_program) programs;
	struct gen_global *globals;	    /* by IR global */
	VEC(const struct probe_inst *) insts; /* by instance number of records and cookies */
	VEC(struct gen_place) places;	    /* of errors */
	const void *btf;
	uint32_t btf_size;
	uint32_t frame_size; /* value size of GEN_MAP_FRAMES */
	uint32_t stacks;     /* index of the map of stacks, 0: none */
	uint32_t formats;    /* of that of formats for bpf_snprintf(), 0: none */
	uint32_t times;	     /* -t: index of the map of run times (struct rt_stat_value, in ns) by
			      * instance, 0: none */
	uint32_t places_map; /* of that of struct rt_place, 0: none */
	/* Perf counters that handlers read; their events are elements of the map with this index, RT_COUNTERS
	 * of each CPU. */
	VEC(struct gen_counter) counters;
	uint32_t counter_maps;
	uint32_t own_frames; /* where a struct rt_own_frames for each instance begins in GEN_MAP_CONST, to be
			      * filled in before that is made; 0: nowhere */
	bool prints; /* some handler does, or something else that is to happen at once */
	uint32_t stack_layout; /* private to emit_stack.c */
	struct task_members *members; /* private to emit_task.c */
};

/* Does a handler of this session run in the kernel? */
bool gen_needed(const struct session *s);
/* Is one of them for functions of the kernel? */
bool gen_has_kfuncs(const struct session *s);
/* What the kernel offers. */
struct gen_features {
	bool sleepable;	       /* uprobe programs may wait for pages of user memory */
	bool uprobe_func_ip;   /* bpf_get_func_ip() knows the function of a return probe in a program */
	bool tracepoint_cookies; /* a program at several raw tracepoints can tell them apart */
	bool kprobe_multi, kprobe; /* fentry: where a site has a btf_id */
};
/* Fills s->image. False after reporting what cannot be done ("semantic error: ..." at its place). */
bool gen_build(struct session *s, const struct gen_features *can);
/* Does this program look at the child of a fork? Run with the arguments (id, 0), it looks at the task
 * with that id. */
bool gen_is_fork(const struct gen_program *p);
void gen_free(struct gen_image *img);

#endif
