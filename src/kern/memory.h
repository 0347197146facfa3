/* The kernel's memory, for handlers that run in this process: a program of two dozen instructions reads
 * it. Made at the first question; 2 us each. Not for two threads at once.
 *
 * Results are -EFAULT where nothing is, another negative errno if the kernel does not let us look. */
#ifndef KERN_MEMORY_H
#define KERN_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum { KERN_READ_MAX = 8192 };

/* n bytes, at most KERN_READ_MAX. 0: done. */
int kern_read(uint64_t addr, void *to, size_t n);
/* A text of less than `size` bytes with a NUL behind it, `size` at most KERN_READ_MAX; its length. */
int kern_read_string(uint64_t addr, char *to, size_t size);
/* Address of the structure of the current thread; 0: not known. */
uint64_t kern_current_task(void);

#endif
