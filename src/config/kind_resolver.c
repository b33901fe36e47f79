/* resolver ADDRESS[:PORT] [trusted]; in a slice also "system": not written in the file. */
#include "config/kind.h"

#include "sys/net.h"

#include <string.h>

enum { PORT = 53, SYSTEM_RESOLVERS_MAX = 3 /* resolv.conf(5): MAXNS */ };

/* The address as it is printed, port and all; false: it is none that can be asked. */
static bool
complete_address(struct bytes text, struct buf *out)
{
	struct net_address address;

	if (net_address_parse(text, PORT, &address, NULL) || address.storage.ss_family == AF_UNSPEC)
		return false;
	net_put_address(out, &address);
	return true;
}

static bool
is_there(const struct config *c, struct bytes address)
{
	for (size_t i = 0; i < c->resolver_count; i++)
		if (bytes_equal(c->resolvers[i].address, address))
			return true;
	return false;
}

static bool
add(struct config *c, struct config_resolver made)
{
	struct config_resolver *list = arena_grow(c->arena, c->resolvers, c->resolver_count, sizeof *list);

	if (!list || !arena_copy(c->arena, made.address, &made.address))
		return false;
	list[c->resolver_count++] = made;
	c->resolvers = list;
	return true;
}

static bool
read_words(struct config_reading *r, const struct config_setting *s, struct config_resolver *made)
{
	for (size_t i = 1; i < s->count; i++) {
		struct bytes word = s->values[i].text;

		if (bytes_equal(word, BYTES("trusted")) && !made->is_trusted)
			made->is_trusted = true;
		else if (r->is_slice && bytes_equal(word, BYTES("system")))
			made->is_of_system = true;
		else
			return config_error_add(r->errors, &s->values[i].at, "resolver: behind the address stands \"trusted\" or nothing");
	}
	return true;
}

bool
kind_read_resolver(struct config_reading *r, const struct config_setting *s)
{
	const struct config_value *v = &s->values[0];
	struct config_resolver made = { .is_trusted = false };
	char text[NET_TEXT_MAX];
	struct buf address;

	buf_init_fixed(&address, text, sizeof text);
	if (!complete_address(v->text, &address))
		return config_error_add(r->errors, &v->at,
			"resolver %s: an address is needed, such as 127.0.0.1 or [2001:db8::1], with :PORT or without",
			config_show(v->text).text);
	made.address = buf_bytes(&address);
	if (is_there(r->config, made.address))
		return config_error_add(r->errors, &v->at, "resolver %s is there already", config_show(v->text).text);
	if (r->config->resolver_count == CONFIG_RESOLVERS_MAX)
		return config_error_add(r->errors, s->at, "there are %d resolvers at most", CONFIG_RESOLVERS_MAX);
	return read_words(r, s, &made) && (add(r->config, made) || kind_full(r, s->at));
}

void
kind_put_resolver(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	for (size_t i = 0; i < c->resolver_count; i++) {
		const struct config_resolver *at = &c->resolvers[i];

		if (at->is_of_system && form == CONFIG_FORM_SHOWN)
			continue;
		kind_put_name(out, d);
		config_tree_put_value(out, at->address);
		put_text(out, at->is_trusted ? " trusted" : "");
		put_text(out, at->is_of_system ? " system" : "");
		put_text(out, ";\n");
	}
}

/* A word of a line of resolv.conf(5); empty at its end. */
static struct bytes
take_word(struct bytes *line)
{
	size_t len = 0;

	take_spaces(line);
	while (len < line->len && line->ptr[len] != ' ' && line->ptr[len] != '\t')
		len++;
	struct bytes word = bytes_sub(*line, 0, len);
	*line = bytes_sub(*line, len, line->len);
	return word;
}

/* Addresses stand without brackets and port there.  Those with a zone (fe80::1%eth0) are left out. */
static void
add_of_system(struct config *c, struct bytes host)
{
	char text[NET_TEXT_MAX], bracketed[NET_TEXT_MAX + 2];
	struct buf address, host_and_brackets;
	bool is_ipv6 = bytes_find_char(host, ':') < host.len;

	buf_init_fixed(&host_and_brackets, bracketed, sizeof bracketed);
	put_text(&host_and_brackets, is_ipv6 ? "[" : "");
	put_bytes(&host_and_brackets, host);
	put_text(&host_and_brackets, is_ipv6 ? "]" : "");
	buf_init_fixed(&address, text, sizeof text);
	if (host_and_brackets.has_failed || !complete_address(buf_bytes(&host_and_brackets), &address) ||
		is_there(c, buf_bytes(&address)) || c->resolver_count == SYSTEM_RESOLVERS_MAX)
		return;
	(void)add(c, (struct config_resolver){ .address = buf_bytes(&address), .is_of_system = true });
}

/* "options trust-ad": who wrote the file vouches for all of them. */
void
kind_add_system_resolvers(struct config *c, struct bytes resolv_conf)
{
	bool is_trusted = false;

	while (resolv_conf.len) {
		struct bytes line = take_until(&resolv_conf, '\n'), word = take_word(&line), option;

		if (bytes_equal(word, BYTES("nameserver")))
			add_of_system(c, take_word(&line));
		while (bytes_equal(word, BYTES("options")) && (option = take_word(&line)).len)
			is_trusted |= bytes_equal(option, BYTES("trust-ad"));
	}
	if (c->resolver_count == 0)
		add_of_system(c, BYTES("127.0.0.1"));
	for (size_t i = 0; i < c->resolver_count; i++)
		c->resolvers[i].is_trusted = is_trusted;
}
