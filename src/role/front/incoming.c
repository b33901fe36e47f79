#include "role/front/incoming.h"

#include "base/memory.h"
#include "sys/disk.h"

#include <string.h>

/* While the store is asked for a file the rest of what was read still comes: memory takes so much. */
enum { MEMORY_MAX = 4 * IPC_BODY_INLINE, MEMORY_FIRST = 8 * 1024, HEADER_MAX = 48 * 1024 };

static const struct message_limits limits = {
	.parts_max = 1000,
	.depth_max = 50,
	.header_octets_max = 64 * 1024,
};

struct incoming {
	incoming_head head;
	incoming_body body;
	void *arg;
	struct message_parser *parser;
	struct buf header; /* until it is complete */
	struct buf octets; /* in memory, or waiting for the file */
	struct buf summary;
	uint64_t written; /* octets in the file */
	int fd;
	uint8_t last; /* the last octet that was put */
	bool is_in_header, has_cr, has_failed;
};

struct incoming *
incoming_new(incoming_head head, incoming_body body, void *arg)
{
	struct incoming *i = NEW(struct incoming);

	i->head = head;
	i->body = body;
	i->arg = arg;
	i->fd = -1;
	i->is_in_header = true;
	i->parser = message_parser_new(&limits, BYTES_NONE);
	buf_init(&i->header, HEADER_MAX + 4);
	buf_init(&i->octets, MEMORY_MAX);
	buf_init(&i->summary, SUMMARY_MAX);
	return i;
}

void
incoming_free(struct incoming **i)
{
	if (!*i)
		return;
	disk_close(&(*i)->fd);
	message_parser_free(&(*i)->parser);
	buf_done(&(*i)->header);
	buf_done(&(*i)->octets);
	buf_done(&(*i)->summary);
	memory_free(*i);
	*i = NULL;
}

static void
spill(struct incoming *i)
{
	if (disk_write_all(i->fd, buf_bytes(&i->octets), (off_t)i->written) != 0)
		i->has_failed = true;
	i->written += i->octets.len;
	buf_reset(&i->octets);
}

static void
add(struct incoming *i, struct bytes octets)
{
	message_parser_feed(i->parser, octets);
	if (i->fd >= 0 && i->octets.len + octets.len > IPC_BODY_INLINE)
		spill(i);
	put_bytes(&i->octets, octets);
}

/* Where the body begins in what has been read; behind it all when there is none yet. */
static size_t
body_at(struct bytes read)
{
	if (read.len && read.ptr[0] == '\n')
		return 1;
	return bytes_sub(read, 0, bytes_find(read, BYTES("\n\n")) + 2).len;
}

static void
look_at_body(struct incoming *i, struct bytes octets)
{
	if (i->body && octets.len)
		i->body(i->arg, octets);
}

static void
end_header(struct incoming *i)
{
	struct bytes read = buf_bytes(&i->header), header = bytes_sub(read, 0, body_at(read));
	bool is_whole = read.len < HEADER_MAX || header.len < read.len;
	struct buf head;

	i->is_in_header = false;
	buf_init(&head, HEADER_MAX);
	/* Most messages fit in, and are not moved as they grow. */
	(void)buf_room(&i->octets, MEMORY_FIRST);
	if (i->head)
		i->head(i->arg, header, is_whole, &head);
	add(i, buf_bytes(&head));
	add(i, read);
	look_at_body(i, bytes_sub(read, header.len, read.len));
	buf_done(&head);
	buf_done(&i->header);
}

static bool
header_is_complete(const struct incoming *i, size_t from)
{
	struct bytes unseen = bytes_sub(buf_bytes(&i->header), from, i->header.len);

	return i->header.len >= HEADER_MAX || i->header.ptr[0] == '\n' ||
		bytes_find(unseen, BYTES("\n\n")) < unseen.len;
}

/* Takes octets in disk form.  The header ends with an empty line. */
static void
put(struct incoming *i, struct bytes octets)
{
	if (octets.len == 0)
		return;
	i->last = octets.ptr[octets.len - 1];
	if (i->is_in_header) {
		size_t from = i->header.len ? i->header.len - 1 : 0;
		struct bytes taken = bytes_sub(octets, 0, HEADER_MAX - i->header.len);

		put_bytes(&i->header, taken);
		octets = bytes_sub(octets, taken.len, octets.len);
		if (!header_is_complete(i, from))
			return;
		end_header(i);
	}
	if (octets.len == 0)
		return;
	add(i, octets);
	look_at_body(i, octets);
}

void
incoming_add(struct incoming *i, struct bytes wire)
{
	while (wire.len) {
		size_t at;

		if (i->has_cr) {
			i->has_cr = false;
			/* Only the CR of a clean line end goes: CR CR LF must come back as it was. */
			if (wire.ptr[0] != '\n' || i->last == '\r')
				put(i, BYTES("\r"));
		}
		at = bytes_find_char(wire, '\r');
		put(i, bytes_sub(wire, 0, at));
		i->has_cr = at < wire.len;
		wire = bytes_sub(wire, at + 1, wire.len);
	}
}

bool
incoming_needs_file(const struct incoming *i)
{
	return i->fd < 0 && i->octets.len > IPC_BODY_INLINE;
}

void
incoming_set_file(struct incoming *i, int fd)
{
	disk_close(&i->fd);
	i->fd = fd;
}

bool
incoming_finish(struct incoming *i)
{
	if (i->has_cr)
		put(i, BYTES("\r"));
	if (i->is_in_header)
		end_header(i);
	if (i->octets.has_failed)
		i->has_failed = true;
	if (i->fd >= 0)
		spill(i);
	message_parser_finish(i->parser, &i->summary);
	return !i->has_failed;
}

struct message_facts
incoming_facts(const struct incoming *i)
{
	return message_parser_facts(i->parser);
}

struct bytes
incoming_summary(const struct incoming *i)
{
	return buf_bytes(&i->summary);
}

ssize_t
incoming_read(const struct incoming *i, uint64_t at, uint8_t *to, size_t count)
{
	struct bytes octets;

	if (i->fd >= 0)
		return disk->pread(i->fd, to, count, (off_t)at);
	octets = bytes_sub(buf_bytes(&i->octets), (size_t)at, count);
	if (octets.len)
		memcpy(to, octets.ptr, octets.len);
	return (ssize_t)octets.len;
}

struct bytes
incoming_octets(const struct incoming *i)
{
	return i->fd < 0 ? buf_bytes(&i->octets) : BYTES_NONE;
}

int
incoming_file(const struct incoming *i)
{
	return i->fd;
}
