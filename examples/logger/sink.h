// Writes lines to DIRECTORY/log.N; when a file is full the next one is begun and the oldest removed.
#pragma once
#include "queue.h"
#include <cstdio>
#include <string>

namespace logger {

class Sink {
public:
	Sink(std::string directory, long limit, int keep);
	~Sink();
	void run(Queue &queue);

private:
	bool open_file();
	int roll();
	int flush();
	long write_line(const char *line, std::size_t length);
	std::string path(int number) const;

	std::string directory;
	long limit; // bytes in a file
	int keep; // files
	int file_number = 0;
	long written = 0; // bytes in this file
	long lines = 0; // in all files
	std::FILE *file = nullptr;
};

}
