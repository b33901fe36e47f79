/* What crypt(3) would be asked to do is read here, so that it is bounded before it is done. */
#include "role/directory/scheme_internal.h"

enum { BCRYPT_DIGITS = 22 + 31, DES_LEN = 13, DES_LONG_MAX = 178, MEMORY_BLOCK_LOG_OCTETS = 7, KIB_LOG_OCTETS = 10 };

/* The digits of crypt(3): "./0-9A-Za-z"; -1: none of them. */
static int
digit_value(uint8_t c)
{
	if (c == '.' || c == '/')
		return c - '.';
	if (c >= '0' && c <= '9')
		return c - '0' + 2;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 12;
	return c >= 'a' && c <= 'z' ? c - 'a' + 38 : -1;
}

/* A number of so many digits, the least first. */
static bool
take_digits(struct bytes *in, size_t count, uint64_t *out)
{
	struct bytes digits;

	*out = 0;
	if (!take_octets(in, count, &digits))
		return false;
	for (size_t i = count; i-- > 0;) {
		int value = digit_value(digits.ptr[i]);

		if (value < 0)
			return false;
		*out = *out << 6 | (uint64_t)value;
	}
	return true;
}

static bool
are_digits(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (digit_value(in.ptr[i]) < 0)
			return false;
	return true;
}

static enum scheme_verdict
judge_rounds(uint64_t rounds)
{
	return rounds > SCHEME_CRYPT_ROUNDS_MAX ? SCHEME_TOO_DEAR : SCHEME_USABLE;
}

/* "$2b$" 2DIGIT "$" salt and hash */
static enum scheme_verdict
judge_bcrypt(struct bytes in)
{
	uint64_t log_rounds;

	if (in.len != 3 + BCRYPT_DIGITS || !take_number(&in, 99, &log_rounds) || !take_char(&in, '$')
		|| in.len != BCRYPT_DIGITS || !are_digits(in))
		return SCHEME_MALFORMED;
	return log_rounds > SCHEME_BCRYPT_LOG_ROUNDS_MAX ? SCHEME_TOO_DEAR : SCHEME_USABLE;
}

/* "$6$" ["rounds=" number "$"] salt "$" hash */
static enum scheme_verdict
judge_sha2(struct bytes in)
{
	uint64_t rounds = 5000;

	if (take_text(&in, BYTES("rounds=")) && (!take_number(&in, UINT32_MAX, &rounds) || !take_char(&in, '$')))
		return SCHEME_MALFORMED;
	return judge_rounds(rounds);
}

/* Sun's: "$md5" [",rounds=" number] "$" … */
static enum scheme_verdict
judge_sun_md5(struct bytes in)
{
	uint64_t rounds = 0;

	if (take_text(&in, BYTES(",rounds=")) && !take_number(&in, UINT32_MAX, &rounds))
		return SCHEME_MALFORMED;
	return take_char(&in, '$') ? judge_rounds(rounds) : SCHEME_MALFORMED;
}

/* "$sha1$" number "$" … */
static enum scheme_verdict
judge_sha1(struct bytes in)
{
	uint64_t rounds;

	return take_number(&in, UINT32_MAX, &rounds) && take_char(&in, '$') ? judge_rounds(rounds) : SCHEME_MALFORMED;
}

/* 128 octets times r times 2^log_n. */
static enum scheme_verdict
judge_memory(uint64_t log_n, uint64_t r)
{
	if (log_n > 24 || r > UINT32_MAX)
		return SCHEME_TOO_DEAR;
	return r << log_n > (uint64_t)SCHEME_MEMORY_KIB_MAX << (KIB_LOG_OCTETS - MEMORY_BLOCK_LOG_OCTETS)
		? SCHEME_TOO_DEAR
		: SCHEME_USABLE;
}

/* "$y$j" N r "$" …: numbers below 48 are one digit, others and further parameters are nothing that is in use. */
static enum scheme_verdict
judge_yescrypt(struct bytes in)
{
	uint64_t log_n, r;

	if (!take_char(&in, 'j') || !take_digits(&in, 1, &log_n) || !take_digits(&in, 1, &r))
		return SCHEME_MALFORMED;
	if (log_n >= 48 || r >= 48 || !take_char(&in, '$'))
		return SCHEME_TOO_DEAR;
	return judge_memory(log_n + 1, r + 1);
}

/* "$7$" N 5(r) 5(p) salt "$" hash */
static enum scheme_verdict
judge_scrypt(struct bytes in)
{
	uint64_t log_n, r, p;

	if (!take_digits(&in, 1, &log_n) || !take_digits(&in, 5, &r) || !take_digits(&in, 5, &p))
		return SCHEME_MALFORMED;
	/* With p lanes one after the other the work is p times the memory's. */
	return p > SCHEME_ARGON2_LANES_MAX ? SCHEME_TOO_DEAR : judge_memory(log_n, r * (p ? p : 1));
}

/* BSDi's: "_" 4(rounds) 4(salt) hash */
static enum scheme_verdict
judge_bsdi(struct bytes in)
{
	uint64_t rounds;

	if (in.len != 4 + 4 + 11 || !are_digits(in) || !take_digits(&in, 4, &rounds))
		return SCHEME_MALFORMED;
	return judge_rounds(rounds);
}

static enum scheme_verdict
judge_fixed(struct bytes in)
{
	return in.len ? SCHEME_USABLE : SCHEME_MALFORMED;
}

/* 2(salt) 11(hash), and more of them in the form that takes long passwords. */
static enum scheme_verdict
judge_des(struct bytes in)
{
	return in.len >= DES_LEN && in.len <= DES_LONG_MAX && are_digits(in) ? SCHEME_USABLE : SCHEME_MALFORMED;
}

enum scheme_verdict
scheme_judge_crypt(struct bytes text)
{
	static const struct {
		struct bytes prefix;
		enum scheme_verdict (*judge)(struct bytes rest);
	} rows[] = {
		{ BYTES_INIT("$1$"), judge_fixed },
		{ BYTES_INIT("$2a$"), judge_bcrypt },
		{ BYTES_INIT("$2b$"), judge_bcrypt },
		{ BYTES_INIT("$2x$"), judge_bcrypt },
		{ BYTES_INIT("$2y$"), judge_bcrypt },
		{ BYTES_INIT("$3$"), judge_fixed },
		{ BYTES_INIT("$5$"), judge_sha2 },
		{ BYTES_INIT("$6$"), judge_sha2 },
		{ BYTES_INIT("$7$"), judge_scrypt },
		{ BYTES_INIT("$y$"), judge_yescrypt },
		{ BYTES_INIT("$gy$"), judge_yescrypt },
		{ BYTES_INIT("$sha1$"), judge_sha1 },
		{ BYTES_INIT("$md5"), judge_sun_md5 },
		{ BYTES_INIT("_"), judge_bsdi },
	};

	if (bytes_find_char(text, '\0') != text.len)
		return SCHEME_MALFORMED;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (take_text(&text, rows[i].prefix))
			return rows[i].judge(text);
	return text.len && text.ptr[0] == '$' ? SCHEME_UNKNOWN : judge_des(text);
}
