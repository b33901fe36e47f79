#include "role/front/settings.h"

#include "base/memory.h"

#include <string.h>

static void
fill_smtp(struct settings *s, const struct config *config, enum ipc_service service, bool has_tls)
{
	for (int in_clear = 0; in_clear < 2; in_clear++)
		s->smtp[service][in_clear] = (struct smtp_settings){
			.hostname = bytes_text(s->hostname),
			.limits = {
				.command_line_octets_max = config->command_line_octets_max,
				.message_octets_max = config->message_octets_max,
				.recipients_max = config->recipients_max,
				.errors_max = config->errors_max,
				.refused_recipients_max = config->refused_recipients_max,
				.hops_max = config->hops_max,
			},
			.is_submission = service != SERVICE_SMTP,
			.offers_tls = has_tls && service != SERVICE_SUBMISSIONS,
			.is_tls_from_start = service == SERVICE_SUBMISSIONS,
			.hold_most_s = config->queue_hold_most_s,
			.offers_login = service != SERVICE_LOCAL,
			.may_login_in_clear = in_clear,
		};
}

static void
fill_imap(struct settings *s, const struct config *config, enum ipc_service service, bool has_tls)
{
	for (int in_clear = 0; in_clear < 2; in_clear++)
		s->imap[service][in_clear] = (struct imap_settings){
			.hostname = bytes_text(s->hostname),
			.limits = {
				.command_octets_max = config->imap_command_octets_max,
				.message_octets_max = config->message_octets_max,
				.errors_max = config->errors_max,
			},
			.offers_tls = has_tls && service != SERVICE_IMAPS,
			.is_tls_from_start = service == SERVICE_IMAPS,
			.may_login_in_clear = in_clear,
		};
}

struct settings *
settings_new(const struct config *config, struct tls_server *tls)
{
	struct settings *s = NEW(struct settings);
	bool has_tls = tls != NULL;

	s->users = 1;
	s->tls = tls;
	s->hostname = memory_new(config->hostname.len + 1);
	memcpy(s->hostname, config->hostname.ptr, config->hostname.len);
	s->plaintext_login = config->plaintext_login;
	s->request_timeout_ms = config->request_timeout_ms;
	s->smtp_timeout_s = config->smtp_timeout_s;
	s->imap_timeout_s = config->imap_timeout_s;
	s->login_timeout_s = config->login_timeout_s;
	s->login_failures_max = config->login_failures_max;
	s->hops_max = config->hops_max;
	s->message_octets_max = config->message_octets_max;
	fill_smtp(s, config, SERVICE_SMTP, has_tls);
	fill_smtp(s, config, SERVICE_SUBMISSION, has_tls);
	fill_smtp(s, config, SERVICE_SUBMISSIONS, has_tls);
	fill_smtp(s, config, SERVICE_LOCAL, false);
	fill_imap(s, config, SERVICE_IMAP, has_tls);
	fill_imap(s, config, SERVICE_IMAPS, has_tls);
	return s;
}

struct settings *
settings_share(struct settings *s)
{
	s->users++;
	return s;
}

void
settings_free(struct settings **s)
{
	struct settings *gone = *s;

	*s = NULL;
	if (!gone || --gone->users > 0)
		return;
	tls_server_free(&gone->tls);
	memory_free(gone->hostname);
	memory_free(gone);
}

bool
settings_may_login_in_clear(const struct settings *s, bool is_loopback)
{
	return s->plaintext_login == PLAINTEXT_LOGIN_YES ||
		(s->plaintext_login == PLAINTEXT_LOGIN_LOOPBACK && is_loopback);
}
