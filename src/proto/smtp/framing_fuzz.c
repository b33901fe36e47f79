/* Lines and dotted messages in pieces, against readers that look at one octet after the other. */
#include "base/buf.h"
#include "proto/smtp/body.h"
#include "proto/smtp/line.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OCTETS_MAX = 1 << 20 };

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- lines: each as its kind, its text and LF */

static void
put_line(struct buf *out, enum smtp_line_kind kind, struct bytes text)
{
	put_char(out, (uint8_t)('0' + kind));
	put_bytes(out, text);
	put_char(out, '\n');
}

static void
read_lines_plainly(struct bytes in, size_t max, struct buf *out)
{
	size_t start = 0;
	bool is_bare = false;

	for (size_t i = 0; i < in.len; i++) {
		bool is_end = in.ptr[i] == '\n' && i > start && in.ptr[i - 1] == '\r';

		if (is_end) {
			struct bytes text = bytes_sub(in, start, i - 1 - start);
			bool is_long = text.len + 2 > max;

			put_line(out, is_long ? SMTP_LINE_LONG : is_bare ? SMTP_LINE_BARE : SMTP_LINE_WHOLE,
				is_long || is_bare ? BYTES_NONE : text);
			start = i + 1;
			is_bare = false;
			continue;
		}
		if (in.ptr[i] == '\n' || (in.ptr[i] == '\r' && (i + 1 == in.len || in.ptr[i + 1] != '\n')))
			is_bare = true;
	}
}

static void
read_lines_in_pieces(struct bytes in, size_t max, size_t piece, struct buf *out)
{
	struct smtp_lines lines = { false };
	struct bytes window = bytes_sub(in, 0, 0), line;
	enum smtp_line_kind kind;

	while (in.len > window.len) {
		window = bytes_sub(in, 0, window.len + piece);
		while ((kind = smtp_take_line(&lines, &window, max, &line)) != SMTP_LINE_NONE)
			put_line(out, kind, line);
		must(window.len < max);
		/* What was taken is gone; the window stands at the front of the rest. */
		in = bytes_sub(in, (size_t)(window.ptr - in.ptr), in.len);
	}
}

/* ---- messages */

struct message {
	struct buf body;
	unsigned int flaws;
	size_t octets; /* taken, with the end; 0: no end */
};

static void
read_message_plainly(struct bytes in, struct message *m)
{
	struct buf all;
	struct bytes text;
	size_t end;

	buf_init(&all, OCTETS_MAX);
	put_text(&all, "\r\n");
	put_bytes(&all, in);
	text = buf_bytes(&all);
	end = bytes_find(text, BYTES("\r\n.\r\n"));
	m->octets = end < text.len ? end + 3 : 0;
	for (size_t i = 2; i < (end < text.len ? end + 2 : text.len); i++) {
		bool is_line_start = text.ptr[i - 2] == '\r' && text.ptr[i - 1] == '\n';
		bool is_bare = (text.ptr[i] == '\n' && text.ptr[i - 1] != '\r') ||
			(text.ptr[i - 1] == '\r' && text.ptr[i] != '\n');

		if (is_bare)
			m->flaws |= SMTP_FLAW_BARE;
		if (text.ptr[i] == 0)
			m->flaws |= SMTP_FLAW_NUL;
		if (!(is_line_start && text.ptr[i] == '.'))
			put_char(&m->body, text.ptr[i]);
	}
	buf_done(&all);
}

static void
read_message_in_pieces(struct bytes in, size_t piece, struct message *m)
{
	struct smtp_dots dots = { .has_bare_cr = false };
	struct smtp_text text = { .line_octets_max = 0 };
	struct bytes rest = in, run;
	enum smtp_dots_kind kind = SMTP_DOTS_MORE;

	while (rest.len && kind != SMTP_DOTS_END) {
		struct bytes part = bytes_sub(rest, 0, piece), left = part;

		while ((kind = smtp_dots_take(&dots, &left, &run)) == SMTP_DOTS_RUN) {
			must(run.len > 0);
			put_bytes(&m->body, run);
			smtp_text_check(&text, run);
		}
		must(kind == SMTP_DOTS_END || left.len == 0);
		rest = bytes_sub(rest, part.len - left.len, rest.len);
	}
	if (kind == SMTP_DOTS_END)
		m->octets = in.len - rest.len;
	m->flaws = text.flaws | (dots.has_bare_cr ? SMTP_FLAW_BARE : 0u);
}

static void
try_message(struct bytes in, size_t piece)
{
	struct message plain = { .flaws = 0 }, pieces = { .flaws = 0 };

	buf_init(&plain.body, OCTETS_MAX);
	buf_init(&pieces.body, OCTETS_MAX);
	read_message_plainly(in, &plain);
	read_message_in_pieces(in, piece, &pieces);
	must(plain.octets == pieces.octets);
	/* Of one without end, or one to be refused, the last octets may be held back. */
	if (plain.octets && !(plain.flaws & SMTP_FLAW_BARE)) {
		must(plain.flaws == pieces.flaws);
		must(bytes_equal(buf_bytes(&plain.body), buf_bytes(&pieces.body)));
	}
	if (plain.octets)
		must((plain.flaws & SMTP_FLAW_BARE) == (pieces.flaws & SMTP_FLAW_BARE));
	buf_done(&plain.body);
	buf_done(&pieces.body);
}

static void
try_lines(struct bytes in, size_t max, size_t piece)
{
	struct buf plain, pieces;

	buf_init(&plain, OCTETS_MAX);
	buf_init(&pieces, OCTETS_MAX);
	read_lines_plainly(in, max, &plain);
	read_lines_in_pieces(in, max, piece, &pieces);
	must(bytes_equal(buf_bytes(&plain), buf_bytes(&pieces)));
	buf_done(&plain);
	buf_done(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), how;

	if (!take_octets(&in, 2, &how))
		return 0;
	try_lines(in, 2 + how.ptr[0] % 32u, 1 + how.ptr[1] % 9u);
	try_message(in, 1 + how.ptr[1] % 9u);
	return 0;
}
