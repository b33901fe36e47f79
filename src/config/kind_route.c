#include "config/kind.h"

#include "config/name.h"
#include "config/route.h"
#include "sys/net.h"

/* Where mail for others goes: routes, and whose mail is taken for others without a log-in. */

enum { ROUTES_MAX = 10000, NETWORKS_MAX = 1000 };

static bool
keep(struct config_reading *r, struct bytes text, const struct config_place *at, struct bytes *out)
{
	return arena_copy(r->config->arena, text, out) || kind_full(r, at);
}

/* "*", ".DOMAIN", DOMAIN, ADDRESS. */
static const char *
pattern_trouble(struct bytes pattern)
{
	struct bytes rest = pattern;

	if (bytes_equal(pattern, BYTES("*")))
		return NULL;
	if (bytes_find_char(pattern, '@') < pattern.len)
		return name_address_trouble(pattern);
	(void)take_char(&rest, '.');
	return name_domain_trouble(rest);
}

static bool
is_literal(struct bytes host)
{
	struct net_address ignored;

	return !bytes_equal(host, BYTES("*")) && net_address_parse(host, 25, &ignored, NULL) == 0;
}

/* HOST, HOST:PORT, [IPv6]:PORT, and [HOST]:PORT as others write it; brackets are left out. */
static const char *
split_host(struct bytes text, struct config_route *out)
{
	struct bytes rest = text;
	bool is_bracketed = take_char(&rest, '[');
	uint64_t port = 0;

	out->host = take_until(&rest, is_bracketed ? ']' : ':');
	if (is_bracketed && rest.len > 0 && !take_char(&rest, ':'))
		return "after \"]\" comes \":\" and the port";
	if (rest.len > 0 && (!take_number(&rest, 65535, &port) || rest.len > 0 || port == 0))
		return "the port is a number from 1 to 65535; an IPv6 address stands in brackets";
	out->port = (uint16_t)port;
	return is_literal(out->host) ? NULL : name_host_trouble(out->host);
}

static const struct {
	struct bytes word;
	enum config_route_kind kind;
} prefixes[] = {
	{ BYTES_INIT("lmtp:"), ROUTE_LMTP },
	{ BYTES_INIT("mx:"), ROUTE_MX },
	{ BYTES_INIT(""), ROUTE_SMTP },
};

const char *
config_read_target(struct bytes text, struct config_route *out)
{
	size_t i = 0;

	if (bytes_equal(text, BYTES("mailboxes"))) {
		out->kind = ROUTE_MAILBOXES;
		return NULL;
	}
	while (!take_text(&text, prefixes[i].word))
		i++;
	out->kind = prefixes[i].kind;
	return split_host(text, out);
}

/* RFC 5321 4.2, RFC 6531 3.7.4.2: a reply is one line of ASCII; octets beyond it are for clients that asked for them. */
static const char *
read_refusal(struct bytes text, struct config_route *out)
{
	out->kind = ROUTE_REFUSE;
	out->text = text;
	if (text.len == 0 || text.len > 400)
		return "a sentence for the sender is needed, of 400 octets at most";
	if (!bytes_is_ascii(text))
		return "the sentence can have letters of ASCII only, without accents, since it goes into a reply of SMTP";
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] == 127)
			return "a sentence is needed, on one line";
	return NULL;
}

static const char *
read_route(const struct config_setting *s, struct config_route *out)
{
	const struct config_value *v = s->values;
	const char *trouble = pattern_trouble(v[0].text);

	if (trouble)
		return trouble;
	if (!bytes_equal(v[1].text, BYTES("to")))
		return "it is written: route PATTERN to TARGET;";
	if (bytes_equal(v[2].text, BYTES("error")))
		return read_refusal(s->count > 3 ? v[3].text : BYTES_NONE, out);
	return s->count > 3 ? "only error has a sentence behind it" : config_read_target(v[2].text, out);
}

/* A sender is refused where he speaks, and everybody's mail is what `route *` is for. */
static const char *
read_sender_route(const struct config_setting *s, struct config_route *out)
{
	const char *trouble = read_route(s, out);

	if (trouble)
		return trouble;
	if (bytes_equal(s->values[0].text, BYTES("*")))
		return "for everybody's mail it is: route * to HOST;";
	if (out->kind != ROUTE_SMTP && out->kind != ROUTE_MX)
		return "mail of a sender goes to a relay host: HOST, HOST:PORT, or mx:DOMAIN";
	return NULL;
}

static bool
add(struct config_reading *r, const struct config_setting *s, struct config_route made, struct config_route **routes, size_t *count)
{
	struct config *c = r->config;
	struct config_route *list;

	for (size_t i = 0; i < *count; i++)
		if (bytes_equal_nocase((*routes)[i].pattern, s->values[0].text))
			return config_error_add(r->errors, s->at, "there is a %s for %s already", s->directive->name,
				config_show(s->values[0].text).text);
	list = *count == ROUTES_MAX ? NULL : arena_grow(c->arena, *routes, *count, sizeof *list);
	if (!list)
		return kind_full(r, s->at);
	*routes = list;
	if (!keep(r, s->values[0].text, s->at, &made.pattern) || !keep(r, made.host, s->at, &made.host)
		|| !keep(r, made.text, s->at, &made.text) || !kind_keep_where(r, s->at, &made.where))
		return false;
	list[(*count)++] = made;
	return true;
}

bool
kind_read_route(struct config_reading *r, const struct config_setting *s)
{
	struct config_route made = { 0 };
	const char *trouble = read_route(s, &made);

	if (trouble)
		return config_error_add(r->errors, s->at, "route %s: %s", config_show(s->values[0].text).text, trouble);
	return add(r, s, made, &r->config->routes, &r->config->route_count);
}

bool
kind_read_sender_route(struct config_reading *r, const struct config_setting *s)
{
	struct config_route made = { 0 };
	const char *trouble = read_sender_route(s, &made);

	if (trouble)
		return config_error_add(r->errors, s->at, "sender_route %s: %s", config_show(s->values[0].text).text, trouble);
	return add(r, s, made, &r->config->sender_routes, &r->config->sender_route_count);
}

void
config_put_target(struct buf *out, const struct config_route *route)
{
	bool is_v6 = bytes_find_char(route->host, ':') < route->host.len;

	if (route->kind == ROUTE_REFUSE || route->kind == ROUTE_MAILBOXES) {
		put_text(out, route->kind == ROUTE_REFUSE ? "error" : "mailboxes");
		return;
	}
	put_text(out, route->kind == ROUTE_LMTP ? "lmtp:" : route->kind == ROUTE_MX ? "mx:" : "");
	put_text(out, is_v6 ? "[" : "");
	put_bytes(out, route->host);
	put_text(out, is_v6 ? "]" : "");
	if (route->port)
		put_format(out, ":%u", route->port);
}

static void
put_target(const struct config_route *route, struct buf *out)
{
	uint8_t space[400];
	struct buf text;

	buf_init_fixed(&text, space, sizeof space);
	config_put_target(&text, route);
	config_tree_put_value(out, buf_bytes(&text));
}

static void
put_routes(const struct config_route *routes, size_t count, const struct directive *d, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_route *route = &routes[i];

		kind_put_name(out, d);
		config_tree_put_value(out, route->pattern);
		put_text(out, " to ");
		put_target(route, out);
		if (route->kind == ROUTE_REFUSE) {
			put_char(out, ' ');
			config_tree_put_value(out, route->text);
		}
		put_text(out, ";\n");
	}
}

void
kind_put_route(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	put_routes(c->routes, c->route_count, d, out);
}

void
kind_put_sender_route(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	put_routes(c->sender_routes, c->sender_route_count, d, out);
}

/* ADDRESS or ADDRESS/BITS, without bits beyond those. */
static const char *
read_network(struct bytes text, struct config_network *out)
{
	struct bytes rest = text, host = take_until(&rest, '/');
	bool has_bits = host.len < text.len;
	struct net_address address;
	uint64_t bits;

	if (net_address_parse(host, 25, &address, NULL) == 0 && !bytes_equal(host, BYTES("*")))
		out->octet_count = (uint8_t)net_address_octets(&address, out->octets);
	if (out->octet_count == 0)
		return "a network is needed, such as 192.0.2.0/24 or 2001:db8::/32";
	bits = 8 * (uint64_t)out->octet_count;
	if (has_bits && (!take_number(&rest, bits, &bits) || rest.len > 0))
		return "behind \"/\" stands how many bits count: 32 at most, 128 of IPv6";
	if (bits < (out->octet_count == 4 ? 8 : 7))
		return "that is nearly everybody: anybody could send through this server";
	for (size_t i = bits; i < 8 * out->octet_count; i++)
		if (out->octets[i / 8] >> (7 - i % 8) & 1)
			return "bits are set behind those that count";
	out->bits = (uint8_t)bits;
	return NULL;
}

/* Those that nobody else's packets come from (RFC 6890), as octets and bits. */
static const struct config_network not_public[] = {
	{ .octets = { 10 }, .octet_count = 4, .bits = 8 },
	{ .octets = { 100, 64 }, .octet_count = 4, .bits = 10 },
	{ .octets = { 127 }, .octet_count = 4, .bits = 8 },
	{ .octets = { 169, 254 }, .octet_count = 4, .bits = 16 },
	{ .octets = { 172, 16 }, .octet_count = 4, .bits = 12 },
	{ .octets = { 192, 168 }, .octet_count = 4, .bits = 16 },
	{ .octets = { 0xfc }, .octet_count = 16, .bits = 7 },
	{ .octets = { 0xfe, 0x80 }, .octet_count = 16, .bits = 10 },
	{ .octets = { [15] = 1 }, .octet_count = 16, .bits = 128 },
};

static bool
is_public(const struct config_network *n)
{
	for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
		const struct config_network *p = &not_public[i];

		if (p->octet_count == n->octet_count && p->bits <= n->bits && config_network_has(p, n->octets))
			return false;
	}
	return true;
}

/* Addresses of IPv4, networks of 64 bits of IPv6. */
static uint64_t
size_of(const struct config_network *n)
{
	unsigned int unit = n->octet_count == 4 ? 32 : 64;

	return n->bits >= unit ? 1 : UINT64_C(1) << (unit - n->bits);
}

/* Are they more of the public addresses of a family than anybody has: a /8 of IPv4, of IPv6 a /20? */
static bool
are_everybody(const struct config *c, uint8_t octet_count)
{
	uint64_t most = octet_count == 4 ? UINT64_C(1) << (32 - 8) : UINT64_C(1) << (64 - 20), size = 0;

	for (size_t i = 0; i < c->trusted_network_count && size <= most; i++)
		if (c->trusted_networks[i].octet_count == octet_count && is_public(&c->trusted_networks[i]))
			size += size_of(&c->trusted_networks[i]);
	return size > most;
}

bool
kind_read_networks(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;

	for (size_t i = 0; i < s->count; i++) {
		const struct config_value *v = &s->values[i];
		struct config_network made = { 0 }, *list;
		const char *trouble = read_network(v->text, &made);

		if (trouble)
			return config_error_add(r->errors, &v->at, "trusted_networks %s: %s", config_show(v->text).text, trouble);
		list = c->trusted_network_count == NETWORKS_MAX ? NULL : arena_grow(c->arena, c->trusted_networks,
			c->trusted_network_count, sizeof *list);
		if (!list)
			return kind_full(r, &v->at);
		c->trusted_networks = list;
		if (!keep(r, v->text, &v->at, &made.text))
			return false;
		list[c->trusted_network_count++] = made;
		if (are_everybody(c, made.octet_count))
			return config_error_add(r->errors, &v->at, "trusted_networks %s: with what stands before it that is more of the Internet than "
				"anybody has (a /8, of IPv6 a /20): strangers could send through this server", config_show(v->text).text);
	}
	return true;
}

void
kind_put_networks(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	if (c->trusted_network_count == 0)
		return;
	kind_put_name(out, d);
	for (size_t i = 0; i < c->trusted_network_count; i++) {
		put_text(out, i ? " " : "");
		config_tree_put_value(out, c->trusted_networks[i].text);
	}
	put_text(out, ";\n");
}
