/* What the files of the message parser share. */
#ifndef MIME_MESSAGE_INTERNAL_H
#define MIME_MESSAGE_INTERNAL_H

#include "proto/mime/fields.h"
#include "proto/mime/message.h"

/* RFC 2046 5.1.1 allows 70; a longer one is no boundary for us when it has more than this. */
#define BOUNDARY_MAX 250
/* Octets of a body line that are looked at: for delimiters and for the preview. */
#define LINE_LOOK_MAX 1000
/* Ready texts of all parts together; more than a summary can hold anyway. */
#define TEXTS_MAX (2 * SUMMARY_MAX)
#define NO_PART UINT32_MAX

/* A stretch of message_parser.texts. */
struct span {
	uint32_t at, len;
};

struct mime_part {
	struct summary_part place;
	uint64_t lines_before; /* line ends of the message before body_at */
	uint32_t depth;
	uint32_t children;
	/* Leaves: "TYPE" "SUBTYPE" params id description "ENCODING"; multiparts: "SUBTYPE". */
	struct span fields;
	/* Leaves: md5 disposition language location; multiparts: params disposition language location. */
	struct span extension;
	struct span envelope; /* of a message in a message */
	struct span boundary; /* without its two hyphens */
	bool is_message; /* its header is a message's: part 0 and the child of a PART_MESSAGE */
	bool is_inner; /* within a message in the message */
	bool is_digest; /* its children are messages when they don't say (RFC 2046 5.1.5) */
	bool is_closed; /* its last delimiter was seen: the epilogue */
};

#define PREVIEW_CHARSET_MAX 40

/* The beginning of the first text that is not an attachment. */
struct preview {
	struct buf raw;
	uint32_t part; /* NO_PART: none yet */
	bool is_html;
	enum summary_encoding encoding;
	uint8_t charset[PREVIEW_CHARSET_MAX];
	size_t charset_len;
};

/* The texts of a summary while it is made. */
struct packer {
	struct buf envelope, body, bodystructure, preview, ids;
};

struct message_parser {
	struct message_limits limits;
	struct mime_part *parts;
	uint32_t part_count, part_room;
	uint32_t current; /* the part that is being read */
	uint32_t rest; /* the part that stands for all that are left, as application/octet-stream; NO_PART: none */
	bool in_header; /* in its header */
	bool has_boundaries;
	bool is_in_preview; /* the current part's lines are collected */
	uint64_t at, lines; /* of the message before the line that is being read */
	struct buf line; /* the start of a line that the pieces cut */
	uint64_t line_octets; /* all of it so far */
	uint8_t line_last;
	struct buf message_header, part_header; /* disk form */
	bool is_skipping_field; /* the field that is being read passes the header's limit */
	struct header_fields message_fields; /* borrowed from message_header */
	struct buf texts;
	struct buf scratch, text_scratch;
	struct buf delivered_to;
	struct preview preview;
	struct packer packer;
	bool is_cut;
	struct message_facts facts;
};

static inline struct bytes
parser_text(const struct message_parser *p, struct span span)
{
	return bytes_sub(buf_bytes(&p->texts), span.at, span.len);
}

static inline struct mime_part *
parser_current(struct message_parser *p)
{
	return &p->parts[p->current];
}

/* Makes a part below `parent` the current one: its header begins at header_at, with `lines` line ends before it. */
void parts_begin(struct message_parser *p, uint32_t parent, uint64_t header_at, uint64_t lines);
/* The header of the current part is over: its body begins at body_at, with `lines` line ends before it. */
void parts_header_done(struct message_parser *p, uint64_t body_at, uint64_t lines);
/* If the line (its first octets) is a delimiter of an open multipart, does what it says and returns true.
   next_at, next_lines: where the line behind it begins. */
bool parts_take_delimiter(struct message_parser *p, struct bytes line, uint64_t next_at, uint64_t next_lines);
/* May the current part have parts of its own? */
bool parts_may_nest(const struct message_parser *p, const struct mime_part *part);
/* The message ends at p->at. */
void parts_finish(struct message_parser *p);

/* Reads the header of the part: sets its kind, encoding and texts, and whether it is the preview's. */
void part_read_header(struct message_parser *p, struct mime_part *part, struct bytes header);

/* Makes text/plain of a multipart in which no delimiter was found. */
void part_make_plain(struct message_parser *p, struct mime_part *part);

/* From now on that part (or the message around it) stands for all that come from it on. */
void parts_set_rest(struct message_parser *p, uint32_t index);
/* Parts that are told: all, or those up to the rest. */
uint32_t parts_told(const struct message_parser *p);
/* The part as it is told. */
struct summary_part parts_place(const struct message_parser *p, uint32_t index);

/* Puts BODY or (is_extended) BODYSTRUCTURE. */
void put_structure(const struct message_parser *p, bool is_extended, struct buf *out);
/* Puts the preview: at most 200 characters of UTF-8. */
void put_preview(struct message_parser *p, struct buf *out);
/* Puts the summary, cut so that it fits. */
void put_summary(struct message_parser *p, struct buf *out);

/* The text of HTML for a preview: without tags, comments, styles and scripts, entities resolved. */
void put_html_text(struct buf *out, struct bytes html);

#endif
