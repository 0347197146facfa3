/* bpf(2). See bpf.h. */
#include "kern/bpf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"

enum {
	FIRST_LOG = 1 << 20, /* bytes; one that is too small fails even a good program */
	LAST_LOG = 16 << 20,
	NAME = 16,
};

#define SIZE_TO(member) \
	((uint32_t)(offsetof(union bpf_attr, member) + sizeof(((union bpf_attr *)0)->member)))

static int call(int cmd, union bpf_attr *attr, uint32_t size)
{
	long r = syscall(SYS_bpf, cmd, attr, size);

	return r < 0 ? -errno : (int)r;
}

static uint64_t ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* The kernel takes letters, digits, "_" and "." only. */
static void set_name(char to[NAME], const char *name)
{
	for (int i = 0; name && name[i] && i < NAME - 1; i++)
		to[i] = isalnum((unsigned char)name[i]) || name[i] == '.' ? name[i] : '_';
}

/* ------------------------------------------------------------------ maps */
int kern_map_create(const struct kern_map *m)
{
	union bpf_attr attr = {
		.map_type = m->type,
		.key_size = m->key_size,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.map_flags = m->flags,
	};

	set_name(attr.map_name, m->name);
	return call(BPF_MAP_CREATE, &attr, SIZE_TO(map_name));
}

int kern_map_freeze(int fd)
{
	union bpf_attr attr = {.map_fd = (uint32_t)fd};

	return call(BPF_MAP_FREEZE, &attr, SIZE_TO(map_fd));
}

static int element(int cmd, int fd, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attr = {.map_fd = (uint32_t)fd};

	attr.key = ptr(key);
	attr.value = ptr(value); /* next_key, too */
	attr.flags = flags;
	return call(cmd, &attr, SIZE_TO(flags));
}

int kern_map_lookup(int fd, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, fd, key, value, 0);
}

int kern_map_update(int fd, const void *key, const void *value, uint64_t flags)
{
	return element(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

/* The kernel insists that what a command does not use is zero. */
int kern_map_delete(int fd, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

int kern_map_next_key(int fd, const void *key, void *next)
{
	return element(BPF_MAP_GET_NEXT_KEY, fd, key, next, 0);
}

static int batch(int cmd, int fd, const void *in, void *out, const void *keys, void *values,
		 uint32_t *n)
{
	union bpf_attr attr = {0};
	int r;

	attr.batch.in_batch = ptr(in);
	attr.batch.out_batch = ptr(out);
	attr.batch.keys = ptr(keys);
	attr.batch.values = ptr(values);
	attr.batch.count = *n;
	attr.batch.map_fd = (uint32_t)fd;
	r = call(cmd, &attr, SIZE_TO(batch));
	/* A fault while copying leaves the count as it was. */
	*n = r == -EFAULT ? 0 : attr.batch.count;
	return r;
}

int kern_map_lookup_batch(int fd, const void *in, void *out, void *keys, void *values, uint32_t *n)
{
	return batch(BPF_MAP_LOOKUP_BATCH, fd, in, out, keys, values, n);
}

int kern_map_delete_batch(int fd, const void *keys, uint32_t *n)
{
	return batch(BPF_MAP_DELETE_BATCH, fd, NULL, NULL, keys, NULL, n);
}

/* ------------------------------------------------------------------ programs */

/* Fetches the log of a load that has failed with err, by trying again with larger and larger buffers;
 * if even the largest is too small, it holds the log's end. */
static int load_logged(int cmd, union bpf_attr *attr, uint32_t attr_size, int err, struct str *log)
{
	int r;

	for (uint32_t size = FIRST_LOG; size <= LAST_LOG; size *= 4) {
		char *buf = malloc(size);

		if (!buf)
			return err;
		buf[0] = 0;
		if (cmd == BPF_PROG_LOAD) {
			attr->log_buf = ptr(buf);
			attr->log_size = size;
			attr->log_level = 1;
		} else {
			attr->btf_log_buf = ptr(buf);
			attr->btf_log_size = size;
			attr->btf_log_level = 1;
		}
		r = call(cmd, attr, attr_size);
		if (r != -ENOSPC || size * 4 > LAST_LOG) {
			buf[size - 1] = 0;
			str_add(log, buf);
			free(buf);
			return r == -ENOSPC ? err : r;
		}
		free(buf);
	}
	return err;
}

int kern_prog_load(const struct kern_prog *p, struct str *log)
{
	union bpf_attr attr = {
		.prog_type = p->type,
		.insn_cnt = p->n_insns,
		.insns = ptr(p->insns),
		.license = ptr("GPL"), /* most helpers of tracing ask for it */
		.prog_flags = p->sleepable ? BPF_F_SLEEPABLE : 0,
		.expected_attach_type = p->expected_attach,
		.attach_btf_id = p->attach_btf_id,
		.attach_btf_obj_fd = (uint32_t)p->attach_btf_fd,
	};
	int r;

	set_name(attr.prog_name, p->name);
	if (p->btf >= 0) {
		attr.prog_btf_fd = (uint32_t)p->btf;
		if (p->n_func_info) {
			attr.func_info_rec_size = 8;
			attr.func_info = ptr(p->func_info);
			attr.func_info_cnt = p->n_func_info;
		}
	}
	r = call(BPF_PROG_LOAD, &attr, SIZE_TO(attach_btf_obj_fd));
	/* Interrupted by a signal. */
	for (int i = 0; r == -EAGAIN && i < 5; i++)
		r = call(BPF_PROG_LOAD, &attr, SIZE_TO(attach_btf_obj_fd));
	return r < 0 && log ? load_logged(BPF_PROG_LOAD, &attr, SIZE_TO(attach_btf_obj_fd), r, log) : r;
}

int kern_btf_load(const void *btf, uint32_t size, struct str *log)
{
	union bpf_attr attr = {0};
	int r;

	attr.btf = ptr(btf);
	attr.btf_size = size;
	r = call(BPF_BTF_LOAD, &attr, SIZE_TO(btf_log_level));
	return r < 0 && log ? load_logged(BPF_BTF_LOAD, &attr, SIZE_TO(btf_log_level), r, log) : r;
}

int kern_prog_test_run(int prog, const void *ctx, uint32_t ctx_size, uint32_t *result)
{
	union bpf_attr attr = {0};
	int r;

	attr.test.prog_fd = (uint32_t)prog;
	attr.test.ctx_in = ptr(ctx);
	attr.test.ctx_size_in = ctx_size;
	r = call(BPF_PROG_TEST_RUN, &attr, SIZE_TO(test));
	if (r == 0 && result)
		*result = attr.test.retval;
	return r;
}

static struct bpf_prog_info program_info(int prog)
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr = {0};

	attr.info.bpf_fd = (uint32_t)prog;
	attr.info.info_len = sizeof(info);
	attr.info.info = ptr(&info);
	if (call(BPF_OBJ_GET_INFO_BY_FD, &attr, SIZE_TO(info)) < 0)
		memset(&info, 0, sizeof(info));
	return info;
}

uint32_t kern_prog_verified(int prog)
{
	return program_info(prog).verified_insns;
}

uint64_t kern_prog_misses(int prog)
{
	return program_info(prog).recursion_misses;
}

/* ------------------------------------------------------------------ attaching */
int kern_uprobe_multi(int prog, const struct kern_uprobes *u)
{
	/* Part of union bpf_attr in headers of Linux 6.6. */
	union {
		union bpf_attr attr;
		struct {
			uint32_t prog_fd, target_fd, attach_type, flags;
			uint64_t path, offsets, ref_ctr_offsets, cookies;
			uint32_t cnt, multi_flags, pid, pad;
		} a;
	} m;

	memset(&m, 0, sizeof(m));
	m.a.prog_fd = (uint32_t)prog;
	m.a.attach_type = KERN_ATTACH_UPROBE_MULTI;
	m.a.path = ptr(u->path);
	m.a.offsets = ptr(u->offsets);
	m.a.ref_ctr_offsets = ptr(u->semaphores);
	m.a.cookies = ptr(u->cookies);
	m.a.cnt = u->n;
	m.a.multi_flags = u->on_return;
	m.a.pid = (uint32_t)u->pid;
	return call(BPF_LINK_CREATE, &m.attr, sizeof(m.a));
}

/* Number of the perf event type of uprobes, -1: none. */
static int uprobe_type(void)
{
	static int type = -2;
	FILE *f;
	int n = -1;

	if (type != -2)
		return type;
	f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	if (f) {
		if (fscanf(f, "%d", &n) != 1)
			n = -1;
		fclose(f);
	}
	type = n;
	return n;
}

int kern_netfilter(int prog, const struct kern_netfilter *h)
{
	/* linux/bpf.h of 6.4 */
	union {
		union bpf_attr attr;
		struct {
			uint32_t prog_fd, target_fd, attach_type, flags;
			uint32_t pf, hooknum;
			int32_t priority;
			uint32_t netfilter_flags;
		} a;
	} m;

	memset(&m, 0, sizeof(m));
	m.a.prog_fd = (uint32_t)prog;
	m.a.attach_type = KERN_ATTACH_NETFILTER;
	m.a.pf = h->pf;
	m.a.hooknum = h->hook;
	m.a.priority = h->priority;
	return call(BPF_LINK_CREATE, &m.attr, sizeof(m.a));
}

int kern_perf_link(int prog, int event, uint64_t cookie)
{
	union bpf_attr attr = {0};

	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.target_fd = (uint32_t)event;
	attr.link_create.attach_type = BPF_PERF_EVENT;
	attr.link_create.perf_event.bpf_cookie = cookie;
	return call(BPF_LINK_CREATE, &attr, SIZE_TO(link_create.perf_event.bpf_cookie));
}

int kern_uprobe_perf(int prog, const char *path, uint64_t offset, uint64_t semaphore, bool on_return,
		     int pid, uint64_t cookie)
{
	struct perf_event_attr event = {.size = sizeof(event)};
	long fd;
	int r;

	if (uprobe_type() < 0)
		return -EOPNOTSUPP;
	event.type = (uint32_t)uprobe_type();
	event.config = (on_return ? 1 : 0) | semaphore << 32;
	event.uprobe_path = ptr(path);
	event.probe_offset = offset;
	/* Any CPU will do: BPF programs run on all of them. */
	fd = syscall(SYS_perf_event_open, &event, pid ? pid : -1, pid ? -1 : 0, -1,
		     PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = kern_perf_link(prog, (int)fd, cookie);
	close((int)fd); /* the link has it */
	return r;
}

int kern_raw_tracepoint(int prog, const char *name, uint64_t cookie)
{
	enum { AT = 16 }; /* of the cookie, which the headers lack */
	union bpf_attr attr = {0};

	attr.raw_tracepoint.name = ptr(name);
	attr.raw_tracepoint.prog_fd = (uint32_t)prog;
	memcpy((char *)&attr + AT, &cookie, sizeof(cookie));
	return call(BPF_RAW_TRACEPOINT_OPEN, &attr,
		    cookie ? AT + sizeof(cookie) : SIZE_TO(raw_tracepoint));
}

/* ------------------------------------------------------------------ what this kernel can do */
#define INSN(c, d, s, o, i) \
	{.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)}

/* r0 = 0; exit */
static const struct bpf_insn nothing[] = {
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
	INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
};

static int try_load(uint32_t type, uint32_t expected, bool sleepable, const struct bpf_insn *insns,
		    uint32_t n)
{
	struct kern_prog p = {.type = type, .expected_attach = expected, .sleepable = sleepable,
			      .insns = insns, .n_insns = n, .btf = -1};

	return kern_prog_load(&p, NULL);
}

static bool loads(uint32_t type, uint32_t expected, bool sleepable, const struct bpf_insn *insns,
		  uint32_t n)
{
	int fd = try_load(type, expected, sleepable, insns, n);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool kern_can_bpf(void)
{
	static int known = -1;

	if (known < 0)
		known = loads(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, false, nothing, 2);
	return known;
}

static int uprobe_multi = -1; /* not known yet */

void kern_ignore_uprobe_multi(void)
{
	uprobe_multi = 0;
}

/* A kernel that knows such links says that "/" is no file to put probes in; others refuse the
 * attach type. */
bool kern_has_uprobe_multi(void)
{
	uint64_t offset = 0;
	struct kern_uprobes u = {.path = "/", .offsets = &offset, .n = 1};
	int fd, link;

	if (uprobe_multi >= 0)
		return uprobe_multi;
	uprobe_multi = 0;
	fd = try_load(BPF_PROG_TYPE_KPROBE, KERN_ATTACH_UPROBE_MULTI, false, nothing, 2);
	if (fd < 0)
		return false;
	link = kern_uprobe_multi(fd, &u);
	uprobe_multi = link == -EBADF;
	if (link >= 0)
		close(link);
	close(fd);
	return uprobe_multi;
}

bool kern_has_sleepable_uprobes(void)
{
	static int known = -1;

	if (known < 0)
		known = loads(BPF_PROG_TYPE_KPROBE, kern_has_uprobe_multi() ? KERN_ATTACH_UPROBE_MULTI : 0,
			      true, nothing, 2);
	return known;
}

static const struct bpf_insn get_cookie[] = {
	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_attach_cookie),
	INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
};

bool kern_has_attach_cookie(void)
{
	static int known = -1;

	if (known < 0)
		known = loads(BPF_PROG_TYPE_KPROBE, 0, false, get_cookie, 2);
	return known;
}

/* Reading them and giving them came together, with 6.10. */
bool kern_has_tracepoint_cookie(void)
{
	static int known = -1;

	if (known < 0)
		known = loads(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, false, get_cookie, 2);
	return known;
}

/* ------------------------------------------------------------------ ring buffer */
enum { LONGEST_RECORD = 1 << 17 };

struct kern_ring {
	uint64_t *consumer;	  /* its page: our position */
	const uint64_t *producer; /* its page; the data follow, and the first of them again */
	const uint8_t *data;
	uint64_t mask;
	size_t page, mapped; /* bytes of the second mapping */
};

struct kern_ring *kern_ring_open(int map, uint32_t size, int *err)
{
	struct kern_ring *r = xcalloc(1, sizeof(*r));
	void *p;

	r->page = (size_t)sysconf(_SC_PAGESIZE);
	/* All that is mapped counts as memory of this process: so not all of it twice. */
	r->mapped = r->page + (size_t)size + (size < LONGEST_RECORD ? size : LONGEST_RECORD);
	r->mask = size - 1;
	p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (p == MAP_FAILED) {
		*err = errno;
		free(r);
		return NULL;
	}
	r->consumer = p;
	p = mmap(NULL, r->mapped, PROT_READ, MAP_SHARED, map, (off_t)r->page);
	if (p == MAP_FAILED) {
		*err = errno;
		munmap(r->consumer, r->page);
		free(r);
		return NULL;
	}
	r->producer = p;
	r->data = (const uint8_t *)p + r->page;
	return r;
}

size_t kern_ring_consume(struct kern_ring *r, size_t max,
			 void (*record)(void *cookie, const void *data, uint32_t size),
			 void *cookie)
{
	uint64_t at = *r->consumer; /* only we write it */
	size_t n = 0;

	while (!max || n < max) {
		uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);

		if (at >= end)
			break;
		for (; at < end && (!max || n < max);) {
			const uint8_t *p = r->data + (at & r->mask);
			uint32_t head = __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
			uint32_t size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

			if (head & BPF_RINGBUF_BUSY_BIT)
				return n;
			if (!(head & BPF_RINGBUF_DISCARD_BIT)) {
				record(cookie, p + BPF_RINGBUF_HDR_SZ, size);
				n++;
			}
			at += ((uint64_t)size + BPF_RINGBUF_HDR_SZ + 7) & ~UINT64_C(7);
			__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
		}
	}
	return n;
}

uint64_t kern_ring_waiting(const struct kern_ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - *r->consumer;
}

void kern_ring_close(struct kern_ring *r)
{
	if (!r)
		return;
	munmap(r->consumer, r->page);
	munmap((void *)(uintptr_t)r->producer, r->mapped);
	free(r);
}

#ifdef TAPIR_TEST
#include <link.h>

#include "base/test.h"

struct shared {
	uint64_t hits, cookies, sent;
};

static bool refused(void)
{
	if (kern_can_bpf())
		return false;
	printf("# skipped: bpf() is refused\n");
	return true;
}

static int shared_map(struct shared **p)
{
	struct kern_map m = {.name = "shared", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
			     .value_size = sizeof(**p), .max_entries = 1, .flags = BPF_F_MMAPABLE};
	int fd = kern_map_create(&m);

	CHECK(fd >= 0);
	*p = mmap(NULL, sizeof(**p), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(*p != MAP_FAILED);
	return fd;
}

/* shared->hits++; shared->cookies += cookie */
static int counting_program(int map, uint32_t expected, bool sleepable)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_attach_cookie),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_VALUE, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 0, offsetof(struct shared, cookies), BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 0, offsetof(struct shared, hits), BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.name = "count-hits", .type = BPF_PROG_TYPE_KPROBE, .btf = -1,
			      .expected_attach = expected, .sleepable = sleepable, .insns = insns,
			      .n_insns = sizeof(insns) / sizeof(*insns)};
	struct str log = {0};
	int fd = kern_prog_load(&p, &log);

	if (fd < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", strerror(-fd), log.s);
	return fd;
}

__attribute__((noinline, used)) static int probed(int n)
{
	asm volatile("" : "+r"(n));
	return n + 1;
}

struct search {
	uintptr_t address;
	uint64_t offset;
};

/* The first object is the program itself. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *cookie)
{
	struct search *s = cookie;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && s->address >= start && s->address - start < p->p_filesz)
			s->offset = s->address - start + p->p_offset;
	}
	return 1;
}

static const char *own_place(uint64_t *offset)
{
	struct search s = {.address = (uintptr_t)probed};
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	CHECK(n > 0);
	path[n] = 0;
	dl_iterate_phdr(find_offset, &s);
	CHECK(s.offset != 0);
	*offset = s.offset;
	return path;
}

TEST(kern_maps)
{
	struct kern_map m = {.name = "a-name.that is too long", .type = BPF_MAP_TYPE_HASH, .key_size = 8,
			     .value_size = 8, .max_entries = 100};
	uint64_t key, value, keys[100], values[100], sum = 0, at = 0;
	uint32_t n = 100;
	int fd, r;

	if (refused())
		return;
	fd = kern_map_create(&m);
	CHECK(fd >= 0);
	for (key = 0; key < 50; key++) {
		value = key * 2;
		CHECK_INT(kern_map_update(fd, &key, &value, BPF_NOEXIST), 0);
	}
	key = 7;
	CHECK_INT(kern_map_update(fd, &key, &value, BPF_NOEXIST), -EEXIST);
	CHECK_INT(kern_map_lookup(fd, &key, &value), 0);
	CHECK_INT(value, 14);
	CHECK_INT(kern_map_delete(fd, &key), 0);
	CHECK_INT(kern_map_delete(fd, &key), -ENOENT);
	CHECK_INT(kern_map_lookup(fd, &key, &value), -ENOENT);
	r = kern_map_lookup_batch(fd, NULL, &at, keys, values, &n);
	CHECK_INT(r, -ENOENT);
	CHECK_INT(n, 49);
	for (uint32_t i = 0; i < n; i++)
		sum += values[i];
	CHECK_INT(sum, 49 * 50 - 14);
	n = 20;
	CHECK_INT(kern_map_delete_batch(fd, keys, &n), 0);
	CHECK_INT(n, 20);
	n = 0;
	for (r = kern_map_next_key(fd, NULL, &key); r == 0; r = kern_map_next_key(fd, &key, &key))
		n++;
	CHECK_INT(n, 29);
	close(fd);
	m.value_size = 0;
	CHECK_INT(kern_map_create(&m), -EINVAL);
}

TEST(kern_says_why_a_program_is_refused)
{
	const struct bpf_insn insns[] = {INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)};
	struct kern_prog p = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT, .btf = -1, .insns = insns,
			      .n_insns = 1};
	struct str log = {0};

	if (refused())
		return;
	CHECK_INT(kern_prog_load(&p, NULL), -EACCES);
	CHECK_INT(kern_prog_load(&p, &log), -EACCES);
	CHECK(strstr(log.s, "R0 !read_ok") != NULL);
	str_release(&log);
	CHECK_INT(kern_btf_load("x", 1, &log), -EINVAL);
	str_release(&log);
}

TEST(kern_uprobes_by_one_link)
{
	struct shared *shared;
	uint64_t offsets[2], cookie = 1000;
	struct kern_uprobes u = {.offsets = offsets, .cookies = &cookie, .n = 1};
	int map, prog, link;

	if (refused())
		return;
	if (!kern_has_uprobe_multi()) {
		printf("# skipped: no uprobe_multi\n");
		return;
	}
	u.path = own_place(&offsets[0]);
	map = shared_map(&shared);
	for (int i = 0; i < 4; i++) {
		memset(shared, 0, sizeof(*shared));
		u.on_return = i % 2;
		u.pid = i == 3 ? getpid() : 0;
		prog = counting_program(map, KERN_ATTACH_UPROBE_MULTI,
					i >= 2 && kern_has_sleepable_uprobes());
		link = kern_uprobe_multi(prog, &u);
		CHECK(link >= 0);
		CHECK_INT(probed(1), 2);
		CHECK_INT(probed(2), 3);
		CHECK_INT(shared->hits, 2);
		CHECK_INT(shared->cookies, 2000);
		close(link);
		probed(1);
		CHECK_INT(shared->hits, 2);
		u.path = "/nonexistent";
		CHECK_INT(kern_uprobe_multi(prog, &u), -ENOENT);
		u.path = own_place(&offsets[0]);
		close(prog);
	}
	munmap(shared, sizeof(*shared));
	close(map);
}

TEST(kern_uprobe_by_perf_event)
{
	struct shared *shared;
	uint64_t offset;
	const char *path;
	int map, prog, link;

	if (refused())
		return;
	if (!kern_has_attach_cookie() || uprobe_type() < 0) {
		printf("# skipped: no uprobes\n");
		return;
	}
	path = own_place(&offset);
	map = shared_map(&shared);
	prog = counting_program(map, 0, false);
	link = kern_uprobe_perf(prog, path, offset, 0, false, getpid(), 7);
	CHECK(link >= 0);
	CHECK_INT(probed(1), 2);
	CHECK_INT(shared->hits, 1);
	CHECK_INT(shared->cookies, 7);
	close(link);
	probed(1);
	CHECK_INT(shared->hits, 1);
	CHECK_INT(kern_uprobe_perf(prog, "/nonexistent", offset, 0, false, 0, 7), -ENOENT);
	munmap(shared, sizeof(*shared));
	close(prog);
	close(map);
}

TEST(kern_raw_tracepoint_counts)
{
	struct shared *shared;
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_VALUE, 0, 0),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 0, offsetof(struct shared, hits), BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT, .btf = -1, .insns = insns,
			      .n_insns = sizeof(insns) / sizeof(*insns)};
	int map, prog, link;

	if (refused())
		return;
	map = shared_map(&shared);
	insns[0].imm = map;
	prog = kern_prog_load(&p, NULL);
	CHECK(prog >= 0);
	CHECK(kern_prog_verified(prog) == 5);
	link = kern_raw_tracepoint(prog, "sys_enter", 0);
	CHECK(link >= 0);
	getppid();
	CHECK(shared->hits > 0);
	close(link);
	CHECK_INT(kern_raw_tracepoint(prog, "no_such_tracepoint", 0), -ENOENT);
	munmap(shared, sizeof(*shared));
	close(prog);
	close(map);
}

struct seen {
	uint64_t n, sum;
};

static void see(void *cookie, const void *data, uint32_t size)
{
	struct seen *s = cookie;
	struct shared r;

	CHECK_INT(size, sizeof(r));
	memcpy(&r, data, sizeof(r));
	s->n++;
	s->sum += r.sent;
}

TEST(kern_ring_gives_records_in_order)
{
	enum { RING = 1 << 16 };
	struct kern_map m = {.type = BPF_MAP_TYPE_RINGBUF, .max_entries = RING};
	struct shared *shared;
	/* bpf_ringbuf_output(ring, shared, sizeof(*shared), 0) */
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, 0),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_VALUE, 0, 0),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, sizeof(struct shared)),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT, .btf = -1, .insns = insns,
			      .n_insns = sizeof(insns) / sizeof(*insns)};
	int map, ring_map, prog, err = 0;
	struct seen seen = {0};
	struct kern_ring *ring;
	uint64_t sum = 0;
	uint32_t result;

	if (refused())
		return;
	map = shared_map(&shared);
	ring_map = kern_map_create(&m);
	CHECK(ring_map >= 0);
	insns[0].imm = ring_map;
	insns[2].imm = map;
	prog = kern_prog_load(&p, NULL);
	CHECK(prog >= 0);
	CHECK(!kern_ring_open(map, RING, &err));
	CHECK(err != 0);
	ring = kern_ring_open(ring_map, RING, &err);
	CHECK(ring != NULL);
	CHECK_INT(kern_ring_consume(ring, 0, see, &seen), 0);
	/* Several times round. */
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 1000; k++) {
			shared->sent = (uint64_t)(i * 1000 + k);
			sum += shared->sent;
			CHECK_INT(kern_prog_test_run(prog, NULL, 0, &result), 0);
			CHECK_INT(result, 0);
		}
		CHECK_INT(kern_ring_waiting(ring), 1000 * 32);
		CHECK_INT(kern_ring_consume(ring, 10, see, &seen), 10);
		CHECK_INT(kern_ring_consume(ring, 0, see, &seen), 990);
	}
	CHECK_INT(seen.n, 10000);
	CHECK_INT(seen.sum, sum);
	/* Full. */
	do
		kern_prog_test_run(prog, NULL, 0, &result);
	while (result == 0);
	CHECK_INT((int)result, -EAGAIN);
	kern_ring_close(ring);
	munmap(shared, sizeof(*shared));
	close(prog);
	close(ring_map);
	close(map);
}
#endif
