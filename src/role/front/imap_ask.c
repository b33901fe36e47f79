/* The questions of an IMAP session as messages to the directory and the store, and their answers back. */
#include "role/front/imap_client.h"

#include "base/memory.h"
#include "role/answers.h"

#include <string.h>

enum { FOLDERS_MAX = 16384, FOLDER_OCTETS_MAX = 4 * 1024 * 1024 };

/* The frames of a LIST come one by one. */
struct imap_folders {
	struct buf names;
	struct {
		uint32_t at;
		uint16_t len;
		uint8_t attributes;
	} *list;
	size_t count, room;
};

_Static_assert((int)IMAP_SUBSCRIBED == (int)FOLDER_SUBSCRIBED &&
		(int)IMAP_NO_SELECT == (int)FOLDER_NO_SELECT &&
		(int)IMAP_HAS_CHILDREN == (int)FOLDER_HAS_CHILDREN && (int)IMAP_MARKED == (int)FOLDER_MARKED &&
		(int)IMAP_NONEXISTENT == (int)FOLDER_NONEXISTENT,
	"attributes go through as they are");
_Static_assert((int)IMAP_FLAGS_REPLACE == (int)FLAGS_REPLACE && (int)IMAP_FLAGS_ADD == (int)FLAGS_ADD &&
		(int)IMAP_FLAGS_REMOVE == (int)FLAGS_REMOVE,
	"modes go through as they are");
_Static_assert(sizeof(struct imap_range) == sizeof(struct ipc_range), "ranges go through as they are");

enum imap_outcome
imap_outcome_of(uint8_t outcome)
{
	static const enum imap_outcome of[IPC_OUTCOMES] = {
		[IPC_OK] = IMAP_OK,
		[IPC_LATER] = IMAP_LATER,
		[IPC_NO_SPACE] = IMAP_NO_SPACE,
		[IPC_ABSENT] = IMAP_ABSENT,
		[IPC_FOREIGN] = IMAP_DENIED,
		[IPC_DENIED] = IMAP_DENIED,
		[IPC_EXISTS] = IMAP_EXISTS,
		[IPC_INVALID] = IMAP_INVALID,
		[IPC_LIMIT] = IMAP_LIMIT,
		[IPC_OVER_QUOTA] = IMAP_OVER_QUOTA,
	};

	return outcome < IPC_OUTCOMES ? of[outcome] : IMAP_LATER;
}

struct ipc_ranges
imap_ranges_of(const struct imap_ask *ask)
{
	return (struct ipc_ranges){ (const struct ipc_range *)ask->uids, ask->uid_ranges };
}

static struct front *
front_of(const struct imap_client *c)
{
	return connection_front(c->connection);
}

/* ---- log-in */

static void
logged_in(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!imap_end_request(c))
		return;
	if (m)
		a.outcome = answer_to_imap_login((enum ipc_outcome)m->u.logged_in.outcome, (enum ipc_refusal)m->u.logged_in.refusal);
	if (a.outcome == IMAP_OK) {
		c->is_logged_in = true;
		c->account = m->u.logged_in.account;
		connection_set_account(c->connection, m->u.logged_in.account);
	} else if (a.outcome != IMAP_LATER) {
		c->failures++;
	}
	imap_session_answer(c->session, &a);
	if (c->failures >= connection_settings(c->connection)->login_failures_max)
		imap_session_shut(c->session, BYTES("Too many failed log-ins"));
	connection_run(c->connection);
}

static void
ask_login(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *directory = front_of(c)->directory;
	const struct tls *tls = connection_tls(c->connection);
	char local[NET_TEXT_MAX];
	struct buf local_text;
	struct message m = { .type = MESSAGE_LOG_IN };

	buf_init_fixed(&local_text, local, sizeof local);
	connection_put_local_text(c->connection, &local_text);
	m.u.log_in = (struct ipc_log_in){
		.request = imap_begin_request(c, directory),
		.session = connection_session(c->connection),
		.service = (uint8_t)connection_service(c->connection),
		.mechanism = bytes_text(ask->login.mechanism),
		.name = ask->login.name,
		.authorize_as = ask->login.authorize_as,
		.secret_password = ask->login.secret_password,
		.remote = bytes_text(connection_remote_text(c->connection)),
		.local = buf_bytes(&local_text),
		.tls = bytes_text(tls ? tls_version(tls) : ""),
	};
	imap_send_request(c, directory, &m, m.u.log_in.request, logged_in);
}

/* ---- select */

static void
selected(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	bool is_alive = imap_end_request(c);
	struct imap_answer a = { .outcome = m ? imap_outcome_of(m->u.selected.outcome) : IMAP_LATER };
	struct fault f;

	if (is_alive && a.outcome == IMAP_OK && m->fd_count == 2) {
		a.recent_from = m->u.selected.recent_from;
		a.view = mailbox_join(front_of(c), m->u.selected.mailbox, m->fds, &c->user, &f);
		if (!a.view) {
			event(connection_context(c->connection), EV_STORE_FAILED, STR("reason", f.text));
			a.outcome = IMAP_LATER;
		}
	} else if (m) {
		for (size_t i = 0; i < m->fd_count; i++)
			net_close(m->fds[i]);
		a.outcome = a.outcome == IMAP_OK ? IMAP_LATER : a.outcome;
	}
	if (is_alive)
		imap_give(c, &a);
}

static void
deselect(struct imap_client *c)
{
	struct message m = { .type = MESSAGE_DESELECT };

	mailbox_leave(front_of(c), &c->user);
	m.u.deselect.session = connection_session(c->connection);
	(void)!peer_send(front_of(c)->store, &m);
}

static void
ask_select(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_SELECT };

	m.u.select = (struct ipc_select){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.is_read_only = ask->is_read_only,
		.name = ask->name,
	};
	imap_send_request(c, store, &m, m.u.select.request, selected);
}

/* ---- list */

static void
free_folders(struct imap_client *c)
{
	if (!c->folders)
		return;
	buf_done(&c->folders->names);
	memory_free(c->folders->list);
	memory_free(c->folders);
	c->folders = NULL;
}

/* False when it does not decode, or is too much. */
static bool
add_folders(struct imap_folders *folders, struct bytes entries)
{
	uint8_t attributes;
	uint16_t len;
	struct bytes name;

	while (take_u8(&entries, &attributes) && take_u16(&entries, &len) &&
		take_octets(&entries, len, &name)) {
		if (folders->count == FOLDERS_MAX)
			return false;
		if (folders->count == folders->room) {
			folders->room = folders->room ? folders->room * 2 : 16;
			folders->list = memory_resize(folders->list, folders->room, sizeof *folders->list);
		}
		folders->list[folders->count].at = (uint32_t)folders->names.len;
		folders->list[folders->count].len = len;
		folders->list[folders->count++].attributes = attributes;
		put_bytes(&folders->names, name);
	}
	return entries.len == 0 && !folders->names.has_failed;
}

static void
give_folders(struct imap_client *c)
{
	struct imap_folders *f = c->folders;
	struct imap_folder *list = memory_new_array(f->count, sizeof *list);

	for (size_t i = 0; i < f->count; i++) {
		list[i].name = bytes_sub(buf_bytes(&f->names), f->list[i].at, f->list[i].len);
		list[i].attributes = f->list[i].attributes;
	}
	imap_session_answer(c->session,
		&(struct imap_answer){ .outcome = IMAP_OK, .folders = list, .folder_count = f->count });
	memory_free(list);
	free_folders(c);
	connection_run(c->connection);
}

static void listed(void *arg, const struct message *m);

static void
ask_list_part(struct imap_client *c)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_LIST };

	m.u.list = (struct ipc_list){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.from = (uint32_t)c->folders->count,
	};
	imap_send_request(c, store, &m, m.u.list.request, listed);
}

static void
listed(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!c->connection)
		free_folders(c);
	if (!imap_end_request(c))
		return;
	if (m && m->u.listed.outcome == IPC_OK && add_folders(c->folders, m->u.listed.entries)) {
		if (m->u.listed.has_more)
			ask_list_part(c);
		else
			give_folders(c);
		return;
	}
	if (m && m->u.listed.outcome != IPC_OK)
		a.outcome = imap_outcome_of(m->u.listed.outcome);
	free_folders(c);
	imap_give(c, &a);
}

static void
ask_list(struct imap_client *c)
{
	c->folders = NEW(struct imap_folders);
	buf_init(&c->folders->names, FOLDER_OCTETS_MAX);
	ask_list_part(c);
}

/* ---- status, changes to mailboxes, check */

static void
status_answered(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!imap_end_request(c))
		return;
	if (m) {
		const struct ipc_status_result *s = &m->u.status_result;

		a = (struct imap_answer){
			.outcome = imap_outcome_of(s->outcome),
			.messages = s->messages,
			.recent = s->recent,
			.unseen = s->unseen,
			.uid_next = s->uid_next,
			.uid_validity = s->uid_validity,
			.size = s->size,
			.deleted = s->deleted,
			.deleted_size = s->deleted_size,
			.modseq = s->modseq,
		};
	}
	imap_give(c, &a);
}

static void
ask_status(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_STATUS };

	m.u.status = (struct ipc_status){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.name = ask->name,
	};
	imap_send_request(c, store, &m, m.u.status.request, status_answered);
}

static void
done(void *arg, const struct message *m)
{
	struct imap_client *c = arg;

	if (!imap_end_request(c))
		return;
	imap_give(c, &(struct imap_answer){ .outcome = m ? imap_outcome_of(m->u.done.outcome) : IMAP_LATER });
}

static void
ask_change(struct imap_client *c, const struct imap_ask *ask, enum ipc_mailbox_operation operation)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_MAILBOX_CHANGE };

	m.u.mailbox_change = (struct ipc_mailbox_change){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.operation = (uint8_t)operation,
		.name = ask->name,
		.new_name = ask->new_name,
	};
	imap_send_request(c, store, &m, m.u.mailbox_change.request, done);
}

static void
ask_check(struct imap_client *c)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_CHECK };

	m.u.check.request = imap_begin_request(c, store);
	m.u.check.session = connection_session(c->connection);
	imap_send_request(c, store, &m, m.u.check.request, done);
}

static void
quota_answered(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!imap_end_request(c))
		return;
	if (m) {
		const struct ipc_quota *q = &m->u.quota;

		a.outcome = imap_outcome_of(q->outcome);
		a.quota = (struct imap_quota){ q->octets, q->messages, q->quota_octets, q->quota_messages };
	}
	imap_give(c, &a);
}

static void
ask_quota(struct imap_client *c)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_GET_QUOTA };

	m.u.get_quota.request = imap_begin_request(c, store);
	m.u.get_quota.session = connection_session(c->connection);
	imap_send_request(c, store, &m, m.u.get_quota.request, quota_answered);
}

/* ---- flags, expunge, copy */

static void
flags_answered(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!imap_end_request(c))
		return;
	if (m) {
		a.outcome = imap_outcome_of(m->u.flags_set.outcome);
		a.modseq = m->u.flags_set.modseq;
	}
	imap_give(c, &a);
}

static void
ask_flags(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_SET_FLAGS };

	m.u.set_flags = (struct ipc_set_flags){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.mode = (uint8_t)ask->mode,
		.told = ask->told,
		.flags = ask->flags,
		.keywords = ask->keywords,
		.uids = imap_ranges_of(ask),
	};
	imap_send_request(c, store, &m, m.u.set_flags.request, flags_answered);
}

static void
ask_expunge(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_EXPUNGE };

	m.u.expunge = (struct ipc_expunge){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.is_forced = ask->is_forced,
		.uids = imap_ranges_of(ask),
	};
	imap_send_request(c, store, &m, m.u.expunge.request, done);
}

static void
copy_answered(void *arg, const struct message *m)
{
	struct imap_client *c = arg;
	struct imap_answer a = { .outcome = IMAP_LATER };

	if (!imap_end_request(c))
		return;
	if (m) {
		a.outcome = imap_outcome_of(m->u.copied.outcome);
		a.uid_validity = m->u.copied.uid_validity;
		a.uid = m->u.copied.target_first;
		a.source = (const struct imap_range *)m->u.copied.source.at;
		a.source_ranges = m->u.copied.source.count;
	}
	imap_give(c, &a);
}

static void
ask_copy(struct imap_client *c, const struct imap_ask *ask)
{
	struct peer *store = front_of(c)->store;
	struct message m = { .type = MESSAGE_COPY };

	m.u.copy = (struct ipc_copy){
		.request = imap_begin_request(c, store),
		.session = connection_session(c->connection),
		.is_move = ask->is_move,
		.name = ask->name,
		.uids = imap_ranges_of(ask),
	};
	imap_send_request(c, store, &m, m.u.copy.request, copy_answered);
}

void
imap_ask(struct imap_client *c, const struct imap_ask *ask)
{
	switch (ask->kind) {
	case IMAP_ASK_LOGIN:
		ask_login(c, ask);
		break;
	case IMAP_ASK_SELECT:
		ask_select(c, ask);
		break;
	case IMAP_ASK_DESELECT:
		deselect(c);
		break;
	case IMAP_ASK_LIST:
		ask_list(c);
		break;
	case IMAP_ASK_STATUS:
		ask_status(c, ask);
		break;
	case IMAP_ASK_CREATE:
		ask_change(c, ask, MAILBOX_CREATE);
		break;
	case IMAP_ASK_DELETE:
		ask_change(c, ask, MAILBOX_DELETE);
		break;
	case IMAP_ASK_SUBSCRIBE:
		ask_change(c, ask, MAILBOX_SUBSCRIBE);
		break;
	case IMAP_ASK_UNSUBSCRIBE:
		ask_change(c, ask, MAILBOX_UNSUBSCRIBE);
		break;
	case IMAP_ASK_RENAME:
		ask_change(c, ask, MAILBOX_RENAME);
		break;
	case IMAP_ASK_APPEND:
		imap_ask_append(c, ask);
		break;
	case IMAP_ASK_SET_FLAGS:
		ask_flags(c, ask);
		break;
	case IMAP_ASK_EXPUNGE:
		ask_expunge(c, ask);
		break;
	case IMAP_ASK_COPY:
		ask_copy(c, ask);
		break;
	case IMAP_ASK_BODIES:
		imap_ask_bodies(c, ask);
		break;
	case IMAP_ASK_CHECK:
		ask_check(c);
		break;
	case IMAP_ASK_QUOTA:
		ask_quota(c);
		break;
	}
}
