#include "role/front/signing.h"

#include "proto/dkim/dkim.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void
the_domain_of_from_is_one_and_as_dns_writes_it_rfc5322_3_6_2(void **state)
{
	static const struct {
		const char *header, *want; /* NULL: none */
	} rows[] = {
		{ "From: a@One.Example\n\n", "one.example" },
		{ "Subject: x\nfrom : \"b@two.example\" (c@three.example)\n <a@\n one.example>\n", "one.example" },
		{ "From: a@one.example, b@ONE.example\n", "one.example" },
		{ "From: friends: a@one.example, b@one.example;\n", "one.example" },
		{ "From: a@b\xc3\xbc\x63her.example\n", "xn--bcher-kva.example" },
		{ "From: a@one.example, b@two.example\n", NULL },
		{ "From: a@one.example\nFrom: a@one.example\n", NULL },
		{ "From: a@one.example\nFROM: a@two.example\n", NULL },
		{ "From: nobody\n", NULL },
		{ "From: a@one.example, nobody\n", NULL },
		{ "From:\n", NULL },
		{ "From: undisclosed:;\n", NULL },
		{ "Subject: x\n\nFrom: a@one.example\n", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct domain domain;
		bool is_found = signing_from(bytes_text(rows[i].header), &domain);

		if (is_found != (rows[i].want != NULL) || (is_found && !bytes_equal(domain_bytes(&domain), bytes_text(rows[i].want))))
			fail_msg("%s", rows[i].header);
	}
}

static struct config *
config_with_key(struct config_dkim *key)
{
	static struct config config;

	*key = (struct config_dkim){ .domain = BYTES("ours.example") };
	config.dkim = key;
	config.dkim_count = 1;
	return &config;
}

static void
who_may_speak_for_the_domain_of_from_is_signed_for(void **state)
{
	static const struct {
		const char *sender, *address, *from;
		bool is_known, is_trusted, want;
	} rows[] = {
		{ "a@ours.example", "a@ours.example", "a@ours.example", true, false, true },
		{ "a@Sub.Ours.example", "", "a@sub.ours.example", true, true, true },
		{ "a@theirs.example", "a@ours.example", "a@ours.example", true, false, true },
		{ "a@ours.example", "", "a@sub.ours.example", true, false, false },
		{ "a@ours.example", "a@ours.example", "a@theirs.example", true, false, false },
		{ "a@theirs.example", "a@theirs.example", "a@theirs.example", true, false, false },
		{ "", "", "a@ours.example", false, true, true },
		{ "a@ours.example", "", "a@theirs.example", false, true, false },
		{ "a@ours.example", "", "a@ours.example", false, false, false },
	};
	struct config_dkim key;
	const struct config *config = config_with_key(&key);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct signing_author author = { rows[i].is_known, rows[i].is_trusted, bytes_text(rows[i].sender), bytes_text(rows[i].address) };
		char header[100];
		struct domain domain;

		(void)snprintf(header, sizeof header, "From: %s\n", rows[i].from);
		if (signing_domain(config, &author, bytes_text(header), &domain) != rows[i].want)
			fail_msg("%zu: %s as %s", i, header, rows[i].sender);
	}
}

/* A field of 48 KiB with names beyond ASCII takes some 20 ms. */
static void
the_header_of_whom_nothing_is_signed_for_is_not_read(void **state)
{
	static const struct signing_author authors[] = {
		{ .sender = BYTES("a@ours.example") },
		{ .is_known = true, .sender = BYTES("a@theirs.example"), .address = BYTES("b@theirs.example") },
		{ .is_known = true, .is_trusted = true },
	};
	const struct bytes unreadable = { .ptr = (const uint8_t *)1, .len = 48 * 1024 };
	struct config_dkim key;
	const struct config *config = config_with_key(&key);
	struct domain domain;

	(void)state;
	for (size_t i = 0; i < sizeof authors / sizeof *authors; i++)
		assert_false(signing_domain(config, &authors[i], unreadable, &domain));
}

static struct domain
one_example(void)
{
	struct domain from;

	assert_true(domain_fold(BYTES("one.example"), &from));
	return from;
}

static void
body_and_header_become_what_is_signed_rfc6376_3_7(void **state)
{
	/* SHA-256 of "body\r\n". */
	static const uint8_t want[DKIM_HASH_OCTETS] = {
		0x0a, 0x4e, 0x52, 0xa1, 0x13, 0x56, 0x52, 0x94, 0x91, 0xe1, 0x7d, 0x02, 0x3a, 0xfe, 0xd1, 0xe6,
		0xe6, 0xf6, 0xa5, 0x44, 0xed, 0x97, 0xac, 0x73, 0xe1, 0xd4, 0xc5, 0xcf, 0xef, 0xa3, 0x8b, 0x83,
	};
	struct domain from = one_example();
	struct signing *s = signing_new(&from, BYTES("Received: x\nDate: now\nFrom:  a@one.example\n\n"));
	struct ipc_sign asked;

	(void)state;
	signing_add(s, BYTES("bo"));
	signing_add(s, BYTES("dy \n\n"));
	assert_true(signing_end(s, &asked));
	assert_true(bytes_equal(asked.domain, BYTES("one.example")));
	assert_true(dkim_are_names(asked.names) && bytes_starts(asked.names, BYTES("from:from:")));
	assert_true(bytes_equal(asked.hashed_header, BYTES("from:a@one.example\r\ndate:now\r\n")));
	assert_true(bytes_equal(asked.body_hash, bytes_of(want, sizeof want)));
	signing_free(&s);
	assert_null(s);
}

static void
a_header_with_more_to_sign_than_fits_is_told(void **state)
{
	struct domain from = one_example();
	struct signing *s;
	struct ipc_sign asked;
	struct buf header;

	(void)state;
	buf_init(&header, 65536);
	put_text(&header, "From: a@one.example\n");
	for (int i = 0; i < 1000; i++)
		put_text(&header, "Subject: x\n");
	s = signing_new(&from, buf_bytes(&header));
	assert_false(signing_end(s, &asked));
	signing_free(&s);
	buf_done(&header);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_domain_of_from_is_one_and_as_dns_writes_it_rfc5322_3_6_2),
		cmocka_unit_test(who_may_speak_for_the_domain_of_from_is_signed_for),
		cmocka_unit_test(the_header_of_whom_nothing_is_signed_for_is_not_read),
		cmocka_unit_test(body_and_header_become_what_is_signed_rfc6376_3_7),
		cmocka_unit_test(a_header_with_more_to_sign_than_fits_is_told),
	};

	return cmocka_run_group_tests_name("signing", tests, NULL, NULL);
}
