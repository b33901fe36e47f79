#ifndef ROLE_DIRECTORY_DIRECTORY_H
#define ROLE_DIRECTORY_DIRECTORY_H

#include "role/role.h"

extern const struct role_hooks directory_hooks;

#endif
