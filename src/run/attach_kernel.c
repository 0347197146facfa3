/* Kernel functions: programs that pass 4 has made for fentry, kprobe_multi or kprobes are attached that
 * way; and the hooks of netfilter. See attach.h. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/str.h"
#include "kern/bpf.h"
#include "kern/cpu.h"
#include "kern/kfunc.h"
#include "probe/netfilter.h"
#include "run/attach.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "session.h"

struct attaching {
	struct run *r;
	const struct gen_program *p;
	bool on_return;
	int multi, kprobe; /* programs as these want them; -1: not loaded yet */
	size_t n_fentry, n_multi, n_kprobe;
};

static bool refused(struct attaching *a, const struct gen_site *v, const char *how, int error)
{
	struct str why = {0};
	bool go_on;

	str_addf(&why, "%s: %s", how, attach_reason(error));
	if (error == -EINVAL || error == -EBUSY)
		str_add(&why, " (the kernel forbids probes in this function: notrace, or blocklisted)");
	go_on = attach_refused(a->r, v, why.s);
	str_release(&why);
	return go_on;
}

static bool attached(struct attaching *a, int link, size_t *count, size_t n)
{
	attach_add_link(a->r->kernel, link);
	*count += n;
	return true;
}

/* ------------------------------------------------------------------ fentry, fexit */

/* The function is part of the program: each needs its own. */
static bool attach_fentry(struct attaching *a, const struct gen_site *v)
{
	const char *how = a->on_return ? "fexit" : "fentry";
	struct attach_kind kind = {
		.type = BPF_PROG_TYPE_TRACING,
		.expected_attach = a->on_return ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
		.btf_id = v->site->btf_id,
	};
	int prog, link, error;

	if (v->site->module) {
		kind.btf_fd = kern_module_btf_fd(v->site->module);
		if (kind.btf_fd < 0)
			return refused(a, v, "types of the module", kind.btf_fd);
	}
	/* Whatever the kernel has against the function is not the program's fault. */
	error = kern_try_fentry(kind.btf_id, kind.btf_fd, a->on_return, false);
	prog = error < 0 ? -1 : attach_load(a->r, a->p, &kind);
	if (kind.btf_fd)
		close(kind.btf_fd);
	if (error < 0)
		return refused(a, v, how, error);
	if (prog < 0)
		return false;
	link = kern_fentry(prog, a->on_return, a->p->sites.n > 1 ? v->cookie : 0);
	attach_keep_program(a->r->kernel, prog);
	if (link < 0)
		return refused(a, v, how, link);
	return attached(a, link, &a->n_fentry, 1);
}

/* ------------------------------------------------------------------ kprobes */

static bool attach_kprobe(struct attaching *a, const struct gen_site *v)
{
	const struct probe_site *at = v->site;
	int link;

	if (a->kprobe < 0)
		a->kprobe = attach_load(a->r, a->p, &(struct attach_kind){.type = BPF_PROG_TYPE_KPROBE});
	if (a->kprobe < 0)
		return false;
	link = kern_kprobe(a->kprobe, at->vaddr ? NULL : at->path, at->offset, at->vaddr, a->on_return,
			   v->cookie);
	if (link < 0)
		return refused(a, v, a->on_return ? "kretprobe" : "kprobe", link);
	a->r->kernel->n_perf++;
	return attached(a, link, &a->n_kprobe, 1);
}

static int link_multi(struct attaching *a, const struct gen_site *v, size_t n)
{
	uint64_t *addresses = xcalloc(n, sizeof(*addresses)), *cookies = xcalloc(n, sizeof(*cookies));
	const char **symbols = xcalloc(n, sizeof(*symbols));
	struct kern_kprobes k = {.addresses = addresses, .symbols = symbols, .cookies = cookies,
				 .n = (uint32_t)n, .on_return = a->on_return};
	int link;

	for (size_t i = 0; i < n; i++) {
		addresses[i] = v[i].site->vaddr;
		symbols[i] = v[i].site->path;
		cookies[i] = v[i].cookie;
		if (!addresses[i])
			k.addresses = NULL;
	}
	link = kern_kprobe_multi(a->multi, &k);
	free(addresses);
	free(cookies);
	free(symbols);
	return link;
}

/* One that the kernel does not take fails all: then by halves. */
static bool attach_multi(struct attaching *a, const struct gen_site *v, size_t n)
{
	int link = link_multi(a, v, n);

	if (link >= 0)
		return attached(a, link, &a->n_multi, n);
	if (n == 1)
		return kern_try_kprobe() == 0 ? attach_kprobe(a, v) : refused(a, v, "kprobe_multi", link);
	return attach_multi(a, v, n / 2) && attach_multi(a, v + n / 2, n - n / 2);
}

static bool attach_many(struct attaching *a)
{
	const struct attach_kind kind = {.type = BPF_PROG_TYPE_KPROBE,
					 .expected_attach = KERN_ATTACH_KPROBE_MULTI};
	size_t n = a->p->sites.n, n_good = 0;
	struct gen_site *good = xmalloc(n * sizeof(*good));
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++) {
		const struct gen_site *v = &a->p->sites.v[i];

		if (n > 1 && !kern_traceable(v->site->path))
			ok = refused(a, v, "kprobe_multi", -EINVAL);
		else
			good[n_good++] = *v;
	}
	if (ok && n_good) {
		a->multi = attach_load(a->r, a->p, &kind);
		ok = a->multi >= 0 && attach_multi(a, good, n_good);
	}
	free(good);
	return ok;
}

/* ------------------------------------------------------------------ netfilter */

bool attach_netfilter(struct run *r, size_t number)
{
	const struct gen_site *v = &r->kernel->img->programs.v[number].sites.v[0];
	struct kern_netfilter h;
	int link;

	if (!netfilter_hook_of(v->site->path, &h))
		bug("netfilter hook \"%s\"", v->site->path);
	link = kern_netfilter(r->kernel->programs[number], &h);
	if (link < 0)
		return attach_refused(r, v, attach_reason(link));
	attach_add_link(r->kernel, link);
	return true;
}

/* ------------------------------------------------------------------ functions */

bool attach_kfuncs(struct run *r, size_t number)
{
	const struct gen_program *p = &r->kernel->img->programs.v[number];
	struct attaching a = {.r = r, .p = p, .on_return = p->kind == SITE_KFUNC_RETURN, .multi = -1,
			      .kprobe = -1};
	bool ok = true;

	if (p->kfunc == GEN_KPROBE_MULTI)
		ok = attach_many(&a);
	for (size_t i = 0; i < p->sites.n && ok && p->kfunc != GEN_KPROBE_MULTI; i++)
		ok = p->kfunc == GEN_FENTRY ? attach_fentry(&a, &p->sites.v[i])
					    : attach_kprobe(&a, &p->sites.v[i]);
	if (a.multi >= 0)
		attach_keep_program(r->kernel, a.multi);
	if (a.kprobe >= 0)
		attach_keep_program(r->kernel, a.kprobe);
	if (r->s->opt.verbose[5])
		fprintf(stderr, "%s: functions by %s: %zu, by kprobe_multi: %zu, by kprobe: %zu\n", p->name,
			a.on_return ? "fexit" : "fentry", a.n_fentry, a.n_multi, a.n_kprobe);
	return ok;
}
