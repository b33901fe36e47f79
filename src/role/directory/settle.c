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

static bool
keep_doubted(struct settler *s, struct run *records, const struct run *held)
{
	struct run out;
	bool is_whole;

	run_init(&out, s->directory);
	is_whole = doubt_keep(held, records, &out);
	if (is_whole)
		run_replace(records, &out);
	run_done(&out);
	return is_whole;
}

static bool
compare(struct settler *s, const struct held *held, int64_t now_us, int64_t quiet_us, struct run *records)
{
	struct run before;
	bool is_compared;

	run_init(&before, s->directory);
	is_compared = held_read(held, &before) && doubt_compare(&before, records, &s->count)
		&& (!doubt_judge(&s->doubt, &s->count, now_us, quiet_us) || keep_doubted(s, records, &before));
	run_done(&before);
	return is_compared;
}

/* What was read can't be compared with what is held: it may lack as many as it likes, and counts when the quiet time has passed all the same. */
static int
doubt_unseen(struct settler *s, int64_t now_us, int64_t quiet_us, struct fault *f)
{
	doubt_begin(&s->doubt, now_us);
	if (now_us - s->doubt.since_us < quiet_us)
		return fault_set(f, FAULT_TEMP, "whether accounts are missing can't be told: what is in force can't be read any more");
	s->doubt = (struct doubt){ 0 };
	return 0;
}

int
settle(struct settler *s, const struct held *held, size_t changes, int64_t now_us, int64_t quiet_us, struct run *records, struct fault *f)
{
	s->is_settled = false;
	settle_claims(s, records);
	spread_groups(s, records);
	/* An entry that did not change has what it had: claims stay. */
	if (!records->tail.has_failed && (s->doubt.since_us || doubt_is_due(0, changes)) && !compare(s, held, now_us, quiet_us, records)
		&& doubt_unseen(s, now_us, quiet_us, f) != 0)
		return -1;
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
	doubt_begin(&s->doubt, now_us);
	run_init(&before, s->directory);
	if (!held_read(held, &before) || !doubt_compare(&before, &nobody, &s->doubt.count))
		s->doubt.count = (struct doubt_count){ 0 };
	run_done(&before);
}
