/* Random replies.  client_player.c checks what must always hold; beside that a message is handed over whole and with one end,
   or not at all, and however a server's lines come in pieces, the session does the same. */
#include "proto/smtp/client_player.h"

#include "base/memory.h"
#include "proto/smtp/body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct smtp_envelope_recipient recipients[] = { { BYTES_INIT("a@x.example"), BYTES_INIT("NOTIFY=NEVER") },
	{ BYTES_INIT("b@x.example"), BYTES_INIT("") }, { BYTES_INIT("\xc3\xa9@x.example"), BYTES_INIT("") } };

struct plan {
	struct smtp_envelope envelopes[2];
	struct client_player player;
};

static void
make_plan(const uint8_t how[3], struct plan *plan)
{
	static const struct bytes messages[] = { BYTES_INIT("Hi\n\n.\n..x\n"), BYTES_INIT(""), BYTES_INIT("a\r\n.\r\nb\r.\rc"),
		BYTES_INIT(".") };

	for (size_t i = 0; i < 2; i++)
		plan->envelopes[i] = (struct smtp_envelope){ .sender = i ? BYTES_NONE : BYTES("s@y.example"), .size = 20,
			.is_8bit = how[0] & 1, .is_utf8 = how[0] & 2, .needs_require_tls = how[0] & 4,
			.recipients = recipients, .recipient_count = 1 + (how[0] >> 3) % 3 };
	plan->player = (struct client_player){ .settings = { .hostname = BYTES("out.example"), .is_lmtp = how[1] & 1,
			.tls = (enum smtp_client_tls)((how[1] >> 1 & 3) % 3),
			.login_name = how[1] & 128 ? BYTES("tim") : BYTES_NONE, .secret_login_password = BYTES("secret") },
		.envelopes = plan->envelopes, .envelope_count = 2, .message = messages[(how[1] >> 3) % 4],
		.piece = 1 + how[2] % 7, .may_quit = how[2] & 128, .is_verified = how[2] & 64 };
}

/* A line at a time, as a server would answer, in pieces of `piece` octets. */
static void
play(struct plan *plan, struct bytes in, size_t piece)
{
	struct client_player *p = &plan->player;

	client_player_start(p);
	while (in.len && !p->is_closed) {
		struct bytes rest = in, line;

		(void)take_until(&rest, '\n');
		line = bytes_between(in, rest);
		for (; line.len; line = bytes_sub(line, piece, line.len))
			client_player_hear(p, bytes_sub(line, 0, piece));
		in = rest;
	}
	if (!p->is_closed)
		client_player_lose(p, BYTES("connection lost"));
}

/* Nothing is said but lines that end with CRLF: no command and no message can be smuggled through the session. */
static void
check_lines(struct bytes said)
{
	struct smtp_text text = { .line_octets_max = 0 };

	smtp_text_check(&text, said);
	if (text.flaws & SMTP_FLAW_BARE)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), how;
	struct plan lines, octets;

	if (!take_octets(&in, 3, &how))
		return 0;
	make_plan(how.ptr, &lines);
	make_plan(how.ptr, &octets);
	play(&lines, in, size);
	play(&octets, in, 1);
	check_lines(buf_bytes(&lines.player.said));
	if (!bytes_equal(buf_bytes(&lines.player.text), buf_bytes(&octets.player.text)))
		abort();
	client_player_done(&lines.player);
	client_player_done(&octets.player);
	return 0;
}
