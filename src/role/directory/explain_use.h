/* What the mail of accounts takes, and what it may: asked of the store for who asks why (explain.h). */
#ifndef ROLE_DIRECTORY_EXPLAIN_USE_H
#define ROLE_DIRECTORY_EXPLAIN_USE_H

#include "role/directory/accounts.h"
#include "role/directory/trace.h"

/* Of more accounts it is not said. */
#define EXPLAIN_USES_MAX 8

struct directory;

/* Embed it. */
struct explain_uses {
	struct directory *directory;
	const struct trace *told;
	void (*done)(void *arg);
	void *arg;
	size_t count, waiting; /* for answers, and for the end of questions */
	size_t full, untold; /* accounts with a quota that has no room; and those of which that is not known */
	struct explain_use {
		struct explain_uses *uses;
		uint64_t request; /* 0: answered */
		uint64_t account;
	} at[EXPLAIN_USES_MAX];
};

/* told: hears of each account (TRACE_USE).  done: called once, when all was answered after explain_uses_end. */
void explain_uses_init(struct explain_uses *u, struct directory *d, const struct trace *told, void (*done)(void *arg), void *arg);
void explain_uses_ask(struct explain_uses *u, const struct account *account);
/* No more is asked.  *u may be gone when it returns. */
void explain_uses_end(struct explain_uses *u);
/* Nothing is called any more. */
void explain_uses_forget(struct explain_uses *u);

#endif
