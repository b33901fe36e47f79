/* A certificate for tests. */
#ifndef CONFIG_TEST_CERTIFICATE_H
#define CONFIG_TEST_CERTIFICATE_H

/* For localhost, mta-sts.sts.example and mx.sts.example, in force from 2026-11-29 to 2126-10-29, and its key. */
static const char testing_chain[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBvDCCAWKgAwIBAgIURthoJuuFMtzXBgkS/7TqIX+JKa8wCgYIKoZIzj0EAwIw\n"
	"FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTEyNDUzMFoYDzIxMjYxMDMw\n"
	"MTI0NTMwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
	"PQMBBwNCAAQSyn7djy2Q4U/+7s+FrPxGr8a0GxsEayVqy4MJLC6pjSgMhNC61iDi\n"
	"+MYMQnZhJaBWKEso58/Kiri9sz+sBxZLo4GPMIGMMB0GA1UdDgQWBBSFk/vJNNjz\n"
	"Dibk44fvpKAQd7v7zDAfBgNVHSMEGDAWgBSFk/vJNNjzDibk44fvpKAQd7v7zDAP\n"
	"BgNVHRMBAf8EBTADAQH/MDkGA1UdEQQyMDCCCWxvY2FsaG9zdIITbXRhLXN0cy5z\n"
	"dHMuZXhhbXBsZYIObXguc3RzLmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIhAMF0\n"
	"OsYZdTa3CyFOXHgi814FW7nDPtpzkx6KCFCt6vE3AiAGasCmQKg/nS8VxxKqxH5u\n"
	"oNdwpmwExsBHNAI8eT1vVQ==\n"
	"-----END CERTIFICATE-----\n";
static const char testing_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnJRvlJtXrIllQ1+n\n"
	"3lTUKp8kL2mXssXBj4ab2Ir3rCahRANCAAQSyn7djy2Q4U/+7s+FrPxGr8a0GxsE\n"
	"ayVqy4MJLC6pjSgMhNC61iDi+MYMQnZhJaBWKEso58/Kiri9sz+sBxZL\n"
	"-----END PRIVATE KEY-----\n";

#endif
