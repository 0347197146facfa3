/* Where control goes in a handler: spots, parts, calls of script functions. See emit.h. */
#include <stddef.h>
#include <stdlib.h>

#include "gen/emit.h"
#include "session.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

enum {
	MAX_FRAME = 1 << 20,
	MAX_PART = 4000,     /* instructions: the verifier gives up after 8192 jumps in a row */
	MAX_TURNS = 1 << 23, /* of bpf_loop() */
	MAX_INLINE_DEPTH = 32,
	ENOUGH = 1500, /* instructions of the IR: up to there, all functions are inlined */
	SMALL = 8,     /* and those that are no larger always */
	ENDED = INT32_MAX, /* frame->state */
};

/* ------------------------------------------------------------------ spots */

int emit_spot(struct emit *e)
{
	struct emit_spot s = {.state = -1};

	vec_push(&e->spots, e->parts->arena, s);
	return (int)e->spots.n - 1;
}

/* The label of this part that leads to the spot: the spot itself, if it comes later in this part, or
 * instructions behind the part that note where to go on. */
static int way_to(struct emit *e, int spot)
{
	struct emit_spot *s = &e->spots.v[spot];

	if (s->way_from != e->c) {
		s->way_from = e->c;
		s->way = code_label(e->c);
		vec_push(&e->ways, e->parts->arena, spot);
	}
	return s->way;
}

void emit_go(struct emit *e, int spot)
{
	code_jump(e->c, way_to(e, spot));
}

void emit_put(struct emit *e, int spot)
{
	struct emit_spot *s = &e->spots.v[spot];

	s->part = e->c;
	s->label = code_label(e->c);
	code_place(e->c, s->label);
	if (s->way_from == e->c)
		code_place(e->c, s->way);
	s->way_from = NULL;
}

/* Frame at `at` = number of the spot. */
static void store_spot(struct emit *e, uint32_t at, int spot)
{
	struct emit_fixup fix = {e->c, 0, spot};

	e->spots.v[spot].entered = true;
	code_store_imm(e->c, BPF_W, R7, (int)at, 0);
	/* A far place takes three instructions. */
	fix.insn = (uint32_t)e->c->insns.n - 1;
	while ((e->c->insns.v[fix.insn].code & 7) != BPF_ST)
		fix.insn--;
	vec_push(&e->fixups, e->parts->arena, fix);
}

static void leave_part(struct emit *e, int result)
{
	code_imm(e->c, R0, result);
	code_exit(e->c);
}

/* The ways that lead out of the part, and back in it. */
static void end_part(struct emit *e)
{
	for (size_t k = 0; k < e->ways.n; k++) {
		struct emit_spot *s = &e->spots.v[e->ways.v[k]];

		if (s->way_from != e->c || code_placed(e->c, s->way))
			continue;
		code_place(e->c, s->way);
		s->way_from = NULL;
		store_spot(e, (uint32_t)FRAME(state), e->ways.v[k]);
		leave_part(e, 0);
	}
	e->ways.n = 0;
}

/* ------------------------------------------------------------------ parts */

/* A part begins with two instructions for R6 and R7, which are filled in at the end, and a jump to
 * the choice of the spot. */
enum { PROLOGUE = 2 };

static void begin_part(struct emit *e)
{
	int number;

	e->c = emit_callback(e, LIB_SUB_LOOP, &number);
	vec_push(&e->numbers, e->parts->arena, number);
	code_mov(e->c, R7, R1);
	code_mov(e->c, R6, R2);
	code_jump(e->c, code_label(e->c)); /* label 0 */
}

void emit_split(struct emit *e)
{
	int here;

	if (e->c->insns.n < MAX_PART)
		return;
	if (!e->in_parts) {
		e->want_parts = true;
		return;
	}
	here = emit_spot(e);
	emit_go(e, here);
	end_part(e);
	begin_part(e);
	emit_put(e, here);
}

/* To where[k] if R1 is number[k], which ascend, or, with upto, at least that and below the next. */
static void choose(struct code *c, const int32_t *number, const int *where, size_t n, bool upto,
		   int otherwise)
{
	size_t half = n / 2;
	int upper = code_label(c);

	if (n > 3) {
		code_jump_if_imm(c, BPF_JSGE, R1, number[half], upper);
		choose(c, number, where, half, upto, otherwise);
		code_place(c, upper);
		choose(c, number + half, where + half, n - half, upto, otherwise);
		return;
	}
	for (size_t k = n; k-- > 0;)
		code_jump_if_imm(c, upto ? BPF_JSGE : BPF_JEQ, R1, number[k], where[k]);
	code_jump(c, otherwise);
}

/* The choice at the end of part p; its first spot, where control comes in the beginning, is 0. */
static void finish_part(struct emit *e, uint32_t p, int start)
{
	struct code *c = &e->parts->callbacks.v[e->numbers.v[p] - 1]->code;
	int32_t *number = ARENA_ARRAY(c->arena, int32_t, e->spots.n + 1), next = (int32_t)(p << 16);
	int *where = ARENA_ARRAY(c->arena, int, e->spots.n + 1), lost = code_label(c);
	size_t n = 0;

	for (size_t k = 0; k < e->spots.n; k++) {
		struct emit_spot *s = &e->spots.v[k];

		if (s->part != c || !s->entered)
			continue;
		s->state = ++next;
		number[n] = s->state;
		where[n++] = s->label;
	}
	code_place(c, 0);
	code_load(c, BPF_W, R1, R7, FRAME(state));
	choose(c, number, where, n, false, p ? lost : e->spots.v[start].label);
	code_place(c, lost);
	code_imm(c, R0, 1);
	code_exit(c);
}

/* The callback of bpf_loop(), which is called with (index, &{frame, context}): the only part, or one
 * that calls the others. */
static int make_turn(struct emit *e)
{
	size_t n = e->numbers.n;
	struct code *c = &e->parts->callbacks.v[e->numbers.v[0] - 1]->code;
	int32_t *number = ARENA_ARRAY(c->arena, int32_t, n + 1);
	int *where = ARENA_ARRAY(c->arena, int, n + 1), turn = e->numbers.v[0];

	if (n == 1) {
		c->insns.n = 0;
		code_load(c, BPF_DW, R7, R2, 0);
		code_load(c, BPF_DW, R6, R2, 8);
		return turn;
	}
	for (size_t k = 0; k < n; k++)
		e->parts->callbacks.v[e->numbers.v[k] - 1]->kind = LIB_SUB_STATIC;
	c = emit_callback(e, LIB_SUB_LOOP, &turn);
	code_load(c, BPF_DW, R7, R2, 0);
	code_load(c, BPF_DW, R6, R2, 8);
	code_load(c, BPF_W, R1, R7, FRAME(state));
	for (size_t k = 0; k < n; k++) {
		number[k] = (int32_t)(k << 16);
		where[k] = code_label(c);
	}
	choose(c, number, where, n, true, where[0]);
	for (size_t k = 0; k < n; k++) {
		code_place(c, where[k]);
		code_mov(c, R1, R7);
		code_mov(c, R2, R6);
		code_call_sub(c, e->numbers.v[k]);
		code_exit(c);
	}
	return turn;
}

/* All parts are there: numbers, choices. The result is the callback. */
static int finish_parts(struct emit *e, int start)
{
	size_t insns;
	int turn;

	for (uint32_t p = 0; p < e->numbers.n; p++)
		finish_part(e, p, start);
	for (size_t k = 0; k < e->fixups.n; k++) {
		const struct emit_fixup *f = &e->fixups.v[k];

		f->part->insns.v[f->insn].imm = e->spots.v[f->spot].state;
	}
	insns = e->parts->callbacks.v[e->numbers.v[0] - 1]->code.insns.n;
	turn = make_turn(e);
	/* The prologue was written over. */
	e->parts->callbacks.v[e->numbers.v[0] - 1]->code.insns.n = insns;
	return turn;
}

/* ------------------------------------------------------------------ script functions */

static uint64_t own_size(const struct ir_fn *fn)
{
	uint64_t n = 0;

	for (size_t b = 0; b < fn->blocks.n; b++)
		n += fn->blocks.v[b].ins.n;
	return n;
}

/* What is known of the functions that a handler calls. */
struct survey {
	const struct ir_module *m;
	uint64_t *size; /* with what is inlined; 0: not known yet */
	uint32_t *sites; /* calls of it */
	uint32_t *depth; /* of calls in it */
	bool *sub;
	bool any;
};

/* Functions of the handler in question, callees first. */
static void survey_fn(struct survey *v, uint32_t number)
{
	const struct ir_fn *fn = v->m->fns.v[number];
	uint64_t size = own_size(fn);
	uint32_t depth = 0;

	v->size[number] = size;
	if (ir_calls(v->m, number, number))
		v->any = v->sub[number] = true;
	for (size_t b = 0; b < fn->blocks.n; b++)
		for (size_t k = 0; k < fn->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &fn->blocks.v[b].ins.v[k];
			uint32_t callee;

			if (i->op != IR_CALL)
				continue;
			callee = IR_INDEX(fn->args.v[i->first_arg]);
			v->sites[callee]++;
			if (!v->size[callee])
				survey_fn(v, callee);
			if (v->sub[callee])
				continue;
			size += v->size[callee];
			if (v->depth[callee] + 1 > depth)
				depth = v->depth[callee] + 1;
		}
	if (depth > MAX_INLINE_DEPTH && !fn->is_handler) {
		v->any = v->sub[number] = true;
		depth = 0;
	}
	v->size[number] = size;
	v->depth[number] = depth;
}

/* Finds the functions that are not inlined: recursive ones and, if there is much code, what is called
 * several times. True if there are any. */
static bool plan_subs(struct emit *e, const struct ir_fn *fn, bool *sub)
{
	struct arena *a = e->parts->arena;
	size_t n = e->m->fns.n;
	struct survey v = {.m = e->m, .sub = sub};
	uint32_t handler = 0;

	while (e->m->fns.v[handler] != fn)
		handler++;
	v.size = ARENA_ARRAY(a, uint64_t, n + 1);
	v.sites = ARENA_ARRAY(a, uint32_t, n + 1);
	v.depth = ARENA_ARRAY(a, uint32_t, n + 1);
	survey_fn(&v, handler);
	if (v.size[handler] <= ENOUGH)
		return v.any;
	for (size_t k = 0; k < n; k++)
		if (v.sites[k] > 1 && v.size[k] > SMALL)
			v.any = sub[k] = true;
	return v.any;
}

static void lay_out_subs(struct emit *e, const bool *sub)
{
	struct arena *a = e->parts->arena;
	uint32_t largest = 0;

	e->subs = ARENA_ARRAY(a, struct emit_sub *, e->m->fns.n + 1);
	for (uint32_t k = 0; k < e->m->fns.n; k++) {
		struct emit_sub *s;

		if (!sub[k])
			continue;
		s = e->subs[k] = ARENA_NEW(a, struct emit_sub);
		s->f = (struct emit_fn){.fn = e->m->fns.v[k], .place = -1};
		s->number = k;
		s->recursive = ir_calls(e->m, k, k);
		s->entry = emit_spot(e);
		s->f.ret = s->f.fail = emit_spot(e);
		s->f.result = (struct loc){LOC_SLOT, 0, lib_str_width(s->f.fn->ret_width)};
		if (s->f.fn->ret == IR_VOID)
			s->f.result.kind = LOC_NONE;
		else
			s->f.result.at = emit_take(e, s->f.fn->ret == IR_STR
							      ? RT_KEY_STR_BYTES(s->f.result.width)
							      : 8);
		s->window = s->back_at = emit_take(e, 8);
		s->f.floor_at = emit_take(e, 8);
		emit_lay_out(e, &s->f, NULL);
		s->bytes = e->frame_at - s->window;
		if (s->recursive && s->bytes > largest)
			largest = s->bytes;
	}
	if (!largest)
		return;
	if (e->max_nesting * largest > MAX_FRAME) {
		emit_error(e, NULL, "a handler needs more memory than the kernel gives it; "
				    "MAXNESTING is %lld", (long long)e->max_nesting);
		return;
	}
	e->stack_bytes = (uint32_t)e->max_nesting * largest;
	e->stack_at = emit_take(e, e->stack_bytes);
}

int emit_error_spot(const struct emit *e)
{
	return e->handler_block >= 0 ? e->f->spots[e->handler_block] : e->f->fail;
}

static void copy_value(struct emit *e, enum ir_type type, struct loc to, struct loc from)
{
	if (type == IR_STR) {
		emit_copy_str(e, to, from);
	} else {
		emit_load_loc(e, R1, from);
		emit_store_loc(e, to, R1);
	}
}

/* MAXNESTING. The frame counts the calls that are not inlined and what was inlined around them. */
static void check_nesting(struct emit *e, const struct ir_ins *i)
{
	int64_t most = e->max_nesting - e->depth - 1;
	int ok;

	if (!e->sub) {
		if (most < 0)
			emit_fail(e, i, RT_E_MAXNESTING);
		return;
	}
	ok = code_label(e->c);
	code_load(e->c, BPF_W, R1, R7, FRAME(nesting));
	code_jump_if_imm(e->c, BPF_JSLE, R1, (int32_t)most, ok);
	emit_fail(e, i, RT_E_MAXNESTING);
	code_place(e->c, ok);
}

/* R8 = what the stack of recursive calls holds; there is room for (or there are) `bytes` more. */
static void stack_position(struct emit *e, const struct ir_ins *i, int32_t change, uint32_t bytes)
{
	int ok = code_label(e->c);

	code_load(e->c, BPF_W, R8, R7, FRAME(stack_used));
	if (change)
		code_alu_imm(e->c, BPF_ADD, R8, change);
	code_jump_if_imm(e->c, BPF_JLE, R8, (int32_t)(e->stack_bytes - bytes), ok);
	emit_fail(e, i, RT_E_MAXNESTING); /* does not happen: check_nesting() */
	code_place(e->c, ok);
}

static void push_window(struct emit *e, const struct ir_ins *i, const struct emit_sub *sub)
{
	stack_position(e, i, 0, sub->bytes);
	emit_frame_ptr(e, R1, e->stack_at);
	code_alu(e->c, BPF_ADD, R1, R8);
	code_imm(e->c, R2, sub->bytes);
	emit_frame_ptr(e, R3, sub->window);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	code_alu_imm(e->c, BPF_ADD, R8, (int32_t)sub->bytes);
	code_store(e->c, BPF_W, R7, FRAME(stack_used), R8);
}

static void pop_window(struct emit *e, const struct ir_ins *i, const struct emit_sub *sub)
{
	stack_position(e, i, -(int32_t)sub->bytes, sub->bytes);
	code_store(e->c, BPF_W, R7, FRAME(stack_used), R8);
	emit_frame_ptr(e, R1, sub->window);
	code_imm(e->c, R2, sub->bytes);
	emit_frame_ptr(e, R3, e->stack_at);
	code_alu(e->c, BPF_ADD, R3, R8);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
}

/* Values of a function's registers where a call of the same function does not overwrite them. */
static struct loc out_of_window(struct emit *e, const struct emit_sub *sub, enum ir_type type, struct loc l)
{
	struct loc copy = l;

	if (l.kind != LOC_SLOT || l.at < sub->window || l.at >= sub->window + sub->bytes)
		return l;
	copy.at = emit_take(e, type == IR_STR ? RT_KEY_STR_BYTES(l.width) : 8);
	copy_value(e, type, copy, l);
	return copy;
}

static void add_nesting(struct emit *e, int by)
{
	code_load(e->c, BPF_W, R1, R7, FRAME(nesting));
	code_alu_imm(e->c, BPF_ADD, R1, by);
	code_store(e->c, BPF_W, R7, FRAME(nesting), R1);
}

/* The called function failed: the place of the call is noted, and the error goes on. */
static void pass_error(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c), full = code_label(e->c), caught = code_label(e->c);

	code_load(e->c, BPF_W, R2, R7, FRAME(error));
	code_jump_if_imm(e->c, BPF_JEQ, R2, 0, ok);
	code_load(e->c, BPF_W, R1, R7, FRAME(n_calls));
	code_jump_if_imm(e->c, BPF_JGE, R1, RT_MAX_CALLS, full);
	code_mov(e->c, R3, R1);
	code_alu_imm(e->c, BPF_LSH, R3, 2);
	code_alu(e->c, BPF_ADD, R3, R7);
	code_store_imm(e->c, BPF_W, R3, FRAME(calls), (int32_t)emit_place(e, i->tok));
	code_alu_imm(e->c, BPF_ADD, R1, 1);
	code_store(e->c, BPF_W, R7, FRAME(n_calls), R1);
	code_place(e->c, full);
	if (emit_error_spot(e) != e->uncaught) {
		code_jump_if_imm(e->c, BPF_JEQ, R2, RT_E_MAXACTION, caught);
		code_jump_if_imm(e->c, BPF_JEQ, R2, RT_E_ABORT, caught);
		emit_go(e, emit_error_spot(e));
		code_place(e->c, caught);
	}
	emit_go(e, e->uncaught);
	code_place(e->c, ok);
}

static void call_sub(struct emit *e, const struct ir_ins *i, uint32_t number)
{
	struct emit_sub *sub = e->subs[number];
	const struct ir_fn *fn = sub->f.fn;
	/* Only a function that leads to the one that calls it can be at work already. */
	bool active = e->sub && (sub == e->sub || ir_calls(e->m, number, e->sub->number));
	struct loc *args = ARENA_ARRAY(e->parts->arena, struct loc, i->n_args + 1);
	int back = emit_spot(e);
	uint64_t need;
	uint32_t floor = emit_floor(e, &need);

	for (unsigned k = 1; k < i->n_args; k++) {
		args[k] = emit_loc(e, emit_arg(e, i, k));
		if (active)
			args[k] = out_of_window(e, sub, fn->regs.v[k - 1].type, args[k]);
	}
	code_load(e->c, BPF_DW, R9, R7, (int)floor);
	if (active)
		push_window(e, i, sub);
	code_store(e->c, BPF_DW, R7, (int)sub->f.floor_at, R9);
	for (unsigned k = 1; k < i->n_args; k++)
		copy_value(e, fn->regs.v[k - 1].type, sub->f.locs[k - 1], args[k]);
	add_nesting(e, e->depth + 1);
	store_spot(e, sub->back_at, back);
	emit_go(e, sub->entry);
	emit_put(e, back);
	add_nesting(e, -e->depth - 1);
	if (active)
		pop_window(e, i, sub);
	pass_error(e, i);
	if (i->dst && sub->f.result.kind == LOC_SLOT)
		copy_value(e, fn->ret, emit_loc(e, i->dst), sub->f.result);
	sub->called = true;
}

static void call_inline(struct emit *e, const struct ir_ins *i, const struct ir_fn *fn)
{
	struct loc *args = ARENA_ARRAY(e->parts->arena, struct loc, i->n_args + 1);
	struct emit_fn f = {.fn = fn, .fail = emit_error_spot(e), .ret = emit_spot(e)};
	uint32_t frame_at = e->frame_at;

	for (unsigned k = 1; k < i->n_args; k++)
		args[k - 1] = emit_loc(e, emit_arg(e, i, k));
	if (i->dst)
		f.result = emit_loc(e, i->dst);
	f.place = (int)emit_place(e, i->tok);
	f.floor_at = emit_floor(e, &f.floor_need);
	emit_lay_out(e, &f, args);
	for (uint32_t r = 0; r < fn->n_params; r++)
		if (f.locs[r].kind == LOC_SLOT && f.locs[r].at != args[r].at)
			copy_value(e, fn->regs.v[r].type, f.locs[r], args[r]);
	e->depth++;
	emit_blocks(e, &f);
	e->depth--;
	emit_put(e, f.ret);
	e->frame_at = frame_at;
}

void emit_call(struct emit *e, const struct ir_ins *i)
{
	uint32_t number = IR_INDEX(emit_arg(e, i, 0));

	check_nesting(e, i);
	if (e->subs && e->subs[number])
		call_sub(e, i, number);
	else
		call_inline(e, i, e->m->fns.v[number]);
}

/* Slots of functions that are inlined in it lie behind all others: who calls it may need those. */
static void emit_sub_body(struct emit *e, struct emit_sub *sub)
{
	uint64_t places;

	e->sub = sub;
	e->f = NULL;
	e->handler_block = -1;
	e->depth = 0;
	e->uncaught = sub->f.fail;
	e->frame_at = e->frame_max;
	e->sub_places = 0;
	emit_put(e, sub->entry);
	emit_blocks(e, &sub->f);
	emit_put(e, sub->f.ret);
	code_load(e->c, BPF_W, R1, R7, (int)sub->back_at);
	code_store(e->c, BPF_W, R7, FRAME(state), R1);
	leave_part(e, 0);
	places = e->places + e->sub_places * (uint64_t)(sub->recursive ? e->max_nesting : 1);
	e->places = places < RT_MAX_PLACES ? (uint32_t)places : RT_MAX_PLACES;
}

static void emit_subs(struct emit *e)
{
	bool again = e->subs != NULL;

	while (again && !e->failed) {
		again = false;
		for (size_t k = 0; k < e->m->fns.n && !e->failed; k++) {
			struct emit_sub *sub = e->subs[k];

			if (!sub || !sub->called || e->spots.v[sub->entry].part)
				continue;
			emit_sub_body(e, sub);
			again = true;
		}
	}
	e->sub = NULL;
	e->f = NULL;
	e->handler_block = -1;
}

/* ------------------------------------------------------------------ whole handlers */

/* The body with its ends: normal and after an error nobody caught. The result is its last spot. */
static int whole_body(struct emit *e, const struct ir_fn *fn, struct loc result)
{
	struct emit_fn f = {.fn = fn, .place = -1, .result = result};
	int done = emit_spot(e), uncaught;

	f.ret = done;
	f.fail = uncaught = e->uncaught = emit_spot(e);
	f.floor_at = (uint32_t)FRAME(places);
	e->f = NULL;
	e->handler_block = -1;
	e->depth = 0;
	e->sub_places = 0;
	emit_lay_out(e, &f, NULL);
	emit_blocks(e, &f);
	e->places = e->sub_places < RT_MAX_PLACES ? (uint32_t)e->sub_places : RT_MAX_PLACES;
	emit_go(e, done);
	emit_subs(e);
	emit_put(e, uncaught);
	if (result.kind == LOC_NONE) {
		emit_error_item(e);
	} else {
		code_imm(e->c, R1, 0);
		emit_store_loc(e, result, R1);
		code_store_imm(e->c, BPF_W, R7, FRAME(error), 0);
	}
	emit_put(e, done);
	return done;
}

static void begin(struct emit *e, const bool *sub)
{
	e->spots.n = e->ways.n = e->fixups.n = e->numbers.n = 0;
	e->subs = NULL;
	e->sub = NULL;
	e->places = 0;
	e->want_parts = false;
	e->max_nesting = ir_max_nesting(e->m, e->s->opt.maxnesting);
	if (e->in_parts)
		begin_part(e);
	if (sub)
		lay_out_subs(e, sub);
}

static void in_parts(struct emit *e, const struct ir_fn *fn, struct code *main, struct loc result,
		     const bool *sub)
{
	int start, turn, ended = code_label(main);

	e->in_parts = true;
	begin(e, sub);
	start = emit_spot(e);
	emit_put(e, start);
	whole_body(e, fn, result);
	code_store_imm(e->c, BPF_W, R7, FRAME(state), ENDED);
	leave_part(e, 1);
	end_part(e);
	if (e->failed)
		return;
	turn = finish_parts(e, start);
	e->c = main;
	code_store_imm(main, BPF_W, R7, FRAME(state), 0);
	if (sub) {
		code_store_imm(main, BPF_W, R7, FRAME(nesting), 0);
		code_store_imm(main, BPF_W, R7, FRAME(stack_used), 0);
	}
	code_store(main, BPF_DW, R10, -24, R7);
	code_store(main, BPF_DW, R10, -16, R6);
	code_imm(main, R1, MAX_TURNS);
	code_callback(main, R2, turn);
	code_mov(main, R3, R10);
	code_alu_imm(main, BPF_ADD, R3, -24);
	code_imm(main, R4, 0);
	code_helper(main, BPF_FUNC_loop);
	if (result.kind != LOC_NONE)
		return;
	/* Without the limit of actions a loop may have no end. */
	code_load(main, BPF_W, R1, R7, FRAME(state));
	code_jump_if_imm(main, BPF_JEQ, R1, ENDED, ended);
	code_store_imm(main, BPF_W, R7, FRAME(error), RT_E_MAXACTION);
	code_store_imm(main, BPF_W, R7, FRAME(error_place), (int32_t)emit_place(e, fn->tok));
	emit_error_item(e);
	code_place(main, ended);
}

struct code *emit_callback(struct emit *e, enum lib_sub_kind kind, int *number)
{
	struct part *p = ARENA_NEW(e->parts->arena, struct part);

	p->kind = kind;
	code_init(&p->code, e->parts->arena);
	vec_push(&e->parts->callbacks, e->parts->arena, p);
	*number = (int)e->parts->callbacks.n;
	return &p->code;
}

void emit_handler(struct emit *e, const struct ir_fn *fn, struct code *main, struct loc result)
{
	uint32_t frame_at = e->frame_at;
	size_t n_callbacks = e->parts->callbacks.n, n_walks = e->parts->walks.n;
	bool *sub = ARENA_ARRAY(e->parts->arena, bool, e->m->fns.n + 1);
	struct code plain = *main;

	e->c = main;
	e->in_parts = false;
	e->want_parts = plan_subs(e, fn, sub);
	if (e->want_parts) {
		in_parts(e, fn, main, result, sub);
	} else {
		begin(e, NULL);
		whole_body(e, fn, result);
		for (size_t k = 0; k < e->ways.n; k++) {
			const struct emit_spot *s = &e->spots.v[e->ways.v[k]];

			if (s->way_from == main && !code_placed(main, s->way))
				e->want_parts = true;
		}
		if (e->want_parts && !e->failed) {
			/* Again, in parts. What the first try wrote is forgotten. */
			*main = plain;
			e->parts->callbacks.n = n_callbacks;
			e->parts->walks.n = n_walks;
			e->frame_at = frame_at;
			in_parts(e, fn, main, result, NULL);
		}
	}
	if (e->frame_max > MAX_FRAME)
		emit_error(e, NULL, "a handler needs more memory than the kernel gives it");
	e->frame_at = frame_at;
	e->c = main;
}
