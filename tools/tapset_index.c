/* Build tool: tapset_index FILE... writes C source with the texts of the tapset files (by .incbin)
 * and the sorted index of what they define (src/tapset/embedded.h) to standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/lang.h"
#include "session.h"
#include "tapset/library.h"
#include "tapset/scan.h"

struct entry {
	enum scan_kind kind;
	const char *name;
	int file;
};

static struct {
	VEC(struct entry) entries;
	struct arena arena;
	int file;
} all;

/* The front end asks for library macros; scanning expands none. */
bool library_load_macro(struct session *s, const char *name)
{
	(void)s, (void)name;
	return false;
}

static void found(void *data, enum scan_kind kind, const char *name)
{
	(void)data;
	vec_push(&all.entries, &all.arena, (struct entry){kind, name, all.file});
}

static int compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = strcmp(a->name, b->name);

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return c ? c : a->file - b->file;
}

static void scan_file(struct session *s, const char *path)
{
	FILE *f = fopen(path, "r");
	struct str text = {0};
	size_t n;

	if (!f) {
		perror(path);
		exit(1);
	}
	while ((n = fread(str_room(&text, 65536), 1, 65536, f)) > 0)
		text.len += n;
	fclose(f);
	scan_source(s, source_make(s, path, text.s, text.len), found, NULL);
	str_release(&text);
}

static void print_texts(char **paths, int n)
{
	printf("__asm__(\".section .rodata\\n\"\n");
	for (int i = 0; i < n; i++)
		printf("\t\"tapset_text_%d: .incbin \\\"%s\\\"\\ntapset_end_%d: .byte 0\\n\"\n", i,
		       paths[i], i);
	printf("\t\".text\\n\");\n");
	for (int i = 0; i < n; i++)
		printf("extern const char tapset_text_%d[], tapset_end_%d[];\n", i, i);
	printf("const struct embedded_file embedded_files[] = {\n");
	for (int i = 0; i < n; i++) {
		const char *base = strrchr(paths[i], '/');

		printf("\t{\"tapset/%s\", tapset_text_%d, tapset_end_%d},\n",
		       base ? base + 1 : paths[i], i, i);
	}
	printf("\t{0, 0, 0},\n};\nconst uint32_t embedded_file_count = %d;\n", n);
}

static void print_index(void)
{
	size_t at = 0;
	unsigned count[SCAN_KINDS] = {0};

	for (int k = 0; k < SCAN_KINDS; k++) {
		const struct entry *last = NULL;

		printf("static const struct embedded_name names_%d[] = {\n", k);
		for (; at < all.entries.n && all.entries.v[at].kind == (enum scan_kind)k; at++) {
			const struct entry *e = &all.entries.v[at];

			if (last && compare(last, e) == 0)
				continue;
			printf("\t{\"%s\", %d},\n", e->name, e->file);
			last = e;
			count[k]++;
		}
		printf("\t{0, 0},\n};\n");
	}
	printf("const struct embedded_index embedded_index[SCAN_KINDS] = {\n");
	for (int k = 0; k < SCAN_KINDS; k++)
		printf("\t{names_%d, %u},\n", k, count[k]);
	printf("};\n");
}

int main(int argc, char **argv)
{
	struct session s;

	session_init(&s);
	for (int i = 1; i < argc; i++) {
		all.file = i - 1;
		scan_file(&s, argv[i]);
	}
	qsort(all.entries.v, all.entries.n, sizeof(all.entries.v[0]), compare);
	printf("#include \"tapset/embedded.h\"\n");
	print_texts(argv + 1, argc - 1);
	print_index();
	session_release(&s);
	arena_release(&all.arena);
	return 0;
}
