#include "role/directory/onward.h"

#include "config/route.h"

struct onward {
	struct config config; /* its routes, its delimiters and what it relays for; nothing else */
};

static bool
keep_routes(struct arena *arena, const struct config *from, struct config *to)
{
	to->routes = from->route_count ? arena_take(arena, from->route_count * sizeof *to->routes) : NULL;
	if (from->route_count && !to->routes)
		return false;
	for (size_t i = 0; i < from->route_count; i++) {
		const struct config_route *route = &from->routes[i];
		struct config_route *kept = &to->routes[to->route_count];

		/* What is said of everybody else is not said of us. */
		if (config_route_is_for_rest(route))
			continue;
		*kept = (struct config_route){ .kind = route->kind };
		if (!arena_copy(arena, route->pattern, &kept->pattern))
			return false;
		to->route_count++;
	}
	return true;
}

static bool
keep_relayed(struct arena *arena, const struct config *from, struct config *to)
{
	to->relayed = from->relayed_count ? arena_take(arena, from->relayed_count * sizeof *to->relayed) : NULL;
	if (from->relayed_count && !to->relayed)
		return false;
	for (size_t i = 0; i < from->relayed_count; i++) {
		struct config_relayed *kept = &to->relayed[to->relayed_count++];

		*kept = from->relayed[i];
		if (!arena_copy(arena, kept->domain, &kept->domain))
			return false;
	}
	return true;
}

struct onward *
onward_new(struct arena *arena, const struct config *config)
{
	struct onward *o = arena_take(arena, sizeof *o);

	if (!o || !keep_routes(arena, config, &o->config) || !keep_relayed(arena, config, &o->config))
		return NULL;
	return arena_copy(arena, config->recipient_delimiter, &o->config.recipient_delimiter) ? o : NULL;
}

const struct config_relayed *
onward_relayed(const struct onward *o, struct bytes domain)
{
	return config_find_relayed(&o->config, domain);
}

/* NULL: the address has none that takes it from here.  One that refuses it does: the queue tells the sender. */
static const struct config_route *
find_onward(const struct onward *o, struct bytes address)
{
	const struct config_route *route = config_find_route(&o->config, address);

	return route && route->kind != ROUTE_MAILBOXES ? route : NULL;
}

static bool
names_address(const struct config_route *route)
{
	return bytes_find_char(route->pattern, '@') < route->pattern.len;
}

bool
onward_has_address(const struct onward *o, struct bytes address)
{
	const struct config_route *route = find_onward(o, address);

	return route && names_address(route);
}

bool
onward_has_domain(const struct onward *o, struct bytes address, struct bytes folded)
{
	const struct config_route *route = config_find_route(&o->config, address);

	/* One that keeps it here is closer than what is said of its domain. */
	if (route && route->kind == ROUTE_MAILBOXES)
		return false;
	return onward_relayed(o, folded) || find_onward(o, address);
}

bool
onward_is_plain(struct bytes local)
{
	return bytes_is_dotted(local, CLASS_ATEXT | CLASS_HIGH) && bytes_find_char(local, '%') == local.len && bytes_find_char(local, '!') == local.len;
}
