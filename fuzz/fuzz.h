/* What the fuzz targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "session.h"
#include "tapset/library.h"

/* libFuzzer's interface. 0: fine; crashes and aborts are what is looked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                          \
	do {                                                                                   \
		if (!(cond)) {                                                                 \
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);            \
			fflush(stdout);                                                        \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* Messages of the passes go nowhere, unless FUZZ_SHOW is set. Descriptor 2 stays as it is: the
 * sanitizers write there. */
static inline void fuzz_quiet(void)
{
	static int done;

	if (!done && !getenv("FUZZ_SHOW"))
		stderr = fopen("/dev/null", "w");
	done = 1;
	if (!stderr)
		abort();
}

/* A session as for `stap -g - 5 '"a\b"'`, with the built-in macro library only. */
static inline void fuzz_session(struct session *s)
{
	fuzz_quiet();
	setenv("XDG_DATA_DIRS", "", 1);
	session_init(s);
	s->opt.guru = true;
	vec_push(&s->opt.script_args, &s->arena, "5");
	vec_push(&s->opt.script_args, &s->arena, "\"a\\b\"");
	library_open(s);
}

#endif
