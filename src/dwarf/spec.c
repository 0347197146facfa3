/* Patterns for functions and lines: [SCOPE::...]NAME[@FILE[:LINE | +N | :* | :LIST]]. See dbg.h. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "dwarf/dbg.h"

bool dbg_is_wild(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

bool dbg_match(const char *pattern, const char *text)
{
	if (pattern[0] == '*' && !pattern[1])
		return true;
	/* "operator[]" is a name that looks like a pattern. */
	return strcmp(pattern, text) == 0 || (dbg_is_wild(pattern) && fnmatch(pattern, text, 0) == 0);
}

bool dbg_match_file(const char *pattern, const char *file)
{
	size_t np = strlen(pattern), nf = strlen(file);
	char wide[4096];

	if (dbg_match(pattern, file))
		return true;
	if (!dbg_is_wild(pattern))
		return nf > np && file[nf - np - 1] == '/' && strcmp(file + nf - np, pattern) == 0;
	if (np + 3 > sizeof(wide))
		return false;
	memcpy(wide, "*/", 2);
	memcpy(wide + 2, pattern, np + 1);
	return fnmatch(wide, file, 0) == 0;
}

static bool read_number(const char **p, uint32_t *n)
{
	uint64_t v = 0;
	const char *start = *p;

	for (; isdigit((unsigned char)**p); (*p)++)
		if (v < UINT32_MAX)
			v = v * 10 + (uint64_t)(**p - '0');
	*n = v > INT32_MAX ? INT32_MAX : (uint32_t)v;
	return *p != start;
}

/* "5", "*", "5-7", "5,7-9". */
static bool parse_lines(struct arena *a, const char *p, struct dbg_spec *spec)
{
	bool list = false;

	if (strcmp(p, "*") == 0) {
		spec->line_kind = DBG_LINE_ALL;
		return true;
	}
	for (;; p++) {
		struct dbg_line_range r;

		if (!read_number(&p, &r.first))
			return false;
		r.last = r.first;
		if (*p == '-') {
			list = true;
			p++;
			if (!read_number(&p, &r.last) || r.last < r.first)
				return false;
		}
		vec_push(&spec->lines, a, r);
		if (*p != ',')
			break;
		list = true;
	}
	spec->line_kind = list ? DBG_LINE_LIST : DBG_LINE_NUMBER;
	spec->line = spec->lines.v[0].first;
	return !*p;
}

/* Position of the next "::" that is not in template or function arguments, NULL: none. */
static const char *scope_end(const char *p)
{
	int depth = 0;

	/* "operator<", "operator()": no brackets, and nothing follows. */
	if (strncmp(p, "operator", 8) == 0 && !isalnum((unsigned char)p[8]) && p[8] != '_')
		return NULL;
	for (; *p; p++) {
		if (*p == '<' || *p == '(')
			depth++;
		else if ((*p == '>' || *p == ')') && depth)
			depth--;
		else if (!depth && p[0] == ':' && p[1] == ':')
			return p;
	}
	return NULL;
}

bool dbg_spec_parse(struct arena *a, const char *text, struct dbg_spec *spec)
{
	const char *at = strchr(text, '@'), *p, *end, *colon, *plus;

	memset(spec, 0, sizeof(*spec));
	spec->text = text;
	p = at ? arena_strndup(a, text, (size_t)(at - text)) : text;
	while ((end = scope_end(p)) != NULL) {
		vec_push(&spec->scopes, a, arena_strndup(a, p, (size_t)(end - p)));
		p = end + 2;
	}
	spec->name = p;
	if (!*p)
		return false;
	if (!at)
		return true;
	p = at + 1;
	colon = strrchr(p, ':');
	plus = strrchr(p, '+');
	if (colon) {
		spec->file = arena_strndup(a, p, (size_t)(colon - p));
		if (!parse_lines(a, colon + 1, spec))
			return false;
	} else if (plus && plus[1] && strspn(plus + 1, "0123456789") == strlen(plus + 1)) {
		const char *n = plus + 1;

		spec->file = arena_strndup(a, p, (size_t)(plus - p));
		spec->line_kind = DBG_LINE_RELATIVE;
		read_number(&n, &spec->line);
	} else {
		spec->file = p;
	}
	return *spec->file != 0;
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(spec_parts)
{
	struct arena a = {0};
	struct dbg_spec s;

	CHECK(dbg_spec_parse(&a, "ns::Foo<a::b, int>::go@dir/x.cc:12", &s));
	CHECK_INT(s.scopes.n, 2);
	CHECK_STR(s.scopes.v[1], "Foo<a::b, int>");
	CHECK_STR(s.name, "go");
	CHECK_STR(s.file, "dir/x.cc");
	CHECK_INT(s.line_kind, DBG_LINE_NUMBER);
	CHECK_INT(s.line, 12);
	CHECK(dbg_spec_parse(&a, "::main", &s));
	CHECK_INT(s.scopes.n, 1);
	CHECK_STR(s.scopes.v[0], "");
	CHECK(dbg_spec_parse(&a, "A::operator<", &s));
	CHECK_STR(s.name, "operator<");
	CHECK(dbg_spec_parse(&a, "f@c++/x.cc+3", &s));
	CHECK_STR(s.file, "c++/x.cc");
	CHECK_INT(s.line_kind, DBG_LINE_RELATIVE);
	CHECK(dbg_spec_parse(&a, "f@c++", &s));
	CHECK_STR(s.file, "c++");
	CHECK(dbg_spec_parse(&a, "f@x.c:*", &s));
	CHECK_INT(s.line_kind, DBG_LINE_ALL);
	CHECK(dbg_spec_parse(&a, "f@x.c:1-3,9", &s));
	CHECK_INT(s.line_kind, DBG_LINE_LIST);
	CHECK_INT(s.lines.n, 2);
	CHECK_INT(s.lines.v[0].last, 3);
	arena_release(&a);
}

TEST(spec_malformed)
{
	static const char *const bad[] = {"", "f@", "@x.c", "f@x.c:", "f@x.c:y", "f@x.c:3-1",
					  "f@x.c:1,", "f@:3", "A::"};
	struct arena a = {0};
	struct dbg_spec s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!dbg_spec_parse(&a, bad[i], &s));
	arena_release(&a);
}

TEST(spec_matches)
{
	CHECK(dbg_match("operator[]", "operator[]"));
	CHECK(dbg_match("mx<*>", "mx<int>"));
	CHECK(!dbg_match("mx", "mx<int>"));
	CHECK(dbg_match_file("x.c", "/src/x.c"));
	CHECK(!dbg_match_file("x.c", "/src/max.c"));
	CHECK(dbg_match_file("s*/x.c", "/deep/src/x.c"));
	CHECK(dbg_match_file("/src/x.c", "/src/x.c"));
}
#endif
