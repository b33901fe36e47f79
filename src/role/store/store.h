#ifndef ROLE_STORE_STORE_H
#define ROLE_STORE_STORE_H

#include "role/role.h"

extern const struct role_hooks store_hooks;

#endif
