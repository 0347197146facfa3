/* Names of the kernel's numbers: errors, signals, system calls. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "rt/fn.h"
#include "rt/flags.h"
#include "rt/names.h"

enum { KERNEL_ERRORS = 512 }; /* first of the errors that the kernel keeps to itself */

static const char *const errors[] = {
#define E(name) [name] = #name
	E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC), E(EBADF),
	E(ECHILD), E(EAGAIN), E(ENOMEM), E(EACCES), E(EFAULT), E(ENOTBLK), E(EBUSY), E(EEXIST),
	E(EXDEV), E(ENODEV), E(ENOTDIR), E(EISDIR), E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY),
	E(ETXTBSY), E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EMLINK), E(EPIPE), E(EDOM),
	E(ERANGE), E(EDEADLK), E(ENAMETOOLONG), E(ENOLCK), E(ENOSYS), E(ENOTEMPTY), E(ELOOP),
	E(ENOMSG), E(EIDRM), E(ECHRNG), E(EL2NSYNC), E(EL3HLT), E(EL3RST), E(ELNRNG), E(EUNATCH),
	E(ENOCSI), E(EL2HLT), E(EBADE), E(EBADR), E(EXFULL), E(ENOANO), E(EBADRQC), E(EBADSLT),
	E(EBFONT), E(ENOSTR), E(ENODATA), E(ETIME), E(ENOSR), E(ENONET), E(ENOPKG), E(EREMOTE),
	E(ENOLINK), E(EADV), E(ESRMNT), E(ECOMM), E(EPROTO), E(EMULTIHOP), E(EDOTDOT), E(EBADMSG),
	E(EOVERFLOW), E(ENOTUNIQ), E(EBADFD), E(EREMCHG), E(ELIBACC), E(ELIBBAD), E(ELIBSCN),
	E(ELIBMAX), E(ELIBEXEC), E(EILSEQ), E(ERESTART), E(ESTRPIPE), E(EUSERS), E(ENOTSOCK),
	E(EDESTADDRREQ), E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT),
	E(ESOCKTNOSUPPORT), E(EOPNOTSUPP), E(EPFNOSUPPORT), E(EAFNOSUPPORT), E(EADDRINUSE),
	E(EADDRNOTAVAIL), E(ENETDOWN), E(ENETUNREACH), E(ENETRESET), E(ECONNABORTED),
	E(ECONNRESET), E(ENOBUFS), E(EISCONN), E(ENOTCONN), E(ESHUTDOWN), E(ETOOMANYREFS),
	E(ETIMEDOUT), E(ECONNREFUSED), E(EHOSTDOWN), E(EHOSTUNREACH), E(EALREADY), E(EINPROGRESS),
	E(ESTALE), E(EUCLEAN), E(ENOTNAM), E(ENAVAIL), E(EISNAM), E(EREMOTEIO), E(EDQUOT),
	E(ENOMEDIUM), E(EMEDIUMTYPE), E(ECANCELED), E(ENOKEY), E(EKEYEXPIRED), E(EKEYREVOKED),
	E(EKEYREJECTED), E(EOWNERDEAD), E(ENOTRECOVERABLE), E(ERFKILL), E(EHWPOISON),
#undef E
};

static const char *const kernel_errors[] = {
	"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ENOIOCTLCMD", "ERESTART_RESTARTBLOCK",
	"EPROBE_DEFER", "EOPENSTALE", "ENOPARAM", NULL, "EBADHANDLE", "ENOTSYNC", "EBADCOOKIE",
	"ENOTSUPP", "ETOOSMALL", "ESERVERFAULT", "EBADTYPE", "EJUKEBOX", "EIOCBQUEUED",
	"ERECALLCONFLICT", "ENOGRACE",
};

static const char *const signals[] = {
#define S(name) [name] = #name
	S(SIGHUP), S(SIGINT), S(SIGQUIT), S(SIGILL), S(SIGTRAP), S(SIGABRT), S(SIGBUS), S(SIGFPE),
	S(SIGKILL), S(SIGUSR1), S(SIGSEGV), S(SIGUSR2), S(SIGPIPE), S(SIGALRM), S(SIGTERM),
	S(SIGSTKFLT), S(SIGCHLD), S(SIGCONT), S(SIGSTOP), S(SIGTSTP), S(SIGTTIN), S(SIGTTOU),
	S(SIGURG), S(SIGXCPU), S(SIGXFSZ), S(SIGVTALRM), S(SIGPROF), S(SIGWINCH), S(SIGIO),
	S(SIGPWR), S(SIGSYS),
#undef S
};

static const char *const syscalls[] = {
#define S(number, name) [number] = #name,
#ifdef __x86_64__
#include "rt/syscalls_x86_64.def"
#else
#include "rt/syscalls_generic.def"
#endif
#undef S
};

#define COUNT(table) ((int64_t)(sizeof(table) / sizeof((table)[0])))

static const char *error_name(int64_t n)
{
	if (n > 0 && n < COUNT(errors))
		return errors[n];
	if (n >= KERNEL_ERRORS && n < KERNEL_ERRORS + COUNT(kernel_errors))
		return kernel_errors[n - KERNEL_ERRORS];
	return NULL;
}

/* Of exactly n. */
static int fn_errno_name(struct rt_call *c)
{
	return rt_ret_static(c, error_name(c->args[0].n));
}

/* Of n or -n. */
static int fn_errno_str(struct rt_call *c)
{
	int64_t n = c->args[0].n;

	return rt_ret_static(c, error_name(n < 0 && n > INT64_MIN ? -n : n));
}

static int fn_signal_name(struct rt_call *c)
{
	int64_t n = c->args[0].n;

	if (n > 0 && n < COUNT(signals))
		return rt_ret_static(c, signals[n]);
	if (n == 32)
		return rt_ret_static(c, "SIGRTMIN");
	if (n > 32 && n <= 64)
		return rt_retf(c, "SIGRTMIN+%d", (int)n - 32);
	return rt_ret_static(c, "");
}

/* (table, value) */
static int fn_flags_text(struct rt_call *c)
{
	const struct rt_flag_names *t = rt_flags_find(c->args[0].s, c->args[0].len);
	struct str text = {0};

	if (!t)
		return rt_raise(c, "no table of flags has this name");
	rt_flags_text(&text, t, (uint32_t)c->args[1].n);
	rt_ret_text(c, text.s, text.len);
	str_release(&text);
	return 0;
}

/* Signals of a mask as numbers: "2,15". */
static int fn_sigset_mask_str(struct rt_call *c)
{
	uint64_t mask = (uint64_t)c->args[0].n;
	char number[8];

	rt_ret_text(c, "", 0);
	for (int i = 1; mask; i++, mask >>= 1)
		if (mask & 1)
			rt_ret_add(c, number, (size_t)snprintf(number, sizeof(number), "%s%d",
							       c->ret.len ? "," : "", i));
	return 0;
}

static int fn_sa_flags_str(struct rt_call *c)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} flags[] = {
		{0x00000001, "NOCLDSTOP"}, {0x00000002, "NOCLDWAIT"}, {0x00000004, "SIGINFO"},
		{0x04000000, "RESTORER"}, {0x08000000, "ONSTACK"}, {0x10000000, "RESTART"},
		{0x40000000, "NODEFER"}, {0x80000000, "RESETHAND"},
	};

	rt_ret_text(c, "", 0);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(c->args[0].n & flags[i].bit))
			continue;
		if (c->ret.len)
			rt_ret_add(c, "|", 1);
		rt_ret_add(c, flags[i].name, strlen(flags[i].name));
	}
	return 0;
}

static int fn_sa_handler_str(struct rt_call *c)
{
	switch (c->args[0].n) {
	case -1:
		return rt_ret_static(c, "error");
	case 0:
		return rt_ret_static(c, "default");
	case 1:
		return rt_ret_static(c, "ignored");
	default:
		return rt_retf(c, "0x%llx", (long long)c->args[0].n);
	}
}

const char *rt_syscall_name(int64_t number)
{
	return number >= 0 && number < COUNT(syscalls) ? syscalls[number] : NULL;
}

int64_t rt_syscall_number(const char *name)
{
	for (int64_t n = 0; n < COUNT(syscalls); n++)
		if (syscalls[n] && syscalls[n][0] == name[0] && strcmp(syscalls[n], name) == 0)
			return n;
	return -1;
}

static int fn_syscall_name(struct rt_call *c)
{
	const char *name = rt_syscall_name(c->args[0].n);

	return name ? rt_ret_static(c, name) : rt_retf(c, "%lld", (long long)c->args[0].n);
}

static int fn_syscall_num(struct rt_call *c)
{
	for (int64_t n = 0; n < COUNT(syscalls); n++)
		if (syscalls[n] && rt_arg_is(&c->args[0], syscalls[n]))
			return rt_ret_long(c, n);
	return rt_ret_long(c, -1);
}

const struct intrinsic rt_name_fns[] = {
	{"errno_name", INTR_PURE, 24, fn_errno_name},
	{"errno_str", INTR_PURE, 24, fn_errno_str},
	{"flags_text", INTR_PURE, 0, fn_flags_text},
	{"signal_name", INTR_PURE, 16, fn_signal_name},
	{"signal_str", INTR_PURE, 16, fn_signal_name},
	{"sigset_mask_str", INTR_PURE, 0, fn_sigset_mask_str},
	{"sa_flags_str", INTR_PURE, 80, fn_sa_flags_str},
	{"sa_handler_str", INTR_PURE, 18, fn_sa_handler_str},
	{"syscall_name", INTR_PURE, 32, fn_syscall_name},
	{"syscall_num", INTR_PURE, 0, fn_syscall_num},
	{0},
};

#ifdef TAPIR_TEST
#include <unistd.h>
#include <sys/syscall.h>

#include "base/test.h"

TEST(errors_have_names)
{
	CHECK_STR(RT_TEXT("errno_name", RT_N(EWOULDBLOCK)), "EAGAIN");
	CHECK_STR(RT_TEXT("errno_name", RT_N(EDEADLOCK)), "EDEADLK");
	CHECK_STR(RT_TEXT("errno_name", RT_N(ENOTSUP)), "EOPNOTSUPP");
	CHECK_STR(RT_TEXT("errno_name", RT_N(512)), "ERESTARTSYS");
	CHECK_STR(RT_TEXT("errno_name", RT_N(524)), "ENOTSUPP");
	CHECK_STR(RT_TEXT("errno_name", RT_N(520)), "");
	CHECK_STR(RT_TEXT("errno_name", RT_N(0)), "");
	CHECK_STR(RT_TEXT("errno_name", RT_N(-2)), "");
	CHECK_STR(RT_TEXT("errno_str", RT_N(-2)), "ENOENT");
	CHECK_STR(RT_TEXT("errno_str", RT_N(INT64_MIN)), "");
	CHECK_STR(RT_TEXT("errno_name", RT_N(INT64_MAX)), "");
	for (int n = 1; n < COUNT(errors); n++)
		if (errors[n])
			CHECK_STR(errors[n], strerrorname_np(n));
		else
			CHECK(strerrorname_np(n) == NULL);
}

TEST(signals_have_names)
{
	CHECK_STR(RT_TEXT("signal_name", RT_N(1)), "SIGHUP");
	CHECK_STR(RT_TEXT("signal_name", RT_N(SIGPOLL)), "SIGIO");
	CHECK_STR(RT_TEXT("signal_name", RT_N(32)), "SIGRTMIN");
	CHECK_STR(RT_TEXT("signal_name", RT_N(64)), "SIGRTMIN+32");
	CHECK_STR(RT_TEXT("signal_name", RT_N(0)), "");
	CHECK_STR(RT_TEXT("signal_name", RT_N(65)), "");
	CHECK_STR(RT_TEXT("sigset_mask_str", RT_N(1 << 1 | 1 << 14)), "2,15");
	CHECK_STR(RT_TEXT("sa_flags_str", RT_N(0x10000001)), "NOCLDSTOP|RESTART");
	CHECK_INT(strlen(RT_TEXT("sa_flags_str", RT_N(-1))) <= 80, 1);
	CHECK_STR(RT_TEXT("sa_handler_str", RT_N(INT64_MIN)), "0x8000000000000000");
}

TEST(system_calls_have_names)
{
	CHECK_STR(RT_TEXT("syscall_name", RT_N(SYS_openat)), "openat");
	CHECK_STR(RT_TEXT("syscall_name", RT_N(-1)), "-1");
	CHECK_STR(RT_TEXT("syscall_name", RT_N(INT64_MAX)), "9223372036854775807");
	CHECK_INT(RT_LONG("syscall_num", RT_S("getpid")), SYS_getpid);
	CHECK_INT(RT_LONG("syscall_num", RT_S("getpi")), -1);
	CHECK_INT(RT_LONG("syscall_num", RT_S("")), -1);
}
#endif
