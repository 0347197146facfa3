/* Netfilter points: what their sites hold, and what their programs are given (netfilter.c). */
#ifndef PROBE_NETFILTER_H
#define PROBE_NETFILTER_H

#include <stdbool.h>

#include "kern/bpf.h"

/* probe_site.path of SITE_NETFILTER, "PF HOOK PRIORITY". */
bool netfilter_hook_of(const char *path, struct kern_netfilter *hook);

/* Numbers of the CTX_ARG of such a probe: members of struct nf_hook_state, but for the packet. */
enum netfilter_argument { NETFILTER_HOOKNUM, NETFILTER_SKB, NETFILTER_IN, NETFILTER_OUT };

#endif
