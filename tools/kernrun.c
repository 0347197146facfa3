/* Test tool: runs the begin probes of a script in the kernel, one after the other, as if each were a
 * probe in a program: for comparing what the emitter makes with what the interpreter does.
 *
 *	kernrun [-v] [-l] SCRIPT.stp      status 77: the kernel refuses bpf(2)
 *
 * -v: sizes of the programs; -l: they are only loaded; all handlers are, whatever they belong to */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "bpfrt/abi.h"
#include "gen/gen.h"
#include "interp/interp.h"
#include "kern/bpf.h"
#include "kern/kfunc.h"
#include "lang/diag.h"
#include "lang/lang.h"
#include "rt/intrinsic.h"
#include "run/render.h"
#include "run/symbols.h"
#include "sema/sema.h"
#include "session.h"
#include "tapset/library.h"

static struct str out;
static bool verbose, load_only, failed;
static struct symbols *symbols;

static void on_error(struct render_sink *sink, const char *text)
{
	(void)sink;
	fwrite(out.s, 1, out.len, stdout);
	out.len = 0;
	fflush(stdout);
	fprintf(stderr, "ERROR: %s\n", text);
	failed = true;
}

static void on_warn(struct render_sink *sink, const char *text, uint32_t len)
{
	(void)sink;
	fprintf(stderr, "WARNING: %.*s\n", (int)len, text);
}

static void on_system(struct render_sink *sink, const char *command, uint32_t len)
{
	(void)sink, (void)command, (void)len;
}

static void on_exit_request(struct render_sink *sink)
{
	(void)sink;
}

static void on_token(struct render_sink *sink, enum rt_token_kind kind, const struct rt_token *token,
		     struct str *text)
{
	(void)sink;
	symbols_token(symbols, kind, token, text);
}

static void on_stack(struct render_sink *sink, uint32_t pid, unsigned how, const struct rt_stack *stack,
		     struct str *to)
{
	(void)sink;
	symbols_stack(symbols, pid, how, stack, to);
}

static void on_lines(struct render_sink *sink, uint32_t pid, bool kernel, const char *text, uint32_t len,
		     struct str *to)
{
	(void)sink;
	symbols_lines(symbols, pid, kernel, text, len, to);
}

static void load_maps(const struct gen_image *img, int *fds)
{
	for (size_t i = 0; i < img->maps.n; i++) {
		const struct gen_map *g = &img->maps.v[i];
		struct kern_map m = {g->name, g->type, g->key_size, g->value_size, g->max_entries,
				     g->flags};
		uint32_t zero = 0;

		if (g->per_cpu)
			m.max_entries *= (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
		fds[i] = kern_map_create(&m);
		if (fds[i] < 0)
			die("map %s: %s", g->name, strerror(-fds[i]));
		if (g->init)
			kern_map_update(fds[i], &zero, g->init, 0);
		if (g->flags & BPF_F_RDONLY_PROG)
			kern_map_freeze(fds[i]);
	}
}

static int load_program(const struct gen_image *img, const struct gen_program *p, const int *maps, int btf)
{
	struct bpf_insn *insns = xmalloc(p->n_insns * sizeof(*insns));
	struct kern_prog k = {.name = p->name,
			      .type = load_only ? BPF_PROG_TYPE_KPROBE : BPF_PROG_TYPE_RAW_TRACEPOINT,
			      .insns = insns,
			      .n_insns = p->n_insns,
			      .btf = btf,
			      .func_info = p->func_info.v,
			      .n_func_info = (uint32_t)p->func_info.n / 2};
	struct str log = {0};
	int fd;

	(void)img;
	memcpy(insns, p->insns, p->n_insns * sizeof(*insns));
	for (size_t i = 0; i < p->relocs.n; i++)
		insns[p->relocs.v[i].insn].imm = maps[p->relocs.v[i].map];
	fd = kern_prog_load(&k, &log);
	if (fd < 0)
		die("program %s refused: %s\n%s", p->name, strerror(-fd), log.s ? log.s : "");
	if (verbose)
		fprintf(stderr, "%s: %u instructions, %u verified\n", p->name, p->n_insns,
			kern_prog_verified(fd));
	free(insns);
	return fd;
}

static void on_record(void *cookie, const void *data, uint32_t size)
{
	render_record(cookie, data, size);
}

static bool compile(struct session *s, const char *path)
{
	struct str text = {0};
	FILE *f = fopen(path, "r");
	size_t n;
	bool bad;

	if (!f)
		die("%s: %s", path, strerror(errno));
	while ((n = fread(str_room(&text, 65536), 1, 65536, f)) > 0)
		text.len += n;
	fclose(f);
	library_open(s);
	vec_push(&s->user_scripts, &s->arena,
		 parse_source(s, source_make(s, path, text.s ? text.s : "", text.len), &bad));
	s->opt.no_global_display = true;
	s->opt.module_name = "stap_kernrun";
	if (bad || !sema_analyze(s))
		return false;
	for (size_t i = 0; i < s->program->probes.n; i++) {
		struct probe_inst *inst = s->program->probes.v[i];
		const struct begin_data *begin = inst->family == &begin_family ? inst->data : NULL;
		struct probe_site *site;

		if (load_only && inst->site)
			continue;
		site = ARENA_NEW(&s->arena, struct probe_site);
		site->path = "test";
		/* Programs come in the order of the places: init probes first. */
		site->offset = i | (begin && begin->priority >= 0 ? 1u << 30 : 0);
		inst->site = site;
	}
	if (!ir_lower(s))
		return false;
	ir_optimize(s->ir);
	return gen_build(s, &(struct gen_features){0});
}

int main(int argc, char **argv)
{
	struct render_sink sink = {on_error, on_warn,  on_system, on_exit_request, on_exit_request,
				   NULL, on_token, on_stack,	on_lines};
	struct timespec real, mono;
	struct rt_shared *shared;
	struct kern_ring *ring;
	struct session s;
	int maps[256], btf, err;
	struct str log = {0};

	for (int c; (c = getopt(argc, argv, "vl")) != -1;) {
		verbose |= c == 'v';
		load_only |= c == 'l';
	}
	if (argc != optind + 1)
		die("usage: kernrun [-v] [-l] SCRIPT");
	if (!kern_can_bpf())
		return 77;
	session_init(&s);
	s.kernel_ways = kern_ways("kprobe"); /* programs for kprobes load everywhere */
	if (!compile(&s, argv[optind])) {
		diag_summary(&s);
		return 1;
	}
	load_maps(s.image, maps);
	btf = kern_btf_load(s.image->btf, s.image->btf_size, &log);
	if (btf < 0)
		die("BTF refused: %s\n%s", strerror(-btf), log.s ? log.s : "");
	ring = kern_ring_open(maps[GEN_MAP_RING], s.image->maps.v[GEN_MAP_RING].max_entries, &err);
	shared = mmap(NULL, s.image->maps.v[GEN_MAP_SHARED].value_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      maps[GEN_MAP_SHARED], 0);
	if (!ring || shared == MAP_FAILED)
		die("cannot map the ring buffer or the shared memory");
	rt_zone_share(shared);
	shared->stap_pid = (uint64_t)getpid();
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	shared->clock_offset = (uint64_t)((real.tv_sec - mono.tv_sec) * 1000000000 + real.tv_nsec -
					  mono.tv_nsec);

	struct render r = {.ir = s.ir, .img = s.image, .sink = &sink, .out = &out, .max_print = 8192,
			   .hist_width = (int)s.opt.hist_width, .hist_elision = (int)s.opt.hist_elision};

	render_init(&r);
	symbols = symbols_new(&s, s.image->stacks ? maps[s.image->stacks] : -1);
	for (size_t i = 0; i < s.image->programs.n; i++) {
		int fd = load_program(s.image, &s.image->programs.v[i], maps, btf);
		uint64_t ctx[12] = {0};
		uint32_t result;

		if (load_only) {
			close(fd);
			continue;
		}
		err = kern_prog_test_run(fd, ctx, sizeof(ctx), &result);
		if (err < 0)
			die("test run: %s", strerror(-err));
		kern_ring_consume(ring, 0, on_record, &r);
		close(fd);
	}
	if (out.len)
		fwrite(out.s, 1, out.len, stdout);
	if (shared->lost_records || shared->skipped_busy || shared->skipped_lock || r.n_bad)
		fprintf(stderr, "lost %llu busy %llu locked %llu bad %lld\n",
			(unsigned long long)shared->lost_records,
			(unsigned long long)shared->skipped_busy,
			(unsigned long long)shared->skipped_lock, (long long)r.n_bad);
	render_release(&r);
	return failed;
}
