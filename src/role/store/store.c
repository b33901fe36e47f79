/* The role: what fronts and the directory say, checked against what was granted, handed to the engine. */
#include "role/store/store.h"

#include "base/event.h"
#include "base/memory.h"
#include "role/store/engine.h"
#include "role/store/grants.h"
#include "role/roles.h"
#include "sys/disk.h"

#include <string.h>

enum { MAILBOXES_IDLE_MAX = 1000, LOOK_MS = 1000 };
/* A front whose clients all bring mail at once holds some 100 KiB for each. */
#define REQUESTS_OCTETS_MAX ((uint64_t)256 << 20)

struct store {
	struct role_self *self;
	struct engine *engine;
	struct grants *grants;
	struct engine_outlet *directory;
	struct timer look;
	bool has_room;
};

static struct store *
store_of(struct role_self *r)
{
	return r->state;
}

static void
send_to(void *arg, const struct message *m)
{
	if (peer_send(arg, m) != 0)
		return; /* the front is away: it will hear of that */
}

static void
tell_room(struct store *s, struct peer *p)
{
	struct message m = { .type = MESSAGE_ROOM, .u.room.has_room = s->has_room };

	if (peer_send(p, &m) != 0)
		return; /* it is told when it comes */
}

/* Once a second: fronts hear when the disk fills up, before they accept what can't be kept. */
static void
look(struct timer *t)
{
	struct store *s = (void *)((uint8_t *)t - offsetof(struct store, look));
	bool has_room = engine_has_room(s->engine);

	if (!engine_is_sound(s->engine)) {
		event(NULL, EV_STORE_FAILED, STR("what", "journal"), STR("why", "it has to be opened anew"));
		role_end(s->self);
		return;
	}
	if (has_room == s->has_room)
		return;
	s->has_room = has_room;
	for (uint32_t i = 0; i < ROLE_INSTANCES_MAX; i++)
		tell_room(s, role_peer(s->self, ROLE_FRONT, (uint8_t)i));
}

static int
start(struct role_self *r, struct fault *f)
{
	struct store *s = NEW(struct store);
	char path[ROLES_PATH_MAX], mailboxes[ROLES_PATH_MAX];
	struct engine_settings settings = {
		.state_directory = path,
		.mailboxes = mailboxes,
		.hostname = r->config->hostname,
		.loop = r->loop,
		.threads = r->config->store_threads,
		.mailboxes_max = MAILBOXES_IDLE_MAX,
		.journal_octets_max = r->config->journal_octets_max,
		.requests_octets_max = REQUESTS_OCTETS_MAX,
		.reserve_octets = ROLES_RESERVE_OCTETS,
	};

	if (roles_path(r->config, ROLE_STORE, PLACE_STATE, path) != 0
		|| roles_path(r->config, ROLE_STORE, PLACE_MAILBOXES, mailboxes) != 0) {
		memory_free(s);
		return fault_set(f, FAULT_PERM, "no state directory, or no place for mailboxes");
	}
	s->self = r;
	r->state = s;
	if (engine_open(&settings, &s->engine, f) != 0) {
		memory_free(s);
		r->state = NULL;
		return -1;
	}
	s->grants = grants_new(s->engine);
	s->directory = engine_outlet_new(s->engine);
	s->has_room = engine_has_room(s->engine);
	timer_init(&s->look, r->loop, look);
	timer_start(&s->look, LOOK_MS, LOOK_MS);
	return 0;
}

static bool
brings_mail(const struct peer *p)
{
	return peer_role(p) == ROLE_FRONT || peer_role(p) == ROLE_QUEUE;
}

/* Its place among those that may be granted something. */
static uint8_t
grantee(const struct peer *p)
{
	return peer_role(p) == ROLE_QUEUE ? IPC_GRANTEE_QUEUE : peer_index(p);
}

static void
connected(struct role_self *r, struct peer *p)
{
	if (peer_role(p) == ROLE_DIRECTORY) {
		grants_end_sessions(store_of(r)->grants);
		engine_outlet_connect(store_of(r)->directory, send_to, p);
	}
	if (!brings_mail(p))
		return;
	grants_add_front(store_of(r)->grants, grantee(p), send_to, p);
	if (peer_role(p) == ROLE_FRONT)
		tell_room(store_of(r), p);
}

static void
lost(struct role_self *r, struct peer *p)
{
	if (brings_mail(p))
		grants_drop_front(store_of(r)->grants, grantee(p));
	if (peer_role(p) != ROLE_DIRECTORY)
		return;
	engine_outlet_renew(store_of(r)->directory);
	grants_drop_accounts(store_of(r)->grants);
}

static void
on_ask_use(struct store *s, const struct message *m)
{
	struct engine_account *a = grants_account_at(s->grants, m->u.ask_use.path, BYTES_NONE);

	if (a)
		engine_submit(a, NULL, NULL, s->directory, m);
	else
		engine_refuse(s->directory, m, IPC_INVALID);
}

static void
close_descriptors(const struct message *m)
{
	for (size_t i = 0; i < m->fd_count; i++) {
		int fd = m->fds[i];

		disk_close(&fd);
	}
}

/* A grant is sent before the front hears that it may: what we don't know yet has arrived at least. */
static void
catch_up(struct role_self *r)
{
	peer_poll(role_peer(r, ROLE_DIRECTORY, 0));
}

static void
refuse(struct grants_front *front, const struct message *m, enum ipc_outcome outcome)
{
	close_descriptors(m);
	engine_refuse(grants_outlet(front), m, outcome);
}

/* What a DELIVER is made of: what came with it, or with the first one of its number; NULL: we don't have
   it (any more). */
static struct engine_body *
body_of(struct grants_front *front, const struct ipc_deliver *d, const struct message *m)
{
	struct engine_body *body = grants_find_body(front, d->body);

	if (body) {
		close_descriptors(m);
		return body;
	}
	if (d->octets.len == 0 && m->fd_count == 0 && d->size > d->prefix.len)
		return NULL;
	body = engine_body_new(d->octets, m->fd_count ? m->fds[0] : -1);
	return grants_add_body(front, d->body, body) ? body : NULL;
}

static struct engine_account *
account_of(struct role_self *r, struct grants_front *front, uint64_t number)
{
	struct engine_account *a = grants_find_account(front, number);

	if (a)
		return a;
	catch_up(r);
	return grants_find_account(front, number);
}

static void
on_may_deliver(struct role_self *r, struct grants_front *front, const struct message *m)
{
	struct engine_account *a = account_of(r, front, m->u.may_deliver.account);

	if (a)
		engine_submit(a, NULL, NULL, grants_outlet(front), m);
	else
		engine_refuse(grants_outlet(front), m, IPC_LATER);
}

static void
on_deliver(struct role_self *r, struct grants_front *front, const struct message *m)
{
	const struct ipc_deliver *d = &m->u.deliver;
	struct engine_body *body = body_of(front, d, m);
	struct engine_account *a = account_of(r, front, d->account);

	if (a && body)
		engine_submit(a, NULL, body, grants_outlet(front), m);
	else
		engine_refuse(grants_outlet(front), m, IPC_LATER);
	if (d->is_last)
		grants_drop_body(front, d->body);
}

static void
on_new_file(struct role_self *r, struct grants_front *front, const struct message *m)
{
	struct message reply = { .type = MESSAGE_NEW_FILE_RESULT };
	enum ipc_outcome outcome;
	int fd = engine_new_file(store_of(r)->engine, m->u.new_file.octets, &outcome);

	(void)front;
	reply.u.new_file_result.request = m->u.new_file.request;
	reply.u.new_file_result.outcome = (uint8_t)outcome;
	reply.fd_count = fd >= 0;
	reply.fds[0] = fd;
	engine_send(grants_outlet(front), &reply);
	disk_close(&fd);
}

/* The session that a message is about; every such message begins as SELECT or as DESELECT does. */
static uint64_t
session_number(const struct message *m)
{
	switch ((unsigned int)m->type) {
	case MESSAGE_DESELECT:
	case MESSAGE_SESSION_END:
	case MESSAGE_PUT_SUMMARY:
	case MESSAGE_TOLD:
		return m->u.deselect.session;
	}
	return m->u.select.session;
}

static void
on_session(struct role_self *r, struct grants_front *front, const struct message *m)
{
	uint64_t number = session_number(m);
	struct engine_session *session = grants_find_session(front, number);
	struct engine_body *body = NULL;

	if (!session && m->type != MESSAGE_SESSION_END) {
		catch_up(r);
		session = grants_find_session(front, number);
	}
	if (m->type == MESSAGE_SESSION_END) {
		grants_end_session(front, number);
		return;
	}
	if (!session) {
		refuse(front, m, IPC_LATER);
		return;
	}
	if (m->type == MESSAGE_APPEND)
		body = engine_body_new(m->u.append.octets, m->fd_count ? m->fds[0] : -1);
	engine_submit(NULL, session, body, grants_outlet(front), m);
	engine_body_release(&body);
}

static void
from_front(struct role_self *r, struct peer *p, const struct message *m)
{
	struct grants_front *front = grants_front(store_of(r)->grants, grantee(p));

	if (!front)
		close_descriptors(m);
	else if (m->type == MESSAGE_DELIVER)
		on_deliver(r, front, m);
	else if (m->type == MESSAGE_NEW_FILE)
		on_new_file(r, front, m);
	else if (m->type == MESSAGE_MAY_DELIVER)
		on_may_deliver(r, front, m);
	else
		on_session(r, front, m);
}

static void
from_directory(struct role_self *r, const struct message *m)
{
	struct grants *g = store_of(r)->grants;

	if (m->type == MESSAGE_GRANT_DELIVERY)
		grants_delivery(g, &m->u.grant_delivery);
	else if (m->type == MESSAGE_GRANT_SESSION)
		grants_session(g, &m->u.grant_session);
	else if (m->type == MESSAGE_SET_QUOTA)
		engine_set_quota(store_of(r)->engine, m->u.set_quota.path, m->u.set_quota.quota_octets, m->u.set_quota.quota_messages);
	else if (m->type == MESSAGE_ASK_USE)
		on_ask_use(store_of(r), m);
	else if (m->type == MESSAGE_REVOKE)
		grants_revoke(g, m->u.revoke.account);
}

static void
message(struct role_self *r, struct peer *p, const struct message *m)
{
	if (brings_mail(p))
		from_front(r, p, m);
	else
		from_directory(r, m);
}

static void
look_is_closed(struct timer *t)
{
	memory_free((uint8_t *)t - offsetof(struct store, look));
}

static void
end(struct role_self *r)
{
	struct store *s = store_of(r);

	if (!s)
		return;
	grants_free(&s->grants);
	engine_close(&s->engine);
	timer_close(&s->look, look_is_closed);
	r->state = NULL;
}

const struct role_hooks store_hooks = {
	.start = start,
	.peer_connected = connected,
	.peer_lost = lost,
	.message = message,
	.end = end,
};
