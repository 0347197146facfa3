/* What a tapset file defines, found from its tokens without parsing it. */
#ifndef TAPSET_SCAN_H
#define TAPSET_SCAN_H

struct session;
struct source;

enum scan_kind { SCAN_FUNCTION, SCAN_GLOBAL, SCAN_ALIAS, SCAN_MACRO, SCAN_KINDS };

/* Calls found() for each definition that other files can see: functions, globals, the first
 * component of each alias, macros (names without "@"). Both branches of conditionals count. Faulty
 * texts give what can be recognised. Names are interned. */
void scan_source(struct session *s, const struct source *src,
		 void (*found)(void *data, enum scan_kind kind, const char *name), void *data);

#endif
