#include "proto/mime/break.h"

#include "proto/rfc5322/header.h"

/* Where a line of which `room` octets fit is broken; 0: it has no white space. */
static size_t
break_of(struct bytes line, size_t room)
{
	for (size_t i = room; i > 0; i--)
		if (byte_is_class(line.ptr[i], CLASS_SPACE) && !byte_is_class(line.ptr[i - 1], CLASS_SPACE))
			return i;
	return 0;
}

void
put_broken(struct buf *out, struct bytes octets, size_t *column)
{
	while (octets.len > RFC5322_LINE_MAX - *column) {
		size_t room = RFC5322_LINE_MAX - *column, at = break_of(octets, room), count = at ? at : room;

		put_bytes(out, bytes_sub(octets, 0, count));
		put_text(out, at ? "\n" : "\n ");
		*column = at ? 0 : 1;
		octets = bytes_sub(octets, count, octets.len);
	}
	put_bytes(out, octets);
	*column += octets.len;
}
