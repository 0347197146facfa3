/* The block of --semantic-keep-going: errors of pass 2 for programs to read. */
#include "cli/cli.h"
#include "lang/token.h"
#include "session.h"

/* Tabs separate fields and a line ends an entry: neither may be in a field. */
static void field(FILE *f, const char *text)
{
	fputc('\t', f);
	for (; *text; text++)
		fputc(*text == '\t' || *text == '\n' ? ' ' : *text, f);
}

void cli_error_block(const struct session *s, FILE *f)
{
	fprintf(f, "SEMANTIC_ERRORS: %zu\n", s->semantic_errors.n);
	for (size_t i = 0; i < s->semantic_errors.n; i++) {
		const struct semantic_error *e = &s->semantic_errors.v[i];

		fputs("SEMANTIC_ERROR", f);
		field(f, e->tok ? e->tok->src->name : "-");
		fprintf(f, "\t%u\t%u", e->tok ? e->tok->line : 0, e->tok ? e->tok->col : 0);
		field(f, e->tok ? e->tok->text : "-");
		field(f, e->text);
		fputc('\n', f);
	}
	fputs("SEMANTIC_ERRORS_END\n", f);
}
