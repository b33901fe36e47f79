/* Passwords that a bind found right, for the time in which no server can be asked: a keyed digest of each, in memory only,
   under a key of this process. */
#ifndef ROLE_DIRECTORY_REMEMBERED_H
#define ROLE_DIRECTORY_REMEMBERED_H

#include "base/bytes.h"

#define REMEMBERED_DIGEST_OCTETS 32
/* So many wrong passwords of an account are compared in a minute: nobody finds one out while its server, which would have
   locked the account, is away. */
#define REMEMBERED_WRONG_MAX 10

struct remembered;

/* Each password for that time after it was right.  Owned. */
struct remembered *remembered_new(uint32_t lifetime_s);
void remembered_free(struct remembered **r);

/* What stands for the password of the account with that DN. */
void remembered_digest(const struct remembered *r, uint64_t account, struct bytes dn, struct bytes secret_password,
	uint8_t digest[REMEMBERED_DIGEST_OCTETS]);
/* It was right; the account's password before is forgotten. */
void remembered_put(struct remembered *r, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS], int64_t now_us);
/* It was refused: forgotten when it is the one that was right before. */
void remembered_refuse(struct remembered *r, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS]);
/* Was it right within the lifetime? */
bool remembered_has(struct remembered *r, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS], int64_t now_us);
void remembered_forget(struct remembered *r, uint64_t account);
/* Wipes what is too old.  When the next one will be (mono); 0: there is none. */
int64_t remembered_expire(struct remembered *r, int64_t now_us);
size_t remembered_count(const struct remembered *r);

#endif
