/* Passwords as accounts keep them: one value or several, of which any may match.

   The stored form is the values one after the other with a NUL between; each is "{SCHEME}value" (scheme.h), or
   the argon2id that password_hash makes, "$argon2id$v=19$m=…,t=…,p=…$salt$hash".

   Trying one takes microseconds (PASSWORD_CHEAP) or tens of milliseconds: for threads and the command line. */
#ifndef ROLE_DIRECTORY_PASSWORD_H
#define ROLE_DIRECTORY_PASSWORD_H

#include "base/buf.h"
#include "base/fault.h"

/* What password_hash makes, with its NUL. */
#define PASSWORD_ENCODED_MAX 256
/* LOG_IN carries no longer password. */
#define PASSWORD_OCTETS_MAX 1024
/* All values of an account; what does not fit is left out. */
#define PASSWORD_STORED_MAX 2048
/* More values are not looked at. */
#define PASSWORD_VALUES_MAX 8

/* Memory that hashing uses again, so that the kernel need not clear it each time: all zero at first; for
   one thread at a time. */
struct password_scratch {
	uint8_t *ptr;
	size_t size;
};

enum password_cost {
	PASSWORD_USELESS, /* no value can be compared with anything */
	PASSWORD_CHEAP, /* under 2 µs a value */
	PASSWORD_DEAR,
};

/* A value that can't be compared; the views look into the stored form, and never at more than the scheme's name. */
struct password_trouble {
	struct bytes scheme; /* empty: none is named */
	const char *reason;
};

/* Gives the memory back. */
void password_scratch_done(struct password_scratch *scratch);
/* Hashes with a fresh salt.  -1 with *f: empty or too long, or no memory. */
int password_hash(struct bytes secret, char encoded[PASSWORD_ENCODED_MAX], struct fault *f)
	__attribute__((warn_unused_result));
/* Adds a raw value, as userPassword has it, to the stored form in `stored`.  One without "{…}" that is not
   argon2id gets default_scheme ("PLAIN"; empty: none).  False: it is not added - empty, with a NUL (no password has one,
   and it would be two), or without room; to be told to the administrator. */
bool password_put_value(struct buf *stored, struct bytes value, struct bytes default_scheme)
	__attribute__((warn_unused_result));
/* Is it one of those passwords?  Values that are malformed, of an unknown scheme, or that cost more than scheme.h
   allows match nothing.  scratch may be NULL. */
bool password_is_right(struct bytes stored, struct bytes secret, struct password_scratch *scratch);
enum password_cost password_cost(struct bytes stored);
/* The first value that can't be compared.  False: there is none. */
bool password_trouble(struct bytes stored, struct password_trouble *trouble);
/* A hash of a password that nobody knows, which takes as long to try as those that password_hash makes. */
struct bytes password_dummy(void);

#endif
