/* Type information of the kernel: whatever a blob says, questions about it have answers within it. */
#include <stdlib.h>
#include <string.h>

#include "btf/btf.h"
#include "fuzz.h"

static void ask(struct btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, id);
	const char *name = btf_name(b, id);
	struct btf_place at;
	uint32_t found = btf_find(b, name, ~0u);

	REQUIRE(t || btf_kind(b, id) == BTF_KIND_UNKN);
	REQUIRE(!found || strcmp(btf_name(b, found), name) == 0);
	btf_size(b, id);
	btf_peel(b, id);
	btf_member(b, id, "member", &at);
	if (btf_kind(b, id) != BTF_KIND_STRUCT && btf_kind(b, id) != BTF_KIND_UNION)
		return;
	for (uint32_t k = 0; k < BTF_INFO_VLEN(t->info); k++) {
		btf_member_place(b, t, k, &at);
		REQUIRE(at.bit_offset < 64 && at.bit_size <= 64);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As in memory: a multiple of 4, at an aligned place; the second half continues the first. */
	size_t half = size / 8 * 4;
	uint32_t *copy = malloc(size + 4);
	struct btf *kernel, *module;
	int64_t value;

	memcpy(copy, data, size);
	kernel = btf_open(copy, size, NULL);
	if (!kernel)
		kernel = btf_open(copy, half, NULL);
	module = kernel ? btf_open((char *)copy + half, size - half, kernel) : NULL;
	for (uint32_t id = 0; kernel && id < btf_end(kernel) + 2 && id < 1000; id++)
		ask(kernel, id);
	for (uint32_t id = 0; module && id < btf_end(module) + 2 && id < 1000; id++)
		ask(module, id);
	if (kernel)
		btf_enumerator(kernel, "one", &value);
	btf_close(module);
	btf_close(kernel);
	free(copy);
	return 0;
}
