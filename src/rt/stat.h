/* Statistics (<<<): what SystemTap's aggregates collect, with its integer arithmetic, and the
 * histogram in its layout (language reference 3.6, 7.3). */
#ifndef RT_STAT_H
#define RT_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "lang/ast.h"

enum { HIST_LOG_BUCKETS = 128 };

struct rt_stat {
	int64_t count, sum, min, max;
	/* For the variance: sums over the differences from the first value, exact. */
	int64_t first;
	__int128 d1, d2;
	int64_t *buckets;  /* stat_buckets(spec) of them, or NULL */
};

/* Number of histogram buckets: 0, 128, or (high-low)/step + 3. */
int rt_stat_buckets(const struct stat_spec *spec);
void rt_stat_add(struct rt_stat *st, const struct stat_spec *spec, int64_t value);
/* Adds what `from` has collected to st; both of the same specification. */
void rt_stat_merge(struct rt_stat *st, const struct stat_spec *spec, const struct rt_stat *from);
/* False for min, max, avg, variance of nothing ("empty aggregate"). */
bool rt_stat_get(const struct rt_stat *st, enum stat_op op, int64_t *value);
/* Bucket index of a value. */
int rt_hist_bucket(const struct stat_spec *spec, int64_t value);
/* The histogram as SystemTap prints it, last empty line included. width: HIST_WIDTH (50),
 * elision: HIST_ELISION (2; negative: none). */
void rt_hist_text(struct str *out, const struct rt_stat *st, const struct stat_spec *spec,
		  int width, int elision);

#endif
