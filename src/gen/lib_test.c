/* Tests of the BPF library (bpfrt/) inside the kernel: each function is called by a small program
 * through BPF_PROG_TEST_RUN, with arguments in a map, and compared with what stap's own functions
 * (rt/) make of the same arguments. Without the right to call bpf() they are skipped. */
#ifdef TAPIR_TEST
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/test.h"
#include "bpfrt/abi.h"
#include "gen/lib_tables.h"
#include "gen/link.h"
#include "interp/interp.h"
#include "kern/bpf.h"
#include "kern/btf.h"
#include "lang/lang.h"
#include "rt/fn.h"
#include "rt/format.h"
#include "rt/regex.h"
#include "rt/stat.h"

enum { SLOTS = 5, MAX_PROGRAMS = 200, MAX_TEXT = RT_STR_BYTES - 1 };

/* What programs and tests share: the value of a map. */
struct box {
	int64_t ret, n[5];
	struct rt_frame frame;
	union {
		struct rt_str str;
		struct rt_stat_value stat;
		struct rt_lock lock;
		char room[8 + 2 * RT_STR_BYTES + 8];
	} slot[SLOTS];
	char slack[RT_FRAME_SLACK];
	struct rt_regex regex;
	struct rt_groups groups;
	struct rt_group_program group_program;
};

static struct box *box;
static struct lib *lib;
static int box_map = -1, btf = -1;

struct program {
	char key[64];
	int fd;
};
static struct program programs[MAX_PROGRAMS];
static int n_programs;

static bool ready(void)
{
	struct kern_map m = {.name = "box", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
			     .value_size = sizeof(struct box), .max_entries = 1,
			     .flags = BPF_F_MMAPABLE};
	struct str log = {0};
	const void *p;
	uint32_t size;

	if (box)
		return true;
	if (!kern_can_bpf()) {
		printf("# skipped: bpf() is refused\n");
		return false;
	}
	lib = lib_open();
	p = lib_btf(lib, &size);
	btf = kern_btf_load(p, size, &log);
	if (btf < 0)
		test_fail(__FILE__, __LINE__, "BTF is refused (%s): %s", strerror(-btf), log.s);
	box_map = kern_map_create(&m);
	CHECK(box_map >= 0);
	p = mmap(NULL, sizeof(*box), PROT_READ | PROT_WRITE, MAP_SHARED, box_map, 0);
	CHECK(p != MAP_FAILED);
	box = (struct box *)(uintptr_t)p;
	return true;
}

/* ------------------------------------------------------------------ programs */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

/* args: a character for each: n its box->n, f the frame, r the regular expression, g the groups, p
 * the program for them, a digit that slot. */
static size_t place_of(char arg)
{
	if (arg == 'f')
		return offsetof(struct box, frame);
	if (arg == 'r')
		return offsetof(struct box, regex);
	if (arg == 'g')
		return offsetof(struct box, groups);
	if (arg == 'p')
		return offsetof(struct box, group_program);
	return offsetof(struct box, slot) + sizeof(box->slot[0]) * (size_t)(arg - '0');
}

/* A subprogram: box->ret = function(arguments). Returns the next place; the call is at *call. */
static uint32_t emit_call(struct bpf_insn *in, uint32_t n, const char *args, uint32_t *call)
{
	in[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 6, BPF_PSEUDO_MAP_VALUE, 0, box_map);
	in[n++] = INSN(0, 0, 0, 0, 0);
	for (unsigned i = 0; args[i]; i++) {
		uint8_t r = (uint8_t)(i + 1);

		if (args[i] == 'n') {
			in[n++] = INSN(BPF_LDX | BPF_MEM | BPF_DW, r, 6,
				       (int16_t)(offsetof(struct box, n) + 8 * i), 0);
			continue;
		}
		in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, r, 6, 0, 0);
		in[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, r, 0, 0, (int)place_of(args[i]));
	}
	*call = n;
	in[n++] = INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	in[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 0, offsetof(struct box, ret), 0);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	in[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return n;
}

/* bpf_loop(times, what follows, 0, 0) */
static uint32_t emit_loop(struct bpf_insn *in, uint32_t n, int times)
{
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, times);
	in[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 6);
	in[n++] = INSN(0, 0, 0, 0, 0);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0);
	in[n++] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	in[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return n;
}

/* Links and loads. One that is sleepable is of the only such type that can be run from here. */
static int load_unit(struct lib_unit *u, const char *name, bool sleepable)
{
	struct kern_prog p = {.name = name, .btf = btf, .sleepable = sleepable,
			      .type = sleepable ? BPF_PROG_TYPE_SYSCALL : BPF_PROG_TYPE_RAW_TRACEPOINT};
	struct arena a = {0};
	struct str log = {0};
	int fd;

	lib_link(lib, &a, u);
	p.insns = u->linked;
	p.n_insns = u->n_linked;
	p.func_info = u->func_info;
	p.n_func_info = u->n_func_info;
	fd = kern_prog_load(&p, &log);
	if (fd < 0) {
		/* What the verifier stumbled over is at the end. */
		printf("%s\n", !log.s ? "" : log.len > 8000 ? log.s + log.len - 8000 : log.s);
		test_fail(__FILE__, __LINE__, "%s is refused: %s", name, strerror(-fd));
	}
	str_release(&log);
	arena_release(&a);
	return fd;
}

/* Loads a program that calls the function once, or that many times in a loop. */
static int load(const char *function, const char *args, int times)
{
	struct bpf_insn in[40];
	struct lib_call c = {.function = function};
	struct lib_sub subs[] = {{0, LIB_SUB_MAIN}, {0, LIB_SUB_LOOP}};
	struct lib_unit u = {.insns = in, .calls = &c, .n_calls = 1, .subs = subs, .n_subs = 1};
	uint32_t n = 0;
	int fd;

	if (times) {
		n = emit_loop(in, n, times);
		subs[u.n_subs++].insn = n;
	}
	u.n_insns = emit_call(in, n, args, &c.insn);
	fd = load_unit(&u, function, strstr(function, "sleepable") != NULL);
	if (test_verbose && !times)
		printf("# %s: %u instructions verified, %u linked\n", function, kern_prog_verified(fd),
		       u.n_linked);
	return fd;
}

static int64_t run(const char *function, const char *args)
{
	char key[64];
	int i, r;

	snprintf(key, sizeof(key), "%s %s", function, args);
	for (i = 0; i < n_programs && strcmp(programs[i].key, key) != 0; i++)
		;
	if (i == n_programs) {
		CHECK(n_programs < MAX_PROGRAMS);
		programs[i].fd = load(function, args, 0);
		memcpy(programs[i].key, key, sizeof(key));
		n_programs++;
	}
	r = kern_prog_test_run(programs[i].fd, NULL, 0, NULL);
	if (r < 0)
		test_fail(__FILE__, __LINE__, "%s does not run: %s", key, strerror(-r));
	return box->ret;
}

/* CALL("rt_copy", "0n1", 0, cap): numbers at their places, 0 for pointers */
#define CALL(function, args, ...)                                                              \
	(memcpy(box->n, (int64_t[5]){__VA_ARGS__}, sizeof(box->n)), run(function, args))

/* ------------------------------------------------------------------ arguments and results */
static void put(int slot, const char *s, size_t len)
{
	struct rt_str *str = &box->slot[slot].str;

	/* Nothing may depend on what is behind the text. */
	memset(&box->slot[slot], 0xa5, sizeof(box->slot[slot]));
	str->len = (uint32_t)len;
	str->token = 0;
	memcpy(str->s, s, len);
	str->s[len] = 0;
}

/* An empty destination with a pattern in it. */
static void clean(int slot)
{
	put(slot, "", 0);
}

static void check_slot(int line, int slot, size_t cap, const char *want, size_t len)
{
	const struct rt_str *str = &box->slot[slot].str;

	if (str->len != len || memcmp(str->s, want, len) != 0)
		test_fail(__FILE__, line, "\"%.*s\" (%u), expected \"%.*s\" (%zu)", (int)str->len,
			  str->s, str->len, (int)len, want, len);
	if (str->token || str->s[len])
		test_fail(__FILE__, line, "no end of \"%.*s\"", (int)str->len, str->s);
	/* A slot is 8 + cap + 1 bytes, rounded up. */
	for (size_t i = (8 + cap + 1 + 7) / 8 * 8; i < sizeof(box->slot[0]); i++)
		if (box->slot[slot].room[i] != (char)0xa5)
			test_fail(__FILE__, line, "wrote at %zu of a slot for %zu bytes", i, cap);
}
#define CHECK_SLOT(slot, cap, want, len) check_slot(__LINE__, slot, cap, want, len)

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

/* Lengths as they occur, and around those where something changes. */
static size_t rnd_len(void)
{
	switch (below(4)) {
	case 0:
		return below(10);
	case 1:
		return below(40);
	case 2:
		return MAX_TEXT - below(4);
	default:
		return below(MAX_TEXT + 1);
	}
}

static size_t rnd_text(char *s, size_t len, const char *of, size_t n)
{
	for (size_t i = 0; i < len; i++)
		s[i] = n ? of[below((unsigned)n)] : (char)rnd();
	return len;
}

static int64_t rnd_number(void)
{
	static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, 255, 1 << 20};

	switch (below(4)) {
	case 0:
		return edges[below(8)];
	case 1:
		return (int64_t)below(1000) - 500;
	default:
		return (int64_t)rnd() >> below(64);
	}
}

/* ------------------------------------------------------------------ strings as values */
TEST(lib_copies_strings)
{
	char s[MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 500; i++) {
		size_t len = rnd_text(s, rnd_len(), "", 0), cap = rnd_len();

		put(1, s, len);
		clean(0);
		CHECK_INT(CALL("rt_copy", "0n1", 0, (int64_t)cap), 0);
		CHECK_SLOT(0, cap, s, len < cap ? len : cap);
	}
	put(1, "0123456789abcdef", 16);
	box->slot[1].str.token = RT_TOKEN_USYM;
	CALL("rt_copy", "0n1", 0, 20);
	CHECK_INT(box->slot[0].str.token, RT_TOKEN_USYM);
	CHECK_INT(box->slot[0].str.len, 16);
	CALL("rt_copy", "0n1", 0, 15);
	CHECK_INT(box->slot[0].str.token, 0);
	CHECK_INT(box->slot[0].str.len, 0);
}

TEST(lib_joins_strings)
{
	char a[MAX_TEXT], b[MAX_TEXT], want[2 * MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 3000; i++) {
		size_t la = rnd_text(a, rnd_len(), "", 0), lb = rnd_text(b, rnd_len(), "", 0);
		size_t cap = i % 2 ? MAX_TEXT : rnd_len(), n;
		int how = i % 4;

		/* A destination that is an argument has room for it. */
		if (how == 1 && la > cap)
			la = cap;
		if (how >= 2 && lb > cap)
			lb = cap;
		put(1, a, la);
		put(2, b, lb);
		clean(0);
		memcpy(want, a, la);
		memcpy(want + la, b, lb);
		n = la + lb;
		if (how == 0)
			CALL("rt_concat", "0n12", 0, (int64_t)cap);
		else if (how == 1)
			CALL("rt_concat", "1n12", 0, (int64_t)cap);
		else if (how == 2)
			CALL("rt_concat", "2n12", 0, (int64_t)cap);
		if (how < 3) {
			CHECK_SLOT(how, cap, want, n < cap ? n : cap);
			continue;
		}
		memcpy(want, b, lb);
		memcpy(want + lb, b, lb);
		n = 2 * lb;
		CALL("rt_concat", "2n22", 0, (int64_t)cap);
		CHECK_SLOT(2, cap, want, n < cap ? n : cap);
	}
}

TEST(lib_compares_strings)
{
	char a[MAX_TEXT], b[MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 3000; i++) {
		size_t la = rnd_text(a, rnd_len(), "", 0), lb = rnd_len(), n;
		int want;

		memcpy(b, a, la);
		if (lb > la)
			rnd_text(b + la, lb - la, "", 0);
		if (i % 3 == 0)
			lb = la;
		if (lb && i % 3)
			b[below((unsigned)lb)] ^= (char)(1 << below(8));
		n = la < lb ? la : lb;
		want = memcmp(a, b, n);
		want = want ? want : (la > lb) - (la < lb);
		put(1, a, la);
		put(2, b, lb);
		CHECK_INT(CALL("rt_compare", "12"), want < 0 ? -1 : want > 0);
	}
	box->slot[1].str.token = RT_TOKEN_USYM;
	CHECK_INT(run("rt_compare", "12"), 1);
	CHECK_INT(run("rt_compare", "21"), -1);
}

/* ------------------------------------------------------------------ parts of strings */

/* What stap's own function makes of the same arguments. */
#define NATIVE(max, name, ...) \
	rt_test_call(NULL, (uint32_t)(max), name, \
		     (const struct rt_value[]){__VA_ARGS__}, \
		     sizeof((const struct rt_value[]){__VA_ARGS__}) / sizeof(struct rt_value))
#define TEXT(text, n) {.s = (text), .len = (uint32_t)(n)}

TEST(lib_takes_strings_apart)
{
	char s[MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 1500; i++) {
		size_t len = rnd_text(s, rnd_len(), "", 0), cap = i % 3 ? MAX_TEXT : rnd_len();
		int64_t start = i % 2 ? (int64_t)below(100) : rnd_number(), n = rnd_number();
		const struct rt_call *want = NATIVE(cap, "substr", TEXT(s, len), RT_N(start), RT_N(n));

		put(1, s, len);
		clean(0);
		CALL("rt_substr", "0n1nn", 0, (int64_t)cap, 0, start, n);
		CHECK_SLOT(0, cap, want->ret.s, want->ret.len);
		if (len <= cap) {
			CALL("rt_substr", "1n1nn", 0, (int64_t)cap, 0, start, n);
			CHECK_SLOT(1, cap, want->ret.s, want->ret.len);
		}
		put(1, s, len);
		box->frame.error = 0;
		CALL("rt_stringat", "f1n", 0, 0, start);
		if (start >= 0 && start < (int64_t)len)
			CHECK_INT(box->ret, (signed char)s[start]);
		CHECK_INT(box->frame.error,
			  start >= 0 && start < (int64_t)len ? 0 : RT_E_POSITION);
		CHECK_INT(run("rt_strlen", "1"), len);
		CHECK_INT(run("rt_isdigit", "1"), NATIVE(MAX_TEXT, "isdigit", TEXT(s, len))->ret.n);
	}
}

TEST(lib_searches_strings)
{
	char s[MAX_TEXT], sub[MAX_TEXT], to[MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 3000; i++) {
		unsigned letters = 1 + below(2 + (unsigned)i % 2 * 20);
		size_t len = rnd_text(s, rnd_len(), "abcdefghijklmnopqrstuvwxyz", letters), at;
		size_t n = below(4) ? below(5) : below(30), n_to = below(4) ? below(5) : rnd_len();
		size_t cap = i % 3 ? MAX_TEXT : rnd_len();
		const struct rt_call *want;

		rnd_text(sub, n, "abcdefghijklmnopqrstuvwxyz", letters);
		rnd_text(to, n_to, "abcdefghijklmnopqrstuvwxyz", 26);
		if (i % 2 && n < len) {
			/* One that is there. */
			at = below((unsigned)(len - n + 1));
			memcpy(sub, s + at, n);
		}
		put(1, s, len);
		put(2, sub, n);
		put(3, to, n_to);
		CHECK_INT(CALL("rt_strpos", "12"),
			  NATIVE(511, "strpos", TEXT(s, len), TEXT(sub, n))->ret.n);
		CHECK_INT(CALL("rt_isinstr", "12"),
			  NATIVE(511, "isinstr", TEXT(s, len), TEXT(sub, n))->ret.n);
		clean(0);
		want = NATIVE(cap, "str_replace", TEXT(s, len), TEXT(sub, n), TEXT(to, n_to));
		CALL("rt_str_replace", "0n123", 0, (int64_t)cap);
		CHECK_SLOT(0, cap, want->ret.s, want->ret.len);
	}
}

TEST(lib_reads_numbers_in_text)
{
	static const char *const texts[] = {"", "-", "0", "0x", "0x1F", "-0X1f", "017", "08", " 7", "+7", "--7",
					    "18446744073709551617", "-9223372036854775808", "zz", "fFg"};
	static const int64_t bases[] = {0, 1, 2, 8, 10, 16, 36, 37, -1, INT64_MIN};
	char s[MAX_TEXT];

	if (!ready())
		return;
	for (unsigned i = 0; i < 2000; i++) {
		size_t len = rnd_text(s, below(2) ? below(24) : rnd_len(), "-0123456789abcdefxXFg", 21);
		int64_t base = bases[i % 10];

		if (i < 150) {
			len = strlen(texts[i / 10]);
			memcpy(s, texts[i / 10], len);
		}
		put(1, s, len);
		CHECK_INT(CALL("rt_strtol", "1n", 0, base),
			  NATIVE(511, "strtol", TEXT(s, len), RT_N(base))->ret.n);
	}
}

TEST(lib_takes_tokens)
{
	static struct rt_env env;
	static char token[8192];
	char *p = token, s[MAX_TEXT], delims[MAX_TEXT];

	if (!ready())
		return;
	memcpy((void *)&env.token.text, &p, sizeof(p));
	box->frame.token_text.len = 0;
	box->frame.token_pos = 0;
	for (int i = 0; i < 3000; i++) {
		size_t len = below(8) ? 0 : rnd_text(s, rnd_len(), " ,a\xff\x80", 5), cap = MAX_TEXT;
		size_t n = below(20) ? rnd_text(delims, below(4), " ,a\xff", 4)
				     : rnd_text(delims, rnd_len(), "", 0);
		bool one = !len && i % 2;
		struct rt_value args[] = {TEXT(s, len), TEXT(delims, n)};
		const struct rt_call *want = rt_test_call(&env, 511, "tokenize", args + one, one ? 1 : 2);

		put(1, s, len);
		put(2, delims, n);
		clean(0);
		if (one)
			CALL("rt_tokenize_next", "f0n2", 0, 0, (int64_t)cap);
		else
			CALL("rt_tokenize", "f0n12", 0, 0, (int64_t)cap);
		CHECK_SLOT(0, cap, want->ret.s, want->ret.len);
	}
}

/* Text with characters of all kinds. */
static size_t rnd_utf8(char *s)
{
	static const char *const pieces[] = {"a", "\"", "\\", "\t", "\x01", "\x7f", "\xc3\xa9", "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80", "\xed\xa0\x80", "\xc0\x80", "\xe2\x82",
					     "\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe0\x9f\xbf", "\xff"};
	size_t len = rnd_len(), at = 0;

	while (at < len) {
		const char *p = pieces[below(16)];
		size_t n = strlen(p);

		if (!below(10)) {
			s[at++] = (char)rnd();
			continue;
		}
		if (at + n > len)
			break;
		memcpy(s + at, p, n);
		at += n;
	}
	return at;
}

TEST(lib_makes_text_printable)
{
	char s[MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 3000; i++) {
		size_t len = rnd_utf8(s), cap = i % 3 ? MAX_TEXT : rnd_len();
		int64_t size = i % 2 ? (int64_t)below(100) : rnd_number();
		int quoted = i % 4 / 2;
		const struct rt_call *want;

		put(1, s, len);
		clean(0);
		want = NATIVE(cap, "text_strn", TEXT(s, len), RT_N(size), RT_N(quoted));
		CALL("rt_text_strn", "0n1nn", 0, (int64_t)cap, 0, size, quoted);
		CHECK_SLOT(0, cap, want->ret.s, want->ret.len);
		clean(0);
		want = NATIVE(cap, "string_quoted", TEXT(s, len));
		CALL("rt_string_quoted", "0n1", 0, (int64_t)cap);
		CHECK_SLOT(0, cap, want->ret.s, want->ret.len);
		clean(0);
		want = NATIVE(cap, "text_str", TEXT(s, len));
		CALL("rt_text_str", "0n1", 0, (int64_t)cap);
		CHECK_SLOT(0, cap, want->ret.s, want->ret.len);
	}
}

/* ------------------------------------------------------------------ formatting */
TEST(lib_formats)
{
	static struct str want;
	static const int64_t tens[] = {9, 10, 99, 100, 9999, 10000, 99999999, 100000000,
				       9999999999999999, 10000000000000000};
	char s[MAX_TEXT];

	if (!ready())
		return;
	for (int i = 0; i < 20000; i++) {
		struct arena a = {0};
		fmt_parts parts = {0};
		struct fmt_part part = {.conv = (enum conv)(1 + below(11)), .flags = below(32)};
		size_t cap = i % 4 ? MAX_TEXT : rnd_len(), before = below(3) ? below(5) : rnd_len();
		size_t len = rnd_text(s, rnd_len(), "", 0);
		struct rt_value v = {.n = below(4) ? rnd_number() : tens[below(10)], .s = s,
				     .len = (uint32_t)len};
		int64_t spec;

		if (part.conv == CONV_MEMORY || part.conv == CONV_MEMORY_HEX)
			part.conv = CONV_DEC;
		part.width = below(2) ? FMT_NONE : (int)(below(4) ? below(40) : below(9000));
		part.precision = below(2) ? FMT_NONE : (int)(below(4) ? below(40) : below(9000));
		if (before > cap)
			before = cap;
		want.len = 0;
		memset(str_room(&want, before + 1), '.', before);
		want.len += before;
		vec_push(&parts, &a, part);
		CHECK_STR(rt_format(&want, &parts, &v, 1), NULL);
		arena_release(&a);

		spec = (int64_t)lib_fmt_spec(&part);
		clean(0);
		memset(box->slot[0].str.s, '.', before);
		box->slot[0].str.s[before] = 0;
		box->slot[0].str.len = (uint32_t)before;
		if (part.conv == CONV_STRING) {
			put(1, s, len);
			CALL("rt_fmt_str", "0n1n", 0, (int64_t)cap, 0, spec);
		} else {
			CALL(part.conv == CONV_CHAR ? "rt_fmt_char" :
			     part.conv == CONV_BINARY ? "rt_fmt_binary" : "rt_fmt_int",
			     "0nnn", 0, (int64_t)cap, v.n, spec);
		}
		CHECK_SLOT(0, cap, want.s, want.len < cap ? want.len : cap);
	}
	str_release(&want);
	clean(0);
	put(1, "abc", 3);
	CALL("rt_fmt_lit", "0n1", 0, 5);
	CALL("rt_fmt_lit", "0n1", 0, 5);
	CHECK_SLOT(0, 5, "abcab", 5);
	/* No slot is longer than 511 bytes, whatever is said of it. */
	put(1, s, MAX_TEXT);
	clean(0);
	CALL("rt_copy", "0n1", 0, 1 << 20);
	CHECK_INT(box->slot[0].str.len, MAX_TEXT);
	box->slot[1].str.len = 4000;
	CALL("rt_copy", "0n1", 0, MAX_TEXT);
	CHECK_INT(box->slot[0].str.len, MAX_TEXT);
	CHECK_INT(run("rt_strlen", "1"), MAX_TEXT);
}

/* ------------------------------------------------------------------ floating point */

/* Numbers of all kinds: edges, of few bits, of much the same size as others, near whole ones, small ones. */
static int64_t rnd_fp(void)
{
	static const uint64_t edges[] = {0, 1, 0xfffffffffffff, 0x10000000000000, 0x7fefffffffffffff,
					 0x7ff0000000000000, 0x7ff0000000000001, 0x3ff0000000000000, 0x3fdfffffffffffff,
					 0x43e0000000000000, 0x43dfffffffffffff, 0x4330000000000000, 0x43f0000000000000};
	static const unsigned first[] = {1023, 1000, 0, 0}, n[] = {5, 100, 60, 2047};
	uint64_t sign = (uint64_t)below(2) << 63, few = rnd() & (~0ull << below(52)) & 0xfffffffffffff;
	unsigned kind = below(8);

	if (kind < 2)
		return (int64_t)(sign | (kind ? rnd() >> below(64) >> 1 : edges[below(13)]));
	kind = kind < 5 ? kind - 2 : 3;
	return (int64_t)(sign | (uint64_t)(first[kind] + below(n[kind])) << 52 | few);
}

static void check_fp(const char *name, int64_t a, int64_t b)
{
	int64_t want = RT_LONG(name + 3, RT_N(a), RT_N(b), RT_N(0));

	if (CALL(name, "nn", a, b) != want)
		test_fail(__FILE__, __LINE__, "%s(%lx, %lx): %lx, expected %lx", name, a, b, box->ret, want);
}

/* Texts of numbers: those of random ones, with more or fewer digits; exactly between two numbers; parts. */
static size_t rnd_number_text(char *s, size_t size)
{
	static const char *const parts[] = {"1", "0", "9", ".", "e", "E", "+", "-", "0x", "p", "inf", "nan",
					    " ", "f", "12345678901234567890", "e-3", "p-1", "infinity", "x"};
	size_t n = 0;
	double d, next;
	int64_t bits = rnd_fp();

	memcpy(&d, &bits, sizeof(d));
	switch (below(4)) {
	case 0:
		return (size_t)snprintf(s, size, below(3) ? "%.*e" : "%.*a", (int)below(30), d);
	case 1: /* between two of a few digits */
		bits = (int64_t)((uint64_t)(1023 + below(60)) << 52 | (rnd() & 0xfffffffffffff));
		memcpy(&d, &bits, sizeof(d));
		bits++;
		memcpy(&next, &bits, sizeof(next));
		n = (size_t)snprintf(s, size, "%.*Lf", 60, ((long double)d + next) / 2);
		return n + (size_t)snprintf(s + n, size - n, "%s", below(2) ? "" : "0000000001");
	case 2:
		n = rnd_text(s, below(300), "0123456789", 10);
		return n + (size_t)snprintf(s + n, size - n, "%s%u", below(2) ? "e-" : ".", below(400));
	default:
		for (unsigned i = below(6); i-- > 0;)
			n += (size_t)snprintf(s + n, size - n, "%s", parts[below(sizeof(parts) / sizeof(parts[0]))]);
		return n;
	}
}

static void check_fp_text(int64_t v)
{
	char s[1200];
	size_t cap = below(4) ? MAX_TEXT : rnd_len(), n = rnd_number_text(s, sizeof(s));
	int64_t precision = below(4) ? (int)below(20) : (int)below(1000) - 100, want;
	const struct rt_call *text;

	n = n < MAX_TEXT ? n : MAX_TEXT;
	put(1, s, n);
	want = NATIVE(MAX_TEXT, "string_to_fp", TEXT(s, n))->ret.n;
	if (CALL("rt_string_to_fp", "f1", 0, 0) != want)
		test_fail(__FILE__, __LINE__, "\"%.*s\": %lx, expected %lx", (int)n, s, box->ret, want);
	clean(0);
	text = NATIVE(cap, "fp_to_string", RT_N(v), RT_N(precision));
	CALL("rt_fp_to_string", "f0nnn", 0, 0, (int64_t)cap, v, precision);
	CHECK_SLOT(0, cap, text->ret.s, text->ret.len);
}

TEST(lib_calculates_with_floating_point)
{
	static const char *const two[] = {"rt_fp_add", "rt_fp_sub", "rt_fp_mul", "rt_fp_div",
					  "rt_fp_rem", "rt_fp_eq",  "rt_fp_le",	 "rt_fp_lt"};

	for (int i = 0; ready() && i < 100000; i++) {
		int64_t a = rnd_fp(), b = below(16) ? rnd_fp() : a ^ (int64_t)((uint64_t)below(2) << 63 | below(2));

		check_fp(two[i % 8], a, b);
		if (i % 2)
			continue;
		check_fp("rt_fp_sqrt", a, b);
		check_fp("rt_fp32_to_fp64", b, a);
		check_fp("rt_fp_to_long", a, (int64_t)below(6));
		check_fp("rt_long_to_fp", rnd_number(), a);
		if (i % 5 == 0)
			check_fp_text(a);
	}
}

/* ------------------------------------------------------------------ regular expressions */
TEST(lib_matches)
{
	static const char *const texts[] = {"", "a", "^a", "a$", "^$", "^(ab|ba)*$", "[a-b]+c", "a.c", "(a|b)c{2,4}$",
					    "[^a]b", "c{20}", "^.{100}$", "ab|bc|ca|abcabc"};
	char s[MAX_TEXT], error[100];
	size_t position;

	if (!ready())
		return;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct regex *re = regex_compile(texts[i], strlen(texts[i]), false, error, sizeof(error),
						 &position);

		CHECK(re != NULL);
		CHECK(lib_regex_cells(re) > 0);
		lib_regex_table(&box->regex, re);
		for (int k = 0; k < 300; k++) {
			size_t len = rnd_text(s, below(3) ? below(8) : below(3) ? rnd_len() : 100,
					      "abc\xff", 1 + below(4));

			put(1, s, len);
			CHECK_INT(run("rt_regex_test", "1r"), regex_test(re, s, len));
		}
		regex_free(re);
	}
}

TEST(lib_finds_groups)
{
	static const char *const texts[] = {
		"a", "", "$", "x*", "a|ab|abc", "(a)|(b)", "(a*)(b*)", "(a*)(a*)", "(a|b)*", "(a*)*", "(a*)+",
		"(a){0}b", "((.)(.)){2}", "^([^a]*)a(.*)$", "abcc|(c)", "a(b)?cc|bc", "(a|ab)(c|bcd)", "(b|(a)|c)+",
		"((a)|(b)|(c))*$", "(^|b)(a|$)", "(a?){3}(a{3})", "((((((((((((((((a)))))))))))))))|b)c", "(a|b|c){20}",
		"([a\xff]*)(b|)c"};
	char s[MAX_TEXT], error[100];
	size_t position;

	if (!ready())
		return;
	memset(&box->groups, 0, sizeof(box->groups));
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct regex *re = regex_compile(texts[i], strlen(texts[i]), true, error, sizeof(error),
						 &position);
		int bounds[2 * REGEX_MAX_GROUPS];

		CHECK(re != NULL);
		CHECK(lib_regex_cells(re) > 0);
		lib_regex_table(&box->regex, re);
		memset(&box->group_program, 0, sizeof(box->group_program));
		CHECK(lib_group_program(&box->group_program, re) > 0);
		for (int k = 0; k < 200; k++) {
			size_t len = rnd_text(s, below(3) ? below(8) : below(3) ? rnd_len() : 100,
					      "abc\xff", 1 + below(4));
			bool matches = regex_match(re, s, len, bounds);

			put(1, s, len);
			CHECK_INT(run("rt_regex_groups", "g1rp"), matches);
			CHECK_INT(box->groups.n_groups, matches ? re->n_groups : 0);
			for (unsigned n = 0; n < re->n_groups; n++) {
				int start = bounds[2 * n], end = bounds[2 * n + 1];
				size_t cap = k % 2 ? MAX_TEXT : rnd_len(), want = (size_t)(end - start);

				clean(0);
				CHECK_INT(CALL("rt_matched", "g0nn", 0, 0, (int64_t)cap, n),
					  matches ? RT_MATCHED : RT_MATCH_FAILED);
				if (!matches || start < 0)
					CHECK_SLOT(0, cap, "", 0);
				else
					CHECK_SLOT(0, cap, s + start, want < cap ? want : cap);
			}
			CHECK_INT(CALL("rt_matched", "g0nn", 0, 0, MAX_TEXT, re->n_groups),
				  matches ? RT_NO_SUCH_GROUP : RT_MATCH_FAILED);
			CHECK_INT(CALL("rt_matched", "g0nn", 0, 0, MAX_TEXT, -1),
				  matches ? RT_NO_SUCH_GROUP : RT_MATCH_FAILED);
		}
		regex_free(re);
	}
	{
		struct regex *re = regex_compile("(a|b|c){200}", 12, true, error, sizeof(error), &position);

		CHECK_INT(lib_group_program(&box->group_program, re), 0);
		regex_free(re);
	}
}

TEST(lib_gives_random_numbers)
{
	if (!ready())
		return;
	box->frame.error = 0;
	for (int i = 0; i < 200; i++)
		CHECK((uint64_t)CALL("rt_randint", "fn", 0, 1 + i) < (uint64_t)(1 + i));
	CHECK_INT(CALL("rt_randint", "fn", 0, INT64_MIN), 0);
	CHECK((uint64_t)CALL("rt_randint", "fn", 0, 1 << 20) < 1 << 20);
	CHECK_INT(box->frame.error, 0);
	CALL("rt_randint", "fn", 0, (1 << 20) + 1);
	CHECK_INT(box->frame.error, RT_E_RANGE);
}

/* ------------------------------------------------------------------ output */
TEST(lib_appends_output)
{
	struct rt_frame *f;
	char s[MAX_TEXT];

	if (!ready())
		return;
	f = &box->frame;
	memset(f, 0xa5, sizeof(*f));
	for (uint32_t at = 0, i = 0; i < 300; i++) {
		size_t len = rnd_text(s, rnd_len(), "", 0), padded = (len + 7) / 8 * 8;

		if (i % 50 == 0) {
			at = i % 100 ? RT_OUT_BYTES : 0;
			memset(f->out, 0xa5, sizeof(f->out));
		}
		put(1, s, len);
		f->out_used = at;
		CHECK_INT(run("rt_out_str", "f1"), at > RT_OUT_BYTES);
		if (at > RT_OUT_BYTES) {
			CHECK_INT(f->out_used, at);
			continue;
		}
		CHECK_INT(f->out_used, at + 8 + padded);
		CHECK_INT(*(uint32_t *)(f->out + at), len);
		CHECK_INT(*(uint32_t *)(f->out + at + 4), 0);
		CHECK(memcmp(f->out + at + 8, s, len) == 0);
		for (size_t k = len; k < padded; k++)
			CHECK_INT(f->out[at + 8 + k], 0);
		at = f->out_used;
	}
}

/* ------------------------------------------------------------------ memory */
TEST(lib_reads_user_strings)
{
	static const char *const functions[] = {"rt_user_string", "rt_user_string_sleepable"};
	char s[MAX_TEXT + 20], *page;

	if (!ready())
		return;
	for (int i = 0; i < 400; i++) {
		size_t len = rnd_len(), cap = rnd_len(), max = rnd_len(), n;

		memset(s, 'x', sizeof(s));
		s[len] = 0;
		n = len < cap ? len : cap;
		n = n < max ? n : max;
		clean(0);
		CHECK_INT(CALL(functions[i % 2], "f0nnn", 0, 0, (int64_t)cap, (int64_t)(uintptr_t)s,
			       (int64_t)max), 0);
		CHECK_SLOT(0, cap, s, n);
	}
	/* Faults, and a string that ends with its page. */
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	memcpy(page + 4090, "hello", 6);
	munmap(page + 4096, 4096);
	for (int i = 0; i < 2; i++) {
		clean(0);
		CHECK_INT(CALL(functions[i], "f0nnn", 0, 0, 100, (int64_t)(uintptr_t)page + 4090, 510), 0);
		CHECK_SLOT(0, 100, "hello", 5);
		page[4095] = 'x';
		box->frame.error = 0;
		CHECK_INT(CALL(functions[i], "f0nnn", 0, 0, 100, (int64_t)(uintptr_t)page + 4090, 510),
			  RT_E_USER_STRING);
		CHECK_INT(box->frame.error, RT_E_USER_STRING);
		CHECK_INT(box->frame.error_arg, (uintptr_t)page + 4090);
		CHECK_SLOT(0, 100, "", 0);
		/* No NUL is asked for behind as many bytes as are wanted. */
		CHECK_INT(CALL(functions[i], "f0nnn", 0, 0, 100, (int64_t)(uintptr_t)page + 4090, 6), 0);
		CHECK_SLOT(0, 100, "hellox", 6);
		page[4095] = 0;
		CHECK_INT(CALL(functions[i], "f0nnn", 0, 0, 100, INT64_MIN, 510), RT_E_USER_STRING);
		CHECK_INT(CALL(functions[i], "f0nnn", 0, 0, 100, 0, 510), RT_E_USER_STRING);
	}
	/* A page that is not there. */
	memset(page, 0, 4096);
	madvise(page, 4096, MADV_DONTNEED);
	CHECK_INT(CALL("rt_user_string", "f0nnn", 0, 0, 100, (int64_t)(uintptr_t)page, 510),
		  RT_E_USER_STRING);
	CHECK_INT(CALL("rt_user_string_sleepable", "f0nnn", 0, 0, 100, (int64_t)(uintptr_t)page, 510), 0);
	munmap(page, 4096);
	CHECK_INT(CALL("rt_kernel_string", "f0nnn", 0, 0, 100, 8, 510), RT_E_KERNEL_STRING);
}

TEST(lib_reads_numbers)
{
	static const char *const functions[] = {"rt_user_read", "rt_user_read_sleepable"};
	int64_t v = (int64_t)0xf1f2f3f4f5f6f7f8u;

	if (!ready())
		return;
	for (int i = 0; i < 2; i++) {
		int64_t at = (int64_t)(uintptr_t)&v;

		box->frame.error = 0;
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 1), 0xf8);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 2), 0xf7f8);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 4), 0xf5f6f7f8);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 8), v);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 1 | 16), (int8_t)v);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 2 | 16), (int16_t)v);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 4 | 16), (int32_t)v);
		CHECK_INT(CALL(functions[i], "fnn", 0, at, 8 | 16), v);
		CHECK_INT(box->frame.error, 0);
		CHECK_INT(CALL(functions[i], "fnn", 0, 16, 8), 0);
		CHECK_INT(box->frame.error, RT_E_READ);
		CHECK_INT(box->frame.error_arg, 16);
	}
	box->frame.error = 0;
	CHECK_INT(CALL("rt_kernel_read", "fnn", 0, 16, 8), 0);
	CHECK_INT(box->frame.error, RT_E_READ);
}

TEST(lib_quotes_user_memory)
{
	static const char text[] = "a\"b\001cdefghij\0k";
	int64_t at = (int64_t)(uintptr_t)text;
	const struct rt_call *want;

	if (!ready())
		return;
	clean(0);
	want = NATIVE(511, "string_quoted", TEXT(text, 12));
	CALL("rt_user_string_quoted", "f0nn", 0, 0, 511, at);
	CHECK_SLOT(0, 511, want->ret.s, want->ret.len);
	CALL("rt_user_string_quoted", "f0nn", 0, 0, 511, 0);
	CHECK_SLOT(0, 511, "0x0", 3);
	CALL("rt_user_string_quoted", "f0nn", 0, 0, 511, -1);
	CHECK_SLOT(0, 511, "0xffffffffffffffff", 18);
	want = NATIVE(511, "text_strn", TEXT(text, 7), RT_N(11), RT_N(1));
	CALL("rt_user_string_n_quoted", "f0nnn", 0, 0, 511, at, 7 | 11ll << 32);
	CHECK_SLOT(0, 511, want->ret.s, want->ret.len);
	want = NATIVE(511, "text_strn", TEXT(text, 14), RT_N(0), RT_N(1));
	CALL("rt_user_buffer_quoted", "f0nnn", 0, 0, 511, at, 14);
	CHECK_SLOT(0, 511, want->ret.s, want->ret.len);
	CALL("rt_user_buffer_quoted", "f0nnn", 0, 0, 511, 16, 14);
	CHECK_SLOT(0, 511, "0x10", 4);
	CHECK_INT(box->ret, 0);
}

TEST(lib_reads_bytes)
{
	const char bytes[] = "ab\0cd\xff";

	if (!ready())
		return;
	clean(0);
	CHECK_INT(CALL("rt_user_bytes", "f0nnn", 0, 0, 100, (int64_t)(uintptr_t)bytes, 6), 0);
	CHECK_SLOT(0, 100, bytes, 6);
	clean(1);
	memset(&box->slot[1], 0xa5, sizeof(box->slot[1]));
	clean(1);
	CALL("rt_fmt_hex", "1n0n", 0, 20, 0, 14 << RT_SPEC_WIDTH);
	CHECK_SLOT(1, 20, "  6162006364ff", 14);
	CALL("rt_fmt_hex", "1n0n", 0, 25, 0, 0);
	CHECK_SLOT(1, 25, "  6162006364ff6162006364f", 25);
	clean(0);
	CHECK_INT(CALL("rt_user_bytes", "f0nnn", 0, 0, 4, (int64_t)(uintptr_t)bytes, 6), 0);
	CHECK_SLOT(0, 4, bytes, 4);
	CHECK_INT(CALL("rt_user_bytes", "f0nnn", 0, 0, 4, 8, 6), RT_E_READ);
	CHECK_SLOT(0, 4, "", 0);
	CHECK_INT(CALL("rt_kernel_bytes", "f0nnn", 0, 0, 4, 8, 6), RT_E_READ);
}

/* ------------------------------------------------------------------ statistics */
TEST(lib_collects_statistics)
{
	struct stat_spec spec = {.variance = true};
	struct rt_stat_value *v;

	if (!ready())
		return;
	v = &box->slot[0].stat;
	for (int round = 0; round < 200; round++) {
		struct rt_stat st = {0};
		int64_t x, base = rnd_number() >> 2;
		uint64_t spread = rnd() >> (3 + below(60));
		bool variance = round % 2;
		__int128 d1;

		*v = (struct rt_stat_value)RT_STAT_INIT;
		/* Squares of differences below 2^62: few enough that their sum does not overflow. */
		for (unsigned i = below(7); i < 7; i++) {
			x = round % 4 < 2 ? base + (int64_t)(rnd() % (spread + 1)) : rnd_number() >> 2;
			rt_stat_add(&st, &spec, x);
			CALL(variance ? "rt_stat_add_variance" : "rt_stat_add", "0n", 0, x);
		}
		CHECK_INT(v->count, st.count);
		CHECK_INT(v->sum, st.sum);
		CHECK_INT(v->min, st.min);
		CHECK_INT(v->max, st.max);
		CHECK_INT(v->seq, 0);
		if (!variance)
			continue;
		CHECK_INT(v->first, st.first);
		CHECK_INT(v->d2_lo, (uint64_t)st.d2);
		CHECK_INT(v->d2_hi, (uint64_t)(st.d2 >> 64));
		d1 = st.d1;
		CHECK_INT((int64_t)((uint64_t)v->sum - (uint64_t)v->count * (uint64_t)v->first),
			  (int64_t)d1);
	}
}

/* A program as the emitter makes them, with callbacks of its own that call the library. */
static int adding_program(const char *function, int times)
{
	struct bpf_insn in[32];
	struct lib_sub subs[] = {{0, LIB_SUB_MAIN}, {0, LIB_SUB_LOOP}, {0, LIB_SUB_STATIC}};
	struct lib_call c = {.function = function};
	struct lib_unit u = {.insns = in, .calls = &c, .n_calls = 1, .subs = subs, .n_subs = 3};
	uint32_t n = emit_loop(in, 0, times), inner = n;

	subs[1].insn = n;
	in[n++] = INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	in[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	subs[2].insn = n;
	in[inner].imm = (int)(n - inner - 1);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 1, 0, 0);
	in[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_VALUE, 0, box_map);
	in[n++] = INSN(0, 0, 0, 0, offsetof(struct box, slot));
	c.insn = n;
	in[n++] = INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	in[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	u.n_insns = n;
	return load_unit(&u, "adding", false);
}

static void *run_program(void *fd)
{
	kern_prog_test_run(*(int *)fd, NULL, 0, NULL);
	return NULL;
}

TEST(lib_loses_no_statistics)
{
	enum { TIMES = 200000 };
	struct stat_spec spec = {.variance = true};
	struct rt_stat st = {0};
	struct rt_stat_value *v;
	pthread_t thread[2];
	int fd;
	int64_t d;

	if (!ready())
		return;
	for (int64_t i = 0; i < 2 * TIMES; i++)
		rt_stat_add(&st, &spec, i / 2);
	fd = adding_program("rt_stat_add_variance", TIMES);
	v = &box->slot[0].stat;
	*v = (struct rt_stat_value)RT_STAT_INIT;
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, run_program, &fd);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	close(fd);
	CHECK_INT(v->count, st.count);
	CHECK_INT(v->sum, st.sum);
	CHECK_INT(v->min, 0);
	CHECK_INT(v->max, TIMES - 1);
	/* Whichever value came first: the same variance. */
	CHECK(v->first >= 0 && v->first < TIMES);
	d = v->first - st.first;
	CHECK((((unsigned __int128)v->d2_hi << 64) | v->d2_lo) ==
	      (unsigned __int128)(st.d2 - 2 * (__int128)d * st.d1 + (__int128)st.count * d * d));
}

TEST(lib_finds_buckets)
{
	struct stat_spec spec = {.hist = {.kind = HIST_LOG}};

	if (!ready())
		return;
	for (int i = 0; i < 2000; i++) {
		int64_t x = rnd_number();

		CHECK_INT(CALL("rt_hist_log", "n", x), rt_hist_bucket(&spec, x));
	}
	spec.hist.kind = HIST_LINEAR;
	for (int i = 0; i < 2000; i++) {
		int64_t x = rnd_number();

		spec.hist.low = (int64_t)below(2000) - 1000;
		spec.hist.high = spec.hist.low + below(2000);
		spec.hist.step = 1 + (int64_t)below(100);
		CHECK_INT(CALL("rt_hist_linear", "nnnn", x, spec.hist.low, spec.hist.high, spec.hist.step),
			  rt_hist_bucket(&spec, x));
	}
}

/* ------------------------------------------------------------------ locks */
TEST(lib_locks)
{
	if (!ready())
		return;
	box->slot[0].lock.holders = 0;
	CHECK_INT(CALL("rt_lock_shared", "0n", 0, 10), 1);
	CHECK_INT(CALL("rt_lock_shared", "0n", 0, 0), 1);
	CHECK_INT(CALL("rt_lock_alone", "0n", 0, 1000), 0);
	run("rt_unlock_shared", "0");
	CHECK_INT(CALL("rt_lock_alone", "0n", 0, 10), 0);
	run("rt_unlock_shared", "0");
	CHECK_INT(CALL("rt_lock_alone", "0n", 0, 10), 1);
	CHECK_INT(CALL("rt_lock_alone", "0n", 0, 10), 0);
	CHECK_INT(CALL("rt_lock_shared", "0n", 0, 10), 0);
	run("rt_unlock_alone", "0");
	CHECK_INT(box->slot[0].lock.holders, 0);
}

/* ------------------------------------------------------------------ costs, for unit -v */
static void cost(const char *what, const char *function, const char *args)
{
	enum { TIMES = 100000 };
	int fd = load(function, args, TIMES);
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		struct timespec a, b;
		uint64_t ns;

		clock_gettime(CLOCK_MONOTONIC, &a);
		kern_prog_test_run(fd, NULL, 0, NULL);
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns = (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000 + (uint64_t)(b.tv_nsec - a.tv_nsec);
		best = ns < best ? ns : best;
	}
	close(fd);
	printf("# %s %s: %.1f ns\n", function, what, (double)best / TIMES);
}

TEST(lib_costs)
{
	static char s[MAX_TEXT];

	if (!test_verbose || !ready())
		return;
	memset(s, 'x', sizeof(s));
	memset(box->n, 0, sizeof(box->n));
	box->n[1] = MAX_TEXT;
	put(1, s, 16);
	put(2, s, 16);
	cost("(nothing)", "rt_strlen", "1");
	cost("16", "rt_copy", "0n1");
	cost("16 + 16", "rt_concat", "0n12");
	cost("16, equal", "rt_compare", "12");
	put(2, "yes", 3);
	cost("3, different", "rt_compare", "12");
	cost("3 in 16", "rt_strpos", "12");
	cost("16", "rt_string_quoted", "0n1");
	box->frame.out_used = 0;
	put(1, s, 500);
	put(2, s, 500);
	cost("500", "rt_copy", "0n1");
	cost("500, equal", "rt_compare", "12");
	box->slot[0].stat = (struct rt_stat_value)RT_STAT_INIT;
	cost("", "rt_stat_add", "0n");
	cost("", "rt_stat_add_variance", "0n");
	cost("", "rt_hist_log", "n");
	put(0, s, MAX_TEXT); /* full: what is appended is cut away */
	box->n[2] = 12345;
	box->n[3] = RT_CONV_DEC | (int64_t)RT_SPEC_NONE << RT_SPEC_PRECISION;
	cost("%d", "rt_fmt_int", "0nnn");
	put(3, "1234", 4);
	box->n[1] = 10;
	cost("4 digits", "rt_strtol", "3n");
	box->n[1] = (int64_t)(uintptr_t)s;
	box->n[2] = 8;
	cost("8 bytes", "rt_user_read", "fnn");
}
#endif
