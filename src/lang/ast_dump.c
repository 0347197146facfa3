/* Trees as text: the pass-1 dump and the names of probe points (command-line reference, section 4). */
#include "lang/lang.h"

#include <inttypes.h>
#include <string.h>

static void dump_expr(struct str *o, const struct expr *e);

static const char *const op_text[] = {
	[OP_ADD] = "+",	 [OP_SUB] = "-",   [OP_MUL] = "*",   [OP_DIV] = "/",	 [OP_MOD] = "%",
	[OP_AND] = "&",	 [OP_OR] = "|",	   [OP_XOR] = "^",   [OP_SHL] = "<<",	 [OP_SAR] = ">>",
	[OP_SHR] = ">>>", [OP_CONCAT] = ".", [OP_LAND] = "&&", [OP_LOR] = "||",	 [OP_LT] = "<",
	[OP_LE] = "<=",	 [OP_GT] = ">",	   [OP_GE] = ">=",   [OP_EQ] = "==",	 [OP_NE] = "!=",
	[OP_MATCH] = "=~", [OP_NOTMATCH] = "!~", [OP_NEG] = "-", [OP_PLUS] = "+", [OP_NOT] = "!",
	[OP_INVERT] = "~", [OP_INC] = "++",  [OP_DEC] = "--",  [OP_ASSIGN] = "=", [OP_AGGREGATE] = "<<<",
};

static void dump_literal(struct str *o, const struct literal *l, bool double_escape)
{
	if (!l->is_string) {
		str_addf(o, "%" PRId64, l->num);
		return;
	}
	str_addc(o, '"');
	for (const char *s = l->raw; *s; s++) {
		if (*s == '"')
			str_addc(o, '\\');
		if (*s == '\n')
			str_add(o, "\\n");
		else
			str_addc(o, *s);
		if (*s == '\\' && double_escape)
			str_addc(o, '\\');
	}
	str_addc(o, '"');
}

static void dump_list(struct str *o, const expr_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			str_add(o, ", ");
		if (l->v[i])
			dump_expr(o, l->v[i]);
		else
			str_addc(o, '*');
	}
}

static void dump_paren(struct str *o, const struct expr *e)
{
	str_addc(o, '(');
	dump_expr(o, e);
	str_addc(o, ')');
}

static void dump_accessors(struct str *o, const struct expr *e)
{
	for (size_t i = 0; i < e->accessors.n; i++) {
		const struct accessor *a = &e->accessors.v[i];

		if (a->kind == ACC_MEMBER) {
			str_addf(o, "->%s", a->member);
		} else {
			str_addc(o, '[');
			dump_expr(o, a->index);
			str_addc(o, ']');
		}
	}
	str_add(o, e->suffix == 2 ? "$$" : e->suffix ? "$" : "");
}

static void dump_print(struct str *o, const struct expr *e)
{
	const struct print *k = e->print;

	str_addf(o, "%s(", k->name);
	if (k->hist)
		dump_expr(o, k->hist);
	if (k->format)
		dump_literal(o, k->format, true);
	if (k->delimiter)
		dump_literal(o, k->delimiter, true);
	if ((k->format || k->delimiter) && e->args.n)
		str_add(o, ", ");
	dump_list(o, &e->args);
	str_addc(o, ')');
}

static void dump_at(struct str *o, const struct expr *e, const char *name)
{
	str_addf(o, "@%s(", name);
	if (e->left)
		dump_expr(o, e->left);
	if (e->lit) {
		str_add(o, e->left ? ", " : "");
		dump_literal(o, e->lit, false);
	}
	if (e->module) {
		str_add(o, ", ");
		dump_literal(o, e->module, false);
	}
	str_addc(o, ')');
	dump_accessors(o, e);
}

static void dump_expr(struct str *o, const struct expr *e)
{
	if (e->address_of)
		str_addc(o, '&');
	switch (e->kind) {
	case EX_NUMBER:
	case EX_STRING:
		dump_literal(o, e->lit, false);
		break;
	case EX_SYMBOL:
		str_add(o, e->name);
		break;
	case EX_INDEX:
		if (e->hist)
			dump_expr(o, e->hist);
		else
			str_add(o, e->name);
		str_addc(o, '[');
		dump_list(o, &e->args);
		str_addc(o, ']');
		break;
	case EX_CALL:
		str_addf(o, "%s(", e->name);
		dump_list(o, &e->args);
		str_addc(o, ')');
		break;
	case EX_BINARY:
	case EX_LOGICAL:
	case EX_COMPARE:
	case EX_CONCAT:
	case EX_ASSIGN:
		dump_paren(o, e->left);
		str_addf(o, " %s", e->kind == EX_CONCAT ? "." : op_text[e->op]);
		str_add(o, e->kind == EX_ASSIGN && e->op != OP_ASSIGN && e->op != OP_AGGREGATE ? "= "
											       : " ");
		dump_paren(o, e->right);
		break;
	case EX_REGEX:
		dump_paren(o, e->left);
		str_addf(o, " %s ", op_text[e->op]);
		dump_expr(o, e->right);
		break;
	case EX_IN:
		str_addc(o, '[');
		dump_list(o, &e->args);
		str_add(o, "] in ");
		if (e->hist)
			dump_expr(o, e->hist);
		else
			str_add(o, e->name);
		break;
	case EX_UNARY:
		str_add(o, op_text[e->op]);
		dump_paren(o, e->left);
		break;
	case EX_INCDEC:
		if (!e->is_post)
			str_add(o, op_text[e->op]);
		dump_paren(o, e->left);
		if (e->is_post)
			str_add(o, op_text[e->op]);
		break;
	case EX_TERNARY:
		dump_paren(o, e->cond);
		str_addc(o, '?');
		dump_paren(o, e->left);
		str_addc(o, ':');
		dump_paren(o, e->right);
		break;
	case EX_PRINT:
		dump_print(o, e);
		break;
	case EX_STAT:
		str_addf(o, "@%s(", stat_op_name(e->stat));
		dump_expr(o, e->left);
		if (e->bit_shift)
			str_addf(o, ", %d", e->bit_shift);
		str_addc(o, ')');
		break;
	case EX_HIST:
		str_add(o, e->hist_param.kind == HIST_LINEAR ? "@hist_linear(" : "@hist_log(");
		dump_expr(o, e->left);
		if (e->hist_param.kind == HIST_LINEAR)
			str_addf(o, ", %" PRId64 ", %" PRId64 ", %" PRId64, e->hist_param.low,
				 e->hist_param.high, e->hist_param.step);
		str_addc(o, ')');
		break;
	case EX_TARGET:
		str_add(o, e->name);
		dump_accessors(o, e);
		break;
	case EX_ATVAR:
		dump_at(o, e, "var");
		break;
	case EX_CAST:
		dump_at(o, e, "cast");
		break;
	case EX_AUTOCAST:
		dump_paren(o, e->left);
		dump_accessors(o, e);
		break;
	case EX_DEFINED:
		dump_at(o, e, "defined");
		break;
	case EX_PROBEWRITE:
		str_addf(o, "@probewrite(%s)", e->name);
		break;
	case EX_ENTRY:
		dump_at(o, e, "entry");
		break;
	case EX_PERF:
		dump_at(o, e, "perf");
		break;
	case EX_CONST:
		dump_at(o, e, "const");
		break;
	case EX_ENUM:
		dump_at(o, e, "enum");
		break;
	case EX_ENUMNAME:
		dump_at(o, e, "enumname");
		break;
	case EX_REGISTER:
		dump_at(o, e, e->kernel_side ? "kregister" : "uregister");
		break;
	case EX_DEREF:
		str_addf(o, "@%cderef(", e->kernel_side ? 'k' : 'u');
		dump_expr(o, e->left);
		str_add(o, ", ");
		dump_expr(o, e->right);
		str_addc(o, ')');
		break;
	case EX_CONTEXT:
		if (e->context == CTX_READ || e->context == CTX_KREAD) {
			str_addf(o, "*(%s%s%d)(", e->context == CTX_KREAD ? "kernel " : "",
				 e->is_signed ? "s" : "u", e->size * 8);
			dump_expr(o, e->left);
			str_addc(o, ')');
		} else if (e->context == CTX_ARG) {
			str_addf(o, "%%arg%d", e->number);
		} else if (e->context == CTX_BIAS) {
			str_add(o, "%bias");
		} else if (e->context == CTX_CALL) {
			str_add(o, "%call");
		} else if (e->context == CTX_KFIELD) {
			str_addf(o, "%%kfield(%s)", e->name);
		} else {
			str_addf(o, "%%r%d", e->number);
		}
		break;
	case EX_EMBEDDED:
		str_addf(o, "%%{%s%%}", e->embedded);
		break;
	}
}

static void dump_stmt(struct str *o, const struct stmt *s);

static void dump_foreach(struct str *o, const struct stmt *s)
{
	const struct foreach *f = s->foreach;
	const char *sort = f->sort_dir > 0 ? "+" : f->sort_dir < 0 ? "-" : "";

	str_add(o, "foreach (");
	if (f->value)
		str_addf(o, "%s = ", f->value->name);
	str_addc(o, '[');
	for (size_t i = 0; i < f->keys.n; i++)
		str_addf(o, "%s%s%s", i ? ", " : "", f->keys.v[i]->name,
			 f->sort_column == (int)i + 1 ? sort : "");
	str_add(o, "] in ");
	if (f->hist)
		dump_expr(o, f->hist);
	else
		str_add(o, f->name);
	if (f->sliced) {
		str_addc(o, '[');
		dump_list(o, &f->slice);
		str_addc(o, ']');
	}
	if (f->sort_by_stat)
		str_addf(o, " @%s", stat_op_name(f->sort_stat));
	if (f->sort_column == 0)
		str_add(o, sort);
	if (f->limit) {
		str_add(o, " limit ");
		dump_expr(o, f->limit);
	}
	str_add(o, ") ");
	dump_stmt(o, s->then);
}

/* One statement; its text ends with a newline. */
static void dump_stmt(struct str *o, const struct stmt *s)
{
	switch (s->kind) {
	case ST_NULL:
		str_add(o, ";\n");
		break;
	case ST_BLOCK:
		str_add(o, "{\n");
		for (size_t i = 0; i < s->body.n; i++)
			dump_stmt(o, s->body.v[i]);
		str_add(o, "}\n");
		break;
	case ST_EXPR:
		dump_expr(o, s->expr);
		str_add(o, ";\n");
		break;
	case ST_IF:
		str_add(o, "if (");
		dump_expr(o, s->expr);
		str_add(o, ") ");
		dump_stmt(o, s->then);
		str_add(o, ";\n");
		if (s->otherwise) {
			str_add(o, "else ");
			dump_stmt(o, s->otherwise);
			str_add(o, ";\n");
		}
		break;
	case ST_LOOP:
		str_add(o, "for (");
		if (s->init)
			dump_expr(o, s->init);
		str_add(o, "; ");
		if (s->expr)
			dump_expr(o, s->expr);
		str_add(o, "; ");
		if (s->step)
			dump_expr(o, s->step);
		str_add(o, ") ");
		dump_stmt(o, s->then);
		break;
	case ST_FOREACH:
		dump_foreach(o, s);
		break;
	case ST_TRY:
		str_add(o, "try ");
		dump_stmt(o, s->then);
		o->len -= 1; /* the newline: "} catch" */
		str_add(o, " catch ");
		if (s->name)
			str_addf(o, "(%s) ", s->name);
		dump_stmt(o, s->otherwise);
		break;
	case ST_RETURN:
		str_add(o, "return");
		if (s->expr) {
			str_addc(o, ' ');
			dump_expr(o, s->expr);
		}
		str_add(o, ";\n");
		break;
	case ST_DELETE:
		str_add(o, "delete ");
		dump_expr(o, s->expr);
		str_add(o, ";\n");
		break;
	case ST_BREAK:
		str_add(o, "break;\n");
		break;
	case ST_CONTINUE:
		str_add(o, "continue;\n");
		break;
	case ST_NEXT:
		str_add(o, "next;\n");
		break;
	case ST_EMBEDDED:
		str_addf(o, "%%{%s%%}\n", s->name);
		break;
	}
}

static void dump_point(struct str *o, const struct probe_point *p)
{
	for (size_t i = 0; i < p->comps.n; i++) {
		const struct component *c = &p->comps.v[i];

		str_addf(o, "%s%s", i ? "." : "", c->name);
		if (c->arg) {
			str_addc(o, '(');
			dump_literal(o, c->arg, false);
			str_addc(o, ')');
		}
	}
	if (p->sufficient)
		str_addc(o, '!');
	else if (p->optional)
		str_addc(o, '?');
	if (p->condition) {
		str_add(o, " if (");
		dump_expr(o, p->condition);
		str_addc(o, ')');
	}
}

static void dump_probe(struct str *o, const struct probe *p)
{
	str_add(o, "probe ");
	for (size_t i = 0; i < p->names.n; i++) {
		dump_point(o, p->names.v[i]);
		str_add(o, p->epilogue_style ? " += " : " = ");
	}
	for (size_t i = 0; i < p->points.n; i++) {
		if (i)
			str_add(o, p->is_alias ? ", " : ",");
		dump_point(o, p->points.v[i]);
	}
	dump_stmt(o, p->body);
	if (p->epilogue) {
		o->len -= 1;
		str_add(o, ", ");
		dump_stmt(o, p->epilogue);
	}
}

void ast_dump_script(struct str *o, const struct script *sc)
{
	str_addf(o, "# file %s\n", sc->src->name);
	for (size_t i = 0; i < sc->embedded.n; i++)
		str_addf(o, "%%{%s%%}\n", sc->embedded.v[i]->text);
	for (size_t i = 0; i < sc->globals.n; i++) {
		const struct var *v = sc->globals.v[i];

		str_addf(o, "%sglobal %s%s", v->is_private ? "private " : "", v->name,
			 v->wrap ? "%" : "");
		if (v->maxsize)
			str_addf(o, "[%" PRId64 "]", v->maxsize);
		if (v->init) {
			str_add(o, " = ");
			dump_literal(o, v->init, false);
		}
		str_addc(o, '\n');
	}
	for (size_t i = 0; i < sc->aliases.n; i++)
		dump_probe(o, sc->aliases.v[i]);
	for (size_t i = 0; i < sc->probes.n; i++)
		dump_probe(o, sc->probes.v[i]);
	for (size_t i = 0; i < sc->functions.n; i++) {
		const struct function *f = sc->functions.v[i];

		str_addf(o, "%sfunction %s (", f->is_private ? "private " : "", f->name);
		for (size_t k = 0; k < f->params.n; k++)
			str_addf(o, "%s%s", k ? ", " : "", f->params.v[k]->name);
		str_add(o, ")\n");
		if (f->embedded)
			str_addf(o, "%%{%s%%}\n", f->embedded);
		else
			dump_stmt(o, f->body);
	}
	str_addc(o, '\n');
}

static const char *finish(struct arena *a, struct str *b)
{
	const char *r = arena_strndup(a, b->s ? b->s : "", b->len);

	str_release(b);
	return r;
}

const char *expr_text(struct arena *a, const struct expr *e)
{
	struct str b = {0};

	dump_expr(&b, e);
	return finish(a, &b);
}

const char *point_text(struct arena *a, const struct probe_point *p)
{
	struct str b = {0};

	dump_point(&b, p);
	return finish(a, &b);
}
