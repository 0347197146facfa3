/* The words of run-time errors, for both executors: the interpreter raises them, records from the
 * kernel only carry their number (enum rt_error). */
#ifndef RT_ERROR_TEXT_H
#define RT_ERROR_TEXT_H

#include <stdint.h>

#include "base/str.h"
#include "bpfrt/abi.h"

struct ir_global;
struct ir_module;
struct rt_call;
struct token;

/* Of errors whose text is always the same; "" for others. */
const char *rt_error_fixed(enum rt_error e);
/* Adds the bare message of any error but RT_E_TEXT. m: for RT_E_FULL, where arg is a global. */
void rt_error_text(struct str *out, enum rt_error e, int64_t arg, const struct ir_module *m);
/* "Array overflow, check MAXMAPENTRIES" or "... check size limit (N)". */
void rt_error_array_full(struct str *out, const struct ir_global *g);
/* Raises e from an intrinsic; returns -1. */
int rt_raise_error(struct rt_call *c, enum rt_error e, int64_t arg);

/* What follows the bare message: " near PLACE", " (called from PLACE)" for each call from the inside
 * out, " in probe POINT". */
void rt_error_near(struct str *out, const struct token *tok);
void rt_error_called_from(struct str *out, const struct token *tok);
void rt_error_probe(struct str *out, const char *point);

#endif
