/* library("L"): the libraries that a program needs, as the dynamic linker would find them (probe
 * reference 7.6). See process.h. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/maps.h"
#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

enum { MAX_LIBRARIES = 2000 };

struct library_entry {
	const char *needed;    /* as the program names it */
	const char *path;      /* as the dynamic linker or /proc shows it */
	const char *canonical;
};

struct closure {
	struct session *s;
	uint16_t machine;
	bool is64;
	VEC(struct library_entry) v;
	struct obj cache; /* of ld.so.cache: only data and size are used */
};

/* Is there a library of the right machine? */
static bool usable(struct closure *c, const char *path)
{
	struct obj o;
	const char *why;
	bool ok;

	if (!obj_open(&o, path, &why))
		return false;
	ok = o.machine == c->machine && o.is64 == c->is64;
	obj_close(&o);
	return ok;
}

/* dirs: separated by ":" or ";"; $ORIGIN is the folder of user. */
static const char *search_dirs(struct closure *c, const char *dirs, const char *user,
			       const char *name)
{
	struct arena *a = &c->s->arena;

	for (const char *end; dirs && *dirs; dirs = *end ? end + 1 : end) {
		const char *dir, *rest = NULL, *path;

		end = dirs + strcspn(dirs, ":;");
		dir = arena_strndup(a, dirs, (size_t)(end - dirs));
		if (!*dir)
			continue;
		if (user && strncmp(dir, "$ORIGIN", 7) == 0)
			rest = dir + 7;
		else if (user && strncmp(dir, "${ORIGIN}", 9) == 0)
			rest = dir + 9;
		if (rest)
			dir = arena_printf(a, "%.*s%s", (int)(strrchr(user, '/') - user), user,
					   rest);
		path = arena_printf(a, "%s/%s", dir, name);
		if (usable(c, path))
			return path;
	}
	return NULL;
}

/* glibc's cache: header of 48 bytes, entries of 24 with offsets of name and path from the header. */
static const char *search_cache(struct closure *c, const char *name)
{
	static const char magic[] = "glibc-ld.so.cache1.1";
	const struct obj *o = &c->cache;
	const uint8_t *base;
	size_t left, n;

	if (!o->data)
		return NULL;
	base = memmem(o->data, o->size, magic, sizeof(magic) - 1);
	if (!base)
		return NULL;
	left = o->size - (size_t)(base - o->data);
	if (left < 48)
		return NULL;
	n = obj_u32(base + 20);
	if (n > (left - 48) / 24)
		n = (left - 48) / 24;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *e = base + 48 + i * 24;
		const char *key = obj_text(base, left, obj_u32(e + 4)), *value;

		if (!key || strcmp(key, name) != 0 || obj_u64(e + 16))
			continue;
		value = obj_text(base, left, obj_u32(e + 8));
		if (value && usable(c, value))
			return arena_strdup(&c->s->arena, value);
	}
	return NULL;
}

/* Debian's directories of libraries. */
#ifdef __aarch64__
#define TRIPLET "aarch64-linux-gnu"
#else
#define TRIPLET "x86_64-linux-gnu"
#endif

static const char *find_library(struct closure *c, const char *name, const char *user,
				const char *runpath)
{
	static const char defaults[] = "/lib64:/usr/lib64:/lib/" TRIPLET ":/usr/lib/" TRIPLET ":/lib:/usr/lib";
	const char *path;

	if (strchr(name, '/'))
		return usable(c, name) ? name : NULL;
	path = search_dirs(c, runpath, user, name);
	if (!path)
		path = search_dirs(c, getenv("LD_LIBRARY_PATH"), user, name);
	if (!path)
		path = search_cache(c, name);
	return path ? path : search_dirs(c, defaults, NULL, name);
}

static const char *real_path(struct session *s, const char *path)
{
	char *p = realpath(path, NULL);
	const char *r = p ? arena_strdup(&s->arena, p) : NULL;

	free(p);
	return r;
}

static void add_library(struct closure *c, const char *needed, const char *path)
{
	const char *canonical = path ? real_path(c->s, path) : NULL;

	if (!canonical || c->v.n >= MAX_LIBRARIES)
		return;
	for (size_t i = 0; i < c->v.n; i++)
		if (strcmp(c->v.v[i].canonical, canonical) == 0)
			return;
	vec_push(&c->v, &c->s->arena, (struct library_entry){needed, path, canonical});
}

static void add_needed(struct closure *c, const char *user)
{
	struct arena *a = &c->s->arena;
	obj_names needed = {0};
	const char *soname, *runpath, *why;
	struct obj o;

	if (!obj_open(&o, user, &why))
		return;
	c->machine = o.machine;
	c->is64 = o.is64;
	obj_needed(&o, &needed, &soname, &runpath);
	for (size_t i = 0; i < needed.n; i++)
		add_library(c, arena_strdup(a, needed.v[i]),
			    find_library(c, arena_strdup(a, needed.v[i]), user, runpath));
	if (obj_interpreter(&o)) {
		const char *path = arena_strdup(a, obj_interpreter(&o));

		add_library(c, strrchr(path, '/') ? strrchr(path, '/') + 1 : path, path);
	}
	obj_close(&o);
}

static void needed_libraries(struct closure *c, const char *program)
{
	const char *user = program;
	size_t next = 0;
	struct str cache = {0};
	int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, str_room(&cache, 65536), 65536)) > 0)
		cache.len += (size_t)n;
	if (fd >= 0)
		close(fd);
	c->cache.data = (const uint8_t *)cache.s;
	c->cache.size = cache.len;
	for (;;) {
		add_needed(c, user);
		if (next >= c->v.n)
			break;
		user = c->v.v[next++].canonical;
	}
	c->cache.data = NULL;
	str_release(&cache);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct mapping_process {
	struct closure *c;
	const struct process_file *program;
};

/* A library that a process runs code of, if it is no part of the program. */
static bool add_mapped(void *cookie, const struct kern_mapped *m)
{
	const struct mapping_process *p = cookie;
	struct closure *c = p->c;
	struct arena *a = &c->s->arena;
	const char *mapped, *path, *soname, *runpath, *why;
	char link[KERN_MAPPED_LINK];
	obj_names needed = {0};
	struct obj o;

	if (!m->code || *m->path != '/')
		return true;
	mapped = arena_strndup(a, m->path, m->length);
	kern_mapped_link(p->program->pid, m, link);
	path = process_path(c->s, p->program->pid, mapped, link);
	if (process_same_file(path, p->program->path) || c->v.n >= MAX_LIBRARIES)
		return true;
	for (size_t i = 0; i < c->v.n; i++)
		if (strcmp(c->v.v[i].canonical, path) == 0)
			return true;
	if (!obj_open(&o, path, &why))
		return true;
	obj_needed(&o, &needed, &soname, &runpath);
	vec_push(&c->v, a,
		 (struct library_entry){arena_strdup(a, soname ? soname : base_name(mapped)), mapped, path});
	obj_close(&o);
	return true;
}

/* What the process has mapped, libraries that it has loaded by dlopen() too. */
static void mapped_libraries(struct closure *c, const struct process_file *program)
{
	struct mapping_process p = {c, program};

	kern_maps_each(program->pid, add_mapped, &p);
}

static bool names_entry(const char *text, const struct library_entry *e)
{
	return dbg_match(text, e->path) || dbg_match(text, e->canonical) ||
	       dbg_match(text, e->needed) || dbg_match(text, base_name(e->path)) ||
	       dbg_match(text, base_name(e->canonical));
}

/* The first that is meant, or all. False: none is. */
static bool choose(struct closure *c, const char *text, bool many, process_files *out)
{
	for (size_t i = 0; i < c->v.n && (many || !out->n); i++) {
		const struct library_entry *e = &c->v.v[i];

		if (names_entry(text, e))
			vec_push(out, &c->s->arena, (struct process_file){e->canonical, many ? e->canonical : text, 0});
	}
	return out->n;
}

bool process_select_library(struct process_query *q, const struct process_file *program,
			    const struct component *comp, process_files *out, bool *many)
{
	struct session *s = q->s;
	struct closure c = {.s = s};
	const char *text = comp->arg->str, *path;
	obj_names names = {0};

	*many = dbg_is_wild(text);
	if (strchr(text, '/') && !*many && (path = real_path(s, text)) != NULL) {
		vec_push(out, &s->arena, (struct process_file){path, text, 0});
		return true;
	}
	if (program->pid) {
		mapped_libraries(&c, program);
		if (choose(&c, text, *many, out))
			return true;
	}
	needed_libraries(&c, program->path);
	if (choose(&c, text, *many, out))
		return true;
	for (size_t i = 0; i < c.v.n; i++)
		vec_push(&names, &s->arena, c.v.v[i].path);
	path = *many ? NULL : search_dirs(&c, getenv("LD_LIBRARY_PATH"), NULL, text);
	if (path && (path = real_path(s, path)) != NULL) {
		sem_warn(s, NULL,
			 "'%s' is not a needed library of '%s'. Specify the full path to squelch this "
			 "warning.",
			 text, program->path);
		vec_push(out, &s->arena, (struct process_file){path, text, 0});
		return true;
	}
	return process_no_match(q, "library", "libraries", text, names.v, names.n);
}
