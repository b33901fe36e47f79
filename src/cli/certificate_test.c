#include "cli/certificate.h"

#include "cli/test_support.h"

#include <string.h>

/* For localhost, in force from 2026-11-22 to 2126-10-29, and its key; another key. */
static const char chain[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBfjCCASWgAwIBAgIUKlFEwfpnTLLzCuenO+Uwn7bP4IAwCgYIKoZIzj0EAwIw\n"
	"FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjExMzUwMFoYDzIxMjYxMDI5\n"
	"MTEzNTAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
	"PQMBBwNCAAQSyn7djy2Q4U/+7s+FrPxGr8a0GxsEayVqy4MJLC6pjSgMhNC61iDi\n"
	"+MYMQnZhJaBWKEso58/Kiri9sz+sBxZLo1MwUTAdBgNVHQ4EFgQUhZP7yTTY8w4m\n"
	"5OOH76SgEHe7+8wwHwYDVR0jBBgwFoAUhZP7yTTY8w4m5OOH76SgEHe7+8wwDwYD\n"
	"VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAhK80aB1tM8uCxvkNCywsa\n"
	"FXDzO+ThS3GRGr6ccKrF/wIgSd62q/bR3IOY0uAqnA0qzDNzKBnjnAzPoaDGO0qD\n"
	"Ldk=\n"
	"-----END CERTIFICATE-----\n";
static const char key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnJRvlJtXrIllQ1+n\n"
	"3lTUKp8kL2mXssXBj4ab2Ir3rCahRANCAAQSyn7djy2Q4U/+7s+FrPxGr8a0GxsE\n"
	"ayVqy4MJLC6pjSgMhNC61iDi+MYMQnZhJaBWKEso58/Kiri9sz+sBxZL\n"
	"-----END PRIVATE KEY-----\n";
static const char other_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgO4GBx1BAVa4JBbps\n"
	"kDRvlhx7xn1cfneGhqbAcKoPjrahRANCAAQpr3Bv9qWoGoJtdmbc7330YtzCISWA\n"
	"gNzz5JlwxuoPo6dpAJsPI7ViH/r6QQKXT0UtPkN2xqMs7WkhoxaNxQ7l\n"
	"-----END PRIVATE KEY-----\n";

enum { DAY = 86400, NOW = 1796083200 /* 2026-12-01 */ };

static const struct {
	const char *chain, *key;
	int64_t now_s;
	const char *says; /* NULL: good */
} rows[] = {
	{ chain, key, NOW, NULL },
	{ chain, other_key, NOW, "another certificate" },
	{ chain, chain, NOW, "the key can't be read" },
	{ key, key, NOW, "the certificate can't be read" },
	{ "", key, NOW, "the certificate can't be read" },
	{ chain, key, (int64_t)NOW - 100 * DAY, "not in force yet" },
	{ chain, key, NOW + (int64_t)36600 * DAY, "expired" },
};

static void
a_key_belongs_to_its_certificate_and_the_day(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = { 0 };
		int result = certificate_check(bytes_text(rows[i].chain), bytes_text(rows[i].key), rows[i].now_s, &f);

		assert_int_equal(result, rows[i].says ? -1 : 0);
		if (rows[i].says)
			assert_non_null(strstr(f.text, rows[i].says));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_belongs_to_its_certificate_and_the_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
