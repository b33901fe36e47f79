/* Random octets and random answers.  player.c checks what must always hold; and however the input comes in
   pieces, and whenever the answers come, the session puts out the same and has the same effects. */
#include "proto/smtp/player.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct plan {
	struct smtp_settings settings;
	uint32_t seed;
	bool is_mostly_ok;
};

static uint32_t
mix(uint32_t seed, uint32_t number)
{
	uint32_t x = (seed + number * 2654435761u) * 2246822519u;

	return x ^ x >> 15;
}

static enum smtp_answer
answer(struct player *p, const struct smtp_effect *effect)
{
	const struct plan *plan = p->arg;
	uint32_t roll = mix(plan->seed, (uint32_t)p->asks);

	(void)effect;
	if (plan->is_mostly_ok && roll % 8)
		return SMTP_ANSWER_OK;
	return (enum smtp_answer)(roll / 8 % SMTP_ANSWERS);
}

static struct plan
make_plan(const uint8_t how[4])
{
	struct plan plan = { .settings = player_settings(), .seed = how[2], .is_mostly_ok = !(how[0] & 1) };

	plan.settings.is_submission = how[0] & 2;
	plan.settings.offers_tls = how[0] & 4;
	plan.settings.is_tls_from_start = how[0] & 8;
	plan.settings.offers_login = how[0] & 16;
	plan.settings.may_login_in_clear = how[0] & 32;
	plan.settings.hold_most_s = how[1] & 64 ? 86400 : 0;
	plan.settings.limits.command_line_octets_max = how[1] & 1 ? 64 : 2048;
	plan.settings.limits.message_octets_max = how[1] & 2 ? 40 : 0;
	plan.settings.limits.text_line_octets_max = how[1] & 4 ? 12 : 0;
	plan.settings.limits.recipients_max = how[1] & 8 ? 1 : 100;
	plan.settings.limits.errors_max = how[1] & 16 ? 3 : 1000;
	plan.settings.limits.refused_recipients_max = how[1] & 32 ? 2 : 1000;
	return plan;
}

static void
start(struct player *p, struct plan *plan)
{
	player_start(p, &plan->settings);
	p->answer = answer;
	p->arg = plan;
	player_run(p);
}

/* In pieces; after STARTTLS the rest is what the client says under TLS. */
static void
play_pieces(struct player *p, struct bytes in, uint32_t seed)
{
	for (uint32_t i = 0; in.len; i++) {
		size_t piece = 1 + mix(seed, i) % (seed & 1 ? 3 : 40);

		player_send(p, bytes_sub(in, 0, piece));
		in = bytes_sub(in, piece, in.len);
		if (p->is_tls_due)
			player_start_tls(p);
	}
}

static void
must_be_equal(const struct buf *a, const struct buf *b)
{
	if (!bytes_equal(buf_bytes(a), buf_bytes(b)))
		abort();
}

static void
play_to_shut(struct plan *plan, struct bytes in, uint32_t seed)
{
	struct player p;

	start(&p, plan);
	p.asks_max = seed % 8;
	play_pieces(&p, bytes_sub(in, 0, mix(seed, 0) % (in.len + 1)), seed);
	player_shut(&p, BYTES("closing"));
	if (!p.is_closed)
		abort();
	player_done(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), how;
	struct player whole, pieces;
	struct plan plan;

	if (!take_octets(&in, 4, &how))
		return 0;
	plan = make_plan(how.ptr);
	start(&pieces, &plan);
	pieces.is_slow = how.ptr[3] & 1;
	play_pieces(&pieces, in, how.ptr[3]);
	if (!plan.settings.offers_tls) {
		start(&whole, &plan);
		player_send(&whole, in);
		must_be_equal(&whole.out, &pieces.out);
		must_be_equal(&whole.effects, &pieces.effects);
		player_done(&whole);
	}
	player_done(&pieces);
	play_to_shut(&plan, in, how.ptr[3]);
	return 0;
}
