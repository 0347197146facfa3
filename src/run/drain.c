/* The consumer of the ring buffer.
 *
 * Handlers wake nobody when they print: the consumer looks every 1 to 10 ms, more often while there is
 * much, so that many records are written with one system call; every 40 ms where no handler prints. A handler that ends the session does
 * wake it, and so does the end of the -c command. Nothing here allocates for a record. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "kern/bpf.h"
#include "run/attach.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "run/symbols.h"
#include "session.h"

enum {
	SHORTEST_NS = 1000000,
	LONGEST_NS = 10000000,
	LONGEST_QUIET_NS = 40000000,
	CLOCK_NS = 1000000000,	/* real time is compared with the kernel's clock that often */
	ONE_TURN = 20000,	/* records, then timers and signals have their turn */
	WRITE_BYTES = 1 << 17,	/* output is written when there is that much of it */
	IN_FLIGHT_MS = 200,	/* handlers that were running when told to stop get that long */
};

/* ------------------------------------------------------------------ what records ask for */

static struct run *run_of_sink(struct render_sink *sink)
{
	return ((struct kernel *)((char *)sink - offsetof(struct kernel, sink)))->render.owner;
}

static void sink_error(struct render_sink *sink, const char *text)
{
	struct run *r = run_of_sink(sink);

	r->kernel->n_errors++;
	output_flush(r);
	run_error(r, text);
}

static void sink_warn(struct render_sink *sink, const char *text, uint32_t len)
{
	message_warn_once(&run_of_sink(sink)->env, text, len);
}

static void sink_system(struct render_sink *sink, const char *command, uint32_t len)
{
	struct run *r = run_of_sink(sink);

	vec_push(&r->commands, &r->s->arena, arena_strndup(&r->s->arena, command, len));
}

static void sink_exit(struct render_sink *sink)
{
	run_of_sink(sink)->env.exit_requested = true;
}

static void sink_rotate(struct render_sink *sink)
{
	struct run *r = run_of_sink(sink);

	output_flush(r);
	output_rotate(r);
}

static void sink_add(struct render_sink *sink, uint32_t inst, uint32_t global,
		     const struct rt_item_add *what, const void *key, uint32_t size)
{
	share_put_aside(run_of_sink(sink), inst, global, what, key, size);
}

static void sink_token(struct render_sink *sink, enum rt_token_kind kind, const struct rt_token *token,
		       struct str *out)
{
	symbols_token(run_of_sink(sink)->kernel->symbols, kind, token, out);
}

static void sink_stack(struct render_sink *sink, uint32_t pid, unsigned how,
		       const struct rt_stack *stack, struct str *out)
{
	symbols_stack(run_of_sink(sink)->kernel->symbols, pid, how, stack, out);
}

static void sink_lines(struct render_sink *sink, uint32_t pid, bool kernel, const char *text,
		       uint32_t len, struct str *out)
{
	symbols_lines(run_of_sink(sink)->kernel->symbols, pid, kernel, text, len, out);
}

void drain_init(struct run *r)
{
	struct kernel *k = r->kernel;
	const struct options *o = &r->s->opt;

	k->sink = (struct render_sink){sink_error, sink_warn, sink_system, sink_exit, sink_rotate, sink_add,
				       sink_token, sink_stack, sink_lines};
	k->render = (struct render){.ir = r->s->ir,
				    .img = k->img,
				    .sink = &k->sink,
				    .owner = r,
				    .out = &r->out,
				    .max_print = (uint32_t)o->buffer_bytes,
				    .hist_width = (int)o->hist_width,
				    .hist_elision = (int)o->hist_elision};
	render_init(&k->render);
	k->sleep_ns = SHORTEST_NS;
}

/* ------------------------------------------------------------------ records */

static void one_record(void *cookie, const void *data, uint32_t size)
{
	struct run *r = cookie;

	/* After an error that ends the session nothing else is heard of it. */
	if (r->output.broken)
		return;
	render_record(&r->kernel->render, data, size);
	/* Files of limited size: each handler's output in one of them. */
	if (r->out.len >= WRITE_BYTES || r->output.limit)
		output_flush(r);
}

static void check_skipped(struct run *r)
{
	if (r->state == RUN_ERROR || r->s->opt.suppress_handler_errors ||
	    kernel_skipped(r) <= r->s->opt.maxskipped)
		return;
	message_error(r, "Skipped too many probes, check MAXSKIPPED or try again with stap -t for more "
			 "details.");
	r->failed = true;
	r->state = RUN_ERROR;
}

static void check_overload(struct run *r)
{
	const struct rt_shared *sh = r->kernel->shared;

	if (r->state == RUN_ERROR || !sh->overload_spent)
		return;
	message_error(r, "probe overhead (%llu cycles) exceeded threshold (%llu cycles) in last %llu cycles",
		      (unsigned long long)sh->overload_spent, (unsigned long long)sh->overload_threshold,
		      (unsigned long long)sh->overload_within);
	r->failed = true;
	r->state = RUN_ERROR;
}

void kernel_drain(struct run *r)
{
	struct kernel *k = r->kernel;
	size_t n = kern_ring_consume(k->ring, ONE_TURN, one_record, r);
	int64_t longest = k->img->prints ? LONGEST_NS : LONGEST_QUIET_NS;

	k->seen_records = n != 0;
	if (r->out.len)
		output_flush(r);
	if (r->commands.n)
		commands_start(r);
	share_add_asides(r, false);
	symbols_update(k->symbols);
	check_skipped(r);
	check_overload(r);
	if (n == ONE_TURN)
		k->sleep_ns = 0; /* there is more */
	else if (n)
		k->sleep_ns = SHORTEST_NS;
	else if (k->sleep_ns < longest)
		k->sleep_ns = k->sleep_ns ? 2 * k->sleep_ns : SHORTEST_NS;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Once a second. Handlers have no real-time clock: they add this to the one they have. */
static void look_around(struct run *r)
{
	struct kernel *k = r->kernel;
	int64_t now = now_ns();

	if (now < k->clock_due_ns)
		return;
	k->clock_due_ns = now + CLOCK_NS;
	__atomic_store_n(&k->shared->clock_offset,
			 (uint64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC)),
			 __ATOMIC_RELAXED);
	attach_new_cpus(r);
}

void kernel_wait(struct run *r, int64_t until_ns)
{
	struct kernel *k = r->kernel;
	int64_t next = now_ns() + k->sleep_ns;
	int fds[PROCFS_FDS + 1];
	size_t n = procfs_fds(r, fds);

	look_around(r);
	/* While records come, the descriptor would end each sleep at once. */
	if (!k->seen_records)
		fds[n++] = k->maps[GEN_MAP_RING];
	signals_wait_on(until_ns < next ? until_ns : next, false, fds, n);
}

/* ------------------------------------------------------------------ begin and end */

void kernel_arm(struct run *r)
{
	struct kernel *k = r->kernel;
	uint32_t starting = RT_STARTING;

	look_around(r);
	if (!share_go_live(r)) {
		r->failed = true;
		r->state = RUN_ERROR;
		return;
	}
	/* Unless an entry handler has failed by now. */
	__atomic_compare_exchange_n(&k->shared->stopping, &starting, (uint32_t)RT_LIVE, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	life_show_present(r);
}

static bool in_flight(const struct kernel *k)
{
	for (size_t i = 0; k->frames && i < k->n_frames; i++) {
		const struct rt_frame *f = (const void *)(k->frames + i * k->img->frame_size);

		if (__atomic_load_n(&f->busy, __ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

void kernel_stop(struct run *r)
{
	struct kernel *k = r->kernel;
	const struct timespec ms = {.tv_nsec = 1000000};

	if (!k)
		return;
	__atomic_store_n(&k->shared->stopping, (uint32_t)RT_STOPPING, __ATOMIC_SEQ_CST);
	/* A handler may have looked at the flag and not yet taken its frame: that is a matter of
	 * nanoseconds, unless its CPU was taken away from it. */
	for (int i = 0; i < IN_FLIGHT_MS && in_flight(k); i++)
		nanosleep(&ms, NULL);
	do
		kernel_drain(r);
	while (k->seen_records);
	share_add_asides(r, true);
	for (size_t i = 0; i < k->img->programs.n; i++)
		if (k->programs[i] >= 0)
			k->missed += (int64_t)kern_prog_misses(k->programs[i]);
	for (size_t i = 0; i < k->n_kept; i++)
		k->missed += (int64_t)kern_prog_misses(k->kept[i]);
	k->missed += (int64_t)k->shared->unseen_returns;
	share_go_plain(r);
}

/* ------------------------------------------------------------------ losses */

int64_t kernel_skipped(const struct run *r)
{
	const struct rt_shared *sh = r->kernel ? r->kernel->shared : NULL;

	if (!sh)
		return r->env.n_skipped;
	return r->env.n_skipped + r->kernel->missed + (int64_t)(sh->skipped_busy + sh->skipped_lock + sh->skipped_return);
}

void kernel_report_losses(struct run *r)
{
	const struct kernel *k = r->kernel;
	int64_t unseen;

	if (!k || !k->shared)
		return;
	unseen = (int64_t)k->shared->n_errors - k->n_errors;
	if (unseen > 0) {
		/* Their messages were lost with the records. */
		r->env.n_errors += unseen;
		r->failed |= !r->s->opt.suppress_handler_errors;
	}
	if (k->shared->lost_records)
		message_warning(r, "There were %llu transport failures. Try stap -s to increase the "
				   "buffer size from %u.",
				(unsigned long long)k->shared->lost_records,
				k->img->maps.v[GEN_MAP_RING].max_entries >> 20);
	if (k->shared->lost_stacks)
		message_warning(r, "%llu stacks were not kept: there were too many different ones",
				(unsigned long long)k->shared->lost_stacks);
	if (k->shared->unseen_returns)
		message_warning(r, "%llu returns were not seen: the kernel follows 64 nested calls of a thread at most",
				(unsigned long long)k->shared->unseen_returns);
	replaced_report(r);
	if (k->render.n_bad)
		message_warning(r, "%lld damaged records: please report this as a bug of Tapir",
				(long long)k->render.n_bad);
}
