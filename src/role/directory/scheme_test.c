#include "role/directory/scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Made by slappasswd, mkpasswd and Python's hashlib for "secret" (and "pässwörd" where it says so). */
static const struct {
	const char *name, *stored, *secret;
} right[] = {
	{ "plain", "{PLAIN}secret", "secret" },
	{ "plain, lower case", "{plain}secret", "secret" },
	{ "utf-8", "{CLEARTEXT}pässwörd", "pässwörd" },
	{ "SHA", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret" },
	{ "SHA256", "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", "secret" },
	{ "SHA512", "{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/isg==", "secret" },
	{ "MD5", "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "secret" },
	{ "SSHA", "{SSHA}HG/9vK0+zE2lcbR7MNfYZTPlZvSPOlwAEf9+Qg==", "secret" },
	{ "SSHA256", "{SSHA256}JsgCIyNRZz8M6462NgoCLdiS2xrKVNLgh+snZLFOXcePOlwAEf9+Qg==", "secret" },
	{ "SSHA512", "{SSHA512}esZs8M6FdvRdH2bYHLNmF8nFVfxWhzY8+T60F/3d348v9GAAmAgqf5YlmJEHR6HdeiqYR2SSiuZ2eP89ZuXKHo86XAAR/35C", "secret" },
	{ "SMD5", "{SMD5}xhyr7jfuOE0mC65GmFrDhI86XAAR/35C", "secret" },
	{ "slappasswd -h {SSHA}", "{SSHA}IQg3mEqcrIn8xNjHGiCeShabp78ojJxm", "secret" },
	{ "slappasswd -h {SMD5}", "{SMD5}Ep8vxFjcRsyXCDy0T3TjDIm9dEw=", "secret" },
	{ "sha512-crypt", "{CRYPT}$6$rounds=5000$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1", "secret" },
	{ "bcrypt", "{CRYPT}$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret" },
	{ "md5-crypt", "{CRYPT}$1$saltsalt$9xy1btjgzLYfb7hivXtC//", "secret" },
	{ "yescrypt", "{CRYPT}$y$j75$saltsaltsalt$jyf/lxrpdyAIshWRo1x5DRC6KIE7sNRRtjcomR3PgHA", "secret" },
	{ "pbkdf2-sha256", "{PBKDF2-SHA256}10000$jzpcABH/fkKPOlwAEf9.Qg$aUG/mCY6P/6Lnf6rQ/lLETmQGDT4opTQVOUrftQ/N38", "secret" },
	{ "pbkdf2-sha512", "{PBKDF2-SHA512}1000$jzpcABH/fkKPOlwAEf9.Qg$0gFH8MU2hgyofdcbR/.BpsHcCmoFaXA6fJiMYoT6anumTN3vY2SZJUCeLKDf8pAMH1ffv/glJrfeHxOfUBRYRQ", "secret" },
	{ "scram", "{SCRAM-SHA-256}4096,jzpcABH/fkI=,4l2kb3qv+DwRKDgcCEkzBMedZADJzCWC88obtvMHUBI=,XrmJ6Yb3J/4l/qo8xmehi0OGve7xMvUxtxsyEbVY3oI=", "secret" },
};

static void
each_scheme_knows_its_password_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		struct bytes stored = bytes_text(right[i].stored);

		if (!scheme_is_known(stored) || !scheme_is_right(stored, bytes_text(right[i].secret), NULL)
			|| scheme_is_right(stored, BYTES("Secret"), NULL) || scheme_is_right(stored, BYTES("secre"), NULL)
			|| scheme_is_right(stored, BYTES("secret\0"), NULL) || scheme_is_right(stored, BYTES_NONE, NULL))
			fail_msg("%s", right[i].name);
	}
}

static void
no_cut_of_a_stored_value_takes_the_password(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		for (size_t len = 0; len < bytes_text(right[i].stored).len; len++)
				/* A stored plain password cut is another one; padding of base 64 may be missing. */
			if (len < bytes_text(right[i].stored).len * 2 / 3
				&& scheme_is_right(bytes_of(right[i].stored, len), bytes_text(right[i].secret), NULL))
				fail_msg("%s cut at %zu", right[i].name, len);
}

static void
what_is_malformed_unknown_or_too_dear_is_never_right(void **state)
{
	static const char *const rows[] = { "", "{", "{}", "{}secret", "{PLAIN", "{PLAIN}", "secret", "{ROT13}frperg", "{SSHA}",
		"{SSHA}!!!!", "{SSHA}c2VjcmV0", "{CRYPT}", "{CRYPT}*0", "{PBKDF2-SHA256}0$AAAA$AAAA",
		"{PBKDF2-SHA256}99999999999$c2FsdA$c2VjcmV0c2VjcmV0c2VjcmV0", "{PBKDF2-SHA256}1000", "{SCRAM-SHA-256}4096",
		"{SCRAM-SHA-256}4096,c2FsdA==,c2FsdA==,c2FsdA==", "{ARGON2}$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (scheme_is_right(bytes_text(rows[i]), BYTES("secret"), NULL) || scheme_is_right(bytes_text(rows[i]), BYTES_NONE, NULL))
			fail_msg("%s", rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheme_knows_its_password_and_no_other),
		cmocka_unit_test(no_cut_of_a_stored_value_takes_the_password),
		cmocka_unit_test(what_is_malformed_unknown_or_too_dear_is_never_right),
	};

	return cmocka_run_group_tests_name("scheme", tests, NULL, NULL);
}
