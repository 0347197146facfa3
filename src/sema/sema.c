/* Pass 2 as a list. See sema.h. */
#include "sema/sema.h"

#include "lang/diag.h"
#include "probe/provider.h"
#include "session.h"

bool sema_analyze(struct session *s)
{
	int before = s->errors;

	s->program = ARENA_NEW(&s->arena, struct program);
	sema_derive_probes(s);
	sema_resolve_names(s);
	if (s->errors == before)
		sema_resolve_autocasts(s);
	if (s->errors == before)
		sema_optimize(s);
	if (s->errors == before)
		sema_drop_unresolved(s);
	if (s->errors == before && sema_expand_entries(s) && s->errors == before) {
		sema_resolve_names(s);
		sema_optimize(s);
	}
	if (s->errors == before && !s->program->probes.n) {
		sem_error(s, NULL, NULL, "no probes found");
		return false;
	}
	if (s->errors == before)
		sema_infer_types(s);
	if (s->errors == before && !s->opt.no_global_display) {
		sema_add_global_display(s);
		if (s->program->auto_print.n)
			sema_infer_types(s);
	}
	if (s->errors == before)
		sema_check(s);
	for (const struct probe_family *const *f = probe_families; *f && s->errors == before; f++)
		if ((*f)->finish)
			(*f)->finish(s);
	for (size_t i = 0; i < s->opt.script_args.n; i++)
		if (!s->argc_argv_used && (i >= s->args_used.n || !s->args_used.v[i]))
			sem_warn(s, NULL, "unused command line option $%zu/@%zu", i + 1, i + 1);
	if (s->opt.warnings_are_errors && s->warnings && s->errors == before) {
		s->errors++;
		return false;
	}
	return s->errors == before;
}

static void keep(void *cookie, struct probe_inst *inst)
{
	*(struct probe_inst **)cookie = inst;
}

struct probe_inst *sema_simple_instance(struct session *s, struct probe_point *point)
{
	struct probe_inst *inst = NULL;

	begin_family.build(s, &begin_family, point->comps.v[0].name, point, keep, &inst);
	inst->alias_name = inst->name;
	return inst;
}
