/* Few entries that changed.  Each is decided by itself, as claims.h and groups.h allow; what they leave to a settling of all is left to it: an
   address that several entries claim, two entries by one name, a group that very many name. */
#include "role/directory/settle.h"

#include "role/directory/address.h"
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

struct claiming {
	struct claims *claims;
	bool (*claim)(struct claims *claims, struct bytes address, struct bytes entry);
	bool may_be;
	struct buf all; /* what is claimed, in turn */
};

static void
claim(struct claiming *c, uint8_t rank, struct bytes address, struct bytes entry)
{
	put_u8(&c->all, rank);
	image_put_member(&c->all, address);
	image_put_member(&c->all, entry);
	if (c->claim)
		c->may_be = c->may_be && c->claim(c->claims, address, entry);
}

static void
claim_user(void *arg, const struct user_record *record)
{
	claim(arg, 0, record->address, record->entry);
}

static void
claim_alias(void *arg, const struct alias_record *record)
{
	claim(arg, (uint8_t)record->rank, record->address, record->entry);
}

static void
claim_group(void *arg, const struct group_record *record)
{
	claim(arg, ALIAS_RANKS, record->address, record->entry);
}

static const struct image_visitor claim_visitor = { claim_user, claim_alias, claim_group };

static bool
has_same_claims(struct bytes before, struct bytes now)
{
	struct claiming was = { .may_be = true }, is = { .may_be = true };
	bool is_same;

	buf_init(&was.all, IMAGE_OCTETS_MAX);
	buf_init(&is.all, IMAGE_OCTETS_MAX);
	is_same = image_visit(before, &claim_visitor, &was) && image_visit(now, &claim_visitor, &is)
		&& bytes_equal(buf_bytes(&was.all), buf_bytes(&is.all));
	buf_done(&was.all);
	buf_done(&is.all);
	return is_same;
}

static bool
change_claims(struct claims *claims, struct bytes records, bool (*each)(struct claims *claims, struct bytes address, struct bytes entry))
{
	struct claiming c = { .claims = claims, .claim = each, .may_be = true };
	bool is_whole;

	buf_init(&c.all, IMAGE_OCTETS_MAX);
	is_whole = image_visit(records, &claim_visitor, &c);
	buf_done(&c.all);
	return is_whole && c.may_be;
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
	struct buf counted; /* what of it did before */
	bool is_same; /* in what it claims */
};

static bool
settle_pairs(struct settler *s, struct pair *pairs, size_t count, struct change *change)
{
	bool is_done = true;

	for (size_t i = 0; i < count; i++) {
		pairs[i].counted = keep(s->claims, pairs[i].before);
		pairs[i].is_same = has_same_claims(pairs[i].before, pairs[i].now);
		is_done = is_done && (pairs[i].is_same || change_claims(s->claims, pairs[i].before, claims_release));
	}
	for (size_t i = 0; i < count; i++)
		is_done = is_done && (pairs[i].is_same || change_claims(s->claims, pairs[i].now, claims_take));
	for (size_t i = 0; i < count; i++) {
		struct buf counts = keep(s->claims, pairs[i].now);

		is_done = is_done && put_change(s, &pairs[i].counted, &counts, change);
		buf_done_secret(&counts);
		buf_done_secret(&pairs[i].counted);
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
