#include "role/store/grants.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/role.h"

/* Of one front that wait for more recipients. */
enum { BODIES_MAX = 64 };
/* A front has no more clients than it may have descriptors. */
enum { SESSIONS_MAX = 262144 };

struct granted_session {
	struct engine_session *session;
	uint64_t number, account;
	struct granted_session *next; /* for whoever collects some */
};

struct grants_front {
	struct engine_outlet *outlet;
	struct map *accounts; /* the directory's number -> struct engine_account */
	struct map *sessions; /* number -> struct granted_session */
	struct map *bodies; /* number -> struct engine_body */
	bool is_there;
};

struct grants {
	struct engine *engine;
	struct grants_front fronts[ROLE_INSTANCES_MAX];
};

struct grants *
grants_new(struct engine *e)
{
	struct grants *g = NEW(struct grants);

	g->engine = e;
	return g;
}

static void
end_sessions(struct grants_front *front)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	while (map_next(front->sessions, &at, &key, &value)) {
		struct granted_session *s = value;

		engine_session_end(&s->session);
		memory_free(s);
	}
	map_free(&front->sessions);
}

static void
drop_bodies(struct grants_front *front)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	while (map_next(front->bodies, &at, &key, &value)) {
		struct engine_body *body = value;

		engine_body_release(&body);
	}
	map_free(&front->bodies);
}

void
grants_drop_front(struct grants *g, uint8_t index)
{
	struct grants_front *front = grants_front(g, index);

	if (!front)
		return;
	front->is_there = false;
	engine_outlet_renew(front->outlet);
	end_sessions(front);
	drop_bodies(front);
	map_free(&front->accounts);
}

void
grants_free(struct grants **g)
{
	for (uint32_t i = 0; i < ROLE_INSTANCES_MAX; i++)
		grants_drop_front(*g, (uint8_t)i);
	memory_free(*g);
	*g = NULL;
}

/* A grant may come before its front does: the directory heard of the new process first. */
static struct grants_front *
make_front(struct grants *g, uint8_t index)
{
	struct grants_front *front;

	if (index >= ROLE_INSTANCES_MAX)
		return NULL;
	front = &g->fronts[index];
	if (front->is_there)
		return front;
	front->is_there = true;
	front->accounts = map_new();
	front->sessions = map_new();
	front->bodies = map_new();
	if (!front->outlet)
		front->outlet = engine_outlet_new(g->engine);
	return front;
}

void
grants_add_front(struct grants *g, uint8_t index, void (*send)(void *arg, const struct message *m), void *arg)
{
	struct grants_front *front = make_front(g, index);

	if (front)
		engine_outlet_connect(front->outlet, send, arg);
}

struct grants_front *
grants_front(struct grants *g, uint8_t index)
{
	return index < ROLE_INSTANCES_MAX && g->fronts[index].is_there ? &g->fronts[index] : NULL;
}

struct engine_outlet *
grants_outlet(struct grants_front *front)
{
	return front->outlet;
}

/* Absolute, and nothing in it leads out of it again. */
static bool
is_path(struct bytes path)
{
	if (!take_char(&path, '/') || path.len == 0 || path.len >= 1023)
		return false;
	while (path.len) {
		struct bytes step = take_until(&path, '/');

		if (step.len == 0 || step.len > 255 || bytes_equal(step, BYTES("."))
			|| bytes_equal(step, BYTES("..")) || bytes_find_char(step, '\0') < step.len)
			return false;
	}
	return true;
}

struct engine_account *
grants_account_at(struct grants *g, struct bytes path, struct bytes address)
{
	if (is_path(path))
		return engine_account(g->engine, path);
	event(NULL, EV_STORE_FAILED, STR("what", "grant"), TEXT("account", address), TEXT("where", path),
		STR("why", "a mail directory needs an absolute path without . and .."));
	return NULL;
}

void
grants_delivery(struct grants *g, const struct ipc_grant_delivery *m)
{
	struct grants_front *front = make_front(g, m->front);
	struct engine_account *a = grants_account_at(g, m->path, m->address);

	if (!front || !a)
		return;
	engine_set_quota(g->engine, m->path, m->quota_octets, m->quota_messages);
	(void)map_put_number(front->accounts, m->account, a);
}

void
grants_session(struct grants *g, const struct ipc_grant_session *m)
{
	struct grants_front *front = make_front(g, m->front);
	struct engine_account *a = grants_account_at(g, m->path, m->address);
	struct granted_session *s;

	if (!front || !a)
		return;
	engine_set_quota(g->engine, m->path, m->quota_octets, m->quota_messages);
	grants_end_session(front, m->session);
	if (map_count(front->sessions) >= SESSIONS_MAX)
		return;
	s = NEW(struct granted_session);
	s->number = m->session;
	s->account = m->account;
	s->session = engine_session_new(a, front->outlet);
	(void)map_put_number(front->sessions, m->session, s);
	engine_welcome(a);
}

static void
revoke_sessions(struct grants_front *front, uint64_t account)
{
	struct granted_session *ending = NULL, *s;
	struct bytes key;
	size_t at = 0;
	void *value;

	while (map_next(front->sessions, &at, &key, &value)) {
		s = value;
		if (s->account != account)
			continue;
		s->next = ending;
		ending = s;
	}
	while ((s = ending)) {
		ending = s->next;
		grants_end_session(front, s->number);
	}
}

void
grants_revoke(struct grants *g, uint64_t account)
{
	for (uint32_t i = 0; i < ROLE_INSTANCES_MAX; i++) {
		struct grants_front *front = grants_front(g, (uint8_t)i);

		if (!front)
			continue;
		(void)map_remove_number(front->accounts, account);
		revoke_sessions(front, account);
	}
}

void
grants_drop_accounts(struct grants *g)
{
	for (uint32_t i = 0; i < ROLE_INSTANCES_MAX; i++) {
		struct grants_front *front = grants_front(g, (uint8_t)i);

		if (!front)
			continue;
		map_free(&front->accounts);
		front->accounts = map_new();
	}
}

void
grants_end_sessions(struct grants *g)
{
	for (uint32_t i = 0; i < ROLE_INSTANCES_MAX; i++) {
		struct grants_front *front = grants_front(g, (uint8_t)i);

		if (!front)
			continue;
		end_sessions(front);
		front->sessions = map_new();
	}
}

struct engine_account *
grants_find_account(struct grants_front *front, uint64_t account)
{
	return map_get_number(front->accounts, account);
}

struct engine_session *
grants_find_session(struct grants_front *front, uint64_t session)
{
	struct granted_session *s = map_get_number(front->sessions, session);

	return s ? s->session : NULL;
}

void
grants_end_session(struct grants_front *front, uint64_t session)
{
	struct granted_session *s = map_remove_number(front->sessions, session);

	if (!s)
		return;
	engine_session_end(&s->session);
	memory_free(s);
}

struct engine_body *
grants_find_body(struct grants_front *front, uint64_t body)
{
	return map_get_number(front->bodies, body);
}

bool
grants_add_body(struct grants_front *front, uint64_t number, struct engine_body *body)
{
	if (map_count(front->bodies) >= BODIES_MAX) {
		engine_body_release(&body);
		return false;
	}
	(void)map_put_number(front->bodies, number, body);
	return true;
}

void
grants_drop_body(struct grants_front *front, uint64_t number)
{
	struct engine_body *body = map_remove_number(front->bodies, number);

	engine_body_release(&body);
}
