/* Programs of process.begin, .end, .thread, .syscall: raw tracepoints (life.c); of library probes, who
 * runs them. */
#ifndef GEN_LIFE_H
#define GEN_LIFE_H

#include "gen/emit.h"

/* Tracepoint number k (from 0) whose program runs the handlers of a kind; NULL: no more. */
const char *life_tracepoint(enum site_kind kind, int k);
/* In a program, before its first handler: finds the task in question. Elsewhere: what that needs. */
void life_begin(struct emit *e, int leave);
/* The current one, without helpers that some programs may not call. */
void life_current(struct emit *e);
/* The same where the task in question is an argument, counted from 1. */
void life_argument(struct emit *e, uint32_t arg);
/* Elsewhere, for what follows: the executable of the current task. */
void life_executable(struct emit *e);
/* To skip unless the task runs the file that the instance asks for. */
void life_filter_file(struct emit *e, const struct probe_inst *inst, int skip);
/* To skip unless the instance is interested in that task. */
void life_filter(struct emit *e, const struct probe_inst *inst, int skip);

#endif
