/* DWARF location expressions and type attributes on arbitrary bytes.
 *
 * The input becomes parts of a small ELF file with debug information, made in memory:
 *
 *	byte 0    DW_AT_byte_size of the base type
 *	byte 1    DW_AT_encoding of it
 *	byte 2    tag of the variable's type: base, pointer, struct, array (modulo 4)
 *	byte 3    DW_AT_data_member_location of a member
 *	byte 4    DW_AT_bit_size, byte 5: DW_AT_data_bit_offset of a bit-field
 *	byte 6    length of the frame base, which follows
 *	the rest  location of the variable
 *
 * Every way to use the variable must give a tree or a reason. */
#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "dwarf/dbg.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)            \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

enum { LOW_PC = 0x1000, HIGH_PC = 0x2000 };

static void put(struct str *o, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		str_addc(o, (char)(n >> 8 * i));
}

static void put_leb(struct str *o, uint64_t n)
{
	for (; n > 127; n >>= 7)
		str_addc(o, (char)(n & 127) | (char)128);
	str_addc(o, (char)n);
}

static void put_name(struct str *o, const char *name)
{
	str_addn(o, name, strlen(name) + 1);
}

/* code, tag, children, then attribute and form in turn */
static const uint8_t abbrevs[] = {
	1, DW_TAG_compile_unit, 1, DW_AT_name, DW_FORM_string, DW_AT_low_pc, DW_FORM_addr,
	DW_AT_high_pc, DW_FORM_data8, 0, 0,
	2, DW_TAG_subprogram, 1, DW_AT_name, DW_FORM_string, DW_AT_low_pc, DW_FORM_addr,
	DW_AT_high_pc, DW_FORM_data8, DW_AT_frame_base, DW_FORM_exprloc, 0, 0,
	3, DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
	DW_AT_location, DW_FORM_exprloc, 0, 0,
	4, DW_TAG_base_type, 0, DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data1,
	DW_AT_encoding, DW_FORM_data1, 0, 0,
	5, DW_TAG_pointer_type, 0, DW_AT_type, DW_FORM_ref4, 0, 0,
	6, DW_TAG_structure_type, 1, DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data1, 0, 0,
	7, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
	DW_AT_data_member_location, DW_FORM_data1, 0, 0,
	8, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
	DW_AT_bit_size, DW_FORM_data1, DW_AT_data_bit_offset, DW_FORM_data1, 0, 0,
	9, DW_TAG_array_type, 1, DW_AT_type, DW_FORM_ref4, 0, 0,
	10, DW_TAG_subrange_type, 0, DW_AT_upper_bound, DW_FORM_data1, 0, 0,
	0,
};

static void make_info(struct str *o, const uint8_t *data, size_t size)
{
	uint32_t base, pointer, structure, array, types[4];
	size_t frame = data[6] < size - 7 ? data[6] : size - 7;

	put(o, 0, 4);
	put(o, 5, 2);
	put(o, DW_UT_compile, 1);
	put(o, 8, 1);
	put(o, 0, 4);
	put(o, 1, 1);
	put_name(o, "t.c");
	put(o, LOW_PC, 8);
	put(o, HIGH_PC - LOW_PC, 8);
	base = (uint32_t)o->len;
	put(o, 4, 1);
	put_name(o, "int");
	put(o, data[0], 1);
	put(o, data[1], 1);
	structure = (uint32_t)o->len;
	pointer = structure + 1 + 2 + 1 + (1 + 2 + 4 + 1) + (1 + 3 + 4 + 2) + (1 + 2 + 4 + 1) + 1;
	put(o, 6, 1);
	put_name(o, "s");
	put(o, 32, 1);
	put(o, 7, 1);
	put_name(o, "m");
	put(o, base, 4);
	put(o, data[3], 1);
	put(o, 8, 1);
	put_name(o, "bf");
	put(o, base, 4);
	put(o, data[4], 1);
	put(o, data[5], 1);
	put(o, 7, 1);
	put_name(o, "n");
	put(o, pointer, 4);
	put(o, 16, 1);
	put(o, 0, 1);
	REQUIRE(o->len == pointer);
	put(o, 5, 1);
	put(o, structure, 4);
	array = (uint32_t)o->len;
	put(o, 9, 1);
	put(o, base, 4);
	put(o, 10, 1);
	put(o, 3, 1);
	put(o, 0, 1);
	types[0] = base;
	types[1] = pointer;
	types[2] = structure;
	types[3] = array;
	put(o, 2, 1);
	put_name(o, "f");
	put(o, LOW_PC, 8);
	put(o, HIGH_PC - LOW_PC, 8);
	put_leb(o, frame);
	str_addn(o, (const char *)data + 7, frame);
	put(o, 3, 1);
	put_name(o, "x");
	put(o, types[data[2] % 4], 4);
	put_leb(o, size - 7 - frame);
	str_addn(o, (const char *)data + 7 + frame, size - 7 - frame);
	put(o, 0, 2);
	for (unsigned i = 0; i < 4; i++)
		o->s[i] = (char)((o->len - 4) >> 8 * i);
}

static void make_elf(struct str *o, const struct str *info)
{
	static const char names[] = "\0.debug_info\0.debug_abbrev\0.shstrtab";
	const void *parts[] = {info->s, abbrevs, names};
	const size_t sizes[] = {info->len, sizeof(abbrevs), sizeof(names)};
	const uint32_t name_at[] = {1, 13, 27};
	Elf64_Ehdr eh = {.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			 .e_ehsize = sizeof(eh), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 4,
			 .e_shstrndx = 3};
	Elf64_Shdr sh[4];

	memset(sh, 0, sizeof(sh));
	memcpy(eh.e_ident, "\177ELF\2\1\1", 7);
	o->len = 0;
	str_addn(o, (const char *)&eh, sizeof(eh));
	for (int i = 0; i < 3; i++) {
		sh[i + 1].sh_name = name_at[i];
		sh[i + 1].sh_type = i < 2 ? SHT_PROGBITS : SHT_STRTAB;
		sh[i + 1].sh_offset = o->len;
		sh[i + 1].sh_size = sizes[i];
		sh[i + 1].sh_addralign = 1;
		str_addn(o, parts[i], sizes[i]);
	}
	while (o->len % 8)
		str_addc(o, 0);
	eh.e_shoff = o->len;
	memcpy(o->s, &eh, sizeof(eh));
	str_addn(o, (const char *)sh, sizeof(sh));
}

static void try_target(struct session *s, const struct dbg_place *at, const char *member,
		       bool index, unsigned suffix, bool address_of)
{
	static const struct source src = {.name = "x", .text = ""};
	static const struct token tok = {.src = &src, .text = "$x"};
	struct expr *e = expr_make(&s->arena, EX_TARGET, &tok), *r;
	struct accessor acc = {.tok = &tok};
	const char *why = NULL;

	e->name = intern(member && *member == '$' ? member : "$x");
	e->suffix = (uint8_t)suffix;
	e->address_of = address_of;
	if (member && *member != '$') {
		acc.kind = ACC_MEMBER;
		acc.member = intern(member);
		vec_push(&e->accessors, &s->arena, acc);
	}
	if (index) {
		acc.kind = ACC_INDEX;
		acc.index = expr_number(&s->arena, &tok, 2);
		vec_push(&e->accessors, &s->arena, acc);
	}
	r = dbg_resolve(s, at, e, &why);
	REQUIRE((r != NULL) == (why == NULL));
	if (r)
		REQUIRE(expr_text(&s->arena, r) != NULL);
}

static void try_all(struct session *s, const struct dbg_place *at)
{
	static const char *const members[] = {NULL, "m", "bf", "n", "$$vars"};
	dbg_names names = {0};

	for (size_t i = 0; i < 5; i++)
		for (unsigned suffix = 0; suffix < 3; suffix++)
			try_target(s, at, members[i], false, suffix, false);
	for (size_t i = 0; i < 4; i++) {
		try_target(s, at, members[i], false, 0, true);
		try_target(s, at, members[i], true, 0, false);
	}
	dbg_list_vars(s, at, &names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str info = {0}, file = {0};
	struct dbg_module m = {.path = "x", .dwarf_tried = true};
	struct dbg_place at = {.module = &m};
	struct session s;
	Dwarf_Die cu;
	Dwarf_CU *unit = NULL;

	if (size < 8 || size > 4096)
		return 0;
	elf_version(EV_CURRENT);
	session_init(&s);
	make_info(&info, data, size);
	make_elf(&file, &info);
	m.elf = elf_memory(file.s, file.len);
	m.dwarf = m.elf ? dwarf_begin_elf(m.elf, DWARF_C_READ, NULL) : NULL;
	REQUIRE(m.dwarf);
	REQUIRE(dwarf_get_units(m.dwarf, NULL, &unit, NULL, NULL, &cu, NULL) == 0);
	REQUIRE(dwarf_child(&cu, &at.scope) == 0);
	while (dwarf_tag(&at.scope) != DW_TAG_subprogram)
		REQUIRE(dwarf_siblingof(&at.scope, &at.scope) == 0);
	for (int i = 0; i < 2; i++) {
		at.pc = i ? LOW_PC + 16 : LOW_PC;
		try_all(&s, &at);
	}
	dwarf_end(m.dwarf);
	elf_end(m.elf);
	session_release(&s);
	str_release(&info);
	str_release(&file);
	return 0;
}
