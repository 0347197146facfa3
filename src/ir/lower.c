/* Tree to IR: functions and statements. See ir.h (ir_lower). */
#include <string.h>

#include "base/bug.h"
#include "ir/lower.h"
#include "lang/diag.h"
#include "rt/intrinsic.h"
#include "session.h"

static void lower_stmt(struct lower *l, struct stmt *s);

uint32_t lower_block(struct lower *l)
{
	return ir_block_add(l->m, l->f, l->handler);
}

static bool ended(const struct lower *l)
{
	const struct ir_block *b = &l->f->blocks.v[l->block];

	return b->ins.n && ir_ops[vec_last(&b->ins).op].terminator;
}

void lower_jump(struct lower *l, uint32_t block)
{
	ir_ref to = IR_REF(IRK_BLOCK, block);

	if (!ended(l))
		ir_add(l->m, l->f, l->block, IR_JMP, 0, &to, 1, 0, NULL);
}

void lower_branch(struct lower *l, ir_ref cond, uint32_t yes, uint32_t no)
{
	ir_ref args[3] = {cond, IR_REF(IRK_BLOCK, yes), IR_REF(IRK_BLOCK, no)};

	ir_add(l->m, l->f, l->block, IR_BR, 0, args, 3, 0, NULL);
}

uint32_t lower_function_number(struct lower *l, const struct function *f)
{
	return l->first_function + (uint32_t)f->id;
}

void lower_close_iters(struct lower *l, const struct loop *until)
{
	for (struct loop *k = l->loop; k != until; k = k->outer)
		if (k->iter)
			ir_add(l->m, l->f, l->block, IR_ITEREND, 0, &k->iter, 1, 0, NULL);
}

static void action(struct lower *l, const struct token *tok, uint32_t n)
{
	ir_add(l->m, l->f, l->block, IR_ACTION, 0, NULL, 0, n, tok);
}

/* After a statement that leaves, what follows goes to a block that nothing reaches. */
static void dead_block(struct lower *l)
{
	l->block = lower_block(l);
}

static void lower_if(struct lower *l, struct stmt *s)
{
	uint32_t yes = lower_block(l), no = s->otherwise ? lower_block(l) : 0, end = lower_block(l);

	lower_cond(l, s->expr, yes, s->otherwise ? no : end);
	l->block = yes;
	lower_stmt(l, s->then);
	lower_jump(l, end);
	if (s->otherwise) {
		l->block = no;
		lower_stmt(l, s->otherwise);
		lower_jump(l, end);
	}
	l->block = end;
}

static void lower_loop(struct lower *l, struct stmt *s)
{
	struct loop loop = {.outer = l->loop};
	uint32_t head, body, step, end;

	if (s->init)
		lower_effect(l, s->init);
	head = lower_block(l);
	body = lower_block(l);
	step = lower_block(l);
	end = lower_block(l);
	lower_jump(l, head);
	l->block = head;
	action(l, s->tok, 1);
	if (s->expr)
		lower_cond(l, s->expr, body, end);
	else
		lower_jump(l, body);
	loop.on_break = end;
	loop.on_continue = step;
	l->loop = &loop;
	l->block = body;
	lower_stmt(l, s->then);
	lower_jump(l, step);
	l->loop = loop.outer;
	l->block = step;
	if (s->step)
		lower_effect(l, s->step);
	lower_jump(l, head);
	l->block = end;
}

/* foreach over the buckets of a histogram: a counting loop. */
static void lower_hist_loop(struct lower *l, struct stmt *s)
{
	struct foreach *f = s->foreach;
	const struct hist *h = &f->hist->hist_param;
	int64_t buckets = h->kind == HIST_LOG ? 128 : (h->high - h->low) / h->step + 3;
	struct loop loop = {.outer = l->loop};
	ir_ref i = lower_temp(l, IR_LONG), count = lower_temp(l, IR_LONG), args[3 + MAX_KEYS], c;
	ir_ref bound = ir_num(l->m, buckets), limit = f->limit ? lower_expr(l, f->limit) : 0;
	uint32_t head, check, body, step, end;
	unsigned n = 2;

	/* An empty statistic is an error before the first turn. */
	args[0] = lower_var_ref(l, f->hist->left->var);
	if (f->hist->left->kind == EX_INDEX)
		n = lower_keys(l, args, 2, &f->hist->left->args);
	if (limit) {
		ir_ref fixed = lower_temp(l, IR_LONG);

		lower_mov(l, fixed, limit);
		limit = fixed;
	}
	lower_mov(l, i, ir_num(l->m, 0));
	lower_mov(l, count, ir_num(l->m, 0));
	head = lower_block(l);
	check = lower_block(l);
	body = lower_block(l);
	step = lower_block(l);
	end = lower_block(l);
	lower_jump(l, head);
	l->block = head;
	action(l, s->tok, 1);
	c = lower_op(l, IR_LT, s->tok, 0, (ir_ref[]){i, bound}, 2);
	lower_branch(l, c, check, end);
	l->block = check;
	if (limit) {
		c = lower_op(l, IR_LT, s->tok, 0, (ir_ref[]){count, limit}, 2);
		lower_branch(l, c, body, end);
	} else {
		lower_jump(l, body);
	}
	l->block = body;
	lower_store(l, f->keys.v[0]->var, i, s->tok);
	if (f->value) {
		args[1] = i;
		c = lower_op(l, IR_SBUCKET, f->hist->tok, 0, args, n);
		lower_store(l, f->value->var, c, s->tok);
	}
	ir_add(l->m, l->f, l->block, IR_ADD, count, (ir_ref[]){count, ir_num(l->m, 1)}, 2, 0, NULL);
	loop.on_break = end;
	loop.on_continue = step;
	l->loop = &loop;
	lower_stmt(l, s->then);
	lower_jump(l, step);
	l->loop = loop.outer;
	l->block = step;
	ir_add(l->m, l->f, l->block, IR_ADD, i, (ir_ref[]){i, ir_num(l->m, 1)}, 2, 0, NULL);
	lower_jump(l, head);
	l->block = end;
}

static void lower_foreach(struct lower *l, struct stmt *s)
{
	struct foreach *f = s->foreach;
	struct ir_sort sort = {.dir = f->sort_dir,
			       .column = f->sort_column,
			       .by_stat = f->sort_by_stat,
			       .stat = f->sort_stat,
			       .has_limit = f->limit != NULL};
	struct loop loop = {.outer = l->loop};
	ir_ref args[2 + MAX_KEYS], more, v;
	uint32_t head, body, done, end;
	unsigned n = 2;

	if (f->hist) {
		lower_hist_loop(l, s);
		return;
	}
	args[0] = IR_REF(IRK_GLOBAL, (ir_ref)f->array->id);
	args[1] = f->limit ? lower_expr(l, f->limit) : ir_num(l->m, 0);
	if (f->sliced)
		n = lower_keys(l, args, 2, &f->slice);
	while (n < 2 + f->keys.n)
		args[n++] = 0;
	loop.iter = ir_reg_add(l->m, l->f, IR_ITER, 0, NULL);
	ir_add(l->m, l->f, l->block, IR_FOREACH, loop.iter, args, n, ir_sort_pack(sort), s->tok);
	head = lower_block(l);
	body = lower_block(l);
	done = lower_block(l);
	end = lower_block(l);
	lower_jump(l, head);
	l->block = head;
	action(l, s->tok, 1);
	more = lower_op(l, IR_NEXT, s->tok, 0, &loop.iter, 1);
	lower_branch(l, more, body, done);
	l->block = body;
	for (size_t i = 0; i < f->keys.n; i++) {
		v = lower_temp(l, f->array->key_type[i] == TY_STRING ? IR_STR : IR_LONG);
		ir_add(l->m, l->f, l->block, IR_ITERKEY, v, &loop.iter, 1, (uint32_t)i, s->tok);
		lower_store(l, f->keys.v[i]->var, v, s->tok);
	}
	if (f->value) {
		v = lower_temp(l, f->array->type == TY_STRING ? IR_STR : IR_LONG);
		ir_add(l->m, l->f, l->block, IR_ITERVAL, v, &loop.iter, 1, 0, s->tok);
		lower_store(l, f->value->var, v, s->tok);
	}
	loop.on_break = done;
	loop.on_continue = head;
	l->loop = &loop;
	lower_stmt(l, s->then);
	lower_jump(l, head);
	l->loop = loop.outer;
	l->block = done;
	ir_add(l->m, l->f, l->block, IR_ITEREND, 0, &loop.iter, 1, 0, NULL);
	lower_jump(l, end);
	l->block = end;
}

static void lower_try(struct lower *l, struct stmt *s)
{
	int outer = l->handler;
	uint32_t handler = lower_block(l), body, end = lower_block(l);

	l->handler = (int)handler;
	body = lower_block(l);
	lower_jump(l, body);
	l->block = body;
	lower_stmt(l, s->then);
	lower_jump(l, end);
	l->handler = outer;
	l->block = handler;
	{
		ir_ref msg = lower_op(l, IR_CATCH, s->tok, 0, NULL, 0);

		if (s->expr && s->expr->var)
			lower_store(l, s->expr->var, msg, s->tok);
	}
	action(l, s->tok, 1);
	lower_stmt(l, s->otherwise);
	lower_jump(l, end);
	l->block = end;
}

static void lower_delete(struct lower *l, struct stmt *s)
{
	struct expr *e = s->expr;
	const struct var *v = e->var;
	ir_ref args[2 + MAX_KEYS];
	bool wild = false;
	unsigned n;

	if (e->kind == EX_INDEX) {
		for (size_t i = 0; i < e->args.n; i++)
			wild |= !e->args.v[i];
		args[0] = lower_var_ref(l, v);
		n = lower_keys(l, args, 1, &e->args);
		ir_add(l->m, l->f, l->block, wild ? IR_TDELS : IR_TDEL, 0, args, n, 0, s->tok);
	} else if (v->kind == VAR_GLOBAL && (v->arity > 0 || v->type == TY_STATS)) {
		args[0] = lower_var_ref(l, v);
		ir_add(l->m, l->f, l->block, IR_CLEAR, 0, args, 1, 0, s->tok);
	} else {
		lower_store(l, v, v->type == TY_STRING ? ir_strc(l->m, "", 0) : ir_num(l->m, 0),
			    s->tok);
	}
}

/* `next`: leaves a handler; in a function, calls the following overload with the same arguments. */
static void lower_next(struct lower *l, struct stmt *s)
{
	const struct function *fn = l->fn, *to;
	ir_ref args[260], msg, dst = 0;
	unsigned n = 1;

	if (!fn) {
		lower_close_iters(l, NULL);
		ir_add(l->m, l->f, l->block, IR_RET, 0, NULL, 0, 0, s->tok);
		return;
	}
	to = fn->next_overload;
	if (!to) {
		msg = ir_strc(l->m, "all functions exhausted", 23);
		ir_add(l->m, l->f, l->block, IR_RAISE, 0, &msg, 1, 0, s->tok);
		return;
	}
	for (size_t i = 0; i < fn->params.n; i++)
		args[n++] = l->original_params[i];
	if (l->f->ret != IR_VOID)
		dst = lower_temp(l, l->f->ret);
	if (to->intrinsic) {
		ir_add(l->m, l->f, l->block, IR_RT, dst, args + 1, n - 1,
		       intrinsic_number(to->intrinsic), s->tok);
	} else {
		args[0] = IR_REF(IRK_FN, lower_function_number(l, to));
		ir_add(l->m, l->f, l->block, IR_CALL, dst, args, n, 0, s->tok);
	}
	/* Not before: an error of the call may be caught inside the loop, which then goes on. */
	lower_close_iters(l, NULL);
	ir_add(l->m, l->f, l->block, IR_RET, 0, &dst, dst ? 1 : 0, 0, s->tok);
}

static void lower_return(struct lower *l, struct stmt *s)
{
	ir_ref v = s->expr ? lower_expr(l, s->expr) : 0;

	lower_close_iters(l, NULL);
	if (!v && l->f->ret == IR_LONG)
		v = ir_num(l->m, 0);
	else if (!v && l->f->ret == IR_STR)
		v = ir_strc(l->m, "", 0);
	if (l->f->ret == IR_VOID)
		v = 0;
	ir_add(l->m, l->f, l->block, IR_RET, 0, &v, v ? 1 : 0, 0, s->tok);
}

static void lower_stmt(struct lower *l, struct stmt *s)
{
	if (!s)
		return;
	if (ended(l))
		dead_block(l);
	switch (s->kind) {
	case ST_NULL:
	case ST_EMBEDDED:
		break;
	case ST_BLOCK:
		for (size_t i = 0; i < s->body.n; i++)
			lower_stmt(l, s->body.v[i]);
		break;
	case ST_EXPR:
		action(l, s->tok, 1);
		lower_effect(l, s->expr);
		break;
	case ST_IF:
		action(l, s->tok, 1);
		lower_if(l, s);
		break;
	case ST_LOOP:
		lower_loop(l, s);
		break;
	case ST_FOREACH:
		action(l, s->tok, 1);
		lower_foreach(l, s);
		break;
	case ST_TRY:
		lower_try(l, s);
		break;
	case ST_RETURN:
		action(l, s->tok, 1);
		lower_return(l, s);
		break;
	case ST_DELETE:
		action(l, s->tok, 1);
		lower_delete(l, s);
		break;
	case ST_BREAK:
	case ST_CONTINUE:
		if (!l->loop) {
			sem_error(l->s, s->tok, NULL, s->kind == ST_BREAK
							      ? "cannot 'break' outside loop"
							      : "cannot 'continue' outside loop");
			break;
		}
		lower_jump(l, s->kind == ST_BREAK ? l->loop->on_break : l->loop->on_continue);
		break;
	case ST_NEXT:
		lower_next(l, s);
		break;
	}
}

/* Registers for the locals, zeroed. */
static void start_body(struct lower *l, const var_list *locals)
{
	l->handler = -1;
	l->loop = NULL;
	l->block = lower_block(l);
	l->locals = ARENA_ARRAY(&l->m->arena, ir_ref, locals->n + 1);
	for (size_t i = 0; i < locals->n; i++) {
		struct var *v = locals->v[i];
		enum ir_type t = v->type == TY_STRING ? IR_STR : IR_LONG;

		v->id = (int)i;
		l->locals[i] =
			ir_reg_add(l->m, l->f, t, t == IR_STR ? l->m->max_string : 0, v->name);
		lower_mov(l, l->locals[i],
			  t == IR_STR ? ir_strc(l->m, "", 0) : ir_num(l->m, 0));
	}
}

/* Ends the body, and the blocks behind statements that leave, which nothing reaches. */
static void finish_body(struct lower *l)
{
	ir_ref v = 0;

	if (l->f->ret == IR_LONG)
		v = ir_num(l->m, 0);
	else if (l->f->ret == IR_STR)
		v = ir_strc(l->m, "", 0);
	for (size_t i = 0; i < l->f->blocks.n; i++) {
		struct ir_block *b = &l->f->blocks.v[i];

		if (!b->ins.n || !ir_ops[vec_last(&b->ins).op].terminator)
			ir_add(l->m, l->f, (uint32_t)i, IR_RET, 0, &v, v ? 1 : 0, 0, NULL);
	}
}

static void lower_handler(struct lower *l, struct handler *h)
{
	l->f = l->m->fns.v[h->id];
	l->f->is_handler = true;
	l->f->tok = h->tok;
	l->fn = NULL;
	start_body(l, &h->locals);
	lower_stmt(l, h->body);
	finish_body(l);
}

static void lower_function(struct lower *l, struct function *f)
{
	l->f = l->m->fns.v[lower_function_number(l, f)];
	l->fn = f;
	l->f->tok = f->tok;
	l->f->n_params = (uint32_t)f->params.n;
	l->f->ret = f->type == TY_LONG ? IR_LONG : f->type == TY_STRING ? IR_STR : IR_VOID;
	l->f->ret_width = l->f->ret == IR_STR ? l->m->max_string : 0;
	l->params = ARENA_ARRAY(&l->m->arena, ir_ref, f->params.n + 1);
	l->original_params = ARENA_ARRAY(&l->m->arena, ir_ref, f->params.n + 1);
	for (size_t i = 0; i < f->params.n; i++) {
		struct var *v = f->params.v[i];
		enum ir_type t = v->type == TY_STRING ? IR_STR : IR_LONG;

		v->id = (int)i;
		l->params[i] =
			ir_reg_add(l->m, l->f, t, t == IR_STR ? l->m->max_string : 0, v->name);
	}
	start_body(l, &f->locals);
	for (size_t i = 0; f->next_overload && i < f->params.n; i++) {
		const struct ir_reg *r = &l->f->regs.v[i];

		l->original_params[i] = ir_reg_add(l->m, l->f, r->type, r->width, NULL);
		lower_mov(l, l->original_params[i], l->params[i]);
	}
	lower_stmt(l, f->body);
	finish_body(l);
}

static void lower_global(struct lower *l, const struct var *v)
{
	struct ir_global g = {.name = v->name,
			      .type = v->type,
			      .n_keys = v->arity,
			      .max_entries = v->maxsize ? v->maxsize : l->s->opt.maxmapentries,
			      .wrap = v->wrap,
			      .max_declared = v->maxsize != 0,
			      .stat = v->stat,
			      .var = v};

	g.width = v->type == TY_STRING ? l->m->max_string : 0;
	for (int i = 0; i < v->arity; i++) {
		g.key_type[i] = v->key_type[i] == TY_STRING ? TY_STRING : TY_LONG;
		g.key_width[i] = g.key_type[i] == TY_STRING ? l->m->max_string : 0;
	}
	if (v->init) {
		g.init_num = v->init->num;
		g.init_str = v->init->str;
		g.init_len = v->init->len > l->m->max_string ? l->m->max_string : v->init->len;
	}
	vec_push(&l->m->globals, &l->m->arena, g);
}

/* If the script asks for the texts of probe points, how long those are. */
static void point_widths(const struct program *p, struct ir_module *m)
{
	bool asked = false;

	for (size_t i = 0; i < p->functions.n; i++) {
		const struct intrinsic *f = p->functions.v[i]->intrinsic;

		asked |= f && (strcmp(f->name, "pp") == 0 || strcmp(f->name, "pn") == 0 ||
			       strcmp(f->name, "ppfunc") == 0);
	}
	for (size_t i = 0; asked && i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];
		size_t len = strlen(inst->name), alias = strlen(inst->alias_name);

		len = alias > len ? alias : len;
		if (len > m->point_width)
			m->point_width = (uint32_t)len;
		rt_point_function(inst->name, &len);
		if (len > m->function_width)
			m->function_width = (uint32_t)len;
	}
}

bool ir_lower(struct session *s)
{
	const struct program *p = s->program;
	struct lower l = {.s = s};
	int before = s->errors;

	s->ir = l.m = ir_module_new((uint32_t)s->opt.maxstringlen - 1);
	for (size_t i = 0; i < p->functions.n; i++)
		if (p->functions.v[i]->intrinsic &&
		    (strcmp(p->functions.v[i]->name, "matched") == 0 ||
		     strcmp(p->functions.v[i]->name, "ngroups") == 0))
			l.m->uses_groups = true;
	point_widths(s->program, l.m);
	for (size_t i = 0; i < p->globals.n; i++)
		lower_global(&l, p->globals.v[i]);
	for (size_t i = 0; i < p->handlers.n; i++) {
		p->handlers.v[i]->id = (int)i;
		ir_fn_add(l.m, arena_printf(&s->arena, "probe_%zu", i));
	}
	l.first_function = (uint32_t)l.m->fns.n;
	for (size_t i = 0; i < p->functions.n; i++) {
		p->functions.v[i]->id = (int)i;
		ir_fn_add(l.m, arena_printf(&s->arena, "%s.%zu", p->functions.v[i]->name, i));
	}
	for (size_t i = 0; i < p->functions.n; i++) {
		struct function *f = p->functions.v[i];

		if (f->intrinsic)
			f->id = (int)i;
		if (f->body) {
			lower_function(&l, f);
		} else {
			/* Intrinsics are called directly; the number stays, the body is nothing. */
			l.f = l.m->fns.v[lower_function_number(&l, f)];
			l.fn = f;
			start_body(&l, &f->locals);
			l.f->ret = IR_VOID;
			finish_body(&l);
		}
	}
	for (size_t i = 0; i < p->handlers.n; i++)
		lower_handler(&l, p->handlers.v[i]);
	/* Arming conditions: functions without parameters that give a number. */
	for (size_t i = 0; i < p->probes.n; i++) {
		struct probe_inst *inst = p->probes.v[i];
		var_list none = {0};
		ir_ref v;

		inst->condition_fn = -1;
		if (!inst->condition)
			continue;
		inst->condition_fn = (int)l.m->fns.n;
		l.f = ir_fn_add(l.m, arena_printf(&s->arena, "condition_%zu", i));
		l.f->ret = IR_LONG;
		l.fn = NULL;
		start_body(&l, &none);
		v = lower_expr(&l, inst->condition);
		ir_add(l.m, l.f, l.block, IR_RET, 0, &v, 1, 0, inst->condition->tok);
		finish_body(&l);
	}
	return s->errors == before;
}
