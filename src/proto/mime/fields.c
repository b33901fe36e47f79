#include "proto/mime/fields.h"

#include "proto/rfc5322/header.h"

static const struct {
	struct bytes name;
	enum header_kind kind;
} names[] = {
	{ BYTES_INIT("Content-Type"), HEADER_CONTENT_TYPE },
	{ BYTES_INIT("Content-Transfer-Encoding"), HEADER_CONTENT_TRANSFER_ENCODING },
	{ BYTES_INIT("Content-Disposition"), HEADER_CONTENT_DISPOSITION },
	{ BYTES_INIT("Content-Language"), HEADER_CONTENT_LANGUAGE },
	{ BYTES_INIT("Content-Location"), HEADER_CONTENT_LOCATION },
	{ BYTES_INIT("Content-ID"), HEADER_CONTENT_ID },
	{ BYTES_INIT("Content-Description"), HEADER_CONTENT_DESCRIPTION },
	{ BYTES_INIT("Content-MD5"), HEADER_CONTENT_MD5 },
	{ BYTES_INIT("Date"), HEADER_DATE },
	{ BYTES_INIT("Subject"), HEADER_SUBJECT },
	{ BYTES_INIT("In-Reply-To"), HEADER_IN_REPLY_TO },
	{ BYTES_INIT("Message-ID"), HEADER_MESSAGE_ID },
	{ BYTES_INIT("References"), HEADER_REFERENCES },
	{ BYTES_INIT("From"), HEADER_FROM },
	{ BYTES_INIT("Sender"), HEADER_SENDER },
	{ BYTES_INIT("Reply-To"), HEADER_REPLY_TO },
	{ BYTES_INIT("To"), HEADER_TO },
	{ BYTES_INIT("Cc"), HEADER_CC },
	{ BYTES_INIT("Bcc"), HEADER_BCC },
	{ BYTES_INIT("Delivered-To"), HEADER_DELIVERED_TO },
	{ BYTES_INIT("Received"), HEADER_RECEIVED },
};

static void
note_field(struct header_fields *out, enum header_kind kind, struct bytes value)
{
	if (kind == HEADER_RECEIVED) {
		out->received_count++;
	} else if (kind >= HEADER_SINGLES) {
		if (out->list_count < HEADER_LISTS_MAX)
			out->lists[out->list_count++] = (struct header_list){ kind, value };
	} else if (!out->single[kind].ptr) {
		out->single[kind] = value;
	}
}

void
header_fields_find(struct bytes header, struct header_fields *out)
{
	struct bytes name, value, field;

	for (size_t i = 0; i < HEADER_SINGLES; i++)
		out->single[i] = BYTES_NONE;
	out->list_count = out->received_count = 0;
	while (take_header_field(&header, &name, &value, &field)) {
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			if (name.len != names[i].name.len ||
				!bytes_equal_nocase(name, names[i].name))
				continue;
			note_field(out, names[i].kind, value);
			break;
		}
	}
}
