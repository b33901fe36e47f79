/* The encoded form is read here and not by libargon2, so that its costs are bounded before any memory is
   taken and so that the memory can be used again. */
#include "role/directory/password.h"

#include "base/buf.h"
#include "base/memory.h"
#include "sys/random.h"

#include <argon2.h>
#include <string.h>

/* RFC 9106 4 leaves the costs to the use; these are OWASP's for servers: 19 MiB, two rounds. */
#define COST_KIB 19456
#define COST_ROUNDS 2

enum {
	SALT_OCTETS = 16,
	HASH_OCTETS = 32,
	SALT_MAX = 64,
	HASH_MAX = 64,
	KIB_MAX = 256 * 1024,
	ROUNDS_MAX = 64,
	LANES_MAX = 16
};

#define AS_TEXT_OF(x) #x
#define AS_TEXT(x) AS_TEXT_OF(x)
#define PARAMETERS "$argon2id$v=19$m=" AS_TEXT(COST_KIB) ",t=" AS_TEXT(COST_ROUNDS) ",p=1$"

struct encoded {
	uint64_t kib, rounds, lanes;
	uint8_t salt[SALT_MAX];
	uint8_t hash[HASH_MAX];
	size_t salt_len, hash_len;
};

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base 64 without padding. */
static bool
decode_base64(struct bytes in, uint8_t *out, size_t size, size_t *len)
{
	uint32_t bits = 0;
	unsigned int bit_count = 0;

	*len = 0;
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
		if (*len == size)
			return false;
		bit_count -= 8;
		out[(*len)++] = (uint8_t)(bits >> bit_count);
	}
	return true;
}

static bool
parse(struct bytes in, struct encoded *e)
{
	struct bytes salt;

	if (!take_text(&in, BYTES("$argon2id$v=19$m=")) || !take_number(&in, KIB_MAX, &e->kib)
		|| !take_text(&in, BYTES(",t=")) || !take_number(&in, ROUNDS_MAX, &e->rounds)
		|| !take_text(&in, BYTES(",p=")) || !take_number(&in, LANES_MAX, &e->lanes)
		|| !take_char(&in, '$'))
		return false;
	salt = take_until(&in, '$');
	return decode_base64(salt, e->salt, sizeof e->salt, &e->salt_len)
		&& decode_base64(in, e->hash, sizeof e->hash, &e->hash_len)
		&& e->salt_len >= ARGON2_MIN_SALT_LENGTH && e->hash_len >= HASH_OCTETS / 2
		&& e->rounds > 0 && e->lanes > 0 && e->kib >= 8 * e->lanes;
}

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

/* Computes e->hash_len octets into `out`. */
static int
compute(struct encoded *e, struct bytes secret, uint8_t *out, struct password_scratch *scratch)
{
	struct password_scratch own = { NULL, 0 };
	argon2_context context = {
		.out = out,
		.outlen = (uint32_t)e->hash_len,
		.pwd = (uint8_t *)secret.ptr,
		.pwdlen = (uint32_t)secret.len,
		.salt = e->salt,
		.saltlen = (uint32_t)e->salt_len,
		.t_cost = (uint32_t)e->rounds,
		.m_cost = (uint32_t)e->kib,
		.lanes = (uint32_t)e->lanes,
		.threads = 1,
		.version = ARGON2_VERSION_13,
		.allocate_cbk = scratch_allocate,
		.free_cbk = scratch_deallocate,
	};
	int result;

	scratch_in_use = scratch ? scratch : &own;
	result = argon2id_ctx(&context);
	scratch_in_use = NULL;
	password_scratch_done(&own);
	return result;
}

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
	struct encoded e = { .kib = COST_KIB, .rounds = COST_ROUNDS, .lanes = 1,
		.salt_len = SALT_OCTETS, .hash_len = HASH_OCTETS };
	struct buf b;
	int result;

	if (secret.len == 0)
		return fault_set(f, FAULT_PERM, "the password is empty");
	if (secret.len > PASSWORD_OCTETS_MAX)
		return fault_set(f, FAULT_LIMIT, "the password is longer than %d octets",
			PASSWORD_OCTETS_MAX);
	random_fill(e.salt, e.salt_len);
	result = compute(&e, secret, e.hash, NULL);
	if (result != ARGON2_OK)
		return fault_set(f, FAULT_TEMP, "argon2: %s", argon2_error_message(result));
	buf_init_fixed(&b, encoded, PASSWORD_ENCODED_MAX);
	put_text(&b, PARAMETERS);
	put_base64(&b, bytes_of(e.salt, e.salt_len));
	put_char(&b, '$');
	put_base64(&b, bytes_of(e.hash, e.hash_len));
	put_char(&b, '\0');
	return 0;
}

bool
password_is_right(struct bytes encoded, struct bytes secret, struct password_scratch *scratch)
{
	struct encoded e;
	uint8_t computed[HASH_MAX];
	bool is_right;

	if (secret.len > PASSWORD_OCTETS_MAX || !parse(encoded, &e))
		return false;
	is_right = compute(&e, secret, computed, scratch) == ARGON2_OK
		&& bytes_equal_secret(bytes_of(e.hash, e.hash_len), bytes_of(computed, e.hash_len));
	memory_wipe(computed, sizeof computed);
	memory_wipe(&e, sizeof e);
	return is_right;
}

bool
password_is_hash(struct bytes encoded)
{
	struct encoded e;

	return parse(encoded, &e);
}

struct bytes
password_dummy(void)
{
	return BYTES(PARAMETERS "bWVybW96bWVybW96bWVybQ$bm9ib2R5a25vd3N0aGlzcGFzc3dvcmRub2JvZHlrbm8");
}
