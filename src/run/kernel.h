/* The part of a session that runs in the kernel; struct run.kernel, NULL if no handler does.
 *
 *   attach.c   maps, programs, attachments: made from the image, owned by descriptors
 *   drain.c    records of the ring buffer; losses; stopping
 *   life.c     processes that are there when handlers start to run
 *   replaced.c files that do not stay what they were
 *   share.c    globals that handlers on both sides use
 *   locks.c    handlers of this process against those in the kernel
 *   render.c   records to text
 *   symbols.c  names of addresses, symtab.c the tables behind them
 *
 * Everything is attached before the first begin probe, so that a probe that cannot be placed ends the
 * session before any handler has run; until kernel_arm() handlers see rt_shared.stopping and return.
 * Globals live in this process until then, and again after kernel_stop(): begin, end and error
 * probes never wait for anybody. */
#ifndef RUN_KERNEL_H
#define RUN_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpfrt/abi.h"
#include "gen/gen.h"
#include "gen/target.h"
#include "rt/kmap.h"
#include "run/render.h"

struct run;
struct kern_ring;
struct symbols;
struct bpf_insn;

struct kernel {
	struct gen_image *img;
	int btf;
	int *maps, *programs; /* descriptors, by index in the image; -1: none */
	int *links;
	size_t n_links, links_cap;
	int *kept; /* programs at kernel functions */
	size_t n_kept;
	int64_t missed; /* hits of programs that were running already; known at the end */
	size_t n_refused; /* places of patterns that could not be attached */
	int n_perf; /* links that are perf events: slow to close */
	struct probed_file *files; /* replaced.c */
	size_t n_files;
	bool *online; /* CPUs that have their events of perf; NULL: there are no such events */
	int cpu_events; /* with `online`: tells which are switched off and on, or -errno */

	bool follows; /* what descends from the target; task: for those programs */
	struct gen_task_layout task;
	struct rt_shared *shared;
	size_t shared_bytes;
	unsigned char *frames; /* all CPUs', or NULL if they cannot be seen */
	size_t frames_bytes, n_frames;

	struct kern_ring *ring;
	int64_t sleep_ns; /* of the consumer */
	bool seen_records; /* in the last turn */
	struct render render;
	struct render_sink sink;
	struct symbols *symbols;
	int64_t n_errors; /* rendered */
	int64_t clock_due_ns;

	struct str asides;	 /* additions to make: share.c */
	struct kmap *tables; /* by IR global */
	bool live;	     /* shared globals are in the kernel */
	struct lock_set *locks; /* by function of the IR, locks.c */
};

/* attach.c */
/* Loads and attaches all of s->image. False: reported. */
bool kernel_start(struct run *r);
void kernel_release(struct run *r);

/* own_frames.c: fills in what img->own_frames stands for. */
void own_frames_fill(struct gen_image *img);

/* drain.c */
void drain_init(struct run *r);
/* Handlers run from now on. */
void kernel_arm(struct run *r);
/* No handler runs any more, all they have said is written, globals are back. */
void kernel_stop(struct run *r);
/* Renders what is there; the descriptors to poll and how long. */
void kernel_drain(struct run *r);
/* Sleeps until the time or until there is something to do. */
void kernel_wait(struct run *r, int64_t until_ns);
/* Losses and skipped probes, at the end. */
int64_t kernel_skipped(const struct run *r);
void kernel_report_losses(struct run *r);

/* replaced.c */
/* What the files of user probes are before probes are attached. */
void replaced_init(struct kernel *k);
/* Warns of those that are something else now. */
void replaced_report(struct run *r);

/* share.c */
void share_init(struct run *r);
void share_release(struct run *r);
/* False: a table did not fit into its map; reported. */
bool share_go_live(struct run *r);
void share_go_plain(struct run *r);
/* An addition that a handler has left to us, and all that can be made now (no handler runs: all). */
void share_put_aside(struct run *r, uint32_t inst, uint32_t global, const struct rt_item_add *what,
		     const void *key, uint32_t size);
void share_add_asides(struct run *r, bool alone);

/* life.c */
/* Handlers that want to know of processes and threads hear of those that are there. */
void life_show_present(struct run *r);

/* locks.c */
/* Takes what a function of the IR needs for itself. False: somebody else kept it; to be skipped. */
bool locks_take(struct run *r, uint32_t fn);
void locks_drop(struct run *r, uint32_t fn);
/* One global. */
bool locks_take_global(struct run *r, uint32_t global);
void locks_drop_global(struct run *r, uint32_t global);
void locks_release(struct kernel *k);

#endif
