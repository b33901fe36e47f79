/* Mailboxes in memory for tests and fuzzers: a view as the store would write it, and the messages. */
#ifndef IMAP_TEST_VIEW_H
#define IMAP_TEST_VIEW_H

#include "base/buf.h"
#include "view/view.h"

struct test_view {
	struct view view;
	struct view_head *head;
	struct view_record *records;
	struct bytes *octets; /* the messages, by record; owned */
	uint8_t *summaries;
	size_t summaries_size;
};

/* Empty; room for `capacity` records.  Owned. */
struct test_view *test_view_new(uint32_t capacity, uint32_t uid_validity);
void test_view_free(struct test_view **v);
/* Appends a message (the octets are copied) and gives its uid; 0: no room.  has_summary false: as from outsiders. */
uint32_t test_view_add(struct test_view *v, struct bytes octets, uint32_t flags, uint64_t keywords, int64_t date_s,
	bool has_summary);
/* The bit of a keyword, which is added when it is new; 0: no room. */
uint64_t test_view_keyword(struct test_view *v, struct bytes name);
/* Changes of one message, by record, with one modseq. */
void test_view_set(struct test_view *v, uint32_t index, uint32_t flags, uint64_t keywords, uint64_t modseq);
void test_view_expunge(struct test_view *v, uint32_t index, uint64_t modseq);
/* The next modseq, and the moment when it becomes visible. */
uint64_t test_view_modseq(const struct test_view *v);
void test_view_publish(struct test_view *v, uint64_t modseq);
/* The next generation: without the expunged, room for `capacity`.  The old one stays. */
struct test_view *test_view_next(const struct test_view *v, uint32_t capacity);
/* The message of a uid, or the empty view. */
struct bytes test_view_octets(const struct test_view *v, uint32_t uid);

#endif
