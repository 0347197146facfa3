/* irtool [-p PASS]... FILE|-: IR text in, IR text out.
 *
 * Parses and verifies FILE, runs the passes named, in that order, verifying after each, and dumps
 * the module. PASS: fold, cse, dce, width, all (what stap does) or none. For tests of the passes,
 * and for looking at them. Exit status 1 with the message on stderr if the text is wrong, 2 if the
 * command line is; a pass that makes a wrong module ends in abort(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/str.h"
#include "ir/ir.h"

static int usage(void)
{
	fputs("usage: irtool [-p fold|cse|dce|width|all|none]... FILE|-\n", stderr);
	return 2;
}

/* The whole file; false with errno set. */
static bool read_file(const char *path, struct str *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t n;

	if (!f)
		return false;
	do {
		n = fread(str_room(out, 65536), 1, 65536, f);
		out->len += n;
	} while (n);
	if (ferror(f))
		return false;
	if (f != stdin)
		fclose(f);
	return true;
}

static void each_fn(struct ir_module *m, void (*pass)(struct ir_module *m, struct ir_fn *f))
{
	for (size_t i = 0; i < m->fns.n; i++)
		pass(m, m->fns.v[i]);
}

/* False: there is no such pass. m NULL: only looks. */
static bool run_pass(struct ir_module *m, const char *name)
{
	static const char *const names[] = {"fold", "cse", "dce", "width", "all", "none"};
	static void (*const fn_passes[])(struct ir_module *m, struct ir_fn *f) = {
		ir_opt_fold, ir_opt_cse, ir_opt_dce};
	const char *error;
	size_t k = 0;

	while (k < 6 && strcmp(names[k], name) != 0)
		k++;
	if (k == 6 || !m)
		return k < 6;
	if (k < 3)
		each_fn(m, fn_passes[k]);
	else if (k == 3)
		ir_opt_width(m);
	else if (k == 4)
		ir_optimize(m);
	error = ir_verify(m);
	if (error)
		bug("pass %s made a wrong module: %s", name, error);
	return true;
}

static struct ir_module *load(struct arena *a, const char *path)
{
	struct str text = {0};
	struct ir_module *m = NULL;
	const char *error = NULL;

	if (!read_file(path, &text)) {
		fprintf(stderr, "irtool: %s: %s\n", path, strerror(errno));
	} else {
		m = ir_parse(a, text.s, text.len, &error);
		if (!m)
			fprintf(stderr, "%s:%s\n", path, error);
	}
	str_release(&text);
	if (m && (error = ir_verify(m))) {
		fprintf(stderr, "%s: %s\n", path, error);
		ir_module_free(m);
		m = NULL;
	}
	return m;
}

int main(int argc, char **argv)
{
	struct arena a = {0};
	struct ir_module *m;
	struct str out = {0};
	int i = 1;

	for (; i + 1 < argc && strcmp(argv[i], "-p") == 0; i += 2)
		if (!run_pass(NULL, argv[i + 1]))
			return usage();
	if (i != argc - 1)
		return usage();
	m = load(&a, argv[i]);
	if (m) {
		for (int k = 1; k < i; k += 2)
			run_pass(m, argv[k + 1]);
		ir_dump(&out, m);
		fwrite(out.s, 1, out.len, stdout);
	}
	ir_module_free(m);
	str_release(&out);
	arena_release(&a);
	return m ? 0 : 1;
}
