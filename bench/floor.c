/* The floor of counting system calls by name: a program at the raw tracepoint of their entry that adds
 * to one element of a hash table.
 *
 *	floor     a line when it is in place; until standard input ends */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kern/bpf.h"

#define INSN(c, d, s, o, i) \
	{.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)}

int main(void)
{
	/* key: name of the thread (16 bytes), number of the call */
	struct kern_map m = {.name = "calls", .type = BPF_MAP_TYPE_HASH, .key_size = 24, .value_size = 8,
			     .max_entries = 2048};
	int map = kern_map_create(&m), prog, link;
	const struct bpf_insn insns[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 6, 1, 8, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 6, -8, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -24),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 16),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_comm),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -24),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -32, 1),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -24),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, -32),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, BPF_ANY),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_update_elem),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.name = "floor", .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = insns,
			      .n_insns = sizeof(insns) / sizeof(insns[0]), .btf = -1};
	char byte;

	prog = map < 0 ? map : kern_prog_load(&p, NULL);
	link = prog < 0 ? prog : kern_raw_tracepoint(prog, "sys_enter", 0);
	if (link < 0) {
		fprintf(stderr, "floor: %s\n", strerror(-link));
		return 1;
	}
	puts("armed");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
