/* bpf(2) and what belongs to it: the only place (with perf.c's kind) that asks the kernel to trace.
 *
 * Results are a file descriptor or 0, and -errno on failure. Nothing is pinned: all that is made
 * here ends with its descriptor. What a kernel offers is found by trying, never by its version. */
#ifndef KERN_BPF_H
#define KERN_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct bpf_insn;

/* What the UAPI headers of Linux 6.1 do not have. */
enum {
	KERN_MAP_ARENA = 33,	     /* 6.9 */
	KERN_PROG_TYPE_NETFILTER = 32,	 /* 6.4 */
	KERN_ATTACH_NETFILTER = 45,	 /* expected_attach_type and LINK_CREATE */
	KERN_ATTACH_UPROBE_MULTI = 48,	 /* expected_attach_type and LINK_CREATE; 6.6 */
	KERN_ATTACH_UPROBE_SESSION = 57, /* 6.13 */
	KERN_ENOTSUPP = 524,	     /* not in the C library's table: "not supported by the kernel" */
};

/* ------------------------------------------------------------------ maps */
struct kern_map {
	const char *name; /* or NULL; cut at 15 bytes, foreign characters replaced */
	uint32_t type, key_size, value_size, max_entries, flags;
};
int kern_map_create(const struct kern_map *m);
/* No more changes from user space. 0 or -errno. */
int kern_map_freeze(int fd);
int kern_map_lookup(int fd, const void *key, void *value);
/* flags: BPF_ANY, BPF_NOEXIST, BPF_EXIST */
int kern_map_update(int fd, const void *key, const void *value, uint64_t flags);
int kern_map_delete(int fd, const void *key);
/* key NULL: the first one. -ENOENT at the end. */
int kern_map_next_key(int fd, const void *key, void *next);
/* Up to *n elements, from the place in *at (NULL at first: in = NULL), which out then continues.
 * Sets *n to how many came. -ENOENT: those were the last ones. The places are opaque: key_size
 * bytes, at least 8. -ENOSPC: a bucket holds more than *n. */
int kern_map_lookup_batch(int fd, const void *in, void *out, void *keys, void *values, uint32_t *n);
int kern_map_delete_batch(int fd, const void *keys, uint32_t *n);

/* ------------------------------------------------------------------ programs */
struct kern_prog {
	const char *name; /* or NULL, as for maps */
	uint32_t type, expected_attach;
	const struct bpf_insn *insns;
	uint32_t n_insns;
	bool sleepable;
	int btf; /* -1: none */
	const uint32_t *func_info; /* pairs: instruction, BTF id */
	uint32_t n_func_info;	   /* pairs */
	uint32_t attach_btf_id;	   /* tp_btf, iterators, fentry */
	int attach_btf_fd;	   /* of the module it is in, 0: none */
};
/* Loads without a log; if that fails and log is not NULL, once more for the verifier's reasons,
 * which are appended to it. */
int kern_prog_load(const struct kern_prog *p, struct str *log);
int kern_btf_load(const void *btf, uint32_t size, struct str *log);
/* Runs a RAW_TRACEPOINT or SYSCALL program once, in this process. ctx may be NULL. */
int kern_prog_test_run(int prog, const void *ctx, uint32_t ctx_size, uint32_t *result);
/* How often it was not run because it (or another one, at kprobes) was running on the CPU (5.12). */
uint64_t kern_prog_misses(int prog);
/* Instructions that the verifier walked to accept it (5.16), 0 if the kernel doesn't tell. */
uint32_t kern_prog_verified(int prog);

/* ------------------------------------------------------------------ attaching */
/* One file, many places. The program must have been loaded with KERN_ATTACH_UPROBE_MULTI. A single
 * bad offset fails all. Closing the link costs some 18 ms: close several in parallel threads. */
struct kern_uprobes {
	const char *path;
	const uint64_t *offsets;    /* in the file */
	const uint64_t *semaphores; /* file offsets of SDT semaphores, or NULL */
	const uint64_t *cookies;    /* or NULL */
	uint32_t n;
	bool on_return;
	int pid; /* 0: everybody */
};
int kern_uprobe_multi(int prog, const struct kern_uprobes *u);
/* The fallback: one place by a perf event (loaded with expected_attach 0). Returns the link, which
 * also holds the event. pid 0: everybody. */
int kern_uprobe_perf(int prog, const char *path, uint64_t offset, uint64_t semaphore, bool on_return,
		     int pid, uint64_t cookie);
/* The program to an open perf event; the link holds the event, too. */
int kern_perf_link(int prog, int event, uint64_t cookie);
/* Loaded with expected_attach KERN_ATTACH_NETFILTER; in the network namespace of the caller. */
struct kern_netfilter {
	uint32_t pf, hook; /* NFPROTO_..., NF_INET_... */
	int32_t priority;
};
int kern_netfilter(int prog, const struct kern_netfilter *h);
/* By name, or NULL for a program with attach_btf_id. A cookie other than 0 is an error where
 * kern_has_tracepoint_cookie() is false. */
int kern_raw_tracepoint(int prog, const char *name, uint64_t cookie);

/* ------------------------------------------------------------------ what this kernel can do */
bool kern_can_bpf(void);	  /* bpf() is there and allowed */
bool kern_has_uprobe_multi(void);
void kern_ignore_uprobe_multi(void); /* as if it had not: for tests */
bool kern_has_sleepable_uprobes(void);
bool kern_has_attach_cookie(void); /* of perf event uprobes */
bool kern_has_tracepoint_cookie(void);

/* ------------------------------------------------------------------ ring buffer */
struct kern_ring;
/* size: max_entries of the map; records have 128 KiB at most. *err gets the errno if NULL is returned. */
struct kern_ring *kern_ring_open(int map, uint32_t size, int *err);
/* Hands over up to max records (0: all there are) and returns how many. A record is valid during
 * its call only. Not for two threads at once. */
size_t kern_ring_consume(struct kern_ring *r, size_t max,
			 void (*record)(void *cookie, const void *data, uint32_t size),
			 void *cookie);
/* Bytes not yet consumed. */
uint64_t kern_ring_waiting(const struct kern_ring *r);
void kern_ring_close(struct kern_ring *r);

#endif
