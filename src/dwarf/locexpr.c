/* DWARF location expressions to expressions of the tree.
 *
 * The DWARF stack machine is run at translation time over trees instead of numbers: what the program
 * would compute at run time stands in the tree that is left at the end. Values on the stack are 64-bit
 * longs; typed ones (DWARF 5 DW_OP_convert and its kin) are kept extended to their type. */
#include <string.h>

#include "dwarf/query.h"
#include "object/object.h"
#include "session.h"

enum { MAX_STACK = 64, MAX_PIECES = 64, MAX_TREE = 2000, MAX_OPS = 4096 };

/* ------------------------------------------------------------------ trees */

static struct expr *context(struct dbg_query *q, enum context_kind kind)
{
	struct expr *e;

	if (++q->nodes > MAX_TREE)
		return dbg_fail(q, "too complex a location [man error::dwarf]");
	e = expr_make(q->a, EX_CONTEXT, q->tok);
	e->context = kind;
	e->type = TY_LONG;
	return e;
}

struct expr *dbg_number(struct dbg_query *q, int64_t n)
{
	return expr_number(q->a, q->tok, n);
}

struct expr *dbg_text(struct dbg_query *q, const char *s)
{
	struct expr *e = expr_make(q->a, EX_STRING, q->tok);

	e->lit = ARENA_NEW(q->a, struct literal);
	e->lit->tok = q->tok;
	e->lit->is_string = true;
	e->lit->str = e->lit->raw = s;
	e->lit->len = (uint32_t)strlen(s);
	e->type = TY_STRING;
	return e;
}

static bool is_number(const struct expr *e)
{
	return e->kind == EX_NUMBER;
}

/* Value of an operation on constants; only those that addresses need. */
static bool fold(enum op op, uint64_t x, uint64_t y, uint64_t *r)
{
	switch (op) {
	case OP_ADD:
		*r = x + y;
		return true;
	case OP_SUB:
		*r = x - y;
		return true;
	case OP_MUL:
		*r = x * y;
		return true;
	case OP_AND:
		*r = x & y;
		return true;
	case OP_OR:
		*r = x | y;
		return true;
	case OP_XOR:
		*r = x ^ y;
		return true;
	case OP_SHL:
		*r = x << (y & 63);
		return true;
	case OP_SHR:
		*r = x >> (y & 63);
		return true;
	case OP_SAR:
		*r = (uint64_t)((int64_t)x >> (y & 63));
		return true;
	default:
		return false;
	}
}

struct expr *dbg_binary(struct dbg_query *q, enum op op, struct expr *l, struct expr *r)
{
	struct expr *e;
	uint64_t n;

	if (!l || !r)
		return NULL;
	if (is_number(l) && is_number(r) &&
	    fold(op, (uint64_t)l->lit->num, (uint64_t)r->lit->num, &n))
		return dbg_number(q, (int64_t)n);
	if (is_number(r) && r->lit->num == 0 &&
	    (op == OP_ADD || op == OP_SUB || op == OP_OR || op == OP_XOR || op == OP_SHL ||
	     op == OP_SHR || op == OP_SAR))
		return l;
	if (op == OP_ADD && is_number(l) && !is_number(r))
		return dbg_binary(q, OP_ADD, r, l);
	/* (x + 8) + 16 */
	if (op == OP_ADD && is_number(r) && l->kind == EX_BINARY && l->op == OP_ADD &&
	    is_number(l->right))
		return dbg_binary(q, OP_ADD, l->left,
				  dbg_number(q, (int64_t)((uint64_t)l->right->lit->num +
							  (uint64_t)r->lit->num)));
	if (++q->nodes > MAX_TREE)
		return dbg_fail(q, "too complex a location [man error::dwarf]");
	e = expr_make(q->a, EX_BINARY, q->tok);
	e->op = op;
	e->left = l;
	e->right = r;
	e->type = TY_LONG;
	return e;
}

struct expr *dbg_read(struct dbg_query *q, struct expr *address, unsigned size, bool is_signed)
{
	struct expr *e = address ? context(q, q->m && q->m->kernel ? CTX_KREAD : CTX_READ) : NULL;

	if (e) {
		e->left = address;
		e->size = (uint8_t)size;
		e->is_signed = is_signed && size < 8;
	}
	return e;
}

struct expr *dbg_register(struct dbg_query *q, int number)
{
	struct expr *e;

	/* 0-15 are the general registers of x86-64, 16 the return address. */
	if (number < 0 || number > 16)
		return dbg_fail(q, "value in register %d, which probes cannot read [man error::dwarf]",
				number);
	if (q->callee) {
		e = dbg_callers_register(q->callee, number);
		if (!e && q->callee->why)
			dbg_fail(q, "%s", q->callee->why);
		return e;
	}
	e = context(q, CTX_REGISTER);
	if (e)
		e->number = number;
	return e;
}

struct expr *dbg_extend(struct dbg_query *q, struct expr *e, unsigned bits, bool is_signed)
{
	struct expr *n;

	if (!e || bits >= 64)
		return e;
	/* Reads are extended already. */
	if (e->kind == EX_CONTEXT && (e->context == CTX_READ || e->context == CTX_KREAD) &&
	    e->size * 8u <= bits &&
	    (e->size * 8u < bits ? !e->is_signed : e->is_signed == is_signed))
		return e;
	if (!is_signed && bits <= 32)
		return dbg_binary(q, OP_AND, e, dbg_number(q, (int64_t)((UINT64_C(1) << bits) - 1)));
	n = dbg_number(q, 64 - (int64_t)bits);
	return dbg_binary(q, is_signed ? OP_SAR : OP_SHR, dbg_binary(q, OP_SHL, e, n), n);
}

/* Nodes of a tree, up to max + 1. */
static unsigned tree_size(const struct expr *e, unsigned max)
{
	unsigned n = 1;

	if (!e)
		return 0;
	if (n <= max)
		n += tree_size(e->left, max - n);
	if (n <= max)
		n += tree_size(e->right, max - n);
	if (n <= max)
		n += tree_size(e->cond, max - n);
	return n;
}

struct expr *dbg_clone(struct dbg_query *q, const struct expr *e)
{
	if (!e)
		return NULL;
	/* "dup, plus" again and again doubles the tree each time. */
	q->nodes += tree_size(e, MAX_TREE);
	if (q->nodes > MAX_TREE)
		return dbg_fail(q, "too complex a location [man error::dwarf]");
	return expr_clone(q->a, e);
}

/* ------------------------------------------------------------------ the machine */

struct value {
	struct expr *e;
	unsigned bits; /* of its type; 0: the generic type */
	bool is_signed;
};

struct machine {
	struct dbg_query *q;
	Dwarf_Attribute *attr;
	struct value stack[MAX_STACK];
	size_t n;
	struct location last; /* what an operation that ends the expression has left */
	bool have_last;
	struct location_piece pieces[MAX_PIECES];
	size_t n_pieces;
	int depth; /* of frame bases and entry values */
};

static bool evaluate(struct machine *m, Dwarf_Op *ops, size_t n);

static bool push(struct machine *m, struct expr *e)
{
	if (!e)
		return false;
	if (m->n == MAX_STACK)
		return dbg_fail(m->q, "damaged location expression [man error::dwarf]");
	m->stack[m->n++] = (struct value){.e = e};
	return true;
}

static bool need(struct machine *m, size_t n)
{
	if (m->n < n)
		return dbg_fail(m->q, "damaged location expression [man error::dwarf]");
	return true;
}

static bool unsupported(struct machine *m, const char *what)
{
	return dbg_fail(m->q, "location uses %s, which is not supported [man error::dwarf]", what);
}

/* Base type of a typed operation. die offset 0: generic. */
static bool value_type(struct machine *m, const Dwarf_Op *op, unsigned *bits, bool *is_signed)
{
	struct dbg_type t = {.stars = 0};
	unsigned encoding;
	uint64_t size;

	*bits = 0;
	*is_signed = true;
	if (!m->attr || dwarf_getlocation_die(m->attr, op, &t.die) != 0)
		return unsupported(m, "a type that is missing");
	if (dwarf_tag(&t.die) != DW_TAG_base_type)
		return true; /* "convert 0": the unit's own DIE */
	encoding = dbg_encoding(&t);
	size = dbg_size(m->q, t);
	if (encoding == DW_ATE_float || encoding == DW_ATE_complex_float || size < 1 || size > 8)
		return unsupported(m, "floating point");
	*bits = (unsigned)size * 8;
	*is_signed = dbg_is_signed(&t);
	return true;
}

static bool binary(struct machine *m, enum op op)
{
	struct value *a, *b;
	struct expr *e;

	if (!need(m, 2))
		return false;
	a = &m->stack[m->n - 2];
	b = &m->stack[m->n - 1];
	/* An unsigned type shifts zeros in. */
	if (op == OP_SAR && a->bits && !a->is_signed)
		op = OP_SHR;
	if ((op == OP_DIV || op == OP_MOD) && a->bits == 64 && !a->is_signed)
		return unsupported(m, "an unsigned division");
	e = dbg_binary(m->q, op, a->e, b->e);
	a->e = a->bits ? dbg_extend(m->q, e, a->bits, a->is_signed) : e;
	m->n--;
	return a->e != NULL;
}

/* gcc's remainder is that of unsigned numbers, as gdb has it; clang uses it for signed ones. */
static bool is_clang(struct dbg_query *q)
{
	Dwarf_Die cu, scope = q->at->scope;
	Dwarf_Attribute attr;
	const char *producer = NULL;

	if (scope.addr && dwarf_diecu(&scope, &cu, NULL, NULL) && dwarf_attr_integrate(&cu, DW_AT_producer, &attr))
		producer = dwarf_formstring(&attr);
	return producer && strstr(producer, "clang");
}

static bool unsigned_remainder(struct machine *m)
{
	struct dbg_query *q = m->q;
	struct expr *x, *y, *half;

	if (!need(m, 2))
		return false;
	x = m->stack[m->n - 2].e;
	y = m->stack[m->n - 1].e;
	if (!is_number(y) || y->lit->num < 1 || y->lit->num > INT64_C(1) << 62)
		return unsupported(m, "an unsigned remainder");
	/* x is twice its half, and one bit. */
	half = dbg_binary(q, OP_MOD, dbg_binary(q, OP_SHR, x, dbg_number(q, 1)), y);
	half = dbg_binary(q, OP_ADD, dbg_binary(q, OP_SHL, half, dbg_number(q, 1)),
			  dbg_binary(q, OP_AND, dbg_clone(q, x), dbg_number(q, 1)));
	m->stack[--m->n - 1].e = dbg_binary(q, OP_MOD, half, dbg_clone(q, y));
	return m->stack[m->n - 1].e != NULL;
}

static struct expr *unary_expr(struct machine *m, enum op op, struct expr *l)
{
	struct expr *e = expr_make(m->q->a, EX_UNARY, m->q->tok);

	e->op = op;
	e->left = l;
	e->type = TY_LONG;
	m->q->nodes++;
	return e;
}

struct expr *dbg_compare(struct dbg_query *q, enum op op, struct expr *l, struct expr *r)
{
	struct expr *e;

	if (!l || !r)
		return NULL;
	e = expr_make(q->a, EX_COMPARE, q->tok);
	e->op = op;
	e->left = l;
	e->right = r;
	e->type = TY_LONG;
	q->nodes++;
	return e;
}

static bool compare(struct machine *m, enum op op)
{
	if (!need(m, 2))
		return false;
	m->n -= 2;
	return push(m, dbg_compare(m->q, op, m->stack[m->n].e, m->stack[m->n + 1].e));
}

static bool frame_base(struct machine *m, struct expr **out)
{
	struct dbg_query *q = m->q;
	struct machine base = {.q = q, .depth = m->depth + 1};
	Dwarf_Attribute attr;
	Dwarf_Die function;
	Dwarf_Op *ops;
	size_t n;

	if (m->depth > 4)
		return unsupported(m, "a circular frame base");
	if (!dbg_function(q, &function) || !dwarf_attr_integrate(&function, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, dbg_pc(q), &ops, &n, 1) != 1)
		return dbg_fail(q, "no frame base at this address (pc: 0x%llx) [man error::dwarf]",
				(unsigned long long)q->at->pc);
	base.attr = &attr;
	if (!evaluate(&base, ops, n))
		return false;
	if (base.have_last && base.last.kind == LOC_REGISTER)
		*out = dbg_register(q, base.last.reg);
	else if (base.have_last && base.last.kind == LOC_VALUE)
		*out = base.last.e;
	else if (!base.have_last && base.n)
		*out = base.stack[base.n - 1].e;
	else
		return unsupported(m, "this kind of frame base");
	return *out != NULL;
}

static bool not_accessible(struct dbg_query *q)
{
	return dbg_fail(q, "not accessible at this address (pc: 0x%llx) [man error::dwarf]",
			(unsigned long long)q->at->pc);
}

/* A value at the entry of the function: known there, else the caller may tell. */
static bool entry_value(struct machine *m, Dwarf_Op *op)
{
	struct dbg_query *q = m->q;
	struct machine inner = {.q = q, .depth = m->depth + 1};
	Dwarf_Attribute attr;
	Dwarf_Addr entry;
	Dwarf_Die function;
	struct expr *e;
	Dwarf_Op *ops;
	size_t n;

	if (m->depth > 4 || !m->attr || !dbg_function(q, &function) || !dbg_entry_pc(&function, &entry) ||
	    q->at->is_return)
		return not_accessible(q);
	if (dwarf_getlocation_attr(m->attr, op, &attr) != 0 ||
	    dwarf_getlocation(&attr, &ops, &n) != 0)
		return unsupported(m, "a damaged entry value");
	if (entry != dbg_pc(q) || q->callee) {
		if (n != 1 || ops[0].atom < DW_OP_reg0 || ops[0].atom > DW_OP_reg15)
			return not_accessible(q);
		e = dbg_entry_value(q, ops[0].atom - DW_OP_reg0, NULL);
		return e ? push(m, e) : not_accessible(q);
	}
	inner.attr = &attr;
	if (!evaluate(&inner, ops, n))
		return false;
	if (inner.have_last && inner.last.kind == LOC_REGISTER)
		return push(m, dbg_register(q, inner.last.reg));
	if (!inner.have_last && inner.n)
		return push(m, inner.stack[inner.n - 1].e);
	return unsupported(m, "this kind of entry value");
}

/* What was passed for a parameter that the compiler has removed. */
static bool removed_parameter(struct machine *m, Dwarf_Op *op)
{
	Dwarf_Die parameter;
	struct expr *e;

	if (!m->attr || dwarf_getlocation_die(m->attr, op, &parameter) != 0)
		return unsupported(m, "a damaged parameter");
	e = dbg_entry_value(m->q, 0, &parameter);
	return e ? push(m, e) : not_accessible(m->q);
}

static bool address_attr(struct machine *m, Dwarf_Op *op, uint64_t *out)
{
	Dwarf_Attribute attr;
	Dwarf_Addr addr;
	Dwarf_Word word;

	if (!m->attr || dwarf_getlocation_attr(m->attr, op, &attr) != 0)
		return false;
	if (dwarf_formaddr(&attr, &addr) == 0) {
		*out = addr;
		return true;
	}
	if (dwarf_formudata(&attr, &word) == 0) {
		*out = word;
		return true;
	}
	return false;
}

struct expr *dbg_bias(struct dbg_query *q)
{
	if (q->m->kernel)
		return dbg_number(q, (int64_t)q->m->bias);
	return q->foreign ? dbg_foreign_bias(q) : context(q, CTX_BIAS);
}

struct expr *dbg_address_of(struct dbg_query *q, uint64_t address)
{
	GElf_Ehdr header;

	address += q->m->dwarf_bias - q->m->elf_bias;
	if (q->m->kernel && (int64_t)address >= 0)
		return dbg_fail(q, "a variable of each CPU, or gone since the start: it cannot be read");
	if (q->m->kernel) {
		q->s->kernel_address = "a variable of the kernel";
		return dbg_number(q, (int64_t)(address + q->m->bias));
	}
	/* At a fixed address: elsewhere that is another program's. */
	if (!q->foreign && gelf_getehdr(q->m->elf, &header) && header.e_type != ET_DYN)
		return dbg_number(q, (int64_t)address);
	return dbg_binary(q, OP_ADD, dbg_bias(q), dbg_number(q, (int64_t)address));
}

static void set_last(struct machine *m, const struct location *l)
{
	m->last = *l;
	m->have_last = true;
}

static bool end_piece(struct machine *m, uint64_t bits, uint64_t skip)
{
	struct location_piece *p;

	if (m->n_pieces == MAX_PIECES || bits > 1 << 23 || skip > 1 << 23)
		return dbg_fail(m->q, "damaged location expression [man error::dwarf]");
	p = &m->pieces[m->n_pieces++];
	memset(p, 0, sizeof(*p));
	p->bits = bits;
	p->skip = skip;
	if (m->have_last)
		p->loc = m->last;
	else if (m->n)
		p->loc = (struct location){.kind = LOC_ADDRESS, .e = m->stack[m->n - 1].e};
	else
		p->loc.kind = LOC_LOST;
	m->have_last = false;
	m->n = 0;
	return true;
}

/* One operation that works on values only; *done: it was one. */
static bool arithmetic(struct machine *m, const Dwarf_Op *op, bool *done)
{
	struct dbg_query *q = m->q;
	struct value v;
	size_t k;

	*done = true;
	switch (op->atom) {
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(m, dbg_number(q, (int64_t)op->number));
	case DW_OP_lit0 ... DW_OP_lit31:
		return push(m, dbg_number(q, op->atom - DW_OP_lit0));
	case DW_OP_dup:
	case DW_OP_over:
	case DW_OP_pick:
		k = op->atom == DW_OP_dup ? 0 : op->atom == DW_OP_over ? 1 : op->number;
		if (!need(m, 1) || !need(m, k < MAX_STACK ? k + 1 : MAX_STACK + 1))
			return false;
		v = m->stack[m->n - 1 - k];
		if (!push(m, dbg_clone(q, v.e)))
			return false;
		m->stack[m->n - 1].bits = v.bits;
		m->stack[m->n - 1].is_signed = v.is_signed;
		return true;
	case DW_OP_drop:
		if (!need(m, 1))
			return false;
		m->n--;
		return true;
	case DW_OP_swap:
		if (!need(m, 2))
			return false;
		v = m->stack[m->n - 1];
		m->stack[m->n - 1] = m->stack[m->n - 2];
		m->stack[m->n - 2] = v;
		return true;
	case DW_OP_rot:
		if (!need(m, 3))
			return false;
		v = m->stack[m->n - 1];
		m->stack[m->n - 1] = m->stack[m->n - 2];
		m->stack[m->n - 2] = m->stack[m->n - 3];
		m->stack[m->n - 3] = v;
		return true;
	case DW_OP_plus:
		return binary(m, OP_ADD);
	case DW_OP_minus:
		return binary(m, OP_SUB);
	case DW_OP_mul:
		return binary(m, OP_MUL);
	case DW_OP_div:
		return binary(m, OP_DIV);
	case DW_OP_mod:
		return need(m, 2) && !m->stack[m->n - 2].bits && !is_clang(q) ? unsigned_remainder(m)
									      : binary(m, OP_MOD);
	case DW_OP_and:
		return binary(m, OP_AND);
	case DW_OP_or:
		return binary(m, OP_OR);
	case DW_OP_xor:
		return binary(m, OP_XOR);
	case DW_OP_shl:
		return binary(m, OP_SHL);
	case DW_OP_shr:
		return binary(m, OP_SHR);
	case DW_OP_shra:
		return binary(m, OP_SAR);
	case DW_OP_eq:
		return compare(m, OP_EQ);
	case DW_OP_ne:
		return compare(m, OP_NE);
	case DW_OP_lt:
		return compare(m, OP_LT);
	case DW_OP_le:
		return compare(m, OP_LE);
	case DW_OP_gt:
		return compare(m, OP_GT);
	case DW_OP_ge:
		return compare(m, OP_GE);
	case DW_OP_plus_uconst:
		return push(m, dbg_number(q, (int64_t)op->number)) && binary(m, OP_ADD);
	case DW_OP_neg:
	case DW_OP_not:
		if (!need(m, 1))
			return false;
		m->stack[m->n - 1].e = unary_expr(m, op->atom == DW_OP_neg ? OP_NEG : OP_INVERT,
						  m->stack[m->n - 1].e);
		return true;
	case DW_OP_deref:
	case DW_OP_deref_size:
		k = op->atom == DW_OP_deref ? 8 : op->number;
		if (!need(m, 1))
			return false;
		if (k != 1 && k != 2 && k != 4 && k != 8)
			return unsupported(m, "a read of odd size");
		v = m->stack[--m->n];
		return push(m, dbg_read(q, v.e, (unsigned)k, false));
	default:
		*done = false;
		return true;
	}
}

/* Operations with types: DWARF 5 and its GNU forerunners. */
static bool typed(struct machine *m, const Dwarf_Op *op, bool *done)
{
	struct dbg_query *q = m->q;
	unsigned bits;
	bool is_signed;
	struct value *top;

	*done = true;
	switch (op->atom) {
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		if (!value_type(m, op, &bits, &is_signed) ||
		    !push(m, dbg_register(q, (int)(op->number & 0xff))))
			return false;
		break;
	case DW_OP_const_type:
	case DW_OP_GNU_const_type: {
		Dwarf_Block block;
		uint64_t n = 0;

		if (!value_type(m, op, &bits, &is_signed) ||
		    dwarf_getlocation_implicit_value(m->attr, op, &block) != 0 || block.length > 8)
			return unsupported(m, "this constant");
		memcpy(&n, block.data, block.length);
		if (!push(m, dbg_number(q, (int64_t)n)))
			return false;
		break;
	}
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		if (!need(m, 1) || !value_type(m, op, &bits, &is_signed))
			return false;
		top = &m->stack[m->n - 1];
		if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
			return unsupported(m, "a read of odd size");
		top->e = dbg_read(q, top->e, bits / 8, is_signed);
		if (!top->e)
			return false;
		break;
	case DW_OP_convert:
	case DW_OP_GNU_convert:
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		if (!need(m, 1))
			return false;
		if (op->number == 0) {
			m->stack[m->n - 1].bits = 0;
			return true;
		}
		if (!value_type(m, op, &bits, &is_signed))
			return false;
		break;
	default:
		*done = false;
		return true;
	}
	top = &m->stack[m->n - 1];
	top->bits = bits;
	top->is_signed = is_signed;
	if (bits)
		top->e = dbg_extend(q, top->e, bits, is_signed);
	return top->e != NULL;
}

/* An offset in the file's block of thread-local variables to an address. */
static bool tls_address(struct machine *m)
{
	struct dbg_query *q = m->q;
	struct expr *e, *slot, *top;
	struct obj_tls tls;

	if (!need(m, 1))
		return false;
	if (!q->m->obj || !obj_tls(q->m->obj, &tls))
		return unsupported(m, "thread-local storage");
	slot = tls.kind == OBJ_TLS_PROGRAM ?
		       NULL :
		       dbg_read(q, dbg_binary(q, OP_ADD, dbg_bias(q), dbg_number(q, (int64_t)tls.slot)), 8,
				false);
	e = context(q, CTX_REGISTER);
	if (e)
		e->number = CTX_FS_BASE;
	switch (tls.kind) {
	case OBJ_TLS_PROGRAM:
		e = dbg_binary(q, OP_ADD, e, dbg_number(q, tls.offset));
		break;
	case OBJ_TLS_MODULE: /* the vector of blocks is behind the thread pointer, with 16 bytes for each */
		e = dbg_read(q, dbg_binary(q, OP_ADD, e, dbg_number(q, 8)), 8, false);
		e = dbg_read(q, dbg_binary(q, OP_ADD, e, dbg_binary(q, OP_SHL, slot, dbg_number(q, 4))), 8,
			     false);
		break;
	case OBJ_TLS_DISTANCE:
		e = dbg_binary(q, OP_ADD, e, dbg_binary(q, OP_ADD, slot, dbg_number(q, -tls.offset)));
		break;
	}
	m->n--;
	top = m->stack[m->n].e;
	/* With -gsplit-dwarf GCC writes the address in the file instead of the offset in the block. */
	if (is_number(top) && (uint64_t)top->lit->num >= tls.size && (uint64_t)top->lit->num - tls.image < tls.size)
		top = dbg_number(q, top->lit->num - (int64_t)tls.image);
	return push(m, dbg_binary(q, OP_ADD, e, top));
}

/* At the entry of a function there is nothing below its arguments yet, and the register that is the frame base is
 * not set: rbp will be 16 bytes below the frame address, rsp who knows where. */
static struct expr *frame_place(struct machine *m, int64_t offset)
{
	struct dbg_query *q = m->q;
	struct expr *base;
	Dwarf_Attribute attr;
	Dwarf_Die function;
	Dwarf_Addr entry;
	Dwarf_Op *ops;
	size_t n;

	if (!q->callee && !q->at->is_return && dbg_function(q, &function) && dbg_entry_pc(&function, &entry) &&
	    entry == dbg_pc(q) && dwarf_attr_integrate(&function, DW_AT_frame_base, &attr) &&
	    dwarf_getlocation_addr(&attr, entry, &ops, &n, 1) == 1 && n == 1) {
		if (ops[0].atom == DW_OP_reg6)
			offset -= 16;
		if ((ops[0].atom != DW_OP_reg6 && ops[0].atom != DW_OP_call_frame_cfa) || offset < 0) {
			not_accessible(q);
			return NULL;
		}
		return dbg_binary(q, OP_ADD, dbg_frame_address(q), dbg_number(q, offset));
	}
	return frame_base(m, &base) ? dbg_binary(q, OP_ADD, base, dbg_number(q, offset)) : NULL;
}

/* Operations that say where something is. */
static bool place(struct machine *m, Dwarf_Op *op)
{
	struct dbg_query *q = m->q;
	struct location l = {.kind = LOC_LOST};
	struct expr *e = NULL;
	Dwarf_Block block;
	Dwarf_Attribute attr;
	uint64_t n;

	switch (op->atom) {
	case DW_OP_addr:
		return push(m, dbg_address_of(q, op->number));
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
		if (!address_attr(m, op, &n))
			return unsupported(m, "a damaged address");
		return push(m, dbg_address_of(q, n));
	case DW_OP_constx:
	case DW_OP_GNU_const_index:
		if (!address_attr(m, op, &n))
			return unsupported(m, "a damaged constant");
		return push(m, dbg_number(q, (int64_t)n));
	case DW_OP_breg0 ... DW_OP_breg31:
		e = dbg_register(q, op->atom - DW_OP_breg0);
		return push(m, dbg_binary(q, OP_ADD, e, dbg_number(q, (int64_t)op->number)));
	case DW_OP_bregx:
		e = dbg_register(q, op->number > 255 ? 255 : (int)op->number);
		return push(m, dbg_binary(q, OP_ADD, e, dbg_number(q, (int64_t)op->number2)));
	case DW_OP_fbreg:
		return push(m, frame_place(m, (int64_t)op->number));
	case DW_OP_call_frame_cfa:
		if (m->depth > 4)
			return unsupported(m, "a circular frame address");
		return push(m, dbg_frame_address(q));
	case DW_OP_reg0 ... DW_OP_reg31:
		l.kind = LOC_REGISTER;
		l.reg = op->atom - DW_OP_reg0;
		break;
	case DW_OP_regx:
		l.kind = LOC_REGISTER;
		l.reg = op->number > 255 ? 255 : (int)op->number;
		break;
	case DW_OP_stack_value:
		if (!need(m, 1))
			return false;
		l.kind = LOC_VALUE;
		l.e = m->stack[--m->n].e;
		break;
	case DW_OP_implicit_value:
		if (!m->attr || dwarf_getlocation_implicit_value(m->attr, op, &block) != 0)
			return unsupported(m, "a damaged constant");
		l.kind = LOC_BYTES;
		l.bytes = block.data;
		l.n_bytes = block.length;
		break;
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		if (!m->attr || dwarf_getlocation_die(m->attr, op, &l.target) != 0)
			return unsupported(m, "a damaged pointer");
		l.kind = LOC_POINTER;
		l.offset = (int64_t)op->number2;
		break;
	case DW_OP_piece:
		return end_piece(m, op->number > 1 << 20 ? UINT64_MAX : op->number * 8, 0);
	case DW_OP_bit_piece:
		return end_piece(m, op->number, op->number2);
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		return entry_value(m, op);
	case DW_OP_GNU_parameter_ref:
		return removed_parameter(m, op);
	case DW_OP_form_tls_address:
	case DW_OP_GNU_push_tls_address:
		return tls_address(m);
	case DW_OP_nop:
	case DW_OP_GNU_uninit:
		return true;
	case DW_OP_GNU_variable_value:
		if (!m->attr || dwarf_getlocation_attr(m->attr, op, &attr) != 0)
			return unsupported(m, "the value of a variable");
		/* fallthrough */
	default:
		return dbg_fail(q, "unhandled DWARF operation 0x%x [man error::dwarf]", op->atom);
	}
	set_last(m, &l);
	return true;
}

static bool evaluate(struct machine *m, Dwarf_Op *ops, size_t n)
{
	if (n > MAX_OPS)
		return dbg_fail(m->q, "too complex a location [man error::dwarf]");
	for (size_t i = 0; i < n; i++) {
		bool done;

		if (!arithmetic(m, &ops[i], &done))
			return false;
		if (!done && !typed(m, &ops[i], &done))
			return false;
		if (!done && !place(m, &ops[i]))
			return false;
	}
	return true;
}

struct expr *dbg_virtual_base(struct dbg_query *q, const Dwarf_Die *inheritance, struct expr *object)
{
	Dwarf_Attribute attr;
	struct machine m = {.q = q, .attr = &attr};
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr_integrate((Dwarf_Die *)inheritance, DW_AT_data_member_location, &attr) ||
	    dwarf_getlocation(&attr, &ops, &n) != 0)
		return dbg_fail(q, "damaged virtual base [man error::dwarf]");
	if (!push(&m, object) || !evaluate(&m, ops, n))
		return NULL;
	if (m.have_last || !m.n)
		return dbg_fail(q, "damaged virtual base [man error::dwarf]");
	return m.stack[m.n - 1].e;
}

bool dbg_evaluate(struct dbg_query *q, Dwarf_Attribute *attr, Dwarf_Op *ops, size_t n,
		  struct location *out)
{
	struct machine m = {.q = q, .attr = attr};

	memset(out, 0, sizeof(*out));
	if (!evaluate(&m, ops, n))
		return false;
	if (m.n_pieces) {
		out->kind = LOC_PIECES;
		out->n_pieces = m.n_pieces;
		out->pieces = ARENA_ARRAY(q->a, struct location_piece, m.n_pieces);
		memcpy(out->pieces, m.pieces, m.n_pieces * sizeof(m.pieces[0]));
		/* One piece that is all of it. Others may be less than the object. */
		if (m.n_pieces == 1 && m.pieces[0].loc.kind == LOC_POINTER && m.pieces[0].bits == 64)
			*out = m.pieces[0].loc;
		return true;
	}
	if (m.have_last) {
		*out = m.last;
		return true;
	}
	if (!m.n)
		return dbg_fail(q, "not accessible at this address (pc: 0x%llx) [man error::dwarf]",
				(unsigned long long)q->at->pc);
	out->kind = LOC_ADDRESS;
	out->e = m.stack[m.n - 1].e;
	return true;
}
