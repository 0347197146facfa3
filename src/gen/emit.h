/* The emitter's inside: from the IR of a handler to instructions.
 *
 * Everything a handler computes with lies in its frame (struct rt_frame, then the slots of the IR's
 * registers): the verifier knows nothing about values in memory, so its work stays linear in the size of
 * the program, and control can go on anywhere with what has been left there. Registers: R6 context, R7
 * frame; R8 and R9 live within one operation; R0-R5 scratch.
 *
 * A handler that only goes forward is one run of instructions in the program. Others are made of parts:
 * subprograms that end by noting in the frame where to go on (frame->state), called again and again by
 * bpf_loop(). So there are loops; so a handler can be larger than a jump is long; and so script functions
 * that call themselves, or that are too large to be inlined at each call, return to where they were called.
 *
 *   gen.c, constants.c, places.c, program.c   see gen.h and builder.h
 *   emit.c        blocks, arithmetic, errors
 *   emit_flow.c   where control goes: spots, parts, calls, the frame around handlers
 *   emit_frame.c  which register lies where in the frame
 *   emit_str.c    strings, sprintf
 *   emit_table.c  globals, tables, statistics
 *   emit_iter.c   walks over tables: foreach, wildcards
 *   emit_print.c  records for the ring buffer
 *   emit_rt.c     tapset functions; emit_task.c, emit_memory.c, emit_stack.c, emit_names.c: more of them
 *   emit_lock.c   locks around handlers
 *   life.c        what is special in probes on the life of processes */
#ifndef GEN_EMIT_H
#define GEN_EMIT_H

#include "bpfrt/abi.h"
#include "gen/asm.h"
#include "gen/lib_tables.h"
#include "gen/link.h"
#include "ir/ir.h"

enum loc_kind { LOC_NONE, LOC_SLOT, LOC_NUM, LOC_STR, LOC_PARAM };

/* Where the value of an IR register is: a slot of the frame, or a constant (parameters); LOC_PARAM: a text
 * in the constants, where it is there is in a slot of the frame. */
struct loc {
	enum loc_kind kind;
	uint32_t at;	/* offset in the frame, or index of the constant */
	uint32_t width; /* strings */
};

/* A function of the IR at the place where its instructions are emitted. */
struct emit_fn {
	const struct ir_fn *fn;
	struct emit_fn *caller;
	struct loc *locs;  /* by register */
	uint32_t *uses;	   /* by register: how often it is an operand */
	int *spots;	   /* by block */
	struct walk **walks; /* by register: of iterators (emit_iter.c) */
	uint32_t *iters, n_iters; /* by register: number of an iterator from 0 */
	bool **running, *now;	  /* by block, at its start, and at hand: by number of an iterator */
	int fail;	   /* spot: an error leaves the function */
	int ret;	   /* spot behind the call */
	struct loc result; /* where RET leaves its value */
	int place;	   /* of the call: index into gen_image.places, -1 in a handler */
	uint32_t floor_at; /* a word of the frame: the first place that its loops over tables may use */
	uint64_t floor_need; /* and how many there are below it, at most */
};

/* A place in a handler that control can go to from anywhere in it. */
struct emit_spot {
	struct code *part; /* where it is, NULL: not yet */
	int label;	   /* there */
	bool entered;	   /* by its number */
	int32_t state;	   /* that number, given at the end */
	const struct code *way_from; /* the part that last asked for a way to it */
	int way;	   /* label there */
};
/* An instruction of a part that stores the number of a spot. */
struct emit_fixup {
	struct code *part;
	uint32_t insn;
	int spot;
};

/* A script function that is emitted once in a handler. */
struct emit_sub {
	struct emit_fn f;
	uint32_t number;	/* of the function */
	uint32_t window, bytes; /* its registers in the frame: what a recursive call keeps */
	uint32_t back_at;	/* there: number of the spot to return to */
	int entry;
	bool recursive, called;
};

struct emit {
	struct session *s;
	struct ir_module *m;
	struct gen_image *img;
	struct builder *b; /* builder.h */
	struct code *c;
	struct parts *parts; /* subprograms of the program being made */
	struct emit_fn *f;
	int handler_block;	 /* of the current instruction's block, -1: none */
	bool in_parts, want_parts; /* the handler is made of parts; it must be */
	VEC(struct emit_spot) spots;
	VEC(int) ways;		 /* spots that the part at hand has asked for a way to */
	VEC(struct emit_fixup) fixups;
	VEC(int) numbers;	 /* of the handler's parts, as subprograms */
	struct emit_sub **subs;	 /* by function of the IR; NULL: inlined */
	struct emit_sub *sub;	 /* the one being emitted, NULL: the handler itself */
	int depth;		 /* of inlined calls in it */
	int64_t max_nesting;
	uint32_t stack_at, stack_bytes; /* of what recursive calls keep */
	uint32_t places;	 /* that loops over tables need at the same time, at most */
	uint64_t sub_places;	 /* the same of the function being emitted */
	int uncaught;		 /* spot: an error that nobody catches, in the handler or its function */
	uint32_t frame_at, frame_max;
	uint32_t key_at, value_at, spare_at; /* buffers in the frame; spare: one widest string */
	uint32_t groups_at; /* struct rt_groups, if a handler asks for groups */
	const struct loc *params; /* of a handler that stands for several (merge.h) */
	uint8_t *aside; /* by global: 1 + bit in frame->aside, 0: none. struct rt_item_add lies before key_at */
	enum site_kind kind;
	bool sleepable, is_return, at_entry; /* at_entry: of a function */
	enum gen_attach attach;
	enum gen_kfunc kfunc;
	const char *probe_type; /* probe_type() */
	bool uprobe_func_ip; /* struct gen_features */
	bool forked;	/* the task in question is frame->task, not the current one */
	bool apart;	/* and its memory is another one */
	bool exiting;	/* the tracepoint is that of the end of a task */
	bool failed; /* an error was reported */
};

/* emit.c */
void emit_error(struct emit *e, const struct ir_ins *i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
uint32_t emit_place(struct emit *e, const struct token *tok);
ir_ref emit_arg(const struct emit *e, const struct ir_ins *i, unsigned k);
struct loc emit_loc(const struct emit *e, ir_ref r);
void emit_load_num(struct emit *e, int reg, ir_ref r);	 /* value of a long */
void emit_load_loc(struct emit *e, int reg, struct loc l);
void emit_store_num(struct emit *e, ir_ref dst, int reg); /* not R5 */
void emit_str_ptr(struct emit *e, int reg, struct loc l);  /* address of a struct rt_str; R0 is lost */
void emit_frame_ptr(struct emit *e, int reg, uint32_t offset);
void emit_fail(struct emit *e, const struct ir_ins *i, enum rt_error code); /* jumps away */
/* The error is a text. */
void emit_fail_text(struct emit *e, const struct ir_ins *i, const char *text);
/* frame->error is R0 if that is not 0: then as emit_fail(). */
void emit_check(struct emit *e, const struct ir_ins *i);
/* frame->error was set by a library function: then on to the handler. */
void emit_check_frame(struct emit *e, const struct ir_ins *i);
/* Bytes of the frame, until the end of the function. */
uint32_t emit_take(struct emit *e, uint32_t bytes);
uint32_t emit_width(const struct emit *e, ir_ref r);
void emit_copy_str(struct emit *e, struct loc dst, struct loc src);
/* A handler of several instructions: spots. */
int emit_spot(struct emit *e);
void emit_put(struct emit *e, int spot); /* here */
void emit_go(struct emit *e, int spot);
int emit_error_spot(const struct emit *e); /* where errors of the current instruction go */
void emit_call(struct emit *e, const struct ir_ins *i);
/* Between two instructions: begins another part if this one has become large. */
void emit_split(struct emit *e);
/* Slots for the registers of f->fn; params: where arguments are that it never changes, NULL: they get
 * slots, too. Fills in locs, uses, iters, running. */
void emit_lay_out(struct emit *e, struct emit_fn *f, const struct loc *params);
/* f->now behind an instruction that begins or ends a loop over a table. */
void emit_iter_step(struct emit_fn *f, const struct ir_ins *i);
/* The instructions of f->fn, which is laid out; its spots fail and ret are there. */
void emit_blocks(struct emit *e, struct emit_fn *f);
void emit_store_loc(struct emit *e, struct loc l, int reg);
/* Size of the slot of an iterator over this table. */
uint32_t emit_iter_bytes(const struct ir_global *g);
/* A word of the frame: the first place that is free for loops over tables; *need: how many are not, at
 * most. */
uint32_t emit_floor(const struct emit *e, uint64_t *need);

/* If the string is a token: its text takes its place where it can be made here (addresses of a stack), else
 * an error. R0-R5 are lost. */
void emit_need_text(struct emit *e, const struct ir_ins *i, ir_ref r);
/* The function of the tapset that a register's text always comes from, if only user space can make it, or NULL. */
const char *emit_symbol_function(const struct emit *e, ir_ref r);
/* Library functions that write a string piecemeal may not have it as an argument, too: where they
 * write to instead, dst itself if there is no clash. */
struct loc emit_apart(const struct emit *e, const struct ir_ins *i);

/* size bytes at the address in R8 to the stack at R10 - 8, zero-padded; R0: 0, or not if it faults. */
void emit_read_user(struct emit *e, uint32_t size);
/* The same of kernel memory; no jump is left behind. */
void emit_read_kernel(struct emit *e, uint32_t size);

/* A register of the traced program, by its place in struct pt_regs. */
enum { EMIT_REG_FP = 32, EMIT_REG_RESULT = 80, EMIT_REG_IP = 128, EMIT_REG_CS = 136, EMIT_REG_SP = 152 };
void emit_register(struct emit *e, int reg, int place);
/* Of fentry and fexit: stack at R10 - 8 = argument number R2, from 0; R0: 0, or not if there is none. */
void emit_saved_argument(struct emit *e);
bool emit_is_fentry(const struct emit *e); /* there are no registers, but the result */
/* The same of the task in user mode: in a probe in the kernel, too. */
void emit_user_register(struct emit *e, int reg, int place);
/* R0 = the address of the function whose return probe in a program runs. */
void emit_returning_function(struct emit *e);
enum { EMIT_ARGUMENT_REGISTERS = 6 };
extern const int16_t emit_argument_registers[EMIT_ARGUMENT_REGISTERS]; /* places of arguments */
/* reg = 1 if the probe was hit in user mode, else 0 */
void emit_user_mode(struct emit *e, int reg);
/* frame->regs = registers of the current task in user mode, 0 in a kernel thread. Before the first
 * handler of programs in which emit_user_register() wants them there (parts.registers). */
void emit_copy_registers(struct emit *e);
/* R0 = bpf_get_current_pid_tgid() of the task in question; its address. R1-R5 are lost. */
void emit_ids(struct emit *e);
void emit_current_task(struct emit *e);

/* emit_lock.c: the globals of a handler, all of them or (to skip, counted) none. */
struct lock_plan;
void emit_take_locks(struct emit *e, const struct lock_plan *plan, uint32_t fn, int skip);
void emit_drop_locks(struct emit *e, const struct lock_plan *plan, uint32_t fn);
/* To `aside` if an addition to the global has to be made later. */
void emit_if_aside(struct emit *e, uint32_t global, int aside);
/* It is left to the stap process: so much (in R9), to the element whose key is at key_at. */
void emit_put_aside(struct emit *e, const struct ir_ins *i);
/* program.c: on, if the process is one of the targets. */
void emit_only_targets(struct code *c, int leave);
/* program.c: one of the counters of struct rt_shared, and away. */
void emit_count_skipped(struct code *c, uint32_t counter, int to);
/* program.c: away unless the session is live (RT_LIVE), or when it ends but not while it starts (RT_STOPPING). */
void emit_leave_if_stopping(struct code *c, enum rt_stopping state, int leave);

/* One instruction; false: not one of this file. */
bool emit_string_op(struct emit *e, const struct ir_ins *i);
bool emit_table_op(struct emit *e, const struct ir_ins *i);
bool emit_iter_op(struct emit *e, const struct ir_ins *i);
bool emit_print_op(struct emit *e, const struct ir_ins *i);
bool emit_rt_op(struct emit *e, const struct ir_ins *i);
/* Groups of a match, by the name of the function. */
bool emit_group_op(struct emit *e, const struct ir_ins *i, const char *name);
/* The record collected so far goes to the ring buffer; R1-R5 are lost. wake: user space is woken. */
void emit_flush(struct emit *e, bool wake);
/* emit_table.c, emit_iter.c: pieces for each other.
 * The key from operand `first` on, at an offset of the frame; R1-R5 and R0 are lost. */
void emit_key(struct emit *e, const struct ir_ins *i, unsigned first, uint32_t at);
/* dst = the value of the element at R0, 0 or empty where that is 0. */
void emit_element_value(struct emit *e, const struct ir_global *g, ir_ref dst);
/* dst = the statistic i->imm of those at R0; `missing` (R1 = 0) is placed. */
void emit_stat_value(struct emit *e, const struct ir_ins *i, int missing);
/* R0 = the statistics whose keys begin at operand first_key; to `missing` if there are none, with R1 = 0. */
void emit_stat_for_reading(struct emit *e, const struct ir_ins *i, unsigned first_key, int missing);
/* The oldest element of a table goes. */
void emit_evict(struct emit *e, uint32_t number);

/* An item of one string (or none: loc kind LOC_NONE). */
void emit_item(struct emit *e, enum rt_item_kind kind, struct loc text);
/* An item with so many bytes of the frame. */
void emit_block_item(struct emit *e, enum rt_item_kind kind, uint32_t a, uint32_t at, uint32_t bytes);
void emit_error_item(struct emit *e);

/* constants.c */
uint32_t builder_string(struct builder *b, const char *s, uint32_t len); /* offset in the constants */
uint32_t builder_bytes(struct builder *b, const void *p, size_t n);
/* Where the names of a function, or a table of flags (emit_names.c), are in the constants, 0: not there yet. */
uint32_t *builder_names(struct builder *b, const char *function);
/* Offset of the tables of a regular expression (struct rt_regex); false: they are too large. */
bool builder_regex(struct builder *b, uint32_t number, uint32_t *at);
/* The same for groups (struct rt_group_program); does a handler ask for any? */
bool builder_group_program(struct builder *b, uint32_t number, uint32_t *at);
bool builder_groups(const struct builder *b);
/* A probe instance as programs see it: an element of a table in the constants. */
struct builder_instance {
	uint64_t vaddr;
	uint32_t text[3]; /* offsets of pp(), pn(), ppfunc() */
	uint32_t params;  /* offset of what its handler takes from here: 64-bit numbers, offsets of texts */
};
/* Where the table is and how many elements it has; the result is the largest offset of a text. */
uint32_t builder_instances(const struct builder *b, uint32_t *table, uint32_t *n);
/* Index of the map of places. */
uint32_t builder_places(struct builder *b);
bool lib_has(const struct builder *b, const char *function);
bool builder_tokens(const struct builder *b); /* does a handler make any? */
/* Results of backtrace() and ubacktrace(); of symname(), symdata() and modname(). */
enum text_kind { TEXT_STACK = 1, TEXT_KERNEL_NAME = 2 };
/* texts.c: of the result of a function of the tapset, 0: none. */
uint8_t text_kind_of(const char *function);
/* Are they texts from the start, not tokens? */
bool builder_texts(const struct builder *b, enum text_kind kind);
/* texts.c: a bit for each that must be, for functions of the module that run in the kernel. */
unsigned texts_needed(const struct ir_module *m, const bool *fns);
/* token_keys.c: a global as handlers in the kernel see it (gen_global.desc). here, there: functions that run in
 * the kernel, in the stap process; texts: as above. */
const struct ir_global *token_keys(struct arena *a, const struct ir_module *m, uint32_t number,
				   const bool *here, const bool *there, unsigned texts);
const struct gen_global *builder_global(const struct builder *b, uint32_t global);

/* A new subprogram and its number for code_callback(); NULL after an error. */
struct code *emit_callback(struct emit *e, enum lib_sub_kind kind, int *number);

/* Emits one handler into main (and, if it has loops, into parts of its own). result: where the number of
 * a condition goes, which is 0 after an error; kind LOC_NONE: a handler, whose errors are reported. */
void emit_handler(struct emit *e, const struct ir_fn *fn, struct code *main, struct loc result);

struct walk;
typedef void walk_fn(struct code *c, const struct walk *w);
/* A callback of a walk over a table (emit_iter.c): what it looks for; its number as a subprogram. */
struct part_walk {
	walk_fn *callback;
	uint32_t global, fixed, sort;
	int number;
};

/* The subprograms of a program: main, and callbacks from 1 on. */
struct parts {
	struct arena *arena;
	struct code main;
	VEC(struct part *) callbacks;
	VEC(struct part_walk) walks;
	bool registers; /* handlers read frame->regs */
};
struct part {
	enum lib_sub_kind kind;
	struct code code;
	uint32_t at; /* where it has come to in the program */
	bool used;
};
/* parts.c: the program from its subprograms. False: one has a jump that is too long. */
bool parts_join(struct parts *parts, struct lib *lib, struct gen_image *img, struct gen_program *p);

#endif
