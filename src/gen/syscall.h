/* Programs for system calls: one at each of the raw tracepoints sys_enter and sys_exit looks at the
 * number of the call. It runs the handlers itself, or, when calls differ in them, goes to the program
 * of the call. System calls that nobody asks for cost a look into a table. */
#ifndef GEN_SYSCALL_H
#define GEN_SYSCALL_H

#include "gen/emit.h"

struct builder;

/* What a number leads to: an element of a table in the constants. */
struct syscall_entry {
	uint32_t cookie; /* + 1; 0: no handler */
	uint16_t slot;	 /* of its program in the map of programs */
	uint16_t forks;	 /* it returns in the child, too */
};

/* Numbers above share the last element. */
enum { SYSCALL_NUMBERS = 512, SYSCALL_ENTRIES = SYSCALL_NUMBERS + 1 };

/* The raw tracepoint of a kind. */
const char *syscall_tracepoint(enum site_kind kind);
/* Does a call of this number return in the child as well? */
bool syscall_forks(uint64_t number);
/* R9 = the cookie of this call's handlers; R8 = the slot of their program. To leave if there are none,
 * or if that was found out already by the program that led here (first false). */
void syscall_find(struct emit *e, uint32_t table, bool first, int leave);
/* The rest of a program that only leads to others. */
void syscall_dispatch(struct emit *e, uint32_t programs);

#endif
