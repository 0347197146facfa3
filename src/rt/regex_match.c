/* Compiling as a whole, and matching with groups.
 *
 * Groups come from a simulation of the program that walks all alternatives at once, one byte of the
 * text at a time (the "Pike VM"): linear in the text, with all memory allocated beforehand. Threads
 * are kept in order of preference. The match is the leftmost one, and of those the longest; of the
 * ways to get it, the one that prefers earlier alternatives and repeating over stopping. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rt/regex_internal.h"

/* The threads that wait for the next byte, by decreasing preference. */
struct threads {
	uint32_t n;
	uint32_t *pc;
	int *slots; /* n_slots a thread */
};

/* Something to be done after what is pushed later: walk from pc, or put a slot back. */
struct todo {
	bool restore;
	uint32_t what; /* pc or slot */
	int value;
};

struct regex_pike {
	struct regex_prog prog;
	size_t n_slots;
	struct threads now, later;
	uint64_t *mark; /* of an instruction: the step in which it was walked */
	uint64_t step;
	struct todo *stack;
	int *slots; /* of the path being walked */
};

static void threads_init(struct threads *t, const struct regex_prog *prog, size_t n_slots)
{
	/* Those at REGEX_SETs, and one that has matched. */
	size_t n = (size_t)prog->n_pos + 1;

	t->pc = xcalloc(n, sizeof(*t->pc));
	t->slots = xcalloc(n * n_slots, sizeof(*t->slots));
}

struct regex_pike *regex_pike_make(const struct regex_prog *prog)
{
	struct regex_pike *vm = xcalloc(1, sizeof(*vm));

	vm->prog = *prog;
	vm->prog.inst = xcalloc(prog->n_insts, sizeof(*prog->inst));
	memcpy(vm->prog.inst, prog->inst, prog->n_insts * sizeof(*prog->inst));
	vm->prog.sets = xcalloc((size_t)prog->n_sets + 1, sizeof(*prog->sets));
	if (prog->n_sets)
		memcpy(vm->prog.sets, prog->sets, prog->n_sets * sizeof(*prog->sets));
	vm->n_slots = 2 * prog->n_groups;
	threads_init(&vm->now, prog, vm->n_slots);
	threads_init(&vm->later, prog, vm->n_slots);
	vm->mark = xcalloc(prog->n_insts, sizeof(*vm->mark));
	/* Each SPLIT and each SAVE pushes once a walk. */
	vm->stack = xcalloc((size_t)prog->n_insts + 1, sizeof(*vm->stack));
	vm->slots = xcalloc(vm->n_slots, sizeof(*vm->slots));
	return vm;
}

void regex_pike_free(struct regex_pike *vm)
{
	if (!vm)
		return;
	free(vm->prog.inst);
	free(vm->prog.sets);
	free(vm->now.pc);
	free(vm->now.slots);
	free(vm->later.pc);
	free(vm->later.slots);
	free(vm->mark);
	free(vm->stack);
	free(vm->slots);
	free(vm);
}

/* Walks from pc with vm->slots, adding the threads that it finds to t. */
static void walk(struct regex_pike *vm, struct threads *t, uint32_t pc, int at, bool at_end)
{
	const struct regex_inst *inst = vm->prog.inst;
	size_t n = 0;

	for (;;) {
		bool stopped = false;

		while (!stopped && vm->mark[pc] != vm->step) {
			const struct regex_inst *in = &inst[pc];

			vm->mark[pc] = vm->step;
			switch (in->op) {
			case REGEX_SPLIT:
				vm->stack[n++] = (struct todo){.what = in->y};
				pc = in->x;
				break;
			case REGEX_JUMP:
				pc = in->x;
				break;
			case REGEX_SAVE:
				vm->stack[n++] = (struct todo){true, in->x, vm->slots[in->x]};
				vm->slots[in->x] = at;
				pc++;
				break;
			case REGEX_BOL:
				stopped = at != 0;
				pc++;
				break;
			case REGEX_EOL:
				stopped = !at_end;
				pc++;
				break;
			case REGEX_SET:
			case REGEX_MATCH:
				memcpy(t->slots + t->n * vm->n_slots, vm->slots,
				       vm->n_slots * sizeof(*vm->slots));
				t->pc[t->n++] = pc;
				stopped = true;
				break;
			}
		}
		while (n && vm->stack[n - 1].restore) {
			n--;
			vm->slots[vm->stack[n].what] = vm->stack[n].value;
		}
		if (n == 0)
			return;
		pc = vm->stack[--n].what;
	}
}

/* Takes the match among the threads, if there is one that is better than that in bounds, and drops
 * the threads that can no longer better it. */
static void take_match(struct regex_pike *vm, struct threads *t, int at, int *bounds)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const int *slots = t->slots + i * vm->n_slots;

		/* They are in the order of where they start. */
		if (bounds[0] >= 0 && slots[0] > bounds[0]) {
			t->n = i;
			return;
		}
		if (vm->prog.inst[t->pc[i]].op == REGEX_MATCH) {
			memcpy(bounds, slots, vm->n_slots * sizeof(*bounds));
			bounds[1] = at;
		}
	}
}

bool regex_pike_run(struct regex_pike *vm, const char *s, size_t len, int *bounds)
{
	struct threads *now = &vm->now, *later = &vm->later, *swap;

	for (size_t i = 0; i < vm->n_slots; i++)
		bounds[i] = -1;
	if (len > INT_MAX)
		return false;
	vm->step++;
	now->n = 0;
	for (size_t at = 0;; at++) {
		/* A match that starts here comes after all that started earlier. */
		if (bounds[0] < 0) {
			memset(vm->slots, 0xff, vm->n_slots * sizeof(*vm->slots));
			vm->slots[0] = (int)at;
			walk(vm, now, 0, (int)at, at == len);
		}
		take_match(vm, now, (int)at, bounds);
		if (at == len || (now->n == 0 && bounds[0] >= 0))
			break;
		vm->step++;
		later->n = 0;
		for (uint32_t i = 0; i < now->n; i++) {
			const struct regex_inst *in = &vm->prog.inst[now->pc[i]];

			if (in->op == REGEX_MATCH ||
			    !regex_set_has(&vm->prog.sets[in->x], (uint8_t)s[at]))
				continue;
			memcpy(vm->slots, now->slots + i * vm->n_slots,
			       vm->n_slots * sizeof(*vm->slots));
			walk(vm, later, now->pc[i] + 1, (int)at + 1, at + 1 == len);
		}
		swap = now;
		now = later;
		later = swap;
	}
	return bounds[0] >= 0;
}

struct regex *regex_compile(const char *text, size_t len, bool want_groups, char *error,
			    size_t error_size, size_t *position)
{
	struct regex_error e = {.text = error, .size = error_size};
	struct regex *re = xcalloc(1, sizeof(*re));
	struct arena a = {0};
	struct regex_prog prog;

	if (regex_parse(&a, text, len, want_groups, &prog, &e) &&
	    regex_dfa_make(&a, &prog, re, &e)) {
		re->n_groups = prog.n_groups;
		if (want_groups)
			re->tagged = regex_pike_make(&prog);
	} else {
		*position = e.position;
		regex_free(re);
		re = NULL;
	}
	arena_release(&a);
	return re;
}

void regex_free(struct regex *re)
{
	if (!re)
		return;
	free((void *)re->next);
	free((void *)re->accept);
	regex_pike_free((struct regex_pike *)re->tagged);
	free(re);
}

const struct regex_prog *regex_program(const struct regex *re)
{
	return &((const struct regex_pike *)re->tagged)->prog;
}

bool regex_match(const struct regex *re, const char *s, size_t len, int *bounds)
{
	/* Most texts do not match, and the tables say so quickly. */
	if (!regex_test(re, s, len)) {
		for (unsigned i = 0; i < 2 * re->n_groups; i++)
			bounds[i] = -1;
		return false;
	}
	return regex_pike_run((struct regex_pike *)re->tagged, s, len, bounds);
}

#ifdef TAPIR_TEST
#include <stdio.h>

#include "base/test.h"

/* The bounds of all groups, as text. */
static const char *test_groups(const char *re_text, const char *text)
{
	static char result[500];
	char error[100];
	size_t position, n = 0;
	struct regex *re = regex_compile(re_text, strlen(re_text), true, error, sizeof(error),
					 &position);
	int bounds[2 * REGEX_MAX_GROUPS];

	if (!re)
		return "error";
	result[0] = 0;
	if (regex_match(re, text, strlen(text), bounds))
		for (unsigned i = 0; i < re->n_groups; i++)
			n += (size_t)snprintf(result + n, sizeof(result) - n, "%d-%d ",
					      bounds[2 * i], bounds[2 * i + 1]);
	else
		snprintf(result, sizeof(result), "no %u %d", re->n_groups, bounds[0]);
	regex_free(re);
	return result;
}

TEST(regex_match_groups)
{
	static const struct {
		const char *re, *text, *groups;
	} cases[] = {
		{"b+", "abbbc", "1-4 "},
		{"", "abc", "0-0 "},
		{"$", "abc", "3-3 "},
		{"a|ab|abc", "xabcd", "1-4 "},
		{"x*", "axx", "0-0 "},
		{"(a)|(b)", "cb", "1-2 -1--1 1-2 "},
		{"(a*)(b*)", "aabb", "0-4 0-2 2-4 "},
		{"(a*)(a*)", "aa", "0-2 0-2 2-2 "},
		{"(?:a(b))(c)", "abc", "0-3 1-2 2-3 "},
		{"(a|b)*", "abb", "0-3 2-3 "},
		{"(a*)*", "b", "0-0 0-0 "},
		{"(a*)+", "aa", "0-2 0-2 "},
		{"(a){0}b", "ab", "1-2 -1--1 "},
		{"((.)(.)){2}", "abcd", "0-4 2-4 2-3 3-4 "},
		{"^/([^/]*)/(.*)$", "/usr/lib/x", "0-10 1-4 5-10 "},
		{"abcd|(c)", "abce", "2-3 2-3 "},
		{"a(b)?cd|bc", "abce", "1-3 -1--1 "},
		{"(a)b", "aaa", "no 2 -1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_STR(test_groups(cases[i].re, cases[i].text), cases[i].groups);
}
#endif
