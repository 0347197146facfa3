/* Strings: pieces, searching, numbers in text, tokens, printable text, groups of a regex match. */
#include <stdio.h>

#include "interp/interp.h"
#include "rt/error_text.h"
#include "rt/fn.h"
#include "rt/regex.h"

/* Offset of the first sub in s from offset at on, or -1. */
static int64_t find(const struct rt_value *s, uint32_t at, const struct rt_value *sub)
{
	const char *p;

	if (!sub->len)
		return at;
	if (s->len - at < sub->len)
		return -1;
	p = memmem(s->s + at, s->len - at, sub->s, sub->len);
	return p ? p - s->s : -1;
}

static int fn_strlen(struct rt_call *c)
{
	return rt_ret_long(c, c->args[0].len);
}

static int fn_substr(struct rt_call *c)
{
	const struct rt_value *s = &c->args[0];
	int64_t start = c->args[1].n, len = c->args[2].n;

	if (start < 0 || start >= s->len || len <= 0)
		return rt_ret_text(c, "", 0);
	if (len > s->len - start)
		len = s->len - start;
	return rt_ret_text(c, s->s + start, (size_t)len);
}

static int fn_stringat(struct rt_call *c)
{
	int64_t pos = c->args[1].n;

	if (pos >= 0 && pos < c->args[0].len)
		return rt_ret_long(c, (signed char)c->args[0].s[pos]);
	if (rt_compatible_below(c, "2.3"))
		return rt_ret_long(c, 0);
	return rt_raise_error(c, RT_E_POSITION, 0);
}

static int fn_isinstr(struct rt_call *c)
{
	return rt_ret_long(c, find(&c->args[0], 0, &c->args[1]) >= 0);
}

static int fn_strpos(struct rt_call *c)
{
	return rt_ret_long(c, find(&c->args[0], 0, &c->args[1]));
}

static int fn_isdigit(struct rt_call *c)
{
	const struct rt_value *s = &c->args[0];

	return rt_ret_long(c, s->len && s->s[0] >= '0' && s->s[0] <= '9');
}

static int fn_str_replace(struct rt_call *c)
{
	const struct rt_value *s = &c->args[0], *search = &c->args[1], *repl = &c->args[2];
	int64_t hit = -1;
	uint32_t at = 0;

	if (!search->len)
		return rt_ret_text(c, s->s, s->len);
	rt_ret_text(c, "", 0);
	while (at < s->len && (hit = find(s, at, search)) >= 0) {
		if (!rt_ret_add(c, s->s + at, (size_t)hit - at) ||
		    !rt_ret_add(c, repl->s, repl->len))
			return 0;
		at = (uint32_t)hit + search->len;
	}
	rt_ret_add(c, s->s + at, s->len - at);
	return 0;
}

/* Value of a digit; 255 if it is none. Letters count up to f only, in any base, as in the kernel. */
static unsigned digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return (unsigned)(ch - '0');
	if (ch >= 'a' && ch <= 'f')
		return (unsigned)(ch - 'a') + 10;
	if (ch >= 'A' && ch <= 'F')
		return (unsigned)(ch - 'A') + 10;
	return 255;
}

static int fn_strtol(struct rt_call *c)
{
	const char *p = c->args[0].s, *end = p + c->args[0].len;
	int64_t base = c->args[1].n;
	bool negative = p < end && *p == '-';
	uint64_t n = 0;

	p += negative;
	if ((base == 0 || base == 16) && end - p >= 2 && p[0] == '0' && (p[1] | 32) == 'x') {
		p += 2;
		base = 16;
	} else if (base == 0) {
		base = p < end && *p == '0' ? 8 : 10;
	}
	if (base < 2 || base > 36)
		return rt_ret_long(c, 0);
	for (; p < end && digit(*p) < base; p++)
		n = n * (uint64_t)base + digit(*p);
	return rt_ret_long(c, (int64_t)(negative ? -n : n));
}

/* ------------------------------------------------------------------ tokens */
static bool is_delim(const struct rt_value *delims, char ch)
{
	return delims->len && memchr(delims->s, ch, delims->len);
}

/* tokenize(input, delims), tokenize(delims) */
static int fn_tokenize(struct rt_call *c)
{
	const struct rt_value *input = c->n_args > 1 ? &c->args[0] : NULL;
	const struct rt_value *delims = &c->args[c->n_args - 1];
	struct rt_env *env = c->env;
	uint32_t start, pos;

	if (input && input->len) {
		env->token.len = input->len < c->max_string ? input->len : c->max_string;
		env->token.pos = 0;
		memcpy(env->token.text, input->s, env->token.len);
	}
	pos = env->token.pos;
	while (pos < env->token.len && is_delim(delims, env->token.text[pos]))
		pos++;
	start = pos;
	while (pos < env->token.len && !is_delim(delims, env->token.text[pos]))
		pos++;
	env->token.pos = pos < env->token.len ? pos + 1 : pos;
	return start < pos ? rt_ret_text(c, env->token.text + start, pos - start)
			   : rt_ret_text(c, "", 0);
}

/* ------------------------------------------------------------------ printable text */

/* Length of the well-formed multi-byte UTF-8 character at s and its code point; 0 if there is none. */
static unsigned utf8(const unsigned char *s, size_t len, uint32_t *code)
{
	unsigned n;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (len < n)
		return 0;
	*code = s[0] & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	/* Too long for their value, surrogates, beyond Unicode. */
	if ((n == 3 && (*code < 0x800 || (*code >= 0xd800 && *code <= 0xdfff))) ||
	    (n == 4 && (*code < 0x10000 || *code > 0x10ffff)))
		return 0;
	return n;
}

/* Writes the printable form of the character at s to out; returns how many bytes it took of s. */
static unsigned escape(const unsigned char *s, size_t len, char out[16], unsigned *out_len)
{
	static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";
	const char *special;
	uint32_t code = 0;
	unsigned n;

	if (*s >= 32 && *s < 127 && *s != '"' && *s != '\\') {
		out[0] = (char)*s;
		*out_len = 1;
		return 1;
	}
	special = *s ? strchr(from, *s) : NULL;
	if (special) {
		out[0] = '\\';
		out[1] = to[special - from];
		*out_len = 2;
		return 1;
	}
	n = utf8(s, len, &code);
	if (n)
		*out_len = (unsigned)snprintf(out, 16, code > 0xffff ? "\\U%08X" : "\\u%04X", code);
	else
		*out_len = (unsigned)snprintf(out, 16, "\\%03o", *s);
	return n ? n : 1;
}

/* size: longest result with its NUL and all quotes. */
static int print_text(struct rt_call *c, const struct rt_value *v, int64_t size, bool quoted)
{
	const unsigned char *s = (const unsigned char *)v->s;
	uint32_t at = 0, limit, cut;
	unsigned n = 0;
	char out[16];

	/* limit: of the text if all of it fits, then followed by a quote; cut: of a text that is cut
	 * and followed by a quote and three dots. */
	limit = size <= 0 || size > c->max_string ? c->max_string : (uint32_t)size - 1;
	rt_ret_text(c, "", 0);
	if (quoted) {
		if (limit < 5)
			limit = 5;
		if (limit > c->max_string)
			return 0;
		c->buf[c->ret.len++] = '"';
		limit--;
	}
	cut = quoted ? c->ret.len : 0;
	while (at < v->len) {
		unsigned took = escape(s + at, v->len - at, out, &n);

		if (c->ret.len + n > limit)
			break;
		memcpy(c->buf + c->ret.len, out, n);
		c->ret.len += n;
		at += took;
		if (c->ret.len + 3 <= limit)
			cut = c->ret.len;
	}
	if (!quoted)
		return 0;
	if (at < v->len) {
		c->ret.len = cut;
		rt_ret_add(c, "\"...", 4);
	} else {
		rt_ret_add(c, "\"", 1);
	}
	return 0;
}

/* text_strn(s, len, quoted) */
static int fn_text_strn(struct rt_call *c)
{
	return print_text(c, &c->args[0], c->args[1].n, c->args[2].n != 0);
}

static int fn_text_str(struct rt_call *c)
{
	return print_text(c, &c->args[0], 0, false);
}

static int fn_string_quoted(struct rt_call *c)
{
	return print_text(c, &c->args[0], 0, true);
}

/* ------------------------------------------------------------------ groups of the last match */
static int group(struct rt_call *c, int64_t n)
{
	const struct rt_env *env = c->env;
	int start, end;

	if (env->match.failed || !env->match.any || !env->match.re)
		return rt_raise(c, "Attempted to get subexpression %lld from failed match",
				(long long)n);
	if (n < 0 || n >= env->match.re->n_groups || n >= REGEX_MAX_GROUPS)
		return rt_raise(c, "Attempted to get nonexistent subexpression %lld",
				(long long)n);
	start = env->match.bounds[2 * n];
	end = env->match.bounds[2 * n + 1];
	if (start < 0 || end < start || (uint32_t)end > env->match.len)
		return rt_ret_text(c, "", 0);
	return rt_ret_text(c, env->match.text + start, (size_t)(end - start));
}

static int fn_matched(struct rt_call *c)
{
	return group(c, c->args[0].n);
}

static int fn_matched_str(struct rt_call *c)
{
	return group(c, 0);
}

static int fn_ngroups(struct rt_call *c)
{
	const struct rt_env *env = c->env;

	if (env->match.failed || !env->match.any || !env->match.re)
		return rt_raise(c, "Attempted to get subexpression 0 from failed match");
	return rt_ret_long(c, env->match.re->n_groups);
}

const struct intrinsic rt_string_fns[] = {
	{"strlen", INTR_PURE, 0, fn_strlen},
	{"substr", INTR_PURE, 0, fn_substr},
	{"stringat", INTR_PURE | INTR_FAILS, 0, fn_stringat},
	{"isinstr", INTR_PURE, 0, fn_isinstr},
	{"strpos", INTR_PURE, 0, fn_strpos},
	{"isdigit", INTR_PURE, 0, fn_isdigit},
	{"str_replace", INTR_PURE, 0, fn_str_replace},
	{"strtol", INTR_PURE, 0, fn_strtol},
	{"tokenize", 0, 0, fn_tokenize},
	{"text_strn", INTR_PURE, 0, fn_text_strn},
	{"text_str", INTR_PURE, 0, fn_text_str},
	{"string_quoted", INTR_PURE, 0, fn_string_quoted},
	{"matched", INTR_READS | INTR_FAILS, 0, fn_matched},
	{"matched_str", INTR_READS | INTR_FAILS, 0, fn_matched_str},
	{"ngroups", INTR_READS | INTR_FAILS, 0, fn_ngroups},
	{0},
};

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(substr_takes_what_is_there)
{
	CHECK_STR(RT_TEXT("substr", RT_S("hello"), RT_N(1), RT_N(3)), "ell");
	CHECK_STR(RT_TEXT("substr", RT_S("hello"), RT_N(3), RT_N(INT64_MAX)), "lo");
	CHECK_STR(RT_TEXT("substr", RT_S("hello"), RT_N(-1), RT_N(3)), "");
	CHECK_STR(RT_TEXT("substr", RT_S("hello"), RT_N(5), RT_N(1)), "");
	CHECK_STR(RT_TEXT("substr", RT_S("hello"), RT_N(0), RT_N(INT64_MIN)), "");
	CHECK_STR(RT_TEXT("substr", RT_S("hello"), RT_N(INT64_MIN), RT_N(INT64_MIN)), "");
	CHECK_STR(RT_TEXT("substr", RT_S(""), RT_N(0), RT_N(1)), "");
}

TEST(strings_are_searched)
{
	CHECK_INT(RT_LONG("strpos", RT_S("hello"), RT_S("l")), 2);
	CHECK_INT(RT_LONG("strpos", RT_S("hello"), RT_S("x")), -1);
	CHECK_INT(RT_LONG("strpos", RT_S("hello"), RT_S("")), 0);
	CHECK_INT(RT_LONG("isinstr", RT_S(""), RT_S("")), 1);
	CHECK_INT(RT_LONG("isinstr", RT_S(""), RT_S("a")), 0);
	CHECK_INT(RT_LONG("stringat", RT_S("a\xff"), RT_N(1)), -1);
	CHECK_INT(RT_LONG("isdigit", RT_S("9a")), 1);
	CHECK_INT(RT_LONG("isdigit", RT_S("")), 0);
}

TEST(str_replace_does_not_look_at_what_it_wrote)
{
	CHECK_STR(RT_TEXT("str_replace", RT_S("aaa"), RT_S("aa"), RT_S("ba")), "baa");
	CHECK_STR(RT_TEXT("str_replace", RT_S("abab"), RT_S("ab"), RT_S("")), "");
	CHECK_STR(RT_TEXT("str_replace", RT_S("abc"), RT_S(""), RT_S("x")), "abc");
	CHECK_STR(RT_TEXT("str_replace", RT_S(""), RT_S("a"), RT_S("x")), "");
	CHECK_STR(RT_TEXT_MAX(7, "str_replace", RT_S("a.a.a"), RT_S("a"), RT_S("123")), "123.123");
	CHECK_STR(RT_TEXT_MAX(5, "str_replace", RT_S("a.a.a"), RT_S("a"), RT_S("123")), "123.1");
}

TEST(strtol_is_the_kernels)
{
	CHECK_INT(RT_LONG("strtol", RT_S("-12x"), RT_N(10)), -12);
	CHECK_INT(RT_LONG("strtol", RT_S("0x1F"), RT_N(0)), 31);
	CHECK_INT(RT_LONG("strtol", RT_S("0X1f"), RT_N(16)), 31);
	CHECK_INT(RT_LONG("strtol", RT_S("0x"), RT_N(0)), 0);
	CHECK_INT(RT_LONG("strtol", RT_S("017"), RT_N(0)), 15);
	CHECK_INT(RT_LONG("strtol", RT_S(" 7"), RT_N(10)), 0);
	CHECK_INT(RT_LONG("strtol", RT_S("+7"), RT_N(10)), 0);
	CHECK_INT(RT_LONG("strtol", RT_S("--7"), RT_N(10)), 0);
	CHECK_INT(RT_LONG("strtol", RT_S("18446744073709551617"), RT_N(10)), 1);
	CHECK_INT(RT_LONG("strtol", RT_S("1"), RT_N(1)), 0);
	CHECK_INT(RT_LONG("strtol", RT_S("1"), RT_N(INT64_MIN)), 0);
	CHECK_INT(RT_LONG("strtol", RT_S(""), RT_N(0)), 0);
}

TEST(text_is_made_printable)
{
	CHECK_STR(RT_TEXT("text_str", RT_S("a\t\"\\\x01\x7f")), "a\\t\\\"\\\\\\001\\177");
	CHECK_STR(RT_TEXT("text_str", RT_S("\xc3\xa9\xe2\x82\xac")), "\\u00E9\\u20AC");
	CHECK_STR(RT_TEXT("text_str", RT_S("\xf0\x9f\x98\x80")), "\\U0001F600");
	CHECK_STR(RT_TEXT("text_str", RT_S("\xc0\x80")), "\\300\\200");
	CHECK_STR(RT_TEXT("text_str", RT_S("\xed\xa0\x80")), "\\355\\240\\200");
	CHECK_STR(RT_TEXT("text_str", RT_S("\xe2\x82")), "\\342\\202");
	CHECK_STR(RT_TEXT("text_str", RT_S("\xf4\x90\x80\x80")), "\\364\\220\\200\\200");
	CHECK_STR(RT_TEXT("string_quoted", RT_S("a\"b")), "\"a\\\"b\"");
}

TEST(printable_text_is_cut_between_escapes)
{
	CHECK_STR(RT_TEXT("text_strn", RT_S("abcdef"), RT_N(4), RT_N(0)), "abc");
	CHECK_STR(RT_TEXT("text_strn", RT_S("ab\001"), RT_N(6), RT_N(0)), "ab");
	CHECK_STR(RT_TEXT("text_strn", RT_S("abcdef"), RT_N(9), RT_N(1)), "\"abcdef\"");
	CHECK_STR(RT_TEXT("text_strn", RT_S("abcdef"), RT_N(8), RT_N(1)), "\"ab\"...");
	CHECK_STR(RT_TEXT("text_strn", RT_S("ab\001def"), RT_N(10), RT_N(1)), "\"ab\"...");
	CHECK_STR(RT_TEXT("text_strn", RT_S("abcdef"), RT_N(1), RT_N(1)), "\"\"...");
	CHECK_STR(RT_TEXT("text_strn", RT_S("abcdef"), RT_N(INT64_MIN), RT_N(1)), "\"abcdef\"");
	CHECK_STR(RT_TEXT("text_strn", RT_S("abcdef"), RT_N(INT64_MAX), RT_N(0)), "abcdef");
	CHECK_STR(RT_TEXT_MAX(8, "string_quoted", RT_S("abcdefgh")), "\"abc\"...");
	CHECK_STR(RT_TEXT_MAX(3, "string_quoted", RT_S("abcdefgh")), "");
}

/* The texts of the environment are arrays or, in a running interpreter, allocated. */
static char token_text[8192], match_text[8192];

static void set_texts(struct rt_env *env)
{
	char *token = token_text, *match = match_text;

	if (sizeof(env->token.text) == sizeof(token)) {
		memcpy((void *)&env->token.text, &token, sizeof(token));
		memcpy((void *)&env->match.text, &match, sizeof(match));
	}
}

TEST(tokenize_skips_empty_fields)
{
	static struct rt_env env;

	set_texts(&env);
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S(""), RT_S(" ")), "");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S("  a b,c "), RT_S(" ")), "a");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S(""), RT_S(" ,")), "b");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S(" ")), "c");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S(""), RT_S(" ")), "");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S(""), RT_S(" ")), "");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S("x y z"), RT_S(" ")), "x");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S("p q"), RT_S("")), "p q");
	CHECK_STR(RT_TEXT_IN(&env, "tokenize", RT_S(",,,"), RT_S(",")), "");
}

TEST(groups_of_the_last_match)
{
	static struct rt_env env;
	struct regex re = {.n_groups = 3};

	set_texts(&env);
	env.match.re = &re;
	env.match.any = true;
	env.match.len = 5;
	memcpy(env.match.text, "hello", 5);
	memcpy(env.match.bounds, (int[]){1, 4, 2, 3, -1, -1}, 6 * sizeof(int));
	CHECK_STR(RT_TEXT_IN(&env, "matched_str"), "ell");
	CHECK_STR(RT_TEXT_IN(&env, "matched", RT_N(1)), "l");
	CHECK_STR(RT_TEXT_IN(&env, "matched", RT_N(2)), "");
	CHECK_INT(RT_LONG_IN(&env, "ngroups"), 3);
}
#endif
