/* What the functions of the library (bpfrt/) take, made from what stap has. */
#ifndef GEN_LIB_TABLES_H
#define GEN_LIB_TABLES_H

#include <stdint.h>

struct fmt_part;
struct regex;
struct rt_group_program;
struct rt_regex;

/* Bytes of text that a string of the script has room for in the kernel. */
uint32_t lib_str_width(uint32_t width);

/* Cells that an expression takes in struct rt_regex; 0: too many for the kernel. */
uint32_t lib_regex_cells(const struct regex *re);
/* Writes the start of a struct rt_regex: up to its last cell in use. */
void lib_regex_table(struct rt_regex *to, const struct regex *re);

/* The program of an expression that was compiled with groups, to a zeroed struct; the result is how many
 * cells it takes, 0: too many for the kernel. */
uint32_t lib_group_program(struct rt_group_program *to, const struct regex *re);

/* The spec of rt_fmt_...(), see RT_SPEC_FLAGS. A width below 0 is none, a precision below 0 is
 * RT_SPEC_NONE. */
uint64_t lib_fmt_spec(const struct fmt_part *p);

#endif
