/* Message files that a session reads: opened by the store, read here, with the summary made anew for mail that came
   from outsiders and has none; others have their turns while a large one is looked through.  Read, not mapped: another program
   may cut a file short at any time. */
#include "role/front/imap_client.h"

#include "base/map.h"
#include "base/memory.h"
#include "proto/mime/message.h"
#include "sys/disk.h"

#include <string.h>

static const struct message_limits limits = {
	.parts_max = 1000,
	.depth_max = 50,
	.header_octets_max = 64 * 1024,
};

/* Of one answer, unless it is one message. */
#define BODIES_OCTETS_MAX ((uint64_t)4 << 20)
/* A message larger than that is lent alone, and counted: clients that don't read what they ask for would have the
   front hold a message for each connection.  Of one account (but for its first one), and of all together. */
#define LARGE_OCTETS_MAX ((uint64_t)1 << 30)
#define LARGE_OCTETS_OF_ACCOUNT_MAX ((uint64_t)256 << 20)
/* Looked through before others have their turn: 8 ms, when it is all fields of a header. */
#define LOOK_OCTETS ((size_t)1 << 20)

struct imap_bodies {
	struct imap_body list[IMAP_BODIES_MAX];
	void *octets[IMAP_BODIES_MAX];
	struct buf summaries[IMAP_BODIES_MAX];
	size_t count;
	uint64_t octet_count;
	struct front *front;
	uint64_t account, large_octets; /* counted there */
	struct imap_client *client;
	size_t looked_at; /* of the list: they have summaries */
	struct message_parser *parser; /* of the next one; NULL: it has not begun */
	size_t fed; /* its octets so far */
	struct defer again;
	struct imap_answer answer; /* when all have */
};

static uint64_t
large_octets_of(const struct imap_bodies *b)
{
	return (uintptr_t)map_get_number(b->front->large_bodies, b->account);
}

static void
set_large_octets(const struct imap_bodies *b, uint64_t octets)
{
	if (octets)
		(void)map_put_number(b->front->large_bodies, b->account,
			(void *)(uintptr_t)octets); /* NOLINT(performance-no-int-to-ptr) */
	else
		(void)map_remove_number(b->front->large_bodies, b->account);
}

static bool
count_large(struct imap_bodies *b, uint64_t octets)
{
	uint64_t held = large_octets_of(b);

	if (b->front->large_octets + octets > LARGE_OCTETS_MAX ||
		(held && held + octets > LARGE_OCTETS_OF_ACCOUNT_MAX))
		return false;
	b->front->large_octets += octets;
	b->large_octets = octets;
	set_large_octets(b, held + octets);
	return true;
}

void
imap_free_bodies(struct imap_client *c)
{
	struct imap_bodies *b = c->bodies;

	if (!b)
		return;
	loop_defer_cancel(b->front->loop, &b->again);
	message_parser_free(&b->parser);
	for (size_t i = 0; i < b->count; i++) {
		memory_free(b->octets[i]);
		buf_done(&b->summaries[i]);
	}
	if (b->large_octets) {
		b->front->large_octets -= b->large_octets;
		set_large_octets(b, large_octets_of(b) - b->large_octets);
	}
	memory_free(b);
	c->bodies = NULL;
}

enum room { ROOM, NO_ROOM_NOW, NO_FILE };

/* Is there room for the file beside those that are there? */
static enum room
find_room(struct imap_bodies *b, int fd, size_t *octets)
{
	struct stat st;

	if (disk->fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > LARGE_OCTETS_MAX)
		return NO_FILE;
	*octets = (size_t)st.st_size;
	if (b->octet_count + *octets > BODIES_OCTETS_MAX && (b->count || !count_large(b, *octets)))
		return NO_ROOM_NOW;
	return ROOM;
}

static bool
read_file(int fd, size_t size, struct bytes *out)
{
	void *octets = memory_new(size);

	if (disk_read_all(fd, octets, size, 0) != 0) {
		memory_free(octets);
		return false;
	}
	*out = bytes_of(octets, size);
	return true;
}

/* The store keeps what we found out, so that it is done once. */
static void
tell_store(struct imap_client *c, const struct imap_body *body)
{
	struct message m = { .type = MESSAGE_PUT_SUMMARY };

	m.u.put_summary = (struct ipc_put_summary){
		.session = connection_session(c->connection),
		.uid = body->uid,
		.size = body->size,
		.summary = body->summary,
	};
	/* If it gets lost it is made again. */
	(void)!peer_send(connection_front(c->connection)->store, &m);
}

/* None, or one of an older version: it is made anew. */
static bool
is_summary(struct bytes octets)
{
	struct summary summary;

	return summary_open(octets, &summary, NULL) == 0;
}

/* The view's record of the message; NULL: it has none any more. */
static const struct view_record *
find_record(const struct view *view, uint32_t uid)
{
	uint32_t count = view ? view_count(view) : 0;
	uint32_t at = view ? view_find(view, count, uid) : 0;

	return at < count && view->records[at].uid == uid ? &view->records[at] : NULL;
}

static enum room
add_body(struct imap_client *c, uint32_t uid, int fd)
{
	struct imap_bodies *b = c->bodies;
	const struct view *view = mailbox_view(&c->user);
	const struct view_record *record = find_record(view, uid);
	struct imap_body *body = &b->list[b->count];
	struct buf *summary = &b->summaries[b->count];
	size_t octets = 0;
	enum room room = record ? find_room(b, fd, &octets) : NO_FILE;

	if (room != ROOM || !read_file(fd, octets, &body->octets))
		return room;
	b->octets[b->count++] = (void *)(uintptr_t)body->octets.ptr;
	b->octet_count += octets;
	buf_init(summary, SUMMARY_MAX);
	body->uid = uid;
	/* A copy: the mapping may be replaced while the session still reads. */
	put_bytes(summary, view_summary(view, record));
	body->summary = buf_bytes(summary);
	body->size = record->size;
	return ROOM;
}

/* Files that can't be read, or are too large for any message, are left out as if they were expunged. */
static void
add_bodies(struct imap_client *c, const struct message *m)
{
	struct bytes uids = m->u.bodies.uids;
	struct imap_bodies *b = c->bodies;
	struct imap_answer *a = &b->answer;
	uint32_t uid;

	for (size_t i = 0; i < m->fd_count && i < IMAP_BODIES_MAX && take_u32(&uids, &uid); i++) {
		if (add_body(c, uid, m->fds[i]) != NO_ROOM_NOW)
			continue;
		a->left_out_from = b->count ? uid : 0;
		a->outcome = b->count ? IMAP_OK : IMAP_LATER;
		break;
	}
	a->bodies = b->list;
	a->body_count = b->count;
}

/* Looks through as much of the next one as *may says, and takes that from it.  False: there is more of it. */
static bool
look(struct imap_bodies *b, struct imap_body *body, struct buf *summary, size_t *may)
{
	struct bytes piece = bytes_sub(body->octets, b->fed, *may);

	if (!b->parser)
		b->parser = message_parser_new(&limits, BYTES_NONE);
	message_parser_feed(b->parser, piece);
	b->fed += piece.len;
	*may -= piece.len;
	if (b->fed < body->octets.len)
		return false;
	buf_reset(summary);
	message_parser_finish(b->parser, summary);
	body->summary = buf_bytes(summary);
	body->size = message_parser_facts(b->parser).size;
	message_parser_free(&b->parser);
	b->fed = 0;
	tell_store(b->client, body);
	return true;
}

/* The answer comes when every message has a summary. */
static void
look_on(struct defer *d)
{
	struct imap_bodies *b = (struct imap_bodies *)((char *)d - offsetof(struct imap_bodies, again));
	size_t may = LOOK_OCTETS;

	for (; b->looked_at < b->count; b->looked_at++) {
		struct imap_body *body = &b->list[b->looked_at];

		if (body->size && is_summary(body->summary))
			continue;
		if (!look(b, body, &b->summaries[b->looked_at], &may)) {
			loop_defer(b->front->loop, &b->again);
			return;
		}
	}
	imap_give(b->client, &b->answer);
}

static struct imap_bodies *
new_bodies(struct imap_client *c)
{
	struct imap_bodies *b = NEW(struct imap_bodies);

	b->front = connection_front(c->connection);
	b->account = c->account;
	b->client = c;
	b->again.work = look_on;
	b->answer.outcome = IMAP_OK;
	return b;
}

static void
opened(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	bool is_alive = imap_end_request(c);
	struct imap_answer a = { .outcome = m ? imap_outcome_of(m->u.bodies.outcome) : IMAP_LATER };
	bool is_opened = is_alive && m && a.outcome == IMAP_OK;

	if (is_opened) {
		imap_free_bodies(c);
		c->bodies = new_bodies(c);
		add_bodies(c, m);
	}
	for (size_t i = 0; m && i < m->fd_count; i++)
		net_close(m->fds[i]);
	if (is_opened)
		look_on(&c->bodies->again);
	else if (is_alive)
		imap_give(c, &a);
}

void
imap_ask_bodies(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = connection_front(c->connection)->store;
	struct message m = { .type = MESSAGE_OPEN_BODIES };

	m.u.open_bodies = (struct ipc_open_bodies){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.uids = imap_ranges_of(ask),
	};
	imap_send_request(c, store, &m, m.u.open_bodies.request, opened);
}
