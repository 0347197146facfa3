/* See kfunc.h. */
#include "kern/kfunc.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "kern/bpf.h"
#include "kern/btf.h"

enum { REGISTER_ARGUMENTS = 6 };

static uint64_t ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int call(int cmd, const union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int link_create(const union bpf_attr *attr)
{
	return call(BPF_LINK_CREATE, attr);
}

/* r0 = 0; exit */
static int load_nothing(struct kern_prog p)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};

	p.insns = nothing;
	p.n_insns = 2;
	p.btf = -1;
	return kern_prog_load(&p, NULL);
}

/* ------------------------------------------------------------------ fentry, fexit */

int kern_try_fentry(uint32_t btf_id, int btf_fd, bool on_return, bool attach)
{
	int link = 0;
	int fd = load_nothing((struct kern_prog){
		.type = BPF_PROG_TYPE_TRACING,
		.expected_attach = on_return ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
		.attach_btf_id = btf_id,
		.attach_btf_fd = btf_fd,
	});

	if (fd < 0)
		return fd;
	if (attach)
		link = kern_fentry(fd, on_return, 0);
	close(fd);
	if (link > 0)
		close(link);
	return link < 0 ? link : 0;
}

static bool btf_is(int fd, const char *module)
{
	char name[64] = "";
	struct bpf_btf_info info = {.name = ptr(name), .name_len = sizeof(name)};
	union bpf_attr attr = {0};

	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = ptr(&info);
	return call(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && info.kernel_btf && strcmp(name, module) == 0;
}

int kern_module_btf_fd(const char *module)
{
	union bpf_attr next = {0}, get = {0};
	int fd;

	while (call(BPF_BTF_GET_NEXT_ID, &next) == 0) {
		get.btf_id = next.start_id = next.next_id;
		fd = call(BPF_BTF_GET_FD_BY_ID, &get);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		if (btf_is(fd, module))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

int kern_fentry(int prog, bool on_return, uint64_t cookie)
{
	/* Kernels before 5.19 know no cookies here and insist on zeros. */
	union bpf_attr attr = {0};

	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.attach_type = on_return ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY;
	attr.link_create.tracing.cookie = cookie;
	return link_create(&attr);
}

/* ------------------------------------------------------------------ kprobe_multi */

int kern_kprobe_multi(int prog, const struct kern_kprobes *k)
{
	union bpf_attr attr = {0};

	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.attach_type = KERN_ATTACH_KPROBE_MULTI;
	attr.link_create.kprobe_multi.flags = k->on_return ? BPF_F_KPROBE_MULTI_RETURN : 0;
	attr.link_create.kprobe_multi.cnt = k->n;
	attr.link_create.kprobe_multi.syms = k->addresses ? 0 : ptr(k->symbols);
	attr.link_create.kprobe_multi.addrs = ptr(k->addresses);
	attr.link_create.kprobe_multi.cookies = ptr(k->cookies);
	return link_create(&attr);
}

/* A kernel that knows such links looks for the symbol; others refuse the attach type. */
int kern_try_kprobe_multi(void)
{
	static const char *const nowhere[] = {"tapir:no such function"};
	static int known = 1;
	struct kern_kprobes k = {.symbols = nowhere, .n = 1};
	int fd, link;

	if (known <= 0)
		return known;
	fd = load_nothing((struct kern_prog){.type = BPF_PROG_TYPE_KPROBE,
					     .expected_attach = KERN_ATTACH_KPROBE_MULTI});
	if (fd < 0)
		return known = fd;
	link = kern_kprobe_multi(fd, &k);
	if (link >= 0)
		close(link);
	close(fd);
	known = link == -ESRCH || link == -ENOENT || link >= 0 ? 0 : link;
	return known;
}

/* ------------------------------------------------------------------ kprobes */

/* Number of the perf event type of kprobes, -1: none. */
static int kprobe_type(void)
{
	static int type = -2;
	FILE *f;
	int n = -1;

	if (type != -2)
		return type;
	f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	if (f) {
		if (fscanf(f, "%d", &n) != 1)
			n = -1;
		fclose(f);
	}
	type = n;
	return n;
}

static int open_event(const char *symbol, uint64_t offset, uint64_t address, bool on_return)
{
	struct perf_event_attr event = {.size = sizeof(event)};
	long fd;

	if (kprobe_type() < 0)
		return -EOPNOTSUPP;
	event.type = (uint32_t)kprobe_type();
	event.config = on_return;
	event.kprobe_func = ptr(symbol);
	event.probe_offset = symbol ? offset : address; /* or kprobe_addr: the same field */
	/* Any CPU will do: BPF programs run on all of them. */
	fd = syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

int kern_kprobe(int prog, const char *symbol, uint64_t offset, uint64_t address, bool on_return,
		uint64_t cookie)
{
	union bpf_attr attr = {0};
	int r, fd = open_event(symbol, offset, address, on_return);

	if (fd < 0)
		return fd;
	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.target_fd = (uint32_t)fd;
	attr.link_create.attach_type = BPF_PERF_EVENT;
	attr.link_create.perf_event.bpf_cookie = cookie;
	r = link_create(&attr);
	close(fd); /* the link has it */
	return r;
}

/* Where there are kprobes, only the symbol is missing. */
int kern_try_kprobe(void)
{
	static int known = 1;
	int fd;

	if (known <= 0)
		return known;
	fd = open_event("tapir:no such function", 0, 0, false);
	if (fd >= 0)
		close(fd);
	known = fd >= 0 || fd == -ENOENT || fd == -EINVAL ? 0 : fd;
	return known;
}

/* ------------------------------------------------------------------ which functions */

bool kern_traceable(const char *function)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/available_filter_functions",
		"/sys/kernel/debug/tracing/available_filter_functions",
	};
	static struct arena arena; /* for the life of the process */
	static struct map names;
	static bool tried;
	char line[1024];
	FILE *f = NULL;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && !f && !tried; i++)
		f = fopen(paths[i], "re");
	tried = true;
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, " \t\n")] = 0;
		map_set(&names, &arena, arena_strdup(&arena, line), &names);
	}
	if (f)
		fclose(f);
	return !names.n || map_get(&names, function);
}

/* ------------------------------------------------------------------ as the session asks */

/* Kernels before 6.6 load programs for functions with such arguments, but refuse to attach them. */
static bool arguments_on_stack(uint32_t btf_id, const char *module)
{
	struct btf *b = module ? kern_module_btf(module) : kern_btf();
	const struct btf_type *f = b ? btf_type(b, btf_id) : NULL;
	const struct btf_type *prototype = f ? btf_type(b, f->type) : NULL;

	return prototype && BTF_INFO_VLEN(prototype->info) > REGISTER_ARGUMENTS;
}

static int fentry(uint32_t btf_id, const char *module, bool on_return)
{
	int r, fd = module ? kern_module_btf_fd(module) : 0;

	if (fd < 0)
		return fd;
	r = kern_try_fentry(btf_id, fd, on_return, arguments_on_stack(btf_id, module));
	if (fd)
		close(fd);
	return r;
}

static int fentry_yes(uint32_t btf_id, const char *module, bool on_return)
{
	(void)btf_id, (void)module, (void)on_return;
	return 0;
}

static int fentry_no(uint32_t btf_id, const char *module, bool on_return)
{
	(void)btf_id, (void)module, (void)on_return;
	return -EPERM;
}

static int yes(void)
{
	return 0;
}

static int no(void)
{
	return -EPERM;
}

const struct kernel_ways *kern_ways(const char *way)
{
	static const struct {
		const char *name;
		struct kernel_ways ways;
	} forced[] = {
		{"fentry", {fentry_yes, no, no, kern_traceable}},
		{"kprobe_multi", {fentry_no, yes, no, kern_traceable}},
		{"kprobe", {fentry_no, no, yes, kern_traceable}},
	};
	static const struct kernel_ways offered = {fentry, kern_try_kprobe_multi, kern_try_kprobe,
						     kern_traceable},
					nothing = {fentry_no, no, no, kern_traceable};

	for (size_t i = 0; way && i < sizeof(forced) / sizeof(forced[0]); i++)
		if (strcmp(forced[i].name, way) == 0)
			return &forced[i].ways;
	return way ? &nothing : &offered;
}
