/* Makes known system calls with known arguments, each through syscall(2): what a tracer must show. With
 * an argument: "count THREADS N", N times getppid() and close(-1) in that many threads. Calls of the C library's
 * start-up are told apart by getsid(-7) before and after ours. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long n;

static void *count(void *arg)
{
	for (long i = 0; i < n; i++) {
		syscall(SYS_getppid);
		syscall(SYS_close, -1);
	}
	return arg;
}

static void arguments(void)
{
	static char long_name[600];
	struct timespec ts = {0, 1000}, times[2] = {{1, 2}, {0, UTIME_OMIT}};
	struct timeval tv = {1, 500000};
	struct itimerval it = {{0, 0}, {3, 4}};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } sa = {
		SIG_IGN, SA_RESTART, NULL, 1 << (SIGINT - 1)};
	unsigned long mask = 1 << (SIGUSR1 - 1) | 1 << (SIGTERM - 1);
	int futex = 5;
	const char *argv[] = {"no", "such \"program\"", NULL}, *envp[] = {"A=1", "B=2", NULL};

	/* Strings that are not in memory cannot be shown. */
	mlockall(MCL_CURRENT);
	in.sin_addr.s_addr = htonl(0x01020304);
	in6.sin6_addr.s6_addr[15] = 1;
	memset(long_name, 'x', sizeof(long_name) - 1);
	syscall(SYS_getsid, -7);
	syscall(SYS_open, "no\tsuch/file", O_WRONLY | O_CREAT | O_EXCL, 0640);
	syscall(SYS_open, "/dev/null", O_RDONLY | 0x40000000, 0777);
	syscall(SYS_openat, AT_FDCWD, "/no/such", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	syscall(SYS_openat, 99, (char *)16, O_RDONLY, 0);
	syscall(SYS_openat, AT_FDCWD, NULL, O_DIRECTORY, 0);
	syscall(SYS_openat, AT_FDCWD, long_name, O_RDONLY, 0);
	syscall(SYS_write, -1, "hello\n\001\"", 8);
	syscall(SYS_read, -1, NULL, 42);
	syscall(SYS_pread64, -1, NULL, 1, -5L);
	syscall(SYS_lseek, -1, -3L, SEEK_END);
	syscall(SYS_access, "/no/such", R_OK | W_OK);
	syscall(SYS_access, "/no/such", F_OK);
	syscall(SYS_mkdir, "/no/such", 0755);
	syscall(SYS_rename, "/no/a", "/no/b");
	syscall(SYS_unlinkat, AT_FDCWD, "/no/such", AT_REMOVEDIR);
	syscall(SYS_newfstatat, AT_FDCWD, "/no/such", NULL, AT_SYMLINK_NOFOLLOW);
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 77, 8192);
	syscall(SYS_mprotect, 16, 5, PROT_NONE);
	syscall(SYS_munmap, 16, 5);
	syscall(SYS_fcntl, -1, F_SETFD, FD_CLOEXEC);
	syscall(SYS_ioctl, -1, 0x5401, 32);
	syscall(SYS_socket, 99, SOCK_STREAM | SOCK_CLOEXEC, 0);
	syscall(SYS_socket, AF_INET, 9, IPPROTO_TCP);
	syscall(SYS_connect, -1, &in, sizeof(in));
	syscall(SYS_connect, -1, &in6, sizeof(in6));
	strcpy(un.sun_path, "/no/socket");
	syscall(SYS_bind, -1, &un, sizeof(un));
	memcpy(un.sun_path, "\0name", 5);
	syscall(SYS_bind, -1, &un, 2 + 5);
	syscall(SYS_connect, -1, NULL, 0);
	syscall(SYS_connect, -1, 16, 16);
	syscall(SYS_sendto, -1, "data", 4, MSG_DONTWAIT | MSG_NOSIGNAL, &in, sizeof(in));
	syscall(SYS_setsockopt, -1, SOL_SOCKET, SO_REUSEADDR, 32, 4);
	syscall(SYS_shutdown, -1, SHUT_RDWR);
	syscall(SYS_accept4, -1, NULL, NULL, SOCK_NONBLOCK);
	syscall(SYS_epoll_ctl, -1, EPOLL_CTL_ADD, 5, NULL);
	syscall(SYS_nanosleep, &ts, NULL);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
	syscall(SYS_clock_gettime, 99, NULL);
	syscall(SYS_select, -1, NULL, NULL, NULL, &tv);
	syscall(SYS_setitimer, 99, &it, NULL);
	syscall(SYS_utimensat, AT_FDCWD, "/no/such", times, 0);
	syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8);
	syscall(SYS_rt_sigprocmask, 9, &mask, NULL, 8);
	syscall(SYS_kill, -99999999, SIGKILL);
	syscall(SYS_tgkill, -1, -1, 34);
	syscall(SYS_futex, &futex, 128, 4, NULL, NULL, 0);
	syscall(SYS_futex, 64, 1, 3, NULL, NULL, 0);
	syscall(SYS_wait4, -1, NULL, WNOHANG | WUNTRACED, NULL);
	syscall(SYS_execve, "/no/such", argv, envp);
	syscall(SYS_getrlimit, 7, 16);
	syscall(SYS_umask, 022);
	syscall(SYS_madvise, 16, 5, MADV_DONTNEED);
	syscall(SYS_dup, -1);
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_eventfd2, 3, 0x10000000);
	syscall(SYS_getdents64, -1, NULL, 100);
}

int main(int argc, char **argv)
{
	pthread_t threads[16];
	int n_threads = argc > 3 ? atoi(argv[2]) : 0;

	umask(022);
	if (!n_threads) {
		arguments();
	} else {
		n = atol(argv[3]);
		for (int i = 0; i < n_threads; i++)
			pthread_create(&threads[i], NULL, count, NULL);
		for (int i = 0; i < n_threads; i++)
			pthread_join(threads[i], NULL);
	}
	syscall(SYS_getsid, -7);
	return 0;
}
