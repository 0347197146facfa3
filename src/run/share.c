/* Globals on their way between this process and the kernel. See kernel.h. */
#include <stdlib.h>

#include "base/arena.h"
#include "kern/bpf.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "session.h"

static void table_token(void *cookie, const struct rt_str *str, struct str *out)
{
	struct rt_env *env = cookie;

	env->token_text(env, str, out);
}

static void *shared_at(const struct kernel *k, uint32_t offset)
{
	return (unsigned char *)k->shared + offset;
}

void share_init(struct run *r)
{
	struct kernel *k = r->kernel;
	const struct ir_module *m = r->s->ir;

	k->tables = xcalloc(m->globals.n + 1, sizeof(*k->tables));
	for (size_t i = 0; i < m->globals.n; i++) {
		const struct gen_global *place = &k->img->globals[i];
		const struct ir_global *g = place->desc;
		struct kmap *t = &k->tables[i];

		if (!place->shared || (!g->n_keys && g->type != TY_STATS))
			continue;
		t->desc = g;
		t->next_seq = &k->shared->next_seq;
		t->token_text = table_token;
		t->cookie = &r->env;
		t->fd = -1;
		if (place->map < 0) {
			t->scalar = shared_at(k, place->offset);
		} else {
			t->fd = k->maps[place->map];
			t->type = k->img->maps.v[place->map].type;
		}
		kmap_init(t);
	}
}

void share_release(struct run *r)
{
	struct kernel *k = r->kernel;

	for (size_t i = 0; k->tables && i < r->s->ir->globals.n; i++)
		if (k->tables[i].desc)
			kmap_release(&k->tables[i]);
	free(k->tables);
	str_release(&k->asides);
	k->tables = NULL;
}

bool share_go_live(struct run *r)
{
	struct kernel *k = r->kernel;
	const struct ir_module *m = r->s->ir;
	int status;

	k->live = true;
	for (uint32_t i = 0; i < m->globals.n; i++) {
		if (!k->img->globals[i].shared)
			continue;
		if (!k->tables[i].desc) {
			interp_go_live(r->in, i, shared_at(k, k->img->globals[i].offset));
			continue;
		}
		status = rt_table_go_live(interp_table(r->in, i), &k->tables[i]);
		if (status) {
			message_error(r, "cannot hand the elements of %s to the kernel: %s",
				      m->globals.v[i].name, strerror(-status));
			return false;
		}
	}
	return true;
}

void share_go_plain(struct run *r)
{
	struct kernel *k = r->kernel;

	if (!k->live)
		return;
	k->live = false;
	for (uint32_t i = 0; i < r->s->ir->globals.n; i++) {
		if (!k->img->globals[i].shared)
			continue;
		if (!k->tables[i].desc)
			interp_go_plain(r->in, i);
		else if (rt_table_is_live(interp_table(r->in, i)))
			rt_table_go_plain(interp_table(r->in, i));
	}
}

/* ------------------------------------------------------------------ additions put aside */

struct aside {
	uint32_t inst, global, size, reserved; /* size of the key, which follows */
	struct rt_item_add what;
};

void share_put_aside(struct run *r, uint32_t inst, uint32_t global, const struct rt_item_add *what,
		     const void *key, uint32_t size)
{
	struct aside a = {inst, global, size, 0, *what};
	const struct kmap *t = &r->kernel->tables[global];
	const struct gen_global *place = &r->kernel->img->globals[global];

	if (!place->shared || (place->map >= 0 && size < t->key_size)) {
		r->kernel->render.n_bad++;
		return;
	}
	str_addn(&r->kernel->asides, (const char *)&a, sizeof(a));
	str_addn(&r->kernel->asides, key, size);
}

static bool add_one(struct kernel *k, const struct aside *a, const void *key)
{
	struct kmap *t = &k->tables[a->global];

	if (t->desc)
		return kmap_add_raw(t, key, a->what.n);
	__atomic_add_fetch((int64_t *)shared_at(k, k->img->globals[a->global].offset), a->what.n,
			   __ATOMIC_SEQ_CST);
	return true;
}

void share_add_asides(struct run *r, bool alone)
{
	struct kernel *k = r->kernel;
	size_t at = 0;
	struct aside a;

	for (; at < k->asides.len; at += sizeof(a) + a.size) {
		memcpy(&a, k->asides.s + at, sizeof(a));
		if (!alone && !locks_take_global(r, a.global))
			break;
		if (!add_one(k, &a, k->asides.s + at + sizeof(a)))
			render_full(&k->render, a.inst, a.global, a.what.place);
		if (!alone)
			locks_drop_global(r, a.global);
	}
	if (!at)
		return;
	memmove(k->asides.s, k->asides.s + at, k->asides.len - at);
	k->asides.len -= at;
}
