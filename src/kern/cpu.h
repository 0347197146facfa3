/* CPUs of the machine. */
#ifndef KERN_CPU_H
#define KERN_CPU_H

#include <stdbool.h>

/* How many numbers of CPUs the kernel may use: per-CPU maps have a value for each, and handlers count
 * from 0 below it. */
int kern_possible_cpus(void);
/* Which of them work at this moment: sets v[number]. */
void kern_online_cpus(bool *v);

/* A socket that hears of CPUs that are switched off and on, or -errno. */
int kern_cpu_events_open(void);
enum kern_cpu_event {
	KERN_CPU_NO_EVENT,
	KERN_CPU_ON,
	KERN_CPU_OFF,
	KERN_CPU_EVENTS_LOST, /* which ones are not known */
};
/* The next one that has been heard, and its CPU; does not wait. */
enum kern_cpu_event kern_cpu_events_next(int fd, int *cpu);

#endif
