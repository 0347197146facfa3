/* See syscalls.h. */
#include "tapset/syscalls.h"

#include <fnmatch.h>
#include <string.h>

#include "rt/names.h"

static const struct syscall_desc table[] = {
	{0
#define C(kernel_name, kernel_point, arguments) \
	}, {.name = #kernel_name, .point = (kernel_point), .args = (arguments)
#define R(format) , .result = (format)
#define N , .no_return = true
#define A(expression) , .argstr = (expression)
#define S(variable) , .address = (variable)
#include "tapset/syscalls.def"
#undef S
#undef A
#undef N
#undef R
#undef C
	},
};

enum { N_CALLS = sizeof(table) / sizeof(table[0]) };

const struct syscall_desc *syscall_find_desc(const char *name)
{
	for (size_t i = 1; i < N_CALLS; i++)
		if (table[i].name[0] == name[0] && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* ------------------------------------------------------------------ arguments */

struct piece {
	const char *s;
	int n;
};

/* VARIABLE[/PARAMETER]:TYPE[>TEXT] */
struct argument {
	struct piece var, param, type, text;
};

static struct piece piece_until(const char **at, const char *stop)
{
	struct piece p = {*at, (int)strcspn(*at, stop)};

	*at += p.n;
	return p;
}

static bool ends_in_uaddr(struct piece p)
{
	return p.n > 6 && memcmp(p.s + p.n - 6, "_uaddr", 6) == 0;
}

/* Moves *at to the next argument; false: there is none. */
static bool next_argument(const char **at, struct argument *a)
{
	*a = (struct argument){{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
	*at += strspn(*at, " ");
	if (!**at)
		return false;
	a->var = piece_until(at, "/:");
	a->param = a->var;
	if (ends_in_uaddr(a->param))
		a->param.n -= 6;
	if (**at == '/') {
		++*at;
		a->param = piece_until(at, ":");
	}
	++*at;
	a->type = piece_until(at, "> ");
	if (**at == '>') {
		++*at;
		a->text = piece_until(at, " ");
	}
	return true;
}

const char *syscall_parameter(const struct syscall_desc *d, unsigned n, size_t *len)
{
	const char *at = d->args;
	struct argument a;

	while (next_argument(&at, &a))
		if (--n == 0) {
			*len = (size_t)a.param.n;
			return a.param.s;
		}
	return NULL;
}

/* Types without a text of their own. */
static const struct plain {
	char name[4], function[16], format[8];
} plain[] = {
	{"d", "int_arg", "%d"},	  {"u", "uint_arg", "%u"},   {"ld", "long_arg", "%d"},
	{"lu", "ulong_arg", "%u"}, {"x", "uint_arg", "%#x"}, {"lx", "ulong_arg", "%#x"},
	{"o", "uint_arg", "%#o"}, {"p", "pointer_arg", "%p"},
};

static const struct plain *find_plain(struct piece type)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strlen(plain[i].name) == (size_t)type.n &&
		    memcmp(plain[i].name, type.s, (size_t)type.n) == 0)
			return &plain[i];
	return NULL;
}

static bool is_string(struct piece type)
{
	return type.n == 1 && *type.s == 's';
}

/* The variable that argstr shows. */
static void add_text_name(struct str *out, const struct argument *a)
{
	if (a->text.n)
		str_addf(out, "%.*s", a->text.n, a->text.s);
	else if (ends_in_uaddr(a->var))
		str_addf(out, "%.*s_str", a->var.n - 6, a->var.s);
	else
		str_addf(out, "%.*s_str", a->var.n, a->var.s);
}

static void add_argument(struct str *out, const struct argument *a, unsigned n)
{
	const struct plain *p = find_plain(a->type);
	struct piece fn = {a->type.s + 1, a->type.n - 1}, more;
	const char *comma;

	if (p) {
		str_addf(out, "\t%.*s = %s(%u)\n", a->var.n, a->var.s, p->function, n);
		return;
	}
	if (is_string(a->type)) {
		str_addf(out, "\t%.*s = user_string_quoted(pointer_arg(%u))\n", a->var.n, a->var.s, n);
		str_addf(out, "\t%.*s_unquoted = user_string(pointer_arg(%u), \"\")\n", a->var.n,
			 a->var.s, n);
		return;
	}
	str_addf(out, "\t%.*s = %s(%u)\n\t", a->var.n, a->var.s,
		 *a->type.s == '@' ? "pointer_arg"
		 : *a->type.s == '!' || *a->type.s == '-' ? "int_arg"
							  : "uint_arg", n);
	add_text_name(out, a);
	if (*a->type.s != '@' && *a->type.s != '!') {
		if (*a->type.s != '-')
			fn = a->type;
		str_addf(out, " = __flags_text(\"%.*s\", %.*s)\n", fn.n, fn.s, a->var.n, a->var.s);
		return;
	}
	comma = memchr(fn.s, ',', (size_t)fn.n);
	more = (struct piece){fn.s, 0};
	if (comma) {
		more = (struct piece){comma, fn.n - (int)(comma - fn.s)};
		fn.n = (int)(comma - fn.s);
	}
	str_addf(out, " = __syscall_%.*s(%.*s%.*s)\n", fn.n, fn.s, a->var.n, a->var.s, more.n, more.s);
}

/* The parts of the socket address that bind() and connect() pass. */
static void add_socket_address(struct str *out, const char *address)
{
	static const char *const parts[] = {"af", "ip", "ip_port"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		str_addf(out, "\tuaddr_%s = __syscall_uaddr_%s(%s, int_arg(3))\n", parts[i], parts[i], address);
}

static void add_argstr(struct str *out, const struct syscall_desc *d)
{
	const char *at = d->args;
	struct argument a;

	if (d->argstr || !*d->args) {
		str_addf(out, "\targstr = %s\n", d->argstr ? d->argstr : "\"\"");
		return;
	}
	str_add(out, "\targstr = sprintf(\"");
	for (bool first = true; next_argument(&at, &a); first = false)
		str_addf(out, "%s%s", first ? "" : ", ",
			 find_plain(a.type) ? find_plain(a.type)->format : "%s");
	str_add(out, "\"");
	for (at = d->args; next_argument(&at, &a);) {
		str_add(out, ", ");
		if (find_plain(a.type) || is_string(a.type))
			str_addf(out, "%.*s", a.var.n, a.var.s);
		else
			add_text_name(out, &a);
	}
	str_add(out, ")\n");
}

/* ------------------------------------------------------------------ aliases */

static void add_names(struct str *out, const char *point, const char *suffix)
{
	static const char *const families[] = {"syscall", "nd_syscall", "tp_syscall"};

	str_add(out, "probe");
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		str_addf(out, " %s.%s%s =", families[i], point, suffix);
}

static void add_call(struct str *out, const struct syscall_desc *d, const char *point)
{
	const char *at = d->args;
	struct argument a;

	add_names(out, point, "");
	str_addf(out, " __syscall(\"%s\")\n{\n\tname = \"%s\"\n", d->name, d->point);
	for (unsigned n = 1; next_argument(&at, &a); n++)
		add_argument(out, &a, n);
	if (d->address)
		add_socket_address(out, d->address);
	add_argstr(out, d);
	str_add(out, "}\n");
	if (d->no_return)
		return;
	add_names(out, point, ".return");
	str_addf(out, " __syscall(\"%s\").return\n{\n\tname = \"%s\"\n\tretval = returnval()\n", d->name,
		 d->point);
	str_addf(out, "\tretstr = return_str(%d, retval)\n}\n", d->result ? d->result : 1);
}

void syscall_aliases(struct str *out, const char *pattern, uint8_t done[SYSCALL_DESCS])
{
	bool any = false, wild = strchr(pattern, '*') != NULL;

	_Static_assert((int)N_CALLS <= (int)SYSCALL_DESCS, "the table has grown");
	for (uint8_t by_name = 0; by_name < 2 && !any; by_name++)
		for (size_t i = 1; i < N_CALLS; i++) {
			const char *point = by_name ? table[i].name : table[i].point;

			if ((wild ? fnmatch(pattern, point, FNM_NOESCAPE) : strcmp(pattern, point)) != 0)
				continue;
			any = true;
			if (done[i] & 1 << by_name)
				continue;
			done[i] |= (uint8_t)(1 << by_name);
			if (rt_syscall_number(table[i].name) >= 0)
				add_call(out, &table[i], point);
		}
}
