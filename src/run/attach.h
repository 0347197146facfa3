/* Loading and attaching, shared by attach.c and what attaches to the kernel. */
#ifndef RUN_ATTACH_H
#define RUN_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;
struct kernel;
struct gen_program;
struct gen_site;

/* How the kernel is told what a program is for. */
struct attach_kind {
	uint32_t type, expected_attach;
	uint32_t btf_id; /* fentry: the function */
	int btf_fd;	 /* likewise: of the module it is in, 0: none */
};
/* The descriptor of a loaded program; negative: reported. */
int attach_load(struct run *r, const struct gen_program *p, const struct attach_kind *kind);
/* The link ends with the session. */
void attach_add_link(struct kernel *k, int fd);
/* So does a program that links hold, whose misses are to be counted. */
void attach_keep_program(struct kernel *k, int fd);
/* The kernel does not take a place. True: it is not missed (a warning has told, if need be). */
bool attach_refused(struct run *r, const struct gen_site *v, const char *why);
/* What -errno of such calls means. */
const char *attach_reason(int error);

/* attach_kernel.c: program number of the image, to its kernel functions. False: reported. */
bool attach_kfuncs(struct run *r, size_t number);

/* Likewise, to a hook of netfilter. */
bool attach_netfilter(struct run *r, size_t number);
/* attach_perf.c: likewise, to perf events. */
bool attach_perf(struct run *r, size_t number);
/* Opens and starts the events of perf counters; the programs that keep them are attached. */
bool attach_counters(struct run *r);
/* Both for CPUs that have been switched on since the last look. */
void attach_new_cpus(struct run *r);

#endif
