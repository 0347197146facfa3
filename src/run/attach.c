/* The image goes to the kernel: maps, programs, attachments. See kernel.h.
 *
 * All that is made here is a descriptor of this process: whatever ends it, nothing is left behind. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "gen/target.h"
#include "kern/bpf.h"
#include "kern/btf.h"
#include "kern/caps.h"
#include "kern/cpu.h"
#include "kern/kfunc.h"
#include "kern/shield.h"
#include "lang/token.h"
#include "rt/intrinsic.h"
#include "run/attach.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "run/symbols.h"
#include "sema/sema.h"
#include "session.h"

const char *attach_reason(int error)
{
	return error == -KERN_ENOTSUPP ? "not supported by the kernel" : strerror(-error);
}

/* What a probe lacks that the kernel does not permit: true if that is known, and told. */
static bool permission_error(const struct run *r, const char *probe, int error)
{
	const char *missing = error == -EPERM || error == -EACCES ? kern_missing_caps() : NULL;

	if (missing)
		message_error(r, "probe %s needs %s, which this process has not (root has): %s", probe, missing,
			      strerror(-error));
	return missing != NULL;
}

/* ------------------------------------------------------------------ maps */

static bool map_error(struct run *r, const struct gen_map *m, const char *what, int error)
{
	if (!permission_error(r, r->kernel->img->insts.v[0]->name, error))
		message_error(r, "cannot %s the table \"%s\" in the kernel: %s", what, m->name,
			      attach_reason(error));
	return false;
}

static bool make_map(struct run *r, size_t i)
{
	struct kernel *k = r->kernel;
	const struct gen_map *m = &k->img->maps.v[i];
	struct kern_map want = {m->name, m->type, m->key_size, m->value_size, m->max_entries, m->flags};
	int status;

	if (i == GEN_MAP_TARGETS && !r->s->opt.target_pid)
		want.max_entries = 1; /* all processes are traced */
	if (m->per_cpu)
		want.max_entries *= (uint32_t)kern_possible_cpus();
	if (i == GEN_MAP_FRAMES) {
		/* To be seen from here, when handlers are told to stop. */
		want.flags |= BPF_F_MMAPABLE;
		k->n_frames = want.max_entries;
	}
	k->maps[i] = kern_map_create(&want);
	if (k->maps[i] < 0)
		return map_error(r, m, "make", k->maps[i]);
	for (uint32_t n = 0; m->init && i != GEN_MAP_SHARED && n < m->max_entries; n++) {
		status = kern_map_update(k->maps[i], &n, m->init, BPF_ANY);
		if (status < 0)
			return map_error(r, m, "fill", status);
	}
	status = m->flags & BPF_F_RDONLY_PROG ? kern_map_freeze(k->maps[i]) : 0;
	return status == 0 || map_error(r, m, "freeze", status);
}

static void *map_memory(int fd, size_t bytes, int protection)
{
	void *p = mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool make_maps(struct run *r)
{
	struct kernel *k = r->kernel;
	const struct gen_map *shared = &k->img->maps.v[GEN_MAP_SHARED];
	int error;

	if (k->img->own_frames)
		own_frames_fill(k->img);
	for (size_t i = 0; i < k->img->maps.n; i++)
		if (!make_map(r, i))
			return false;
	k->shared_bytes = shared->value_size;
	k->shared = map_memory(k->maps[GEN_MAP_SHARED], k->shared_bytes, PROT_READ | PROT_WRITE);
	if (!k->shared)
		return map_error(r, shared, "map", -errno);
	if (shared->init)
		memcpy(k->shared, shared->init, k->shared_bytes);
	k->shared->stopping = RT_STARTING;
	k->shared->overload_interval = (uint64_t)r->s->opt.overload_interval;
	k->shared->overload_threshold = (uint64_t)r->s->opt.overload_threshold;
	k->shared->target_pid = (uint32_t)r->s->opt.target_pid;
	k->shared->stap_pid = (uint64_t)getpid();
	rt_zone_share(k->shared);
	k->frames_bytes = k->n_frames * (size_t)k->img->frame_size;
	k->frames = map_memory(k->maps[GEN_MAP_FRAMES], k->frames_bytes, PROT_READ);
	k->ring = kern_ring_open(k->maps[GEN_MAP_RING], k->img->maps.v[GEN_MAP_RING].max_entries, &error);
	if (!k->ring)
		return map_error(r, &k->img->maps.v[GEN_MAP_RING], "map", -error);
	return true;
}

/* ------------------------------------------------------------------ programs */

static void relocate(const struct kernel *k, const struct gen_program *p)
{
	for (size_t i = 0; i < p->relocs.n; i++) {
		struct bpf_insn *insn = &p->insns[p->relocs.v[i].insn];

		insn->src_reg = p->relocs.v[i].kind == GEN_RELOC_MAP ? BPF_PSEUDO_MAP_FD
								    : BPF_PSEUDO_MAP_VALUE;
		insn->imm = k->maps[p->relocs.v[i].map];
	}
}

static const struct probe_inst *first_inst(const struct kernel *k, const struct gen_site *site)
{
	return k->img->insts.v[site->cookie];
}

/* A program of ours that the kernel does not take is our mistake, not the user's. */
static void load_error(struct run *r, const struct gen_program *p, int error, const struct str *log)
{
	const struct probe_inst *inst = first_inst(r->kernel, &p->sites.v[0]);
	const struct token *tok = inst->handler->tok;

	if (permission_error(r, inst->name, error))
		return;
	if (log->len && strstr(log->s, "bpf_probe_write_user")) {
		message_error(r, "the kernel lets no probe write to the memory of programs: it is locked down "
				 "[man kernel_lockdown]");
		return;
	}
	if ((error == -EPERM || error == -EACCES) && !log->len) {
		message_error(r, "the kernel does not let us trace: %s", strerror(-error));
		return;
	}
	message_error(r, "the kernel refuses the program of probe %s (%s:%u:%u): %s", inst->name,
		      tok ? tok->src->name : "", tok ? tok->line : 0, tok ? tok->col : 0,
		      attach_reason(error));
	message_error(r, "This is a bug of Tapir: please report it with the output of \"stap -v\".");
	if (r->s->opt.verbose[5] && log->len)
		fprintf(stderr, "%s\n", log->s);
}

static struct kern_prog to_load(const struct kernel *k, const struct gen_program *p,
				const struct attach_kind *kind)
{
	return (struct kern_prog){.name = p->name,
				  .type = kind->type,
				  .expected_attach = kind->expected_attach,
				  .attach_btf_id = kind->btf_id,
				  .attach_btf_fd = kind->btf_fd,
				  .insns = p->insns,
				  .n_insns = p->n_insns,
				  .sleepable = p->sleepable,
				  .btf = k->btf,
				  .func_info = p->func_info.v,
				  .n_func_info = (uint32_t)p->func_info.n / 2};
}

int attach_load(struct run *r, const struct gen_program *p, const struct attach_kind *kind)
{
	struct kern_prog want = to_load(r->kernel, p, kind);
	struct str log = {0};
	int fd = kern_prog_load(&want, &log);

	if (fd < 0)
		load_error(r, p, fd, &log);
	str_release(&log);
	return fd;
}

/* Programs that others lead to, where those look for them. */
static bool fill_program_maps(struct run *r)
{
	const struct kernel *k = r->kernel;

	for (size_t i = 0; i < k->img->programs.n; i++) {
		const struct gen_program *p = &k->img->programs.v[i];
		int status = p->led_by ? kern_map_update(k->maps[p->led_by], &p->slot, &k->programs[i],
							 BPF_ANY)
				       : 0;

		if (status < 0)
			return map_error(r, &k->img->maps.v[p->led_by], "fill", status);
	}
	return true;
}

/* The function that stands for a tracepoint of the life of processes which this kernel lacks (6.10) or
 * runs when the process no longer has its memory and so cannot be told from others (before 6.16, when
 * the tracepoint had one argument only); NULL: the tracepoint will do. */
static const char *life_function(const struct gen_program *p)
{
	if (!site_is_life(p->kind) || !p->tracepoint)
		return NULL;
	if (strcmp(p->tracepoint, "sched_process_exit") == 0 && kern_btf_tracepoint(p->tracepoint) < 2)
		return "do_exit";
	if (strcmp(p->tracepoint, "sched_prepare_exec") == 0 && kern_btf_tracepoint(p->tracepoint) < 0)
		return "begin_new_exec";
	return NULL;
}

/* BPF_PROG_TYPE_UNSPEC: those are loaded where they are attached. */
static struct attach_kind load_kind(const struct gen_program *p)
{
	switch (p->attach) {
	case GEN_RAW_TRACEPOINT:
		return (struct attach_kind){.type = life_function(p) ? BPF_PROG_TYPE_KPROBE
								     : BPF_PROG_TYPE_RAW_TRACEPOINT};
	case GEN_PERF:
		return (struct attach_kind){.type = BPF_PROG_TYPE_PERF_EVENT};
	case GEN_NETFILTER:
		return (struct attach_kind){.type = KERN_PROG_TYPE_NETFILTER,
					    .expected_attach = KERN_ATTACH_NETFILTER};
	case GEN_UPROBES:
		return (struct attach_kind){.type = BPF_PROG_TYPE_KPROBE,
					    .expected_attach = kern_has_uprobe_multi()
								       ? KERN_ATTACH_UPROBE_MULTI
								       : 0};
	case GEN_KFUNCS:
		break;
	}
	return (struct attach_kind){.type = BPF_PROG_TYPE_UNSPEC};
}

/* The kernel looks at a program for some milliseconds: at several at the same time, if there are many. */
struct loading {
	const struct kernel *k;
	const struct attach_kind *kinds;
	size_t next;
};

static void *load_some(void *cookie)
{
	struct loading *l = cookie;
	size_t i;

	while ((i = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED)) < l->k->img->programs.n) {
		struct kern_prog want = to_load(l->k, &l->k->img->programs.v[i], &l->kinds[i]);

		if (l->kinds[i].type)
			l->k->programs[i] = kern_prog_load(&want, NULL);
	}
	return NULL;
}

enum { MAX_LOADERS = 8, LOADS_EACH = 4 };

static void load_all(struct loading *l)
{
	pthread_t threads[MAX_LOADERS];
	int n = 0;

	while (n < MAX_LOADERS && n + 1 < kern_possible_cpus() &&
	       (size_t)(n + 1) * LOADS_EACH < l->k->img->programs.n &&
	       pthread_create(&threads[n], NULL, load_some, l) == 0)
		n++;
	load_some(l);
	while (n-- > 0)
		pthread_join(threads[n], NULL);
}

static bool load_types(struct run *r)
{
	struct kernel *k = r->kernel;
	struct str log = {0};

	if (!k->img->btf_size)
		return true;
	k->btf = kern_btf_load(k->img->btf, k->img->btf_size, &log);
	if (k->btf < 0)
		message_error(r, "the kernel refuses the types of our programs: %s", attach_reason(k->btf));
	if (k->btf < 0 && r->s->opt.verbose[5] && log.len)
		fprintf(stderr, "%s\n", log.s);
	str_release(&log);
	return k->btf >= 0;
}

static bool load_programs(struct run *r)
{
	struct kernel *k = r->kernel;
	struct attach_kind *kinds = xcalloc(k->img->programs.n + 1, sizeof(*kinds));
	struct loading l = {.k = k, .kinds = kinds};
	bool ok = load_types(r);

	for (size_t i = 0; ok && i < k->img->programs.n; i++) {
		relocate(k, &k->img->programs.v[i]);
		kinds[i] = load_kind(&k->img->programs.v[i]);
	}
	if (ok)
		load_all(&l);
	for (size_t i = 0; ok && i < k->img->programs.n; i++) {
		const struct gen_program *p = &k->img->programs.v[i];

		if (!kinds[i].type)
			continue;
		/* Once more, to be told why. */
		if (k->programs[i] < 0)
			k->programs[i] = attach_load(r, p, &kinds[i]);
		ok = k->programs[i] >= 0;
		if (ok && r->s->opt.verbose[5] > 1)
			fprintf(stderr, "%s: %u instructions, %u verified\n", p->name, p->n_insns,
				kern_prog_verified(k->programs[i]));
	}
	free(kinds);
	return ok && fill_program_maps(r);
}

/* ------------------------------------------------------------------ attachments */

void attach_add_link(struct kernel *k, int fd)
{
	if (k->n_links == k->links_cap) {
		k->links_cap = k->links_cap ? 2 * k->links_cap : 16;
		k->links = xrealloc(k->links, k->links_cap * sizeof(*k->links));
	}
	k->links[k->n_links++] = fd;
}

void attach_keep_program(struct kernel *k, int fd)
{
	k->kept = xrealloc(k->kept, (k->n_kept + 1) * sizeof(*k->kept));
	k->kept[k->n_kept++] = fd;
}

enum need { NEEDED, ONE_OF_MANY, OPTIONAL };

/* What the points of this place ask for: "?" at all of them, or patterns that stand for more places.
 * Then a warning does. */
static enum need need_of(const struct kernel *k, const struct gen_site *site)
{
	enum need need = OPTIONAL;

	for (size_t i = site->cookie; i < k->img->insts.n; i++) {
		const struct probe_inst *inst = k->img->insts.v[i];
		const struct probe_site *at = inst->site;

		if (at->offset != site->site->offset || at->kind != site->site->kind ||
		    strcmp(at->path, site->site->path) != 0)
			break;
		if (!inst->optional && !at->one_of_many)
			return NEEDED;
		if (!inst->optional)
			need = ONE_OF_MANY;
	}
	return need;
}

/* The kernel does not take a place. True: it is not missed. */
bool attach_refused(struct run *r, const struct gen_site *v, const char *why)
{
	struct kernel *k = r->kernel;
	enum need need = need_of(k, v);

	/* Of a pattern's places the first stands for all. */
	if (need == NEEDED)
		message_error(r, "cannot attach %s: %s", first_inst(k, v)->name, why);
	else if (need == OPTIONAL || k->n_refused++ == 0 || r->s->opt.verbose[5])
		message_warning(r, "cannot attach %s: %s", first_inst(k, v)->name, why);
	return need != NEEDED;
}

/* Programs for perf events differ from those for uprobe_multi by a number. Where the kernel has the
 * latter, the former are loaded when they are needed. */
struct attaching {
	struct run *r;
	const struct gen_program *program;
	int multi, perf; /* descriptors; -1: not loaded */
	size_t n_multi, n_perf; /* places attached */
};

static int link_multi(const struct attaching *a, const struct gen_site *v, size_t n)
{
	uint64_t *offsets = xcalloc(3 * n, sizeof(*offsets)), *semaphores = offsets + n,
		 *cookies = offsets + 2 * n;
	struct kern_uprobes u = {.path = v[0].site->path,
				 .offsets = offsets,
				 .cookies = cookies,
				 .n = (uint32_t)n,
				 .on_return = a->program->kind == SITE_URETPROBE};
	int fd;

	for (size_t i = 0; i < n; i++) {
		offsets[i] = v[i].site->offset;
		semaphores[i] = v[i].site->semaphore;
		cookies[i] = v[i].cookie;
		if (semaphores[i])
			u.semaphores = semaphores;
	}
	fd = kern_uprobe_multi(a->multi, &u);
	free(offsets);
	return fd;
}

static int link_perf(struct attaching *a, const struct gen_site *v)
{
	if (a->perf < 0)
		a->perf = attach_load(a->r, a->program, &(struct attach_kind){.type = BPF_PROG_TYPE_KPROBE});
	if (a->perf < 0)
		return a->perf;
	return kern_uprobe_perf(a->perf, v->site->path, v->site->offset, v->site->semaphore,
				a->program->kind == SITE_URETPROBE, 0, v->cookie);
}

/* One place alone. multi: why the other mechanism failed, 0: not tried. */
static bool attach_one(struct attaching *a, const struct gen_site *v, int multi)
{
	struct run *r = a->r;
	struct kernel *k = r->kernel;
	/* What is wrong with an instruction, is wrong for both. */
	int fd = multi == -KERN_ENOTSUPP ? multi : link_perf(a, v);
	struct str why = {0};
	bool go_on;

	if (fd >= 0) {
		attach_add_link(k, fd);
		k->n_perf++;
		a->n_perf++;
		return true;
	}
	if (multi)
		str_addf(&why, "uprobe_multi: %s", attach_reason(multi));
	if (multi != -KERN_ENOTSUPP)
		str_addf(&why, "%sperf event: %s", multi ? "; " : "", attach_reason(fd));
	if ((fd == -EACCES || fd == -EPERM) && !kern_is_admin())
		str_add(&why, " (this kernel asks for CAP_SYS_ADMIN)");
	if (fd == -KERN_ENOTSUPP && v->site->doubtful)
		str_add(&why, " (it cannot step over this instruction)");
	go_on = attach_refused(r, v, why.s);
	str_release(&why);
	return go_on;
}

/* The one tracepoint of a program, or what stands for it. */
static bool attach_tracepoint(struct run *r, size_t number)
{
	const struct gen_program *p = &r->kernel->img->programs.v[number];
	const char *function = life_function(p);
	int prog = r->kernel->programs[number];
	int fd = function ? kern_kprobe(prog, function, 0, 0, false, 0)
			  : kern_raw_tracepoint(prog, p->tracepoint, 0);

	if (fd >= 0)
		attach_add_link(r->kernel, fd);
	else if (function && strcmp(p->tracepoint, "sched_prepare_exec") == 0)
		return true; /* ends by exec are not seen */
	else
		message_error(r, "cannot attach %s: %s %s: %s", first_inst(r->kernel, &p->sites.v[0])->name,
			      function ? "kernel function" : "tracepoint", function ? function : p->tracepoint,
			      attach_reason(fd));
	return fd >= 0;
}

/* Places in one file. One bad place fails all of a link: then by halves, to leave that one out or to
 * say which it is. */
static bool attach_sites(struct attaching *a, const struct gen_site *v, size_t n)
{
	int fd = 0; /* not tried */

	if (a->multi >= 0) {
		fd = link_multi(a, v, n);
		if (fd >= 0) {
			attach_add_link(a->r->kernel, fd);
			a->n_multi += n;
			return true;
		}
	}
	if (n == 1)
		return attach_one(a, v, fd);
	return attach_sites(a, v, n / 2) && attach_sites(a, v + n / 2, n - n / 2);
}

/* The kernel looks at an instruction once its file is mapped. That may be later, and then nobody is told
 * that it cannot be probed: so it is mapped here, for as long as it takes to ask. */
static bool attach_doubtful(struct attaching *a, const struct gen_site *v)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open(v->site->path, O_RDONLY | O_CLOEXEC);
	void *p = MAP_FAILED;
	bool ok;

	if (fd >= 0) {
		p = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, (off_t)(v->site->offset & ~(page - 1)));
		close(fd);
	}
	ok = attach_sites(a, v, 1);
	if (p != MAP_FAILED)
		munmap(p, page);
	return ok;
}

/* The same, with the doubtful ones apart: finding them by halves takes long. */
static bool attach_file(struct attaching *a, const struct gen_site *v, size_t n)
{
	struct gen_site *good = xmalloc(n * sizeof(*good));
	size_t n_good = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (!v[i].site->doubtful)
			good[n_good++] = v[i];
	ok = !n_good || attach_sites(a, good, n_good);
	for (size_t i = 0; ok && i < n; i++)
		if (v[i].site->doubtful)
			ok = attach_doubtful(a, v + i);
	free(good);
	return ok;
}

static bool attach_tracepoints(struct run *r, size_t number)
{
	struct kernel *k = r->kernel;
	const struct gen_program *p = &k->img->programs.v[number];

	for (size_t i = 0; i < p->sites.n; i++) {
		const struct gen_site *v = &p->sites.v[i];
		int fd = kern_raw_tracepoint(k->programs[number], v->site->path,
					     p->sites.n > 1 ? v->cookie : 0);

		if (fd >= 0)
			attach_add_link(k, fd);
		else if (!attach_refused(r, v, fd == -ENOENT ? "no such tracepoint" : attach_reason(fd)))
			return false;
	}
	return true;
}

static bool attach_uprobes(struct run *r, size_t number)
{
	const struct gen_program *p = &r->kernel->img->programs.v[number];
	struct attaching a = {.r = r, .program = p, .multi = r->kernel->programs[number], .perf = -1};
	bool ok = true;

	if (!kern_has_uprobe_multi()) {
		a.perf = a.multi;
		a.multi = -1;
	}

	/* Places come sorted by file. */
	for (size_t i = 0, next; ok && i < p->sites.n; i = next) {
		for (next = i + 1; next < p->sites.n; next++)
			if (strcmp(p->sites.v[next].site->path, p->sites.v[i].site->path) != 0)
				break;
		ok = attach_file(&a, p->sites.v + i, next - i);
	}
	if (a.perf >= 0 && a.multi >= 0)
		close(a.perf); /* the links hold it */
	if (r->s->opt.verbose[5])
		fprintf(stderr, "%s%s: places by uprobe_multi: %zu, by perf event: %zu\n", p->name,
			p->sleepable ? ", sleepable" : "", a.n_multi, a.n_perf);
	return ok;
}

static bool attach_program(struct run *r, size_t number)
{
	const struct gen_program *p = &r->kernel->img->programs.v[number];

	switch (p->attach) {
	case GEN_UPROBES:
		return attach_uprobes(r, number);
	case GEN_RAW_TRACEPOINT:
		if (p->led_by)
			return true;
		return p->tracepoint ? attach_tracepoint(r, number) : attach_tracepoints(r, number);
	case GEN_KFUNCS:
		return attach_kfuncs(r, number);
	case GEN_PERF:
		return attach_perf(r, number);
	case GEN_NETFILTER:
		return attach_netfilter(r, number);
	}
	bug("program %zu is attached in no way", number);
}

/* ------------------------------------------------------------------ -c and -x */

static int target_program(const char *name, const struct bpf_insn *insns, uint32_t n)
{
	struct kern_prog p = {.name = name, .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = insns,
			      .n_insns = n, .btf = -1};

	return kern_prog_load(&p, NULL);
}

static int attach_target(struct kernel *k, const char *tracepoint, const struct bpf_insn *insns,
			 uint32_t n)
{
	int link, fd = target_program(tracepoint, insns, n);

	if (fd < 0)
		return fd;
	link = kern_raw_tracepoint(fd, tracepoint, 0);
	close(fd);
	if (link >= 0)
		attach_add_link(k, link);
	return link < 0 ? link : 0;
}

/* The map of processes that are traced: the target, and by two programs what descends from it. */
static bool follow_target(struct run *r)
{
	struct kernel *k = r->kernel;
	struct kern_member m[] = {{"task_struct", "pid", 0, false},
				  {"task_struct", "tgid", 0, false},
				  {"task_struct", "signal", 0, false},
				  {"signal_struct", "live", 0, false}};
	struct bpf_insn insns[GEN_TARGET_INSNS];
	uint32_t pid = (uint32_t)r->s->opt.target_pid, one = 1;
	int targets = k->maps[GEN_MAP_TARGETS], status;
	bool wanted = false;

	for (size_t i = 0; i < k->img->insts.n; i++)
		wanted |= k->img->insts.v[i]->site->target_only;
	if (!wanted || !pid)
		return true;
	status = kern_map_update(targets, &pid, &one, BPF_ANY);
	if (status == 0 && !kern_btf_members(m, sizeof(m) / sizeof(m[0]))) {
		message_warning(r, "the kernel tells nothing about its types (BTF): children of the "
				   "traced process will not be traced");
		return true;
	}
	k->task = (struct gen_task_layout){m[0].offset, m[1].offset, m[2].offset, m[3].offset};
	if (status == 0)
		status = attach_target(k, "sched_process_fork", insns,
				       gen_target_fork(insns, &k->task, targets));
	if (status < 0)
		message_error(r, "cannot follow the children of the traced process: %s", attach_reason(status));
	k->follows = status == 0;
	return status == 0;
}

/* Behind all attachments to the same tracepoint: for them, it is a target until then. */
static bool forget_targets(struct run *r)
{
	struct kernel *k = r->kernel;
	struct bpf_insn insns[GEN_TARGET_INSNS];
	int status;

	if (!k->follows)
		return true;
	status = attach_target(k, "sched_process_exit", insns,
			       gen_target_exit(insns, &k->task, k->maps[GEN_MAP_TARGETS]));
	if (status < 0)
		message_error(r, "cannot follow the children of the traced process: %s", attach_reason(status));
	return status == 0;
}

/* ------------------------------------------------------------------ life */

/* Patterns may lack places, but not all of them. */
static bool report_refused(struct run *r, size_t links_before)
{
	const struct kernel *k = r->kernel;

	if (k->n_refused && k->n_links == links_before) {
		message_error(r, "nothing could be attached");
		return false;
	}
	if (k->n_refused > 1 && !r->s->opt.verbose[5])
		message_warning(r, "%zu more places of such patterns cannot be probed (-v names them)",
				k->n_refused - 1);
	return true;
}

/* Does the script ask for names in traced programs? */
static bool wants_user_names(const struct ir_module *m)
{
	static const char *const words[] = {"usym", "umod", "ubacktrace", "ustack",
					    "ucallers"};
	const char *name;

	for (size_t f = 0; f < m->fns.n; f++)
		for (size_t b = 0; b < m->fns.v[f]->blocks.n; b++)
			for (size_t i = 0; i < m->fns.v[f]->blocks.v[b].ins.n; i++) {
				const struct ir_ins *ins = &m->fns.v[f]->blocks.v[b].ins.v[i];

				if (ins->op != IR_RT)
					continue;
				name = intrinsic_by_number(ins->imm)->name;
				for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
					if (strstr(name, words[w]))
						return true;
			}
	return false;
}

/* A descriptor a link: patterns match thousands of places. The command was forked before. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Those at returns last: what they want to know of the call was seen then. */
static bool attach_programs(void *run)
{
	struct run *r = run;
	const struct gen_image *img = r->kernel->img;

	for (int returns = 0; returns < 2; returns++)
		for (size_t i = 0; i < img->programs.n; i++)
			if (site_is_return(img->programs.v[i].kind) == returns && !attach_program(r, i))
				return false;
	return true;
}

bool kernel_start(struct run *r)
{
	struct kernel *k = r->kernel = xcalloc(1, sizeof(*k));
	size_t links_before;
	int watched = 0;

	allow_descriptors();
	k->img = r->s->image;
	k->btf = -1;
	k->maps = xmalloc((k->img->maps.n + 1) * sizeof(*k->maps));
	k->programs = xmalloc((k->img->programs.n + 1) * sizeof(*k->programs));
	for (size_t i = 0; i < k->img->maps.n; i++)
		k->maps[i] = -1;
	for (size_t i = 0; i < k->img->programs.n; i++)
		k->programs[i] = -1;
	if (!make_maps(r))
		return false;
	share_init(r);
	drain_init(r);
	k->symbols = symbols_new(r->s, k->img->stacks ? k->maps[k->img->stacks] : -1);
	if (wants_user_names(r->s->ir)) {
		watched = symbols_watch(k->symbols);
		if (r->s->opt.target_pid && !r->s->opt.command)
			symbols_learn(k->symbols, (uint32_t)r->s->opt.target_pid);
	}
	if (!load_programs(r) || !follow_target(r))
		return false;
	replaced_init(k);
	links_before = k->n_links;
	if (!(kern_shielded(attach_programs, r) && report_refused(r, links_before) &&
	       forget_targets(r) && attach_counters(r)))
		return false;
	if (watched < 0)
		message_warning(r, "addresses in processes that end soon may have no names: the kernel does "
				"not tell what they map (perf_event_open: %s)", strerror(-watched));
	return true;
}

struct closing {
	const int *links;
	size_t n, next;
};

static void *close_some(void *p)
{
	struct closing *c = p;
	size_t i;

	while ((i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->n)
		close(c->links[i]);
	return NULL;
}

enum { MAX_CLOSERS = 16 };

/* Closing a link waits for the kernel some 18 ms; several at once wait together. */
static bool close_links(void *kernel)
{
	struct kernel *k = kernel;
	struct closing c = {.links = k->links, .n = k->n_links};
	pthread_t threads[MAX_CLOSERS];
	int n = 0;

	while (n < MAX_CLOSERS && (size_t)n + 1 < k->n_links &&
	       pthread_create(&threads[n], NULL, close_some, &c) == 0)
		n++;
	close_some(&c);
	while (n-- > 0)
		pthread_join(threads[n], NULL);
	return true;
}

void kernel_release(struct run *r)
{
	struct kernel *k = r->kernel;

	if (!k)
		return;
	if (k->n_perf && r->s->opt.verbose[5])
		fprintf(stderr, "Removing %d probes, one after the other.\n", k->n_perf);
	kern_shielded(close_links, k);
	free(k->links);
	share_release(r);
	locks_release(k);
	render_release(&k->render);
	symbols_free(k->symbols);
	kern_ring_close(k->ring);
	if (k->shared)
		munmap(k->shared, k->shared_bytes);
	if (k->frames)
		munmap(k->frames, k->frames_bytes);
	for (size_t i = 0; i < k->img->programs.n; i++)
		if (k->programs[i] >= 0)
			close(k->programs[i]);
	for (size_t i = 0; i < k->img->maps.n; i++)
		if (k->maps[i] >= 0)
			close(k->maps[i]);
	for (size_t i = 0; i < k->n_kept; i++)
		close(k->kept[i]);
	free(k->kept);
	free(k->files);
	if (k->online && k->cpu_events >= 0)
		close(k->cpu_events);
	free(k->online);
	if (k->btf >= 0)
		close(k->btf);
	free(k->maps);
	free(k->programs);
	free(k);
	r->kernel = NULL;
}
