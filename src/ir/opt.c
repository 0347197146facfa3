/* The optimisations in order. What each does, and what it relies on, stands in its file.
 *
 * Folding first, since it makes blocks long; merging of expressions then finds most. Both leave
 * copies that nobody reads; once these are gone, a second folding sees blocks that only jump, and
 * takes away the copies that the merging has made. The widths come last, when there is least to be
 * joined. With -DIR_VERIFY (sanitizer builds) the module is verified before and after each. */
#include "base/bug.h"
#include "ir/ir.h"

static void verify_after(struct ir_module *m, const char *pass)
{
#ifdef IR_VERIFY
	const char *error = ir_verify(m);

	if (error)
		bug("the IR is wrong after %s: %s", pass, error);
#else
	(void)m;
	(void)pass;
#endif
}

void ir_optimize(struct ir_module *m)
{
	static const struct {
		const char *name;
		void (*run)(struct ir_module *m, struct ir_fn *f);
	} passes[] = {
		{"fold", ir_opt_fold},
		{"cse", ir_opt_cse},
		{"dce", ir_opt_dce},
		{"fold (second)", ir_opt_fold},
		{"dce (second)", ir_opt_dce},
	};

	verify_after(m, "lowering");
	for (size_t p = 0; p < sizeof(passes) / sizeof(passes[0]); p++) {
		for (size_t i = 0; i < m->fns.n; i++)
			passes[p].run(m, m->fns.v[i]);
		verify_after(m, passes[p].name);
	}
	ir_opt_width(m);
	verify_after(m, "width");
}
