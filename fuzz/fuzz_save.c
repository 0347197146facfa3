/* Any bytes as a compiled script. What is accepted must be written and read back the same, and fit
 * the interpreter. */
#include <string.h>

#include "dwarf/dbg.h"
#include "fuzz.h"
#include "interp/interp.h"
#include "ir/ir.h"
#include "lang/lang.h"
#include "save/save.h"

static bool read_back(struct session *s, const char *data, size_t size)
{
	const struct source *src;

	fuzz_session(s);
	src = source_make(s, "fuzz", data, size);
	return save_is_one(src->text, src->len) && save_read(s, src->name, src->text, src->len);
}

static void release(struct session *s)
{
	dbg_close_all(s);
	if (s->ir)
		ir_module_free(s->ir);
	session_release(s);
}

static void prepare(struct session *s)
{
	struct str out = {0};
	struct rt_env env = {.session = s, .out = &out};
	struct interp *in = interp_new(s, s->ir, &env);

	interp_free(in);
	str_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session s, again;
	struct str first = {0}, second = {0};

	if (read_back(&s, (const char *)data, size)) {
		save_write(&first, &s);
		REQUIRE(read_back(&again, first.s, first.len));
		save_write(&second, &again);
		REQUIRE(first.len == second.len && memcmp(first.s, second.s, first.len) == 0);
		release(&again);
		str_release(&first);
		str_release(&second);
		prepare(&s);
	}
	release(&s);
	return 0;
}
