/* The tapset inside the executable: texts and index, generated at build time by tools/tapset_index. */
#ifndef TAPSET_EMBEDDED_H
#define TAPSET_EMBEDDED_H

#include <stdbool.h>
#include <stdint.h>

#include "tapset/scan.h"

struct embedded_file {
	const char *name; /* "string.stp" */
	const char *text, *end; /* *end is NUL */
};

/* A definition; sorted by name (bytes), then by file, for each kind. */
struct embedded_name {
	const char *name;
	uint32_t file; /* index */
};

struct embedded_index {
	const struct embedded_name *names;
	uint32_t n;
};

extern const struct embedded_file embedded_files[];
extern const uint32_t embedded_file_count;
extern const struct embedded_index embedded_index[SCAN_KINDS];

#endif
