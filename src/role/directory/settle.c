#include "role/directory/settle.h"

#include "role/directory/groups.h"

/* Of records that will be about as long as these: all of it at once, since growing copies. */
static void
begin_like(struct buf *out, const struct buf *records)
{
	buf_init(out, IMAGE_OCTETS_MAX);
	if (records->len)
		(void)buf_room(out, records->len);
}

/* Puts other records in place of these. */
static void
replace(struct buf *records, struct buf *by)
{
	buf_done_secret(records);
	*records = *by;
}

static void
settle_claims(struct settler *s, struct buf *records)
{
	struct buf out;

	begin_like(&out, records);
	claims_settle(s->claims, buf_bytes(records), &out);
	replace(records, &out);
}

static void
spread_groups(struct buf *records)
{
	struct buf out;

	if (!groups_are_in(buf_bytes(records)))
		return;
	begin_like(&out, records);
	groups_spread(buf_bytes(records), &out);
	replace(records, &out);
}

static void
keep_doubted(struct buf *records, struct bytes held)
{
	struct buf out;

	begin_like(&out, records);
	doubt_keep(held, buf_bytes(records), &out);
	replace(records, &out);
}

static void
compare(struct settler *s, const struct held *held, int64_t now_us, int64_t quiet_us, struct buf *records)
{
	struct bytes before;
	struct buf text;

	if (held_read(held, &text, &before)) {
		doubt_compare(before, buf_bytes(records), &s->count);
		if (doubt_judge(&s->doubt, &s->count, now_us, quiet_us))
			keep_doubted(records, before);
	}
	buf_done_secret(&text);
}

int
settle(struct settler *s, const struct held *held, size_t changes, int64_t now_us, int64_t quiet_us, struct buf *records, struct fault *f)
{
	settle_claims(s, records);
	spread_groups(records);
	/* An entry that did not change has what it had: claims stay. */
	if (s->doubt.since_us || doubt_is_due(0, changes))
		compare(s, held, now_us, quiet_us, records);
	return records->has_failed ? fault_set(f, FAULT_LIMIT, "the directory holds more than fits") : 0;
}

void
settle_nobody(struct settler *s, const struct held *held, int64_t now_us)
{
	struct bytes before;
	struct buf text;

	if (!held->is_there || s->doubt.since_us)
		return;
	if (held_read(held, &text, &before)) {
		doubt_begin(&s->doubt, now_us);
		doubt_compare(before, BYTES_NONE, &s->doubt.count);
	}
	buf_done_secret(&text);
}
