/* Clocks and dates. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bpfrt/abi.h"
#include "rt/fn.h"
#include "run/kernel_config.h"

enum { NS_PER_S = 1000000000 };

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int fn_gettimeofday_ns(struct rt_call *c)
{
	return rt_ret_long(c, clock_ns(CLOCK_REALTIME));
}

static int fn_gettimeofday_us(struct rt_call *c)
{
	return rt_ret_long(c, clock_ns(CLOCK_REALTIME) / 1000);
}

static int fn_gettimeofday_ms(struct rt_call *c)
{
	return rt_ret_long(c, clock_ns(CLOCK_REALTIME) / 1000000);
}

static int fn_gettimeofday_s(struct rt_call *c)
{
	return rt_ret_long(c, clock_ns(CLOCK_REALTIME) / NS_PER_S);
}

static int fn_monotonic_ns(struct rt_call *c)
{
	return rt_ret_long(c, clock_ns(CLOCK_MONOTONIC));
}

/* Is n in a list such as "0-3,8,10-11"? */
static bool in_cpu_list(const char *list, int64_t n)
{
	char *end;

	while (*list >= '0' && *list <= '9') {
		long long first = strtoll(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoll(end + 1, &end, 10);
		if (n >= first && n <= last)
			return true;
		if (*end != ',')
			break;
		list = end + 1;
	}
	return false;
}

static bool cpu_is_online(int64_t n)
{
	char list[RT_FN_LINE];

	if (n < 0)
		return false;
	if (rt_read_file("/sys/devices/system/cpu/online", list, sizeof(list)) > 0)
		return in_cpu_list(list, n);
	return n < sysconf(_SC_NPROCESSORS_CONF);
}

static int fn_cpu_clock_ns(struct rt_call *c)
{
	int64_t n = c->args[0].n;

	if (!cpu_is_online(n))
		return rt_raise(c, "cpu %lld is not online", (long long)n);
	return rt_ret_long(c, clock_ns(CLOCK_MONOTONIC));
}

static int fn_get_cycles(struct rt_call *c)
{
#if defined(__x86_64__) || defined(__i386__)
	return rt_ret_long(c, (int64_t)__builtin_ia32_rdtsc());
#else
	return rt_ret_long(c, 0);
#endif
}

/* The kernel lets its 64-bit counter start where the 32-bit one wraps five minutes later. */
static int fn_jiffies(struct rt_call *c)
{
	int64_t hz = kernel_hz(), ns = clock_ns(CLOCK_MONOTONIC);

	return rt_ret_long(c, (int64_t)(uint32_t)(-300 * hz) + ns / NS_PER_S * hz +
				      ns % NS_PER_S * hz / NS_PER_S);
}

static int fn_hz(struct rt_call *c)
{
	return rt_ret_long(c, kernel_hz());
}

/* ------------------------------------------------------------------ dates */
static void add_date(struct str *out, const struct tm *tm)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	str_addf(out, "%.3s %.3s%3d %02d:%02d:%02d %d", days + 3 * tm->tm_wday,
		 months + 3 * tm->tm_mon, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec,
		 tm->tm_year + 1900);
}

static int fn_ctime(struct rt_call *c)
{
	int64_t n = c->args[0].n;
	struct str text = {0};
	struct tm tm;
	int status;

	if (n > INT32_MAX) {
		if (rt_compatible_below(c, "2.3"))
			return rt_ret_static(c, "far far in the future...");
		return rt_raise(c, "Time too far in the future to be converted");
	}
	if (n < INT32_MIN) {
		if (rt_compatible_below(c, "2.3"))
			return rt_ret_static(c, "a long, long time ago...");
		return rt_raise(c, "Time too far in the past to be converted");
	}
	gmtime_r(&(time_t){(time_t)n}, &tm);
	add_date(&text, &tm);
	status = rt_ret_text(c, text.s, text.len);
	str_release(&text);
	return status;
}

/* The zone that held at the first use; pass 5 has just begun then, or has not yet. */
static const struct tm *zone(void)
{
	static struct tm tm;
	static bool known;
	time_t now = time(NULL);

	if (!known) {
		tzset();
		localtime_r(&now, &tm);
		known = true;
	}
	return &tm;
}

void rt_zone_share(struct rt_shared *to)
{
	to->tz_gmtoff = -zone()->tm_gmtoff;
	to->tz_len = (uint32_t)snprintf(to->tz_text, sizeof(to->tz_text), "%s", zone()->tm_zone);
	if (to->tz_len >= sizeof(to->tz_text))
		to->tz_len = sizeof(to->tz_text) - 1;
}

static int fn_tz_gmtoff(struct rt_call *c)
{
	return rt_ret_long(c, -zone()->tm_gmtoff);
}

static int fn_tz_name(struct rt_call *c)
{
	return rt_ret_static(c, zone()->tm_zone);
}

const struct intrinsic rt_time_fns[] = {
	{"gettimeofday_ns", INTR_READS, 0, fn_gettimeofday_ns},
	{"gettimeofday_us", INTR_READS, 0, fn_gettimeofday_us},
	{"gettimeofday_ms", INTR_READS, 0, fn_gettimeofday_ms},
	{"gettimeofday_s", INTR_READS, 0, fn_gettimeofday_s},
	{"local_clock_ns", INTR_READS, 0, fn_monotonic_ns},
	{"cpu_clock_ns", INTR_READS | INTR_FAILS, 0, fn_cpu_clock_ns},
	{"ktime_get_ns", INTR_READS, 0, fn_monotonic_ns},
	{"get_cycles", INTR_READS, 0, fn_get_cycles},
	{"jiffies", INTR_READS, 0, fn_jiffies},
	{"HZ", INTR_PURE, 0, fn_hz},
	{"ctime", INTR_PURE | INTR_FAILS, 24, fn_ctime},
	{"tz_gmtoff", INTR_PURE, 0, fn_tz_gmtoff},
	{"tz_name", INTR_PURE, 0, fn_tz_name},
	{0},
};

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(ctime_is_utc)
{
	CHECK_STR(RT_TEXT("ctime", RT_N(0)), "Thu Jan  1 00:00:00 1970");
	CHECK_STR(RT_TEXT("ctime", RT_N(INT32_MAX)), "Tue Jan 19 03:14:07 2038");
	CHECK_STR(RT_TEXT("ctime", RT_N(INT32_MIN)), "Fri Dec 13 20:45:52 1901");
}

TEST(cpu_lists_are_read)
{
	CHECK(in_cpu_list("0-3,8,10-11\n", 3));
	CHECK(!in_cpu_list("0-3,8,10-11\n", 4));
	CHECK(in_cpu_list("0-3,8,10-11\n", 8));
	CHECK(in_cpu_list("0-3,8,10-11\n", 11));
	CHECK(!in_cpu_list("0-3,8,10-11\n", INT64_MAX));
	CHECK(!in_cpu_list("", 0));
}

TEST(clocks_agree)
{
	int64_t s = RT_LONG("gettimeofday_s"), ms = RT_LONG("gettimeofday_ms");

	CHECK(ms / 1000 - s >= 0 && ms / 1000 - s <= 1);
	CHECK(RT_LONG("ktime_get_ns") <= RT_LONG("local_clock_ns"));
	CHECK(RT_LONG("jiffies") > 0);
	CHECK(RT_LONG("cpu_clock_ns", RT_N(0)) > 0);
}
#endif
