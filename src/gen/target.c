/* See target.h. R6: context, an array of the tracepoint's arguments; R7: a task. */
#include "gen/target.h"

#include "base/bug.h"

struct out {
	struct bpf_insn *v;
	uint32_t n;
};

static void add(struct out *o, int code, int dst, int src, int off, int32_t imm)
{
	if (o->n == GEN_TARGET_INSNS)
		bug("target program is too long");
	o->v[o->n++] = (struct bpf_insn){.code = (uint8_t)code,
					 .dst_reg = (uint8_t)(dst & 15),
					 .src_reg = (uint8_t)(src & 15),
					 .off = (int16_t)off,
					 .imm = imm};
}

/* Stack at off = memory at R7 + from; zero if it cannot be read. */
static void read_field(struct out *o, int off, int size, uint32_t from)
{
	add(o, BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0);
	add(o, BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, off);
	add(o, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, size);
	add(o, BPF_ALU64 | BPF_MOV | BPF_X, 3, 7, 0, 0);
	add(o, BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, (int32_t)from);
	add(o, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel);
}

/* R1 = the map, R2 = key at stack off */
static void map_and_key(struct out *o, int targets, int off)
{
	add(o, BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, targets);
	add(o, 0, 0, 0, 0, 0);
	add(o, BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
	add(o, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, off);
}

/* A jump over what follows; give the result to end_if(). */
static uint32_t leave_if(struct out *o, int op, int dst, int src, int32_t imm)
{
	add(o, BPF_JMP | op | (src >= 0 ? BPF_X : BPF_K), dst, src >= 0 ? src : 0, 0, imm);
	return o->n - 1;
}

static uint32_t finish(struct out *o, const uint32_t *jumps, int n)
{
	for (int i = 0; i < n; i++)
		o->v[jumps[i]].off = (int16_t)(o->n - jumps[i] - 1);
	add(o, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	add(o, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return o->n;
}

uint32_t gen_target_fork(struct bpf_insn to[GEN_TARGET_INSNS], const struct gen_task_layout *at,
			 int targets)
{
	struct out o = {to, 0};
	uint32_t jumps[2];

	add(&o, BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	add(&o, BPF_LDX | BPF_DW | BPF_MEM, 7, 6, 8, 0);
	read_field(&o, -8, 4, at->pid);
	read_field(&o, -4, 4, at->tgid);
	add(&o, BPF_LDX | BPF_W | BPF_MEM, 1, 10, -8, 0);
	add(&o, BPF_LDX | BPF_W | BPF_MEM, 2, 10, -4, 0);
	jumps[0] = leave_if(&o, BPF_JNE, 1, 2, 0); /* a new thread */
	add(&o, BPF_LDX | BPF_DW | BPF_MEM, 7, 6, 0, 0);
	read_field(&o, -8, 4, at->tgid);
	map_and_key(&o, targets, -8);
	add(&o, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	jumps[1] = leave_if(&o, BPF_JEQ, 0, -1, 0);
	add(&o, BPF_ST | BPF_W | BPF_MEM, 10, 0, -12, 1);
	map_and_key(&o, targets, -4);
	add(&o, BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0);
	add(&o, BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, -12);
	add(&o, BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, BPF_ANY);
	add(&o, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_update_elem);
	return finish(&o, jumps, 2);
}

uint32_t gen_target_exit(struct bpf_insn to[GEN_TARGET_INSNS], const struct gen_task_layout *at,
			 int targets)
{
	struct out o = {to, 0};
	uint32_t jumps[1];

	add(&o, BPF_LDX | BPF_DW | BPF_MEM, 7, 1, 0, 0);
	read_field(&o, -4, 4, at->tgid);
	read_field(&o, -16, 8, at->signal);
	add(&o, BPF_LDX | BPF_DW | BPF_MEM, 7, 10, -16, 0);
	/* Threads left; the one that ends is not counted any more. */
	read_field(&o, -8, 4, at->live);
	add(&o, BPF_LDX | BPF_W | BPF_MEM, 1, 10, -8, 0);
	jumps[0] = leave_if(&o, BPF_JNE, 1, -1, 0);
	map_and_key(&o, targets, -4);
	add(&o, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_delete_elem);
	return finish(&o, jumps, 1);
}
