/* Finding, indexing and loading tapset files. See library.h.
 *
 * Every file is a struct file, embedded or from a directory. The index of the embedded ones is sorted
 * and constant; directories get maps from name to a list of files, made when the first name is looked
 * up. A file is parsed at most once. */
#include "tapset/library.h"

#include <dirent.h>
#include <fcntl.h>
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

enum { MAX_FILE_BYTES = 16 << 20 };

struct file {
	const char *name; /* for messages */
	const char *text;
	size_t len;
	bool builtin, macros, loaded;
};

struct file_list {
	struct file *file;
	struct file_list *next;
};

struct library {
	struct file *embedded; /* one an embedded file; NULL: $SYSTEMTAP_TAPSET replaces them */
	VEC(struct file *) files; /* of the directories */
	VEC(const char *) dirs;	  /* to be read */
	bool indexed;
	struct map index[SCAN_KINDS]; /* name -> struct file_list */
};

/* ------------------------------------------------------------------ directories */

struct file_id {
	dev_t dev;
	ino_t ino;
};

struct reading {
	struct session *s;
	struct library *lib;
	struct map names; /* file names taken, relative to the directory on the search path */
	VEC(struct file_id) ids;
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
	for (size_t i = 0; i < r->ids.n; i++)
		if (r->ids.v[i].dev == st->st_dev && r->ids.v[i].ino == st->st_ino)
			return true;
	if (map_get(&r->names, intern(name)))
		return true;
	map_set(&r->names, &r->s->arena, intern(name), r);
	vec_push(&r->ids, &r->s->arena, (struct file_id){st->st_dev, st->st_ino});
	return false;
}

static void take_file(struct reading *r, const char *dir, const char *name)
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
	    !taken(r, &st, name)) {
		f = ARENA_NEW(&s->arena, struct file);
		*f = (struct file){.name = path, .macros = macros};
		f->text = read_file(s, fd, (size_t)st.st_size);
		f->len = strnlen(f->text, (size_t)st.st_size);
		vec_push(&r->lib->files, &s->arena, f);
	}
	close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_dir(struct reading *r, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, by_name);

	for (int i = 0; i < n; i++) {
		take_file(r, dir, names[i]->d_name);
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
			read_dir(r, arena_printf(&r->s->arena, "%s/%s/%s", base, version, un.machine));
			read_dir(r, arena_printf(&r->s->arena, "%s/%s", base, version));
			cut = version + strlen(version);
			while (cut > version && *cut != '.' && *cut != '-')
				cut--;
			if (cut == version)
				break;
			*cut = 0;
		}
		read_dir(r, arena_printf(&r->s->arena, "%s/%s", base, un.machine));
		read_dir(r, base);
	}
}

static void add_name(void *data, enum scan_kind kind, const char *name)
{
	struct {
		struct session *s;
		struct file *file;
	} *d = data;
	struct map *m = &d->s->library->index[kind];
	struct file_list *l = ARENA_NEW(&d->s->arena, struct file_list), *old = map_get(m, name);

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
static void index_directories(struct session *s)
{
	struct library *lib = s->library;

	if (lib->indexed)
		return;
	lib->indexed = true;
	for (size_t i = 0; i < lib->dirs.n; i++) {
		struct reading r = {.s = s, .lib = lib};

		read_versions(&r, lib->dirs.v[i]);
	}
	for (size_t i = 0; i < lib->files.n; i++) {
		struct {
			struct session *s;
			struct file *file;
		} d = {s, lib->files.v[i]};

		diag_mute(s);
		scan_source(s, source_of(s, d.file), add_name, &d);
		diag_unmute(s);
	}
}

static void add_dir(struct session *s, const char *dir)
{
	struct stat st;

	if (*dir && stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		vec_push(&s->library->dirs, &s->arena, dir);
}

/* DIR/systemtap/tapset of each DIR in a colon list. */
static void add_data_dirs(struct session *s, const char *list)
{
	while (list && *list) {
		size_t n = strcspn(list, ":");

		if (n)
			add_dir(s, arena_printf(&s->arena, "%.*s/systemtap/tapset", (int)n, list));
		list += n + (list[n] == ':');
	}
}

/* ------------------------------------------------------------------ loading */

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
	vec_push(&s->library_scripts, &s->arena, sc);
}

void library_open(struct session *s)
{
	struct library *lib = ARENA_NEW(&s->arena, struct library);
	const char *replaced = getenv("SYSTEMTAP_TAPSET");

	s->library = lib;
	if (replaced) {
		add_dir(s, replaced);
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
		add_dir(s, INSTALLED_TAPSET);
	}
	add_data_dirs(s, getenv("XDG_DATA_DIRS"));
	for (size_t i = 0; i < s->opt.include_dirs.n; i++)
		add_dir(s, s->opt.include_dirs.v[i]);
	if (!lib->dirs.n)
		return;
	index_directories(s);
	for (size_t i = 0; i < lib->files.n; i++)
		if (lib->files.v[i]->macros)
			load(s, lib->files.v[i]);
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

static bool load_name(struct session *s, enum scan_kind kind, const char *name)
{
	const struct embedded_index *x = &embedded_index[kind];
	struct library *lib = s->library;
	bool any = false;

	for (uint32_t i = lower_bound(x, name);
	     lib->embedded && i < x->n && strcmp(x->names[i].name, name) == 0; i++) {
		load(s, &lib->embedded[x->names[i].file]);
		any = true;
	}
	if (lib->dirs.n) {
		index_directories(s);
		for (struct file_list *l = map_get(&lib->index[kind], intern(name)); l; l = l->next) {
			load(s, l->file);
			any = true;
		}
	}
	return any;
}

bool library_load_function(struct session *s, const char *name)
{
	return load_name(s, SCAN_FUNCTION, name);
}

bool library_load_global(struct session *s, const char *name)
{
	return load_name(s, SCAN_GLOBAL, name);
}

bool library_load_alias(struct session *s, const char *first_component)
{
	return load_name(s, SCAN_ALIAS, first_component);
}

bool library_load_macro(struct session *s, const char *name)
{
	return load_name(s, SCAN_MACRO, name);
}

void library_load_all(struct session *s)
{
	struct library *lib = s->library;

	index_directories(s);
	for (int macros = 1; macros >= 0; macros--) {
		for (uint32_t i = 0; lib->embedded && i < embedded_file_count; i++)
			if (lib->embedded[i].macros == macros)
				load(s, &lib->embedded[i]);
		for (size_t i = 0; i < lib->files.n; i++)
			if (lib->files.v[i]->macros == macros)
				load(s, lib->files.v[i]);
	}
}

/* ------------------------------------------------------------------ lists */

static size_t all_names(struct session *s, enum scan_kind kind, const char *const **names)
{
	const struct embedded_index *x = &embedded_index[kind];
	struct library *lib = s->library;
	VEC(const char *) out = {0};

	index_directories(s);
	for (uint32_t i = 0; lib->embedded && i < x->n; i++)
		if (!i || strcmp(x->names[i].name, x->names[i - 1].name) != 0)
			vec_push(&out, &s->arena, x->names[i].name);
	for (size_t i = 0; i < lib->index[kind].cap; i++)
		if (lib->index[kind].v[i].key)
			vec_push(&out, &s->arena, lib->index[kind].v[i].key);
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
	size_t n = lib->files.n;

	for (size_t i = 0; i < lib->files.n; i++)
		n -= lib->files.v[i]->macros;
	for (uint32_t i = 0; lib->embedded && i < embedded_file_count; i++)
		n += !lib->embedded[i].macros;
	return n;
}
