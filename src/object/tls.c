/* Where the thread-local variables of a file are in a thread (the ELF TLS ABI of x86-64). See object.h.
 *
 * Those of the program lie right below the thread pointer. Of a library, the dynamic linker writes into
 * slots of its global offset table what its code needs: the module's number for the thread's vector of
 * blocks, or the distance of one variable from the thread pointer. */
#include <elf.h>
#include <string.h>

#include "object/object.h"

static const struct obj_segment *find_segment(const struct obj *o, uint32_t type)
{
	for (size_t i = 0; i < o->n_segments; i++)
		if (o->segments[i].type == type)
			return &o->segments[i];
	return NULL;
}

/* A position independent program has an interpreter; libc has one, too, and a name as a library. */
static bool is_program(struct obj *o)
{
	obj_names needed = {0};
	const char *soname = NULL, *runpath;

	if (o->type == ET_EXEC)
		return true;
	obj_needed(o, &needed, &soname, &runpath);
	return obj_interpreter(o) && !soname;
}

/* Does the symbol of a relocation stand for a variable of this file? Number 0: for the whole block. */
static bool own_symbol(const struct obj *o, const struct obj_section *s, uint64_t number, uint64_t *value)
{
	size_t n;
	const uint8_t *p;

	*value = 0;
	if (!number)
		return true;
	p = s->link < o->n_sections ? obj_section_data(o, &o->sections[s->link], &n) : NULL;
	if (!p || number >= n / sizeof(Elf64_Sym))
		return false;
	p += number * sizeof(Elf64_Sym);
	*value = obj_u64(p + offsetof(Elf64_Sym, st_value));
	return obj_u16(p + offsetof(Elf64_Sym, st_shndx)) != SHN_UNDEF;
}

/* The best slot: one for a symbol that others see may be about another file's variable of that name. */
static bool find_slot(const struct obj *o, struct obj_tls *tls)
{
	unsigned best = 0;

	for (size_t i = 0; i < o->n_sections; i++) {
		const struct obj_section *s = &o->sections[i];
		size_t n;
		const uint8_t *p = s->type == SHT_RELA ? obj_section_data(o, s, &n) : NULL;

		for (; p && n >= sizeof(Elf64_Rela); p += sizeof(Elf64_Rela), n -= sizeof(Elf64_Rela)) {
			uint64_t symbol = ELF64_R_SYM(obj_u64(p + 8)), value;
			uint32_t type = (uint32_t)ELF64_R_TYPE(obj_u64(p + 8));
			unsigned rank = (type == R_X86_64_DTPMOD64 ? 2 : 1) + (symbol ? 0 : 2);

			if ((type != R_X86_64_DTPMOD64 && type != R_X86_64_TPOFF64) || rank <= best ||
			    !own_symbol(o, s, symbol, &value))
				continue;
			best = rank;
			*tls = (struct obj_tls){.kind = OBJ_TLS_MODULE, .slot = obj_u64(p)};
			if (type == R_X86_64_TPOFF64) {
				tls->kind = OBJ_TLS_DISTANCE;
				tls->offset = (int64_t)(value + obj_u64(p + 16));
			}
		}
	}
	return best > 0;
}

bool obj_tls(struct obj *o, struct obj_tls *tls)
{
	const struct obj_segment *g = find_segment(o, PT_TLS);
	uint64_t align, first;

	if (o->machine != EM_X86_64 || !o->is64 || !g)
		return false;
	if (!is_program(o)) {
		bool found = find_slot(o, tls);

		tls->image = g->vaddr;
		tls->size = g->memsz;
		return found;
	}
	align = g->align ? g->align : 1;
	if ((align & (align - 1)) || g->memsz > UINT64_C(1) << 40)
		return false;
	first = -g->vaddr & (align - 1);
	*tls = (struct obj_tls){.kind = OBJ_TLS_PROGRAM, .image = g->vaddr, .size = g->memsz};
	tls->offset = -(int64_t)(((g->memsz - first + align - 1) & ~(align - 1)) + first);
	return true;
}
