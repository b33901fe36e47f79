/* trusted_networks: whose mail is taken for others without a log-in. */
#include "config/kind.h"

#include "config/route.h"
#include "sys/net.h"

#include <string.h>

enum { NETWORKS_MAX = 1000 };
#define V4_MOST (UINT64_C(1) << (32 - 8))
#define V6_MOST (UINT64_C(1) << (64 - 20))

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
	if (has_bits && out->octet_count == 4 && bytes_find_char(host, ':') < host.len)
		return "that is of IPv4: write it so, such as 192.0.2.0/24";
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

/* Behind these of IPv6 stand all addresses of IPv4, which begin at that bit: NAT64 (RFC 6052 2.1; RFC 8215, of whose forms this is the one that hides
   most), 6to4 (RFC 3056 2). */
static const struct {
	struct config_network prefix;
	uint8_t begin;
} gates[] = {
	{ { .octets = { 0, 0x64, 0xff, 0x9b }, .octet_count = 16, .bits = 96 }, 96 },
	{ { .octets = { 0, 0x64, 0xff, 0x9b, 0, 1 }, .octet_count = 16, .bits = 48 }, 96 },
	{ { .octets = { 0x20, 0x02 }, .octet_count = 16, .bits = 16 }, 16 },
};

/* The addresses of IPv4 that are in it, whichever way; false: none. */
static bool
v4_of(const struct config_network *n, struct config_network *out)
{
	*out = *n;
	for (size_t i = 0; n->octet_count == 16 && i < sizeof gates / sizeof *gates; i++) {
		const struct config_network *p = &gates[i].prefix;
		bool is_inside = n->bits >= p->bits && config_network_has(p, n->octets);
		uint8_t begin = gates[i].begin, bits = n->bits > begin ? (uint8_t)(n->bits - begin) : 0;

		if (!is_inside && (n->bits > p->bits || !config_network_has(n, p->octets)))
			continue;
		*out = (struct config_network){ .octet_count = 4, .bits = bits < 32 ? bits : 32 };
		memcpy(out->octets, n->octets + begin / 8, 4);
		return true;
	}
	return n->octet_count == 4;
}

/* Are they more of the public addresses of a family than anybody has: a /8 of IPv4, of IPv6 a /20? */
static bool
are_everybody(const struct config *c)
{
	uint64_t v4 = 0, v6 = 0;
	struct config_network within;

	for (size_t i = 0; i < c->trusted_network_count && v4 <= V4_MOST && v6 <= V6_MOST; i++) {
		const struct config_network *n = &c->trusted_networks[i];

		if (v4_of(n, &within) && is_public(&within))
			v4 += size_of(&within);
		if (n->octet_count == 16 && is_public(n))
			v6 += size_of(n);
	}
	return v4 > V4_MOST || v6 > V6_MOST;
}

/* False: an error was added. */
static bool
read_one(struct config_reading *r, const struct config_value *v)
{
	struct config *c = r->config;
	struct config_network made = { 0 }, *list;
	const char *trouble = read_network(v->text, &made);
	bool were_everybody = are_everybody(c);

	if (trouble)
		return config_error_add(r->errors, &v->at, "trusted_networks %s: %s", config_show(v->text).text, trouble);
	list = c->trusted_network_count == NETWORKS_MAX ? NULL : arena_grow(c->arena, c->trusted_networks, c->trusted_network_count, sizeof *list);
	if (!list || !arena_copy(c->arena, v->text, &made.text))
		return kind_full(r, &v->at);
	c->trusted_networks = list;
	list[c->trusted_network_count++] = made;
	if (!were_everybody && are_everybody(c))
		return config_error_add(r->errors, &v->at, "trusted_networks %s: with what stands before it that is more of the Internet than "
			"anybody has (a /8, also as NAT64 and 6to4 write it, of IPv6 a /20): strangers could send through this server", config_show(v->text).text);
	return true;
}

bool
kind_read_networks(struct config_reading *r, const struct config_setting *s)
{
	bool is_good = true;

	for (size_t i = 0; i < s->count; i++)
		is_good &= read_one(r, &s->values[i]);
	return is_good;
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
