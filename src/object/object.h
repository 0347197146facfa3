/* ELF files, read directly: what needs no debug information.
 *
 *   elf.c      mapping a file; sections, segments, addresses to bytes and file offsets
 *   symtab.c   symbols by name and by address, mini debug information
 *   ident.c    build-id, debug link, needed libraries, scripts
 *   usdt.c     SDT notes and their argument strings
 *   plt.c      stubs of imported functions
 *   tls.c      thread-local variables
 *   insn.c     what an instruction at a probe address allows
 *
 * Nothing in a file is trusted: every access is checked against the size of the file, counts are
 * bounded by it. Files of the machine's own byte order only, 32 and 64 bits. */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

struct obj_section {
	const char *name; /* "" if damaged */
	uint32_t type, link, info;
	uint64_t flags, addr, offset, size, entsize;
};

struct obj_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz, memsz, align;
};

struct obj {
	struct arena arena; /* of all that is derived from the file */
	const char *path;
	const uint8_t *data;
	size_t size;
	uint64_t entry; /* e_entry */
	bool mapped, is64, laid_out; /* obj_lay_out() */
	uint16_t type, machine;
	struct obj_section *sections;
	size_t n_sections;
	struct obj_segment *segments;
	size_t n_segments;
};

/* ------------------------------------------------------------------ elf.c */

/* False with the reason in *why: no such file, no ELF file, damaged headers. */
bool obj_open(struct obj *o, const char *path, const char **why);
/* The same over bytes that stay the caller's. */
bool obj_open_memory(struct obj *o, const void *data, size_t size, const char **why);
void obj_close(struct obj *o);
const struct obj_section *obj_section(const struct obj *o, const char *name);
/* The bytes of a section, *n of them; NULL: none in the file (or compressed). */
const uint8_t *obj_section_data(const struct obj *o, const struct obj_section *s, size_t *n);
/* A NUL-terminated text within n bytes at data; NULL: not in there. */
const char *obj_text(const uint8_t *data, size_t n, uint64_t offset);
/* The file's bytes behind an address, at most *n of them; *n gets their number. NULL: none. */
const uint8_t *obj_at(const struct obj *o, uint64_t vaddr, size_t *n);
bool obj_file_offset(const struct obj *o, uint64_t vaddr, uint64_t *offset);
bool obj_executable_at(const struct obj *o, uint64_t vaddr);
/* Puts the sections of a relocatable file (a module of the kernel) where address() says; those that it does
 * not know (false) are nowhere. */
void obj_lay_out(struct obj *o, bool (*address)(void *cookie, const char *section, uint64_t *addr),
		 void *cookie);
/* The section that an address lies in, NULL: none. */
const struct obj_section *obj_section_around(const struct obj *o, uint64_t vaddr);
/* The link-time address of a file offset. */
bool obj_vaddr(const struct obj *o, uint64_t offset, uint64_t *vaddr);

static inline uint16_t obj_u16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t obj_u32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t obj_u64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/* An address-sized word of the file. */
static inline uint64_t obj_word(const struct obj *o, const uint8_t *p)
{
	return o->is64 ? obj_u64(p) : obj_u32(p);
}

/* ------------------------------------------------------------------ symtab.c */

struct obj_symbol {
	const char *name; /* without a symbol version */
	uint64_t addr, size;
	uint8_t type, bind; /* STT_, STB_ */
};

struct obj_symtab {
	struct obj_symbol *v; /* defined symbols, sorted by address; at one address functions first,
			       * global before weak before local, then by name */
	size_t n;
	uint32_t *by_name; /* indices sorted by name, made at the first search */
};

/* Symbols of o; if it has no full table, those of debug (may be NULL) or of its .gnu_debugdata.
 * Lives in o's arena. */
void obj_symbols(struct obj *o, struct obj *debug, struct obj_symtab *t);
/* The first of the symbols of a name, NULL: none; follow with obj_symtab_next. Globals first. */
const struct obj_symbol *obj_symtab_find(struct obj *o, struct obj_symtab *t, const char *name);
/* The first symbol at exactly addr, or NULL. */
const struct obj_symbol *obj_symtab_at(const struct obj_symtab *t, uint64_t addr);
/* The function symbol that covers addr, or NULL. */
const struct obj_symbol *obj_symtab_around(const struct obj_symtab *t, uint64_t addr);
bool obj_symbol_is_function(const struct obj_symbol *s);

/* ------------------------------------------------------------------ ident.c */

/* Bytes of the file by which it is told from others where it is loaded: of its build-id or, without one, its soname,
 * or the entry point in the header of a program at a fixed address. False: it has none of these in memory. */
struct obj_mark {
	uint64_t vaddr, first, second; /* two numbers of 8 bytes at an address in the file */
};
bool obj_mark(struct obj *o, struct obj_mark *mark);
/* Lower-case hexadecimal text, NULL: the file has none. In o's arena. */
const char *obj_build_id(struct obj *o);
/* Entries of the dynamic section: names behind DT_NEEDED; DT_SONAME, DT_RUNPATH or DT_RPATH. */
typedef name_list obj_names;
void obj_needed(struct obj *o, obj_names *needed, const char **soname, const char **runpath);
/* The program interpreter, or NULL. */
const char *obj_interpreter(const struct obj *o);

/* ------------------------------------------------------------------ usdt.c */

struct usdt_reg {
	int number; /* DWARF's of x86-64 (32-bit programs too) or arm64, -1: none */
	int size;   /* bytes of the part that is named: %eax 4 */
	int shift;  /* bits below it: %ah 8 */
};

enum usdt_kind {
	USDT_UNKNOWN, /* cannot be read: floating point, syntax of later days */
	USDT_CONST,   /* offset, plus the address of symbol */
	USDT_REG,     /* base */
	USDT_MEM,     /* at base + index * scale + offset + address of symbol */
};

struct usdt_arg {
	enum usdt_kind kind;
	int size; /* of the value: 1, 2, 4, 8 bytes */
	bool is_signed, is_float;
	struct usdt_reg base, index;
	int scale;
	int64_t offset;
	const char *symbol; /* in the same file, or NULL */
	const char *text;
};

struct usdt_note {
	const char *provider, *name;
	uint64_t pc, semaphore; /* addresses; 0: no semaphore */
	struct usdt_arg *args;
	size_t n_args;
};
typedef VEC(struct usdt_note) usdt_notes;

/* Notes of the file, in its order. In o's arena. */
void obj_usdt_notes(struct obj *o, usdt_notes *out);
/* Arguments of a note: "-4@%eax 8@$3". */
size_t usdt_parse_args(struct arena *a, uint16_t machine, bool is64, const char *text,
		       struct usdt_arg **args);

/* ------------------------------------------------------------------ plt.c */

struct obj_plt {
	const char *name; /* of the imported function, without a version */
	uint64_t addr;	  /* of its stub */
};
typedef VEC(struct obj_plt) obj_plts;
/* Stubs of imported functions, by address. In o's arena. */
void obj_plt_stubs(struct obj *o, obj_plts *out);

/* ------------------------------------------------------------------ tls.c */

enum obj_tls_kind {
	OBJ_TLS_PROGRAM,  /* the block is at the thread pointer + offset */
	OBJ_TLS_MODULE,	  /* the block is element [slot] of the thread's vector */
	OBJ_TLS_DISTANCE, /* the block is at the thread pointer + [slot] - offset */
};
struct obj_tls {
	enum obj_tls_kind kind;
	uint64_t slot; /* address in the file */
	int64_t offset;
	uint64_t image, size; /* address in the file of what the block begins as; of the block */
};
/* The block of thread-local variables of the file; false: none, or it cannot be told. */
bool obj_tls(struct obj *o, struct obj_tls *tls);

/* ------------------------------------------------------------------ insn.c */

/* Moves *pc to where a probe is cheaper but sees the same; false: a probe there would do harm. */
bool obj_place_probe(const struct obj *o, uint64_t *pc, bool is_entry);
/* Does the kernel refuse a probe on this instruction, since it cannot run it elsewhere? */
bool obj_refused_place(const struct obj *o, uint64_t pc);
/* May these bytes of code call something, or end in a jump to another function? */
bool obj_may_call(const struct obj *o, uint64_t pc, uint64_t size);

#endif
