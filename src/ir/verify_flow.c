/* The verifier's second half: on every way from the entry, each register has been assigned where
 * it is read, and each iterator runs (started, not given back) where it is used.
 *
 * For a register that a block reads before assigning it, we walk backwards from that block: each
 * way must meet an assignment before the entry. Most registers live in one block and cost
 * nothing; locals are zeroed in the entry block, which settles them at once. Since an error
 * leaves a block in the middle, assignments behind the first instruction that may raise do not
 * count for handlers. */
#include "ir/passes.h"

#include "base/bug.h"

/* Something done to a register: assigned, or for iterators also given back. */
struct event {
	uint32_t block, pos;
	bool gives_back;
};

struct flow {
	struct ir_module *m;
	const struct ir_fn *f;
	struct arena scratch;
	struct ir_cfg cfg;
	uint32_t *first_raise; /* by block: position; UINT32_MAX: none */
	uint32_t *event_start; /* by register: events[event_start[r]] ... in order of the text */
	struct event *events;
	/* Of the register being walked; valid where the stamp matches. */
	uint32_t *visited, *stamped; /* by block; stamped: it has events */
	const struct event **block_events;
	uint32_t *block_n_events;
	uint32_t stamp;
	uint32_t *stack, n_stack;
	uint32_t *touched; /* by register: 1 + the last block that has an event for it */
};

static bool is_end(const struct ir_ins *i)
{
	return i->op == IR_ITEREND;
}

/* The register an instruction has an event for, or 0. */
static ir_ref event_reg(const struct flow *w, const struct ir_ins *i)
{
	return is_end(i) ? ir_args(w->f, i)[0] : i->dst;
}

static void collect_events(struct flow *w)
{
	const struct ir_fn *f = w->f;
	uint32_t *fill, total = 0;

	w->event_start = ARENA_ARRAY(&w->scratch, uint32_t, f->regs.n + 2);
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			ir_ref r = event_reg(w, &f->blocks.v[b].ins.v[i]);

			if (r)
				w->event_start[IR_INDEX(r) + 1]++;
			total += r != 0;
		}
	fill = ARENA_ARRAY(&w->scratch, uint32_t, f->regs.n + 1);
	for (size_t r = 0; r < f->regs.n; r++) {
		w->event_start[r + 1] += w->event_start[r];
		fill[r] = w->event_start[r];
	}
	w->events = ARENA_ARRAY(&w->scratch, struct event, total + 1);
	for (uint32_t b = 0; b < f->blocks.n; b++)
		for (uint32_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			const struct ir_ins *ins = &f->blocks.v[b].ins.v[i];
			ir_ref r = event_reg(w, ins);

			if (r)
				w->events[fill[IR_INDEX(r)]++] = (struct event){b, i, is_end(ins)};
		}
}

static void find_raises(struct flow *w)
{
	w->first_raise = ARENA_ARRAY(&w->scratch, uint32_t, w->f->blocks.n);
	for (size_t b = 0; b < w->f->blocks.n; b++) {
		const struct ir_block *blk = &w->f->blocks.v[b];

		w->first_raise[b] = UINT32_MAX;
		for (size_t i = 0; i < blk->ins.n && w->first_raise[b] == UINT32_MAX; i++)
			if (ir_may_raise(w->m, w->f, &blk->ins.v[i]))
				w->first_raise[b] = (uint32_t)i;
	}
}

/* ------------------------------------------------------------------ one register */

/* Is the register assigned for good in the entry block, before anything can leave it? */
static bool settled_at_entry(const struct flow *w, uint32_t reg)
{
	const struct event *e = &w->events[w->event_start[reg]];

	if (w->event_start[reg] == w->event_start[reg + 1] || w->f->regs.v[reg].type == IR_ITER)
		return false;
	return e->block == 0 && (w->f->blocks.v[0].handler < 0 || e->pos < w->first_raise[0]);
}

static void stamp_events(struct flow *w, uint32_t reg)
{
	uint32_t end = w->event_start[reg + 1];

	w->stamp++;
	for (uint32_t k = w->event_start[reg]; k < end; k++) {
		uint32_t b = w->events[k].block;

		if (w->stamped[b] != w->stamp) {
			w->stamped[b] = w->stamp;
			w->block_events[b] = &w->events[k];
			w->block_n_events[b] = 0;
		}
		w->block_n_events[b]++;
	}
}

enum state { UNKNOWN, YES, NO };

/* The register at the end of block b, as far as b decides it. */
static enum state state_at_end(const struct flow *w, uint32_t b)
{
	if (w->stamped[b] != w->stamp)
		return UNKNOWN;
	return w->block_events[b][w->block_n_events[b] - 1].gives_back ? NO : YES;
}

/* The same for all places where b can raise: NO if one is NO, UNKNOWN if one is. */
static enum state state_at_raises(const struct flow *w, uint32_t b)
{
	const struct ir_block *blk = &w->f->blocks.v[b];
	const struct event *e = w->block_events[b], *end;
	enum state now = UNKNOWN, result = YES;

	if (w->stamped[b] != w->stamp)
		return UNKNOWN;
	end = e + w->block_n_events[b];
	if (e->pos >= w->first_raise[b])
		result = UNKNOWN;
	if (w->f->regs.v[IR_INDEX(event_reg(w, &blk->ins.v[e->pos]))].type != IR_ITER)
		return result;
	for (uint32_t i = w->first_raise[b]; i < blk->ins.n; i++) {
		for (; e < end && e->pos < i; e++)
			now = e->gives_back ? NO : YES;
		if (now == NO && ir_may_raise(w->m, w->f, &blk->ins.v[i]))
			return NO;
	}
	return result;
}

static void want(struct flow *w, uint32_t b)
{
	if (w->visited[b] == w->stamp)
		return;
	w->visited[b] = w->stamp;
	w->stack[w->n_stack++] = b;
}

/* Is the register assigned on every way to the blocks on the stack? */
static bool assigned_before(struct flow *w)
{
	bool ok = true;

	while (ok && w->n_stack) {
		uint32_t b = w->stack[--w->n_stack];

		ok = b != 0;
		for (uint32_t k = w->cfg.first[b]; ok && k < w->cfg.first[b + 1]; k++) {
			uint32_t p = w->cfg.pred[k] >> 1;
			enum state s = w->cfg.pred[k] & 1 ? state_at_raises(w, p)
							  : state_at_end(w, p);

			ok = s != NO;
			if (s == UNKNOWN)
				want(w, p);
		}
	}
	w->n_stack = 0;
	return ok;
}

/* ------------------------------------------------------------------ reads */

/* A block reads a register before assigning it. */
struct read {
	uint32_t block;
	uint32_t next; /* 1 + index of another read of this register, or 0 */
};

struct reads {
	VEC(struct read) v;
	uint32_t *head; /* by register: 1 + index of the last read */
};

static void add_read(struct flow *w, struct reads *reads, uint32_t reg, uint32_t b)
{
	struct read rd = {b, reads->head[reg]};

	if (rd.next && reads->v.v[rd.next - 1].block == b)
		return;
	vec_push(&reads->v, &w->scratch, rd);
	reads->head[reg] = (uint32_t)reads->v.n;
}

/* Reads inside a block: false if an iterator is used after it was given back. */
static bool scan_block(struct flow *w, uint32_t b, struct reads *reads, bool *given_back)
{
	const struct ir_block *blk = &w->f->blocks.v[b];

	for (size_t i = 0; i < blk->ins.n; i++) {
		const struct ir_ins *ins = &blk->ins.v[i];
		ir_ref changed = event_reg(w, ins);

		for (unsigned k = 0; k < ins->n_args; k++) {
			ir_ref r = ir_args(w->f, ins)[k];
			uint32_t reg = IR_INDEX(r);

			if (!ir_is_reg(r))
				continue;
			if (w->touched[reg] == b + 1) {
				if (given_back[reg])
					return false;
				continue;
			}
			if (reg >= w->f->n_params && (b == 0 || !settled_at_entry(w, reg)))
				add_read(w, reads, reg, b);
		}
		if (changed) {
			w->touched[IR_INDEX(changed)] = b + 1;
			given_back[IR_INDEX(changed)] = is_end(ins);
		}
	}
	return true;
}

static const char *check_reads(struct flow *w)
{
	bool *given_back = ARENA_ARRAY(&w->scratch, bool, w->f->regs.n + 1);
	struct reads reads = {.head = ARENA_ARRAY(&w->scratch, uint32_t, w->f->regs.n + 1)};

	for (uint32_t b = 0; b < w->f->blocks.n; b++)
		if (!scan_block(w, b, &reads, given_back))
			return arena_printf(&w->m->arena,
					    "fn @%s: b%u uses an iterator that was given back",
					    w->f->name, b);
	for (uint32_t reg = 0; reg < w->f->regs.n; reg++) {
		if (!reads.head[reg])
			continue;
		stamp_events(w, reg);
		for (uint32_t k = reads.head[reg]; k; k = reads.v.v[k - 1].next)
			want(w, reads.v.v[k - 1].block);
		if (!assigned_before(w))
			return arena_printf(&w->m->arena,
					    "fn @%s: b%u reads %%%u, which may not be %s there",
					    w->f->name, reads.v.v[reads.head[reg] - 1].block, reg,
					    w->f->regs.v[reg].type == IR_ITER ? "running"
									      : "assigned");
	}
	return NULL;
}

const char *ir_verify_flow(struct ir_module *m, const struct ir_fn *f)
{
	struct flow w = {.m = m, .f = f};
	size_t n = f->blocks.n;
	const char *error;

	w.cfg = ir_cfg_make(&w.scratch, m, f);
	w.visited = ARENA_ARRAY(&w.scratch, uint32_t, n);
	w.stamped = ARENA_ARRAY(&w.scratch, uint32_t, n);
	w.block_events = ARENA_ARRAY(&w.scratch, const struct event *, n);
	w.block_n_events = ARENA_ARRAY(&w.scratch, uint32_t, n);
	w.stack = ARENA_ARRAY(&w.scratch, uint32_t, n);
	w.touched = ARENA_ARRAY(&w.scratch, uint32_t, f->regs.n + 1);
	collect_events(&w);
	find_raises(&w);
	error = check_reads(&w);
	arena_release(&w.scratch);
	return error;
}
