// A bounded queue: many producers, one consumer.
#pragma once
#include "record.h"
#include <condition_variable>
#include <deque>
#include <mutex>

namespace logger {

class Queue {
public:
	explicit Queue(std::size_t capacity) : capacity(capacity) {}
	void push(const Record &record);
	bool pop(Record *record); // false: closed and empty
	void close();

private:
	void wait_for_room(std::unique_lock<std::mutex> &lock);

	std::size_t capacity;
	std::size_t length = 0;
	std::size_t longest = 0;
	bool closed = false;
	std::deque<Record> records;
	std::mutex mutex;
	std::condition_variable room, filled;
};

}
