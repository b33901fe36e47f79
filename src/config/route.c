#include "config/route.h"

#include <string.h>

/* Longer than any domain, and than any local part. */
enum { CLOSE = 4096 };

/* Of an ADDRESS; the more of the local part it has, the closer. */
static size_t
closeness_of_address(const struct config *c, struct bytes pattern, struct bytes address)
{
	size_t at = bytes_find_last_char(pattern, '@'), end = bytes_find_last_char(address, '@');

	if (bytes_equal_nocase(pattern, address))
		return 2 * CLOSE;
	if (at >= end || bytes_find_char(c->recipient_delimiter, address.ptr[at]) == c->recipient_delimiter.len)
		return 0;
	return bytes_equal_nocase(bytes_sub(pattern, 0, at), bytes_sub(address, 0, at)) &&
			bytes_equal_nocase(bytes_sub(pattern, at, pattern.len), bytes_sub(address, end, address.len)) ?
		CLOSE + at : 0;
}

/* How close the pattern is: 0 when it does not fit. */
static size_t
closeness(const struct config *c, struct bytes pattern, struct bytes address, struct bytes domain)
{
	if (bytes_find_char(pattern, '@') < pattern.len)
		return closeness_of_address(c, pattern, address);
	if (bytes_equal(pattern, BYTES("*")))
		return 1;
	if (pattern.ptr[0] == '.')
		return domain.len > pattern.len && bytes_ends_nocase(domain, pattern) ? 1 + pattern.len : 0;
	return bytes_equal_nocase(pattern, domain) ? CLOSE - 1 : 0;
}

static const struct config_route *
find_closest(const struct config *c, const struct config_route *routes, size_t count, struct bytes address)
{
	size_t at = bytes_find_last_char(address, '@'), best = 0;
	struct bytes domain = bytes_sub(address, at + 1, address.len);
	const struct config_route *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t close = closeness(c, routes[i].pattern, address, domain);

		if (close > best) {
			best = close;
			found = &routes[i];
		}
	}
	return found;
}

const struct config_route *
config_find_route(const struct config *c, struct bytes address)
{
	return find_closest(c, c->routes, c->route_count, address);
}

const struct config_route *
config_find_sender_route(const struct config *c, struct bytes sender)
{
	return find_closest(c, c->sender_routes, c->sender_route_count, sender);
}

bool
config_route_is_for_rest(const struct config_route *route)
{
	return bytes_equal(route->pattern, BYTES("*"));
}

const struct config_relayed *
config_find_relayed(const struct config *c, struct bytes domain)
{
	for (size_t i = 0; i < c->relayed_count; i++)
		if (bytes_equal_nocase(c->relayed[i].domain, domain))
			return &c->relayed[i];
	return NULL;
}

bool
config_has_domain(const struct config *c, struct bytes domain)
{
	for (size_t i = 0; i < c->domains.count; i++)
		if (bytes_equal_nocase(c->domains.at[i], domain))
			return true;
	return false;
}

bool
config_network_has(const struct config_network *n, const uint8_t *octets)
{
	unsigned int whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->octets, octets, whole) != 0)
		return false;
	return rest == 0 || (n->octets[whole] ^ octets[whole]) >> (8 - rest) == 0;
}

bool
config_trusts(const struct config *c, const uint8_t *octets, size_t count)
{
	for (size_t i = 0; i < c->trusted_network_count; i++)
		if (c->trusted_networks[i].octet_count == count && config_network_has(&c->trusted_networks[i], octets))
			return true;
	return false;
}
