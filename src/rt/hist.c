/* Histograms as text, byte for byte as SystemTap prints them (language reference 7.3). */
#include <inttypes.h>
#include <stdio.h>

#include "rt/stat.h"

struct hist_view {
	const struct hist *h;
	const int64_t *count;
	int buckets, lo, hi;
	bool under, over; /* linear: first / last row is "<low" / ">high" */
};

static int decimal_width(int64_t v)
{
	char buf[24];

	return snprintf(buf, sizeof(buf), "%" PRId64, v);
}

static int64_t log_label(int bucket)
{
	if (bucket == 64)
		return 0;
	if (bucket > 64)
		return (int64_t)1 << (bucket - 65);
	if (bucket == 0)
		return INT64_MIN;
	return -((int64_t)1 << (63 - bucket));
}

/* First and last row: the used buckets and up to two beside them. */
static void find_rows(struct hist_view *v)
{
	bool log = v->h->kind == HIST_LOG;

	v->lo = 0;
	v->hi = v->buckets - 1;
	while (v->lo < v->buckets - 1 && !v->count[v->lo])
		v->lo++;
	while (v->hi > 0 && !v->count[v->hi])
		v->hi--;
	for (int i = 0; i < 2; i++) {
		if (v->lo > 0 && !(log && v->lo == 64))
			v->lo--;
		if (v->hi < v->buckets - 1)
			v->hi++;
	}
	if (log)
		return;
	if (v->lo == 0 && !v->count[0])
		v->lo = 1;
	if (v->hi == v->buckets - 1 && !v->count[v->hi])
		v->hi--;
	v->under = v->lo == 0;
	v->over = v->hi == v->buckets - 1;
}

static int label_width(const struct hist_view *v)
{
	int a, b, w = 5;

	if (v->h->kind == HIST_LOG) {
		a = decimal_width(log_label(v->lo));
		b = decimal_width(log_label(v->hi));
	} else {
		a = decimal_width(v->h->low) + v->under;
		b = decimal_width((int64_t)((uint64_t)v->h->low + (uint64_t)v->h->step * (uint64_t)v->hi)) +
		    v->over;
	}
	w = a > w ? a : w;
	return b > w ? b : w;
}

static void add_label(struct str *out, const struct hist_view *v, int i, int width)
{
	char buf[32];
	int64_t steps = i - 1;
	const char *prefix = "";

	if (v->h->kind == HIST_LOG) {
		str_addf(out, "%*" PRId64, width, log_label(i));
		return;
	}
	if (i == 0) {
		prefix = "<";
		steps = 0;
	} else if (i == v->buckets - 1) {
		prefix = ">";
		steps = i - 2;
	}
	snprintf(buf, sizeof(buf), "%s%" PRId64, prefix,
		 (int64_t)((uint64_t)v->h->low + (uint64_t)steps * (uint64_t)v->h->step));
	str_addf(out, "%*s", width, buf);
}

static bool elided(const struct hist_view *v, int i, int elision)
{
	if (elision < 0)
		return false;
	for (int k = i - elision; k <= i + elision; k++)
		if (k >= v->lo && k <= v->hi && v->count[k])
			return false;
	return true;
}

void rt_hist_text(struct str *out, const struct rt_stat *st, const struct stat_spec *spec, int width,
		  int elision)
{
	struct hist_view v = {.h = &spec->hist, .count = st->buckets, .buckets = rt_stat_buckets(spec)};
	int64_t max = 0, scale = 1;
	int count_width, value_width;
	bool gap = false;

	find_rows(&v);
	for (int i = 0; i < v.buckets; i++)
		max = v.count[i] > max ? v.count[i] : max;
	if (max > width)
		scale = max / width + (max % width != 0);
	count_width = decimal_width(max);
	value_width = label_width(&v);

	str_addf(out, "%*s |", value_width, "value");
	for (int i = 0; i < width; i++)
		str_addc(out, '-');
	str_add(out, " count\n");
	for (int i = v.lo; i <= v.hi; i++) {
		int bars = (int)(v.count[i] / scale);

		if (elided(&v, i, elision)) {
			gap = true;
			continue;
		}
		if (gap)
			str_addf(out, "%*s ~\n", value_width, "");
		gap = false;
		add_label(out, &v, i, value_width);
		str_add(out, " |");
		for (int k = 0; k < bars; k++)
			str_addc(out, '@');
		str_addf(out, "%*" PRId64 "\n", width - bars + 1 + count_width, v.count[i]);
	}
	str_addc(out, '\n');
}

#ifdef TAPIR_TEST
#include <stdlib.h>

#include "base/test.h"

TEST(hist_log_from_the_reference)
{
	static const int64_t values[] = {-1000, -4, -1, 3};
	struct stat_spec s = {.hist = {.kind = HIST_LOG}};
	struct rt_stat st = {0};
	struct str out = {0};

	for (int i = 0; i < 4; i++)
		rt_stat_add(&st, &s, values[i]);
	rt_hist_text(&out, &st, &s, 10, 2);
	CHECK_STR(out.s, "value |---------- count\n"
			 "-2048 |           0\n"
			 "-1024 |           0\n"
			 " -512 |@          1\n"
			 " -256 |           0\n"
			 " -128 |           0\n"
			 "      ~\n"
			 "  -16 |           0\n"
			 "   -8 |           0\n"
			 "   -4 |@          1\n"
			 "   -2 |           0\n"
			 "   -1 |@          1\n"
			 "    0 |           0\n"
			 "    1 |           0\n"
			 "    2 |@          1\n"
			 "    4 |           0\n"
			 "    8 |           0\n"
			 "\n");
	str_release(&out);
	free(st.buckets);
}
#endif
