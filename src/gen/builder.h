/* An image being made: the inside of pass 4, shared by gen.c, constants.c, places.c and program.c. What
 * emitters may ask of it is declared in emit.h. */
#ifndef GEN_BUILDER_H
#define GEN_BUILDER_H

#include <stddef.h>

#include "gen/emit.h"
#include "gen/kfunc.h"
#include "gen/lock.h"
#include "gen/merge.h"

#define SHARED(member) ((uint32_t)offsetof(struct rt_shared, member))
#define FRAME(member) ((int)offsetof(struct rt_frame, member))

struct builder {
	struct session *s;
	struct ir_module *m;
	struct gen_image *img;
	struct lib *lib;
	struct str constants;
	struct map strings; /* text -> offset in the constants */
	struct map names;   /* function -> offset of its table */
	uint32_t instances, n_instances, text_limit;
	uint32_t key_bytes, value_bytes; /* of the widest table */
	struct gen_features can;
	bool needs_bias;
	struct kfunc_plan kfuncs;
	struct lock_plan locks;
	struct merge_plan merged;
	unsigned texts;	   /* enum text_kind: those that are texts from the start, see texts.c */
	bool groups;	   /* some handler asks for groups of a match */
	bool tokens;	   /* some handler makes strings whose text is not known there */
	uint32_t places;   /* that a handler needs for its loops over tables, at most */
	uint32_t *regexes; /* where their tables are in the constants, 0: not there yet */
	uint32_t *group_programs; /* likewise */
	uint32_t syscalls[2]; /* where the tables of entries and returns are in the constants */
};

/* places.c */
/* The handler that stands for an instance's: its own, or the first of those that it is merged with. */
uint32_t handler_of(const struct builder *b, const struct probe_inst *inst);
/* Fills insts and programs of the image. */
void group_places(struct builder *b);
/* -t: the map of run times. */
void add_times(struct builder *b);
/* What programs know of instances, in the constants; texts: names of probe points as well. */
void add_instances(struct builder *b, bool texts);

/* program.c */
/* The instructions of all programs. False: reported. */
bool build_programs(struct builder *b, bool user_memory);

/* nesting.c: behind all handlers: programs that count the returns which the kernel does not see. */
void nesting_programs(struct builder *b);

#endif
