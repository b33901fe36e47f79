/* Random octets and answers: whatever comes, however it comes in pieces and whenever answers come, the output is whole lines, no
   question has an empty name or password, and no more than AUTH_ASKS_MAX are open. */
#include "proto/auth/session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
	struct auth_session *session;
	uint64_t tickets[AUTH_ASKS_MAX];
	size_t due;
	uint32_t roll;
	uint8_t last; /* octet that was put out */
	bool is_closed;
};

static uint32_t
next(struct play *p)
{
	p->roll = p->roll * 1664525u + 1013904223u;
	return p->roll >> 16;
}

static void
answer_one(struct play *p)
{
	if (p->due == 0)
		return;
	p->due--;
	auth_session_answer(p->session, p->tickets[p->due], (enum auth_answer)(next(p) % AUTH_ANSWERS), BYTES("alice@a.org"));
}

static void
check_ask(struct play *p, const struct auth_login *l)
{
	if (l->name.len == 0 || l->secret_password.len == 0 || l->claims.service.len == 0 || p->due == AUTH_ASKS_MAX)
		abort();
	p->tickets[p->due++] = l->ticket;
	if (next(p) & 1)
		answer_one(p);
}

static void
run(struct play *p, struct bytes *in)
{
	struct auth_effect e;

	while (!p->is_closed) {
		switch (auth_session_step(p->session, in, &e)) {
		case AUTH_OUTPUT:
			if (e.octets.len == 0)
				abort();
			p->last = e.octets.ptr[e.octets.len - 1];
			break;
		case AUTH_ASK_LOGIN:
			check_ask(p, &e.login);
			break;
		case AUTH_CLOSE:
			p->is_closed = true;
			break;
		case AUTH_BLOCKED:
			if (p->due == 0)
				abort();
			answer_one(p);
			break;
		case AUTH_NEED_INPUT:
			if (in->len >= AUTH_LINE_OCTETS_MAX || p->last != '\n')
				abort();
			return;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct auth_identity identity = { .process = 1 };
	struct bytes all = bytes_of(data, size), how, in;
	struct play p = { .last = '\n' };

	if (!take_octets(&all, 2, &how))
		return 0;
	p.session = auth_session_new(&identity);
	p.roll = how.ptr[0];
	in = bytes_sub(all, 0, 0);
	for (size_t given = 0; given < all.len && !p.is_closed;) {
		size_t piece = 1 + next(&p) % (how.ptr[1] & 1 ? 5 : 2000);

		piece = piece < all.len - given ? piece : all.len - given;
		in.len += piece;
		given += piece;
		run(&p, &in);
		if (how.ptr[1] & 2)
			answer_one(&p);
	}
	auth_session_shut(p.session);
	run(&p, &in);
	if (!p.is_closed)
		abort();
	while (p.due)
		answer_one(&p);
	auth_session_free(&p.session);
	return 0;
}
