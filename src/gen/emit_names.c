/* Functions of the tapset whose results are known beforehand: names of numbers (errors, signals, system
 * calls) and of flags, which become tables in the constants, and facts of the session. Names of numbers and
 * facts are asked from the functions that the interpreter runs. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "gen/emit.h"
#include "gen/emit_task.h"
#include "interp/interp.h"
#include "rt/flags.h"
#include "rt/intrinsic.h"
#include "session.h"

/* Numbers below n may have names. */
static const struct { const char *name; uint32_t n; } numbers[] = {
	{"errno_name", 544},
	{"signal_name", 128},
	{"syscall_name", 512},
};

static const struct fact {
	const char *name;
	bool is_text;
	bool lasts; /* in a compiled script, too */
} facts[] = {
	{"HZ", false, false},
	{"module_name", true, false},
	{"arg_count", false, true},
};

/* The result of a function without a context. */
static struct rt_value ask(struct emit *e, const struct intrinsic *f, int64_t n, char *buf)
{
	struct rt_env env = {.session = e->s};
	const struct rt_value arg = {.n = n};
	struct rt_call c = {.env = &env, .args = &arg, .n_args = 1, .buf = buf,
			    .max_string = RT_STR_BYTES - 1};

	c.ret.s = buf;
	f->run(&c);
	return c.ret;
}

/* Offsets of the names of 0 to n - 1, and of "" behind them. */
static uint32_t table(struct emit *e, const struct intrinsic *f, uint32_t n)
{
	uint32_t *at = builder_names(e->b, f->name), *offsets;
	char buf[RT_STR_BYTES];

	if (*at)
		return *at;
	offsets = arena_alloc(&e->s->arena, (n + 1) * sizeof(*offsets));
	for (uint32_t i = 0; i < n; i++) {
		struct rt_value v = ask(e, f, i, buf);

		offsets[i] = builder_string(e->b, v.s, v.len);
	}
	offsets[n] = builder_string(e->b, "", 0);
	return *at = builder_bytes(e->b, offsets, (n + 1) * sizeof(*offsets));
}

static void name_of_number(struct emit *e, const struct ir_ins *i, const struct intrinsic *f, uint32_t n)
{
	int known = code_label(e->c), end = code_label(e->c);
	uint32_t at = table(e, f, n);
	struct loc dst;

	if (!i->dst)
		return;
	dst = emit_loc(e, i->dst);
	emit_load_num(e, R2, emit_arg(e, i, 0));
	code_jump_if_imm(e->c, BPF_JLT, R2, (int32_t)n, known);
	code_imm(e->c, R2, n);
	code_place(e->c, known);
	code_alu_imm(e->c, BPF_LSH, R2, 2);
	code_map_value(e->c, R3, GEN_MAP_CONST, at);
	code_alu(e->c, BPF_ADD, R3, R2);
	code_load(e->c, BPF_W, R2, R3, 0);
	/* Always true: for the verifier. */
	code_jump_if_imm(e->c, BPF_JGT, R2, (int32_t)at, end);
	code_map_value(e->c, R3, GEN_MAP_CONST, 0);
	code_alu(e->c, BPF_ADD, R3, R2);
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_library(e->c, "rt_copy");
	code_place(e->c, end);
}

static void fact(struct emit *e, const struct ir_ins *i, const struct intrinsic *f, const struct fact *k)
{
	char buf[RT_STR_BYTES];
	struct rt_value v = ask(e, f, 0, buf);
	struct loc dst;

	if (e->s->opt.last_pass == 4 && !k->lasts) {
		emit_error(e, i, "%s() is not known before the script runs", k->name);
		return;
	}
	if (!i->dst)
		return;
	dst = emit_loc(e, i->dst);
	if (!k->is_text) {
		code_imm(e->c, R0, v.n);
		emit_store_num(e, i->dst, R0);
		return;
	}
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, v.s, v.len));
	code_library(e->c, "rt_copy");
}

/* (table, value) */
static void flags_text(struct emit *e, const struct ir_ins *i)
{
	struct loc dst = emit_loc(e, i->dst), which = emit_loc(e, emit_arg(e, i, 0));
	const struct ir_str *name = which.kind == LOC_STR ? &e->m->strs.v[which.at] : NULL;
	const struct rt_flag_names *t = name ? rt_flags_find(name->s, name->len) : NULL;
	struct rt_flag_table *v;
	uint32_t *at;

	if (!t) {
		emit_error(e, i, "no table of flags has this name");
		return;
	}
	if (!i->dst)
		return;
	at = builder_names(e->b, arena_printf(&e->s->arena, "flags %s", name->s));
	if (!*at) {
		v = xcalloc(1, sizeof(*v));
		memcpy(v->v, t->v, t->n * sizeof(v->v[0]));
		*at = builder_bytes(e->b, v, (t->n + 1) * sizeof(v->v[0]));
		free(v);
	}
	emit_load_num(e, R4, emit_arg(e, i, 1));
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R3, GEN_MAP_CONST, *at);
	code_library(e->c, "rt_flags");
}

bool emit_name_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	const struct intrinsic *f = intrinsic_by_number(i->imm);

	if (strcmp(name, "flags_text") == 0) {
		flags_text(e, i);
		return true;
	}
	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
		if (strcmp(numbers[k].name, name) == 0) {
			name_of_number(e, i, f, numbers[k].n);
			return true;
		}
	for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++)
		if (strcmp(facts[k].name, name) == 0) {
			fact(e, i, f, &facts[k]);
			return true;
		}
	return false;
}
