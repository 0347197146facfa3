#include "sink.h"
#include <cstdlib>

namespace logger {

Sink::Sink(std::string directory, long limit, int keep)
	: directory(std::move(directory)), limit(limit), keep(keep)
{
	if (!open_file())
		std::exit(1);
}

Sink::~Sink()
{
	flush();
	std::fclose(file);
}

std::string Sink::path(int number) const
{
	return directory + "/log." + std::to_string(number);
}

bool Sink::open_file()
{
	std::string name = path(file_number);

	file = std::fopen(name.c_str(), "w");
	if (!file)
		std::perror(name.c_str());
	return file != nullptr;
}

int Sink::flush()
{
	counts.flush++;
	return std::fflush(file);
}

// The number of the file that is removed, or -1.
int Sink::roll()
{
	int oldest = ++file_number - keep;

	counts.roll++;
	std::fclose(file);
	written = 0;
	if (!open_file())
		std::exit(1);
	if (oldest < 0)
		return -1;
	std::remove(path(oldest).c_str());
	return oldest;
}

// How many bytes are free in the file afterwards.
long Sink::write_line(const char *line, std::size_t length)
{
	counts.write_line++;
	counts.bytes += length;
	if (written + static_cast<long>(length) > limit)
		roll();
	std::fwrite(line, 1, length, file);
	written += length;
	lines++;
	return limit - written;
}

void Sink::run(Queue &queue)
{
	Record record;
	char line[100];

	while (queue.pop(&record)) {
		std::size_t length = format_record(record, line, sizeof line);
		write_line(line, length);
		if (record.level == Level::error)
			flush();
	}
}

}
