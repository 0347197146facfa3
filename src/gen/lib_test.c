/* Tests of the BPF library (bpfrt/) inside the kernel: each function is called by a small program
 * through BPF_PROG_TEST_RUN, with arguments in a map, and compared with what stap's own functions
 * (rt/) make of the same arguments. Without the right to call bpf() they are skipped. */
#ifdef TAPIR_TEST
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/test.h"
#include "bpfrt/abi.h"
#include "gen/link.h"
#include "kern/bpf.h"
#include "rt/fn.h"
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

/* Loads box->ret = function(arguments). args: a character for each: n its box->n, f the frame, a
 * digit that slot. */
static int load(const char *function, const char *args)
{
	struct bpf_insn in[32];
	struct lib_call c = {.function = function};
	struct lib_sub sub = {0, LIB_SUB_MAIN};
	struct lib_unit u = {.insns = in, .calls = &c, .n_calls = 1, .subs = &sub, .n_subs = 1};
	struct kern_prog p = {.name = function, .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .btf = btf};
	struct arena a = {0};
	struct str log = {0};
	uint32_t n = 0;
	int fd;

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
		in[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, r, 0, 0,
			       args[i] == 'f' ? (int)offsetof(struct box, frame)
					      : (int)(offsetof(struct box, slot) +
						      sizeof(box->slot[0]) * (size_t)(args[i] - '0')));
	}
	c.insn = n;
	in[n++] = INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	in[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 0, offsetof(struct box, ret), 0);
	in[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	in[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	u.n_insns = n;
	lib_link(lib, &a, &u);
	if (strstr(function, "sleepable")) {
		p.type = BPF_PROG_TYPE_SYSCALL;
		p.sleepable = true;
	}
	p.insns = u.linked;
	p.n_insns = u.n_linked;
	p.func_info = u.func_info;
	p.n_func_info = u.n_func_info;
	fd = kern_prog_load(&p, &log);
	if (fd < 0) {
		printf("%s\n", log.s ? log.s : "");
		test_fail(__FILE__, __LINE__, "%s is refused: %s", function, strerror(-fd));
	}
	if (test_verbose)
		printf("# %s: %u instructions verified, %u linked\n", function, kern_prog_verified(fd),
		       u.n_linked);
	str_release(&log);
	arena_release(&a);
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
		programs[i].fd = load(function, args);
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
		int64_t x = 0, base = rnd_number();
		int64_t spread = (int64_t)(rnd() >> below(64));
		bool variance = round % 2;
		__int128 d1;

		*v = (struct rt_stat_value)RT_STAT_INIT;
		for (unsigned i = below(20); i < 20; i++) {
			x = spread && round % 4 < 2
				    ? (int64_t)((uint64_t)base + rnd() % (uint64_t)(spread ? spread : 1))
				    : rnd_number() >> 2;
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
#endif
