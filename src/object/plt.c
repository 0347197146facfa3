/* Stubs through which a program calls functions of libraries. See object.h.
 *
 * Linkers lay them out in many ways (.plt, .plt.sec with branch protection, .plt.got), so the code is
 * decoded: a stub jumps to the address in a slot, and the relocation of that slot names the
 * function. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "object/object.h"

enum { MAX_STUBS = 1 << 20 };

struct slot {
	uint64_t addr;
	const char *name;
};

static int by_addr(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static const char *symbol_name(struct obj *o, const struct obj_section *table, uint32_t number)
{
	size_t size = o->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), n, n_text;
	const uint8_t *p = obj_section_data(o, table, &n), *text;
	const char *name, *version;

	if (!p || number >= n / size || table->link >= o->n_sections)
		return NULL;
	text = obj_section_data(o, &o->sections[table->link], &n_text);
	name = obj_text(text, n_text, obj_u32(p + number * size)); /* st_name is first in both */
	if (!name || !*name)
		return NULL;
	version = strchr(name, '@');
	return version ? arena_strndup(&o->arena, name, (size_t)(version - name)) : name;
}

static bool is_slot(uint16_t machine, uint32_t type)
{
	switch (machine) {
	case EM_X86_64:
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	case EM_386:
		return type == R_386_JMP_SLOT || type == R_386_GLOB_DAT;
	case EM_AARCH64:
		return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
	}
	return false;
}

static void read_slots(struct obj *o, const struct obj_section *s, struct slot **v, size_t *n)
{
	bool rela = s->type == SHT_RELA;
	size_t word = o->is64 ? 8 : 4, size = word * (rela ? 3 : 2), bytes;
	const uint8_t *p = obj_section_data(o, s, &bytes);
	size_t cap = p ? bytes / size : 0;

	if (!cap || s->link >= o->n_sections)
		return;
	*v = xrealloc(*v, (*n + cap) * sizeof(**v));
	for (; bytes >= size; p += size, bytes -= size) {
		uint64_t info = obj_word(o, p + word);
		uint32_t type = o->is64 ? (uint32_t)info : (uint32_t)info & 0xff;
		uint32_t symbol = (uint32_t)(o->is64 ? info >> 32 : info >> 8);
		const char *name;

		if (!is_slot(o->machine, type))
			continue;
		name = symbol_name(o, &o->sections[s->link], symbol);
		if (name)
			(*v)[(*n)++] = (struct slot){obj_word(o, p), name};
	}
}

/* The slot that a jump at p (n bytes, address pc) goes through; *len: its size. */
static bool x86_jump(const struct obj *o, const uint8_t *p, size_t n, uint64_t pc, uint64_t got,
		     uint64_t *slot)
{
	int32_t d;

	if (n < 6 || p[0] != 0xff)
		return false;
	memcpy(&d, p + 2, 4);
	if (p[1] == 0x25) { /* jmp *d(%rip), or *d in 32-bit code */
		*slot = o->is64 ? pc + 6 + (uint64_t)(int64_t)d : (uint32_t)d;
		return true;
	}
	if (p[1] == 0xa3 && !o->is64) { /* jmp *d(%ebx) */
		*slot = (uint32_t)(got + (uint64_t)(int64_t)d);
		return true;
	}
	return false;
}

static void x86_stubs(struct obj *o, const struct obj_section *s, const struct slot *slots,
		      size_t n_slots, uint64_t got, obj_plts *out)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e};
	size_t n, step = s->entsize == 8 || strcmp(s->name, ".plt.got") == 0 ? 8 : 16;
	const uint8_t *p = obj_section_data(o, s, &n);

	for (size_t at = 0; p && at + 6 <= n && out->n < MAX_STUBS; at += step) {
		size_t skip = 0;
		struct slot key = {0}, *found;

		if (n - at >= 4 && memcmp(p + at, endbr, 3) == 0)
			skip = 4;
		if (n - at > skip && p[at + skip] == 0xf2) /* bnd prefix */
			skip++;
		if (!x86_jump(o, p + at + skip, n - at - skip, s->addr + at + skip, got, &key.addr))
			continue;
		found = bsearch(&key, slots, n_slots, sizeof(*slots), by_addr);
		if (found)
			vec_push(out, &o->arena, (struct obj_plt){found->name, s->addr + at});
	}
}

/* adrp x16, page; ldr x17, [x16, #offset]; add ...; br x17 */
static void arm_stubs(struct obj *o, const struct obj_section *s, const struct slot *slots,
		      size_t n_slots, obj_plts *out)
{
	size_t n;
	const uint8_t *p = obj_section_data(o, s, &n);

	for (size_t at = 0; p && at + 16 <= n && out->n < MAX_STUBS; at += 4) {
		uint32_t adrp = obj_u32(p + at), ldr = obj_u32(p + at + 4);
		bool bti = at >= 4 && obj_u32(p + at - 4) == 0xd503245f;
		uint64_t page;
		struct slot key = {0}, *found;

		if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
			continue;
		page = (uint64_t)((int64_t)((uint64_t)((adrp >> 29 & 3) | (adrp >> 3 & 0x1ffffc))
					    << 43) >> 31);
		key.addr = ((s->addr + at) & ~0xfffull) + page + (ldr >> 10 & 0xfff) * 8;
		found = bsearch(&key, slots, n_slots, sizeof(*slots), by_addr);
		if (found)
			vec_push(out, &o->arena,
				 (struct obj_plt){found->name, s->addr + at - (bti ? 4 : 0)});
	}
}

void obj_plt_stubs(struct obj *o, obj_plts *out)
{
	const struct obj_section *got = obj_section(o, ".got.plt");
	struct slot *slots = NULL;
	size_t n = 0;

	if (!got)
		got = obj_section(o, ".got");
	for (size_t i = 0; i < o->n_sections; i++)
		if (o->sections[i].type == SHT_RELA || o->sections[i].type == SHT_REL)
			read_slots(o, &o->sections[i], &slots, &n);
	if (n)
		qsort(slots, n, sizeof(*slots), by_addr);
	for (size_t i = 0; n && i < o->n_sections; i++) {
		const struct obj_section *s = &o->sections[i];

		if (strncmp(s->name, ".plt", 4) != 0 || s->type != SHT_PROGBITS ||
		    !(s->flags & SHF_EXECINSTR))
			continue;
		if (o->machine == EM_AARCH64)
			arm_stubs(o, s, slots, n, out);
		else
			x86_stubs(o, s, slots, n, got ? got->addr : 0, out);
	}
	free(slots);
}
