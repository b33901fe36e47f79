/* The keys of TLS session tickets: made here, handed to every front, changed every now and then.  A ticket is taken for
   ROTATE_MS at least after it was made, which is longer than the two hours that OpenSSL lets one live; a key is nowhere
   any more after twice that time, so that recorded sessions can't be read with what is found then. */
#include "role/supervisor/supervisor_internal.h"

#include "base/memory.h"
#include "sys/random.h"

#include <string.h>

#define ROTATE_MS (12 * 3600 * 1000)

void
ticket_keys_turn(struct ticket_keys *keys)
{
	keys->has_previous = keys->has_current;
	memcpy(keys->secret_previous, keys->secret_current, sizeof keys->secret_previous);
	random_fill(keys->secret_current, sizeof keys->secret_current);
	keys->has_current = true;
}

void
tickets_give(struct child *c)
{
	const struct ticket_keys *keys = &c->s->ticket_keys;
	struct message m = { .type = MESSAGE_TICKET_KEYS };

	if (c->role != ROLE_FRONT)
		return;
	m.u.ticket_keys.secret_current = bytes_of(keys->secret_current, sizeof keys->secret_current);
	if (keys->has_previous)
		m.u.ticket_keys.secret_previous = bytes_of(keys->secret_previous, sizeof keys->secret_previous);
	child_tell(c, &m);
}

static void
rotate(struct timer *t)
{
	struct supervisor *s = (struct supervisor *)((char *)t - offsetof(struct supervisor, ticket_rotation));

	ticket_keys_turn(&s->ticket_keys);
	for (size_t i = 0; i < s->child_count; i++)
		tickets_give(&s->children[i]);
}

void
tickets_begin(struct supervisor *s)
{
	ticket_keys_turn(&s->ticket_keys);
	timer_init(&s->ticket_rotation, s->loop, rotate);
	timer_start(&s->ticket_rotation, ROTATE_MS, ROTATE_MS);
}

void
tickets_end(struct supervisor *s)
{
	memory_wipe(&s->ticket_keys, sizeof s->ticket_keys);
}
