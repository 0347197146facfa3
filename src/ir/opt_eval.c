/* Values that follow from the operands alone: constant folding and algebra.
 *
 * Arithmetic is that of 64-bit machine words: it wraps, shift counts are modulo 64, and division of
 * the smallest number by -1 gives itself. Strings are cut at the module's max_string. */
#include <string.h>

#include "base/str.h"
#include "ir/passes.h"
#include "rt/format.h"
#include "rt/regex.h"

static bool number(const struct ir_module *m, ir_ref r, int64_t *n)
{
	if (IR_KIND(r) != IRK_NUM)
		return false;
	*n = m->nums.v[IR_INDEX(r)];
	return true;
}

static const struct ir_str *string(const struct ir_module *m, ir_ref r)
{
	return IR_KIND(r) == IRK_STR ? &m->strs.v[IR_INDEX(r)] : NULL;
}

/* ------------------------------------------------------------------ numbers */

static int64_t divide(int64_t a, int64_t b)
{
	return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t shift_right(int64_t a, int64_t count)
{
	return a >> (count & 63); /* arithmetic with gcc and clang */
}

/* Two numbers; b is not 0 for DIV and MOD. False: not an operation on two numbers. */
static bool eval_numbers(int op, int64_t a, int64_t b, int64_t *r)
{
	uint64_t ua = (uint64_t)a, ub = (uint64_t)b;

	switch (op) {
	case IR_ADD:
		*r = (int64_t)(ua + ub);
		return true;
	case IR_SUB:
		*r = (int64_t)(ua - ub);
		return true;
	case IR_MUL:
		*r = (int64_t)(ua * ub);
		return true;
	case IR_DIV:
		*r = divide(a, b);
		return true;
	case IR_MOD:
		*r = b == -1 ? 0 : a % b;
		return true;
	case IR_AND:
		*r = a & b;
		return true;
	case IR_OR:
		*r = a | b;
		return true;
	case IR_XOR:
		*r = a ^ b;
		return true;
	case IR_SHL:
		*r = (int64_t)(ua << (b & 63));
		return true;
	case IR_SAR:
		*r = shift_right(a, b);
		return true;
	case IR_SHR:
		*r = (int64_t)(ua >> (b & 63));
		return true;
	default:
		return false;
	}
}

/* order: < 0, 0, > 0 as the first operand is less, equal, greater. */
static bool eval_order(int op, int order, int64_t *r)
{
	switch (op) {
	case IR_EQ:
	case IR_SEQ:
		*r = order == 0;
		return true;
	case IR_NE:
	case IR_SNE:
		*r = order != 0;
		return true;
	case IR_LT:
	case IR_SLT:
		*r = order < 0;
		return true;
	case IR_LE:
	case IR_SLE:
		*r = order <= 0;
		return true;
	case IR_GT:
	case IR_SGT:
		*r = order > 0;
		return true;
	case IR_GE:
	case IR_SGE:
		*r = order >= 0;
		return true;
	default:
		return false;
	}
}

static ir_ref eval_unary(struct ir_module *m, int op, int64_t a)
{
	switch (op) {
	case IR_NEG:
		return ir_num(m, (int64_t)(0 - (uint64_t)a));
	case IR_INV:
		return ir_num(m, ~a);
	case IR_NOT:
		return ir_num(m, !a);
	default:
		return 0;
	}
}

/* x OP n, n on the right. */
static ir_ref right_constant(struct ir_module *m, int op, ir_ref x, int64_t n)
{
	switch (op) {
	case IR_ADD:
	case IR_SUB:
	case IR_XOR:
		return n == 0 ? x : 0;
	case IR_OR:
		return n == 0 ? x : n == -1 ? ir_num(m, -1) : 0;
	case IR_AND:
		return n == -1 ? x : n == 0 ? ir_num(m, 0) : 0;
	case IR_MUL:
		return n == 1 ? x : n == 0 ? ir_num(m, 0) : 0;
	case IR_DIV:
		return n == 1 ? x : 0;
	case IR_MOD:
		return n == 1 || n == -1 ? ir_num(m, 0) : 0;
	case IR_SHL:
	case IR_SAR:
	case IR_SHR:
		return (n & 63) == 0 ? x : 0;
	default:
		return 0;
	}
}

/* n OP x: the commutative operations as above, and shifts of nothing. */
static ir_ref left_constant(struct ir_module *m, int op, int64_t n, ir_ref x)
{
	switch (op) {
	case IR_ADD:
	case IR_XOR:
	case IR_OR:
	case IR_AND:
	case IR_MUL:
		return right_constant(m, op, x, n);
	case IR_SHL:
	case IR_SHR:
		return n == 0 ? ir_num(m, 0) : 0;
	case IR_SAR:
		return n == 0 || n == -1 ? ir_num(m, n) : 0;
	default:
		return 0;
	}
}

/* x OP x of a register. */
static ir_ref same_operands(struct ir_module *m, int op, ir_ref x)
{
	int64_t r;

	if (op == IR_SUB || op == IR_XOR)
		return ir_num(m, 0);
	if (op == IR_AND || op == IR_OR)
		return x;
	return eval_order(op, 0, &r) ? ir_num(m, r) : 0;
}

static ir_ref eval_long_pair(struct ir_module *m, int op, ir_ref x, ir_ref y)
{
	int64_t a = 0, b = 0, r;
	bool known_a = number(m, x, &a), known_b = number(m, y, &b);

	if ((op == IR_DIV || op == IR_MOD) && (!known_b || b == 0))
		return 0;
	if (known_a && known_b &&
	    (eval_numbers(op, a, b, &r) || eval_order(op, (a > b) - (a < b), &r)))
		return ir_num(m, r);
	if (known_b)
		return right_constant(m, op, x, b);
	if (known_a)
		return left_constant(m, op, a, y);
	return x == y ? same_operands(m, op, x) : 0;
}

/* ------------------------------------------------------------------ strings */

static int compare_strings(const struct ir_str *a, const struct ir_str *b)
{
	uint32_t n = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->s, b->s, n);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static ir_ref concat(struct ir_module *m, const struct ir_str *a, const struct ir_str *b)
{
	struct str text = {0};
	ir_ref r;

	str_addn(&text, a->s, a->len);
	str_addn(&text, b->s, b->len);
	r = ir_strc(m, text.s, (uint32_t)text.len);
	str_release(&text);
	return r;
}

static ir_ref eval_string_pair(struct ir_module *m, int op, ir_ref x, ir_ref y)
{
	const struct ir_str *a = string(m, x), *b = string(m, y);
	int64_t r;

	if (op == IR_CONCAT) {
		if (a && a->len == 0)
			return y;
		if (b && b->len == 0)
			return x;
		return a && b ? concat(m, a, b) : 0;
	}
	if (a && b && eval_order(op, compare_strings(a, b), &r))
		return ir_num(m, r);
	return x == y ? same_operands(m, op, x) : 0;
}

static ir_ref eval_test(struct ir_module *m, const struct ir_ins *i, ir_ref x)
{
	const struct ir_str *s = string(m, x);

	if (!s || i->imm >= m->regexes.n || !m->regexes.v[i->imm].compiled)
		return 0;
	return ir_num(m, regex_test(m->regexes.v[i->imm].compiled, s->s, s->len));
}

/* Values of constant operands; false if one is not constant. */
static bool constant_args(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i,
			  struct rt_value *values)
{
	for (unsigned k = 0; k < i->n_args; k++) {
		ir_ref r = ir_args(f, i)[k];
		const struct ir_str *s = string(m, r);

		values[k] = (struct rt_value){0};
		if (s)
			values[k] = (struct rt_value){.s = s->s, .len = s->len};
		else if (!number(m, r, &values[k].n))
			return false;
	}
	return true;
}

static ir_ref eval_sprint(struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i)
{
	const struct ir_format *format = &m->formats.v[i->imm];
	struct rt_value values[IR_MAX_ARGS];
	struct str text = {0};
	ir_ref r = 0;

	if (i->n_args > IR_MAX_ARGS || !constant_args(m, f, i, values))
		return 0;
	str_add(&text, "");
	/* Constants hold no NUL bytes, "%c" and "%b" may print some. */
	if (!rt_format(&text, &format->parts, values, i->n_args) &&
	    strlen(text.s) == text.len)
		r = ir_strc(m, text.s, (uint32_t)text.len);
	str_release(&text);
	return r;
}

ir_ref ir_eval(struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i)
{
	const ir_ref *args = ir_args(f, i);
	int64_t n;

	if (!ir_ops[i->op].pure || i->op == IR_MOV)
		return 0;
	if (i->op == IR_TEST)
		return eval_test(m, i, args[0]);
	if (i->op == IR_SPRINT)
		return eval_sprint(m, f, i);
	if (i->n_args == 1)
		return number(m, args[0], &n) ? eval_unary(m, i->op, n) : 0;
	if (ir_ops[i->op].operands[0] == 's')
		return eval_string_pair(m, i->op, args[0], args[1]);
	return eval_long_pair(m, i->op, args[0], args[1]);
}

#ifdef TAPIR_TEST
#include "base/test.h"

static int64_t eval2(int op, int64_t a, int64_t b)
{
	struct ir_module *m = ir_module_new(511);
	struct ir_fn *f = ir_fn_add(m, "f");
	ir_ref args[2] = {ir_num(m, a), ir_num(m, b)}, r;
	int64_t n = 12345;

	ir_block_add(m, f, -1);
	r = ir_eval(m, f, ir_add(m, f, 0, (enum ir_op)op, 0, args, 2, 0, NULL));
	if (IR_KIND(r) == IRK_NUM)
		n = m->nums.v[IR_INDEX(r)];
	ir_module_free(m);
	return n;
}

TEST(ir_eval_wraps)
{
	CHECK_INT(eval2(IR_ADD, INT64_MAX, 1), INT64_MIN);
	CHECK_INT(eval2(IR_MUL, INT64_MIN, -1), INT64_MIN);
	CHECK_INT(eval2(IR_DIV, INT64_MIN, -1), INT64_MIN);
	CHECK_INT(eval2(IR_MOD, INT64_MIN, -1), 0);
	CHECK_INT(eval2(IR_DIV, -7, 2), -3);
	CHECK_INT(eval2(IR_MOD, -7, 2), -1);
	CHECK_INT(eval2(IR_SHL, 1, 65), 2);
	CHECK_INT(eval2(IR_SHR, -1, 63), 1);
	CHECK_INT(eval2(IR_SAR, -8, -63), -4);
}

TEST(ir_eval_keeps_division_by_zero)
{
	CHECK_INT(eval2(IR_DIV, 0, 0), 12345);
	CHECK_INT(eval2(IR_MOD, 1, 0), 12345);
}
#endif
