/* Constants and copies go where they are used; what they decide is decided now.
 *
 * One walk over the blocks in the order of the text. Inside a block, each register's value is
 * known while neither it nor the register it was copied from is assigned again. Across blocks it
 * is known for registers with one assignment in the whole function: since every register is
 * assigned before it is read (verify_flow.c), that assignment dominates all reads, and a copy of
 * such a register is as good as the register itself. Parameters count as assigned at the entry.
 *
 * Then branches: constant ones become jumps, negations are turned round, jumps go past blocks
 * that only jump on, or that only branch on what this block knows. Operations whose results are
 * no longer read stay for opt_dce.c. */
#include "ir/ir.h"
#include "ir/passes.h"

enum { MAX_HOPS = 32 }; /* of a jump through blocks that only jump */

/* What is known about a register in the current block. */
struct known {
	uint32_t stamp;	  /* the block it was learned in, + 1 */
	uint32_t version; /* how often the register has been assigned so far */
	ir_ref value;	  /* constant or register that it equals, or 0 */
	uint32_t value_version; /* of that register at the time */
	ir_ref truth;	  /* register that is 0 when this one is (inverted: is not), or none */
	uint32_t truth_version;
	bool inverted;
};

struct fold {
	struct ir_module *m;
	struct ir_fn *f;
	struct arena scratch;
	uint32_t stamp;
	struct known *known;	/* by register */
	uint8_t *n_defs;	/* by register: 0, 1, 2 (or more) */
	ir_ref *everywhere;	/* by register with one assignment: what it equals, or 0 */
};

static void count_defs(struct fold *o)
{
	const struct ir_fn *f = o->f;

	for (uint32_t r = 0; r < f->n_params; r++)
		o->n_defs[r] = 1;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			ir_ref dst = f->blocks.v[b].ins.v[i].dst;

			if (dst && o->n_defs[IR_INDEX(dst)] < 2)
				o->n_defs[IR_INDEX(dst)]++;
		}
}

/* ------------------------------------------------------------------ values */

static bool still(const struct fold *o, ir_ref r, uint32_t version)
{
	return !ir_is_reg(r) || o->known[IR_INDEX(r)].version == version;
}

/* The simplest operand that has r's value here. */
static ir_ref resolve(const struct fold *o, ir_ref r)
{
	const struct known *k;

	if (!ir_is_reg(r))
		return r;
	k = &o->known[IR_INDEX(r)];
	if (k->stamp == o->stamp && k->value && still(o, k->value, k->value_version))
		return k->value;
	return o->everywhere[IR_INDEX(r)] ? o->everywhere[IR_INDEX(r)] : r;
}

static bool is_zero(const struct fold *o, ir_ref r)
{
	return IR_KIND(r) == IRK_NUM && o->m->nums.v[IR_INDEX(r)] == 0;
}

/* Sees to it that a branch on i's result can branch on i's operand instead. */
static void learn_truth(struct fold *o, struct known *k, const struct ir_ins *i)
{
	const ir_ref *args = ir_args(o->f, i);
	const struct known *from;

	if (i->op != IR_NOT && !((i->op == IR_EQ || i->op == IR_NE) && is_zero(o, args[1])))
		return;
	if (!ir_is_reg(args[0]) || args[0] == i->dst)
		return;
	k->truth = args[0];
	k->inverted = i->op != IR_NE;
	from = &o->known[IR_INDEX(args[0])];
	if (from->stamp == o->stamp && from->truth && from->truth != i->dst &&
	    still(o, from->truth, from->truth_version)) {
		k->truth = from->truth;
		k->inverted ^= from->inverted;
	}
	k->truth_version = o->known[IR_INDEX(k->truth)].version;
}

/* After the instruction, its operands being as simple as can be. */
static void learn(struct fold *o, const struct ir_ins *i)
{
	struct known *k;
	ir_ref value = i->op == IR_MOV ? ir_args(o->f, i)[0] : 0;

	if (!i->dst)
		return;
	k = &o->known[IR_INDEX(i->dst)];
	*k = (struct known){.stamp = o->stamp, .version = k->version + 1, .value = value};
	if (ir_is_reg(value))
		k->value_version = o->known[IR_INDEX(value)].version;
	learn_truth(o, k, i);
	if (value && o->n_defs[IR_INDEX(i->dst)] == 1 &&
	    (!ir_is_reg(value) || o->n_defs[IR_INDEX(value)] == 1))
		o->everywhere[IR_INDEX(i->dst)] = value;
}

/* ------------------------------------------------------------------ instructions */

static void become_mov(struct fold *o, struct ir_ins *i, ir_ref value)
{
	if (i->n_args == 0) {
		i->first_arg = (uint32_t)o->f->args.n;
		vec_push(&o->f->args, &o->m->arena, value);
	}
	i->op = IR_MOV;
	i->n_args = 1;
	i->imm = 0;
	o->f->args.v[i->first_arg] = value;
}

/* x / -1, -1 * x and 0 - x are -x. */
static void strength(struct fold *o, struct ir_ins *i)
{
	ir_ref *args = o->f->args.v + i->first_arg, minus_one;

	if (i->op != IR_DIV && i->op != IR_MUL && i->op != IR_SUB)
		return;
	minus_one = ir_num(o->m, -1);
	if (i->op == IR_SUB ? is_zero(o, args[0]) : i->op == IR_MUL && args[0] == minus_one)
		args[0] = args[1];
	else if (i->op == IR_SUB || args[1] != minus_one)
		return;
	i->op = IR_NEG;
	i->n_args = 1;
}

/* False: the instruction does nothing and goes. */
static bool simplify(struct fold *o, struct ir_ins *i)
{
	ir_ref *args = o->f->args.v + i->first_arg, value;

	for (unsigned k = 0; k < i->n_args; k++)
		args[k] = resolve(o, args[k]);
	value = ir_eval(o->m, o->f, i);
	if (value)
		become_mov(o, i, value);
	else
		strength(o, i);
	return i->op != IR_MOV || o->f->args.v[i->first_arg] != i->dst;
}

/* ------------------------------------------------------------------ branches */

static void become_jump(struct fold *o, struct ir_ins *i, ir_ref to)
{
	i->op = IR_JMP;
	i->n_args = 1;
	o->f->args.v[i->first_arg] = to;
}

/* Where a jump to this block really goes. */
static ir_ref final_target(const struct fold *o, ir_ref to)
{
	for (int hops = 0; hops < MAX_HOPS; hops++) {
		const struct ir_block *b = &o->f->blocks.v[IR_INDEX(to)];
		const struct ir_ins *last = ir_last(o->f, IR_INDEX(to));
		const ir_ref *args = ir_args(o->f, last);
		ir_ref cond;

		if (b->ins.n != 1)
			break;
		if (last->op == IR_JMP) {
			to = args[0];
			continue;
		}
		if (last->op != IR_BR)
			break;
		cond = resolve(o, args[0]);
		if (IR_KIND(cond) != IRK_NUM)
			break;
		to = args[is_zero(o, cond) ? 2 : 1];
	}
	return to;
}

/* Branches on the operand of a negation instead of its result. */
static void branch_on_truth(struct fold *o, ir_ref *args)
{
	const struct known *k = &o->known[IR_INDEX(args[0])];

	if (k->stamp != o->stamp || !k->truth || !still(o, k->truth, k->truth_version))
		return;
	args[0] = k->truth;
	if (k->inverted) {
		ir_ref yes = args[1];

		args[1] = args[2];
		args[2] = yes;
	}
}

static void fold_branch(struct fold *o, struct ir_ins *i)
{
	ir_ref *args = o->f->args.v + i->first_arg;

	if (i->op == IR_JMP) {
		args[0] = final_target(o, args[0]);
		return;
	}
	if (IR_KIND(args[0]) == IRK_NUM) {
		become_jump(o, i, final_target(o, args[is_zero(o, args[0]) ? 2 : 1]));
		return;
	}
	branch_on_truth(o, args);
	args[1] = final_target(o, args[1]);
	args[2] = final_target(o, args[2]);
	if (args[1] == args[2])
		become_jump(o, i, args[1]);
}

static void fold_block(struct fold *o, struct ir_block *b)
{
	size_t kept = 0;

	o->stamp++;
	for (size_t k = 0; k < b->ins.n; k++) {
		struct ir_ins *i = &b->ins.v[k];

		if (!simplify(o, i))
			continue;
		if (i->op == IR_JMP || i->op == IR_BR)
			fold_branch(o, i);
		learn(o, i);
		b->ins.v[kept++] = *i;
	}
	b->ins.n = kept;
}

void ir_opt_fold(struct ir_module *m, struct ir_fn *f)
{
	struct fold o = {.m = m, .f = f};

	o.known = ARENA_ARRAY(&o.scratch, struct known, f->regs.n + 1);
	o.n_defs = ARENA_ARRAY(&o.scratch, uint8_t, f->regs.n + 1);
	o.everywhere = ARENA_ARRAY(&o.scratch, ir_ref, f->regs.n + 1);
	count_defs(&o);
	for (size_t b = 0; b < f->blocks.n; b++)
		fold_block(&o, &f->blocks.v[b]);
	ir_drop_unreachable(m, f);
	ir_merge_blocks(m, f);
	ir_drop_unreachable(m, f);
	arena_release(&o.scratch);
}
