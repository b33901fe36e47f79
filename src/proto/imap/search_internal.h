/* SEARCH: what is looked for (search_grammar.c), whether a message is it (search_match.c, search_text.c), and the walk over
   the mailbox (search.c). */
#ifndef IMAP_SEARCH_INTERNAL_H
#define IMAP_SEARCH_INTERNAL_H

#include "proto/imap/session_internal.h"
#include "proto/imap/wire.h"
#include "proto/mime/search.h"
#include "proto/mime/summary.h"

/* NOT, OR and parentheses within each other. */
#define IMAP_SEARCH_DEPTH_MAX 32
/* BODY and TEXT keys of one SEARCH: each reads the message anew. */
#define IMAP_SEARCH_BODIES_MAX 16
/* What is looked at in one message by one such key. */
#define IMAP_SEARCH_TEXT_MAX (8U << 20)
/* Fields are looked for so far into a header. */
#define IMAP_SEARCH_HEADER_MAX (256U << 10)
/* \Recent among the flags that a key looks at. */
#define SEARCH_RECENT 0x80000000U

enum imap_search_kind {
	SEARCH_FLAGS, /* (flags & mask) == wanted */
	SEARCH_KEYWORD,
	SEARCH_SET, /* uids */
	SEARCH_DATE, SEARCH_SENT, /* a day of [from, to) */
	SEARCH_SIZE, /* octets of [from, to) */
	SEARCH_ENVELOPE, /* the text in one of its fields */
	SEARCH_HEADER, /* the text in the header fields of that name */
	SEARCH_BODY, SEARCH_TEXT,
	SEARCH_AND, SEARCH_OR, SEARCH_NOT,
};

/* The order of the envelope (RFC 3501 7.4.2). */
enum imap_envelope_field {
	ENVELOPE_DATE, ENVELOPE_SUBJECT, ENVELOPE_FROM, ENVELOPE_SENDER, ENVELOPE_REPLY_TO, ENVELOPE_TO,
	ENVELOPE_CC, ENVELOPE_BCC, ENVELOPE_IN_REPLY_TO, ENVELOPE_MESSAGE_ID,
};

enum imap_verdict {
	VERDICT_NO,
	VERDICT_YES,
	VERDICT_UNKNOWN, /* ask again with the body */
	VERDICT_LATER, /* ask again in the next turn: what was found out so far is remembered */
};

struct imap_search_key {
	enum imap_search_kind kind;
	unsigned int cost; /* cheap keys are looked at first */
	struct imap_search_key *next; /* the other keys of an AND or OR */
	struct imap_search_key *first; /* of AND, OR, NOT */
	uint32_t mask, wanted;
	uint64_t keyword; /* the bit of the view; 0: no message has it */
	struct imap_set set;
	bool is_uids;
	int64_t from, to;
	enum imap_envelope_field field;
	struct bytes name; /* of a keyword or header field */
	struct bytes text; /* folded */
	/* Of a key that looks at text: what it said of the message that it looked at last. */
	uint32_t told_uid;
	bool told_with_body;
	enum imap_verdict told;
};

struct imap_candidate;

struct imap_search {
	struct imap_search_key *keys; /* an AND */
	bool is_charset_bad;
	struct imap_set all; /* what is walked over */
	struct imap_walk walk;
	struct imap_range whole;
	struct imap_set batch; /* messages whose bodies are needed */
	size_t batch_size;
	uint32_t batch_count;
	uint64_t batch_octets;
	const struct imap_body *bodies;
	size_t body_count, body_at;
	/* What is done with a message that was found.  False: the arena is full. */
	bool (*note)(struct imap_session *s, struct imap_search *search, struct imap_candidate *c, uint32_t number);
	bool needs_summary, needs_size; /* for that: of the candidate */
	uint32_t *found; /* of SEARCH: numbers or uids */
	size_t found_count, put;
};

/* What stands behind "SEARCH". False: syntax error, or too much of it. */
bool take_imap_search(struct bytes *in, struct arena *a, struct imap_search *search);
/* RFC 5256 4: search-criteria = charset 1*(SP search-key), with the SP before it. */
bool take_imap_search_criteria(struct bytes *in, struct arena *a, struct imap_search *search);

/* The phase of a command behind the search, and those of its own. */
#define IMAP_SEARCH_FOUND 8U
/* A turn of a command that searches, before IMAP_SEARCH_FOUND. */
enum imap_turn imap_search_turn(struct imap_session *s, struct imap_command *c, struct imap_search *search);
/* Puts the numbers from *put on, each behind SP, and the line's end.  False: flush, and come again. */
bool imap_search_put_numbers(struct imap_session *s, const uint32_t *numbers, size_t count, size_t *put);

/* A message that is looked at. */
struct imap_candidate {
	const struct imap_mailbox *mailbox;
	const struct view_record *record;
	const struct imap_body *body; /* NULL: not asked for yet */
	struct arena *scratch; /* to work in, as is `text` */
	struct buf *text;
	uint32_t *budget; /* of this turn; what a key costs is taken off */
	bool has_looked; /* at text, in this turn: so each turn gets on */
};

/* Turns numbers into uids and names of keywords into bits.  False: a number is not that of a message. */
bool imap_search_settle(const struct imap_mailbox *m, struct imap_search_key *key);
enum imap_verdict imap_search_match(struct imap_candidate *c, struct imap_search_key *key);
/* search_text.c: for ENVELOPE, HEADER, BODY and TEXT. */
enum imap_verdict imap_search_match_text(struct imap_candidate *c, struct imap_search_key *key);
/* Takes off the budget what looking at so many octets costs. */
void imap_search_pay(struct imap_candidate *c, uint64_t octets);
/* The message's summary; false: there is none yet. */
bool imap_search_summary(const struct imap_candidate *c, struct summary *summary);

#endif
