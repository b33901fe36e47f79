/* A signature costs the loop what its key takes (RSA of 2048 bits 0.2 ms, of 4096 three, Ed25519 0.02; four keys at most), and of a report a pass over
   it, which has a mebibyte at most. */
#include "role/queue/signer.h"

#include "base/memory.h"
#include "config/dkim_key.h"
#include "proto/rfc5322/header.h"
#include "role/body_hash.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

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
put_field(const struct key *k, const struct signed_parts *p, int64_t now_s, struct buf *out)
{
	struct dkim_signature d = {
		.algorithm = dkim_key_rsa_bits(k->key) ? "rsa-sha256" : "ed25519-sha256",
		.domain = k->domain,
		.selector = k->selector,
		.time_s = now_s,
	};
	uint8_t signature[SIGNATURE_OCTETS_MAX];
	struct buf field, hashed;
	size_t len;
	bool is_good;

	memcpy(d.body_hash, p->body_hash, sizeof d.body_hash);
	buf_init(&field, FIELD_OCTETS_MAX);
	buf_init(&hashed, HASHED_OCTETS_MAX);
	dkim_put_field(&field, &d, p->names);
	put_bytes(&hashed, p->hashed_header);
	dkim_put_hashed_field(&hashed, buf_bytes(&field));
	is_good = !field.has_failed && !hashed.has_failed && sign(k, buf_bytes(&hashed), signature, &len);
	if (is_good) {
		dkim_put_signature(&field, bytes_of(signature, len));
		put_bytes(out, buf_bytes(&field));
	}
	is_good = is_good && !field.has_failed && !out->has_failed;
	buf_done(&field);
	buf_done(&hashed);
	return is_good;
}

int
signer_sign(const struct signer *s, const struct signed_parts *p, struct bytes from, int64_t now_s, struct buf *out)
{
	struct bytes domain = closest(s, from);
	size_t before = out->len;

	for (size_t i = 0; i < s->count; i++)
		if (domain.len && bytes_equal(s->keys[i].domain, domain) && !put_field(&s->keys[i], p, now_s, out)) {
			out->len = before;
			return -1;
		}
	return 0;
}

static void
hash_body(struct bytes body, uint8_t out[DKIM_HASH_OCTETS])
{
	struct body_hash *h = body_hash_new();

	body_hash_add(h, body);
	body_hash_end(h, out);
	body_hash_free(&h);
}

int
signer_put(const struct signer *s, struct bytes message, struct bytes from, int64_t now_s, struct buf *out)
{
	struct bytes body = message, name, value, field, header;
	struct buf names, hashed;
	uint8_t body_hash[DKIM_HASH_OCTETS];
	int result = -1;

	if (closest(s, from).len == 0)
		return 0;
	while (take_header_field(&body, &name, &value, &field))
		;
	header = bytes_between(message, body);
	(void)take_char(&body, '\n');
	hash_body(body, body_hash);
	buf_init(&names, FIELD_OCTETS_MAX);
	buf_init(&hashed, HASHED_OCTETS_MAX);
	dkim_put_names(&names, header);
	dkim_put_hashed_header(&hashed, header, buf_bytes(&names));
	if (!names.has_failed && !hashed.has_failed)
		result = signer_sign(s, &(struct signed_parts){ buf_bytes(&names), buf_bytes(&hashed), body_hash }, from, now_s, out);
	buf_done(&names);
	buf_done(&hashed);
	return result;
}
