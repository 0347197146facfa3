/* The linker: the embedded object's functions behind emitted instructions, and BTF for both. See
 * link.h.
 *
 * The object has one section of code and no data (bpfrt/lib.h). Three things in its code need
 * patching when a function moves: calls that the compiler has resolved (relative), calls and
 * references that it has left as relocations. All are noted once as (instruction, target function)
 * when the object is read. */
#include "gen/link.h"

#include <elf.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

#ifndef EM_BPF
#define EM_BPF 247
#endif

enum { R_BPF_REF = 1, R_BPF_CALL = 10 }; /* R_BPF_64_64, R_BPF_64_32 */

struct function {
	const char *name;
	uint32_t start, n; /* instructions */
	uint32_t btf_id;
	uint32_t first_use, n_uses; /* in lib.uses */
};

/* An instruction of a function that holds the place of another one, or names the map of places. */
enum { PLACES = -2 };
struct use {
	uint32_t insn;
	int target;
};

struct lib {
	struct arena arena;
	const struct bpf_insn *text;
	uint32_t n_text;
	struct function *functions; /* by place */
	int n_functions;
	struct use *uses; /* by place */
	uint32_t n_uses;
	uint8_t *btf;
	uint32_t btf_size;
	uint32_t sub_btf[LIB_SUB_KINDS]; /* ids */
};

extern const uint8_t bpfrt_object[], bpfrt_object_end[];

/* ------------------------------------------------------------------ BTF */

/* Words that follow struct btf_type. */
static uint32_t btf_words(const struct btf_type *t)
{
	uint32_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 1;
	case BTF_KIND_ARRAY:
		return 3;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return 3 * n;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return 2 * n;
	default:
		return 0;
	}
}

/* What is appended: types, then names. */
struct appendix {
	uint32_t words[128];
	uint32_t n, next_id;
	char names[128];
	uint32_t n_names, first_name;
};

static uint32_t add_type(struct appendix *x, uint32_t name, uint32_t kind, uint32_t vlen,
			 uint32_t size_or_type)
{
	x->words[x->n++] = name;
	x->words[x->n++] = kind << 24 | vlen;
	x->words[x->n++] = size_or_type;
	return x->next_id++;
}

static uint32_t add_name(struct appendix *x, const char *name)
{
	uint32_t at = x->n_names;

	memcpy(x->names + at, name, strlen(name) + 1);
	x->n_names += (uint32_t)strlen(name) + 1;
	return x->first_name + at;
}

/* long NAME(params); static, so that the verifier takes any arguments. */
static uint32_t add_function(struct appendix *x, const char *name, uint32_t ret,
			     const uint32_t *params, uint32_t n_params)
{
	/* The verifier asks for names of the parameters of a FUNC. */
	uint32_t arg = add_name(x, "arg");
	uint32_t proto = add_type(x, 0, BTF_KIND_FUNC_PROTO, n_params, ret);

	for (uint32_t i = 0; i < n_params; i++) {
		x->words[x->n++] = arg;
		x->words[x->n++] = params[i];
	}
	return add_type(x, add_name(x, name), BTF_KIND_FUNC, BTF_FUNC_STATIC, proto);
}

static void add_subs(struct lib *lib, struct appendix *x)
{
	uint32_t u64, pointer;

	u64 = add_type(x, add_name(x, "u64"), BTF_KIND_INT, 0, 8);
	x->words[x->n++] = 64; /* bits */
	pointer = add_type(x, 0, BTF_KIND_PTR, 0, 0);
	lib->sub_btf[LIB_SUB_MAIN] = add_function(x, "handler", u64, &pointer, 1);
	lib->sub_btf[LIB_SUB_LOOP] = add_function(x, "loop", u64, (uint32_t[]){u64, pointer}, 2);
	lib->sub_btf[LIB_SUB_ELEM] =
		add_function(x, "element", u64, (uint32_t[]){pointer, pointer, pointer, pointer}, 4);
	lib->sub_btf[LIB_SUB_STATIC] = add_function(x, "function", u64, &u64, 1);
}

static int by_name(const struct lib *lib, const char *name)
{
	for (int i = 0; i < lib->n_functions; i++)
		if (strcmp(lib->functions[i].name, name) == 0)
			return i;
	return -1;
}

/* Copies the object's BTF with room for the types of the emitter, and notes the functions' ids. */
static void read_btf(struct lib *lib, const uint8_t *data, size_t size)
{
	const struct btf_header *h = (const struct btf_header *)data;
	struct appendix x = {.next_id = 1};
	struct btf_header *out;
	const uint32_t *types, *end;
	const char *names;
	uint8_t *p;

	if (size < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) ||
	    (uint64_t)h->hdr_len + h->type_off + h->type_len > size ||
	    (uint64_t)h->hdr_len + h->str_off + h->str_len > size || h->type_off % 4)
		bug("the BPF library has no BTF");
	types = (const uint32_t *)(data + h->hdr_len + h->type_off);
	end = types + h->type_len / 4;
	names = (const char *)data + h->hdr_len + h->str_off;
	for (const uint32_t *w = types; w < end; x.next_id++) {
		const struct btf_type *t = (const struct btf_type *)w;

		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC) {
			int f = by_name(lib, names + t->name_off);

			if (f >= 0)
				lib->functions[f].btf_id = x.next_id;
		}
		w += sizeof(*t) / 4 + btf_words(t);
	}
	x.first_name = h->str_len;
	add_subs(lib, &x);

	lib->btf_size = (uint32_t)sizeof(*h) + h->type_len + 4 * x.n + h->str_len + x.n_names;
	lib->btf = arena_alloc(&lib->arena, lib->btf_size);
	out = (struct btf_header *)lib->btf;
	*out = (struct btf_header){.magic = BTF_MAGIC, .version = h->version, .flags = h->flags,
				   .hdr_len = sizeof(*h)};
	out->type_len = h->type_len + 4 * x.n;
	out->str_off = out->type_len;
	out->str_len = h->str_len + x.n_names;
	p = lib->btf + sizeof(*h);
	memcpy(p, types, h->type_len);
	memcpy(p + h->type_len, x.words, 4 * x.n);
	p += out->str_off;
	memcpy(p, names, h->str_len);
	memcpy(p + h->str_len, x.names, x.n_names);
}

/* ------------------------------------------------------------------ the object */
static int by_place(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void read_functions(struct lib *lib, const Elf64_Sym *syms, size_t n, const char *names,
			   unsigned text)
{
	lib->functions = ARENA_ARRAY(&lib->arena, struct function, n);
	for (size_t i = 0; i < n; i++)
		if (ELF64_ST_TYPE(syms[i].st_info) == STT_FUNC && syms[i].st_shndx == text)
			lib->functions[lib->n_functions++] = (struct function){
				.name = names + syms[i].st_name,
				.start = (uint32_t)(syms[i].st_value / sizeof(struct bpf_insn)),
				.n = (uint32_t)(syms[i].st_size / sizeof(struct bpf_insn)),
			};
	qsort(lib->functions, (size_t)lib->n_functions, sizeof(*lib->functions), by_place);
}

static int at_place(const struct lib *lib, int64_t insn)
{
	for (int i = 0; i < lib->n_functions; i++)
		if (lib->functions[i].start == insn)
			return i;
	bug("the BPF library refers to no function at %lld", (long long)insn);
}

static bool is_ref(const struct bpf_insn *in)
{
	return in->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static bool is_call(const struct bpf_insn *in)
{
	return in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL;
}

/* target: by instruction, what relocations say; -1: nothing; PLACES. */
static void read_uses(struct lib *lib, const int64_t *target)
{
	lib->uses = ARENA_ARRAY(&lib->arena, struct use, lib->n_text);
	for (int f = 0; f < lib->n_functions; f++) {
		struct function *fn = &lib->functions[f];

		fn->first_use = lib->n_uses;
		for (uint32_t i = fn->start; i < fn->start + fn->n; i++) {
			int64_t to = target[i];

			if (to == -1 && is_call(&lib->text[i]))
				to = (int64_t)i + 1 + lib->text[i].imm;
			if (to == PLACES)
				lib->uses[lib->n_uses++] = (struct use){i, PLACES};
			else if (to >= 0)
				lib->uses[lib->n_uses++] = (struct use){i, at_place(lib, to)};
			i += is_ref(&lib->text[i]);
		}
		fn->n_uses = lib->n_uses - fn->first_use;
	}
}

static void read_object(struct lib *lib, const uint8_t *obj, size_t size)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)obj;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(obj + eh->e_shoff), *text = NULL, *symtab = NULL,
			 *btf = NULL;
	const Elf64_Sym *syms;
	const char *names, *symbols;
	int64_t *target;

	if (size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 || eh->e_machine != EM_BPF)
		bug("the BPF library is no BPF object");
	names = (const char *)obj + sh[eh->e_shstrndx].sh_offset;
	for (const Elf64_Shdr *s = sh; s < sh + eh->e_shnum; s++) {
		const char *name = names + s->sh_name;

		if (strcmp(name, ".text") == 0)
			text = s;
		else if (strcmp(name, ".BTF") == 0)
			btf = s;
		else if (s->sh_type == SHT_SYMTAB)
			symtab = s;
		else if ((s->sh_flags & SHF_ALLOC) && s->sh_size)
			bug("the BPF library has data: %s", name);
	}
	if (!text || !symtab || !btf)
		bug("the BPF library lacks a section");
	lib->text = (const struct bpf_insn *)(obj + text->sh_offset);
	lib->n_text = (uint32_t)(text->sh_size / sizeof(struct bpf_insn));
	syms = (const Elf64_Sym *)(obj + symtab->sh_offset);
	symbols = (const char *)obj + sh[symtab->sh_link].sh_offset;
	read_functions(lib, syms, symtab->sh_size / sizeof(*syms), symbols, (unsigned)(text - sh));

	target = xmalloc(lib->n_text * sizeof(*target));
	memset(target, 0xff, lib->n_text * sizeof(*target));
	for (const Elf64_Shdr *s = sh; s < sh + eh->e_shnum; s++) {
		const Elf64_Rel *r = (const Elf64_Rel *)(obj + s->sh_offset);

		if (s->sh_type != SHT_REL || s->sh_info != (unsigned)(text - sh))
			continue;
		for (const Elf64_Rel *last = r + s->sh_size / sizeof(*r); r < last; r++) {
			const Elf64_Sym *sym = &syms[ELF64_R_SYM(r->r_info)];
			uint64_t at = r->r_offset / sizeof(struct bpf_insn);
			const struct bpf_insn *in = &lib->text[at];
			int64_t base = (int64_t)(sym->st_value / sizeof(*in));

			if (sym->st_shndx == SHN_UNDEF && strcmp(symbols + sym->st_name, "rt_places") == 0) {
				target[at] = PLACES;
				continue;
			}
			if (sym->st_shndx != (unsigned)(text - sh))
				bug("the BPF library refers to something that is not its own");
			/* A reference has the rest of the place in bytes, a call as from its own. */
			if (ELF64_R_TYPE(r->r_info) == R_BPF_REF)
				target[at] = base + in->imm / (int)sizeof(*in);
			else if (ELF64_R_TYPE(r->r_info) == R_BPF_CALL)
				target[at] = base + in->imm + 1;
			else
				bug("unknown relocation in the BPF library");
		}
	}
	read_uses(lib, target);
	free(target);
	read_btf(lib, obj + btf->sh_offset, btf->sh_size);
	for (int i = 0; i < lib->n_functions; i++)
		if (!lib->functions[i].btf_id)
			bug("no BTF for %s", lib->functions[i].name);
}

struct lib *lib_open(void)
{
	struct lib *lib = xcalloc(1, sizeof(*lib));

	read_object(lib, bpfrt_object, (size_t)(bpfrt_object_end - bpfrt_object));
	return lib;
}

void lib_close(struct lib *lib)
{
	if (!lib)
		return;
	arena_release(&lib->arena);
	free(lib);
}

int lib_function(const struct lib *lib, const char *name)
{
	return by_name(lib, name);
}

const char *lib_function_name(const struct lib *lib, int function)
{
	return function >= 0 && function < lib->n_functions ? lib->functions[function].name : NULL;
}

const void *lib_btf(const struct lib *lib, uint32_t *size)
{
	*size = lib->btf_size;
	return lib->btf;
}

/* ------------------------------------------------------------------ linking */
struct linker {
	const struct lib *lib;
	uint32_t *place; /* by function: where it goes, 0: not wanted */
	int *order;	 /* the wanted ones */
	int n;
	uint32_t end;
};

static void want(struct linker *l, int function)
{
	if (l->place[function])
		return;
	l->place[function] = l->end;
	l->end += l->lib->functions[function].n;
	l->order[l->n++] = function;
}

/* Calls and references count from the instruction behind the first. */
static void patch(struct bpf_insn *insns, uint32_t at, uint32_t to)
{
	if (is_ref(&insns[at]))
		insns[at].src_reg = BPF_PSEUDO_FUNC;
	insns[at].imm = (int32_t)(to - at - 1);
}

void lib_link(const struct lib *lib, struct arena *a, struct lib_unit *u)
{
	struct linker l = {.lib = lib, .end = u->n_insns};

	l.place = ARENA_ARRAY(a, uint32_t, lib->n_functions);
	l.order = ARENA_ARRAY(a, int, lib->n_functions);
	for (uint32_t i = 0; i < u->n_calls; i++) {
		int f = by_name(lib, u->calls[i].function);

		if (f < 0)
			bug("the BPF library has no %s", u->calls[i].function);
		want(&l, f);
	}
	for (int i = 0; i < l.n; i++) {
		const struct function *fn = &lib->functions[l.order[i]];

		for (uint32_t k = 0; k < fn->n_uses; k++)
			if (lib->uses[fn->first_use + k].target == PLACES)
				u->n_places++;
			else
				want(&l, lib->uses[fn->first_use + k].target);
	}

	u->places = ARENA_ARRAY(a, uint32_t, u->n_places);
	u->n_places = 0;
	u->n_linked = l.end;
	u->linked = ARENA_ARRAY(a, struct bpf_insn, l.end);
	u->n_func_info = u->n_subs + (uint32_t)l.n;
	u->func_info = ARENA_ARRAY(a, uint32_t, 2 * u->n_func_info);
	memcpy(u->linked, u->insns, u->n_insns * sizeof(*u->insns));
	for (uint32_t i = 0; i < u->n_calls; i++)
		patch(u->linked, u->calls[i].insn, l.place[by_name(lib, u->calls[i].function)]);
	for (uint32_t i = 0; i < u->n_subs; i++) {
		u->func_info[2 * i] = u->subs[i].insn;
		u->func_info[2 * i + 1] = lib->sub_btf[u->subs[i].kind];
	}
	for (int i = 0; i < l.n; i++) {
		const struct function *fn = &lib->functions[l.order[i]];
		uint32_t to = l.place[l.order[i]], info = 2 * (u->n_subs + (uint32_t)i);

		memcpy(u->linked + to, lib->text + fn->start, fn->n * sizeof(*lib->text));
		for (uint32_t k = 0; k < fn->n_uses; k++) {
			const struct use *use = &lib->uses[fn->first_use + k];

			if (use->target == PLACES) {
				u->linked[to + use->insn - fn->start].src_reg = BPF_PSEUDO_MAP_FD;
				u->places[u->n_places++] = to + use->insn - fn->start;
				continue;
			}
			patch(u->linked, to + use->insn - fn->start, l.place[use->target]);
		}
		u->func_info[info] = to;
		u->func_info[info + 1] = fn->btf_id;
	}
}
