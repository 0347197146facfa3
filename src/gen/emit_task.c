/* Functions of the tapset that read the kernel's structures of tasks: emit_rt.c hands over what it does
 * not know.
 *
 * Most are a path from the current task, or from one that the script names, to a member: a table
 * below. Offsets come from the running kernel's types, looked up once for all functions that the
 * session's handlers call. */
#include <stddef.h>
#include <string.h>

#include "gen/emit.h"
#include "gen/emit_task.h"
#include "gen/syscall.h"
#include "kern/btf.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

enum {
	PAGE_SHIFT = 12,
	MM_FILES = 0, /* numbers of the counters in mm_struct.rss_stat */
	MM_ANONYMOUS = 1,
	MM_SHARED = 3,
	ID_GROUP = 2, /* numbers in signal_struct.pids */
	ID_SESSION = 3,
};

/* A step from a structure to a member. */
struct step {
	const char *type, *member;
	uint8_t plus;	/* bytes behind it */
	bool inside;	/* a structure within this one: nothing is read */
};

enum path_start {
	FROM_CURRENT,
	FROM_ARGUMENT,	/* a task */
	FROM_ID,	/* the task with the id that is the argument, the current one without */
};
enum path_result { AS_INT, AS_UINT, AS_LONG, AS_TEXT };

struct path {
	const char *name;
	enum path_start start;
	enum path_result result;
	bool quiet;	/* what cannot be read is 0 */
	int16_t add;	/* to the result */
	struct step steps[4];
};

#define TASK(member) {"task_struct", member, 0, false}
#define MM(member) {{"task_struct", "mm", 0, false}, {"mm_struct", member, 0, false}}

static const struct path paths[] = {
	{"ppid", FROM_CURRENT, AS_INT, false, 0, {TASK("real_parent"), TASK("tgid")}},
	{"pgrp", FROM_CURRENT, AS_INT, true, 0,
	 {TASK("signal"), {"signal_struct", "pids", 8 * ID_GROUP, false},
	  {"pid", "numbers", 0, true}, {"upid", "nr", 0, false}}},
	{"sid", FROM_CURRENT, AS_INT, true, 0,
	 {TASK("signal"), {"signal_struct", "pids", 8 * ID_SESSION, false},
	  {"pid", "numbers", 0, true}, {"upid", "nr", 0, false}}},
	{"euid", FROM_CURRENT, AS_UINT, false, 0, {TASK("cred"), {"cred", "euid", 0, false}}},
	{"egid", FROM_CURRENT, AS_UINT, false, 0, {TASK("cred"), {"cred", "egid", 0, false}}},
	{"pexecname", FROM_CURRENT, AS_TEXT, true, 0, {TASK("real_parent"), TASK("comm")}},
	{"task_execname", FROM_ARGUMENT, AS_TEXT, false, 0, {TASK("comm")}},
	{"task_utime", FROM_ID, AS_LONG, true, 0, {TASK("utime")}},
	{"task_stime", FROM_ID, AS_LONG, true, 0, {TASK("stime")}},
	{"task_start_time", FROM_ID, AS_LONG, true, 0, {TASK("start_boottime")}},
	{"pid2execname", FROM_ID, AS_TEXT, true, 0, {TASK("comm")}},
	{"proc_mem_size", FROM_ID, AS_LONG, true, 0, MM("total_vm")},
};

/* In the place of helpers that know the current task only. */
static const struct path forked_paths[] = {
	{"pid", FROM_CURRENT, AS_INT, false, 0, {TASK("tgid")}},
	{"tid", FROM_CURRENT, AS_INT, false, 0, {TASK("pid")}},
	{"uid", FROM_CURRENT, AS_UINT, false, 0, {TASK("cred"), {"cred", "uid", 0, false}}},
	{"gid", FROM_CURRENT, AS_UINT, false, 0, {TASK("cred"), {"cred", "gid", 0, false}}},
	{"execname", FROM_CURRENT, AS_TEXT, true, 0, {TASK("comm")}},
};

/* Functions with code of their own, and the members that they need. */
static void task_current(struct emit *e, const struct ir_ins *i);
static void page_size(struct emit *e, const struct ir_ins *i);
static void id_to_task(struct emit *e, const struct ir_ins *i);
static void resident(struct emit *e, const struct ir_ins *i);
static void shared(struct emit *e, const struct ir_ins *i);
static void code_pages(struct emit *e, const struct ir_ins *i);
static void data_pages(struct emit *e, const struct ir_ins *i);
static void cmdline_args(struct emit *e, const struct ir_ins *i);
static void env_var(struct emit *e, const struct ir_ins *i);

enum { BY_ID = 1, RSS = 2 };

static const struct own {
	const char *name;
	void (*emit)(struct emit *e, const struct ir_ins *i);
	uint8_t also; /* BY_ID, RSS */
	struct step members[4];
} own[] = {
	{"task_current", task_current, 0, {{0}}},
	{"mem_page_size", page_size, 0, {{0}}},
	{"pid2task", id_to_task, BY_ID, {{0}}},
	{"proc_mem_rss", resident, BY_ID | RSS, {{0}}},
	{"proc_mem_shr", shared, BY_ID | RSS, {{0}}},
	{"proc_mem_txt", code_pages, BY_ID,
	 {TASK("mm"), {"mm_struct", "start_code", 0, false}, {"mm_struct", "end_code", 0, false}}},
	{"proc_mem_data", data_pages, BY_ID,
	 {TASK("mm"), {"mm_struct", "data_vm", 0, false}, {"mm_struct", "stack_vm", 0, false}}},
	{"cmdline_args", cmdline_args, 0,
	 {TASK("mm"), {"mm_struct", "arg_start", 0, false}, {"mm_struct", "arg_end", 0, false}}},
	{"env_var", env_var, 0,
	 {TASK("mm"), {"mm_struct", "env_start", 0, false}, {"mm_struct", "env_end", 0, false}}},
};

static const struct step by_id[] = {
	TASK("thread_pid"),	      TASK("pid_links"),	    {"pid", "numbers", 0, false},
	{"upid", "ns", 0, false},     {"pid", "tasks", 0, false},   {"pid_namespace", "idr", 0, false},
	{"idr", "idr_rt", 0, false},  {"xarray", "xa_head", 0, false},
	{"xa_node", "shift", 0, false}, {"xa_node", "slots", 0, false}, {0},
};
static const struct step return_probes[] = {
	TASK("utask"), TASK("mm"), {"uprobe_task", "return_instances", 0, false},
	{"return_instance", "orig_ret_vaddr", 0, false}, {"return_instance", "chained", 0, false},
	{"return_instance", "next", 0, false}, {"return_instance", "stack", 0, false}, {"mm_struct", "uprobes_state", 0, false},
	{"uprobes_state", "xol_area", 0, false}, {"xol_area", "vaddr", 0, false}, {0},
};
static const struct step nesting[] = {TASK("utask"), {"uprobe_task", "depth", 0, false}};
static const struct step return_functions[] = {
	{"uprobe_task", "vaddr", 0, false}, {"uprobe_dispatch_data", "bp_addr", 0, false}, {0},
};
static const struct step life[] = {
	TASK("flags"), TASK("pid"), TASK("tgid"), TASK("mm"), TASK("cred"), TASK("comm"),
	{"mm_struct", "exe_file", 0, false}, {"file", "f_inode", 0, false},
	{"inode", "i_ino", 0, false}, {"inode", "i_sb", 0, false}, {"super_block", "s_dev", 0, false},
	{"cred", "uid", 0, false}, {"cred", "gid", 0, false}, {0},
};
static const struct step syscalls[] = {
	TASK("thread_info"), {"thread_info", "status", 0, false}, {0},
};
static const struct step registers[] = {TASK("flags"), {0}};
static const struct step packets[] = {
	{"nf_hook_state", "hook", 0, false}, {"nf_hook_state", "in", 0, false},
	{"nf_hook_state", "out", 0, false},
};
static const struct step rss[] = {
	TASK("mm"), {"mm_struct", "rss_stat", 0, false}, {"percpu_counter", "count", 0, false},
	{"percpu_counter", "", 0, false}, {0},
};

/* ------------------------------------------------------------------ offsets */

struct task_members {
	VEC(struct kern_member) v;
	int layout; /* of struct rt_task_layout in the constants, -1: not there yet */
};

static const struct step thread_pointer[] = {TASK("thread"), {"thread_struct", "fsbase", 0, false}};

static void want(struct emit *e, const struct step *s, size_t n)
{
	struct task_members *m = e->img->members;

	for (size_t k = 0; k < n && s[k].type; k++) {
		size_t at = 0;

		while (at < m->v.n && (strcmp(m->v.v[at].type, s[k].type) != 0 ||
				       strcmp(m->v.v[at].member, s[k].member) != 0))
			at++;
		if (at == m->v.n)
			vec_push(&m->v, &e->img->arena,
				 (struct kern_member){s[k].type, s[k].member, 0, false});
	}
}

static void want_function(struct emit *e, const char *name)
{
	if (strstr(name, "ustack") || strstr(name, "ubacktrace") || strstr(name, "ucallers"))
		want(e, return_probes, 16);
	for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
		if (strcmp(paths[k].name, name) == 0) {
			want(e, paths[k].steps, 4);
			if (paths[k].start == FROM_ID)
				want(e, by_id, 16);
		}
	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		if (strcmp(own[k].name, name) == 0) {
			want(e, own[k].members, 4);
			if (own[k].also & BY_ID)
				want(e, by_id, 16);
			if (own[k].also & RSS)
				want(e, rss, 16);
		}
}

/* All that any function of the session needs, in one reading. */
static void look_up(struct emit *e)
{
	struct task_members *m = ARENA_NEW(&e->img->arena, struct task_members);

	e->img->members = m;
	m->layout = -1;
	for (size_t f = 0; f < e->m->fns.n; f++) {
		const struct ir_fn *fn = e->m->fns.v[f];

		for (size_t b = 0; b < fn->blocks.n; b++)
			for (size_t k = 0; k < fn->blocks.v[b].ins.n; k++)
				if (fn->blocks.v[b].ins.v[k].op == IR_CTXREG &&
				    fn->blocks.v[b].ins.v[k].imm == CTX_FS_BASE)
					want(e, thread_pointer, 2);
				else if (fn->blocks.v[b].ins.v[k].op == IR_RT)
					want_function(e, intrinsic_by_number(
								 fn->blocks.v[b].ins.v[k].imm)->name);
	}
	for (size_t k = 0; k < e->img->programs.n; k++)
		if (e->img->programs.v[k].kind == SITE_URETPROBE) {
			want(e, nesting, 2);
			if (e->uprobe_func_ip)
				continue;
			want(e, return_probes, 16);
			want(e, return_functions, 2);
		} else if (site_is_life(e->img->programs.v[k].kind) || e->img->programs.v[k].task_arg) {
			want(e, life, 16);
			want(e, by_id, 16);
		} else if (site_is_syscall(e->img->programs.v[k].kind)) {
			want(e, syscalls, 3);
			want(e, registers, 2);
		} else if (e->img->programs.v[k].attach != GEN_UPROBES) {
			enum gen_attach attach = e->img->programs.v[k].attach;

			want(e, registers, 2);
			if (attach == GEN_PERF || attach == GEN_NETFILTER)
				want(e, life, 16);
			if (attach == GEN_NETFILTER)
				want(e, packets, 3);
		}
	for (size_t k = 0; k < e->img->insts.n; k++)
		if (e->img->insts.v[k]->site->by_file || site_is_filtered(e->img->insts.v[k]->site))
			want(e, life, 16);
	kern_btf_members(m->v.v, m->v.n);
}

bool emit_has_member(struct emit *e, const char *type, const char *member, uint32_t *offset)
{
	const struct task_members *m;

	if (!e->img->members)
		look_up(e);
	m = e->img->members;
	for (size_t k = 0; k < m->v.n; k++)
		if (strcmp(m->v.v[k].type, type) == 0 && strcmp(m->v.v[k].member, member) == 0) {
			*offset = m->v.v[k].offset;
			return m->v.v[k].found;
		}
	return false;
}

uint32_t emit_member(struct emit *e, const struct ir_ins *i, const char *type, const char *member)
{
	uint32_t offset = 0;

	if (!emit_has_member(e, type, member, &offset))
		emit_error(e, i, "the kernel tells nothing of %s.%s: its types (BTF) are missing or "
				 "too new",
			   type, member);
	return offset;
}

static uint32_t offset_of(struct emit *e, const struct ir_ins *i, const struct step *s)
{
	return emit_member(e, i, s->type, s->member) + s->plus;
}

/* ------------------------------------------------------------------ pieces */

/* size bytes at R8 + offset to the stack at R10 + to; on a fault to `fault`. */
static void read_to(struct emit *e, int to, uint32_t offset, uint32_t size, int fault)
{
	code_mov(e->c, R1, R10);
	code_alu_imm(e->c, BPF_ADD, R1, to);
	code_imm(e->c, R2, size);
	code_mov(e->c, R3, R8);
	if (offset)
		code_alu_imm(e->c, BPF_ADD, R3, (int32_t)offset);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, fault);
}

/* R8 = what R8 + offset points to */
static void follow(struct emit *e, uint32_t offset, int fault)
{
	read_to(e, -8, offset, 8, fault);
	code_load(e->c, BPF_DW, R8, R10, -8);
}

static void result(struct emit *e, const struct ir_ins *i)
{
	emit_store_num(e, i->dst, R0);
}

/* Behind code that jumps to `fault` when R8 + something cannot be read. */
static void fault_is_error(struct emit *e, const struct ir_ins *i, int fault)
{
	int end = code_label(e->c);

	code_jump(e->c, end);
	code_place(e->c, fault);
	code_store(e->c, BPF_DW, R7, FRAME(error_arg), R8);
	emit_fail(e, i, RT_E_READ);
	code_place(e->c, end);
}

/* The result in R0, or 0 after a fault. */
static void number_or_zero(struct emit *e, const struct ir_ins *i, int fault)
{
	int end = code_label(e->c);

	code_jump(e->c, end);
	code_place(e->c, fault);
	code_imm(e->c, R0, 0);
	code_place(e->c, end);
	result(e, i);
}

static void store_empty(struct emit *e, struct loc dst)
{
	emit_frame_ptr(e, R1, dst.at);
	code_store_imm(e->c, BPF_DW, R1, 0, 0);
	code_store_imm(e->c, BPF_B, R1, 8, 0);
}

static uint32_t task_layout(struct emit *e, const struct ir_ins *i)
{
	struct task_members *m;
	struct rt_task_layout at = {
		.thread_pid = emit_member(e, i, "task_struct", "thread_pid"),
		.links = emit_member(e, i, "task_struct", "pid_links"),
		.first_namespace = emit_member(e, i, "pid", "numbers") + emit_member(e, i, "upid", "ns"),
		.tasks = emit_member(e, i, "pid", "tasks"),
		.ids = emit_member(e, i, "pid_namespace", "idr") +
		       emit_member(e, i, "idr", "idr_rt") + emit_member(e, i, "xarray", "xa_head"),
		.node_shift = emit_member(e, i, "xa_node", "shift"),
		.node_slots = emit_member(e, i, "xa_node", "slots"),
	};

	m = e->img->members;
	if (m->layout < 0)
		m->layout = (int)builder_bytes(e->b, &at, sizeof(at));
	return (uint32_t)m->layout;
}

void emit_find_task(struct emit *e)
{
	uint32_t at = task_layout(e, NULL);

	code_helper(e->c, BPF_FUNC_get_current_task);
	code_mov(e->c, R1, R0);
	code_map_value(e->c, R2, GEN_MAP_CONST, at);
	code_mov(e->c, R3, R8);
	code_library(e->c, "rt_find_task");
	code_mov(e->c, R8, R0);
}

/* R8 = the current task, that of the argument, or that with the argument's id. */
static void start(struct emit *e, const struct ir_ins *i, enum path_start from)
{
	if (from == FROM_ARGUMENT || (from == FROM_ID && i->n_args)) {
		emit_load_num(e, R8, emit_arg(e, i, 0));
		if (from == FROM_ID)
			emit_find_task(e);
		return;
	}
	emit_current_task(e);
	code_mov(e->c, R8, R0);
}

/* ------------------------------------------------------------------ paths */

/* The name at R8 + offset, as execname() has it. */
static void read_name(struct emit *e, const struct ir_ins *i, uint32_t offset, int fault)
{
	struct loc dst = emit_loc(e, i->dst);
	int end = code_label(e->c);

	emit_frame_ptr(e, R1, dst.at + 8);
	code_imm(e->c, R2, 16);
	code_mov(e->c, R3, R8);
	code_alu_imm(e->c, BPF_ADD, R3, (int32_t)offset);
	code_helper(e->c, BPF_FUNC_probe_read_kernel_str);
	code_jump_if_imm(e->c, BPF_JSLE, R0, 0, fault);
	code_alu_imm(e->c, BPF_SUB, R0, 1);
	emit_frame_ptr(e, R1, dst.at);
	code_store(e->c, BPF_DW, R1, 0, R0);
	code_place(e->c, end);
}

static void walk(struct emit *e, const struct ir_ins *i, const struct path *p)
{
	int fault = code_label(e->c), end;
	uint32_t offset = 0;
	size_t last = 0;

	if (!i->dst && p->quiet)
		return;
	while (last < 3 && p->steps[last + 1].type)
		last++;
	start(e, i, p->start);
	for (size_t k = 0; k < last; k++) {
		offset += offset_of(e, i, &p->steps[k]);
		if (p->steps[k].inside)
			continue;
		follow(e, offset, fault);
		offset = 0;
	}
	offset += offset_of(e, i, &p->steps[last]);
	if (p->result == AS_TEXT) {
		if (!i->dst)
			read_to(e, -8, offset, 1, fault);
		else
			read_name(e, i, offset, fault);
	} else {
		read_to(e, -8, offset, p->result == AS_LONG ? 8 : 4, fault);
		code_load(e->c, p->result == AS_LONG ? BPF_DW : BPF_W, R0, R10, -8);
		if (p->result == AS_INT) {
			code_alu_imm(e->c, BPF_LSH, R0, 32);
			code_alu_imm(e->c, BPF_ARSH, R0, 32);
		}
		if (p->add)
			code_alu_imm(e->c, BPF_ADD, R0, p->add);
	}
	if (p->result != AS_TEXT && p->quiet) {
		number_or_zero(e, i, fault);
		return;
	}
	if (p->result != AS_TEXT)
		result(e, i);
	if (!p->quiet) {
		fault_is_error(e, i, fault);
		return;
	}
	end = code_label(e->c);
	code_jump(e->c, end);
	code_place(e->c, fault);
	store_empty(e, emit_loc(e, i->dst));
	code_place(e->c, end);
}

/* ------------------------------------------------------------------ others */

static void task_current(struct emit *e, const struct ir_ins *i)
{
	emit_current_task(e);
	result(e, i);
}

static void page_size(struct emit *e, const struct ir_ins *i)
{
	code_imm(e->c, R0, 1 << PAGE_SHIFT);
	result(e, i);
}

static void id_to_task(struct emit *e, const struct ir_ins *i)
{
	emit_load_num(e, R8, emit_arg(e, i, 0));
	emit_find_task(e);
	code_mov(e->c, R0, R8);
	result(e, i);
}

/* R8 = mm_struct of the process; a kernel thread has none. */
static void memory_of(struct emit *e, const struct ir_ins *i, int none)
{
	start(e, i, FROM_ID);
	follow(e, emit_member(e, i, "task_struct", "mm"), none);
	code_jump_if_imm(e->c, BPF_JEQ, R8, 0, none);
}

/* R9 = the sum of counters; each is what has been collected from the CPUs so far, and may be negative. */
static void counters(struct emit *e, const struct ir_ins *i, const int *numbers, int n)
{
	uint32_t stat = emit_member(e, i, "mm_struct", "rss_stat"),
		 size = emit_member(e, i, "percpu_counter", ""),
		 count = emit_member(e, i, "percpu_counter", "count");
	int none = code_label(e->c);

	memory_of(e, i, none);
	code_imm(e->c, R9, 0);
	for (int k = 0; k < n; k++) {
		int negative = code_label(e->c);

		read_to(e, -8, stat + size * (uint32_t)numbers[k] + count, 8, none);
		code_load(e->c, BPF_DW, R1, R10, -8);
		code_jump_if_imm(e->c, BPF_JSLT, R1, 0, negative);
		code_alu(e->c, BPF_ADD, R9, R1);
		code_place(e->c, negative);
	}
	code_mov(e->c, R0, R9);
	number_or_zero(e, i, none);
}

static void resident(struct emit *e, const struct ir_ins *i)
{
	static const int numbers[] = {MM_FILES, MM_ANONYMOUS, MM_SHARED};

	counters(e, i, numbers, 3);
}

static void shared(struct emit *e, const struct ir_ins *i)
{
	static const int numbers[] = {MM_FILES, MM_SHARED};

	counters(e, i, numbers, 2);
}

static void code_pages(struct emit *e, const struct ir_ins *i)
{
	int none = code_label(e->c);

	memory_of(e, i, none);
	read_to(e, -8, emit_member(e, i, "mm_struct", "start_code"), 8, none);
	read_to(e, -16, emit_member(e, i, "mm_struct", "end_code"), 8, none);
	code_load(e->c, BPF_DW, R1, R10, -8);
	code_load(e->c, BPF_DW, R0, R10, -16);
	code_alu_imm(e->c, BPF_ADD, R0, (1 << PAGE_SHIFT) - 1);
	code_alu_imm(e->c, BPF_RSH, R0, PAGE_SHIFT);
	code_alu_imm(e->c, BPF_RSH, R1, PAGE_SHIFT);
	code_alu(e->c, BPF_SUB, R0, R1);
	number_or_zero(e, i, none);
}

static void data_pages(struct emit *e, const struct ir_ins *i)
{
	int none = code_label(e->c);

	memory_of(e, i, none);
	read_to(e, -8, emit_member(e, i, "mm_struct", "data_vm"), 8, none);
	read_to(e, -16, emit_member(e, i, "mm_struct", "stack_vm"), 8, none);
	code_load(e->c, BPF_DW, R0, R10, -8);
	code_load(e->c, BPF_DW, R1, R10, -16);
	code_alu(e->c, BPF_ADD, R0, R1);
	number_or_zero(e, i, none);
}

/* ------------------------------------------------------------------ words */

enum { WORDS = -(8 + (int)sizeof(struct rt_words)) }; /* struct rt_words on the stack */
#define WORDS_AT(member) (WORDS + (int)offsetof(struct rt_words, member))

static void place_words(struct emit *e, const struct ir_ins *i, const char *from, const char *to,
			int none)
{
	/* Its memory is not the one that is seen here. */
	if (e->forked) {
		code_load(e->c, BPF_DW, R1, R7, FRAME(foreign));
		code_jump_if_imm(e->c, BPF_JNE, R1, 0, none);
	}
	emit_current_task(e);
	code_mov(e->c, R8, R0);
	follow(e, emit_member(e, i, "task_struct", "mm"), none);
	code_jump_if_imm(e->c, BPF_JEQ, R8, 0, none);
	read_to(e, WORDS_AT(at), emit_member(e, i, "mm_struct", from), 8, none);
	read_to(e, WORDS_AT(end), emit_member(e, i, "mm_struct", to), 8, none);
	code_store_imm(e->c, BPF_DW, R10, WORDS_AT(first), 0);
	code_store_imm(e->c, BPF_DW, R10, WORDS_AT(last), -1);
}

static void words_ptr(struct emit *e, int reg)
{
	code_mov(e->c, reg, R10);
	code_alu_imm(e->c, BPF_ADD, reg, WORDS);
}

static void cmdline_args(struct emit *e, const struct ir_ins *i)
{
	struct loc dst = emit_apart(e, i);
	int none = code_label(e->c), end = code_label(e->c);

	if (!i->dst)
		return;
	place_words(e, i, "arg_start", "arg_end", none);
	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_store(e->c, BPF_DW, R10, WORDS_AT(first), R1);
	emit_load_num(e, R1, emit_arg(e, i, 1));
	code_store(e->c, BPF_DW, R10, WORDS_AT(last), R1);
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	words_ptr(e, R4);
	emit_str_ptr(e, R5, emit_loc(e, emit_arg(e, i, 2)));
	code_library(e->c, e->sleepable ? "rt_join_words_sleepable" : "rt_join_words");
	code_jump(e->c, end);
	code_place(e->c, none);
	store_empty(e, dst);
	code_place(e->c, end);
	if (dst.at == e->spare_at)
		emit_copy_str(e, emit_loc(e, i->dst), dst);
}

static void env_var(struct emit *e, const struct ir_ins *i)
{
	struct loc dst = emit_loc(e, i->dst);
	int none = code_label(e->c), end = code_label(e->c);

	if (!i->dst)
		return;
	place_words(e, i, "env_start", "env_end", none);
	code_mov(e->c, R1, R7);
	words_ptr(e, R2);
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 0)));
	code_library(e->c, e->sleepable ? "rt_find_variable_sleepable" : "rt_find_variable");
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, none);
	code_mov(e->c, R4, R0);
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	code_imm(e->c, R5, RT_STR_BYTES - 1);
	code_library(e->c, e->sleepable ? "rt_user_string_sleepable" : "rt_user_string");
	code_store_imm(e->c, BPF_W, R7, FRAME(error), 0);
	code_jump(e->c, end);
	code_place(e->c, none);
	store_empty(e, dst);
	code_place(e->c, end);
}

bool emit_forked_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	for (size_t k = 0; k < sizeof(forked_paths) / sizeof(forked_paths[0]); k++)
		if (strcmp(forked_paths[k].name, name) == 0) {
			walk(e, i, &forked_paths[k]);
			return true;
		}
	return false;
}

bool emit_task_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
		if (strcmp(paths[k].name, name) == 0) {
			walk(e, i, &paths[k]);
			return true;
		}
	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		if (strcmp(own[k].name, name) == 0) {
			own[k].emit(e, i);
			return true;
		}
	return false;
}
