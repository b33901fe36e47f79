/* Reports on TLS: when they go, how often they are tried, and what a relay that was taken over gets. */
#include "role/queue/queue_test_support.h"

#include "proto/tlsrpt/tlsrpt.h"
#include "role/queue/tls_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

enum { DAY_S = 86400, HOUR_S = 3600 };

static uint8_t octets[8448];
static struct buf list;

static void
target(enum tlsrpt_target_kind kind, const char *text)
{
	put_u8(&list, (uint8_t)kind);
	put_u16(&list, (uint16_t)strlen(text));
	put_text(&list, text);
	targets.targets = buf_bytes(&list);
}

/* What the relay tells of a session. */
static void
tell(const char *domain, enum tlsrpt_result result)
{
	struct message m = { .type = MESSAGE_TLS_SESSION };

	m.u.tls_session = (struct ipc_tls_session){ .domain = bytes_text(domain), .policy_domain = bytes_text(domain), .result = (uint8_t)result };
	assert_int_equal(peer_send(pairs[ROLE_RELAY][THERE], &m), 0);
	run_a_little();
}

/* Noon, of a day of its own. */
static void
begin(void)
{
	int64_t now_s = queue_now_s();

	wrong_by_s = DAY_S - now_s % DAY_S + DAY_S / 2;
	config.tls_reports = TLS_REPORTS_YES;
	buf_init_fixed(&list, octets, sizeof octets);
	connect_to(ROLE_RELAY);
	run_a_little();
}

static void
rfc8460_4_1_a_report_goes_some_hours_after_the_days_end(void **state)
{
	(void)state;
	begin();
	target(TLSRPT_HTTPS, "https://x.example:443/");
	tell("a.example", TLSRPT_SUCCESS);
	tell("a.example", TLSRPT_EXPIRED);
	pass_time(DAY_S / 2 - 60);
	assert_int_equal(finds, 0);
	pass_time(60);
	tell("a.example", TLSRPT_SUCCESS); /* of the next day */
	pass_time(4 * HOUR_S);
	run_until_event("tlsrpt.sent");
	assert_non_null(strstr(events, " domain=a.example target=https://x.example:443/ "));
	assert_non_null(strstr(events, " successes=1 failures=1 "));
	assert_int_equal(posts, 1);
	pass_time(4 * HOUR_S);
	assert_int_equal(finds, 1);
}

static void
rfc8460_5_5_a_report_is_tried_again_for_a_day(void **state)
{
	size_t before;

	(void)state;
	begin();
	target(TLSRPT_HTTPS, "https://x.example:443/");
	post_outcome = IPC_LATER;
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S / 2);
	pass_time(4 * HOUR_S);
	assert_int_equal(posts, 1);
	pass_time(14 * 60);
	assert_int_equal(posts, 1);
	pass_time(60);
	assert_int_equal(posts, 2);
	pass_time(29 * 60);
	assert_int_equal(posts, 2);
	pass_time(60);
	assert_int_equal(posts, 3);
	for (before = 0; before != posts && !strstr(events, "tlsrpt.failed"); before = 0)
		pass_time(8 * HOUR_S);
	assert_true(posts < 8);
	assert_non_null(strstr(events, "the server answered 503"));
	before = posts;
	pass_time(DAY_S);
	assert_int_equal(posts, before);
}

static void
what_can_not_be_looked_up_now_is_tried_again(void **state)
{
	(void)state;
	begin();
	targets.answer = ANSWER_LATER;
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S / 2);
	pass_time(4 * HOUR_S);
	assert_int_equal(finds, 1);
	targets.answer = ANSWER_FOUND;
	target(TLSRPT_HTTPS, "https://x.example:443/");
	pass_time(15 * 60);
	run_until_event("tlsrpt.sent");
}

static void
rfc8460_3_a_domain_without_a_record_hears_nothing(void **state)
{
	(void)state;
	begin();
	targets.answer = ANSWER_NO_RECORD;
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S / 2);
	pass_time(4 * HOUR_S);
	pass_time(HOUR_S);
	assert_int_equal(finds, 1);
	assert_int_equal(posts, 0);
	assert_null(strstr(events, "tlsrpt."));
}

static void
rfc8460_3_a_report_that_nobody_signs_does_not_go_by_mail(void **state)
{
	(void)state;
	begin();
	target(TLSRPT_MAILTO, "reports@a.example");
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S / 2);
	pass_time(4 * HOUR_S);
	run_until_event("tlsrpt.failed");
	assert_non_null(strstr(events, "no key of dkim is for the contact's domain"));
	assert_int_equal(((struct queue *)self.state)->count, 0);
	pass_time(HOUR_S);
	assert_int_equal(finds, 1);
}

static struct config_dkim key;
static char pem[1000];

static void
use_a_key(const char *domain)
{
	EVP_PKEY *made = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_mem());
	struct fault f;

	PEM_write_bio_PrivateKey(bio, made, NULL, NULL, 0, NULL, NULL);
	pem[BIO_read(bio, pem, sizeof pem - 1)] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(made);
	key = (struct config_dkim){ .domain = bytes_text(domain), .selector = BYTES("s"), .secret_key_pem = bytes_text(pem) };
	config.dkim = &key;
	config.dkim_count = 1;
	assert_int_equal(queue_hooks.reload(&self, &config, &f), 0);
}

static void
rfc5321_4_5_1_reports_come_from_the_postmaster_of_the_first_domain(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("first.example"), BYTES_INIT("here.example") };

	(void)state;
	begin();
	config.domains = (struct config_texts){ domains, 2 };
	target(TLSRPT_MAILTO, "reports@a.example");
	use_a_key("here.example");
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	run_until_event("tlsrpt.failed");
	use_a_key("first.example");
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	run_until_event("tlsrpt.sent");
}

static void
rfc8460_5_5_a_report_by_mail_is_given_up_after_a_day(void **state)
{
	struct queue *q = self.state;

	(void)state;
	begin();
	use_a_key("here.example");
	config.queue_retry_first_s = 0;
	target(TLSRPT_MAILTO, "reports@a.example");
	target(TLSRPT_HTTPS, "https://x.example:443/");
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S / 2);
	pass_time(4 * HOUR_S);
	run_until_count("tlsrpt.sent", 2);
	assert_int_equal(q->count, 1);
	LIST_FIRST(&q->messages)->arrived_s -= DAY_S - HOUR_S;
	queue_sweep(q);
	assert_int_equal(q->count, 1);
	LIST_FIRST(&q->messages)->arrived_s -= HOUR_S;
	queue_sweep(q);
	assert_non_null(strstr(events, "queue.expired"));
	/* RFC 5321 4.5.5: nobody is told. */
	assert_int_equal(q->count, 0);
}

static void
a_target_that_has_it_does_not_get_it_again(void **state)
{
	(void)state;
	begin();
	use_a_key("here.example");
	target(TLSRPT_MAILTO, "reports@a.example");
	target(TLSRPT_HTTPS, "https://x.example:443/");
	post_outcome = IPC_LATER;
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S / 2);
	pass_time(4 * HOUR_S);
	run_until_event("tlsrpt.sent");
	restart();
	config.tls_reports = TLS_REPORTS_YES;
	connect_to(ROLE_RELAY);
	post_outcome = IPC_OK;
	pass_time(15 * 60);
	run_until_count("tlsrpt.sent", 2);
	assert_int_equal(posts, 2);
	assert_int_equal(count_of("target=reports@a.example"), 1);
}

static void
a_relay_that_was_taken_over_chooses_no_strange_address(void **state)
{
	static const char *const bad[] = { "", "a", "a@", "@a.example", "a b@c.example", "a@c.example\nBcc: x@y.example", "a@b.example,c@d.example", "a@b@c.example" };

	(void)state;
	begin();
	use_a_key("here.example");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char domain[20];

		snprintf(domain, sizeof domain, "d%zu.example", i);
		tell(domain, TLSRPT_SUCCESS);
		buf_reset(&list);
		target(TLSRPT_MAILTO, bad[i]);
		pass_time(DAY_S);
		pass_time(4 * HOUR_S);
	}
	assert_int_equal(finds, sizeof bad / sizeof *bad);
	put_u8(&list, TLSRPT_TARGET_KINDS);
	targets.targets = buf_bytes(&list);
	tell("e.example", TLSRPT_SUCCESS);
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	assert_null(strstr(events, "tlsrpt."));
	assert_int_equal(((struct queue *)self.state)->count, 0);
}

/* Of printable octets that don't repeat. */
static struct bytes
noise(char *text, size_t len)
{
	static uint32_t seed = 1;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		text[i] = (char)('!' + (seed >> 16) % 90);
	}
	return bytes_of(text, len);
}

static void
a_report_that_would_be_too_long_goes_without_its_details(void **state)
{
	char helo[255], reason[128], mx[255];

	(void)state;
	begin();
	target(TLSRPT_HTTPS, "https://x.example:443/");
	for (int i = 0; i < 400; i++) {
		struct message m = { .type = MESSAGE_TLS_SESSION };

		m.u.tls_session = (struct ipc_tls_session){ .domain = BYTES("a.example"), .policy_domain = bytes_of("12345678" + i / 50, 1),
			.result = TLSRPT_VALIDATION, .mx = noise(mx, sizeof mx), .helo = noise(helo, sizeof helo), .reason = noise(reason, sizeof reason) };
		assert_int_equal(peer_send(pairs[ROLE_RELAY][THERE], &m), 0);
		if (i % 50 == 0)
			run_a_little();
	}
	run_a_little();
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	run_until_event("tlsrpt.sent");
	assert_non_null(strstr(events, " failures=400 "));
	assert_in_range(posted_octets, 100, 1000);
}

static void
a_relay_that_was_taken_over_sends_no_crowd_a_report(void **state)
{
	char address[32];

	(void)state;
	begin();
	use_a_key("here.example");
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(address, sizeof address, "u%u@a.example", i);
		target(TLSRPT_MAILTO, address);
	}
	tell("a.example", TLSRPT_SUCCESS);
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	run_until_count("tlsrpt.sent", TLSRPT_TARGETS_MAX);
	pass_time(HOUR_S);
	assert_int_equal(count_of("tlsrpt.sent"), TLSRPT_TARGETS_MAX);
}

static void
nothing_is_counted_when_reports_are_turned_off(void **state)
{
	(void)state;
	begin();
	config.tls_reports = TLS_REPORTS_NO;
	tell("a.example", TLSRPT_SUCCESS);
	config.tls_reports = TLS_REPORTS_YES;
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	assert_int_equal(finds, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(rfc8460_4_1_a_report_goes_some_hours_after_the_days_end),
		TEST(rfc8460_5_5_a_report_is_tried_again_for_a_day),
		TEST(what_can_not_be_looked_up_now_is_tried_again),
		TEST(rfc8460_3_a_domain_without_a_record_hears_nothing),
		TEST(rfc8460_3_a_report_that_nobody_signs_does_not_go_by_mail),
		TEST(rfc5321_4_5_1_reports_come_from_the_postmaster_of_the_first_domain),
		TEST(rfc8460_5_5_a_report_by_mail_is_given_up_after_a_day),
		TEST(a_target_that_has_it_does_not_get_it_again),
		TEST(a_relay_that_was_taken_over_chooses_no_strange_address),
		TEST(a_report_that_would_be_too_long_goes_without_its_details),
		TEST(a_relay_that_was_taken_over_sends_no_crowd_a_report),
		TEST(nothing_is_counted_when_reports_are_turned_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
