/* The text of HTML, for previews alone: good enough for people, never for a browser. */
#include "proto/mime/message_internal.h"

enum { ENTITY_MAX = 10 };

static const struct {
	struct bytes name;
	uint32_t character;
} entities[] = {
	{ BYTES_INIT("amp"), '&' },
	{ BYTES_INIT("lt"), '<' },
	{ BYTES_INIT("gt"), '>' },
	{ BYTES_INIT("quot"), '"' },
	{ BYTES_INIT("apos"), '\'' },
	{ BYTES_INIT("nbsp"), ' ' },
	{ BYTES_INIT("zwnj"), 0x200c },
	{ BYTES_INIT("shy"), 0xad },
	{ BYTES_INIT("copy"), 0xa9 },
	{ BYTES_INIT("euro"), 0x20ac },
	{ BYTES_INIT("eacute"), 0xe9 },
	{ BYTES_INIT("egrave"), 0xe8 },
	{ BYTES_INIT("agrave"), 0xe0 },
	{ BYTES_INIT("ccedil"), 0xe7 },
	{ BYTES_INIT("auml"), 0xe4 },
	{ BYTES_INIT("ouml"), 0xf6 },
	{ BYTES_INIT("uuml"), 0xfc },
	{ BYTES_INIT("szlig"), 0xdf },
};

/* Elements that are within a line: their tags leave no space. */
static const struct bytes inline_elements[] = {
	BYTES_INIT("a"), BYTES_INIT("abbr"), BYTES_INIT("b"), BYTES_INIT("em"), BYTES_INIT("font"), BYTES_INIT("i"),
	BYTES_INIT("s"), BYTES_INIT("small"), BYTES_INIT("span"), BYTES_INIT("strong"), BYTES_INIT("sub"),
	BYTES_INIT("sup"), BYTES_INIT("u"), BYTES_INIT("wbr"),
};

static const struct bytes hidden_elements[] = { BYTES_INIT("style"), BYTES_INIT("script"), BYTES_INIT("title") };

static bool
is_in(struct bytes name, const struct bytes *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_nocase(name, names[i]))
			return true;
	return false;
}

/* Steps behind "</name"; takes all when it is not there. */
static void
skip_element(struct bytes *in, struct bytes name)
{
	while (in->len) {
		*in = bytes_sub(*in, bytes_find_char(*in, '<'), in->len);
		if (in->len > 1 && in->ptr[1] == '/' && bytes_starts_nocase(bytes_sub(*in, 2, in->len), name))
			return;
		*in = bytes_sub(*in, 1, in->len);
	}
}

static void
take_tag(struct bytes *in, struct buf *out)
{
	struct bytes name = BYTES_NONE;
	bool is_end;

	if (take_text(in, BYTES("<!--"))) {
		size_t end = bytes_find(*in, BYTES("-->"));

		*in = bytes_sub(*in, end + 3, in->len);
		return;
	}
	*in = bytes_sub(*in, 1, in->len);
	is_end = take_char(in, '/');
	(void)take_class(in, CLASS_ALPHA | CLASS_DIGIT, &name);
	*in = bytes_sub(*in, bytes_find_char(*in, '>') + 1, in->len);
	if (!is_end && is_in(name, hidden_elements, sizeof hidden_elements / sizeof *hidden_elements))
		skip_element(in, name);
	if (!is_in(name, inline_elements, sizeof inline_elements / sizeof *inline_elements))
		put_char(out, ' ');
}

static void
put_utf8(struct buf *out, uint32_t c)
{
	if (c >= 0x10000) {
		put_char(out, (uint8_t)(0xf0 | c >> 18));
		put_char(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
	} else if (c >= 0x800) {
		put_char(out, (uint8_t)(0xe0 | c >> 12));
	}
	if (c >= 0x800)
		put_char(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	else if (c >= 0x80)
		put_char(out, (uint8_t)(0xc0 | c >> 6));
	put_char(out, (uint8_t)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
}

static uint32_t
entity_character(struct bytes name)
{
	uint64_t number = 0;

	if (take_text_nocase(&name, BYTES("#x"))) {
		for (size_t i = 0; i < name.len; i++) {
			uint8_t c = byte_lower(name.ptr[i]);

			if (!byte_is_class(c, CLASS_HEX) || number > 0x10ffff)
				return 0;
			number = number * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
	} else if (take_char(&name, '#')) {
		if (!take_number(&name, 0x10ffff, &number) || name.len)
			return 0;
	} else {
		for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
			if (bytes_equal(name, entities[i].name))
				return entities[i].character;
	}
	return number > 0x10ffff || (number >= 0xd800 && number < 0xe000) ? 0 : (uint32_t)number;
}

static void
take_entity(struct bytes *in, struct buf *out)
{
	struct bytes window = bytes_sub(*in, 1, ENTITY_MAX);
	size_t end = bytes_find_char(window, ';');
	uint32_t character = end < window.len ? entity_character(bytes_sub(window, 0, end)) : 0;

	if (character == 0) {
		put_char(out, '&');
		*in = bytes_sub(*in, 1, in->len);
		return;
	}
	put_utf8(out, character);
	*in = bytes_sub(*in, end + 2, in->len);
}

void
put_html_text(struct buf *out, struct bytes html)
{
	while (html.len) {
		size_t len = 0;

		while (len < html.len && html.ptr[len] != '<' && html.ptr[len] != '&')
			len++;
		put_bytes(out, bytes_sub(html, 0, len));
		html = bytes_sub(html, len, html.len);
		if (html.len && html.ptr[0] == '<')
			take_tag(&html, out);
		else if (html.len)
			take_entity(&html, out);
	}
}
