/* Sends N bytes to itself through a socket of its virtual machine (module vsock_loopback). Usage: vsock N */
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = 4000};

static void *send_all(void *count)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		perror("connect");
	for (int i = 0; i < *(int *)count; i++)
		if (write(fd, "x", 1) != 1)
			perror("write");
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 10, got = 0, fd = socket(AF_VSOCK, SOCK_STREAM, 0), in;
	pthread_t thread;
	char c;

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0) {
		perror("listen");
		return 1;
	}
	pthread_create(&thread, NULL, send_all, &n);
	in = accept(fd, NULL, NULL);
	while (read(in, &c, 1) == 1)
		got++;
	pthread_join(thread, NULL);
	printf("%d bytes\n", got);
	return 0;
}
