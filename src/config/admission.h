/* Whose mail is taken for whom.  It is decided in one place, for the fronts that take or refuse it, for `mermoz explain` that says
   so, and for `mermoz check`, which tries every kind of client with every kind of address. */
#ifndef CONFIG_ADMISSION_H
#define CONFIG_ADMISSION_H

#include "config/route.h"

enum admission_client {
	CLIENT_STRANGER,
	CLIENT_TRUSTED, /* of trusted_networks */
	CLIENT_ACCOUNT, /* logged in */
	CLIENTS
};

enum admission {
	ADMITTED, /* where the directory says that it leads */
	ADMITTED_ONWARD, /* to another server, as it is */
	REFUSED_BY_ROUTE, /* in the words of the route */
	REFUSED_RELAYING, /* RFC 5321 7.9: it is not for us, and the client may not send to the world */
	REFUSED_UNKNOWN,
	REFUSED_CLOSED, /* a group that the client may not write to */
	NO_SPACE_FOR_IT,
	NOT_NOW
};

/* The route that refuses an address whatever the directory says of it: any but "*", which is about everybody else.  NULL: there is none. */
const struct config_route *admission_refusal(const struct config *c, struct bytes address);
/* What becomes of a recipient (local part "@" domain) of that client's mail from that sender, of which the directory says `outcome`. */
enum admission admission_decide(const struct config *c, enum admission_client client, struct bytes sender, struct bytes address, enum ipc_outcome outcome);

#endif
