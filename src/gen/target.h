/* Programs that keep GEN_MAP_TARGETS up to date: the target of -c or -x and all that descends from it.
 * Raw tracepoints; nothing here makes a system call. */
#ifndef GEN_TARGET_H
#define GEN_TARGET_H

#include <linux/bpf.h>
#include <stdint.h>

/* Where members lie in the running kernel's structures. */
struct gen_task_layout {
	uint32_t pid, tgid, signal; /* of task_struct */
	uint32_t live;		    /* of signal_struct */
};

enum { GEN_TARGET_INSNS = 64 };

/* Each fills `to` and returns how many instructions it has. targets: descriptor of the map. */
/* sched_process_fork(parent, child): the child process of one that is in the map is added. */
uint32_t gen_target_fork(struct bpf_insn to[GEN_TARGET_INSNS], const struct gen_task_layout *at,
			 int targets);
/* sched_process_exit(task, ...): removed when its last thread ends. */
uint32_t gen_target_exit(struct bpf_insn to[GEN_TARGET_INSNS], const struct gen_task_layout *at,
			 int targets);

#endif
