/* What the tests of the message parser share. */
#ifndef MIME_TEST_MESSAGE_H
#define MIME_TEST_MESSAGE_H

#include "proto/mime/message.h"
#include "proto/rfc5322/test_rows.h"

static const struct message_limits test_limits = {
	.parts_max = 1000,
	.depth_max = 50,
	.header_octets_max = 65536,
};

/* A summary with the octets that it is a view of. */
struct parsed {
	struct buf octets;
	struct summary summary;
	struct message_facts facts;
};

/* Parses in pieces of `piece` octets. */
static inline void
parse_limited(struct parsed *out, struct bytes message, size_t piece, const struct message_limits *limits)
{
	struct message_parser *p = message_parser_new(limits, BYTES("bob@example.org"));

	buf_init(&out->octets, SUMMARY_MAX);
	for (size_t at = 0; at < message.len; at += piece)
		message_parser_feed(p, bytes_sub(message, at, piece));
	message_parser_finish(p, &out->octets);
	out->facts = message_parser_facts(p);
	message_parser_free(&p);
	assert_false(out->octets.has_failed);
	assert_int_equal(summary_open(buf_bytes(&out->octets), &out->summary, NULL), 0);
}

static inline void
parse(struct parsed *out, struct bytes message)
{
	parse_limited(out, message, message.len, &test_limits);
}

static inline void
parsed_done(struct parsed *p)
{
	buf_done(&p->octets);
}

/* The wire form of a message in disk form. */
static inline void
put_wire_form(struct buf *out, struct bytes disk)
{
	while (disk.len) {
		size_t lf = bytes_find_char(disk, '\n');

		put_bytes(out, bytes_sub(disk, 0, lf));
		if (lf < disk.len)
			put_text(out, "\r\n");
		disk = bytes_sub(disk, lf + 1, disk.len);
	}
}

#endif
