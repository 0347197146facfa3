/* Runs a fuzz target without a fuzzing engine:
 *
 *	replay_TARGET FILE|DIRECTORY ...
 *	replay_TARGET -seconds N [-seed S] FILE|DIRECTORY ...
 *
 * The first form gives every file to the target once. The second then goes on for N seconds with
 * random changes of these files. The input being tried is kept in the file `crash-TARGET` of the
 * directory $FUZZ_OUT (default /tmp), so that what ends the program can be looked at; the seed
 * printed repeats the run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *data;
	size_t size;
};

static struct input *inputs;
static size_t n_inputs;
static uint64_t state; /* xorshift64* */

static uint32_t rnd(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return below ? (uint32_t)(state * 0x2545f4914f6cdd1dull >> 32) % below : 0;
}

static _Noreturn void out_of_luck(const char *what)
{
	printf("replay: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void add_file(const char *path, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *data = malloc(size + 1);
	ssize_t n;

	if (fd < 0 || !data || (n = read(fd, data, size)) < 0)
		out_of_luck(path);
	close(fd);
	inputs = realloc(inputs, (n_inputs + 1) * sizeof(*inputs));
	if (!inputs)
		out_of_luck(path);
	inputs[n_inputs++] = (struct input){data, (size_t)n};
}

static void add_path(const char *path)
{
	struct stat st;
	struct dirent **entry;
	char name[4096];
	int n;

	if (stat(path, &st) < 0)
		out_of_luck(path);
	if (!S_ISDIR(st.st_mode)) {
		add_file(path, (size_t)st.st_size);
		return;
	}
	n = scandir(path, &entry, NULL, alphasort);
	if (n < 0)
		out_of_luck(path);
	for (int i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
			add_path(name);
		}
		free(entry[i]);
	}
	free(entry);
}

/* The input being tried, for who looks after a crash. */
static struct {
	int fd;
	char path[4096];
} current;

static void open_current(const char *program)
{
	const char *dir = getenv("FUZZ_OUT"), *base = strrchr(program, '/');

	base = base ? base + 1 : program;
	snprintf(current.path, sizeof(current.path), "%s/crash-%s", dir ? dir : "/tmp",
		 strncmp(base, "replay_", 7) == 0 ? base + 7 : base);
	current.fd = open(current.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (current.fd < 0)
		out_of_luck(current.path);
}

/* A copy of exact size, so that the sanitizers see a read behind the end. */
static void try_input(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		out_of_luck("memory");
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t cut(size_t n)
{
	return n > LONGEST ? LONGEST : n;
}

/* One random change of the n bytes in buf; the new length. */
static size_t change(uint8_t *buf, size_t n)
{
	static const char *const odd[] = {
		"%(", "%?", "%:", "%)", "@define ", "@a", "$1", "@1", "$#", "(", ")", "[", "]", "{", "}",
		"\"", "\\", "/*", "*/", "#", "\n", "\0", "\377", "%{", "%}", "0x", "-", "99999999999999999999",
		"18446744073709551615", "<<<", "=~", " in ", "foreach", "if", "else", "probe ", "global ",
		"*", ",", ";", ":", ".", "%*.*d", "%s", "b0:", "%0", "ret", "handler "};
	size_t at = rnd((uint32_t)n + 1), len, from;
	const struct input *other;

	switch (rnd(8)) {
	case 0: /* flip a bit */
		if (at < n)
			buf[at] ^= (uint8_t)(1u << rnd(8));
		return n;
	case 1: /* another byte */
		if (at < n)
			buf[at] = (uint8_t)rnd(256);
		return n;
	case 2: /* remove some */
		len = rnd(1 + (uint32_t)(n - at));
		len = rnd(4) ? len % 9 : len;
		memmove(buf + at, buf + at + len, n - at - len);
		return n - len;
	case 3: /* cut off */
		return rnd(4) ? n : at;
	case 4: /* repeat a part */
		len = rnd(1 + (uint32_t)(n - at));
		if (n + len > LONGEST)
			return n;
		memmove(buf + at + len, buf + at, n - at);
		return n + len;
	case 5: { /* a piece of another input */
		other = &inputs[rnd((uint32_t)n_inputs)];
		from = rnd((uint32_t)cut(other->size) + 1);
		len = rnd(1 + (uint32_t)(cut(other->size) - from));
		if (n + len > LONGEST)
			return n;
		memmove(buf + at + len, buf + at, n - at);
		memcpy(buf + at, other->data + from, len);
		return n + len;
	}
	default: { /* something that means something */
		const char *piece = odd[rnd(sizeof(odd) / sizeof(odd[0]))];

		len = piece[0] ? strlen(piece) : 1;
		if (n + len > LONGEST)
			return n;
		memmove(buf + at + len, buf + at, n - at);
		memcpy(buf + at, piece, len);
		return n + len;
	}
	}
}

static void fuzz(const char *program, double seconds)
{
	uint8_t buf[LONGEST];
	unsigned long tries = 0;
	struct timespec start, now;

	open_current(program);
	printf("seed %llu, current input in %s\n", (unsigned long long)state, current.path);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		const struct input *in = &inputs[rnd((uint32_t)n_inputs)];
		size_t n = cut(in->size);

		memcpy(buf, in->data, n);
		for (uint32_t k = 1 + rnd(rnd(4) ? 4 : 32); k > 0; k--)
			n = change(buf, n);
		if (pwrite(current.fd, buf, n, 0) < 0 || ftruncate(current.fd, (off_t)n) < 0)
			out_of_luck(current.path);
		try_input(buf, n);
		tries++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
		 seconds);
	unlink(current.path);
	printf("%lu random inputs\n", tries);
}

int main(int argc, char **argv)
{
	double seconds = 0;
	struct timespec now;
	int i = 1;

	clock_gettime(CLOCK_REALTIME, &now);
	state = (uint64_t)now.tv_nsec * 1000003 + (uint64_t)now.tv_sec;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "-seconds") == 0)
			seconds = atof(argv[i + 1]);
		else if (strcmp(argv[i], "-seed") == 0)
			state = strtoull(argv[i + 1], NULL, 0);
		else
			break;
	}
	if (i >= argc || argv[i][0] == '-') {
		printf("usage: %s [-seconds N] [-seed S] FILE|DIRECTORY ...\n", argv[0]);
		return 2;
	}
	state |= state == 0;
	for (; i < argc; i++)
		add_path(argv[i]);
	if (!n_inputs) {
		printf("replay: no inputs\n");
		return 2;
	}
	for (size_t k = 0; k < n_inputs; k++)
		try_input(inputs[k].data, inputs[k].size);
	printf("%zu inputs replayed\n", n_inputs);
	fflush(stdout);
	if (seconds > 0)
		fuzz(argv[0], seconds);
	for (size_t k = 0; k < n_inputs; k++)
		free(inputs[k].data);
	free(inputs);
	return 0;
}
