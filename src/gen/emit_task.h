/* Structures of the running kernel, for handlers (emit_task.c). */
#ifndef GEN_EMIT_TASK_H
#define GEN_EMIT_TASK_H

#include <stdbool.h>
#include <stdint.h>

struct emit;
struct loc;
struct ir_ins;

/* A function of the tapset by the name of its intrinsic; false: none of these. */
bool emit_task_op(struct emit *e, const struct ir_ins *i, const char *name);
/* The same where the task in question is not the current one. */
bool emit_forked_op(struct emit *e, const struct ir_ins *i, const char *name);
/* R8 = the task with the id in R8, 0 if there is none. */
void emit_find_task(struct emit *e);
/* emit_memory.c: likewise. */
bool emit_memory_op(struct emit *e, const struct ir_ins *i, const char *name);
/* emit_stack.c: likewise. */
bool emit_stack_op(struct emit *e, const struct ir_ins *i, const char *name);
/* emit_names.c: likewise. */
bool emit_name_op(struct emit *e, const struct ir_ins *i, const char *name);
/* The token in R1, of kind R2, becomes text, and on to ok, if it is one of the addresses of a stack. */
void emit_stack_as_text(struct emit *e, struct loc l, int ok);
/* Offset of a member that some function in the tables of emit_task.c wants. */
uint32_t emit_member(struct emit *e, const struct ir_ins *i, const char *type, const char *member);
/* The same; false: there is none. */
bool emit_has_member(struct emit *e, const char *type, const char *member, uint32_t *offset);

#endif
