/* Types of the kernel's BTF in the words of DWARF, which types.c goes by. */
#include <string.h>

#include "dwarf/query.h"

int dbg_btf_tag(struct btf *b, uint32_t id)
{
	switch (btf_kind(b, id)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
		return DW_TAG_base_type;
	case BTF_KIND_PTR:
		return DW_TAG_pointer_type;
	case BTF_KIND_ARRAY:
		return DW_TAG_array_type;
	case BTF_KIND_STRUCT:
		return DW_TAG_structure_type;
	case BTF_KIND_UNION:
		return DW_TAG_union_type;
	case BTF_KIND_ENUM:
	case BTF_ENUM64:
		return DW_TAG_enumeration_type;
	case BTF_KIND_FWD:
		return BTF_INFO_KFLAG(btf_type(b, id)->info) ? DW_TAG_union_type : DW_TAG_structure_type;
	case BTF_KIND_TYPEDEF:
		return DW_TAG_typedef;
	case BTF_KIND_CONST:
		return DW_TAG_const_type;
	case BTF_KIND_VOLATILE:
		return DW_TAG_volatile_type;
	case BTF_KIND_RESTRICT:
		return DW_TAG_restrict_type;
	case BTF_KIND_FUNC_PROTO:
		return DW_TAG_subroutine_type;
	default:
		return 0;
	}
}

/* Annotations (__user, __rcu) say nothing to us. */
struct dbg_type dbg_btf_type(struct btf *b, uint32_t id)
{
	for (int i = 0; btf_kind(b, id) == BTF_TYPE_TAG; i++)
		id = i < DBG_MAX_DEPTH ? btf_type(b, id)->type : 0;
	return (struct dbg_type){.btf = b, .id = id};
}

struct dbg_type dbg_btf_inner(struct btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, id);

	switch (btf_kind(b, id)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC_PROTO:
		return dbg_btf_type(b, t->type);
	case BTF_KIND_ARRAY:
		return dbg_btf_type(b, btf_array_of(t)->type);
	default:
		return dbg_btf_type(b, 0);
	}
}

/* Characters are integers of a byte by these names: tools do not mark them. */
static unsigned char_encoding(const char *name)
{
	if (strcmp(name, "char") == 0 || strcmp(name, "signed char") == 0)
		return DW_ATE_signed_char;
	return strcmp(name, "unsigned char") == 0 ? DW_ATE_unsigned_char : 0;
}

unsigned dbg_btf_encoding(struct btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, id);
	uint32_t how;

	if (btf_kind(b, id) == BTF_KIND_FLOAT)
		return DW_ATE_float;
	if (btf_kind(b, id) != BTF_KIND_INT)
		return 0;
	how = BTF_INT_ENCODING(*(const uint32_t *)(const void *)(t + 1));
	if (how & BTF_INT_BOOL)
		return DW_ATE_boolean;
	if (t->size == 1 && char_encoding(btf_string(b, t->name_off)))
		return char_encoding(btf_string(b, t->name_off));
	return how & BTF_INT_SIGNED ? DW_ATE_signed : DW_ATE_unsigned;
}

bool dbg_btf_child(struct dbg_child *c, uint32_t number)
{
	struct btf *b = c->of.btf;
	const struct btf_type *t = btf_type(b, c->of.id);
	const char *name;

	if (!t || number >= BTF_INFO_VLEN(t->info))
		return false;
	c->number = number;
	switch (btf_kind(b, c->of.id)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		c->tag = DW_TAG_member;
		name = btf_string(b, btf_members(t)[number].name_off);
		break;
	case BTF_KIND_FUNC_PROTO:
		c->tag = btf_params(t)[number].type ? DW_TAG_formal_parameter
						    : DW_TAG_unspecified_parameters;
		name = btf_string(b, btf_params(t)[number].name_off);
		break;
	default:
		return false;
	}
	c->name = *name ? name : NULL;
	return true;
}

bool dbg_btf_enumerator(const struct dbg_type *t, uint32_t number, const char **name, int64_t *value)
{
	return btf_enumerator_at(t->btf, t->id, number, name, value);
}

bool dbg_btf_find(struct btf *b, const char *name, bool tagged, struct dbg_type *out)
{
	uint32_t id = btf_find(b, name, BTF_KINDS_AGGREGATE | BTF_KINDS_ENUM);

	if (!id && !tagged)
		id = btf_find(b, name, 1u << BTF_KIND_TYPEDEF | 1u << BTF_KIND_INT | 1u << BTF_KIND_FLOAT);
	out->btf = b;
	out->id = id;
	return id != 0;
}
