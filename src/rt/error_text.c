/* See error_text.h. Wording: language reference 5.7, function library 3.7. */
#include "rt/error_text.h"

#include <inttypes.h>

#include "ir/ir.h"
#include "lang/token.h"
#include "rt/intrinsic.h"

static const char *const fixed[] = {
	[RT_E_DIV0] = "division by 0",
	[RT_E_EMPTY] = "empty aggregate",
	[RT_E_HIST_INDEX] = "histogram index out of range",
	[RT_E_MAXACTION] = "MAXACTION exceeded",
	[RT_E_MAXNESTING] = "MAXNESTING exceeded",
	[RT_E_POSITION] = "Position out of bounds",
	[RT_E_REGISTER] = "register access fault [man error::fault]",
	[RT_E_RANGE] = "range too wide",
	[RT_E_ABORT] = "",
};

const char *rt_error_fixed(enum rt_error e)
{
	size_t i = (size_t)e;

	return i < sizeof(fixed) / sizeof(fixed[0]) && fixed[i] ? fixed[i] : "";
}

void rt_error_array_full(struct str *out, const struct ir_global *g)
{
	if (g->max_declared)
		str_addf(out, "Array overflow, check size limit (%" PRId64 ")", g->max_entries);
	else
		str_add(out, "Array overflow, check MAXMAPENTRIES");
}

void rt_error_text(struct str *out, enum rt_error e, int64_t arg, const struct ir_module *m)
{
	uint64_t at = (uint64_t)arg;

	switch (e) {
	case RT_E_FULL:
		if (at < m->globals.n)
			rt_error_array_full(out, &m->globals.v[at]);
		break;
	case RT_E_READ:
		str_addf(out, "read fault [man error::fault] at 0x%" PRIx64, at);
		break;
	case RT_E_WRITE:
		str_addf(out, "write fault [man error::fault] at 0x%" PRIx64, at);
		break;
	case RT_E_USER_STRING:
		str_addf(out, "user string copy fault -14 at 0x%" PRIx64 " [man error::fault]", at);
		break;
	case RT_E_USER_COPY:
		str_addf(out, "user long copy fault 0x%" PRIx64 " [man error::fault]", at);
		break;
	case RT_E_KERNEL_STRING:
		str_addf(out, "kernel string copy fault at 0x%" PRIx64 " [man error::fault]", at);
		break;
	case RT_E_ARGUMENT:
		str_addf(out, "cannot access arg(%" PRId64 ")", arg);
		break;
	default:
		str_add(out, rt_error_fixed(e));
	}
}

int rt_raise_error(struct rt_call *c, enum rt_error e, int64_t arg)
{
	struct str text = {0};
	int status;

	rt_error_text(&text, e, arg, NULL);
	status = rt_raise(c, "%s", text.s);
	str_release(&text);
	return status;
}

/* ------------------------------------------------------------------ places */

static void add_place(struct str *out, const struct token *tok)
{
	struct arena a = {0};

	if (!tok) {
		str_add(out, "synthesized code");
		return;
	}
	str_addf(out, "%s at %s:%u:%u", token_describe(&a, tok), tok->src->name, tok->line, tok->col);
	arena_release(&a);
}

void rt_error_near(struct str *out, const struct token *tok)
{
	str_add(out, " near ");
	add_place(out, tok);
}

void rt_error_called_from(struct str *out, const struct token *tok)
{
	str_add(out, " (called from ");
	add_place(out, tok);
	str_addc(out, ')');
}

void rt_error_probe(struct str *out, const char *point)
{
	str_addf(out, " in probe %s", point);
}
