/* Addition to an element of a kernel map that loses no addition of handlers: user space has no address
 * of the element, so a program of a few instructions does it, run by this process. See kmap.h. */
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "kern/bpf.h"
#include "rt/kmap.h"

/* What the program below works on. */
struct add_memory {
	int64_t n, sum;
	unsigned char key[];
};

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

/* if (element) memory->sum = atomically(element->n += memory->n) + memory->n, return 1; return 0 */
static int load_add_program(int map, int memory)
{
	const struct bpf_insn code[] = {
		INSN(BPF_LD | BPF_DW | BPF_IMM, 6, BPF_PSEUDO_MAP_VALUE, 0, memory),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, offsetof(struct add_memory, key)),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 1, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_LDX | BPF_DW | BPF_MEM, 1, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 1, 0, 0),
		INSN(BPF_STX | BPF_DW | BPF_ATOMIC, 0, 1, offsetof(struct rt_long_value, n),
		     BPF_ADD | BPF_FETCH),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, 2, 0, 0),
		INSN(BPF_STX | BPF_DW | BPF_MEM, 6, 1, offsetof(struct add_memory, sum), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.name = "tapir_add", .type = BPF_PROG_TYPE_RAW_TRACEPOINT,
			      .insns = code, .n_insns = sizeof(code) / sizeof(code[0]),
			      .btf = -1};

	return kern_prog_load(&p, NULL);
}

bool kmap_make_add_program(struct kmap *k)
{
	uint32_t size = (uint32_t)sizeof(struct add_memory) + k->key_size;
	void *p;

	if (k->add_memory_fd != -1)
		return k->add_fd >= 0;
	k->add_memory_fd = kern_map_create(&(struct kern_map){.name = "tapir_add",
							      .type = BPF_MAP_TYPE_ARRAY,
							      .key_size = 4,
							      .value_size = size,
							      .max_entries = 1,
							      .flags = BPF_F_MMAPABLE});
	if (k->add_memory_fd < 0)
		return false;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, k->add_memory_fd, 0);
	if (p == MAP_FAILED)
		return false;
	k->add_memory = p;
	k->add_fd = load_add_program(k->fd, k->add_memory_fd);
	return k->add_fd >= 0;
}

bool kmap_add_in_kernel(struct kmap *k, int64_t n, int64_t *sum)
{
	struct add_memory *m = k->add_memory;
	uint32_t found = 0;

	memcpy(m->key, k->key, k->key_size);
	m->n = n;
	if (kern_prog_test_run(k->add_fd, NULL, 0, &found) < 0 || !found)
		return false;
	*sum = m->sum;
	return true;
}
