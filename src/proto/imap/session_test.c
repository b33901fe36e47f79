#include "proto/imap/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char message[] = "From: Bob <bob@example.com>\nTo: alice@example.com\nSubject: lunch\n\nToday?\n";

static void
assert_out(struct player *p, const char *want)
{
	struct bytes got = buf_bytes(&p->out);

	if (!bytes_equal(got, bytes_text(want))) {
		print_error("got  |%.*s|\nwant |%s|\n", BYTES_ARG(got), want);
		fail();
	}
	buf_reset(&p->out);
}

static void
a_session_reads_changes_and_leaves(void **state)
{
	struct player p;

	(void)state;
	player_init(&p, true);
	player_log_in(&p);
	player_deliver(&p, "INBOX", bytes_text(message), 0);
	player_deliver(&p, "INBOX", bytes_text(message), VIEW_SEEN);
	player_select(&p, "INBOX");
	player_send_text(&p, "a FETCH 1:* (FLAGS UID RFC822.SIZE)\r\n");
	assert_out(&p, "* 1 FETCH (UID 1 FLAGS (\\Recent) RFC822.SIZE 78)\r\n"
		"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) RFC822.SIZE 78)\r\na OK FETCH completed\r\n");
	player_send_text(&p, "b FETCH 1 BODY[TEXT]\r\n");
	assert_out(&p, "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {8}\r\nToday?\r\n)\r\nb OK FETCH completed\r\n");
	player_send_text(&p, "c STORE 2 +FLAGS.SILENT (\\Deleted)\r\nd EXPUNGE\r\n");
	assert_out(&p, "c OK STORE completed\r\n* 2 EXPUNGE\r\nd OK EXPUNGE completed\r\n");
	player_send_text(&p, "e SEARCH FROM bob TEXT today\r\n");
	assert_out(&p, "* SEARCH 1\r\ne OK SEARCH completed\r\n");
	player_send_text(&p, "f IDLE\r\n");
	assert_out(&p, "+ idling\r\n");
	player_deliver(&p, "INBOX", bytes_text(message), 0);
	player_run(&p);
	assert_out(&p, "* 2 EXISTS\r\n* 2 RECENT\r\n");
	player_send_text(&p, "DONE\r\ng COPY 1:* Sent\r\nh LOGOUT\r\n");
	assert_out(&p, "f OK IDLE completed\r\ng OK [COPYUID 102 1,3 1:2] COPY completed\r\n"
		"* BYE Logging out\r\nh OK LOGOUT completed\r\n");
	assert_true(p.is_closed);
	player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_reads_changes_and_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
