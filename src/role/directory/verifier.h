/* Passwords tried: at once where that is a matter of microseconds, else on threads, many at a time but not more than
   can be answered in time; one that was right a moment ago costs microseconds. */
#ifndef ROLE_DIRECTORY_VERIFIER_H
#define ROLE_DIRECTORY_VERIFIER_H

#include "base/bytes.h"
#include "sys/loop.h"

/* So many may wait.  At 40 ms each and two threads the last one waits 5 s. */
#define VERIFIER_WAITING_MAX 256
/* And so many of one party, so that nobody takes the whole queue. */
#define VERIFIER_WAITING_PARTY_MAX 32

struct verifier;

enum verifier_result {
	VERIFIER_RIGHT, /* it is, or was before */
	VERIFIER_WRONG,
	VERIFIER_PENDING, /* `done` will be called */
	VERIFIER_BUSY, /* too many wait: try later */
};

/* Borrowed for the call. */
struct verifier_question {
	struct bytes name; /* of the account */
	struct bytes stored; /* what is compared (password.h); when it can't be, the answer takes a while and is no */
	struct bytes secret_password;
	struct bytes party; /* who asks; empty: somebody who may ask as often as there is room */
	bool is_decoy; /* the answer is no and takes as long as with this stored form */
};

/* One for a loop. Owned. */
struct verifier *verifier_new(struct loop *loop, size_t threads);
/* Waits for the threads; what they were at is not told any more.  Before loop_free. */
void verifier_free(struct verifier **v);
/* Is it the password?  `done` is called once when the result is VERIFIER_PENDING, and never from in here.  What is
   copied is wiped afterwards. */
enum verifier_result verifier_try(struct verifier *v, const struct verifier_question *q,
	void (*done)(void *arg, bool is_right), void *arg);

#endif
