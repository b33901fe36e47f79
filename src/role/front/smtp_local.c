/* `listen local`: programs of this machine send mail as the user that runs them, whom the kernel names (SO_PEERCRED); there is no password and nothing
   that a program could say of itself.  Root and trusted_users send with any address of our domains, or none (reports); everybody else as
   USER@ the first domain. */
#include "role/front/smtp_client_internal.h"

#include "config/address.h"
#include "config/route.h"

enum { TEXT_OCTETS_MAX = 200 };

struct local_program {
	struct bytes user, address;
	bool is_trusted;
};

static bool
put_identity(struct smtp_client *c, const struct config_local_user *user, struct bytes domain, struct local_program *p)
{
	uint8_t space[SMTP_PATH_OCTETS_MAX];
	struct buf address;

	buf_init_fixed(&address, space, sizeof space);
	put_bytes(&address, user->name);
	put_char(&address, '@');
	put_bytes(&address, domain);
	p->is_trusted = user->is_trusted;
	return !address.has_failed && arena_copy(c->identity, user->name, &p->user) &&
		arena_copy(c->identity, buf_bytes(&address), &p->address);
}

static void
shut_unknown(struct smtp_client *c, bool is_known, uint32_t uid)
{
	char space[TEXT_OCTETS_MAX];
	struct buf text;

	buf_init_fixed(&text, space, sizeof space);
	if (is_known)
		put_format(&text, "The user with the number %u was not in /etc/passwd when the server read it; have it reload", uid);
	else
		put_text(&text, "Nobody knows who runs this program");
	smtp_session_shut(c->session, buf_bytes(&text));
}

struct local_program *
smtp_local_new(struct smtp_client *c)
{
	const struct config *config = smtp_client_front(c)->config;
	struct local_program *p = arena_take(c->identity, sizeof *p);
	const struct config_local_user *user = NULL;
	uint32_t uid = 0;
	bool is_known = connection_peer_user(c->connection, &uid);

	if (is_known)
		user = config_find_local_user(config, uid);
	if (!p || !user || config->domains.count == 0 || !put_identity(c, user, config->domains.at[0], p)) {
		shut_unknown(c, is_known, uid);
		return NULL;
	}
	smtp_session_is_of(c->session, p->address);
	return p;
}

enum smtp_answer
smtp_local_may_send(const struct smtp_client *c, struct bytes address)
{
	const struct local_program *p = c->local;
	size_t at = bytes_find_last_char(address, '@');
	struct bytes domain = bytes_sub(address, at + 1, address.len);

	if (!p->is_trusted)
		return address_equal(address, p->address) ? SMTP_ANSWER_OK : SMTP_ANSWER_NOT_YOURS;
	return address.len == 0 || config_has_domain(smtp_client_front(c)->config, domain) ? SMTP_ANSWER_OK : SMTP_ANSWER_NOT_YOURS;
}

struct bytes
smtp_local_user(const struct smtp_client *c)
{
	return c->local->user;
}
