/* What an SMTP client asks the directory: whether a password is right, whether an account may send as an
   address, which mailboxes an address means. */
#include "role/front/smtp_client_internal.h"

#include "base/map.h"
#include "config/admission.h"
#include "role/answers.h"
#include "role/front/recipients.h"
#include "role/targets.h"
#include "sys/random.h"
#include "sys/time.h"

enum { REPLY_MAX = 512 }; /* RFC 5321 4.5.3.1.5 */

static void
logged_in(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum smtp_answer a = SMTP_ANSWER_LATER;

	if (!smtp_client_end_request(c))
		return;
	if (m)
		a = answer_to_smtp_login((enum ipc_outcome)m->u.logged_in.outcome, (enum ipc_refusal)m->u.logged_in.refusal);
	if (a == SMTP_ANSWER_OK) {
		c->account = m->u.logged_in.account;
		if (!arena_copy(c->identity, m->u.logged_in.address, &c->address))
			a = SMTP_ANSWER_LATER;
		connection_set_account(c->connection, c->account);
	} else if (a != SMTP_ANSWER_LATER) {
		c->failures++;
	}
	smtp_session_answer_login(c->session, a);
	if (c->failures >= connection_settings(c->connection)->login_failures_max)
		smtp_session_shut(c->session, BYTES("Too many failed log-ins"));
	connection_run(c->connection);
}

void
smtp_ask_login(struct smtp_client *c, const struct smtp_login *login)
{
	struct peer *directory = smtp_client_front(c)->directory;
	const struct tls *tls = connection_tls(c->connection);
	char local[NET_TEXT_MAX];
	struct buf local_text;
	struct message m = { .type = MESSAGE_LOG_IN };
	uint64_t request = smtp_client_begin_request(c, directory);

	buf_init_fixed(&local_text, local, sizeof local);
	connection_put_local_text(c->connection, &local_text);
	m.u.log_in = (struct ipc_log_in){
		.request = request,
		.session = connection_session(c->connection),
		.service = (uint8_t)connection_service(c->connection),
		.mechanism = bytes_text(login->mechanism),
		.name = login->name,
		.authorize_as = login->authorize_as,
		.secret_password = login->secret_password,
		.remote = bytes_text(connection_remote_text(c->connection)),
		.local = buf_bytes(&local_text),
		.tls = bytes_text(tls ? tls_version(tls) : ""),
	};
	smtp_client_send_request(c, directory, &m, request, logged_in);
}

/* ---- sender and recipients */

static void
sender_answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum smtp_answer a = SMTP_ANSWER_LATER;

	if (!smtp_client_end_request(c))
		return;
	if (m)
		a = answer_to_sender((enum ipc_outcome)m->u.may_send_result.outcome);
	if (a != SMTP_ANSWER_OK)
		event(smtp_client_context(c), EV_SENDER_REFUSED, TEXT("sender", c->sender), TEXT("account", c->address));
	smtp_client_answer(c, a);
}

static bool
keep_parameters(struct smtp_client *c, const struct dsn_mail *dsn)
{
	uint8_t text[DSN_ENVELOPE_ID_MAX + 32];
	struct buf out;

	buf_init_fixed(&out, text, sizeof text);
	dsn_put_mail(&out, dsn);
	return arena_copy(c->arena, buf_bytes(&out), &c->parameters);
}

/* RFC 6710 5: nobody's mail goes before others' because a stranger says so. */
static bool
may_raise(const struct smtp_client *c)
{
	return c->account != 0 || c->is_trusted;
}

void
smtp_ask_sender(struct smtp_client *c, const struct smtp_mail *mail)
{
	struct front *front = smtp_client_front(c);
	struct message m = { .type = MESSAGE_MAY_SEND };
	uint8_t random[10], text[SMTP_PATH_OCTETS_MAX];
	struct buf address;
	struct moment now = time_now();

	smtp_client_forget_transaction(c);
	random_fill(random, sizeof random);
	c->mail_id = mail_id_make(now.wall_us, random);
	c->now_s = now.wall_us / 1000000;
	c->is_utf8 = mail->is_utf8;
	c->requires_tls = mail->requires_tls;
	c->size = mail->size;
	c->release_s = mail->release_s;
	c->by = mail->by;
	c->priority = mail->priority > 0 && !may_raise(c) ? 0 : mail->priority;
	smtp_session_set_mail_id(c->session, &c->mail_id);
	connection_set_mail(c->connection, c->mail_id.text);
	if (!arena_copy(c->arena, mail->path.text, &c->sender) || !keep_parameters(c, &mail->dsn)) {
		smtp_session_answer(c->session, SMTP_ANSWER_LATER);
		return;
	}
	event(smtp_client_context(c), EV_MAIL_STARTED, TEXT("sender", c->sender), INT("size", mail->size),
		TEXT("user", c->local ? smtp_local_user(c) : BYTES_NONE));
	if (!front->has_room || front->is_draining) {
		smtp_session_answer(c->session, front->has_room ? SMTP_ANSWER_LATER : SMTP_ANSWER_NO_SPACE);
		return;
	}
	buf_init_fixed(&address, text, sizeof text);
	if (!mail->path.is_null)
		smtp_path_put_address(&mail->path, &address);
	if (c->local && smtp_local_may_send(c, buf_bytes(&address)) != SMTP_ANSWER_OK) {
		event(smtp_client_context(c), EV_SENDER_REFUSED, TEXT("sender", c->sender), TEXT("account", smtp_local_user(c)));
		smtp_session_answer(c->session, SMTP_ANSWER_NOT_YOURS);
		return;
	}
	if (!c->account || mail->path.is_null) {
		smtp_session_answer(c->session, c->priority == mail->priority ? SMTP_ANSWER_OK : SMTP_ANSWER_LOWERED);
		return;
	}
	m.u.may_send = (struct ipc_may_send){
		.request = smtp_client_begin_request(c, front->directory),
		.account = c->account,
		.address = buf_bytes(&address),
	};
	smtp_client_send_request(c, front->directory, &m, m.u.may_send.request, sender_answered);
}

/* An account gets one copy, however many of its addresses are named. */
static bool
add_target(struct smtp_client *c, uint64_t account, struct bytes address)
{
	uint8_t text[SMTP_WISHES_MAX];
	struct buf parameters;
	struct target *t;

	if (!c->accounts)
		c->accounts = map_new();
	if (map_get_number(c->accounts, account))
		return true;
	t = arena_take(c->arena, sizeof *t);
	buf_init_fixed(&parameters, text, sizeof text);
	smtp_wishes_put(c, address, &parameters);
	if (!t || !arena_copy(c->arena, address, &t->address) || !arena_copy(c->arena, buf_bytes(&parameters), &t->parameters))
		return false;
	t->account = account;
	t->client = c;
	*c->last_target = t;
	c->last_target = &t->next;
	c->target_count++;
	(void)map_put_number(c->accounts, account, t);
	return true;
}

/* Where the lists of a transaction end. */
struct mark {
	struct target **target;
	struct outgoing **outgoing;
};

static void
take_back(struct smtp_client *c, const struct mark *mark)
{
	for (struct target *t = *mark->target; t; t = t->next) {
		(void)map_remove_number(c->accounts, t->account);
		c->target_count--;
	}
	*mark->target = NULL;
	c->last_target = mark->target;
	smtp_outgoing_take_back(c, mark->outgoing);
}

static bool
add(struct smtp_client *c, enum ipc_target kind, uint64_t account, struct bytes address)
{
	if (c->as && (kind == TARGET_FORWARDED || kind == TARGET_LISTED))
		return smtp_outgoing_add(c, kind == TARGET_LISTED ? OUTGOING_LISTED : OUTGOING_FORWARDED, address);
	if (kind != TARGET_MAILBOX)
		return smtp_outgoing_add(c, OUTGOING_ELSEWHERE, address);
	if (c->release_s)
		return smtp_outgoing_add(c, OUTGOING_MAILBOX, address);
	if (c->target_count == SMTP_CLIENT_RECIPIENTS_MAX || !add_target(c, account, address))
		return false;
	return !smtp_wishes_success(c) || smtp_outgoing_tell(c, map_get_number(c->accounts, account), address);
}

static bool
leads_to_one(struct bytes targets, uint8_t *kind, uint64_t *account)
{
	struct bytes address;
	uint16_t len;

	return take_u8(&targets, kind) && take_u64(&targets, account) && take_u16(&targets, &len) && take_octets(&targets, len, &address)
		&& targets.len == 0;
}

/* RFC 3461 5.2.7.3: of an address that leads to several the sender hears that it does, and not to which. */
static bool
add_expanded(struct smtp_client *c, struct bytes targets)
{
	uint8_t kind;
	uint64_t account;

	if (leads_to_one(targets, &kind, &account) || !smtp_wishes_success(c))
		return true;
	if (!smtp_outgoing_add(c, OUTGOING_EXPANDED, buf_bytes(&c->asked)))
		return false;
	c->wishes.notify &= ~(unsigned int)DSN_NOTIFY_SUCCESS;
	/* None of the others is NEVER: that stands alone. */
	if (c->wishes.notify == 0)
		c->wishes.notify = DSN_NOTIFY_NEVER;
	return true;
}

/* All places that an address stands for, or none: half of them would be neither accepted nor refused. */
static enum smtp_answer
add_targets(struct smtp_client *c, struct bytes targets)
{
	struct bytes rest = targets, address;
	struct mark mark = { c->last_target, c->last_outgoing };
	uint8_t kind;
	uint16_t len;
	uint64_t account;

	if (!add_expanded(c, targets))
		return SMTP_ANSWER_TOO_MANY;
	while (take_u8(&rest, &kind) && take_u64(&rest, &account) && take_u16(&rest, &len) &&
		take_octets(&rest, len, &address)) {
		if (add(c, (enum ipc_target)kind, account, address))
			continue;
		take_back(c, &mark);
		return SMTP_ANSWER_TOO_MANY;
	}
	return targets.len ? SMTP_ANSWER_OK : SMTP_ANSWER_LATER;
}

static enum smtp_answer
add_foreign(struct smtp_client *c, struct bytes address)
{
	if (!peer_is_connected(smtp_client_front(c)->queue))
		return SMTP_ANSWER_NO_ROUTE;
	return add(c, TARGET_FOREIGN, 0, address) ? SMTP_ANSWER_OK : SMTP_ANSWER_TOO_MANY;
}

static enum admission_client
client_kind(const struct smtp_client *c)
{
	if (c->account)
		return CLIENT_ACCOUNT;
	return c->is_trusted ? CLIENT_TRUSTED : CLIENT_STRANGER;
}

static enum smtp_answer
carry_out(struct smtp_client *c, enum admission admission, struct bytes targets)
{
	if (admission == ADMITTED)
		return add_targets(c, targets);
	return admission == ADMITTED_ONWARD ? add_foreign(c, buf_bytes(&c->asked)) : answer_to_recipient(admission);
}

static const char *const refusals[SMTP_ANSWERS] = {
	[SMTP_ANSWER_UNKNOWN] = "unknown",
	[SMTP_ANSWER_NOT_OPEN] = "not open to the sender",
	[SMTP_ANSWER_NO_RELAY] = "no relay",
	[SMTP_ANSWER_NO_ROUTE] = "no route",
	[SMTP_ANSWER_TOO_MANY] = "too many",
	[SMTP_ANSWER_OVER_QUOTA] = "over quota",
};

static void
tell_refused(const struct smtp_client *c, struct bytes recipient, const char *reason)
{
	event(smtp_client_context(c), EV_RCPT_REFUSED, TEXT("recipient", recipient), TEXT("sender", c->sender), STR("reason", reason));
}

static void
refuse(struct smtp_client *c, struct bytes recipient, const struct config_route *route)
{
	uint8_t space[REPLY_MAX];
	struct buf reply;

	buf_init_fixed(&reply, space, sizeof space);
	config_put_refusal(&reply, route);
	tell_refused(c, recipient, "route");
	smtp_session_refuse(c->session, buf_bytes(&reply));
}

/* The first of the routes that refuse all that it leads to.  NULL: somebody gets the mail. */
static const struct config_route *
refusal_of_all(const struct smtp_client *c, struct bytes sender, struct bytes targets)
{
	const struct config *config = smtp_client_front(c)->config;
	const struct config_route *first = NULL;
	struct bytes address;
	uint64_t account;
	uint16_t len;
	uint8_t kind;

	while (take_u8(&targets, &kind) && take_u64(&targets, &account) && take_u16(&targets, &len) && take_octets(&targets, len, &address)) {
		bool is_renamed = sender.len && (kind == TARGET_FORWARDED || kind == TARGET_LISTED);
		const struct config_route *route = kind == TARGET_MAILBOX ? NULL : answer_refusal(config, is_renamed ? sender : c->sender, address);

		if (!route)
			return NULL;
		first = first ? first : route;
	}
	return first;
}

static void
note_accepted(struct smtp_client *c)
{
	if (c->recipient_count++ == 0 && !arena_copy(c->arena, buf_bytes(&c->asked), &c->first_recipient))
		c->first_recipient = BYTES_NONE;
	event(smtp_client_context(c), EV_RCPT_ACCEPTED, TEXT("recipient", buf_bytes(&c->asked)));
}

static void
forget_asked(struct smtp_client *c)
{
	buf_done(&c->asked);
	buf_done(&c->asked_address);
}

static void
answer_recipient(struct smtp_client *c, enum smtp_answer a)
{
	if (a == SMTP_ANSWER_OK)
		note_accepted(c);
	else
		tell_refused(c, buf_bytes(&c->asked), refusals[a] ? refusals[a] : "try later");
	forget_asked(c);
	smtp_client_answer(c, a);
}

static void
room_answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum smtp_answer a = SMTP_ANSWER_LATER;

	if (!smtp_client_end_request(c))
		return;
	if (m && m->u.done.outcome == IPC_OVER_QUOTA)
		a = SMTP_ANSWER_OVER_QUOTA;
	else if (m && m->u.done.outcome == IPC_OK)
		a = add_targets(c, c->resolved);
	answer_recipient(c, a);
}

/* Of an address that leads to one mailbox the client hears now that there is no room in it; of several some may have some.  False: that
   is not the question. */
static bool
ask_room(struct smtp_client *c, const struct ipc_resolved *r, struct bytes targets)
{
	struct peer *store = smtp_client_front(c)->store;
	struct message m = { .type = MESSAGE_MAY_DELIVER };
	uint64_t account;
	uint8_t kind;

	if (!r->has_quota || !leads_to_one(targets, &kind, &account) || kind != TARGET_MAILBOX)
		return false;
	if (!arena_copy(c->arena, targets, &c->resolved))
		return false;
	m.u.may_deliver = (struct ipc_may_deliver){
		.request = smtp_client_begin_request(c, store),
		.account = account,
		.octets = c->size,
	};
	smtp_client_send_request(c, store, &m, m.u.may_deliver.request, room_answered);
	return true;
}

static void
take_answer(struct smtp_client *c, const struct ipc_resolved *r, struct bytes targets)
{
	const struct config *config = smtp_client_front(c)->config;
	struct bytes address = buf_bytes(&c->asked_address);
	enum admission admission = admission_decide(config, client_kind(c), c->sender, address, (enum ipc_outcome)r->outcome);
	const struct config_route *refusal = admission == REFUSED_BY_ROUTE ? config_find_route(config, address) :
		admission == ADMITTED ? refusal_of_all(c, r->sender, targets) : NULL;

	if (refusal) {
		refuse(c, buf_bytes(&c->asked), refusal);
		forget_asked(c);
		connection_run(c->connection);
	} else if (!smtp_outgoing_rename(c, r->sender)) {
		answer_recipient(c, SMTP_ANSWER_TOO_MANY);
	} else if (admission != ADMITTED || !ask_room(c, r, targets)) {
		answer_recipient(c, carry_out(c, admission, targets));
	}
}

static void
resolved(void *arg, const struct message *m)
{
	static const struct ipc_resolved later = { .outcome = IPC_LATER };
	struct smtp_client *c = arg;
	struct bytes targets = BYTES_NONE;
	struct buf space;
	bool is_whole;

	buf_init(&space, 0);
	is_whole = m && targets_take(m, &space, &targets);
	if (smtp_client_end_request(c)) {
		if (is_whole && m->u.resolved.may_keep)
			recipients_keep(smtp_client_front(c)->recipients, buf_bytes(&c->asked_address), &m->u.resolved);
		take_answer(c, is_whole ? &m->u.resolved : &later, targets);
	}
	buf_done(&space);
}

/* A host recognises its own address (RFC 1123 5.2.17): it stands for the first domain. */
static void
put_asked(struct smtp_client *c, const struct smtp_path *path, struct buf *out)
{
	const struct config_texts *domains = &smtp_client_front(c)->config->domains;

	if (domains->count && connection_is_to(c->connection, path->domain))
		put_format(out, "%.*s@%.*s", BYTES_ARG(path->local), BYTES_ARG(domains->at[0]));
	else
		smtp_path_put_address(path, out);
}

void
smtp_ask_recipient(struct smtp_client *c, const struct smtp_path *path, const struct dsn_rcpt *wishes)
{
	struct peer *directory = smtp_client_front(c)->directory;
	struct message m = { .type = MESSAGE_RESOLVE };
	const struct config_route *refusal;
	struct ipc_resolved kept;

	buf_done(&c->asked_address);
	put_asked(c, path, &c->asked_address);
	refusal = admission_refusal(smtp_client_front(c)->config, buf_bytes(&c->asked_address));
	if (refusal) {
		refuse(c, path->text, refusal);
		forget_asked(c);
		return;
	}
	buf_done(&c->asked);
	put_bytes(&c->asked, path->text);
	smtp_wishes_keep(c, wishes);
	if (recipients_find(smtp_client_front(c)->recipients, buf_bytes(&c->asked_address), &kept)) {
		take_answer(c, &kept, kept.targets);
		return;
	}
	m.u.resolve = (struct ipc_resolve){
		.request = smtp_client_begin_request(c, directory),
		.account = c->account,
		.is_known = client_kind(c) != CLIENT_STRANGER,
		.session = connection_session(c->connection),
		.address = buf_bytes(&c->asked_address),
		.sender = c->sender,
	};
	smtp_client_send_request(c, directory, &m, m.u.resolve.request, resolved);
}
