#include "proto/dsn/dsn_internal.h"

enum {
	LINE_COLUMNS_MAX = 76,
	/* RFC 2047 2: an encoded word has 75 characters at most; these are the octets it stands for, each as "=HH". */
	ENCODED_OCTETS_MAX = 20,
};

/* Cut between two characters. */
static struct bytes
cut(struct bytes in)
{
	size_t len = DSN_TEXT_MAX;

	if (in.len <= len)
		return in;
	while (len && (in.ptr[len] & 0xC0) == 0x80)
		len--;
	return bytes_sub(in, 0, len);
}

void
dsn_put_clean(struct buf *out, struct bytes in, bool may_utf8)
{
	struct bytes text = cut(in);
	bool keeps_high = may_utf8 && bytes_is_utf8(text);

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		bool is_kept = c < 0x80 ? byte_is_class(c, CLASS_PRINT) : keeps_high;

		put_char(out, c == '\t' ? ' ' : is_kept ? c : '?');
	}
}

static bool
take_word(struct bytes *in, struct bytes *word)
{
	while (take_char(in, ' '))
		;
	*word = take_until(in, ' ');
	return word->len > 0;
}

void
dsn_put_folded(struct buf *out, struct bytes in, bool may_utf8, size_t column, const char *indent)
{
	uint8_t room[DSN_TEXT_MAX];
	struct buf clean;
	struct bytes rest, word;
	bool is_first = true;

	buf_init_fixed(&clean, room, sizeof room);
	dsn_put_clean(&clean, in, may_utf8);
	rest = buf_bytes(&clean);
	while (take_word(&rest, &word)) {
		if (!is_first && column + 1 + word.len > LINE_COLUMNS_MAX) {
			put_char(out, '\n');
			put_text(out, indent);
			column = bytes_text(indent).len;
		} else if (!is_first) {
			put_char(out, ' ');
			column++;
		}
		put_bytes(out, word);
		column += word.len;
		is_first = false;
	}
}

static bool
is_quoted(struct bytes line, size_t at)
{
	uint8_t c = line.ptr[at];

	return c == '=' || c > 126 || (c < 32 && c != '\t') || (at + 1 == line.len && (c == ' ' || c == '\t'));
}

/* Soft line breaks keep a line below 77 characters      RFC 2045 6.7 (5) */
static void
put_quoted_line(struct buf *out, struct bytes line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.len; i++) {
		size_t width = is_quoted(line, i) ? 3 : 1;

		if (column + width >= LINE_COLUMNS_MAX) {
			put_text(out, "=\n");
			column = 0;
		}
		if (width == 3)
			put_format(out, "=%02X", line.ptr[i]);
		else
			put_char(out, line.ptr[i]);
		column += width;
	}
}

void
dsn_put_quoted_printable(struct buf *out, struct bytes in)
{
	while (in.len) {
		put_quoted_line(out, take_until(&in, '\n'));
		put_char(out, '\n');
	}
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?="; each holds whole characters (RFC 2047 2, 5 (3)) */
void
dsn_put_header_words(struct buf *out, struct bytes in)
{
	if (bytes_is_ascii(in)) {
		put_bytes(out, in);
		return;
	}
	while (in.len) {
		size_t len = in.len < ENCODED_OCTETS_MAX ? in.len : ENCODED_OCTETS_MAX;

		while (len < in.len && (in.ptr[len] & 0xC0) == 0x80)
			len--;
		put_text(out, "=?UTF-8?Q?");
		for (size_t i = 0; i < len; i++) {
			if (byte_is_class(in.ptr[i], CLASS_ALPHA | CLASS_DIGIT))
				put_char(out, in.ptr[i]);
			else
				put_format(out, "=%02X", in.ptr[i]);
		}
		put_text(out, "?=");
		in = bytes_sub(in, len, in.len);
		if (in.len)
			put_text(out, "\n ");
	}
}
