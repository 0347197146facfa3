/* What the functions of the library (bpfrt/) take, made from what stap has. */
#ifndef GEN_LIB_TABLES_H
#define GEN_LIB_TABLES_H

#include <stdint.h>

struct fmt_part;
struct regex;
struct rt_regex;

/* Cells that an expression takes in struct rt_regex; 0: too many for the kernel. */
uint32_t lib_regex_cells(const struct regex *re);
/* Writes the start of a struct rt_regex: up to its last cell in use. */
void lib_regex_table(struct rt_regex *to, const struct regex *re);

/* The spec of rt_fmt_...(), see RT_SPEC_FLAGS. Dynamic widths and precisions come as 0 (no width) and
 * RT_SPEC_NONE: the emitted program puts the number, cut to 0..8192, in their place. */
uint64_t lib_fmt_spec(const struct fmt_part *p);

#endif
