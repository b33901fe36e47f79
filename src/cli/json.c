#include "cli/json.h"

void
json_put_text(struct buf *out, struct bytes text)
{
	bool is_utf8 = bytes_is_utf8(text);

	put_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c == '"' || c == '\\')
			put_char(out, '\\');
		if (is_utf8 && c == 0xc2 && text.ptr[i + 1] < 0xa0)
			put_format(out, "\\u%04x", text.ptr[++i]); /* U+0080 to U+009F: a terminal may obey them */
		else if (c < ' ' || c == 0x7f || (c > 0x7f && !is_utf8))
			put_format(out, "\\u%04x", c);
		else
			put_char(out, c);
	}
	put_char(out, '"');
}

void
json_put_name(struct buf *out, const char *name)
{
	json_put_text(out, bytes_text(name));
	put_char(out, ':');
}
