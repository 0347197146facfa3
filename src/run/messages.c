/* ERROR: and WARNING: lines of a running session. Each is one write, so that lines of the traced
 * command and of other processes do not mix with it. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "run/session_run.h"
#include "session.h"

static void put(const struct run *r, bool error, const char *text, size_t len)
{
	const char *word = error ? "ERROR:" : "WARNING:";
	struct str line = {0};
	ssize_t n;

	if (r->background) {
		syslog(error ? LOG_ERR : LOG_WARNING, "%s %.*s", word, (int)len, text);
		return;
	}
	if (r->s->opt.color)
		str_addf(&line, "%s%s\033[m\033[K ", error ? "\033[01;31m" : "\033[35;01m", word);
	else
		str_addf(&line, "%s ", word);
	str_addn(&line, text, len);
	str_addc(&line, '\n');
	/* Nobody could be told that stderr cannot be written. */
	n = write(STDERR_FILENO, line.s, line.len);
	(void)n;
	str_release(&line);
}

static void put_formatted(const struct run *r, bool error, const char *fmt, va_list ap)
{
	struct str text = {0};

	str_vaddf(&text, fmt, ap);
	put(r, error, text.s, text.len);
	str_release(&text);
}

void message_error(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_formatted(r, true, fmt, ap);
	va_end(ap);
}

void message_warning(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (r->s->opt.no_warnings)
		return;
	va_start(ap, fmt);
	put_formatted(r, false, fmt, ap);
	va_end(ap);
}

enum { MAX_REMEMBERED = 1024 };

void message_warn_once(struct rt_env *env, const char *text, uint32_t len)
{
	struct run *r = run_of(env);
	struct session *s = r->s;

	if (s->opt.no_warnings)
		return;
	if (!s->opt.verbose[5]) {
		const char *key = intern_n(text, strnlen(text, len));

		if (map_get(&r->warned, key))
			return;
		if (r->warned.n == MAX_REMEMBERED) {
			static const char full[] = "WARNING deduplication table full";

			map_set(&r->warned, &s->arena, intern(full), r);
			put(r, false, full, strlen(full));
		}
		if (r->warned.n < MAX_REMEMBERED)
			map_set(&r->warned, &s->arena, key, r);
	}
	put(r, false, text, len);
}
