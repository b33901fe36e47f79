#include "role/queue/route.h"

#include "config/route.h"

static enum ipc_hop
protocol_of(enum config_route_kind kind)
{
	if (kind == ROUTE_LMTP)
		return HOP_LMTP;
	return kind == ROUTE_SMTP ? HOP_SMTP : HOP_MX;
}

const struct config_route *
route_find(const struct config *c, struct bytes sender, struct bytes address, struct domain *space, struct hop *out)
{
	size_t at = bytes_find_last_char(address, '@');
	/* What is longer than any domain is none; it only has to fit where a host does. */
	struct bytes written = bytes_sub(address, at + 1, DOMAIN_OCTETS_MAX);
	struct bytes domain = domain_fold(written, space) ? domain_bytes(space) : written;
	const struct config_route *route = config_find_way(c, sender, address, domain);

	*out = (struct hop){ .kind = HOP_KIND_MAILBOXES };
	if (route && route->kind == ROUTE_REFUSE)
		*out = (struct hop){ .kind = HOP_KIND_NOBODY };
	else if (route && route->kind != ROUTE_MAILBOXES)
		*out = (struct hop){ .kind = HOP_KIND_RELAY, .protocol = protocol_of(route->kind), .port = route->port, .host = route->host };
	else if (!route && !config_has_domain(c, domain))
		*out = (struct hop){ .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = domain };
	return route;
}

bool
route_to_target(struct bytes target, struct hop *out)
{
	struct config_route route = { .port = 0 };

	if (config_read_target(target, &route) || route.kind == ROUTE_MAILBOXES)
		return false;
	*out = (struct hop){ .kind = HOP_KIND_RELAY, .protocol = protocol_of(route.kind), .port = route.port, .host = route.host };
	return true;
}
