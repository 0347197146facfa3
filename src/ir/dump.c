/* A module as text (see ir.h and docs/IR.md).
 *
 * The text is complete: text_parse.c makes the same module of it, but for source places (tokens),
 * the order of the constant pools and sort words that mean nothing. Names that two globals or two
 * functions share are told apart by "#" and the number. */
#include <inttypes.h>
#include <string.h>

#include "base/map.h"
#include "ir/ir.h"
#include "ir/passes.h"
#include "rt/intrinsic.h"

struct dump {
	struct str *out;
	const struct ir_module *m;
	const struct ir_fn *f;
	struct arena arena;	 /* for the maps */
	struct map globals, fns; /* name -> 1 + number of the first of this name */
};

/* ------------------------------------------------------------------ words */

static bool is_bare(const char *s)
{
	if (!(*s == '_' || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
		return false;
	for (; *s; s++)
		if (!(*s == '_' || *s == '.' || *s == '$' || (*s >= 'a' && *s <= 'z') ||
		      (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9')))
			return false;
	return true;
}

static void quoted(struct str *out, const char *s, size_t len)
{
	str_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c == '\n')
			str_add(out, "\\n");
		else if (c == '\t')
			str_add(out, "\\t");
		else if (c < 32 || c >= 127)
			str_addf(out, "\\x%02x", c);
		else
			str_addc(out, (char)c);
	}
	str_addc(out, '"');
}

static void name(struct str *out, const char *s)
{
	if (is_bare(s))
		str_add(out, s);
	else
		quoted(out, s, strlen(s));
}

/* "@name", or "@name#number" unless it is the first of its name. */
static void sigil(struct dump *d, const struct map *names, const char *s, uint32_t number)
{
	str_addc(d->out, '@');
	name(d->out, s);
	if ((uintptr_t)map_get(names, s) != (uintptr_t)number + 1)
		str_addf(d->out, "#%u", number);
}

static void reg_type(struct str *out, enum ir_type t, uint32_t width)
{
	static const char *const names[] = {"void", "long", "string", "iter"};

	str_add(out, names[t]);
	if (t == IR_STR)
		str_addf(out, ":%u", width);
}

static void value_type(struct str *out, enum type t, uint32_t width)
{
	str_add(out, type_name(t));
	if (t == TY_STRING)
		str_addf(out, ":%u", width);
}

/* ------------------------------------------------------------------ globals, formats */

static void stat_word(struct str *out, bool *first, const char *word)
{
	str_add(out, *first ? " stat(" : ", ");
	str_add(out, word);
	*first = false;
}

static void stat_text(struct str *out, const struct stat_spec *s)
{
	const bool wanted[] = {s->count, s->sum, s->min, s->max, s->avg, s->variance};
	bool first = true;

	for (int i = 0; i <= STAT_VARIANCE; i++)
		if (wanted[i])
			stat_word(out, &first, stat_op_name((enum stat_op)i));
	if (s->bit_shift) {
		stat_word(out, &first, "shift");
		str_addf(out, " %d", s->bit_shift);
	}
	if (s->hist.kind == HIST_LOG)
		stat_word(out, &first, "hist_log");
	if (s->hist.kind == HIST_LINEAR) {
		stat_word(out, &first, "hist_linear");
		str_addf(out, " %" PRId64 " %" PRId64 " %" PRId64, s->hist.low, s->hist.high,
			 s->hist.step);
	}
	if (!first)
		str_addc(out, ')');
}

static void global(struct dump *d, uint32_t number)
{
	const struct ir_global *g = &d->m->globals.v[number];
	struct str *out = d->out;

	str_add(out, "global ");
	sigil(d, &d->globals, g->name, number);
	str_addc(out, ' ');
	value_type(out, g->type, g->width);
	for (int i = 0; i < g->n_keys; i++) {
		str_add(out, i ? ", " : " [");
		value_type(out, g->key_type[i], g->key_width[i]);
	}
	if (g->n_keys > 0)
		str_addf(out, "] max %" PRId64, g->max_entries);
	if (g->max_declared)
		str_add(out, " declared");
	if (g->wrap)
		str_add(out, " wrap");
	if (g->type == TY_STATS)
		stat_text(out, &g->stat);
	if (g->n_keys == 0 && g->type == TY_LONG && g->init_num)
		str_addf(out, " = %" PRId64, g->init_num);
	if (g->n_keys == 0 && g->type == TY_STRING && g->init_len) {
		str_add(out, " = ");
		quoted(out, g->init_str, g->init_len);
	}
	str_addc(out, '\n');
}

/* Width or precision. */
static void field_size(struct str *out, const char *before, int n)
{
	if (n == FMT_DYNAMIC)
		str_addf(out, "%s*", before);
	else if (n != FMT_NONE)
		str_addf(out, "%s%d", before, n);
}

static void format_part(struct str *out, const struct fmt_part *p)
{
	static const char convs[] = {
		[CONV_DEC] = 'd',     [CONV_UNSIGNED] = 'u', [CONV_HEX] = 'x',
		[CONV_HEX_UPPER] = 'X', [CONV_OCTAL] = 'o',  [CONV_POINTER] = 'p',
		[CONV_CHAR] = 'c',    [CONV_STRING] = 's',   [CONV_MEMORY] = 'm',
		[CONV_MEMORY_HEX] = 'M', [CONV_BINARY] = 'b',
	};
	static const char flags[] = "0+ -#"; /* by bit of enum fmt_flag */

	if (p->conv == CONV_LITERAL) {
		for (uint32_t i = 0; i < p->len; i++) {
			if (p->text[i] == '%')
				str_addc(out, '%');
			str_addc(out, p->text[i]);
		}
		return;
	}
	str_addc(out, '%');
	for (int i = 0; flags[i]; i++)
		if (p->flags & 1u << i)
			str_addc(out, flags[i]);
	field_size(out, "", p->width);
	field_size(out, ".", p->precision);
	str_addc(out, convs[p->conv]);
}

static void format(struct dump *d, size_t number)
{
	const struct ir_format *f = &d->m->formats.v[number];
	struct str text = {0};

	for (size_t i = 0; i < f->parts.n; i++)
		format_part(&text, &f->parts.v[i]);
	str_addf(d->out, "format %zu ", number);
	quoted(d->out, text.s, text.len);
	if (f->newline)
		str_add(d->out, " newline");
	str_addc(d->out, '\n');
	str_release(&text);
}

/* ------------------------------------------------------------------ instructions */

static void operand(struct dump *d, ir_ref r)
{
	uint32_t k = IR_INDEX(r);

	switch (IR_KIND(r)) {
	case IRK_NONE:
		str_addc(d->out, '*');
		break;
	case IRK_REG:
		str_addf(d->out, "%%%u", k);
		break;
	case IRK_NUM:
		str_addf(d->out, "%" PRId64, d->m->nums.v[k]);
		break;
	case IRK_STR:
		quoted(d->out, d->m->strs.v[k].s, d->m->strs.v[k].len);
		break;
	case IRK_GLOBAL:
		sigil(d, &d->globals, d->m->globals.v[k].name, k);
		break;
	case IRK_FN:
		sigil(d, &d->fns, d->m->fns.v[k]->name, k);
		break;
	case IRK_BLOCK:
		str_addf(d->out, "b%u", k);
		break;
	case IRK_PARAM: /* not in modules that are dumped */
		break;
	}
}

static void sort_text(struct str *out, struct ir_sort s)
{
	str_add(out, s.dir < 0 ? "desc" : s.dir > 0 ? "asc" : "none");
	if (s.column)
		str_addf(out, " key %d", s.column);
	if (s.by_stat)
		str_addf(out, " by %s", stat_op_name(s.stat));
	if (s.has_limit)
		str_add(out, " limit");
}

/* The immediate in words; false if the operation has none. */
static bool immediate(struct dump *d, const struct ir_ins *i)
{
	switch (i->op) {
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
		str_addf(d->out, " %u", i->imm);
		return true;
	case IR_SGET:
	case IR_ITERSTAT:
		str_addf(d->out, " %s", stat_op_name((enum stat_op)i->imm));
		return true;
	case IR_FOREACH:
		str_addc(d->out, ' ');
		sort_text(d->out, ir_sort_unpack(i->imm));
		return true;
	case IR_RT:
		str_addc(d->out, ' ');
		name(d->out, intrinsic_by_number(i->imm)->name);
		return true;
	default:
		return false;
	}
}

static void reg_with_type(struct dump *d, uint32_t number)
{
	const struct ir_reg *r = &d->f->regs.v[number];

	str_addf(d->out, "%%%u:", number);
	reg_type(d->out, r->type, r->width);
}

static void instruction(struct dump *d, const struct ir_ins *i)
{
	const ir_ref *args = ir_args(d->f, i);
	bool comma;

	str_addc(d->out, '\t');
	if (i->dst) {
		reg_with_type(d, IR_INDEX(i->dst));
		str_add(d->out, " = ");
	}
	str_add(d->out, ir_ops[i->op].name);
	comma = immediate(d, i);
	for (unsigned k = 0; k < i->n_args; k++) {
		str_add(d->out, comma ? ", " : " ");
		operand(d, args[k]);
		comma = true;
	}
	str_addc(d->out, '\n');
}

/* ------------------------------------------------------------------ functions */

static void block(struct dump *d, uint32_t number)
{
	const struct ir_block *b = &d->f->blocks.v[number];

	str_addf(d->out, "b%u:", number);
	if (b->handler >= 0)
		str_addf(d->out, " handler b%d", b->handler);
	str_addc(d->out, '\n');
	for (size_t i = 0; i < b->ins.n; i++)
		instruction(d, &b->ins.v[i]);
}

static void named_reg(struct dump *d, uint32_t number)
{
	reg_with_type(d, number);
	if (d->f->regs.v[number].name) {
		str_addc(d->out, ' ');
		name(d->out, d->f->regs.v[number].name);
	}
}

/* Lines for the registers whose name or type the instructions do not show. */
static void declarations(struct dump *d)
{
	const struct ir_fn *f = d->f;
	bool *assigned = ARENA_ARRAY(&d->arena, bool, f->regs.n + 1);

	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++)
			if (f->blocks.v[b].ins.v[i].dst)
				assigned[IR_INDEX(f->blocks.v[b].ins.v[i].dst)] = true;
	for (uint32_t r = f->n_params; r < f->regs.n; r++) {
		if (assigned[r] && !f->regs.v[r].name)
			continue;
		str_add(d->out, "\treg ");
		named_reg(d, r);
		str_addc(d->out, '\n');
	}
}

static void function(struct dump *d, uint32_t number)
{
	const struct ir_fn *f = d->m->fns.v[number];

	d->f = f;
	str_add(d->out, "fn ");
	sigil(d, &d->fns, f->name, number);
	str_addc(d->out, '(');
	for (uint32_t i = 0; i < f->n_params; i++) {
		str_add(d->out, i ? ", " : "");
		named_reg(d, i);
	}
	str_addc(d->out, ')');
	if (f->is_handler)
		str_add(d->out, " handler");
	if (f->ret != IR_VOID) {
		str_addc(d->out, ' ');
		reg_type(d->out, f->ret, f->ret_width);
	}
	str_add(d->out, " {\n");
	declarations(d);
	for (uint32_t b = 0; b < f->blocks.n; b++)
		block(d, b);
	str_add(d->out, "}\n");
}

static void remember(struct dump *d, struct map *names, const char *s, size_t number)
{
	if (!map_get(names, s))
		map_set(names, &d->arena, s, (void *)(uintptr_t)(number + 1));
}

void ir_dump(struct str *out, const struct ir_module *m)
{
	struct dump d = {.out = out, .m = m};

	for (size_t i = 0; i < m->globals.n; i++)
		remember(&d, &d.globals, m->globals.v[i].name, i);
	for (size_t i = 0; i < m->fns.n; i++)
		remember(&d, &d.fns, m->fns.v[i]->name, i);
	str_addf(out, "max_string %u%s", m->max_string, m->uses_groups ? " groups" : "");
	if (m->point_width)
		str_addf(out, " points %u %u", m->point_width, m->function_width);
	str_addc(out, '\n');
	for (size_t i = 0; i < m->globals.n; i++)
		global(&d, (uint32_t)i);
	for (size_t i = 0; i < m->formats.n; i++)
		format(&d, i);
	for (size_t i = 0; i < m->regexes.n; i++) {
		str_addf(out, "regex %zu ", i);
		quoted(out, m->regexes.v[i].text, m->regexes.v[i].len);
		str_addc(out, '\n');
	}
	for (size_t i = 0; i < m->fns.n; i++)
		function(&d, (uint32_t)i);
	arena_release(&d.arena);
}
