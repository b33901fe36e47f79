/* What two change markers (ldap_link_marker) say of each other, and cookies (RFC 4533) in the same words. */
#ifndef ROLE_DIRECTORY_LDAP_MARKER_H
#define ROLE_DIRECTORY_LDAP_MARKER_H

#include "base/buf.h"

/* Has the server of marker `now` not got yet all that the one of marker `held` had?  Only contextCSN tells. */
bool ldap_marker_is_behind(struct bytes now, struct bytes held);
/* Is it one of contextCSN? */
bool ldap_marker_has_csn(struct bytes marker);
/* Is that change (an entryCSN) later than what the marker has? */
bool ldap_marker_is_before(struct bytes marker, struct bytes csn);
/* Its earliest CSN; empty: it has none. */
struct bytes ldap_marker_first(struct bytes marker);
/* Takes the changes of OpenLDAP's cookie, "rid=…,csn=CSN;CSN", into the marker: of each replica the later one.  What is no
   such cookie changes nothing. */
void ldap_marker_add_cookie(struct buf *marker, struct bytes cookie);
/* Appends the cookie of one who has what the marker has.  It names no server: a server would not send that one's changes. */
void ldap_marker_put_cookie(struct buf *out, struct bytes marker);

#endif
