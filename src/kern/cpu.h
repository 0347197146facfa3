/* CPUs of the machine. */
#ifndef KERN_CPU_H
#define KERN_CPU_H

#include <stdbool.h>

/* How many numbers of CPUs the kernel may use: per-CPU maps have a value for each, and handlers count
 * from 0 below it. */
int kern_possible_cpus(void);
/* Which of them work at this moment: sets v[number]. */
void kern_online_cpus(bool *v);

#endif
