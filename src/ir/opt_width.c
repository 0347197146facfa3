/* Widths of strings: how long can each get? Executors size buffers and map entries by them.
 *
 * Registers, globals, keys, parameters and return values start at the width of what they hold
 * before anything runs (0, or the initial value) and are raised to that of all that is put into
 * them, until nothing changes. Only what depends on a raised place is looked at again. A place
 * that grows more than MAX_RAISES times (s = s . "x" in a loop) gets the width it was declared
 * with; nothing goes above that. So this ends, in time linear in the module, and never widens.
 *
 * Keys that are only looked up do not widen a table: one that is too long is not there. Script
 * globals without keys keep their width, since -G may set them to anything at the start. */
#include "ir/ir.h"
#include "ir/passes.h"

enum { MAX_RAISES = 16 };

/* An instruction and where it is. */
struct site {
	const struct ir_ins *ins;
	uint32_t fn;
};

/* Places are numbered: globals, then MAX_KEYS keys a global, then for each function the return
 * value and its registers. */
struct widths {
	struct ir_module *m;
	struct arena scratch;
	uint32_t n_places;
	uint32_t *fn_place;	/* by function: place of the return value */
	uint32_t **width;	/* by place: where the module has it */
	uint32_t *limit;	/* by place: declared width */
	uint8_t *raises;	/* by place */
	bool counting;		/* first round: raises are not counted */
	uint32_t **iter_globals; /* by function */
	struct site *sites;
	uint32_t n_sites;
	uint32_t *user_start;	/* by place: users[user_start[p]] ... read it */
	uint32_t *users;	/* numbers of sites */
	uint32_t *queue, n_queue;
	bool *queued;		/* by site */
};

/* ------------------------------------------------------------------ places */

static uint32_t global_place(ir_ref global)
{
	return IR_INDEX(global);
}

static uint32_t key_place(const struct widths *w, uint32_t global, uint32_t key)
{
	return (uint32_t)w->m->globals.n + global * MAX_KEYS + key;
}

static uint32_t reg_place(const struct widths *w, uint32_t fn, ir_ref reg)
{
	return w->fn_place[fn] + 1 + IR_INDEX(reg);
}

/* Where the module keeps the width of each place; the declared one becomes the limit. */
static void number_places(struct widths *w)
{
	struct ir_module *m = w->m;
	uint32_t n = (uint32_t)m->globals.n * (1 + MAX_KEYS);

	w->fn_place = ARENA_ARRAY(&w->scratch, uint32_t, m->fns.n + 1);
	for (size_t i = 0; i < m->fns.n; i++) {
		w->fn_place[i] = n;
		n += 1 + (uint32_t)m->fns.v[i]->regs.n;
	}
	w->n_places = n;
	w->width = ARENA_ARRAY(&w->scratch, uint32_t *, n + 1);
	w->limit = ARENA_ARRAY(&w->scratch, uint32_t, n + 1);
	w->raises = ARENA_ARRAY(&w->scratch, uint8_t, n + 1);
	for (uint32_t g = 0; g < m->globals.n; g++) {
		w->width[g] = &m->globals.v[g].width;
		for (uint32_t k = 0; k < MAX_KEYS; k++)
			w->width[key_place(w, g, k)] = &m->globals.v[g].key_width[k];
	}
	for (size_t i = 0; i < m->fns.n; i++) {
		struct ir_fn *f = m->fns.v[i];

		w->width[w->fn_place[i]] = &f->ret_width;
		for (size_t r = 0; r < f->regs.n; r++)
			w->width[w->fn_place[i] + 1 + r] = &f->regs.v[r].width;
	}
}

static void start_low(struct widths *w)
{
	for (uint32_t p = 0; p < w->n_places; p++) {
		w->limit[p] = *w->width[p];
		*w->width[p] = 0;
	}
	for (uint32_t g = 0; g < w->m->globals.n; g++) {
		struct ir_global *global = &w->m->globals.v[g];

		if (global->type != TY_STRING || global->n_keys)
			continue;
		global->width = global->var ? w->limit[g] : global->init_len;
	}
}

/* ------------------------------------------------------------------ who reads what */

static const uint32_t *iter_global(const struct widths *w, const struct site *s)
{
	return &w->iter_globals[s->fn][IR_INDEX(ir_args(w->m->fns.v[s->fn], s->ins)[0])];
}

/* Calls visit for each place whose width matters to the instruction. */
static void each_read(struct widths *w, uint32_t number,
		      void (*visit)(struct widths *w, uint32_t number, uint32_t place))
{
	const struct site *s = &w->sites[number];
	const struct ir_fn *f = w->m->fns.v[s->fn];
	const ir_ref *args = ir_args(f, s->ins);

	for (unsigned k = 0; k < s->ins->n_args; k++)
		if (ir_is_reg(args[k]) && f->regs.v[IR_INDEX(args[k])].type == IR_STR)
			visit(w, number, reg_place(w, s->fn, args[k]));
	if (s->ins->op == IR_LOAD || s->ins->op == IR_TGET)
		visit(w, number, global_place(args[0]));
	else if (s->ins->op == IR_CALL)
		visit(w, number, w->fn_place[IR_INDEX(args[0])]);
	else if (s->ins->op == IR_ITERVAL)
		visit(w, number, *iter_global(w, s) - 1);
	else if (s->ins->op == IR_ITERKEY)
		visit(w, number, key_place(w, *iter_global(w, s) - 1, s->ins->imm));
}

static void count_user(struct widths *w, uint32_t number, uint32_t place)
{
	(void)number;
	w->user_start[place + 1]++;
}

/* Fills from the back: user_start[place + 1] comes down to where the place's users start. */
static void add_user(struct widths *w, uint32_t number, uint32_t place)
{
	w->users[--w->user_start[place + 1]] = number;
}

static void find_users(struct widths *w)
{
	w->user_start = ARENA_ARRAY(&w->scratch, uint32_t, w->n_places + 2);
	for (uint32_t i = 0; i < w->n_sites; i++)
		each_read(w, i, count_user);
	for (uint32_t p = 0; p < w->n_places; p++)
		w->user_start[p + 1] += w->user_start[p];
	w->users = ARENA_ARRAY(&w->scratch, uint32_t, w->user_start[w->n_places] + 1);
	w->user_start[w->n_places + 1] = w->user_start[w->n_places];
	for (uint32_t i = 0; i < w->n_sites; i++)
		each_read(w, i, add_user);
}

static void list_sites(struct widths *w)
{
	const struct ir_module *m = w->m;
	size_t n = 0;

	w->iter_globals = ARENA_ARRAY(&w->scratch, uint32_t *, m->fns.n + 1);
	for (size_t i = 0; i < m->fns.n; i++)
		for (size_t b = 0; b < m->fns.v[i]->blocks.n; b++)
			n += m->fns.v[i]->blocks.v[b].ins.n;
	w->sites = ARENA_ARRAY(&w->scratch, struct site, n + 1);
	w->queue = ARENA_ARRAY(&w->scratch, uint32_t, n + 1);
	w->queued = ARENA_ARRAY(&w->scratch, bool, n + 1);
	for (uint32_t i = 0; i < m->fns.n; i++) {
		const struct ir_fn *f = m->fns.v[i];

		w->iter_globals[i] = ir_iter_globals(&w->scratch, f);
		for (size_t b = 0; b < f->blocks.n; b++)
			for (size_t k = 0; k < f->blocks.v[b].ins.n; k++)
				w->sites[w->n_sites++] =
					(struct site){&f->blocks.v[b].ins.v[k], i};
	}
}

/* ------------------------------------------------------------------ raising */

static void enqueue_users(struct widths *w, uint32_t place)
{
	/* add_user() has moved the starts of all places one up. */
	for (uint32_t k = w->user_start[place + 1]; k < w->user_start[place + 2]; k++) {
		uint32_t site = w->users[k];

		if (!w->queued[site])
			w->queue[w->n_queue++] = site;
		w->queued[site] = true;
	}
}

static void raise_to(struct widths *w, uint32_t place, uint32_t width)
{
	if (width > w->limit[place])
		width = w->limit[place];
	if (width <= *w->width[place])
		return;
	if (w->counting && ++w->raises[place] > MAX_RAISES)
		width = w->limit[place];
	*w->width[place] = width;
	enqueue_users(w, place);
}

/* Keys from operand n on go into global. */
static void raise_keys(struct widths *w, const struct site *s, unsigned n)
{
	const struct ir_fn *f = w->m->fns.v[s->fn];
	const ir_ref *args = ir_args(f, s->ins);

	for (uint32_t k = 0; n < s->ins->n_args; k++, n++)
		raise_to(w, key_place(w, IR_INDEX(args[0]), k), ir_ref_width(w->m, f, args[n]));
}

static void apply(struct widths *w, const struct site *s)
{
	const struct ir_fn *f = w->m->fns.v[s->fn];
	const struct ir_ins *i = s->ins;
	const ir_ref *args = ir_args(f, i);

	if (i->dst && f->regs.v[IR_INDEX(i->dst)].type == IR_STR)
		raise_to(w, reg_place(w, s->fn, i->dst),
			 ir_result_width(w->m, f, i, w->iter_globals[s->fn]));
	switch (i->op) {
	case IR_STORE:
		raise_to(w, global_place(args[0]), ir_ref_width(w->m, f, args[1]));
		break;
	case IR_TSET:
		raise_to(w, global_place(args[0]), ir_ref_width(w->m, f, args[1]));
		raise_keys(w, s, 2);
		break;
	case IR_TADD:
	case IR_SADD:
		raise_keys(w, s, 2);
		break;
	case IR_CALL:
		for (uint32_t k = 1; k < i->n_args; k++)
			raise_to(w, w->fn_place[IR_INDEX(args[0])] + k,
				 ir_ref_width(w->m, f, args[k]));
		break;
	case IR_RET:
		if (i->n_args)
			raise_to(w, w->fn_place[s->fn], ir_ref_width(w->m, f, args[0]));
		break;
	}
}

void ir_opt_width(struct ir_module *m)
{
	struct widths w = {.m = m};

	number_places(&w);
	list_sites(&w);
	find_users(&w);
	start_low(&w);
	for (uint32_t i = 0; i < w.n_sites; i++)
		apply(&w, &w.sites[i]);
	w.counting = true;
	while (w.n_queue) {
		uint32_t site = w.queue[--w.n_queue];

		w.queued[site] = false;
		apply(&w, &w.sites[site]);
	}
	arena_release(&w.scratch);
}
