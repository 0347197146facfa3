/* Which units can speak of a function by its name, or have one of a source file: a fraction of a large file has to be read
 * for it.
 *
 * A name is in a unit itself (DW_FORM_string), or in one of the sections of texts, and the unit has its offset there
 * (DW_FORM_strp, _line_strp) or the number of a table entry that has it (DW_FORM_strx*). Each byte sequence that could
 * be one of these makes its unit wanted, so that none is missed; some have it by chance. Functions that are
 * instances of one in another unit (LTO, dwz), and those in .dwo files, need the whole file (dbg_index.apart). */
#include <string.h>

#include "dwarf/dbg.h"
#include "dwarf/index.h"

enum { MAX_OFFSETS = 8 };

/* Where the name is in the texts: alone, or (the linker merges them) at the end of longer ones. Their number;
 * above max: too many. */
static size_t find_text(const struct dw_bytes *texts, const char *name, uint32_t *at, size_t max)
{
	size_t size = strlen(name) + 1, n = 0;
	const uint8_t *p = texts->p, *end = p + texts->n, *hit;

	while (p < end && n <= max && (hit = memmem(p, (size_t)(end - p), name, size)) != NULL) {
		if (n < max)
			at[n] = (uint32_t)(hit - texts->p);
		n++;
		p = hit + 1;
	}
	return n;
}

/* Units with these bytes somewhere. */
static void want_bytes(struct dbg_index *x, const struct dw_file *f, const void *bytes, size_t size)
{
	const struct dw_bytes *info = &f->info;
	const uint8_t *p = info->p, *end = p + info->n, *hit;

	while (p < end && (hit = memmem(p, (size_t)(end - p), bytes, size)) != NULL) {
		struct dw_unit *u = index_unit_of(x, dw_ref_make(f->id, (uint64_t)(hit - info->p)));

		p = hit + 1;
		if (!u)
			continue;
		u->wanted = true;
		p = info->p + u->end;
	}
}

/* Units whose table of texts has this offset: those with the nearest base below each entry that does. */
static void want_table_entries(struct dbg_index *x, const struct dw_bytes *table, uint32_t offset)
{
	for (size_t at = 0; at + 4 <= table->n; at += 4) {
		uint64_t base = 0;

		if (memcmp(table->p + at, &offset, 4) != 0)
			continue;
		for (size_t i = 0; i < x->n_units; i++)
			if (x->units[i].str_offsets_base <= at && x->units[i].str_offsets_base > base)
				base = x->units[i].str_offsets_base;
		for (size_t i = 0; base && i < x->n_units; i++)
			x->units[i].wanted |= x->units[i].str_offsets_base == base;
	}
}

bool index_want_name(struct dbg_index *x, const char *name)
{
	const struct dw_file *f = x->files.v[0];
	const struct dw_bytes *sections[] = {&f->str, &f->line_str};

	for (size_t i = 0; i < x->n_units; i++)
		if (x->units[i].offset_size != 4)
			return false;
	for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]); s++) {
		uint32_t at[MAX_OFFSETS];
		size_t n = sections[s]->p ? find_text(sections[s], name, at, MAX_OFFSETS) : 0;

		if (n > MAX_OFFSETS || sections[s]->n > UINT32_MAX)
			return false;
		for (size_t k = 0; k < n; k++) {
			want_bytes(x, f, &at[k], sizeof(at[k]));
			if (s == 0 && f->str_offsets.p)
				want_table_entries(x, &f->str_offsets, at[k]);
		}
	}
	want_bytes(x, f, name, strlen(name) + 1);
	return true;
}

void index_want_file(struct dbg_index *x, const char *pattern)
{
	for (size_t i = 0; i < x->n_units; i++) {
		struct dw_unit *u = &x->units[i];

		unit_file(&x->arena, u, 0);
		for (uint32_t k = 0; k < u->n_files && !u->wanted; k++)
			u->wanted = u->files[k] && dbg_match_file(pattern, u->files[k]);
	}
}
