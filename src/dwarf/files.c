/* File names of a unit: the header of its line table (DWARF 2 to 5). See index.h.
 *
 * The rows of the table are libdw's business (lines.c); names alone would make it decode them. */
#include <dwarf.h>
#include <string.h>

#include "base/arena.h"
#include "dwarf/cursor.h"
#include "dwarf/index.h"

enum { MAX_FORMATS = 16, MAX_FILES = 1 << 20 };

static const char *inline_text(struct cursor *c)
{
	const uint8_t *nul = memchr(c->p, 0, (size_t)(c->end - c->p));
	const char *s = (const char *)c->p;

	c->p = nul ? nul + 1 : c->end;
	return nul ? s : "";
}

static const char *section_text(const struct dw_bytes *b, uint64_t offset)
{
	return offset < b->n ? (const char *)b->p + offset : "";
}

struct entry {
	const char *name;
	uint64_t dir;
};

/* One directory or file of a version 5 table; false: nothing sensible follows. */
static bool read_entry(struct cursor *c, const struct dw_unit *u, unsigned offset_size,
		       const uint64_t (*formats)[2], unsigned n, struct entry *e)
{
	*e = (struct entry){"", 0};
	for (unsigned i = 0; i < n; i++) {
		const char *text = NULL;
		uint64_t v = 0;

		switch (formats[i][1]) {
		case DW_FORM_string:
			text = inline_text(c);
			break;
		case DW_FORM_line_strp:
			text = section_text(&u->file->line_str, cursor_fixed(c, offset_size));
			break;
		case DW_FORM_strp:
			text = section_text(&u->file->str, cursor_fixed(c, offset_size));
			break;
		case DW_FORM_udata:
			v = cursor_uleb(c);
			break;
		case DW_FORM_data1:
			v = cursor_fixed(c, 1);
			break;
		case DW_FORM_data2:
			v = cursor_fixed(c, 2);
			break;
		case DW_FORM_data4:
			v = cursor_fixed(c, 4);
			break;
		case DW_FORM_data8:
			v = cursor_fixed(c, 8);
			break;
		case DW_FORM_data16:
			c->p = c->end - c->p < 16 ? c->end : c->p + 16;
			break;
		case DW_FORM_block:
			v = cursor_uleb(c);
			c->p = v > (uint64_t)(c->end - c->p) ? c->end : c->p + v;
			break;
		default:
			return false;
		}
		if (formats[i][0] == DW_LNCT_path && text)
			e->name = text;
		else if (formats[i][0] == DW_LNCT_directory_index)
			e->dir = v;
	}
	return true;
}

static unsigned read_formats(struct cursor *c, uint64_t (*formats)[2])
{
	unsigned n = (unsigned)cursor_fixed(c, 1), kept = 0;

	while (n--) {
		uint64_t content = cursor_uleb(c), form = cursor_uleb(c);

		if (kept < MAX_FORMATS) {
			formats[kept][0] = content;
			formats[kept++][1] = form;
		}
	}
	return kept;
}

/* A file name as libdw makes it: relative names behind their directory, relative directories behind the
 * compilation directory if that is an absolute one, nothing normalized. */
static const char *join(struct arena *a, const struct dw_unit *u, const char *dir, const char *name)
{
	const char *comp = u->comp_dir;

	if (*name == '/' || !dir || !*dir)
		return name;
	if (*dir == '/' || !comp || *comp != '/' || dir == comp)
		return arena_printf(a, "%s/%s", dir, name);
	return arena_printf(a, "%s/%s/%s", comp, dir, name);
}

static void read_files(struct arena *a, struct dw_unit *u)
{
	const struct dw_bytes *b = &u->file->line;
	VEC(const char *) dirs = {0}, files = {0};
	struct cursor c = {b->p + (u->stmt_list < b->n ? u->stmt_list : b->n), b->p + b->n};
	uint64_t formats[MAX_FORMATS][2], length, n;
	unsigned offset_size = 4, version, n_formats;
	struct entry e;

	length = cursor_fixed(&c, 4);
	if (length == 0xffffffff) {
		offset_size = 8;
		length = cursor_fixed(&c, 8);
	}
	if (length > (uint64_t)(c.end - c.p))
		return;
	c.end = c.p + length;
	version = (unsigned)cursor_fixed(&c, 2);
	if (version < 2 || version > 5)
		return;
	if (version >= 5)
		cursor_fixed(&c, 2); /* sizes of addresses and selectors */
	cursor_fixed(&c, offset_size);
	cursor_fixed(&c, version >= 4 ? 5 : 4); /* instruction length ... line range */
	n = cursor_fixed(&c, 1);
	c.p = n && n - 1 < (uint64_t)(c.end - c.p) ? c.p + n - 1 : c.end; /* opcode lengths */
	if (version < 5) {
		vec_push(&dirs, a, u->comp_dir);
		while (c.p < c.end && *c.p && dirs.n < MAX_FILES)
			vec_push(&dirs, a, inline_text(&c));
		cursor_fixed(&c, 1);
		vec_push(&files, a, NULL);
		while (c.p < c.end && *c.p && files.n < MAX_FILES) {
			e.name = inline_text(&c);
			e.dir = cursor_uleb(&c);
			cursor_uleb(&c);
			cursor_uleb(&c);
			vec_push(&files, a,
				 join(a, u, e.dir < dirs.n ? dirs.v[e.dir] : NULL, e.name));
		}
	} else {
		n_formats = read_formats(&c, formats);
		for (n = cursor_uleb(&c); n && c.p < c.end && dirs.n < MAX_FILES; n--) {
			if (!read_entry(&c, u, offset_size, formats, n_formats, &e))
				return;
			vec_push(&dirs, a, e.name);
		}
		n_formats = read_formats(&c, formats);
		for (n = cursor_uleb(&c); n && c.p < c.end && files.n < MAX_FILES; n--) {
			if (!read_entry(&c, u, offset_size, formats, n_formats, &e))
				break;
			vec_push(&files, a,
				 join(a, u, e.dir < dirs.n ? dirs.v[e.dir] : NULL, e.name));
		}
	}
	u->files = files.v;
	u->n_files = (uint32_t)files.n;
}

const char *unit_file(struct arena *a, struct dw_unit *u, uint32_t n)
{
	if (!u->files_read) {
		u->files_read = true;
		if (u->stmt_list != UINT64_MAX)
			read_files(a, u);
	}
	return n < u->n_files ? u->files[n] : NULL;
}
