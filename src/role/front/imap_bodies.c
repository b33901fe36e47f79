/* Message files that a session reads: opened by the store, read here, with the summary made anew for mail that came
   from outsiders and has none.  Read, not mapped: another program may cut a file short at any time. */
#include "role/front/imap_client.h"

#include "base/memory.h"
#include "proto/mime/message.h"
#include "sys/disk.h"

#include <string.h>

static const struct message_limits limits = {
	.parts_max = 1000,
	.depth_max = 50,
	.header_octets_max = 64 * 1024,
};

struct imap_bodies {
	struct imap_body list[IMAP_BODIES_MAX];
	void *octets[IMAP_BODIES_MAX];
	struct buf summaries[IMAP_BODIES_MAX];
	size_t count;
};

void
imap_free_bodies(struct imap_client *c)
{
	struct imap_bodies *b = c->bodies;

	if (!b)
		return;
	for (size_t i = 0; i < b->count; i++) {
		memory_free(b->octets[i]);
		buf_done(&b->summaries[i]);
	}
	memory_free(b);
	c->bodies = NULL;
}

static bool
read_file(int fd, struct bytes *out)
{
	struct stat st;
	void *octets;

	if (disk->fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > UINT32_MAX)
		return false;
	octets = memory_new((size_t)st.st_size);
	if (disk_read_all(fd, octets, (size_t)st.st_size, 0) != 0) {
		memory_free(octets);
		return false;
	}
	*out = bytes_of(octets, (size_t)st.st_size);
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

static void
summarize(struct imap_client *c, struct imap_body *body, struct buf *summary)
{
	struct message_parser *parser = message_parser_new(&limits, BYTES_NONE);

	buf_reset(summary);
	message_parser_feed(parser, body->octets);
	message_parser_finish(parser, summary);
	body->summary = buf_bytes(summary);
	body->size = message_parser_facts(parser).size;
	message_parser_free(&parser);
	tell_store(c, body);
}

static void
add_body(struct imap_client *c, uint32_t uid, int fd)
{
	struct imap_bodies *b = c->bodies;
	const struct view *view = mailbox_view(&c->user);
	struct imap_body *body = &b->list[b->count];
	struct buf *summary = &b->summaries[b->count];
	uint32_t count = view ? view_count(view) : 0;
	uint32_t at = view ? view_find(view, count, uid) : 0;

	if (at >= count || view->records[at].uid != uid || !read_file(fd, &body->octets))
		return;
	b->octets[b->count++] = (void *)(uintptr_t)body->octets.ptr;
	buf_init(summary, SUMMARY_MAX);
	body->uid = uid;
	/* A copy: the mapping may be replaced while the session still reads. */
	put_bytes(summary, view_summary(view, &view->records[at]));
	body->summary = buf_bytes(summary);
	body->size = view->records[at].size;
	if (body->summary.len == 0 || body->size == 0)
		summarize(c, body, summary);
}

static void
opened(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	bool is_alive = imap_end_request(c);
	struct imap_answer a = { .outcome = m ? imap_outcome_of(m->u.bodies.outcome) : IMAP_LATER };
	struct bytes uids = m ? m->u.bodies.uids : BYTES_NONE;
	uint32_t uid;

	if (is_alive && m && a.outcome == IMAP_OK) {
		imap_free_bodies(c);
		c->bodies = NEW(struct imap_bodies);
		for (size_t i = 0; i < m->fd_count && i < IMAP_BODIES_MAX && take_u32(&uids, &uid); i++)
			add_body(c, uid, m->fds[i]);
		a.bodies = c->bodies->list;
		a.body_count = c->bodies->count;
	}
	for (size_t i = 0; m && i < m->fd_count; i++)
		net_close(m->fds[i]);
	if (is_alive)
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
		.uids = { (const struct ipc_range *)ask->uids, ask->uid_ranges },
	};
	imap_send_request(c, store, &m, m.u.open_bodies.request, opened);
}
