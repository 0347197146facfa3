/* Counters of perf events, for @perf: which ones handlers read, and the programs that keep them. */
#ifndef GEN_COUNTER_H
#define GEN_COUNTER_H

#include "gen/emit.h"

/* perf_counter(type, config): true if the instruction is one. */
bool emit_counter_op(struct emit *e, const struct ir_ins *i, const char *name);
/* Behind all handlers: if one reads counters, adds the programs that keep them. */
void counter_programs(struct builder *b);

#endif
