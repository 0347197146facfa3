/* BTF: the compact type information of the kernel, from a blob in memory.
 *
 * Nothing is copied and nothing parsed but what is asked for: opening looks at the header, the first
 * question about a type makes an index of where types begin (one pass over their heads). Types are
 * known by number; 0 is void. The blob may be damaged: numbers and names are checked, types may refer
 * to each other in circles.
 *
 * A kernel module has a blob of its own that continues the numbers and names of the kernel's. */
#ifndef BTF_BTF_H
#define BTF_BTF_H

#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BTF_ENUM64 = 19, BTF_TYPE_TAG = 18 }; /* kinds that the headers of 5.10 lack */

struct btf;

/* data and base must outlive the result; base NULL: this blob stands alone. NULL: not BTF. */
struct btf *btf_open(const void *data, size_t size, struct btf *base);
void btf_close(struct btf *b);

/* The first number behind the last type's. */
uint32_t btf_end(struct btf *b);
/* The first number that is not the base's. */
uint32_t btf_begin(struct btf *b);
/* NULL for void and for numbers that do not exist. What follows the head is all there. */
const struct btf_type *btf_type(struct btf *b, uint32_t id);
/* BTF_KIND_...; 0 (BTF_KIND_UNKN) for void and for numbers that do not exist. */
unsigned btf_kind(struct btf *b, uint32_t id);
/* A name by its offset; "": none. */
const char *btf_string(const struct btf *b, uint32_t offset);
/* Name of a type, "" if it has none. */
const char *btf_name(struct btf *b, uint32_t id);

#define BTF_KINDS_AGGREGATE (1u << BTF_KIND_STRUCT | 1u << BTF_KIND_UNION)
#define BTF_KINDS_ENUM (1u << BTF_KIND_ENUM | 1u << BTF_ENUM64)
/* The first type of that name whose kind is in the set, a module's own before the kernel's; 0: none. */
uint32_t btf_find(struct btf *b, const char *name, uint32_t kinds);
/* Value of an enumerator of any enumeration. */
bool btf_enumerator(struct btf *b, const char *name, int64_t *value);
/* Number k of an enumeration; false: it has not so many, or is none. */
bool btf_enumerator_at(struct btf *b, uint32_t id, uint32_t k, const char **name, int64_t *value);
/* Does each CPU have a copy of this variable? */
bool btf_is_percpu(struct btf *b, uint32_t id);

/* Without typedefs and qualifiers. */
uint32_t btf_peel(struct btf *b, uint32_t id);
/* Bytes, 0: unknown. */
uint64_t btf_size(struct btf *b, uint32_t id);

struct btf_place {
	uint32_t type;
	uint64_t offset;   /* bytes from the start of the object */
	int bit_offset;	   /* bit-fields: of the first bit, from offset; else -1 */
	unsigned bit_size;
};
/* Member number k of a structure or union. */
void btf_member_place(struct btf *b, const struct btf_type *object, uint32_t k, struct btf_place *out);
/* By name, also in nameless structures and unions inside; id need not be peeled. */
bool btf_member(struct btf *b, uint32_t id, const char *name, struct btf_place *out);

/* What follows the head. */
static inline const struct btf_member *btf_members(const struct btf_type *t)
{
	return (const struct btf_member *)(const void *)(t + 1);
}
static inline const struct btf_param *btf_params(const struct btf_type *t)
{
	return (const struct btf_param *)(const void *)(t + 1);
}
static inline const struct btf_array *btf_array_of(const struct btf_type *t)
{
	return (const struct btf_array *)(const void *)(t + 1);
}

#endif
