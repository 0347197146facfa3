/* Stands in for vars.c until it is there. */
#include "dwarf/dbg.h"

__attribute__((weak)) struct expr *dbg_resolve(struct session *s, const struct dbg_place *at,
					       struct expr *target, const char **why)
{
	(void)s;
	(void)at;
	(void)target;
	*why = "target variables are not supported yet";
	return NULL;
}

__attribute__((weak)) void dbg_list_vars(struct session *s, const struct dbg_place *at,
					 dbg_names *out)
{
	(void)s;
	(void)at;
	(void)out;
}
