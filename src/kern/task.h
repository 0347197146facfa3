/* Tasks of the kernel, for handlers that run in this process. */
#ifndef KERN_TASK_H
#define KERN_TASK_H

#include <stddef.h>
#include <stdint.h>

/* Address of the structure of the task with this id, 0: there is none, or it cannot be seen. */
uint64_t kern_find_task(int64_t pid);
/* Its name, with a NUL behind it; the length, or < 0. */
int kern_task_name(uint64_t task, char *to, size_t size);

#endif
