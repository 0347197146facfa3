/* Is a module well formed? See ir.h (ir_verify).
 *
 * Checked here: every index, the shape of globals and blocks, and for each instruction number, kind
 * and type of operands, result and immediate as ops.def has them, and that no string register,
 * global, key, parameter or return value is narrower than what is put into it. Whether registers
 * are assigned before they are read is verify_flow.c's part.
 *
 * An executor may trust all this; it need not check. What is not known here: how many values an
 * intrinsic reads (the tapset's declaration is not part of the module), whether an iterator stands
 * on an element, and whether the program ends. */
#include <stdarg.h>

#include "ir/ir.h"
#include "ir/passes.h"
#include "rt/intrinsic.h"

struct verify {
	struct ir_module *m;
	const struct ir_fn *f;
	uint32_t block;
	size_t ins;
	const uint32_t *iter_globals;
	bool *jumped_to, *handles; /* by block */
	struct arena scratch;
	const char *error; /* the first; NULL: none */
};

/* ------------------------------------------------------------------ messages */

static bool bad(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Records an error of the module or of the current function. */
static bool bad(struct verify *v, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	if (v->error)
		return false;
	va_start(ap, fmt);
	text = arena_vprintf(&v->m->arena, fmt, ap);
	va_end(ap);
	if (v->f)
		text = arena_printf(&v->m->arena, "fn @%s: %s", v->f->name, text);
	v->error = text;
	return false;
}

static bool bad_ins(struct verify *v, const struct ir_ins *i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool bad_ins(struct verify *v, const struct ir_ins *i, const char *fmt, ...)
{
	const char *text, *op = i->op < IR_OP_COUNT ? ir_ops[i->op].name : "?";
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(&v->m->arena, fmt, ap);
	va_end(ap);
	return bad(v, "b%u, instruction %zu (%s): %s", v->block, v->ins, op, text);
}

/* ------------------------------------------------------------------ globals */

static bool check_width(struct verify *v, const char *what, bool is_string, uint32_t width)
{
	if (is_string ? width > v->m->max_string : width != 0)
		return bad(v, "%s: width %u", what, width);
	return true;
}

static bool check_hist(struct verify *v, const struct ir_global *g)
{
	const struct hist *h = &g->stat.hist;
	__int128 buckets;

	if (h->kind != HIST_LINEAR)
		return true;
	buckets = h->step > 0 ? ((__int128)h->high - h->low) / h->step + 3 : 0;
	if (buckets < 3 || buckets > IR_MAX_BUCKETS)
		return bad(v, "global @%s: histogram has too few or too many buckets", g->name);
	return true;
}

static bool check_keys(struct verify *v, const struct ir_global *g)
{
	if (g->n_keys < 0 || g->n_keys > MAX_KEYS)
		return bad(v, "global @%s: %d keys", g->name, g->n_keys);
	for (int i = 0; i < g->n_keys; i++) {
		if (g->key_type[i] != TY_LONG && g->key_type[i] != TY_STRING)
			return bad(v, "global @%s: type of key %d", g->name, i);
		if (!check_width(v, g->name, g->key_type[i] == TY_STRING, g->key_width[i]))
			return false;
	}
	if (g->n_keys && g->max_entries < 0)
		return bad(v, "global @%s: negative size", g->name);
	return true;
}

static bool check_global(struct verify *v, const struct ir_global *g)
{
	bool has_stat = g->stat.count || g->stat.sum || g->stat.min || g->stat.max || g->stat.avg ||
			g->stat.variance || g->stat.hist.kind != HIST_NONE || g->stat.bit_shift;

	if (g->type != TY_LONG && g->type != TY_STRING && g->type != TY_STATS)
		return bad(v, "global @%s has no type", g->name);
	if (!check_width(v, g->name, g->type == TY_STRING, g->width) || !check_keys(v, g))
		return false;
	if (has_stat && g->type != TY_STATS)
		return bad(v, "global @%s is no statistic", g->name);
	if (g->stat.bit_shift < 0 || g->stat.bit_shift > 62)
		return bad(v, "global @%s: shift %d", g->name, g->stat.bit_shift);
	if ((g->n_keys || g->type == TY_STATS) && (g->init_num || g->init_len))
		return bad(v, "global @%s: only scalars have an initial value", g->name);
	if (g->type == TY_STRING && g->init_len > g->width)
		return bad(v, "global @%s: the initial value is too long", g->name);
	return check_hist(v, g);
}

/* ------------------------------------------------------------------ operands */

static const char *type_text(enum ir_type t)
{
	static const char *const names[] = {"nothing", "long", "string", "iterator"};

	return names[t];
}

static enum ir_type ir_type_of(enum type t)
{
	return t == TY_LONG ? IR_LONG : t == TY_STRING ? IR_STR : IR_VOID;
}

/* Does the operand name something that exists? */
static bool in_range(const struct verify *v, ir_ref r)
{
	uint32_t k = IR_INDEX(r);

	switch (IR_KIND(r)) {
	case IRK_NONE:
		return k == 0;
	case IRK_REG:
		return k < v->f->regs.n;
	case IRK_NUM:
		return k < v->m->nums.n;
	case IRK_STR:
		return k < v->m->strs.n;
	case IRK_GLOBAL:
		return k < v->m->globals.n;
	case IRK_FN:
		return k < v->m->fns.n;
	case IRK_BLOCK:
		return k < v->f->blocks.n;
	case IRK_PARAM:
		return false;
	}
	return false;
}

/* Operand n is a value of this type (IR_VOID: long or string). */
static bool check_value(struct verify *v, const struct ir_ins *i, unsigned n, enum ir_type type)
{
	enum ir_type t;

	if (n >= i->n_args)
		return bad_ins(v, i, "operand %u is missing", n);
	t = ir_ref_type(v->m, v->f, ir_args(v->f, i)[n]);
	if (type == IR_VOID ? t != IR_LONG && t != IR_STR : t != type)
		return bad_ins(v, i, "operand %u is %s, not %s", n, type_text(t),
			       type == IR_VOID ? "a value" : type_text(type));
	return true;
}

static bool check_kind(struct verify *v, const struct ir_ins *i, unsigned n, enum ir_kind kind,
		       const char *what)
{
	if (n >= i->n_args || IR_KIND(ir_args(v->f, i)[n]) != kind)
		return bad_ins(v, i, "operand %u is no %s", n, what);
	return true;
}

static bool fits(struct verify *v, const struct ir_ins *i, unsigned n, uint32_t width)
{
	uint32_t w = ir_ref_width(v->m, v->f, ir_args(v->f, i)[n]);

	return w <= width ||
	       bad_ins(v, i, "operand %u may have %u bytes, room is for %u", n, w, width);
}

/* Keys from operand n on. Keys that are stored must fit. */
static bool check_key_operands(struct verify *v, const struct ir_ins *i, unsigned n, bool wild)
{
	const struct ir_global *g = &v->m->globals.v[IR_INDEX(ir_args(v->f, i)[0])];
	bool stores = i->op == IR_TSET || i->op == IR_TADD || i->op == IR_SADD;

	for (int k = 0; k < g->n_keys; k++, n++) {
		if (wild && n < i->n_args && ir_args(v->f, i)[n] == 0)
			continue;
		if (!check_value(v, i, n, ir_type_of(g->key_type[k])))
			return false;
		if (stores && !fits(v, i, n, g->key_width[k]))
			return false;
	}
	return true;
}

/* Number, kind and type of the operands, by the letters of ops.def. */
static bool check_operands(struct verify *v, const struct ir_ins *i)
{
	unsigned n = 0;

	for (const char *p = ir_ops[i->op].operands; *p; p++) {
		bool ok = true;

		if (*p == 'g') {
			ok = check_kind(v, i, n++, IRK_GLOBAL, "global");
		} else if (*p == 'f') {
			ok = check_kind(v, i, n++, IRK_FN, "function");
		} else if (*p == 'b') {
			ok = check_kind(v, i, n++, IRK_BLOCK, "block");
		} else if (*p == 'K' || *p == 'S') {
			ok = check_key_operands(v, i, n, *p == 'S');
			n += (unsigned)v->m->globals.v[IR_INDEX(ir_args(v->f, i)[0])].n_keys;
		} else if (*p == 'A') {
			while (ok && n < i->n_args)
				ok = check_value(v, i, n++, IR_VOID);
		} else {
			ok = check_value(v, i, n++, *p == 'l'	? IR_LONG
						    : *p == 's' ? IR_STR
						    : *p == 'i' ? IR_ITER
								: IR_VOID);
		}
		if (!ok)
			return false;
	}
	return n == i->n_args || bad_ins(v, i, "%u operands, %u expected", i->n_args, n);
}

/* ------------------------------------------------------------------ operations on globals */

enum shape {
	ANY_SHAPE,
	SCALAR,	      /* a long or string without keys */
	LONG_SCALAR,
	VALUE_TABLE,  /* of longs or strings */
	LONG_TABLE,
	TABLE,	      /* of anything */
	STAT,	      /* scalar or table */
	HIST,	      /* the same, with a histogram */
	CLEARABLE,    /* a table or a statistic */
};

static enum shape wanted_shape(int op)
{
	static const uint8_t shapes[IR_OP_COUNT] = {
		[IR_LOAD] = SCALAR,	[IR_STORE] = SCALAR,   [IR_GADD] = LONG_SCALAR,
		[IR_TGET] = VALUE_TABLE, [IR_TSET] = VALUE_TABLE, [IR_TADD] = LONG_TABLE,
		[IR_TIN] = TABLE,	[IR_TINS] = TABLE,     [IR_TDEL] = TABLE,
		[IR_TDELS] = TABLE,	[IR_CLEAR] = CLEARABLE, [IR_SADD] = STAT,
		[IR_SGET] = STAT,	[IR_SBUCKET] = HIST,   [IR_SPRINTH] = HIST,
		[IR_PRINTH] = HIST,	[IR_FOREACH] = TABLE,
	};

	return (enum shape)shapes[op];
}

static bool has_shape(const struct ir_global *g, enum shape s)
{
	switch (s) {
	case SCALAR:
		return g->n_keys == 0 && g->type != TY_STATS;
	case LONG_SCALAR:
		return g->n_keys == 0 && g->type == TY_LONG;
	case VALUE_TABLE:
		return g->n_keys > 0 && g->type != TY_STATS;
	case LONG_TABLE:
		return g->n_keys > 0 && g->type == TY_LONG;
	case TABLE:
		return g->n_keys > 0;
	case STAT:
		return g->type == TY_STATS;
	case HIST:
		return g->type == TY_STATS && g->stat.hist.kind != HIST_NONE;
	case CLEARABLE:
		return g->n_keys > 0 || g->type == TY_STATS;
	case ANY_SHAPE:
		break;
	}
	return true;
}

static bool check_global_operand(struct verify *v, const struct ir_ins *i)
{
	enum shape shape = wanted_shape(i->op);
	const struct ir_global *g;

	if (shape == ANY_SHAPE)
		return true;
	g = &v->m->globals.v[IR_INDEX(ir_args(v->f, i)[0])];
	if (!has_shape(g, shape))
		return bad_ins(v, i, "@%s is of the wrong kind", g->name);
	if (i->op == IR_STORE || i->op == IR_TSET)
		return check_value(v, i, 1, ir_type_of(g->type)) && fits(v, i, 1, g->width);
	return true;
}

/* ------------------------------------------------------------------ immediates */

static bool check_print(struct verify *v, const struct ir_ins *i)
{
	const struct ir_format *f;
	unsigned n = 0;

	if (i->imm >= v->m->formats.n)
		return bad_ins(v, i, "no format %u", i->imm);
	f = &v->m->formats.v[i->imm];
	for (size_t k = 0; k < f->parts.n; k++) {
		const struct fmt_part *p = &f->parts.v[k];

		if (p->conv == CONV_LITERAL)
			continue;
		if (p->width == FMT_DYNAMIC && !check_value(v, i, n++, IR_LONG))
			return false;
		if (p->precision == FMT_DYNAMIC && !check_value(v, i, n++, IR_LONG))
			return false;
		if (!check_value(v, i, n++, fmt_takes_string(p->conv) ? IR_STR : IR_LONG))
			return false;
	}
	return n == i->n_args || bad_ins(v, i, "%u values, the format takes %u", i->n_args, n);
}

static bool check_regex(struct verify *v, const struct ir_ins *i)
{
	if (i->imm >= v->m->regexes.n || !v->m->regexes.v[i->imm].compiled)
		return bad_ins(v, i, "no regex %u", i->imm);
	if (i->op == IR_MATCH && !v->m->uses_groups)
		return bad_ins(v, i, "the module has no groups");
	return true;
}

static bool check_foreach(struct verify *v, const struct ir_ins *i)
{
	const struct ir_global *g = &v->m->globals.v[IR_INDEX(ir_args(v->f, i)[0])];
	struct ir_sort s = ir_sort_unpack(i->imm);

	if (ir_sort_pack(s) != i->imm || (i->imm & 3) == 3 || s.column > g->n_keys ||
	    s.stat > STAT_VARIANCE || (s.by_stat && g->type != TY_STATS))
		return bad_ins(v, i, "sort order %#x", i->imm);
	if (v->iter_globals[IR_INDEX(i->dst)] != IR_INDEX(ir_args(v->f, i)[0]) + 1)
		return bad_ins(v, i, "the iterator runs over two globals");
	return true;
}

/* ITERKEY, ITERVAL, ITERSTAT against the table the iterator runs over. */
static bool check_iter(struct verify *v, const struct ir_ins *i)
{
	uint32_t number = v->iter_globals[IR_INDEX(ir_args(v->f, i)[0])];
	const struct ir_global *g;

	if (!number)
		return bad_ins(v, i, "the iterator is never started");
	g = &v->m->globals.v[number - 1];
	if (i->op == IR_ITERKEY && i->imm >= (uint32_t)g->n_keys)
		return bad_ins(v, i, "@%s has no key %u", g->name, i->imm);
	if (i->op == IR_ITERVAL ? g->type == TY_STATS || i->imm
				: i->op == IR_ITERSTAT && g->type != TY_STATS)
		return bad_ins(v, i, "wrong type of elements");
	return true;
}

static bool check_call(struct verify *v, const struct ir_ins *i)
{
	const struct ir_fn *to = v->m->fns.v[IR_INDEX(ir_args(v->f, i)[0])];

	if (to->is_handler)
		return bad_ins(v, i, "@%s is a handler", to->name);
	if (i->n_args != to->n_params + 1)
		return bad_ins(v, i, "%u values, @%s takes %u", i->n_args - 1, to->name,
			       to->n_params);
	for (uint32_t k = 0; k < to->n_params; k++) {
		/* The callee may be verified later: look before using its registers. */
		if (k >= to->regs.n)
			return bad_ins(v, i, "@%s lacks registers", to->name);
		if (!check_value(v, i, k + 1, to->regs.v[k].type) ||
		    !fits(v, i, k + 1, to->regs.v[k].width))
			return false;
	}
	return true;
}

static bool check_return(struct verify *v, const struct ir_ins *i)
{
	if (i->n_args != (v->f->ret != IR_VOID))
		return bad_ins(v, i, "%u values", i->n_args);
	return i->n_args == 0 ||
	       (check_value(v, i, 0, v->f->ret) && fits(v, i, 0, v->f->ret_width));
}

static bool check_intrinsic(struct verify *v, const struct ir_ins *i)
{
	const struct intrinsic *fn = intrinsic_by_number(i->imm);

	return (fn && intrinsic_number(fn) == i->imm) || bad_ins(v, i, "no intrinsic %u", i->imm);
}

static bool check_stat_op(struct verify *v, const struct ir_ins *i)
{
	return i->imm <= STAT_VARIANCE || bad_ins(v, i, "no statistic %u", i->imm);
}

static bool check_catch(struct verify *v, const struct ir_ins *i)
{
	if (v->ins != 0 || !v->handles[v->block])
		return bad_ins(v, i, "not first in a handler block");
	if (v->jumped_to[v->block])
		return bad_ins(v, i, "the block is jumped to");
	return true;
}

static bool check_immediate(struct verify *v, const struct ir_ins *i)
{
	uint32_t size;

	switch (i->op) {
	case IR_PRINT:
	case IR_SPRINT:
		return check_print(v, i);
	case IR_MATCH:
	case IR_TEST:
		return check_regex(v, i);
	case IR_SGET:
		return check_stat_op(v, i);
	case IR_FOREACH:
		return check_foreach(v, i);
	case IR_ITERSTAT:
		return check_stat_op(v, i) && check_iter(v, i);
	case IR_ITERKEY:
	case IR_ITERVAL:
		return check_iter(v, i);
	case IR_ACTION:
		return true;
	case IR_RT:
		return check_intrinsic(v, i);
	case IR_CTXREG:
		return i->imm < 64 || bad_ins(v, i, "register %u", i->imm);
	case IR_CTXARG:
		return i->imm < 64 || bad_ins(v, i, "argument %u", i->imm);
	case IR_UREAD: /* bytes; +16: signed */
	case IR_KREAD:
		size = i->imm & ~16u;
		return size == 1 || size == 2 || size == 4 || size == 8 ||
		       bad_ins(v, i, "read of %u bytes", size);
	}
	if (i->imm)
		return bad_ins(v, i, "immediate %u", i->imm);
	if (i->op == IR_CALL)
		return check_call(v, i);
	if (i->op == IR_RET)
		return check_return(v, i);
	return i->op != IR_CATCH || check_catch(v, i);
}

/* ------------------------------------------------------------------ results */

/* Type of the result; IR_VOID: none. For RT the register decides. */
static enum ir_type result_type(const struct verify *v, const struct ir_ins *i)
{
	const ir_ref *args = ir_args(v->f, i);
	const struct ir_global *g;

	switch (ir_ops[i->op].result) {
	case 'l':
		return IR_LONG;
	case 's':
		return IR_STR;
	case 'i':
		return IR_ITER;
	case 'v':
		if (i->op == IR_MOV)
			return ir_ref_type(v->m, v->f, args[0]);
		if (i->op == IR_LOAD || i->op == IR_TGET)
			return ir_type_of(v->m->globals.v[IR_INDEX(args[0])].type);
		g = &v->m->globals.v[v->iter_globals[IR_INDEX(args[0])] - 1];
		return ir_type_of(i->op == IR_ITERKEY ? g->key_type[i->imm] : g->type);
	case 'V':
		return i->op == IR_CALL ? v->m->fns.v[IR_INDEX(args[0])]->ret
					: ir_ref_type(v->m, v->f, i->dst);
	default:
		return IR_VOID;
	}
}

static bool check_result(struct verify *v, const struct ir_ins *i)
{
	enum ir_type t = result_type(v, i);
	const struct ir_reg *dst;
	uint32_t width;

	if (!i->dst)
		return t == IR_VOID || ir_ops[i->op].result == 'V' ||
		       bad_ins(v, i, "no register for the result");
	dst = &v->f->regs.v[IR_INDEX(i->dst)];
	if (dst->type != t || (t == IR_ITER && i->op != IR_FOREACH))
		return bad_ins(v, i, "the result is %s, the register %s", type_text(t),
			       type_text(dst->type));
	if (t != IR_STR)
		return true;
	width = ir_result_width(v->m, v->f, i, v->iter_globals);
	return width <= dst->width || bad_ins(v, i, "the result may have %u bytes, the register %u",
					      width, dst->width);
}

/* ------------------------------------------------------------------ blocks and functions */

/* What must hold before anything may look at the instruction more closely. */
static bool check_indexes(struct verify *v, const struct ir_ins *i)
{
	if (i->op >= IR_OP_COUNT)
		return bad_ins(v, i, "no operation %u", i->op);
	if (i->n_args > IR_MAX_ARGS || i->first_arg > v->f->args.n ||
	    i->n_args > v->f->args.n - i->first_arg)
		return bad_ins(v, i, "%u operands", i->n_args);
	for (unsigned k = 0; k < i->n_args; k++)
		if (!in_range(v, ir_args(v->f, i)[k]))
			return bad_ins(v, i, "operand %u does not exist", k);
	if (i->dst && (!ir_is_reg(i->dst) || !in_range(v, i->dst)))
		return bad_ins(v, i, "the result goes nowhere");
	if (i->op == IR_FOREACH &&
	    (!i->dst || i->n_args == 0 || IR_KIND(ir_args(v->f, i)[0]) != IRK_GLOBAL))
		return bad_ins(v, i, "iterator or global is missing");
	return true;
}

static bool check_block_indexes(struct verify *v)
{
	const struct ir_block *b = &v->f->blocks.v[v->block];

	if (b->ins.n == 0)
		return bad(v, "b%u is empty", v->block);
	if (b->handler < -1 || b->handler >= (int64_t)v->f->blocks.n)
		return bad(v, "b%u: no handler b%d", v->block, b->handler);
	for (v->ins = 0; v->ins < b->ins.n; v->ins++) {
		const struct ir_ins *i = &b->ins.v[v->ins];

		if (!check_indexes(v, i))
			return false;
		if (ir_ops[i->op].terminator != (v->ins + 1 == b->ins.n))
			return bad_ins(v, i, "blocks end with a jump, br, ret or raise, only");
		for (unsigned k = 0; k < i->n_args; k++)
			if (IR_KIND(ir_args(v->f, i)[k]) == IRK_BLOCK)
				v->jumped_to[IR_INDEX(ir_args(v->f, i)[k])] = true;
	}
	if (b->handler >= 0)
		v->handles[b->handler] = true;
	return true;
}

static bool check_block(struct verify *v)
{
	const struct ir_block *b = &v->f->blocks.v[v->block];

	for (v->ins = 0; v->ins < b->ins.n; v->ins++) {
		const struct ir_ins *i = &b->ins.v[v->ins];

		if (!check_operands(v, i) || !check_global_operand(v, i) ||
		    !check_immediate(v, i) || !check_result(v, i))
			return false;
	}
	return true;
}

static bool check_head(struct verify *v)
{
	const struct ir_fn *f = v->f;

	if (f->n_params > f->regs.n || f->n_params >= IR_MAX_ARGS)
		return bad(v, "%u parameters", f->n_params);
	if (f->is_handler && (f->n_params || f->ret != IR_VOID))
		return bad(v, "a handler has no parameters and no result");
	if (f->ret != IR_VOID && f->ret != IR_LONG && f->ret != IR_STR)
		return bad(v, "type of the result");
	if (!check_width(v, "result", f->ret == IR_STR, f->ret_width))
		return false;
	for (size_t i = 0; i < f->regs.n; i++) {
		enum ir_type t = f->regs.v[i].type;

		if ((t != IR_LONG && t != IR_STR && t != IR_ITER) ||
		    (i < f->n_params && t == IR_ITER))
			return bad(v, "type of register %%%zu", i);
		if (!check_width(v, "register", t == IR_STR, f->regs.v[i].width))
			return false;
	}
	return f->blocks.n > 0 || bad(v, "no blocks");
}

static bool check_function(struct verify *v, const struct ir_fn *f)
{
	v->f = f;
	if (!check_head(v))
		return false;
	v->jumped_to = ARENA_ARRAY(&v->scratch, bool, f->blocks.n);
	v->handles = ARENA_ARRAY(&v->scratch, bool, f->blocks.n);
	v->jumped_to[0] = true; /* by the caller */
	for (v->block = 0; v->block < f->blocks.n; v->block++)
		if (!check_block_indexes(v))
			return false;
	v->iter_globals = ir_iter_globals(&v->scratch, f);
	for (v->block = 0; v->block < f->blocks.n; v->block++)
		if (!check_block(v))
			return false;
	return true;
}

const char *ir_verify(struct ir_module *m)
{
	struct verify v = {.m = m};
	bool ok = true;

	if (m->max_string == 0 || m->max_string > IR_MAX_STRING)
		ok = bad(&v, "max_string is %u", m->max_string);
	for (size_t i = 0; ok && i < m->globals.n; i++)
		ok = check_global(&v, &m->globals.v[i]);
	for (size_t i = 0; ok && i < m->fns.n; i++) {
		ok = check_function(&v, m->fns.v[i]);
		arena_release(&v.scratch);
	}
	for (size_t i = 0; ok && i < m->fns.n; i++) {
		v.error = ir_verify_flow(m, m->fns.v[i]);
		ok = !v.error;
	}
	arena_release(&v.scratch);
	return v.error;
}

#ifdef TAPIR_TEST
#include "base/test.h"

/* The verifier's message about a function body; NULL: none. */
static const char *verdict(struct arena *a, const char *body)
{
	const char *text = arena_printf(a,
					"max_string 63\nglobal @n long\n"
					"global @t long [long] max 9\nformat 0 \"%%d\"\n"
					"fn @f() {\n%s}\n",
					body);
	const char *error = NULL;
	struct ir_module *m = ir_parse(a, text, strlen(text), &error);

	if (!m)
		return error;
	error = ir_verify(m);
	if (error)
		error = arena_strdup(a, error);
	ir_module_free(m);
	return error;
}

TEST(ir_verify_operands)
{
	struct arena a = {0};

	CHECK_STR(verdict(&a, "b0:\n\t%0:long = add 1, 2\n\tret\n"), NULL);
	CHECK_STR(verdict(&a, "b0:\n\t%0:long = add 1, \"2\"\n\tret\n"),
		  "fn @f: b0, instruction 0 (add): operand 1 is string, not long");
	CHECK_STR(verdict(&a, "b0:\n\t%0:long = tget @t, *\n\tret\n"),
		  "fn @f: b0, instruction 0 (tget): operand 1 is nothing, not long");
	CHECK_STR(verdict(&a, ""), "fn @f: no blocks");
	CHECK_STR(verdict(&a, "b0:\nb1:\n\tret\n"), "fn @f: b0 is empty");
	arena_release(&a);
}

TEST(ir_verify_loops)
{
	struct arena a = {0};

	/* Assigned in the loop only, read behind it. */
	CHECK_STR(verdict(&a, "b0:\n\tjmp b1\nb1:\n\t%0:long = load @n\n\tbr %0, b2, b3\n"
			      "b2:\n\t%1:long = mov 1\n\tjmp b1\nb3:\n\tprint 0, %1\n\tret\n"),
		  "fn @f: b3 reads %1, which may not be assigned there");
	/* An iterator of an inner loop starts anew each time. */
	CHECK_STR(verdict(&a, "b0:\n\tjmp b1\n"
			      "b1:\n\t%0:iter = foreach none, @t, 0, *\n\tjmp b2\n"
			      "b2:\n\t%1:long = next %0\n\tbr %1, b2, b3\n"
			      "b3:\n\titerend %0\n\tjmp b1\n"),
		  NULL);
	arena_release(&a);
}
#endif
