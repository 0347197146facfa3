/* Probes on functions of the running kernel: what it offers, and how one attaches.
 *
 * Results are as in bpf.h. What is offered is found by trying; the answers are kept. */
#ifndef KERN_KFUNC_H
#define KERN_KFUNC_H

#include <stdbool.h>
#include <stdint.h>

/* What the UAPI headers call BPF_TRACE_KPROBE_MULTI, for expected_attach (5.18). */
enum { KERN_ATTACH_KPROBE_MULTI = 42 };

/* How functions of the running kernel can be probed. 0: yes, else why not (-errno). */
struct kernel_ways {
	int (*fentry)(uint32_t btf_id, const char *module, bool on_return); /* this function */
	int (*kprobe_multi)(void);
	int (*kprobe)(void);
	bool (*traceable)(const char *function); /* fentry and kprobe_multi are possible there */
};
/* What the kernel offers; way NULL: what it really does, else only "fentry", "kprobe_multi", "kprobe" or
 * nothing, without a look at it. */
const struct kernel_ways *kern_ways(const char *way);
/* 0, or why the kernel does not offer it (-errno). */
int kern_try_kprobe_multi(void);
int kern_try_kprobe(void);
/* At this function; attach: for a moment it is, else the kernel is only asked to load a program for it. */
int kern_try_fentry(uint32_t btf_id, int btf_fd, bool on_return, bool attach);
/* Can ftrace stop at a function of this name? Many kernels do not tell: then true. */
bool kern_traceable(const char *function);
/* Descriptor of the BTF of a module that is loaded. */
int kern_module_btf_fd(const char *module);

/* A program loaded for fentry or fexit of a function, with its attach_btf_id. cookie 0: none. */
int kern_fentry(int prog, bool on_return, uint64_t cookie);
/* Many functions, by address, or by name where addresses is NULL. One bad one fails all. The program
 * was loaded with KERN_ATTACH_KPROBE_MULTI. */
struct kern_kprobes {
	const uint64_t *addresses;
	const char *const *symbols;
	const uint64_t *cookies;
	uint32_t n;
	bool on_return;
};
int kern_kprobe_multi(int prog, const struct kern_kprobes *k);
/* One instruction by a perf event: at symbol + offset, or at address where symbol is NULL. */
int kern_kprobe(int prog, const char *symbol, uint64_t offset, uint64_t address, bool on_return,
		uint64_t cookie);

#endif
