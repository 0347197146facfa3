/* Strings: comparison, concatenation, sprintf, regular expressions. See emit.h. */
#include "gen/emit.h"

static void compare(struct emit *e, const struct ir_ins *i)
{
	static const uint8_t jumps[] = {
		[IR_SEQ - IR_SEQ] = BPF_JEQ,  [IR_SNE - IR_SEQ] = BPF_JNE,
		[IR_SLT - IR_SEQ] = BPF_JSLT, [IR_SLE - IR_SEQ] = BPF_JSLE,
		[IR_SGT - IR_SEQ] = BPF_JSGT, [IR_SGE - IR_SEQ] = BPF_JSGE,
	};
	int end = code_label(e->c);

	/* Two tokens can be compared, and a token is never empty; it cannot be with other literals. */
	for (unsigned k = 0; k < 2; k++) {
		struct loc other = emit_loc(e, emit_arg(e, i, 1 - k));

		if (other.kind == LOC_STR && other.width)
			emit_need_text(e, i, emit_arg(e, i, k));
	}
	emit_str_ptr(e, R1, emit_loc(e, emit_arg(e, i, 0)));
	emit_str_ptr(e, R2, emit_loc(e, emit_arg(e, i, 1)));
	code_library(e->c, "rt_compare");
	code_imm(e->c, R1, 1);
	code_jump_if_imm(e->c, jumps[i->op - IR_SEQ], R0, 0, end);
	code_imm(e->c, R1, 0);
	code_place(e->c, end);
	emit_store_num(e, i->dst, R1);
}

static void concat(struct emit *e, const struct ir_ins *i)
{
	struct loc dst = emit_loc(e, i->dst);

	for (unsigned k = 0; k < 2; k++)
		emit_need_text(e, i, emit_arg(e, i, k));
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 0)));
	emit_str_ptr(e, R4, emit_loc(e, emit_arg(e, i, 1)));
	code_library(e->c, "rt_concat");
}

/* ------------------------------------------------------------------ sprintf */

/* R1, R2 = the result and its longest text. */
static void destination(struct emit *e, struct loc dst)
{
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
}

static void append_literal(struct emit *e, struct loc dst, const struct fmt_part *p)
{
	destination(e, dst);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, p->text, p->len));
	code_library(e->c, "rt_fmt_lit");
}

/* reg = the packed format of a conversion; dynamic parts come from the arguments at *k. */
static void format_spec(struct emit *e, const struct ir_ins *i, const struct fmt_part *p, unsigned *k,
			int reg)
{
	int dynamic[2] = {p->width == FMT_DYNAMIC, p->precision == FMT_DYNAMIC};
	struct fmt_part fixed = *p;

	if (dynamic[1])
		fixed.precision = 0;
	code_imm(e->c, reg, (int64_t)lib_fmt_spec(&fixed));
	for (int d = 0; d < 2; d++) {
		int not_negative = code_label(e->c), not_large = code_label(e->c);

		if (!dynamic[d])
			continue;
		emit_load_num(e, R1, emit_arg(e, i, (*k)++));
		code_jump_if_imm(e->c, BPF_JSGE, R1, 0, not_negative);
		code_imm(e->c, R1, 0);
		code_place(e->c, not_negative);
		code_jump_if_imm(e->c, BPF_JLE, R1, 8192, not_large);
		code_imm(e->c, R1, 8192);
		code_place(e->c, not_large);
		code_alu_imm(e->c, BPF_LSH, R1, d ? RT_SPEC_PRECISION : RT_SPEC_WIDTH);
		code_alu(e->c, BPF_OR, reg, R1);
	}
}

/* Operand of a string conversion, behind its dynamic width and precision. */
static unsigned string_arg(const struct fmt_part *p, unsigned k)
{
	return k + (p->width == FMT_DYNAMIC) + (p->precision == FMT_DYNAMIC);
}

static void sprint(struct emit *e, const struct ir_ins *i)
{
	const fmt_parts *parts = &e->m->formats.v[i->imm].parts;
	struct loc dst = emit_apart(e, i);
	unsigned k = 0;

	emit_str_ptr(e, R1, dst);
	code_store_imm(e->c, BPF_DW, R1, 0, 0);
	code_store_imm(e->c, BPF_B, R1, 8, 0);
	for (size_t n = 0; n < parts->n; n++) {
		const struct fmt_part *p = &parts->v[n];

		switch (p->conv) {
		case CONV_LITERAL:
			append_literal(e, dst, p);
			break;
		case CONV_MEMORY:
		case CONV_MEMORY_HEX:
			emit_error(e, i, "%%m and %%M cannot be used in a string in this kind of "
					 "probe");
			return;
		case CONV_STRING:
			emit_need_text(e, i, emit_arg(e, i, string_arg(p, k)));
			format_spec(e, i, p, &k, R8);
			destination(e, dst);
			emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, k++)));
			code_mov(e->c, R4, R8);
			code_library(e->c, "rt_fmt_str");
			break;
		default:
			format_spec(e, i, p, &k, R8);
			destination(e, dst);
			emit_load_num(e, R3, emit_arg(e, i, k++));
			code_mov(e->c, R4, R8);
			code_library(e->c, p->conv == CONV_CHAR	    ? "rt_fmt_char"
					   : p->conv == CONV_BINARY ? "rt_fmt_binary"
								    : "rt_fmt_int");
		}
	}
	if (dst.at == e->spare_at && i->dst)
		emit_copy_str(e, emit_loc(e, i->dst), dst);
}

/* The tables lie in the constants. Without a traced program to tell them to, groups are nobody's
 * business: a match is a test. */
static void match(struct emit *e, const struct ir_ins *i)
{
	uint32_t at;

	if (!builder_regex(e->b, i->imm, &at)) {
		emit_error(e, i, "this regular expression is too large for this kind of probe");
		return;
	}
	emit_need_text(e, i, emit_arg(e, i, 0));
	emit_str_ptr(e, R1, emit_loc(e, emit_arg(e, i, 0)));
	code_map_value(e->c, R2, GEN_MAP_CONST, at);
	code_library(e->c, "rt_regex_test");
	emit_store_num(e, i->dst, R0);
}

bool emit_string_op(struct emit *e, const struct ir_ins *i)
{
	switch (i->op) {
	case IR_SEQ:
	case IR_SNE:
	case IR_SLT:
	case IR_SLE:
	case IR_SGT:
	case IR_SGE:
		compare(e, i);
		return true;
	case IR_CONCAT:
		concat(e, i);
		return true;
	case IR_MATCH:
	case IR_TEST:
		match(e, i);
		return true;
	case IR_SPRINT:
		sprint(e, i);
		return true;
	default:
		return false;
	}
}
