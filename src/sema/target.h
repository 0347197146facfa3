/* The inside of target resolution, shared by target.c, pretty_call.c, entry.c and autocast.c. */
#ifndef SEMA_TARGET_H
#define SEMA_TARGET_H

#include "sema/sema.h"

struct session;

/* A source for synthesized code: counts as library text, so that nothing is reported about it. */
const struct token *target_token(struct session *s, const struct token *at);
/* Where synthesized functions and globals are declared. */
struct script *target_script(struct session *s);

/* Is it a $x, @var, @cast, ... that debug information has to expand? */
bool target_is(const struct expr *e);
/* Can (part of) the tree not be resolved? The first such node, or NULL. */
const struct expr *target_unresolved(const struct expr *e);
/* Does the expression give a text made of many values? */
bool target_is_text(const struct expr *e);

/* Expands one target whose parts are expanded already, by `resolve`; texts that read memory are put
 * into a function of their own which gives "ERROR" if a read fails. NULL and *why. */
struct expr *target_text(struct session *s, struct expr *e,
			 struct expr *(*resolve)(void *cookie, struct expr *target, const char **why),
			 void *cookie, const char **why);
/* The same for @enumname: a call of a function that knows the names. */
struct expr *target_enum_name(struct session *s, struct expr *e,
			      struct expr *(*resolve)(void *cookie, struct expr *target,
						      const char **why),
			      void *cookie, const char **why);

/* constants.c: the value of @const. */
struct expr *sema_constant(struct session *s, const struct expr *e, const char **why);

#endif
