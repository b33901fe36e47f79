/* Any octets, whole and octet by octet: the same commands. */
#include "proto/imap/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096 };

static void
note(struct imap_frame *f, struct bytes in, struct buf *out)
{
	while (in.len) {
		enum imap_frame_event event = imap_frame_take(f, &in);

		put_u8(out, (uint8_t)event);
		if (event == IMAP_FRAME_MORE)
			out->len--;
		if (event == IMAP_FRAME_LITERAL && imap_frame_has_room(f))
			imap_frame_accept(f);
		else if (event == IMAP_FRAME_LITERAL)
			imap_frame_swallow(f);
		if (event != IMAP_FRAME_DONE && event != IMAP_FRAME_TOO_LONG)
			continue;
		put_bytes(out, imap_frame_octets(f));
		imap_frame_reset(f);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_frame f, g;
	struct buf whole, split;

	if (size > 20000)
		return 0;
	buf_init(&whole, 1U << 20);
	buf_init(&split, 1U << 20);
	imap_frame_init(&f, LIMIT);
	imap_frame_init(&g, LIMIT);
	note(&f, bytes_of(data, size), &whole);
	for (size_t i = 0; i < size; i++)
		note(&g, bytes_of(data + i, 1), &split);
	if (!bytes_equal(buf_bytes(&whole), buf_bytes(&split)))
		abort();
	imap_frame_done(&f);
	imap_frame_done(&g);
	buf_done(&whole);
	buf_done(&split);
	return 0;
}
