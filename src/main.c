/* stap: the passes in order. Each is a function of its own folder; this file holds the list, what -p
 * and -v print between them, and the exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "dwarf/dbg.h"
#include "gen/gen.h"
#include "ir/ir.h"
#include "kern/bpf.h"
#include "kern/kfunc.h"
#include "lang/diag.h"
#include "lang/lang.h"
#include "run/run.h"
#include "save/save.h"
#include "sema/sema.h"
#include "session.h"
#include "tapset/library.h"

static void print(struct str *text)
{
	if (text->len)
		fwrite(text->s, 1, text->len, stdout);
	str_release(text);
}

/* ------------------------------------------------------------------ pass 1: sources */

/* The whole of a file; NULL after reporting that it cannot be read. */
static struct source *read_source(struct session *s, const char *path)
{
	bool standard_input = strcmp(path, "-") == 0;
	FILE *f = standard_input ? stdin : fopen(path, "re");
	struct str text = {0};
	struct source *src = NULL;
	size_t n;

	if (!f && errno != ENOENT) {
		fprintf(stderr, "Input file '%s' cannot be opened: %s.\n", path, strerror(errno));
		return NULL;
	}
	if (!f) {
		fprintf(stderr, "Input file '%s' is missing.\n", path);
		return NULL;
	}
	while ((n = fread(str_room(&text, 65536), 1, 65536, f)) > 0)
		text.len += n;
	if (ferror(f))
		fprintf(stderr, "Input file '%s' cannot be read: %s.\n", path, strerror(errno));
	else
		src = source_make(s, standard_input ? "<input>" : path, text.s, text.len);
	if (!standard_input)
		fclose(f);
	str_release(&text);
	return src;
}

static bool parse_text(struct session *s, struct source *src)
{
	bool failed = true;

	if (src)
		vec_push(&s->user_scripts, &s->arena, parse_source(s, src, &failed));
	return !failed;
}

/* -T as script text: its time starts when the other timers do. Intervals of timer probes end at one
 * day; the run loop takes care of longer ones. */
static const char *timeout_probe(struct session *s)
{
	int64_t ms = s->opt.timeout_ms;

	if (!ms || ms > 86400000)
		return NULL;
	s->opt.timeout_ms = 0;
	return arena_printf(&s->arena, "probe timer.ms(%lld) { exit() }", (long long)ms);
}

static bool parse_scripts(struct session *s, const struct cli *cli, struct source *file)
{
	const char *name, *text, *timeout = timeout_probe(s);
	bool ok = true;
	size_t i;

	if (cli->script_text)
		ok &= parse_text(s, source_make(s, "<input>", cli->script_text,
						strlen(cli->script_text)));
	else if (cli->script_file)
		ok &= parse_text(s, file);
	for (i = 0; i < cli->extra_scripts.n + (timeout && cli->mode == CLI_RUN); i++) {
		text = i < cli->extra_scripts.n ? cli->extra_scripts.v[i] : timeout;
		name = arena_printf(&s->arena, "<input%zu>", i + 1);
		ok &= parse_text(s, source_make(s, name, text, strlen(text)));
	}
	return ok && !s->errors;
}

static void dump_parsed(struct session *s)
{
	struct str out = {0};

	str_add(&out, "# parse tree dump\n");
	for (size_t i = 0; i < s->user_scripts.n; i++)
		ast_dump_script(&out, s->user_scripts.v[i]);
	if (s->opt.verbose[1]) {
		library_load_all(s);
		for (size_t i = 0; i < s->library_scripts.n; i++)
			ast_dump_script(&out, s->library_scripts.v[i]);
	}
	print(&out);
}

/* ------------------------------------------------------------------ -v */

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* Of -v and -p4. */
static void report_compiled(const struct session *s)
{
	size_t n = s->image ? s->image->programs.n : 0, insns = 0;

	for (size_t i = 0; i < n; i++)
		insns += s->image->programs.v[i].n_insns;
	if (n)
		fprintf(stderr, "compiled %zu BPF program%s of %zu instructions", n, plural(n), insns);
	else
		fputs("nothing to compile, the interpreter runs all handlers", stderr);
}

static void report(const struct session *s, int pass, const struct pass_clock *clock)
{
	const struct program *p = s->program;
	size_t n, embeds = 0;

	if (!s->opt.verbose[pass])
		return;
	fprintf(stderr, "Pass %d: ", pass);
	switch (pass) {
	case 1:
		n = library_file_count(s);
		fprintf(stderr, "parsed user script and %zu library script%s ", n, plural(n));
		break;
	case 2:
		for (size_t i = 0; i < s->user_scripts.n; i++)
			embeds += s->user_scripts.v[i]->embedded.n;
		fprintf(stderr,
			"analyzed script: %zu probe%s, %zu function%s, %zu embed%s, %zu global%s ",
			p->probes.n, plural(p->probes.n), p->functions.n, plural(p->functions.n),
			embeds, plural(embeds), p->globals.n, plural(p->globals.n));
		break;
	case 3:
		n = s->ir->fns.n;
		fprintf(stderr, "translated to %zu function%s ", n, plural(n));
		break;
	case 4:
		report_compiled(s);
		fputc(' ', stderr);
		break;
	case 5:
		fputs("run completed ", stderr);
		break;
	}
	pass_clock_report(clock, pass <= 3);
}

static int failed(const struct session *s, int pass)
{
	static const char *const what[] = {
		NULL, "parse", "analysis", "translation", "compilation", "run",
	};

	if (pass == 2 && s->opt.semantic_keep_going)
		cli_error_block(s, stderr);
	fprintf(stderr, "Pass %d: %s failed.  [man error::pass%d]\n", pass, what[pass], pass);
	return 1;
}

/* ------------------------------------------------------------------ the passes */

/* -p4: the compiled script as a file in this directory; its name goes to stdout. */
static int write_compiled(struct session *s, struct str *out)
{
	const char *name;
	FILE *f;
	bool ok;

	name = s->opt.module_given ? s->opt.module_name
				   : arena_printf(&s->arena, "stap_%08x", hash_bytes(out->s, out->len));
	name = arena_printf(&s->arena, "%s.bo", name);
	f = fopen(name, "we");
	ok = f && fwrite(out->s, 1, out->len, f) == out->len;
	if (f && fclose(f) != 0)
		ok = false;
	str_release(out);
	if (!ok) {
		fprintf(stderr, "stap: cannot write %s: %s\n", name, strerror(errno));
		return failed(s, 4);
	}
	puts(name);
	return 0;
}

/* Passes 1 to 3. -1 to go on, or the exit status. */
static int compile(struct session *s, const struct cli *cli, struct source *file)
{
	struct pass_clock clock = {0};
	struct str out = {0};

	pass_clock_start(s, &clock);
	library_open(s);
	if (!parse_scripts(s, cli, file))
		return failed(s, 1);
	report(s, 1, &clock);
	if (s->opt.last_pass == 1)
		return dump_parsed(s), 0;

	pass_clock_start(s, &clock);
	if (!sema_analyze(s))
		return failed(s, 2);
	if (s->opt.last_pass == 2) {
		sema_dump(s, &out);
		print(&out);
	}
	report(s, 2, &clock);
	if (s->opt.last_pass == 2)
		return 0;

	pass_clock_start(s, &clock);
	if (!ir_lower(s))
		return failed(s, 3);
	if (!s->opt.unoptimized)
		ir_optimize(s->ir);
	report(s, 3, &clock);
	if (s->opt.last_pass == 3) {
		ir_dump(&out, s->ir);
		print(&out);
		return 0;
	}
	return -1;
}

/* What the kernel offers; questions about functions are only asked where there are such probes. */
static struct gen_features features(const struct session *s)
{
	/* bpf_get_func_ip() learnt of uprobes with the kernel that brought uprobe_multi. */
	struct gen_features can = {.sleepable = s->opt.no_sleeping ? false : kern_has_sleepable_uprobes(),
				   .uprobe_func_ip = kern_has_uprobe_multi(),
				   .tracepoint_cookies = kern_has_tracepoint_cookie()};

	if (gen_has_kfuncs(s)) {
		can.kprobe = s->kernel_ways->kprobe() == 0;
		can.kprobe_multi = s->kernel_ways->kprobe_multi() == 0;
	}
	return can;
}

static int compile_and_run(struct session *s, const struct cli *cli)
{
	struct pass_clock clock = {0};
	struct gen_features can;
	struct source *file = NULL;
	struct str saved = {0};
	const char *refused;
	int status = -1;

	s->kernel_ways = kern_ways(s->opt.kernel_functions);
	if (s->opt.uprobes_by_perf)
		kern_ignore_uprobe_multi();

	if (cli->script_file && !cli->script_text) {
		file = read_source(s, cli->script_file);
		if (!file)
			return failed(s, 1);
	}
	if (file && save_is_one(file->text, file->len)) {
		if (!save_read(s, file->name, file->text, file->len))
			return failed(s, 4);
	} else if (cli->compiled_only) {
		fprintf(stderr, "Input file '%s' is no compiled script: \"stap -p4\" makes one.\n",
			cli->script_file);
		return 1;
	} else {
		status = compile(s, cli, file);
	}
	if (status >= 0)
		return status;

	pass_clock_start(s, &clock);
	if (s->opt.last_pass == 4) {
		refused = save_refused(s);
		if (refused) {
			fprintf(stderr, "stap: %s cannot be part of a compiled script\n", refused);
			return failed(s, 4);
		}
		save_write(&saved, s);
	}
	if ((file && save_is_one(file->text, file->len)) || s->opt.last_pass == 4) {
		if (!save_relocate(s))
			return failed(s, 4);
	}
	if (gen_needed(s)) {
		can = features(s);
		if (!gen_build(s, &can))
			return failed(s, 4);
	}
	report(s, 4, &clock);
	if (s->opt.last_pass == 4)
		return write_compiled(s, &saved);

	pass_clock_start(s, &clock);
	if (s->opt.verbose[5])
		fputs("Pass 5: starting run.\n", stderr);
	status = run_session(s);
	report(s, 5, &clock);
	return status ? failed(s, 5) : 0;
}

/* -l, -L and --dump-...: what scripts could use. No match fails without a word. */
static int list(struct session *s, const struct cli *cli)
{
	struct str out = {0};
	bool ok;

	library_open(s);
	diag_mute(s);
	ok = parse_scripts(s, cli, NULL);
	diag_unmute(s);
	if (!ok)
		return 1;
	switch (cli->mode) {
	case CLI_LIST:
		return sema_list(s, s->opt.list_point, s->opt.list_vars);
	case CLI_DUMP_TYPES:
		sema_dump_probe_types(s, &out);
		break;
	case CLI_DUMP_ALIASES:
		sema_dump_probe_aliases(s, &out);
		break;
	default:
		sema_dump_functions(s, &out);
		break;
	}
	print(&out);
	return 0;
}

/* ^C before anything runs: there is nothing to undo or to say. Pass 5 has handlers of its own. */
static void quit(int sig)
{
	(void)sig;
	_exit(1);
}

static void catch_signals(void)
{
	signal(SIGINT, quit);
	signal(SIGTERM, quit);
	if (signal(SIGHUP, quit) == SIG_IGN)
		signal(SIGHUP, SIG_IGN); /* nohup */
}

int main(int argc, char **argv)
{
	static struct session s;
	struct cli cli = {0};
	int status;

	catch_signals();
	session_init(&s);
	status = cli_parse(&s, &cli, argc, argv);
	if (status < 0 && cli.mode != CLI_RUN)
		status = list(&s, &cli);
	else if (status < 0) {
		status = compile_and_run(&s, &cli);
		diag_summary(&s);
	}
	/* Nothing of pass 5 goes through stdio: this is about dumps and lists. */
	if (fflush(stdout) != 0 && status == 0) {
		fprintf(stderr, "stap: cannot write: %s\n", strerror(errno));
		status = 1;
	}
#ifdef ARENA_MALLOC
	dbg_close_all(&s); /* the system is faster */
#endif
	gen_free(s.image);
	if (s.ir)
		ir_module_free(s.ir);
	session_release(&s);
	return status;
}
