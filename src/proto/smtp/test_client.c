#include "proto/smtp/test_client.h"

#include <string.h>

const struct smtp_envelope_recipient both[2] = { { BYTES_INIT("one@x.example"), BYTES_INIT("NOTIFY=NEVER") },
	{ BYTES_INIT("two@x.example"), BYTES_INIT("") } };

struct smtp_envelope
envelope(size_t recipients)
{
	return (struct smtp_envelope){ .sender = BYTES("a@b.example"), .size = 12, .recipients = both,
		.recipient_count = recipients };
}

struct client_player
player(const struct smtp_envelope *envelopes, size_t count)
{
	return (struct client_player){ .settings = { .hostname = BYTES("out.example") }, .envelopes = envelopes,
		.envelope_count = count, .message = BYTES("Hi\n\n.x\n"), .may_quit = true };
}

/* The next lines of the script that the server says, as it would. */
static struct bytes
next_group(struct client_player *p, struct bytes *script, struct buf *out)
{
	buf_reset(out);
	while (take_text(script, BYTES("S: "))) {
		struct bytes line = take_until(script, '\n');

		put_text(&p->text, "S: ");
		put_bytes(&p->text, line);
		put_char(&p->text, '\n');
		put_bytes(out, line);
		put_text(out, "\r\n");
	}
	return buf_bytes(out);
}

/* Plays one group of the server's: what happened before has to be as the script has it. */
static void
play_group(struct client_player *p, struct bytes *script, const char *whole, size_t cut)
{
	struct bytes all = bytes_text(whole), in, said = buf_bytes(&p->text);
	struct buf memory;

	if (!bytes_starts(all, said))
		fail_msg("got:\n%.*s\nwant:\n%s", BYTES_ARG(said), whole);
	*script = bytes_sub(all, said.len, all.len);
	if (take_text(script, BYTES("L: "))) {
		in = take_until(script, '\n');
		put_text(&p->text, "L: ");
		put_bytes(&p->text, in);
		put_char(&p->text, '\n');
		client_player_lose(p, in);
		*script = bytes_sub(all, p->text.len, all.len);
		return;
	}
	buf_init(&memory, 1 << 20);
	in = next_group(p, script, &memory);
	if (in.len == 0)
		fail_msg("got:\n%.*s\nwant:\n%s", BYTES_ARG(said), whole);
	client_player_hear(p, bytes_sub(in, 0, cut));
	client_player_hear(p, bytes_sub(in, cut, in.len));
	buf_done(&memory);
}

void
play_cut(struct client_player p, const char *script, size_t cut)
{
	struct bytes left = bytes_text(script);

	client_player_start(&p);
	while (p.text.len < strlen(script))
		play_group(&p, &left, script, cut);
	if (!bytes_equal(buf_bytes(&p.text), bytes_text(script)))
		fail_msg("cut at %zu, got:\n%.*s\nwant:\n%s", cut, BYTES_ARG(buf_bytes(&p.text)), script);
	client_player_done(&p);
}

void
play(struct client_player p, const char *script)
{
	for (size_t cut = 0; cut < 200; cut++)
		for (size_t piece = 1; piece < 4; piece++) {
			p.piece = piece == 3 ? 0 : piece;
			play_cut(p, script, cut);
		}
}
