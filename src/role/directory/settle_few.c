/* Few entries that changed.  Each is decided by itself, as claims.h and groups.h allow; what they leave to a settling of all is left to it: an
   address that an entry begins or ceases to claim and others claim too, two entries by one name, a group that very many name. */
#include "role/directory/settle.h"

#include "config/address.h"
#include "role/directory/early.h"

/* What counts of an entry's records. */
struct keeping {
	const struct claims *claims;
	struct map *met; /* addresses; of one that is there twice the first counts */
	struct buf out;
};

static bool
is_kept(struct keeping *k, struct bytes address, struct bytes entry)
{
	struct address folded;

	if (!address_fold(address, &folded))
		return true;
	return claims_has(k->claims, address, entry) && !map_put(k->met, address_bytes(&folded), k);
}

static void
keep_user(void *arg, const struct user_record *record)
{
	struct keeping *k = arg;

	if (is_kept(k, record->address, record->entry))
		image_put_user(&k->out, record);
}

static void
keep_alias(void *arg, const struct alias_record *record)
{
	struct keeping *k = arg;

	if (is_kept(k, record->address, record->entry))
		image_put_alias(&k->out, record);
}

static void
keep_group(void *arg, const struct group_record *record)
{
	struct keeping *k = arg;
	struct group_record kept = *record;

	if (!is_kept(k, record->address, record->entry))
		kept.address = BYTES_NONE;
	image_put_group(&k->out, &kept);
}

/* To be ended with buf_done_secret. */
static struct buf
keep(const struct claims *claims, struct bytes records)
{
	static const struct image_visitor visitor = { keep_user, keep_alias, keep_group };
	struct keeping k = { .claims = claims, .met = map_new() };

	buf_init(&k.out, IMAGE_OCTETS_MAX);
	k.out.has_failed = !image_visit(records, &visitor, &k);
	map_free(&k.met);
	return k.out;
}

/* ---- claims */

struct claim {
	struct bytes address, entry;
	uint8_t rank; /* ALIAS_FURTHER, or an account's or group's own address */
};

static void
put_claim(struct buf *all, uint8_t rank, struct bytes address, struct bytes entry)
{
	put_u8(all, rank);
	image_put_member(all, address);
	image_put_member(all, entry);
}

static void
claim_user(void *arg, const struct user_record *record)
{
	put_claim(arg, 0, record->address, record->entry);
}

static void
claim_alias(void *arg, const struct alias_record *record)
{
	put_claim(arg, (uint8_t)record->rank, record->address, record->entry);
}

static void
claim_group(void *arg, const struct group_record *record)
{
	put_claim(arg, ALIAS_RANKS, record->address, record->entry);
}

/* In turn.  To be ended with buf_done. */
static struct buf
claims_of(struct bytes records)
{
	static const struct image_visitor visitor = { claim_user, claim_alias, claim_group };
	struct buf all;

	buf_init(&all, IMAGE_OCTETS_MAX);
	if (!image_visit(records, &visitor, &all))
		all.has_failed = true;
	return all;
}

static bool
take_claim(struct bytes *all, struct claim *c)
{
	return take_u8(all, &c->rank) && image_take_member(all, &c->address) && image_take_member(all, &c->entry);
}

static size_t
count_among(struct bytes all, const struct claim *wanted)
{
	size_t count = 0;
	struct claim c;

	while (take_claim(&all, &c))
		count += c.rank == wanted->rank && bytes_equal(c.address, wanted->address) && bytes_equal(c.entry, wanted->entry);
	return count;
}

/* What an entry claims before and after the change, as often, stays whose it is, whoever else claims it. */
static bool
change_claims(struct claims *claims, struct bytes all, struct bytes others, bool (*each)(struct claims *claims, struct bytes address, struct bytes entry))
{
	struct bytes rest = all;
	struct claim c;

	while (take_claim(&rest, &c))
		if (count_among(all, &c) > count_among(others, &c) && !each(claims, c.address, c.entry))
			return false;
	return true;
}

/* An entry that has not its own address has no further ones, be they nobody else's. */
static bool
has_its_own(const struct claims *claims, struct bytes all)
{
	struct claim c;

	while (take_claim(&all, &c))
		if (c.rank != ALIAS_FURTHER && !claims_has(claims, c.address, c.entry))
			return false;
	return true;
}

/* ---- what becomes of it */

struct ending {
	struct buf *gone;
	struct bytes address, name; /* of the account that counts now, if there is one */
};

static void
note_user(void *arg, const struct user_record *record)
{
	struct ending *e = arg;

	e->address = record->address;
	e->name = record->account_name;
}

static void
pass_group(void *arg, const struct group_record *record)
{
	(void)arg, (void)record;
}

/* An account that has its address and its name still does not give the name up. */
static void
end_user(void *arg, const struct user_record *record)
{
	struct ending *e = arg;
	bool stays = bytes_equal(record->address, e->address) && bytes_equal(record->account_name, e->name);

	image_put_member(e->gone, record->address);
	if (record->account_name.len && !stays)
		image_put_member(e->gone, record->account_name);
}

static void
end_alias(void *arg, const struct alias_record *record)
{
	struct ending *e = arg;

	image_put_member(e->gone, record->address);
}

static void
end_group(void *arg, const struct group_record *record)
{
	struct ending *e = arg;

	if (record->address.len)
		image_put_member(e->gone, record->address);
}

static bool
put_gone(struct bytes before, struct bytes now, struct buf *gone)
{
	static const struct image_visitor note = { note_user, NULL, pass_group }, end = { end_user, end_alias, end_group };
	struct ending e = { .gone = gone };

	return image_visit(now, &note, &e) && image_visit(before, &end, &e);
}

static void
put_user(void *arg, const struct user_record *record)
{
	image_put_user(arg, record);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	image_put_alias(arg, record);
}

/* before, now: what counted and what counts.  Groups are made when all entries have been looked at. */
static bool
put_change(struct settler *s, const struct buf *before, const struct buf *now, struct change *change)
{
	static const struct image_visitor put = { put_user, put_alias, pass_group };

	return !before->has_failed && !now->has_failed && groups_note(s->groups, buf_bytes(before), buf_bytes(now))
		&& put_gone(buf_bytes(before), buf_bytes(now), &change->gone) && image_visit(buf_bytes(now), &put, &change->records);
}

struct pair {
	struct bytes before, now;
	struct buf claimed, claims;
	bool is_same; /* in what it claims */
	struct buf counted; /* what of it did before */
};

static void
open_pair(const struct settler *s, struct pair *p)
{
	p->claimed = claims_of(p->before);
	p->claims = claims_of(p->now);
	p->is_same = bytes_equal(buf_bytes(&p->claimed), buf_bytes(&p->claims));
	p->counted = keep(s->claims, p->before);
}

static void
close_pair(struct pair *p)
{
	buf_done(&p->claimed);
	buf_done(&p->claims);
	buf_done_secret(&p->counted);
}

static bool
is_readable(const struct pair *p)
{
	return !p->claimed.has_failed && !p->claims.has_failed;
}

static bool
release(struct claims *claims, const struct pair *p)
{
	return is_readable(p) && (p->is_same || change_claims(claims, buf_bytes(&p->claimed), buf_bytes(&p->claims), claims_release));
}

static bool
take(struct claims *claims, const struct pair *p)
{
	return p->is_same
		|| (change_claims(claims, buf_bytes(&p->claims), buf_bytes(&p->claimed), claims_take) && has_its_own(claims, buf_bytes(&p->claims)));
}

static bool
settle_claims(struct settler *s, const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!release(s->claims, &pairs[i]))
			return false;
	for (size_t i = 0; i < count; i++)
		if (!take(s->claims, &pairs[i]))
			return false;
	return true;
}

static bool
settle_pairs(struct settler *s, struct pair *pairs, size_t count, struct change *change)
{
	bool is_done;

	for (size_t i = 0; i < count; i++)
		open_pair(s, &pairs[i]);
	is_done = settle_claims(s, pairs, count);
	for (size_t i = 0; i < count; i++) {
		struct buf counts = keep(s->claims, pairs[i].now);

		is_done = is_done && put_change(s, &pairs[i].counted, &counts, change);
		buf_done_secret(&counts);
		close_pair(&pairs[i]);
	}
	/* Whether a server that shows nobody is to be believed is told by who reads all of it. */
	return is_done && groups_accounts(s->groups) > 0 && groups_make_noted(s->groups, &change->records) && !change->gone.has_failed && !change->records.has_failed;
}

bool
settle_few(struct settler *s, struct bytes rest, struct change *change)
{
	struct pair pairs[EARLY_MAX];
	size_t count = 0;
	bool is_done;

	if (!s->is_settled || s->doubt.since_us)
		return false;
	while (count < EARLY_MAX && early_take_pair(&rest, &pairs[count].before, &pairs[count].now))
		count++;
	is_done = rest.len == 0 && settle_pairs(s, pairs, count, change);
	claims_end_change(s->claims, is_done);
	s->is_settled = is_done;
	if (!is_done)
		change_reset(change);
	return is_done;
}
