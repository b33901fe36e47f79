/* Is it the password?  What scheme.h took apart, computed. */
#ifndef ROLE_DIRECTORY_SCHEME_TRY_H
#define ROLE_DIRECTORY_SCHEME_TRY_H

#include "role/directory/password.h"
#include "role/directory/scheme.h"

/* Takes as long as the value's costs say; scratch as in password_is_right. */
bool scheme_try(const struct scheme_value *value, struct bytes secret, struct password_scratch *scratch);
/* Computes argon2 with the value's salt and costs into value.digest.len octets of `out`.  0, or libargon2's
   error. */
int scheme_compute_argon2(const struct scheme_value *value, struct bytes secret, uint8_t *out,
	struct password_scratch *scratch);

#endif
