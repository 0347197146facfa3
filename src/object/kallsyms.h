/* Symbols of the running kernel and its modules: /proc/kallsyms. */
#ifndef OBJECT_KALLSYMS_H
#define OBJECT_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct kallsym {
	uint64_t addr;	    /* 0: hidden from us */
	const char *name;
	const char *module; /* NULL: the kernel itself */
	char type;	    /* as nm prints it; 't' and 'w' are not exported */
};

/* Calls on_symbol for each line, in the order of the file, until that gives false; the strings last for
 * the call. False: it cannot be read. path NULL: that of the running kernel. */
bool kallsyms_each(const char *path, bool (*on_symbol)(void *cookie, const struct kallsym *s),
		   void *cookie);

/* The address of the symbol of that name in a module (NULL: in the kernel itself), 0 if that is hidden. False:
 * there is none. */
bool kallsyms_find(const char *module, const char *name, uint64_t *addr);

/* The functions among them: symbols of code, without those that are no functions of their own
 * (kallsyms_is_function). Sorted by address; all are 0 when they are hidden. */
struct kallsyms {
	struct kallsym *v;
	size_t n;
	bool hidden; /* the addresses are */
};
/* In the arena; n is 0 if it cannot be read. */
struct kallsyms *kallsyms_load(struct arena *a, const char *path);

/* Not padding in front of a function, not a part of one that the compiler has moved away. */
bool kallsyms_is_function(const char *name);
/* Length of the name without what the compiler puts behind that of a function whose parameters it has
 * changed (.isra.0, .constprop.0); the whole length: nothing. */
size_t kallsyms_stem(const char *name);
/* The function that an address lies in, NULL: none. */
const struct kallsym *kallsyms_at(const struct kallsyms *k, uint64_t addr);

#endif
