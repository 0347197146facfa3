/* From the program of an expression to minimal DFA tables, and the scan over them.
 *
 * A state under construction is a set of positions (REGEX_SET instructions that may take the next
 * byte) as a bit vector, with two more bits at its end: matched, and matches if the text ends. What
 * each position leads to is such a vector too, computed once, so a transition is an OR over the
 * positions whose set has the byte. The search is unanchored: every state but the first also
 * contains what a match that starts there would begin with. A state that has matched has no way
 * out. Hopcroft's algorithm then merges equivalent states, and byte classes that have become equal
 * are merged last.
 *
 * All costs are counted in words of bit vectors touched, and bounded. */
#include <stdlib.h>
#include <string.h>

#include "rt/regex_internal.h"

enum {
	HASH_SIZE = 4 * REGEX_MAX_STATES,
	MAX_WORK = 200 * 1000 * 1000,
	MAX_CLASSES = 256,
};

enum { ACCEPT_NOW = 1, ACCEPT_AT_END = 2, ACCEPT_NEVER = 4 };

struct builder {
	struct arena *arena;
	const struct regex_prog *prog;
	struct regex_error *error;
	uint64_t work;
	size_t words;
	uint32_t *pos_inst; /* of a position */

	/* byte classes */
	uint8_t byte_class[256];
	unsigned n_classes;
	uint64_t *class_mask[MAX_CLASSES]; /* the positions that take its bytes */

	/* what follows */
	uint64_t **follow; /* of a position, NULL: not known yet */
	uint64_t *restart; /* of a start of the search later than at 0 */
	uint32_t *stack, *mark;
	uint32_t mark_now;

	/* states */
	uint64_t *state[REGEX_MAX_STATES];
	uint8_t accept[REGEX_MAX_STATES];
	uint16_t *next[REGEX_MAX_STATES];
	uint32_t n_states;
	uint32_t hash[HASH_SIZE]; /* 1 + state */
};

static bool spend(struct builder *b, size_t words)
{
	b->work += words;
	if (b->work > MAX_WORK)
		return regex_fail(b->error, 0, "expression too complex");
	return true;
}

static void bit_set(uint64_t *v, size_t i)
{
	v[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool bit_get(const uint64_t *v, size_t i)
{
	return v[i / 64] >> (i % 64) & 1;
}

/* Splits the bytes into classes that no set of the program tells apart, numbered by first byte. */
static void split_bytes(const struct regex_prog *prog, uint8_t *byte_class, unsigned *n_classes)
{
	unsigned n = 1;

	memset(byte_class, 0, 256);
	for (uint32_t i = 0; i < prog->n_sets && n < MAX_CLASSES; i++) {
		int to[MAX_CLASSES][2];
		unsigned made = 0;

		memset(to, 0xff, sizeof(to));
		for (unsigned c = 0; c < 256; c++) {
			int *t = &to[byte_class[c]][regex_set_has(&prog->sets[i], c)];

			if (*t < 0)
				*t = (int)made++;
			byte_class[c] = (uint8_t)*t;
		}
		n = made;
	}
	*n_classes = n;
}

static void make_masks(struct builder *b)
{
	for (unsigned k = 0; k < b->n_classes; k++) {
		unsigned byte = 0;

		while (b->byte_class[byte] != k)
			byte++;
		b->class_mask[k] = ARENA_ARRAY(b->arena, uint64_t, b->words);
		for (uint32_t i = 0; i < b->prog->n_pos; i++)
			if (regex_set_has(&b->prog->sets[b->prog->inst[b->pos_inst[i]].x], byte))
				bit_set(b->class_mask[k], i);
	}
}

/* Walks from pc without taking a byte. Before the end of the text ($ does not pass): notes the
 * positions and the match, and leaves the $ that it met at the start of the stack, returning their
 * number. At the end: starts at the n_start on the stack; only the match counts. */
static size_t walk(struct builder *b, size_t n_start, bool at_start, bool at_end, uint64_t *v)
{
	const struct regex_inst *inst = b->prog->inst;
	size_t n = n_start, n_eol = 0, n_walked = 0;
	uint32_t *eol = b->stack + b->prog->n_insts + 1;

	b->mark_now++;
	while (n) {
		uint32_t pc = b->stack[--n];

		while (b->mark[pc] != b->mark_now) {
			b->mark[pc] = b->mark_now;
			n_walked++;
			switch (inst[pc].op) {
			case REGEX_SET:
				if (!at_end)
					bit_set(v, inst[pc].y);
				break;
			case REGEX_SPLIT:
				b->stack[n++] = inst[pc].y;
				pc = inst[pc].x;
				break;
			case REGEX_JUMP:
				pc = inst[pc].x;
				break;
			case REGEX_SAVE:
				pc++;
				break;
			case REGEX_BOL:
				if (at_start)
					pc++;
				break;
			case REGEX_EOL:
				if (at_end)
					pc++;
				else
					eol[n_eol++] = pc;
				break;
			case REGEX_MATCH:
				bit_set(v, b->prog->n_pos + (at_end ? 1 : 0));
				break;
			}
		}
	}
	b->work += n_walked;
	memcpy(b->stack, eol, n_eol * sizeof(*eol));
	return n_eol;
}

/* The vector of what can come when the program is at pc. NULL: too much work. */
static uint64_t *closure(struct builder *b, uint32_t pc, bool at_start)
{
	uint64_t *v = ARENA_ARRAY(b->arena, uint64_t, b->words);
	size_t n;

	if (!spend(b, b->words))
		return NULL;
	b->stack[0] = pc;
	n = walk(b, 1, at_start, false, v);
	if (bit_get(v, b->prog->n_pos))
		bit_set(v, b->prog->n_pos + 1);
	else if (n)
		walk(b, n, at_start, true, v);
	return v;
}

/* Number of the state with this vector, -1 if there are too many. */
static int state_of(struct builder *b, uint64_t *v)
{
	uint32_t n_pos = b->prog->n_pos, i;
	size_t bytes = b->words * sizeof(*v);
	uint64_t h = 0;

	if (bit_get(v, n_pos)) {
		memset(v, 0, bytes);
		bit_set(v, n_pos);
		bit_set(v, n_pos + 1);
	}
	for (size_t k = 0; k < b->words; k++) {
		h = (h ^ v[k]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	for (i = h % HASH_SIZE; b->hash[i]; i = (i + 1) % HASH_SIZE)
		if (memcmp(b->state[b->hash[i] - 1], v, bytes) == 0)
			return (int)b->hash[i] - 1;
	if (b->n_states == REGEX_MAX_STATES) {
		regex_fail(b->error, 0, "expression too complex: more than %d states",
			   REGEX_MAX_STATES);
		return -1;
	}
	b->state[b->n_states] = ARENA_ARRAY(b->arena, uint64_t, b->words);
	memcpy(b->state[b->n_states], v, bytes);
	b->accept[b->n_states] = (uint8_t)((bit_get(v, n_pos) ? ACCEPT_NOW : 0) |
					   (bit_get(v, n_pos + 1) ? ACCEPT_AT_END : 0));
	b->hash[i] = ++b->n_states;
	return (int)b->n_states - 1;
}

/* ORs into v what follows a byte of the class in the state. */
static bool step(struct builder *b, const uint64_t *state, unsigned class, uint64_t *v)
{
	const uint64_t *mask = b->class_mask[class];

	if (!spend(b, 3 * b->words))
		return false;
	memcpy(v, b->restart, b->words * sizeof(*v));
	for (size_t w = 0; w < b->words; w++) {
		for (uint64_t m = state[w] & mask[w]; m; m &= m - 1) {
			size_t pos = w * 64 + (size_t)__builtin_ctzll(m);
			const uint64_t *f = b->follow[pos];

			if (!f) {
				f = closure(b, b->pos_inst[pos] + 1, false);
				b->follow[pos] = (uint64_t *)f;
			}
			if (!f || !spend(b, b->words))
				return false;
			for (size_t k = 0; k < b->words; k++)
				v[k] |= f[k];
			/* Nothing more can matter. */
			if (bit_get(v, b->prog->n_pos))
				return true;
		}
	}
	return true;
}

static bool make_states(struct builder *b)
{
	uint64_t *v = closure(b, 0, true);

	b->restart = closure(b, 0, false);
	if (!v || !b->restart || state_of(b, v) < 0)
		return false;
	v = ARENA_ARRAY(b->arena, uint64_t, b->words);
	for (uint32_t i = 0; i < b->n_states; i++) {
		b->next[i] = ARENA_ARRAY(b->arena, uint16_t, b->n_classes);
		for (unsigned k = 0; k < b->n_classes; k++) {
			int to = (int)i;

			if (!(b->accept[i] & ACCEPT_NOW)) {
				if (!step(b, b->state[i], k, v))
					return false;
				to = state_of(b, v);
			}
			if (to < 0)
				return false;
			b->next[i][k] = (uint16_t)to;
		}
	}
	return true;
}

/* Partition of the states in blocks. The members of a block are elem[first .. first + size), and
 * the n_marked ones come first. */
struct partition {
	uint32_t *elem, *place; /* place[state]: where in elem */
	uint32_t *block;	/* of a state */
	uint32_t *first, *size, *n_marked;
	uint32_t n_blocks;
	uint32_t *todo; /* blocks to split others by */
	bool *is_todo;
	uint32_t n_todo;
};

static void push_todo(struct partition *p, uint32_t block)
{
	p->is_todo[block] = true;
	p->todo[p->n_todo++] = block;
}

static void mark_state(struct partition *p, uint32_t s)
{
	uint32_t b = p->block[s], to = p->first[b] + p->n_marked[b]++;
	uint32_t other = p->elem[to], from = p->place[s];

	p->elem[from] = other;
	p->place[other] = from;
	p->elem[to] = s;
	p->place[s] = to;
}

/* Makes the marked members of a block a block of their own, unless all are. */
static void split_block(struct partition *p, uint32_t b)
{
	uint32_t n = p->n_marked[b], made = p->n_blocks;

	p->n_marked[b] = 0;
	if (n == p->size[b])
		return;
	p->n_blocks++;
	p->first[made] = p->first[b];
	p->size[made] = n;
	p->first[b] += n;
	p->size[b] -= n;
	for (uint32_t i = 0; i < n; i++)
		p->block[p->elem[p->first[made] + i]] = made;
	push_todo(p, p->is_todo[b] || n <= p->size[b] ? made : b);
}

static void partition_init(struct partition *p, struct builder *b)
{
	uint32_t n = b->n_states;
	uint32_t **arrays[] = {&p->elem, &p->place,	&p->block, &p->first,
			       &p->size, &p->n_marked, &p->todo};

	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		*arrays[i] = ARENA_ARRAY(b->arena, uint32_t, n);
	p->is_todo = ARENA_ARRAY(b->arena, bool, n);
	for (unsigned a = 0, done = 0; a < 4; a++) {
		uint32_t block = p->n_blocks;

		p->first[block] = done;
		for (uint32_t s = 0; s < n; s++) {
			if (b->accept[s] != a)
				continue;
			p->elem[done] = s;
			p->place[s] = done++;
			p->block[s] = block;
			p->size[block]++;
		}
		if (p->size[block]) {
			push_todo(p, block);
			p->n_blocks++;
		}
		if (done == n)
			break;
	}
}

/* Transitions backwards: class k leads to state s from from[start[k][s] .. start[k][s + 1]). */
struct inverse {
	uint32_t **start;
	uint16_t *from;
};

static void inverse_init(struct inverse *inv, struct builder *b)
{
	uint32_t n = b->n_states, done = 0;

	inv->start = ARENA_ARRAY(b->arena, uint32_t *, b->n_classes);
	inv->from = ARENA_ARRAY(b->arena, uint16_t, (size_t)n * b->n_classes);
	for (unsigned k = 0; k < b->n_classes; k++) {
		/* One more place: counts are first put where they end up shifted down. */
		uint32_t *start = ARENA_ARRAY(b->arena, uint32_t, n + 2) + 1;

		inv->start[k] = start - 1;
		for (uint32_t s = 0; s < n; s++)
			start[b->next[s][k]]++;
		for (uint32_t s = 0; s < n; s++) {
			uint32_t count = start[s];

			start[s] = done;
			done += count;
		}
		for (uint32_t s = 0; s < n; s++)
			inv->from[start[b->next[s][k]]++] = (uint16_t)s;
		inv->start[k][0] = k ? inv->start[k - 1][n] : 0;
	}
}

static void refine(struct partition *p, struct builder *b)
{
	uint32_t *touched = ARENA_ARRAY(b->arena, uint32_t, b->n_states);
	uint32_t *splitter = ARENA_ARRAY(b->arena, uint32_t, b->n_states);
	struct inverse inv;

	inverse_init(&inv, b);
	while (p->n_todo) {
		uint32_t by = p->todo[--p->n_todo], n = p->size[by];

		p->is_todo[by] = false;
		memcpy(splitter, p->elem + p->first[by], n * sizeof(*splitter));
		for (unsigned k = 0; k < b->n_classes; k++) {
			uint32_t n_touched = 0;

			for (uint32_t i = 0; i < n; i++) {
				const uint32_t *range = inv.start[k] + splitter[i];

				for (uint32_t j = range[0]; j < range[1]; j++) {
					uint32_t s = inv.from[j], in = p->block[s];

					if (p->n_marked[in] == 0)
						touched[n_touched++] = in;
					mark_state(p, s);
				}
			}
			for (uint32_t i = 0; i < n_touched; i++)
				split_block(p, touched[i]);
		}
	}
}

/* Finds the classes that every state treats alike: merged[k] is the new number of class k. */
static unsigned merge_classes(const uint16_t *next, uint32_t n_states, unsigned n, uint8_t *merged)
{
	uint64_t hash[MAX_CLASSES] = {0};
	unsigned kept[MAX_CLASSES], n_kept = 0;

	for (uint32_t s = 0; s < n_states; s++)
		for (unsigned k = 0; k < n; k++)
			hash[k] = (hash[k] ^ next[s * n + k]) * UINT64_C(0x100000001b3);
	for (unsigned k = 0; k < n; k++) {
		unsigned i;

		for (i = 0; i < n_kept; i++) {
			uint32_t s = 0;

			if (hash[kept[i]] != hash[k])
				continue;
			while (s < n_states && next[s * n + kept[i]] == next[s * n + k])
				s++;
			if (s == n_states)
				break;
		}
		if (i == n_kept)
			kept[n_kept++] = k;
		merged[k] = (uint8_t)i;
	}
	return n_kept;
}

/* One state a block, numbered from the start in the order they are reached. */
static void write_tables(struct builder *b, const struct partition *p, struct regex *re)
{
	uint32_t n = p->n_blocks, found = 1;
	uint16_t *full = ARENA_ARRAY(b->arena, uint16_t, (size_t)n * b->n_classes), *next;
	uint32_t *order = ARENA_ARRAY(b->arena, uint32_t, n);  /* blocks */
	uint32_t *number = ARENA_ARRAY(b->arena, uint32_t, n); /* 1 + number of a block */
	uint8_t *accept = xmalloc(n), merged[MAX_CLASSES];
	unsigned n_classes;

	order[0] = p->block[0];
	number[order[0]] = 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t state = p->elem[p->first[order[i]]];
		bool stays = true;

		for (unsigned k = 0; k < b->n_classes; k++) {
			uint32_t to = p->block[b->next[state][k]];

			if (!number[to]) {
				order[found++] = to;
				number[to] = found;
			}
			full[i * b->n_classes + k] = (uint16_t)(number[to] - 1);
			stays = stays && to == order[i];
		}
		accept[i] = b->accept[state];
		if (stays && !accept[i])
			accept[i] = ACCEPT_NEVER;
	}
	n_classes = merge_classes(full, n, b->n_classes, merged);
	next = xmalloc((size_t)n * n_classes * sizeof(*next));
	for (uint32_t i = 0; i < n; i++)
		for (unsigned k = 0; k < b->n_classes; k++)
			next[i * n_classes + merged[k]] = full[i * b->n_classes + k];
	for (unsigned c = 0; c < 256; c++)
		re->byte_class[c] = merged[b->byte_class[c]];
	re->n_classes = (uint16_t)n_classes;
	re->n_states = n;
	re->next = next;
	re->accept = accept;
}

bool regex_dfa_make(struct arena *a, const struct regex_prog *prog, struct regex *re,
		    struct regex_error *e)
{
	struct builder *b = ARENA_NEW(a, struct builder);
	struct partition p;

	b->arena = a;
	b->prog = prog;
	b->error = e;
	b->words = (prog->n_pos + 2 + 63) / 64;
	b->pos_inst = ARENA_ARRAY(a, uint32_t, prog->n_pos);
	for (uint32_t i = 0; i < prog->n_insts; i++)
		if (prog->inst[i].op == REGEX_SET)
			b->pos_inst[prog->inst[i].y] = i;
	b->follow = ARENA_ARRAY(a, uint64_t *, prog->n_pos);
	/* A walk pushes each SPLIT at most once, and then notes each $ at most once. */
	b->stack = ARENA_ARRAY(a, uint32_t, 2 * (size_t)prog->n_insts + 2);
	b->mark = ARENA_ARRAY(a, uint32_t, prog->n_insts);
	split_bytes(prog, b->byte_class, &b->n_classes);
	make_masks(b);
	if (!make_states(b))
		return false;
	partition_init(&p, b);
	refine(&p, b);
	write_tables(b, &p, re);
	return true;
}

bool regex_test(const struct regex *re, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + len, *accept = re->accept;
	const uint16_t *next = re->next;
	size_t n_classes = re->n_classes, state = 0;

	for (; !(accept[state] & (ACCEPT_NOW | ACCEPT_NEVER)) && p < end; p++)
		state = next[state * n_classes + re->byte_class[*p]];
	return accept[state] & (ACCEPT_NOW | ACCEPT_AT_END);
}

#ifdef TAPIR_TEST
#include "base/test.h"

/* 1, 0, or -1 if the expression is wrong. */
static int test_text(const char *re_text, const char *text)
{
	char error[100];
	size_t position;
	struct regex *re = regex_compile(re_text, strlen(re_text), false, error, sizeof(error),
					 &position);
	int result = re ? regex_test(re, text, strlen(text)) : -1;

	regex_free(re);
	return result;
}

TEST(regex_test_answers)
{
	static const struct {
		const char *re, *yes[4], *no[4];
	} cases[] = {
		{"", {"", "a"}, {NULL}},
		{"a|", {"", "b"}, {NULL}},
		{"()", {"", "b"}, {NULL}},
		{"abc", {"abc", "xxabcx", "ababc"}, {"", "ab", "abxc"}},
		{"^abc$", {"abc"}, {"abcd", "xabc", "abc\n", ""}},
		{"^$", {""}, {"a", "\n"}},
		{"$^", {""}, {"a"}},
		{"a^b|a$b", {NULL}, {"ab", "a\nb", "a", "b"}},
		{"(^|/)bin(/|$)", {"bin", "/bin", "/usr/bin/ls", "a/bin"}, {"sbin", "/bins"}},
		{"(^a|b$)", {"ac", "cb"}, {"ca", "bc", ""}},
		{"(^)*a", {"a", "ba"}, {"b"}},
		{"x(^)*a", {"xa"}, {"xxb"}},
		{"a.c", {"abc", "a\nc", "a\xff""c"}, {"ac"}},
		{"^a{2,3}$", {"aa", "aaa"}, {"a", "aaaa"}},
		{"^a{2,}$", {"aa", "aaaaa"}, {"a", ""}},
		{"^a{2}{2}$", {"aaaa"}, {"aaa", "aaaaa"}},
		{"^a{0}$", {""}, {"a"}},
		{"^a**$", {"", "aaa"}, {"ab"}},
		{"^a?+$", {"", "aaa"}, {"ab"}},
		{"^[]a]+$", {"]a]"}, {"b", ""}},
		{"^[^]a]$", {"b", "-", "\n"}, {"]", "a", ""}},
		{"^[a-]$", {"a", "-"}, {"b"}},
		{"^[+--]$", {"+", ",", "-"}, {"."}},
		{"^[\\]x]$", {"]", "x"}, {"\\"}},
		{"^[[:d:][:l:]]$", {"0", "z"}, {"A", ":", "["}},
		{"^[[:x]$", {"[", ":", "x"}, {"]"}},
		{"^[[:space:]]+$", {" \t\n\v\f\r"}, {"a", ""}},
		{"^a}]$", {"a}]"}, {"a"}},
		{"^\\x41\\102\\t\\.\\d$", {"AB\t.d"}, {"AB\t.5", "AB\txd"}},
		{"^\\x4\\1$", {"x41"}, {"\x04" "1"}},
		{"^(?:ab|c)+$", {"ab", "cabc"}, {"a", ""}},
		{"\\*\\\\", {"*\\"}, {"*"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int k = 0; k < 4 && cases[i].yes[k]; k++)
			CHECK_INT(test_text(cases[i].re, cases[i].yes[k]), 1);
		for (int k = 0; k < 4 && cases[i].no[k]; k++)
			CHECK_INT(test_text(cases[i].re, cases[i].no[k]), 0);
	}
}

TEST(regex_tables_are_minimal)
{
	static const struct {
		const char *re;
		int n_states, n_classes;
	} cases[] = {
		{"", 1, 1},		     {"a", 2, 2},
		{"^a", 3, 2},		     {"abc", 4, 4},
		{"[a-c]x|[b-d]x|[ad]x", 3, 3}, {"a{1,12344}", 2, 2},
		{"(a|b)*a(a|b){3}", 5, 3},   {"a$", 2, 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[100];
		size_t position;
		struct regex *re = regex_compile(cases[i].re, strlen(cases[i].re), false, error,
						 sizeof(error), &position);

		CHECK(re);
		CHECK_INT(re->n_states, cases[i].n_states);
		CHECK_INT(re->n_classes, cases[i].n_classes);
		regex_free(re);
	}
}

TEST(regex_refuses_what_is_too_complex)
{
	char error[100];
	size_t position;
	const char *text = "a.{20}b";

	CHECK(!regex_compile(text, strlen(text), false, error, sizeof(error), &position));
	CHECK_STR(error, "expression too complex: more than 4096 states");
	CHECK_INT(position, 0);
}
#endif
