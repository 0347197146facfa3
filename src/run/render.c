/* See render.h. */
#include "run/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "rt/error_text.h"
#include "rt/format.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"

/* What is left of an item. Reading beyond the end sets bad and gives zeros. */
struct reader {
	const unsigned char *at, *end;
	bool bad;
};

static const void *take(struct reader *r, size_t n)
{
	static const uint64_t zeros[64];
	const void *p = r->at;
	size_t padded = (n + 7) & ~(size_t)7;

	if (padded < n || padded > (size_t)(r->end - r->at)) {
		r->bad = true;
		r->at = r->end;
		return n <= sizeof(zeros) ? zeros : NULL;
	}
	r->at += padded;
	return p;
}

/* ------------------------------------------------------------------ set-up */

static void describe_format(struct render_format *f, const fmt_parts *parts)
{
	uint32_t n = 0;

	/* Width and precision may come from an argument each. */
	f->is_string = xcalloc(3 * parts->n + 1, sizeof(*f->is_string));
	for (size_t i = 0; i < parts->n; i++) {
		const struct fmt_part *p = &parts->v[i];

		if (p->conv == CONV_LITERAL)
			continue;
		n += p->width == FMT_DYNAMIC;
		n += p->precision == FMT_DYNAMIC;
		f->is_string[n++] = fmt_takes_string(p->conv);
	}
	f->n_args = n;
}

void render_init(struct render *r)
{
	const struct ir_module *m = r->ir;
	uint32_t most = 0;

	r->formats = xcalloc(m->formats.n + 1, sizeof(*r->formats));
	for (size_t i = 0; i < m->formats.n; i++) {
		describe_format(&r->formats[i], &m->formats.v[i].parts);
		if (r->formats[i].n_args > most)
			most = r->formats[i].n_args;
	}
	r->args = xcalloc(most + 1, sizeof(*r->args));
	for (size_t i = 0; i < m->globals.n; i++) {
		uint32_t n = (uint32_t)rt_stat_buckets(&m->globals.v[i].stat);

		if (m->globals.v[i].type == TY_STATS && n > r->n_buckets)
			r->n_buckets = n;
	}
	r->buckets = xcalloc(r->n_buckets + 1, sizeof(*r->buckets));
}

void render_release(struct render *r)
{
	for (size_t i = 0; r->formats && i < r->ir->formats.n; i++)
		free(r->formats[i].is_string);
	free(r->formats);
	free(r->args);
	free(r->buckets);
	str_release(&r->tokens);
	str_release(&r->text);
}

/* ------------------------------------------------------------------ strings */

/* A string argument. A deferred one's text is added to r->tokens, its place there is in .n and .s is
 * NULL: the buffer may move until all arguments are read. */
static struct rt_value take_string(struct render *r, struct reader *in)
{
	const struct rt_arg_str *head = take(in, sizeof(*head));
	struct rt_value v = {.len = head->len};
	struct rt_token token;

	if (!head->token) {
		v.s = take(in, v.len);
		if (!in->bad)
			return v;
		return (struct rt_value){.s = ""};
	}
	memcpy(&token, take(in, sizeof(token)), sizeof(token));
	v = (struct rt_value){.n = (int64_t)r->tokens.len};
	if (!in->bad)
		r->sink->token(r->sink, (enum rt_token_kind)head->token, &token, &r->tokens);
	v.len = (uint32_t)(r->tokens.len - (size_t)v.n);
	return v;
}

static struct rt_value one_string(struct render *r, struct reader *in)
{
	struct rt_value v;

	r->tokens.len = 0;
	v = take_string(r, in);
	if (!v.s)
		v.s = r->tokens.len ? r->tokens.s : "";
	return v;
}

/* ------------------------------------------------------------------ items */

static void item_print(struct render *r, const struct rt_record *rec, uint32_t number,
		       struct reader *in)
{
	const struct render_format *f;
	const char *error;
	size_t before = r->out->len;
	/* So many long strings that the last arguments are missing (gen/emit_print.c). */
	bool full = in->end - in->at > RT_OUT_BYTES - RT_STR_BYTES;
	bool deferred = false;

	if (number >= r->ir->formats.n) {
		in->bad = true;
		return;
	}
	f = &r->formats[number];
	r->tokens.len = 0;
	for (uint32_t i = 0; i < f->n_args; i++) {
		if (full && in->at == in->end) {
			r->args[i] = (struct rt_value){.s = ""};
		} else if (f->is_string[i]) {
			r->args[i] = take_string(r, in);
			deferred |= !r->args[i].s;
		} else {
			r->args[i].n = *(const int64_t *)take(in, 8);
			r->args[i].s = NULL;
		}
	}
	for (uint32_t i = 0; deferred && i < f->n_args; i++)
		if (f->is_string[i] && !r->args[i].s)
			r->args[i].s = r->args[i].len ? r->tokens.s + r->args[i].n : "";
	if (in->bad)
		return;
	error = rt_format(r->out, &r->ir->formats.v[number].parts, r->args, f->n_args);
	if (error) {
		r->text.len = 0;
		str_add(&r->text, error);
		if (rec->inst < r->img->insts.n)
			rt_error_probe(&r->text, r->img->insts.v[rec->inst]->name);
		r->sink->error(r->sink, r->text.s);
	}
	if (r->out->len - before > r->max_print) {
		r->out->len = before + r->max_print;
		r->out->s[r->out->len] = 0;
	}
}

/* " (called from PLACE)" for the calls around a place. The chain is finite: a caller's number is lower, as
 * its place was made first. */
static void add_callers(struct str *text, const struct gen_image *img, size_t place)
{
	while (place < img->places.n && img->places.v[place].caller >= 0 &&
	       (size_t)img->places.v[place].caller < place) {
		place = (size_t)img->places.v[place].caller;
		rt_error_called_from(text, img->places.v[place].tok);
	}
}

static void item_error(struct render *r, const struct rt_record *rec, uint32_t code,
		       struct reader *in)
{
	const struct rt_item_error *e = take(in, sizeof(*e));
	const struct gen_image *img = r->img;
	size_t place = e->place;
	const uint32_t *calls = NULL;
	uint32_t n_calls = 0;
	struct rt_value v;

	if (!in->bad && e->n_calls) {
		n_calls = e->n_calls - 1 < RT_MAX_CALLS ? e->n_calls - 1 : RT_MAX_CALLS;
		calls = take(in, RT_MAX_CALLS * sizeof(*calls));
	}
	if (in->bad || code == RT_E_ABORT)
		return;
	r->text.len = 0;
	str_add(&r->text, "");
	if (code == RT_E_TEXT) {
		v = one_string(r, in);
		str_addn(&r->text, v.s, v.len);
	} else {
		rt_error_text(&r->text, (enum rt_error)code, e->arg, r->ir);
	}
	rt_error_near(&r->text, place < img->places.n ? img->places.v[place].tok : NULL);
	add_callers(&r->text, img, place);
	for (uint32_t k = 0; k < n_calls; k++) {
		if (calls[k] >= img->places.n)
			break;
		rt_error_called_from(&r->text, img->places.v[calls[k]].tok);
		add_callers(&r->text, img, calls[k]);
	}
	if (rec->inst < img->insts.n)
		rt_error_probe(&r->text, img->insts.v[rec->inst]->name);
	r->sink->error(r->sink, r->text.s);
}

void render_full(struct render *r, uint32_t inst, uint32_t global, uint64_t place)
{
	const struct gen_image *img = r->img;

	r->text.len = 0;
	rt_error_text(&r->text, RT_E_FULL, global, r->ir);
	rt_error_near(&r->text, place < img->places.n ? img->places.v[place].tok : NULL);
	if (place < img->places.n)
		add_callers(&r->text, img, place);
	if (inst < img->insts.n)
		rt_error_probe(&r->text, img->insts.v[inst]->name);
	r->sink->error(r->sink, r->text.s);
}

static void item_add(struct render *r, const struct rt_record *rec, uint32_t global, struct reader *in)
{
	const struct rt_item_add *what = take(in, sizeof(*what));

	if (!in->bad && global < r->ir->globals.n)
		r->sink->add(r->sink, rec->inst, global, what, in->at, (uint32_t)(in->end - in->at));
}

static void item_hist(struct render *r, uint32_t global, struct reader *in)
{
	const struct ir_global *g;
	const struct rt_stat_value *v;
	struct rt_stat st = {.buckets = r->buckets};
	size_t n;

	if (global >= r->ir->globals.n || r->ir->globals.v[global].type != TY_STATS) {
		in->bad = true;
		return;
	}
	g = &r->ir->globals.v[global];
	n = (size_t)rt_stat_buckets(&g->stat);
	v = take(in, sizeof(*v));
	st.count = v->count;
	memset(r->buckets, 0, r->n_buckets * sizeof(*r->buckets));
	for (size_t i = 0; i < n; i++)
		r->buckets[i] = *(const int64_t *)take(in, 8);
	if (!in->bad && n)
		rt_hist_text(r->out, &st, &g->stat, r->hist_width, r->hist_elision);
}

static void item_system(struct render *r, struct reader *in)
{
	struct rt_value v = one_string(r, in);

	if (!in->bad)
		r->sink->system(r->sink, v.s, v.len);
}

static void item_stack(struct render *r, const struct rt_record *rec, unsigned how, struct reader *in)
{
	const struct rt_stack *stack = take(in, sizeof(*stack));

	if (in->bad)
		return;
	if (stack->n)
		r->sink->stack(r->sink, rec->pid, how, stack, r->out);
	else
		str_addf(r->out, "<no %s backtrace at %s>\n", how & RT_STACK_KERNEL ? "kernel" : "user",
			 rec->inst < r->img->insts.n ? r->img->insts.v[rec->inst]->name : "");
}

static void render_item(struct render *r, const struct rt_record *rec, const struct rt_item *item,
			struct reader *in)
{
	struct rt_value v;

	switch (item->kind) {
	case RT_ITEM_PRINT:
		item_print(r, rec, item->a, in);
		break;
	case RT_ITEM_ERROR:
		item_error(r, rec, item->a, in);
		break;
	case RT_ITEM_EXIT:
		r->sink->exit(r->sink);
		break;
	case RT_ITEM_WARN:
		v = one_string(r, in);
		if (!in->bad)
			r->sink->warn(r->sink, v.s, v.len);
		break;
	case RT_ITEM_LOG:
		v = one_string(r, in);
		str_addn(r->out, v.s, v.len);
		str_addc(r->out, '\n');
		break;
	case RT_ITEM_SYSTEM:
		item_system(r, in);
		break;
	case RT_ITEM_KERNEL_LOG:
		v = one_string(r, in);
		if (!in->bad && v.len && !rt_kernel_log(v.s[0] & 7, v.s + 1, v.len - 1))
			r->sink->warn(r->sink, RT_KERNEL_LOG_FAILED, strlen(RT_KERNEL_LOG_FAILED));
		break;
	case RT_ITEM_HIST:
		item_hist(r, item->a, in);
		break;
	case RT_ITEM_STACK:
		item_stack(r, rec, item->a, in);
		break;
	case RT_ITEM_USYMBOLS:
	case RT_ITEM_KSYMBOLS:
		v = one_string(r, in);
		if (!in->bad)
			r->sink->lines(r->sink, rec->pid, item->kind == RT_ITEM_KSYMBOLS, v.s, v.len,
				       r->out);
		break;
	case RT_ITEM_ADD:
		item_add(r, rec, item->a, in);
		break;
	case RT_ITEM_ROTATE:
		r->sink->rotate(r->sink);
		break;
	default:
		in->bad = true;
	}
}

void render_record(struct render *r, const void *data, uint32_t size)
{
	struct reader all = {data, (const unsigned char *)data + size, false};
	const struct rt_record *rec = take(&all, sizeof(*rec));

	while (!all.bad && all.at < all.end) {
		const struct rt_item *item = take(&all, sizeof(*item));
		struct reader in = {all.at, all.at, false};

		if (!all.bad)
			take(&all, item->bytes);
		if (all.bad)
			break;
		in.end = all.at;
		render_item(r, rec, item, &in);
		all.bad |= in.bad;
	}
	r->n_bad += all.bad;
}

#ifdef TAPIR_TEST
#include <stdio.h>
#include <time.h>

#include "base/test.h"
#include "lang/lang.h"

/* ------------------------------------------------------------------ records by hand */

struct record {
	union {
		struct rt_record head;
		uint64_t words[1024];
	};
	uint32_t size;
	uint32_t item; /* where the last item's head is */
};

static void *add_bytes(struct record *r, const void *p, size_t n)
{
	void *to = (char *)r->words + r->size;

	memset(to, 0, (n + 7) & ~(size_t)7);
	if (n)
		memcpy(to, p, n);
	r->size += (uint32_t)((n + 7) & ~(size_t)7);
	((struct rt_item *)(void *)((char *)r->words + r->item))->bytes =
		r->size - r->item - (uint32_t)sizeof(struct rt_item);
	return to;
}

static void start_record(struct record *r, uint32_t inst)
{
	memset(r, 0, sizeof(*r));
	r->head.inst = inst;
	r->size = sizeof(r->head);
}

static void add_item(struct record *r, enum rt_item_kind kind, unsigned a)
{
	struct rt_item item = {.kind = (uint16_t)kind, .a = (uint16_t)a};

	r->item = r->size;
	add_bytes(r, &item, sizeof(item));
}

static void add_long(struct record *r, int64_t n)
{
	add_bytes(r, &n, 8);
}

static void add_text(struct record *r, const char *s)
{
	struct rt_arg_str head = {.len = (uint32_t)strlen(s)};

	add_bytes(r, &head, sizeof(head));
	add_bytes(r, s, head.len);
}

static void add_token(struct record *r, enum rt_token_kind kind, uint64_t a)
{
	struct rt_arg_str head = {.len = sizeof(struct rt_token), .token = kind};
	struct rt_token t = {.a = a};

	add_bytes(r, &head, sizeof(head));
	add_bytes(r, &t, sizeof(t));
}

/* ------------------------------------------------------------------ what comes out */

struct test_sink {
	struct render_sink sink;
	struct str log;
};

#define LOG(s) (&((struct test_sink *)(void *)(s))->log)

static void log_error(struct render_sink *s, const char *text)
{
	str_addf(LOG(s), "error(%s)", text);
}

static void log_warn(struct render_sink *s, const char *text, uint32_t len)
{
	str_addf(LOG(s), "warn(%.*s)", (int)len, text);
}

static void log_system(struct render_sink *s, const char *text, uint32_t len)
{
	str_addf(LOG(s), "system(%.*s)", (int)len, text);
}

static void log_exit(struct render_sink *s)
{
	str_add(LOG(s), "exit");
}

static void log_add(struct render_sink *s, uint32_t inst, uint32_t global, const struct rt_item_add *what,
		    const void *key, uint32_t size)
{
	(void)inst, (void)key;
	str_addf(LOG(s), "add(%u %lld %u)", global, (long long)what->n, size);
}

static void log_rotate(struct render_sink *s)
{
	str_add(LOG(s), "rotate");
}

static void make_token(struct render_sink *s, enum rt_token_kind kind, const struct rt_token *token,
		       struct str *out)
{
	(void)s;
	str_addf(out, "<%d:%d>", (int)kind, (int)token->a);
}

static void make_stack(struct render_sink *s, uint32_t pid, unsigned how, const struct rt_stack *stack,
		       struct str *out)
{
	(void)s, (void)pid;
	str_addf(out, "<%u:%u>", how, stack->n);
}

static void make_lines(struct render_sink *s, uint32_t pid, bool kernel, const char *text, uint32_t len,
		       struct str *out)
{
	(void)s, (void)pid;
	str_addf(out, "<%d:%.*s>", kernel, (int)len, text);
}

struct fixture {
	struct ir_module *m;
	struct gen_image img;
	struct render r;
	struct test_sink sink;
	struct str out;
	struct probe_inst inst;
};

static void fixture_make(struct fixture *f, const char *const *formats, size_t n)
{
	memset(f, 0, sizeof(*f));
	f->m = ir_module_new(511);
	for (size_t i = 0; i < n; i++) {
		vec_push(&f->m->formats, &f->m->arena, (struct ir_format){.newline = false});
		CHECK_STR(format_parse(&f->m->arena, formats[i], strlen(formats[i]),
				       &f->m->formats.v[i].parts), NULL);
	}
	f->inst.name = "process(\"/p\").function(\"f\")";
	vec_push(&f->img.insts, &f->m->arena, &f->inst);
	f->sink.sink = (struct render_sink){log_error, log_warn, log_system, log_exit, log_rotate, log_add,
					    make_token, make_stack, make_lines};
	str_add(&f->out, "");
	str_add(&f->sink.log, "");
	f->r = (struct render){.ir = f->m, .img = &f->img, .sink = &f->sink.sink, .out = &f->out,
			       .max_print = 8192, .hist_width = 50, .hist_elision = 2};
	render_init(&f->r);
}

static void fixture_free(struct fixture *f)
{
	render_release(&f->r);
	ir_module_free(f->m);
	str_release(&f->out);
	str_release(&f->sink.log);
}

TEST(render_prints_by_format)
{
	static const char *const formats[] = {"%d %s|%*d %#x\n", "%s=%s\n", "plain\n"};
	struct fixture f;
	struct record rec;

	fixture_make(&f, formats, 3);
	start_record(&rec, 0);
	add_item(&rec, RT_ITEM_PRINT, 0);
	add_long(&rec, -5);
	add_text(&rec, "nine char");
	add_long(&rec, 4);
	add_long(&rec, 7);
	add_long(&rec, 255);
	add_item(&rec, RT_ITEM_PRINT, 1);
	add_token(&rec, RT_TOKEN_USYM, 77);
	add_token(&rec, RT_TOKEN_UMOD, 1);
	add_item(&rec, RT_ITEM_PRINT, 2);
	add_item(&rec, RT_ITEM_LOG, 0);
	add_text(&rec, "logged");
	render_record(&f.r, rec.words, rec.size);
	CHECK_STR(f.out.s, "-5 nine char|   7 0xff\n<1:77>=<3:1>\nplain\nlogged\n");
	CHECK_INT(f.r.n_bad, 0);
	fixture_free(&f);
}

TEST(render_tells_errors_with_their_place)
{
	struct source src = {.name = "x.stp"};
	struct token slash = {.kind = TOK_OPERATOR, .src = &src, .line = 3, .col = 9, .text = "/", .len = 1};
	struct token call = {.kind = TOK_IDENTIFIER, .src = &src, .line = 7, .col = 2, .text = "f", .len = 1};
	struct rt_item_error e = {.place = 1};
	struct fixture f;
	struct record rec;

	fixture_make(&f, NULL, 0);
	vec_push(&f.img.places, &f.m->arena, (struct gen_place){&call, -1});
	vec_push(&f.img.places, &f.m->arena, (struct gen_place){&slash, 0});
	start_record(&rec, 0);
	add_item(&rec, RT_ITEM_ERROR, RT_E_DIV0);
	add_bytes(&rec, &e, sizeof(e));
	render_record(&f.r, rec.words, rec.size);
	CHECK_STR(f.sink.log.s, "error(division by 0 near operator '/' at x.stp:3:9 (called from "
				"identifier 'f' at x.stp:7:2) in probe process(\"/p\").function(\"f\"))");
	f.sink.log.len = 0;
	start_record(&rec, 0);
	add_item(&rec, RT_ITEM_ERROR, RT_E_TEXT);
	e.place = 0;
	add_bytes(&rec, &e, sizeof(e));
	add_text(&rec, "my text");
	add_item(&rec, RT_ITEM_ERROR, RT_E_USER_STRING);
	e.arg = 0x10;
	add_bytes(&rec, &e, sizeof(e));
	render_record(&f.r, rec.words, rec.size);
	CHECK(strstr(f.sink.log.s, "error(my text near identifier 'f' at x.stp:7:2 in probe"));
	CHECK(strstr(f.sink.log.s, "error(user string copy fault -14 at 0x10 [man error::fault] near"));
	fixture_free(&f);
}

TEST(render_passes_requests_on)
{
	struct fixture f;
	struct record rec;

	fixture_make(&f, NULL, 0);
	start_record(&rec, 0);
	add_item(&rec, RT_ITEM_WARN, 0);
	add_text(&rec, "careful");
	add_item(&rec, RT_ITEM_SYSTEM, 0);
	add_text(&rec, "date");
	add_item(&rec, RT_ITEM_EXIT, 0);
	add_item(&rec, RT_ITEM_ROTATE, 0);
	render_record(&f.r, rec.words, rec.size);
	CHECK_STR(f.sink.log.s, "warn(careful)system(date)exitrotate");
	fixture_free(&f);
}

TEST(render_survives_damaged_records)
{
	static const char *const formats[] = {"%s %d\n"};
	struct fixture f;
	struct record rec;
	uint64_t x = 88172645463325252ull;

	fixture_make(&f, formats, 1);
	for (int i = 0; i < 20000; i++) {
		start_record(&rec, 0);
		add_item(&rec, RT_ITEM_PRINT, 0);
		add_text(&rec, "abc");
		add_long(&rec, 1);
		add_item(&rec, (enum rt_item_kind)(1 + i % 12), 0);
		add_text(&rec, "abcdefghij");
		for (int k = 0; k < 3; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			((unsigned char *)rec.words)[x % rec.size] = (unsigned char)(x >> 32);
		}
		/* An exact copy, so that reading beyond it is seen. */
		unsigned char *copy = xmalloc(rec.size);

		memcpy(copy, rec.words, rec.size);
		render_record(&f.r, copy, (uint32_t)(x >> 16) % 4 ? rec.size : rec.size / 16 * 8);
		free(copy);
	}
	CHECK(f.r.n_bad > 0);
	fixture_free(&f);
}

TEST(render_is_fast)
{
	static const char *const formats[] = {"%d: %s -> %d (%#x)\n"};
	enum { N = 200000 };
	struct fixture f;
	struct record rec;
	struct timespec a, b;
	int64_t ns;

	fixture_make(&f, formats, 1);
	start_record(&rec, 0);
	add_item(&rec, RT_ITEM_PRINT, 0);
	add_long(&rec, 12345);
	add_text(&rec, "some_function");
	add_long(&rec, 42);
	add_long(&rec, 0x7fff12345678);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	for (int i = 0; i < N; i++) {
		if (f.out.len > 65536)
			f.out.len = 0;
		render_record(&f.r, rec.words, rec.size);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	ns = ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec) / N;
	if (getenv("TAPIR_BENCH"))
		printf("render: %d ns a line\n", (int)ns);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
	CHECK(ns < 5000); /* 1000 is the aim; machines are loaded */
#endif
	fixture_free(&f);
}
#endif
