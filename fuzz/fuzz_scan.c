/* Debug information: the scan for functions, file names and ranges over arbitrary sections. The
 * input begins with the sizes of the sections in 16-byte units, a byte each. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dwarf/index.h"
#include "fuzz.h"

enum { SECTIONS = 9, MAX_UNITS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_file f = {0};
	struct dw_bytes *b[SECTIONS] = {&f.info,     &f.abbrev, &f.str,      &f.line_str, &f.line,
					&f.str_offsets, &f.addr, &f.ranges, &f.rnglists};
	struct dw_tables t = {0};
	struct arena a = {0};
	struct dw_unit u;
	uint64_t offset = 0;
	size_t at = SECTIONS;

	if (size < SECTIONS)
		return 0;
	for (int i = 0; i < SECTIONS; i++) {
		size_t n = (size_t)data[i] * 16;

		if (i == 0 && n == 0)
			n = 16;
		if (n > size - at)
			n = size - at;
		/* A copy of its own: reads behind it are seen. */
		b[i]->p = n ? memcpy(xmalloc(n), data + at, n) : NULL;
		b[i]->n = n;
		at += n;
	}
	while (f.str.n && f.str.p[f.str.n - 1])
		f.str.n--;
	while (f.line_str.n && f.line_str.p[f.line_str.n - 1])
		f.line_str.n--;
	for (uint32_t i = 0; i < MAX_UNITS && f.info.n && scan_header(&f, offset, &u); i++) {
		uint64_t pc;

		REQUIRE(u.end > offset && u.end <= f.info.n);
		offset = u.end;
		scan_unit_die(&u, &t);
		scan_unit(&u, i, &t);
		for (uint32_t k = 0; k < u.n_fns; k++) {
			const struct dw_fn *fn = &t.fns[u.tables_at[0] + k];

			REQUIRE(fn->scope < u.n_scopes);
			REQUIRE(!fn->name || strlen(fn->name) <= size);
			if (k < 16) {
				unit_file(&a, &u, fn->file);
				scan_first_range(&u, fn->pc, k & 1, &pc);
			}
		}
		if (u.n_files > 1)
			REQUIRE(!u.files[1] || strlen(u.files[1]) < SIZE_MAX);
	}
	scan_tables_release(&t);
	arena_release(&a);
	for (int i = 0; i < SECTIONS; i++)
		free((void *)b[i]->p);
	return 0;
}
