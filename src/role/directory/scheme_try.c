#include "role/directory/scheme_try.h"

#include "base/memory.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* ---- argon2 */

void
password_scratch_done(struct password_scratch *scratch)
{
	memory_free(scratch->ptr);
	*scratch = (struct password_scratch){ NULL, 0 };
}

/* libargon2's callbacks have no argument of ours. */
static _Thread_local struct password_scratch *scratch_in_use;

static int
scratch_allocate(uint8_t **memory, size_t size)
{
	if (scratch_in_use->size < size) {
		password_scratch_done(scratch_in_use);
		scratch_in_use->ptr = memory_new(size);
		scratch_in_use->size = size;
	}
	*memory = scratch_in_use->ptr;
	return 0;
}

static void
scratch_deallocate(uint8_t *memory, size_t size)
{
	memory_wipe(memory, size);
}

int
scheme_compute_argon2(const struct scheme_value *value, struct bytes secret, uint8_t *out,
	struct password_scratch *scratch)
{
	static const argon2_type types[] = { Argon2_d, Argon2_i, Argon2_id };
	struct password_scratch own = { NULL, 0 };
	argon2_context context = {
		.out = out,
		.outlen = (uint32_t)value->digest.len,
		.pwd = (uint8_t *)secret.ptr,
		.pwdlen = (uint32_t)secret.len,
		.salt = (uint8_t *)value->salt.ptr,
		.saltlen = (uint32_t)value->salt.len,
		.t_cost = (uint32_t)value->rounds,
		.m_cost = (uint32_t)value->kib,
		.lanes = (uint32_t)value->lanes,
		.threads = 1,
		.version = value->version,
		.allocate_cbk = scratch_allocate,
		.free_cbk = scratch_deallocate,
	};
	int result;

	scratch_in_use = scratch ? scratch : &own;
	result = argon2_ctx(&context, types[value->argon2]);
	scratch_in_use = NULL;
	password_scratch_done(&own);
	return result;
}

static bool
try_argon2(const struct scheme_value *v, struct bytes secret, struct password_scratch *scratch)
{
	uint8_t computed[SCHEME_DIGEST_MAX];
	bool is_right = scheme_compute_argon2(v, secret, computed, scratch) == ARGON2_OK
		&& bytes_equal_secret(v->digest, bytes_of(computed, v->digest.len));

	memory_wipe(computed, sizeof computed);
	return is_right;
}

/* ---- digests */

static const EVP_MD *
method_of(enum scheme_hash hash)
{
	switch (hash) {
	case HASH_MD5:
		return EVP_md5();
	case HASH_SHA1:
		return EVP_sha1();
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA512:
		return EVP_sha512();
	case HASH_NONE:
		break;
	}
	return NULL;
}

static bool
try_digest(const struct scheme_value *v, struct bytes secret)
{
	uint8_t computed[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_right = context && EVP_DigestInit_ex(context, method_of(v->hash), NULL)
		&& EVP_DigestUpdate(context, secret.ptr, secret.len)
		&& EVP_DigestUpdate(context, v->salt.ptr, v->salt.len)
		&& EVP_DigestFinal_ex(context, computed, NULL)
		&& bytes_equal_secret(v->digest, bytes_of(computed, v->digest.len));

	EVP_MD_CTX_free(context);
	memory_wipe(computed, sizeof computed);
	return is_right;
}

/* ---- PBKDF2 */

static bool
derive(const struct scheme_value *v, struct bytes secret, uint8_t *out, size_t len)
{
	return PKCS5_PBKDF2_HMAC((const char *)secret.ptr, (int)secret.len, v->salt.ptr, (int)v->salt.len,
		(int)v->rounds, method_of(v->hash), (int)len, out);
}

static bool
try_pbkdf2(const struct scheme_value *v, struct bytes secret)
{
	uint8_t computed[SCHEME_DIGEST_MAX];
	bool is_right = derive(v, secret, computed, v->digest.len)
		&& bytes_equal_secret(v->digest, bytes_of(computed, v->digest.len));

	memory_wipe(computed, sizeof computed);
	return is_right;
}

/* RFC 5802 3: ClientKey := HMAC(SaltedPassword, "Client Key"), StoredKey := H(ClientKey) */
static bool
try_scram(const struct scheme_value *v, struct bytes secret)
{
	static const uint8_t label[] = { 'C', 'l', 'i', 'e', 'n', 't', ' ', 'K', 'e', 'y' };
	uint8_t salted[SCHEME_DIGEST_MAX], client_key[EVP_MAX_MD_SIZE], stored_key[EVP_MAX_MD_SIZE];
	size_t len = scheme_hash_octets(v->hash);
	bool is_right = derive(v, secret, salted, len)
		&& HMAC(method_of(v->hash), salted, (int)len, label, sizeof label, client_key, NULL)
		&& EVP_Digest(client_key, len, stored_key, NULL, method_of(v->hash), NULL)
		&& bytes_equal_secret(v->digest, bytes_of(stored_key, len));

	memory_wipe(salted, sizeof salted);
	memory_wipe(client_key, sizeof client_key);
	memory_wipe(stored_key, sizeof stored_key);
	return is_right;
}

/* ---- crypt(3) */

struct crypting {
	char setting[SCHEME_VALUE_MAX + 1];
	char phrase[PASSWORD_OCTETS_MAX + 1];
	struct crypt_data data;
};

/* libxcrypt never takes a phrase that is longer than CRYPT_MAX_PASSPHRASE_SIZE. */
static bool
try_crypt(const struct scheme_value *v, struct bytes secret)
{
	struct crypting *c = NEW(struct crypting);
	const char *computed;
	bool is_right;

	memcpy(c->setting, v->secret_text.ptr, v->secret_text.len);
	memcpy(c->phrase, secret.ptr, secret.len);
	computed = crypt_rn(c->phrase, c->setting, &c->data, sizeof c->data);
	is_right = computed && bytes_equal_secret(bytes_text(computed), v->secret_text);
	memory_wipe(c, sizeof *c);
	memory_free(c);
	return is_right;
}

/* ---- plain */

enum { PLAIN_STEP = 64 };

/* The time tells no more than how long the longer of both is, in steps. */
static bool
try_plain(const struct scheme_value *v, struct bytes secret)
{
	uint8_t stored[PASSWORD_OCTETS_MAX], tried[PASSWORD_OCTETS_MAX];
	size_t longer = v->secret_text.len > secret.len ? v->secret_text.len : secret.len;
	size_t width = (longer + PLAIN_STEP - 1) / PLAIN_STEP * PLAIN_STEP;
	bool is_right = v->secret_text.len == secret.len;

	memset(stored, 0, width);
	memset(tried, 0, width);
	memcpy(stored, v->secret_text.ptr, v->secret_text.len);
	memcpy(tried, secret.ptr, secret.len);
	is_right &= bytes_equal_secret(bytes_of(stored, width), bytes_of(tried, width));
	memory_wipe(stored, width);
	memory_wipe(tried, width);
	return is_right;
}

bool
scheme_try(const struct scheme_value *value, struct bytes secret, struct password_scratch *scratch)
{
	if (secret.len == 0 || secret.len > PASSWORD_OCTETS_MAX || bytes_find_char(secret, '\0') != secret.len)
		return false;
	switch (value->kind) {
	case SCHEME_PLAIN:
		return try_plain(value, secret);
	case SCHEME_DIGEST:
		return try_digest(value, secret);
	case SCHEME_CRYPT:
		return try_crypt(value, secret);
	case SCHEME_ARGON2:
		return try_argon2(value, secret, scratch);
	case SCHEME_PBKDF2:
		return try_pbkdf2(value, secret);
	case SCHEME_SCRAM:
		return try_scram(value, secret);
	}
	return false;
}
