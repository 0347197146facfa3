/* Associative arrays of the interpreter: hash tables that remember the order of insertion.
 *
 * Keys are up to MAX_KEYS longs and strings; a table without keys holds at most one element (scalar
 * statistics). Deleting and re-inserting puts an element last. A wrapping table evicts its oldest
 * element when full. Elements stay at their address until they are deleted.
 *
 * A table that handlers in the kernel use too is live while these run: all operations then work in
 * its kernel map (rt/kmap.h), and an element that rt_table_find() gives is a copy, valid until the
 * next operation. */
#ifndef RT_TABLE_H
#define RT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/ir.h"
#include "rt/intrinsic.h"
#include "rt/stat.h"

struct rt_table;

struct rt_entry {
	/* The value; which one, the table's type tells. */
	int64_t num;
	char *str; /* owned by the table */
	uint32_t len;
	struct rt_stat *stat; /* owned by the table */
	/* private to table.c below */
	uint32_t prev, next; /* insertion order; positions + 1, 0: none */
	uint32_t chain;	     /* next of the same bucket, likewise */
	uint32_t generation; /* 0: free */
	uint64_t hash;
	struct rt_value *keys;
};

/* desc (kept by reference) gives types, keys, max_entries and wrap. */
struct rt_table *rt_table_new(const struct ir_global *desc);
void rt_table_free(struct rt_table *t);
/* NULL: not there. */
const struct rt_entry *rt_table_find(struct rt_table *t, const struct rt_value *keys);
/* These create the element if it is missing; false: the table is full and does not wrap. */
bool rt_table_set(struct rt_table *t, const struct rt_value *keys, const struct rt_value *value);
bool rt_table_add(struct rt_table *t, const struct rt_value *keys, int64_t n, int64_t *sum);
bool rt_table_stat_add(struct rt_table *t, const struct rt_value *keys, int64_t value);
/* Statistics collected elsewhere become part of the element's; st keeps its buckets. */
bool rt_table_stat_merge(struct rt_table *t, const struct rt_value *keys, const struct rt_stat *st);
bool rt_table_delete(struct rt_table *t, const struct rt_value *keys);
/* All elements whose keys equal keys[i] wherever wild[i] is false; returns how many. */
uint32_t rt_table_delete_matching(struct rt_table *t, const struct rt_value *keys, const bool *wild);
bool rt_table_any_matching(struct rt_table *t, const struct rt_value *keys, const bool *wild);
void rt_table_clear(struct rt_table *t);
uint32_t rt_table_count(const struct rt_table *t);
const struct ir_global *rt_table_desc(const struct rt_table *t);
/* What the statistics of its elements collect. */
const struct stat_spec *rt_table_spec(const struct rt_table *t);

struct kmap;
/* Moves all elements into the kernel map, which is empty, and works there from now on. Returns 0 or
 * a negative errno; the table is then as it was. */
int rt_table_go_live(struct rt_table *t, struct kmap *k);
/* Takes the elements back; the kernel map is not used any more. */
void rt_table_go_plain(struct rt_table *t);
bool rt_table_is_live(const struct rt_table *t);
/* Calls fn for each element in order of insertion. Not for live tables. */
void rt_table_each(const struct rt_table *t, int (*fn)(void *cookie, const struct rt_entry *e),
		   void *cookie);

/* A foreach in progress: a snapshot of element positions taken at the start, sorted (stable over
 * insertion order), sliced and limited. Elements that are deleted meanwhile are skipped. */
struct rt_iter {
	struct rt_table *table;
	struct rt_table *copy; /* of a live table: what is iterated over */
	uint32_t live_clears;  /* kmap.clears at the start */
	struct rt_iter_item *order;
	uint32_t n, pos;
	struct rt_entry *cur;
};
/* keys/wild: the slice, or NULL. The limit counts matching elements; it is not looked at unless
 * sort.has_limit. */
void rt_iter_start(struct rt_iter *it, struct rt_table *t, struct ir_sort sort, int64_t limit,
		   const struct rt_value *keys, const bool *wild);
bool rt_iter_next(struct rt_iter *it);
void rt_iter_end(struct rt_iter *it);

#endif
