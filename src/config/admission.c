#include "config/admission.h"

static const struct config_route *
find_refusal(const struct config *c, struct bytes address)
{
	const struct config_route *route = config_find_route(c, address);

	return route && route->kind == ROUTE_REFUSE ? route : NULL;
}

const struct config_route *
admission_refusal(const struct config *c, struct bytes address)
{
	const struct config_route *route = find_refusal(c, address);

	return route && !config_route_is_for_rest(route) ? route : NULL;
}

/* Nobody of ours. */
static enum admission
decide_foreign(const struct config *c, enum admission_client client, struct bytes sender, struct bytes address)
{
	if (client == CLIENT_STRANGER)
		return REFUSED_RELAYING;
	/* What "*" says is less than what is said of the sender. */
	return find_refusal(c, address) && !config_find_sender_route(c, sender) ? REFUSED_BY_ROUTE : ADMITTED_ONWARD;
}

enum admission
admission_decide(const struct config *c, enum admission_client client, struct bytes sender, struct bytes address, enum ipc_outcome outcome)
{
	if (admission_refusal(c, address))
		return REFUSED_BY_ROUTE;
	switch (outcome) {
	case IPC_OK:
		return ADMITTED;
	case IPC_FOREIGN:
		return decide_foreign(c, client, sender, address);
	case IPC_ABSENT:
	case IPC_INVALID:
		return REFUSED_UNKNOWN;
	case IPC_DENIED:
		return REFUSED_CLOSED;
	case IPC_NO_SPACE:
		return NO_SPACE_FOR_IT;
	case IPC_LATER:
	case IPC_EXISTS:
	case IPC_LIMIT:
	case IPC_OVER_QUOTA:
	case IPC_OUTCOMES:
		break;
	}
	return NOT_NOW;
}
