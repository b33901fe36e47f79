#include "proto/imap/subject.h"

#include "proto/imap/test_rows.h"

#include <time.h>

static void
base_subjects_rfc5256_2_1(void **state)
{
	static const struct {
		const char *subject, *want;
		bool is_reply;
	} rows[] = {
		{ "", "", false },
		{ "   ", "", false },
		{ "hello", "hello", false },
		/* (1) */
		{ " a\tb  c \t d", "a b c d", false },
		{ "a\r\n b", "a b", false },
		/* (2) subj-trailer */
		{ "hello (fwd)", "hello", true },
		{ "hello (FWD) (fwd)  ", "hello", true },
		{ "hello(fwd)", "hello", true },
		{ "(fwd)", "", true },
		/* (3) subj-leader */
		{ "Re: hello", "hello", true },
		{ "RE:hello", "hello", true },
		{ "re : hello", "hello", true },
		{ "fw: hello", "hello", true },
		{ "Fwd: hello", "hello", true },
		{ "fwdd: hello", "fwdd: hello", false },
		{ "re[2]: hello", "hello", true },
		{ "re [2] : hello", "hello", true },
		{ "re[a][b]: hello", "re[a][b]: hello", false },
		{ "Re: Fwd: re: hello", "hello", true },
		{ "[list] Re: hello", "hello", true },
		{ "[a] [b]re:hello", "hello", true },
		{ "reply: hello", "reply: hello", false },
		{ "re hello", "re hello", false },
		{ "Re:", "", true },
		/* (4) subj-blob */
		{ "[list] hello", "hello", false },
		{ "[a][b] hello", "hello", false },
		{ "[list]", "[list]", false },
		{ "[a] [b]", "[b]", false },
		{ "Re: [list]", "[list]", true },
		{ "[a[b] hello", "[a[b] hello", false },
		{ "[open", "[open", false },
		{ "hello [list]", "hello [list]", false },
		/* (5) */
		{ "[a] re: [b] fwd: [c] hello", "hello", true },
		/* (6) subj-fwd */
		{ "[fwd: hello]", "hello", true },
		{ "[Fwd: Re: hello (fwd)] ", "hello", true },
		{ "[fwd: [fwd: hello]]", "hello", true },
		{ "[fwd:]", "", true },
		{ "[fwd: hello", "[fwd: hello", false },
		{ "[list] [fwd: hello]", "hello", true },
		{ "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf out;
		bool is_reply;

		buf_init(&out, 1000);
		put_text(&out, "before");
		put_base_subject(&out, bytes_text(rows[i].subject), &is_reply);
		assert_octets(rows[i].subject, bytes_sub(buf_bytes(&out), 6, out.len), bytes_text(rows[i].want));
		if (is_reply != rows[i].is_reply)
			fail_msg("%s", rows[i].subject);
		buf_done(&out);
	}
}

static void
a_subject_of_blobs_takes_no_longer_than_others(void **state)
{
	struct buf subject, out;
	clock_t before = clock();
	bool is_reply;

	(void)state;
	buf_init(&subject, 1U << 20);
	buf_init(&out, 1U << 20);
	for (int i = 0; i < 200000; i++)
		put_text(&subject, "[]");
	put_base_subject(&out, buf_bytes(&subject), &is_reply);
	assert_octets("base", buf_bytes(&out), BYTES("[]"));
	assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
	buf_done(&subject);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_subjects_rfc5256_2_1),
		cmocka_unit_test(a_subject_of_blobs_takes_no_longer_than_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
