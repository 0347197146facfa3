// What travels from the producers to the sink, and how often the main functions ran.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace logger {

enum class Level : int { debug, info, warning, error };

struct Origin {
	int thread;
	const char *module;
};

struct Record {
	std::uint64_t number = 0;
	Level level = Level::debug;
	Origin origin = {};
	char text[120] = {};
};

// Ground truth for what a tracer says. Functions count themselves.
struct Counts {
	std::atomic<unsigned long> produce, compose, should_log, push, full, pop, format, level_name,
		truncated, write_line, bytes, flush, roll, errors;
};
extern Counts counts;

bool should_log(Level level, Level least);
const char *level_name(Level level);
std::size_t format_record(const Record &record, char *line, std::size_t size);

}
