/* Dead code: instructions whose result nobody reads, blocks that nothing reaches, registers that
 * nothing names.
 *
 *  1. Mark: what prints, writes, raises or jumps is needed, and so is what computes the operands of
 *     needed instructions. This takes whole webs, loop counters included.
 *  2. A temporary that is only copied into a variable at once gives way to the variable.
 *  3. Liveness: assignments that are overwritten before anything reads them. An error goes to the
 *     handler from within a block, so what the handler reads stays live all through the block.
 *  4. Registers are renumbered, operands packed; parameters stay %0 ... %n-1.
 *
 * An instruction that may raise is never removed: the script can see the error. */
#include "ir/ir.h"
#include "ir/passes.h"

enum { MAX_SET_WORDS = 1 << 21 }; /* above this, step 3 is left out: absurd functions only */

struct dce {
	struct ir_module *m;
	struct ir_fn *f;
	struct arena scratch;
	size_t n_regs;
	bool *needed;		/* step 1, by register */
	uint32_t *n_defs, *n_uses; /* step 2, by register */
	/* step 3 */
	uint32_t *number;	/* by register: 1 + its place in the sets; 0: lives in one block */
	uint32_t words;		/* of a set */
	uint64_t *in, *gen, *kill; /* sets by block */
	uint64_t *out;		/* of the current block */
	uint32_t *local_live;	/* by register: 1 + block in which it is live */
};

/* ------------------------------------------------------------------ 1: mark */

struct web {
	uint32_t *start;	/* by register: ins[start[r]] ... assign it */
	const struct ir_ins **ins;
	uint32_t *stack, n;
};

static void need(struct dce *d, struct web *w, ir_ref r)
{
	if (!ir_is_reg(r) || d->needed[IR_INDEX(r)])
		return;
	d->needed[IR_INDEX(r)] = true;
	w->stack[w->n++] = IR_INDEX(r);
}

static void need_operands(struct dce *d, struct web *w, const struct ir_ins *i)
{
	for (unsigned k = 0; k < i->n_args; k++)
		need(d, w, ir_args(d->f, i)[k]);
}

/* Lists the removable instructions by the register they assign; the others are needed at once. */
static void build_web(struct dce *d, struct web *w)
{
	const struct ir_fn *f = d->f;
	uint32_t *fill = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1);

	w->start = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 2);
	w->stack = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1);
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++)
			if (f->blocks.v[b].ins.v[i].dst)
				w->start[IR_INDEX(f->blocks.v[b].ins.v[i].dst) + 1]++;
	for (size_t r = 0; r < d->n_regs; r++) {
		w->start[r + 1] += w->start[r];
		fill[r] = w->start[r];
	}
	w->ins = ARENA_ARRAY(&d->scratch, const struct ir_ins *, w->start[d->n_regs] + 1);
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			const struct ir_ins *ins = &f->blocks.v[b].ins.v[i];

			if (ins->dst)
				w->ins[fill[IR_INDEX(ins->dst)]++] = ins;
			if (!ir_removable(d->m, f, ins))
				need_operands(d, w, ins);
		}
}

static void sweep_unneeded(struct dce *d)
{
	for (size_t b = 0; b < d->f->blocks.n; b++) {
		struct ir_block *blk = &d->f->blocks.v[b];
		size_t kept = 0;

		for (size_t i = 0; i < blk->ins.n; i++) {
			const struct ir_ins *ins = &blk->ins.v[i];
			bool wanted = ins->dst && d->needed[IR_INDEX(ins->dst)];

			if (wanted || !ir_removable(d->m, d->f, ins))
				blk->ins.v[kept++] = *ins;
		}
		blk->ins.n = kept;
	}
}

static void mark_and_sweep(struct dce *d)
{
	struct web w = {0};

	d->needed = ARENA_ARRAY(&d->scratch, bool, d->n_regs + 1);
	build_web(d, &w);
	while (w.n) {
		uint32_t r = w.stack[--w.n];

		for (uint32_t k = w.start[r]; k < w.start[r + 1]; k++)
			need_operands(d, &w, w.ins[k]);
	}
	sweep_unneeded(d);
}

/* ------------------------------------------------------------------ 2: temporaries */

static void count_uses(struct dce *d)
{
	const struct ir_fn *f = d->f;

	d->n_defs = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1);
	d->n_uses = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1);
	for (uint32_t r = 0; r < f->n_params; r++)
		d->n_defs[r] = 1;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			const struct ir_ins *ins = &f->blocks.v[b].ins.v[i];

			if (ins->dst)
				d->n_defs[IR_INDEX(ins->dst)]++;
			for (unsigned k = 0; k < ins->n_args; k++)
				if (ir_is_reg(ir_args(f, ins)[k]))
					d->n_uses[IR_INDEX(ir_args(f, ins)[k])]++;
		}
}

static bool reads(const struct dce *d, const struct ir_ins *i, ir_ref r)
{
	for (unsigned k = 0; k < i->n_args; k++)
		if (ir_args(d->f, i)[k] == r)
			return true;
	return false;
}

/* t = ...; x = mov t: can the first assign x? Strings are not built over an operand. */
static bool can_forward(const struct dce *d, const struct ir_ins *first, const struct ir_ins *mov)
{
	ir_ref t = first->dst;

	if (!t || mov->op != IR_MOV || ir_args(d->f, mov)[0] != t)
		return false;
	if (d->n_defs[IR_INDEX(t)] != 1 || d->n_uses[IR_INDEX(t)] != 1)
		return false;
	return ir_ref_type(d->m, d->f, t) == IR_LONG || !reads(d, first, mov->dst);
}

static void forward_temporaries(struct dce *d)
{
	count_uses(d);
	for (size_t b = 0; b < d->f->blocks.n; b++) {
		struct ir_block *blk = &d->f->blocks.v[b];
		size_t kept = 0;

		for (size_t i = 0; i < blk->ins.n; i++) {
			if (kept && can_forward(d, &blk->ins.v[kept - 1], &blk->ins.v[i]))
				blk->ins.v[kept - 1].dst = blk->ins.v[i].dst;
			else
				blk->ins.v[kept++] = blk->ins.v[i];
		}
		blk->ins.n = kept;
	}
}

/* ------------------------------------------------------------------ 3: liveness */

static bool has(const uint64_t *set, uint32_t bit)
{
	return set[bit / 64] >> bit % 64 & 1;
}

static void add(uint64_t *set, uint32_t bit)
{
	set[bit / 64] |= 1ull << bit % 64;
}

/* Registers that a block reads before assigning them get a place in the sets. */
static uint32_t number_registers(struct dce *d)
{
	uint32_t *assigned_in = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1), n = 0;

	d->number = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1);
	for (uint32_t b = 0; b < d->f->blocks.n; b++)
		for (size_t i = 0; i < d->f->blocks.v[b].ins.n; i++) {
			const struct ir_ins *ins = &d->f->blocks.v[b].ins.v[i];

			for (unsigned k = 0; k < ins->n_args; k++) {
				ir_ref r = ir_args(d->f, ins)[k];

				if (ir_is_reg(r) && assigned_in[IR_INDEX(r)] != b + 1 &&
				    !d->number[IR_INDEX(r)])
					d->number[IR_INDEX(r)] = ++n;
			}
			if (ins->dst)
				assigned_in[IR_INDEX(ins->dst)] = b + 1;
		}
	return n;
}

static void fill_sets(struct dce *d, uint32_t b)
{
	uint64_t *gen = d->gen + (size_t)b * d->words, *kill = d->kill + (size_t)b * d->words;

	for (size_t i = 0; i < d->f->blocks.v[b].ins.n; i++) {
		const struct ir_ins *ins = &d->f->blocks.v[b].ins.v[i];

		for (unsigned k = 0; k < ins->n_args; k++) {
			ir_ref r = ir_args(d->f, ins)[k];
			uint32_t n = ir_is_reg(r) ? d->number[IR_INDEX(r)] : 0;

			if (n && !has(kill, n - 1))
				add(gen, n - 1);
		}
		if (ins->dst && d->number[IR_INDEX(ins->dst)])
			add(kill, d->number[IR_INDEX(ins->dst)] - 1);
	}
}

static void join_successor(void *data, uint32_t to, bool on_error)
{
	struct dce *d = data;

	if (!on_error)
		for (uint32_t k = 0; k < d->words; k++)
			d->out[k] |= d->in[(size_t)to * d->words + k];
}

static void live_out(struct dce *d, uint32_t b)
{
	memset(d->out, 0, d->words * sizeof(*d->out));
	ir_successors(d->m, d->f, b, join_successor, d);
}

/* What the block's handler reads, or NULL. */
static const uint64_t *handler_live(const struct dce *d, uint32_t b)
{
	int h = d->f->blocks.v[b].handler;

	return h < 0 ? NULL : d->in + (size_t)h * d->words;
}

/* Recomputes what is live at the start of b; true if that is more than before. */
static bool update(struct dce *d, uint32_t b)
{
	const uint64_t *handler = handler_live(d, b);
	uint64_t *in = d->in + (size_t)b * d->words;
	bool more = false;

	live_out(d, b);
	for (uint32_t k = 0; k < d->words; k++) {
		size_t at = (size_t)b * d->words + k;
		uint64_t v = d->gen[at] | (d->out[k] & ~d->kill[at]) | (handler ? handler[k] : 0);

		more |= v != in[k];
		in[k] = v;
	}
	return more;
}

static void solve(struct dce *d)
{
	uint32_t n = (uint32_t)d->f->blocks.n, n_stack = 0;
	struct ir_cfg cfg = ir_cfg_make(&d->scratch, d->m, d->f);
	uint32_t *stack = ARENA_ARRAY(&d->scratch, uint32_t, n);
	bool *waiting = ARENA_ARRAY(&d->scratch, bool, n);

	for (uint32_t b = 0; b < n; b++) {
		stack[n_stack++] = b;
		waiting[b] = true;
	}
	while (n_stack) {
		uint32_t b = stack[--n_stack];

		waiting[b] = false;
		if (!update(d, b))
			continue;
		for (uint32_t k = cfg.first[b]; k < cfg.first[b + 1]; k++) {
			uint32_t p = cfg.pred[k] >> 1;

			if (!waiting[p])
				stack[n_stack++] = p;
			waiting[p] = true;
		}
	}
}

static bool is_live(const struct dce *d, uint32_t b, uint32_t reg)
{
	const uint64_t *handler = handler_live(d, b);
	uint32_t n = d->number[reg];

	if (!n)
		return d->local_live[reg] == b + 1;
	return has(d->out, n - 1) || (handler && has(handler, n - 1));
}

static void set_live(struct dce *d, uint32_t b, uint32_t reg, bool live)
{
	uint32_t n = d->number[reg];

	if (!n)
		d->local_live[reg] = live ? b + 1 : 0;
	else if (live)
		add(d->out, n - 1);
	else
		d->out[(n - 1) / 64] &= ~(1ull << (n - 1) % 64);
}

/* Backwards through the block, with the live set in d->out; dead instructions lose their place. */
static void remove_dead(struct dce *d, uint32_t b)
{
	struct ir_block *blk = &d->f->blocks.v[b];
	size_t keep = blk->ins.n;

	live_out(d, b);
	for (size_t i = blk->ins.n; i-- > 0;) {
		const struct ir_ins ins = blk->ins.v[i];

		if (ins.dst && !is_live(d, b, IR_INDEX(ins.dst)) && ir_removable(d->m, d->f, &ins))
			continue;
		if (ins.dst)
			set_live(d, b, IR_INDEX(ins.dst), false);
		for (unsigned k = 0; k < ins.n_args; k++)
			if (ir_is_reg(ir_args(d->f, &ins)[k]))
				set_live(d, b, IR_INDEX(ir_args(d->f, &ins)[k]), true);
		blk->ins.v[--keep] = ins;
	}
	memmove(blk->ins.v, blk->ins.v + keep, (blk->ins.n - keep) * sizeof(blk->ins.v[0]));
	blk->ins.n -= keep;
}

static void remove_overwritten(struct dce *d)
{
	uint32_t n_blocks = (uint32_t)d->f->blocks.n;
	size_t total;

	d->words = number_registers(d) / 64 + 1;
	total = (size_t)d->words * n_blocks;
	if (total > MAX_SET_WORDS)
		return;
	d->in = ARENA_ARRAY(&d->scratch, uint64_t, total);
	d->gen = ARENA_ARRAY(&d->scratch, uint64_t, total);
	d->kill = ARENA_ARRAY(&d->scratch, uint64_t, total);
	d->out = ARENA_ARRAY(&d->scratch, uint64_t, d->words);
	d->local_live = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1);
	for (uint32_t b = 0; b < n_blocks; b++)
		fill_sets(d, b);
	solve(d);
	for (uint32_t b = 0; b < n_blocks; b++)
		remove_dead(d, b);
}

/* ------------------------------------------------------------------ 4: renumbering */

static void rename_reg(const uint32_t *number, ir_ref *r)
{
	if (ir_is_reg(*r))
		*r = IR_REF(IRK_REG, number[IR_INDEX(*r)]);
}

/* Which registers are still named; they move to the front. Returns the new numbers. */
static uint32_t *compact_registers(struct dce *d)
{
	uint32_t *number = ARENA_ARRAY(&d->scratch, uint32_t, d->n_regs + 1), kept = 0;
	struct ir_fn *f = d->f;

	count_uses(d);
	for (uint32_t r = 0; r < d->n_regs; r++) {
		if (r >= f->n_params && !d->n_defs[r] && !d->n_uses[r])
			continue;
		number[r] = kept;
		f->regs.v[kept++] = f->regs.v[r];
	}
	f->regs.n = kept;
	return number;
}

static void repack(struct dce *d)
{
	uint32_t *number = compact_registers(d);
	struct ir_fn *f = d->f, old = *f;

	f->args.v = NULL;
	f->args.n = f->args.cap = 0;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			struct ir_ins *ins = &f->blocks.v[b].ins.v[i];
			const ir_ref *args = ir_args(&old, ins);

			ins->first_arg = (uint32_t)f->args.n;
			rename_reg(number, &ins->dst);
			for (unsigned k = 0; k < ins->n_args; k++) {
				ir_ref r = args[k];

				rename_reg(number, &r);
				vec_push(&f->args, &d->m->arena, r);
			}
		}
}

void ir_opt_dce(struct ir_module *m, struct ir_fn *f)
{
	struct dce d = {.m = m, .f = f, .n_regs = f->regs.n};

	ir_drop_unreachable(m, f);
	mark_and_sweep(&d);
	forward_temporaries(&d);
	remove_overwritten(&d);
	repack(&d);
	ir_drop_unreachable(m, f); /* handlers of blocks that raise no longer */
	arena_release(&d.scratch);
}
