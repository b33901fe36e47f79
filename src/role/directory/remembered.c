/* There is at most one password for an account, and none but those of accounts: what is kept is bounded by what the
   directory holds.  As all have the same lifetime, the list in the order in which they were right is that in which they end. */
#include "role/directory/remembered.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/password.h"
#include "role/directory/record.h"
#include "sys/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { SECOND_US = 1000000, WRONG_WINDOW_US = 60 * SECOND_US };

struct kept {
	struct kept *before, *after; /* that was right earlier, later */
	uint64_t account;
	int64_t end_us;
	int64_t wrong_since_us; /* when the minute began whose wrong ones are counted */
	unsigned int wrong;
	uint8_t secret_digest[REMEMBERED_DIGEST_OCTETS];
};

struct remembered {
	int64_t lifetime_us;
	struct map *by_account;
	struct kept *first, *last;
	uint8_t secret_key[REMEMBERED_DIGEST_OCTETS];
};

struct remembered *
remembered_new(uint32_t lifetime_s)
{
	struct remembered *r = NEW(struct remembered);

	r->lifetime_us = (int64_t)lifetime_s * SECOND_US;
	r->by_account = map_new();
	random_fill(r->secret_key, sizeof r->secret_key);
	return r;
}

static void
unlink_kept(struct remembered *r, struct kept *k)
{
	*(k->before ? &k->before->after : &r->first) = k->after;
	*(k->after ? &k->after->before : &r->last) = k->before;
	k->before = k->after = NULL;
}

static void
append(struct remembered *r, struct kept *k)
{
	k->before = r->last;
	*(r->last ? &r->last->after : &r->first) = k;
	r->last = k;
}

static void
wipe(struct remembered *r, struct kept *k)
{
	unlink_kept(r, k);
	(void)map_remove_number(r->by_account, k->account);
	memory_wipe(k, sizeof *k);
	memory_free(k);
}

void
remembered_free(struct remembered **at)
{
	struct remembered *r = *at;

	if (!r)
		return;
	*at = NULL;
	while (r->first)
		wipe(r, r->first);
	map_free(&r->by_account);
	memory_wipe(r, sizeof *r);
	memory_free(r);
}

/* Without a digest (there is no memory for one) nothing matches: it is as random as the key. */
void
remembered_digest(const struct remembered *r, uint64_t account, struct bytes dn, struct bytes secret_password,
	uint8_t digest[REMEMBERED_DIGEST_OCTETS])
{
	uint8_t space[sizeof account + sizeof(uint32_t) + RECORD_ENTRY_MAX + PASSWORD_OCTETS_MAX];
	struct buf b;

	buf_init_fixed(&b, space, sizeof space);
	put_u64(&b, account);
	put_u32(&b, (uint32_t)dn.len);
	put_bytes(&b, dn);
	put_bytes(&b, secret_password);
	if (b.has_failed || !HMAC(EVP_sha256(), r->secret_key, sizeof r->secret_key, b.ptr, b.len, digest, NULL))
		random_fill(digest, REMEMBERED_DIGEST_OCTETS);
	memory_wipe(space, sizeof space);
}

void
remembered_put(struct remembered *r, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS], int64_t now_us)
{
	struct kept *k;

	k = map_get_number(r->by_account, account);
	if (k) {
		unlink_kept(r, k);
	} else {
		k = NEW(struct kept);
		k->account = account;
		(void)map_put_number(r->by_account, account, k);
	}
	k->end_us = now_us + r->lifetime_us;
	k->wrong = 0;
	memcpy(k->secret_digest, digest, REMEMBERED_DIGEST_OCTETS);
	append(r, k);
}

static bool
is_it(const struct kept *k, const uint8_t digest[REMEMBERED_DIGEST_OCTETS])
{
	return CRYPTO_memcmp(k->secret_digest, digest, REMEMBERED_DIGEST_OCTETS) == 0;
}

void
remembered_refuse(struct remembered *r, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS])
{
	struct kept *k = map_get_number(r->by_account, account);

	if (k && is_it(k, digest))
		wipe(r, k);
}

static bool
may_be_compared(struct kept *k, int64_t now_us)
{
	if (now_us - k->wrong_since_us >= WRONG_WINDOW_US)
		k->wrong = 0;
	return k->wrong < REMEMBERED_WRONG_MAX;
}

bool
remembered_has(struct remembered *r, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS], int64_t now_us)
{
	struct kept *k = map_get_number(r->by_account, account);

	if (!k || now_us >= k->end_us || !may_be_compared(k, now_us))
		return false;
	if (is_it(k, digest))
		return true;
	if (k->wrong++ == 0)
		k->wrong_since_us = now_us;
	return false;
}

void
remembered_forget(struct remembered *r, uint64_t account)
{
	struct kept *k = map_get_number(r->by_account, account);

	if (k)
		wipe(r, k);
}

int64_t
remembered_expire(struct remembered *r, int64_t now_us)
{
	while (r->first && now_us >= r->first->end_us)
		wipe(r, r->first);
	return r->first ? r->first->end_us : 0;
}

size_t
remembered_count(const struct remembered *r)
{
	return map_count(r->by_account);
}
