#include "proto/smtp/client_player.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { TRANSCRIPT_OCTETS_MAX = 64 << 20 };

static void
must(bool holds)
{
	if (!holds)
		abort();
}

void
client_player_start(struct client_player *p)
{
	p->client = smtp_client_new(&p->settings);
	p->is_at_line_start = true;
	if (p->piece == 0)
		p->piece = SMTP_CLIENT_BODY_MAX;
	buf_init(&p->text, TRANSCRIPT_OCTETS_MAX);
	buf_init(&p->said, TRANSCRIPT_OCTETS_MAX);
	client_player_hear(p, BYTES_NONE);
}

void
client_player_done(struct client_player *p)
{
	smtp_client_free(&p->client);
	memory_free(p->in);
	buf_done(&p->text);
	buf_done(&p->said);
}

/* Lines, each with "C: " before it; output may end within one. */
static void
write_down(struct client_player *p, struct bytes octets)
{
	must(octets.len > 0 && octets.len <= SMTP_CLIENT_OUTPUT_MAX);
	put_bytes(&p->said, octets);
	for (size_t i = 0; i < octets.len; i++) {
		if (p->is_at_line_start)
			put_text(&p->text, "C: ");
		p->is_at_line_start = octets.ptr[i] == '\n';
		if (octets.ptr[i] != '\r')
			put_char(&p->text, octets.ptr[i]);
	}
}

static const char *
outcome_name(enum smtp_client_outcome outcome)
{
	return outcome == SMTP_CLIENT_TAKEN ? "taken" : outcome == SMTP_CLIENT_LATER ? "later" : "never";
}

static void
put_outcome(struct client_player *p, const struct smtp_client_effect *effect)
{
	must(effect->octets.len >= 3 && effect->octets.len <= 400 && bytes_all_class(effect->octets, CLASS_PRINT));
	put_text(&p->text, outcome_name(effect->outcome));
	put_text(&p->text, ": ");
	put_bytes(&p->text, effect->octets);
	put_char(&p->text, '\n');
}

static void
on_result(struct client_player *p, const struct smtp_client_effect *effect)
{
	const struct smtp_envelope *now = &p->envelopes[p->envelopes_sent - 1];

	must(p->is_in_transaction && effect->recipient < now->recipient_count && !p->is_told[effect->recipient]);
	p->is_told[effect->recipient] = true;
	put_text(&p->text, "= <");
	put_bytes(&p->text, now->recipients[effect->recipient].address);
	put_text(&p->text, "> ");
	put_outcome(p, effect);
	/* What was not sent whole was not taken. */
	must(effect->outcome != SMTP_CLIENT_TAKEN || p->message_at == p->message.len);
}

static void
on_sent(struct client_player *p)
{
	must(p->is_in_transaction);
	for (size_t i = 0; i < p->envelopes[p->envelopes_sent - 1].recipient_count; i++)
		must(p->is_told[i]);
	p->is_in_transaction = false;
	put_text(&p->text, "= sent\n");
}

static void
on_failed(struct client_player *p, const struct smtp_client_effect *effect)
{
	static const char *const names[] = { "greeting", "ourselves", "hello", "tls", "login" };

	must(!p->has_failed && p->envelopes_sent == 0 && effect->outcome != SMTP_CLIENT_TAKEN);
	p->has_failed = true;
	put_text(&p->text, "= failed at ");
	put_text(&p->text, names[effect->at]);
	put_char(&p->text, ' ');
	put_outcome(p, effect);
}

/* False: nothing to do but wait. */
static bool
on_ready(struct client_player *p)
{
	must(!p->is_in_transaction && !p->has_failed);
	if (p->envelopes_sent < p->envelope_count) {
		memset(p->is_told, 0, sizeof p->is_told);
		p->is_in_transaction = true;
		p->message_at = 0;
		smtp_client_send(p->client, &p->envelopes[p->envelopes_sent++]);
		return true;
	}
	if (!p->may_quit || p->has_quit)
		return false;
	p->has_quit = true;
	smtp_client_quit(p->client);
	return true;
}

static void
hand_out_body(struct client_player *p)
{
	struct bytes piece = bytes_sub(p->message, p->message_at, p->piece);
	uint8_t *block = memory_new(piece.len);

	must(p->is_in_transaction);
	/* In a block of its own, so that a sanitizer sees who looks beyond. */
	if (piece.len)
		memcpy(block, piece.ptr, piece.len);
	p->message_at += piece.len;
	smtp_client_body(p->client, bytes_of(block, piece.len), p->message_at == p->message.len);
	memory_free(block);
}

/* False: more input is needed, or the end. */
static bool
on_effect(struct client_player *p, const struct smtp_client_effect *effect)
{
	switch (effect->kind) {
	case SMTP_CLIENT_OUTPUT:
		write_down(p, effect->octets);
		return true;
	case SMTP_CLIENT_START_TLS:
		put_text(&p->text, "= tls\n");
		smtp_client_tls_started(p->client, p->is_verified);
		return true;
	case SMTP_CLIENT_READY:
		return on_ready(p);
	case SMTP_CLIENT_NEED_BODY:
		hand_out_body(p);
		return true;
	case SMTP_CLIENT_RESULT:
		on_result(p, effect);
		return true;
	case SMTP_CLIENT_SENT:
		on_sent(p);
		return true;
	case SMTP_CLIENT_FAILED:
		on_failed(p, effect);
		return true;
	case SMTP_CLIENT_CLOSE:
		must(!p->is_in_transaction);
		if (!p->is_closed)
			put_text(&p->text, "= close\n");
		p->is_closed = true;
		return false;
	case SMTP_CLIENT_NEED_INPUT:
		break;
	}
	return false;
}

void
client_player_hear(struct client_player *p, struct bytes octets)
{
	uint8_t *block = memory_new(p->in_len + octets.len);
	struct bytes left = bytes_of(block, p->in_len + octets.len);
	struct smtp_client_effect effect;

	if (p->in_len)
		memcpy(block, p->in, p->in_len);
	if (octets.len)
		memcpy(block + p->in_len, octets.ptr, octets.len);
	memory_free(p->in);
	do {
		p->stopped_at = smtp_client_step(p->client, &left, &effect);
		must(p->stopped_at == effect.kind && smtp_client_timeout_s(p->client) > 0);
	} while (on_effect(p, &effect));
	must(left.len <= SMTP_CLIENT_INPUT_MAX);
	p->in = memory_new(left.len);
	p->in_len = left.len;
	if (left.len)
		memcpy(p->in, left.ptr, left.len);
	memory_free(block);
}

void
client_player_lose(struct client_player *p, struct bytes why)
{
	smtp_client_lose(p->client, why);
	client_player_hear(p, BYTES_NONE);
	must(p->is_closed);
}
