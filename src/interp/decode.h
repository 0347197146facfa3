/* The interpreter's own form of a function: blocks flattened into one array of instructions whose
 * operands are slot numbers. Made once by decode.c, run by interp.c. */
#ifndef INTERP_DECODE_H
#define INTERP_DECODE_H

#include <stdint.h>

#include "ir/ir.h"

enum { NO_OPERAND = INT32_MIN, MAX_OPERANDS = 256 };

struct code {
	uint8_t op; /* enum ir_op */
	uint16_t n_args;
	/* Slots: >= 0 a register of the frame, < 0 constant ~n, NO_OPERAND. A missing result goes to
	 * a spare register. Globals, functions and jump targets are plain numbers. */
	int32_t dst, a, b, c;
	uint32_t args;	 /* all operands, from fn_code.args */
	uint32_t imm;
	uint32_t buffer; /* string results: offset of the register's bytes in the frame */
	uint32_t width;	 /* and how many there are */
	int32_t handler; /* instruction to go to after an error, -1: out of the function */
	const struct token *tok;
};

struct fn_code {
	const struct ir_fn *fn;
	struct code *code;
	int32_t *args;
	uint32_t *iters; /* slots of iterator registers */
	uint32_t n_iters, n_slots;
	uint32_t *buffers;   /* per register: offset of its bytes, behind the slots */
	uint32_t frame_size; /* slots and strings, in bytes */
};

/* Everything allocated in a. */
void decode_fn(struct arena *a, const struct ir_module *m, const struct ir_fn *f,
	       struct fn_code *out);

#endif
