/* See task.h. */
#include "kern/task.h"

#include "kern/btf.h"
#include "kern/memory.h"

enum { SLOT_BITS = 6, MAX_LEVELS = 6, NODE_MARK = 2, MARKS = 3 }; /* of the tree of ids */

enum { COMM, THREAD_PID, PID_LINKS, NUMBERS, NAMESPACE, TASKS, IDR, IDR_RT, HEAD, SHIFT, SLOTS, N_MEMBERS };

/* Offsets; NULL: the kernel does not tell. */
static const struct kern_member *members(void)
{
	static struct kern_member m[N_MEMBERS] = {
		{"task_struct", "comm", 0, false},   {"task_struct", "thread_pid", 0, false},
		{"task_struct", "pid_links", 0, false}, {"pid", "numbers", 0, false},
		{"upid", "ns", 0, false},	     {"pid", "tasks", 0, false},
		{"pid_namespace", "idr", 0, false},  {"idr", "idr_rt", 0, false},
		{"xarray", "xa_head", 0, false},     {"xa_node", "shift", 0, false},
		{"xa_node", "slots", 0, false},
	};
	static enum { UNKNOWN, KNOWN, MISSING } state;

	if (state == UNKNOWN)
		state = kern_btf_members(m, N_MEMBERS) ? KNOWN : MISSING;
	return state == KNOWN ? m : NULL;
}

static uint64_t pointer(uint64_t addr)
{
	uint64_t value = 0;

	return kern_read(addr, &value, sizeof(value)) == 0 ? value : 0;
}

/* Down the tree of ids of the namespace that this process was started in. */
uint64_t kern_find_task(int64_t pid)
{
	const struct kern_member *m = members();
	uint64_t entry, task;

	if (!m || pid <= 0 || pid > INT32_MAX)
		return 0;
	entry = pointer(kern_current_task() + m[THREAD_PID].offset);
	entry = entry ? pointer(entry + m[NUMBERS].offset + m[NAMESPACE].offset) : 0;
	entry = entry ? pointer(entry + m[IDR].offset + m[IDR_RT].offset + m[HEAD].offset) : 0;
	for (int level = 0; level < MAX_LEVELS && (entry & MARKS) == NODE_MARK; level++) {
		uint64_t node = entry - NODE_MARK;
		uint8_t shift = 0;

		if (kern_read(node + m[SHIFT].offset, &shift, 1) < 0 || shift > 60)
			return 0;
		if (level == 0 && (uint64_t)pid >> shift >> SLOT_BITS)
			return 0;
		entry = pointer(node + m[SLOTS].offset + 8 * ((uint64_t)pid >> shift & ((1 << SLOT_BITS) - 1)));
	}
	if (!entry || (entry & MARKS))
		return 0;
	task = pointer(entry + m[TASKS].offset);
	return task ? task - m[PID_LINKS].offset : 0;
}

int kern_task_name(uint64_t task, char *to, size_t size)
{
	const struct kern_member *m = members();

	return m ? kern_read_string(task + m[COMM].offset, to, size) : -1;
}

#ifdef TAPIR_TEST
#include <unistd.h>

#include "base/test.h"
#include "kern/bpf.h"

TEST(tasks_by_id)
{
	char name[16];

	if (!kern_can_bpf() || !members())
		return;
	CHECK(kern_find_task(getpid()) == kern_current_task());
	CHECK(kern_task_name(kern_find_task(getpid()), name, sizeof(name)) > 0);
	CHECK_STR(name, "unit");
	CHECK_INT(kern_find_task(0), 0);
	CHECK_INT(kern_find_task(INT32_MAX), 0);
	CHECK(kern_task_name(16, name, sizeof(name)) < 0);
}
#endif
