/* Files of aliases: what stands in them comes into force when they change, as other mail servers have it.  What else a reload would bring waits to be
   told of: an administrator who is half-way through mermoz.conf is not done. */
#include "role/supervisor/supervisor_internal.h"

#include "base/event.h"

enum { LOOK_EVERY_MS = 1500 };

static void
on_look(struct timer *t)
{
	struct supervisor *s = (struct supervisor *)((char *)t - offsetof(struct supervisor, watch));
	const struct config_seen *changed;

	if (s->config->aliases_count == 0 || s->reload || s->is_draining)
		return;
	/* What is refused is not tried again until it changes. */
	changed = config_look_at_aliases(s->config, &s->look);
	if (!changed)
		return;
	event(NULL, EV_ALIASES_CHANGED, TEXT("file", changed->path));
	reload_begin(s);
}

void
watch_begin(struct supervisor *s)
{
	timer_init(&s->watch, s->loop, on_look);
	timer_start(&s->watch, LOOK_EVERY_MS, LOOK_EVERY_MS);
}
