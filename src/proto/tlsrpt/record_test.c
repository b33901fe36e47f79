#include "proto/tlsrpt/tlsrpt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

/* Each target of a record: "mailto ADDRESS;" or "https HOST PORT PATH;". */
static const char *
targets_of(const char *record)
{
	static char text[4096];
	static uint8_t octets[4096], list[4096];
	struct bytes rua;
	struct tlsrpt_target t;
	struct buf space, records;

	text[0] = '\0';
	buf_init_fixed(&space, octets, sizeof octets);
	buf_init_fixed(&records, list, sizeof list);
	put_u16(&records, (uint16_t)strlen(record));
	put_bytes(&records, bytes_text(record));
	if (!tlsrpt_find_rua(buf_bytes(&records), &rua))
		return "none";
	while (tlsrpt_take_target(&rua, &space, &t)) {
		size_t len = strlen(text);

		if (t.kind == TLSRPT_MAILTO)
			snprintf(text + len, sizeof text - len, "mailto %.*s;", BYTES_ARG(t.address));
		else
			snprintf(text + len, sizeof text - len, "https %.*s %u %.*s;", BYTES_ARG(t.host), t.port, BYTES_ARG(t.path));
	}
	return text;
}

static void
rfc8460_3_a_record_says_where_reports_go(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		/* the examples of 3.1.1 and 3.1.2 */
		{ "v=TLSRPTv1;rua=mailto:reports@example.com", "mailto reports@example.com;" },
		{ "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", "https reporting.example.com 443 /v1/tlsrpt;" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/d;", "mailto a@b.example;https c.example 443 /d;" },
		{ "v=TLSRPTv1 \t; \trua=mailto:a@b.example \t,\t mailto:c@d.example ; ", "mailto a@b.example;mailto c@d.example;" },
		{ "v=TLSRPTv1;rua=MAILTO:a@b.example,HTTPS://C.example", "mailto a@b.example;https C.example 443 /;" },
		/* 3: what is unknown is ignored */
		{ "v=TLSRPTv1; more=x!y; rua=mailto:a@b.example; some-thing.else_=z", "mailto a@b.example;" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example", "mailto a@b.example;" },
		{ "v=TLSRPTv1; rua=http://x.example/,ftp:x,mailto:a@b.example", "mailto a@b.example;" },
		/* RFC 6068 2 */
		{ "v=TLSRPTv1; rua=mailto:a%2Bb@c.example?subject=x", "mailto a+b@c.example;" },
		{ "v=TLSRPTv1; rua=mailto:%61@b%2Eexample", "mailto a@b.example;" },
		{ "v=TLSRPTv1; rua=mailto:a%2Cb@c.example", "" },
		{ "v=TLSRPTv1; rua=mailto:a%0Ab@c.example", "" },
		{ "v=TLSRPTv1; rua=mailto:%22a%20b%22@c.example", "" },
		{ "v=TLSRPTv1; rua=mailto:a%4@b.example", "" },
		{ "v=TLSRPTv1; rua=mailto:a@b%00.example", "" },
		{ "v=TLSRPTv1; rua=mailto:a@[192.0.2.1]", "" },
		{ "v=TLSRPTv1; rua=mailto:a.@b.example", "" },
		{ "v=TLSRPTv1; rua=mailto:a@b..example", "" },
		{ "v=TLSRPTv1; rua=mailto:a@-b.example", "" },
		{ "v=TLSRPTv1; rua=mailto:a", "" },
		{ "v=TLSRPTv1; rua=mailto:", "" },
		/* RFC 3986 */
		{ "v=TLSRPTv1; rua=https://a.example:8443/b?c=d%21&e", "https a.example 8443 /b?c=d%21&e;" },
		{ "v=TLSRPTv1; rua=https://a.example:0/", "" },
		{ "v=TLSRPTv1; rua=https://a.example:65536/", "" },
		{ "v=TLSRPTv1; rua=https://a.example:/", "" },
		{ "v=TLSRPTv1; rua=https://user@a.example/", "" },
		{ "v=TLSRPTv1; rua=https://[::1]/", "" },
		{ "v=TLSRPTv1; rua=https://.a.example/", "" },
		{ "v=TLSRPTv1; rua=https://a.example?b", "" },
		{ "v=TLSRPTv1; rua=https:///b", "" },
		{ "v=TLSRPTv1; rua=https://a.example/b#c", "" },
		{ "v=TLSRPTv1; rua=https://a.example/b c", "" },
		{ "v=TLSRPTv1; rua=https://a.example/b%2", "" },
		{ "v=TLSRPTv1; rua=https://a.example/b!10m", "" },
		/* no record */
		{ "v=TLSRPTv1; rua=", "none" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example; rua=", "none" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example; more=a=b", "none" },
		{ "v=TLSRPTv2; rua=mailto:a@b.example", "none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = targets_of(rows[i].in);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("\"%s\" gave \"%s\"", rows[i].in, got);
	}
}

/* libcurl goes there, whatever DNS says. */
static void
what_some_read_as_an_address_is_no_host(void **state)
{
	(void)state;
	assert_string_equal(targets_of("v=TLSRPTv1; rua=https://127.0.0.1/,https://0x7f.1./,https://2130706433/,https://a.example.0/,mailto:a@127.1"), "");
	assert_string_equal(targets_of("v=TLSRPTv1; rua=https://1.example./,https://localhost/"), "https 1.example. 443 /;https localhost 443 /;");
}

static void
a_target_is_no_longer_than_its_limit(void **state)
{
	char record[TLSRPT_TARGET_OCTETS_MAX + 100] = "v=TLSRPTv1; rua=https://a.example/";
	size_t end = strlen("v=TLSRPTv1; rua=") + TLSRPT_TARGET_OCTETS_MAX;

	(void)state;
	memset(record + strlen(record), 'x', end - strlen(record));
	assert_true(bytes_starts(bytes_text(targets_of(record)), BYTES("https a.example 443 /xx")));
	record[end] = 'x';
	assert_string_equal(targets_of(record), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8460_3_a_record_says_where_reports_go),
		cmocka_unit_test(what_some_read_as_an_address_is_no_host),
		cmocka_unit_test(a_target_is_no_longer_than_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
