/* @const("NAME"): constants of C headers that scripts ask for. There is no compiler to ask: what is here
 * has the value of the headers that Tapir was built with (their numbers are the kernel's interface), or
 * is written out where only the kernel's own headers have it. Others may be enumerators, which the
 * kernel's types know. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dwarf/dbg.h"
#include "sema/target.h"
#include "session.h"

#define C(name) {#name, name}

static const struct constant {
	const char *name;
	int64_t value;
} constants[] = {
	/* sizes and the like */
	{"PAGE_SIZE", 4096}, {"PAGE_SHIFT", 12}, C(PATH_MAX), C(NAME_MAX), {"TASK_COMM_LEN", 16},
	{"NULL", 0}, {"BITS_PER_LONG", 64},
	/* errors */
	C(EPERM), C(ENOENT), C(ESRCH), C(EINTR), C(EIO), C(ENXIO), C(E2BIG), C(ENOEXEC), C(EBADF),
	C(ECHILD), C(EAGAIN), C(EWOULDBLOCK), C(ENOMEM), C(EACCES), C(EFAULT), C(ENOTBLK), C(EBUSY),
	C(EEXIST), C(EXDEV), C(ENODEV), C(ENOTDIR), C(EISDIR), C(EINVAL), C(ENFILE), C(EMFILE),
	C(ENOTTY), C(ETXTBSY), C(EFBIG), C(ENOSPC), C(ESPIPE), C(EROFS), C(EMLINK), C(EPIPE),
	C(EDOM), C(ERANGE), C(EDEADLK), C(ENAMETOOLONG), C(ENOLCK), C(ENOSYS), C(ENOTEMPTY),
	C(ELOOP), C(ENODATA), C(ETIME), C(EOVERFLOW), C(EILSEQ), C(EUSERS), C(ENOTSOCK),
	C(EMSGSIZE), C(EPROTO), C(EPROTONOSUPPORT), C(EOPNOTSUPP), C(EAFNOSUPPORT), C(EADDRINUSE),
	C(EADDRNOTAVAIL), C(ENETDOWN), C(ENETUNREACH), C(ECONNABORTED), C(ECONNRESET), C(ENOBUFS),
	C(EISCONN), C(ENOTCONN), C(ESHUTDOWN), C(ETIMEDOUT), C(ECONNREFUSED), C(EHOSTDOWN),
	C(EHOSTUNREACH), C(EALREADY), C(EINPROGRESS), C(ESTALE), C(EDQUOT), C(ECANCELED),
	{"ERESTARTSYS", 512}, {"ERESTARTNOINTR", 513}, {"ERESTARTNOHAND", 514},
	{"ENOIOCTLCMD", 515}, {"ERESTART_RESTARTBLOCK", 516}, {"ENOTSUPP", 524},
	/* signals */
	C(SIGHUP), C(SIGINT), C(SIGQUIT), C(SIGILL), C(SIGTRAP), C(SIGABRT), C(SIGBUS), C(SIGFPE),
	C(SIGKILL), C(SIGUSR1), C(SIGSEGV), C(SIGUSR2), C(SIGPIPE), C(SIGALRM), C(SIGTERM),
	C(SIGSTKFLT), C(SIGCHLD), C(SIGCONT), C(SIGSTOP), C(SIGTSTP), C(SIGTTIN), C(SIGTTOU),
	C(SIGURG), C(SIGXCPU), C(SIGXFSZ), C(SIGVTALRM), C(SIGPROF), C(SIGWINCH), C(SIGIO),
	C(SIGPWR), C(SIGSYS), C(SA_NOCLDSTOP), C(SA_NOCLDWAIT), C(SA_SIGINFO), C(SA_ONSTACK),
	C(SA_RESTART), C(SA_NODEFER), C(SA_RESETHAND), C(SIG_BLOCK), C(SIG_UNBLOCK), C(SIG_SETMASK),
	/* files */
	C(O_RDONLY), C(O_WRONLY), C(O_RDWR), C(O_ACCMODE), C(O_CREAT), C(O_EXCL), C(O_NOCTTY),
	C(O_TRUNC), C(O_APPEND), C(O_NONBLOCK), C(O_DSYNC), C(O_ASYNC), C(O_DIRECT),
	{"O_LARGEFILE", 0100000}, C(O_DIRECTORY), C(O_NOFOLLOW), C(O_NOATIME), C(O_CLOEXEC),
	C(O_SYNC), C(O_PATH), C(O_TMPFILE), C(S_IFMT), C(S_IFSOCK), C(S_IFLNK), C(S_IFREG),
	C(S_IFBLK), C(S_IFDIR), C(S_IFCHR), C(S_IFIFO), C(S_ISUID), C(S_ISGID), C(S_ISVTX),
	C(AT_FDCWD), C(AT_SYMLINK_NOFOLLOW), C(AT_REMOVEDIR), C(AT_SYMLINK_FOLLOW),
	C(AT_EMPTY_PATH), C(F_DUPFD), C(F_GETFD), C(F_SETFD), C(F_GETFL), C(F_SETFL), C(F_GETLK),
	C(F_SETLK), C(F_SETLKW), C(SEEK_SET), C(SEEK_CUR), C(SEEK_END), C(R_OK), C(W_OK), C(X_OK),
	C(F_OK), C(LOCK_SH), C(LOCK_EX), C(LOCK_UN), C(LOCK_NB),
	/* memory */
	C(PROT_NONE), C(PROT_READ), C(PROT_WRITE), C(PROT_EXEC), C(MAP_SHARED), C(MAP_PRIVATE),
	C(MAP_FIXED), C(MAP_ANONYMOUS), C(MAP_GROWSDOWN), C(MAP_LOCKED), C(MAP_NORESERVE),
	C(MAP_POPULATE), C(MAP_STACK), C(MAP_HUGETLB), C(MADV_NORMAL), C(MADV_WILLNEED),
	C(MADV_DONTNEED), C(MREMAP_MAYMOVE), {"VM_READ", 1}, {"VM_WRITE", 2}, {"VM_EXEC", 4},
	{"VM_SHARED", 8},
	/* processes */
	C(CLONE_VM), C(CLONE_FS), C(CLONE_FILES), C(CLONE_SIGHAND), C(CLONE_PTRACE), C(CLONE_VFORK),
	C(CLONE_PARENT), C(CLONE_THREAD), C(CLONE_NEWNS), C(CLONE_SYSVSEM), C(CLONE_SETTLS),
	C(CLONE_PARENT_SETTID), C(CLONE_CHILD_CLEARTID), C(CLONE_UNTRACED), C(CLONE_CHILD_SETTID),
	C(CLONE_NEWCGROUP), C(CLONE_NEWUTS), C(CLONE_NEWIPC), C(CLONE_NEWUSER), C(CLONE_NEWPID),
	C(CLONE_NEWNET), C(CLONE_IO), {"PF_IDLE", 2}, {"PF_EXITING", 4}, {"PF_KTHREAD", 0x200000},
	{"TASK_RUNNING", 0}, {"TASK_INTERRUPTIBLE", 1}, {"TASK_UNINTERRUPTIBLE", 2},
	{"__TASK_STOPPED", 4}, {"__TASK_TRACED", 8}, {"EXIT_DEAD", 16}, {"EXIT_ZOMBIE", 32},
	C(WNOHANG), C(WUNTRACED), C(WCONTINUED), {"SCHED_OTHER", 0}, {"SCHED_NORMAL", 0},
	C(SCHED_FIFO), C(SCHED_RR), C(SCHED_BATCH), C(SCHED_IDLE), {"SCHED_DEADLINE", 6},
	C(RLIMIT_CPU), C(RLIMIT_FSIZE), C(RLIMIT_DATA), C(RLIMIT_STACK), C(RLIMIT_CORE),
	C(RLIMIT_RSS), C(RLIMIT_NPROC), C(RLIMIT_NOFILE), C(RLIMIT_MEMLOCK), C(RLIMIT_AS),
	/* network */
	C(AF_UNSPEC), C(AF_UNIX), C(AF_LOCAL), C(AF_INET), C(AF_INET6), C(AF_NETLINK), C(AF_PACKET),
	C(PF_INET), C(PF_INET6), C(PF_UNIX), C(SOCK_STREAM), C(SOCK_DGRAM), C(SOCK_RAW),
	C(SOCK_SEQPACKET), C(SOCK_NONBLOCK), C(SOCK_CLOEXEC), C(SOL_SOCKET), C(IPPROTO_IP),
	C(IPPROTO_ICMP), C(IPPROTO_TCP), C(IPPROTO_UDP), C(IPPROTO_IPV6), C(IPPROTO_ICMPV6),
	C(IPPROTO_RAW), C(MSG_OOB), C(MSG_PEEK), C(MSG_DONTROUTE), C(MSG_WAITALL), C(MSG_DONTWAIT),
	C(MSG_NOSIGNAL), C(MSG_MORE), C(SHUT_RD), C(SHUT_WR), C(SHUT_RDWR),
	/* waiting */
	C(FUTEX_WAIT), C(FUTEX_WAKE), C(FUTEX_REQUEUE), C(FUTEX_CMP_REQUEUE), C(FUTEX_WAKE_OP),
	C(FUTEX_LOCK_PI), C(FUTEX_UNLOCK_PI), C(FUTEX_WAIT_BITSET), C(FUTEX_WAKE_BITSET),
	C(FUTEX_PRIVATE_FLAG), C(FUTEX_CLOCK_REALTIME), C(FUTEX_CMD_MASK), C(POLLIN), C(POLLPRI),
	C(POLLOUT), C(POLLERR), C(POLLHUP), C(POLLNVAL), C(EPOLL_CTL_ADD), C(EPOLL_CTL_DEL),
	C(EPOLL_CTL_MOD), C(CLOCK_REALTIME), C(CLOCK_MONOTONIC), C(CLOCK_PROCESS_CPUTIME_ID),
	C(CLOCK_THREAD_CPUTIME_ID), C(CLOCK_MONOTONIC_RAW), C(CLOCK_BOOTTIME),
};

#undef C

struct expr *sema_constant(struct session *s, const struct expr *e, const char **why)
{
	struct dbg_place nowhere = {.module = NULL};
	const char *name = e->lit->str, *ignored;
	struct expr enumerator = *e, *value;
	char *end;
	long long n = strtoll(name, &end, 0);

	if (!s->opt.guru && !e->tok->src->library) {
		*why = "using @const operator not permitted; need stap -g";
		return NULL;
	}
	if (*name && !*end)
		return expr_number(&s->arena, e->tok, n);
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (strcmp(constants[i].name, name) == 0)
			return expr_number(&s->arena, e->tok, constants[i].value);
	enumerator.kind = EX_ENUM;
	value = dbg_resolve(s, &nowhere, &enumerator, &ignored);
	if (!value)
		*why = arena_printf(&s->arena, "constant '%s' is not known: there is no C compiler here", name);
	return value;
}
