/* All claims stand in one array, sorted by address, so that those to one address stand together with the one that counts
   in front.  Addresses and entries are compared by keyed digests of 64 bits: what is remembered of 100,000 accounts is
   1.6 MB. */
#include "role/directory/claims.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/address.h"

#include <stdlib.h>
#include <string.h>

/* Of one reading. */
enum { REPORTS_MAX = 100, RANK_ACCOUNT = 0 };

struct hold {
	uint64_t address, entry;
};

struct numbers {
	uint64_t *at;
	size_t count, size;
};

struct claims {
	struct hold *holds; /* sorted */
	size_t hold_count;
	struct numbers told; /* losses that the administrator heard of; sorted */
	struct buf losses; /* three texts each, as image_put_member has them */
};

struct claim {
	uint64_t address, entry;
	uint32_t order; /* of the record */
	uint8_t rank;
	bool is_held; /* the entry had the address before */
	struct bytes address_text, entry_text; /* of the image */
};

/* A settlement under way. */
struct settling {
	struct claims *claims;
	struct claim *at;
	size_t count, size;
	struct numbers losers; /* entries whose account's address is another's; sorted */
	struct numbers told;
	uint32_t record_count;
	uint8_t *is_lost; /* by the order of the record */
	uint32_t next; /* record to be put out */
	size_t reports;
	struct buf *out;
};

struct claims *
claims_new(void)
{
	struct claims *c = NEW(struct claims);

	buf_init(&c->losses, CLAIMS_LOSSES_OCTETS_MAX);
	return c;
}

void
claims_free(struct claims **at)
{
	struct claims *c = *at;

	if (!c)
		return;
	*at = NULL;
	memory_free(c->holds);
	memory_free(c->told.at);
	buf_done(&c->losses);
	memory_free(c);
}

/* ---- digests */

static int
compare_numbers(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static void
add_number(struct numbers *n, uint64_t number)
{
	if (n->count == n->size) {
		n->size = n->size ? n->size * 2 : 64;
		n->at = memory_resize(n->at, n->size, sizeof *n->at);
	}
	n->at[n->count++] = number;
}

static void
sort_numbers(struct numbers *n)
{
	if (n->count)
		qsort(n->at, n->count, sizeof *n->at, compare_numbers);
}

static bool
has_number(const struct numbers *n, uint64_t number)
{
	return n->count && bsearch(&number, n->at, n->count, sizeof *n->at, compare_numbers);
}

/* `address` is the first member. */
static bool
is_holder(const struct claims *c, uint64_t address, uint64_t entry)
{
	const struct hold *hold = c->hold_count ? bsearch(&address, c->holds, c->hold_count, sizeof *hold, compare_numbers) : NULL;

	return hold && hold->entry == entry;
}

/* ---- collecting */

/* What can't be an address claims none; the replica tells of it. */
static void
add_claim(struct settling *s, struct bytes address, struct bytes entry, uint8_t rank)
{
	uint32_t order = s->record_count++;
	struct address folded;
	struct claim *claim;

	if (!address_fold(address, &folded))
		return;
	if (s->count == s->size) {
		s->size = s->size ? s->size * 2 : 256;
		s->at = memory_resize(s->at, s->size, sizeof *s->at);
	}
	claim = &s->at[s->count++];
	*claim = (struct claim){ .address = map_hash(address_bytes(&folded)), .entry = map_hash(entry), .order = order,
		.rank = rank, .address_text = address, .entry_text = entry };
	claim->is_held = is_holder(s->claims, claim->address, claim->entry);
}

static void
claim_user(void *arg, const struct user_record *record)
{
	add_claim(arg, record->address, record->entry, RANK_ACCOUNT);
}

static void
claim_alias(void *arg, const struct alias_record *record)
{
	add_claim(arg, record->address, record->entry, (uint8_t)(RANK_ACCOUNT + record->rank));
}

/* As an account: people write to it as to one. */
static void
claim_group(void *arg, const struct group_record *record)
{
	add_claim(arg, record->address, record->entry, RANK_ACCOUNT);
}

/* The one that counts first. */
static int
compare_claims(const void *x, const void *y)
{
	const struct claim *a = x, *b = y;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->is_held != b->is_held)
		return a->is_held ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static void
collect(struct settling *s, struct bytes records)
{
	static const struct image_visitor visitor = { claim_user, claim_alias, claim_group };

	/* The rest of records that are none is nobody's; who reads what is put out says so. */
	if (!image_visit(records, &visitor, s))
		s->out->has_failed = true;
	if (s->count)
		qsort(s->at, s->count, sizeof *s->at, compare_claims);
	s->is_lost = memory_new(s->record_count + 1);
}

/* ---- deciding */

static void
find_losers(struct settling *s)
{
	for (size_t i = 1; i < s->count; i++) {
		const struct claim *winner = &s->at[i - 1], *claim = &s->at[i];

		if (winner->address == claim->address && claim->rank == RANK_ACCOUNT && claim->entry != winner->entry)
			add_number(&s->losers, claim->entry);
	}
	sort_numbers(&s->losers);
}

static bool
may_win(const struct settling *s, const struct claim *claim, bool is_first)
{
	return claim->rank == RANK_ACCOUNT ? is_first : !has_number(&s->losers, claim->entry);
}

/* winner: NULL, nobody has it. */
static void
keep_loss(struct claims *c, const struct claim *winner, const struct claim *loser)
{
	size_t before = c->losses.len;

	image_put_member(&c->losses, loser->address_text);
	image_put_member(&c->losses, loser->entry_text);
	image_put_member(&c->losses, winner ? winner->entry_text : BYTES_NONE);
	if (c->losses.has_failed)
		c->losses.len = before;
}

static void
report(struct settling *s, const struct claim *winner, const struct claim *loser)
{
	uint64_t loss = winner->address ^ winner->entry ^ (loser->entry << 1 | loser->entry >> 63);

	if (winner->entry == loser->entry || has_number(&s->told, loss))
		return;
	add_number(&s->told, loss);
	if (has_number(&s->claims->told, loss) || s->reports++ >= REPORTS_MAX)
		return;
	event(NULL, EV_ADDRESS_TAKEN, TEXT("address", winner->address_text), TEXT("kept", winner->entry_text),
		TEXT("left_out", loser->entry_text));
}

/* The claims to one address: from `first` on, up to `end`.  The winner, or NULL. */
static const struct claim *
settle_address(struct settling *s, size_t first, size_t end)
{
	const struct claim *winner = NULL;

	for (size_t i = first; i < end; i++) {
		const struct claim *claim = &s->at[i];

		if (!winner && may_win(s, claim, i == first)) {
			winner = claim;
			continue;
		}
		s->is_lost[claim->order] = true;
		if (!winner || winner->entry != claim->entry)
			keep_loss(s->claims, winner, claim);
		if (winner)
			report(s, winner, claim);
	}
	return winner;
}

static void
settle(struct settling *s)
{
	struct claims *c = s->claims;
	size_t end;

	memory_free(c->holds);
	c->holds = memory_new_array(s->count + 1, sizeof *c->holds);
	c->hold_count = 0;
	find_losers(s);
	for (size_t i = 0; i < s->count; i = end) {
		const struct claim *winner;

		for (end = i + 1; end < s->count && s->at[end].address == s->at[i].address;)
			end++;
		winner = settle_address(s, i, end);
		if (winner)
			c->holds[c->hold_count++] = (struct hold){ winner->address, winner->entry };
	}
	sort_numbers(&s->told);
	memory_free(c->told.at);
	c->told = s->told;
}

/* ---- putting out */

static void
put_user(void *arg, const struct user_record *record)
{
	struct settling *s = arg;

	if (!s->is_lost[s->next++])
		image_put_user(s->out, record);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct settling *s = arg;

	if (!s->is_lost[s->next++])
		image_put_alias(s->out, record);
}

/* Without its address it is still a part of other groups. */
static void
put_group(void *arg, const struct group_record *record)
{
	struct settling *s = arg;
	struct group_record kept = *record;

	if (s->is_lost[s->next++])
		kept.address = BYTES_NONE;
	image_put_group(s->out, &kept);
}

void
claims_settle(struct claims *c, struct bytes records, struct buf *out)
{
	static const struct image_visitor visitor = { put_user, put_alias, put_group };
	struct settling s = { .claims = c, .out = out };

	buf_reset(&c->losses);
	collect(&s, records);
	settle(&s);
	if (!image_visit(records, &visitor, &s))
		out->has_failed = true;
	memory_free(s.at);
	memory_free(s.losers.at);
	memory_free(s.is_lost);
}

struct bytes
claims_losses(const struct claims *c)
{
	return buf_bytes(&c->losses);
}

bool
claims_take_loss(struct bytes *losses, struct claims_loss *loss)
{
	return image_take_member(losses, &loss->address) && image_take_member(losses, &loss->left_out)
		&& image_take_member(losses, &loss->kept);
}

void
claims_learn(struct claims *c, struct bytes records)
{
	struct buf out;

	buf_init(&out, IMAGE_OCTETS_MAX);
	claims_settle(c, records, &out);
	buf_done_secret(&out);
}
