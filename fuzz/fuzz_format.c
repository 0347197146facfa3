/* Any bytes as a printf format; what is accepted is formatted with odd values. */
#include <string.h>

#include "fuzz.h"
#include "lang/lang.h"
#include "rt/format.h"

enum { MAX_PARTS = 64 };

static const int64_t numbers[] = {0, -1, 255, INT64_MIN, INT64_MAX, 8191, 100000, 39};
static const char *const strings[] = {"", "text", "%d\n\\", "\377\001\200"};

/* One value for each conversion, one before it for each "*". */
static unsigned values(const fmt_parts *parts, unsigned round, struct rt_value *v)
{
	unsigned n = 0;

	for (size_t i = 0; i < parts->n; i++) {
		const struct fmt_part *p = &parts->v[i];
		const char *s = strings[(i + round) % 4];

		REQUIRE(p->width >= FMT_DYNAMIC && p->width <= 8192);
		REQUIRE(p->precision >= FMT_DYNAMIC && p->precision <= 8192);
		if (p->conv == CONV_LITERAL) {
			REQUIRE(p->text && p->len > 0);
			continue;
		}
		for (int k = (p->width == FMT_DYNAMIC) + (p->precision == FMT_DYNAMIC); k >= 0; k--) {
			v[n] = (struct rt_value){numbers[(n + round) % 8], s, (uint32_t)strlen(s)};
			n++;
		}
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	fmt_parts parts = {0};
	struct rt_value v[3 * MAX_PARTS] = {0};
	const char *error;

	fuzz_quiet();
	error = format_parse(&a, (const char *)data, size, &parts);
	if (error) {
		REQUIRE(error[0]);
	} else if (parts.n <= MAX_PARTS) {
		for (unsigned round = 0; round < 8; round++) {
			struct str out = {0};
			unsigned n = values(&parts, round, v);

			rt_format(&out, &parts, v, n);
			REQUIRE(!out.s || out.s[out.len] == 0);
			str_release(&out);
		}
	}
	arena_release(&a);
	return 0;
}
