/* Which kernel runs. */
#ifndef KERN_KERNEL_ID_H
#define KERN_KERNEL_ID_H

/* Its build-id in hexadecimal digits; "" if it does not tell. */
const char *kern_build_id(void);

/* The same of a loaded module. */
enum { KERN_ID_TEXT = 65 };
void kern_module_build_id(const char *module, char text[KERN_ID_TEXT]);

#endif
