/* Argument texts of SDT notes. The first byte chooses the machine. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "object/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t machines[] = {EM_X86_64, EM_386, EM_AARCH64, EM_NONE};
	struct arena a = {0};
	struct usdt_arg *args;
	uint16_t machine;
	size_t n;
	char *text;

	if (!size)
		return 0;
	machine = machines[data[0] & 3];
	text = arena_strndup(&a, (const char *)data + 1, size - 1);
	n = usdt_parse_args(&a, machine, machine != EM_386, text, &args);
	for (size_t i = 0; i < n; i++) {
		const struct usdt_arg *g = &args[i];

		REQUIRE(g->size == 1 || g->size == 2 || g->size == 4 || g->size == 8);
		REQUIRE(*g->text && strstr(text, g->text));
		if (g->kind == USDT_REG)
			REQUIRE(g->base.number >= 0 && g->base.number <= 31);
		if (g->kind == USDT_MEM)
			REQUIRE(g->symbol || g->base.number >= 0 || g->index.number >= 0);
		REQUIRE(g->base.number <= 31 && g->index.number <= 31);
	}
	arena_release(&a);
	return 0;
}
