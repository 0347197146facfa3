/* The kernel's NFS server and its client: mounts nfsd, starts it, and calls procedures with a file handle that
 * means nothing, so that each one runs and fails. For guests: module nfsd is loaded, the loopback device is up.
 *
 *	nfs N        N lookups, N + 1 reads, ... of the calls below; prints them
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UID = 1001, GID = 1002, NFS = 100003, PORT = 2049, RPCBIND = 111 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ------------------------------------------------------------------ XDR */

struct message {
	unsigned char b[2048];
	size_t n;
};

static void number(struct message *m, uint32_t v)
{
	v = htonl(v);
	memcpy(m->b + m->n, &v, 4);
	m->n += 4;
}

static void wide(struct message *m, uint64_t v)
{
	number(m, (uint32_t)(v >> 32));
	number(m, (uint32_t)v);
}

static void bytes(struct message *m, const void *p, uint32_t n)
{
	number(m, n);
	memcpy(m->b + m->n, p, n);
	m->n += (n + 3) & ~3u;
}

static void handle(struct message *m)
{
	static const unsigned char fh[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

	bytes(m, fh, sizeof(fh));
}

/* One record, behind its mark. False: the other side has gone. */
static int get(int fd, unsigned char *b, size_t cap)
{
	uint32_t mark, n;

	if (recv(fd, &mark, 4, MSG_WAITALL) != 4)
		return 0;
	n = ntohl(mark) & 0x7fffffff;
	if (n > cap || recv(fd, b, n, MSG_WAITALL) != (ssize_t)n)
		return 0;
	return (int)n;
}

static void put(int fd, const struct message *m)
{
	unsigned char b[sizeof(m->b) + 4];
	uint32_t mark = htonl(0x80000000 | (uint32_t)m->n);

	memcpy(b, &mark, 4);
	memcpy(b + 4, m->b, m->n);
	if (send(fd, b, m->n + 4, MSG_NOSIGNAL) < 0)
		die("send");
}

/* ------------------------------------------------------------------ rpcbind */

static int listening(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 16))
		die("bind");
	return fd;
}

/* Who asks is told "yes". */
static void serve(int listener)
{
	unsigned char b[4096];

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		if (fork())
			close(fd);
		else
			for (int n; (n = get(fd, b, sizeof(b))) > 0;) {
				struct message m = {.n = 4};

				memcpy(m.b, b, 4); /* xid */
				number(&m, 1);	   /* reply */
				number(&m, 0);	   /* accepted */
				wide(&m, 0);	   /* no verifier */
				number(&m, 0);	   /* success */
				number(&m, 1);
				put(fd, &m);
			}
	}
}

/* ------------------------------------------------------------------ the server */

static void say(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void start_server(void)
{
	if (mount("nfsd", "/proc/fs/nfsd", "nfsd", 0, NULL))
		die("mount");
	say("/proc/fs/nfsd/portlist", "tcp 2049\n");
	say("/proc/net/rpc/auth.unix.ip/channel", "nfsd 127.0.0.1 2147483647 all\n");
	say("/proc/fs/nfsd/threads", "1\n");
}

/* ------------------------------------------------------------------ the client */

static int client;

static struct message call(uint32_t version, uint32_t procedure)
{
	static uint32_t xid = 100;
	struct message m = {.n = 0}, cred = {.n = 0};

	number(&cred, 0);
	bytes(&cred, "test", 4);
	number(&cred, UID);
	number(&cred, GID);
	number(&cred, 0);
	number(&m, xid++);
	number(&m, 0);
	number(&m, 2);
	number(&m, NFS);
	number(&m, version);
	number(&m, procedure);
	number(&m, 1);
	bytes(&m, cred.b, (uint32_t)cred.n);
	wide(&m, 0);
	return m;
}

static void send_it(const struct message *m)
{
	unsigned char b[65536];
	uint32_t status[2];

	put(client, m);
	if (get(client, b, sizeof(b)) < 12)
		die("reply");
	memcpy(status, b + 4, sizeof(status));
	if (ntohl(status[1]) != 0) {
		fprintf(stderr, "denied\n");
		exit(1);
	}
}

static void one(int what, int k)
{
	static const char text[] = "some data";
	static const uint32_t procedures[] = {3, 6, 7, 21, 12, 14, 8};
	struct message m = what < 7 ? call(3, procedures[what]) : call(4, 1);

	if (what < 7)
		handle(&m);
	switch (what) {
	case 0:
		bytes(&m, "looked-up", 9);
		break;
	case 1:
	case 3:
		wide(&m, 1000 + (uint64_t)k);
		number(&m, 512);
		break;
	case 2:
		wide(&m, 5000000000);
		number(&m, sizeof(text));
		number(&m, 2);
		bytes(&m, text, sizeof(text));
		break;
	case 4:
		bytes(&m, "removed", 7);
		break;
	case 5:
		bytes(&m, "from", 4);
		handle(&m);
		bytes(&m, "to-there", 8);
		break;
	case 6:
		bytes(&m, "new", 3);
		number(&m, 0); /* unchecked, no attributes */
		for (int i = 0; i < 6; i++)
			number(&m, 0);
		break;
	default: /* tag, minor version, one operation: PUTROOTFH */
		bytes(&m, "tag", 3);
		number(&m, 0);
		number(&m, 1);
		number(&m, 24);
	}
	send_it(&m);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"lookup", "read", "write", "commit", "remove", "rename", "create", "compound"};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int n = argc > 1 ? atoi(argv[1]) : 1, listener = listening(RPCBIND);

	if (fork() == 0) {
		setpgid(0, 0);
		serve(listener);
	}
	close(listener);
	start_server();
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (void *)&a, sizeof(a)))
		die("connect");
	for (int what = 0; what < 8; what++) {
		for (int k = 0; k < n + what; k++)
			one(what, k);
		printf("%s %d\n", names[what], n + what);
	}
	return 0;
}
