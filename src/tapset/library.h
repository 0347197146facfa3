/* The tapset library: which file defines a function, alias, global or macro.
 *
 * Our own tapset is embedded in the executable, with an index made at build time
 * (tools/tapset_index): start-up parses only the files a script needs. -I directories and
 * $SYSTEMTAP_TAPSET are read and indexed when the session starts. Those of the system
 * (share/systemtap/tapset), where packages put files about their programs, are only read when a
 * name is found nowhere else; files in them that define what the built-in tapset has are SystemTap's own and
 * left out. Search order and version sub-directories: command-line reference, section 6. */
#ifndef TAPSET_LIBRARY_H
#define TAPSET_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct session;
struct script;

/* Opens the search path; reads macro libraries of directories. Cheap. */
void library_open(struct session *s);

/* Parses (once) every library file that defines the thing named; the new scripts are appended to
 * s->library_scripts. Return whether any file defines it. Names are as in the source. */
bool library_load_function(struct session *s, const char *name);
bool library_load_global(struct session *s, const char *name); /* not of the system's directories */
/* Files with aliases that begin with this component ("syscall" for syscall.open; may be a pattern).
 * second: the next component, which decides where there are many aliases; NULL: all. system: look into
 * the system's directories as well if nothing is found elsewhere, which takes long if there are many files. */
void library_load_alias(struct session *s, const char *first, const char *second, bool system);
/* Library macro @name: makes sure that s->macros has it if any file defines it. */
bool library_load_macro(struct session *s, const char *name);
/* Everything: for -v -p1, the dumps and suggestions. */
void library_load_all(struct session *s);

/* For suggestions without parsing: names of all library functions / first alias components /
 * globals. */
size_t library_function_names(struct session *s, const char *const **names);
size_t library_alias_names(struct session *s, const char *const **names);
/* "N" of "parsed user script and N library scripts". */
size_t library_file_count(const struct session *s);

#endif
