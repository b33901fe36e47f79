/* The event log: what happened, as a name and fields, one line each.  events.def is the list. */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include "base/buf.h"

enum event_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_NOTICE, LEVEL_WARNING, LEVEL_ERROR };

enum event_id {
#define EVENT(id, name, level, sentence) id,
#include "base/events.def"
#undef EVENT
	EVENT_COUNT
};

enum event_format { EVENT_KEY_VALUE, EVENT_JSON };

/* What the events of a session, or of a mail in it, have in common; NULL where there is none.
   mail_id: 26 characters or NULL. */
struct event_context {
	uint64_t session; /* 0: none */
	const char *mail_id;
};

enum event_field_kind { FIELD_END, FIELD_TEXT, FIELD_INT, FIELD_SECRET };

struct event_field {
	enum event_field_kind kind;
	const char *name;
	struct bytes text;
	int64_t number;
};

/* Fields for event().  TEXT takes struct bytes, STR a C string; SECRET prints as ***. */
#define TEXT(name, value) { FIELD_TEXT, (name), (value), 0 }
#define STR(name, value) { FIELD_TEXT, (name), bytes_text(value), 0 }
#define INT(name, value) { FIELD_INT, (name), BYTES_NONE, (int64_t)(value) }
#define SECRET(name) { FIELD_SECRET, (name), BYTES_NONE, 0 }

/* event(ctx, EV_RCPT_REFUSED, TEXT("rcpt", path), INT("code", 550)); ctx may be NULL. */
#define event(ctx, id, ...)                                                                        \
	event_emit((ctx), (id),                                                                    \
		(const struct event_field[]){ __VA_ARGS__ __VA_OPT__(, ){ FIELD_END, 0, { 0, 0 }, 0 } })

/* What event() calls: fields end with FIELD_END. */
void event_emit(const struct event_context *ctx, enum event_id id, const struct event_field *fields);

/* Where lines go: `write` gets each whole line with its LF, from any thread.  now_us gives the
   wall clock.  role and process id stand in every line. */
struct event_sink {
	void (*write)(void *arg, struct bytes line);
	int64_t (*now_us)(void);
	void *arg;
	const char *role;
	int64_t pid;
	enum event_format format;
	enum event_level least; /* events below are dropped */
};

/* Sets the process's sink (copied).  Until then events are dropped. */
void event_set_sink(const struct event_sink *sink);
const char *event_name(enum event_id id);
/* The sentence of events.def: for the manual and for people. */
const char *event_sentence(enum event_id id);
enum event_level event_level_of(enum event_id id);
const char *event_level_name(enum event_level level);
/* Octets as they stand in a key=value line: quoted when they hold anything but printable ASCII
   without SP, " and \; other octets as \xNN, well-formed UTF-8 kept. */
void event_put_escaped(struct buf *b, struct bytes in);

#endif
