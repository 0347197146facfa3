/* See counter.h. For each kind of event a CPU has one that counts all the time; at each switch of threads, and
 * where a thread starts a program or ends, bpfrt/counter.c settles whose they were. Switches are not counted
 * by events: those come a moment later than the tracepoint. */
#include "gen/counter.h"

#include <linux/perf_event.h>
#include <string.h>

#include "base/bug.h"
#include "gen/builder.h"
#include "sema/sema.h"

enum {
	MAX_THREADS = 65536, /* on the machine, at the same time */
	PREV_STATE = 3,	     /* argument of sched_switch; of a thread that ends: */
	TASK_DEAD = 0x80,
};
enum counter_map { EVENTS, THREADS, CPUS, COUNTER_MAPS };

static void add_counter_maps(struct gen_image *img)
{
	const struct gen_map maps[COUNTER_MAPS] = {
		[EVENTS] = {.name = "perf_events", .type = BPF_MAP_TYPE_PERF_EVENT_ARRAY, .key_size = 4,
			    .value_size = 4, .max_entries = RT_COUNTERS, .global = -1, .per_cpu = true},
		[THREADS] = {.name = "perf_threads", .type = BPF_MAP_TYPE_HASH, .key_size = 4,
			     .value_size = sizeof(struct rt_counts), .max_entries = MAX_THREADS,
			     .global = -1},
		[CPUS] = {.name = "perf_cpus", .type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4,
			  .value_size = sizeof(struct rt_counting), .max_entries = 1, .global = -1},
	};

	img->counter_maps = (uint32_t)img->maps.n;
	for (int k = 0; k < COUNTER_MAPS; k++)
		vec_push(&img->maps, &img->arena, maps[k]);
}

/* R1 to R3: the maps. */
static void load_maps(struct code *c, const struct gen_image *img)
{
	for (int k = 0; k < COUNTER_MAPS; k++)
		code_map(c, R1 + k, img->counter_maps + (uint32_t)k);
}

static bool counts_switches(const struct gen_counter *c)
{
	return c->type == PERF_TYPE_SOFTWARE && c->config == PERF_COUNT_SW_CONTEXT_SWITCHES;
}

/* The number of a counter in the image; -1: reported. */
static int counter_number(struct emit *e, const struct ir_ins *i, const struct gen_counter *want)
{
	struct gen_image *img = e->img;

	for (size_t k = 0; k < img->counters.n; k++)
		if (img->counters.v[k].type == want->type && img->counters.v[k].config == want->config)
			return (int)k;
	if (img->counters.n == RT_COUNTERS) {
		emit_error(e, i, "more than %d perf counters are read", RT_COUNTERS);
		return -1;
	}
	vec_push(&img->counters, &img->arena, *want);
	return (int)img->counters.n - 1;
}

bool emit_counter_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	struct gen_counter want;
	int number;

	if (strcmp(name, "perf_counter") != 0)
		return false;
	want.type = (uint32_t)e->m->nums.v[emit_loc(e, emit_arg(e, i, 0)).at];
	want.config = (uint64_t)e->m->nums.v[emit_loc(e, emit_arg(e, i, 1)).at];
	if (!e->img->counter_maps)
		add_counter_maps(e->img);
	if (counts_switches(&want)) {
		code_map(e->c, R1, e->img->counter_maps + THREADS);
		code_library(e->c, "rt_switches");
	} else {
		number = counter_number(e, i, &want);
		load_maps(e->c, e->img);
		code_imm(e->c, R4, number);
		code_library(e->c, "rt_counter");
	}
	emit_store_num(e, i->dst, R0);
	return true;
}

/* What a CPU has counted is the current thread's: then it is switched away, or begins anew, or ends. */
static void settle(struct code *c, const struct gen_image *img, bool is_switch)
{
	int known = code_label(c);

	code_imm(c, R5, 1);
	if (is_switch) {
		code_load(c, BPF_DW, R1, R1, 8 * PREV_STATE);
		code_jump_if_imm(c, BPF_JEQ, R1, TASK_DEAD, known);
		code_imm(c, R5, 0);
		code_place(c, known);
	}
	load_maps(c, img);
	code_imm(c, R4, (int64_t)img->counters.n);
	code_library(c, "rt_count_thread");
	code_imm(c, R0, 0);
	code_exit(c);
}

static void add_program(struct builder *b, const char *tracepoint, bool is_switch)
{
	struct gen_image *img = b->img;
	struct gen_program p = {.name = tracepoint, .tracepoint = tracepoint, .kind = SITE_TRACEPOINT,
				.attach = GEN_RAW_TRACEPOINT};
	struct arena scratch = {0};
	struct parts parts = {.arena = &scratch};

	code_init(&parts.main, &scratch);
	settle(&parts.main, img, is_switch);
	if (!parts_join(&parts, b->lib, img, &p))
		bug("a jump in %s is too long", p.name);
	arena_release(&scratch);
	/* For messages. */
	vec_push(&p.sites, &img->arena, ((struct gen_site){img->insts.v[0]->site, 0}));
	vec_push(&img->programs, &img->arena, p);
}

void counter_programs(struct builder *b)
{
	if (!b->img->counter_maps)
		return;
	add_program(b, "sched_switch", true);
	add_program(b, "sched_process_exec", false);
}
