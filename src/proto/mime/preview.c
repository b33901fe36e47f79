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

/* Octets of the character at the front; 0 when it is none.  Only whole characters were put here, but for UTF-8 that
   its sender broke or that was cut. */
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
	return character.ptr[0] <= ' ' || character.ptr[0] == 0x7f || bytes_equal(character, BYTES("\xc2\xa0"));
}

/* Senders pad what previews show: U+00AD, U+034F, U+200B-200F, U+2060, U+FEFF. */
static bool
is_invisible(struct bytes character)
{
	static const struct bytes rows[] = { BYTES_INIT("\xc2\xad"), BYTES_INIT("\xcd\x8f"), BYTES_INIT("\xe2\x80\x8b"),
		BYTES_INIT("\xe2\x80\x8c"), BYTES_INIT("\xe2\x80\x8d"), BYTES_INIT("\xe2\x80\x8e"),
		BYTES_INIT("\xe2\x80\x8f"), BYTES_INIT("\xe2\x81\xa0"), BYTES_INIT("\xef\xbb\xbf") };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bytes_equal(character, rows[i]))
			return true;
	return false;
}

/* RFC 8970 3.2: "the first 200 characters", white space made one SP. */
static void
put_shortened(struct buf *out, struct bytes in)
{
	size_t characters = 0;
	bool needs_space = false;

	while (in.len && characters < PREVIEW_CHARACTERS_MAX) {
		size_t len = character_octets(in);
		struct bytes character = bytes_sub(in, 0, len);

		in = bytes_sub(in, len ? len : 1, in.len);
		if (len == 0 || is_invisible(character))
			continue;
		if (is_space(character)) {
			needs_space = characters > 0;
			continue;
		}
		if (needs_space && ++characters == PREVIEW_CHARACTERS_MAX)
			return;
		if (needs_space)
			put_char(out, ' ');
		needs_space = false;
		put_bytes(out, character);
		characters++;
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
