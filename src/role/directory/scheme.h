/* Passwords as directories keep them: "{SCHEME}value" (RFC 2307 5.3 and what OpenLDAP and Dovecot added).

   PLAIN, CLEARTEXT; SHA, SSHA, SHA256, SSHA256, SHA512, SSHA512, MD5, SMD5 (base 64 of the digest and the salt);
   CRYPT (all that libxcrypt knows); ARGON2, ARGON2ID ("$argon2id$..."); PBKDF2-SHA256, PBKDF2-SHA512
   ("rounds$salt$key"); SCRAM-SHA-256 ("iterations,salt,stored key,server key").  Case of the name does not count. */
#ifndef ROLE_DIRECTORY_SCHEME_H
#define ROLE_DIRECTORY_SCHEME_H

#include "role/directory/password.h"

/* Is it the password?  False too when the scheme is unknown, the value malformed, or what it asks for too dear. */
bool scheme_is_right(struct bytes stored, struct bytes secret, struct password_scratch *scratch);
/* Could scheme_is_right ever say yes? */
bool scheme_is_known(struct bytes stored);
/* Is trying it so cheap that a refusal would tell by its time that there is such an account? */
bool scheme_is_cheap(struct bytes stored);

#endif
