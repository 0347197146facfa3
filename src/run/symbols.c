/* See symbols.h. Forms of addresses: function library 3.6. */
#include "run/symbols.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/vec.h"
#include "dwarf/dbg.h"
#include "kern/bpf.h"
#include "kern/mappings.h"
#include "kern/maps.h"
#include "object/object.h"
#include "rt/fn.h"
#include "run/symtab.h"

/* A mapped file; the same for all processes. */
struct object {
	struct object *next;
	dev_t dev;
	ino_t ino;
	const char *path;
	struct symtab *symbols; /* NULL: not read yet */
	char *from;		/* path to read it by, as long as a process has it mapped; owned */
	struct dbg_module *source; /* its debug information */
	const char *build_id;	   /* NULL: not looked for */
	bool source_tried;
};

struct mapping {
	uint64_t start, end, offset;
	struct object *object; /* NULL: no file */
	int64_t time_ns;       /* when it was made, or seen */
};

struct process {
	struct process *next; /* of the same slot */
	uint32_t pid;
	struct mapping *v; /* by address */
	size_t n, cap;
	int64_t read_ns; /* when /proc was read */
};

enum { SLOTS = 1024, MAX_PROCESSES = 65536, REREAD_NS = 1000000, STALE_NS = 1000000000 };

struct symbols {
	struct arena arena;
	struct session *session;
	struct process *processes[SLOTS];
	struct object *objects;
	struct symtab *kernel;
	int stacks;
	struct text_owner *texts; /* of stacks, as ubacktrace() gives them */
	struct kern_mappings *watch;
	size_t n_processes;
};

struct symbols *symbols_new(struct session *session, int stacks)
{
	struct symbols *s = xcalloc(1, sizeof(*s));

	s->session = session;
	s->stacks = stacks;
	return s;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	for (int i = 0; i < SLOTS; i++)
		for (struct process *p = s->processes[i]; p; p = p->next)
			free(p->v);
	for (struct object *o = s->objects; o; o = o->next) {
		symtab_free(o->symbols);
		free(o->from);
	}
	symtab_free(s->kernel);
	free(s->texts);
	kern_mappings_close(s->watch);
	arena_release(&s->arena);
	free(s);
}

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ------------------------------------------------------------------ files */

/* link: where the process' own file is; NULL: it has a path, in the process' view (it may live in a container). */
static struct object *object_of(struct symbols *s, uint32_t pid, dev_t dev, ino_t ino, const char *path,
				const char *link)
{
	char from[4200];
	struct object *o;

	for (o = s->objects; o; o = o->next)
		if (o->dev == dev && o->ino == ino && strcmp(o->path, path) == 0)
			return o;
	o = ARENA_NEW(&s->arena, struct object);
	o->dev = dev;
	o->ino = ino;
	o->path = arena_strdup(&s->arena, path);
	snprintf(from, sizeof(from), "/proc/%u/root%s", pid, path);
	o->from = xstrdup(link ? link : from);
	o->next = s->objects;
	s->objects = o;
	return o;
}

static int open_same(const struct object *o, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -1;
	/* Replaced meanwhile: its symbols would be wrong. Device numbers differ on some file systems
	 * (btrfs, overlayfs) between stat and maps, inode numbers do not. */
	if (fstat(fd, &st) < 0 || st.st_ino != o->ino || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	return fd;
}

static const struct symtab *symbols_of(struct object *o)
{
	int fd;

	if (o->symbols)
		return o->symbols;
	fd = open_same(o, o->from);
	if (fd < 0)
		fd = open_same(o, o->path);
	o->symbols = symtab_read(fd);
	if (fd >= 0)
		close(fd);
	return o->symbols;
}

/* ------------------------------------------------------------------ processes */

static void add_mapping(struct process *p, struct mapping m)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 32;
		p->v = xrealloc(p->v, p->cap * sizeof(*p->v));
	}
	p->v[p->n++] = m;
}

struct reading {
	struct symbols *s;
	struct process *p;
	bool any;
};

static bool take_mapping(void *cookie, const struct kern_mapped *k)
{
	struct reading *r = cookie;
	struct process *p = r->p;
	struct mapping m = {k->start, k->end, k->offset, NULL, p->read_ns};
	char link[KERN_MAPPED_LINK], path[4200];

	if (!r->any)
		p->n = 0;
	r->any = true;
	if (*k->path == '/') {
		snprintf(path, sizeof(path), "%.*s", (int)k->length, k->path);
		kern_mapped_link(p->pid, k, link);
		m.object = object_of(r->s, p->pid, (dev_t)k->major << 32 | k->minor, (ino_t)k->inode, path,
				     k->deleted ? link : NULL);
	}
	add_mapping(p, m);
	return true;
}

/* False: the process has ended; what was known of it stays. */
static bool read_mappings(struct symbols *s, struct process *p)
{
	struct reading r = {.s = s, .p = p};

	p->read_ns = clock_now();
	kern_maps_each(p->pid, take_mapping, &r);
	return r.any;
}

static struct process *find_process(struct symbols *s, uint32_t pid, bool make)
{
	struct process **slot = &s->processes[pid % SLOTS], *p;

	for (p = *slot; p; p = p->next)
		if (p->pid == pid)
			return p;
	if (!make)
		return NULL;
	p = ARENA_NEW(&s->arena, struct process);
	p->pid = pid;
	p->next = *slot;
	*slot = p;
	s->n_processes++;
	return p;
}

static struct process *process_of(struct symbols *s, uint32_t pid)
{
	struct process *p = find_process(s, pid, true);

	if (!p->n && !p->read_ns)
		read_mappings(s, p);
	return p;
}

/* ------------------------------------------------------------------ what the kernel tells */

/* In its place; what it covers is gone. */
static void insert_mapping(struct process *p, struct mapping m)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].start < m.end && m.start < p->v[i].end) {
			if (p->v[i].time_ns > m.time_ns)
				return; /* events of different CPUs: an old one */
			continue;
		}
		at += p->v[i].start < m.start;
		p->v[n++] = p->v[i];
	}
	p->n = n;
	add_mapping(p, m);
	memmove(&p->v[at + 1], &p->v[at], (p->n - 1 - at) * sizeof(m));
	p->v[at] = m;
}

static void on_fork(struct symbols *s, const struct kern_mapping *e)
{
	const struct process *parent = find_process(s, e->parent, false);
	struct process *p;

	if (!parent || !parent->n)
		return;
	p = find_process(s, e->pid, true);
	for (size_t i = 0; i < parent->n; i++)
		insert_mapping(p, parent->v[i]);
}

/* All that was mapped before is gone. */
static void on_exec(struct symbols *s, const struct kern_mapping *e)
{
	struct process *p = find_process(s, e->pid, false);
	size_t n = 0;

	for (size_t i = 0; p && i < p->n; i++)
		if (p->v[i].time_ns >= (int64_t)e->time_ns)
			p->v[n++] = p->v[i];
	if (p)
		p->n = n;
}

static void on_event(void *cookie, const struct kern_mapping *e)
{
	struct symbols *s = cookie;
	struct mapping m = {e->start, e->end, e->offset, NULL, (int64_t)e->time_ns};

	/* Pids do not run out before memory does; names for the last ones are not worth it. */
	if (s->n_processes >= MAX_PROCESSES)
		return;
	switch (e->kind) {
	case KERN_MAPPED:
		if (e->path[0] == '/' && e->path[1] != '/')
			m.object = object_of(s, e->pid, (dev_t)e->major << 32 | e->minor, (ino_t)e->inode, e->path,
					     NULL);
		insert_mapping(find_process(s, e->pid, true), m);
		break;
	case KERN_FORKED:
		on_fork(s, e);
		break;
	case KERN_EXECED:
		on_exec(s, e);
		break;
	}
}

int symbols_watch(struct symbols *s)
{
	int status = 0;

	s->watch = kern_mappings_open(&status);
	return status;
}

void symbols_update(struct symbols *s)
{
	if (s->watch)
		kern_mappings_read(s->watch, on_event, s);
}

void symbols_learn(struct symbols *s, uint32_t pid)
{
	struct process *p = process_of(s, pid);

	/* Symbols, too: the file may be in a container that ends with it. */
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].object)
			symbols_of(p->v[i].object);
}

static const struct mapping *find_mapping(const struct process *p, uint64_t addr)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->v[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n && p->v[lo].start <= addr ? &p->v[lo] : NULL;
}

/* ------------------------------------------------------------------ addresses */

struct place {
	const char *module; /* NULL: unknown */
	bool known;	    /* the symbol */
	struct symbol sym;
	uint64_t offset, size; /* in the mapping, when only the module is known */
	struct object *object; /* of a program */
	uint64_t vaddr;	       /* in it */
	const char *file;      /* of the source: find_source() */
	uint32_t line;
};

static void locate_user(struct symbols *s, uint32_t pid, uint64_t addr, struct place *at)
{
	struct process *p;
	const struct mapping *m;
	const struct symtab *t;
	uint64_t vaddr;
	int64_t age;

	symbols_update(s);
	p = process_of(s, pid);
	m = find_mapping(p, addr);
	age = clock_now() - p->read_ns;
	/* Without being told of changes, look again now and then. */
	if ((!m && age > REREAD_NS) || (!s->watch && age > STALE_NS)) {
		read_mappings(s, p);
		m = find_mapping(p, addr);
	}
	memset(at, 0, sizeof(*at));
	if (!m || !m->object)
		return;
	at->object = m->object;
	at->module = m->object->path;
	at->offset = addr - m->start;
	at->size = m->end - m->start;
	t = symbols_of(m->object);
	if (!symtab_address(t, addr - m->start + m->offset, &vaddr))
		return;
	at->vaddr = vaddr;
	at->known = symtab_find(t, vaddr, &at->sym);
}

static void locate_kernel(struct symbols *s, uint64_t addr, struct place *at)
{
	if (!s->kernel)
		s->kernel = symtab_read_kernel();
	memset(at, 0, sizeof(*at));
	at->known = symtab_find(s->kernel, addr, &at->sym);
	if (at->known)
		at->module = at->sym.module;
}

enum { N_PATHS = 2 };

/* A path by which the file can still be opened, or NULL. The first leads through the process, and may do so
 * no more in the next moment; the second is the file's own. */
static const char *path_of(const struct object *o, int number)
{
	const char *path = number ? o->path : o->from;
	int fd = open_same(o, path);

	if (fd < 0)
		return NULL;
	close(fd);
	return path;
}

static struct dbg_module *source_of(struct symbols *s, struct object *o)
{
	const char *path, *why;

	for (int i = 0; i < N_PATHS && s->session && !o->source_tried && !o->source; i++)
		if ((path = path_of(o, i)) != NULL)
			o->source = dbg_open(s->session, path, &why);
	o->source_tried = true;
	return o->source;
}

static void find_source(struct symbols *s, uint64_t addr, struct place *at)
{
	struct dbg_module *m = NULL;
	const char *why;

	if (at->object) {
		m = source_of(s, at->object);
		addr = at->vaddr;
	} else if (at->module && s->session) {
		m = dbg_kernel_source(s->session, strcmp(at->module, "kernel") == 0 ? NULL : at->module, &why);
		addr -= m ? m->bias : 0;
	}
	if (!m || !dbg_source_at(s->session, m, addr, &at->file, &at->line))
		at->file = NULL;
}

static const char *build_id_of(struct symbols *s, struct object *o)
{
	struct obj obj;
	const char *path, *why, *id;

	if (!o->build_id) {
		o->build_id = "";
		for (int i = 0; i < N_PATHS && !*o->build_id; i++) {
			path = path_of(o, i);
			if (!path || !obj_open(&obj, path, &why))
				continue;
			id = obj_build_id(&obj);
			o->build_id = arena_strdup(&s->arena, id ? id : "");
			obj_close(&obj);
		}
	}
	return o->build_id;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "sym+0xoff/0xsize [module]" and its poorer forms. %#lx of zero is "0x0" here. */
static void add_source(struct str *out, const struct place *at)
{
	if (at->file && at->line)
		str_addf(out, " at %s:%u", at->file, at->line);
	else if (at->file)
		str_addf(out, " at %s", at->file);
}

static void add_long_form(struct str *out, uint64_t addr, const struct place *at, bool full)
{
	const char *colon = full ? " : " : "";

	if (full)
		str_addf(out, " 0x%" PRIx64, addr);
	if (at->known)
		str_addf(out, "%s%s+0x%" PRIx64 "/0x%" PRIx64, colon, at->sym.name, at->sym.offset,
			 at->sym.size);
	else if (!full)
		str_addf(out, "0x%" PRIx64, addr);
	if (at->known)
		add_source(out, at);
	if (at->module && at->known)
		str_addf(out, " [%s]", at->module);
	else if (at->module)
		str_addf(out, " [%s+0x%" PRIx64 "/0x%" PRIx64 "]", at->module, at->offset, at->size);
	if (!at->known)
		add_source(out, at);
}

static void add_short_form(struct str *out, uint64_t addr, const struct place *at, bool module)
{
	if (at->known)
		str_addf(out, "%s+0x%" PRIx64, at->sym.name, at->sym.offset);
	else
		str_addf(out, "0x%" PRIx64, addr);
	if (!module || !at->module)
		return;
	if (at->known)
		str_addf(out, " [%s]", base_name(at->module));
	else
		str_addf(out, " [%s+0x%" PRIx64 "]", base_name(at->module), at->offset);
}

static void add_address(struct str *out, enum symbol_form form, uint64_t addr, const struct place *at)
{
	switch (form) {
	case SYM_NONE:
		str_addf(out, "0x%" PRIx64 " ", addr);
		break;
	case SYM_FULL:
	case SYM_FULLER:
		add_long_form(out, addr, at, true);
		str_addc(out, '\n');
		break;
	case SYM_SIMPLE:
	case SYM_BRIEF:
		add_short_form(out, addr, at, form == SYM_SIMPLE);
		str_addc(out, '\n');
		break;
	case SYM_DATA:
		add_long_form(out, addr, at, false);
		break;
	case SYM_LINES:
	case SYM_SYMBOL:
		if (at->known)
			str_add(out, at->sym.name);
		else
			str_addf(out, "0x%" PRIx64, addr);
		break;
	}
}

/* ------------------------------------------------------------------ tokens */

/* Whose a text is, which does not tell itself; one of those that share a slot is forgotten. */
struct text_owner {
	uint64_t hash;
	uint32_t pid;
};

enum { TEXT_SLOTS = 8192, TEXT = RT_STR_BYTES - 1 };

static uint64_t hash_text(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
	return h;
}

static void remember_text(struct symbols *s, const char *text, size_t len, uint32_t pid)
{
	uint64_t h = hash_text(text, len);

	if (!s->texts)
		s->texts = xcalloc(TEXT_SLOTS, sizeof(*s->texts));
	s->texts[h % TEXT_SLOTS] = (struct text_owner){h, pid};
}

static uint32_t owner_of(const struct symbols *s, const char *text, size_t len, uint32_t pid)
{
	uint64_t h = hash_text(text, len);

	if (!s->texts || s->texts[h % TEXT_SLOTS].hash != h)
		return pid;
	return s->texts[h % TEXT_SLOTS].pid;
}

static void locate(struct symbols *s, uint32_t pid, bool kernel, uint64_t addr, struct place *at)
{
	if (kernel)
		locate_kernel(s, addr, at);
	else
		locate_user(s, pid, addr, at);
}

static void add_frames(struct symbols *s, uint32_t pid, unsigned how, const struct rt_stack *stack,
		       struct str *out)
{
	static const char *const heads[] = {"Returning from: ", "Returning to  : "};
	enum symbol_form form = (enum symbol_form)(how & RT_STACK_FORM);
	bool kernel = how & RT_STACK_KERNEL;
	struct place at = {0};

	for (uint32_t i = 0; i < stack->n && i < RT_STACK_DEPTH; i++) {
		if (form != SYM_NONE)
			locate(s, pid, kernel, stack->addrs[i], &at);
		if (form == SYM_FULLER)
			find_source(s, stack->addrs[i], &at);
		if (form == SYM_LINES)
			str_addf(out, " 0x%" PRIx64 " : ", stack->addrs[i]);
		if (i < 2 && how & RT_STACK_RETURN && (form == SYM_FULL || form == SYM_FULLER))
			str_add(out, heads[i]);
		add_address(out, form == SYM_LINES ? SYM_DATA : form, stack->addrs[i], &at);
		if (form == SYM_LINES)
			str_addc(out, '\n');
	}
}

void symbols_stack(struct symbols *s, uint32_t pid, unsigned how, const struct rt_stack *stack,
		   struct str *out)
{
	add_frames(s, pid, how, stack, out);
}

void symbols_lines(struct symbols *s, uint32_t pid, bool kernel, const char *text, size_t len,
		   struct str *out)
{
	char copy[8192], *p = copy, *end;

	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (!kernel)
		pid = owner_of(s, text, len, pid);
	for (; *p; p = end) {
		struct place at = {0};
		uint64_t addr;

		p += strspn(p, " \n\t");
		addr = strtoull(p, &end, 16);
		if (end == p || (*end && !strchr(" \n\t", *end))) {
			end += strcspn(end, " \n\t");
			continue;
		}
		locate(s, pid, kernel, addr, &at);
		str_addf(out, " 0x%" PRIx64 " : ", addr);
		add_address(out, SYM_DATA, addr, &at);
		str_addc(out, '\n');
	}
}

/* As long as a string can be: whole lines, or what fits of addresses. */
static void add_stack(struct symbols *s, const struct rt_token *t, bool user, struct str *out)
{
	size_t before = out->len;
	struct rt_stack stack;

	if (!t->a || s->stacks < 0 || kern_map_lookup(s->stacks, &t->a, &stack) < 0)
		return;
	add_frames(s, t->pid, t->b | (user ? 0 : RT_STACK_KERNEL), &stack, out);
	if (out->len - before > TEXT) {
		out->len = before + TEXT;
		while (t->b == SYM_LINES && out->len > before && out->s[out->len - 1] != '\n')
			out->len--;
		out->s[out->len] = 0;
	}
	if (user && t->b == SYM_NONE)
		remember_text(s, out->s + before, out->len - before, t->pid);
}

static void add_source_token(struct symbols *s, const struct rt_token *t, bool kernel, struct str *out)
{
	struct place at;

	locate(s, t->pid, kernel, t->a, &at);
	find_source(s, t->a, &at);
	if (!at.file || (t->b == SYM_LINE && !at.line))
		str_addf(out, "0x%" PRIx64, t->a);
	else if (t->b == SYM_LINE)
		str_addf(out, "%u", at.line);
	else
		str_add(out, at.file);
	if (at.file && at.line && t->b == SYM_FILE_LINE)
		str_addf(out, ":%u", at.line);
}

void symbols_token(struct symbols *s, enum rt_token_kind kind, const struct rt_token *t,
		   struct str *out)
{
	struct place at;

	switch (kind) {
	case RT_TOKEN_USYM:
	case RT_TOKEN_USYMDATA:
	case RT_TOKEN_UMOD:
		locate_user(s, t->pid, t->a, &at);
		if (kind == RT_TOKEN_UMOD && at.module)
			str_add(out, at.module);
		else
			add_address(out, kind == RT_TOKEN_USYMDATA ? SYM_DATA : SYM_SYMBOL, t->a, &at);
		break;
	case RT_TOKEN_KSYM:
	case RT_TOKEN_KSYMDATA:
		locate_kernel(s, t->a, &at);
		add_address(out, kind == RT_TOKEN_KSYMDATA ? SYM_DATA : SYM_SYMBOL, t->a, &at);
		break;
	case RT_TOKEN_USTACK:
	case RT_TOKEN_KSTACK:
		add_stack(s, t, kind == RT_TOKEN_USTACK, out);
		break;
	case RT_TOKEN_USOURCE:
	case RT_TOKEN_KSOURCE:
		add_source_token(s, t, kind == RT_TOKEN_KSOURCE, out);
		break;
	case RT_TOKEN_KMOD:
		locate_kernel(s, t->a, &at);
		if (at.module)
			str_add(out, at.module);
		else
			str_addf(out, "0x%" PRIx64, t->a);
		break;
	case RT_TOKEN_KCALLER:
		locate_kernel(s, t->a, &at);
		add_address(out, SYM_SYMBOL, t->a, &at);
		str_addf(out, " 0x%" PRIx64, t->a);
		break;
	case RT_TOKEN_UBUILDID:
		locate_user(s, t->pid, t->a, &at);
		if (at.object)
			str_add(out, build_id_of(s, at.object));
		break;
	default:
		break;
	}
}

#ifdef TAPIR_TEST
#include "base/test.h"

int symbols_test_function(void);

__attribute__((noinline)) int symbols_test_function(void)
{
	return 5;
}

TEST(symbols_of_this_process)
{
	struct symbols *s = symbols_new(NULL, -1);
	struct rt_token t = {.pid = (uint32_t)getpid()};
	struct str out = {0};

	t.a = (uint64_t)(uintptr_t)symbols_test_function + 1;
	symbols_token(s, RT_TOKEN_USYM, &t, &out);
	CHECK_STR(out.s, "symbols_test_function");
	out.len = 0;
	symbols_token(s, RT_TOKEN_USYMDATA, &t, &out);
	CHECK(strncmp(out.s, "symbols_test_function+0x1/0x", 28) == 0);
	CHECK(strstr(out.s, " [/"));
	out.len = 0;
	t.a = 16;
	symbols_token(s, RT_TOKEN_USYMDATA, &t, &out);
	CHECK_STR(out.s, "0x10");
	str_release(&out);
	symbols_free(s);
}

TEST(symbols_survive_the_process)
{
	struct symbols *s = symbols_new(NULL, -1);
	struct rt_token t = {.a = (uint64_t)(uintptr_t)symbols_test_function};
	struct str out = {0};
	int fds[2];
	pid_t pid;

	CHECK(pipe(fds) == 0);
	pid = fork();
	if (!pid) {
		char c;

		close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0);
	}
	close(fds[0]);
	t.pid = (uint32_t)pid;
	symbols_learn(s, t.pid);
	close(fds[1]);
	waitpid(pid, NULL, 0);
	symbols_token(s, RT_TOKEN_USYM, &t, &out);
	CHECK_STR(out.s, "symbols_test_function");
	str_release(&out);
	symbols_free(s);
}

TEST(symbols_of_a_short_life)
{
	struct symbols *s = symbols_new(NULL, -1);
	struct rt_token t = {.a = (uint64_t)(uintptr_t)symbols_test_function};
	struct str out = {0};
	struct process *p;
	int status = 1;
	pid_t pid;

	symbols_watch(s);
	pid = fork();
	if (!pid) {
		/* This program again, with no test to run. */
		execl("/proc/self/exe", "unit", "no such test", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	if (s->watch) {
		symbols_update(s);
		p = find_process(s, (uint32_t)pid, false);
		CHECK(p && p->n > 0);
		t.pid = (uint32_t)pid;
		for (size_t i = 0; i < p->n; i++)
			if (p->v[i].object && strstr(p->v[i].object->path, "/unit"))
				t.a = p->v[i].start + 64;
		symbols_token(s, RT_TOKEN_UMOD, &t, &out);
		CHECK(strstr(out.s, "/unit") != NULL);
	}
	str_release(&out);
	symbols_free(s);
}

TEST(symbols_of_damaged_files)
{
	char path[] = "/tmp/tapir-symtab-XXXXXX", buf[4096];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = mkstemp(path);
	uint64_t x = 88172645463325252ull;
	struct symbol sym;
	ssize_t n;

	CHECK(in >= 0 && fd >= 0);
	unlink(path);
	n = read(in, buf, sizeof(buf));
	for (int i = 0; i < 200; i++) {
		struct symtab *t;

		for (int k = 0; k < 4; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			buf[16 + x % 200] = (char)(x >> 32);
		}
		CHECK(pwrite(fd, buf, (size_t)n, 0) == n);
		t = symtab_read(fd);
		symtab_find(t, x, &sym);
		symtab_free(t);
	}
	close(fd);
	close(in);
}
#endif
