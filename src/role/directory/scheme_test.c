/* "correct horse" as slappasswd 2.5, doveadm pw 2.3, libxcrypt 4.4 and Python's hashlib wrote it. */
#include "role/directory/scheme_try.h"

#include "sys/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char *const written_by_others[] = {
	"{PLAIN}correct horse",
	"{plain}correct horse",
	"{CLEARTEXT}correct horse",
	"{CLEAR}correct horse",
	"{PLAIN.B64}Y29ycmVjdCBob3JzZQ==",
	"{PLAIN.base64}Y29ycmVjdCBob3JzZQ",
	"{PLAIN.HEX}636f727265637420686f727365",
	"{SSHA}Z2Z0TknuLZbDuIGngYVvNyBC/q6FoJ8r",
	"{SSHA}/abGfIIIJkjth/Gn/48NwUqaq+4mFGXc",
	"{ssha}/abGfIIIJkjth/Gn/48NwUqaq+4mFGXc",
	"{SSHA.B64}niVJKyDjAGYu3k1eNO9Mp8o5DZjuhmLz",
	"{SSHA256}GKX31o4d4+c3Enpt0NEgYF5CoA2Zl448A/sSg4CItwvh1Kj4BMrXaA==",
	"{SSHA256}Zx6dC/dKTtQaqQJEEsH9Xpyet+9YhSMdLGMSWyZCPMvnrVrn",
	"{SSHA256.HEX}3b836d9704ba7b78edbcb160d19be837127b4e538df165daf863689e3bc6f5e43df2a684",
	"{SSHA512}0YkYps3z33YuRuC+DnbY3YE/x6T5wX8Fiyx/tTHbCYl145au0V5A72wGlFThoLOdvtqrCmbvweI6lhXULZ/KTtGjh14amk9z",
	"{SSHA512}Ooh03QNQzcsYqlfnX2cK63/q1PJKYLY3NUO8VHzIujlNOYR5zlsYKrKuooQERbl4IgdUyhcBH1/BH557JGV5f+UhkGs=",
	"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA}2f9e53523b62abc141a2b4d6019d23cba835dbd0",
	"{SHA.HEX}2F9E53523B62ABC141A2B4D6019D23CBA835DBD0",
	"{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
	"{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
	"{MD5}PLTnMmMfR+brlh80VUt83g==",
	"{MD5}$1$3Oi0gLf7$eS.fHsH.i9hT3VpL1nr1J0",
	"{LDAP-MD5}PLTnMmMfR+brlh80VUt83g==",
	"{PLAIN-MD5}3cb4e732631f47e6eb961f34554b7cde",
	"{SMD5}i4kMG51W35K2B22Hg93vyKmfzYc=",
	"{SMD5}i0zUJuRnNR7TlVpfFEBqHommSPw=",
	"{CRYPT}Yddg/tQ3RHib.38N2rxLIUzw",
	"{CRYPT}abhfCpXqd4GrI",
	"{DES-CRYPT}jeZBZ3U.2mwc6",
	"{CRYPT}_J9..abcdtIvPUrZYa6w",
	"{CRYPT}$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
	"{MD5-CRYPT}$1$PBohyYCX$d1iQa8qf0mrlXpVl/pzqL.",
	"{CRYPT}$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
	"{BLF-CRYPT}$2y$05$VAqMHvO6BOYFkGUyAm.FK.VblQvKQCA9VF494zZJSTnr.hYZ0wuIK",
	"{CRYPT.B64}JDJ5JDA1JElMdTBuYnljcUduV0ZxbDhNT2Z0NU9MbTJYZW84MEpZNnhrQ1dweDdLMS9QREJtRHoyVXZX",
	"{CRYPT}$3$$cfc43211ba8dc470832267827cac1407",
	"{CRYPT}$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
	"{SHA256-CRYPT}$5$8rnfHFSYaz8VdFc5$wx6cvZnNFQzFNWVi6jjDEMyPLDw7yYF13K2NkjXTQe8",
	"{CRYPT}$6$rounds=1000$saltsalt$4GMtaIz3E1AdDi2SmCokEW0ehi.HdxNDcL3fGE1XXuzvo6kbx7UOloZKONqEk5H3JrQA4NOfU8BmqFPrpGqwA1",
	"{SHA512-CRYPT}$6$ROESvdVwZUZrOIX/$SA/SOrErwKSD532IERIqlpQPI69PrEE.SvpdY3KJUsBDz0kNJxmMc3wQrs0TrOwtf9MWAr9O8UM/jrrJ4i09m0",
	"{CRYPT}$7$CU..../....abcdefgh$zsdaqwx89mPOv8.UAUJOC7yCeca1WUSV.qqzsN2U1JA",
	"{CRYPT}$y$j9T$abcdefghijklmnop/.$YDASnMxy5jAEWGfDMn..GelsoHfLyxU8NbEH7Vb/FQ9",
	"{CRYPT}$gy$j9T$abcdefghijklmnop$OoCZc5LoOgQrpI9itgWeephZAERGDeOFMt6RAJyjSP3",
	"{CRYPT}$sha1$1000$abcdefgh$LpGT5uib.TPY6JU14eMS/Z58xRQB",
	"{CRYPT}$md5,rounds=100$abcdefgh$$pKi9KLr.1Vdfm0BG3Na9T.",
	"{CRYPT}$md5$abcdefgh$$A8TL8sY7.pGvXG33VEUpT0",
	"{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$/94ryduZVwgSdY3dPX2EKg$9JPiMobU5MtPDyRFLyFrwXd02CCS9V//OXDhYpIydGo",
	"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$ZGLV2pf0TOTrYylWjjH7Tg$pj/yARiL7wYWzW3wScqrtSsTC7PvoJ/zQ+Cun4Lzsfg",
	"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$Z9v+2/l10qgSdmnuh4/s4w$9RsCOeJ99up8I0QbS8PtIF8UGJFoAx8bHj+4Jn8R27A",
	"{PBKDF2}$1$iA7vbVie0g1vpeq3$5000$db6e4f180db648c9f6a21d9200827f98ef8e3fdb",
	"{PBKDF2}10000$8PHy8/T19vf4.fr7/P3./w$iiaRwK91PlMsAaRQo0ARI/Zndrc",
	"{PBKDF2-SHA1}10000$8PHy8/T19vf4.fr7/P3./w$iiaRwK91PlMsAaRQo0ARI/Zndrc",
	"{PBKDF2-SHA256}10000$8PHy8/T19vf4.fr7/P3./w$cJYs3G8FC0/oJUBVk9pSYC7DRxRJqCzrN83ZNG1s2vs",
	"{PBKDF2-SHA512}10000$8PHy8/T19vf4.fr7/P3./w$pUUws/Jy0XmvIiQq3.5ezTLuIDUqzNgfv9b8OP/PMQyE11DTZBdXbb/BosP2fIdOSbnd/b1JcdzVYZo7NWbyVA",
	"{SCRAM-SHA-1}4096,8ufL/hs40HogeQR4srzOWw==,C8cj//f64Q57E7qNZZEV9SmrUy8=,fU6QG0eNaKLpzBZNubyAu2QcTg0=",
	"{SCRAM-SHA-256}4096,p6HIVxxB5XUq2/EYtWw0xg==,BerYYEjoflqh08zoPORoyROM2U0a6F+XTawPuu4TlqA=,3GZGxxZrFhd7V7rkpPXimIMmvm+APkQgdQ8Lnx210IE=",
};

/* "secret", as slappasswd, mkpasswd and hashlib wrote it. */
static const char *const short_ones[] = {
	"{PLAIN}secret",
	"{plain}secret",
	"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
	"{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
	"{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/isg==",
	"{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
	"{SSHA}HG/9vK0+zE2lcbR7MNfYZTPlZvSPOlwAEf9+Qg==",
	"{SSHA256}JsgCIyNRZz8M6462NgoCLdiS2xrKVNLgh+snZLFOXcePOlwAEf9+Qg==",
	"{SSHA512}esZs8M6FdvRdH2bYHLNmF8nFVfxWhzY8+T60F/3d348v9GAAmAgqf5YlmJEHR6HdeiqYR2SSiuZ2eP89ZuXKHo86XAAR/35C",
	"{SMD5}xhyr7jfuOE0mC65GmFrDhI86XAAR/35C",
	"{SSHA}IQg3mEqcrIn8xNjHGiCeShabp78ojJxm",
	"{SMD5}Ep8vxFjcRsyXCDy0T3TjDIm9dEw=",
	"{CRYPT}$6$rounds=5000$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
	"{CRYPT}$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
	"{CRYPT}$1$saltsalt$9xy1btjgzLYfb7hivXtC//",
	"{CRYPT}$y$j75$saltsaltsalt$jyf/lxrpdyAIshWRo1x5DRC6KIE7sNRRtjcomR3PgHA",
	"{PBKDF2-SHA256}10000$jzpcABH/fkKPOlwAEf9.Qg$aUG/mCY6P/6Lnf6rQ/lLETmQGDT4opTQVOUrftQ/N38",
	"{PBKDF2-SHA512}1000$jzpcABH/fkKPOlwAEf9.Qg$0gFH8MU2hgyofdcbR/.BpsHcCmoFaXA6fJiMYoT6anumTN3vY2SZJUCeLKDf8pAMH1ffv/glJrfeHxOfUBRYRQ",
	"{SCRAM-SHA-256}4096,jzpcABH/fkI=,4l2kb3qv+DwRKDgcCEkzBMedZADJzCWC88obtvMHUBI=,XrmJ6Yb3J/4l/qo8xmehi0OGve7xMvUxtxsyEbVY3oI=",
};

static void
short_passwords_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof short_ones / sizeof *short_ones; i++)
		if (!password_is_right(bytes_text(short_ones[i]), BYTES("secret"), NULL)
			|| password_is_right(bytes_text(short_ones[i]), BYTES("secre"), NULL))
			fail_msg("%s", short_ones[i]);
	assert_true(password_is_right(BYTES("{CLEARTEXT}pässwörd"), BYTES("pässwörd"), NULL));
}

static void
what_other_programs_wrote_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof written_by_others / sizeof *written_by_others; i++) {
		struct bytes stored = bytes_text(written_by_others[i]);
		struct password_trouble trouble;

		if (!password_is_right(stored, BYTES("correct horse"), NULL))
			fail_msg("%s: not right", written_by_others[i]);
		if (password_is_right(stored, BYTES("korrect horse"), NULL)
			|| password_is_right(stored, BYTES("Correct horse"), NULL)
			|| password_is_right(stored, BYTES("correct horse\0"), NULL)
			|| password_is_right(stored, BYTES_NONE, NULL))
			fail_msg("%s: right for another", written_by_others[i]);
		assert_false(password_trouble(stored, &trouble));
	}
}

/* Cut or with one octet changed at any place, it never makes another password right. */
static void
cut_and_changed_values_make_no_other_password_right(void **state)
{
	static struct scheme_value v;
	uint8_t copy[SCHEME_VALUE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof written_by_others / sizeof *written_by_others; i++) {
		struct bytes whole = bytes_text(written_by_others[i]);

		for (size_t len = 0; len < whole.len; len++) {
			memcpy(copy, whole.ptr, whole.len);
			if (scheme_parse(bytes_of(copy, len), &v) == SCHEME_USABLE && scheme_is_cheap(&v))
				assert_false(scheme_try(&v, BYTES("another"), NULL));
			copy[len] ^= 1;
			if (scheme_parse(bytes_of(copy, whole.len), &v) == SCHEME_USABLE && scheme_is_cheap(&v))
				assert_false(scheme_try(&v, BYTES("another"), NULL));
		}
	}
}

struct row {
	const char *value;
	enum scheme_verdict verdict;
};

#define SALT "c29tZXNhbHQ"
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define BCRYPT "abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"
#define YESCRYPT "$abcdefghijklmnop$OoCZc5LoOgQrpI9itgWeephZAERGDeOFMt6RAJyjSP3"
#define SCRAM_KEY "BerYYEjoflqh08zoPORoyROM2U0a6F+XTawPuu4TlqA="

static const struct row rows[] = {
	{ "", SCHEME_UNKNOWN },
	{ "secret", SCHEME_UNKNOWN },
	{ "{", SCHEME_UNKNOWN },
	{ "{}", SCHEME_UNKNOWN },
	{ "{}secret", SCHEME_UNKNOWN },
	{ "{SSHA", SCHEME_UNKNOWN },
	{ "{KERBEROS}alice@EXAMPLE.ORG", SCHEME_UNKNOWN },
	{ "{SASL}alice", SCHEME_UNKNOWN },
	{ "{.b64}AAAA", SCHEME_UNKNOWN },
	{ "{PLAIN.b32}AAAA", SCHEME_UNKNOWN },
	{ "{PLAIN}", SCHEME_MALFORMED },
	{ "{PLAIN.b64}", SCHEME_MALFORMED },
	{ "{PLAIN.b64}A", SCHEME_MALFORMED },
	{ "{PLAIN.b64}AA==", SCHEME_MALFORMED },
	{ "{PLAIN.hex}6", SCHEME_MALFORMED },
	{ "{PLAIN.hex}6g", SCHEME_MALFORMED },
	{ "{SHA}", SCHEME_MALFORMED },
	{ "{SHA}L55TUjtiq8FBorTWAZ0jy6g129", SCHEME_MALFORMED },
	{ "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=AAAA", SCHEME_MALFORMED },
	{ "{SHA}Z2Z0TknuLZbDuIGngYVvNyBC/q6FoJ8r", SCHEME_MALFORMED },
	{ "{SSHA}L55TUjtiq8FBorTWAZ0jy6g1", SCHEME_MALFORMED },
	{ "{SSHA}L55T Ujtiq8FBorTWAZ0jy6g129A=", SCHEME_MALFORMED },
	{ "{SHA}====", SCHEME_MALFORMED },
	{ "{MD5}3cb4e732631f47e6eb961f34554b7cdg", SCHEME_MALFORMED },
	{ "{CRYPT}", SCHEME_MALFORMED },
	{ "{CRYPT}x", SCHEME_MALFORMED },
	{ "{CRYPT}*", SCHEME_MALFORMED },
	{ "{CRYPT}!abhfCpXqd4GrI", SCHEME_MALFORMED },
	{ "{CRYPT}$9$x", SCHEME_UNKNOWN },
	{ "{CRYPT}$1$", SCHEME_MALFORMED },
	{ "{CRYPT}$2b$14$" BCRYPT, SCHEME_USABLE },
	{ "{CRYPT}$2b$15$" BCRYPT, SCHEME_TOO_DEAR },
	{ "{CRYPT}$2b$31$" BCRYPT, SCHEME_TOO_DEAR },
	{ "{CRYPT}$2b$5$" BCRYPT, SCHEME_MALFORMED },
	{ "{CRYPT}$2b$05$" BCRYPT "x", SCHEME_MALFORMED },
	{ "{CRYPT}$6$rounds=1000000$salt$x", SCHEME_USABLE },
	{ "{CRYPT}$6$rounds=1000001$salt$x", SCHEME_TOO_DEAR },
	{ "{CRYPT}$5$rounds=999999999$salt$x", SCHEME_TOO_DEAR },
	{ "{CRYPT}$6$rounds=99999999999999999999$salt$x", SCHEME_MALFORMED },
	{ "{CRYPT}$6$rounds=1000", SCHEME_MALFORMED },
	{ "{CRYPT}$sha1$1000001$abcdefgh$x", SCHEME_TOO_DEAR },
	{ "{CRYPT}$md5,rounds=1000001$abcdefgh$$x", SCHEME_TOO_DEAR },
	{ "{CRYPT}$md5x", SCHEME_MALFORMED },
	{ "{CRYPT}_zzzzabcdtIvPUrZYa6w", SCHEME_TOO_DEAR },
	{ "{CRYPT}_J9..abcd", SCHEME_MALFORMED },
	{ "{CRYPT}$y$jCT" YESCRYPT, SCHEME_USABLE },
	{ "{CRYPT}$y$jET" YESCRYPT, SCHEME_TOO_DEAR },
	{ "{CRYPT}$y$jzT" YESCRYPT, SCHEME_TOO_DEAR },
	{ "{CRYPT}$y$j9z" YESCRYPT, SCHEME_TOO_DEAR },
	{ "{CRYPT}$y$j9T0" YESCRYPT, SCHEME_TOO_DEAR },
	{ "{CRYPT}$y$/9T" YESCRYPT, SCHEME_MALFORMED },
	{ "{CRYPT}$7$EU..../....abcdefgh$x", SCHEME_USABLE },
	{ "{CRYPT}$7$FU..../....abcdefgh$x", SCHEME_TOO_DEAR },
	{ "{CRYPT}$7$CU...zz....abcdefgh$x", SCHEME_TOO_DEAR },
	{ "{CRYPT}$7$C", SCHEME_MALFORMED },
	{ "{ARGON2}", SCHEME_MALFORMED },
	{ "{ARGON2}$argon2x$v=19$m=256,t=2,p=1$" SALT "$" HASH, SCHEME_MALFORMED },
	{ "{ARGON2}$argon2d$m=256,t=2,p=1$" SALT "$" HASH, SCHEME_USABLE },
	{ "{ARGON2}$argon2i$v=16$m=256,t=2,p=1$" SALT "$" HASH, SCHEME_USABLE },
	{ "{ARGON2}$argon2i$v=18$m=256,t=2,p=1$" SALT "$" HASH, SCHEME_MALFORMED },
	{ "{ARGON2}$argon2i$v=19$m=262144,t=4,p=1$" SALT "$" HASH, SCHEME_USABLE },
	{ "{ARGON2}$argon2i$v=19$m=262144,t=5,p=1$" SALT "$" HASH, SCHEME_TOO_DEAR },
	{ "{ARGON2}$argon2i$v=19$m=262145,t=1,p=1$" SALT "$" HASH, SCHEME_TOO_DEAR },
	{ "{ARGON2}$argon2i$v=19$m=4294967295,t=4294967295,p=1$" SALT "$" HASH, SCHEME_TOO_DEAR },
	{ "{ARGON2}$argon2i$v=19$m=256,t=65,p=1$" SALT "$" HASH, SCHEME_TOO_DEAR },
	{ "{ARGON2}$argon2i$v=19$m=256,t=2,p=17$" SALT "$" HASH, SCHEME_TOO_DEAR },
	{ "$argon2i$v=19$m=256,t=2,p=1$" SALT "$" HASH, SCHEME_UNKNOWN },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH, SCHEME_USABLE },
	{ "{PBKDF2-SHA256}0$" SALT "$" HASH, SCHEME_MALFORMED },
	{ "{PBKDF2-SHA256}2000000$" SALT "$" HASH, SCHEME_USABLE },
	{ "{PBKDF2-SHA256}2000001$" SALT "$" HASH, SCHEME_TOO_DEAR },
	{ "{PBKDF2-SHA256}99999999999$" SALT "$" HASH, SCHEME_MALFORMED },
	{ "{PBKDF2-SHA256}1000$$" HASH, SCHEME_MALFORMED },
	{ "{PBKDF2-SHA256}1000$" SALT "$" SALT, SCHEME_MALFORMED },
	{ "{PBKDF2-SHA256}1000", SCHEME_MALFORMED },
	{ "{PBKDF2}$1$salt$2000001$db6e4f180db648c9f6a21d9200827f98ef8e3fdb", SCHEME_TOO_DEAR },
	{ "{PBKDF2}$1$salt$5000$db6e4f180db648c9f6a21d9200827f98ef8e3fd", SCHEME_MALFORMED },
	{ "{SCRAM-SHA-256}4096," SALT "," SCRAM_KEY "," SCRAM_KEY, SCHEME_USABLE },
	{ "{SCRAM-SHA-256}2000001," SALT "," SCRAM_KEY "," SCRAM_KEY, SCHEME_TOO_DEAR },
	{ "{SCRAM-SHA-256}4096," SALT "," SCRAM_KEY, SCHEME_MALFORMED },
	{ "{SCRAM-SHA-1}4096," SALT "," SCRAM_KEY "," SCRAM_KEY, SCHEME_MALFORMED },
};

static void
what_is_malformed_unknown_or_too_dear_is_told_apart(void **state)
{
	static struct scheme_value v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (scheme_parse(bytes_text(rows[i].value), &v) != rows[i].verdict)
			fail_msg("%s: not %d", rows[i].value, rows[i].verdict);
}

static void
long_values_are_not_read(void **state)
{
	static struct scheme_value v;
	uint8_t value[7 + SCHEME_VALUE_MAX + 1];

	(void)state;
	memset(value, 'x', sizeof value);
	memcpy(value, "{PLAIN}", 7);
	assert_int_equal(scheme_parse(bytes_of(value, sizeof value - 1), &v), SCHEME_USABLE);
	assert_true(scheme_try(&v, bytes_of(value + 7, SCHEME_VALUE_MAX), NULL));
	assert_false(scheme_try(&v, bytes_of(value + 7, SCHEME_VALUE_MAX - 1), NULL));
	assert_int_equal(scheme_parse(bytes_of(value, sizeof value), &v), SCHEME_TOO_DEAR);
}

/* Two µs when optimised; the bound leaves room for sanitizers and a busy machine. */
static void
what_is_cheap_is_cheap(void **state)
{
	static uint8_t huge[PASSWORD_OCTETS_MAX];
	enum { TIMES = 200 };

	(void)state;
	memset(huge, 'x', sizeof huge);
	for (size_t i = 0; i < sizeof written_by_others / sizeof *written_by_others; i++) {
		struct bytes stored = bytes_text(written_by_others[i]);
		int64_t before_us = time_now().mono_us;

		if (password_cost(stored) != PASSWORD_CHEAP)
			continue;
		for (int n = 0; n < TIMES; n++)
			assert_false(password_is_right(stored, bytes_of(huge, sizeof huge), NULL));
		assert_true(time_now().mono_us - before_us < TIMES * 500);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_passwords_are_read),
		cmocka_unit_test(what_other_programs_wrote_is_read),
		cmocka_unit_test(cut_and_changed_values_make_no_other_password_right),
		cmocka_unit_test(what_is_malformed_unknown_or_too_dear_is_told_apart),
		cmocka_unit_test(long_values_are_not_read),
		cmocka_unit_test(what_is_cheap_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
