/* What a look-up meets on its way, told to who asks why (explain.h).  It is the look-up itself that tells, so that what is
   explained is what happens; one that nobody watches has no trace (NULL), and pays a comparison for it. */
#ifndef ROLE_DIRECTORY_TRACE_H
#define ROLE_DIRECTORY_TRACE_H

#include "base/event.h"

enum trace_step {
#define STEP(id, word, sentence) id,
#include "role/directory/trace.def"
#undef STEP
	TRACE_STEPS
};

struct trace {
	/* fields end with FIELD_END and are borrowed for the call. */
	void (*step)(void *arg, enum trace_step step, const struct event_field *fields);
	void *arg;
};

/* trace(t, TRACE_ABSENT, TEXT("address", address), INT("depth", depth)) */
#define trace(t, id, ...)                                                                          \
	((t) ? (t)->step((t)->arg, (id), (const struct event_field[]){ __VA_ARGS__ __VA_OPT__(, ){ FIELD_END, 0, { 0, 0 }, 0 } }) \
	     : (void)0)

/* The step's word on the control socket, and what it says to people: a field's value stands for its {name}. */
const char *trace_word(enum trace_step step);
const char *trace_sentence(enum trace_step step);

#endif
