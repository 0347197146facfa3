/* See kallsyms.h. A line is "ADDRESS TYPE NAME", with "\t[MODULE]" behind it for modules. */
#include "object/kallsyms.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/vec.h"

enum { LINE_BYTES = 1024, READ_BYTES = 1 << 16 };

/* One line, without its end; cut up in place. */
static bool parse_line(char *line, struct kallsym *s)
{
	char *end, *tab;

	s->addr = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' || !end[3])
		return false;
	s->type = end[1];
	s->name = end + 3;
	s->module = NULL;
	tab = strchr(end + 3, '\t');
	if (tab) {
		*tab++ = 0;
		if (*tab == '[') {
			s->module = tab + 1;
			tab[strcspn(tab, "]")] = 0;
		}
	}
	return true;
}

bool kallsyms_each(const char *path, bool (*on_symbol)(void *cookie, const struct kallsym *s),
		   void *cookie)
{
	int fd = open(path ? path : "/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	char *buf = xmalloc(READ_BYTES + LINE_BYTES);
	size_t kept = 0;
	bool go_on = true;
	ssize_t n;

	if (fd < 0) {
		free(buf);
		return false;
	}
	while (go_on && (n = read(fd, buf + kept, READ_BYTES)) > 0) {
		char *line = buf, *stop = buf + kept + n, *end;

		while (go_on && (end = memchr(line, '\n', (size_t)(stop - line))) != NULL) {
			struct kallsym s;

			*end = 0;
			if (parse_line(line, &s))
				go_on = on_symbol(cookie, &s);
			line = end + 1;
		}
		kept = (size_t)(stop - line);
		if (kept > LINE_BYTES)
			kept = 0; /* no line of the kernel's */
		memmove(buf, line, kept);
	}
	close(fd);
	free(buf);
	return true;
}

struct search {
	const char *module, *name;
	uint64_t addr;
	bool found;
};

static bool is_it(void *cookie, const struct kallsym *sym)
{
	struct search *search = cookie;

	if (strcmp(sym->name, search->name) == 0 &&
	    (search->module ? sym->module && strcmp(sym->module, search->module) == 0 : !sym->module)) {
		search->addr = sym->addr;
		search->found = true;
	}
	return !search->found;
}

bool kallsyms_find(const char *module, const char *name, uint64_t *addr)
{
	struct search search = {.module = module, .name = name};

	kallsyms_each(NULL, is_it, &search);
	*addr = search.addr;
	return search.found;
}

/* ------------------------------------------------------------------ functions */

bool kallsyms_is_function(const char *name)
{
	return !strstr(name, "__pfx_") && strncmp(name, "__cfi_", 6) != 0 &&
	       !strstr(name, ".cold") && !strstr(name, ".part.");
}

size_t kallsyms_stem(const char *name)
{
	static const char *const tails[] = {".isra.", ".constprop."};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		const char *at = strstr(name, tails[i]);

		if (at && (size_t)(at - name) < n)
			n = (size_t)(at - name);
	}
	return n;
}

struct loading {
	struct arena *arena;
	VEC(struct kallsym) v;
	const char *module; /* the last one, shared by its symbols */
	bool any_address;
};

static bool add_function(void *cookie, const struct kallsym *s)
{
	struct loading *l = cookie;
	struct kallsym copy = *s;

	if (!strchr("tTwW", s->type) || !kallsyms_is_function(s->name))
		return true;
	if (s->module) {
		if (!l->module || strcmp(l->module, s->module) != 0)
			l->module = intern(s->module);
		copy.module = l->module;
	}
	copy.name = arena_strdup(l->arena, s->name);
	l->any_address |= s->addr != 0;
	vec_push(&l->v, l->arena, copy);
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct kallsym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct kallsyms *kallsyms_load(struct arena *a, const char *path)
{
	struct kallsyms *k = ARENA_NEW(a, struct kallsyms);
	struct loading l = {.arena = a};

	kallsyms_each(path, add_function, &l);
	if (l.v.n)
		qsort(l.v.v, l.v.n, sizeof(*l.v.v), by_address);
	k->v = l.v.v;
	k->n = l.v.n;
	k->hidden = !l.any_address;
	return k;
}

const struct kallsym *kallsyms_at(const struct kallsyms *k, uint64_t addr)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->v[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && !k->hidden ? &k->v[lo - 1] : NULL;
}

#ifdef TAPIR_TEST
#include <stdio.h>

#include "base/test.h"

static const char sample[] =
	"ffffffff81000000 T _stext\n"
	"ffffffff81000100 t __pfx_first\n"
	"ffffffff81000110 T first\n"
	"ffffffff81000200 t second.isra.0\n"
	"ffffffff81000300 t second.isra.0.cold\n"
	"ffffffff81000400 D data\n"
	"ffffffff81000500 W weak\n"
	"bad line\n"
	"\n"
	"ffffffffa0000000 t in_module\t[a_module]\n"
	"ffffffffa0000010 t first\t[a_module]\n"
	"ffffffffa0001000 t last";

TEST(kallsyms_functions)
{
	char path[] = "/tmp/tapir-kallsyms-XXXXXX";
	int fd = mkstemp(path);
	struct arena a = {0};
	struct kallsyms *k;

	CHECK(fd >= 0);
	CHECK_INT(write(fd, sample, sizeof(sample) - 1), (long)sizeof(sample) - 1);
	close(fd);
	k = kallsyms_load(&a, path);
	unlink(path);
	/* The last line has no end: it is not taken for one. */
	CHECK_INT(k->n, 6);
	CHECK(!k->hidden);
	CHECK_STR(k->v[1].name, "first");
	CHECK(!k->v[1].module);
	CHECK_STR(k->v[2].name, "second.isra.0");
	CHECK_INT(kallsyms_stem(k->v[2].name), 6);
	CHECK_INT(kallsyms_stem("first"), 5);
	CHECK_STR(k->v[4].module, "a_module");
	CHECK_STR(kallsyms_at(k, 0xffffffff81000111)->name, "first");
	CHECK_STR(kallsyms_at(k, 0xffffffff81000110)->name, "first");
	CHECK(!kallsyms_at(k, 5));
	CHECK_INT(kallsyms_load(&a, "/nonexistent")->n, 0);
	arena_release(&a);
}

TEST(kallsyms_of_the_running_kernel)
{
	struct arena a = {0};
	struct kallsyms *k = kallsyms_load(&a, NULL);
	size_t found = 0;

	for (size_t i = 0; i < k->n; i++)
		found += strcmp(k->v[i].name, "vfs_read") == 0 && !k->v[i].module;
	if (k->n)
		CHECK_INT(found, 1);
	arena_release(&a);
}
#endif
