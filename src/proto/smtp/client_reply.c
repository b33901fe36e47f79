#include "proto/smtp/client_reply.h"

static void
add_char(struct smtp_incoming *r, uint8_t c)
{
	if (r->text_len < sizeof r->text)
		r->text[r->text_len++] = (char)(byte_is_class(c, CLASS_PRINT) ? c : '?');
}

static void
add_text(struct smtp_incoming *r, struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		add_char(r, text.ptr[i]);
}

/* status-code = class "." subject "." detail; class = "2" / "4" / "5"; the others 1*3DIGIT (RFC 2034 4, 3463 2). */
static bool
take_status_code(struct bytes *in)
{
	struct bytes rest = *in;
	uint64_t number;

	if (!take_number(&rest, 5, &number) || !take_char(&rest, '.') || !take_number(&rest, 999, &number) ||
		!take_char(&rest, '.') || !take_number(&rest, 999, &number) || !take_char(&rest, ' '))
		return false;
	*in = rest;
	return true;
}

/* RFC 2034 4: each line of a reply repeats the status code; on one line it stands once. */
static void
add_line(struct smtp_incoming *r, struct bytes text)
{
	if (r->lines == 1) {
		r->text_len = 0;
		add_char(r, (uint8_t)('0' + r->code / 100));
		add_char(r, (uint8_t)('0' + r->code / 10 % 10));
		add_char(r, (uint8_t)('0' + r->code % 10));
	} else {
		(void)take_status_code(&text);
	}
	text = bytes_trim(text);
	if (text.len)
		add_char(r, ' ');
	add_text(r, text);
}

/* Reply-code, and what stands between it and the text. */
static bool
take_code(struct bytes *in, unsigned int *code, bool *is_last)
{
	struct bytes rest = *in, digits;
	uint64_t value;

	if (!take_octets(&rest, 3, &digits) || !bytes_all_class(digits, CLASS_DIGIT) || !take_number(&digits, 599, &value) ||
		value < 200)
		return false;
	*is_last = !take_char(&rest, '-');
	if (*is_last && rest.len && !take_char(&rest, ' '))
		return false;
	*code = (unsigned int)value;
	*in = rest;
	return true;
}

/* A line without its end. */
static enum smtp_incoming_kind
take_line(struct smtp_incoming *r, struct bytes line)
{
	unsigned int code;
	bool is_last;

	if (r->is_whole)
		r->lines = 0;
	/* RFC 5321 4.2.1: every line has the same code. */
	if (!take_code(&line, &code, &is_last) || (r->lines && code != r->code) || r->lines == SMTP_REPLY_LINES_MAX)
		return SMTP_INCOMING_BAD;
	r->code = code;
	r->lines++;
	r->line = line;
	r->is_whole = is_last;
	add_line(r, line);
	return is_last ? SMTP_INCOMING_WHOLE : SMTP_INCOMING_LINE;
}

enum smtp_incoming_kind
smtp_incoming_take(struct smtp_incoming *r, struct bytes *in)
{
	size_t lf = bytes_find_char(bytes_sub(*in, 0, SMTP_REPLY_LINE_OCTETS_MAX), '\n');
	struct bytes line = bytes_sub(*in, 0, lf);

	if (lf == SMTP_REPLY_LINE_OCTETS_MAX)
		return SMTP_INCOMING_BAD;
	if (lf == in->len)
		return SMTP_INCOMING_NONE;
	*in = bytes_sub(*in, lf + 1, in->len);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return take_line(r, line);
}

struct bytes
smtp_incoming_text(const struct smtp_incoming *r)
{
	return bytes_of(r->text, r->text_len);
}

bool
smtp_reply_is_too_many(struct bytes reply)
{
	struct bytes said, rest;

	if (!take_text(&reply, BYTES("452")) && !take_text(&reply, BYTES("552")))
		return false;
	said = rest = bytes_trim(reply);
	return !take_status_code(&rest) || bytes_starts(said, BYTES("4.5.3 ")) || bytes_starts(said, BYTES("5.5.3 "));
}
