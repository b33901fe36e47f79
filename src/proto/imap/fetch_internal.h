/* FETCH: what is asked for (fetch_grammar.c), what it is in a message (section.c), how it is told (fetch_put.c), in which
   order (fetch.c). */
#ifndef IMAP_FETCH_INTERNAL_H
#define IMAP_FETCH_INTERNAL_H

#include "proto/imap/session_internal.h"
#include "proto/imap/wire.h"
#include "proto/mime/summary.h"

/* Of one FETCH. */
#define IMAP_SECTIONS_MAX 128
/* Numbers of one section. */
#define IMAP_SECTION_DEPTH_MAX 100
/* Names of one HEADER.FIELDS. */
#define IMAP_FIELDS_MAX 256

enum imap_fetch_item {
	FETCH_UID = 1,
	FETCH_FLAGS = 2,
	FETCH_DATE = 4,
	FETCH_SIZE = 8,
	FETCH_ENVELOPE = 16,
	FETCH_BODY = 32,
	FETCH_STRUCTURE = 64,
	FETCH_SUMMARY = FETCH_ENVELOPE | FETCH_BODY | FETCH_STRUCTURE,
};

enum imap_section_text {
	SECTION_WHOLE,
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};

/* section = "[" [section-spec] "]" ["<" number "." nz-number ">"] */
struct imap_section {
	struct bytes label; /* as in the response: "BODY[1.MIME]<0>" */
	uint32_t *numbers;
	size_t number_count;
	enum imap_section_text text;
	struct bytes *fields;
	size_t field_count;
	bool is_peek, is_partial;
	uint32_t partial_at, partial_octets;
};

struct imap_fetch_spec {
	unsigned int items; /* enum imap_fetch_item */
	struct imap_section *sections;
	size_t section_count;
	bool sets_seen;
};

/* What stands behind "FETCH" SP sequence-set SP. */
bool take_imap_fetch_spec(struct bytes *in, struct arena *a, struct imap_fetch_spec *spec);

/* Octets of a message that are being put out. */
struct imap_extract {
	bool is_nil; /* the message has no such part */
	struct bytes *pieces; /* disk or wire form; in the arena */
	size_t piece_count, at;
	struct imap_wire wire; /* what is left of piece `at` */
	uint64_t octets; /* wire form */
	uint64_t left; /* of them, to be put out */
	uint64_t work; /* what it took to find, in octets that were looked at */
};

/* Finds what the section is in the message. False: the arena is full. */
bool imap_extract_find(struct imap_extract *e, const struct imap_section *section, const struct imap_body *body,
	struct arena *a);
/* Puts out the next octets, `most` at most.  True when all is out. */
bool imap_extract_put(struct imap_extract *e, struct buf *out, size_t most);

struct imap_fetch {
	struct imap_set set;
	struct imap_fetch_spec spec;
	struct imap_walk walk;
	/* The messages that were asked for: up to batch_last. */
	const struct imap_body *bodies;
	size_t body_count, body_at;
	uint64_t batch_last;
	struct imap_set batch, seen; /* seen: those that FETCH itself made \Seen */
	/* The message that is being put out. */
	const struct imap_body *body;
	size_t section_at;
	uint64_t work; /* since others had their turn */
	bool is_first_item, is_in_section, has_missed;
	struct imap_extract extract;
};

/* Can all that is asked for but the sections be told from the view? */
bool imap_fetch_has_record(const struct imap_fetch *f, const struct view *view, const struct view_record *r);
/* "* 12 FETCH (FLAGS (\Seen) …", without the sections.  False: nothing was put, the message can't be told. */
bool imap_fetch_put_items(struct imap_session *s, const struct imap_fetch *f, uint32_t index, uint32_t number,
	const struct imap_body *body);
/* The whole line for FLAGS and UID alone. */
void imap_fetch_put_short(struct imap_session *s, const struct imap_fetch *f, uint32_t index, uint32_t number);

#endif
