/* Makes system calls and says how often: reads N of various lengths from its own file by pread(), N getppid(),
 * N opens of /dev/null, F forks (children end at once). Usage: calls N [F] [quiet] */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 10, forks = argc > 2 ? atoi(argv[2]) : 0;
	int fd = open("/proc/self/exe", O_RDONLY);
	long bytes = 0;
	char buf[64];

	for (int i = 0; i < n; i++)
		bytes += pread(fd, buf, 10 + (size_t)i % 7, i);
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < n; i++)
		close(open("/dev/null", O_WRONLY));
	for (int i = 0; i < forks; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	if (argc < 4)
		printf("%d reads %ld bytes %d forks\n", n, bytes, forks);
	return 0;
}
