/* Preprocessor: @define and @macro, then %( condition %? ... %: ... %) (language reference 1.9, 1.10).
 *
 * A stack of frames: the file below, above it the bodies and arguments of macros being expanded.
 * An argument is a closure: a frame over its tokens with the environment of the call. Dropped
 * branches are only bracket-matched, so that errors in them do not count. */
#include "lang/pp.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/bug.h"
#include "lang/diag.h"
#include "session.h"
#include "tapset/library.h"

enum {
	MAX_DEPTH = 200,	  /* nested macros: beyond this it is taken for recursion */
	MAX_EXPANDED = 1000000, /* tokens made by macros in one file */
};

typedef VEC(struct token *) token_list;

/* What macro parameters mean in a frame. */
struct pp_env {
	const struct macro *macro;
	token_list *args;
	struct pp_env *caller; /* for the arguments */
};

struct pp_frame {
	struct pp_frame *below;
	struct token *const *v;
	size_t n, pos;
	struct pp_env *env;
	const struct token *invocation; /* for the chain of its tokens, NULL for arguments */
};

void pp_init(struct pp *pp, struct session *s, const struct source *src)
{
	memset(pp, 0, sizeof(*pp));
	pp->s = s;
	lex_init(&pp->lex, s, src);
}

static struct token *fail(struct pp *pp, const struct token *t, bool saw, const char *text)
{
	parse_error(pp->s, t, saw, "%s", text);
	pp->failed = true;
	return NULL;
}

/* The next token of the innermost frame; NULL at the end of a frame above the file. */
static struct token *raw(struct pp *pp)
{
	if (pp->top)
		return pp->top->pos < pp->top->n ? pp->top->v[pp->top->pos++] : NULL;
	return lex_next(&pp->lex);
}

static struct token *raw_across(struct pp *pp)
{
	struct token *t;

	while (!(t = raw(pp))) {
		pp->top = pp->top->below;
		pp->depth--;
	}
	return t;
}

static bool is_op(const struct token *t, const char *op)
{
	return t->kind == TOK_OPERATOR && strcmp(t->text, op) == 0;
}

static bool push(struct pp *pp, const struct token *at, struct token *const *v, size_t n,
		 struct pp_env *env, const struct token *invocation)
{
	struct pp_frame *f;

	pp->expanded += n;
	if (pp->depth >= MAX_DEPTH || pp->expanded > MAX_EXPANDED) {
		fail(pp, at, false, "macro expansion is too deep or endless");
		pp->top = NULL;
		pp->depth = 0;
		return false;
	}
	f = ARENA_NEW(&pp->s->arena, struct pp_frame);
	f->below = pp->top;
	f->v = v;
	f->n = n;
	f->env = env;
	f->invocation = invocation;
	pp->top = f;
	pp->depth++;
	return true;
}

static const struct token *with_chain(struct pp *pp, struct token *t)
{
	struct token *copy;

	if (!pp->top || !pp->top->invocation)
		return t;
	copy = ARENA_NEW(&pp->s->arena, struct token);
	*copy = *t;
	copy->chain = pp->top->invocation;
	return copy;
}

static bool builtin_operator(const char *name)
{
	static const char *const names[] = {
		"@cast",     "@defined", "@probewrite", "@entry",  "@perf",   "@var",
		"@avg",	     "@count",	 "@sum",	"@min",	   "@max",    "@variance",
		"@hist_log", "@hist_linear", "@const",	"@kregister", "@uregister", "@kderef",
		"@uderef",   "@enum",	 "@enumname",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static struct macro *find_macro(struct pp *pp, const char *name, const struct pp_env *env)
{
	struct macro *m = NULL;

	if (!(env && env->macro->library))
		m = map_get(&pp->macros, name);
	if (!m)
		m = map_get(&pp->s->macros, name);
	if (!m && !builtin_operator(name) && library_load_macro(pp->s, name + 1))
		m = map_get(&pp->s->macros, name);
	return m;
}

/* Reads "@define NAME (params) %( body %)"; the @define token was read. */
static bool define(struct pp *pp, const struct token *at)
{
	struct arena *a = &pp->s->arena;
	struct token *t = raw_across(pp);
	struct macro *m = ARENA_NEW(a, struct macro), *old;

	if (t->kind != TOK_IDENTIFIER)
		return fail(pp, t, true, "expected identifier"), false;
	m->name = intern(arena_printf(a, "@%s", t->text));
	m->tok = t;
	m->library = pp->library_macros_only;
	t = raw_across(pp);
	if (is_op(t, "(")) {
		m->has_params = true;
		do {
			t = raw_across(pp);
			if (m->params.n == 0 && is_op(t, ")"))
				break;
			if (t->kind != TOK_IDENTIFIER)
				return fail(pp, t, true, "expected identifier"), false;
			vec_push(&m->params, a, intern(arena_printf(a, "@%s", t->text)));
			t = raw_across(pp);
			if (!is_op(t, ",") && !is_op(t, ")"))
				return fail(pp, t, true, "expected ',' or ')'"), false;
		} while (!is_op(t, ")"));
		t = raw_across(pp);
	}
	if (!is_op(t, "%("))
		return fail(pp, t, true, "expected '%('"), false;
	for (int level = 1;;) {
		t = raw_across(pp);
		if (t->kind == TOK_EOF)
			return fail(pp, at, false, "incomplete macro definition at end of file"), false;
		if (is_op(t, "@define"))
			return fail(pp, t, false, "'@define' forbidden inside macro body"), false;
		if (is_op(t, "%("))
			level++;
		if (is_op(t, "%)") && --level == 0)
			break;
		vec_push(&m->body, a, t);
	}
	if (builtin_operator(m->name))
		sem_warn(pp->s, m->tok, "macro redefines built-in operator '%s'", m->name);
	old = map_get(&pp->macros, m->name);
	if (old) {
		parse_error(pp->s, m->tok, false, "attempt to redefine macro '%s' in the same file",
			    m->name);
		parse_error(pp->s, old->tok, false, "macro '%s' first defined here", m->name);
		pp->failed = true;
		return false;
	}
	map_set(&pp->macros, a, m->name, m);
	return true;
}

/* Reads the arguments of an invocation from the frame it stands in. */
static bool arguments(struct pp *pp, const struct token *at, const struct macro *m,
		      token_list *args)
{
	struct arena *a = &pp->s->arena;
	struct token *t = raw(pp);
	size_t n = 0;
	int depth = 0;

	if (!t || !is_op(t, "("))
		return fail(pp, t ? t : at, t != NULL,
			    arena_printf(a, "expected '(' in invocation of macro '%s' taking %zu parameter%s",
					 m->name, m->params.n, m->params.n == 1 ? "" : "s")),
		       false;
	for (;;) {
		t = raw(pp);
		if (!t || t->kind == TOK_EOF)
			return fail(pp, at, false, "could not find end of macro invocation"), false;
		if (depth == 0 && (is_op(t, ",") || is_op(t, ")"))) {
			n++;
			if (is_op(t, ")"))
				break;
			if (n >= m->params.n)
				return fail(pp, t, false,
					    arena_printf(a, "too many parameters for macro '%s' (expected %zu)",
							 m->name, m->params.n)),
				       false;
			continue;
		}
		if (is_op(t, "(") || is_op(t, "["))
			depth++;
		if (is_op(t, ")") || is_op(t, "]"))
			depth--;
		if (n < m->params.n)
			vec_push(&args[n], a, t);
		else
			return fail(pp, t, false,
				    arena_printf(a, "too many parameters for macro '%s' (expected %zu)",
						 m->name, m->params.n)),
			       false;
	}
	if (n < m->params.n)
		return fail(pp, t, false,
			    arena_printf(a, "too few parameters for macro '%s' (expected %zu)",
					 m->name, m->params.n)),
		       false;
	return true;
}

static bool expand(struct pp *pp, const struct token *at, const struct macro *m)
{
	struct arena *a = &pp->s->arena;
	struct pp_env *env = ARENA_NEW(a, struct pp_env);

	env->macro = m;
	env->caller = pp->top ? pp->top->env : NULL;
	if (m->has_params) {
		env->args = ARENA_ARRAY(a, token_list, m->params.n + 1);
		if (!arguments(pp, at, m, env->args))
			return false;
	}
	return push(pp, at, m->body.v, m->body.n, env, at);
}

/* The next token with macros expanded; conditionals still in place. */
static struct token *macro_next(struct pp *pp)
{
	for (;;) {
		struct token *t = raw_across(pp);
		const char *err = pp->top ? NULL : pp->lex.error;
		struct pp_env *env = pp->top ? pp->top->env : NULL;
		const struct macro *m;
		bool parameter = false;

		if (err)
			return fail(pp, t, false, err);
		if (t->kind != TOK_OPERATOR || t->text[0] != '@' || !t->text[1])
			return (struct token *)with_chain(pp, t);
		if (strcmp(t->text, "@define") == 0) {
			if (!define(pp, t))
				return NULL;
			continue;
		}
		for (size_t i = 0; env && i < env->macro->params.n; i++) {
			if (env->macro->params.v[i] != t->text)
				continue;
			if (!push(pp, t, env->args[i].v, env->args[i].n, env->caller,
				  pp->top->invocation))
				return NULL;
			parameter = true;
			break;
		}
		if (parameter)
			continue;
		t = (struct token *)with_chain(pp, t);
		m = find_macro(pp, t->text, env);
		if (!m)
			return t;
		if (!expand(pp, t, m))
			return NULL;
	}
}

/* ------------------------------------------------------------------ conditionals */

static bool version_compare(const char *l, const char *op, const char *r)
{
	int c = strverscmp(l, r);

	if (op[0] == '<')
		return op[1] ? c <= 0 : c < 0;
	if (op[0] == '>')
		return op[1] ? c >= 0 : c > 0;
	return (c == 0) == (op[0] == '=');
}

static bool number_compare(int64_t l, const char *op, int64_t r)
{
	if (op[0] == '<')
		return op[1] ? l <= r : l < r;
	if (op[0] == '>')
		return op[1] ? l >= r : l > r;
	return (l == r) == (op[0] == '=');
}

static bool is_glob(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

/* Value of a kernel configuration symbol, "" if unset. */
static const char *kernel_config(struct session *s, const char *name)
{
	struct utsname u;
	const char *value = "";
	char path[400], *line = NULL;
	size_t cap = 0, n = strlen(name);
	bool piped;
	FILE *f;

	uname(&u);
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	f = fopen(path, "re");
	piped = !f;
	if (piped)
		f = popen("zcat /proc/config.gz 2>/dev/null", "re");
	if (!f)
		return value;
	while (getline(&line, &cap, f) > 0) {
		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		line[strcspn(line, "\n")] = 0;
		value = line + n + 1;
		if (*value == '"') {
			char *end = strrchr(value + 1, '"');

			value++;
			if (end)
				*end = 0;
		}
		value = arena_strdup(&s->arena, value);
		break;
	}
	free(line);
	if (piped)
		pclose(f);
	else
		fclose(f);
	return value;
}

static const char *token_string(struct session *s, const struct token *t)
{
	uint32_t n;

	return literal_unescape(&s->arena, t->text, t->len, &n);
}

static bool parse_number(const char *text, int64_t *n)
{
	char *end;

	errno = 0;
	*n = (int64_t)strtoull(text, &end, 0);
	return errno == 0 && *end == 0;
}

/* Evaluates "left op right". False after an error. */
static bool test(struct pp *pp, const struct token *l, const struct token *op,
		 const struct token *r, bool *result)
{
	struct session *s = pp->s;
	struct utsname u;
	const char *left = NULL, *right = NULL;
	bool equality, config;
	int64_t ln, rn;

	if (op->kind != TOK_OPERATOR || !strchr("<>=!", op->text[0]) || strlen(op->text) > 2 ||
	    !(strcmp(op->text, "<") == 0 || strcmp(op->text, ">") == 0 ||
	      (op->text[1] == '=')))
		return fail(pp, op, true, "expected comparison operator"), false;
	equality = op->text[0] == '=' || op->text[0] == '!';
	config = l->kind == TOK_IDENTIFIER && strncmp(l->text, "CONFIG_", 7) == 0;
	uname(&u);
	if (r->kind == TOK_STRING)
		right = token_string(s, r);

	if (l->kind == TOK_IDENTIFIER && (strcmp(l->text, "kernel_v") == 0 ||
					  strcmp(l->text, "kernel_vr") == 0 ||
					  strcmp(l->text, "systemtap_v") == 0)) {
		if (!right)
			return fail(pp, r, true, "expected string literal"), false;
		if (strcmp(l->text, "kernel_v") == 0)
			u.release[strcspn(u.release, "-")] = 0;
		left = strcmp(l->text, "systemtap_v") == 0 ? s->opt.compatible : u.release;
		if (is_glob(right)) {
			if (!equality)
				return fail(pp, r, false,
					    "wildcard not allowed with order comparison operators"),
				       false;
			*result = (fnmatch(right, left, FNM_NOESCAPE) == 0) == (op->text[0] == '=');
			return true;
		}
		*result = version_compare(left, op->text, right);
		return true;
	}
	if (l->kind == TOK_IDENTIFIER && strcmp(l->text, "arch") == 0) {
		left = strcmp(u.machine, "aarch64") == 0 ? "arm64" : u.machine;
	} else if (l->kind == TOK_IDENTIFIER && strcmp(l->text, "runtime") == 0) {
		left = s->opt.runtime;
	} else if (l->kind == TOK_IDENTIFIER && strcmp(l->text, "systemtap_privilege") == 0) {
		static const char *const levels[] = {"stapdev", "stapsys", "stapusr"};

		left = levels[s->opt.privilege];
	} else if (l->kind == TOK_IDENTIFIER && strcmp(l->text, "guru_mode") == 0) {
		if (r->kind != TOK_NUMBER || !parse_number(r->text, &rn))
			return fail(pp, r, true, "expected number"), false;
		if (!equality)
			return fail(pp, op, true, "expected '==' or '!='"), false;
		*result = number_compare(s->opt.guru, op->text, rn);
		return true;
	} else if (config) {
		left = kernel_config(s, l->text);
		if (r->kind == TOK_NUMBER) {
			if (!parse_number(r->text, &rn))
				return fail(pp, r, false, "number invalid or out of range"), false;
			if (!parse_number(left, &ln))
				return fail(pp, l, false, "Config option value not a number"), false;
			*result = number_compare(ln, op->text, rn);
			return true;
		}
		if (r->kind == TOK_IDENTIFIER && strncmp(r->text, "CONFIG_", 7) == 0) {
			right = kernel_config(s, r->text);
			if (parse_number(left, &ln) && parse_number(right, &rn))
				*result = number_compare(ln, op->text, rn);
			else
				*result = number_compare(strcmp(left, right), op->text, 0);
			return true;
		}
	} else if (l->kind == TOK_STRING && right) {
		*result = number_compare(strcmp(token_string(s, l), right), op->text, 0);
		return true;
	} else if (l->kind == TOK_NUMBER && r->kind == TOK_NUMBER) {
		if (!parse_number(l->text, &ln))
			return fail(pp, l, false, "number invalid or out of range"), false;
		if (!parse_number(r->text, &rn))
			return fail(pp, r, false, "number invalid or out of range"), false;
		*result = number_compare(ln, op->text, rn);
		return true;
	}
	if (!left) {
		return fail(pp, l, true,
			    l->kind == TOK_STRING ? "expected string literal as right value"
			    : l->kind == TOK_NUMBER
				    ? "expected number literal as right value"
				    : "expected 'arch', 'kernel_v', 'kernel_vr', 'CONFIG_foo', "
				      "'systemtap_v', 'runtime', 'systemtap_privilege', 'guru_mode' "
				      "or comparison between strings or integers"),
		       false;
	}
	/* Glob comparison of texts. */
	if (!right)
		return fail(pp, r, true, "expected string literal"), false;
	if (!equality)
		return fail(pp, op, true, "expected '==' or '!='"), false;
	if (strcmp(l->text, "systemtap_privilege") == 0)
		*result = (strcmp(right, left) == 0) == (op->text[0] == '=');
	else
		*result = (fnmatch(right, left, FNM_NOESCAPE) == 0) == (op->text[0] == '=');
	return true;
}

/* Drops tokens up to the "%:" (only if to_else) or "%)" of the conditional opened at `at`. */
static struct token *skip_branch(struct pp *pp, const struct token *at, bool to_else)
{
	int level = 0;

	for (;;) {
		struct token *t = raw_across(pp);

		if (t->kind == TOK_EOF)
			return fail(pp, at, false, "incomplete conditional at end of file");
		if (is_op(t, "%("))
			level++;
		else if (is_op(t, "%)") && level-- == 0)
			return t;
		else if (is_op(t, "%:") && level == 0) {
			if (to_else)
				return t;
			return fail(pp, t, false, "invalid conditional - duplicate '%:'");
		}
	}
}

/* Drops the rest of a conditional whose condition is bad, as far as it is there. */
static void skip_conditional(struct pp *pp)
{
	int level = 1;

	while (level > 0) {
		struct token *t = raw_across(pp);

		if (t->kind == TOK_EOF)
			return;
		level += is_op(t, "%(") - is_op(t, "%)");
	}
}

/* Evaluates the condition behind "%(" up to "%?". */
static bool condition(struct pp *pp, const struct token *at, bool *result)
{
	bool any = false, all = true;

	for (;;) {
		struct token *v[3], *t;
		bool one;

		for (int i = 0; i < 3; i++) {
			v[i] = macro_next(pp);
			if (!v[i])
				return false;
			if (v[i]->kind == TOK_EOF)
				return fail(pp, at, false, "incomplete condition after '%('"), false;
		}
		if (!test(pp, v[0], v[1], v[2], &one))
			return false;
		all &= one;
		t = macro_next(pp);
		if (!t)
			return false;
		if (is_op(t, "&&"))
			continue;
		any |= all;
		all = true;
		if (is_op(t, "||"))
			continue;
		if (!is_op(t, "%?"))
			return fail(pp, t, true, "expected '%?' marker for conditional"), false;
		*result = any;
		return true;
	}
}

struct token *pp_next(struct pp *pp)
{
	for (;;) {
		struct token *t = macro_next(pp);
		bool taken;

		if (!t)
			return NULL;
		if (is_op(t, "%(")) {
			if (!condition(pp, t, &taken)) {
				/* One message for the whole conditional. */
				skip_conditional(pp);
				return NULL;
			}
			if (!taken) {
				struct token *end = skip_branch(pp, t, true);

				if (!end)
					return NULL;
				if (is_op(end, "%)"))
					continue;
			}
			vec_push(&pp->open, &pp->s->arena, t);
			/* A taken "then" part still may meet its "%:"; an "else" part may not. */
			vec_push(&pp->open, &pp->s->arena, taken ? t : NULL);
			continue;
		}
		if (is_op(t, "%:")) {
			const struct token *at;

			if (!pp->open.n)
				return fail(pp, t, false, "incomplete conditional - missing '%('");
			if (!vec_last(&pp->open))
				return fail(pp, t, false, "invalid conditional - duplicate '%:'");
			at = pp->open.v[pp->open.n - 2];
			if (!skip_branch(pp, at, false))
				return NULL;
			pp->open.n -= 2;
			continue;
		}
		if (is_op(t, "%)")) {
			if (!pp->open.n)
				return fail(pp, t, false, "incomplete conditional - missing '%('");
			pp->open.n -= 2;
			continue;
		}
		if (is_op(t, "%?"))
			return fail(pp, t, false, "incomplete conditional - missing '%('");
		if (t->kind == TOK_EOF && pp->open.n) {
			const struct token *at = pp->open.v[0];

			pp->open.n = 0;
			return fail(pp, at, false, "incomplete conditional at end of file");
		}
		return t;
	}
}

void parse_macro_library(struct session *s, struct source *src)
{
	int errors_before = s->errors;
	struct pp pp;
	struct token *t;

	pp_init(&pp, s, src);
	pp.library_macros_only = true;
	t = pp_next(&pp);
	if (t && t->kind != TOK_EOF)
		fail(&pp, t, false,
		     arena_printf(&s->arena, "unexpected token in library macro file '%s'", src->name));
	for (size_t i = 0; i < pp.macros.cap; i++) {
		const struct macro *m = pp.macros.v[i].value;

		if (m && map_get(&s->macros, m->name))
			fail(&pp, m->tok, false,
			     arena_printf(&s->arena, "duplicate definition of library macro '%s'",
					  m->name));
	}
	if (s->errors != errors_before) {
		s->errors = errors_before;
		sem_warn(s, NULL, "tapset '%s' has errors, and will be skipped", src->name);
		return;
	}
	for (size_t i = 0; i < pp.macros.cap; i++)
		if (pp.macros.v[i].key)
			map_set(&s->macros, &s->arena, pp.macros.v[i].key, pp.macros.v[i].value);
}
