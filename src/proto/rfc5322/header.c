#include "proto/rfc5322/header.h"

#include <string.h>

/* Where the line at `from` ends: behind its LF, or the end. */
static size_t
line_end(struct bytes in, size_t from)
{
	const uint8_t *at = memchr(in.ptr + from, '\n', in.len - from);

	return at ? (size_t)(at - in.ptr) + 1 : in.len;
}

static bool
is_empty_line(struct bytes in)
{
	return in.len == 0 || in.ptr[0] == '\n' ||
	       (in.len > 1 && in.ptr[0] == '\r' && in.ptr[1] == '\n');
}

/* A line that starts with SP or HTAB goes on with the one before      RFC 5322 2.2.3 */
static bool
is_continued(struct bytes in, size_t at)
{
	return at < in.len && (in.ptr[at] == ' ' || in.ptr[at] == '\t');
}

static struct bytes
without_line_end(struct bytes line)
{
	if (line.len && line.ptr[line.len - 1] == '\n') {
		line.len--;
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
	}
	return line;
}

/* optional-field = field-name ":" unstructured CRLF; field-name = 1*ftext; obsolete: *WSP before
   ":" RFC 5322 3.6.8, 4.5.8 */
static bool
split_field(struct bytes line, struct bytes *name, struct bytes *value)
{
	size_t colon = bytes_find_char(line, ':'), len = colon;

	if (colon == line.len)
		return false;
	while (len && (line.ptr[len - 1] == ' ' || line.ptr[len - 1] == '\t'))
		len--;
	if (len == 0 || !bytes_all_class(bytes_sub(line, 0, len), CLASS_FTEXT | CLASS_HIGH))
		return false;
	*name = bytes_sub(line, 0, len);
	*value = bytes_sub(line, colon + 1, line.len);
	return true;
}

bool
take_header_field(struct bytes *in, struct bytes *name, struct bytes *value, struct bytes *field)
{
	size_t end;

	if (is_empty_line(*in))
		return false;
	end = line_end(*in, 0);
	while (is_continued(*in, end))
		end = line_end(*in, end);
	*field = bytes_sub(*in, 0, end);
	*in = bytes_sub(*in, end, in->len);
	*name = BYTES_NONE;
	*value = without_line_end(*field);
	(void)split_field(*value, name, value);
	return true;
}

void
put_unfolded(struct buf *out, struct bytes value)
{
	value = bytes_trim(value);
	while (value.len) {
		size_t at = bytes_find_char(value, '\n');
		size_t len = at < value.len && at && value.ptr[at - 1] == '\r' ? at - 1 : at;

		put_bytes(out, bytes_sub(value, 0, len));
		value = bytes_sub(value, at + 1, value.len);
	}
}
