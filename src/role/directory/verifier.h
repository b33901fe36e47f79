/* Passwords tried on threads, many at a time but not more than can be answered in time; one that was right
   a moment ago costs microseconds. */
#ifndef ROLE_DIRECTORY_VERIFIER_H
#define ROLE_DIRECTORY_VERIFIER_H

#include "base/bytes.h"
#include "sys/loop.h"

/* So many may wait.  At 40 ms each and two threads the last one waits 5 s. */
#define VERIFIER_WAITING_MAX 256

struct verifier;

enum verifier_result {
	VERIFIER_RIGHT, /* it was right before */
	VERIFIER_PENDING, /* `done` will be called */
	VERIFIER_BUSY, /* too many wait: try later */
};

/* One for a loop. Owned. */
struct verifier *verifier_new(struct loop *loop, size_t threads);
/* Waits for the threads; what they were at is not told any more.  Before loop_free. */
void verifier_free(struct verifier **v);
/* Tries the password of the account called `name` against its hash.  A hash that is empty or malformed
   takes the same time and is never right.  `done` is called once when the result is VERIFIER_PENDING, and
   never from in here.  The views are copied, and wiped afterwards. */
enum verifier_result verifier_try(struct verifier *v, struct bytes name, struct bytes encoded,
	struct bytes secret, void (*done)(void *arg, bool is_right), void *arg);

#endif
