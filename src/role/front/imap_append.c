/* The message of an APPEND on its way to the store. */
#include "role/front/imap_client.h"

#include "sys/time.h"

static void
file_answered(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	bool is_alive = imap_end_request(c);
	enum ipc_outcome outcome = m ? m->u.new_file_result.outcome : IPC_LATER;
	bool is_there = m && m->fd_count == 1;

	if (is_alive && outcome == IPC_OK && is_there && c->incoming) {
		incoming_set_file(c->incoming, m->fds[0]);
		is_there = false;
	} else if (is_alive) {
		/* The rest is swallowed, then the answer says why. */
		c->incoming_result = outcome == IPC_NO_SPACE ? IMAP_NO_SPACE : IMAP_LATER;
		incoming_free(&c->incoming);
	}
	if (is_there)
		net_close(m->fds[0]);
	if (!is_alive)
		return;
	c->is_paused = false;
	connection_run(c->connection);
}

static void
ask_file(struct imap_client *c, uint64_t octets)
{
	struct peer *store = connection_front(c->connection)->store;
	struct message m = { .type = MESSAGE_NEW_FILE };

	m.u.new_file.request = imap_begin_request(c, store);
	m.u.new_file.octets = octets;
	c->is_paused = true;
	imap_send_request(c, store, &m, m.u.new_file.request, file_answered);
}

void
imap_begin_append(struct imap_client *c, uint64_t size)
{
	incoming_free(&c->incoming);
	c->incoming_result = IMAP_OK;
	c->incoming = incoming_new(NULL, NULL, NULL);
	if (size > IPC_BODY_INLINE)
		ask_file(c, size);
}

void
imap_add_append(struct imap_client *c, struct bytes octets)
{
	if (c->incoming)
		incoming_add(c->incoming, octets);
	if (c->incoming && incoming_needs_file(c->incoming))
		ask_file(c, connection_settings(c->connection)->message_octets_max);
}

static void
appended(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!imap_end_request(c))
		return;
	if (m) {
		a.outcome = imap_outcome_of(m->u.appended.outcome);
		a.uid_validity = m->u.appended.uid_validity;
		a.uid = m->u.appended.uid;
	}
	incoming_free(&c->incoming);
	imap_give(c, &a);
}

void
imap_ask_append(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = connection_front(c->connection)->store;
	struct message m = { .type = MESSAGE_APPEND };

	if (c->incoming && !incoming_finish(c->incoming)) {
		c->incoming_result = IMAP_NO_SPACE;
		incoming_free(&c->incoming);
	}
	if (!c->incoming) {
		imap_session_answer(c->session, &(struct imap_answer){ .outcome = c->incoming_result });
		return;
	}
	m.u.append = (struct ipc_append){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.name = ask->name,
		.flags = ask->flags,
		.keywords = ask->keywords,
		.date_s = (uint64_t)(ask->date_s == INT64_MIN ? time_wall_us() / 1000000 : ask->date_s),
		.size = incoming_facts(c->incoming).size,
		.octets = incoming_octets(c->incoming),
		.summary = incoming_summary(c->incoming),
	};
	if (incoming_file(c->incoming) >= 0) {
		m.fds[0] = incoming_file(c->incoming);
		m.fd_count = 1;
	}
	imap_send_request(c, store, &m, m.u.append.request, appended);
}
