#include "proto/smtp/player.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define GREETING "220 mx.example ESMTP Mermoz\r\n"
#define BDAT_DIALOG "EHLO c\r\nMAIL FROM:<a@b> SIZE=9 BODY=8BITMIME\r\nRCPT TO:<c@d>\r\n" \
	"BDAT 6\r\nab\r\n\r\nBDAT 3 LAST\r\n.\r\n"

/* Sends the input in two pieces, cut at `cut`, the second one in pieces of `piece` octets. */
static void
play_split(struct player *p, const struct smtp_settings *settings, struct bytes in, size_t cut, size_t piece)
{
	struct bytes rest = bytes_sub(in, cut, in.len);

	player_start(p, settings);
	player_send(p, bytes_sub(in, 0, cut));
	while (rest.len) {
		player_send(p, bytes_sub(rest, 0, piece));
		rest = bytes_sub(rest, piece, rest.len);
	}
}

static void
assert_text(const struct buf *b, const char *want)
{
	if (!bytes_equal(buf_bytes(b), bytes_text(want)))
		fail_msg("got:\n%.*s\nwant:\n%s", BYTES_ARG(buf_bytes(b)), want);
}

static const struct {
	const char *name, *in, *out, *effects;
} dialogs[] = {
	{ "DATA",
		"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nS: x\r\n\r\n..\r\n...y\r\n.z\r\n.\r\nQUIT\r\n",
		GREETING
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1048576\r\n250-ENHANCEDSTATUSCODES\r\n"
		"250-8BITMIME\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
		"250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
		"354 Send the message, end it with <CRLF>.<CRLF>\r\n250 2.0.0 Ok: stored as " ID "\r\n"
		"221 2.0.0 Bye\r\n",
		"mail <a@b>\nrecipient <c@d>\nbegin\nend S: x\r\n\r\n.\r\n..y\r\nz\r\n\nclose\n" },
	{ "BDAT", BDAT_DIALOG "QUIT\r\n",
		GREETING
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1048576\r\n250-ENHANCEDSTATUSCODES\r\n"
		"250-8BITMIME\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
		"250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
		"250 2.0.0 6 octets received\r\n250 2.0.0 Ok: stored as " ID "\r\n221 2.0.0 Bye\r\n",
		"mail <a@b> size=9 8bit\nrecipient <c@d>\nbegin\nend ab\r\n\r\n.\r\n\nclose\n" },
	{ "smuggling",
		"HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\n.\nMAIL FROM:<e@f>\r\n.\r\nNOOP\r\n",
		GREETING
		"250 mx.example\r\n250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
		"354 Send the message, end it with <CRLF>.<CRLF>\r\n"
		"550 5.5.2 Bare CR or LF in the message: every line must end with CRLF\r\n250 2.0.0 Ok\r\n",
		"mail <a@b>\nrecipient <c@d>\nbegin\nabandoned\n" },
};

static void
every_split_of_a_dialog_has_the_same_effects(void **state)
{
	struct smtp_settings settings = player_settings();

	(void)state;
	for (size_t i = 0; i < sizeof dialogs / sizeof *dialogs; i++) {
		struct bytes in = bytes_text(dialogs[i].in);

		for (size_t cut = 0; cut <= in.len; cut++) {
			for (size_t piece = 1; piece <= in.len; piece = piece == 1 ? 7 : in.len + 1) {
				struct player p;

				play_split(&p, &settings, in, cut, piece == 7 ? in.len : piece);
				assert_text(&p.out, dialogs[i].out);
				assert_text(&p.effects, dialogs[i].effects);
				player_done(&p);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_of_a_dialog_has_the_same_effects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
