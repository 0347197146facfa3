/* Types of the running kernel and its modules (btf/btf.h reads them). */
#ifndef KERN_BTF_H
#define KERN_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "btf/btf.h"

/* The kernel's types; NULL: it tells nothing. They stay for the life of the process. */
struct btf *kern_btf(void);
/* Those of a loaded module, on top of the kernel's. NULL likewise. */
struct btf *kern_module_btf(const char *module);

/* Names of the loaded modules that have types of their own. */
void kern_btf_modules(struct arena *a, name_list *out);

/* How many arguments a tracepoint has, the hidden one not counted; -1: there is no such one. */
int kern_btf_tracepoint(const char *name);

struct kern_member {
	const char *type, *member; /* "task_struct", "tgid"; member "": the structure itself */
	uint32_t offset;	   /* set: bytes from the start of the structure; its size */
	bool found;
};

/* Where members of the kernel's structures lie. False: at least one was not found. */
bool kern_btf_members(struct kern_member *v, size_t n);

#endif
