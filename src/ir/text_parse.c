/* Text to module: the inverse of dump.c (docs/IR.md has the grammar).
 *
 * Takes any bytes. Memory is bounded by the length of the text: numbers of registers and blocks
 * that the text is too short to define are refused at once. What comes out has all indexes in
 * range, but may still make no sense: ir_verify() it before anything runs it. */
#include <string.h>

#include "ir/passes.h"
#include "ir/text_parse.h"
#include "rt/intrinsic.h"

/* ------------------------------------------------------------------ registers and operands */

/* The number behind "%": the register exists then, perhaps without a type as yet. */
static bool reg_number(struct text *t, uint32_t *n)
{
	if (!scan_expect(&t->s, '%') || !scan_u32(&t->s, t->max_index, n))
		return false;
	while (t->f->regs.n <= *n)
		ir_reg_add(t->m, t->f, IR_VOID, 0, NULL);
	return true;
}

/* "%3:string:511" */
static bool typed_reg(struct text *t, uint32_t *n)
{
	struct ir_reg *r;
	const char *at;
	enum ir_type type;
	uint32_t w;

	scan_peek(&t->s);
	at = t->s.at;
	if (!reg_number(t, n) || !scan_expect(&t->s, ':') || !text_reg_type(t, &type, &w))
		return false;
	r = &t->f->regs.v[*n];
	if (r->type != IR_VOID && (r->type != type || r->width != w))
		return scan_fail_at(&t->s, at, "%%%u has another type above", *n);
	r->type = type;
	r->width = w;
	return true;
}

/* "%3:string:511 name" */
static bool named_reg(struct text *t, uint32_t *n)
{
	char c;

	if (!typed_reg(t, n))
		return false;
	c = scan_peek(&t->s);
	if (c == '"' || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return scan_name(&t->s, &t->f->regs.v[*n].name);
	return true;
}

/* "b7" */
static bool block_number(struct text *t, uint32_t *n)
{
	const char *at;

	scan_peek(&t->s);
	at = t->s.at;
	if (!scan_expect(&t->s, 'b') || !scan_u32(&t->s, t->max_index, n))
		return false;
	if (!t->top_block_at || *n > t->top_block) {
		t->top_block = *n;
		t->top_block_at = at;
	}
	return true;
}

static bool symbol_operand(struct text *t, bool is_fn, ir_ref *r)
{
	struct pending_call call = {.fn = t->f, .arg = t->f->args.n, .at = t->s.at};
	uint32_t n;

	if (!scan_expect(&t->s, '@') || !text_symbol(t, &call.name, &call.number))
		return false;
	*r = IR_REF(IRK_FN, 0);
	if (is_fn) {
		vec_push(&t->calls, &t->m->arena, call);
		return true;
	}
	if (!text_find(&t->globals, call.name, call.number, t->m->globals.n, &n))
		return scan_fail_at(&t->s, call.at, "no global '%s' above", call.name);
	*r = IR_REF(IRK_GLOBAL, n);
	return true;
}

static bool string_operand(struct text *t, ir_ref *r)
{
	struct ir_str text;

	if (!scan_quoted(&t->s, t->m->max_string, &text))
		return false;
	*r = ir_strc(t->m, text.s, text.len);
	return true;
}

static bool operand(struct text *t, bool is_fn, ir_ref *r)
{
	uint32_t n;
	int64_t num;

	switch (scan_peek(&t->s)) {
	case '%':
		if (!reg_number(t, &n))
			return false;
		*r = IR_REF(IRK_REG, n);
		return true;
	case '@':
		return symbol_operand(t, is_fn, r);
	case '"':
		return string_operand(t, r);
	case 'b':
		if (!block_number(t, &n))
			return false;
		*r = IR_REF(IRK_BLOCK, n);
		return true;
	case '*':
		t->s.at++;
		*r = 0;
		return true;
	default:
		if (!scan_i64(&t->s, &num))
			return scan_fail(&t->s, "operand expected");
		*r = ir_num(t->m, num);
		return true;
	}
}

/* ------------------------------------------------------------------ instructions */

static bool sort_words(struct text *t, uint32_t *imm)
{
	struct ir_sort s = {0};
	uint32_t n = 0;

	if (scan_word_is(&t->s, "asc"))
		s.dir = 1;
	else if (scan_word_is(&t->s, "desc"))
		s.dir = -1;
	else if (!scan_expect_word(&t->s, "none"))
		return false;
	if (scan_word_is(&t->s, "key") && !scan_u32(&t->s, MAX_KEYS, &n))
		return false;
	s.column = (int)n;
	if (scan_word_is(&t->s, "by")) {
		s.by_stat = true;
		if (!text_stat_name(t, &n))
			return scan_fail(&t->s, "kind of statistic expected");
		s.stat = (enum stat_op)n;
	}
	s.has_limit = scan_word_is(&t->s, "limit");
	*imm = ir_sort_pack(s);
	return true;
}

static bool intrinsic_name(struct text *t, uint32_t *imm)
{
	const struct intrinsic *i;
	const char *at = t->s.at, *name;

	if (!scan_name(&t->s, &name))
		return false;
	i = intrinsic_find(name, strlen(name));
	if (!i)
		return scan_fail_at(&t->s, at, "no intrinsic '%s'", name);
	*imm = intrinsic_number(i);
	return true;
}

/* The immediate; *found tells whether this operation has one. */
static bool immediate(struct text *t, int op, uint32_t *imm, bool *found)
{
	*found = true;
	switch (op) {
	case IR_MATCH:
	case IR_TEST:
	case IR_PRINT:
	case IR_SPRINT:
	case IR_ITERKEY:
	case IR_ACTION:
	case IR_CTXREG:
	case IR_UREAD:
	case IR_CTXARG:
	case IR_KREAD:
		return scan_u32(&t->s, UINT32_MAX, imm);
	case IR_SGET:
	case IR_ITERSTAT:
		return text_stat_name(t, imm) || scan_fail(&t->s, "kind of statistic expected");
	case IR_FOREACH:
		return sort_words(t, imm);
	case IR_RT:
		return intrinsic_name(t, imm);
	default:
		*found = false;
		return true;
	}
}

static int find_op(const char *word, size_t len)
{
	for (int op = 0; op < IR_OP_COUNT; op++)
		if (strlen(ir_ops[op].name) == len && memcmp(ir_ops[op].name, word, len) == 0)
			return op;
	return -1;
}

static bool operation(struct text *t, int *op)
{
	const char *word, *at;
	size_t len;

	scan_peek(&t->s);
	at = t->s.at;
	if (!scan_word(&t->s, &word, &len))
		return false;
	*op = find_op(word, len);
	return *op >= 0 || scan_fail_at(&t->s, at, "no operation '%.*s'", (int)len, word);
}

/* Appends the operands to fn->args as they come: a pending call remembers its place there. */
static bool operands(struct text *t, struct ir_ins *i, bool comma)
{
	char c = scan_peek(&t->s);

	if (c == '\n' || c == 0)
		return true;
	do {
		ir_ref r;

		if (comma && !scan_expect(&t->s, ','))
			return false;
		comma = true;
		if (i->n_args == IR_MAX_ARGS)
			return scan_fail(&t->s, "more than %d operands", IR_MAX_ARGS);
		if (!operand(t, i->op == IR_CALL && i->n_args == 0, &r))
			return false;
		vec_push(&t->f->args, &t->m->arena, r);
		i->n_args++;
		c = scan_peek(&t->s);
	} while (c != '\n' && c != 0);
	return true;
}

static bool instruction(struct text *t)
{
	struct ir_ins i = {.first_arg = (uint32_t)t->f->args.n};
	bool has_imm;
	uint32_t reg;
	int op;

	if (!t->f->blocks.n)
		return scan_fail(&t->s, "instruction outside of a block");
	if (scan_peek(&t->s) == '%') {
		if (!typed_reg(t, &reg) || !scan_expect(&t->s, '='))
			return false;
		i.dst = IR_REF(IRK_REG, reg);
	}
	if (!operation(t, &op))
		return false;
	i.op = (uint8_t)op;
	if (!immediate(t, op, &i.imm, &has_imm) || !operands(t, &i, has_imm))
		return false;
	vec_push(&vec_last(&t->f->blocks).ins, &t->m->arena, i);
	return true;
}

/* ------------------------------------------------------------------ functions */

/* Is a block label next ("b3:")? */
static bool at_label(struct text *t)
{
	const char *p;

	if (scan_peek(&t->s) != 'b')
		return false;
	for (p = t->s.at + 1; p < t->s.end && *p >= '0' && *p <= '9'; p++)
		;
	return p < t->s.end && *p == ':' && p > t->s.at + 1;
}

static bool label(struct text *t)
{
	uint32_t n, handler;
	bool has_handler;

	if (!block_number(t, &n))
		return false;
	if (n != t->f->blocks.n)
		return scan_fail(&t->s, "block b%zu expected", t->f->blocks.n);
	if (!scan_expect(&t->s, ':'))
		return false;
	has_handler = scan_word_is(&t->s, "handler");
	if (has_handler && !block_number(t, &handler))
		return false;
	ir_block_add(t->m, t->f, has_handler ? (int)handler : -1);
	return true;
}

static bool params(struct text *t)
{
	uint32_t n;

	if (!scan_expect(&t->s, '('))
		return false;
	if (scan_eat(&t->s, ')'))
		return true;
	do {
		if (!named_reg(t, &n))
			return false;
		if (n != t->f->n_params)
			return scan_fail(&t->s, "parameter %%%u expected", t->f->n_params);
		t->f->n_params++;
	} while (scan_eat(&t->s, ','));
	return scan_expect(&t->s, ')');
}

static bool head(struct text *t)
{
	const char *name;

	if (!text_declare(t, &t->fns, t->m->fns.n, &name))
		return false;
	t->f = ir_fn_add(t->m, name);
	t->top_block_at = NULL;
	if (!params(t))
		return false;
	t->f->is_handler = scan_word_is(&t->s, "handler");
	if (scan_peek(&t->s) != '{' && !text_reg_type(t, &t->f->ret, &t->f->ret_width))
		return false;
	return scan_expect(&t->s, '{') && scan_line_end(&t->s);
}

static bool body_line(struct text *t)
{
	uint32_t n;

	if (at_label(t))
		return label(t);
	if (scan_word_is(&t->s, "reg"))
		return named_reg(t, &n);
	return instruction(t);
}

/* What can only be known at the closing brace. */
static bool complete(struct text *t)
{
	if (t->top_block_at && t->top_block >= t->f->blocks.n)
		return scan_fail_at(&t->s, t->top_block_at, "no block b%u", t->top_block);
	for (size_t i = 0; i < t->f->regs.n; i++)
		if (t->f->regs.v[i].type == IR_VOID)
			return scan_fail(&t->s, "register %%%zu has no type", i);
	return true;
}

static bool function(struct text *t)
{
	if (!head(t))
		return false;
	while (scan_more(&t->s)) {
		if (scan_eat(&t->s, '}'))
			return complete(t);
		if (!body_line(t) || !scan_line_end(&t->s))
			return false;
	}
	return scan_fail(&t->s, "'}' expected");
}

/* ------------------------------------------------------------------ the whole text */

static bool module_head(struct text *t)
{
	if (!scan_expect_word(&t->s, "max_string") ||
	    !scan_u32(&t->s, IR_MAX_STRING, &t->m->max_string))
		return false;
	if (t->m->max_string == 0)
		return scan_fail(&t->s, "max_string is 0");
	t->m->uses_groups = scan_word_is(&t->s, "groups");
	if (scan_word_is(&t->s, "points") &&
	    (!scan_u32(&t->s, UINT32_MAX, &t->m->point_width) ||
	     !scan_u32(&t->s, UINT32_MAX, &t->m->function_width)))
		return false;
	return scan_line_end(&t->s);
}

static bool declaration(struct text *t)
{
	if (scan_word_is(&t->s, "global"))
		return text_global(t);
	if (scan_word_is(&t->s, "format"))
		return text_format(t);
	if (scan_word_is(&t->s, "regex"))
		return text_regex(t);
	if (scan_word_is(&t->s, "fn"))
		return function(t);
	return scan_fail(&t->s, "global, format, regex or fn expected");
}

static bool resolve_calls(struct text *t)
{
	for (size_t i = 0; i < t->calls.n; i++) {
		const struct pending_call *c = &t->calls.v[i];
		uint32_t n;

		if (!text_find(&t->fns, c->name, c->number, t->m->fns.n, &n))
			return scan_fail_at(&t->s, c->at, "no function '%s'", c->name);
		c->fn->args.v[c->arg] = IR_REF(IRK_FN, n);
	}
	return true;
}

static bool whole_text(struct text *t)
{
	if (t->s.end - t->s.text > IR_MAX_TEXT)
		return scan_fail(&t->s, "the text is longer than %d bytes", IR_MAX_TEXT);
	scan_more(&t->s);
	if (!module_head(t))
		return false;
	while (scan_more(&t->s))
		if (!declaration(t) || !scan_line_end(&t->s))
			return false;
	return resolve_calls(t);
}

struct ir_module *ir_parse(struct arena *a, const char *text, size_t len, const char **error)
{
	struct text t = {.s = {.text = text, .end = text + len, .at = text, .error_arena = a}};

	/* Each register and block is typed or labelled somewhere, in at least four bytes. */
	t.max_index = len / 4 < IR_MAX_TEXT ? (uint32_t)(len / 4) : IR_MAX_TEXT;
	t.m = ir_module_new(1);
	t.s.arena = &t.m->arena;
	if (whole_text(&t))
		return t.m;
	*error = t.s.error;
	ir_module_free(t.m);
	return NULL;
}

#ifdef TAPIR_TEST
#include "base/test.h"

static const char *reprint(struct arena *a, const char *text)
{
	const char *error = NULL;
	struct ir_module *m = ir_parse(a, text, strlen(text), &error);
	struct str out = {0};

	if (!m)
		return error;
	ir_dump(&out, m);
	error = arena_strdup(a, out.s);
	str_release(&out);
	ir_module_free(m);
	return error;
}

TEST(ir_text_round_trip)
{
	static const char text[] = "max_string 63\n"
				   "global @n long = -5\n"
				   "global @\"odd name\" string:63 = \"a\\\"\\x01\"\n"
				   "global @t stats [long, string:63] max 10 declared wrap "
				   "stat(count, shift 2, hist_linear -1 9 2)\n"
				   "format 0 \"%-5d%%%.*s\\n\"\n"
				   "fn @f.0(%0:long x, %1:string:63) string:63 {\n"
				   "\treg %2:iter\n"
				   "b0: handler b1\n"
				   "\t%2:iter = foreach desc key 2 by avg limit, @t, 3, *, \"x\"\n"
				   "\tret \"done\"\n"
				   "b1:\n"
				   "\t%3:string:63 = call @f.0, -9223372036854775808, %1\n"
				   "\tret %3\n"
				   "}\n";
	struct arena a = {0};
	const char *once = reprint(&a, text);

	CHECK_STR(reprint(&a, once), once);
	arena_release(&a);
}

TEST(ir_text_errors)
{
	struct arena a = {0};

	CHECK_STR(reprint(&a, ""), "1:1: 'max_string' expected");
	CHECK_STR(reprint(&a, "max_string 9\nfn @f() {\nb0:\n\t%4000000000:long = mov 1\n"),
		  "4:3: number is too big");
	CHECK_STR(reprint(&a, "max_string 9\nfn @f() {\nb0:\n\tjmp b3\n}\n"), "4:6: no block b3");
	CHECK_STR(reprint(&a, "max_string 9\nfn @f() {\nb0:\n\tcall @g\n\tret\n}\n"),
		  "4:7: no function 'g'");
	arena_release(&a);
}
#endif
