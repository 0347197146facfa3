/* Parser of regular expressions (language reference 3.5): text to tree to program.
 *
 * The tree is there because {n,m} repeats what it is applied to. Its size as a program is computed
 * on the way up, so that an expression that would grow too large is refused before it does. The
 * depth of the tree is bounded by the parentheses: other than by them, a repetition of a repetition
 * either collapses into one or doubles the size. */
#include "rt/regex_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"

enum node_kind {
	NODE_EMPTY,
	NODE_SET,
	NODE_BOL,
	NODE_EOL,
	NODE_GROUP,
	NODE_CAT,
	NODE_ALT,
	NODE_REPEAT,
};

static const uint32_t unlimited = UINT32_MAX;

struct node {
	enum node_kind kind;
	bool nullable;	    /* may match nothing */
	uint32_t size;	    /* instructions */
	uint32_t set;	    /* NODE_SET */
	unsigned group;	    /* NODE_GROUP */
	uint32_t min, max;  /* NODE_REPEAT */
	struct node *child; /* the first one */
	struct node *next;  /* sibling in a NODE_CAT or NODE_ALT */
};

struct parser {
	struct arena *arena;
	const uint8_t *s;
	size_t len, pos;
	bool want_groups;
	unsigned depth, n_groups;
	VEC(struct regex_set) sets;
	uint32_t single[256]; /* 1 + number of the set of just this byte */
	struct regex_error *error;
};

bool regex_fail(struct regex_error *e, size_t position, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, e->size, fmt, ap);
	va_end(ap);
	e->position = position;
	return false;
}

#define FAIL(p, ...) (regex_fail((p)->error, __VA_ARGS__), (struct node *)NULL)

static int peek(const struct parser *p, size_t k)
{
	return k < p->len - p->pos ? p->s[p->pos + k] : -1;
}

static bool accept(struct parser *p, int c)
{
	if (peek(p, 0) != c)
		return false;
	p->pos++;
	return true;
}

static struct node *node_new(struct parser *p, enum node_kind kind, uint32_t size, bool nullable)
{
	struct node *n = ARENA_NEW(p->arena, struct node);

	n->kind = kind;
	n->size = size;
	n->nullable = nullable;
	return n;
}

/* size as a sum or product; NULL if that is too large */
static struct node *node_grow(struct parser *p, struct node *n, uint64_t size, size_t position)
{
	if (size > REGEX_MAX_INSTS)
		return FAIL(p, position, "expression too large");
	n->size = (uint32_t)size;
	return n;
}

static void set_add(struct regex_set *s, unsigned c)
{
	s->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static void set_invert(struct regex_set *s)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] = ~s->bits[i];
	/* No text contains NUL: nothing but an explicit one stands for it. */
	s->bits[0] &= ~UINT64_C(1);
}

static struct node *node_set(struct parser *p, const struct regex_set *s)
{
	struct node *n = node_new(p, NODE_SET, 1, false);

	n->set = (uint32_t)p->sets.n;
	vec_push(&p->sets, p->arena, *s);
	return n;
}

static struct node *node_byte(struct parser *p, unsigned c)
{
	struct regex_set s = {0};
	struct node *n;

	if (p->single[c]) {
		n = node_new(p, NODE_SET, 1, false);
		n->set = p->single[c] - 1;
		return n;
	}
	set_add(&s, c);
	n = node_set(p, &s);
	p->single[c] = n->set + 1;
	return n;
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_octal(int c)
{
	return c >= '0' && c <= '7';
}

/* The byte that an escape stands for (the backslash has been read), -1 on error. */
static int parse_escape(struct parser *p)
{
	static const char from[] = "abtnvfr", to[] = "\a\b\t\n\v\f\r";
	int c = peek(p, 0), d = peek(p, 1), e = peek(p, 2);
	const char *at;

	if (c < 0) {
		regex_fail(p->error, p->pos - 1, "backslash at the end");
		return -1;
	}
	p->pos++;
	at = c ? strchr(from, c) : NULL;
	if (at)
		return (unsigned char)to[at - from];
	if (c == 'x' && hex_value(d) >= 0 && hex_value(e) >= 0) {
		p->pos += 2;
		return hex_value(d) << 4 | hex_value(e);
	}
	if (is_octal(c) && is_octal(d) && is_octal(e)) {
		int value = (c - '0') << 6 | (d - '0') << 3 | (e - '0');

		if (value > 255) {
			regex_fail(p->error, p->pos - 2, "octal escape out of range");
			return -1;
		}
		p->pos += 2;
		return value;
	}
	return c;
}

/* ASCII only: the texts come from kernels and programs, no locale says what their bytes mean. */
static bool class_has(const char *name, size_t n, unsigned c, bool *known)
{
	bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
	bool digit = c >= '0' && c <= '9', graph = c > ' ' && c < 127;
	bool xdigit = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
	bool space = c == ' ' || (c >= '\t' && c <= '\r');
	const struct {
		const char *name;
		bool has;
	} classes[] = {
		{"alpha", lower || upper},
		{"alnum", lower || upper || digit},
		{"blank", c == ' ' || c == '\t'},
		{"cntrl", c < 32 || c == 127},
		{"digit", digit},
		{"d", digit},
		{"xdigit", xdigit},
		{"graph", graph},
		{"lower", lower},
		{"l", lower},
		{"print", graph || c == ' '},
		{"punct", graph && !(lower || upper || digit)},
		{"space", space},
		{"s", space},
		{"upper", upper},
		{"u", upper},
	};

	*known = true;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0)
			return classes[i].has;
	*known = false;
	return false;
}

/* Length of a [:name:] that starts here, 0 if none does: "[" is then an ordinary character. */
static size_t class_length(const struct parser *p)
{
	size_t k = 2;

	if (peek(p, 0) != '[' || peek(p, 1) != ':')
		return 0;
	while ((peek(p, k) | 32) >= 'a' && (peek(p, k) | 32) <= 'z')
		k++;
	return peek(p, k) == ':' && peek(p, k + 1) == ']' ? k + 2 : 0;
}

static bool parse_class_name(struct parser *p, struct regex_set *set, size_t length)
{
	const char *name = (const char *)p->s + p->pos + 2;
	bool known;

	for (unsigned c = 1; c < 256; c++) {
		if (class_has(name, length - 4, c, &known))
			set_add(set, c);
		if (!known)
			return regex_fail(p->error, p->pos, "unknown character class '%.*s'",
					  (int)(length < 64 ? length : 64), name - 2);
	}
	p->pos += length;
	return true;
}

/* The next single byte in brackets, -1 on error. */
static int parse_bracket_byte(struct parser *p)
{
	int c = p->s[p->pos++];

	return c == '\\' ? parse_escape(p) : c;
}

/* Behind the "[". */
static struct node *parse_brackets(struct parser *p)
{
	size_t open = p->pos - 1, length;
	bool negated = accept(p, '^'), first = true;
	struct regex_set set = {0};

	for (;; first = false) {
		size_t at = p->pos;
		int lo, hi;

		if (at == p->len)
			return FAIL(p, open, "'[' without ']'");
		if (!first && accept(p, ']'))
			break;
		length = class_length(p);
		if (length) {
			if (!parse_class_name(p, &set, length))
				return NULL;
			continue;
		}
		lo = hi = parse_bracket_byte(p);
		if (lo < 0)
			return NULL;
		if (peek(p, 0) == '-' && peek(p, 1) >= 0 && peek(p, 1) != ']') {
			p->pos++;
			if (class_length(p))
				return FAIL(p, at, "character class as the end of a range");
			hi = parse_bracket_byte(p);
			if (hi < 0)
				return NULL;
			if (hi < lo)
				return FAIL(p, at, "range ends before it starts");
		}
		for (int c = lo; c <= hi; c++)
			set_add(&set, (unsigned)c);
	}
	if (negated)
		set_invert(&set);
	return node_set(p, &set);
}

static struct node *parse_alt(struct parser *p);

/* Behind the "(". */
static struct node *parse_group(struct parser *p)
{
	size_t open = p->pos - 1;
	bool capture = !(peek(p, 0) == '?' && peek(p, 1) == ':');
	struct node *body, *n;
	unsigned group = 0;

	if (!capture)
		p->pos += 2;
	else
		group = p->n_groups++;
	if (p->want_groups && p->n_groups > REGEX_MAX_GROUPS)
		return FAIL(p, open, "more than %d groups", REGEX_MAX_GROUPS - 1);
	if (++p->depth > REGEX_MAX_DEPTH)
		return FAIL(p, open, "parentheses nested too deeply");
	body = parse_alt(p);
	p->depth--;
	if (!body)
		return NULL;
	if (!accept(p, ')'))
		return FAIL(p, open, "'(' without ')'");
	/* A node of its own in any case: (?:^)* is not ^*. */
	n = node_new(p, NODE_GROUP, 0, body->nullable);
	n->group = p->want_groups ? group : 0;
	n->child = body;
	return node_grow(p, n, body->size + (n->group ? 2 : 0), open);
}

static struct node *parse_atom(struct parser *p)
{
	int c = p->s[p->pos++];
	struct regex_set set = {0};

	switch (c) {
	case '*':
	case '+':
	case '?':
	case '{':
	case ')':
		return FAIL(p, p->pos - 1, "unexpected '%c'", c);
	case '(':
		return parse_group(p);
	case '[':
		return parse_brackets(p);
	case '^':
		return node_new(p, NODE_BOL, 1, true);
	case '$':
		return node_new(p, NODE_EOL, 1, true);
	case '.':
		set_invert(&set);
		return node_set(p, &set);
	case '\\':
		c = parse_escape(p);
		return c < 0 ? NULL : node_byte(p, (unsigned)c);
	default:
		return node_byte(p, (unsigned)c);
	}
}

static bool parse_number(struct parser *p, uint32_t *value)
{
	size_t start = p->pos;

	*value = 0;
	for (; peek(p, 0) >= '0' && peek(p, 0) <= '9'; p->pos++) {
		*value = *value * 10 + (uint32_t)(peek(p, 0) - '0');
		if (*value >= REGEX_MAX_REPEAT)
			return regex_fail(p->error, start, "number in '{}' is too large (limit %d)",
					  REGEX_MAX_REPEAT - 1);
	}
	return true;
}

/* Behind the "{". */
static bool parse_braces(struct parser *p, uint32_t *min, uint32_t *max)
{
	size_t start = p->pos;

	if (!parse_number(p, min))
		return false;
	if (p->pos == start)
		return regex_fail(p->error, start, "'{' without a lower bound");
	*max = *min;
	if (accept(p, ',')) {
		size_t second = p->pos;

		if (!parse_number(p, max))
			return false;
		if (p->pos == second)
			*max = unlimited;
	}
	if (!accept(p, '}'))
		return regex_fail(p->error, p->pos, "expected '}'");
	if (*max < *min)
		return regex_fail(p->error, start, "upper bound in '{}' below the lower bound");
	return true;
}

static bool is_simple(uint32_t min, uint32_t max)
{
	return min <= 1 && (max == 1 || max == unlimited);
}

static struct node *node_repeat(struct parser *p, struct node *child, uint32_t min, uint32_t max,
				size_t position)
{
	uint64_t size = child->size;
	struct node *n;

	if (max == 0)
		return node_new(p, NODE_EMPTY, 0, true);
	if (size == 0 || (min == 1 && max == 1))
		return child;
	if (child->kind == NODE_REPEAT && is_simple(min, max) &&
	    is_simple(child->min, child->max)) {
		min = min && child->min;
		max = max == 1 && child->max == 1 ? 1 : unlimited;
		child = child->child;
		size = child->size;
	}
	n = node_new(p, NODE_REPEAT, 0, min == 0 || child->nullable);
	n->min = min;
	n->max = max;
	n->child = child;
	if (max != unlimited)
		size = size * min + (size + 1) * (max - min);
	else
		size = min ? size * min + 1 : size + 2;
	return node_grow(p, n, size, position);
}

static struct node *parse_postfix(struct parser *p)
{
	struct node *n = parse_atom(p);

	while (n) {
		size_t at = p->pos;
		uint32_t min = 0, max = unlimited;
		int c = peek(p, 0);

		if (c != '*' && c != '+' && c != '?' && c != '{')
			break;
		if (n->kind == NODE_BOL || n->kind == NODE_EOL)
			return FAIL(p, at, "postfix closure '%c' applied to anchoring operator", c);
		p->pos++;
		if (c == '{' && !parse_braces(p, &min, &max))
			return NULL;
		if (c == '+')
			min = 1;
		if (c == '?')
			max = 1;
		n = node_repeat(p, n, min, max, at);
	}
	return n;
}

static struct node *parse_cat(struct parser *p)
{
	struct node *cat = node_new(p, NODE_CAT, 0, true), **tail = &cat->child;

	while (peek(p, 0) >= 0 && peek(p, 0) != '|' && !(peek(p, 0) == ')' && p->depth)) {
		size_t at = p->pos;
		struct node *n = parse_postfix(p);

		if (!n || !node_grow(p, cat, (uint64_t)cat->size + n->size, at))
			return NULL;
		cat->nullable = cat->nullable && n->nullable;
		*tail = n;
		tail = &n->next;
	}
	/* A node of its own in any case: an atom's next is only set here. */
	return cat;
}

static struct node *parse_alt(struct parser *p)
{
	struct node *first = parse_cat(p), *alt, **tail;

	if (!first || peek(p, 0) != '|')
		return first;
	alt = node_new(p, NODE_ALT, first->size, first->nullable);
	alt->child = first;
	tail = &first->next;
	while (accept(p, '|')) {
		size_t at = p->pos - 1;
		struct node *n = parse_cat(p);

		if (!n || !node_grow(p, alt, (uint64_t)alt->size + n->size + 2, at))
			return NULL;
		alt->nullable = alt->nullable || n->nullable;
		*tail = n;
		tail = &n->next;
	}
	return alt;
}

static uint32_t emit(struct regex_prog *prog, enum regex_op op, uint32_t x)
{
	prog->inst[prog->n_insts].op = op;
	prog->inst[prog->n_insts].x = x;
	return prog->n_insts++;
}

/* A split whose first choice is what follows. */
static uint32_t emit_split(struct regex_prog *prog)
{
	return emit(prog, REGEX_SPLIT, prog->n_insts + 1);
}

static void emit_node(struct regex_prog *prog, const struct node *n);

/* Points the ends of instructions that were chained through y (or x of a jump) to here. */
static void patch_chain(struct regex_prog *prog, uint32_t chain)
{
	while (chain != UINT32_MAX) {
		struct regex_inst *in = &prog->inst[chain];
		uint32_t *field = in->op == REGEX_JUMP ? &in->x : &in->y;

		chain = *field;
		*field = prog->n_insts;
	}
}

static void emit_alt(struct regex_prog *prog, const struct node *n)
{
	uint32_t ends = UINT32_MAX;

	for (n = n->child; n->next; n = n->next) {
		uint32_t split = emit_split(prog);

		emit_node(prog, n);
		ends = emit(prog, REGEX_JUMP, ends);
		prog->inst[split].y = prog->n_insts;
	}
	emit_node(prog, n);
	patch_chain(prog, ends);
}

/* x* of an x that may be empty is made as (x+)?, so that groups in it match emptily rather than not
 * at all. */
static void emit_loop(struct regex_prog *prog, const struct node *body, bool optional)
{
	uint32_t split = UINT32_MAX, start;

	if (optional)
		split = emit_split(prog);
	start = prog->n_insts;
	emit_node(prog, body);
	if (optional && !body->nullable) {
		emit(prog, REGEX_JUMP, split);
	} else {
		emit(prog, REGEX_SPLIT, start);
		prog->inst[prog->n_insts - 1].y = prog->n_insts;
	}
	if (optional)
		prog->inst[split].y = prog->n_insts;
}

static void emit_repeat(struct regex_prog *prog, const struct node *n)
{
	uint32_t ends = UINT32_MAX, i;

	if (n->max == unlimited) {
		for (i = 1; i < n->min; i++)
			emit_node(prog, n->child);
		emit_loop(prog, n->child, n->min == 0);
		return;
	}
	for (i = 0; i < n->max; i++) {
		if (i >= n->min) {
			uint32_t split = emit_split(prog);

			prog->inst[split].y = ends;
			ends = split;
		}
		emit_node(prog, n->child);
	}
	patch_chain(prog, ends);
}

static void emit_node(struct regex_prog *prog, const struct node *n)
{
	if (n->size == 0)
		return;
	switch (n->kind) {
	case NODE_EMPTY:
		break;
	case NODE_SET:
		emit(prog, REGEX_SET, n->set);
		prog->inst[prog->n_insts - 1].y = prog->n_pos++;
		break;
	case NODE_BOL:
		emit(prog, REGEX_BOL, 0);
		break;
	case NODE_EOL:
		emit(prog, REGEX_EOL, 0);
		break;
	case NODE_GROUP:
		if (n->group)
			emit(prog, REGEX_SAVE, 2 * n->group);
		emit_node(prog, n->child);
		if (n->group)
			emit(prog, REGEX_SAVE, 2 * n->group + 1);
		break;
	case NODE_CAT:
		for (n = n->child; n; n = n->next)
			emit_node(prog, n);
		break;
	case NODE_ALT:
		emit_alt(prog, n);
		break;
	case NODE_REPEAT:
		emit_repeat(prog, n);
		break;
	}
}

bool regex_parse(struct arena *a, const char *text, size_t len, bool want_groups,
		 struct regex_prog *prog, struct regex_error *e)
{
	struct parser *p = ARENA_NEW(a, struct parser);
	struct node *root;

	p->arena = a;
	p->s = (const uint8_t *)text;
	p->len = len;
	p->want_groups = want_groups;
	p->n_groups = 1;
	p->error = e;
	root = parse_alt(p);
	if (!root)
		return false;
	memset(prog, 0, sizeof(*prog));
	prog->inst = ARENA_ARRAY(a, struct regex_inst, root->size + 1);
	emit_node(prog, root);
	emit(prog, REGEX_MATCH, 0);
	prog->sets = p->sets.v;
	prog->n_sets = (uint32_t)p->sets.n;
	prog->n_groups = p->n_groups;
	return true;
}

#ifdef TAPIR_TEST
#include "base/test.h"

static const char *test_error(const char *text, size_t *position)
{
	static char message[200];
	struct regex_error e = {.text = message, .size = sizeof(message)};
	struct regex_prog prog;
	struct arena a = {0};

	message[0] = 0;
	regex_parse(&a, text, strlen(text), true, &prog, &e);
	*position = e.position;
	arena_release(&a);
	return message;
}

TEST(regex_parse_messages)
{
	static const struct {
		const char *text, *message;
		int position;
	} cases[] = {
		{"*", "unexpected '*'", 0},
		{"a|+", "unexpected '+'", 2},
		{"(?a)", "unexpected '?'", 1},
		{"{2}", "unexpected '{'", 0},
		{"a)", "unexpected ')'", 1},
		{"a^*", "postfix closure '*' applied to anchoring operator", 2},
		{"${2}", "postfix closure '{' applied to anchoring operator", 1},
		{"(a", "'(' without ')'", 0},
		{"ab(?:a", "'(' without ')'", 2},
		{"x[]a", "'[' without ']'", 1},
		{"[[:alpha:]", "'[' without ']'", 0},
		{"[a[:word:]]", "unknown character class '[:word:]'", 2},
		{"[b-a]", "range ends before it starts", 1},
		{"[a-[:digit:]]", "character class as the end of a range", 1},
		{"a\\", "backslash at the end", 1},
		{"a\\400", "octal escape out of range", 1},
		{"a{,3}", "'{' without a lower bound", 2},
		{"a{}", "'{' without a lower bound", 2},
		{"a{3,2}", "upper bound in '{}' below the lower bound", 2},
		{"a{3", "expected '}'", 3},
		{"a{1,12345}", "number in '{}' is too large (limit 12344)", 4},
		{"(a{200}){200}", "expression too large", 8},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t position;

		CHECK_STR(test_error(cases[i].text, &position), cases[i].message);
		CHECK_INT(position, cases[i].position);
	}
}

TEST(regex_parse_bounds)
{
	char text[4 * REGEX_MAX_DEPTH + 4];
	size_t position, n = 0;

	for (unsigned i = 0; i <= REGEX_MAX_DEPTH; i++)
		text[n++] = '(';
	text[n] = 0;
	CHECK_STR(test_error(text, &position), "more than 31 groups");
	for (n = 0; n < 3 * (REGEX_MAX_DEPTH + 1); n += 3)
		memcpy(text + n, "(?:", 4);
	CHECK_STR(test_error(text, &position), "parentheses nested too deeply");
	CHECK_INT(position, 3 * REGEX_MAX_DEPTH);
	/* Not a loop of 12344 * 12344 * 12344 times nothing, and not a deep tree. */
	CHECK_STR(test_error("(?:){12344}{12344}{12344}", &position), "");
	for (n = 1, text[0] = 'a'; n < 4 * REGEX_MAX_DEPTH; n++)
		text[n] = "*+?"[n % 3];
	text[n] = 0;
	CHECK_STR(test_error(text, &position), "");
}
#endif
