#include "cli/certificate.h"

#include "cli/test_support.h"
#include "config/test_certificate.h"

#include <string.h>

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
	{ testing_chain, testing_key, NOW, NULL },
	{ testing_chain, other_key, NOW, "another certificate" },
	{ testing_chain, testing_chain, NOW, "the key can't be read" },
	{ testing_key, testing_key, NOW, "the certificate can't be read" },
	{ "", testing_key, NOW, "the certificate can't be read" },
	{ testing_chain, testing_key, (int64_t)NOW - 100 * DAY, "not in force yet" },
	{ testing_chain, testing_key, NOW + (int64_t)36600 * DAY, "expired" },
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
