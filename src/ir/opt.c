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

#ifdef TAPIR_TEST
#include <string.h>

#include "base/str.h"
#include "base/test.h"

TEST(ir_optimize_leaves_the_needed)
{
	static const char before[] = "max_string 63\nglobal @n long\nformat 0 \"%d\"\n"
				     "fn @probe_0() handler {\n"
				     "\treg %0:long x\n"
				     "b0:\n\t%0:long = mov 0\n\t%1:long = load @n\n"
				     "\t%2:long = add 1, 2\n\t%0:long = mov %2\n"
				     "\tbr %0, b1, b2\n"
				     "b1:\n\t%3:long = mul %0, %1\n\tprint 0, %3\n\tret\n"
				     "b2:\n\tprint 0, 9\n\tret\n}\n";
	static const char after[] = "max_string 63\nglobal @n long\nformat 0 \"%d\"\n"
				    "fn @probe_0() handler {\n"
				    "b0:\n\t%0:long = load @n\n\t%1:long = mul 3, %0\n"
				    "\tprint 0, %1\n\tret\n}\n";
	struct arena a = {0};
	const char *error = NULL;
	struct ir_module *m = ir_parse(&a, before, strlen(before), &error);
	struct str out = {0};

	CHECK_STR(error, NULL);
	ir_optimize(m);
	CHECK_STR(ir_verify(m), NULL);
	ir_dump(&out, m);
	CHECK_STR(out.s, after);
	str_release(&out);
	ir_module_free(m);
	arena_release(&a);
}
#endif
