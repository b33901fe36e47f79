/* What is spoken on which service. */
#ifndef FRONT_CLIENTS_H
#define FRONT_CLIENTS_H

#include "role/front/connection.h"

extern const struct protocol smtp_protocol, imap_protocol, auth_protocol;

/* What a service speaks, and whether it begins with a handshake (RFC 8314 3). */
const struct protocol *clients_protocol(enum ipc_service service);
bool clients_is_tls_from_start(enum ipc_service service);
/* Too many connections: the one line that the protocol has for it, if the socket takes it at once. */
void clients_refuse(enum ipc_service service, int fd, struct bytes hostname);

#endif
