/* The executable under its second name, staprun: runs a compiled script with the options that
 * SystemTap's staprun has. They become those of stap; what has to do with modules that stay loaded has
 * no counterpart. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "session.h"

bool cli_is_staprun(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return strcmp(slash ? slash + 1 : argv0, "staprun") == 0;
}

static void usage(FILE *f)
{
	fputs("Usage: staprun [OPTIONS] FILE [NAME=VALUE ...]\n"
	      "Runs a compiled script, which `stap -p4` has made.\n\n"
	      "   -v                more messages; several times: still more\n"
	      "   -V                version\n"
	      "   -h                this text\n"
	      "   -w                no warnings\n"
	      "   -c CMD            run CMD, end with it; target() is its process\n"
	      "   -x PID, -t PID    target() is this process\n"
	      "   -o FILE           write output to FILE\n"
	      "   -S SIZE[,N]       a new output file after SIZE megabytes, keep N of them\n"
	      "   -b MB             memory for output on its way\n"
	      "   -D                go to the background (with -o)\n"
	      "   -C WHEN           colours: never, auto, always\n"
	      "   NAME=VALUE        start value of a global variable\n",
	      f);
}

struct words {
	char **v;
	int n;
};

static void add(struct words *w, const char *option, const char *value)
{
	w->v[w->n++] = (char *)(uintptr_t)option;
	if (value)
		w->v[w->n++] = (char *)(uintptr_t)value;
}

int cli_staprun(struct session *s, int *argc, char ***argv)
{
	struct words w = {.v = ARENA_ARRAY(&s->arena, char *, 2 * (size_t)*argc + 4)};
	char **from = *argv;
	int c;

	add(&w, from[0], NULL);
	while ((c = getopt(*argc, from, "+hvVwc:x:t:o:S:b:DC:LAdRu:r:T:N:M:")) != -1)
		switch (c) {
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			add(&w, "-v", NULL);
			break;
		case 'V':
			cli_version(stdout);
			return 0;
		case 'w':
			add(&w, "-w", NULL);
			break;
		case 'c':
			add(&w, "-c", optarg);
			break;
		case 'x':
		case 't':
			add(&w, "-x", optarg);
			break;
		case 'o':
			add(&w, "-o", optarg);
			break;
		case 'S':
			add(&w, "-S", optarg);
			break;
		case 'b':
			add(&w, "-s", optarg);
			break;
		case 'D':
			add(&w, "-F", NULL);
			break;
		case 'C':
			add(&w, arena_printf(&s->arena, "--color=%s", optarg), NULL);
			break;
		case 'T': /* how long a reader of the module waits */
		case 'R': /* whether the module gets another name */
			break;
		case '?':
			usage(stderr);
			return 1;
		default:
			fprintf(stderr,
				"ERROR: -%c is not supported: Tapir loads no module that could stay or be removed\n",
				c);
			return 1;
		}
	if (optind >= *argc) {
		fputs("ERROR: Need a module to load.\n", stderr);
		usage(stderr);
		return 1;
	}
	for (int i = optind + 1; i < *argc; i++) {
		if (!strchr(from[i], '=')) {
			fprintf(stderr, "ERROR: \"%s\" is not of the form NAME=VALUE\n", from[i]);
			return 1;
		}
		add(&w, "-G", from[i]);
	}
	add(&w, "--", from[optind]);
	w.v[w.n] = NULL;
	*argc = w.n;
	*argv = w.v;
	optind = 0; /* stap's options are read from the start */
	return -1;
}
