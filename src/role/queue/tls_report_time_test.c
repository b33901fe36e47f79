/* Periods of reports on TLS: each ends, whatever becomes of the clock and the power (T1–T3, tls_report.c). */
#include "role/queue/queue_test_support.h"

#include "proto/tlsrpt/tlsrpt.h"
#include "role/queue/tls_report_internal.h"
#include "sys/disk_fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400, HOUR_S = 3600 };

static uint8_t octets[64];

static void
tell(const char *domain)
{
	struct message m = { .type = MESSAGE_TLS_SESSION };

	m.u.tls_session = (struct ipc_tls_session){ .domain = bytes_text(domain), .policy_domain = bytes_text(domain), .result = TLSRPT_SUCCESS };
	assert_int_equal(peer_send(pairs[ROLE_RELAY][THERE], &m), 0);
	run_a_little();
}

/* So many hours of a day have passed; of the same day in each call of a test. */
static void
set_clock(int64_t day, int64_t hour)
{
	static int64_t first_s;

	if (first_s == 0)
		first_s = time_wall_us() / 1000000 / DAY_S * DAY_S;
	wrong_by_s += first_s + day * DAY_S + hour * HOUR_S - time_wall_us() / 1000000;
}

static void
begin(void)
{
	struct buf list;

	set_clock(1, 12);
	config.tls_reports = TLS_REPORTS_YES;
	buf_init_fixed(&list, octets, sizeof octets);
	put_u8(&list, TLSRPT_HTTPS);
	put_u16(&list, (uint16_t)strlen("https://x.example:443/"));
	put_text(&list, "https://x.example:443/");
	targets.targets = buf_bytes(&list);
	connect_to(ROLE_RELAY);
	run_a_little();
}

static void
begin_anew(void)
{
	restart();
	connect_to(ROLE_RELAY);
	run_a_little();
}

/* The next event of that kind and domain, from *at on.  False: there is none. */
static bool
take_event(const char **at, const char *event, const char *domain, char text[1000])
{
	char of[64];

	snprintf(of, sizeof of, " domain=%s ", domain);
	while ((*at = strstr(*at, event))) {
		snprintf(text, 1000, "%.*s", (int)strcspn(*at, "\n"), *at);
		(*at)++;
		if (strstr(text, of))
			return true;
	}
	return false;
}

static long
number_in(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	assert_non_null(at);
	return strtol(at + strlen(name), NULL, 10);
}

/* That often, with so many sessions in sum. */
static void
assert_told(const char *event, const char *domain, size_t times, long successes)
{
	const char *at = events;
	char text[1000];
	size_t told = 0;
	long sum = 0;

	while (take_event(&at, event, domain, text)) {
		told++;
		sum += number_in(text, " successes=");
	}
	if (told != times || sum != successes)
		fail_msg("%zu reports of %ld sessions:\n%s", told, sum, events);
}

/* No two reports of a.example are about the same moment. */
static void
assert_none_twice(void)
{
	long begins[16], ends[16];
	const char *at = events;
	size_t count = 0;
	char text[1000];

	for (; take_event(&at, "tlsrpt.sent", "a.example", text); count++) {
		begins[count] = number_in(text, " begin_s=");
		ends[count] = number_in(text, " end_s=");
		assert_true(begins[count] < ends[count]);
		for (size_t i = 0; i < count; i++)
			if (begins[count] < ends[i] && begins[i] < ends[count])
				fail_msg("%ld-%ld and %ld-%ld", begins[i], ends[i], begins[count], ends[count]);
	}
}

/* Counts at noon of each day, until that day's end is told. */
static void
go_on_until(int64_t first, int64_t last)
{
	for (int64_t day = first; day <= last; day++) {
		set_clock(day, 12);
		pass_time(0);
		tell("a.example");
		set_clock(day + 1, 0);
		pass_time(0);
		set_clock(day + 1, 5);
		pass_time(0);
	}
}

static void
t2_a_clock_put_back_by_an_hour_over_midnight_has_no_day_told_twice(void **state)
{
	(void)state;
	begin();
	tell("a.example");
	set_clock(2, 0);
	pass_time(60);
	set_clock(1, 23);
	pass_time(0);
	tell("a.example"); /* the day is over already */
	tell("a.example");
	set_clock(2, 5);
	pass_time(0);
	assert_told("tlsrpt.sent", "a.example", 1, 1);
	go_on_until(2, 3);
	assert_told("tlsrpt.sent", "a.example", 3, 5);
	assert_none_twice();
}

static void
t2_t3_a_clock_put_back_by_two_days_stops_no_report_and_loses_none(void **state)
{
	(void)state;
	begin();
	go_on_until(1, 3);
	assert_told("tlsrpt.sent", "a.example", 3, 3);
	set_clock(4, 12);
	tell("a.example");
	set_clock(2, 12);
	pass_time(0);
	go_on_until(2, 5);
	assert_told("tlsrpt.sent", "a.example", 5, 8);
	assert_none_twice();
}

static void
t2_what_was_told_is_known_after_a_restart(void **state)
{
	(void)state;
	begin();
	go_on_until(1, 1);
	assert_told("tlsrpt.sent", "a.example", 1, 1);
	begin_anew();
	set_clock(1, 23);
	tell("a.example");
	pass_time(0);
	go_on_until(2, 3);
	assert_told("tlsrpt.sent", "a.example", 3, 4);
	assert_none_twice();
}

static void
t3_a_report_that_waits_is_not_held_up_by_a_clock_that_is_put_back(void **state)
{
	(void)state;
	begin();
	post_outcome = IPC_LATER;
	set_clock(40, 12);
	tell("a.example");
	set_clock(41, 0);
	pass_time(0);
	pass_time(4 * HOUR_S);
	assert_int_equal(posts, 1);
	set_clock(1, 12);
	pass_time(0);
	assert_int_equal(posts, 2);
	post_outcome = IPC_OK;
	pass_time(HOUR_S);
	assert_told("tlsrpt.sent", "a.example", 1, 1);
}

static void
t3_a_clock_that_was_wrong_holds_up_no_report(void **state)
{
	(void)state;
	begin();
	wrong_by_s += 1000 * DAY_S;
	tell("a.example");
	wrong_by_s -= 1000 * DAY_S;
	tell("a.example");
	pass_time(0);
	pass_time(4 * HOUR_S);
	assert_told("tlsrpt.sent", "a.example", 1, 1);
	tell("b.example");
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	assert_told("tlsrpt.sent", "a.example", 2, 2);
	assert_told("tlsrpt.sent", "b.example", 1, 1);
	tell("a.example");
	pass_time(DAY_S);
	pass_time(4 * HOUR_S);
	assert_none_twice();
	assert_told("tlsrpt.sent", "a.example", 3, 3);
}

static void
what_ended_long_ago_is_not_told_any_more_and_the_log_says_so(void **state)
{
	char period[80];

	(void)state;
	begin();
	tell("a.example");
	tell("a.example");
	tell("b.example");
	restart();
	set_clock(5, 12);
	connect_to(ROLE_RELAY);
	pass_time(0);
	pass_time(4 * HOUR_S);
	assert_int_equal(finds, 0);
	assert_told("tlsrpt.dropped", "a.example", 1, 2);
	assert_told("tlsrpt.dropped", "b.example", 1, 1);
	snprintf(period, sizeof period, " begin_s=%lld end_s=%lld ", (long long)(time_wall_us() / 1000000 / DAY_S - 4) * DAY_S,
		(long long)(time_wall_us() / 1000000 / DAY_S - 3) * DAY_S);
	assert_int_equal(count_of(period), 2);
}

/* ---- the power */

static struct queue alone; /* what the reports need of it: where its files are */

static struct tls_reports *
open_reports(void)
{
	struct tls_reports *r;
	struct fault f;

	if (tls_reports_open(&alone, &r, &f) != 0)
		fail_msg("%s", f.text);
	return r;
}

static void
count_one(struct tls_reports *r, const char *domain)
{
	struct ipc_tls_session m = { .domain = bytes_text(domain), .policy_domain = bytes_text(domain), .result = TLSRPT_SUCCESS };

	tls_reports_count(r, &m);
}

/* The files of two days are written while the nth call of the disk fails; then the power goes, or is gone. */
static void
write_both(struct disk_fault *fault, uint64_t nth, bool is_cut)
{
	struct tls_reports *r = open_reports();

	set_clock(1, 12);
	count_one(r, "a.example");
	tls_reports_close(&r);
	r = open_reports();
	set_clock(2, 0);
	wrong_by_s++;
	count_one(r, "b.example");
	if (is_cut)
		disk_fault_cut(fault, nth);
	else
		disk_fault_fail(fault, nth, 1, EIO);
	tls_reports_close(&r);
	disk_fault_crash(fault);
}

static void
t1_one_period_alone_goes_on_whenever_the_power_goes(void **state)
{
	uint64_t both = 0;

	(void)state;
	config.tls_reports = TLS_REPORTS_YES;
	config.state_directory = BYTES("/state");
	alone = (struct queue){ .config = &config };
	for (uint64_t nth = 1; nth <= 40; nth++) {
		struct disk_fault *fault = disk_fault_new(nth);
		struct tls_reports *r;
		struct tls_period *p;
		struct fault f;

		assert_int_equal(disk_make_path("/state/queue", 0700, &f), 0);
		assert_int_equal(disk->syncfs(disk_fault_root(fault)), 0);
		write_both(fault, nth / 2, nth % 2);
		r = open_reports();
		assert_false(TAILQ_EMPTY(&r->periods));
		TAILQ_FOREACH (p, &r->periods, link)
			if (TAILQ_NEXT(p, link)) {
				assert_int_equal(p->end_s % DAY_S, 0);
				assert_int_equal(p->end_s, TAILQ_NEXT(p, link)->begin_s);
				both++;
			}
		assert_non_null(map_get(TAILQ_FIRST(&r->periods)->domains, BYTES("a.example")));
		tls_reports_close(&r);
		disk_fault_free(&fault);
	}
	assert_true(both > 10);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t1_one_period_alone_goes_on_whenever_the_power_goes),
		TEST(t2_a_clock_put_back_by_an_hour_over_midnight_has_no_day_told_twice),
		TEST(t2_t3_a_clock_put_back_by_two_days_stops_no_report_and_loses_none),
		TEST(t2_what_was_told_is_known_after_a_restart),
		TEST(t3_a_report_that_waits_is_not_held_up_by_a_clock_that_is_put_back),
		TEST(t3_a_clock_that_was_wrong_holds_up_no_report),
		TEST(what_ended_long_ago_is_not_told_any_more_and_the_log_says_so),
	};

	map_seed((const uint8_t[16]){ 1 });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
