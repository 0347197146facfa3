/* Which kernel runs. */
#ifndef KERN_KERNEL_ID_H
#define KERN_KERNEL_ID_H

/* Its build-id in hexadecimal digits; "" if it does not tell. */
const char *kern_build_id(void);

#endif
