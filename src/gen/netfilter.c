/* See netfilter.h. The context is struct bpf_nf_ctx: the state of the hook, and the packet. */
#include "gen/netfilter.h"

#include <linux/netfilter.h>
#include <stddef.h>
#include <string.h>

#include "gen/emit_task.h"
#include "gen/life.h"
#include "probe/netfilter.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

void netfilter_begin(struct emit *e)
{
	life_current(e);
	code_store_imm(e->c, BPF_W, R7, FRAME(verdict), NF_ACCEPT);
}

void netfilter_verdict(struct code *c)
{
	int accepted = code_label(c);

	code_load(c, BPF_W, R1, R7, FRAME(verdict));
	code_jump_if_imm(c, BPF_JNE, R1, NF_DROP, accepted);
	code_store_imm(c, BPF_W, R7, FRAME(busy), 0);
	code_imm(c, R0, NF_DROP);
	code_exit(c);
	code_place(c, accepted);
}

void netfilter_argument(struct emit *e, const struct ir_ins *i)
{
	enum { STATE = 0, SKB = 8 };

	if (i->imm == NETFILTER_SKB) {
		code_load(e->c, BPF_DW, R1, R6, SKB);
		return;
	}
	code_load(e->c, BPF_DW, R1, R6, STATE);
	if (i->imm == NETFILTER_HOOKNUM)
		code_load(e->c, BPF_B, R1, R1, (int)emit_member(e, i, "nf_hook_state", "hook"));
	else
		code_load(e->c, BPF_DW, R1, R1,
			  (int)emit_member(e, i, "nf_hook_state", i->imm == NETFILTER_IN ? "in" : "out"));
}

bool netfilter_lacks(const char *name)
{
	static const char *const names[] = {
		"backtrace", "sprint_backtrace", "print_backtrace", "print_backtrace_fileline", "callers",
		"stack", "caller", "raise", "perf_counter",
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(names[k], name) == 0)
			return true;
	return strncmp(name, "set_user", 8) == 0;
}

static void decide(struct emit *e, const struct ir_ins *i)
{
	int good = code_label(e->c);

	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_store(e->c, BPF_W, R7, FRAME(verdict), R1);
	code_jump_if_imm(e->c, BPF_JLE, R1, NF_ACCEPT, good);
	code_store_imm(e->c, BPF_W, R7, FRAME(verdict), NF_ACCEPT);
	emit_fail_text(e, i, "the verdict of a netfilter probe can be NF_DROP or NF_ACCEPT only");
	code_place(e->c, good);
}

bool emit_netfilter_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	if (e->attach != GEN_NETFILTER)
		return false;
	if (strcmp(name, "netfilter_verdict") == 0) {
		code_load(e->c, BPF_W, R0, R7, FRAME(verdict));
		emit_store_num(e, i->dst, R0);
		return true;
	}
	if (strcmp(name, "netfilter_decide") != 0)
		return false;
	decide(e, i);
	return true;
}
