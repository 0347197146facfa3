/* Strings: comparison, concatenation, sprintf, regular expressions and their groups. See emit.h. */
#include <stddef.h>
#include <string.h>

#include "gen/emit.h"

/* Two stacks can be compared as tokens, and a token is never empty; the rest needs text. */
static void need_comparable(struct emit *e, const struct ir_ins *i)
{
	static const char text[] = "the text of a symbol or stack is not known in the probe handler";
	int ok = code_label(e->c);

	for (unsigned k = 0; k < 2; k++) {
		struct loc other = emit_loc(e, emit_arg(e, i, 1 - k));
		bool literal = other.kind == LOC_STR;

		if (literal && !other.width && (i->op == IR_SEQ || i->op == IR_SNE))
			return;
		if (literal || (i->op != IR_SEQ && i->op != IR_SNE) ||
		    emit_symbol_function(e, emit_arg(e, i, k)))
			emit_need_text(e, i, emit_arg(e, i, k));
		if (literal)
			return;
	}
	emit_str_ptr(e, R1, emit_loc(e, emit_arg(e, i, 0)));
	emit_str_ptr(e, R2, emit_loc(e, emit_arg(e, i, 1)));
	code_library(e->c, "rt_comparable");
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, ok);
	emit_fail_text(e, i, text);
	code_place(e->c, ok);
}

static void compare(struct emit *e, const struct ir_ins *i)
{
	static const uint8_t jumps[] = {
		[IR_SEQ - IR_SEQ] = BPF_JEQ,  [IR_SNE - IR_SEQ] = BPF_JNE,
		[IR_SLT - IR_SEQ] = BPF_JSLT, [IR_SLE - IR_SEQ] = BPF_JSLE,
		[IR_SGT - IR_SEQ] = BPF_JSGT, [IR_SGE - IR_SEQ] = BPF_JSGE,
	};
	int end = code_label(e->c);

	if (builder_tokens(e->b))
		need_comparable(e, i);
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

static void append_literal(struct emit *e, struct loc dst, const char *text, uint32_t len)
{
	destination(e, dst);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, text, len));
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
			append_literal(e, dst, p->text, p->len);
			break;
		case CONV_MEMORY:
		case CONV_MEMORY_HEX:
		case CONV_STRING:
			emit_need_text(e, i, emit_arg(e, i, string_arg(p, k)));
			format_spec(e, i, p, &k, R8);
			if (p->conv != CONV_STRING) { /* the precision says how much was read */
				code_imm(e->c, R1, (int64_t)((uint64_t)RT_SPEC_NONE << RT_SPEC_PRECISION));
				code_alu(e->c, BPF_OR, R8, R1);
			}
			destination(e, dst);
			emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, k++)));
			code_mov(e->c, R4, R8);
			code_library(e->c, p->conv == CONV_MEMORY_HEX ? "rt_fmt_hex" : "rt_fmt_str");
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

/* The tables lie in the constants. Where no handler in the kernel asks for groups, a match is a test. */
static void match(struct emit *e, const struct ir_ins *i)
{
	bool groups = i->op == IR_MATCH && builder_groups(e->b);
	int reg = R1;
	uint32_t at, program;

	if (!builder_regex(e->b, i->imm, &at) ||
	    (groups && !builder_group_program(e->b, i->imm, &program))) {
		emit_error(e, i, "this regular expression is too large for this kind of probe");
		return;
	}
	emit_need_text(e, i, emit_arg(e, i, 0));
	if (groups)
		emit_frame_ptr(e, reg++, e->groups_at);
	emit_str_ptr(e, reg++, emit_loc(e, emit_arg(e, i, 0)));
	code_map_value(e->c, reg++, GEN_MAP_CONST, at);
	if (groups)
		code_map_value(e->c, reg, GEN_MAP_CONST, program);
	code_library(e->c, groups ? "rt_regex_groups" : "rt_regex_test");
	emit_store_num(e, i->dst, R0);
}

/* The error "Attempted to get ... N ..."; N is in R8. */
static void fail_group(struct emit *e, const struct ir_ins *i, const char *before, const char *behind)
{
	static const struct fmt_part decimal = {.conv = CONV_DEC, .width = -1, .precision = -1};
	static const struct loc text = {LOC_SLOT, offsetof(struct rt_frame, error_text), RT_STR_BYTES - 1};

	emit_str_ptr(e, R1, text);
	code_store_imm(e->c, BPF_DW, R1, 0, 0);
	code_store_imm(e->c, BPF_B, R1, 8, 0);
	append_literal(e, text, before, (uint32_t)strlen(before));
	destination(e, text);
	code_mov(e->c, R3, R8);
	code_imm(e->c, R4, (int64_t)lib_fmt_spec(&decimal));
	code_library(e->c, "rt_fmt_int");
	append_literal(e, text, behind, (uint32_t)strlen(behind));
	emit_fail(e, i, RT_E_TEXT);
}

static void matched(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c), failed = code_label(e->c);
	struct loc dst = i->dst ? emit_loc(e, i->dst) : (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};

	if (i->n_args)
		emit_load_num(e, R8, emit_arg(e, i, 0));
	else
		code_imm(e->c, R8, 0);
	emit_frame_ptr(e, R1, e->groups_at);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	code_mov(e->c, R4, R8);
	code_library(e->c, "rt_matched");
	code_jump_if_imm(e->c, BPF_JEQ, R0, RT_MATCHED, ok);
	code_jump_if_imm(e->c, BPF_JEQ, R0, RT_MATCH_FAILED, failed);
	fail_group(e, i, "Attempted to get nonexistent subexpression ", "");
	code_place(e->c, failed);
	fail_group(e, i, "Attempted to get subexpression ", " from failed match");
	code_place(e->c, ok);
}

static void ngroups(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c);

	code_load(e->c, BPF_W, R8, R7, (int)(e->groups_at + offsetof(struct rt_groups, n_groups)));
	code_jump_if_imm(e->c, BPF_JNE, R8, 0, ok);
	emit_fail_text(e, i, "Attempted to get subexpression 0 from failed match");
	code_place(e->c, ok);
	if (i->dst)
		emit_store_num(e, i->dst, R8);
}

bool emit_group_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	if (strcmp(name, "matched") == 0 || strcmp(name, "matched_str") == 0)
		matched(e, i);
	else if (strcmp(name, "ngroups") == 0)
		ngroups(e, i);
	else
		return false;
	return true;
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
