#include "queue.h"

namespace logger {

// The rare path: the sink is slower than the producers.
void Queue::wait_for_room(std::unique_lock<std::mutex> &lock)
{
	counts.full++;
	room.wait(lock, [this] { return length < capacity; });
}

void Queue::push(const Record &record)
{
	std::unique_lock<std::mutex> lock(mutex);

	counts.push++;
	if (length >= capacity)
		wait_for_room(lock);
	records.push_back(record);
	if (++length > longest)
		longest = length;
	filled.notify_one();
}

bool Queue::pop(Record *record)
{
	std::unique_lock<std::mutex> lock(mutex);

	counts.pop++;
	filled.wait(lock, [this] { return length > 0 || closed; });
	if (length == 0)
		return false;
	*record = records.front();
	records.pop_front();
	length--;
	room.notify_one();
	return true;
}

void Queue::close()
{
	std::lock_guard<std::mutex> lock(mutex);

	closed = true;
	filled.notify_all();
}

}
