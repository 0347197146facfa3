/* Text to module: what stands outside of functions. See text_parse.h. */
#include <string.h>

#include "ir/passes.h"
#include "ir/text_parse.h"
#include "lang/lang.h"
#include "rt/regex.h"

/* ------------------------------------------------------------------ names and types */

/* "name" or "name#number". */
bool text_symbol(struct text *t, const char **name, uint32_t *number)
{
	*number = NO_NUMBER;
	if (!scan_name(&t->s, name))
		return false;
	if (t->s.at < t->s.end && *t->s.at == '#') {
		t->s.at++;
		return scan_u32(&t->s, t->max_index, number);
	}
	return true;
}

/* The name a new global or function declares. */
bool text_declare(struct text *t, struct map *names, size_t number, const char **name)
{
	const char *at;
	uint32_t given;

	if (!scan_expect(&t->s, '@'))
		return false;
	at = t->s.at;
	if (!text_symbol(t, name, &given))
		return false;
	if (given != NO_NUMBER && given != number)
		return scan_fail_at(&t->s, at, "this is number %zu", number);
	if (map_get(names, *name))
		return given != NO_NUMBER ||
		       scan_fail_at(&t->s, at, "'%s' is declared already", *name);
	map_set(names, &t->m->arena, *name, (void *)(uintptr_t)(number + 1));
	return true;
}

/* Of a name in use; false if it is not known (no error recorded). */
bool text_find(const struct map *names, const char *name, uint32_t number, size_t count,
		 uint32_t *found)
{
	uintptr_t known = (uintptr_t)map_get(names, name);

	*found = number != NO_NUMBER ? number : (uint32_t)known - 1;
	return (number != NO_NUMBER || known) && *found < count;
}

static bool width(struct text *t, uint32_t *n)
{
	return scan_expect(&t->s, ':') && scan_u32(&t->s, t->m->max_string, n);
}

bool text_reg_type(struct text *t, enum ir_type *type, uint32_t *w)
{
	*w = 0;
	if (scan_word_is(&t->s, "long"))
		*type = IR_LONG;
	else if (scan_word_is(&t->s, "iter"))
		*type = IR_ITER;
	else if (scan_word_is(&t->s, "string"))
		*type = IR_STR;
	else
		return scan_fail(&t->s, "type expected");
	return *type != IR_STR || width(t, w);
}

static bool value_type(struct text *t, enum type *type, uint32_t *w)
{
	*w = 0;
	if (scan_word_is(&t->s, "long"))
		*type = TY_LONG;
	else if (scan_word_is(&t->s, "stats"))
		*type = TY_STATS;
	else if (scan_word_is(&t->s, "string"))
		*type = TY_STRING;
	else
		return scan_fail(&t->s, "type expected");
	return *type != TY_STRING || width(t, w);
}

/* ------------------------------------------------------------------ globals, formats, regexes */

bool text_stat_name(struct text *t, uint32_t *op)
{
	for (*op = 0; *op <= STAT_VARIANCE; ++*op)
		if (scan_word_is(&t->s, stat_op_name((enum stat_op)*op)))
			return true;
	return false;
}

static bool stat_word(struct text *t, struct stat_spec *spec)
{
	bool *wanted[] = {&spec->count, &spec->sum, &spec->min,
			  &spec->max,	&spec->avg, &spec->variance};
	uint32_t n;

	if (text_stat_name(t, &n)) {
		*wanted[n] = true;
	} else if (scan_word_is(&t->s, "shift")) {
		if (!scan_u32(&t->s, 62, &n))
			return false;
		spec->bit_shift = (int)n;
	} else if (scan_word_is(&t->s, "hist_log")) {
		spec->hist.kind = HIST_LOG;
	} else if (scan_word_is(&t->s, "hist_linear")) {
		spec->hist.kind = HIST_LINEAR;
		return scan_i64(&t->s, &spec->hist.low) && scan_i64(&t->s, &spec->hist.high) &&
		       scan_i64(&t->s, &spec->hist.step);
	} else {
		return scan_fail(&t->s, "kind of statistic expected");
	}
	return true;
}

static bool stat_spec(struct text *t, struct stat_spec *spec)
{
	if (!scan_expect(&t->s, '('))
		return false;
	do {
		if (!stat_word(t, spec))
			return false;
	} while (scan_eat(&t->s, ','));
	return scan_expect(&t->s, ')');
}

static bool keys(struct text *t, struct ir_global *g)
{
	do {
		if (g->n_keys == MAX_KEYS)
			return scan_fail(&t->s, "more than %d keys", MAX_KEYS);
		if (!value_type(t, &g->key_type[g->n_keys], &g->key_width[g->n_keys]))
			return false;
		g->n_keys++;
	} while (scan_eat(&t->s, ','));
	return scan_expect(&t->s, ']');
}

static bool initial_value(struct text *t, struct ir_global *g)
{
	struct ir_str text;

	if (g->type != TY_STRING)
		return scan_i64(&t->s, &g->init_num);
	if (!scan_quoted(&t->s, t->m->max_string, &text))
		return false;
	g->init_str = text.s;
	g->init_len = text.len;
	return true;
}

bool text_global(struct text *t)
{
	struct ir_global g = {0};

	if (!text_declare(t, &t->globals, t->m->globals.n, &g.name) ||
	    !value_type(t, &g.type, &g.width))
		return false;
	if (scan_eat(&t->s, '[') && !keys(t, &g))
		return false;
	if (scan_word_is(&t->s, "max") && !scan_i64(&t->s, &g.max_entries))
		return false;
	g.max_declared = scan_word_is(&t->s, "declared");
	g.wrap = scan_word_is(&t->s, "wrap");
	if (scan_word_is(&t->s, "stat") && !stat_spec(t, &g.stat))
		return false;
	if (scan_eat(&t->s, '=') && !initial_value(t, &g))
		return false;
	vec_push(&t->m->globals, &t->m->arena, g);
	return true;
}

/* The number of a format or regex, which come in order. */
static bool next_number(struct text *t, size_t expected)
{
	uint32_t n;

	if (!scan_u32(&t->s, UINT32_MAX, &n))
		return false;
	return n == expected || scan_fail(&t->s, "number %zu expected", expected);
}

bool text_format(struct text *t)
{
	struct ir_format f = {0};
	struct ir_str text;
	const char *at, *error;

	if (!next_number(t, t->m->formats.n))
		return false;
	at = t->s.at;
	if (!scan_quoted(&t->s, IR_MAX_TEXT, &text))
		return false;
	error = format_parse(&t->m->arena, text.s, text.len, &f.parts);
	if (error)
		return scan_fail_at(&t->s, at, "%s", error);
	f.newline = scan_word_is(&t->s, "newline");
	vec_push(&t->m->formats, &t->m->arena, f);
	return true;
}

bool text_regex(struct text *t)
{
	struct ir_regex re = {0};
	struct ir_str text;
	char error[200] = "";
	size_t position = 0;
	const char *at;

	if (!next_number(t, t->m->regexes.n))
		return false;
	at = t->s.at;
	if (!scan_quoted(&t->s, IR_MAX_TEXT, &text))
		return false;
	re.text = text.s;
	re.len = text.len;
	re.compiled = regex_compile(re.text, re.len, t->m->uses_groups, error, sizeof(error),
				    &position);
	if (!re.compiled)
		return scan_fail_at(&t->s, at, "regex compilation error (at position %zu): %s",
				    position, error);
	vec_push(&t->m->regexes, &t->m->arena, re);
	return true;
}
