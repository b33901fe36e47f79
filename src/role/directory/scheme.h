/* One stored password as directories write it, "{SCHEME}value" (RFC 2307 and what OpenLDAP and Dovecot made of it):
   taken apart, its costs bounded before any is paid.  Pure. */
#ifndef ROLE_DIRECTORY_SCHEME_H
#define ROLE_DIRECTORY_SCHEME_H

#include "base/bytes.h"

/* A value that is longer is not read. */
#define SCHEME_VALUE_MAX 1024
#define SCHEME_DIGEST_MAX 64

/* What a directory may ask for, by mistake or malice: about two seconds of one thread each. */
#define SCHEME_PBKDF2_ROUNDS_MAX 2000000
#define SCHEME_CRYPT_ROUNDS_MAX 1000000
#define SCHEME_BCRYPT_LOG_ROUNDS_MAX 14
#define SCHEME_MEMORY_KIB_MAX (256 * 1024)
/* Of argon2: memory times rounds. */
#define SCHEME_ARGON2_WORK_KIB_MAX (1024 * 1024)
#define SCHEME_ARGON2_ROUNDS_MAX 64
#define SCHEME_ARGON2_LANES_MAX 16

enum scheme_kind { SCHEME_PLAIN, SCHEME_DIGEST, SCHEME_CRYPT, SCHEME_ARGON2, SCHEME_PBKDF2, SCHEME_SCRAM };
enum scheme_hash { HASH_NONE, HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA512 };
enum scheme_argon2 { SCHEME_ARGON2D, SCHEME_ARGON2I, SCHEME_ARGON2ID };

enum scheme_verdict { SCHEME_USABLE, SCHEME_UNKNOWN, SCHEME_MALFORMED, SCHEME_TOO_DEAR };

/* What scheme_parse found; the views look into `space` or, of PLAIN and CRYPT without an encoding, into the value.
   To be wiped. */
struct scheme_value {
	enum scheme_kind kind;
	enum scheme_hash hash;
	enum scheme_argon2 argon2;
	uint32_t version; /* of argon2 */
	uint64_t rounds, kib, lanes;
	struct bytes secret_text; /* PLAIN: the password; CRYPT: what crypt(3) takes and gives */
	struct bytes salt, digest;
	size_t used; /* of space */
	uint8_t space[2 * SCHEME_VALUE_MAX];
};

/* The name in front: "SSHA" of "{SSHA}…"; empty when there is none. */
struct bytes scheme_name(struct bytes value);
/* Is it the name of a scheme, without regard to case? */
bool scheme_is_known(struct bytes name);
/* SCHEME_USABLE: *out is set.  A value without "{…}" that begins with "$argon2id$" is ARGON2ID; any other has
   no scheme and is SCHEME_UNKNOWN. */
enum scheme_verdict scheme_parse(struct bytes value, struct scheme_value *out) __attribute__((warn_unused_result));
/* Is trying it a matter of microseconds? */
bool scheme_is_cheap(const struct scheme_value *value);
size_t scheme_hash_octets(enum scheme_hash hash);

#endif
