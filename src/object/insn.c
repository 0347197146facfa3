/* What the instruction at an address means for a probe there. See object.h. */
#include <elf.h>
#include <string.h>

#include "object/object.h"

static bool has_bytes(const struct obj *o, uint64_t pc, const uint8_t *bytes, size_t n)
{
	size_t have = n;
	const uint8_t *p = obj_at(o, pc, &have);

	return p && have == n && memcmp(p, bytes, n) == 0;
}

bool obj_place_probe(const struct obj *o, uint64_t *pc, bool is_entry)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	static const uint8_t endbr32[] = {0xf3, 0x0f, 0x1e, 0xfb};
	static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

	if (o->machine != EM_X86_64 && o->machine != EM_386)
		return true;
	/* The kernel has to step over endbr; the instruction behind it is often one (push) that it
	 * can emulate: a quarter of the time. Nothing can jump there, a call lands on endbr. */
	if (is_entry && (has_bytes(o, *pc, endbr64, 4) || has_bytes(o, *pc, endbr32, 4))) {
		*pc += 4;
		return true;
	}
	/* Since 6.18 a probe there becomes a call, which overwrites the red zone of the function. */
	return is_entry || o->machine != EM_X86_64 || !has_bytes(o, *pc, nop5, 5);
}

/* x86: those with a lock or segment prefix (atomics), of AVX-512, some of AVX (libc has many). */
bool obj_doubtful_place(const struct obj *o, uint64_t pc)
{
	size_t n = 15;
	const uint8_t *p;

	if (o->machine != EM_X86_64 && o->machine != EM_386)
		return false;
	p = obj_at(o, pc, &n);
	for (size_t i = 0; p && i < n; i++)
		switch (p[i]) {
		case 0x26: /* es */
		case 0x2e: /* cs */
		case 0x36: /* ss */
		case 0x3e: /* ds */
		case 0xf0: /* lock */
			return true;
		case 0x62: /* EVEX, VEX; in 32-bit code also "bound", "les", "lds", which nobody uses */
		case 0xc4:
		case 0xc5:
			return true;
		case 0x66:
		case 0x67:
		case 0xf2:
		case 0xf3:
			continue;
		default:
			return false;
		}
	return false;
}
