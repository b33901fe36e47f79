/* What two change markers (ldap_link_marker) say of each other. */
#ifndef ROLE_DIRECTORY_LDAP_MARKER_H
#define ROLE_DIRECTORY_LDAP_MARKER_H

#include "base/bytes.h"

/* Has the server of marker `now` not got yet all that the one of marker `held` had?  Only contextCSN tells. */
bool ldap_marker_is_behind(struct bytes now, struct bytes held);

#endif
