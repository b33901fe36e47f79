#include "role/directory/password.h"

#include "base/memory.h"
#include "role/directory/scheme.h"
#include "role/directory/scheme_try.h"
#include "sys/random.h"

#include <argon2.h>

/* RFC 9106 4 leaves the costs to the use; these are OWASP's for servers: 19 MiB, two rounds. */
#define COST_KIB 19456
#define COST_ROUNDS 2

enum { SALT_OCTETS = 16, HASH_OCTETS = 32, SCHEME_NAME_MAX = 24 };

#define AS_TEXT_OF(x) #x
#define AS_TEXT(x) AS_TEXT_OF(x)
#define PARAMETERS "$argon2id$v=19$m=" AS_TEXT(COST_KIB) ",t=" AS_TEXT(COST_ROUNDS) ",p=1$"

static void
put_base64(struct buf *b, struct bytes in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned int bit_count = 0;

	for (size_t i = 0; i < in.len; i++) {
		bits = bits << 8 | in.ptr[i];
		for (bit_count += 8; bit_count >= 6; bit_count -= 6)
			put_char(b, (uint8_t)digits[bits >> (bit_count - 6) & 63]);
	}
	if (bit_count)
		put_char(b, (uint8_t)digits[bits << (6 - bit_count) & 63]);
}

int
password_hash(struct bytes secret, char encoded[PASSWORD_ENCODED_MAX], struct fault *f)
{
	uint8_t salt[SALT_OCTETS] = { 0 }, hash[HASH_OCTETS] = { 0 };
	const struct scheme_value costs = { .kind = SCHEME_ARGON2, .argon2 = SCHEME_ARGON2ID,
		.version = ARGON2_VERSION_13, .kib = COST_KIB, .rounds = COST_ROUNDS, .lanes = 1,
		.salt = bytes_of(salt, sizeof salt), .digest = bytes_of(hash, sizeof hash) };
	struct buf b;
	int result;

	if (secret.len == 0)
		return fault_set(f, FAULT_PERM, "the password is empty");
	if (secret.len > PASSWORD_OCTETS_MAX)
		return fault_set(f, FAULT_LIMIT, "the password is longer than %d octets",
			PASSWORD_OCTETS_MAX);
	random_fill(salt, sizeof salt);
	result = scheme_compute_argon2(&costs, secret, hash, NULL);
	if (result != ARGON2_OK)
		return fault_set(f, FAULT_TEMP, "argon2: %s", argon2_error_message(result));
	buf_init_fixed(&b, encoded, PASSWORD_ENCODED_MAX);
	put_text(&b, PARAMETERS);
	put_base64(&b, bytes_of(salt, sizeof salt));
	put_char(&b, '$');
	put_base64(&b, bytes_of(hash, sizeof hash));
	put_char(&b, '\0');
	return 0;
}

struct bytes
password_dummy(void)
{
	return BYTES(PARAMETERS "bWVybW96bWVybW96bWVybQ$bm9ib2R5a25vd3N0aGlzcGFzc3dvcmRub2JvZHlrbm8");
}

/* ---- several values */

/* The next value; false: there is none. */
static bool
take_value(struct bytes *stored, size_t *count, struct bytes *value)
{
	if (stored->len == 0 || *count == PASSWORD_VALUES_MAX)
		return false;
	++*count;
	*value = take_until(stored, '\0');
	return true;
}

static bool
names_its_scheme(struct bytes value)
{
	return scheme_name(value).len > 0 || bytes_starts(value, BYTES("$argon2id$"));
}

bool
password_put_value(struct buf *stored, struct bytes value, struct bytes default_scheme)
{
	bool has_name = default_scheme.len == 0 || names_its_scheme(value);
	size_t need = value.len + (has_name ? 0 : default_scheme.len + 2) + (stored->len > 0);

	if (value.len == 0 || bytes_find_char(value, '\0') != value.len || need > PASSWORD_STORED_MAX
		|| stored->len > PASSWORD_STORED_MAX - need)
		return false;
	if (stored->len)
		put_char(stored, '\0');
	if (!has_name) {
		put_char(stored, '{');
		put_bytes(stored, default_scheme);
		put_char(stored, '}');
	}
	put_bytes(stored, value);
	return !stored->has_failed;
}

bool
password_is_right(struct bytes stored, struct bytes secret, struct password_scratch *scratch)
{
	struct scheme_value parsed;
	struct bytes value;
	bool is_right = false;

	for (size_t count = 0; !is_right && take_value(&stored, &count, &value);)
		is_right = scheme_parse(value, &parsed) == SCHEME_USABLE && scheme_try(&parsed, secret, scratch);
	memory_wipe(&parsed, sizeof parsed);
	return is_right;
}

enum password_cost
password_cost(struct bytes stored)
{
	enum password_cost cost = PASSWORD_USELESS;
	struct scheme_value parsed;
	struct bytes value;

	for (size_t count = 0; take_value(&stored, &count, &value);)
		if (scheme_parse(value, &parsed) == SCHEME_USABLE) {
			if (cost == PASSWORD_USELESS)
				cost = PASSWORD_CHEAP;
			if (!scheme_is_cheap(&parsed))
				cost = PASSWORD_DEAR;
		}
	memory_wipe(&parsed, sizeof parsed);
	return cost;
}

static const char *
reason_of(enum scheme_verdict verdict)
{
	switch (verdict) {
	case SCHEME_UNKNOWN:
		return "the scheme is unknown";
	case SCHEME_MALFORMED:
		return "the value is malformed";
	case SCHEME_TOO_DEAR:
		return "the value asks for more time or memory than is given";
	case SCHEME_USABLE:
		break;
	}
	return NULL;
}

/* What stands in braces may be anything: only what could be a scheme's name is told. */
static struct bytes
presentable(struct bytes name)
{
	struct bytes rest = name;

	while (rest.len && (byte_is_class(*rest.ptr, CLASS_ALPHA | CLASS_DIGIT) || *rest.ptr == '-' || *rest.ptr == '.'))
		rest = bytes_sub(rest, 1, rest.len);
	return rest.len == 0 && name.len <= SCHEME_NAME_MAX ? name : BYTES_NONE;
}

bool
password_trouble(struct bytes stored, struct password_trouble *trouble)
{
	struct scheme_value parsed;
	struct bytes value;

	*trouble = (struct password_trouble){ BYTES_NONE, NULL };
	for (size_t count = 0; !trouble->reason && take_value(&stored, &count, &value);) {
		trouble->reason = reason_of(scheme_parse(value, &parsed));
		trouble->scheme = trouble->reason ? presentable(scheme_name(value)) : BYTES_NONE;
	}
	memory_wipe(&parsed, sizeof parsed);
	return trouble->reason != NULL;
}
