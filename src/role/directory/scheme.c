#include "role/directory/scheme.h"

#include "base/memory.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* What a directory may ask for: ten times what OWASP advises. */
#define ROUNDS_MAX 10000000

enum { VALUE_OCTETS_MAX = 512, DIGEST_MAX = EVP_MAX_MD_SIZE, CRYPT_SETTING_MAX = 384 };

struct scheme {
	struct bytes name;
	/* What stands behind "{NAME}"; computes only when `secret` is not NULL. */
	bool (*is_right)(const struct scheme *s, struct bytes value, const struct bytes *secret,
		struct password_scratch *scratch);
	const char *digest; /* for OpenSSL */
	bool is_cheap;
};

static const EVP_MD *
digest_of(const struct scheme *s)
{
	return EVP_get_digestbyname(s->digest);
}

/* Base 64, or (is_adapted) the form of passlib with "." for "+" and without padding. */
static bool
decode(struct bytes in, bool is_adapted, uint8_t *out, size_t size, size_t *len)
{
	uint8_t padded[VALUE_OCTETS_MAX + 4];
	size_t count = in.len, padding;
	int decoded;

	if (in.len == 0 || in.len > VALUE_OCTETS_MAX || in.len / 4 * 3 + 3 > size)
		return false;
	memcpy(padded, in.ptr, in.len);
	for (size_t i = 0; is_adapted && i < in.len; i++)
		if (padded[i] == '.')
			padded[i] = '+';
	while (count % 4)
		padded[count++] = '=';
	for (padding = 0; padding < 2 && padded[count - 1 - padding] == '='; padding++)
		;
	decoded = EVP_DecodeBlock(out, padded, (int)count);
	if (decoded < (int)padding)
		return false;
	*len = (size_t)decoded - padding;
	return true;
}

static bool
is_plain(const struct scheme *s, struct bytes value, const struct bytes *secret, struct password_scratch *scratch)
{
	(void)s;
	(void)scratch;
	return value.len > 0 && (!secret || bytes_equal_secret(value, *secret));
}

static bool
make_digest(const EVP_MD *md, struct bytes secret, struct bytes salt, uint8_t out[DIGEST_MAX])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_made = context && EVP_DigestInit_ex(context, md, NULL) == 1
		&& EVP_DigestUpdate(context, secret.ptr, secret.len) == 1
		&& EVP_DigestUpdate(context, salt.ptr, salt.len) == 1 && EVP_DigestFinal_ex(context, out, NULL) == 1;

	EVP_MD_CTX_free(context);
	return is_made;
}

/* base64(digest(password salt) salt) */
static bool
is_digest(const struct scheme *s, struct bytes value, const struct bytes *secret, struct password_scratch *scratch)
{
	uint8_t kept[VALUE_OCTETS_MAX], made[DIGEST_MAX];
	const EVP_MD *md = digest_of(s);
	size_t len, digest_len = md ? (size_t)EVP_MD_get_size(md) : 0;
	bool is_right;

	(void)scratch;
	if (!md || !decode(value, false, kept, sizeof kept, &len) || len < digest_len)
		return false;
	if (!secret)
		return true;
	is_right = make_digest(md, *secret, bytes_of(kept + digest_len, len - digest_len), made)
		&& bytes_equal_secret(bytes_of(kept, digest_len), bytes_of(made, digest_len));
	memory_wipe(made, sizeof made);
	return is_right;
}

/* crypt(3) takes strings: a password with a NUL in it is none. */
static bool
is_crypt(const struct scheme *s, struct bytes value, const struct bytes *secret, struct password_scratch *scratch)
{
	char setting[CRYPT_SETTING_MAX], phrase[CRYPT_MAX_PASSPHRASE_SIZE];
	struct crypt_data *data;
	const char *made;
	bool is_right;

	(void)s;
	(void)scratch;
	if (value.len < 3 || value.len >= sizeof setting || bytes_find_char(value, '\0') < value.len)
		return false;
	if (!secret)
		return true;
	if (secret->len >= sizeof phrase || bytes_find_char(*secret, '\0') < secret->len)
		return false;
	memcpy(setting, value.ptr, value.len);
	setting[value.len] = '\0';
	if (secret->len)
		memcpy(phrase, secret->ptr, secret->len);
	phrase[secret->len] = '\0';
	data = memory_new(sizeof *data);
	made = crypt_rn(phrase, setting, data, (int)sizeof *data);
	is_right = made && made[0] != '*' && bytes_equal_secret(value, bytes_text(made));
	memory_wipe(data, sizeof *data);
	memory_free(data);
	memory_wipe(phrase, sizeof phrase);
	return is_right;
}

static bool
is_argon2(const struct scheme *s, struct bytes value, const struct bytes *secret, struct password_scratch *scratch)
{
	(void)s;
	return secret ? password_is_right(value, *secret, scratch) : password_is_hash(value);
}

static bool
derive(const EVP_MD *md, struct bytes secret, struct bytes salt, uint64_t rounds, uint8_t *out, size_t len)
{
	/* OpenSSL takes NULL for no password at all. */
	const char *text = secret.len ? (const char *)secret.ptr : "";

	return PKCS5_PBKDF2_HMAC(text, (int)secret.len, salt.ptr, (int)salt.len, (int)rounds, md, (int)len, out) == 1;
}

/* rounds "$" ab64(salt) "$" ab64(key), as OpenLDAP's pw-pbkdf2 writes it */
static bool
is_pbkdf2(const struct scheme *s, struct bytes value, const struct bytes *secret, struct password_scratch *scratch)
{
	uint8_t salt[VALUE_OCTETS_MAX], key[VALUE_OCTETS_MAX], made[VALUE_OCTETS_MAX];
	size_t salt_len, key_len;
	uint64_t rounds;
	bool is_right;

	(void)scratch;
	if (!take_number(&value, ROUNDS_MAX, &rounds) || rounds == 0 || !take_char(&value, '$')
		|| !decode(take_until(&value, '$'), true, salt, sizeof salt, &salt_len)
		|| !decode(value, true, key, sizeof key, &key_len) || key_len != (size_t)EVP_MD_get_size(digest_of(s)))
		return false;
	if (!secret)
		return true;
	is_right = derive(digest_of(s), *secret, bytes_of(salt, salt_len), rounds, made, key_len)
		&& bytes_equal_secret(bytes_of(key, key_len), bytes_of(made, key_len));
	memory_wipe(made, sizeof made);
	return is_right;
}

/* iterations "," base64(salt) "," base64(StoredKey) "," base64(ServerKey); StoredKey = H(HMAC(SaltedPassword,
   "Client Key"))      RFC 5802 3 */
static bool
is_scram(const struct scheme *s, struct bytes value, const struct bytes *secret, struct password_scratch *scratch)
{
	uint8_t salt[VALUE_OCTETS_MAX], stored[VALUE_OCTETS_MAX], server[VALUE_OCTETS_MAX], salted[DIGEST_MAX], client[DIGEST_MAX], made[DIGEST_MAX];
	const EVP_MD *md = digest_of(s);
	size_t salt_len, stored_len, server_len, digest_len = md ? (size_t)EVP_MD_get_size(md) : 0;
	uint64_t rounds;
	bool is_right;

	(void)scratch;
	if (!md || !take_number(&value, ROUNDS_MAX, &rounds) || rounds == 0 || !take_char(&value, ',')
		|| !decode(take_until(&value, ','), false, salt, sizeof salt, &salt_len)
		|| !decode(take_until(&value, ','), false, stored, sizeof stored, &stored_len) || stored_len != digest_len
		|| !decode(value, false, server, sizeof server, &server_len) || server_len != digest_len)
		return false;
	if (!secret)
		return true;
	is_right = derive(md, *secret, bytes_of(salt, salt_len), rounds, salted, digest_len)
		&& HMAC(md, salted, (int)digest_len, (const uint8_t *)"Client Key", 10, client, NULL)
		&& make_digest(md, bytes_of(client, digest_len), BYTES_NONE, made)
		&& bytes_equal_secret(bytes_of(stored, stored_len), bytes_of(made, digest_len));
	memory_wipe(salted, sizeof salted);
	memory_wipe(client, sizeof client);
	return is_right;
}

static const struct scheme schemes[] = {
	{ BYTES_INIT("PLAIN"), is_plain, NULL, true },
	{ BYTES_INIT("CLEARTEXT"), is_plain, NULL, true },
	{ BYTES_INIT("SHA"), is_digest, "SHA1", true },
	{ BYTES_INIT("SSHA"), is_digest, "SHA1", true },
	{ BYTES_INIT("SHA256"), is_digest, "SHA256", true },
	{ BYTES_INIT("SSHA256"), is_digest, "SHA256", true },
	{ BYTES_INIT("SHA512"), is_digest, "SHA512", true },
	{ BYTES_INIT("SSHA512"), is_digest, "SHA512", true },
	{ BYTES_INIT("MD5"), is_digest, "MD5", true },
	{ BYTES_INIT("SMD5"), is_digest, "MD5", true },
	{ BYTES_INIT("CRYPT"), is_crypt, NULL, true },
	{ BYTES_INIT("ARGON2"), is_argon2, NULL, false },
	{ BYTES_INIT("ARGON2ID"), is_argon2, NULL, false },
	{ BYTES_INIT("PBKDF2-SHA256"), is_pbkdf2, "SHA256", true },
	{ BYTES_INIT("PBKDF2-SHA512"), is_pbkdf2, "SHA512", true },
	{ BYTES_INIT("SCRAM-SHA-256"), is_scram, "SHA256", true },
};

/* "{" NAME "}" value */
static const struct scheme *
take_scheme(struct bytes *stored)
{
	struct bytes rest = *stored, name;

	if (!take_char(&rest, '{') || bytes_find_char(rest, '}') == rest.len)
		return NULL;
	name = take_until(&rest, '}');
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (!bytes_equal_nocase(name, schemes[i].name))
			continue;
		*stored = rest;
		return &schemes[i];
	}
	return NULL;
}

bool
scheme_is_right(struct bytes stored, struct bytes secret, struct password_scratch *scratch)
{
	const struct scheme *s;

	/* What our own directory keeps has no scheme before it. */
	if (!bytes_starts(stored, BYTES("{")))
		return password_is_right(stored, secret, scratch);
	/* RFC 4616 2 knows no NUL in passwords; HMAC pads with it, so that one behind the password would not count. */
	if (secret.len == 0 || secret.len > PASSWORD_OCTETS_MAX || bytes_find_char(secret, '\0') < secret.len)
		return false;
	s = take_scheme(&stored);
	return s && s->is_right(s, stored, &secret, scratch);
}

bool
scheme_is_known(struct bytes stored)
{
	const struct scheme *s;

	if (!bytes_starts(stored, BYTES("{")))
		return password_is_hash(stored);
	s = take_scheme(&stored);
	return s && s->is_right(s, stored, NULL, NULL);
}

bool
scheme_is_cheap(struct bytes stored)
{
	const struct scheme *s = take_scheme(&stored);

	return s && s->is_cheap;
}
