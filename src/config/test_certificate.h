/* A certificate for tests. */
#ifndef CONFIG_TEST_CERTIFICATE_H
#define CONFIG_TEST_CERTIFICATE_H

/* For localhost, in force from 2026-11-22 to 2126-10-29, and its key. */
static const char testing_chain[] =
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
static const char testing_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnJRvlJtXrIllQ1+n\n"
	"3lTUKp8kL2mXssXBj4ab2Ir3rCahRANCAAQSyn7djy2Q4U/+7s+FrPxGr8a0GxsE\n"
	"ayVqy4MJLC6pjSgMhNC61iDi+MYMQnZhJaBWKEso58/Kiri9sz+sBxZL\n"
	"-----END PRIVATE KEY-----\n";

#endif
