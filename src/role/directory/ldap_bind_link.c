#include "role/directory/ldap_bind_link.h"

#include "role/directory/record.h"
#include "sys/random.h"
#include "sys/time.h"

#include <assert.h>
#include <string.h>
#include <sys/time.h>

/* What lies between us and a server forgets connections on which nothing is said, and tells nobody. */
enum { IDLE_MAX_US = 30 * 1000000 };

/* Netscape's, of 389 Directory Server and its kin. */
#define CONTROL_PASSWORD_EXPIRED "2.16.840.1.113730.3.4.4"

void
ldap_bind_servers_init(struct ldap_bind_servers *s, const struct config *c, struct arena *arena)
{
	*s = (struct ldap_bind_servers){ .count = c->ldap_servers.count };
	ldap_wire_settings_init(&s->wire, c, arena);
	for (size_t i = 0; i < s->count; i++)
		s->at[i] = ldap_wire_keep(arena, c->ldap_servers.at[i]);
}

void
ldap_bind_link_put_decoy(struct buf *out, struct bytes dn)
{
	put_format(out, "cn=%016llx%016llx,", (unsigned long long)random_number(), (unsigned long long)random_number());
	put_bytes(out, dn);
}

void
ldap_bind_link_init(struct ldap_bind_link *link, struct ldap_bind_servers *servers)
{
	*link = (struct ldap_bind_link){ .servers = servers };
	ldap_wire_init(&link->wire, &servers->wire);
}

void
ldap_bind_link_done(struct ldap_bind_link *link)
{
	ldap_wire_done(&link->wire);
}

/* ---- one server */

static int
wait_for(struct ldap_wire *w, int id, LDAPMessage **result)
{
	struct timeval timeout = { .tv_sec = (time_t)(w->settings->timeout_us / 1000000) };
	int type = ldap_result(w->ld, id, LDAP_MSG_ALL, &timeout, result), code = LDAP_OTHER;

	if (type > 0)
		return LDAP_SUCCESS;
	if (type == 0)
		return LDAP_TIMEOUT;
	(void)ldap_get_option(w->ld, LDAP_OPT_RESULT_CODE, &code);
	return code < 0 ? code : LDAP_SERVER_DOWN;
}

/* With the control that asks what the password policy says: draft-behera-ldap-password-policy-10 6.1. */
static int
send_bind(struct ldap_wire *w, const char *dn, struct bytes secret_password, int *id)
{
	struct berval credentials = { secret_password.len, (char *)(uintptr_t)secret_password.ptr };
	LDAPControl *policy = NULL, *controls[2] = { NULL, NULL };
	int code = ldap_create_passwordpolicy_control(w->ld, &policy);

	controls[0] = policy;
	if (code == LDAP_SUCCESS)
		code = ldap_sasl_bind(w->ld, dn, LDAP_SASL_SIMPLE, &credentials, controls, NULL, id);
	ldap_control_free(policy);
	return code;
}

/* What a policy says of a password that is still taken; -1: nothing. */
struct warning {
	ber_int_t expires_s, grace;
};

static struct warning
read_policy(struct ldap_wire *w, LDAPControl **controls, struct ldap_reply *reply)
{
	LDAPControl *policy = controls ? ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL) : NULL;
	LDAPPasswordPolicyError error = PP_noError;
	struct warning warning = { -1, -1 };

	if (policy
		&& ldap_parse_passwordpolicy_control(w->ld, policy, &warning.expires_s, &warning.grace, &error) == LDAP_SUCCESS)
		reply->policy_error = (int)error;
	reply->is_expired = controls && ldap_control_find(CONTROL_PASSWORD_EXPIRED, controls, NULL);
	return warning;
}

/* The sentence to a verdict that a server gave. */
static void
explain(enum ldap_verdict verdict, struct warning warning, struct fault *f)
{
	if (verdict != LDAP_VERDICT_RIGHT)
		(void)fault_set(f, FAULT_DENIED, "%s", ldap_verdict_reason(verdict));
	else if (warning.grace >= 0)
		(void)fault_set(f, FAULT_NONE, "the password has expired, and is taken %d more times", (int)warning.grace);
	else if (warning.expires_s >= 0)
		(void)fault_set(f, FAULT_NONE, "the password expires in %d s", (int)warning.expires_s);
	else
		(void)fault_set(f, FAULT_NONE, "%s", "");
}

/* The connection stands, or is made on the way. */
static enum ldap_verdict
bind_as(struct ldap_bind_link *link, const char *dn, struct bytes secret_password, int *code, struct fault *f)
{
	struct ldap_reply reply = { .policy_error = LDAP_POLICY_NO_ERROR };
	struct warning warning = { -1, -1 };
	LDAPControl **controls = NULL;
	LDAPMessage *result = NULL;
	enum ldap_verdict verdict;
	char *diagnostic = NULL;
	int id = -1;

	*code = send_bind(&link->wire, dn, secret_password, &id);
	if (*code == LDAP_SUCCESS)
		*code = wait_for(&link->wire, id, &result);
	if (*code == LDAP_SUCCESS)
		*code = ldap_parse_result(link->wire.ld, result, &reply.code, NULL, &diagnostic, NULL, &controls, 0);
	if (*code == LDAP_SUCCESS) {
		warning = read_policy(&link->wire, controls, &reply);
		*code = reply.code;
	}
	reply.code = *code;
	reply.diagnostic = bytes_text(diagnostic ? diagnostic : "");
	verdict = ldap_policy_judge(&reply);
	explain(verdict, warning, f);
	ldap_controls_free(controls);
	ldap_memfree(diagnostic);
	(void)ldap_msgfree(result);
	return verdict;
}

/* An account that the server does not talk about, or a server that takes nobody's password?  Whom it does not know it
   refuses with another code. */
static enum ldap_verdict
settle_unwilling(struct ldap_bind_link *link, const char *dn, int *code)
{
	char text[RECORD_ENTRY_MAX + LDAP_BIND_RDN_MAX];
	struct fault of_decoy;
	struct buf decoy;
	enum ldap_verdict verdict;

	buf_init_fixed(&decoy, text, sizeof text);
	ldap_bind_link_put_decoy(&decoy, bytes_text(dn));
	put_char(&decoy, '\0');
	verdict = decoy.has_failed ? LDAP_VERDICT_LATER : bind_as(link, text, BYTES("x"), code, &of_decoy);
	if (verdict == LDAP_VERDICT_WRONG)
		return LDAP_VERDICT_UNWILLING;
	return verdict == LDAP_VERDICT_AWAY ? LDAP_VERDICT_AWAY : LDAP_VERDICT_LATER;
}

static enum ldap_verdict
try_once(struct ldap_bind_link *link, const char *dn, struct bytes secret_password, int *code, struct fault *f)
{
	enum ldap_verdict verdict = LDAP_VERDICT_AWAY;
	const char *server = link->servers->at[link->server], *at = "bind";

	ldap_wire_begin(&link->wire);
	*code = link->wire.ld ? LDAP_SUCCESS : ldap_wire_open(&link->wire, server, &at);
	if (*code == LDAP_SUCCESS) {
		at = "bind";
		verdict = bind_as(link, dn, secret_password, code, f);
	}
	if (verdict == LDAP_VERDICT_UNWILLING)
		verdict = settle_unwilling(link, dn, code);
	/* An answer that came while its time passed is none: the connection may be cut. */
	if (ldap_watch_end(&link->wire.watch)) {
		*code = LDAP_TIMEOUT;
		verdict = LDAP_VERDICT_AWAY;
	}
	if (verdict == LDAP_VERDICT_AWAY || verdict == LDAP_VERDICT_LATER)
		(void)ldap_wire_explain(&link->wire, server, at, *code, f);
	if (verdict == LDAP_VERDICT_AWAY)
		ldap_wire_close(&link->wire);
	link->used_us = time_now().mono_us;
	return verdict;
}

/* A connection that broke while it lay idle is no failure: once more, on a new one.  But nobody is waited for twice. */
static enum ldap_verdict
try_server(struct ldap_bind_link *link, size_t server, const char *dn, struct bytes secret_password, struct fault *f)
{
	enum ldap_verdict verdict;
	bool was_connected;
	int code;

	if (link->server != server || time_now().mono_us - link->used_us > IDLE_MAX_US)
		ldap_wire_close(&link->wire);
	link->server = server;
	was_connected = link->wire.ld != NULL;
	verdict = try_once(link, dn, secret_password, &code, f);
	if (verdict == LDAP_VERDICT_AWAY && was_connected && code != LDAP_TIMEOUT)
		verdict = try_once(link, dn, secret_password, &code, f);
	if (verdict == LDAP_VERDICT_AWAY || verdict == LDAP_VERDICT_LATER)
		atomic_fetch_add(&link->servers->errors[server], 1);
	else
		atomic_fetch_add(&link->servers->answers[server], 1);
	return verdict;
}

/* ---- all of them */

enum ldap_verdict
ldap_bind_link_try(struct ldap_bind_link *link, const char *dn, struct bytes secret_password, struct fault *f)
{
	size_t first = atomic_load(&link->servers->current);

	assert(dn[0] != '\0' && secret_password.len > 0);
	for (size_t i = 0; i < link->servers->count; i++) {
		size_t server = (first + i) % link->servers->count;
		enum ldap_verdict verdict = try_server(link, server, dn, secret_password, f);

		if (verdict == LDAP_VERDICT_AWAY)
			continue;
		if (i > 0)
			atomic_store(&link->servers->current, server);
		return verdict;
	}
	return LDAP_VERDICT_AWAY;
}

/* A simple bind without name and password is anonymous (RFC 4513 5.1.1); a server that does not want that says so. */
bool
ldap_bind_link_probe(struct ldap_bind_link *link, size_t count, struct fault *f)
{
	for (size_t i = 0; i < count; i++) {
		enum ldap_verdict verdict = try_server(link, i, "", BYTES(""), f);

		ldap_wire_close(&link->wire);
		if (verdict == LDAP_VERDICT_AWAY)
			continue;
		atomic_store(&link->servers->current, i);
		return true;
	}
	return false;
}

int64_t
ldap_bind_link_watch(struct ldap_bind_link *link, int64_t now_us)
{
	int64_t left_us = ldap_watch_look(&link->wire.watch, now_us);

	return left_us ? left_us : link->servers->wire.timeout_us;
}

void
ldap_bind_link_cancel(struct ldap_bind_link *link)
{
	ldap_watch_cancel(&link->wire.watch);
}
