#ifndef ROLE_DIRECTORY_SCHEME_INTERNAL_H
#define ROLE_DIRECTORY_SCHEME_INTERNAL_H

#include "role/directory/scheme.h"

/* Is it something that crypt(3) of libxcrypt knows, within the bounds of scheme.h? */
enum scheme_verdict scheme_judge_crypt(struct bytes text);

#endif
