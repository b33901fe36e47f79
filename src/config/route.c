#include "config/route.h"

#include "config/name.h"

#include <string.h>

/* Longer than any domain, and than any local part. */
enum { CLOSE = 4096 };

/* Of an ADDRESS; the more of the local part it has, the closer. */
static size_t
closeness_of_address(const struct config *c, struct bytes pattern, struct bytes address)
{
	size_t at = bytes_find_last_char(pattern, '@'), end = bytes_find_last_char(address, '@');

	if (bytes_equal(pattern, address))
		return 2 * CLOSE;
	if (at >= end || bytes_find_char(c->recipient_delimiter, address.ptr[at]) == c->recipient_delimiter.len)
		return 0;
	return bytes_equal(bytes_sub(pattern, 0, at), bytes_sub(address, 0, at)) &&
			bytes_equal(bytes_sub(pattern, at, pattern.len), bytes_sub(address, end, address.len)) ?
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
	return bytes_equal(pattern, domain) ? CLOSE - 1 : 0;
}

static const struct config_route *
find_closest(const struct config *c, const struct config_route *routes, size_t count, struct bytes written)
{
	struct address space;
	struct bytes address = name_folded(written, &space);
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
	struct address space;
	struct bytes name = name_folded(domain, &space);

	for (size_t i = 0; i < c->relayed_count; i++)
		if (bytes_equal(c->relayed[i].domain, name))
			return &c->relayed[i];
	return NULL;
}

const struct config_route *
config_find_way(const struct config *c, struct bytes sender, struct bytes address, struct bytes domain)
{
	const struct config_route *route = config_find_route(c, address), *of_sender;

	if (route && !config_route_is_for_rest(route))
		return route;
	if (config_has_domain(c, domain) || config_find_relayed(c, domain))
		return NULL;
	of_sender = config_find_sender_route(c, sender);
	return of_sender ? of_sender : route;
}

/* status-code = class "." subject "." detail      RFC 3463 2; its class, or 0 when the text does not begin with one of a failure. */
static uint8_t
class_of(struct bytes text)
{
	uint64_t subject, detail;
	uint8_t class = text.len ? text.ptr[0] : 0;

	if ((!take_text(&text, BYTES("5.")) && !take_text(&text, BYTES("4."))) || !take_number(&text, 999, &subject) || !take_char(&text, '.'))
		return 0;
	return take_number(&text, 999, &detail) && take_char(&text, ' ') ? class : 0;
}

void
config_put_refusal(struct buf *out, const struct config_route *route)
{
	uint8_t class = class_of(route->text);

	put_text(out, class == '4' ? "450 " : class == '5' ? "550 " : "550 5.7.1 ");
	put_bytes(out, route->text);
}

bool
config_is_refusal_for_now(const struct config_route *route)
{
	return class_of(route->text) == '4';
}

bool
config_has_domain(const struct config *c, struct bytes domain)
{
	struct address space;
	struct bytes name = name_folded(domain, &space);

	for (size_t i = 0; i < c->domains.count; i++)
		if (bytes_equal(c->domains.at[i], name))
			return true;
	return false;
}

bool
config_listens_at(const struct config *c, uint16_t port)
{
	for (size_t i = 0; i < c->listener_count; i++) {
		struct bytes at = c->listeners[i].address, number = bytes_sub(at, bytes_find_last_char(at, ':') + 1, at.len);
		uint64_t own;

		if (c->listeners[i].service <= SERVICE_SUBMISSIONS && take_number(&number, UINT16_MAX, &own) && own == port)
			return true;
	}
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
