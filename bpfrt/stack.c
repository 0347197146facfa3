/* Stacks of the traced program, by frame pointers; stacks as text. */
#include "bpfrt.h"

enum {
	LOWEST = 4096,		/* no frame and no code lies below */
	HIGHEST_BIT = 47,	/* of user addresses */
	LARGEST = 64 << 20,	/* bytes between the stack pointer and the last frame */
	MAX_CHAINED = 8,
};

static inline uint64_t kernel_word(uint64_t addr)
{
	uint64_t v = 0;

	return bpf_probe_read_kernel(&v, 8, (void *)addr) < 0 ? 0 : v;
}

/* A pending return probe has put the address of the kernel's trampoline in the place of the return
 * address, and the kernel keeps the latter in a list, the latest first. Functions that were reached by
 * a jump share their place with the one that jumped. */
static inline uint64_t real_return(struct rt_walk *w, const struct rt_uprobe_layout *at, uint64_t addr)
{
	uint64_t instance = w->instance;

	if (!addr || addr != w->trampoline || !instance)
		return addr;
	addr = kernel_word(instance + at->original);
	for (int i = 0; i < MAX_CHAINED; i++) {
		uint8_t chained = 0;

		bpf_probe_read_kernel(&chained, 1, (void *)(instance + at->chained));
		instance = kernel_word(instance + at->next);
		if (!chained || !instance)
			break;
	}
	w->instance = instance;
	return addr;
}

/* False: there is no more room, or this is no address. */
static inline bool add_frame(struct rt_walk *w, uint64_t addr)
{
	uint64_t n = w->stack.n;

	forget(n);
	if (addr < LOWEST || addr >> HIGHEST_BIT || n >= RT_STACK_DEPTH)
		return false;
	w->stack.addrs[n] = addr;
	w->stack.n = (uint32_t)n + 1;
	return true;
}

/* While handlers run, uprobe_task.vaddr points to what their dispatcher knows. */
uint64_t rt_returning_function(const struct rt_uprobe_layout *at)
{
	uint64_t p;

	if (!at || !at->task_uprobes)
		return 0;
	p = kernel_word(bpf_get_current_task() + at->task_uprobes);
	p = p ? kernel_word(p + at->dispatch) : 0;
	return p ? kernel_word(p + at->address) : 0;
}

struct walk {
	struct rt_frame *f;
	const struct rt_uprobe_layout *at;
};

LOCAL long next_frame(uint64_t i, struct walk *c)
{
	struct rt_walk *w = &c->f->walk;
	uint64_t frame[2], at = w->at;

	(void)i;
	/* A read that fails is slow: mostly the last frame pointer is small. */
	if (at < LOWEST || at & 7 || at <= w->low || at - w->low > LARGEST)
		return 1;
	if (bpf_probe_read_user(frame, sizeof(frame), (void *)at) < 0)
		return 1;
	w->low = at;
	w->at = frame[0];
	return !add_frame(w, real_return(w, c->at, frame[1]));
}

uint64_t rt_stack_hash(struct rt_frame *f)
{
	uint64_t h = 0;

	if (!f)
		return 0;
	for (int i = 0; i < RT_STACK_DEPTH; i++) {
		h = (h ^ f->walk.stack.addrs[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return f->walk.stack.n ? h | 1 : 0;
}

/* Kernels before 6.11 take instances from their list behind the handlers of a return probe, others
 * before: what lies below the stack pointer has returned. */
static inline void find_returns(struct rt_walk *w, const struct rt_uprobe_layout *at, uint64_t sp)
{
	uint64_t task = bpf_get_current_task(), p;

	w->trampoline = w->instance = 0;
	if (!at->task_uprobes)
		return;
	p = kernel_word(task + at->task_uprobes);
	if (!p)
		return;
	w->instance = kernel_word(p + at->instances);
	for (int i = 0; i < MAX_CHAINED && w->instance; i++) {
		if (kernel_word(w->instance + at->stack) >= sp)
			break;
		w->instance = kernel_word(w->instance + at->next);
	}
	p = w->instance ? kernel_word(task + at->task_mm) : 0;
	p = p ? kernel_word(p + at->mm_area) : 0;
	w->trampoline = p ? kernel_word(p + at->area_address) : 0;
}

/* Functions that do nothing but a system call have no frame: behind the call they return at once, or
 * after a comparison of the result and a jump. */
static inline bool returns_at(uint64_t ip)
{
	uint64_t code[2];

	if (bpf_probe_read_user(code, sizeof(code), (void *)ip) < 0)
		return false;
	return (code[0] & 0xff) == 0xc3 ||
	       ((code[0] & 0xffff) == 0x3d48 && (code[0] >> 48 & 0xfb) == 0x73 &&
		(code[1] & 0xff) == 0xc3);
}

uint64_t rt_user_stack(struct rt_frame *f, uint64_t ip, uint64_t sp, uint64_t fp,
		       const struct rt_uprobe_layout *at)
{
	struct walk c = {f, at};
	struct rt_walk *w;
	uint64_t top;

	if (!f || !at)
		return 0;
	w = &f->walk;
	w->stack.n = 0;
	for (int i = 0; i < RT_STACK_DEPTH; i++)
		w->stack.addrs[i] = 0;
	find_returns(w, at, sp);
	if (w->function)
		add_frame(w, w->function);
	if (!add_frame(w, ip))
		return rt_stack_hash(f);
	w->low = sp - 1;
	w->at = fp;
	if ((w->at_entry == RT_AT_ENTRY || (w->at_entry == RT_AT_ANYWHERE && returns_at(ip))) &&
	    bpf_probe_read_user(&top, 8, (void *)sp) == 0)
		add_frame(w, real_return(w, at, top));
	bpf_loop(RT_STACK_DEPTH, next_frame, &c, 0);
	return rt_stack_hash(f);
}

/* ------------------------------------------------------------------ the kernel */

enum {
	OWN_AT_MOST = 8, /* frames of the handler and of what called it */
	ENTRY_BYTES = 32, /* the call of fentry lies there */
};

uint64_t rt_kernel_stack(struct rt_frame *f, const struct rt_own_frames *own, uint64_t bytes)
{
	const uint64_t *raw;
	uint64_t n, skip = 0, to = 0;
	struct rt_walk *w;

	if (!f || !own)
		return 0;
	w = &f->walk;
	raw = (const uint64_t *)(const void *)f->tmp.s;
	n = bytes / 8;
	for (uint64_t i = 0; i < OWN_AT_MOST && i < n; i++) {
		bool ours = w->low && raw[i] - w->low < ENTRY_BYTES;

		for (int k = 0; k < RT_OWN_RANGES; k++)
			ours |= raw[i] - own->v[k].low < own->v[k].size;
		if (ours)
			skip = i + 1;
	}
	if (w->function) {
		w->stack.addrs[0] = w->function;
		to = 1;
	}
	for (uint64_t i = 0; i < RT_STACK_DEPTH; i++) {
		uint64_t from = i - to + skip, addr = 0;

		if (i < to)
			continue;
		forget(from);
		if (from < n && from < RT_RAW_FRAMES)
			addr = raw[from];
		w->stack.addrs[i] = addr;
	}
	n = n > skip ? n - skip + to : to;
	w->stack.n = (uint32_t)(n < RT_STACK_DEPTH ? n : RT_STACK_DEPTH);
	return rt_stack_hash(f);
}

/* ------------------------------------------------------------------ text */

struct parse {
	struct rt_frame *f;
	const struct rt_str *s;
	uint64_t addr, len;
	uint64_t digits, other; /* does the word have any? anything but them? */
};

/* Character i of the text; one more than there are: the end. Words that are no numbers are passed by. */
LOCAL long parse_char(uint64_t i, struct parse *c)
{
	uint64_t n = c->f->walk.stack.n, digit = 16;
	uint8_t ch = ' ';

	if (i < c->len)
		ch = (uint8_t)c->s->s[bound(i)];
	if (ch >= '0' && ch <= '9')
		digit = ch - (uint64_t)'0';
	else if (ch >= 'a' && ch <= 'f')
		digit = ch - (uint64_t)'a' + 10;
	else if (ch >= 'A' && ch <= 'F')
		digit = ch - (uint64_t)'A' + 10;
	if (digit < 16) {
		c->addr = c->addr << 4 | digit;
		c->digits = 1;
		return 0;
	}
	if (ch != ' ' && ch != '\n' && ch != '\t') {
		c->other |= !((ch == 'x' || ch == 'X') && c->digits && !c->addr);
		return 0;
	}
	forget(n);
	if (c->digits && !c->other && n < RT_STACK_DEPTH) {
		c->f->walk.stack.addrs[n] = c->addr;
		c->f->walk.stack.n = (uint32_t)n + 1;
	}
	c->addr = c->digits = c->other = 0;
	return i >= c->len;
}

uint64_t rt_stack_parse(struct rt_frame *f, const struct rt_str *s)
{
	struct parse c = {f, s, 0, 0, 0, 0};

	if (!f || !s)
		return 0;
	c.len = text_len(s);
	f->walk.stack.n = 0;
	for (int i = 0; i < RT_STACK_DEPTH; i++)
		f->walk.stack.addrs[i] = 0;
	bpf_loop(RT_STR_BYTES, parse_char, &c, 0);
	return rt_stack_hash(f);
}

struct frames {
	struct rt_room *dst;
	uint64_t cap, n;
	struct rt_frame *f;
};

/* As "%p", without a call: in large handlers stacks are close to the deepest that the kernel allows. */
static inline void add_hex(struct rt_room *dst, uint64_t cap, uint64_t addr)
{
	uint64_t digits[3] = {'0' | 'x' << 8, characters(nibbles(addr >> 32), false),
			      characters(nibbles(addr & 0xffffffff), false)};
	uint64_t n = 1, out = ((struct rt_str *)dst)->len, skip;

	for (int k = 4; k < 64; k += 4)
		n += addr >> k != 0;
	skip = 16 - n;
	forget(skip);
	out = append(dst, cap, out, (const char *)digits, 2);
	out = append(dst, cap, out, (const char *)(digits + 1) + (skip & 15), n);
	set_len((struct rt_str *)dst, out);
}

static inline void add_blank(struct rt_room *dst, uint64_t cap)
{
	uint64_t blank = ' ';

	set_len((struct rt_str *)dst, append(dst, cap, ((struct rt_str *)dst)->len, (const char *)&blank, 1));
}

LOCAL long add_address(uint64_t i, struct frames *c)
{
	uint64_t addr;

	if (i >= RT_STACK_DEPTH || i >= c->n)
		return 1;
	addr = c->f->walk.stack.addrs[i];
	if (i)
		add_blank(c->dst, c->cap);
	add_hex(c->dst, c->cap, addr);
	return 0;
}

long rt_stack_text(struct rt_room *dst, uint64_t cap, struct rt_frame *f, int64_t last, uint64_t ended)
{
	struct frames c = {dst, limit(cap), 0, f};

	if (!dst || !f)
		return 0;
	set_len((struct rt_str *)dst, 0);
	c.n = f->walk.stack.n;
	if (last >= 0 && (uint64_t)last + 1 < c.n)
		c.n = (uint64_t)last + 1;
	bpf_loop(RT_STACK_DEPTH, add_address, &c, 0);
	if (ended && c.n)
		add_blank(dst, limit(cap));
	return 0;
}

long rt_stack_address(struct rt_frame *f, int64_t n)
{
	uint64_t i = (uint64_t)n;

	if (!f || i >= f->walk.stack.n)
		return 0;
	forget(i);
	return i < RT_STACK_DEPTH ? (long)f->walk.stack.addrs[i] : 0;
}

/* ------------------------------------------------------------------ names of the kernel */

struct split {
	const struct rt_str *s;
	uint64_t blank; /* where the name ends */
};

LOCAL long find_blank(uint64_t i, struct split *c)
{
	c->blank = i;
	return c->s->s[bound(i)] == ' ';
}

long rt_symbol_text(struct rt_str *dst, uint64_t cap, uint64_t n, uint64_t part)
{
	struct split c = {dst, 0};
	uint64_t blank;

	if (!dst)
		return 0;
	n = smaller(n ? n - 1 : 0, limit(cap));
	set_len(dst, n);
	if (part == RT_SYMBOL_DATA || !n)
		return 0;
	bpf_loop((uint32_t)n, find_blank, &c, 0);
	blank = c.blank;
	forget(blank);
	if (blank + 1 < n) { /* " [module]" */
		if (part == RT_SYMBOL_NAME) {
			set_len(dst, blank);
			return 0;
		}
		n = n - blank - 3;
		copy(dst->s, n, dst->s + bound(blank + 2));
		set_len(dst, n);
	} else if (part == RT_SYMBOL_MODULE && !(dst->s[0] == '0' && dst->s[1] == 'x')) {
		dst->s[0] = 'k', dst->s[1] = 'e', dst->s[2] = 'r', dst->s[3] = 'n', dst->s[4] = 'e', dst->s[5] = 'l';
		set_len(dst, smaller(6, limit(cap)));
	}
	return 0;
}
