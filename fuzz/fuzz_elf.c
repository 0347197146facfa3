/* ELF files: tables, symbols, SDT notes, PLT stubs over arbitrary bytes. Whatever is found must lie
 * in the input. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "object/object.h"

static void check_text(const char *s)
{
	REQUIRE(!s || strlen(s) < SIZE_MAX);
}

static void check_symbols(struct obj *o)
{
	struct obj_symtab t;

	obj_symbols(o, NULL, &t);
	for (size_t i = 0; i < t.n; i++) {
		REQUIRE(*t.v[i].name);
		REQUIRE(!i || t.v[i - 1].addr <= t.v[i].addr);
	}
	for (size_t i = 0; i < t.n && i < 64; i++) {
		const struct obj_symbol *y = obj_symtab_find(o, &t, t.v[i].name);

		REQUIRE(y && strcmp(y->name, t.v[i].name) == 0);
		y = obj_symtab_at(&t, t.v[i].addr);
		REQUIRE(y && y->addr == t.v[i].addr);
		obj_symtab_around(&t, t.v[i].addr + t.v[i].size / 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	usdt_notes notes = {0};
	obj_plts stubs = {0};
	obj_names needed = {0};
	const char *why, *soname, *runpath;
	uint64_t offset;
	struct obj o;

	if (!obj_open_memory(&o, data, size, &why)) {
		REQUIRE(*why);
		return 0;
	}
	for (size_t i = 0; i < o.n_sections; i++) {
		size_t n;
		const uint8_t *p = obj_section_data(&o, &o.sections[i], &n);

		check_text(o.sections[i].name);
		REQUIRE(!p || (p >= data && n <= size && p + n <= data + size));
	}
	check_symbols(&o);
	check_text(obj_build_id(&o));
	check_text(obj_interpreter(&o));
	obj_needed(&o, &needed, &soname, &runpath);
	check_text(soname);
	check_text(runpath);
	obj_usdt_notes(&o, &notes);
	for (size_t i = 0; i < notes.n; i++) {
		uint64_t pc = notes.v[i].pc;

		check_text(notes.v[i].provider);
		check_text(notes.v[i].name);
		if (obj_place_probe(&o, &pc, i & 1) && obj_file_offset(&o, pc, &offset))
			obj_executable_at(&o, pc);
	}
	obj_plt_stubs(&o, &stubs);
	for (size_t i = 0; i < stubs.n; i++)
		check_text(stubs.v[i].name);
	obj_close(&o);
	return 0;
}
