#include "proto/mime/charset.h"
#include "proto/mime/decode.h"
#include "proto/mime/message_internal.h"

enum { PREVIEW_CHARACTERS_MAX = 200 };

static void
put_decoded(struct buf *out, enum summary_encoding encoding, struct bytes in)
{
	switch (encoding) {
	case ENCODING_QUOTED_PRINTABLE:
		put_quoted_printable_decoded(out, in);
		return;
	case ENCODING_BASE64:
		put_base64_decoded(out, in);
		return;
	case ENCODING_IDENTITY:
	case ENCODING_UNKNOWN:
		put_bytes(out, in);
		return;
	}
}

/* Octets of the character at the front; 0 when it is none.  Only whole characters were put here,
   but for UTF-8 that its sender broke or that was cut. */
static size_t
character_octets(struct bytes in)
{
	for (size_t len = 1; len <= 4 && len <= in.len; len++)
		if (bytes_is_utf8(bytes_sub(in, 0, len)))
			return len;
	return 0;
}

static bool
is_space(struct bytes character)
{
	return character.ptr[0] <= ' ' || character.ptr[0] == 0x7f ||
	       bytes_equal(character, BYTES("\xc2\xa0"));
}

/* Senders pad what previews show: U+00AD, U+034F, U+200B-200F, U+2060, U+FEFF. */
static bool
is_invisible(struct bytes character)
{
	static const struct bytes rows[] = { BYTES_INIT("\xc2\xad"), BYTES_INIT("\xcd\x8f"),
		BYTES_INIT("\xe2\x80\x8b"), BYTES_INIT("\xe2\x80\x8c"), BYTES_INIT("\xe2\x80\x8d"),
		BYTES_INIT("\xe2\x80\x8e"), BYTES_INIT("\xe2\x80\x8f"), BYTES_INIT("\xe2\x81\xa0"),
		BYTES_INIT("\xef\xbb\xbf") };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bytes_equal(character, rows[i]))
			return true;
	return false;
}

/* A run of visible ASCII or one other character: returns how many characters it is.  0: something
   was stepped over that is not shown; *is_blank when it was white space. */
static size_t
take_visible(struct bytes *in, size_t characters_max, struct bytes *out, bool *is_blank)
{
	size_t len = 0;

	while (len < in->len && len < characters_max && in->ptr[len] > ' ' && in->ptr[len] < 0x7f)
		len++;
	*is_blank = false;
	if (len) {
		(void)take_octets(in, len, out);
		return len;
	}
	len = character_octets(*in);
	*out = bytes_sub(*in, 0, len);
	*in = bytes_sub(*in, len ? len : 1, in->len);
	*is_blank = len && is_space(*out);
	return len && !*is_blank && !is_invisible(*out);
}

/* RFC 8970 3.2: "the first 200 characters", white space made one SP. */
static void
put_shortened(struct buf *out, struct bytes in)
{
	size_t left = PREVIEW_CHARACTERS_MAX;
	bool needs_space = false;

	while (in.len && left > needs_space) {
		struct bytes visible;
		bool is_blank;
		size_t count = take_visible(&in, left - needs_space, &visible, &is_blank);

		if (count == 0) {
			needs_space |= is_blank && out->len;
			continue;
		}
		if (needs_space)
			put_char(out, ' ');
		put_bytes(out, visible);
		left -= count + needs_space;
		needs_space = false;
	}
}

void
put_preview(struct message_parser *p, struct buf *out)
{
	const struct preview *preview = &p->preview;
	struct bytes name = bytes_of(preview->charset, preview->charset_len);
	const struct charset *charset = charset_find(name);

	if (preview->part == NO_PART)
		return;
	buf_reset(&p->scratch);
	put_decoded(&p->scratch, preview->encoding, buf_bytes(&preview->raw));
	if (!charset)
		charset = charset_find(BYTES("us-ascii"));
	buf_reset(&p->text_scratch);
	put_charset_utf8(&p->text_scratch, charset, buf_bytes(&p->scratch));
	if (preview->is_html) {
		buf_reset(&p->scratch);
		put_html_text(&p->scratch, buf_bytes(&p->text_scratch));
		put_shortened(out, buf_bytes(&p->scratch));
		return;
	}
	put_shortened(out, buf_bytes(&p->text_scratch));
}
