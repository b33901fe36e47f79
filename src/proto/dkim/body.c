#include "proto/dkim/dkim.h"

void
dkim_body_init(struct dkim_body *b, void (*sink)(void *arg, struct bytes canonical), void *arg)
{
	*b = (struct dkim_body){ .sink = sink, .arg = arg };
}

/* What stood before text counts now: empty lines, and white space as one SP. */
static void
settle(struct dkim_body *b)
{
	for (; b->line_ends; b->line_ends--)
		b->sink(b->arg, BYTES("\r\n"));
	if (b->has_space)
		b->sink(b->arg, BYTES(" "));
	b->has_space = false;
	b->has_text = true;
}

static bool
is_text(uint8_t c)
{
	return c != '\n' && c != ' ' && c != '\t';
}

void
dkim_body_step(struct dkim_body *b, struct bytes in)
{
	while (in.len) {
		size_t len = 0;

		while (len < in.len && is_text(in.ptr[len]))
			len++;
		if (len) {
			settle(b);
			b->sink(b->arg, bytes_sub(in, 0, len));
		} else if (in.ptr[len++] == '\n') {
			/* White space at the end of a line is nothing. */
			b->has_space = false;
			b->line_ends++;
		} else {
			b->has_space = true;
		}
		in = bytes_sub(in, len, in.len);
	}
}

void
dkim_body_end(struct dkim_body *b)
{
	/* Empty lines at the end are nothing; the last line that is none ends, and an empty body is empty. */
	if (b->has_text)
		b->sink(b->arg, BYTES("\r\n"));
}
