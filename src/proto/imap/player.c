#include "proto/imap/player.h"

#include "base/memory.h"
#include "proto/imap/name.h"
#include "proto/mime/message.h"
#include "proto/sasl/sasl.h"

#include <assert.h>
#include <string.h>

static const struct message_limits limits = { .parts_max = 100, .depth_max = 20, .header_octets_max = 65536 };

enum { FOLDER_CAPACITY = 48, NOW_S = 837571512 };

struct player_folder *
player_folder(struct player *p, struct bytes name)
{
	for (size_t i = 0; i < PLAYER_FOLDERS_MAX; i++)
		if (p->folders[i].is_there && bytes_equal(bytes_text(p->folders[i].name), name))
			return &p->folders[i];
	return NULL;
}

static enum imap_outcome
make_folder(struct player *p, struct bytes name)
{
	if (player_folder(p, name))
		return IMAP_EXISTS;
	for (size_t i = 0; i < PLAYER_FOLDERS_MAX; i++) {
		struct player_folder *f = &p->folders[i];

		if (f->is_there || name.len >= sizeof f->name)
			continue;
		*f = (struct player_folder){ .is_there = true, .recent_from = 1 };
		memcpy(f->name, name.ptr, name.len);
		f->view = test_view_new(FOLDER_CAPACITY, 100 + (uint32_t)i);
		return IMAP_OK;
	}
	return IMAP_LIMIT;
}

static const struct bytes specials[] = { BYTES_INIT("Drafts"), BYTES_INIT("Sent"), BYTES_INIT("Junk"),
	BYTES_INIT("Trash"), BYTES_INIT("Archive") };

void
player_init(struct player *p, bool has_folders)
{
	*p = (struct player){
		.settings = { .hostname = BYTES("imap.example"),
			.limits = { .command_octets_max = 65536, .message_octets_max = 1U << 20, .errors_max = 20 },
			.offers_tls = true, .may_login_in_clear = true },
	};
	buf_init(&p->out, 64U << 20);
	buf_init(&p->asks, 1U << 20);
	buf_init(&p->message, 1U << 20);
	for (size_t i = 0; i < IMAP_BODIES_MAX; i++)
		buf_init(&p->summaries[i], SUMMARY_MAX);
	(void)make_folder(p, BYTES("INBOX"));
	for (size_t i = 0; has_folders && i < sizeof specials / sizeof specials[0]; i++) {
		(void)make_folder(p, specials[i]);
		player_folder(p, specials[i])->is_subscribed = true;
	}
	player_restart(p);
}

void
player_restart(struct player *p)
{
	imap_session_free(&p->session);
	p->session = imap_session_new(&p->settings);
	p->selected = NULL;
	p->is_closed = p->is_held = p->is_appending = false;
}

void
player_done(struct player *p)
{
	imap_session_free(&p->session);
	for (size_t i = 0; i < PLAYER_FOLDERS_MAX; i++)
		test_view_free(&p->folders[i].view);
	while (p->old_count)
		test_view_free(&p->old[--p->old_count]);
	for (size_t i = 0; i < IMAP_BODIES_MAX; i++)
		buf_done(&p->summaries[i]);
	buf_done(&p->out);
	buf_done(&p->asks);
	buf_done(&p->message);
}

static bool
is_in(const struct imap_ask *ask, uint32_t uid)
{
	for (size_t i = 0; i < ask->uid_ranges; i++)
		if (uid >= ask->uids[i].first && uid <= ask->uids[i].last)
			return true;
	return false;
}

/* ---- the answers */

static void
answer_login(const struct imap_ask *ask, struct imap_answer *a)
{
	if (!bytes_equal(ask->login.name, BYTES("alice@example.com")) ||
		!bytes_equal(ask->login.secret_password, BYTES("wonderland")))
		a->outcome = IMAP_DENIED;
}

static void
answer_select(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	p->selected = player_folder(p, ask->name);
	if (!p->selected) {
		a->outcome = IMAP_ABSENT;
		return;
	}
	a->view = &p->selected->view->view;
	a->recent_from = p->selected->recent_from;
	if (!ask->is_read_only)
		p->selected->recent_from = p->selected->view->head->uid_next;
}

static void
answer_status(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct player_folder *f = player_folder(p, ask->name);

	a->outcome = f ? IMAP_OK : IMAP_ABSENT;
	if (!f)
		return;
	a->messages = f->view->head->messages;
	a->unseen = f->view->head->unseen;
	a->uid_next = f->view->head->uid_next;
	a->uid_validity = f->view->head->uid_validity;
	a->deleted = f->view->head->deleted;
}

static void
answer_create(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	a->outcome = make_folder(p, ask->name);
}

static void
answer_delete(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct player_folder *f = player_folder(p, ask->name);

	a->outcome = !f ? IMAP_ABSENT : f == p->selected ? IMAP_DENIED : IMAP_OK;
	if (a->outcome != IMAP_OK)
		return;
	test_view_free(&f->view);
	f->is_there = false;
}

static void
answer_rename(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct player_folder *f = player_folder(p, ask->name);

	a->outcome = !f ? IMAP_ABSENT : player_folder(p, ask->new_name) ? IMAP_EXISTS : IMAP_OK;
	if (a->outcome != IMAP_OK)
		return;
	memset(f->name, 0, sizeof f->name);
	memcpy(f->name, ask->new_name.ptr, ask->new_name.len);
}

static void
answer_subscribe(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct player_folder *f = player_folder(p, ask->name);

	a->outcome = f ? IMAP_OK : IMAP_ABSENT;
	if (f)
		f->is_subscribed = ask->kind == IMAP_ASK_SUBSCRIBE;
}

static uint64_t
keywords_of(struct test_view *v, struct bytes names)
{
	uint64_t bits = 0;

	while (names.len)
		bits |= test_view_keyword(v, take_until(&names, ' '));
	return bits;
}

static void
answer_append(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct player_folder *f = player_folder(p, ask->name);

	assert(p->is_appending && p->message.len == p->append_octets);
	p->is_appending = false;
	a->outcome = f ? IMAP_OK : IMAP_ABSENT;
	if (!f)
		return;
	a->uid_validity = f->view->head->uid_validity;
	a->uid = test_view_add(f->view, buf_bytes(&p->message), ask->flags, keywords_of(f->view, ask->keywords),
		ask->date_s == INT64_MIN ? NOW_S : ask->date_s, true);
	if (a->uid == 0)
		a->outcome = IMAP_NO_SPACE;
}

static void
answer_set_flags(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct test_view *v = p->selected->view;
	uint64_t keywords = keywords_of(v, ask->keywords), modseq;

	a->modseq = test_view_modseq(v);
	for (uint32_t i = 0; i < v->head->record_count; i++) {
		const struct view_record *r = &v->records[i];
		uint32_t flags = r->flags & VIEW_SYSTEM_FLAGS;

		if (!is_in(ask, r->uid) || (r->flags & VIEW_EXPUNGED))
			continue;
		modseq = a->modseq + (r->modseq > ask->told);
		if (ask->mode == IMAP_FLAGS_REPLACE)
			test_view_set(v, i, ask->flags, keywords, modseq);
		else if (ask->mode == IMAP_FLAGS_ADD)
			test_view_set(v, i, flags | ask->flags, r->keywords | keywords, modseq);
		else
			test_view_set(v, i, flags & ~ask->flags, r->keywords & ~keywords, modseq);
	}
	test_view_publish(v, a->modseq + 1);
}

static void
answer_expunge(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	struct test_view *v = p->selected->view;

	a->modseq = test_view_modseq(v);
	for (uint32_t i = 0; i < v->head->record_count; i++)
		if (is_in(ask, v->records[i].uid) && (ask->is_forced || (v->records[i].flags & VIEW_DELETED)) &&
			!(v->records[i].flags & VIEW_EXPUNGED))
			test_view_expunge(v, i, a->modseq);
	test_view_publish(v, a->modseq);
}

/* All or nothing is easy here: no folder grows full in tests but by intent. */
static void
answer_copy(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	static struct imap_range source[FOLDER_CAPACITY];
	struct player_folder *f = player_folder(p, ask->name);
	struct test_view *v = p->selected->view;
	uint32_t count = v->head->record_count;

	a->outcome = f ? IMAP_OK : IMAP_ABSENT;
	if (!f)
		return;
	a->uid_validity = f->view->head->uid_validity;
	a->uid = f->view->head->uid_next;
	a->source = source;
	for (uint32_t i = 0; i < count && a->source_ranges < FOLDER_CAPACITY; i++) {
		const struct view_record *r = &v->records[i];

		if (!is_in(ask, r->uid) || (r->flags & VIEW_EXPUNGED) ||
			!test_view_add(f->view, v->octets[i], r->flags, 0, r->date_s, true))
			continue;
		source[a->source_ranges++] = (struct imap_range){ r->uid, r->uid };
		if (ask->is_move)
			test_view_expunge(v, i, test_view_modseq(v));
		test_view_publish(v, test_view_modseq(v));
	}
}

static void
answer_bodies(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	const struct test_view *v = p->selected->view;

	a->bodies = p->bodies;
	for (uint32_t i = 0; i < v->head->record_count; i++) {
		const struct view_record *r = &v->records[i];
		struct message_parser *parser;
		struct buf *summary = &p->summaries[a->body_count];

		if (!is_in(ask, r->uid) || (r->flags & VIEW_EXPUNGED))
			continue;
		assert(a->body_count < IMAP_BODIES_MAX);
		if (p->bodies_max && a->body_count == p->bodies_max) {
			a->left_out_from = r->uid;
			return;
		}
		parser = message_parser_new(&limits, BYTES_NONE);
		buf_reset(summary);
		message_parser_feed(parser, v->octets[i]);
		message_parser_finish(parser, summary);
		p->bodies[a->body_count++] = (struct imap_body){
			r->uid, v->octets[i], buf_bytes(summary), message_parser_facts(parser).size
		};
		message_parser_free(&parser);
	}
}

static struct imap_folder listed[PLAYER_FOLDERS_MAX];

static void
answer_list(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	(void)ask;
	a->folders = listed;
	for (size_t i = 0; i < PLAYER_FOLDERS_MAX; i++)
		if (p->folders[i].is_there)
			listed[a->folder_count++] = (struct imap_folder){ bytes_text(p->folders[i].name),
				p->folders[i].is_subscribed ? IMAP_SUBSCRIBED : 0 };
}

static void
answer_quota(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	(void)ask;
	a->quota = p->quota;
	a->outcome = p->quota.octets_max || p->quota.messages_max ? IMAP_OK : IMAP_ABSENT;
}

static void
answer_nothing(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	(void)p;
	(void)ask;
	(void)a;
}

static void
answer_login_ask(struct player *p, const struct imap_ask *ask, struct imap_answer *a)
{
	(void)p;
	answer_login(ask, a);
}

static const struct {
	const char *name;
	void (*answer)(struct player *p, const struct imap_ask *ask, struct imap_answer *a);
} kinds[] = {
	[IMAP_ASK_LOGIN] = { "login", answer_login_ask },
	[IMAP_ASK_SELECT] = { "select", answer_select },
	[IMAP_ASK_DESELECT] = { "deselect", answer_nothing },
	[IMAP_ASK_LIST] = { "list", answer_list },
	[IMAP_ASK_STATUS] = { "status", answer_status },
	[IMAP_ASK_CREATE] = { "create", answer_create },
	[IMAP_ASK_DELETE] = { "delete", answer_delete },
	[IMAP_ASK_SUBSCRIBE] = { "subscribe", answer_subscribe },
	[IMAP_ASK_UNSUBSCRIBE] = { "unsubscribe", answer_subscribe },
	[IMAP_ASK_RENAME] = { "rename", answer_rename },
	[IMAP_ASK_APPEND] = { "append", answer_append },
	[IMAP_ASK_SET_FLAGS] = { "set-flags", answer_set_flags },
	[IMAP_ASK_EXPUNGE] = { "expunge", answer_expunge },
	[IMAP_ASK_COPY] = { "copy", answer_copy },
	[IMAP_ASK_BODIES] = { "bodies", answer_bodies },
	[IMAP_ASK_CHECK] = { "check", answer_nothing },
	[IMAP_ASK_QUOTA] = { "quota", answer_quota },
};

static void
note(struct player *p, const struct imap_ask *ask)
{
	put_text(&p->asks, kinds[ask->kind].name);
	if (ask->name.len) {
		put_char(&p->asks, ' ');
		put_bytes(&p->asks, ask->name);
	}
	for (size_t i = 0; i < ask->uid_ranges; i++)
		put_format(&p->asks, " %u:%u", ask->uids[i].first, ask->uids[i].last);
	put_char(&p->asks, '\n');
}

static void
answer(struct player *p, const struct imap_ask *ask)
{
	struct imap_answer a = { .outcome = IMAP_OK };

	if (p->has_outcome && p->outcome_of == ask->kind) {
		p->has_outcome = false;
		a.outcome = p->outcome;
		if (ask->kind == IMAP_ASK_APPEND)
			p->is_appending = false;
	} else {
		kinds[ask->kind].answer(p, ask, &a);
	}
	imap_session_answer(p->session, &a);
}

void
player_hear(struct player *p)
{
	if (!p->client)
		return;
	test_client_take(p->client, buf_bytes(&p->out));
	buf_reset(&p->out);
}

/* Would it fit into the frames of ipc/messages.def? */
static bool
fits_a_frame(const struct imap_ask *ask)
{
	return ask->name.len <= IMAP_NAME_MAX && ask->new_name.len <= IMAP_NAME_MAX && ask->keywords.len <= 4096 &&
		ask->uid_ranges <= IMAP_RANGES_MAX && ask->login.name.len <= SASL_NAME_OCTETS_MAX &&
		ask->login.authorize_as.len <= SASL_NAME_OCTETS_MAX &&
		ask->login.secret_password.len <= SASL_PASSWORD_OCTETS_MAX;
}

static void
take_ask(struct player *p, const struct imap_ask *ask)
{
	assert(fits_a_frame(ask));
	note(p, ask);
	/* Questions are asked between lines. */
	player_hear(p);
	if (p->client && (ask->kind == IMAP_ASK_SELECT || ask->kind == IMAP_ASK_DESELECT))
		p->client->count = 0;
	if (ask->kind == IMAP_ASK_DESELECT) {
		p->selected = NULL;
		return;
	}
	if (!p->holds_answers) {
		answer(p, ask);
		return;
	}
	p->held = *ask;
	p->is_held = true;
}

static void
carry_out(struct player *p, const struct imap_effect *e)
{
	switch (e->kind) {
	case IMAP_OUTPUT:
		assert(e->octets.len && e->octets.len <= IMAP_OUTPUT_MAX);
		put_bytes(&p->out, e->octets);
		if (p->between)
			p->between(p);
		break;
	case IMAP_ASK:
		assert(!p->is_held);
		take_ask(p, &e->ask);
		break;
	case IMAP_APPEND_BEGIN:
		assert(!p->is_appending);
		p->is_appending = true;
		p->append_octets = e->size;
		buf_reset(&p->message);
		break;
	case IMAP_APPEND_OCTETS:
		assert(p->is_appending && e->octets.len);
		put_bytes(&p->message, e->octets);
		break;
	case IMAP_APPEND_ABANDONED:
		assert(p->is_appending);
		p->is_appending = false;
		break;
	case IMAP_TOLD:
		assert(p->selected && e->size <= p->selected->view->head->uid_next);
		if (e->size > p->selected->recent_from)
			p->selected->recent_from = (uint32_t)e->size;
		break;
	case IMAP_START_TLS:
		p->is_tls_wanted = true;
		break;
	case IMAP_CLOSE:
		p->is_closed = true;
		break;
	case IMAP_NEED_INPUT:
	case IMAP_BLOCKED:
	case IMAP_AGAIN:
		break;
	}
}

void
player_send(struct player *p, struct bytes octets)
{
	struct imap_effect e;

	while (!p->is_closed) {
		enum imap_effect_kind kind = imap_session_step(p->session, &octets, &e);

		assert(kind == e.kind);
		p->steps++;
		carry_out(p, &e);
		if (p->is_tls_wanted) {
			p->is_tls_wanted = false;
			octets = BYTES_NONE;
			imap_session_tls_started(p->session);
		}
		if (kind == IMAP_NEED_INPUT || kind == IMAP_BLOCKED)
			break;
	}
	assert(octets.len == 0 || p->is_closed || p->is_held);
}

void
player_send_text(struct player *p, const char *text)
{
	player_send(p, bytes_text(text));
}

void
player_run(struct player *p)
{
	player_send(p, BYTES_NONE);
}

void
player_answer(struct player *p)
{
	p->is_held = false;
	answer(p, &p->held);
	player_run(p);
}

static void
tell(struct player *p, const struct player_folder *f)
{
	if (f == p->selected)
		imap_session_mailbox_changed(p->session);
}

uint32_t
player_deliver(struct player *p, const char *folder, struct bytes octets, uint32_t flags)
{
	struct player_folder *f = player_folder(p, bytes_text(folder));
	uint32_t uid = test_view_add(f->view, octets, flags, 0, NOW_S, true);

	tell(p, f);
	return uid;
}

static uint32_t
index_of(const struct player_folder *f, uint32_t uid)
{
	return view_find(&f->view->view, f->view->head->record_count, uid);
}

void
player_set_flags(struct player *p, const char *folder, uint32_t uid, uint32_t flags)
{
	struct player_folder *f = player_folder(p, bytes_text(folder));
	uint64_t modseq = test_view_modseq(f->view);

	test_view_set(f->view, index_of(f, uid), flags, f->view->records[index_of(f, uid)].keywords, modseq);
	test_view_publish(f->view, modseq);
	tell(p, f);
}

void
player_expunge(struct player *p, const char *folder, uint32_t uid)
{
	struct player_folder *f = player_folder(p, bytes_text(folder));
	uint64_t modseq = test_view_modseq(f->view);

	test_view_expunge(f->view, index_of(f, uid), modseq);
	test_view_publish(f->view, modseq);
	tell(p, f);
}

void
player_compact(struct player *p, const char *folder)
{
	struct player_folder *f = player_folder(p, bytes_text(folder));
	struct test_view *old = f->view;

	if (p->old_count == PLAYER_VIEWS_MAX)
		return;
	f->view = test_view_next(old, old->view.capacity);
	if (f == p->selected)
		imap_session_new_view(p->session, &f->view->view);
	p->old[p->old_count++] = old;
}

void
player_log_in(struct player *p)
{
	player_send_text(p, "i LOGIN alice@example.com wonderland\r\n");
	buf_reset(&p->out);
	buf_reset(&p->asks);
}

void
player_select(struct player *p, const char *folder)
{
	player_send_text(p, "i SELECT ");
	player_send_text(p, folder);
	player_send_text(p, "\r\n");
	buf_reset(&p->out);
	buf_reset(&p->asks);
}
