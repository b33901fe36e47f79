#include "proto/mime/charset.h"
#include "proto/mime/content.h"
#include "proto/mime/decode.h"
#include "proto/mime/fields.h"
#include "proto/mime/message.h"

enum { WORD_CHARSET_MAX = 64 };

/* As much of in as there is room for. */
static void
put_what_fits(struct buf *out, struct bytes in)
{
	size_t room = out->has_failed ? 0 : out->max - out->len;

	put_bytes(out, bytes_sub(in, 0, room));
	if (in.len > room)
		out->has_failed = true;
}

/* Decoded octets of encoded words that follow each other in one character set: a character may be
   cut between two words, though RFC 2047 5 (3) forbids it. */
struct words {
	struct buf octets;
	const struct charset *charset; /* NULL: none */
	bool has_no_end;	       /* there is no "?=" in what is left */
};

struct word {
	const struct charset *charset;
	bool is_base64;
	struct bytes text;
};

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?="      RFC 2047 2; charset "*"
 * language: RFC 2231 5 */
static bool
take_encoded_word(struct bytes *in, struct words *words, struct word *word)
{
	struct bytes rest = *in, name;
	size_t end;

	if (words->has_no_end || !take_text(&rest, BYTES("=?")))
		return false;
	end = bytes_find_char(bytes_sub(rest, 0, WORD_CHARSET_MAX), '?');
	name = bytes_sub(rest, 0, end);
	name = bytes_sub(name, 0, bytes_find_char(name, '*'));
	rest = bytes_sub(rest, end, rest.len);
	word->is_base64 = bytes_starts_nocase(rest, BYTES("?b?"));
	if (!word->is_base64 && !bytes_starts_nocase(rest, BYTES("?q?")))
		return false;
	word->charset = charset_find(name);
	if (!word->charset)
		return false;
	rest = bytes_sub(rest, 3, rest.len);
	end = bytes_find(rest, BYTES("?="));
	words->has_no_end = end == rest.len;
	if (words->has_no_end)
		return false;
	word->text = bytes_sub(rest, 0, end);
	*in = bytes_sub(rest, end + 2, rest.len);
	return true;
}

static void
flush_words(struct words *words, struct buf *out)
{
	if (words->charset)
		put_charset_utf8(out, words->charset, buf_bytes(&words->octets));
	words->charset = NULL;
	buf_reset(&words->octets);
}

static void
add_word(struct words *words, const struct word *word, struct buf *out)
{
	if (words->charset != word->charset)
		flush_words(words, out);
	words->charset = word->charset;
	if (word->is_base64)
		put_base64_decoded(&words->octets, word->text);
	else
		put_q_decoded(&words->octets, word->text);
}

/* Raw octets of a header are UTF-8 (RFC 6532), or what charset_find("us-ascii") makes of others. */
static void
put_plain(struct buf *out, struct bytes in)
{
	put_charset_utf8(out, charset_find(BYTES("us-ascii")), in);
}

/* RFC 2047 6.2: white space between two encoded words is not shown. */
static void
put_decoded_words(struct buf *out, struct bytes in, struct words *words)
{
	while (in.len) {
		size_t plain = bytes_find(in, BYTES("=?"));
		struct bytes between = bytes_sub(in, 0, plain);
		struct word word;

		if (!words->charset || plain == in.len || !bytes_all_class(between, CLASS_SPACE)) {
			flush_words(words, out);
			put_plain(out, between);
			between = BYTES_NONE;
		}
		in = bytes_sub(in, plain, in.len);
		if (in.len == 0)
			return;
		if (take_encoded_word(&in, words, &word)) {
			add_word(words, &word, out);
			continue;
		}
		flush_words(words, out);
		put_plain(out, between);
		put_text(out, "=?");
		in = bytes_sub(in, 2, in.len);
	}
}

void
put_header_text(struct buf *out, struct bytes value)
{
	struct buf unfolded;
	struct words words = { .charset = NULL };

	buf_init(&unfolded, value.len);
	buf_init(&words.octets, value.len);
	put_unfolded(&unfolded, value);
	put_decoded_words(out, buf_bytes(&unfolded), &words);
	flush_words(&words, out);
	buf_done(&words.octets);
	buf_done(&unfolded);
}

/* What a part's header says about its octets. */
struct part_nature {
	enum summary_encoding encoding;
	const struct charset *charset; /* NULL: not text, or not known */
};

static struct part_nature
read_nature(struct bytes header)
{
	struct part_nature nature = { .encoding = ENCODING_IDENTITY };
	struct bytes type = BYTES("text"), subtype, token, value;
	struct header_fields fields;
	struct buf name;

	header_fields_find(header, &fields);
	value = fields.single[HEADER_CONTENT_TRANSFER_ENCODING];
	if (take_content_token(&value, &token))
		nature.encoding = content_encoding(token);
	value = fields.single[HEADER_CONTENT_TYPE];
	if (take_content_type(&value, &type, &subtype) && !bytes_equal_nocase(type, BYTES("text")))
		return nature;
	buf_init(&name, WORD_CHARSET_MAX);
	if (find_parameter(value, BYTES("charset"), &name))
		nature.charset = charset_find(buf_bytes(&name));
	else
		nature.charset = charset_find(BYTES("us-ascii"));
	buf_done(&name);
	return nature;
}

static void
put_as_utf8(struct buf *out, const struct charset *charset, struct bytes in)
{
	struct buf text;

	if (!charset || charset_is_utf8(charset, in)) {
		put_what_fits(out, in);
		return;
	}
	buf_init(&text, out->max - out->len);
	put_charset_utf8(&text, charset, in);
	put_bytes(out, buf_bytes(&text));
	out->has_failed |= text.has_failed;
	buf_done(&text);
}

void
put_part_text(struct buf *out, struct bytes part_header, struct bytes part_body)
{
	struct part_nature nature = read_nature(part_header);
	struct buf decoded;

	buf_init(&decoded, part_body.len);
	if (nature.encoding == ENCODING_BASE64) {
		put_base64_decoded(&decoded, part_body);
		part_body = buf_bytes(&decoded);
	} else if (nature.encoding == ENCODING_QUOTED_PRINTABLE) {
		put_quoted_printable_decoded(&decoded, part_body);
		part_body = buf_bytes(&decoded);
	}
	put_as_utf8(out, nature.charset, part_body);
	buf_done(&decoded);
}
