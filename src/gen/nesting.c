/* Returns that the kernel does not see. It follows 64 nested calls with return probes in a thread, and leaves deeper ones
 * out (MAX_URETPROBE_DEPTH, kernel/events/uprobes.c): nobody is told how many. So where the return of functions is
 * probed, a program at their entry looks how deep the thread is, and counts those that will be left out. Its
 * cost is small beside that of the two exceptions of a return probe. */
#include "base/bug.h"
#include "gen/builder.h"
#include "gen/emit_task.h"
#include "sema/sema.h"
#include "session.h"

enum { MAX_NESTED = 64 };

static void emit_watch(struct code *c, bool targets, uint32_t utask, uint32_t depth, uint32_t n_handlers)
{
	int leave = code_label(c);

	/* The verifier knows the types: a fault, or no utask yet, reads as 0. */
	code_helper(c, BPF_FUNC_get_current_task_btf);
	code_load(c, BPF_DW, R1, R0, (int)utask);
	code_load(c, BPF_W, R1, R1, (int)depth);
	code_jump_if_imm(c, BPF_JLT, R1, MAX_NESTED, leave);
	if (targets)
		emit_only_targets(c, leave);
	emit_leave_if_stopping(c, RT_LIVE, leave);
	code_map_value(c, R1, GEN_MAP_SHARED, SHARED(unseen_returns));
	code_imm(c, R2, n_handlers);
	code_atomic(c, BPF_DW, BPF_ADD, R1, 0, R2);
	code_place(c, leave);
	code_imm(c, R0, 0);
	code_exit(c);
}

/* Points in the library of a program only are hit in others, too, which this does not tell apart. */
static bool is_watched(const struct gen_image *img, const struct gen_program *p)
{
	if (p->kind != SITE_URETPROBE || p->attach != GEN_UPROBES)
		return false;
	for (uint32_t k = 0; k < p->n_handlers; k++)
		if (img->insts.v[p->first_inst + k]->site->by_file)
			return false;
	return true;
}

void nesting_programs(struct builder *b)
{
	struct gen_image *img = b->img;
	struct emit e = {.s = b->s, .m = b->m, .img = img, .b = b};
	const struct options *opt = &b->s->opt;
	size_t n = img->programs.n;
	uint32_t utask, depth;

	for (size_t i = 0; i < n; i++) {
		const struct gen_program *p = &img->programs.v[i];
		struct gen_program watch = {.name = "nested_returns", .kind = SITE_UPROBE, .attach = GEN_UPROBES};
		struct arena scratch = {0};
		struct parts parts = {.arena = &scratch};

		if (!is_watched(img, p))
			continue;
		if (!emit_has_member(&e, "task_struct", "utask", &utask) ||
		    !emit_has_member(&e, "uprobe_task", "depth", &depth))
			return;
		code_init(&parts.main, &scratch);
		emit_watch(&parts.main, p->sites.v[0].site->target_only && (opt->command || opt->target_pid), utask,
			   depth, p->n_handlers);
		if (!parts_join(&parts, b->lib, img, &watch))
			bug("a jump in %s is too long", watch.name);
		arena_release(&scratch);
		watch.sites.v = p->sites.v;
		watch.sites.n = watch.sites.cap = p->sites.n;
		vec_push(&img->programs, &img->arena, watch);
	}
}
