#include "role/directory/held.h"

#include "base/event.h"
#include "role/directory/snapshot.h"
#include "sys/disk.h"

void
held_init(struct held *h, struct bytes origin)
{
	*h = (struct held){ .fd = -1, .origin = origin };
	buf_init(&h->records, IMAGE_OCTETS_MAX);
}

void
held_done(struct held *h)
{
	disk_close(&h->fd);
	buf_done_secret(&h->records);
}

void
held_take(struct held *h, struct buf *records, uint64_t digest, int fd)
{
	held_done(h);
	h->is_there = true;
	h->digest = digest;
	h->fd = fd;
	if (fd == -1)
		h->records = *records;
	else
		buf_done_secret(records);
	buf_init(records, IMAGE_OCTETS_MAX);
}

bool
held_read(const struct held *h, struct buf *text, struct bytes *records)
{
	struct bytes marker;
	struct fault f;

	*records = buf_bytes(&h->records);
	if (h->fd == -1) {
		buf_init(text, 0);
		return true;
	}
	if (snapshot_read_descriptor(h->fd, h->origin, text, &marker, records, &f) == SNAPSHOT_READ)
		return true;
	*records = BYTES_NONE;
	event(NULL, EV_SNAPSHOT_FAILED, STR("reason", f.text));
	return false;
}
