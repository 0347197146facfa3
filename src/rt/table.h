/* Associative arrays of the interpreter: hash tables that remember the order of insertion.
 *
 * Keys are up to MAX_KEYS longs and strings; a table without keys holds at most one element (scalar
 * statistics). Deleting and re-inserting puts an element last. A wrapping table evicts its oldest
 * element when full. Elements stay at their address until they are deleted. */
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
struct rt_entry *rt_table_find(struct rt_table *t, const struct rt_value *keys);
/* Existing or new (zero/empty); NULL when the table is full and does not wrap. */
struct rt_entry *rt_table_get(struct rt_table *t, const struct rt_value *keys);
void rt_entry_set_str(struct rt_entry *e, const char *s, uint32_t len);
bool rt_table_delete(struct rt_table *t, const struct rt_value *keys);
/* All elements whose keys equal keys[i] wherever wild[i] is false; returns how many. */
uint32_t rt_table_delete_matching(struct rt_table *t, const struct rt_value *keys, const bool *wild);
bool rt_table_any_matching(struct rt_table *t, const struct rt_value *keys, const bool *wild);
void rt_table_clear(struct rt_table *t);
uint32_t rt_table_count(const struct rt_table *t);
/* "Array overflow, check MAXMAPENTRIES" or "... check size limit (N)". */
const char *rt_table_full_message(const struct rt_table *t, char *buf, size_t size);
/* What the statistics of its elements collect. */
const struct stat_spec *rt_table_spec(const struct rt_table *t);

/* A foreach in progress: a snapshot of element positions taken at the start, sorted (stable over
 * insertion order), sliced and limited. Elements that are deleted meanwhile are skipped. */
struct rt_iter {
	struct rt_table *table;
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
