/* See asm.h. Encodings: Documentation/bpf/standardization of the kernel. */
#include "gen/asm.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_JUMP = INT16_MAX - 4000 };

static bool is_near(int off)
{
	return off >= INT16_MIN && off <= INT16_MAX;
}

void code_init(struct code *c, struct arena *a)
{
	*c = (struct code){.arena = a};
}

void code_insn(struct code *c, uint8_t op, int dst, int src, int off, int32_t imm)
{
	struct bpf_insn i = {.code = op,
			     .dst_reg = (uint8_t)(dst & 15),
			     .src_reg = (uint8_t)(src & 15),
			     .off = (int16_t)off,
			     .imm = imm};

	vec_push(&c->insns, c->arena, i);
}

int code_label(struct code *c)
{
	vec_push(&c->labels, c->arena, -1);
	return (int)c->labels.n - 1;
}

void code_place(struct code *c, int label)
{
	c->labels.v[label] = (int32_t)c->insns.n;
}

bool code_placed(const struct code *c, int label)
{
	return c->labels.v[label] >= 0;
}

static bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_DW | BPF_IMM);
}

/* Marks what is reached from the first instruction; target[i] is where the jump at i goes. */
static void mark(const struct code *c, const int32_t *target, bool *reached)
{
	uint32_t *stack = xmalloc((2 * c->insns.n + 2) * sizeof(*stack)), n = 0;

	stack[n++] = 0;
	while (n) {
		uint32_t i = stack[--n];

		while (i < c->insns.n && !reached[i]) {
			uint8_t op = c->insns.v[i].code;

			reached[i] = true;
			if (is_wide(&c->insns.v[i])) {
				reached[i + 1] = true;
				i += 2;
				continue;
			}
			if (target[i] >= 0)
				stack[n++] = (uint32_t)target[i];
			if (op == (BPF_JMP | BPF_JA) || op == (BPF_JMP | BPF_EXIT))
				break;
			i++;
		}
	}
	free(stack);
}

/* Jumps over nothing but what is dropped are dropped, too. */
static void unmark_idle_jumps(const struct code *c, const int32_t *target, bool *reached)
{
	int32_t next = (int32_t)c->insns.n; /* the next instruction that stays */

	for (size_t i = c->insns.n; i-- > 0;) {
		if (!reached[i])
			continue;
		if (c->insns.v[i].code == (BPF_JMP | BPF_JA) && target[i] > (int32_t)i && target[i] <= next)
			reached[i] = false;
		else
			next = (int32_t)i;
	}
}

static void drop_unreached(struct code *c)
{
	size_t n_insns = c->insns.n, n = 0;
	int32_t *target = xmalloc((n_insns + 1) * sizeof(*target));
	uint32_t *to = xmalloc((n_insns + 1) * sizeof(*to));
	bool *reached = xcalloc(n_insns + 2, 1);

	for (size_t i = 0; i < n_insns; i++)
		target[i] = -1;
	for (size_t i = 0; i < c->fixups.n; i++)
		target[c->fixups.v[i].insn] = c->labels.v[c->fixups.v[i].label];
	mark(c, target, reached);
	unmark_idle_jumps(c, target, reached);
	for (size_t i = 0; i < n_insns; i++) {
		to[i] = (uint32_t)n;
		if (reached[i])
			c->insns.v[n++] = c->insns.v[i];
	}
	to[n_insns] = (uint32_t)n;
	c->insns.n = n;
	for (size_t i = 0; i < c->labels.n; i++)
		if (c->labels.v[i] >= 0)
			c->labels.v[i] = (int32_t)to[c->labels.v[i]];
#define KEEP(list)                                                        \
	do {                                                              \
		size_t kept = 0;                                          \
		for (size_t i = 0; i < (list).n; i++) {                   \
			if (!reached[(list).v[i].insn])                   \
				continue;                                 \
			(list).v[kept] = (list).v[i];                     \
			(list).v[kept].insn = to[(list).v[i].insn];       \
			kept++;                                           \
		}                                                         \
		(list).n = kept;                                          \
	} while (0)
	KEEP(c->fixups);
	KEEP(c->relocs);
	KEEP(c->calls);
	KEEP(c->callbacks);
#undef KEEP
	free(target);
	free(to);
	free(reached);
}

bool code_resolve(struct code *c)
{
	drop_unreached(c);
	for (size_t i = 0; i < c->fixups.n; i++) {
		uint32_t at = c->fixups.v[i].insn;
		int64_t off = (int64_t)c->labels.v[c->fixups.v[i].label] - at - 1;

		/* The kernel puts some helpers' instructions in place of the call. */
		if (off < -MAX_JUMP || off > MAX_JUMP)
			return false;
		c->insns.v[at].off = (int16_t)off;
	}
	c->fixups.n = 0;
	return true;
}

void code_mov(struct code *c, int dst, int src)
{
	if (dst != src)
		code_insn(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

/* LD_IMM64: two slots. */
static void wide(struct code *c, int dst, int src, uint32_t low, uint32_t high)
{
	code_insn(c, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int32_t)low);
	code_insn(c, 0, 0, 0, 0, (int32_t)high);
}

void code_imm(struct code *c, int dst, int64_t value)
{
	if (value >= INT32_MIN && value <= INT32_MAX)
		code_insn(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, (int32_t)value);
	else
		wide(c, dst, 0, (uint32_t)value, (uint32_t)((uint64_t)value >> 32));
}

void code_alu(struct code *c, int op, int dst, int src)
{
	code_insn(c, (uint8_t)(BPF_ALU64 | BPF_X | op), dst, src, 0, 0);
}

void code_alu_imm(struct code *c, int op, int dst, int32_t imm)
{
	code_insn(c, (uint8_t)(BPF_ALU64 | BPF_K | op), dst, 0, 0, imm);
}

void code_neg(struct code *c, int dst)
{
	code_insn(c, BPF_ALU64 | BPF_NEG, dst, 0, 0, 0);
}

/* By the magnitudes: the signed instruction came with Linux 6.6. */
void code_divide(struct code *c, bool modulo)
{
	int a = code_label(c), b = code_label(c), end = code_label(c);

	code_imm(c, R3, 0);
	code_jump_if_imm(c, BPF_JSGE, R1, 0, a);
	code_neg(c, R1);
	code_imm(c, R3, 1);
	code_place(c, a);
	code_jump_if_imm(c, BPF_JSGE, R2, 0, b);
	code_neg(c, R2);
	if (!modulo)
		code_alu_imm(c, BPF_XOR, R3, 1);
	code_place(c, b);
	code_alu(c, modulo ? BPF_MOD : BPF_DIV, R1, R2);
	code_jump_if_imm(c, BPF_JEQ, R3, 0, end);
	code_neg(c, R1);
	code_place(c, end);
}

/* Places that 16 bits do not reach: the base goes there and back. */
void code_load(struct code *c, int size, int dst, int base, int off)
{
	if (!is_near(off)) {
		code_mov(c, dst, base);
		code_alu_imm(c, BPF_ADD, dst, off);
		base = dst;
		off = 0;
	}
	code_insn(c, (uint8_t)(BPF_LDX | BPF_MEM | size), dst, base, off, 0);
}

static void access(struct code *c, int op, int base, int src, int off, int32_t imm)
{
	bool near = is_near(off);

	if (!near)
		code_alu_imm(c, BPF_ADD, base, off);
	code_insn(c, (uint8_t)op, base, src, near ? off : 0, imm);
	if (!near)
		code_alu_imm(c, BPF_SUB, base, off);
}

void code_store(struct code *c, int size, int base, int off, int src)
{
	access(c, BPF_STX | BPF_MEM | size, base, src, off, 0);
}

void code_store_imm(struct code *c, int size, int base, int off, int32_t imm)
{
	access(c, BPF_ST | BPF_MEM | size, base, 0, off, imm);
}

void code_atomic(struct code *c, int size, int op, int base, int off, int src)
{
	access(c, BPF_STX | BPF_ATOMIC | size, base, src, off, op);
}

static void fix(struct code *c, int label)
{
	struct code_fixup f = {(uint32_t)c->insns.n, label};

	vec_push(&c->fixups, c->arena, f);
}

void code_jump(struct code *c, int label)
{
	fix(c, label);
	code_insn(c, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void code_jump_if(struct code *c, int op, int dst, int src, int label)
{
	fix(c, label);
	code_insn(c, (uint8_t)(BPF_JMP | BPF_X | op), dst, src, 0, 0);
}

void code_jump_if_imm(struct code *c, int op, int dst, int32_t imm, int label)
{
	fix(c, label);
	code_insn(c, (uint8_t)(BPF_JMP | BPF_K | op), dst, 0, 0, imm);
}

void code_exit(struct code *c)
{
	code_insn(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void code_helper(struct code *c, int number)
{
	code_insn(c, BPF_JMP | BPF_CALL, 0, 0, 0, number);
}

void code_map_update(struct code *c)
{
	code_helper(c, BPF_FUNC_map_update_elem);
	code_alu_imm(c, BPF_LSH, R0, 32);
	code_alu_imm(c, BPF_ARSH, R0, 32);
}

void code_library(struct code *c, const char *function)
{
	struct code_call call = {(uint32_t)c->insns.n, function};

	vec_push(&c->calls, c->arena, call);
	code_insn(c, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, -1);
}

static void map_reloc(struct code *c, uint32_t map, enum gen_reloc_kind kind)
{
	struct gen_reloc r = {(uint32_t)c->insns.n, map, kind};

	vec_push(&c->relocs, c->arena, r);
}

void code_map(struct code *c, int dst, uint32_t map)
{
	map_reloc(c, map, GEN_RELOC_MAP);
	wide(c, dst, BPF_PSEUDO_MAP_FD, 0, 0);
}

void code_map_value(struct code *c, int dst, uint32_t map, uint32_t offset)
{
	map_reloc(c, map, GEN_RELOC_MAP_VALUE);
	wide(c, dst, BPF_PSEUDO_MAP_VALUE, 0, offset);
}

static void sub_reference(struct code *c)
{
	struct code_call call = {(uint32_t)c->insns.n, NULL};

	vec_push(&c->callbacks, c->arena, call);
}

void code_call_sub(struct code *c, int k)
{
	sub_reference(c);
	code_insn(c, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, k);
}

void code_callback(struct code *c, int dst, int k)
{
	sub_reference(c);
	wide(c, dst, BPF_PSEUDO_FUNC, (uint32_t)k, 0);
}
