#include "record.h"
#include <cstdio>

namespace logger {

bool should_log(Level level, Level least)
{
	counts.should_log++;
	return level >= least;
}

const char *level_name(Level level)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARN", "ERROR" };

	counts.level_name++;
	return names[static_cast<int>(level)];
}

static std::size_t truncate_line(char *line, std::size_t size)
{
	counts.truncated++;
	line[size - 2] = '\n';
	return size - 1;
}

// The length of the line; longer ones are cut.
std::size_t format_record(const Record &record, char *line, std::size_t size)
{
	int n = std::snprintf(line, size, "%08lu %-5s [%s/%d] %s\n", (unsigned long)record.number,
			      level_name(record.level), record.origin.module,
			      record.origin.thread, record.text);

	counts.format++;
	if (n < 0)
		return 0;
	return static_cast<std::size_t>(n) < size ? n : truncate_line(line, size);
}

}
