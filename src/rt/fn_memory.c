/* Memory of traced processes and of the kernel, and whatever else needs the context of a traced task.
 *
 * Handlers that run in the stap process read the kernel's by asking it (rt_env.kernel_read). They have no
 * traced process: readers of its memory answer as they do for addresses where nothing is, the rest raises
 * an error. */
#include <errno.h>

#include "interp/interp.h"
#include "rt/error_text.h"
#include "rt/fn.h"

#define ADDR(n) ((unsigned long long)(n))

int rt_needs_context(struct rt_call *c)
{
	return rt_raise(c, "this function needs a traced task or kernel memory, which begin, end, error "
			   "and timer handlers do not have");
}

/* Names of addresses, once handlers in the kernel use them: of the kernel, or of the target, if there is
 * one. b: of the token. */
static int symbol_text(struct rt_call *c, enum rt_token_kind kind, bool user, uint32_t b)
{
	struct rt_str str = {.len = sizeof(struct rt_token), .token = kind};
	struct rt_token token = {.a = (uint64_t)c->args[0].n, .b = b};
	struct str text = {0};
	int status;

	if (!c->env || !c->env->token_text)
		return rt_needs_context(c);
	if (user)
		token.pid = (uint32_t)c->env->target_pid;
	memcpy(str.s, &token, sizeof(token));
	c->env->token_text(c->env, &str, &text);
	status = rt_ret_text(c, text.s ? text.s : "", text.len);
	str_release(&text);
	return status;
}

#define SYMBOL_FUNCTION(name, kind, user, b)               \
	static int fn_##name(struct rt_call *c)            \
	{                                                  \
		return symbol_text(c, kind, user, b);      \
	}

SYMBOL_FUNCTION(symname, RT_TOKEN_KSYM, false, 0)
SYMBOL_FUNCTION(symdata, RT_TOKEN_KSYMDATA, false, 0)
SYMBOL_FUNCTION(modname, RT_TOKEN_KMOD, false, 0)
SYMBOL_FUNCTION(symfile, RT_TOKEN_KSOURCE, false, SYM_FILE)
SYMBOL_FUNCTION(symline, RT_TOKEN_KSOURCE, false, SYM_LINE)
SYMBOL_FUNCTION(symfileline, RT_TOKEN_KSOURCE, false, SYM_FILE_LINE)
SYMBOL_FUNCTION(usymname, RT_TOKEN_USYM, true, 0)
SYMBOL_FUNCTION(usymdata, RT_TOKEN_USYMDATA, true, 0)
SYMBOL_FUNCTION(umodname, RT_TOKEN_UMOD, true, 0)
SYMBOL_FUNCTION(umodbuildid, RT_TOKEN_UBUILDID, true, 0)
SYMBOL_FUNCTION(usymfile, RT_TOKEN_USOURCE, true, SYM_FILE)
SYMBOL_FUNCTION(usymline, RT_TOKEN_USOURCE, true, SYM_LINE)
SYMBOL_FUNCTION(usymfileline, RT_TOKEN_USOURCE, true, SYM_FILE_LINE)

/* Numbers: 0, without a word. */
static int fn_user_zero(struct rt_call *c)
{
	return rt_ret_long(c, 0);
}

/* Quoted texts: the address instead. */
static int fn_user_address(struct rt_call *c)
{
	return rt_retf(c, "0x%llx", ADDR(c->args[0].n));
}

static int fn_user_string(struct rt_call *c)
{
	return rt_raise_error(c, RT_E_USER_STRING, c->args[0].n);
}

static int fn_set_user(struct rt_call *c)
{
	return rt_raise_error(c, RT_E_WRITE, c->args[0].n);
}

/* (address, how many, user) */
static int fn_memory_bytes(struct rt_call *c)
{
	enum { PAGE = 4096 };
	int64_t n = c->args[1].n < 0 ? 0 : c->args[1].n;
	size_t fits = n < c->max_string ? (size_t)n : c->max_string;

	if (n > PAGE)
		return rt_raise(c, "%lld is too many bytes for a memory dump", (long long)n);
	c->ret.s = c->buf;
	c->ret.len = (uint32_t)fits;
	if (!c->args[2].n && (!fits || (c->env && c->env->kernel_read &&
					c->env->kernel_read((uint64_t)c->args[0].n, c->buf, fits) == 0)))
		return 0;
	return rt_raise_error(c, c->args[2].n ? RT_E_USER_STRING : RT_E_KERNEL_STRING, c->args[0].n);
}

/* (address), (address, longest) */
static int fn_kernel_string(struct rt_call *c)
{
	int64_t max = c->n_args > 1 ? c->args[1].n : c->max_string;
	char text[8192];
	int n = -EFAULT;

	if (max < 0)
		max = 0;
	if (max > c->max_string)
		max = c->max_string;
	if (c->env && c->env->kernel_string)
		n = c->env->kernel_string((uint64_t)c->args[0].n, text, (size_t)max + 1);
	if (n < 0)
		return rt_raise_error(c, RT_E_KERNEL_STRING, c->args[0].n);
	return rt_ret_text(c, text, (size_t)n);
}

/* At most 4 bytes. */
static int utf8(char to[4], uint32_t code)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3f));
		to[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3f));
	to[2] = (char)(0x80 | (code >> 6 & 0x3f));
	to[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* A string of characters of so many bytes, as UTF-8. */
static int wide_string(struct rt_call *c, size_t bytes)
{
	uint64_t addr = (uint64_t)c->args[0].n;
	uint32_t code, low;
	char text[4];
	size_t n;

	rt_ret_text(c, "", 0);
	do {
		uint64_t at = addr;

		code = low = 0;
		if (!c->env || !c->env->kernel_read || c->env->kernel_read(at, &code, bytes) < 0)
			return rt_raise_error(c, RT_E_KERNEL_STRING, (int64_t)at);
		addr += bytes;
		if (bytes == 2 && code >> 10 == 0xd800 >> 10) {
			if (c->env->kernel_read(addr, &low, bytes) < 0)
				return rt_raise_error(c, RT_E_KERNEL_STRING, (int64_t)at);
			if (low >> 10 == 0xdc00 >> 10) {
				code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
				addr += bytes;
			}
		}
		if (code > 0x10ffff || code >> 11 == 0xd800 >> 11)
			return rt_raise(c, "invalid UTF-%zu character U+%x at 0x%llx", 8 * bytes, code, ADDR(at));
		n = code ? (size_t)utf8(text, code) : 0;
	} while (n && c->ret.len + n <= c->max_string && rt_ret_add(c, text, n));
	return 0;
}

static int fn_kernel_string_utf16(struct rt_call *c)
{
	return wide_string(c, 2);
}

static int fn_kernel_string_utf32(struct rt_call *c)
{
	return wide_string(c, 4);
}

/* (address, size, type) */
static int fn_user_number_error(struct rt_call *c)
{
	const struct rt_value *type = &c->args[2];

	return rt_raise(c, "user %.*s copy fault 0x%llx [man error::fault]", (int)type->len,
			type->len ? type->s : "", ADDR(c->args[0].n));
}

/* (address, size, type); a negative size is that of a signed number. */
static int fn_kernel_number(struct rt_call *c)
{
	const struct rt_value *type = &c->args[2];
	int64_t size = c->args[1].n, bytes = size < 0 ? -size : size;
	uint64_t n = 0;

	if (c->env && c->env->kernel_read && bytes >= 1 && bytes <= 8 &&
	    c->env->kernel_read((uint64_t)c->args[0].n, &n, (size_t)bytes) == 0) {
		n <<= 64 - 8 * bytes;
		return rt_ret_long(c, size < 0 ? (int64_t)n >> (64 - 8 * bytes)
					       : (int64_t)(n >> (64 - 8 * bytes)));
	}
	return rt_raise(c, "kernel %.*s copy fault at 0x%llx [man error::fault]", (int)type->len,
			type->len ? type->s : "", ADDR(c->args[0].n));
}

enum {
	FAULTS = INTR_FAILS | INTR_CONTEXT,
	READS = INTR_READS | INTR_CONTEXT,
};

const struct intrinsic rt_memory_fns[] = {
	{"usymname", READS | INTR_FAILS, 0, fn_usymname},
	{"usymdata", READS | INTR_FAILS, 0, fn_usymdata},
	{"usymfile", READS | INTR_FAILS, 0, fn_usymfile},
	{"usymline", READS | INTR_FAILS, 0, fn_usymline},
	{"usymfileline", READS | INTR_FAILS, 0, fn_usymfileline},
	{"umodname", READS | INTR_FAILS, 0, fn_umodname},
	{"umodbuildid", READS | INTR_FAILS, 0, fn_umodbuildid},
	{"symname", READS | INTR_FAILS, 0, fn_symname},
	{"symdata", READS | INTR_FAILS, 0, fn_symdata},
	{"symfile", READS | INTR_FAILS, 0, fn_symfile},
	{"symline", READS | INTR_FAILS, 0, fn_symline},
	{"symfileline", READS | INTR_FAILS, 0, fn_symfileline},
	{"modname", READS | INTR_FAILS, 0, fn_modname},
	{"set_user_8", FAULTS | INTR_GURU, 0, fn_set_user},
	{"set_user_16", FAULTS | INTR_GURU, 0, fn_set_user},
	{"set_user_32", FAULTS | INTR_GURU, 0, fn_set_user},
	{"set_user_64", FAULTS | INTR_GURU, 0, fn_set_user},
	{"set_user", FAULTS | INTR_GURU, 0, fn_set_user},
	{"set_user_string", FAULTS | INTR_GURU, 0, fn_set_user},
	{"set_user_string_n", FAULTS | INTR_GURU, 0, fn_set_user},
	{"user_string", FAULTS | INTR_READS, 0, fn_user_string},
	{"user_string_n", FAULTS | INTR_READS, 0, fn_user_string},
	{"user_string_utf16", FAULTS, 0, fn_user_string},
	{"user_string_utf32", FAULTS, 0, fn_user_string},
	{"kernel_string_utf16", FAULTS, 0, fn_kernel_string_utf16},
	{"kernel_string_utf32", FAULTS, 0, fn_kernel_string_utf32},
	{"user_string_quoted", READS, 0, fn_user_address},
	{"user_int8", READS, 0, fn_user_zero},
	{"user_uint8", READS, 0, fn_user_zero},
	{"user_int16", READS, 0, fn_user_zero},
	{"user_uint16", READS, 0, fn_user_zero},
	{"user_int32", READS, 0, fn_user_zero},
	{"user_uint32", READS, 0, fn_user_zero},
	{"user_int64", READS, 0, fn_user_zero},
	{"user_uint64", READS, 0, fn_user_zero},
	{"user_number_error", FAULTS, 0, fn_user_number_error},
	{"memory_bytes", FAULTS | INTR_READS, 0, fn_memory_bytes},
	{"kernel_string", FAULTS, 0, fn_kernel_string},
	{"kernel_number", FAULTS, 0, fn_kernel_number},
	{0},
};

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(user_memory_is_empty_outside_of_traced_tasks)
{
	CHECK_INT(RT_LONG("user_int64", RT_N(16)), 0);
	CHECK_STR(RT_TEXT("user_string_quoted", RT_N(0)), "0x0");
	CHECK_STR(RT_TEXT("user_string_quoted", RT_N(-1)), "0xffffffffffffffff");
}
#endif
