#include "config/kind.h"

#include "config/name.h"
#include "config/route.h"
#include "sys/net.h"

#include <string.h>

/* Where mail for others goes. */

enum { ROUTES_MAX = 10000 };

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
	if (bytes_starts(pattern, BYTES("*@")))
		return "a domain alone stands for all its addresses";
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
	if (!is_bracketed && bytes_find_char(rest, ':') < rest.len)
		return "an IPv6 address stands in brackets, such as [2001:db8::1]:25";
	if (rest.len > 0 && (!take_number(&rest, 65535, &port) || rest.len > 0 || port == 0))
		return "the port is a number from 1 to 65535";
	out->port = (uint16_t)port;
	return is_literal(out->host) ? NULL : name_host_trouble(out->host);
}

const char *
kind_host_trouble(struct bytes *host)
{
	struct config_route made = { 0 };
	bool is_bare_v6 = bytes_find_char(*host, ':') != bytes_find_last_char(*host, ':') && !bytes_starts(*host, BYTES("["));
	const char *trouble;

	if (is_bare_v6 && is_literal(*host))
		return NULL;
	trouble = split_host(*host, &made);
	if (trouble)
		return trouble;
	if (made.port)
		return "the host stands here without its port";
	*host = made.host;
	return NULL;
}

bool
kind_is_same_host(struct bytes a, struct bytes b)
{
	struct net_address of_a, of_b;

	if (bytes_equal_nocase(a, b))
		return true;
	if (bytes_find_char(a, ':') == a.len || bytes_find_char(b, ':') == b.len)
		return false;
	return net_address_parse(a, 25, &of_a, NULL) == 0 && net_address_parse(b, 25, &of_b, NULL) == 0 &&
		memcmp(&of_a.storage, &of_b.storage, sizeof of_a.storage) == 0;
}

static const struct {
	struct bytes word;
	enum config_route_kind kind;
} prefixes[] = {
	{ BYTES_INIT("lmtp:"), ROUTE_LMTP },
	{ BYTES_INIT("mx:"), ROUTE_MX },
	{ BYTES_INIT(""), ROUTE_SMTP },
};

/* What is meant by how Postfix writes it; `text` is what is left to read. */
static const char *
read_foreign(struct bytes *text)
{
	struct bytes rest = *text;

	(void)take_text(&rest, BYTES("lmtp:"));
	if (bytes_starts(rest, BYTES("unix:")))
		return "the relay sees no files, and so no such socket: have it listen on 127.0.0.1 too, and write lmtp:127.0.0.1:24";
	if (take_text(text, BYTES("smtp:")) && !bytes_starts(*text, BYTES("[")))
		return "smtp:DOMAIN of Postfix is written mx:DOMAIN, and smtp:[HOST]:PORT is HOST:PORT";
	return NULL;
}

const char *
config_read_target(struct bytes text, struct config_route *out)
{
	const char *trouble = read_foreign(&text);
	size_t i = 0;

	if (trouble)
		return trouble;
	if (bytes_equal(text, BYTES("mailboxes"))) {
		out->kind = ROUTE_MAILBOXES;
		return NULL;
	}
	while (!take_text(&text, prefixes[i].word))
		i++;
	out->kind = prefixes[i].kind;
	trouble = split_host(text, out);
	if (!trouble && out->kind == ROUTE_MX && is_literal(out->host))
		return "behind mx: stands a domain, which has MX hosts; the address of a host stands alone";
	return trouble;
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

/* About the value of that index; true: nothing is wrong. */
static bool
is_right(struct config_reading *r, const struct config_setting *s, size_t index, const char *trouble)
{
	return !trouble || config_error_add(r->errors, &s->values[index].at, "%s %s: %s", s->directive->name, config_show(s->values[0].text).text, trouble);
}

static bool
read_route(struct config_reading *r, const struct config_setting *s, struct config_route *out)
{
	const struct config_value *v = s->values;
	bool is_good = is_right(r, s, 0, pattern_trouble(v[0].text));

	if (!bytes_equal(v[1].text, BYTES("to")))
		return is_right(r, s, 1, "it is written: route PATTERN to TARGET;");
	if (bytes_equal(v[2].text, BYTES("error")))
		return is_right(r, s, s->count > 3 ? 3 : 2, read_refusal(s->count > 3 ? v[3].text : BYTES_NONE, out)) && is_good;
	if (s->count > 3)
		return is_right(r, s, 3, "only error has a sentence behind it");
	return is_right(r, s, 2, config_read_target(v[2].text, out)) && is_good;
}

/* A sender is refused where he speaks, and everybody's mail is what `route *` is for. */
static bool
read_sender_route(struct config_reading *r, const struct config_setting *s, struct config_route *out)
{
	if (!read_route(r, s, out))
		return false;
	if (bytes_equal(s->values[0].text, BYTES("*")))
		return is_right(r, s, 0, "for everybody's mail it is: route * to HOST;");
	if (out->kind != ROUTE_SMTP && out->kind != ROUTE_MX)
		return is_right(r, s, 2, "mail of a sender goes to a relay host: HOST, HOST:PORT, or mx:DOMAIN");
	return true;
}

static bool
add(struct config_reading *r, const struct config_setting *s, struct config_route made, struct config_route **routes, size_t *count)
{
	struct config *c = r->config;
	struct config_route *list;
	struct address space;
	struct bytes pattern = name_folded(s->values[0].text, &space);

	for (size_t i = 0; i < *count; i++)
		if (bytes_equal((*routes)[i].pattern, pattern))
			return config_error_add(r->errors, &s->values[0].at, "there is a %s for %s already", s->directive->name,
				config_show(s->values[0].text).text);
	list = *count == ROUTES_MAX ? NULL : arena_grow(c->arena, *routes, *count, sizeof *list);
	if (!list)
		return kind_full(r, s->at);
	*routes = list;
	if (!keep(r, pattern, s->at, &made.pattern) || !keep(r, made.host, s->at, &made.host)
		|| !keep(r, made.text, s->at, &made.text) || !kind_keep_where(r, s->at, &made.where))
		return false;
	list[(*count)++] = made;
	return true;
}

bool
kind_read_route(struct config_reading *r, const struct config_setting *s)
{
	struct config_route made = { 0 };

	if (!read_route(r, s, &made))
		return false;
	return add(r, s, made, &r->config->routes, &r->config->route_count);
}

bool
kind_read_sender_route(struct config_reading *r, const struct config_setting *s)
{
	struct config_route made = { 0 };

	if (!read_sender_route(r, s, &made))
		return false;
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
