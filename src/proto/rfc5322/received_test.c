#include "proto/rfc5322/received.h"

#include "proto/rfc5322/header.h"
#include "proto/rfc5322/test_rows.h"

static const struct rfc5322_received usual = {
	.helo = BYTES_INIT("client.example"),
	.client_address = BYTES_INIT("192.0.2.1"),
	.client_name = BYTES_INIT("mail.client.example"),
	.by = BYTES_INIT("mx.example.org"),
	.is_esmtp = true,
	.is_tls = true,
	.tls_version = BYTES_INIT("TLSv1.3"),
	.tls_cipher = BYTES_INIT("TLS_AES_256_GCM_SHA384"),
	.mail_id = BYTES_INIT("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
	.recipient = BYTES_INIT("bob@example.org"),
	.date_s = 880127706,
	.zone_minutes = -360,
};

static void
check(const char *name, const struct rfc5322_received *r, const char *want)
{
	struct buf got;

	buf_init(&got, 4096);
	rfc5322_put_received(&got, r);
	assert_text(name, &got, want);
	buf_done(&got);
}

static void
everything_known_is_told_rfc5321_4_4(void **state)
{
	(void)state;
	check("usual", &usual,
		"Received: from client.example (mail.client.example [192.0.2.1])\n"
		"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\n"
		"\tby mx.example.org with ESMTPS id 01ARZ3NDEKTSV4RRFFQ69G5FAV\n"
		"\tfor <bob@example.org>;\n"
		"\tFri, 21 Nov 1997 09:55:06 -0600\n");
}

static void
what_is_not_known_is_left_out(void **state)
{
	struct rfc5322_received r = usual;

	(void)state;
	r.client_name = r.recipient = BYTES_NONE;
	r.client_address = BYTES("2001:db8::1");
	r.is_tls = r.is_esmtp = false;
	r.helo = BYTES_NONE;
	check("plain", &r,
		"Received: from unknown ([IPv6:2001:db8::1])\n"
		"\tby mx.example.org with SMTP id 01ARZ3NDEKTSV4RRFFQ69G5FAV;\n"
		"\tFri, 21 Nov 1997 09:55:06 -0600\n");
}

static void
protocols_have_the_names_of_rfc3848_and_rfc6531(void **state)
{
	static const struct {
		bool is_esmtp, is_tls, is_authenticated, is_utf8;
		const char *want;
	} rows[] = {
		{ false, false, false, false, "SMTP" },
		{ true, false, false, false, "ESMTP" },
		{ true, false, true, false, "ESMTPA" },
		{ true, true, false, false, "ESMTPS" },
		{ true, true, true, false, "ESMTPSA" },
		{ true, false, false, true, "UTF8SMTP" },
		{ true, false, true, true, "UTF8SMTPA" },
		{ true, true, false, true, "UTF8SMTPS" },
		{ true, true, true, true, "UTF8SMTPSA" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct rfc5322_received r = {
			.is_esmtp = rows[i].is_esmtp,
			.is_tls = rows[i].is_tls,
			.is_authenticated = rows[i].is_authenticated,
			.is_utf8 = rows[i].is_utf8,
		};

		assert_string_equal(rfc5322_received_protocol(&r), rows[i].want);
	}
}

static void
a_hostile_name_forges_nothing(void **state)
{
	static const struct bytes names[] = {
		BYTES_INIT("x\r\nX-Forged: 1"),
		BYTES_INIT("x\nX-Forged: 1"),
		BYTES_INIT("x) by y; (z"),
		BYTES_INIT("x\\"),
		BYTES_INIT("\"x"),
		BYTES_INIT("x\0y"),
		BYTES_INIT("x\x80y"),
		BYTES_INIT("<x>"),
	};
	struct bytes in, name, value, field;
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct rfc5322_received r = usual;

		r.helo = r.client_name = r.client_address = r.tls_cipher = names[i];
		r.recipient = BYTES("a\r\n\r\nb");
		buf_reset(&got);
		rfc5322_put_received(&got, &r);
		in = buf_bytes(&got);
		assert_true(take_header_field(&in, &name, &value, &field));
		assert_int_equal(in.len, 0);
		assert_int_equal(bytes_find(field, BYTES("\\")), field.len);
		assert_int_equal(bytes_find(field, BYTES("; (z")), field.len);
	}
	buf_done(&got);
}

static void
utf8_names_are_told_when_the_mail_is_utf8_rfc6531_3_7_3(void **state)
{
	struct rfc5322_received r = { .helo = BYTES_INIT("b\xc3\xbc"
							 "cher.example"),
		.is_utf8 = true,
		.is_esmtp = true };

	(void)state;
	check("UTF-8", &r,
		"Received: from b\xc3\xbc"
		"cher.example\n\tby unknown with UTF8SMTP id unknown;\n"
		"\tThu, 01 Jan 1970 00:00:00 +0000\n");
	r.is_utf8 = false;
	check("not UTF-8", &r,
		"Received: from b??cher.example\n\tby unknown with ESMTP id unknown;\n"
		"\tThu, 01 Jan 1970 00:00:00 +0000\n");
}

static void
long_names_are_cut(void **state)
{
	static uint8_t octets[5000];
	struct rfc5322_received r = usual;
	struct buf got;

	(void)state;
	memset(octets, 'a', sizeof octets);
	r.helo = r.client_name = bytes_of(octets, sizeof octets);
	buf_init(&got, 4096);
	rfc5322_put_received(&got, &r);
	assert_false(got.has_failed);
	assert_true(bytes_find_char(buf_bytes(&got), '\n') < 998);
	buf_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_known_is_told_rfc5321_4_4),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(protocols_have_the_names_of_rfc3848_and_rfc6531),
		cmocka_unit_test(a_hostile_name_forges_nothing),
		cmocka_unit_test(utf8_names_are_told_when_the_mail_is_utf8_rfc6531_3_7_3),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests_name("rfc5322/received", tests, NULL, NULL);
}
