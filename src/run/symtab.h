/* Symbol tables of programs and libraries, and of the kernel: address to name.
 *
 * A compact copy of what object/ reads, or of /proc/kallsyms: it outlives the file. */
#ifndef RUN_SYMTAB_H
#define RUN_SYMTAB_H

#include <stdbool.h>
#include <stdint.h>

struct symtab;

struct symbol {
	const char *name; /* without a leading dot */
	const char *module; /* kernel: "kernel" or the module's name; else NULL */
	uint64_t offset;  /* from its start */
	uint64_t size;	  /* up to the next symbol; 0 for the last one */
};

/* Of the file behind an open descriptor, which the caller closes. Never NULL: a file without symbols
 * gives a table that finds nothing. */
struct symtab *symtab_read(int fd);
/* From /proc/kallsyms. */
struct symtab *symtab_read_kernel(void);
void symtab_free(struct symtab *t);
/* The address of the file at a file offset; false: it is in no segment. */
bool symtab_address(const struct symtab *t, uint64_t offset, uint64_t *vaddr);
/* The symbol that an address of the file lies in or behind. */
bool symtab_find(const struct symtab *t, uint64_t vaddr, struct symbol *found);

#endif
