#include "role/control_line.h"

static bool
is_word_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || byte_is_class(c, CLASS_DIGIT) || c == '_';
}

static bool
take_word(struct bytes *in, struct bytes *out)
{
	size_t len = 0;

	while (len < in->len && is_word_octet(in->ptr[len]))
		len++;
	return len > 0 && take_octets(in, len, out);
}

static bool
is_plain(uint8_t c, bool is_utf8)
{
	return c >= ' ' && c != 0x7f && c != '\\' && (c < 0x80 || is_utf8);
}

static void
put_value(struct buf *out, struct bytes value)
{
	bool is_utf8 = bytes_is_utf8(value);

	for (size_t i = 0; i < value.len; i++) {
		if (is_plain(value.ptr[i], is_utf8))
			put_char(out, value.ptr[i]);
		else
			put_format(out, "\\%02x", value.ptr[i]);
	}
}

static void
put_field(struct buf *out, const struct event_field *field)
{
	put_format(out, "\t%s=", field->name);
	if (field->kind == FIELD_INT)
		put_format(out, "%lld", (long long)field->number);
	else
		put_value(out, field->kind == FIELD_SECRET ? BYTES("***") : field->text);
}

void
control_line_put(struct buf *out, const char *word, const struct event_field *fields)
{
	size_t before = out->len;

	put_text(out, word);
	for (; fields->kind != FIELD_END; fields++)
		put_field(out, fields);
	put_char(out, '\n');
	if (out->has_failed)
		out->len = before;
}

static bool
take_hex(struct bytes *in, uint8_t *out)
{
	struct bytes digits;
	unsigned int value = 0;

	if (!take_octets(in, 2, &digits) || !bytes_all_class(digits, CLASS_HEX))
		return false;
	for (size_t i = 0; i < 2; i++) {
		uint8_t c = byte_lower(digits.ptr[i]);

		value = value * 16 + (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*out = (uint8_t)value;
	return true;
}

/* Up to the next HTAB or the end. */
static bool
take_value(struct bytes *in, struct buf *space, struct bytes *out)
{
	struct bytes text = bytes_sub(*in, 0, bytes_find_char(*in, '\t')), rest = text;
	bool is_utf8 = bytes_is_utf8(text);
	size_t start = space->len;

	while (rest.len) {
		uint8_t c = rest.ptr[0];

		if (take_char(&rest, '\\')) {
			if (!take_hex(&rest, &c))
				return false;
		} else if (is_plain(c, is_utf8)) {
			rest = bytes_sub(rest, 1, rest.len);
		} else {
			return false;
		}
		put_char(space, c);
	}
	if (space->has_failed)
		return false;
	*out = bytes_of(space->ptr + start, space->len - start);
	*in = bytes_sub(*in, text.len, in->len);
	return true;
}

static bool
take_fields(struct bytes in, struct buf *space, struct control_line *line)
{
	if (!take_word(&in, &line->word))
		return false;
	while (in.len) {
		if (line->count == CONTROL_FIELDS_MAX || !take_char(&in, '\t') || !take_word(&in, &line->fields[line->count].name)
			|| !take_char(&in, '=') || !take_value(&in, space, &line->fields[line->count].value))
			return false;
		line->count++;
	}
	return true;
}

bool
control_line_take(struct bytes *in, struct buf *space, struct control_line *line)
{
	size_t end = bytes_find_char(*in, '\n'), before = space->len;

	*line = (struct control_line){ .count = 0 };
	if (end == in->len)
		return false;
	if (!take_fields(bytes_sub(*in, 0, end), space, line)) {
		space->len = before;
		space->has_failed = false;
		return false;
	}
	*in = bytes_sub(*in, end + 1, in->len);
	return true;
}

struct bytes
control_line_get(const struct control_line *line, const char *name)
{
	for (size_t i = 0; i < line->count; i++)
		if (bytes_equal(line->fields[i].name, bytes_text(name)))
			return line->fields[i].value;
	return BYTES_NONE;
}

uint64_t
control_line_number(const struct control_line *line, const char *name)
{
	struct bytes text = control_line_get(line, name);
	uint64_t number = 0;

	(void)take_number(&text, INT64_MAX, &number);
	return number;
}

bool
control_line_is(const struct control_line *line, const char *word)
{
	return bytes_equal(line->word, bytes_text(word));
}

bool
control_take_answer(struct bytes *in, struct bytes *answer)
{
	struct bytes rest = *in;
	size_t end;

	if (!take_text(&rest, BYTES("lines\n"))) {
		end = bytes_find_char(rest, '\n');
		if (end == rest.len)
			return false;
		*answer = bytes_sub(rest, 0, end);
		*in = bytes_sub(rest, end + 1, rest.len);
		return true;
	}
	/* The LF before the empty line may be that of "lines". */
	rest = bytes_sub(*in, sizeof "lines" - 1, in->len);
	end = bytes_find(rest, BYTES("\n\n"));
	if (end == rest.len)
		return false;
	*answer = end ? bytes_sub(rest, 1, end) : BYTES_NONE;
	*in = bytes_sub(rest, end + 2, rest.len);
	return true;
}
