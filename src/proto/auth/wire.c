#include "proto/auth/wire.h"

#define ESCAPE 0x01

enum auth_line
auth_take_line(struct bytes *in, size_t octets_max, struct bytes *line)
{
	size_t end = bytes_find_char(bytes_sub(*in, 0, octets_max), '\n');

	if (end == in->len && end < octets_max)
		return AUTH_LINE_NONE;
	if (end >= octets_max)
		return AUTH_LINE_LONG;
	*line = bytes_sub(*in, 0, end);
	*in = bytes_sub(*in, end + 1, in->len);
	return AUTH_LINE_WHOLE;
}

/* What is left after the last parameter is the empty view without a place; an empty parameter has one. */
bool
auth_take_field(struct bytes *line, struct bytes *field)
{
	size_t end = bytes_find_char(*line, '\t');

	if (!line->ptr)
		return false;
	*field = bytes_sub(*line, 0, end);
	*line = end == line->len ? BYTES_NONE : bytes_sub(*line, end + 1, line->len);
	return true;
}

bool
auth_take_id(struct bytes *line, uint32_t *id)
{
	struct bytes rest = *line, field;
	uint64_t value;

	if (!auth_take_field(&rest, &field) || !take_number(&field, UINT32_MAX, &value) || field.len > 0)
		return false;
	*line = rest;
	*id = (uint32_t)value;
	return true;
}

static uint8_t
meaning(uint8_t c)
{
	switch (c) {
	case '0':
		return '\0';
	case '1':
		return ESCAPE;
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'l':
		return '\n';
	default:
		return c;
	}
}

bool
auth_unescape(struct bytes field, struct arena *arena, struct bytes *out)
{
	uint8_t *text;
	size_t len = 0;

	*out = field;
	if (bytes_find_char(field, ESCAPE) == field.len)
		return true;
	text = arena_take(arena, field.len);
	if (!text)
		return false;
	for (size_t i = 0; i < field.len; i++) {
		bool is_escaped = field.ptr[i] == ESCAPE;

		if (is_escaped && ++i == field.len)
			return false;
		text[len++] = is_escaped ? meaning(field.ptr[i]) : field.ptr[i];
	}
	*out = bytes_of(text, len);
	return true;
}

void
auth_put_escaped(struct buf *out, struct bytes text)
{
	static const uint8_t special[][2] = { { '\0', '0' }, { ESCAPE, '1' }, { '\t', 't' }, { '\r', 'r' }, { '\n', 'l' } };

	for (size_t i = 0; i < text.len; i++) {
		size_t at = 0;

		while (at < sizeof special / sizeof *special && special[at][0] != text.ptr[i])
			at++;
		if (at < sizeof special / sizeof *special)
			put_char(out, ESCAPE);
		put_char(out, at < sizeof special / sizeof *special ? special[at][1] : text.ptr[i]);
	}
}

bool
auth_is_our_version(struct bytes line)
{
	uint32_t major;

	return auth_take_id(&line, &major) && major == AUTH_MAJOR_VERSION;
}
