#include "proto/sasl/sasl.h"

#include "base/memory.h"
#include "proto/sasl/base64.h"

#include <gsasl.h>
#include <string.h>

/* What the longest message of a mechanism can be: PLAIN's with both names and the password. */
#define MESSAGE_OCTETS_MAX (2 * (SASL_NAME_OCTETS_MAX + 1) + SASL_PASSWORD_OCTETS_MAX)

struct mechanism {
	const char *name;
	/* Instead of libgsasl's challenges, in order; NULL: take libgsasl's. */
	const char *const *challenges;
	/* Does the client speak first?  Then an initial response is its first message; else the server's first
	   challenge was skipped by it. */
	bool is_client_first;
	void (*collect)(struct sasl *s, struct bytes message);
};

struct sasl {
	const struct mechanism *mechanism;
	Gsasl *library;
	Gsasl_session *session;
	unsigned int steps; /* taken by libgsasl */
	struct buf secret_kept; /* has its full size from the start: views into it stay good */
	struct sasl_credentials secret_credentials;
};

/* RFC 4616 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd.  libgsasl has seen that the NULs are right.  It also
   prepares the names and the password (RFC 4013), but who compares them knows best how: the octets go on as sent. */
static void
collect_plain(struct sasl *s, struct bytes message)
{
	s->secret_credentials.authorize_as = take_until(&message, 0);
	s->secret_credentials.name = take_until(&message, 0);
	s->secret_credentials.secret_password = message;
}

/* draft-murchison-sasl-login: the name, then the password, each a message of its own. */
static void
collect_login(struct sasl *s, struct bytes message)
{
	if (s->secret_credentials.name.len == 0)
		s->secret_credentials.name = message;
	else
		s->secret_credentials.secret_password = message;
}

/* What old clients compare with, letter by letter. */
static const char *const login_challenges[] = { "Username:", "Password:" };

static const struct mechanism mechanisms[] = {
	{ "PLAIN", NULL, true, collect_plain },
	{ "LOGIN", login_challenges, false, collect_login },
};

const char *
sasl_mechanisms(void)
{
	return "PLAIN LOGIN";
}

/* libgsasl asks whether the credentials are right: that is for others to say, so it goes on. */
static int
on_callback(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	(void)library;
	(void)session;
	return property == GSASL_VALIDATE_SIMPLE ? GSASL_OK : GSASL_NO_CALLBACK;
}

static bool
start(struct sasl *s)
{
	if (gsasl_init(&s->library) != GSASL_OK)
		return false;
	gsasl_callback_set(s->library, on_callback);
	return gsasl_server_start(s->library, s->mechanism->name, &s->session) == GSASL_OK;
}

struct sasl *
sasl_new(struct bytes name)
{
	const struct mechanism *found = NULL;
	struct sasl *s;

	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
		if (bytes_equal_nocase(name, bytes_text(mechanisms[i].name)))
			found = &mechanisms[i];
	if (!found)
		return NULL;
	s = NEW(struct sasl);
	s->mechanism = found;
	buf_init(&s->secret_kept, MESSAGE_OCTETS_MAX + 1);
	(void)buf_room(&s->secret_kept, MESSAGE_OCTETS_MAX + 1);
	if (!start(s))
		sasl_free(&s);
	return s;
}

/* libgsasl keeps the password as a property and frees it as it is. */
static void
wipe_property(Gsasl_session *session, Gsasl_property property)
{
	const char *value = gsasl_property_fast(session, property);

	if (value)
		memory_wipe((void *)(uintptr_t)value, strlen(value));
}

void
sasl_free(struct sasl **s)
{
	if (!*s)
		return;
	if ((*s)->session) {
		wipe_property((*s)->session, GSASL_PASSWORD);
		gsasl_finish((*s)->session);
	}
	if ((*s)->library)
		gsasl_done((*s)->library);
	buf_done_secret(&(*s)->secret_kept);
	memory_free(*s);
	*s = NULL;
}

const char *
sasl_name(const struct sasl *s)
{
	return s->mechanism->name;
}

static bool
is_name(struct bytes name)
{
	if (name.len > SASL_NAME_OCTETS_MAX || !bytes_is_utf8(name))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (byte_is_class(name.ptr[i], CLASS_CONTROL))
			return false;
	return true;
}

/* An empty password must never get as far as a directory: an LDAP bind with it succeeds (RFC 4513 5.1.2). */
static bool
is_complete(const struct sasl_credentials *c)
{
	return c->name.len && is_name(c->name) && is_name(c->authorize_as) && c->secret_password.len &&
		c->secret_password.len <= SASL_PASSWORD_OCTETS_MAX &&
		memchr(c->secret_password.ptr, 0, c->secret_password.len) == NULL;
}

static void
put_challenge(const struct sasl *s, struct bytes library_text, struct buf *challenge)
{
	if (s->mechanism->challenges && s->steps <= 2)
		library_text = bytes_text(s->mechanism->challenges[s->steps - 1]);
	sasl_put_base64(challenge, library_text);
}

/* Hands one message to libgsasl.  challenge NULL: what it says to it is not sent. */
static enum sasl_status
step_library(struct sasl *s, struct bytes message, struct buf *challenge)
{
	char *text = NULL;
	size_t len = 0;
	int result = gsasl_step(s->session, message.len ? (const char *)message.ptr : "", message.len, &text, &len);

	s->steps++;
	if (result == GSASL_NEEDS_MORE && challenge)
		put_challenge(s, bytes_of(text, len), challenge);
	gsasl_free(text);
	if (result == GSASL_NEEDS_MORE)
		return SASL_CONTINUE;
	/* A password that RFC 4013 forbids may still be the one that the directory has. */
	return result == GSASL_OK || result == GSASL_SASLPREP_ERROR ? SASL_CHECK : SASL_MALFORMED;
}

static enum sasl_status
step_message(struct sasl *s, struct bytes message, struct buf *challenge)
{
	enum sasl_status status = step_library(s, message, challenge);

	if (status == SASL_MALFORMED)
		return status;
	s->mechanism->collect(s, message);
	if (status == SASL_CHECK && !is_complete(&s->secret_credentials))
		return SASL_MALFORMED;
	return status;
}

/* Decodes into the kept octets, with a NUL behind, which libgsasl's string functions need. */
static bool
keep(struct sasl *s, struct bytes in, struct bytes *message)
{
	size_t from = s->secret_kept.len;

	if (!sasl_take_base64(in, &s->secret_kept))
		return false;
	*message = bytes_sub(buf_bytes(&s->secret_kept), from, SIZE_MAX);
	put_char(&s->secret_kept, 0);
	return !s->secret_kept.has_failed;
}

enum sasl_status
sasl_step(struct sasl *s, bool has_in, struct bytes in, struct buf *challenge)
{
	bool is_first = s->steps == 0;
	struct bytes message;

	if (!has_in)
		return is_first ? step_library(s, BYTES_NONE, challenge) : SASL_MALFORMED;
	/* RFC 4954 4: "=" is the initial response of no octets. */
	if (is_first && bytes_equal(in, BYTES("=")))
		in = BYTES_NONE;
	if (!keep(s, in, &message))
		return SASL_MALFORMED;
	if (is_first && !s->mechanism->is_client_first && step_library(s, BYTES_NONE, NULL) != SASL_CONTINUE)
		return SASL_MALFORMED;
	if (message.len == 0)
		return SASL_MALFORMED;
	return step_message(s, message, challenge);
}

struct sasl_credentials
sasl_credentials(const struct sasl *s)
{
	return s->secret_credentials;
}
