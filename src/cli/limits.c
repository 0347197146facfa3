/* -D NAME=VALUE: in SystemTap a C macro for the module it builds. Here those names that are limits
 * or settings of the run time have an effect; other known ones are accepted, unknown ones warned of. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lang/diag.h"
#include "session.h"

#define FIELD(member) offsetof(struct options, member)

static const struct limit {
	const char *name;
	size_t field;
	int64_t low, high;
} limits[] = {
	/* rt_env (interp.h) has room for texts of 8 KiB. */
	{"MAXSTRINGLEN", FIELD(maxstringlen), 2, 8192},
	{"MAXACTION", FIELD(maxaction), 1, INT64_MAX / 16},
	{"MAXNESTING", FIELD(maxnesting), 1, 100000},
	{"MAXMAPENTRIES", FIELD(maxmapentries), 1, INT32_MAX},
	{"MAXERRORS", FIELD(maxerrors), 0, INT64_MAX},
	{"MAXSKIPPED", FIELD(maxskipped), 0, INT64_MAX},
	{"HIST_WIDTH", FIELD(hist_width), 1, 1000},
	{"HIST_ELISION", FIELD(hist_elision), -1000000, 1000000},
	{"STP_MAX_BUCKETS", FIELD(max_buckets), 1, 1 << 20},
	{"TAPIR_MAX_KERNEL_FUNCTIONS", FIELD(max_kernel_functions), 1, 1000000},
	{"STP_NO_OVERLOAD", FIELD(no_overload), 0, 1},
	{"STP_OVERLOAD_INTERVAL", FIELD(overload_interval), 1, INT64_MAX},
	{"STP_OVERLOAD_THRESHOLD", FIELD(overload_threshold), 1, INT64_MAX},
	{"STP_BUFFER_SIZE", FIELD(buffer_bytes), 128, 1 << 26},
};

bool limits_hold(const struct options *o)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int64_t value = *(const int64_t *)((const char *)o + limits[i].field);
		bool by_default = limits[i].field == FIELD(maxnesting) && value == -1;

		if ((value < limits[i].low || value > limits[i].high) && !by_default)
			return false;
	}
	return true;
}

/* Settings of SystemTap's run time that have no counterpart. */
static const char *const without_effect[] = {
	"INTERRUPTIBLE", "KRETACTIVE", "MAXBACKTRACE", "MAXTRYLOCK", "MAXUPROBES", "MINSTACKSPACE",
	"RELAYHOST", "RELAYGUEST", "STAP_OVERRIDE_STUCK_CONTEXT", "STP_ALIBI",
	"STP_NO_BUILDID_CHECK", "STP_NO_VERREL_CHECK",
	 "STP_PROCFS_BUFSIZE", "STP_TIMING", "STP_USE_DYNAMIC_TRACER",
	"TASK_FINDER_VMA_ENTRY_ITEMS", "TRYLOCKDELAY", "VMA_ENTRIES",
};

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

bool cli_define_ok(const char *text)
{
	if (!name_char(*text, true))
		return false;
	while (name_char(*text, false))
		text++;
	if (!*text)
		return true;
	if (*text++ != '=')
		return false;
	text += *text == '-';
	if (!*text)
		return false;
	while (name_char(*text, false))
		text++;
	return !*text;
}

static bool known_without_effect(const char *name)
{
	for (size_t i = 0; i < sizeof(without_effect) / sizeof(without_effect[0]); i++)
		if (strcmp(without_effect[i], name) == 0)
			return true;
	return strncmp(name, "DEBUG_", 6) == 0;
}

static void set_limit(struct session *s, const struct limit *l, const char *text, int64_t n)
{
	int64_t to = n < l->low ? l->low : n > l->high ? l->high : n;

	if (to != n)
		sem_warn(s, NULL, "-D %s is out of range, %" PRId64 " is used", text, to);
	*(int64_t *)((char *)&s->opt + l->field) = to;
}

static void apply(struct session *s, const char *text)
{
	size_t len = strcspn(text, "=");
	const char *name = arena_strndup(&s->arena, text, len), *value = text[len] ? text + len + 1 : "1";
	char *end;
	int64_t n;

	if (known_without_effect(name)) {
		if (s->opt.verbose[0])
			fprintf(stderr, "-D %s has no effect in Tapir\n", text);
		return;
	}
	if (strcmp(name, "TAPIR_KERNEL_FUNCTIONS") == 0) {
		s->opt.kernel_functions = value;
		return;
	}
	if (strcmp(name, "TAPIR_UPROBES") == 0 || strcmp(name, "TAPIR_SLEEPABLE") == 0) {
		s->opt.uprobes_by_perf |= strcmp(text, "TAPIR_UPROBES=perf") == 0;
		s->opt.no_sleeping |= strcmp(text, "TAPIR_SLEEPABLE=0") == 0;
		return;
	}
	errno = 0;
	n = strtoll(value, &end, 0);
	if (*end && strspn(end, "uUlL") != strlen(end)) {
		sem_warn(s, NULL, "-D %s: not a number, ignored", text);
		return;
	}
	/* Ten times MAXACTION is what handlers get (language reference 5.1). */
	if (strcmp(name, "MAXACTION_INTERRUPTIBLE") == 0) {
		s->opt.maxaction = n < 10 ? 1 : n / 10;
		return;
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(limits[i].name, name) == 0) {
			set_limit(s, &limits[i], text, n);
			return;
		}
	sem_warn(s, NULL, "-D %s: no such limit in Tapir, ignored", text);
}

void cli_apply_defines(struct session *s)
{
	for (size_t i = 0; i < s->opt.defines.n; i++)
		apply(s, s->opt.defines.v[i]);
}
