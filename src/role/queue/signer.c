/* A signature costs the loop what its key takes (RSA of 2048 bits 0.2 ms, of 4096 three, Ed25519 0.02; four keys at most) and a pass over a report,
   which has a mebibyte at most. */
#include "role/queue/signer.h"

#include "base/memory.h"
#include "config/dkim_key.h"
#include "proto/dkim/dkim.h"
#include "proto/rfc5322/header.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>

enum { SIGNATURE_OCTETS_MAX = DKIM_RSA_BITS_MAX / 8, NAME_OCTETS_MAX = 255, HASHED_OCTETS_MAX = 1 << 20, FIELD_OCTETS_MAX = 16384 };

struct key {
	struct bytes domain, selector;
	EVP_PKEY *key;
};

struct signer {
	struct arena *arena;
	struct key *keys;
	size_t count;
};

struct signer *
signer_new(const struct config *c, struct fault *f)
{
	struct signer *s = NEW(struct signer);

	*f = (struct fault){ .kind = FAULT_NONE };
	s->arena = arena_new("queue.dkim", (c->dkim_count + 1) * (2 * NAME_OCTETS_MAX + sizeof *s->keys + 64), ARENA_PLAIN);
	s->keys = memory_new_array(c->dkim_count + 1, sizeof *s->keys);
	for (size_t i = 0; i < c->dkim_count; i++) {
		struct key *k = &s->keys[s->count];

		k->key = dkim_key_read(c->dkim[i].secret_key_pem, f);
		if (k->key && arena_copy(s->arena, c->dkim[i].domain, &k->domain) && arena_copy(s->arena, c->dkim[i].selector, &k->selector))
			s->count++;
		else
			EVP_PKEY_free(k->key);
	}
	return s;
}

void
signer_free(struct signer **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->count; i++)
		EVP_PKEY_free((*s)->keys[i].key);
	memory_free((*s)->keys);
	arena_free(&(*s)->arena);
	memory_free(*s);
	*s = NULL;
}

/* ---- whose keys */

static struct bytes
closest(const struct signer *s, struct bytes from)
{
	struct bytes found = BYTES_NONE;

	for (size_t i = 0; i < s->count; i++)
		if (s->keys[i].domain.len > found.len && config_dkim_is_for(s->keys[i].domain, from))
			found = s->keys[i].domain;
	return found;
}

/* ---- signing */

static void
add(void *arg, struct bytes canonical)
{
	int added = EVP_DigestUpdate(arg, canonical.ptr, canonical.len);

	assert(added == 1);
}

static void
hash_body(struct bytes body, uint8_t out[DKIM_HASH_OCTETS])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct dkim_body b;
	int is_good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	assert(is_good);
	dkim_body_init(&b, add, context);
	dkim_body_step(&b, body);
	dkim_body_end(&b);
	is_good = EVP_DigestFinal_ex(context, out, NULL);
	assert(is_good);
	EVP_MD_CTX_free(context);
}

/* RSASSA-PKCS1-v1_5 over SHA-256 (RFC 8301 3.1); Ed25519 over the octets of the hash (RFC 8463 3). */
static bool
sign(const struct key *k, struct bytes hashed, uint8_t out[SIGNATURE_OCTETS_MAX], size_t *len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_rsa = dkim_key_rsa_bits(k->key) != 0, is_good = context != NULL;
	uint8_t hash[DKIM_HASH_OCTETS];

	*len = SIGNATURE_OCTETS_MAX;
	if (!is_rsa) {
		is_good = is_good && EVP_Digest(hashed.ptr, hashed.len, hash, NULL, EVP_sha256(), NULL) == 1;
		hashed = bytes_of(hash, sizeof hash);
	}
	is_good = is_good && EVP_DigestSignInit(context, NULL, is_rsa ? EVP_sha256() : NULL, NULL, k->key) == 1
		&& EVP_DigestSign(context, out, len, hashed.ptr, hashed.len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return is_good;
}

static bool
put_field(const struct key *k, struct bytes header, struct dkim_signature *d, struct buf *out)
{
	uint8_t signature[SIGNATURE_OCTETS_MAX];
	struct buf names, field, hashed;
	size_t len;
	bool is_good;

	buf_init(&names, FIELD_OCTETS_MAX);
	buf_init(&field, FIELD_OCTETS_MAX);
	buf_init(&hashed, HASHED_OCTETS_MAX);
	d->algorithm = dkim_key_rsa_bits(k->key) ? "rsa-sha256" : "ed25519-sha256";
	d->domain = k->domain;
	d->selector = k->selector;
	dkim_put_names(&names, header);
	dkim_put_field(&field, d, buf_bytes(&names));
	dkim_put_hashed(&hashed, header, buf_bytes(&names), buf_bytes(&field));
	is_good = !names.has_failed && !field.has_failed && !hashed.has_failed && sign(k, buf_bytes(&hashed), signature, &len);
	if (is_good) {
		dkim_put_signature(&field, bytes_of(signature, len));
		put_bytes(out, buf_bytes(&field));
	}
	is_good = is_good && !field.has_failed && !out->has_failed;
	buf_done(&names);
	buf_done(&field);
	buf_done(&hashed);
	return is_good;
}

int
signer_put(const struct signer *s, struct bytes message, struct bytes from, int64_t now_s, struct buf *out)
{
	struct bytes domain = closest(s, from), body = message, name, value, field, header;
	struct dkim_signature d = { .time_s = now_s };
	size_t before = out->len;

	if (domain.len == 0)
		return 0;
	while (take_header_field(&body, &name, &value, &field))
		;
	header = bytes_between(message, body);
	(void)take_char(&body, '\n');
	hash_body(body, d.body_hash);
	for (size_t i = 0; i < s->count; i++)
		if (bytes_equal(s->keys[i].domain, domain) && !put_field(&s->keys[i], header, &d, out)) {
			out->len = before;
			return -1;
		}
	return 0;
}
