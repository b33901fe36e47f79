#include "role/directory/settle.h"

#include "role/directory/groups.h"

void
settler_init(struct settler *s, int directory)
{
	*s = (struct settler){ .directory = directory, .claims = claims_new(), .groups = groups_new() };
}

void
settler_done(struct settler *s)
{
	claims_free(&s->claims);
	groups_free(&s->groups);
}

/* Each step reads one run and writes another. */
static void
settle_claims(struct settler *s, struct run *records)
{
	struct run out;

	run_init(&out, s->directory);
	claims_settle(s->claims, records, &out);
	run_replace(records, &out);
}

static void
spread_groups(struct settler *s, struct run *records)
{
	struct run out;

	run_init(&out, s->directory);
	if (groups_spread(s->groups, records, &out) || out.tail.has_failed)
		run_replace(records, &out);
	run_done(&out);
}

static void
keep_doubted(struct settler *s, struct run *records, const struct run *held)
{
	struct run out;

	run_init(&out, s->directory);
	doubt_keep(held, records, &out);
	run_replace(records, &out);
}

static void
compare(struct settler *s, const struct held *held, int64_t now_us, int64_t quiet_us, struct run *records)
{
	struct run before;

	run_init(&before, s->directory);
	if (held_read(held, &before)) {
		doubt_compare(&before, records, &s->count);
		if (doubt_judge(&s->doubt, &s->count, now_us, quiet_us))
			keep_doubted(s, records, &before);
	}
	run_done(&before);
}

int
settle(struct settler *s, const struct held *held, size_t changes, int64_t now_us, int64_t quiet_us, struct run *records, struct fault *f)
{
	settle_claims(s, records);
	spread_groups(s, records);
	/* An entry that did not change has what it had: claims stay. */
	if (s->doubt.since_us || doubt_is_due(0, changes))
		compare(s, held, now_us, quiet_us, records);
	s->is_settled = !records->tail.has_failed;
	return s->is_settled ? 0 : fault_set(f, FAULT_LIMIT, "the directory holds more than fits, or can't be read any more");
}

void
settle_nobody(struct settler *s, const struct held *held, int64_t now_us)
{
	const struct run nobody = run_of(BYTES_NONE);
	struct run before;

	if (!held->is_there || s->doubt.since_us)
		return;
	run_init(&before, s->directory);
	if (held_read(held, &before)) {
		doubt_begin(&s->doubt, now_us);
		doubt_compare(&before, &nobody, &s->doubt.count);
	}
	run_done(&before);
}
