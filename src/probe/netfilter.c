/* netfilter.hook("NF_INET_LOCAL_IN").pf("NFPROTO_IPV4").priority("NF_IP_PRI_FILTER"): packets on their way
 * through the hooks of netfilter (probe reference 7.16), in the network namespace of stap.
 *
 * The kernel runs programs there since Linux 6.4, for IPv4 and IPv6. They see the packet and decide: it goes on,
 * or, if a script with -g sets $verdict to NF_DROP, it is dropped. */
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwarf/dbg.h"
#include "kern/btf.h"
#include "lang/diag.h"
#include "probe/netfilter.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

extern const struct probe_family netfilter_family;

static const char *const patterns[] = {
	"netfilter.hook(string).pf(string)",
	"netfilter.hook(string).pf(string).priority(string)",
	"netfilter.pf(string).hook(string)",
	"netfilter.pf(string).hook(string).priority(string)",
	NULL,
};

struct named {
	const char *name;
	int64_t value;
};

static const struct named protocols[] = {
	{"NFPROTO_IPV4", NFPROTO_IPV4}, {"NFPROTO_IPV6", NFPROTO_IPV6}, {"NFPROTO_ARP", NFPROTO_ARP},
	{"NFPROTO_BRIDGE", NFPROTO_BRIDGE}, {0},
};

/* Behind NF_INET_, NF_IP_ or NF_IP6_. */
static const struct named hooks[] = {
	{"PRE_ROUTING", NF_INET_PRE_ROUTING}, {"LOCAL_IN", NF_INET_LOCAL_IN}, {"FORWARD", NF_INET_FORWARD},
	{"LOCAL_OUT", NF_INET_LOCAL_OUT}, {"POST_ROUTING", NF_INET_POST_ROUTING}, {0},
};

/* Behind NF_IP_PRI_ or NF_IP6_PRI_. The first and the last of all the kernel keeps for itself. */
static const struct named priorities[] = {
	{"FIRST", INT32_MIN + 1}, {"RAW_BEFORE_DEFRAG", -450}, {"CONNTRACK_DEFRAG", -400}, {"RAW", -300},
	{"SELINUX_FIRST", -225}, {"CONNTRACK", -200}, {"MANGLE", -150}, {"NAT_DST", -100}, {"FILTER", 0},
	{"SECURITY", 50}, {"NAT_SRC", 100}, {"SELINUX_LAST", 225}, {"CONNTRACK_HELPER", 300},
	{"LAST", INT32_MAX - 1}, {0},
};

bool netfilter_hook_of(const char *path, struct kern_netfilter *h)
{
	return sscanf(path, "%" SCNu32 " %" SCNu32 " %" SCNd32, &h->pf, &h->hook, &h->priority) == 3;
}

static bool find(const struct named *v, const char *name, int64_t *value)
{
	for (; v->name; v++)
		if (strcmp(v->name, name) == 0) {
			*value = v->value;
			return true;
		}
	return false;
}

/* What follows one of the prefixes. NULL: it begins with none. */
static const char *behind(const char *text, const char *prefix, const char *other)
{
	if (strncmp(text, prefix, strlen(prefix)) == 0)
		return text + strlen(prefix);
	return strncmp(text, other, strlen(other)) == 0 ? text + strlen(other) : NULL;
}

static bool number(const char *text, int64_t low, int64_t high, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 0);
	return *text && !*end && !errno && *value >= low && *value <= high;
}

/* False: reported. */
static bool read_point(struct session *s, const struct probe_point *p, struct kern_netfilter *h)
{
	const struct component *pf = probe_component(p, "pf"), *hook = probe_component(p, "hook"),
			       *priority = probe_component(p, "priority");
	const char *name;
	int64_t value;

	if (!find(protocols, pf->arg->str, &value)) {
		sem_error(s, pf->tok, NULL, "unsupported netfilter protocol family \"%s\"", pf->arg->str);
		return false;
	}
	if (value != NFPROTO_IPV4 && value != NFPROTO_IPV6) {
		sem_point_error(s, pf->tok, NULL, "the kernel runs no programs at netfilter hooks of %s",
				pf->arg->str);
		return false;
	}
	h->pf = (uint32_t)value;
	name = behind(hook->arg->str, "NF_INET_", value == NFPROTO_IPV4 ? "NF_IP_" : "NF_IP6_");
	if (!name || !find(hooks, name, &value)) {
		sem_error(s, hook->tok, NULL, "unsupported netfilter hook \"%s\" for protocol family \"%u\"",
			  hook->arg->str, h->pf);
		return false;
	}
	h->hook = (uint32_t)value;
	h->priority = 0;
	if (!priority)
		return true;
	name = behind(priority->arg->str, "NF_IP_PRI_", "NF_IP6_PRI_");
	if (!(name && find(priorities, name, &value)) &&
	    !number(priority->arg->str, INT32_MIN + 1, INT32_MAX - 1, &value)) {
		sem_error(s, priority->tok, NULL, "unsupported netfilter priority \"%s\"",
			  priority->arg->str);
		return false;
	}
	h->priority = (int32_t)value;
	return true;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);
	struct kern_netfilter h;

	(void)pattern;
	if (!read_point(s, p, &h))
		return false;
	if (!kern_btf() || !btf_find(kern_btf(), "bpf_nf_ctx", 1u << BTF_KIND_STRUCT)) {
		sem_point_error(s, p->comps.v[0].tok, NULL,
				"this kernel runs no programs at netfilter hooks (Linux 6.4 and later do)");
		return false;
	}
	site->kind = SITE_NETFILTER;
	site->path = intern(arena_printf(&s->arena, "%" PRIu32 " %" PRIu32 " %" PRId32, h.pf, h.hook, h.priority));
	site->place = ARENA_NEW(&s->arena, struct dbg_place);
	inst->family = f;
	inst->site = site;
	inst->point = (struct probe_point *)p;
	inst->name = point_text(&s->arena, p);
	emit(cookie, inst);
	return true;
}

/* ------------------------------------------------------------------ variables */

/* One that the context has (enum netfilter_argument). */
static void add_argument(struct session *s, struct dbg_signature *sig, const char *name, int number,
			 const char *structure, const char *scalar)
{
	struct btf *b = kern_btf();
	struct expr *e = expr_make(&s->arena, EX_CONTEXT, NULL);
	struct dbg_type type =
		dbg_btf_type(b, btf_find(b, structure ? structure : scalar,
					 structure ? BTF_KINDS_AGGREGATE : 1u << BTF_KIND_INT));

	type.stars = structure != NULL;
	e->type = TY_LONG;
	e->context = CTX_ARG;
	e->number = number;
	vec_push(&sig->args, &s->arena, (struct dbg_argument){name, type, e});
}

/* Made when it is asked for: the kernel's types are searched by name. */
static const struct dbg_place *place_of(struct session *s, const struct probe_inst *inst)
{
	struct dbg_place *at = (struct dbg_place *)inst->site->place;
	struct dbg_signature *sig;

	if (at->signature)
		return at;
	sig = ARENA_NEW(&s->arena, struct dbg_signature);
	sig->name = inst->name;
	add_argument(s, sig, "hooknum", NETFILTER_HOOKNUM, NULL, "unsigned int");
	add_argument(s, sig, "skb", NETFILTER_SKB, "sk_buff", NULL);
	add_argument(s, sig, "in", NETFILTER_IN, "net_device", NULL);
	add_argument(s, sig, "out", NETFILTER_OUT, "net_device", NULL);
	at->module = dbg_kernel(s, NULL);
	at->signature = sig;
	return at;
}

static bool is_verdict(const struct expr *e)
{
	return e->kind == EX_TARGET && strcmp(e->name, "$verdict") == 0 && !e->accessors.n && !e->suffix &&
	       !e->address_of;
}

static struct expr *resolve_target(struct session *s, const struct probe_inst *inst,
				   struct expr *target, const char **why)
{
	if (is_verdict(target))
		return expr_call(&s->arena, target->tok, "__netfilter_verdict");
	return dbg_resolve(s, place_of(s, inst), target, why);
}

static struct expr *assign_target(struct session *s, const struct probe_inst *inst,
				  struct expr *assignment, const char **why)
{
	struct expr *decide;

	(void)inst;
	if (!is_verdict(assignment->left) || assignment->kind != EX_ASSIGN || assignment->op != OP_ASSIGN)
		return NULL;
	if (!s->opt.guru) {
		*why = "write to target variable not permitted; need stap -g";
		return NULL;
	}
	decide = expr_call(&s->arena, assignment->tok, "__netfilter_decide");
	vec_push(&decide->args, &s->arena, assignment->right);
	return decide;
}

static void list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	dbg_list_vars(s, place_of(s, inst), out);
	vec_push(out, &s->arena, "$verdict:int");
}

const struct probe_family netfilter_family = {
	.name = "netfilter",
	.patterns = patterns,
	.build = build,
	.probe_type = "netfilter",
	.resolve_target = resolve_target,
	.assign_target = assign_target,
	.list_vars = list_vars,
};
