/* Tree to IR: expressions, left to right. */
#include <string.h>

#include "base/bug.h"
#include "ir/lower.h"
#include "lang/diag.h"
#include "rt/intrinsic.h"
#include "rt/regex.h"
#include "session.h"

enum { MAX_OPERANDS = 4 + MAX_KEYS };

static enum ir_type ir_type_of(enum type t)
{
	return t == TY_STRING ? IR_STR : IR_LONG;
}

ir_ref lower_temp(struct lower *l, enum ir_type type)
{
	return ir_reg_add(l->m, l->f, type, type == IR_STR ? l->m->max_string : 0, NULL);
}

ir_ref lower_op(struct lower *l, enum ir_op op, const struct token *tok, uint32_t imm,
		const ir_ref *args, unsigned n)
{
	char result = ir_ops[op].result;
	ir_ref dst = 0;

	if (result == 'l')
		dst = lower_temp(l, IR_LONG);
	else if (result == 's')
		dst = lower_temp(l, IR_STR);
	ir_add(l->m, l->f, l->block, op, dst, args, n, imm, tok);
	return dst;
}

void lower_mov(struct lower *l, ir_ref dst, ir_ref src)
{
	ir_add(l->m, l->f, l->block, IR_MOV, dst, &src, 1, 0, NULL);
}

static ir_ref number(struct lower *l, int64_t n)
{
	return ir_num(l->m, n);
}

static ir_ref global_ref(const struct var *v)
{
	return IR_REF(IRK_GLOBAL, (ir_ref)v->id);
}

ir_ref lower_var_ref(struct lower *l, const struct var *v)
{
	if (v->kind == VAR_GLOBAL)
		return global_ref(v);
	if (v->kind == VAR_PARAM)
		return l->params[v->id];
	return l->locals[v->id];
}

void lower_store(struct lower *l, const struct var *v, ir_ref value, const struct token *tok)
{
	ir_ref args[2] = {lower_var_ref(l, v), value};

	if (v->kind == VAR_GLOBAL)
		ir_add(l->m, l->f, l->block, IR_STORE, 0, args, 2, 0, tok);
	else
		lower_mov(l, args[0], value);
}

/* A value that later operands cannot change: variables are copied, the rest is its own register. */
static ir_ref stable(struct lower *l, ir_ref r)
{
	ir_ref t;

	if (IR_KIND(r) != IRK_REG || !l->f->regs.v[IR_INDEX(r)].name)
		return r;
	t = lower_temp(l, l->f->regs.v[IR_INDEX(r)].type);
	lower_mov(l, t, r);
	return t;
}

/* Could evaluating e change a variable of this body? */
static bool may_assign(const struct expr *e)
{
	if (!e)
		return false;
	if (e->kind == EX_ASSIGN || e->kind == EX_INCDEC)
		return true;
	if (may_assign(e->cond) || may_assign(e->left) || may_assign(e->right))
		return true;
	for (size_t i = 0; i < e->args.n; i++)
		if (may_assign(e->args.v[i]))
			return true;
	return false;
}

static void lower_pair(struct lower *l, struct expr *a, struct expr *b, ir_ref out[2])
{
	out[0] = lower_expr(l, a);
	if (may_assign(b))
		out[0] = stable(l, out[0]);
	out[1] = lower_expr(l, b);
}

unsigned lower_keys(struct lower *l, ir_ref *args, unsigned n, const expr_list *keys)
{
	for (size_t i = 0; i < keys->n && n < MAX_OPERANDS; i++) {
		ir_ref r = keys->v[i] ? lower_expr(l, keys->v[i]) : 0;

		for (size_t k = i + 1; r && k < keys->n; k++)
			if (may_assign(keys->v[k]))
				r = stable(l, r);
		args[n++] = r;
	}
	return n;
}

static ir_ref binary_op(struct lower *l, enum op op, const struct token *tok, ir_ref args[2])
{
	static const uint8_t ops[] = {
		[OP_ADD] = IR_ADD, [OP_SUB] = IR_SUB, [OP_MUL] = IR_MUL, [OP_DIV] = IR_DIV,
		[OP_MOD] = IR_MOD, [OP_AND] = IR_AND, [OP_OR] = IR_OR,	 [OP_XOR] = IR_XOR,
		[OP_SHL] = IR_SHL, [OP_SAR] = IR_SAR, [OP_SHR] = IR_SHR, [OP_CONCAT] = IR_CONCAT,
	};

	return lower_op(l, (enum ir_op)ops[op], tok, 0, args, 2);
}

static ir_ref lower_compare(struct lower *l, struct expr *e)
{
	bool strings = e->left->type == TY_STRING;
	enum ir_op op;
	ir_ref args[2];

	switch (e->op) {
	case OP_LT:
		op = strings ? IR_SLT : IR_LT;
		break;
	case OP_LE:
		op = strings ? IR_SLE : IR_LE;
		break;
	case OP_GT:
		op = strings ? IR_SGT : IR_GT;
		break;
	case OP_GE:
		op = strings ? IR_SGE : IR_GE;
		break;
	case OP_EQ:
		op = strings ? IR_SEQ : IR_EQ;
		break;
	default:
		op = strings ? IR_SNE : IR_NE;
	}
	lower_pair(l, e->left, e->right, args);
	return lower_op(l, op, e->tok, 0, args, 2);
}

void lower_cond(struct lower *l, struct expr *e, uint32_t yes, uint32_t no)
{
	if (e->kind == EX_LOGICAL) {
		uint32_t second = lower_block(l);

		if (e->op == OP_LAND)
			lower_cond(l, e->left, second, no);
		else
			lower_cond(l, e->left, yes, second);
		l->block = second;
		lower_cond(l, e->right, yes, no);
		return;
	}
	if (e->kind == EX_UNARY && e->op == OP_NOT) {
		lower_cond(l, e->left, no, yes);
		return;
	}
	lower_branch(l, lower_expr(l, e), yes, no);
}

static ir_ref lower_logical(struct lower *l, struct expr *e)
{
	ir_ref r = lower_temp(l, IR_LONG);
	uint32_t yes = lower_block(l), no = lower_block(l), end = lower_block(l);

	lower_cond(l, e, yes, no);
	l->block = yes;
	lower_mov(l, r, number(l, 1));
	lower_jump(l, end);
	l->block = no;
	lower_mov(l, r, number(l, 0));
	lower_jump(l, end);
	l->block = end;
	return r;
}

static ir_ref lower_ternary(struct lower *l, struct expr *e)
{
	ir_ref r = lower_temp(l, ir_type_of(e->type));
	uint32_t yes = lower_block(l), no = lower_block(l), end = lower_block(l);

	lower_cond(l, e->cond, yes, no);
	l->block = yes;
	lower_mov(l, r, lower_expr(l, e->left));
	lower_jump(l, end);
	l->block = no;
	lower_mov(l, r, lower_expr(l, e->right));
	lower_jump(l, end);
	l->block = end;
	return r;
}

static ir_ref lower_regex(struct lower *l, struct expr *e)
{
	struct ir_module *m = l->m;
	struct ir_regex re = {.text = e->right->lit->str,
			      .len = e->right->lit->len,
			      .tok = e->right->tok};
	char error[200];
	size_t pos = 0;
	ir_ref arg = lower_expr(l, e->left), r;
	uint32_t number_of;

	for (number_of = 0; number_of < m->regexes.n; number_of++)
		if (strcmp(m->regexes.v[number_of].text, re.text) == 0)
			break;
	if (number_of == m->regexes.n) {
		re.compiled = regex_compile(re.text, re.len, m->uses_groups, error, sizeof(error),
					    &pos);
		if (!re.compiled)
			sem_error(l->s, re.tok, NULL, "regex compilation error (at position %zu): %s",
				  pos, error);
		vec_push(&m->regexes, &m->arena, re);
	}
	r = lower_op(l, m->uses_groups ? IR_MATCH : IR_TEST, e->tok, number_of, &arg, 1);
	if (e->op == OP_NOTMATCH)
		r = lower_op(l, IR_NOT, e->tok, 0, &r, 1);
	return r;
}

/* g, keys of a scalar statistic or an array element. */
static unsigned stat_operands(struct lower *l, struct expr *e, ir_ref *args)
{
	args[0] = global_ref(e->var);
	return e->kind == EX_INDEX ? lower_keys(l, args, 1, &e->args) : 1;
}

/* As above with a value between: g, value, keys. The keys are evaluated first. */
static unsigned with_value(struct lower *l, struct expr *e, ir_ref *args, struct expr *value,
			   ir_ref *made)
{
	ir_ref tmp[MAX_OPERANDS];
	unsigned n = stat_operands(l, e, tmp);

	args[0] = tmp[0];
	if (value)
		for (unsigned i = 1; may_assign(value) && i < n; i++)
			tmp[i] = stable(l, tmp[i]);
	args[1] = value ? lower_expr(l, value) : *made;
	*made = args[1];
	memcpy(args + 2, tmp + 1, (n - 1) * sizeof(tmp[0]));
	return n + 1;
}

/* Reads the element or scalar again: g, keys. */
static ir_ref table_get(struct lower *l, const ir_ref *value_args, unsigned n, struct expr *e)
{
	ir_ref args[MAX_OPERANDS], r = lower_temp(l, ir_type_of(e->var->type));

	args[0] = value_args[0];
	memcpy(args + 1, value_args + 2, (n - 2) * sizeof(args[0]));
	ir_add(l->m, l->f, l->block, IR_TGET, r, args, n - 1, 0, e->tok);
	return r;
}

static ir_ref lower_assign(struct lower *l, struct expr *e)
{
	struct expr *left = e->left;
	ir_ref args[MAX_OPERANDS], v = 0, pair[2];
	unsigned n;

	if (e->op == OP_AGGREGATE) {
		n = with_value(l, left, args, e->right, &v);
		ir_add(l->m, l->f, l->block, IR_SADD, 0, args, n, 0, e->tok);
		return v;
	}
	if (left->kind == EX_INDEX) {
		if (e->op == OP_ASSIGN) {
			n = with_value(l, left, args, e->right, &v);
			ir_add(l->m, l->f, l->block, IR_TSET, 0, args, n, 0, e->tok);
			return v;
		}
		n = with_value(l, left, args, e->right, &v);
		if (e->op == OP_ADD || e->op == OP_SUB) {
			if (e->op == OP_SUB)
				args[1] = lower_op(l, IR_NEG, e->tok, 0, &args[1], 1);
			return lower_op(l, IR_TADD, e->tok, 0, args, n);
		}
		pair[0] = table_get(l, args, n, left);
		pair[1] = v;
		args[1] = binary_op(l, e->op, e->tok, pair);
		ir_add(l->m, l->f, l->block, IR_TSET, 0, args, n, 0, e->tok);
		return args[1];
	}
	v = lower_expr(l, e->right);
	if (e->op != OP_ASSIGN) {
		if (left->var->kind == VAR_GLOBAL && (e->op == OP_ADD || e->op == OP_SUB)) {
			if (e->op == OP_SUB)
				v = lower_op(l, IR_NEG, e->tok, 0, &v, 1);
			pair[0] = global_ref(left->var);
			pair[1] = v;
			return lower_op(l, IR_GADD, e->tok, 0, pair, 2);
		}
		pair[0] = lower_expr(l, left);
		pair[1] = v;
		v = binary_op(l, e->op, e->tok, pair);
	} else {
		v = stable(l, v);
	}
	lower_store(l, left->var, v, e->tok);
	return v;
}

static ir_ref lower_incdec(struct lower *l, struct expr *e, bool need_value)
{
	ir_ref delta = number(l, e->op == OP_INC ? 1 : -1), back = number(l, e->op == OP_INC ? -1 : 1);
	ir_ref args[MAX_OPERANDS], v;
	unsigned n;

	if (e->left->kind == EX_INDEX) {
		n = with_value(l, e->left, args, NULL, &delta);
		v = lower_op(l, IR_TADD, e->tok, 0, args, n);
	} else if (e->left->var->kind == VAR_GLOBAL) {
		args[0] = global_ref(e->left->var);
		args[1] = delta;
		v = lower_op(l, IR_GADD, e->tok, 0, args, 2);
	} else {
		args[0] = lower_var_ref(l, e->left->var);
		args[1] = delta;
		if (!need_value) {
			ir_add(l->m, l->f, l->block, IR_ADD, args[0], args, 2, 0, e->tok);
			return args[0];
		}
		v = lower_op(l, IR_ADD, e->tok, 0, args, 2);
		lower_mov(l, args[0], v);
	}
	if (!e->is_post || !need_value)
		return v;
	args[0] = v;
	args[1] = back;
	return lower_op(l, IR_ADD, e->tok, 0, args, 2);
}

static ir_ref lower_in(struct lower *l, struct expr *e)
{
	ir_ref args[MAX_OPERANDS];
	bool wild = false;
	unsigned n;

	if (e->hist) {
		ir_ref v = lower_expr(l, e->args.v[0]), pair[2];

		n = with_value(l, e->hist->left, args, NULL, &v);
		pair[0] = lower_op(l, IR_SBUCKET, e->tok, 0, args, n);
		pair[1] = number(l, 0);
		return lower_op(l, IR_NE, e->tok, 0, pair, 2);
	}
	for (size_t i = 0; i < e->args.n; i++)
		wild |= !e->args.v[i];
	args[0] = global_ref(e->var);
	n = lower_keys(l, args, 1, &e->args);
	return lower_op(l, wild ? IR_TINS : IR_TIN, e->tok, 0, args, n);
}

static uint32_t format_number(struct lower *l, const struct print *k)
{
	struct ir_format f = {.parts = k->parts};

	vec_push(&l->m->formats, &l->m->arena, f);
	return (uint32_t)l->m->formats.n - 1;
}

/* Conversions that dump memory get what is there as a string: their addresses are replaced. */
static void read_dumped(struct lower *l, const struct print *k, const struct token *tok, ir_ref *args)
{
	const struct intrinsic *f = intrinsic_find("memory_bytes", strlen("memory_bytes"));

	for (size_t i = 0; i < k->parts.n; i++) {
		const struct fmt_part *p = &k->parts.v[i];
		ir_ref call[3], bytes;

		if (p->conv == CONV_LITERAL)
			continue;
		args += p->width == FMT_DYNAMIC;
		call[1] = p->precision == FMT_DYNAMIC ? *args++ : number(l, p->precision < 0 ? 1 : p->precision);
		if (p->conv == CONV_MEMORY || p->conv == CONV_MEMORY_HEX) {
			call[0] = *args;
			call[2] = number(l, (p->flags & FMT_ALT) != 0);
			bytes = lower_temp(l, IR_STR);
			ir_add(l->m, l->f, l->block, IR_RT, bytes, call, 3, intrinsic_number(f), tok);
			*args = bytes;
		}
		args++;
	}
}

static ir_ref lower_print(struct lower *l, struct expr *e)
{
	struct print *k = e->print;
	ir_ref args[64 + 32 * 3];
	unsigned n = 0;

	if (k->hist) {
		n = stat_operands(l, k->hist->left, args);
		return lower_op(l, k->to_string ? IR_SPRINTH : IR_PRINTH, e->tok, 0, args, n);
	}
	for (size_t i = 0; i < e->args.n; i++) {
		args[n] = lower_expr(l, e->args.v[i]);
		for (size_t j = i + 1; j < e->args.n; j++)
			if (may_assign(e->args.v[j])) {
				args[n] = stable(l, args[n]);
				break;
			}
		n++;
	}
	read_dumped(l, k, e->tok, args);
	return lower_op(l, k->to_string ? IR_SPRINT : IR_PRINT, e->tok, format_number(l, k), args, n);
}

static ir_ref lower_call(struct lower *l, struct expr *e)
{
	const struct function *f = e->fns.v[0];
	ir_ref args[300], dst = 0;
	unsigned n = 1;

	for (size_t i = 0; i < e->args.n; i++) {
		ir_ref r = lower_expr(l, e->args.v[i]);

		for (size_t j = i + 1; j < e->args.n; j++)
			if (may_assign(e->args.v[j])) {
				r = stable(l, r);
				break;
			}
		args[n++] = r;
	}
	if (f->type == TY_LONG || f->type == TY_STRING)
		dst = lower_temp(l, ir_type_of(f->type));
	if (f->intrinsic) {
		ir_add(l->m, l->f, l->block, IR_RT, dst, args + 1, n - 1,
		       intrinsic_number(f->intrinsic), e->tok);
	} else {
		args[0] = IR_REF(IRK_FN, lower_function_number(l, f));
		ir_add(l->m, l->f, l->block, IR_CALL, dst, args, n, 0, e->tok);
	}
	return dst;
}

static ir_ref lower_context(struct lower *l, struct expr *e)
{
	static const uint8_t ops[] = {
		[CTX_REGISTER] = IR_CTXREG, [CTX_READ] = IR_UREAD,   [CTX_BIAS] = IR_CTXBIAS,
		[CTX_ARG] = IR_CTXARG,	    [CTX_KREAD] = IR_KREAD,  [CTX_CALL] = IR_CTXCALL,
	};
	ir_ref v;

	if (e->context == CTX_KFIELD) {
		v = ir_strc(l->m, e->name, (uint32_t)strlen(e->name));
		return lower_op(l, IR_KFIELD, e->tok, 0, &v, 1);
	}
	if (e->context != CTX_READ && e->context != CTX_KREAD)
		return lower_op(l, ops[e->context], e->tok, (uint32_t)e->number, NULL, 0);
	v = lower_expr(l, e->left);
	return lower_op(l, ops[e->context], e->tok, e->size | (e->is_signed ? 16u : 0), &v, 1);
}

ir_ref lower_expr(struct lower *l, struct expr *e)
{
	ir_ref args[MAX_OPERANDS], v, r;
	unsigned n;

	switch (e->kind) {
	case EX_NUMBER:
		return number(l, e->lit->num);
	case EX_STRING:
		return ir_strc(l->m, e->lit->str, e->lit->len);
	case EX_SYMBOL:
		if (e->var->kind != VAR_GLOBAL)
			return lower_var_ref(l, e->var);
		args[0] = global_ref(e->var);
		r = lower_temp(l, ir_type_of(e->var->type));
		ir_add(l->m, l->f, l->block, IR_LOAD, r, args, 1, 0, e->tok);
		return r;
	case EX_INDEX:
		if (e->hist) {
			v = lower_expr(l, e->args.v[0]);
			n = with_value(l, e->hist->left, args, NULL, &v);
			return lower_op(l, IR_SBUCKET, e->tok, 0, args, n);
		}
		args[0] = global_ref(e->var);
		n = lower_keys(l, args, 1, &e->args);
		r = lower_temp(l, ir_type_of(e->var->type));
		ir_add(l->m, l->f, l->block, IR_TGET, r, args, n, 0, e->tok);
		return r;
	case EX_CALL:
		return lower_call(l, e);
	case EX_BINARY:
	case EX_CONCAT:
		lower_pair(l, e->left, e->right, args);
		return binary_op(l, e->kind == EX_CONCAT ? OP_CONCAT : e->op, e->tok, args);
	case EX_COMPARE:
		return lower_compare(l, e);
	case EX_LOGICAL:
		return lower_logical(l, e);
	case EX_REGEX:
		return lower_regex(l, e);
	case EX_IN:
		return lower_in(l, e);
	case EX_UNARY:
		v = lower_expr(l, e->left);
		if (e->op == OP_PLUS)
			return v;
		return lower_op(l, e->op == OP_NEG ? IR_NEG : e->op == OP_NOT ? IR_NOT : IR_INV,
				e->tok, 0, &v, 1);
	case EX_INCDEC:
		return lower_incdec(l, e, true);
	case EX_ASSIGN:
		return lower_assign(l, e);
	case EX_TERNARY:
		return lower_ternary(l, e);
	case EX_PRINT:
		r = lower_print(l, e);
		return r ? r : number(l, 0);
	case EX_CONTEXT:
		return lower_context(l, e);
	case EX_STAT:
		n = stat_operands(l, e->left, args);
		return lower_op(l, IR_SGET, e->tok, e->stat, args, n);
	default:
		bug("expression kind %d reached the lowering", e->kind);
	}
}

void lower_effect(struct lower *l, struct expr *e)
{
	if (e->kind == EX_INCDEC)
		lower_incdec(l, e, false);
	else
		lower_expr(l, e);
}
