/* See memory.h. The program gets (address, size, what) and leaves what it has read in the only element
 * of an array map, which is mapped here. */
#include "kern/memory.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>

#include "kern/bpf.h"

enum { BYTES, TEXT, CURRENT_TASK };

#define INSN(c, d, s, o, i) {.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)}
#define LOAD(d, offset) INSN(BPF_LDX | BPF_DW | BPF_MEM, d, 6, offset, 0)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)

static int program = -1;
static char *seen; /* the map's element */

static int make(void)
{
	struct kern_map want = {"memory", BPF_MAP_TYPE_ARRAY, 4, 2 * KERN_READ_MAX, 1, BPF_F_MMAPABLE};
	int map = kern_map_create(&want);
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 7, BPF_PSEUDO_MAP_VALUE, 0, map),
		INSN(0, 0, 0, 0, 0),
		LOAD(3, 0),
		LOAD(2, 8),
		LOAD(4, 16),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 7, 0, 0),
		INSN(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 10, KERN_READ_MAX),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 3, TEXT),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 4, CURRENT_TASK),
		CALL(BPF_FUNC_probe_read_kernel),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		CALL(BPF_FUNC_probe_read_kernel_str),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		CALL(BPF_FUNC_get_current_task),
		INSN(BPF_STX | BPF_DW | BPF_MEM, 7, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -EFAULT),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.name = "memory", .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = insns,
			      .n_insns = sizeof(insns) / sizeof(insns[0]), .btf = -1};
	void *mapped;

	if (map < 0)
		return map;
	mapped = mmap(NULL, 2 * KERN_READ_MAX, PROT_READ, MAP_SHARED, map, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	seen = mapped;
	return kern_prog_load(&p, NULL);
}

static int run(uint64_t addr, size_t size, int what)
{
	uint64_t args[] = {addr, size, (uint64_t)what};
	uint32_t result = 0;
	int status;

	if (program == -1)
		program = make();
	if (program < 0)
		return program;
	status = kern_prog_test_run(program, args, sizeof(args), &result);
	if (status < 0)
		return status;
	/* The reasons differ (addresses of programs: out of range); nothing is there to be read. */
	return (int)result < 0 ? -EFAULT : (int)result;
}

int kern_read(uint64_t addr, void *to, size_t n)
{
	int status = n ? run(addr, n, BYTES) : 0;

	if (status == 0)
		memcpy(to, seen, n);
	return status;
}

int kern_read_string(uint64_t addr, char *to, size_t size)
{
	int n = size ? run(addr, size, TEXT) : 0;

	if (n <= 0)
		return n;
	memcpy(to, seen, (size_t)n);
	return n - 1;
}

uint64_t kern_current_task(void)
{
	uint64_t task = 0;

	if (run(0, 8, CURRENT_TASK) == 0)
		memcpy(&task, seen, sizeof(task));
	return task;
}

#ifdef TAPIR_TEST
#include <unistd.h>

#include "base/test.h"
#include "kern/btf.h"

TEST(kernel_memory)
{
	struct kern_member m[] = {{"task_struct", "tgid", 0, false}, {"task_struct", "comm", 0, false}};
	uint64_t task;
	char text[16];
	int32_t pid;

	if (!kern_can_bpf() || !kern_btf_members(m, 2))
		return;
	task = kern_current_task();
	CHECK(task != 0);
	CHECK_INT(kern_read(task + m[0].offset, &pid, 4), 0);
	CHECK_INT(pid, getpid());
	CHECK(kern_read_string(task + m[1].offset, text, sizeof(text)) > 0);
	CHECK_STR(text, "unit");
	CHECK_INT(kern_read_string(task + m[1].offset, text, 3), 2);
	CHECK_STR(text, "un");
	CHECK_INT(kern_read(16, &pid, 4), -EFAULT);
	CHECK_INT(kern_read(task, text, 0), 0);
}
#endif
