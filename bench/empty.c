/* The floor of a probe's cost: a program that does nothing, attached the way stap attaches.
 *
 *	empty PATH OFFSET     a line when it is in place; until standard input ends */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/bpf.h"

int main(int argc, char **argv)
{
	static const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
						{.code = BPF_JMP | BPF_EXIT}};
	struct kern_prog p = {.name = "empty", .type = BPF_PROG_TYPE_KPROBE,
			      .expected_attach = KERN_ATTACH_UPROBE_MULTI, .insns = insns, .n_insns = 2,
			      .btf = -1};
	uint64_t offset = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	struct kern_uprobes u = {.path = argc > 1 ? argv[1] : "", .offsets = &offset, .n = 1};
	int prog = kern_prog_load(&p, NULL), link = prog < 0 ? prog : kern_uprobe_multi(prog, &u);
	char byte;

	if (link < 0) {
		fprintf(stderr, "empty: %s\n", strerror(-link));
		return 1;
	}
	puts("armed");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
