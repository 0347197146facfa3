/* Perf events: a program that runs each so many events of a CPU, and counters.
 *
 * Results are descriptors, or -errno. An event is of one CPU; -ENODEV: it is off or not there. */
#ifndef KERN_PERF_H
#define KERN_PERF_H

#include <stdbool.h>
#include <stdint.h>

struct kern_perf_event {
	uint32_t type;	 /* PERF_TYPE_... */
	uint64_t config; /* what it counts */
	uint64_t period; /* events from one run of the program to the next; clocks count ns; 0: only count */
	uint64_t hz;	 /* not 0: that many runs a second, instead */
	/* PERF_TYPE_BREAKPOINT: memory that is watched, aligned; HW_BREAKPOINT_W or _RW. */
	uint64_t watched;
	uint32_t length, access;
};
/* The program runs from now on. The link holds the event, too. */
int kern_perf_sample(int prog, const struct kern_perf_event *e, int cpu, uint64_t cookie);
/* The same for one thread, and what it starts, on any CPU. */
int kern_perf_sample_thread(int prog, const struct kern_perf_event *e, int tid, uint64_t cookie);
/* Counts all tasks on that CPU, for bpf_perf_event_read_value(), once it is started. */
int kern_perf_counter(const struct kern_perf_event *e, int cpu);
int kern_perf_start(int counter);
/* 0: this machine can sample or count such events, or it does not tell us; else -ENOENT or the like. */
int kern_perf_try(const struct kern_perf_event *e);
/* 0: accesses to memory are told; else -errno. */
int kern_perf_try_watching(void);
/* Why an event could not be opened. */
const char *kern_perf_reason(const struct kern_perf_event *e, int error);

#endif
