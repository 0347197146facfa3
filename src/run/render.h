/* Records of the ring buffer to what users see: text, messages, commands.
 *
 * A record is what one handler has to say (bpfrt/abi.h). Records come from our own programs, but
 * nothing in them is trusted: a wrong one is counted and left out. Once set up, rendering allocates
 * nothing but what output buffers grow by. */
#ifndef RUN_RENDER_H
#define RUN_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "bpfrt/abi.h"
#include "gen/gen.h"
#include "ir/ir.h"
#include "rt/stat.h"

/* Who takes what records ask for. */
struct render_sink {
	void (*error)(struct render_sink *, const char *text);
	void (*warn)(struct render_sink *, const char *text, uint32_t len);
	void (*system)(struct render_sink *, const char *command, uint32_t len);
	void (*exit)(struct render_sink *);
	void (*rotate)(struct render_sink *); /* what is in out belongs to the file before */
	/* An addition that a handler could not make. size bytes of key. */
	void (*add)(struct render_sink *, uint32_t inst, uint32_t global, const struct rt_item_add *what,
		    const void *key, uint32_t size);
	/* Text of a deferred string, added to out. */
	void (*token)(struct render_sink *, enum rt_token_kind kind, const struct rt_token *token,
		      struct str *out);
	/* See symbols_stack(), symbols_lines(). */
	void (*stack)(struct render_sink *, uint32_t pid, unsigned how, const struct rt_stack *stack,
		      struct str *out);
	void (*lines)(struct render_sink *, uint32_t pid, bool kernel, const char *text, uint32_t len,
		      struct str *out);
};

struct render {
	const struct ir_module *ir;
	const struct gen_image *img;
	struct render_sink *sink;
	void *owner; /* of the sink */
	struct str *out;
	uint32_t max_print;		 /* bytes of one print call, STP_BUFFER_SIZE */
	int hist_width, hist_elision;
	int64_t n_bad;			 /* records that could not be read */

	/* private */
	struct render_format {
		uint32_t n_args;
		bool *is_string; /* by argument */
	} *formats;
	struct rt_value *args;
	struct str tokens; /* texts of deferred strings of one item */
	struct str text;   /* an error message, a command */
	int64_t *buckets;
	uint32_t n_buckets;
};

/* The caller has set the fields down to n_bad. */
void render_init(struct render *r);
void render_release(struct render *r);
/* Such an addition found the table full. */
void render_full(struct render *r, uint32_t inst, uint32_t global, uint64_t place);
/* One record: output is added to out, the rest goes to the sink. */
void render_record(struct render *r, const void *data, uint32_t size);

#endif
