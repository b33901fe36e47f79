/* The header fields that matter to us, found in one pass over a header block. */
#ifndef MIME_FIELDS_H
#define MIME_FIELDS_H

#include "base/bytes.h"

enum header_kind {
	/* Single ones: the first of its name counts. */
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_TRANSFER_ENCODING,
	HEADER_CONTENT_DISPOSITION,
	HEADER_CONTENT_LANGUAGE,
	HEADER_CONTENT_LOCATION,
	HEADER_CONTENT_ID,
	HEADER_CONTENT_DESCRIPTION,
	HEADER_CONTENT_MD5,
	HEADER_DATE,
	HEADER_SUBJECT,
	HEADER_IN_REPLY_TO,
	HEADER_MESSAGE_ID,
	HEADER_REFERENCES,
	HEADER_SINGLES,
	/* Several count as one list. */
	HEADER_FROM = HEADER_SINGLES,
	HEADER_SENDER,
	HEADER_REPLY_TO,
	HEADER_TO,
	HEADER_CC,
	HEADER_BCC,
	HEADER_DELIVERED_TO,
	HEADER_LISTS_END,
	HEADER_RECEIVED = HEADER_LISTS_END, /* counted */
};

/* Fields of lists that are kept of one header; more are left out. */
#define HEADER_LISTS_MAX 64

struct header_list {
	enum header_kind kind;
	struct bytes value;
};

/* Values are borrowed from the header block and not unfolded. */
struct header_fields {
	struct bytes single[HEADER_SINGLES]; /* ptr is NULL when it is not there */
	struct header_list lists[HEADER_LISTS_MAX];
	size_t list_count;
	uint32_t received_count;
};

/* Finds them all; *out need not be set before. */
void header_fields_find(struct bytes header, struct header_fields *out);

#endif
