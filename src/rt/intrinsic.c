/* The lists of intrinsics joined, and what their topic files share. See intrinsic.h and fn.h. */
#include "rt/intrinsic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/map.h"
#include "interp/interp.h"
#include "rt/fn.h"
#include "sema/sema.h"
#include "session.h"

static const struct intrinsic *const lists[] = {
	rt_string_fns, rt_time_fns, rt_context_fns, rt_session_fns,
	rt_net_fns, rt_name_fns, rt_fp_fns, rt_memory_fns, rt_task_fns, rt_impossible_fns,
};
enum { N_LISTS = sizeof(lists) / sizeof(lists[0]) };

/* All of them, numbered from 0, and a hash index by name: number + 1, 0 is free. Made at the first
 * use, never freed. */
static struct {
	const struct intrinsic **v;
	uint32_t n, first[N_LISTS]; /* of each list */
	uint32_t *slots, n_slots;   /* a power of two */
} all;

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t *slot(const char *name, size_t len)
{
	uint32_t i = hash_bytes(name, len) & (all.n_slots - 1);

	for (; all.slots[i]; i = (i + 1) & (all.n_slots - 1)) {
		const char *other = all.v[all.slots[i] - 1]->name;

		if (strlen(other) == len && memcmp(other, name, len) == 0)
			break;
	}
	return &all.slots[i];
}

static void join(void)
{
	uint32_t n = 0;

	for (size_t k = 0; k < N_LISTS; k++) {
		all.first[k] = n;
		for (const struct intrinsic *f = lists[k]; f->name; f++)
			n++;
	}
	all.v = xcalloc(n, sizeof(*all.v));
	for (all.n_slots = 64; all.n_slots < n * 2;)
		all.n_slots *= 2;
	all.slots = xcalloc(all.n_slots, sizeof(*all.slots));
	for (size_t k = 0; k < N_LISTS; k++) {
		for (const struct intrinsic *f = lists[k]; f->name; f++) {
			uint32_t *free_slot = slot(f->name, strlen(f->name));

			if (*free_slot)
				bug("two intrinsics are named %s", f->name);
			all.v[all.n++] = f;
			*free_slot = all.n;
		}
	}
}

const struct intrinsic *intrinsic_find(const char *name, size_t len)
{
	uint32_t number;

	if (!all.n)
		join();
	number = *slot(name, len);
	return number ? all.v[number - 1] : NULL;
}

uint32_t intrinsic_number(const struct intrinsic *f)
{
	if (!all.n)
		join();
	for (size_t k = 0; k < N_LISTS; k++) {
		uint32_t end = k + 1 < N_LISTS ? all.first[k + 1] : all.n;
		uintptr_t at = (uintptr_t)f, first = (uintptr_t)lists[k];

		if (at >= first && at < (uintptr_t)(lists[k] + (end - all.first[k])))
			return all.first[k] + (uint32_t)((at - first) / sizeof(*f));
	}
	bug("an intrinsic from nowhere");
}

const struct intrinsic *intrinsic_by_number(uint32_t number)
{
	if (!all.n)
		join();
	if (number >= all.n)
		bug("intrinsic %u of %u", number, all.n);
	return all.v[number];
}

/* ------------------------------------------------------------------ what cannot be done */
static const char *const reasons[] = {
	"eBPF programs cannot change registers",
	"eBPF programs cannot write to the kernel's memory",
	"eBPF programs cannot stop the kernel",
	"eBPF programs cannot make the kernel dump its stack; print_backtrace() prints it",
	"frames of interpreted programs are not known yet",
	"the memory nodes of addresses are not known",
	"the mappings of programs are not known in handlers",
	"the kernel's structures for it are not known",
};

static int fn_impossible(struct rt_call *c)
{
	return rt_needs_context(c);
}

enum { IMPOSSIBLE = INTR_FAILS | INTR_IMPOSSIBLE };

/* In the order of the reasons. */
const struct intrinsic rt_impossible_fns[] = {
	{"no_registers", IMPOSSIBLE | INTR_GURU, 0, fn_impossible},
	{"no_kernel_writes", IMPOSSIBLE | INTR_GURU, 0, fn_impossible},
	{"no_panic", IMPOSSIBLE | INTR_GURU, 0, fn_impossible},
	{"no_dump_stack", IMPOSSIBLE | INTR_GURU, 0, fn_impossible},
	{"no_interpreters", IMPOSSIBLE, 0, fn_impossible},
	{"no_nodes", IMPOSSIBLE, 0, fn_impossible},
	{"no_mappings", IMPOSSIBLE, 0, fn_impossible},
	{"no_structures", IMPOSSIBLE, 0, fn_impossible},
	{0},
};

const char *intrinsic_reason(const struct intrinsic *i)
{
	return reasons[i - rt_impossible_fns];
}

/* ------------------------------------------------------------------ results */
int rt_ret_text(struct rt_call *c, const char *s, size_t len)
{
	c->ret.s = c->buf;
	c->ret.len = len < c->max_string ? (uint32_t)len : c->max_string;
	if (c->ret.len)
		memcpy(c->buf, s, c->ret.len);
	return 0;
}

int rt_ret_static(struct rt_call *c, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	c->ret.s = s ? s : "";
	c->ret.len = len < c->max_string ? (uint32_t)len : c->max_string;
	return 0;
}

int rt_retf(struct rt_call *c, const char *fmt, ...)
{
	char line[RT_FN_LINE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= RT_FN_LINE)
		n = RT_FN_LINE - 1;
	return rt_ret_text(c, line, n < 0 ? 0 : (size_t)n);
}

bool rt_ret_add(struct rt_call *c, const char *s, size_t n)
{
	size_t room = c->max_string - c->ret.len;
	size_t fits = n < room ? n : room;

	if (fits)
		memcpy(c->buf + c->ret.len, s, fits);
	c->ret.len += (uint32_t)fits;
	return fits == n;
}

/* ------------------------------------------------------------------ surroundings */
bool rt_compatible_below(const struct rt_call *c, const char *version)
{
	return c->env && c->env->session && compatible_below(c->env->session, version);
}

const char *rt_probe_point(const struct rt_call *c)
{
	const struct probe_inst *p = c->env ? c->env->probe : NULL;

	return p && p->name ? p->name : "";
}

ssize_t rt_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	buf[0] = 0;
	if (fd < 0)
		return -1;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	buf[len] = 0;
	return n < 0 && !len ? -1 : (ssize_t)len;
}

#ifdef TAPIR_TEST
#include "base/test.h"

const struct rt_call *rt_test_call(struct rt_env *env, uint32_t max, const char *name,
				   const struct rt_value *args, size_t n_args)
{
	static struct rt_env empty;
	static char buf[8192], text[8192];
	static struct rt_call c;
	const struct intrinsic *f = intrinsic_find(name, strlen(name));

	if (!f)
		test_fail(__FILE__, __LINE__, "no intrinsic %s", name);
	memset(buf, '#', sizeof(buf));
	c = (struct rt_call){.env = env ? env : &empty, .args = args, .n_args = (unsigned)n_args,
			     .buf = buf, .max_string = max};
	c.ret.s = buf;
	if (f->run(&c) < 0)
		test_fail(__FILE__, __LINE__, "%s has failed", name);
	if (c.ret.len > max || buf[max] != '#')
		test_fail(__FILE__, __LINE__, "%s gives too much text", name);
	/* Nothing is known to end with a NUL. */
	memcpy(text, c.ret.s, c.ret.len);
	text[c.ret.len] = 0;
	c.ret.s = text;
	return &c;
}

TEST(intrinsics_have_numbers)
{
	const struct intrinsic *f = intrinsic_find("strlen", 6);

	CHECK(f != NULL);
	CHECK_STR(f->name, "strlen");
	CHECK(intrinsic_by_number(intrinsic_number(f)) == f);
	CHECK(intrinsic_find("strle", 5) == NULL);
	CHECK(intrinsic_find("", 0) == NULL);
	CHECK(intrinsic_find("pidx", 3) == intrinsic_find("pid", 3));
	for (uint32_t i = 0; i < all.n; i++)
		CHECK_INT(intrinsic_number(intrinsic_by_number(i)), i);
}

TEST(intrinsics_have_consistent_flags)
{
	for (uint32_t i = 0; i < all.n; i++) {
		unsigned flags = intrinsic_by_number(i)->flags;
		unsigned kind = flags & (INTR_PURE | INTR_STABLE | INTR_READS);

		/* At most one of the three. */
		CHECK((kind & (kind - 1)) == 0);
		CHECK(!(kind && (flags & INTR_ABORTS)));
		CHECK(intrinsic_by_number(i)->run != NULL);
	}
}
#endif
