// A logger to try tracers on: producers make messages, a queue takes them to the sink, which writes
// rolling files. It counts what it does and says so at the end, so that a trace can be checked.
#include "queue.h"
#include "sink.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <unistd.h>
#include <vector>

namespace logger {

Counts counts;

struct Options {
	long messages = 1000; // of each producer; 0: as many as the time allows
	double seconds = 0;
	int threads = 3;
	long limit = 16384;
	std::size_t capacity = 64;
	Level least = Level::info;
	long pause = 0; // microseconds
};

class Producer {
public:
	Producer(int id, const Options &options, Queue &queue)
		: id(id), seed(id * 7919 + 1), options(options), queue(queue) {}
	long produce(std::chrono::steady_clock::time_point end);

private:
	int random(int below);
	void compose(Record &record, std::uint64_t number);

	int id;
	unsigned seed;
	long sent = 0;
	const Options &options;
	Queue &queue;
};

int Producer::random(int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

void Producer::compose(Record &record, std::uint64_t number)
{
	static const char *const modules[] = { "net", "disk", "auth" };
	int dice = random(100);

	counts.compose++;
	record.number = number;
	record.level = dice < 40 ? Level::debug : dice < 90 ? Level::info :
		dice < 98 ? Level::warning : Level::error;
	record.origin.thread = id;
	record.origin.module = modules[random(3)];
	if (record.level == Level::error)
		counts.errors++;
	int length = random(100);
	std::snprintf(record.text, sizeof record.text, "message %lu ", (unsigned long)number);
	for (int i = 12; i < length; i++) {
		record.text[i] = 'a' + i % 26;
		record.text[i + 1] = '\0';
	}
}

long Producer::produce(std::chrono::steady_clock::time_point end)
{
	counts.produce++;
	for (long i = 0; options.messages == 0 || i < options.messages; i++) {
		Record record;

		if (options.seconds > 0 && std::chrono::steady_clock::now() >= end)
			break;
		compose(record, i);
		if (!should_log(record.level, options.least))
			continue;
		queue.push(record);
		sent++;
		if (options.pause)
			std::this_thread::sleep_for(std::chrono::microseconds(options.pause));
	}
	return sent;
}

static void say(const char *name, const std::atomic<unsigned long> &n)
{
	std::printf("%-13s %lu\n", name, n.load());
}

static void print_summary()
{
	std::printf("-- summary\n");
	say("produce", counts.produce);
	say("compose", counts.compose);
	say("should_log", counts.should_log);
	say("push", counts.push);
	say("wait_for_room", counts.full);
	say("pop", counts.pop);
	say("format_record", counts.format);
	say("level_name", counts.level_name);
	say("write_line", counts.write_line);
	say("flush", counts.flush);
	say("roll", counts.roll);
	say("truncate_line", counts.truncated);
	say("(errors)", counts.errors);
	say("(bytes)", counts.bytes);
}

static int run(const Options &options, const char *directory)
{
	Queue queue(options.capacity);
	auto end = std::chrono::steady_clock::now() +
		std::chrono::microseconds((long)(options.seconds * 1e6));
	std::vector<std::thread> threads;
	std::vector<std::unique_ptr<Producer>> producers;
	auto sink = std::make_unique<Sink>(directory, options.limit, 4);
	std::thread writer(&Sink::run, sink.get(), std::ref(queue));

	for (int i = 0; i < options.threads; i++) {
		producers.push_back(std::make_unique<Producer>(i, options, queue));
		threads.emplace_back(&Producer::produce, producers.back().get(), end);
	}
	for (auto &thread : threads)
		thread.join();
	queue.close();
	writer.join();
	sink.reset();
	print_summary();
	return 0;
}

}

int main(int argc, char **argv)
{
	logger::Options options;
	int c;

	while ((c = getopt(argc, argv, "n:s:t:l:q:p:")) != -1)
		switch (c) {
		case 'n': options.messages = std::atol(optarg); break;
		case 's': options.seconds = std::atof(optarg); options.messages = 0; break;
		case 't': options.threads = std::atoi(optarg); break;
		case 'l': options.limit = std::atol(optarg); break;
		case 'q': options.capacity = std::atol(optarg); break;
		case 'p': options.pause = std::atol(optarg); break;
		default: optind = argc;
		}
	if (optind + 1 != argc) {
		std::fprintf(stderr, "usage: logger [-n MESSAGES | -s SECONDS] [-t THREADS] [-l BYTES] "
			     "[-q QUEUE] [-p PAUSE-US] DIRECTORY\n");
		return 2;
	}
	return logger::run(options, argv[optind]);
}
