#ifndef SYS_TIME_H
#define SYS_TIME_H

#include "base/clock.h"

/* Both clocks, read now. */
struct moment time_now(void);
/* The wall clock in microseconds, for event_sink. */
int64_t time_wall_us(void);
/* Sleeps the calling thread; for back-off in threads and the CLI, never on a loop. */
void time_sleep_ms(uint64_t ms);

#endif
