/* The front end, pass 1: source text to tree.
 *
 *   lex.c    bytes -> tokens, script arguments substituted
 *   macro.c  @define/@macro expansion, then %( %) conditionals
 *   parse.c  tokens -> tree, with recovery at the next declaration
 *   ast_dump.c  tree -> text (-p1)
 */
#ifndef LANG_LANG_H
#define LANG_LANG_H

#include "base/str.h"
#include "lang/ast.h"

struct session;

/* A source with the text copied into the session arena. */
struct source *source_make(struct session *s, const char *name, const char *text, size_t len);

/* Parses one source. Errors go to stderr in pass-1 layout and are counted in s->errors; what could
 * be parsed is returned all the same (never NULL). Library sources: errors are reported only at -v
 * and s->errors is left alone; *failed (may be NULL) tells whether there was one. */
struct script *parse_source(struct session *s, struct source *src, bool *failed);

/* Reads a macro library (.stpm) into s->macros. Faulty files: a warning, and the file is dropped. */
void parse_macro_library(struct session *s, struct source *src);

/* Parses a lone probe point (for -l, -L and synthesized probes); NULL after reporting errors. */
struct probe_point *parse_point(struct session *s, struct source *src);

/* Parses a printf format (escapes already evaluated) into parts. Returns NULL or, on failure, the
 * message ("invalid or missing conversion specifier"). n_args: how many arguments it consumes. */
const char *format_parse(struct arena *a, const char *fmt, size_t len, fmt_parts *parts);

/* Pass-1 text of a parsed source, "# file ..." line included. */
void ast_dump_script(struct str *out, const struct script *sc);

/* Evaluates the escapes of a string token; result may be cut at NUL. In the arena. */
const char *literal_unescape(struct arena *a, const char *raw, size_t len, uint32_t *out_len);

#endif
