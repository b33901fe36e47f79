#ifndef ROLE_RESOLVER_RESOLVER_H
#define ROLE_RESOLVER_RESOLVER_H

#include "role/role.h"

/* Asks DNS servers for those who may not speak with them. */
extern const struct role_hooks resolver_hooks;

#endif
