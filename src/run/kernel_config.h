/* What the running kernel was configured with. */
#ifndef RUN_KERNEL_CONFIG_H
#define RUN_KERNEL_CONFIG_H

#include <stdint.h>

/* Timer ticks a second (CONFIG_HZ), from the kernel's configuration; 250 where that is unknown. */
int64_t kernel_hz(void);

#endif
