/* The command line: from argv to what session.h asks for, and the texts of --help and --version.
 *
 *   options.c  all options, conflicts between them
 *   limits.c   -D NAME=VALUE
 *   rc.c       $SYSTEMTAP_DIR/rc, put before the command line
 *   words.c    shell-like splitting of a line (rc, -c)
 *   help.c     --help, --version
 *   staprun.c  the options of staprun
 *   errors.c   the list of --semantic-keep-going
 *   clock.c    times and memory of the passes for -v */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/vec.h"

struct session;
struct options;

#define STAP_VERSION "5.6"   /* of the SystemTap whose behaviour we have */
#define TAPIR_VERSION "0.1"

enum cli_mode { CLI_RUN, CLI_LIST, CLI_DUMP_TYPES, CLI_DUMP_ALIASES, CLI_DUMP_FUNCTIONS };

/* What only main.c needs to know: where the script comes from. */
struct cli {
	enum cli_mode mode;
	const char *script_file;	   /* "-" is standard input; NULL with -e */
	const char *script_text;	   /* -e, or NULL */
	VEC(const char *) extra_scripts;   /* -E texts */
	bool compiled_only;		   /* staprun: no text of a script */
};

/* Fills in s->opt and cli. Returns -1 to go on, or the exit status of stap: after --help and the
 * like, or after wrong usage (reported). */
int cli_parse(struct session *s, struct cli *cli, int argc, char **argv);

/* Is this the executable under its second name? */
bool cli_is_staprun(const char *argv0);
/* Replaces staprun's arguments by those of stap that mean the same. Returns -1 to go on, or the exit
 * status. */
int cli_staprun(struct session *s, int *argc, char ***argv);

/* The path of an installed example; NULL after an error (reported). */
const char *cli_find_example(struct session *s, const char *name);

/* Sets limits from s->opt.defines; unknown names are warned about. */
void cli_apply_defines(struct session *s);
/* Are all limits within what -D allows? For options that come from a file. */
bool limits_hold(const struct options *o);
/* Is text of the form NAME or NAME=VALUE that -D takes? */
bool cli_define_ok(const char *text);

/* argv with the words of the rc file behind argv[0]. Without such a file *argc and argv as they are;
 * NULL after an error (reported). */
char **cli_with_rc_words(struct session *s, int *argc, char **argv);

enum words_result {
	WORDS_OK,
	WORDS_SHELL,	 /* has metacharacters or command substitution: a case for sh -c */
	WORDS_SYNTAX,	 /* unmatched quotes */
	WORDS_UNDEFINED, /* unknown variable, where they are refused */
};
/* Splits text into words as a shell does: quotes, variables, ~ and patterns, no commands. *words is
 * NULL-terminated, on the heap, its end is up to the process. */
enum words_result words_split(const char *text, bool refuse_undefined, char ***words, size_t *n);

void cli_help(const struct session *s, FILE *f);
void cli_version(FILE *f);
/* The errors of pass 2 in the form of --semantic-keep-going. */
void cli_error_block(const struct session *s, FILE *f);

/* Time and memory that a pass took. Nothing is measured without -v. */
struct pass_clock {
	struct timespec real;
	struct rusage usage;
};
void pass_clock_start(const struct session *s, struct pass_clock *c);
/* "using ...kb, " (with_memory) and "in AusrBsysCreal ms." and end of line, on stderr. */
void pass_clock_report(const struct pass_clock *c, bool with_memory);

#endif
