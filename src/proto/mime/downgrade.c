/* One walk through the message's lines for both readings, so that both see the same parts; the first one counts and plans, the second one puts.

   A line is known by its first LINE_MAX octets; what is longer goes through in pieces.  A line end is held back in a part's body until the next
   line shows whether it belongs to a delimiter (RFC 2046 5.1.1). */
#include "proto/mime/downgrade.h"

#include "base/memory.h"
#include "proto/mime/break.h"
#include "proto/mime/content.h"
#include "proto/mime/encode.h"
#include "proto/rfc5322/header.h"

#include <string.h>

/* The last number of PARTS_MAX stands for all parts from there on. */
enum { PARTS_MAX = 1000, DEPTH_MAX = 50, BOUNDARY_MAX = 200, LINE_MAX = 1024, FIELD_MAX = 8192 };

/* Where a line stands. */
enum place { PLACE_HEADER, PLACE_BODY, PLACE_BETWEEN /* the parts of a multipart */ };
/* The field that a line of a header belongs to. */
enum field { FIELD_OTHER, FIELD_TYPE, FIELD_ENCODING, FIELD_VERSION };
/* What becomes of a part, or-ed together. */
enum plan { PLAN_DROP = 1, /* its Content-Transfer-Encoding: goes */ PLAN_QUOTED_PRINTABLE = 2, PLAN_BASE64 = 4, PLAN_UNKNOWN = 8 /* it is not ASCII */ };

#define PLAN_ENCODES (PLAN_QUOTED_PRINTABLE | PLAN_BASE64)
#define MIME_VERSION "MIME-Version: 1.0\n"
/* RFC 1428 3: for text of which nobody said what it is. */
#define UNKNOWN_TYPE "Content-Type: text/plain; charset=unknown-8bit\n"
#define ENCODING_QP "Content-Transfer-Encoding: quoted-printable\n"
#define ENCODING_B64 "Content-Transfer-Encoding: base64\n"

/* A multipart whose end has not come. */
struct open {
	uint8_t boundary[BOUNDARY_MAX];
	uint8_t boundary_len;
	bool is_frozen; /* signed or encrypted, or within such */
	bool is_digest;
};

/* What a header says of its part. */
struct header {
	enum field field; /* of the line before */
	struct buf type, encoding; /* their values */
	bool has_version;
	bool is_message; /* not only a part's */
};

struct leaf {
	bool is_text;
	bool is_fixed; /* it may not be encoded */
	uint64_t octets, high, quoted; /* in wire form; beyond ASCII; that quoted-printable makes three of */
	uint64_t line_octets; /* of the line that is being read */
	bool has_long_line;
};

struct downgrade {
	enum downgrade_to to;
	bool is_converting; /* the second reading */
	bool is_impossible; /* 7 bits are */
	uint64_t more;
	/* the line that is being read */
	uint8_t line[LINE_MAX];
	size_t line_len;
	bool is_within; /* pieces of it went before */
	size_t column; /* of the one that is being put */
	/* the part */
	enum place place;
	uint32_t part, parts; /* the current one's number, how many there were */
	uint8_t plan[PARTS_MAX]; /* enum plan */
	struct open open[DEPTH_MAX];
	size_t depth;
	struct header header;
	struct leaf leaf;
	struct encoder encoder;
	bool is_line_end_due; /* of the body */
};

/* A line, or a piece of one. */
struct piece {
	struct bytes octets; /* without the line end */
	bool is_first, is_last;
	bool has_end; /* of the last one: a LF */
};

static void
forget_header(struct downgrade *d, bool is_message)
{
	buf_reset(&d->header.type);
	buf_reset(&d->header.encoding);
	d->header.type.has_failed = d->header.encoding.has_failed = false;
	d->header.field = FIELD_OTHER;
	d->header.has_version = false;
	d->header.is_message = is_message;
}

static void
begin_part(struct downgrade *d, bool is_message)
{
	d->place = PLACE_HEADER;
	d->is_line_end_due = false;
	d->part = d->parts;
	forget_header(d, is_message);
	if (d->parts < PARTS_MAX - 1)
		d->parts++;
	else
		d->is_impossible = true;
}

void
downgrade_rewind(struct downgrade *d)
{
	d->line_len = d->depth = 0;
	d->is_within = false;
	d->parts = 0;
	begin_part(d, true);
}

struct downgrade *
downgrade_new(enum downgrade_to to)
{
	struct downgrade *d = NEW(struct downgrade);

	d->to = to;
	buf_init(&d->header.type, FIELD_MAX);
	buf_init(&d->header.encoding, FIELD_MAX);
	downgrade_rewind(d);
	return d;
}

void
downgrade_free(struct downgrade **d)
{
	if (!*d)
		return;
	buf_done(&(*d)->header.type);
	buf_done(&(*d)->header.encoding);
	memory_free(*d);
	*d = NULL;
}

static bool
is_frozen(const struct downgrade *d)
{
	return d->depth > 0 && d->open[d->depth - 1].is_frozen;
}

/* Nothing of it may hold more than ASCII. */
static void
must_be_ascii(struct downgrade *d, struct bytes octets)
{
	d->is_impossible |= !bytes_is_ascii(octets);
}

/* As it is, but for lines that are too long. */
static void
put_octets(struct downgrade *d, const struct piece *p, struct buf *out)
{
	if (p->is_first)
		d->column = 0;
	if (d->to == DOWNGRADE_TO_SHORT_LINES)
		put_broken(out, p->octets, &d->column);
	else
		put_bytes(out, p->octets);
}

static void
put_piece(struct downgrade *d, const struct piece *p, struct buf *out)
{
	if (!d->is_converting)
		return;
	put_octets(d, p, out);
	if (p->is_last && p->has_end)
		put_char(out, '\n');
}

/* ---- bodies */

static bool
is_encoding(const struct downgrade *d)
{
	return d->is_converting && d->plan[d->part] & PLAN_ENCODES;
}

/* What it says can't be told. */
static bool
is_unreadable(const struct header *h)
{
	return h->type.has_failed || h->encoding.has_failed;
}

static void
begin_leaf(struct downgrade *d, struct bytes type, struct bytes subtype, enum summary_encoding encoding)
{
	bool is_composite = bytes_equal_nocase(type, BYTES("multipart")) ||
		/* RFC 6532 3.7: message/global may be encoded, others may not. */
		(bytes_equal_nocase(type, BYTES("message")) && !bytes_starts_nocase(subtype, BYTES("global")));

	d->place = PLACE_BODY;
	d->leaf = (struct leaf){
		.is_text = bytes_equal_nocase(type, BYTES("text")),
		.is_fixed = is_composite || encoding != ENCODING_IDENTITY || is_frozen(d) || d->part == PARTS_MAX - 1 || is_unreadable(&d->header),
	};
	d->encoder = (struct encoder){ .kind = d->plan[d->part] & PLAN_BASE64 ? ENCODER_BASE64 : ENCODER_QUOTED_PRINTABLE };
}

static void
count(struct leaf *leaf, const struct piece *p)
{
	struct bytes octets = p->octets;

	leaf->octets += octets.len;
	leaf->line_octets = (p->is_first ? 0 : leaf->line_octets) + octets.len;
	leaf->has_long_line |= leaf->line_octets > RFC5322_LINE_MAX;
	for (size_t i = 0; i < octets.len; i++) {
		leaf->high += octets.ptr[i] >= 0x80;
		leaf->quoted += octets.ptr[i] <= ' ' || octets.ptr[i] >= 0x7f || octets.ptr[i] == '=' || octets.ptr[i] == '-';
	}
}

static bool
is_to_be_encoded(const struct downgrade *d)
{
	return d->to == DOWNGRADE_TO_7BIT ? d->leaf.high > 0 : d->leaf.has_long_line && !d->leaf.is_fixed;
}

/* Text stays readable, unless more than half of it is beyond ASCII; what is as long as it may be already does not get three times as long. */
static bool
stays_readable(const struct downgrade *d, uint64_t quoted)
{
	const struct leaf *leaf = &d->leaf;

	return leaf->is_text && (d->to == DOWNGRADE_TO_7BIT ? leaf->high * 2 <= leaf->octets : quoted - leaf->octets <= leaf->octets / 3);
}

static void
plan_leaf(struct downgrade *d)
{
	const struct leaf *leaf = &d->leaf;
	uint64_t quoted = leaf->octets + 2 * leaf->quoted;

	if (!is_to_be_encoded(d))
		return;
	d->is_impossible |= leaf->is_fixed;
	d->plan[d->part] |= PLAN_DROP | (leaf->high ? PLAN_UNKNOWN : 0);
	if (stays_readable(d, quoted)) {
		d->plan[d->part] |= PLAN_QUOTED_PRINTABLE;
		/* A line is broken when 73 octets of it are there at least. */
		d->more += quoted - leaf->octets + 3 * (quoted / 73 + 1);
	} else {
		d->plan[d->part] |= PLAN_BASE64;
		d->more += leaf->octets / 3 + 4 + 2 * (leaf->octets / ENCODER_HELD_MAX + 2);
	}
	d->more += sizeof MIME_VERSION + sizeof UNKNOWN_TYPE + sizeof ENCODING_QP;
}

static void
put_line_end(struct downgrade *d, struct buf *out)
{
	if (!d->is_line_end_due)
		return;
	d->is_line_end_due = false;
	d->leaf.octets += 2;
	if (is_encoding(d))
		encoder_end_line(&d->encoder, out);
	else if (d->is_converting)
		put_char(out, '\n');
}

static void
take_body(struct downgrade *d, const struct piece *p, struct buf *out)
{
	if (p->is_first)
		put_line_end(d, out);
	if (is_encoding(d))
		encoder_put(&d->encoder, p->octets, out);
	else if (d->is_converting)
		put_octets(d, p, out);
	else
		count(&d->leaf, p);
	d->is_line_end_due = p->is_last && p->has_end;
}

/* The line end that is due belongs to who comes behind the part; at the end of the message it is the part's own. */
static void
end_leaf(struct downgrade *d, bool is_end_of_message, struct buf *out)
{
	bool is_encoded = is_encoding(d);

	if (d->place != PLACE_BODY)
		return;
	if (is_end_of_message)
		put_line_end(d, out);
	if (!d->is_converting)
		plan_leaf(d);
	if (is_encoded)
		encoder_end(&d->encoder, out);
	if (d->is_converting && (d->is_line_end_due || (is_end_of_message && is_encoded && d->encoder.kind == ENCODER_BASE64)))
		put_char(out, '\n');
	d->is_line_end_due = false;
}

/* ---- headers */

static enum field
field_of(struct bytes line)
{
	static const struct {
		struct bytes name;
		enum field field;
	} fields[] = {
		{ BYTES_INIT("Content-Type"), FIELD_TYPE },
		{ BYTES_INIT("Content-Transfer-Encoding"), FIELD_ENCODING },
		{ BYTES_INIT("MIME-Version"), FIELD_VERSION },
	};
	struct bytes name = bytes_trim(bytes_sub(line, 0, bytes_find_char(line, ':')));

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (bytes_equal_nocase(name, fields[i].name))
			return fields[i].field;
	return FIELD_OTHER;
}

/* Where the value goes; NULL: nobody looks at it.  Of several the first counts. */
static struct buf *
value_of(struct header *h, bool is_begin)
{
	struct buf *value = h->field == FIELD_TYPE ? &h->type : h->field == FIELD_ENCODING ? &h->encoding : NULL;

	if (value && is_begin && value->len > 0) {
		h->field = h->field == FIELD_ENCODING ? FIELD_ENCODING : FIELD_OTHER;
		return NULL;
	}
	return value;
}

static void
take_field(struct downgrade *d, const struct piece *p, struct buf *out)
{
	struct header *h = &d->header;
	struct bytes text = p->octets;
	bool is_folded = p->is_first && text.len > 0 && byte_is_class(text.ptr[0], CLASS_SPACE), is_begin = p->is_first && !is_folded;
	struct buf *value;

	must_be_ascii(d, text);
	if (is_begin) {
		h->field = field_of(text);
		h->has_version |= h->field == FIELD_VERSION;
		text = bytes_sub(text, bytes_find_char(text, ':') + 1, text.len);
	}
	value = value_of(h, is_begin);
	if (value) {
		put_bytes(value, text);
		put_char(value, ' ');
		d->is_impossible |= is_unreadable(h);
	}
	if (h->field != FIELD_ENCODING || !(d->plan[d->part] & PLAN_DROP))
		put_piece(d, p, out);
}

/* RFC 2045 3, 5, 6 */
static void
put_fields(struct downgrade *d, struct buf *out)
{
	if (!is_encoding(d))
		return;
	if (d->header.is_message && !d->header.has_version)
		put_text(out, MIME_VERSION);
	if (d->header.type.len == 0 && d->plan[d->part] & PLAN_UNKNOWN)
		put_text(out, UNKNOWN_TYPE);
	put_text(out, d->plan[d->part] & PLAN_BASE64 ? ENCODING_B64 : ENCODING_QP);
}

static bool
open_multipart(struct downgrade *d, struct bytes subtype, struct bytes parameters)
{
	bool was_frozen = is_frozen(d), is_open = false;
	struct open *o = &d->open[d->depth];
	struct bytes boundary;
	struct buf value;

	buf_init(&value, FIELD_MAX);
	(void)find_parameter(parameters, BYTES("boundary"), &value);
	boundary = bytes_trim(buf_bytes(&value));
	if (boundary.len > 0 && boundary.len <= BOUNDARY_MAX && d->depth < DEPTH_MAX) {
		memcpy(o->boundary, boundary.ptr, boundary.len);
		o->boundary_len = (uint8_t)boundary.len;
		/* RFC 1847 2.1, 2.2: of what is signed not an octet changes. */
		o->is_frozen = was_frozen || bytes_equal_nocase(subtype, BYTES("signed")) || bytes_equal_nocase(subtype, BYTES("encrypted"));
		o->is_digest = bytes_equal_nocase(subtype, BYTES("digest"));
		d->depth++;
		d->place = PLACE_BETWEEN;
		is_open = true;
	}
	buf_done(&value);
	return is_open;
}

/* RFC 2045 5.2, RFC 2046 5.1.5 */
static void
find_type(const struct downgrade *d, struct bytes *type, struct bytes *subtype, struct bytes *parameters)
{
	bool is_digest = !d->header.is_message && d->depth > 0 && d->open[d->depth - 1].is_digest;

	*parameters = buf_bytes(&d->header.type);
	if (take_content_type(parameters, type, subtype))
		return;
	*type = is_digest ? BYTES("message") : BYTES("text");
	*subtype = is_digest ? BYTES("rfc822") : BYTES("plain");
}

static void
end_header(struct downgrade *d)
{
	struct bytes type, subtype, parameters, value = buf_bytes(&d->header.encoding), token = BYTES_NONE;
	bool has_encoding = take_content_token(&value, &token);
	enum summary_encoding encoding = has_encoding ? content_encoding(token) : ENCODING_IDENTITY;

	/* What was 8bit or binary is 7bit afterwards, which need not be said; what is signed stays as it is. */
	if (d->to == DOWNGRADE_TO_7BIT && !d->is_converting && encoding == ENCODING_IDENTITY && !bytes_equal_nocase(token, BYTES("7bit")) && !is_frozen(d))
		d->plan[d->part] |= PLAN_DROP;
	find_type(d, &type, &subtype, &parameters);
	if (encoding == ENCODING_IDENTITY && bytes_equal_nocase(type, BYTES("multipart")) && open_multipart(d, subtype, parameters))
		return;
	if (encoding == ENCODING_IDENTITY && bytes_equal_nocase(type, BYTES("message")) && bytes_equal_nocase(subtype, BYTES("rfc822")))
		begin_part(d, true);
	else
		begin_leaf(d, type, subtype, encoding);
}

static void
take_header(struct downgrade *d, const struct piece *p, struct buf *out)
{
	if (!p->is_first || !p->is_last || p->octets.len > 0) {
		take_field(d, p, out);
		return;
	}
	put_fields(d, out);
	put_piece(d, p, out);
	end_header(d);
}

/* ---- delimiters */

/* How well the line behind its hyphens fits; 0: not at all.  RFC 2046 5.1.1: "it is sufficient that the boundary appear in its entirety"; the whole
   line before its beginning, the longer before the shorter, as message_parts.c has it. */
static size_t
fit(struct bytes line, const struct open *o, bool *is_close)
{
	struct bytes boundary = bytes_of(o->boundary, o->boundary_len), tail = bytes_sub(line, boundary.len, line.len);
	bool is_whole;

	if (!bytes_starts(line, boundary))
		return 0;
	*is_close = take_text(&tail, BYTES("--"));
	is_whole = bytes_trim(tail).len == 0;
	return boundary.len + (is_whole ? BOUNDARY_MAX + 1 : 0);
}

static bool
is_delimiter(const struct downgrade *d, const struct piece *p, size_t *depth, bool *is_close)
{
	struct bytes line = p->octets;
	size_t best = 0;

	if (!p->is_first || !p->is_last || !take_text(&line, BYTES("--")))
		return false;
	for (size_t i = d->depth; i-- > 0;) {
		bool closes = false;
		size_t score = fit(line, &d->open[i], &closes);

		if (score <= best)
			continue;
		best = score;
		*depth = i;
		*is_close = closes;
	}
	return best > 0;
}

static bool
take_delimiter(struct downgrade *d, const struct piece *p, struct buf *out)
{
	struct piece line = *p;
	size_t depth = 0;
	bool is_close = false;

	if (!is_delimiter(d, p, &depth, &is_close))
		return false;
	end_leaf(d, false, out);
	must_be_ascii(d, p->octets);
	/* What is behind it is nobody's. */
	line.octets = bytes_sub(p->octets, 0, RFC5322_LINE_MAX);
	put_piece(d, &line, out);
	d->depth = is_close ? depth : depth + 1;
	if (is_close)
		d->place = PLACE_BETWEEN;
	else
		begin_part(d, false);
	return true;
}

/* ---- lines */

static void
take_piece(struct downgrade *d, const struct piece *p, struct buf *out)
{
	if (take_delimiter(d, p, out))
		return;
	switch (d->place) {
	case PLACE_HEADER:
		take_header(d, p, out);
		break;
	case PLACE_BODY:
		take_body(d, p, out);
		break;
	case PLACE_BETWEEN:
		must_be_ascii(d, p->octets);
		put_piece(d, p, out);
		break;
	}
}

static void
end_piece(struct downgrade *d, bool is_last, bool has_end, struct buf *out)
{
	struct piece p = { bytes_of(d->line, d->line_len), !d->is_within, is_last, has_end };

	take_piece(d, &p, out);
	d->line_len = 0;
	d->is_within = !is_last;
}

static void
feed(struct downgrade *d, struct bytes in, struct buf *out)
{
	while (in.len) {
		size_t end = bytes_find_char(in, '\n'), room = LINE_MAX - d->line_len, take = end < room ? end : room;

		memcpy(d->line + d->line_len, in.ptr, take);
		d->line_len += take;
		in = bytes_sub(in, take, in.len);
		if (take == end && in.len) {
			in = bytes_sub(in, 1, in.len);
			end_piece(d, true, true, out);
		} else if (d->line_len == LINE_MAX) {
			end_piece(d, false, false, out);
		}
	}
}

static void
finish(struct downgrade *d, struct buf *out)
{
	if (d->line_len || d->is_within)
		end_piece(d, true, false, out);
	end_leaf(d, true, out);
}

/* What can't be encoded can still be broken. */
static bool
is_possible(const struct downgrade *d)
{
	return d->to == DOWNGRADE_TO_SHORT_LINES || !d->is_impossible;
}

void
downgrade_look(struct downgrade *d, struct bytes octets)
{
	if (is_possible(d))
		feed(d, octets, NULL);
}

bool
downgrade_plan(struct downgrade *d, uint64_t *more)
{
	if (is_possible(d))
		finish(d, NULL);
	d->is_converting = true;
	*more = d->more;
	return is_possible(d);
}

void
downgrade_convert(struct downgrade *d, struct bytes octets, struct buf *out)
{
	feed(d, octets, out);
}

void
downgrade_end(struct downgrade *d, struct buf *out)
{
	finish(d, out);
}
