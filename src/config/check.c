/* What is wrong with a configuration as a whole, when each value by itself is right. */
#include "config/apply.h"

#include "config/name.h"
#include "config/route.h"
#include "config/unit.h"
#include "sys/net.h"
#include "sys/process.h"

#include <stdio.h>

enum { SRS_KEY_OCTETS_MIN = 16, LDAP_PORT = 389, USER_NAME_MAX = 64, TARGET_TEXT_MAX = 300 };

const char *
config_chain_trouble(struct bytes pem)
{
	if (bytes_find(pem, BYTES("-----BEGIN CERTIFICATE-----")) == pem.len)
		return "there is no certificate in it (PEM: \"-----BEGIN CERTIFICATE-----\")";
	if (bytes_find(pem, BYTES("-----END CERTIFICATE-----")) == pem.len)
		return "the certificate in it has no end (PEM: \"-----END CERTIFICATE-----\")";
	return NULL;
}

const char *
config_key_trouble(struct bytes pem)
{
	if (bytes_find(pem, BYTES("ENCRYPTED")) < pem.len)
		return "the key is protected by a passphrase, and nobody is there to type it";
	if (bytes_find(pem, BYTES("PRIVATE KEY-----")) == pem.len)
		return "there is no private key in it (PEM: \"-----BEGIN PRIVATE KEY-----\")";
	return NULL;
}

static void
missing(struct config_reading *r, const struct config_place *file, enum directive_id id, const char *sentence)
{
	if (!r->is_seen[id])
		(void)config_error_add(r->errors, file, "\"%s\" is missing: %s", directives[id].name, sentence);
}

static void
check_missing(struct config_reading *r, const struct config_place *file)
{
	missing(r, file, DIRECTIVE_hostname, "name this machine, such as: hostname mail.example.org;");
	missing(r, file, DIRECTIVE_domains, "name what mail is for, such as: domain example.org;");
	missing(r, file, DIRECTIVE_listeners, "say what to serve, such as: listen smtp *;");
	missing(r, file, DIRECTIVE_maildir_template, "say where mail goes, such as: mailboxes maildir /home/vmail/%d/%u/mailbox;");
}

static void
check_ldap(struct config_reading *r, const struct config_place *file)
{
	const struct config *c = r->config;
	const struct config_place *server = &r->seen_at[DIRECTIVE_ldap_servers];

	if (c->ldap_servers.count == 0) {
		const enum directive_id id = r->is_seen[DIRECTIVE_ldap_base] ? DIRECTIVE_ldap_base : DIRECTIVE_ldap_bind_dn;

		if (r->is_seen[id])
			(void)config_error_add(r->errors, &r->seen_at[id],
				"directory ldap: a server is missing, such as: server ldap://192.0.2.1;");
		return;
	}
	if (c->ldap_base.len == 0)
		(void)config_error_add(r->errors, r->is_seen[DIRECTIVE_ldap_servers] ? server : file,
			"directory ldap: \"base\" is missing: say where accounts are, such as: base dc=example,dc=org;");
}

/* ldap://HOST of this machine, which nobody listens in on. */
static bool
is_here(struct bytes server)
{
	struct bytes host = bytes_sub(server, sizeof "ldap://" - 1, server.len);
	struct net_address a;

	if (host.len && host.ptr[host.len - 1] == '/')
		host.len--;
	if (net_address_parse(host, LDAP_PORT, &a, NULL) == 0)
		return net_is_loopback(&a);
	return bytes_equal_nocase(take_until(&host, ':'), BYTES("localhost"));
}

static void
warn_of_clear_ldap(struct config_reading *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->ldap_servers.count && c->ldap_starttls == LDAP_TLS_NO; i++)
		if (bytes_starts_nocase(c->ldap_servers.at[i], BYTES("ldap://")) && !is_here(c->ldap_servers.at[i]))
			config_warning_add(r->errors, &r->ldap_server_at[i], "server %s: passwords go there and come from there in the clear, for everybody "
				"on the way; write starttls yes; or ldaps:// when the server can do TLS", config_show(c->ldap_servers.at[i]).text);
}

static bool
is_login_service(enum ipc_service service)
{
	return service == SERVICE_SUBMISSION || service == SERVICE_IMAP;
}

static void
check_listeners(struct config_reading *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->listener_count && c->certificate_count == 0; i++) {
		enum ipc_service service = c->listeners[i].service;
		const char *name = kind_service_name(service);

		if (service == SERVICE_IMAPS || service == SERVICE_SUBMISSIONS)
			(void)config_error_add(r->errors, &r->listener_at[i],
				"%s needs a certificate: certificate CHAIN-FILE KEY-FILE;", name);
		else if (is_login_service(service) && c->plaintext_login == PLAINTEXT_LOGIN_NO)
			(void)config_error_add(r->errors, &r->listener_at[i],
				"nobody could log in at %s here: there is no certificate, and plaintext_login is \"no\"", name);
	}
}

/* The path is the same file however it is written only when it is written the same; the server would say the rest. */
static void
check_socket_files(struct config_reading *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->listener_count; i++) {
		struct bytes path = config_unix_path(c->listeners[i].address);
		struct bytes name = bytes_sub(path, c->run_directory.len, path.len);

		if (bytes_starts(path, c->run_directory) &&
			(bytes_equal(name, BYTES("/directory.sock")) || bytes_equal(name, BYTES("/queue.sock"))))
			(void)config_error_add(r->errors, &r->listener_at[i], "%s is the socket of the command line",
				config_show(path).text);
	}
}

static void
check_template(struct config_reading *r)
{
	const struct config *c = r->config;
	struct config_place *at = &r->seen_at[DIRECTIVE_maildir_template];

	if (c->domains.count < 2 || c->maildir_template.len == 0 || name_template_has_domain(c->maildir_template))
		return;
	(void)config_error_add(r->errors, at,
		"accounts of the same name in %.*s and %.*s would share one mailbox: %%d is needed in it",
		BYTES_ARG(c->domains.at[0]), BYTES_ARG(c->domains.at[1]));
}

static void
check_relayed(struct config_reading *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->relayed_count; i++)
		if (config_has_domain(c, c->relayed[i].domain))
			(void)config_error_add(r->errors, &r->relayed_at[i], "relay_for %s: mail for a \"domain\" of this server stays here; "
				"of both, one has to go", config_show(c->relayed[i].domain).text);
}

/* Is a domain of this server among those that the pattern is about? */
static bool
has_own_domain(const struct config *c, struct bytes pattern)
{
	struct bytes domain = bytes_sub(pattern, bytes_find_last_char(pattern, '@') + 1, pattern.len);

	if (bytes_find_char(pattern, '@') == pattern.len)
		domain = pattern;
	if (domain.len == 0 || domain.ptr[0] != '.')
		return config_has_domain(c, domain);
	for (size_t i = 0; i < c->domains.count; i++)
		if (bytes_ends_nocase(c->domains.at[i], domain))
			return true;
	return false;
}

/* Of domains that only the directory has nothing is known here.  Mail for those that it has not the queue keeps until it is too old. */
static void
warn_of_foreign_mailboxes(struct config_reading *r)
{
	const struct config *c = r->config;
	char file[sizeof r->errors->at[0].file];

	for (size_t i = 0; i < c->route_count; i++) {
		const struct config_route *route = &c->routes[i];
		struct config_place at = { file, route->where.line, route->where.column };

		if (route->kind != ROUTE_MAILBOXES || has_own_domain(c, route->pattern))
			continue;
		(void)snprintf(file, sizeof file, "%.*s", BYTES_ARG(route->where.file));
		config_warning_add(r->errors, &at, "route %s to mailboxes: no \"domain\" line names it: right if your directory has it (mermoz domain), else mail for it "
			"waits until it is sent back; add it to \"domain\", or name a host", config_show(route->pattern).text);
	}
}

/* Only root can become another user.  One that nobody named is of `mermoz check`. */
static void
check_users(struct config_reading *r)
{
	static const enum directive_id ids[] = { DIRECTIVE_user_front, DIRECTIVE_user_directory, DIRECTIVE_user_store, DIRECTIVE_user_resolver, DIRECTIVE_user_queue,
		DIRECTIVE_user_relay };
	const struct config *c = r->config;
	const struct bytes names[] = { c->user_front, c->user_directory, c->user_store, c->user_resolver, c->user_queue, c->user_relay };

	for (size_t i = 0; process_is_root() && i < sizeof ids / sizeof *ids; i++) {
		char name[USER_NAME_MAX];

		(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(names[i]));
		if (r->is_seen[ids[i]] && !bytes_equal(names[i], bytes_text(directives[ids[i]].initial)) && !process_has_user(name))
			(void)config_error_add(r->errors, &r->seen_at[ids[i]], "there is no user \"%s\" on this system: adduser --system --group %s, or name another",
				name, name);
	}
}

static void
put_time(struct buf *out, const char *name, uint32_t time_s)
{
	put_format(out, "%s (", name);
	unit_put_time(out, (uint64_t)time_s * 1000);
	put_char(out, ')');
}

/* Of both times the one that was written. */
static void
warn_of_times(struct config_reading *r, enum directive_id id, uint32_t time_s, const char *relation, enum directive_id other, uint32_t other_s, const char *so)
{
	const struct config_place *at = &r->seen_at[r->is_seen[id] ? id : other];
	char text[200];
	struct buf sentence;

	buf_init_fixed(&sentence, text, sizeof text);
	put_time(&sentence, directives[id].name, time_s);
	put_text(&sentence, relation);
	put_time(&sentence, directives[other].name, other_s);
	config_warning_add(r->errors, at, "queue: %.*s: %s", BYTES_ARG(buf_bytes(&sentence)), so);
}

static void
check_queue(struct config_reading *r)
{
	const struct config *c = r->config;
	uint32_t first = c->queue_retry_first_s, most = c->queue_retry_most_s, lifetime = c->queue_lifetime_s, notice = c->queue_delay_notice_s;

	if (first > most)
		warn_of_times(r, DIRECTIVE_queue_retry_first_s, first, " is longer than ", DIRECTIVE_queue_retry_most_s, most, "that is the time between all tries");
	if (lifetime < first)
		warn_of_times(r, DIRECTIVE_queue_lifetime_s, lifetime, " is shorter than ", DIRECTIVE_queue_retry_first_s, first, "mail is tried once");
	if (r->is_seen[DIRECTIVE_queue_delay_notice_s] && notice >= lifetime)
		warn_of_times(r, DIRECTIVE_queue_delay_notice_s, notice, " is not shorter than ", DIRECTIVE_queue_lifetime_s, lifetime, "nobody is told that a mail is late");
}

/* Does it listen where the route leads?  is_here: that is this machine, by an address or a name of it. */
static bool
is_where(const struct config_listener *l, struct bytes target, bool is_here)
{
	struct bytes port = bytes_sub(l->address, bytes_find_last_char(l->address, ':'), l->address.len);
	struct net_address address;

	if (bytes_equal(l->address, target))
		return true;
	return is_here && bytes_ends_nocase(target, port) && (bytes_starts(l->address, BYTES("*:")) ||
		(bytes_starts_nocase(target, BYTES("localhost:")) && net_address_parse(l->address, 25, &address, NULL) == 0 && net_is_loopback(&address)));
}

static bool
is_own_service(const struct config *c, const struct config_route *route)
{
	const struct config_route whole = { .kind = ROUTE_SMTP, .host = route->host, .port = route->port ? route->port : 25 };
	char space[TARGET_TEXT_MAX];
	struct net_address address;
	struct buf target;
	bool is_here = net_address_parse(route->host, 25, &address, NULL) == 0 ? net_is_loopback(&address)
		: bytes_equal_nocase(route->host, BYTES("localhost")) || bytes_equal_nocase(route->host, c->hostname);

	buf_init_fixed(&target, space, sizeof space);
	config_put_target(&target, &whole);
	for (size_t i = 0; route->kind == ROUTE_SMTP && i < c->listener_count; i++)
		if ((c->listeners[i].service == SERVICE_SMTP || c->listeners[i].service == SERVICE_SUBMISSION) &&
			is_where(&c->listeners[i], buf_bytes(&target), is_here))
			return true;
	return false;
}

/* Mail would go round until it has `hops`. */
static void
check_loops(struct config_reading *r, const char *name, const struct config_route *routes, size_t count)
{
	char file[sizeof r->errors->at[0].file];

	for (size_t i = 0; i < count; i++) {
		const struct config_route *route = &routes[i];

		(void)snprintf(file, sizeof file, "%.*s", BYTES_ARG(route->where.file));
		if (is_own_service(r->config, route))
			(void)config_error_add(r->errors, &(struct config_place){ file, route->where.line, route->where.column },
				"%s %s: this server listens there itself, and the mail would come back; name another host, or mailboxes", name, config_show(route->pattern).text);
	}
}

static void
check_homes(struct config_reading *r)
{
	static const enum directive_id of_homes[] = { DIRECTIVE_homes, DIRECTIVE_ldap_home };
	const struct config *c = r->config;
	bool is_wanted = name_template_has_home(c->maildir_template);
	const char *trouble = c->homes.len ? name_homes_trouble(c->homes) : NULL;

	if (trouble)
		(void)config_error_add(r->errors, &r->seen_at[DIRECTIVE_homes], "homes: %s", trouble);
	else if (is_wanted && !r->is_seen[DIRECTIVE_homes])
		(void)config_error_add(r->errors, &r->seen_at[DIRECTIVE_maildir_template],
			"\"homes\" is missing: say below which directory homes (%%h) lie, such as: homes /home;");
	if (is_wanted || c->maildir_template.len == 0)
		return;
	for (size_t i = 0; i < sizeof of_homes / sizeof *of_homes; i++)
		if (r->is_seen[of_homes[i]])
			(void)config_error_add(r->errors, &r->seen_at[of_homes[i]],
				"no home is looked for: the template of \"mailboxes maildir\" does not begin with %%h");
}

static void
check_srs(struct config_reading *r)
{
	const struct config *c = r->config;
	const struct config_place *at = &r->seen_at[DIRECTIVE_srs_file];

	if (c->srs_domain.len && !config_has_domain(c, c->srs_domain))
		(void)config_error_add(r->errors, at, "srs: %s is no \"domain\" of this server, so that no report would find it",
			config_show(c->srs_domain).text);
	if (c->srs_secret_key.len && c->srs_secret_key.len < SRS_KEY_OCTETS_MIN)
		(void)config_error_add(r->errors, at, "srs: the key could be guessed: it has 16 characters at least, such as openssl rand -hex 32 makes");
}

static bool
is_ours(const struct config *c, struct bytes domain)
{
	struct bytes contact = c->tls_report_contact, of_contact = bytes_sub(contact, bytes_find_last_char(contact, '@') + 1, contact.len);
	bool is_of_a_domain = config_dkim_is_for(domain, c->hostname) || config_dkim_is_for(domain, of_contact);

	for (size_t i = 0; i < c->domains.count; i++)
		is_of_a_domain |= config_dkim_is_for(domain, c->domains.at[i]);
	return is_of_a_domain;
}

/* A key that never signs, unless only the directory has its domain.  Clients of trusted_networks may write from anywhere. */
static void
check_dkim(struct config_reading *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->dkim_count && c->hostname.len && c->trusted_network_count == 0; i++)
		if (!is_ours(c, c->dkim[i].domain))
			config_warning_add(r->errors, &r->dkim_at[i], "dkim: no \"domain\" line names %.*s, or what is below it: right if your directory has addresses there, else "
				"nothing comes from it (reports come from %.*s)", BYTES_ARG(c->dkim[i].domain), BYTES_ARG(c->hostname));
}

/* Certificates and aliases stand in it.  A role would not start. */
static void
check_slices(struct config_reading *r, const struct config_place *file)
{
	struct buf slice;

	for (enum role role = 0; role < ROLE_COUNT; role++) {
		buf_init(&slice, CONFIG_SLICE_MAX);
		config_put_slice(r->config, role, &slice);
		if (slice.has_failed)
			(void)config_error_add(r->errors, file, "%s can't be handed what it has to know: with the files that are named (aliases, certificates) "
				"it has more than %zu MiB", ipc_role_name(role), CONFIG_SLICE_MAX >> 20);
		buf_done_secret(&slice);
	}
}

/* RFC 8460 4.4: an addr-spec of RFC 5322. */
static void
check_tls_reports(struct config_reading *r)
{
	struct bytes contact = r->config->tls_report_contact;

	if (!bytes_is_ascii(contact))
		(void)config_error_add(r->errors, &r->seen_at[DIRECTIVE_tls_report_contact], "tls_report_contact: an address in ASCII is needed");
}

void
config_check(struct config_reading *r, const struct config_place *file)
{
	if (!r->is_partial) {
		check_missing(r, file);
		check_listeners(r);
		check_ldap(r, file);
	}
	check_socket_files(r);
	check_template(r);
	check_relayed(r);
	warn_of_clear_ldap(r);
	warn_of_foreign_mailboxes(r);
	check_srs(r);
	check_dkim(r);
	check_tls_reports(r);
	check_homes(r);
	check_users(r);
	check_queue(r);
	check_loops(r, "route", r->config->routes, r->config->route_count);
	check_loops(r, "sender_route", r->config->sender_routes, r->config->sender_route_count);
	if (r->errors->count == 0)
		check_slices(r, file);
}
