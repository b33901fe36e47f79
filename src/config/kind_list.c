#include "config/kind.h"

#include "config/name.h"
#include "config/near.h"
#include "config/route.h"
#include "sys/net.h"

#include <stdio.h>

static const struct {
	const char *name;
	uint16_t port; /* 0: listens on a socket file */
} services[] = {
	[SERVICE_SMTP] = { "smtp", 25 },
	[SERVICE_SUBMISSION] = { "submission", 587 },
	[SERVICE_SUBMISSIONS] = { "submissions", 465 },
	[SERVICE_IMAP] = { "imap", 143 },
	[SERVICE_IMAPS] = { "imaps", 993 },
	[SERVICE_AUTH] = { "auth", 0 },
	[SERVICE_AUTH_USERDB] = { "auth-userdb", 0 },
	[SERVICE_LOCAL] = { "local", 0 },
};

enum { SERVICES = sizeof services / sizeof services[0] };

uint16_t
kind_default_port(enum ipc_service service)
{
	return services[service].port;
}

const char *
kind_service_name(enum ipc_service service)
{
	return services[service].name;
}

enum ipc_service
kind_service_by_name(struct bytes name)
{
	for (unsigned int i = 0; i < SERVICES; i++)
		if (bytes_equal(bytes_text(services[i].name), name))
			return (enum ipc_service)i;
	return SERVICE_COUNT;
}

/* Makes room for one more in a list of the configuration and in the list of places beside it. */
static void *
list_add(struct config_reading *r, void *list, size_t count, size_t size, struct config_place **places,
	const struct config_place *at)
{
	struct config_place *grown = arena_grow(r->config->arena, *places, count, sizeof *grown);
	void *out = grown ? arena_grow(r->config->arena, list, count, size) : NULL;

	if (!out) {
		(void)kind_full(r, at);
		return NULL;
	}
	*places = grown;
	grown[count] = *at;
	return out;
}

static bool
keep(struct config_reading *r, struct bytes text, const struct config_place *at, struct bytes *out)
{
	return arena_copy(r->config->arena, text, out) || kind_full(r, at);
}

static bool
read_domain(struct config_reading *r, const struct config_value *v)
{
	struct config_texts *domains = &r->config->domains;
	const char *trouble = name_domain_trouble(v->text);
	struct address space;
	struct bytes *list;

	if (trouble)
		return config_error_add(r->errors, &v->at, "domain %s: %s", config_show(v->text).text, trouble);
	if (config_has_domain(r->config, v->text))
		return config_error_add(r->errors, &v->at, "domain %s is there already", config_show(v->text).text);
	list = list_add(r, domains->at, domains->count, sizeof *list, &r->domain_at, &v->at);
	if (!list || !keep(r, name_folded(v->text, &space), &v->at, &list[domains->count]))
		return false;
	domains->at = list;
	domains->count++;
	return true;
}

bool
kind_read_domains(struct config_reading *r, const struct config_setting *s)
{
	bool is_good = true;

	for (size_t i = 0; i < s->count; i++)
		is_good &= read_domain(r, &s->values[i]);
	return is_good;
}

void
kind_put_domains(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	for (size_t i = 0; i < c->domains.count; i++) {
		kind_put_name(out, d);
		config_tree_put_value(out, c->domains.at[i]);
		put_text(out, ";\n");
	}
}

/* ADDRESS[:PORT]: the address with its brackets, and the port or 0 when there is none. */
static const char *
split_port(struct bytes text, struct bytes *host, uint64_t *port)
{
	struct bytes rest = text;

	*port = 0;
	if (take_char(&rest, '[')) {
		(void)take_until(&rest, ']');
		*host = bytes_between(text, rest);
		if (rest.len > 0 && !take_char(&rest, ':'))
			return "after \"]\" comes \":\" and the port";
		if (bytes_between(text, rest).len == host->len)
			return NULL;
	} else {
		*host = take_until(&rest, ':');
		if (host->len == text.len)
			return NULL;
		if (bytes_find_char(rest, ':') < rest.len)
			return "an IPv6 address stands in brackets: [::1]:25";
	}
	if (!take_number(&rest, 65535, port) || rest.len > 0 || *port == 0)
		return "the port is a number from 1 to 65535";
	return NULL;
}

/* The address as net_listen takes it, the port always named; of a socket file, as it is. */
static const char *
complete_address(struct bytes text, enum ipc_service service, struct buf *out)
{
	struct net_address ignored;
	struct bytes host;
	uint64_t port;
	const char *trouble;

	if (services[service].port == 0) {
		put_bytes(out, text);
		return kind_unix_trouble(text);
	}
	trouble = config_unix_path(text).len > 0 ? "only auth and auth-userdb listen on a socket file" :
		split_port(text, &host, &port);
	if (trouble)
		return trouble;
	put_bytes(out, host);
	put_char(out, ':');
	put_number(out, port ? port : services[service].port);
	if (out->has_failed || net_address_parse(buf_bytes(out), 0, &ignored, NULL))
		return "an address is needed, such as *, 192.0.2.1 or [2001:db8::1], with :PORT or without";
	return NULL;
}

static bool
wrong_service(struct config_reading *r, const struct config_value *v)
{
	struct near best = { 0 };

	for (size_t i = 0; i < SERVICES; i++)
		near_try(&best, v->text, services[i].name);
	return config_error_add(r->errors, &v->at,
		"there is no service %s%s%s%s; there are smtp, submission, submissions, imap, imaps, auth, auth-userdb, local",
		config_show(v->text).text, best.name ? "; did you mean \"" : "", best.name ? best.name : "",
		best.name ? "\"?" : "");
}

static bool
is_port_of_every_address(struct bytes address, struct bytes other)
{
	size_t at = bytes_find_last_char(address, ':');

	return bytes_starts(address, BYTES("*:")) &&
		bytes_equal(bytes_sub(address, at, address.len), bytes_sub(other, bytes_find_last_char(other, ':'), other.len));
}

static bool
is_listened_on(struct config_reading *r, const struct config_value *v, struct bytes address)
{
	for (size_t i = 0; i < r->config->listener_count; i++) {
		struct bytes other = r->config->listeners[i].address;

		if (!bytes_equal(address, other) && !is_port_of_every_address(address, other) &&
			!is_port_of_every_address(other, address))
			continue;
		(void)config_error_add(r->errors, &v->at, "%s is taken already by the \"listen\" at %s:%u",
			config_show(address).text, r->listener_at[i].file, r->listener_at[i].line);
		return true;
	}
	return false;
}

bool
kind_read_listen(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	const struct config_value *v = &s->values[1];
	enum ipc_service service = kind_service_by_name(s->values[0].text);
	struct config_listener *list, made = { .service = service };
	char text[KIND_UNIX_ADDRESS_MAX];
	struct buf address;
	const char *trouble;

	if (service == SERVICE_COUNT)
		return wrong_service(r, &s->values[0]);
	buf_init_fixed(&address, text, sizeof text);
	trouble = complete_address(v->text, service, &address);
	if (trouble)
		return config_error_add(r->errors, &v->at, "listen %s: %s", config_show(v->text).text, trouble);
	if (c->listener_count == CONFIG_LISTENERS_MAX)
		return config_error_add(r->errors, s->at, "there are %d listeners at most", CONFIG_LISTENERS_MAX);
	if (is_listened_on(r, v, buf_bytes(&address)) || !kind_read_access(r, s, &made))
		return false;
	list = list_add(r, c->listeners, c->listener_count, sizeof *list, &r->listener_at, &v->at);
	if (!list || !keep(r, buf_bytes(&address), &v->at, &made.address))
		return false;
	list[c->listener_count++] = made;
	c->listeners = list;
	return true;
}

void
kind_put_listen(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	for (size_t i = 0; i < c->listener_count; i++) {
		kind_put_name(out, d);
		put_text(out, services[c->listeners[i].service].name);
		put_char(out, ' ');
		config_tree_put_value(out, c->listeners[i].address);
		kind_put_access(&c->listeners[i], out);
		put_text(out, ";\n");
	}
}

static bool
read_file_name(struct config_reading *r, const struct config_value *v, struct bytes *out)
{
	struct bytes path = v->text;
	const char *trouble;

	(void)take_text(&path, BYTES("file:"));
	trouble = name_path_trouble(path);
	if (trouble)
		return config_error_add(r->errors, &v->at, "certificate %s: %s", config_show(v->text).text, trouble);
	return keep(r, path, &v->at, out);
}

bool
kind_read_certificate(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct config_certificate made = { 0 }, *list;

	if (c->certificate_count == CONFIG_CERTIFICATES_MAX)
		return config_error_add(r->errors, s->at, "there are %d certificates at most", CONFIG_CERTIFICATES_MAX);
	if (!read_file_name(r, &s->values[0], &made.chain_path) || !read_file_name(r, &s->values[1], &made.key_path))
		return false;
	if (s->count == 4 && (!keep(r, s->values[2].text, s->at, &made.chain_pem) ||
		!keep(r, s->values[3].text, s->at, &made.secret_key_pem)))
		return false;
	list = list_add(r, c->certificates, c->certificate_count, sizeof *list, &r->certificate_at, s->at);
	if (!list)
		return false;
	list[c->certificate_count++] = made;
	c->certificates = list;
	return true;
}

void
kind_put_certificate(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	for (size_t i = 0; i < c->certificate_count; i++) {
		const struct config_certificate *at = &c->certificates[i];

		kind_put_name(out, d);
		config_tree_put_value(out, at->chain_path);
		put_char(out, ' ');
		config_tree_put_value(out, at->key_path);
		if (form == CONFIG_FORM_SLICE) {
			put_char(out, ' ');
			config_tree_put_value(out, at->chain_pem);
			put_char(out, ' ');
			config_tree_put_value(out, at->secret_key_pem);
		}
		put_text(out, ";\n");
	}
}
