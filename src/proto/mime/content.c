#include "proto/mime/content.h"

#include "proto/mime/decode.h"
#include "proto/rfc5322/lexical.h"

/* Sections of a continued parameter (RFC 2231 3) that are put together. */
enum { SECTIONS_MAX = 32 };

bool
take_content_token(struct bytes *in, struct bytes *token)
{
	struct bytes rest = *in;

	take_cfws(&rest, NULL);
	if (!take_class(&rest, CLASS_TOKEN, token))
		return false;
	take_cfws(&rest, NULL);
	*in = rest;
	return true;
}

/* content = "Content-Type" ":" type "/" subtype *(";" parameter)      RFC 2045 5.1 */
bool
take_content_type(struct bytes *in, struct bytes *type, struct bytes *subtype)
{
	struct bytes rest = *in;

	if (!take_content_token(&rest, type) || !take_char(&rest, '/') ||
		!take_content_token(&rest, subtype))
		return false;
	*in = rest;
	return true;
}

/* value = token / quoted-string      RFC 2045 5.1.  What is not quoted and should be is taken up to
   white space or ";". */
static void
take_value(struct bytes *in, struct buf *value)
{
	size_t len = 0;

	if (take_quoted_string(in, value))
		return;
	while (len < in->len && in->ptr[len] != ';' && in->ptr[len] != ' ' &&
		in->ptr[len] != '\t' && in->ptr[len] != '\r' && in->ptr[len] != '\n')
		len++;
	put_bytes(value, bytes_sub(*in, 0, len));
	*in = bytes_sub(*in, len, in->len);
}

static void
skip_to_semicolon(struct bytes *in)
{
	struct buf nowhere;

	buf_init_fixed(&nowhere, NULL, 0);
	take_cfws(in, NULL);
	while (in->len && in->ptr[0] != ';') {
		if (!take_quoted_string(in, &nowhere))
			*in = bytes_sub(*in, 1, in->len);
		take_cfws(in, NULL);
	}
}

/* parameter = attribute "=" value; attribute = token      RFC 2045 5.1 */
bool
take_parameter(struct bytes *in, struct bytes *name, struct buf *value)
{
	buf_reset(value);
	for (;;) {
		skip_to_semicolon(in);
		if (!take_char(in, ';'))
			return false;
		if (!take_content_token(in, name) || !take_char(in, '='))
			continue;
		take_cfws(in, NULL);
		take_value(in, value);
		return true;
	}
}

/* initial-section = "*0"; other-sections = "*" ("1" / … ) *DIGIT; a "*" behind it says that the
   value is extended, and is the whole name of one that is not continued      RFC 2231 7 */
static bool
is_section(struct bytes found, struct bytes name, uint64_t section, bool *is_extended)
{
	uint64_t number = 0;

	if (!take_text_nocase(&found, name) || !take_char(&found, '*'))
		return false;
	*is_extended = found.len == 0;
	if (!*is_extended && take_number(&found, SECTIONS_MAX, &number))
		*is_extended = take_char(&found, '*');
	return found.len == 0 && number == section;
}

/* extended-initial-value = [charset] "'" [language] "'" extended-other-values      RFC 2231 7 */
static void
put_section(struct buf *out, struct bytes value, uint64_t section, bool is_extended)
{
	if (!is_extended) {
		put_bytes(out, value);
		return;
	}
	if (section == 0) {
		(void)take_until(&value, '\'');
		(void)take_until(&value, '\'');
	}
	put_percent_decoded(out, value);
}

static bool
find_section(struct bytes parameters, struct bytes name, uint64_t section, struct buf *out)
{
	struct bytes found;
	struct buf value;
	bool is_extended, is_found = false;

	buf_init(&value, parameters.len);
	while (!is_found && take_parameter(&parameters, &found, &value))
		is_found = is_section(found, name, section, &is_extended);
	if (is_found)
		put_section(out, buf_bytes(&value), section, is_extended);
	buf_done(&value);
	return is_found;
}

bool
find_parameter(struct bytes parameters, struct bytes name, struct buf *value)
{
	struct bytes rest = parameters, found;
	uint64_t section = 0;

	while (take_parameter(&rest, &found, value))
		if (bytes_equal_nocase(found, name))
			return true;
	buf_reset(value);
	while (section < SECTIONS_MAX && find_section(parameters, name, section, value))
		section++;
	return section > 0;
}

/* mechanism = "7bit" / "8bit" / "binary" / "quoted-printable" / "base64" / ietf-token / x-token
   RFC 2045 6.1 */
enum summary_encoding
content_encoding(struct bytes token)
{
	if (bytes_equal_nocase(token, BYTES("base64")))
		return ENCODING_BASE64;
	if (bytes_equal_nocase(token, BYTES("quoted-printable")))
		return ENCODING_QUOTED_PRINTABLE;
	if (bytes_equal_nocase(token, BYTES("7bit")) || bytes_equal_nocase(token, BYTES("8bit")) ||
		bytes_equal_nocase(token, BYTES("binary")))
		return ENCODING_IDENTITY;
	return ENCODING_UNKNOWN;
}
