/* SDT notes (sys/sdt.h, systemtap's note format 3) and the texts of their arguments. See object.h. */
#include <ctype.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "object/object.h"

enum { NOTE_TYPE = 3, MAX_ARGS = 64, MAX_TERMS = 8 };

/* ------------------------------------------------------------------ operands */

struct text {
	const char *p, *end;
};

static void blanks(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

static bool accept(struct text *t, char c)
{
	blanks(t);
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

/* x86-64 registers by DWARF number, with the width and place of the part that is named. */
static bool x86_register(const char *name, size_t n, struct usdt_reg *r)
{
	static const char *const low[] = {"ax", "dx", "cx", "bx", "si", "di", "bp", "sp"};
	char c = n ? name[0] : 0;

	r->shift = 0;
	for (int i = 0; i < 8; i++) {
		const char *base = low[i];

		if (n == 3 && (c == 'r' || c == 'e') && memcmp(name + 1, base, 2) == 0) {
			*r = (struct usdt_reg){i, c == 'r' ? 8 : 4, 0};
			return true;
		}
		if (n == 2 && memcmp(name, base, 2) == 0) {
			*r = (struct usdt_reg){i, 2, 0};
			return true;
		}
		if (i >= 4 && n == 3 && memcmp(name, base, 2) == 0 && name[2] == 'l') {
			*r = (struct usdt_reg){i, 1, 0};
			return true;
		}
		if (i < 4 && n == 2 && c == base[0] && (name[1] == 'l' || name[1] == 'h')) {
			*r = (struct usdt_reg){i, 1, name[1] == 'h' ? 8 : 0};
			return true;
		}
	}
	if (n >= 2 && n <= 4 && c == 'r' && isdigit((unsigned char)name[1])) {
		int number = name[1] - '0';
		size_t at = 2;

		if (at < n && isdigit((unsigned char)name[at]))
			number = number * 10 + (name[at++] - '0');
		if (number < 8 || number > 15)
			return false;
		if (at != n && (at + 1 != n || !strchr("dwbl", name[at])))
			return false;
		r->number = number;
		r->size = at == n ? 8 : name[at] == 'd' ? 4 : name[at] == 'w' ? 2 : 1;
		return true;
	}
	return false;
}

static bool is_symbol_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '@';
}

/* NUMBER, SYMBOL and sums of them. */
static bool displacement(struct arena *a, struct text *t, struct usdt_arg *arg)
{
	int terms = 0;

	for (;; terms++) {
		bool minus = false, sign = false;

		blanks(t);
		while (t->p < t->end && (*t->p == '+' || *t->p == '-')) {
			minus ^= *t->p++ == '-';
			sign = true;
		}
		if (t->p == t->end || *t->p == '(')
			return !sign;
		if (terms && !sign)
			return false;
		if (terms >= MAX_TERMS)
			return false;
		if (isdigit((unsigned char)*t->p)) {
			char digits[32];
			size_t n = 0;
			uint64_t v;
			char *end;

			while (t->p + n < t->end && isalnum((unsigned char)t->p[n]))
				n++;
			if (n >= sizeof(digits))
				return false;
			memcpy(digits, t->p, n);
			digits[n] = 0;
			v = strtoull(digits, &end, 0);
			if (*end)
				return false;
			arg->offset = (int64_t)((uint64_t)arg->offset + (minus ? -v : v));
			t->p += n;
		} else {
			size_t n = 0;

			while (t->p + n < t->end && is_symbol_char(t->p[n]))
				n++;
			if (!n || minus || arg->symbol)
				return false;
			arg->symbol = arena_strndup(a, t->p, n);
			t->p += n;
		}
	}
}

static bool x86_operand(struct arena *a, struct text t, struct usdt_arg *arg)
{
	bool rip = false;
	size_t n;

	if (t.p < t.end && *t.p == '$') {
		t.p++;
		arg->kind = USDT_CONST;
		return displacement(a, &t, arg) && t.p == t.end;
	}
	if (t.p < t.end && *t.p == '%') {
		t.p++;
		arg->kind = USDT_REG;
		return x86_register(t.p, (size_t)(t.end - t.p), &arg->base);
	}
	arg->kind = USDT_MEM;
	if (!displacement(a, &t, arg))
		return false;
	if (t.p == t.end) /* an absolute address is of no use to anybody */
		return arg->symbol != NULL;
	if (!accept(&t, '('))
		return false;
	if (accept(&t, '%')) {
		for (n = 0; t.p + n < t.end && isalnum((unsigned char)t.p[n]); n++)
			;
		rip = n == 3 && (memcmp(t.p, "rip", 3) == 0 || memcmp(t.p, "eip", 3) == 0);
		if (rip ? !arg->symbol : !x86_register(t.p, n, &arg->base))
			return false;
		t.p += n;
	}
	if (!rip && accept(&t, ',')) {
		if (accept(&t, '%')) {
			for (n = 0; t.p + n < t.end && isalnum((unsigned char)t.p[n]); n++)
				;
			if (!x86_register(t.p, n, &arg->index))
				return false;
			t.p += n;
			arg->scale = 1;
		}
		if (accept(&t, ',')) {
			blanks(&t);
			if (t.p == t.end || !strchr("1248", *t.p) || arg->index.number < 0)
				return false;
			arg->scale = *t.p++ - '0';
		}
	}
	if (!rip && arg->base.number < 0 && arg->index.number < 0)
		return false;
	return accept(&t, ')') && (blanks(&t), t.p == t.end);
}

static bool arm_register(struct text *t, struct usdt_reg *r)
{
	int n = 0;
	const char *start;

	blanks(t);
	start = t->p;
	if (t->end - t->p >= 2 && memcmp(t->p, "sp", 2) == 0) {
		t->p += 2;
		*r = (struct usdt_reg){31, 8, 0};
		return true;
	}
	if (t->p == t->end || (*t->p != 'x' && *t->p != 'w'))
		return false;
	for (t->p++; t->p < t->end && isdigit((unsigned char)*t->p) && t->p - start < 4; t->p++)
		n = n * 10 + (*t->p - '0');
	if (t->p - start < 2 || n > 30)
		return false;
	*r = (struct usdt_reg){n, *start == 'x' ? 8 : 4, 0};
	return true;
}

static bool arm_operand(struct arena *a, struct text t, struct usdt_arg *arg)
{
	struct text inside;

	if (accept(&t, '[')) {
		arg->kind = USDT_MEM;
		if (t.p == t.end || t.end[-1] != ']')
			return false;
		inside = (struct text){t.p, t.end - 1};
		if (!arm_register(&inside, &arg->base))
			return false;
		if (accept(&inside, ',')) {
			blanks(&inside);
			if (inside.p < inside.end && isalpha((unsigned char)*inside.p)) {
				arg->scale = 1;
				if (!arm_register(&inside, &arg->index))
					return false;
			} else if (!displacement(a, &inside, arg) || arg->symbol) {
				return false;
			}
		}
		blanks(&inside);
		return inside.p == inside.end;
	}
	if (t.p < t.end && isalpha((unsigned char)*t.p)) {
		arg->kind = USDT_REG;
		return arm_register(&t, &arg->base) && t.p == t.end;
	}
	arg->kind = USDT_CONST;
	return t.p < t.end && displacement(a, &t, arg) && !arg->symbol && t.p == t.end;
}

/* "-4@%eax": size and sign, then the operand. */
static void parse_arg(struct arena *a, uint16_t machine, bool is64, struct text t,
		      struct usdt_arg *arg)
{
	struct text size = t;
	bool ok;

	*arg = (struct usdt_arg){.size = is64 ? 8 : 4, .is_signed = true};
	arg->base.number = arg->index.number = -1;
	arg->text = arena_strndup(a, t.p, (size_t)(t.end - t.p));
	if (size.p < size.end && *size.p == '-')
		size.p++;
	if (size.end - size.p >= 2 && strchr("1248", *size.p)) {
		const char *at = size.p + 1;

		if (*at == 'f')
			at++;
		if (at < size.end && *at == '@') {
			arg->size = *size.p - '0';
			arg->is_signed = *t.p == '-';
			arg->is_float = at[-1] == 'f';
			t.p = at + 1;
		}
	}
	if (machine == EM_AARCH64)
		ok = arm_operand(a, t, arg);
	else
		ok = (machine == EM_X86_64 || machine == EM_386) && x86_operand(a, t, arg);
	if (!ok || arg->is_float)
		arg->kind = USDT_UNKNOWN;
}

size_t usdt_parse_args(struct arena *a, uint16_t machine, bool is64, const char *text,
		       struct usdt_arg **args)
{
	VEC(struct usdt_arg) v = {0};

	while (v.n < MAX_ARGS) {
		struct usdt_arg arg;
		const char *start;
		int depth = 0;

		while (*text == ' ' || *text == '\t')
			text++;
		if (!*text)
			break;
		for (start = text; *text && (depth > 0 || (*text != ' ' && *text != '\t')); text++)
			depth += (*text == '(' || *text == '[') - (*text == ')' || *text == ']');
		parse_arg(a, machine, is64, (struct text){start, text}, &arg);
		vec_push(&v, a, arg);
	}
	*args = v.v;
	return v.n;
}

/* ------------------------------------------------------------------ notes */

static void add_note(struct obj *o, const uint8_t *d, size_t n, const struct obj_section *base,
		     usdt_notes *out)
{
	size_t word = o->is64 ? 8 : 4;
	struct usdt_note note = {0};
	const char *text[3];
	uint64_t link_base;

	if (n < 3 * word)
		return;
	note.pc = obj_word(o, d);
	link_base = obj_word(o, d + word);
	note.semaphore = obj_word(o, d + 2 * word);
	d += 3 * word;
	n -= 3 * word;
	for (int i = 0; i < 3; i++) {
		size_t len;

		text[i] = obj_text(d, n, 0);
		if (!text[i]) {
			if (i < 2)
				return;
			text[i] = ""; /* some tools leave the last NUL out */
			continue;
		}
		len = strlen(text[i]) + 1;
		d += len;
		n -= len;
	}
	/* Prelink and some linkers move the program after the notes were written. */
	if (base && link_base) {
		note.pc += base->addr - link_base;
		if (note.semaphore)
			note.semaphore += base->addr - link_base;
	}
	if (!o->is64) {
		note.pc &= 0xffffffff;
		note.semaphore &= 0xffffffff;
	}
	note.provider = text[0];
	note.name = text[1];
	note.n_args = usdt_parse_args(&o->arena, o->machine, o->is64, text[2], &note.args);
	vec_push(out, &o->arena, note);
}

void obj_usdt_notes(struct obj *o, usdt_notes *out)
{
	const struct obj_section *base = obj_section(o, ".stapsdt.base");

	for (size_t i = 0; i < o->n_sections; i++) {
		size_t n;
		const uint8_t *p;

		if (o->sections[i].type != SHT_NOTE ||
		    strcmp(o->sections[i].name, ".note.stapsdt") != 0)
			continue;
		p = obj_section_data(o, &o->sections[i], &n);
		while (p && n >= 12) {
			uint64_t namesz = obj_u32(p), descsz = obj_u32(p + 4);
			uint64_t desc = 12 + ((namesz + 3) & ~3ull);
			uint64_t next = desc + ((descsz + 3) & ~3ull);

			if (desc + descsz > n)
				break;
			if (obj_u32(p + 8) == NOTE_TYPE && namesz == 8 &&
			    memcmp(p + 12, "stapsdt", 8) == 0)
				add_note(o, p + desc, descsz, base, out);
			if (next > n)
				break;
			p += next;
			n -= next;
		}
	}
}

#ifdef TAPIR_TEST
#include "base/test.h"

static struct usdt_arg one(struct arena *a, uint16_t machine, const char *text)
{
	struct usdt_arg *v;

	CHECK_INT(usdt_parse_args(a, machine, machine != EM_386, text, &v), 1);
	return v[0];
}

TEST(usdt_registers)
{
	static const struct {
		const char *text;
		int number, size, shift;
	} v[] = {
		{"8@%rax", 0, 8, 0},  {"-4@%edi", 5, 4, 0}, {"1@%dil", 5, 1, 0}, {"1@%ah", 0, 1, 8},
		{"2@%cx", 2, 2, 0},   {"8@%r15", 15, 8, 0}, {"4@%r8d", 8, 4, 0}, {"1@%r10b", 10, 1, 0},
		{"2@%r9w", 9, 2, 0},  {"1@%bpl", 6, 1, 0},
	};
	struct arena a = {0};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct usdt_arg g = one(&a, EM_X86_64, v[i].text);

		CHECK_INT(g.kind, USDT_REG);
		CHECK_INT(g.base.number, v[i].number);
		CHECK_INT(g.base.size, v[i].size);
		CHECK_INT(g.base.shift, v[i].shift);
	}
	CHECK_INT(one(&a, EM_X86_64, "8@%r16").kind, USDT_UNKNOWN);
	CHECK_INT(one(&a, EM_X86_64, "8f@%xmm0").kind, USDT_UNKNOWN);
	CHECK_INT(one(&a, EM_AARCH64, "-4@w7").base.number, 7);
	CHECK_INT(one(&a, EM_AARCH64, "8@x31").kind, USDT_UNKNOWN);
	arena_release(&a);
}

TEST(usdt_memory)
{
	struct arena a = {0};
	struct usdt_arg g = one(&a, EM_X86_64, "-2@-4+8-2(%rbp,%rcx,4)");

	CHECK_INT(g.kind, USDT_MEM);
	CHECK_INT(g.size, 2);
	CHECK(g.is_signed);
	CHECK_INT(g.offset, 2);
	CHECK_INT(g.base.number, 6);
	CHECK_INT(g.index.number, 2);
	CHECK_INT(g.scale, 4);
	g = one(&a, EM_X86_64, "4@16+g(%rip)");
	CHECK_INT(g.kind, USDT_MEM);
	CHECK_STR(g.symbol, "g");
	CHECK_INT(g.offset, 16);
	CHECK_INT(g.base.number, -1);
	g = one(&a, EM_X86_64, "8@(,%rax,8)");
	CHECK_INT(g.base.number, -1);
	CHECK_INT(g.index.number, 0);
	CHECK_STR(one(&a, EM_386, "4@counter").symbol, "counter");
	CHECK_INT(one(&a, EM_AARCH64, "8@[sp, 16]").offset, 16);
	CHECK_INT(one(&a, EM_AARCH64, "8@[x1, x2]").index.number, 2);
	CHECK_INT(one(&a, EM_X86_64, "8@%fs:40").kind, USDT_UNKNOWN);
	CHECK_INT(one(&a, EM_X86_64, "8@(%rip)").kind, USDT_UNKNOWN);
	arena_release(&a);
}

TEST(usdt_constants_and_sizes)
{
	struct arena a = {0};
	struct usdt_arg g = one(&a, EM_X86_64, "-2@$-3"), *v;

	CHECK_INT(g.kind, USDT_CONST);
	CHECK_INT(g.offset, -3);
	CHECK_INT(one(&a, EM_X86_64, "8@$0x10").offset, 16);
	CHECK_INT(one(&a, EM_AARCH64, "4@-7").offset, -7);
	g = one(&a, EM_X86_64, "%rax"); /* made by hand: no size */
	CHECK_INT(g.size, 8);
	CHECK_INT(one(&a, EM_386, "%eax").size, 4);
	CHECK_INT(usdt_parse_args(&a, EM_X86_64, true, " 4@%eax  8@(%rbx, %rcx) ", &v), 2);
	CHECK_INT(v[1].kind, USDT_MEM);
	CHECK_INT(usdt_parse_args(&a, EM_X86_64, true, "", &v), 0);
	arena_release(&a);
}
#endif
