/* The role that hands mail to other servers. */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "role/role.h"

extern const struct role_hooks relay_hooks;

#endif
