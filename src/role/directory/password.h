/* Password hashes: argon2id in its encoded form "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
   All of this takes tens of milliseconds: for threads and the command line. */
#ifndef ROLE_DIRECTORY_PASSWORD_H
#define ROLE_DIRECTORY_PASSWORD_H

#include "base/bytes.h"
#include "base/fault.h"

/* An encoded hash with its NUL. */
#define PASSWORD_ENCODED_MAX 256
/* What a directory may keep for an account: "{PLAIN}" and the longest password fit. */
#define PASSWORD_STORED_MAX 1100
/* LOG_IN carries no longer password. */
#define PASSWORD_OCTETS_MAX 1024

/* Memory that hashing uses again, so that the kernel need not clear it each time: all zero at first; for
   one thread at a time. */
struct password_scratch {
	uint8_t *ptr;
	size_t size;
};

/* Gives the memory back. */
void password_scratch_done(struct password_scratch *scratch);
/* Hashes with a fresh salt.  -1 with *f: empty or too long, or no memory. */
int password_hash(struct bytes secret, char encoded[PASSWORD_ENCODED_MAX], struct fault *f)
	__attribute__((warn_unused_result));
/* Is it the password of that hash?  False too when the hash is malformed, of another kind, or asks
   for more than 256 MiB or 64 rounds.  scratch may be NULL. */
bool password_is_right(struct bytes encoded, struct bytes secret, struct password_scratch *scratch);
/* Would password_is_right be able to tell? */
bool password_is_hash(struct bytes encoded);
/* A hash of a password that nobody knows, which takes as long to try as those that password_hash makes. */
struct bytes password_dummy(void);

#endif
