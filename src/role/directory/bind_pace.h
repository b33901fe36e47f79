/* How long a refusal is held back, so that its time does not tell whether there was a password to compare: pure.

   A server compares nothing for an entry that it does not have, and may take some time (argon2, a policy's note of the
   failure on its disk) for one that it has.  So every refusal takes the same time, which is longer than any answer of an account
   lately: 250 ms or, where that is too short, the next double. */
#ifndef ROLE_DIRECTORY_BIND_PACE_H
#define ROLE_DIRECTORY_BIND_PACE_H

#include <stdint.h>

#define BIND_PACE_LEAST_US 250000
/* What is "lately", at least; at most twice that. */
#define BIND_PACE_WINDOW_US ((int64_t)600 * 1000000)

/* All zero at first. */
struct bind_pace {
	int64_t longest_us[2]; /* of this window, and of the one before */
	int64_t began_us; /* this window */
};

/* An account's bind took that long. */
void bind_pace_learn(struct bind_pace *p, int64_t took_us, int64_t now_us);
/* How long a refusal takes now, at most max_us. */
int64_t bind_pace_hold_us(const struct bind_pace *p, int64_t now_us, int64_t max_us);

#endif
