/* Common sub-expressions inside blocks: what has been computed already becomes a copy.
 *
 * Values are named by a register and how often it had been assigned, or by a constant; an
 * expression is an operation over such names. Reads of a global are expressions too, with the
 * number of writes to the global so far; a scalar that has just been stored is known. Whether the
 * copies are worth keeping is for opt_fold.c and opt_dce.c to decide.
 *
 * An operation that may fail is merged as well: if the first had failed we should not be here. */
#include "ir/ir.h"
#include "ir/passes.h"
#include "base/map.h"
#include "rt/intrinsic.h"

/* A value: constant, or register at a version. */
struct name {
	ir_ref ref;
	uint32_t version;
};

struct entry {
	uint32_t stamp; /* block + 1; another: free */
	uint32_t hash;
	uint8_t op;
	uint16_t n_args;
	uint32_t imm, memory;
	uint32_t first_name; /* names.v[first_name ...], n_args of them */
	struct name result;
};

struct cse {
	struct ir_module *m;
	struct ir_fn *f;
	struct arena scratch;
	uint32_t stamp;
	uint32_t *versions; /* by register: assignments so far */
	struct name *same_as;	/* by register: its value's first name if same_stamp matches */
	uint32_t *same_stamp;
	uint32_t *writes;   /* by global: writes so far */
	uint32_t calls;	    /* script functions write any global */
	struct entry *table;
	uint32_t mask;
	VEC(struct name) names; /* of the current block's entries */
};

static struct name current(const struct cse *c, ir_ref r)
{
	struct name n = {r, ir_is_reg(r) ? c->versions[IR_INDEX(r)] : 0};

	return n;
}

/* The first name of the value r has now. */
static struct name canonical(const struct cse *c, ir_ref r)
{
	if (ir_is_reg(r) && c->same_stamp[IR_INDEX(r)] == c->stamp)
		return c->same_as[IR_INDEX(r)];
	return current(c, r);
}

/* ------------------------------------------------------------------ which operations */

static bool reads_global(int op)
{
	switch (op) {
	case IR_LOAD:
	case IR_TGET:
	case IR_TIN:
	case IR_TINS:
	case IR_SGET:
	case IR_SBUCKET:
	case IR_SPRINTH:
		return true;
	default:
		return false;
	}
}

static bool can_merge(const struct ir_ins *i)
{
	if (!i->dst || i->op == IR_MOV)
		return false;
	if (i->op == IR_RT)
		return intrinsic_by_number(i->imm)->flags & (INTR_PURE | INTR_STABLE);
	/* Memory of what is traced: one handler run sees one state of it. */
	return ir_ops[i->op].pure || reads_global(i->op) || i->op == IR_UREAD || i->op == IR_KREAD;
}

static bool commutes(int op)
{
	switch (op) {
	case IR_ADD:
	case IR_MUL:
	case IR_AND:
	case IR_OR:
	case IR_XOR:
	case IR_EQ:
	case IR_NE:
	case IR_SEQ:
	case IR_SNE:
		return true;
	default:
		return false;
	}
}

/* ------------------------------------------------------------------ the table */

static bool name_less(struct name a, struct name b)
{
	return a.ref != b.ref ? a.ref < b.ref : a.version < b.version;
}

/* Appends the operands' names; the caller takes them back if the expression is known. */
static void push_names(struct cse *c, const struct ir_ins *i)
{
	const ir_ref *args = ir_args(c->f, i);
	size_t first = c->names.n;

	for (unsigned k = 0; k < i->n_args; k++)
		vec_push(&c->names, &c->scratch, canonical(c, args[k]));
	if (commutes(i->op) && name_less(c->names.v[first + 1], c->names.v[first])) {
		struct name t = c->names.v[first];

		c->names.v[first] = c->names.v[first + 1];
		c->names.v[first + 1] = t;
	}
}

static uint32_t memory_of(const struct cse *c, int op, ir_ref global)
{
	return reads_global(op) ? c->writes[IR_INDEX(global)] + c->calls : 0;
}

static bool equal(const struct cse *c, const struct entry *a, const struct entry *b)
{
	return a->hash == b->hash && a->op == b->op && a->n_args == b->n_args &&
	       a->imm == b->imm && a->memory == b->memory &&
	       (a->n_args == 0 ||
		memcmp(&c->names.v[a->first_name], &c->names.v[b->first_name],
		       a->n_args * sizeof(struct name)) == 0);
}

/* The entry's place: that of an equal one, or a free one. */
static struct entry *place(struct cse *c, struct entry *e)
{
	uint32_t h = (uint32_t)e->op * 31 + e->imm * 17 + e->memory * 7;
	uint32_t slot;

	if (e->n_args)
		h ^= hash_bytes(&c->names.v[e->first_name], e->n_args * sizeof(struct name));
	e->hash = h * 2654435761u;
	slot = e->hash & c->mask;
	while (c->table[slot].stamp == c->stamp && !equal(c, &c->table[slot], e))
		slot = (slot + 1) & c->mask;
	return &c->table[slot];
}

/* The expression of an instruction, its names pushed. */
static struct entry expression(struct cse *c, const struct ir_ins *i)
{
	struct entry e = {.stamp = c->stamp,
			  .op = i->op,
			  .n_args = i->n_args,
			  .imm = i->imm,
			  .first_name = (uint32_t)c->names.n};

	e.memory = memory_of(c, i->op, i->n_args ? ir_args(c->f, i)[0] : 0);
	push_names(c, i);
	return e;
}

/* Is the known value still in its register, and does it go into dst? */
static bool usable(const struct cse *c, struct name known, ir_ref dst)
{
	return (!ir_is_reg(known.ref) || c->versions[IR_INDEX(known.ref)] == known.version) &&
	       ir_ref_type(c->m, c->f, known.ref) == ir_ref_type(c->m, c->f, dst) &&
	       ir_ref_width(c->m, c->f, known.ref) <= ir_ref_width(c->m, c->f, dst);
}

/* ------------------------------------------------------------------ instructions */

static void become_mov(struct cse *c, struct ir_ins *i, ir_ref value)
{
	if (i->n_args == 0) {
		i->first_arg = (uint32_t)c->f->args.n;
		vec_push(&c->f->args, &c->m->arena, value);
	}
	i->op = IR_MOV;
	i->n_args = 1;
	i->imm = 0;
	c->f->args.v[i->first_arg] = value;
}

static void assign(struct cse *c, const struct ir_ins *i)
{
	uint32_t reg = IR_INDEX(i->dst);
	struct name value = {0};

	if (!i->dst)
		return;
	if (i->op == IR_MOV)
		value = canonical(c, ir_args(c->f, i)[0]);
	c->versions[reg]++;
	c->same_stamp[reg] = i->op == IR_MOV ? c->stamp : 0;
	c->same_as[reg] = value;
}

/* Replaces a known expression by a copy; remembers a new one. */
static void merge(struct cse *c, struct ir_ins *i)
{
	struct entry e = expression(c, i), *known = place(c, &e);

	if (known->stamp == c->stamp && usable(c, known->result, i->dst)) {
		c->names.n = e.first_name;
		become_mov(c, i, known->result.ref);
		assign(c, i);
		return;
	}
	assign(c, i);
	e.result = current(c, i->dst);
	*known = e;
}

/* After a write to a scalar: loading it would give value. */
static void remember_scalar(struct cse *c, ir_ref global, ir_ref value)
{
	struct entry e = {.stamp = c->stamp,
			  .op = IR_LOAD,
			  .n_args = 1,
			  .memory = memory_of(c, IR_LOAD, global),
			  .first_name = (uint32_t)c->names.n,
			  .result = current(c, value)};

	vec_push(&c->names, &c->scratch, current(c, global));
	*place(c, &e) = e;
}

static void other(struct cse *c, struct ir_ins *i)
{
	ir_ref first = i->n_args ? ir_args(c->f, i)[0] : 0;

	assign(c, i);
	if (i->op == IR_CALL)
		c->calls++;
	if (IR_KIND(first) != IRK_GLOBAL || !ir_ops[i->op].writes)
		return;
	c->writes[IR_INDEX(first)]++;
	if (i->op == IR_STORE)
		remember_scalar(c, first, ir_args(c->f, i)[1]);
	else if (i->op == IR_GADD)
		remember_scalar(c, first, i->dst);
}

/* A power of two that keeps the table half empty in the longest block. */
static uint32_t table_size(const struct ir_fn *f)
{
	size_t longest = 8;
	uint32_t size = 16;

	for (size_t b = 0; b < f->blocks.n; b++)
		if (f->blocks.v[b].ins.n > longest)
			longest = f->blocks.v[b].ins.n;
	while (size < longest * 2)
		size *= 2;
	return size;
}

void ir_opt_cse(struct ir_module *m, struct ir_fn *f)
{
	struct cse c = {.m = m, .f = f};

	c.versions = ARENA_ARRAY(&c.scratch, uint32_t, f->regs.n + 1);
	c.same_as = ARENA_ARRAY(&c.scratch, struct name, f->regs.n + 1);
	c.same_stamp = ARENA_ARRAY(&c.scratch, uint32_t, f->regs.n + 1);
	c.writes = ARENA_ARRAY(&c.scratch, uint32_t, m->globals.n + 1);
	c.mask = table_size(f) - 1;
	c.table = ARENA_ARRAY(&c.scratch, struct entry, (size_t)c.mask + 1);
	for (size_t b = 0; b < f->blocks.n; b++) {
		c.stamp++;
		c.names.n = 0;
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++) {
			struct ir_ins *i = &f->blocks.v[b].ins.v[k];

			if (can_merge(i))
				merge(&c, i);
			else
				other(&c, i);
		}
	}
	arena_release(&c.scratch);
}
