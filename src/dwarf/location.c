/* Where a variable is at a place, and how its bits get out of there. */
#include <stdlib.h>
#include <string.h>

#include "dwarf/query.h"
#include "session.h"

Dwarf_Addr dbg_pc(const struct dbg_query *q)
{
	const struct dbg_module *m = q->at->module;

	return m ? q->at->pc + m->elf_bias - m->dwarf_bias : 0;
}

static Dwarf_Frame *frame_by(struct dbg_query *q, Dwarf_CFI *cfi, Dwarf_Addr bias)
{
	Dwarf_Frame *frame = NULL;

	return cfi && dwarf_cfi_addrframe(cfi, q->at->pc + q->at->module->elf_bias - bias, &frame) == 0 ?
		       frame :
		       NULL;
}

Dwarf_Frame *dbg_frame(struct dbg_query *q)
{
	Dwfl_Module *mod = q->at->module->mod;
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(mod, &bias);
	Dwarf_Frame *frame = frame_by(q, cfi, bias);

	if (frame)
		return frame;
	cfi = dwfl_module_dwarf_cfi(mod, &bias);
	return frame_by(q, cfi, bias);
}

struct expr *dbg_frame_address(struct dbg_query *q)
{
	const struct dbg_module *m = q->at->module;
	Dwarf_Frame *frame;
	struct expr *e = NULL;
	struct location l;
	Dwarf_Die function;
	Dwarf_Addr entry;
	Dwarf_Op *ops;
	size_t n;

	if (q->at->is_return || !m)
		return dbg_fail(q, "not accessible after the return [man error::dwarf]");
	if (dbg_function(q, &function) && dbg_entry_pc(&function, &entry) && entry == dbg_pc(q))
		return dbg_binary(q, OP_ADD, dbg_register(q, 7), dbg_number(q, 8));
	frame = dbg_frame(q);
	if (frame && dwarf_frame_cfa(frame, &ops, &n) == 0 && n && dbg_evaluate(q, NULL, ops, n, &l) &&
	    l.kind == LOC_ADDRESS)
		e = l.e;
	free(frame);
	if (!e)
		return dbg_fail(q, "no unwind information at 0x%llx [man error::dwarf]",
				(unsigned long long)q->at->pc);
	return e;
}

static bool constant_location(struct dbg_query *q, Dwarf_Attribute *attr, struct location *out)
{
	Dwarf_Block block;
	const char *s;
	int64_t n;

	memset(out, 0, sizeof(*out));
	switch (dwarf_whatform(attr)) {
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_exprloc:
	case DW_FORM_data16:
		if (dwarf_formblock(attr, &block) != 0)
			return false;
		out->kind = LOC_BYTES;
		out->bytes = block.data;
		out->n_bytes = block.length;
		return true;
	case DW_FORM_string:
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strx:
		s = dwarf_formstring(attr);
		if (!s)
			return false;
		out->kind = LOC_BYTES;
		out->bytes = (const uint8_t *)s;
		out->n_bytes = strlen(s) + 1;
		return true;
	default:
		if (!dbg_constant(attr, &n))
			return false;
		out->kind = LOC_VALUE;
		out->e = dbg_number(q, n);
		return true;
	}
}

bool dbg_locate(struct dbg_query *q, Dwarf_Die *var, struct location *out)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (dbg_location_at(q, var, &attr, &ops, &n))
		return dbg_evaluate(q, &attr, ops, n, out);
	if (dwarf_attr_integrate(var, DW_AT_const_value, &attr) && constant_location(q, &attr, out))
		return true;
	return dbg_fail(q, "not accessible at this address (pc: 0x%llx) [man error::dwarf]",
			(unsigned long long)q->at->pc);
}

bool dbg_has_location(struct dbg_query *q, Dwarf_Die *var)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	return dbg_location_at(q, var, &attr, &ops, &n) || dwarf_hasattr_integrate(var, DW_AT_const_value);
}

/* ------------------------------------------------------------------ bits */

static struct expr *fetch_value(struct dbg_query *q, struct expr *e, uint64_t bit, unsigned bits,
				bool is_signed)
{
	if (bit + bits > 64)
		return dbg_fail(q, "damaged location: %llu bits in a register [man error::dwarf]",
				(unsigned long long)bit + bits);
	if (bit && is_signed && bit + bits < 64)
		e = dbg_binary(q, OP_SHL, e, dbg_number(q, 64 - (int64_t)(bit + bits)));
	if (bit && is_signed)
		return dbg_binary(q, OP_SAR, e, dbg_number(q, 64 - (int64_t)bits));
	if (bit)
		e = dbg_binary(q, OP_SHR, e, dbg_number(q, (int64_t)bit));
	return dbg_extend(q, e, bits, is_signed);
}

static struct expr *fetch_memory(struct dbg_query *q, struct expr *address, uint64_t bit,
				 unsigned bits, bool is_signed, unsigned unit)
{
	uint64_t byte = bit / 8;
	unsigned shift = (unsigned)(bit % 8), size;
	struct expr *e, *high;

	/* The unit that the compiler laid the field out in: never across its end. */
	if (unit && unit <= 8 && (unit & (unit - 1)) == 0 &&
	    bit / (unit * 8) == (bit + bits - 1) / (unit * 8) && bits < unit * 8) {
		byte = bit / (unit * 8) * unit;
		shift = (unsigned)(bit - byte * 8);
		size = unit;
	} else {
		size = (shift + bits + 7) / 8;
		size = size <= 1 ? 1 : size <= 2 ? 2 : size <= 4 ? 4 : 8;
	}
	if (shift + bits > 64) {
		e = dbg_read(q, dbg_binary(q, OP_ADD, address, dbg_number(q, (int64_t)byte)), 8, false);
		high = dbg_read(q, dbg_binary(q, OP_ADD, dbg_clone(q, address),
					      dbg_number(q, (int64_t)byte + 8)),
				1, false);
		e = dbg_binary(q, OP_OR, dbg_binary(q, OP_SHR, e, dbg_number(q, shift)),
			       dbg_binary(q, OP_SHL, high, dbg_number(q, 64 - (int64_t)shift)));
		return dbg_extend(q, e, bits, is_signed);
	}
	address = dbg_binary(q, OP_ADD, address, dbg_number(q, (int64_t)byte));
	e = dbg_read(q, address, size, !shift && bits == size * 8 && is_signed);
	if (!shift && bits == size * 8)
		return e;
	return fetch_value(q, e, shift, bits, is_signed);
}

static struct expr *fetch_pieces(struct dbg_query *q, const struct location *loc, uint64_t bit,
				 unsigned bits, bool is_signed)
{
	struct expr *all = NULL;
	unsigned got = 0;

	for (size_t i = 0; i < loc->n_pieces && got < bits; i++) {
		const struct location_piece *p = &loc->pieces[i];
		unsigned here;
		struct expr *part;

		if (bit >= p->bits) {
			bit -= p->bits;
			continue;
		}
		here = bits - got;
		if (here > p->bits - bit)
			here = (unsigned)(p->bits - bit);
		part = dbg_fetch(q, &p->loc, p->skip + bit, here, here == bits && is_signed, 0);
		if (!part || here == bits)
			return part;
		part = dbg_binary(q, OP_SHL, part, dbg_number(q, got));
		all = all ? dbg_binary(q, OP_OR, all, part) : part;
		if (!all)
			return NULL;
		got += here;
		bit = 0;
	}
	if (got < bits)
		return dbg_fail(q, "not accessible at this address (pc: 0x%llx) [man error::dwarf]",
				(unsigned long long)q->at->pc);
	return dbg_extend(q, all, bits, is_signed);
}

struct expr *dbg_fetch(struct dbg_query *q, const struct location *loc, uint64_t bit_offset,
		       unsigned bits, bool is_signed, unsigned unit)
{
	uint64_t bit = bit_offset + loc->at_byte * 8, n = 0;

	if (bits < 1 || bits > 64 || bit < bit_offset || bit > UINT64_C(1) << 40)
		return dbg_fail(q, "damaged type: %u bits [man error::dwarf]", bits);
	switch (loc->kind) {
	case LOC_ADDRESS:
		return fetch_memory(q, loc->e, bit, bits, is_signed, unit);
	case LOC_REGISTER:
		return fetch_value(q, dbg_register(q, loc->reg), bit, bits, is_signed);
	case LOC_VALUE:
		return fetch_value(q, loc->e, bit, bits, is_signed);
	case LOC_BYTES:
		if (bit / 8 >= loc->n_bytes || (bit + bits + 7) / 8 > loc->n_bytes)
			return dbg_fail(q, "damaged constant [man error::dwarf]");
		for (uint64_t i = (bit + bits + 7) / 8; i-- > bit / 8;)
			n = n << 8 | loc->bytes[i];
		/* Nine bytes: the highest bits are gone, which no real constant has. */
		if (bit % 8 + bits > 64)
			return dbg_fail(q, "damaged constant [man error::dwarf]");
		return fetch_value(q, dbg_number(q, (int64_t)n), bit % 8, bits, is_signed);
	case LOC_PIECES:
		return fetch_pieces(q, loc, bit, bits, is_signed);
	case LOC_POINTER:
		return dbg_fail(q, "the pointer was optimised away; only what it points to is known "
				   "[man error::dwarf]");
	case LOC_LOST:
		break;
	}
	return dbg_fail(q, "not accessible at this address (pc: 0x%llx) [man error::dwarf]",
			(unsigned long long)q->at->pc);
}
