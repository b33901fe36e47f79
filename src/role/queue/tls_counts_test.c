/* Counts of sessions: whatever a relay says, and whatever the disk does to their image. */
#include "role/queue/tls_files.h"

#include "sys/disk_fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ipc_tls_session
session(const char *domain, enum tlsrpt_result result)
{
	return (struct ipc_tls_session){ .domain = bytes_text(domain), .policy_type = TLSRPT_STS, .policy_domain = bytes_text(domain),
		.policy = BYTES("version: STSv1\nmx: mx.example\n"), .result = (uint8_t)result, .mx = BYTES("mx.example"), .receiving_ip = BYTES("192.0.2.1"),
		.sending_ip = BYTES("192.0.2.2"), .helo = BYTES("mx"), .reason = result == TLSRPT_SUCCESS ? BYTES_NONE : BYTES("why") };
}

static void
count(struct tls_period *p, const char *domain, enum tlsrpt_result result)
{
	struct ipc_tls_session m = session(domain, result);

	tls_period_count(p, &m);
}

/* "DOMAIN good/failed(failures)+left_out …" of one policy each. */
static const char *
shown(const struct tls_period *p, const char *domain)
{
	static char text[400];
	const struct tls_domain *d = map_get(p->domains, bytes_text(domain));
	const struct tls_policy *policy;

	snprintf(text, sizeof text, "%s", d ? "" : "none");
	if (!d)
		return text;
	SLIST_FOREACH (policy, &d->policies, link) {
		struct tlsrpt_policy view = tls_policy_view(policy);
		const struct tls_failure *f;

		snprintf(text + strlen(text), sizeof text - strlen(text), "%s %u/%u", tlsrpt_policy_type_name(view.type), (unsigned int)view.successes,
			(unsigned int)view.failures);
		SLIST_FOREACH (f, &policy->failures, link) {
			struct tlsrpt_failure failure = tls_failure_view(f);

			snprintf(text + strlen(text), sizeof text - strlen(text), " %s*%u", tlsrpt_result_name(failure.result), (unsigned int)failure.count);
		}
		strncat(text, ";", 2);
	}
	return text;
}

/* A relay that is somebody else's: what can't be is not counted, and does not cost the period when its image is read. */
static void
sessions_that_can_not_be_are_not_counted(void **state)
{
	struct tls_period *p = tls_period_new(1, 100), *taken;
	struct ipc_tls_session m = session("a.example", TLSRPT_EXPIRED);
	struct buf image;

	(void)state;
	count(p, "a.example", TLSRPT_SUCCESS);
	m.result = TLSRPT_RESULTS;
	tls_period_count(p, &m);
	m = session("a.example", TLSRPT_EXPIRED);
	m.policy_type = TLSRPT_POLICY_TYPES;
	tls_period_count(p, &m);
	assert_string_equal(shown(p, "a.example"), "sts 1/0;");
	buf_init(&image, TLS_IMAGE_OCTETS_MAX);
	tls_period_put(&image, p);
	tls_image_seal(&image);
	taken = tls_period_take(buf_bytes(&image), 1);
	assert_non_null(taken);
	buf_done(&image);
	tls_period_free(&taken);
	tls_period_free(&p);
}

static void
sessions_that_are_alike_are_counted_together_rfc8460_4_2(void **state)
{
	struct tls_period *p = tls_period_new(1, 100);
	struct ipc_tls_session other = session("a.example", TLSRPT_EXPIRED);
	struct tls_domain *d;
	uint64_t successes, failed;

	(void)state;
	for (int i = 0; i < 3; i++)
		count(p, "a.example", TLSRPT_SUCCESS);
	count(p, "a.example", TLSRPT_EXPIRED);
	count(p, "a.example", TLSRPT_EXPIRED);
	assert_string_equal(shown(p, "a.example"), "sts 3/2 certificate-expired*2;");
	other.mx = BYTES("mx2.example");
	tls_period_count(p, &other);
	assert_string_equal(shown(p, "a.example"), "sts 3/3 certificate-expired*1 certificate-expired*2;");
	other.policy_type = TLSRPT_NO_POLICY;
	other.policy = BYTES_NONE;
	tls_period_count(p, &other);
	assert_string_equal(shown(p, "a.example"), "no-policy-found 0/1 certificate-expired*1;sts 3/3 certificate-expired*1 certificate-expired*2;");
	d = map_get(p->domains, BYTES("a.example"));
	tls_domain_sum(d, &successes, &failed);
	assert_int_equal(successes, 3);
	assert_int_equal(failed, 4);
	tls_period_forget(p, d);
	assert_int_equal(p->octets, 0);
	tls_period_free(&p);
}

static void
what_is_beyond_the_limits_is_counted_in_sum(void **state)
{
	struct tls_period *p = tls_period_new(1, 100);
	struct ipc_tls_session m = session("a.example", TLSRPT_VALIDATION);
	const struct tls_domain *d;
	char text[40];

	(void)state;
	for (unsigned int i = 0; i < TLS_FAILURES_MAX + 5; i++) {
		snprintf(text, sizeof text, "why %u", i);
		m.reason = bytes_text(text);
		tls_period_count(p, &m);
	}
	d = map_get(p->domains, BYTES("a.example"));
	assert_int_equal(SLIST_FIRST(&d->policies)->failure_count, TLS_FAILURES_MAX);
	assert_int_equal(SLIST_FIRST(&d->policies)->failed, TLS_FAILURES_MAX + 5);
	for (unsigned int i = 0; i < TLS_POLICIES_MAX + 5; i++) {
		snprintf(text, sizeof text, "policy %u", i);
		m.policy = bytes_text(text);
		tls_period_count(p, &m);
	}
	assert_int_equal(d->policy_count, TLS_POLICIES_MAX);
	assert_int_equal(d->left_out, 6);
	for (unsigned int i = 0; i < TLS_DOMAINS_MAX + 5; i++) {
		snprintf(text, sizeof text, "d%u.example", i);
		count(p, text, TLSRPT_SUCCESS);
	}
	assert_int_equal(map_count(p->domains), TLS_DOMAINS_MAX);
	assert_int_equal(p->left_out, 6);
	tls_period_free(&p);
}

static void
texts_take_no_more_memory_than_their_limit(void **state)
{
	static char long_text[4097], domain[40];
	struct tls_period *p = tls_period_new(1, 100);
	struct ipc_tls_session m = session("a.example", TLSRPT_SUCCESS);
	struct buf image;

	(void)state;
	memset(long_text, 'x', sizeof long_text - 1);
	m.policy = bytes_text(long_text);
	for (unsigned int i = 0; i < TLS_DOMAINS_MAX; i++) {
		snprintf(domain, sizeof domain, "d%u.example", i);
		m.domain = bytes_text(domain);
		tls_period_count(p, &m);
	}
	assert_true(p->octets <= TLS_OCTETS_MAX && p->octets > TLS_OCTETS_MAX - 10000);
	buf_init(&image, TLS_IMAGE_OCTETS_MAX);
	tls_period_put(&image, p);
	tls_image_seal(&image);
	assert_false(image.has_failed);
	tls_period_free(&p);
	p = tls_period_take(buf_bytes(&image), 1);
	assert_non_null(p);
	tls_period_free(&p);
	buf_done(&image);
}

static void
a_domain_that_can_stand_in_no_header_is_not_counted(void **state)
{
	static const char *const names[] = { "", ".", "a b", "a\nb", "a/b", "a@b", "\xc3\xa9.example" };
	struct tls_period *p = tls_period_new(1, 100);

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		count(p, names[i], TLSRPT_SUCCESS);
	assert_int_equal(map_count(p->domains), 0);
	tls_period_free(&p);
}

static struct tls_period *
full_period(void)
{
	struct tls_period *p = tls_period_new(7, 100);
	struct tls_domain *d;

	count(p, "a.example", TLSRPT_SUCCESS);
	count(p, "a.example", TLSRPT_HOST_MISMATCH);
	count(p, "b.example", TLSRPT_STARTTLS_NOT_SUPPORTED);
	d = map_get(p->domains, BYTES("a.example"));
	d->due_s = 300;
	d->until_s = 400;
	d->attempts = 2;
	d->done[d->done_count++] = UINT64_C(0x123456789abcdef0);
	d->left_out = 9;
	p->end_s = 200;
	p->left_out = 3;
	return p;
}

static void
assert_is_full(const struct tls_period *p)
{
	const struct tls_domain *d = map_get(p->domains, BYTES("a.example"));

	assert_int_equal(p->begin_s, 100);
	assert_int_equal(p->end_s, 200);
	assert_int_equal(p->left_out, 3);
	assert_string_equal(shown(p, "a.example"), "sts 1/1 certificate-host-mismatch*1;");
	assert_string_equal(shown(p, "b.example"), "sts 0/1 starttls-not-supported*1;");
	assert_int_equal(d->due_s, 300);
	assert_int_equal(d->until_s, 400);
	assert_int_equal(d->attempts, 2);
	assert_int_equal(d->done_count, 1);
	assert_int_equal(d->done[0], UINT64_C(0x123456789abcdef0));
	assert_int_equal(d->left_out, 9);
}

static void
an_image_comes_back_and_a_damaged_one_does_not(void **state)
{
	struct tls_period *p = full_period(), *taken;
	struct buf image;

	(void)state;
	buf_init(&image, 65536);
	tls_period_put(&image, p);
	tls_image_seal(&image);
	tls_period_free(&p);
	taken = tls_period_take(buf_bytes(&image), 7);
	assert_non_null(taken);
	assert_is_full(taken);
	tls_period_free(&taken);
	for (size_t len = 0; len < image.len; len++)
		assert_null(tls_period_take(bytes_of(image.ptr, len), 7));
	for (size_t i = 0; i < image.len * 8; i++) {
		image.ptr[i / 8] ^= (uint8_t)(1U << i % 8);
		assert_null(tls_period_take(buf_bytes(&image), 7));
		image.ptr[i / 8] ^= (uint8_t)(1U << i % 8);
	}
	buf_done(&image);
}

/* ---- files */

static struct tls_period *found;
static size_t found_count;

static void
keep_found(void *arg, struct tls_period *p)
{
	(void)arg;
	tls_period_free(&found);
	found = p;
	found_count++;
}

static struct tls_files *
open_files(void)
{
	struct tls_files *files;
	struct fault f;

	tls_period_free(&found);
	found_count = 0;
	if (tls_files_open("/tls", keep_found, NULL, &files, &f) != 0)
		fail_msg("%s", f.text);
	return files;
}

static void
a_file_is_whole_whenever_the_power_goes(void **state)
{
	(void)state;
	for (uint64_t cut = 1, is_over = 0; !is_over; cut++) {
		struct disk_fault *fault = disk_fault_new(cut);
		struct tls_files *files = open_files();
		struct tls_period *p = full_period();

		assert_true(tls_files_write(files, p));
		tls_files_close(&files);
		files = open_files();
		assert_is_full(found);
		count(p, "a.example", TLSRPT_SUCCESS);
		disk_fault_cut(fault, cut);
		assert_true(tls_files_write(files, p));
		tls_files_close(&files);
		is_over = !disk_fault_is_cut(fault);
		disk_fault_crash(fault);
		files = open_files();
		assert_int_equal(found_count, 1);
		if (is_over || strcmp(shown(found, "a.example"), "sts 1/1 certificate-host-mismatch*1;") != 0)
			assert_string_equal(shown(found, "a.example"), "sts 2/1 certificate-host-mismatch*1;");
		assert_false(tls_files_have_failed(files));
		tls_files_close(&files);
		tls_period_free(&p);
		tls_period_free(&found);
		disk_fault_free(&fault);
	}
}

static void
a_writing_that_fails_leaves_a_whole_file(void **state)
{
	(void)state;
	for (uint64_t nth = 1, is_over = 0; !is_over; nth++) {
		struct disk_fault *fault = disk_fault_new(nth);
		struct tls_files *files = open_files();
		struct tls_period *p = full_period();
		uint64_t before;

		assert_true(tls_files_write(files, p));
		tls_files_close(&files);
		files = open_files();
		before = disk_fault_calls(fault);
		disk_fault_fail(fault, nth, 1, EIO);
		assert_true(tls_files_write(files, p));
		tls_files_remove(files, 99); /* waits behind it */
		tls_files_close(&files);
		is_over = disk_fault_calls(fault) - before < nth;
		files = open_files();
		assert_int_equal(found_count, 1);
		assert_is_full(found);
		tls_files_remove(files, 7);
		tls_files_close(&files);
		files = open_files();
		assert_int_equal(found_count, 0);
		tls_files_close(&files);
		tls_period_free(&p);
		disk_fault_free(&fault);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_that_are_alike_are_counted_together_rfc8460_4_2),
		cmocka_unit_test(sessions_that_can_not_be_are_not_counted),
		cmocka_unit_test(what_is_beyond_the_limits_is_counted_in_sum),
		cmocka_unit_test(texts_take_no_more_memory_than_their_limit),
		cmocka_unit_test(a_domain_that_can_stand_in_no_header_is_not_counted),
		cmocka_unit_test(an_image_comes_back_and_a_damaged_one_does_not),
		cmocka_unit_test(a_file_is_whole_whenever_the_power_goes),
		cmocka_unit_test(a_writing_that_fails_leaves_a_whole_file),
	};

	map_seed((const uint8_t[16]){ 1 });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
