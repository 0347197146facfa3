/* --help and --version. The man page (man/stap.1) tells more. */
#include <stdio.h>

#include "cli/cli.h"
#include "session.h"

void cli_version(FILE *f)
{
	/* Scripts of others look for the number behind "version ". */
	fputs("Systemtap translator/driver (version " STAP_VERSION "/0.190, tapir " TAPIR_VERSION ")\n"
	      "Tapir, an independent implementation of the SystemTap language.\n"
	      "This is free software; see the file LICENSE for copying conditions.\n"
	      "tested kernel versions: 6.1 ... 6.18\n"
	      "enabled features: INTERPRETER\n",
	      f);
}

static const char *set(bool on)
{
	return on ? " [set]" : "";
}

static void script_options(const struct options *o, FILE *f)
{
	fputs("Script:\n"
	      "   -e SCRIPT         run this text instead of a FILE\n"
	      "   -E SCRIPT         run this text too; may be repeated\n"
	      "   --example NAME    run one of the examples that are installed with stap\n"
	      "   -I DIR            look for tapset scripts in DIR too\n",
	      f);
	for (size_t i = 0; i < o->include_dirs.n; i++)
		fprintf(f, "                     %s\n", o->include_dirs.v[i]);
	fputs("   -D NAME[=VALUE]   set a limit, such as MAXSTRINGLEN, MAXACTION, MAXMAPENTRIES\n"
	      "   -G NAME=VALUE     give a global variable of the script its first value\n",
	      f);
	fprintf(f, "   -g                guru mode: allow embedded code and writing%s\n", set(o->guru));
	fprintf(f, "   -u                do not optimize%s\n", set(o->unoptimized));
	fprintf(f, "   --skip-badvars    $variables that cannot be found are 0%s\n",
		set(o->skip_badvars));
	fputs("   --compatible=VERSION\n"
	      "                     follow the language and tapset of that version\n"
	      "   --privilege=LEVEL, --unprivileged\n"
	      "                     refuse what stapusr, stapsys or stapdev users may not do\n"
	      "\n",
	      f);
}

static void run_options(const struct options *o, FILE *f)
{
	fputs("Run:\n"
	      "   -c CMD            start CMD once all probes are in place, end with it\n"
	      "   -x PID            let target() be PID\n"
	      "   -T SECONDS        end after this time; fractions are allowed\n"
	      "   -o FILE           write output to FILE; strftime conversions are expanded\n"
	      "   -S SIZE[,N]       with -o: start a new file every SIZE MB, keep N of them\n"
	      "   -F                with -o: go on in the background, print the process number\n"
	      "   -s SIZE           buffer of SIZE MB\n"
	      "   -m NAME           name of the session\n",
	      f);
	fprintf(f, "   -t                tell how often handlers ran and how long they took%s\n",
		set(o->timing));
	fputs("   --no-global-var-display\n"
	      "                     do not print global variables that are only written\n"
	      "   --suppress-handler-errors\n"
	      "                     count errors of handlers, go on without a message\n"
	      "   --suppress-time-limits\n"
	      "                     let handlers run as long as they like (behind -g only)\n"
	      "\n",
	      f);
}

static void look_options(const struct options *o, FILE *f)
{
	fputs("Look:\n"
	      "   -l POINT          list the probe points that match\n"
	      "   -L POINT          the same, with their variables\n"
	      "   --dump-probe-types, --dump-probe-aliases, --dump-functions\n"
	      "                     list what scripts can use\n",
	      f);
	fprintf(f, "   -p NUM            stop after pass NUM [%d]: 1 parse, 2 analyze, 3 translate,\n"
		   "                     4 compile, 5 run; 1 to 3 print their result\n",
		o->last_pass);
	fprintf(f, "   -v                be more verbose in all passes [%d]\n", o->verbose[0]);
	fputs("   --vp DIGITS       add verbosity for each pass\n", f);
	fprintf(f, "   -w                no warnings%s\n", set(o->no_warnings));
	fprintf(f, "   -W                warnings are errors%s\n", set(o->warnings_are_errors));
	fputs("   --semantic-keep-going\n"
	      "                     list all errors of pass 2 in a form for programs\n"
	      "   --color[=WHEN]    coloured messages: auto, always, never\n"
	      "   -h, --help        this text\n"
	      "   -V, --version     version\n"
	      "\n"
	      "Many other options of SystemTap are accepted and have no effect, because nothing is\n"
	      "built by a C compiler here; -v tells which ones. See stap(1).\n",
	      f);
}

void cli_help(const struct session *s, FILE *f)
{
	cli_version(f);
	fputs("\n"
	      "Usage: stap [options] FILE [args]         run the script in FILE\n"
	      "   or: stap [options] - [args]            run the script on standard input\n"
	      "   or: stap [options] -e SCRIPT [args]    run the script given here\n"
	      "   or: stap [options] -l POINT [args]     list probe points\n"
	      "   or: stap [options] -L POINT [args]     list probe points and variables\n"
	      "\n",
	      f);
	script_options(&s->opt, f);
	run_options(&s->opt, f);
	look_options(&s->opt, f);
}
