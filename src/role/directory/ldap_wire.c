#include "role/directory/ldap_wire.h"

#include "sys/time.h"

#include <string.h>
#include <sys/time.h>

enum { SECOND_US = 1000000 };

char *
ldap_wire_keep(struct arena *a, struct bytes text)
{
	char *copy = arena_take(a, text.len + 1);

	if (!copy)
		return NULL;
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return copy;
}

void
ldap_wire_settings_init(struct ldap_wire_settings *s, const struct config *c, struct arena *arena)
{
	*s = (struct ldap_wire_settings){
		.ca_file = ldap_wire_keep(arena, c->ldap_ca_file),
		.is_starttls = c->ldap_starttls == LDAP_TLS_START,
		.timeout_us = (int64_t)c->ldap_timeout_s * SECOND_US,
	};
}

/* From here on the watch keeps the time: with a time-out of its own libldap would make the socket non-blocking for
   TLS, and GnuTLS would spin on it. */
static int
on_connected(LDAP *ld, Sockbuf *sb, LDAPURLDesc *server, struct sockaddr *address, struct ldap_conncb *callbacks)
{
	static const struct timeval none = { -1, 0 };
	struct ldap_wire *w = callbacks->lc_arg;
	ber_socket_t fd = -1;

	(void)server, (void)address;
	if (ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &none) != LDAP_OPT_SUCCESS)
		return -1;
	if (ber_sockbuf_ctrl(sb, LBER_SB_OPT_GET_FD, &fd) != 1)
		return -1;
	return ldap_watch_connected(&w->watch, fd) ? 0 : -1;
}

static void
on_disconnected(LDAP *ld, Sockbuf *sb, struct ldap_conncb *callbacks)
{
	struct ldap_wire *w = callbacks->lc_arg;

	(void)ld, (void)sb;
	ldap_watch_disconnected(&w->watch);
}

void
ldap_wire_init(struct ldap_wire *w, const struct ldap_wire_settings *settings)
{
	*w = (struct ldap_wire){ .settings = settings };
	w->callbacks = (struct ldap_conncb){ on_connected, on_disconnected, w };
	ldap_watch_init(&w->watch);
}

void
ldap_wire_done(struct ldap_wire *w)
{
	ldap_wire_close(w);
	ldap_watch_done(&w->watch);
}

void
ldap_wire_begin(struct ldap_wire *w)
{
	ldap_watch_begin(&w->watch, time_now().mono_us + w->settings->timeout_us);
}

static int
set_options(struct ldap_wire *w)
{
	const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, tls_least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
	const int fresh = 0;
	const struct timeval timeout = { .tv_sec = (time_t)(w->settings->timeout_us / SECOND_US) };
	const char *ca_file = w->settings->ca_file;

	if (ldap_set_option(w->ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS
		|| ldap_set_option(w->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS
		|| ldap_set_option(w->ld, LDAP_OPT_NETWORK_TIMEOUT, &timeout) != LDAP_OPT_SUCCESS
		|| ldap_set_option(w->ld, LDAP_OPT_TIMEOUT, &timeout) != LDAP_OPT_SUCCESS
		|| ldap_set_option(w->ld, LDAP_OPT_CONNECT_CB, &w->callbacks) != LDAP_OPT_SUCCESS
		|| ldap_set_option(w->ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) != LDAP_OPT_SUCCESS
		|| ldap_set_option(w->ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls_least) != LDAP_OPT_SUCCESS
		|| (ca_file[0] && ldap_set_option(w->ld, LDAP_OPT_X_TLS_CACERTFILE, ca_file) != LDAP_OPT_SUCCESS))
		return -1;
	return ldap_set_option(w->ld, LDAP_OPT_X_TLS_NEWCTX, &fresh) == LDAP_OPT_SUCCESS ? 0 : -1;
}

int
ldap_wire_open(struct ldap_wire *w, const char *server, const char **at)
{
	bool is_ldaps = bytes_starts_nocase(bytes_text(server), BYTES("ldaps:"));
	int code = ldap_initialize(&w->ld, server);

	*at = "address";
	if (code != LDAP_SUCCESS)
		return code;
	*at = "options (is the ca file readable?)";
	if (set_options(w) != 0)
		return LDAP_PARAM_ERROR;
	*at = "StartTLS";
	return w->settings->is_starttls && !is_ldaps ? ldap_start_tls_s(w->ld, NULL, NULL) : LDAP_SUCCESS;
}

void
ldap_wire_close(struct ldap_wire *w)
{
	if (!w->ld)
		return;
	ldap_wire_begin(w);
	(void)ldap_unbind_ext_s(w->ld, NULL, NULL); /* frees it whatever it returns */
	(void)ldap_watch_end(&w->watch);
	w->ld = NULL;
}

/* libldap over GnuTLS has no words for a certificate that it does not believe. */
static const char *
words_for(const char *more)
{
	if (!more)
		return "";
	return bytes_equal(bytes_text(more), BYTES("(unknown error code)")) ? "is its certificate one that `ca` signed, and for that name?" : more;
}

int
ldap_wire_explain(const struct ldap_wire *w, const char *server, const char *at, int code, struct fault *f)
{
	char *more = NULL;

	if (code == LDAP_TIMEOUT)
		return fault_set(f, FAULT_TEMP, "%s: %s: no answer within %lld s", server, at,
			(long long)(w->settings->timeout_us / SECOND_US));
	if (w->ld)
		(void)ldap_get_option(w->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	fault_set(f, FAULT_TEMP, "%s: %s: %s%s%s", server, at, ldap_err2string(code), more && *more ? ": " : "", words_for(more));
	ldap_memfree(more);
	return -1;
}
