#ifndef ROLE_FRONT_FRONT_H
#define ROLE_FRONT_FRONT_H

#include "role/role.h"

extern const struct role_hooks front_hooks;

#endif
