/* The role that keeps what has to go elsewhere until it is there. */
#ifndef ROLE_QUEUE_QUEUE_H
#define ROLE_QUEUE_QUEUE_H

#include "role/role.h"

extern const struct role_hooks queue_hooks;

#endif
