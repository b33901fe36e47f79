/* What sessions are told about their surroundings: made from the configuration, shared by the
   sessions that began under it, so that a reload changes nothing under a running session. */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include "config/config.h"
#include "proto/imap/session.h"
#include "proto/smtp/session.h"
#include "role/front/tls.h"

struct settings {
	size_t users;
	char *hostname;
	struct tls_server *tls; /* NULL: no certificate; then no session offers TLS */
	/* By service and by whether the client may log in without TLS. */
	struct smtp_settings smtp[SERVICE_COUNT][2];
	struct imap_settings imap[SERVICE_COUNT][2];
	enum config_plaintext_login plaintext_login;
	uint32_t request_timeout_ms;
	uint32_t smtp_timeout_s, imap_timeout_s, login_timeout_s;
	uint32_t login_failures_max;
	uint32_t hops_max;
	uint64_t message_octets_max;
};

/* Owned by one user: each settings_share wants its settings_free.  Takes tls over, which may be NULL: what a session offered it can give, whatever a reload did meanwhile. */
struct settings *settings_new(const struct config *config, struct tls_server *tls);
struct settings *settings_share(struct settings *s);
/* Sets *s to NULL; *s may be NULL. */
void settings_free(struct settings **s);
/* May a client log in without TLS?  is_loopback: it is on this host. */
bool settings_may_login_in_clear(const struct settings *s, bool is_loopback);

#endif
