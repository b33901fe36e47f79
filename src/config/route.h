/* Which route an address takes. */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "config/config.h"

/* The closest route for the address (local part "@" domain, without regard to case): its own, else its own without its detail, else its domain's,
   else that of the longest ".DOMAIN" it lies below, else "*".  NULL: there is none; the mail goes to the MX hosts of its domain. */
const struct config_route *config_find_route(const struct config *c, struct bytes address);
/* The closest sender_route for the sender (empty: nobody), as above.  NULL: there is none. */
const struct config_route *config_find_sender_route(const struct config *c, struct bytes sender);
/* Is it about everybody else ("*")? */
bool config_route_is_for_rest(const struct config_route *route);
/* The relay_for of that domain, or NULL. */
const struct config_relayed *config_find_relayed(const struct config *c, struct bytes domain);
/* Reads what stands behind "to", but for a refusal: kind, host and port of *out, which borrow from the text.  NULL, or what is wrong. */
const char *config_read_target(struct bytes text, struct config_route *out);
/* The same as text: "mx:DOMAIN", "lmtp:HOST[:PORT]", "HOST", "mailboxes", "error". */
void config_put_target(struct buf *out, const struct config_route *route);
/* Is the domain one of the configuration's? */
bool config_has_domain(const struct config *c, struct bytes domain);
/* Do the octets of an address, as many as its own, lie in the network? */
bool config_network_has(const struct config_network *n, const uint8_t *octets);
/* Do the octets of an address (4 or 16) lie in a trusted network? */
bool config_trusts(const struct config *c, const uint8_t *octets, size_t count);

#endif
