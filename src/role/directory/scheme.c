#include "role/directory/scheme.h"

#include "role/directory/scheme_internal.h"

#include <string.h>

enum encoding { ENCODING_OWN, ENCODING_BASE64, ENCODING_HEX };

static const struct scheme {
	const char *name;
	enum scheme_kind kind;
	enum scheme_hash hash;
	bool is_salted; /* the salt follows the digest */
} schemes[] = {
	{ "PLAIN", SCHEME_PLAIN, HASH_NONE, false },
	{ "CLEARTEXT", SCHEME_PLAIN, HASH_NONE, false },
	{ "CLEAR", SCHEME_PLAIN, HASH_NONE, false },
	{ "MD5", SCHEME_DIGEST, HASH_MD5, false },
	{ "LDAP-MD5", SCHEME_DIGEST, HASH_MD5, false },
	{ "PLAIN-MD5", SCHEME_DIGEST, HASH_MD5, false },
	{ "SMD5", SCHEME_DIGEST, HASH_MD5, true },
	{ "SHA", SCHEME_DIGEST, HASH_SHA1, false },
	{ "SHA1", SCHEME_DIGEST, HASH_SHA1, false },
	{ "SSHA", SCHEME_DIGEST, HASH_SHA1, true },
	{ "SHA256", SCHEME_DIGEST, HASH_SHA256, false },
	{ "SSHA256", SCHEME_DIGEST, HASH_SHA256, true },
	{ "SHA512", SCHEME_DIGEST, HASH_SHA512, false },
	{ "SSHA512", SCHEME_DIGEST, HASH_SHA512, true },
	{ "CRYPT", SCHEME_CRYPT, HASH_NONE, false },
	{ "DES-CRYPT", SCHEME_CRYPT, HASH_NONE, false },
	{ "MD5-CRYPT", SCHEME_CRYPT, HASH_NONE, false },
	{ "BLF-CRYPT", SCHEME_CRYPT, HASH_NONE, false },
	{ "SHA256-CRYPT", SCHEME_CRYPT, HASH_NONE, false },
	{ "SHA512-CRYPT", SCHEME_CRYPT, HASH_NONE, false },
	{ "ARGON2", SCHEME_ARGON2, HASH_NONE, false },
	{ "ARGON2I", SCHEME_ARGON2, HASH_NONE, false },
	{ "ARGON2ID", SCHEME_ARGON2, HASH_NONE, false },
	{ "PBKDF2", SCHEME_PBKDF2, HASH_SHA1, false },
	{ "PBKDF2-SHA1", SCHEME_PBKDF2, HASH_SHA1, false },
	{ "PBKDF2-SHA256", SCHEME_PBKDF2, HASH_SHA256, false },
	{ "PBKDF2-SHA512", SCHEME_PBKDF2, HASH_SHA512, false },
	{ "SCRAM-SHA-1", SCHEME_SCRAM, HASH_SHA1, false },
	{ "SCRAM-SHA-256", SCHEME_SCRAM, HASH_SHA256, false },
};

/* Fewer octets of a hash could be met by chance. */
enum { DIGEST_OCTETS_MIN = 16, SALT_OCTETS_MAX = 256, ARGON2_SALT_OCTETS_MIN = 8, ARGON2_VERSION_10 = 16 };

size_t
scheme_hash_octets(enum scheme_hash hash)
{
	static const size_t octets[] = { 0, 16, 20, 32, 64 };

	return octets[hash];
}

/* ---- encodings */

/* Of base64, and of the kind that has "." in place of "+". */
static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '.' ? 62 : c == '/' ? 63 : -1;
}

/* The next octets of `space`; false: there is no room. */
static bool
keep(struct scheme_value *v, uint8_t octet)
{
	if (v->used == sizeof v->space)
		return false;
	v->space[v->used++] = octet;
	return true;
}

static struct bytes
without_padding(struct bytes in)
{
	if (in.len % 4 || !in.len || in.ptr[in.len - 1] != '=')
		return in;
	return bytes_sub(in, 0, in.len - (in.ptr[in.len - 2] == '=' ? 2 : 1));
}

/* RFC 4648 4, with its padding or without. */
static bool
decode_base64(struct scheme_value *v, struct bytes in, struct bytes *out)
{
	size_t from = v->used;
	uint32_t bits = 0;
	unsigned int bit_count = 0;

	in = without_padding(in);
	if (in.len % 4 == 1)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		int value = base64_value(in.ptr[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		if (!keep(v, (uint8_t)(bits >> bit_count)))
			return false;
	}
	*out = bytes_of(v->space + from, v->used - from);
	return true;
}

static int
hex_value(uint8_t c)
{
	c = byte_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
decode_hex(struct scheme_value *v, struct bytes in, struct bytes *out)
{
	size_t from = v->used;

	if (in.len % 2)
		return false;
	for (size_t i = 0; i < in.len; i += 2) {
		int high = hex_value(in.ptr[i]), low = hex_value(in.ptr[i + 1]);

		if (high < 0 || low < 0 || !keep(v, (uint8_t)(high << 4 | low)))
			return false;
	}
	*out = bytes_of(v->space + from, v->used - from);
	return true;
}

static bool
decode(struct scheme_value *v, enum encoding encoding, struct bytes in, struct bytes *out)
{
	switch (encoding) {
	case ENCODING_BASE64:
		return decode_base64(v, in, out);
	case ENCODING_HEX:
		return decode_hex(v, in, out);
	case ENCODING_OWN:
		break;
	}
	*out = in;
	return true;
}

/* ---- the schemes */

static enum scheme_verdict
judge(bool is_sound)
{
	return is_sound ? SCHEME_USABLE : SCHEME_MALFORMED;
}

/* No password that reaches us has a NUL (RFC 4616 2), and none is empty. */
static enum scheme_verdict
parse_plain(struct bytes text, struct scheme_value *v)
{
	v->secret_text = text;
	return judge(text.len > 0 && bytes_find_char(text, '\0') == text.len);
}

static enum scheme_verdict
parse_crypt(struct bytes text, struct scheme_value *v)
{
	v->secret_text = text;
	return scheme_judge_crypt(text);
}

/* Octets of the digest, then of the salt. */
static enum scheme_verdict
parse_raw_digest(const struct scheme *s, struct bytes raw, struct scheme_value *v)
{
	size_t octets = scheme_hash_octets(s->hash);

	v->digest = bytes_sub(raw, 0, octets);
	v->salt = bytes_sub(raw, v->digest.len, raw.len);
	return judge(v->digest.len == octets && (s->is_salted || v->salt.len == 0));
}

/* In base64, as hexadecimal digits when there are exactly so many, or as Dovecot's {MD5}, which is crypt's. */
static enum scheme_verdict
parse_digest(const struct scheme *s, struct bytes text, enum encoding encoding, struct scheme_value *v)
{
	struct bytes raw = text;

	if (encoding == ENCODING_OWN && s->hash == HASH_MD5 && bytes_starts(text, BYTES("$1$"))) {
		v->kind = SCHEME_CRYPT;
		return parse_crypt(text, v);
	}
	if (encoding == ENCODING_OWN) {
		bool is_hex = !s->is_salted && text.len == 2 * scheme_hash_octets(s->hash);

		if (!(is_hex ? decode_hex(v, text, &raw) : decode_base64(v, text, &raw)))
			return SCHEME_MALFORMED;
	}
	return parse_raw_digest(s, raw, v);
}

static bool
take_argon2_kind(struct bytes *in, enum scheme_argon2 *kind)
{
	if (take_text(in, BYTES("$argon2id$")))
		*kind = SCHEME_ARGON2ID;
	else if (take_text(in, BYTES("$argon2i$")))
		*kind = SCHEME_ARGON2I;
	else if (take_text(in, BYTES("$argon2d$")))
		*kind = SCHEME_ARGON2D;
	else
		return false;
	return true;
}

/* Without it, the first version. */
static bool
take_argon2_version(struct bytes *in, uint32_t *version)
{
	uint64_t number = ARGON2_VERSION_10;

	if (take_text(in, BYTES("v=")) && (!take_number(in, UINT32_MAX, &number) || !take_char(in, '$')))
		return false;
	*version = (uint32_t)number;
	return number == ARGON2_VERSION_10 || number == 19;
}

static enum scheme_verdict
judge_argon2_costs(const struct scheme_value *v)
{
	if (v->rounds == 0 || v->lanes == 0 || v->kib < 8 * v->lanes)
		return SCHEME_MALFORMED;
	if (v->kib > SCHEME_MEMORY_KIB_MAX || v->rounds > SCHEME_ARGON2_ROUNDS_MAX
		|| v->lanes > SCHEME_ARGON2_LANES_MAX || v->kib * v->rounds > SCHEME_ARGON2_WORK_KIB_MAX)
		return SCHEME_TOO_DEAR;
	return SCHEME_USABLE;
}

/* "$argon2id$v=19$m=…,t=…,p=…$salt$hash" */
static enum scheme_verdict
parse_argon2(struct bytes in, struct scheme_value *v)
{
	if (!take_argon2_kind(&in, &v->argon2) || !take_argon2_version(&in, &v->version)
		|| !take_text(&in, BYTES("m=")) || !take_number(&in, UINT32_MAX, &v->kib)
		|| !take_text(&in, BYTES(",t=")) || !take_number(&in, UINT32_MAX, &v->rounds)
		|| !take_text(&in, BYTES(",p=")) || !take_number(&in, UINT32_MAX / 8, &v->lanes)
		|| !take_char(&in, '$'))
		return SCHEME_MALFORMED;
	if (!decode_base64(v, take_until(&in, '$'), &v->salt) || !decode_base64(v, in, &v->digest)
		|| v->salt.len < ARGON2_SALT_OCTETS_MIN || v->salt.len > SALT_OCTETS_MAX
		|| v->digest.len < DIGEST_OCTETS_MIN || v->digest.len > SCHEME_DIGEST_MAX)
		return SCHEME_MALFORMED;
	return judge_argon2_costs(v);
}

static enum scheme_verdict
judge_rounds(const struct scheme_value *v)
{
	if (v->rounds == 0 || v->salt.len == 0 || v->salt.len > SALT_OCTETS_MAX)
		return SCHEME_MALFORMED;
	if (v->digest.len < DIGEST_OCTETS_MIN || v->digest.len > SCHEME_DIGEST_MAX)
		return SCHEME_MALFORMED;
	return v->rounds > SCHEME_PBKDF2_ROUNDS_MAX ? SCHEME_TOO_DEAR : SCHEME_USABLE;
}

/* Dovecot's: "$1$salt$rounds$digest", the salt as it stands and the digest in hexadecimal digits. */
static enum scheme_verdict
parse_dovecot_pbkdf2(struct bytes in, struct scheme_value *v)
{
	v->salt = take_until(&in, '$');
	if (!take_number(&in, UINT32_MAX, &v->rounds) || !take_char(&in, '$') || !decode_hex(v, in, &v->digest))
		return SCHEME_MALFORMED;
	return judge_rounds(v);
}

/* OpenLDAP's: "rounds$salt$digest", both in base64 with "." for "+". */
static enum scheme_verdict
parse_pbkdf2(struct bytes in, struct scheme_value *v)
{
	if (take_text(&in, BYTES("$1$")))
		return parse_dovecot_pbkdf2(in, v);
	if (!take_number(&in, UINT32_MAX, &v->rounds) || !take_char(&in, '$')
		|| !decode_base64(v, take_until(&in, '$'), &v->salt) || !decode_base64(v, in, &v->digest))
		return SCHEME_MALFORMED;
	return judge_rounds(v);
}

/* "rounds,salt,stored key,server key" (the keys of RFC 5802 3). */
static enum scheme_verdict
parse_scram(struct bytes in, struct scheme_value *v)
{
	struct bytes server_key;

	if (!take_number(&in, UINT32_MAX, &v->rounds) || !take_char(&in, ',')
		|| !decode_base64(v, take_until(&in, ','), &v->salt)
		|| !decode_base64(v, take_until(&in, ','), &v->digest) || !decode_base64(v, in, &server_key)
		|| v->digest.len != scheme_hash_octets(v->hash) || server_key.len != v->digest.len)
		return SCHEME_MALFORMED;
	return judge_rounds(v);
}

/* ---- all of it */

static const struct scheme *
find_scheme(struct bytes name)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (bytes_equal_nocase(name, bytes_text(schemes[i].name)))
			return &schemes[i];
	return NULL;
}

static bool
take_name(struct bytes *in, struct bytes *name)
{
	struct bytes rest = *in;

	if (!take_char(&rest, '{') || bytes_find_char(rest, '}') == rest.len)
		return false;
	*name = take_until(&rest, '}');
	*in = rest;
	return true;
}

struct bytes
scheme_name(struct bytes value)
{
	struct bytes name = BYTES_NONE;

	return take_name(&value, &name) ? name : BYTES_NONE;
}

bool
scheme_is_known(struct bytes name)
{
	return find_scheme(name) != NULL;
}

/* Dovecot's {SCHEME.b64} and {SCHEME.hex}. */
static struct bytes
without_encoding(struct bytes name, enum encoding *encoding)
{
	static const struct {
		struct bytes suffix;
		enum encoding encoding;
	} rows[] = {
		{ BYTES_INIT(".b64"), ENCODING_BASE64 },
		{ BYTES_INIT(".base64"), ENCODING_BASE64 },
		{ BYTES_INIT(".hex"), ENCODING_HEX },
	};

	*encoding = ENCODING_OWN;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bytes_ends_nocase(name, rows[i].suffix)) {
			*encoding = rows[i].encoding;
			return bytes_sub(name, 0, name.len - rows[i].suffix.len);
		}
	return name;
}

static enum scheme_verdict
parse_as(const struct scheme *s, enum encoding encoding, struct bytes text, struct scheme_value *v)
{
	if (!decode(v, encoding, text, &text))
		return SCHEME_MALFORMED;
	v->kind = s->kind;
	v->hash = s->hash;
	switch (s->kind) {
	case SCHEME_PLAIN:
		return parse_plain(text, v);
	case SCHEME_DIGEST:
		return parse_digest(s, text, encoding, v);
	case SCHEME_CRYPT:
		return parse_crypt(text, v);
	case SCHEME_ARGON2:
		return parse_argon2(text, v);
	case SCHEME_PBKDF2:
		return parse_pbkdf2(text, v);
	case SCHEME_SCRAM:
		return parse_scram(text, v);
	}
	return SCHEME_UNKNOWN;
}

enum scheme_verdict
scheme_parse(struct bytes value, struct scheme_value *out)
{
	struct bytes name = BYTES("ARGON2ID");
	enum encoding encoding;
	const struct scheme *s;

	memset(out, 0, offsetof(struct scheme_value, space));
	if (!take_name(&value, &name) && !bytes_starts(value, BYTES("$argon2id$")))
		return SCHEME_UNKNOWN;
	s = find_scheme(without_encoding(name, &encoding));
	if (!s)
		return SCHEME_UNKNOWN;
	return value.len > SCHEME_VALUE_MAX ? SCHEME_TOO_DEAR : parse_as(s, encoding, value, out);
}

bool
scheme_is_cheap(const struct scheme_value *value)
{
	return value->kind == SCHEME_PLAIN || value->kind == SCHEME_DIGEST;
}
