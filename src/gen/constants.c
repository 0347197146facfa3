/* What programs read and never change: strings, tables of regular expressions, names, instances. One map
 * holds all of it; others know places in it by their offsets. See builder.h. */
#include "gen/builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "gen/gen.h"
#include "rt/regex.h"

uint32_t builder_bytes(struct builder *b, const void *p, size_t n)
{
	static const char zero[8];
	uint32_t at = (uint32_t)b->constants.len;

	str_addn(&b->constants, p, n);
	str_addn(&b->constants, zero, -n & 7);
	return at;
}

uint32_t builder_string(struct builder *b, const char *s, uint32_t len)
{
	uint32_t bytes, *slot;
	const char *key;
	struct rt_str *v;

	if (len > RT_STR_BYTES - 1)
		len = RT_STR_BYTES - 1;
	key = intern_n(s, len);
	slot = map_get(&b->strings, key);
	if (!slot) {
		bytes = RT_KEY_STR_BYTES(len);
		v = calloc(1, bytes);
		if (!v)
			die("out of memory");
		v->len = len;
		memcpy(v->s, s, len);
		slot = ARENA_NEW(&b->img->arena, uint32_t);
		*slot = builder_bytes(b, v, bytes);
		map_set(&b->strings, &b->img->arena, key, slot);
		free(v);
	}
	return *slot;
}

bool builder_regex(struct builder *b, uint32_t number, uint32_t *at)
{
	const struct regex *re = b->m->regexes.v[number].compiled;
	uint32_t n = lib_regex_cells(re);
	struct rt_regex *v;

	if (!n)
		return false;
	if (!b->regexes)
		b->regexes = ARENA_ARRAY(&b->img->arena, uint32_t, b->m->regexes.n);
	if (!b->regexes[number]) {
		v = xcalloc(1, sizeof(*v));
		lib_regex_table(v, re);
		b->regexes[number] = builder_bytes(b, v, offsetof(struct rt_regex, cells) + n * 2);
		free(v);
	}
	*at = b->regexes[number];
	return true;
}

bool builder_group_program(struct builder *b, uint32_t number, uint32_t *at)
{
	struct rt_group_program *v;
	uint32_t n;

	if (!b->group_programs)
		b->group_programs = ARENA_ARRAY(&b->img->arena, uint32_t, b->m->regexes.n);
	if (!b->group_programs[number]) {
		v = xcalloc(1, sizeof(*v));
		n = lib_group_program(v, b->m->regexes.v[number].compiled);
		if (n)
			b->group_programs[number] =
				builder_bytes(b, v, offsetof(struct rt_group_program, cells) + n * 8);
		free(v);
	}
	*at = b->group_programs[number];
	return *at != 0;
}

bool builder_groups(const struct builder *b)
{
	return b->groups;
}

uint32_t *builder_names(struct builder *b, const char *function)
{
	uint32_t *at = map_get(&b->names, intern(function));

	if (!at) {
		at = ARENA_NEW(&b->img->arena, uint32_t);
		map_set(&b->names, &b->img->arena, intern(function), at);
	}
	return at;
}

uint32_t builder_instances(const struct builder *b, uint32_t *table, uint32_t *n)
{
	*table = b->instances;
	*n = b->n_instances;
	return b->text_limit;
}

const struct gen_global *builder_global(const struct builder *b, uint32_t global)
{
	return &b->img->globals[global];
}

bool builder_tokens(const struct builder *b)
{
	return b->tokens;
}

bool builder_texts(const struct builder *b, enum text_kind kind)
{
	return b->texts & kind;
}

uint32_t builder_places(struct builder *b)
{
	struct gen_map map = {.name = "places",
			      .type = BPF_MAP_TYPE_ARRAY,
			      .key_size = 4,
			      .value_size = sizeof(struct rt_place),
			      .global = -1};

	if (!b->img->places_map) {
		b->img->places_map = (uint32_t)b->img->maps.n;
		vec_push(&b->img->maps, &b->img->arena, map);
	}
	return b->img->places_map;
}

bool lib_has(const struct builder *b, const char *function)
{
	return lib_function(b->lib, function) >= 0;
}
