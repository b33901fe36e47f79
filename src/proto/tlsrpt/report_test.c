#include "proto/tlsrpt/tlsrpt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>
#include <zlib.h>

/* Appendix B, but for additional-information, which we have none of. */
static const struct tlsrpt_failure failures[] = {
	{ .result = TLSRPT_EXPIRED, .sending_ip = BYTES_INIT("2001:db8:abcd:12::1"), .mx = BYTES_INIT("mx1.mail.company-y.example"), .count = 100 },
	{ .result = TLSRPT_STARTTLS_NOT_SUPPORTED, .sending_ip = BYTES_INIT("2001:db8:abcd:13::1"), .mx = BYTES_INIT("mx2.mail.company-y.example"),
		.receiving_ip = BYTES_INIT("203.0.113.56"), .count = 200 },
	{ .result = TLSRPT_VALIDATION, .sending_ip = BYTES_INIT("198.51.100.62"), .mx = BYTES_INIT("mx-backup.mail.company-y.example"),
		.helo = BYTES_INIT("mx \"b\"\\\n\x80"), .receiving_ip = BYTES_INIT("203.0.113.58"), .reason = BYTES_INIT("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"), .count = 3 },
};
static const struct tlsrpt_policy policies[] = {
	{ .type = TLSRPT_STS, .domain = BYTES_INIT("company-y.example"),
		.text = BYTES_INIT("version: STSv1\r\nmode: testing\r\nmx: *.mail.company-y.example\r\nmx:  mx.company-y.example \nmax_age: 86400\n"),
		.successes = 5326, .failures = 303, .details = failures, .detail_count = 3 },
	{ .type = TLSRPT_TLSA, .domain = BYTES_INIT("mx.company-y.example"), .text = BYTES_INIT("3 1 1 1F850A\n2 0 1 00"), .successes = 1 },
	{ .type = TLSRPT_NO_POLICY, .domain = BYTES_INIT("company-y.example"), .successes = 2 },
};
static const struct tlsrpt_report report = { .organization = BYTES_INIT("Company-X"), .contact = BYTES_INIT("sts-reporting@company-x.example"),
	.id = BYTES_INIT("5065427c-23d3@company-x.example"), .domain = BYTES_INIT("company-y.example"), .submitter = BYTES_INIT("mail.company-x.example"),
	.begin_s = 1459468800, .end_s = 1459555199, .policies = policies, .policy_count = 3 };

static void
rfc8460_4_4_a_report_has_the_shape_of_appendix_b(void **state)
{
	static const char want[] = "{\"organization-name\":\"Company-X\",\"date-range\":{\"start-datetime\":\"2016-04-01T00:00:00Z\","
		"\"end-datetime\":\"2016-04-01T23:59:59Z\"},\"contact-info\":\"sts-reporting@company-x.example\","
		"\"report-id\":\"5065427c-23d3@company-x.example\",\"policies\":["
		"{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: testing\",\"mx: *.mail.company-y.example\","
		"\"mx:  mx.company-y.example \",\"max_age: 86400\"],\"policy-domain\":\"company-y.example\","
		"\"mx-host\":[\"*.mail.company-y.example\",\"mx.company-y.example\"]},"
		"\"summary\":{\"total-successful-session-count\":5326,\"total-failure-session-count\":303},\"failure-details\":["
		"{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"2001:db8:abcd:12::1\","
		"\"receiving-mx-hostname\":\"mx1.mail.company-y.example\",\"failed-session-count\":100},"
		"{\"result-type\":\"starttls-not-supported\",\"sending-mta-ip\":\"2001:db8:abcd:13::1\","
		"\"receiving-mx-hostname\":\"mx2.mail.company-y.example\",\"receiving-ip\":\"203.0.113.56\",\"failed-session-count\":200},"
		"{\"result-type\":\"validation-failure\",\"sending-mta-ip\":\"198.51.100.62\","
		"\"receiving-mx-hostname\":\"mx-backup.mail.company-y.example\",\"receiving-mx-helo\":\"mx \\\"b\\\"\\\\??\","
		"\"receiving-ip\":\"203.0.113.58\",\"failed-session-count\":3,\"failure-reason-code\":\"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED\"}]},"
		"{\"policy\":{\"policy-type\":\"tlsa\",\"policy-string\":[\"3 1 1 1F850A\",\"2 0 1 00\"],\"policy-domain\":\"mx.company-y.example\"},"
		"\"summary\":{\"total-successful-session-count\":1,\"total-failure-session-count\":0},\"failure-details\":[]},"
		"{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"company-y.example\"},"
		"\"summary\":{\"total-successful-session-count\":2,\"total-failure-session-count\":0},\"failure-details\":[]}]}\n";
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	tlsrpt_put_json(&out, &report);
	if (!bytes_equal(buf_bytes(&out), bytes_text(want)))
		fail_msg("%.*s\n%s", BYTES_ARG(buf_bytes(&out)), want);
	buf_done(&out);
}

static void
rfc8460_4_3_each_result_has_a_name(void **state)
{
	(void)state;
	for (enum tlsrpt_result r = TLSRPT_SUCCESS; r < TLSRPT_RESULTS; r++)
		assert_non_null(tlsrpt_result_name(r));
	for (enum tlsrpt_policy_type t = TLSRPT_NO_POLICY; t < TLSRPT_POLICY_TYPES; t++)
		assert_non_null(tlsrpt_policy_type_name(t));
}

static void
rfc8460_5_1_a_file_is_named_by_whom_about_whom_and_when(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	tlsrpt_put_file_name(&out, &report);
	assert_true(bytes_equal(buf_bytes(&out), BYTES("mail.company-x.example!company-y.example!1459468800!1459555199.json.gz")));
	buf_done(&out);
}

static void
rfc8460_5_2_what_is_compressed_comes_back(void **state)
{
	uint8_t back[100];
	z_stream z = { .next_out = back, .avail_out = sizeof back };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	tlsrpt_put_gzip(&out, BYTES("{\"a\":1}"));
	z.next_in = out.ptr;
	z.avail_in = (uInt)out.len;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_true(bytes_equal(bytes_of(back, sizeof back - z.avail_out), BYTES("{\"a\":1}")));
	(void)inflateEnd(&z);
	buf_done(&out);
}

static void
what_fits_when_it_is_compressed_is_not_too_long(void **state)
{
	static uint8_t long_text[200000];
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	tlsrpt_put_gzip(&out, BYTES("{\"a\":1}"));
	assert_true(out.has_failed);
	buf_done(&out);
	buf_init(&out, 65536);
	tlsrpt_put_gzip(&out, bytes_of(long_text, sizeof long_text));
	assert_false(out.has_failed);
	assert_in_range(out.len, 20, 2000);
	buf_done(&out);
}

static void
rfc8460_5_3_a_mail_carries_a_report(void **state)
{
	static const char want[] = "From: <sts-reporting@company-x.example>\nTo: <tlsrpt@company-y.example>\n"
		"Subject: Report Domain: company-y.example\n\tSubmitter: mail.company-x.example\n\tReport-ID: <5065427c-23d3@company-x.example>\n"
		"Date: Sat, 02 Apr 2016 00:00:00 +0000\nMessage-ID: <ID@mail.company-x.example>\n"
		"TLS-Report-Domain: company-y.example\nTLS-Report-Submitter: mail.company-x.example\nTLS-Required: No\n"
		"Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		"Content-Type: multipart/report; report-type=\"tlsrpt\";\n\tboundary=\"=_tls-report\"\n\n"
		"--=_tls-report\nContent-Type: text/plain; charset=us-ascii\nContent-Language: en\n\n"
		"This is a report on TLS (RFC 8460) for company-y.example\nfrom mail.company-x.example,\n"
		"of sessions from 2016-04-01T00:00:00Z to 2016-04-01T23:59:59Z.\nQuestions: sts-reporting@company-x.example\n"
		"\n--=_tls-report\nContent-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment;\n"
		"\tfilename=\"mail.company-x.example!company-y.example!1459468800!1459555199.json.gz\"\n\n"
		"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\nNzg5\n"
		"\n--=_tls-report--\n";
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	tlsrpt_put_mail(&out, &report, BYTES("tlsrpt@company-y.example"), BYTES("ID"), 1459555200,
		BYTES("012345678901234567890123456789012345678901234567890123456789"));
	if (!bytes_equal(buf_bytes(&out), bytes_text(want)))
		fail_msg("%.*s", BYTES_ARG(buf_bytes(&out)));
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8460_4_4_a_report_has_the_shape_of_appendix_b),
		cmocka_unit_test(rfc8460_4_3_each_result_has_a_name),
		cmocka_unit_test(rfc8460_5_1_a_file_is_named_by_whom_about_whom_and_when),
		cmocka_unit_test(rfc8460_5_2_what_is_compressed_comes_back),
		cmocka_unit_test(what_fits_when_it_is_compressed_is_not_too_long),
		cmocka_unit_test(rfc8460_5_3_a_mail_carries_a_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
