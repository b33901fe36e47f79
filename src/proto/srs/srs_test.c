#include "proto/srs/srs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define DAY INT64_C(86400)

/* No hash at all, but one that depends on every octet and on the key. */
static bool
mac(void *arg, struct bytes text, uint8_t out[SRS_MAC_OCTETS])
{
	uint64_t sum = 1469598103934665603u + *(const unsigned int *)arg;

	for (size_t i = 0; i < text.len; i++)
		sum = (sum ^ text.ptr[i]) * 1099511628211u;
	for (size_t i = 0; i < SRS_MAC_OCTETS; i++)
		out[i] = (uint8_t)(sum >> (56 - 8 * (i % 8)));
	return true;
}

static unsigned int key = 1, other_key = 2;
static const struct srs ours = { BYTES_INIT("ours.example"), mac, &key }, theirs = { BYTES_INIT("theirs.example"), mac, &other_key };

static const char *
forward(const struct srs *srs, const char *sender, int64_t now_s)
{
	static char text[4][300];
	static size_t turn;
	char *at = text[turn++ % 4];
	struct buf out;

	buf_init_fixed(&out, at, 299);
	if (!srs_put_sender(srs, bytes_text(sender), now_s, &out))
		assert_int_equal(out.len, 0);
	at[out.len] = '\0';
	return at;
}

static enum srs_result
back(const struct srs *srs, const char *address, int64_t now_s, char text[300])
{
	struct buf out;
	enum srs_result result;

	buf_init_fixed(&out, text, 299);
	result = srs_put_back(srs, bytes_text(address), now_s, &out);
	text[out.len] = '\0';
	return result;
}

static void
senders_have_the_form_of_the_paper(void **state)
{
	static const struct {
		const char *sender, *begins, *ends;
		int64_t now_s;
	} rows[] = {
		{ "a@b.example", "SRS0=", "=AA=b.example=a@ours.example", 0 },
		{ "a@b.example", "SRS0=", "=AB=b.example=a@ours.example", DAY },
		{ "a@b.example", "SRS0=", "=BA=b.example=a@ours.example", 32 * DAY + 5 },
		{ "a@b.example", "SRS0=", "=77=b.example=a@ours.example", 1023 * DAY },
		{ "a@b.example", "SRS0=", "=AA=b.example=a@ours.example", 1024 * DAY },
		{ "A.b=C+d@B.example", "SRS0=", "=AA=B.example=A.b=C+d@ours.example", 0 },
		{ "SRS0=HHHH=TT=a.example=x@b.example", "SRS1=", "=b.example==HHHH=TT=a.example=x@ours.example", 0 },
		{ "srs0+HHHH=TT=a.example=x@b.example", "SRS1=", "=b.example=+HHHH=TT=a.example=x@ours.example", 0 },
		{ "SRS1=HHHH=b.example==HHHH=TT=a.example=x@c.example", "SRS1=", "=b.example==HHHH=TT=a.example=x@ours.example", 0 },
		{ "SRS2=x@b.example", "SRS0=", "=AA=b.example=SRS2=x@ours.example", 0 },
		{ "SRS1=H=c@b.example", "SRS0=", "=AA=b.example=SRS1=H=c@ours.example", 0 },
		{ "SRS1=H=c=x@b.example", "SRS0=", "=AA=b.example=SRS1=H=c=x@ours.example", 0 },
		{ "srs0@b.example", "SRS0=", "=AA=b.example=srs0@ours.example", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes got = bytes_text(forward(&ours, rows[i].sender, rows[i].now_s));

		if (!bytes_starts(got, bytes_text(rows[i].begins)) || !bytes_ends_nocase(got, bytes_text(rows[i].ends))
			|| got.len != strlen(rows[i].begins) + 6 + strlen(rows[i].ends))
			fail_msg("%s: %.*s", rows[i].sender, BYTES_ARG(got));
	}
}

static void
what_can_not_be_written_so_stays_as_it_is(void **state)
{
	static const char *const rows[] = { "", "a", "a@", "@b.example", "\"a b\"@b.example", "a@[192.0.2.1]", "a..b@c.example", "a@b=c.example" };
	char long_one[300];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(forward(&ours, rows[i], 0), "");
	memset(long_one, 'x', sizeof long_one);
	memcpy(long_one + 217, "@b.example", 11);
	assert_string_not_equal(forward(&ours, long_one + 10, 0), "");
	assert_string_equal(forward(&ours, long_one, 0), "");
}

static void
a_report_finds_the_sender_for_21_days_and_in_any_case_of_letters(void **state)
{
	const char *made = forward(&ours, "Some.One@b.example", 1020 * DAY);
	char text[300], lower[300];

	(void)state;
	for (int64_t day = 1020; day <= 1041; day++) {
		assert_int_equal(back(&ours, made, day * DAY, text), SRS_BACK);
		assert_string_equal(text, "Some.One@b.example");
	}
	assert_int_equal(back(&ours, made, 1042 * DAY, text), SRS_EXPIRED);
	assert_int_equal(back(&ours, made, 1019 * DAY, text), SRS_EXPIRED);
	for (size_t i = 0; i <= strlen(made); i++)
		lower[i] = (char)byte_lower((uint8_t)made[i]);
	assert_int_equal(back(&ours, lower, 1020 * DAY, text), SRS_BACK);
	assert_string_equal(text, "some.one@b.example");
}

static void
a_report_goes_back_through_all_who_sent_it_on(void **state)
{
	const char *first = forward(&theirs, "a@b.example", 0), *second = forward(&ours, first, 0);
	char text[300], original[300];

	(void)state;
	assert_int_equal(back(&ours, second, 500 * DAY, text), SRS_BACK);
	assert_string_equal(text, first);
	assert_int_equal(back(&theirs, text, 0, original), SRS_BACK);
	assert_string_equal(original, "a@b.example");
}

static void
what_we_did_not_make_leads_nowhere(void **state)
{
	static const struct {
		const char *address;
		enum srs_result want;
	} rows[] = {
		{ "a@ours.example", SRS_NONE },
		{ "srs@ours.example", SRS_NONE },
		{ "SRS0@ours.example", SRS_NONE },
		{ "SRS0.x@ours.example", SRS_NONE },
		{ "SRS0=@ours.example", SRS_FORGED },
		{ "SRS0=AAAAAA@ours.example", SRS_FORGED },
		{ "SRS0=AAAAAA=AA@ours.example", SRS_FORGED },
		{ "SRS0=AAAAAA=AA=b.example@ours.example", SRS_FORGED },
		{ "SRS0=AAAAAA=AA=b.example=@ours.example", SRS_FORGED },
		{ "SRS0=AAAAAA=AA=victim.example=a@ours.example", SRS_FORGED },
		{ "SRS0==AA=victim.example=a@ours.example", SRS_FORGED },
		{ "SRS1=AAAAAA=victim.example==x@ours.example", SRS_FORGED },
		{ "SRS1=AAAAAA@ours.example", SRS_FORGED },
		{ "SRS1=@ours.example", SRS_FORGED },
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(back(&ours, rows[i].address, 0, text), rows[i].want);
		assert_string_equal(text, "");
	}
}

static void
every_octet_counts_and_whose_key_it_was(void **state)
{
	char made[300], text[300];

	(void)state;
	(void)snprintf(made, sizeof made, "%s", forward(&ours, "a@b.example", 0));
	assert_int_equal(back(&theirs, made, 0, text), SRS_FORGED);
	for (size_t i = 5; made[i] != '@'; i++) {
		char kept = made[i];

		made[i] = made[i] == '2' ? '3' : '2';
		if (back(&ours, made, 0, text) == SRS_BACK)
			fail_msg("%s", made);
		made[i] = kept;
	}
	assert_int_equal(back(&ours, made, 0, text), SRS_BACK);
	/* A hash of the one is none of the other. */
	made[3] = '1';
	assert_int_equal(back(&ours, made, 0, text), SRS_FORGED);
	(void)snprintf(made, sizeof made, "%s", forward(&ours, "SRS0=AA=x.example=a@b.example", 0));
	assert_int_equal(back(&ours, made, 0, text), SRS_BACK);
	made[3] = '0';
	assert_int_equal(back(&ours, made, 0, text), SRS_FORGED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_have_the_form_of_the_paper),
		cmocka_unit_test(what_can_not_be_written_so_stays_as_it_is),
		cmocka_unit_test(a_report_finds_the_sender_for_21_days_and_in_any_case_of_letters),
		cmocka_unit_test(a_report_goes_back_through_all_who_sent_it_on),
		cmocka_unit_test(every_octet_counts_and_whose_key_it_was),
		cmocka_unit_test(what_we_did_not_make_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
