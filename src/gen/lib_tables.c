/* Arguments for the BPF library. See lib_tables.h. */
#include "gen/lib_tables.h"

#include <string.h>

#include "bpfrt/abi.h"
#include "lang/ast.h"
#include "rt/regex_internal.h"

_Static_assert((int)RT_CONV_LITERAL == CONV_LITERAL && (int)RT_CONV_DEC == CONV_DEC &&
	       (int)RT_CONV_POINTER == CONV_POINTER && (int)RT_CONV_STRING == CONV_STRING &&
	       (int)RT_CONV_BINARY == CONV_BINARY, "numbers of conversions");
_Static_assert((int)RT_FMT_ZERO == FMT_ZERO && (int)RT_FMT_PLUS == FMT_PLUS &&
	       (int)RT_FMT_SPACE == FMT_SPACE && (int)RT_FMT_LEFT == FMT_LEFT &&
	       (int)RT_FMT_ALT == FMT_ALT, "flags of conversions");

_Static_assert((int)RT_GROUP_SET == REGEX_SET && (int)RT_GROUP_SPLIT == REGEX_SPLIT &&
	       (int)RT_GROUP_JUMP == REGEX_JUMP && (int)RT_GROUP_SAVE == REGEX_SAVE &&
	       (int)RT_GROUP_BOL == REGEX_BOL && (int)RT_GROUP_EOL == REGEX_EOL &&
	       (int)RT_GROUP_MATCH == REGEX_MATCH, "instructions of regular expressions");
_Static_assert((int)RT_GROUPS_MAX == REGEX_MAX_GROUPS, "number of groups");

uint32_t lib_str_width(uint32_t width)
{
	return width < RT_STR_BYTES ? width : RT_STR_BYTES - 1;
}

uint32_t lib_regex_cells(const struct regex *re)
{
	uint64_t n = (uint64_t)re->n_states * (re->n_classes + 1u);

	return n <= RT_REGEX_CELLS ? (uint32_t)n : 0;
}

void lib_regex_table(struct rt_regex *to, const struct regex *re)
{
	uint32_t row = re->n_classes + 1u;

	to->start = to->reserved = 0;
	memcpy(to->byte_class, re->byte_class, sizeof(to->byte_class));
	for (uint32_t i = 0; i < re->n_states; i++) {
		uint16_t *cell = &to->cells[i * row];

		*cell++ = re->accept[i];
		for (uint32_t k = 0; k < re->n_classes; k++)
			*cell++ = (uint16_t)(re->next[i * re->n_classes + k] * row);
	}
}

uint32_t lib_group_program(struct rt_group_program *to, const struct regex *re)
{
	const struct regex_prog *prog = regex_program(re);
	uint32_t words = (prog->n_groups + 1) / 2, set_cells = sizeof(prog->sets->bits) / 8;
	uint64_t n = prog->n_insts + (uint64_t)prog->n_sets * set_cells;

	if (prog->n_insts > RT_GROUP_INSTS || n > RT_GROUP_CELLS ||
	    (uint64_t)prog->n_pos * words > RT_GROUP_WORDS)
		return 0;
	to->n_groups = prog->n_groups;
	to->words = words;
	for (uint32_t i = 0; i < prog->n_insts; i++) {
		const struct regex_inst *in = &prog->inst[i];
		uint64_t x = in->op == REGEX_SET ? prog->n_insts + in->x * set_cells : in->x;

		to->cells[i] = in->op | x << 16 | (uint64_t)in->y << 32;
	}
	for (uint32_t i = 0; i < prog->n_sets; i++)
		memcpy(&to->cells[prog->n_insts + i * set_cells], prog->sets[i].bits,
		       sizeof(prog->sets[i].bits));
	return (uint32_t)n;
}

uint64_t lib_fmt_spec(const struct fmt_part *p)
{
	uint64_t width = p->width < 0 ? 0 : p->width < RT_SPEC_NONE ? (uint64_t)p->width : RT_SPEC_NONE - 1;
	uint64_t precision = RT_SPEC_NONE;

	if (p->precision >= 0)
		precision = p->precision < RT_SPEC_NONE ? (uint64_t)p->precision : RT_SPEC_NONE - 1;
	return (uint64_t)p->conv | (uint64_t)p->flags << RT_SPEC_FLAGS | width << RT_SPEC_WIDTH |
	       precision << RT_SPEC_PRECISION;
}
