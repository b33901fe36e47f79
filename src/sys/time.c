#include "sys/time.h"

#include <errno.h>
#include <time.h>

static int64_t
clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct moment
time_now(void)
{
	return (struct moment){ .wall_us = clock_us(CLOCK_REALTIME),
		.mono_us = clock_us(CLOCK_MONOTONIC) };
}

int64_t
time_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

void
time_sleep_ms(uint64_t ms)
{
	struct timespec left = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		;
}
