/* Tables and scalar statistics of the script in the form that handlers in the kernel use, as seen
 * from the stap process: a hash map, or a struct rt_stat_value in the shared memory.
 *
 * Keys and values are those of bpfrt/abi.h. A per-CPU map has one value for each possible CPU: sums and
 * statistics are what they add up to.
 *
 * Handlers change the map at any time. Operations here are atomic each: rt_table_add() runs a few
 * instructions in the kernel; others read, change and write back, so that statistics and strings need
 * the global's lock (run/locks.c).
 *
 * Keys and values may hold deferred strings. As text, two of them may become the same key: their
 * elements are then added up when the table is read. */
#ifndef RT_KMAP_H
#define RT_KMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bpfrt/abi.h"
#include "ir/ir.h"
#include "rt/table.h"

struct kmap {
	const struct ir_global *desc;
	uint64_t *next_seq; /* rt_shared.next_seq, or whatever counts insertions */
	/* Text of a deferred string, added to out. NULL: there are none. */
	void (*token_text)(void *cookie, const struct rt_str *str, struct str *out);
	void *cookie;
	struct rt_stat_value *scalar; /* statistics without keys; fd is -1 */
	int fd;
	uint32_t type; /* of the map: BPF_MAP_TYPE_... */

	/* private */
	bool per_cpu;
	uint32_t clears; /* how often everything was deleted */
	/* What a foreach in progress goes through: finds are answered from it until the handler
	 * changes the table, which spares a system call for each t[k] in the loop. */
	struct rt_table *copy;
	int n_cpus;
	uint32_t key_size, value_size, stride; /* stride: of one element's values, all CPUs */
	uint32_t key_offset[MAX_KEYS];
	unsigned char *key, *value; /* of the running operation */
	struct rt_entry entry;	    /* what kmap_find() gave */
	struct rt_stat stat;
	struct str text;
	bool has_tokens; /* among the keys: seen when the table was read */
	int add_fd, add_memory_fd; /* program of kmap_add() and what it works on; -1: not made yet */
	void *add_memory;
};

/* Of the key and the value of a global's map, for the emitter and for checks. */
uint32_t kmap_key_size(const struct ir_global *g);
uint32_t kmap_value_size(const struct ir_global *g);

/* The caller has set the fields down to type. */
void kmap_init(struct kmap *k);
void kmap_release(struct kmap *k); /* closes nothing that it was given */

/* What rt_table_...() do for a live table; see table.h. */
const struct rt_entry *kmap_find(struct kmap *k, const struct rt_value *keys);
bool kmap_set(struct kmap *k, const struct rt_value *keys, const struct rt_value *value);
bool kmap_add(struct kmap *k, const struct rt_value *keys, int64_t n, int64_t *sum);
bool kmap_stat_add(struct kmap *k, const struct rt_value *keys, int64_t value);
/* Either of them by a key as handlers make it. Not while they run: the caller has the lock. */
bool kmap_add_raw(struct kmap *k, const void *key, int64_t n);
bool kmap_delete(struct kmap *k, const struct rt_value *keys);
/* Elements that match; deletes them if told to. */
uint32_t kmap_matching(struct kmap *k, const struct rt_value *keys, const bool *wild, bool remove);
void kmap_clear(struct kmap *k);
uint32_t kmap_count(struct kmap *k);

/* What handlers in the kernel have collected, but for histograms. */
void kmap_decode_stat(const struct rt_stat_value *v, struct rt_stat *st);

/* kmap_add.c: adds to the element with the key in k->key. False: it does not exist. */
bool kmap_make_add_program(struct kmap *k);
bool kmap_add_in_kernel(struct kmap *k, int64_t n, int64_t *sum);

/* Copies all elements of a plain table into the map, in order. 0 or a negative errno. */
int kmap_fill(struct kmap *k, const struct rt_table *from);
/* Adds all elements to a plain table, in order of insertion. */
void kmap_read(struct kmap *k, struct rt_table *to);

#endif
