#include "proto/auth/session.h"

#include "base/memory.h"
#include "proto/sasl/sasl.h"

enum { OUTPUT_MAX = 1024 * 1024, EXCHANGE_OCTETS_MAX = 2 * AUTH_LINE_OCTETS_MAX, CHALLENGE_OCTETS_MAX = 1024 };

enum exchange_state {
	EXCHANGE_CLIENT, /* the client's CONT is due */
	EXCHANGE_ASKED, /* the driver's answer is due */
	EXCHANGE_CANCELLED, /* the same, but the client does not want it any more */
};

struct exchange {
	struct exchange *next;
	enum exchange_state state;
	uint32_t id; /* the client's */
	uint64_t ticket; /* ours */
	struct sasl *sasl; /* NULL: the question was asked */
	struct arena *arena; /* claims and name */
	struct bytes name;
	struct auth_claims claims;
};

struct auth_session {
	struct exchange *exchanges; /* oldest first */
	size_t count, asked; /* exchanges; those that the driver has to answer */
	uint64_t last_ticket;
	struct exchange *due; /* to be asked for */
	struct exchange *gone; /* asked for in the last step: its secret is not needed any more */
	struct buf out;
	size_t reported; /* octets of out that the last step gave away */
	bool has_version, has_client; /* the handshake: VERSION, then CPID */
	bool is_ending, has_ended;
	const char *wrong; /* what the client did */
};

/* ---- exchanges */

static struct exchange *
find(struct auth_session *s, uint32_t id)
{
	for (struct exchange *e = s->exchanges; e; e = e->next)
		if (e->id == id && e->state != EXCHANGE_CANCELLED)
			return e;
	return NULL;
}

static void
drop(struct auth_session *s, struct exchange *e)
{
	struct exchange **at = &s->exchanges;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	s->count--;
	if (e->state != EXCHANGE_CLIENT)
		s->asked--;
	if (s->due == e)
		s->due = NULL;
	if (s->gone == e)
		s->gone = NULL;
	sasl_free(&e->sasl);
	arena_free(&e->arena);
	memory_free(e);
}

static struct exchange *
add(struct auth_session *s, uint32_t id)
{
	struct exchange *e = NEW(struct exchange), **last = &s->exchanges;

	while (*last)
		last = &(*last)->next;
	*last = e;
	e->id = id;
	e->ticket = ++s->last_ticket;
	e->arena = arena_new("auth exchange", EXCHANGE_OCTETS_MAX, ARENA_PLAIN);
	s->count++;
	return e;
}

/* ---- replies */

static void
put_handshake(struct auth_session *s, const struct auth_identity *i)
{
	put_format(&s->out, "VERSION\t%d\t%d\n", AUTH_MAJOR_VERSION, AUTH_MINOR_VERSION);
	put_text(&s->out, "MECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\n");
	put_format(&s->out, "SPID\t%u\nCUID\t%llu\nCOOKIE\t", i->process, (unsigned long long)i->connection);
	for (size_t at = 0; at < sizeof i->cookie; at++)
		put_format(&s->out, "%02x", i->cookie[at]);
	put_text(&s->out, "\nDONE\n");
}

static void
put_user(struct auth_session *s, struct bytes name)
{
	if (name.len == 0)
		return;
	put_text(&s->out, "\tuser=");
	auth_put_escaped(&s->out, name);
}

/* Codes have one name up to version 2.2 of Dovecot and another one from 2.3 on; clients look for theirs. */
static const char *const failures[AUTH_ANSWERS] = {
	[AUTH_ANSWER_BAD_CREDENTIALS] = "",
	[AUTH_ANSWER_DISABLED] = "\tuser_disabled\tcode=user_disabled",
	[AUTH_ANSWER_EXPIRED] = "\tpass_expired\tcode=pass_expired",
	[AUTH_ANSWER_NOT_AUTHORIZED] = "\tauthz\tcode=authz_fail",
	[AUTH_ANSWER_LATER] = "\ttemp\tcode=temp_fail\treason=Temporary authentication failure, please try again later",
};

static void
fail(struct auth_session *s, struct exchange *e, const char *parameters)
{
	put_format(&s->out, "FAIL\t%u", e->id);
	put_user(s, e->name);
	put_text(&s->out, parameters);
	put_char(&s->out, '\n');
	drop(s, e);
}

static void
cut(struct auth_session *s, const char *wrong)
{
	s->wrong = wrong;
	s->is_ending = true;
}

/* Some clients (Postfix among them) take every FAIL for a wrong password and tell their user so.  A connection that
   ends is temporary trouble to all of them, so where no other exchange would suffer, that is the answer. */
static void
put_off(struct auth_session *s, struct exchange *e)
{
	if (s->count > 1) {
		fail(s, e, failures[AUTH_ANSWER_LATER]);
		return;
	}
	drop(s, e);
	s->is_ending = true;
}

/* ---- commands */

static void
step_exchange(struct auth_session *s, struct exchange *e, bool has_in, struct bytes in)
{
	struct buf challenge;

	buf_init(&challenge, CHALLENGE_OCTETS_MAX);
	switch (sasl_step(e->sasl, has_in, in, &challenge)) {
	case SASL_CONTINUE:
		put_format(&s->out, "CONT\t%u\t", e->id);
		put_bytes(&s->out, buf_bytes(&challenge));
		put_char(&s->out, '\n');
		break;
	case SASL_CHECK:
		e->state = EXCHANGE_ASKED;
		s->asked++;
		s->due = e;
		break;
	case SASL_MALFORMED:
		fail(s, e, "\treason=Malformed authentication data");
		break;
	}
	buf_done(&challenge);
}

static bool
is_claim(struct bytes text)
{
	return text.len > 0 && text.len <= AUTH_CLAIM_OCTETS_MAX && bytes_all_class(text, CLASS_PRINT);
}

/* [name "=" value]; what is not known or can't be is as good as not said. */
static bool
take_claim(struct exchange *e, struct bytes field)
{
	static const struct {
		struct bytes name;
		size_t offset;
	} rows[] = {
		{ BYTES_INIT("service"), offsetof(struct auth_claims, service) },
		{ BYTES_INIT("protocol"), offsetof(struct auth_claims, service) }, /* from Dovecot 2.4 on */
		{ BYTES_INIT("rip"), offsetof(struct auth_claims, remote_host) },
		{ BYTES_INIT("lip"), offsetof(struct auth_claims, local_host) },
		{ BYTES_INIT("rport"), offsetof(struct auth_claims, remote_port) },
		{ BYTES_INIT("lport"), offsetof(struct auth_claims, local_port) },
		{ BYTES_INIT("tls_protocol"), offsetof(struct auth_claims, tls) },
	};
	struct bytes value, name;

	if (!auth_unescape(field, e->arena, &value))
		return false;
	name = take_until(&value, '=');
	if (bytes_equal(name, BYTES("secured")) && e->claims.tls.len == 0)
		return arena_copy(e->arena, BYTES("yes"), &e->claims.tls);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bytes_equal(name, rows[i].name) && is_claim(value))
			return arena_copy(e->arena, value,
				(struct bytes *)(void *)((char *)&e->claims + rows[i].offset));
	return true;
}

/* "resp=" is the last parameter: whatever stands behind it is part of it, so that a TAB in what a user sent
   can't begin a parameter. */
static bool
take_parameters(struct exchange *e, struct bytes line, bool *has_response, struct bytes *response)
{
	struct bytes field;

	*has_response = false;
	*response = BYTES_NONE;
	while (line.ptr) {
		if (take_text(&line, BYTES("resp="))) {
			*has_response = true;
			*response = line;
			break;
		}
		if (!auth_take_field(&line, &field) || !take_claim(e, field))
			return false;
	}
	return e->claims.service.len > 0;
}

static void
make_room(struct auth_session *s)
{
	if (s->count < AUTH_EXCHANGES_MAX)
		return;
	for (struct exchange *e = s->exchanges; e; e = e->next)
		if (e->state == EXCHANGE_CLIENT) {
			fail(s, e, failures[AUTH_ANSWER_LATER]);
			return;
		}
}

/* "AUTH" TAB id TAB mechanism TAB ("service=" / "protocol=") service *(TAB parameter) */
static void
command_auth(struct auth_session *s, struct bytes line)
{
	struct bytes mechanism, response;
	struct exchange *e;
	bool has_response;
	uint32_t id;

	if (!auth_take_id(&line, &id) || !auth_take_field(&line, &mechanism)) {
		cut(s, "AUTH without id or mechanism");
		return;
	}
	if (find(s, id)) {
		cut(s, "AUTH with the id of an exchange that is open");
		return;
	}
	make_room(s);
	e = add(s, id);
	if (!take_parameters(e, line, &has_response, &response)) {
		cut(s, "AUTH without a service, or with too much");
		return;
	}
	e->sasl = sasl_new(mechanism);
	if (!e->sasl)
		fail(s, e, "\treason=Unsupported authentication mechanism");
	else
		step_exchange(s, e, has_response, response);
}

/* "CONT" TAB id TAB base64 */
static void
command_cont(struct auth_session *s, struct bytes line)
{
	struct exchange *e;
	uint32_t id;

	if (!auth_take_id(&line, &id)) {
		cut(s, "CONT without id");
		return;
	}
	e = find(s, id);
	/* It may have given way to others a moment ago, and its FAIL crossed this. */
	if (!e)
		return;
	if (e->state != EXCHANGE_CLIENT) {
		cut(s, "CONT that nobody waits for");
		return;
	}
	step_exchange(s, e, true, line);
}

/* "CANCEL" TAB id */
static void
command_cancel(struct auth_session *s, struct bytes line)
{
	struct exchange *e;
	uint32_t id;

	if (!auth_take_id(&line, &id)) {
		cut(s, "CANCEL without id");
		return;
	}
	e = find(s, id);
	if (!e)
		return;
	if (e->state == EXCHANGE_ASKED)
		e->state = EXCHANGE_CANCELLED;
	else
		drop(s, e);
}

/* "VERSION" TAB major TAB minor */
static void
command_version(struct auth_session *s, struct bytes line)
{
	s->has_version = auth_is_our_version(line);
	if (!s->has_version)
		cut(s, "another version of the protocol");
}

/* "CPID" TAB pid */
static void
command_cpid(struct auth_session *s, struct bytes line)
{
	uint32_t pid;

	s->has_client = auth_take_id(&line, &pid);
	if (!s->has_client)
		cut(s, "CPID without a number");
}

static const struct {
	struct bytes name;
	bool needs_version, needs_client; /* what of the handshake is done; exactly */
	void (*run)(struct auth_session *s, struct bytes line);
} commands[] = {
	{ BYTES_INIT("VERSION"), false, false, command_version },
	{ BYTES_INIT("CPID"), true, false, command_cpid },
	{ BYTES_INIT("AUTH"), true, true, command_auth },
	{ BYTES_INIT("CONT"), true, true, command_cont },
	{ BYTES_INIT("CANCEL"), true, true, command_cancel },
};

static void
command(struct auth_session *s, struct bytes line)
{
	struct bytes name;

	(void)auth_take_field(&line, &name);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (!bytes_equal(name, commands[i].name))
			continue;
		if (commands[i].needs_version == s->has_version && commands[i].needs_client == s->has_client)
			commands[i].run(s, line);
		else
			cut(s, "a command that is out of order");
		return;
	}
	cut(s, "a command that there is not");
}

/* ---- the machine */

struct auth_session *
auth_session_new(const struct auth_identity *identity)
{
	struct auth_session *s = NEW(struct auth_session);

	buf_init(&s->out, OUTPUT_MAX);
	put_handshake(s, identity);
	return s;
}

void
auth_session_free(struct auth_session **s)
{
	if (!*s)
		return;
	while ((*s)->exchanges)
		drop(*s, (*s)->exchanges);
	buf_done(&(*s)->out);
	memory_free(*s);
	*s = NULL;
}

static void
ask(struct auth_session *s, struct auth_effect *effect)
{
	struct exchange *e = s->due;
	struct sasl_credentials c = sasl_credentials(e->sasl);

	s->due = NULL;
	s->gone = e;
	if (!arena_copy(e->arena, c.name, &e->name))
		e->name = BYTES_NONE;
	effect->kind = AUTH_ASK_LOGIN;
	effect->login = (struct auth_login){
		.ticket = e->ticket,
		.mechanism = sasl_name(e->sasl),
		.name = c.name,
		.authorize_as = c.authorize_as,
		.secret_password = c.secret_password,
		.claims = e->claims,
	};
}

static void
forget_last_step(struct auth_session *s)
{
	if (s->gone)
		sasl_free(&s->gone->sasl);
	s->gone = NULL;
	buf_drop(&s->out, s->reported);
	s->reported = 0;
	/* An idle client costs its state alone. */
	if (s->out.len == 0) {
		buf_done(&s->out);
		buf_init(&s->out, OUTPUT_MAX);
	}
}

/* What is due before more input may be taken. */
static bool
is_due(struct auth_session *s, struct auth_effect *effect)
{
	if (s->out.len > 0) {
		s->reported = s->out.len;
		effect->kind = AUTH_OUTPUT;
		effect->octets = buf_bytes(&s->out);
		return true;
	}
	if (s->is_ending) {
		effect->kind = s->has_ended ? AUTH_BLOCKED : AUTH_CLOSE;
		effect->octets = bytes_text(s->wrong);
		s->has_ended = true;
		return true;
	}
	if (s->due) {
		ask(s, effect);
		return true;
	}
	return false;
}

static bool
take_command(struct auth_session *s, struct bytes *in)
{
	struct bytes line;

	switch (auth_take_line(in, AUTH_LINE_OCTETS_MAX, &line)) {
	case AUTH_LINE_NONE:
		return false;
	case AUTH_LINE_LONG:
		cut(s, "a line that is too long");
		return true;
	case AUTH_LINE_WHOLE:
		command(s, line);
		return true;
	}
	return false;
}

enum auth_effect_kind
auth_session_step(struct auth_session *s, struct bytes *in, struct auth_effect *effect)
{
	*effect = (struct auth_effect){ .kind = AUTH_NEED_INPUT };
	forget_last_step(s);
	while (!is_due(s, effect)) {
		if (s->asked >= AUTH_ASKS_MAX) {
			effect->kind = AUTH_BLOCKED;
			break;
		}
		if (!take_command(s, in))
			break;
	}
	return effect->kind;
}

void
auth_session_answer(struct auth_session *s, uint64_t ticket, enum auth_answer answer, struct bytes address)
{
	struct exchange *e = s->exchanges;

	while (e && (e->ticket != ticket || e->state == EXCHANGE_CLIENT))
		e = e->next;
	if (!e)
		return;
	if (e->state == EXCHANGE_CANCELLED || s->is_ending) {
		drop(s, e);
	} else if (answer == AUTH_ANSWER_OK) {
		put_format(&s->out, "OK\t%u", e->id);
		put_user(s, address);
		put_char(&s->out, '\n');
		drop(s, e);
	} else if (answer == AUTH_ANSWER_LATER || answer >= AUTH_ANSWERS) {
		put_off(s, e);
	} else {
		fail(s, e, failures[answer]);
	}
}

void
auth_session_shut(struct auth_session *s)
{
	/* No FAIL: a client that does not know "temp" would tell its user that the password is wrong. */
	s->is_ending = true;
}

bool
auth_session_is_idle(const struct auth_session *s)
{
	return s->count == 0;
}
