/* Reads the bytes of a section in order. A read never passes the end: at the end it gives 0, and
 * the reader stays there. */
#ifndef DWARF_CURSOR_H
#define DWARF_CURSOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *p, *end;
};

/* DWARF 5, 7.6: an unsigned LEB128 number. Bits behind the 64th are dropped. */
static inline uint64_t cursor_uleb(struct cursor *c)
{
	uint64_t v = 0;
	unsigned shift = 0;

	while (c->p < c->end) {
		uint8_t b = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (!(b & 0x80))
			return v;
	}
	return v;
}

/* DWARF 5, 7.6: a signed LEB128 number. */
static inline int64_t cursor_sleb(struct cursor *c)
{
	uint64_t v = 0;
	unsigned shift = 0;

	while (c->p < c->end) {
		uint8_t b = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (!(b & 0x80)) {
			if (shift < 64 && (b & 0x40))
				v |= ~0ull << shift;
			break;
		}
	}
	return (int64_t)v;
}

/* A number of n (up to 8) bytes in the machine's order; 0 at the end of the data when it has fewer.
 */
static inline uint64_t cursor_fixed(struct cursor *c, unsigned n)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->p) < n) {
		c->p = c->end;
		return 0;
	}
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		memcpy(&v, c->p, n);
	else
		for (unsigned i = 0; i < n; i++)
			v = v << 8 | c->p[i];
	c->p += n;
	return v;
}

/* Moves n bytes on, or to the end. */
static inline void cursor_skip(struct cursor *c, uint64_t n)
{
	c->p = n > (uint64_t)(c->end - c->p) ? c->end : c->p + n;
}

#endif
