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

/* Opcodes that the kernel does not step over: those of 64-bit mode that do not exist, ports,
 * interrupts, far calls. It looks up the opcodes of AVX in the same list, though they mean other
 * things there (found by trying all opcodes with 6.18). */
static bool is_refused(uint8_t opcode, bool is64, bool is_vector)
{
	static const uint8_t both[] = {0x6c, 0x6d, 0x6e, 0x6f, 0xcc, 0xcd, 0xcf, 0xe4, 0xe5, 0xe6,
				       0xe7, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb};
	static const uint8_t long_mode[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27,
					    0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce,
					    0xd4, 0xd5, 0xd6, 0xea};

	return memchr(both, opcode, sizeof(both)) ||
	       (is64 && (memchr(long_mode, opcode, sizeof(long_mode)) ||
			 (opcode == 0x62 && is_vector)));
}

bool obj_refused_place(const struct obj *o, uint64_t pc)
{
	bool is64 = o->machine == EM_X86_64;
	size_t n = 15, i = 0;
	const uint8_t *p;

	if (!is64 && o->machine != EM_386)
		return false;
	p = obj_at(o, pc, &n);
	for (; p && i < n; i++)
		switch (p[i]) {
		case 0x26: /* es */
		case 0x2e: /* cs */
		case 0x36: /* ss */
		case 0x3e: /* ds */
		case 0xf0: /* lock */
			return true;
		case 0x64:
		case 0x65:
		case 0x66:
		case 0x67:
		case 0xf2:
		case 0xf3:
			continue;
		default:
			if (is64 && (p[i] & 0xf0) == 0x40) /* REX */
				continue;
			/* VEX of two and three bytes, EVEX; in 32-bit code the byte behind tells them
			 * from lds, les and bound. */
			if (i + 4 < n && (is64 || p[i + 1] >= 0xc0)) {
				if (p[i] == 0xc5)
					return is_refused(p[i + 2], is64, true);
				if (p[i] == 0xc4)
					return is_refused(p[i + 3], is64, true);
				if (p[i] == 0x62)
					return is_refused(p[i + 4], is64, true);
			}
			return is_refused(p[i], is64, false);
		}
	return false;
}

/* Bytes are looked at without knowing where instructions begin: a call is never missed. */
bool obj_may_call(const struct obj *o, uint64_t pc, uint64_t size)
{
	size_t n = size;
	const uint8_t *p;

	if (o->machine != EM_X86_64 && o->machine != EM_386)
		return true;
	p = obj_at(o, pc, &n);
	for (size_t i = 0; p && i + 1 < n; i++) {
		if ((p[i] == 0xe8 || p[i] == 0xe9) && i + 5 <= n) { /* call, jmp */
			int64_t distance = (int32_t)obj_u32(p + i + 1);
			uint64_t to = pc + i + 5 + (uint64_t)distance;

			if (obj_executable_at(o, to) && (p[i] == 0xe8 || to - pc >= size))
				return true;
		}
		/* call and jmp through a register or memory */
		if (p[i] == 0xff && ((p[i + 1] >> 3 & 7) == 2 || (p[i + 1] >> 3 & 7) == 4))
			return true;
	}
	return false;
}

#ifdef TAPIR_TEST
#include "base/test.h"

static bool refused(uint16_t machine, const char *code, size_t n)
{
	struct obj_segment text = {.type = PT_LOAD, .flags = PF_X, .filesz = n, .memsz = n};
	struct obj o = {.data = (const uint8_t *)code, .size = n, .machine = machine,
			.segments = &text, .n_segments = 1};

	return obj_refused_place(&o, 0);
}

#define REFUSED(machine, code) refused(machine, code "\0\0\0\0\0\0\0\0", sizeof(code) + 7)

TEST(insn_refused)
{
	CHECK(REFUSED(EM_X86_64, "\xf0\x0f\xb1\x0f"));		/* lock cmpxchg */
	CHECK(REFUSED(EM_X86_64, "\x66\x2e\x0f\x1f\x84"));	/* nopw %cs: */
	CHECK(REFUSED(EM_X86_64, "\x3e\xff\xe0"));		/* notrack jmp */
	CHECK(REFUSED(EM_X86_64, "\xc5\xf9\x6e\xc6"));		/* vmovd */
	CHECK(REFUSED(EM_X86_64, "\xc5\xf9\xef\xc0"));		/* vpxor */
	CHECK(REFUSED(EM_X86_64, "\x62\xe1\xfe\x48\x6f\x07"));	/* vmovdqu64 */
	CHECK(REFUSED(EM_X86_64, "\xf4"));			/* hlt */
	CHECK(REFUSED(EM_386, "\xf0\x0f\xb1\x0f"));
	CHECK(!REFUSED(EM_X86_64, "\x55"));			/* push */
	CHECK(!REFUSED(EM_X86_64, "\xf3\x0f\x1e\xfa"));		/* endbr64 */
	CHECK(!REFUSED(EM_X86_64, "\xf3\xa4"));			/* rep movsb */
	CHECK(!REFUSED(EM_X86_64, "\x64\x48\x8b\x04\x25"));	/* mov %fs: */
	CHECK(!REFUSED(EM_X86_64, "\x66\x0f\x1f\x44"));		/* nopw */
	CHECK(!REFUSED(EM_X86_64, "\x66\x0f\xef\xc0"));		/* pxor */
	CHECK(!REFUSED(EM_X86_64, "\xc5\xf8\x77"));		/* vzeroupper */
	CHECK(!REFUSED(EM_X86_64, "\xc5\xfe\x7f\x07"));		/* vmovdqu to memory */
	CHECK(!REFUSED(EM_386, "\x27"));			/* daa */
	CHECK(!REFUSED(EM_386, "\xc5\x06\xef\x00"));		/* lds */
}
#endif
