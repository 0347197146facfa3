/* Dates as text. */
#include "bpfrt.h"

enum {
	DAY = 86400,
	EPOCH = 719468, /* days from March 1st of the year 0 to 1970 */
	ERA = 146097,	/* days of 400 years */
};

static inline uint64_t two_digits(uint64_t n)
{
	return ('0' + n / 10 % 10) | ('0' + n % 10) << 8;
}

/* Years begin in March here: leap days are the last ones then. */
long rt_ctime(struct rt_str *dst, uint64_t cap, int64_t seconds, const struct rt_calendar *names)
{
	uint64_t t, days, of_era, year, of_year, month, day, text[3], second, weekday;
	int64_t era;

	if (!dst || !names)
		return 0;
	t = (uint64_t)(seconds + (int64_t)EPOCH * DAY);
	days = t / DAY;
	second = t % DAY;
	era = (int64_t)(days / ERA);
	of_era = days % ERA;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	year += (uint64_t)era * 400;
	month = (5 * of_year + 2) / 153;
	day = of_year - (153 * month + 2) / 5 + 1;
	year += month >= 10;
	/* "Thu Jan  1 00:00:00 1970" */
	weekday = (days + 3) % 7;
	forget(weekday);
	forget(month);
	text[0] = names->days[weekday & 7] | (uint64_t)names->months[month & 15] << 32;
	text[1] = (day < 10 ? (uint64_t)' ' | ('0' + day) << 8 : two_digits(day)) | (uint64_t)' ' << 16 |
		  two_digits(second / 3600) << 24 | (uint64_t)':' << 40 |
		  two_digits(second / 60 % 60) << 48;
	text[2] = ':' | two_digits(second % 60) << 8 | (uint64_t)' ' << 24 |
		  two_digits(year / 100) << 32 | two_digits(year % 100) << 48;
	t = smaller(24, limit(cap));
	copy(dst->s, t, text);
	set_len(dst, t);
	return 0;
}

struct wait {
	uint64_t until;
};

LOCAL long wait_step(uint64_t i, struct wait *c)
{
	(void)i;
	return bpf_ktime_get_ns() >= c->until;
}

long rt_delay(int64_t ns)
{
	struct wait c;

	if (ns <= 0)
		return 0;
	c.until = bpf_ktime_get_ns() + (uint64_t)ns;
	bpf_loop(1 << 23, wait_step, &c, 0);
	return 0;
}
