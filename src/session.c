/* See session.h. */
#include "session.h"

#include <string.h>

void session_init(struct session *s)
{
	struct options *o = &s->opt;

	memset(s, 0, sizeof(*s));
	o->last_pass = 5;
	o->compatible = "5.6";
	o->runtime = "bpf";
	o->maxstringlen = 512;
	o->maxaction = 1000;
	o->maxnesting = -1;
	o->maxmapentries = 2048;
	o->maxerrors = 0;
	o->maxskipped = 100;
	o->hist_width = 50;
	o->hist_elision = 2;
	o->max_buckets = 128;
	o->buffer_bytes = 8192;
	o->overload_interval = 1000000000;
	o->overload_threshold = 500000000;
	o->max_kernel_functions = 5000;
}

void session_release(struct session *s)
{
	arena_release(&s->arena);
}
