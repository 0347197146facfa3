/* printf as the language defines it (language reference 7.2). */
#ifndef RT_FORMAT_H
#define RT_FORMAT_H

#include "base/str.h"
#include "lang/ast.h"
#include "rt/intrinsic.h"

/* Appends the formatted text. args: one value per conversion, with one long each before it for a
 * dynamic width and precision, in the order of the parts. NULL, or the message of an error. */
const char *rt_format(struct str *out, const fmt_parts *parts, const struct rt_value *args,
		      unsigned n_args);

#endif
