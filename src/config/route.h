/* Which route an address takes. */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "config/config.h"

/* The closest route for the address (local part "@" domain, in any spelling: address.h): its own, else its own without its detail, else its domain's,
   else that of the longest ".DOMAIN" it lies below, else "*".  NULL: there is none; the mail goes to the MX hosts of its domain. */
const struct config_route *config_find_route(const struct config *c, struct bytes address);
/* The closest sender_route for the sender (empty: nobody), as above.  NULL: there is none. */
const struct config_route *config_find_sender_route(const struct config *c, struct bytes sender);
/* The route of mail from a sender (empty: nobody) for an address, whose domain as DNS writes it is `domain`: the closest one.  What is said of
   everybody else ("*") is said neither of us nor of whom we relay for, and less of a sender than his own sender_route.  NULL: there is none. */
const struct config_route *config_find_way(const struct config *c, struct bytes sender, struct bytes address, struct bytes domain);
/* What the sender hears of a route that refuses, without the line's end: its sentence, behind the code that it begins with (RFC 3463 2: 5.x.x, or
   4.x.x for "not now"), else 5.7.1, and behind the reply code that goes with it. */
void config_put_refusal(struct buf *out, const struct config_route *route);
/* Is it "not now"? */
bool config_is_refusal_for_now(const struct config_route *route);
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
/* Does a service for mail of ours listen at that port, of whatever address? */
bool config_listens_at(const struct config *c, uint16_t port);
/* Do the octets of an address, as many as its own, lie in the network? */
bool config_network_has(const struct config_network *n, const uint8_t *octets);
/* Do the octets of an address (4 or 16) lie in a trusted network? */
bool config_trusts(const struct config *c, const uint8_t *octets, size_t count);

#endif
