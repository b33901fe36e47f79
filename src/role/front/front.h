/* The front: client connections, TLS, the protocol machines.  Owns nothing but them. */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "role/role.h"

extern const struct role_hooks front_hooks;

#endif
