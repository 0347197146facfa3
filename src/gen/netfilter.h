/* Handlers at the hooks of netfilter: programs that are given a packet and decide on it. */
#ifndef GEN_NETFILTER_H
#define GEN_NETFILTER_H

#include "gen/emit.h"

/* Before the first handler. */
void netfilter_begin(struct emit *e);
/* Behind the last one: to the end of the program if the packet is to be dropped. */
void netfilter_verdict(struct code *c);
/* R1 = a CTX_ARG (enum netfilter_argument). */
void netfilter_argument(struct emit *e, const struct ir_ins *i);
/* Is it an intrinsic whose helper these programs may not call? */
bool netfilter_lacks(const char *name);
/* $verdict; true if the instruction is that. */
bool emit_netfilter_op(struct emit *e, const struct ir_ins *i, const char *name);

#endif
