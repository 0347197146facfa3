/* Finding, indexing and loading tapset files. See library.h.
 *
 * Every file is a struct file, embedded or from a directory. The index of the embedded ones is sorted
 * and constant; directories get maps from name to a list of files, made when a name is looked up that
 * may be there. A file is parsed at most once. */
#include "tapset/library.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lang/diag.h"
#include "lang/lang.h"
#include "session.h"
#include "tapset/embedded.h"
#include "tapset/scan.h"
#include "tapset/syscalls.h"

enum { MAX_FILE_BYTES = 16 << 20, MAX_DEPTH = 16 };

struct file {
	const char *name; /* for messages */
	const char *text;
	size_t len;
	const char *program_dir; /* of a file below PATH/: where the programs of its probes are */
	bool builtin, macros, loaded;
	bool again; /* one of the system's that defines what the built-in tapset has: left out */
};

struct file_list {
	struct file *file;
	struct file_list *next;
};

struct file_id {
	dev_t dev;
	ino_t ino;
};

/* Directories that are searched together. */
struct layer {
	VEC(const char *) dirs;	  /* to be read */
	VEC(struct file *) files; /* in them */
	VEC(struct file_id) ids;  /* of these */
	bool indexed;
	struct map index[SCAN_KINDS]; /* name -> struct file_list */
};

struct library {
	struct file *embedded; /* one an embedded file; NULL: $SYSTEMTAP_TAPSET replaces them */
	/* The user's (-I, $SYSTEMTAP_TAPSET); the system's, for what is not found elsewhere. */
	struct layer user, system;
	uint8_t syscalls[SYSCALL_DESCS]; /* descriptions of system calls that were loaded */
};

/* ------------------------------------------------------------------ directories */

struct reading {
	struct session *s;
	struct layer *layer;
	struct map names; /* file names taken, relative to the directory on the search path */
};

static const char *read_file(struct session *s, int fd, size_t size)
{
	char *text = arena_alloc(&s->arena, size + 1);
	size_t at = 0;
	ssize_t n;

	while (at < size && (n = read(fd, text + at, size - at)) > 0)
		at += (size_t)n;
	return text;
}

static bool taken(struct reading *r, const struct stat *st, const char *name)
{
	struct layer *l = r->layer;

	for (size_t i = 0; i < l->ids.n; i++)
		if (l->ids.v[i].dev == st->st_dev && l->ids.v[i].ino == st->st_ino)
			return true;
	if (map_get(&r->names, intern(name)))
		return true;
	map_set(&r->names, &r->s->arena, intern(name), r);
	vec_push(&l->ids, &r->s->arena, (struct file_id){st->st_dev, st->st_ino});
	return false;
}

/* program_dir: NULL, or "" of PATH/ itself, "/usr/bin" of PATH/usr/bin. */
static void take_file(struct reading *r, const char *dir, const char *name, const char *program_dir)
{
	struct session *s = r->s;
	const char *path = arena_printf(&s->arena, "%s/%s", dir, name);
	const char *dot = strrchr(name, '.');
	bool macros = dot && strcmp(dot, ".stpm") == 0;
	struct stat st;
	struct file *f;
	int fd;

	if (!dot || (!macros && strcmp(dot, ".stp") != 0))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO, perhaps */
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_FILE_BYTES &&
	    !taken(r, &st, program_dir ? path : name)) {
		f = ARENA_NEW(&s->arena, struct file);
		*f = (struct file){.name = path, .macros = macros, .program_dir = program_dir};
		f->text = read_file(s, fd, (size_t)st.st_size);
		f->len = strnlen(f->text, (size_t)st.st_size);
		vec_push(&r->layer->files, &s->arena, f);
	}
	close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* With a program_dir: the directories in it, too, at most MAX_DEPTH deep. */
static void read_dir(struct reading *r, const char *dir, const char *program_dir, int depth)
{
	struct arena *a = &r->s->arena;
	struct dirent **names;
	int n = scandir(dir, &names, NULL, by_name);

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (program_dir && depth < MAX_DEPTH && names[i]->d_type == DT_DIR && name[0] != '.')
			read_dir(r, arena_printf(a, "%s/%s", dir, name),
				 arena_printf(a, "%s/%s", program_dir, name), depth + 1);
		take_file(r, dir, name, program_dir);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* dir/linux/VERSION/ARCH, dir/linux/VERSION, the same for each shorter version, dir/linux/ARCH,
 * dir/linux; then the same without "linux". A name that was found further up is not taken again. */
static void read_versions(struct reading *r, const char *dir)
{
	struct utsname un;
	struct stat st;

	if (uname(&un) < 0)
		return;
	for (int plain = 0; plain < 2; plain++) {
		const char *base = plain ? dir : arena_printf(&r->s->arena, "%s/linux", dir);
		char *version = arena_strdup(&r->s->arena, un.release), *cut;

		if (stat(base, &st) < 0)
			continue;
		for (cut = version; cut;) {
			read_dir(r, arena_printf(&r->s->arena, "%s/%s/%s", base, version, un.machine),
				 NULL, 0);
			read_dir(r, arena_printf(&r->s->arena, "%s/%s", base, version), NULL, 0);
			cut = version + strlen(version);
			while (cut > version && *cut != '.' && *cut != '-')
				cut--;
			if (cut == version)
				break;
			*cut = 0;
		}
		read_dir(r, arena_printf(&r->s->arena, "%s/%s", base, un.machine), NULL, 0);
		read_dir(r, base, NULL, 0);
	}
	read_dir(r, arena_printf(&r->s->arena, "%s/PATH", dir), "", 0);
}

/* First entry of the sorted index that is not below name. */
static uint32_t lower_bound(const struct embedded_index *x, const char *name)
{
	uint32_t lo = 0, hi = x->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (strcmp(x->names[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* First components of aliases that are made of a table; a pattern fits if one of them does. */
static bool fits_syscalls(const char *pattern)
{
	static const char *const names[] = {"syscall", "nd_syscall", "tp_syscall"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fnmatch(pattern, names[i], FNM_NOESCAPE) == 0)
			return true;
	return false;
}

static bool is_embedded(const struct library *lib, enum scan_kind kind, const char *name)
{
	const struct embedded_index *x = &embedded_index[kind];
	uint32_t i = lower_bound(x, name);

	if (!lib->embedded)
		return false;
	return (i < x->n && strcmp(x->names[i].name, name) == 0) ||
	       (kind == SCAN_ALIAS && fits_syscalls(name));
}

struct indexing {
	struct session *s;
	struct layer *layer;
	struct file *file;
};

static void look_at_name(void *data, enum scan_kind kind, const char *name)
{
	struct indexing *d = data;

	d->file->again |= is_embedded(d->s->library, kind, name);
}

static void add_name(void *data, enum scan_kind kind, const char *name)
{
	struct indexing *d = data;
	struct map *m = &d->layer->index[kind];
	struct file_list *l, *old = map_get(m, name);

	if (d->file->again)
		return;
	l = ARENA_NEW(&d->s->arena, struct file_list);
	l->file = d->file;
	if (!old) {
		map_set(m, &d->s->arena, name, l);
		return;
	}
	while (old->next)
		old = old->next;
	if (old->file != d->file)
		old->next = l;
}

static struct source *source_of(struct session *s, const struct file *f)
{
	struct source *src = source_make(s, f->name, f->text, f->len);

	src->library = true;
	src->builtin = f->builtin;
	return src;
}

/* Reads the directories, the first time that a name is looked up. */
static struct layer *indexed(struct session *s, struct layer *l)
{
	if (l->indexed)
		return l;
	l->indexed = true;
	for (size_t i = 0; i < l->dirs.n; i++) {
		struct reading r = {.s = s, .layer = l};

		read_versions(&r, l->dirs.v[i]);
	}
	diag_mute(s);
	for (size_t i = 0; i < l->files.n; i++) {
		struct indexing d = {s, l, l->files.v[i]};

		/* SystemTap's own tapset stands there, too. */
		if (l == &s->library->system)
			scan_source(s, source_of(s, d.file), look_at_name, &d);
		scan_source(s, source_of(s, d.file), add_name, &d);
	}
	diag_unmute(s);
	return l;
}

static void add_dir(struct session *s, struct layer *l, const char *dir)
{
	struct stat st;

	if (*dir && stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		vec_push(&l->dirs, &s->arena, dir);
}

/* DIR/systemtap/tapset of each DIR in a colon list. */
static void add_data_dirs(struct session *s, const char *list)
{
	while (list && *list) {
		size_t n = strcspn(list, ":");

		if (n)
			add_dir(s, &s->library->system,
				arena_printf(&s->arena, "%.*s/systemtap/tapset", (int)n, list));
		list += n + (list[n] == ':');
	}
}

/* ------------------------------------------------------------------ loading */

/* In PATH/usr/bin/foo.stp, process("bar") is /usr/bin/bar, and process alone is /usr/bin/foo. */
static void add_program(struct session *s, const struct file *f, struct probe_point *p)
{
	struct component *c = &p->comps.v[0];
	const char *name = strrchr(f->name, '/') + 1;
	struct literal *path;

	if (strcmp(c->name, "process") != 0 || (c->arg && (!c->arg->is_string || strchr(c->arg->str, '/'))))
		return;
	path = ARENA_NEW(&s->arena, struct literal);
	*path = (struct literal){.tok = c->tok, .is_string = true};
	if (c->arg && c->arg->len)
		path->str = arena_printf(&s->arena, "%s/%s", f->program_dir, c->arg->str);
	else
		path->str = arena_printf(&s->arena, "%s/%.*s", f->program_dir,
					 (int)(strlen(name) - strlen(".stp")), name);
	path->raw = path->str;
	path->len = (uint32_t)strlen(path->str);
	c->arg = path;
}

static void add_programs(struct session *s, const struct file *f, const struct script *sc)
{
	for (size_t i = 0; i < sc->probes.n; i++)
		for (size_t k = 0; k < sc->probes.v[i]->points.n; k++)
			add_program(s, f, sc->probes.v[i]->points.v[k]);
	for (size_t i = 0; i < sc->aliases.n; i++)
		for (size_t k = 0; k < sc->aliases.v[i]->points.n; k++)
			add_program(s, f, sc->aliases.v[i]->points.v[k]);
}

static void load(struct session *s, struct file *f)
{
	bool failed = false;
	struct script *sc;

	if (f->loaded)
		return;
	f->loaded = true;
	if (f->macros) {
		parse_macro_library(s, source_of(s, f));
		return;
	}
	sc = parse_source(s, source_of(s, f), &failed);
	if (failed) {
		if (!s->opt.no_warnings)
			fprintf(stderr, "WARNING: tapset '%s' has errors, and will be skipped\n",
				f->name);
		return;
	}
	if (f->program_dir)
		add_programs(s, f, sc);
	vec_push(&s->library_scripts, &s->arena, sc);
}

void library_open(struct session *s)
{
	struct library *lib = ARENA_NEW(&s->arena, struct library);
	const char *replaced = getenv("SYSTEMTAP_TAPSET"), *data = getenv("XDG_DATA_DIRS");

	s->library = lib;
	if (replaced) {
		add_dir(s, &lib->user, replaced);
	} else {
		lib->embedded = ARENA_ARRAY(&s->arena, struct file, embedded_file_count + 1);
		for (uint32_t i = 0; i < embedded_file_count; i++) {
			const struct embedded_file *e = &embedded_files[i];
			const char *dot = strrchr(e->name, '.');

			lib->embedded[i] = (struct file){.name = e->name,
							 .text = e->text,
							 .len = (size_t)(e->end - e->text),
							 .builtin = true,
							 .macros = strcmp(dot, ".stpm") == 0};
		}
		add_dir(s, &lib->system, INSTALLED_TAPSET);
	}
	add_data_dirs(s, data && *data ? data : "/usr/local/share:/usr/share");
	for (size_t i = 0; i < s->opt.include_dirs.n; i++)
		add_dir(s, &lib->user, s->opt.include_dirs.v[i]);
	if (!lib->user.dirs.n)
		return;
	indexed(s, &lib->user);
	for (size_t i = 0; i < lib->user.files.n; i++)
		if (lib->user.files.v[i]->macros)
			load(s, lib->user.files.v[i]);
}

static bool load_from(struct session *s, struct layer *l, enum scan_kind kind, const char *name)
{
	struct file_list *first = l->dirs.n ? map_get(&indexed(s, l)->index[kind], intern(name)) : NULL;

	for (struct file_list *f = first; f; f = f->next)
		load(s, f->file);
	return first != NULL;
}

static bool load_name(struct session *s, enum scan_kind kind, const char *name, bool system)
{
	const struct embedded_index *x = &embedded_index[kind];
	struct library *lib = s->library;
	bool any = lib->embedded && kind == SCAN_ALIAS && fits_syscalls(name);

	for (uint32_t i = lower_bound(x, name);
	     lib->embedded && i < x->n && strcmp(x->names[i].name, name) == 0; i++) {
		load(s, &lib->embedded[x->names[i].file]);
		any = true;
	}
	any |= load_from(s, &lib->user, kind, name);
	return any || (system && load_from(s, &lib->system, kind, name));
}

bool library_load_function(struct session *s, const char *name)
{
	return load_name(s, SCAN_FUNCTION, name, true);
}

bool library_load_global(struct session *s, const char *name)
{
	/* Every local variable is asked for here. */
	return load_name(s, SCAN_GLOBAL, name, false);
}

/* Aliases that are made of a table, as the text of a file would define them. */
static void load_syscalls(struct session *s, const char *second)
{
	struct library *lib = s->library;
	struct str text = {0};
	struct file f = {.name = "syscalls.stp", .builtin = true};

	if (!lib->embedded)
		return;
	syscall_aliases(&text, second ? second : "*", lib->syscalls);
	f.len = text.len;
	f.text = arena_strndup(&s->arena, text.s ? text.s : "", text.len);
	if (f.len)
		load(s, &f);
	str_release(&text);
}

void library_load_alias(struct session *s, const char *first, const char *second, bool system)
{
	const char *const *names;
	size_t n;

	if (fits_syscalls(first))
		load_syscalls(s, second);
	if (!strchr(first, '*')) {
		load_name(s, SCAN_ALIAS, first, system);
		return;
	}
	n = library_alias_names(s, &names);
	for (size_t i = 0; i < n; i++)
		if (fnmatch(first, names[i], FNM_NOESCAPE) == 0)
			load_name(s, SCAN_ALIAS, names[i], system);
}

bool library_load_macro(struct session *s, const char *name)
{
	return load_name(s, SCAN_MACRO, name, true);
}

static void load_files(struct session *s, struct layer *l, bool macros)
{
	for (size_t i = 0; i < indexed(s, l)->files.n; i++)
		if (l->files.v[i]->macros == macros && !l->files.v[i]->again)
			load(s, l->files.v[i]);
}

void library_load_all(struct session *s)
{
	struct library *lib = s->library;

	load_syscalls(s, NULL);
	for (int macros = 1; macros >= 0; macros--) {
		for (uint32_t i = 0; lib->embedded && i < embedded_file_count; i++)
			if (lib->embedded[i].macros == macros)
				load(s, &lib->embedded[i]);
		load_files(s, &lib->user, macros);
		load_files(s, &lib->system, macros);
	}
}

/* ------------------------------------------------------------------ lists */

static size_t all_names(struct session *s, enum scan_kind kind, const char *const **names)
{
	const struct embedded_index *x = &embedded_index[kind];
	struct library *lib = s->library;
	struct layer *layers[] = {&lib->user, &lib->system};
	VEC(const char *) out = {0};

	for (uint32_t i = 0; lib->embedded && i < x->n; i++)
		if (!i || strcmp(x->names[i].name, x->names[i - 1].name) != 0)
			vec_push(&out, &s->arena, x->names[i].name);
	for (size_t k = 0; k < sizeof(layers) / sizeof(layers[0]); k++) {
		const struct map *m = &indexed(s, layers[k])->index[kind];

		for (size_t i = 0; i < m->cap; i++)
			if (m->v[i].key)
				vec_push(&out, &s->arena, m->v[i].key);
	}
	*names = out.v;
	return out.n;
}

size_t library_function_names(struct session *s, const char *const **names)
{
	return all_names(s, SCAN_FUNCTION, names);
}

size_t library_alias_names(struct session *s, const char *const **names)
{
	return all_names(s, SCAN_ALIAS, names);
}

size_t library_file_count(const struct session *s)
{
	const struct library *lib = s->library;
	const struct layer *layers[] = {&lib->user, &lib->system};
	size_t n = 0;

	for (size_t k = 0; k < sizeof(layers) / sizeof(layers[0]); k++)
		for (size_t i = 0; i < layers[k]->files.n; i++)
			n += !layers[k]->files.v[i]->macros;
	for (uint32_t i = 0; lib->embedded && i < embedded_file_count; i++)
		n += !lib->embedded[i].macros;
	return n;
}
