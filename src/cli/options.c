/* The options of stap (command-line reference, sections 2 and 8).
 *
 * One table for getopt, one switch. What SystemTap has and Tapir does not need (nothing is built by a
 * C compiler, there is no module and no cache) is accepted, with a remark under -v; what it cannot do
 * is refused, never silently dropped. Settings come from argv in the order written; conflicts between
 * them are looked for when all are known. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lang/diag.h"
#include "session.h"

enum { GO_ON = -1, DONE = 0, FAILED = 1 };

/* Values of options that have no letter. */
enum {
	O_IGNORED = 256, /* accepted without effect */
	O_REFUSED,	 /* not supported */
	O_VP,
	O_DUMP_TYPES,
	O_DUMP_ALIASES,
	O_DUMP_FUNCTIONS,
	O_BADVARS,
	O_COMPATIBLE,
	O_PRIVILEGE,
	O_UNPRIVILEGED,
	O_KEEP_GOING,
	O_NO_DISPLAY,
	O_HANDLER_ERRORS,
	O_TIME_LIMITS,
	O_COLOR,
	O_RUNTIME,
	O_PROLOGUES,
	O_EXAMPLE,
	O_NAMESPACES,
	O_CLEAN_CACHE,
	O_RLIMIT, /* + RLIMIT_... of the resource; the last one */
};

static const char short_options[] = "hVvtp:I:e:E:o:R:r:a:m:kgPc:x:D:bs:uqiwl:d:L:FS:B:J:jWG:T:";

#define NO no_argument
#define REQ required_argument
#define OPT optional_argument

static const struct option long_options[] = {
	{"help", NO, NULL, 'h'},
	{"version", NO, NULL, 'V'},
	{"vp", REQ, NULL, O_VP},
	{"dump-probe-types", NO, NULL, O_DUMP_TYPES},
	{"dump-probe-aliases", NO, NULL, O_DUMP_ALIASES},
	{"dump-functions", NO, NULL, O_DUMP_FUNCTIONS},
	{"skip-badvars", NO, NULL, O_BADVARS},
	{"compatible", REQ, NULL, O_COMPATIBLE},
	{"privilege", REQ, NULL, O_PRIVILEGE},
	{"unprivileged", NO, NULL, O_UNPRIVILEGED},
	{"semantic-keep-going", NO, NULL, O_KEEP_GOING},
	{"no-global-var-display", NO, NULL, O_NO_DISPLAY},
	{"suppress-handler-errors", NO, NULL, O_HANDLER_ERRORS},
	{"suppress-time-limits", NO, NULL, O_TIME_LIMITS},
	{"color", OPT, NULL, O_COLOR},
	{"colour", OPT, NULL, O_COLOR},
	{"runtime", REQ, NULL, O_RUNTIME},
	{"prologue-searching", OPT, NULL, O_PROLOGUES},
	{"example", REQ, NULL, O_EXAMPLE},
	{"target-namespaces", REQ, NULL, O_NAMESPACES},
	{"clean-cache", NO, NULL, O_CLEAN_CACHE},
	{"rlimit-as", REQ, NULL, O_RLIMIT + RLIMIT_AS},
	{"rlimit-cpu", REQ, NULL, O_RLIMIT + RLIMIT_CPU},
	{"rlimit-nproc", REQ, NULL, O_RLIMIT + RLIMIT_NPROC},
	{"rlimit-stack", REQ, NULL, O_RLIMIT + RLIMIT_STACK},
	{"rlimit-fsize", REQ, NULL, O_RLIMIT + RLIMIT_FSIZE},
	{"interactive", NO, NULL, 'i'},

	{"all-modules", NO, NULL, O_IGNORED},
	{"bpf", NO, NULL, O_IGNORED},
	{"check-version", NO, NULL, O_IGNORED},
	{"debug", NO, NULL, O_IGNORED},
	{"disable-cache", NO, NULL, O_IGNORED},
	{"download-debuginfo", OPT, NULL, O_IGNORED},
	{"dyninst", NO, NULL, O_IGNORED},
	{"ldd", NO, NULL, O_IGNORED},
	{"modinfo", REQ, NULL, O_IGNORED},
	{"poison-cache", NO, NULL, O_IGNORED},
	{"remote-prefix", NO, NULL, O_IGNORED},
	{"save-uprobes", NO, NULL, O_IGNORED},
	{"sign-module", OPT, NULL, O_IGNORED},
	{"sysenv", REQ, NULL, O_IGNORED},
	{"sysroot", REQ, NULL, O_IGNORED},
	{"tmpdir", REQ, NULL, O_IGNORED},

	{"benchmark-sdt", NO, NULL, O_REFUSED},
	{"benchmark-sdt-loops", REQ, NULL, O_REFUSED},
	{"benchmark-sdt-threads", REQ, NULL, O_REFUSED},
	{"build-as", REQ, NULL, O_REFUSED},
	{"language-server", NO, NULL, O_REFUSED},
	{"list-servers", OPT, NULL, O_REFUSED},
	{"monitor", OPT, NULL, O_REFUSED},
	{"remote", REQ, NULL, O_REFUSED},
	{"trust-servers", OPT, NULL, O_REFUSED},
	{"use-http-server", OPT, NULL, O_REFUSED},
	{"use-server", OPT, NULL, O_REFUSED},
	{"use-server-on-error", OPT, NULL, O_REFUSED},
	{NULL, 0, NULL, 0},
};

/* While the line is being read. */
struct reader {
	struct session *s;
	struct cli *cli;
	unsigned n_listings; /* -l -L --dump-* */
	const char *rotate;  /* -S argument */
	const char *release, *arch;
	const char *example; /* path of the --example */
	bool privilege_set, pass_set, modular; /* modular: -m given */
	int pass_verbose[6];
	VEC(const char *) without_effect; /* told under -v */
};

static int wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return FAILED;
}

static int hints(void)
{
	fputs("Try '--help' for more information. [man stap]\n"
	      "A message like [man foo] means for more info, run % man foo\n",
	      stderr);
	return FAILED;
}

static bool number(const char *text, int64_t low, int64_t high, int64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoll(text, &end, 10);
	return end != text && !*end && !errno && *n >= low && *n <= high;
}

static void ignored(struct reader *r, const char *name)
{
	vec_push(&r->without_effect, &r->s->arena, name);
}

static int per_pass_verbosity(struct reader *r, const char *digits)
{
	size_t n = strlen(digits);

	if (n < 1 || n > 5 || strspn(digits, "0123456789") != n)
		return wrong("Invalid --vp argument: it takes 1 to 5 digits.");
	for (size_t i = 0; i < n; i++)
		r->pass_verbose[i + 1] += digits[i] - '0';
	return GO_ON;
}

static int timeout(struct session *s, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds * 1000 < 1 || seconds > 1e12)
		return wrong("Invalid timeout interval.");
	s->opt.timeout_ms = (int64_t)(seconds * 1000 + 0.5);
	return GO_ON;
}

/* SIZE[,N], both positive. */
static int rotation(struct session *s, const char *text)
{
	size_t n = strcspn(text, ",");
	const char *size = arena_strndup(&s->arena, text, n);

	if (!number(size, 1, 1 << 30, &s->opt.rotate_mb) ||
	    (text[n] && !number(text + n + 1, 1, 1 << 20, &s->opt.rotate_files)))
		return wrong("Invalid '-S' argument %s: SIZE in megabytes, or SIZE,NUMBER of files.",
			     text);
	return GO_ON;
}

static int global_value(struct session *s, const char *text)
{
	size_t n = strcspn(text, "=");
	bool good = text[n] == '=' && n && !isdigit((unsigned char)*text);

	for (size_t i = 0; i < n; i++)
		good &= isalnum((unsigned char)text[i]) || text[i] == '_';
	if (!good)
		return wrong("Invalid '-G' argument %s: it has the form NAME=VALUE.", text);
	vec_push(&s->opt.global_inits, &s->arena,
		 (struct global_init){arena_strndup(&s->arena, text, n), text + n + 1});
	return GO_ON;
}

static int module_name(struct reader *r, const char *text)
{
	size_t n = strlen(text);

	if (n > 3 && strcmp(text + n - 3, ".ko") == 0) {
		n -= 3;
		fprintf(stderr, "Truncating module name to '%.*s'\n", (int)n, text);
	}
	if (!n || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") < n)
		return wrong("Invalid module name '%s': small letters, digits and '_' only.", text);
	r->s->opt.module_name = arena_strndup(&r->s->arena, text, n);
	r->s->opt.module_given = true;
	r->modular = true;
	return GO_ON;
}

static int privilege(struct reader *r, const char *level)
{
	static const char *const names[] = {"stapdev", "stapsys", "stapusr"};

	if (r->privilege_set)
		return wrong("Privilege level may be set only once.");
	r->privilege_set = true;
	for (int i = 0; i < 3; i++)
		if (strcmp(level, names[i]) == 0) {
			r->s->opt.privilege = i;
			return GO_ON;
		}
	return wrong("Invalid privilege level '%s': one of stapdev, stapsys, stapusr.", level);
}

static int color(struct session *s, const char *when)
{
	const char *term = getenv("TERM"), *keys = getenv("SYSTEMTAP_COLORS");

	if (!when || strcmp(when, "always") == 0)
		s->opt.color = true;
	else if (strcmp(when, "never") == 0)
		s->opt.color = false;
	else if (strcmp(when, "auto") == 0)
		s->opt.color = !(term && strcmp(term, "dumb") == 0) && !(keys && !*keys) &&
			       isatty(STDERR_FILENO);
	else
		return wrong("Invalid argument '%s' for --color: one of auto, always, never.", when);
	return GO_ON;
}

static int resource_limit(int resource, const char *text)
{
	int64_t n;
	struct rlimit l;

	if (!number(text, 0, INT64_MAX, &n))
		return wrong("Invalid resource limit '%s'.", text);
	l.rlim_cur = l.rlim_max = (rlim_t)n;
	if (setrlimit((__rlimit_resource_t)resource, &l) < 0)
		return wrong("Unable to set a resource limit to %s: %s", text, strerror(errno));
	return GO_ON;
}

static int runtime(const char *name)
{
	if (strcmp(name, "kernel") == 0 || strcmp(name, "dyninst") == 0 || strcmp(name, "bpf") == 0)
		return GO_ON;
	return wrong("ERROR: '%s' is not a run time: one of kernel, dyninst, bpf", name);
}

static int listing(struct reader *r, enum cli_mode mode, const char *point)
{
	r->cli->mode = mode;
	r->s->opt.list_point = point;
	r->n_listings++;
	return GO_ON;
}

static int script_text(struct reader *r, const char *text)
{
	if (r->cli->script_text)
		return wrong("Only one script can be given on the command line.");
	r->cli->script_text = text;
	return GO_ON;
}

/* One option; name is the long one that was used, or NULL. */
static int apply(struct reader *r, int c, const char *name, char *arg)
{
	struct session *s = r->s;
	struct options *o = &s->opt;
	static char letter[128][3];
	int64_t n;

	switch (c) {
	case 'h':
		cli_help(s, stdout);
		return DONE;
	case 'V':
		cli_version(stdout);
		return DONE;
	case 'v':
		for (int i = 1; i <= 5; i++)
			r->pass_verbose[i]++;
		break;
	case O_VP:
		return per_pass_verbosity(r, arg);
	case 'p':
		if (!number(arg, 1, 5, &n))
			return wrong("Invalid pass number (should be 1-5).");
		o->last_pass = (int)n;
		r->pass_set = true;
		break;
	case 'e':
		return script_text(r, arg);
	case 'E':
		vec_push(&r->cli->extra_scripts, &s->arena, arg);
		break;
	case 'I':
		vec_push(&o->include_dirs, &s->arena, arg);
		break;
	case 'D':
		if (!cli_define_ok(arg))
			return wrong("Invalid '-D' argument %s: it has the form NAME or NAME=VALUE.",
				     arg);
		vec_push(&o->defines, &s->arena, arg);
		break;
	case 'G':
		return global_value(s, arg);
	case 'l':
		return listing(r, CLI_LIST, arg);
	case 'L':
		o->list_vars = true;
		return listing(r, CLI_LIST, arg);
	case O_DUMP_TYPES:
		return listing(r, CLI_DUMP_TYPES, NULL);
	case O_DUMP_ALIASES:
		return listing(r, CLI_DUMP_ALIASES, NULL);
	case O_DUMP_FUNCTIONS:
		return listing(r, CLI_DUMP_FUNCTIONS, NULL);
	case 'o':
		o->output = arg;
		break;
	case 'S':
		r->rotate = arg;
		break;
	case 's':
		if (!number(arg, 1, 4095, &n))
			return wrong("Invalid buffer size (should be 1-4095).");
		o->buffer_mb = (int)n;
		break;
	case 'F':
		o->background = true;
		break;
	case 'c':
		if (!*arg)
			return wrong("Empty CMD string invalid.");
		o->command = arg;
		break;
	case 'x':
		if (!number(arg, 1, INT32_MAX, &n))
			return wrong("Invalid target process ID number.");
		o->target_pid = (int)n;
		break;
	case 'T':
		return timeout(s, arg);
	case 'm':
		return module_name(r, arg);
	case 'r':
		r->release = arg;
		break;
	case 'a':
		r->arch = arg;
		break;
	case 'g':
		o->guru = true;
		break;
	case 'u':
		o->unoptimized = true;
		break;
	case 'w':
		o->no_warnings = true;
		break;
	case 'W':
		o->warnings_are_errors = true;
		break;
	case 't':
		o->timing = true;
		break;
	case O_BADVARS:
		o->skip_badvars = true;
		break;
	case O_COMPATIBLE:
		if (!isdigit((unsigned char)*arg))
			return wrong("ERROR: Invalid version '%s' for --compatible", arg);
		if (strverscmp(arg, STAP_VERSION) > 0)
			return wrong("ERROR: systemtap version %s cannot be compatible with future version %s",
				     STAP_VERSION, arg);
		o->compatible = arg;
		break;
	case O_PRIVILEGE:
		return privilege(r, arg);
	case O_UNPRIVILEGED:
		return privilege(r, "stapusr");
	case O_KEEP_GOING:
		o->semantic_keep_going = true;
		break;
	case O_NO_DISPLAY:
		o->no_global_display = true;
		break;
	case O_HANDLER_ERRORS:
		o->suppress_handler_errors = true;
		break;
	case O_TIME_LIMITS:
		if (!o->guru)
			return wrong("ERROR --suppress-time-limits requires guru mode (-g)");
		o->suppress_time_limits = true;
		break;
	case O_COLOR:
		return color(s, arg);
	case O_RUNTIME:
		return runtime(arg);
	case O_PROLOGUES:
		if (arg && strcmp(arg, "always") != 0 && strcmp(arg, "never") != 0 &&
		    strcmp(arg, "auto") != 0)
			return wrong("Invalid argument '%s' for --prologue-searching: one of always, never, auto.",
				     arg);
		ignored(r, "--prologue-searching");
		break;
	case O_EXAMPLE:
		r->example = cli_find_example(s, arg);
		return r->example ? GO_ON : FAILED;
	case O_NAMESPACES:
		if (!number(arg, 1, INT32_MAX, &n))
			return wrong("Invalid process ID number for target namespaces.");
		s->opt.target_namespaces = (int)n;
		break;
	case O_CLEAN_CACHE:
		return DONE; /* there is none */
	case 'i':
		return wrong("ERROR: --interactive is not supported by Tapir");
	case O_REFUSED:
		return wrong("ERROR: --%s is not supported by Tapir", name);
	case O_IGNORED:
		ignored(r, arena_printf(&s->arena, "--%s", name));
		break;
	case 'R':
	case 'k':
	case 'P':
	case 'b':
	case 'q':
	case 'd':
	case 'B':
	case 'J':
	case 'j':
		letter[c][0] = '-';
		letter[c][1] = (char)c;
		ignored(r, letter[c]);
		break;
	default:
		if (c >= O_RLIMIT)
			return resource_limit(c - O_RLIMIT, arg);
		return hints(); /* getopt has said what is wrong */
	}
	return GO_ON;
}

/* For a kernel that is not the running one nothing can be run here. */
static void check_kernel(struct reader *r)
{
	struct utsname u;
	const char *build;

	if (!r->release && !r->arch)
		return;
	uname(&u);
	build = arena_printf(&r->s->arena, "/lib/modules/%s/build", u.release);
	if ((!r->release || strcmp(r->release, u.release) == 0 || strcmp(r->release, build) == 0) &&
	    (!r->arch || strcmp(r->arch, u.machine) == 0))
		return;
	if (r->s->opt.last_pass == 5) {
		sem_warn(r->s, NULL,
			 "kernel release/architecture mismatch with host forces last-pass 4.");
		r->s->opt.last_pass = 4;
	}
}

static int check_conflicts(struct reader *r)
{
	struct options *o = &r->s->opt;
	struct cli *cli = r->cli;

	if (r->n_listings > 1)
		return wrong("ERROR: only one of the -l/-L/--dump-* switches may be specified");
	if (r->n_listings && (cli->script_text || cli->script_file))
		return wrong("Cannot specify a script with -l/-L/--dump-* switches.");
	if (r->n_listings && r->pass_set && o->last_pass < 5)
		return wrong("ERROR: -p cannot be used with the -l/-L/--dump-* switches");
	if (!r->n_listings && !cli->script_text && !cli->script_file) {
		wrong("A script must be specified.");
		wrong("Try '-i' for building a script interactively.");
		return hints();
	}
	if (o->command && o->target_pid)
		return wrong("You can't specify -c and -x together.");
	if (r->rotate && !o->output)
		return wrong("You have to specify output FILE with '-S' option.");
	if (o->background && !o->output)
		return wrong("ERROR: -F without -o FILE is not supported by Tapir yet");
	return GO_ON;
}

static void remarks(struct reader *r)
{
	if (r->s->opt.verbose[1] < 1)
		return;
	for (size_t i = 0; i < r->without_effect.n; i++)
		fprintf(stderr, "Option %s has no effect in Tapir.\n", r->without_effect.v[i]);
}

int cli_parse(struct session *s, struct cli *cli, int argc, char **argv)
{
	struct reader r = {.s = s, .cli = cli};
	struct options *o = &s->opt;
	int c, status = GO_ON, index = -1;

	if (cli_is_staprun(argv[0])) {
		cli->compiled_only = true;
		status = cli_staprun(s, &argc, &argv);
		if (status != GO_ON)
			return status;
	} else {
		argv = cli_with_rc_words(s, &argc, argv);
	}
	if (!argv)
		return FAILED;
	color(s, "auto");
	while ((c = getopt_long(argc, argv, short_options, long_options, &index)) != -1) {
		status = apply(&r, c, index < 0 ? NULL : long_options[index].name, optarg);
		if (status != GO_ON)
			return status;
		index = -1;
	}
	if (r.example && cli->script_text)
		return wrong("Only one script can be given on the command line.");
	if (r.example)
		cli->script_file = r.example;
	else if (!cli->script_text && !r.n_listings && optind < argc)
		cli->script_file = argv[optind++];
	while (optind < argc)
		vec_push(&o->script_args, &s->arena, argv[optind++]);
	o->verbose[0] = r.pass_verbose[1];
	for (int i = 1; i <= 5; i++) {
		o->verbose[i] = r.pass_verbose[i];
		if (o->verbose[i] < o->verbose[0])
			o->verbose[0] = o->verbose[i];
	}
	status = check_conflicts(&r);
	if (status == GO_ON && r.rotate)
		status = rotation(s, r.rotate);
	if (status != GO_ON)
		return status;
	if (r.n_listings) {
		o->no_warnings = true;
		o->no_global_display = true;
	}
	if (o->verbose[0] > 1)
		cli_version(stdout);
	remarks(&r);
	check_kernel(&r);
	cli_apply_defines(s);
	if (!r.modular)
		o->module_name = arena_printf(&s->arena, "stap_%d", (int)getpid());
	return GO_ON;
}
