/* All claims stand in one array, sorted by address, so that those to one address stand together with the one that counts
   in front.  Addresses and entries are compared by keyed digests of 64 bits: what is remembered of 100,000 accounts is
   1.6 MB.

   A change of few entries is decided without a settling as long as each address that it touches has one claim at most: then that counts, and nothing
   else depends on it.  What was decided so lies beside the array until the next settling.

   The texts of those that lose, and of what they lose to, are kept when the records are put out. */
#include "role/directory/claims.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/sort.h"
#include "config/address.h"

#include <stdlib.h>
#include <string.h>

/* Of one reading. */
enum { REPORTS_MAX = 100, SINCE_MAX = 16384, LOSSES_MAX = 65536, RANK_ACCOUNT = 0, IS_LOST = 1, IS_TOLD = 2 };

/* Instead of a winner. */
#define NOBODY UINT32_MAX

/* Instead of an entry, in `since`. */
#define RELEASED 1

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
	struct numbers contested; /* addresses that have not one claim alone; sorted */
	struct map *since; /* of addresses that changed hands since the settling: who has it, or RELEASED */
	struct hold *undone; /* who had what before the change that is under way, 0: nobody; the last one counts last */
	size_t undone_count, undone_size;
	struct numbers told; /* losses that the administrator heard of; sorted */
	struct buf losses; /* three texts each, as image_put_member has them */
};

struct claim {
	uint64_t address, entry;
	uint32_t order; /* of the record */
	uint8_t rank;
	bool is_held; /* the entry had the address before */
};

/* Orders of records; the winner's may be NOBODY. */
struct loss {
	uint32_t winner, loser;
	bool is_report;
};

/* Of a record that is told of: its address and its entry, in `texts`. */
struct told {
	uint32_t order;
	size_t place;
};

/* A settlement under way. */
struct settling {
	struct claims *claims;
	struct claim *at;
	size_t count, size;
	struct numbers losers; /* entries whose account's address is another's; sorted */
	struct numbers told;
	uint32_t record_count;
	uint8_t *fates; /* IS_LOST, IS_TOLD; by the order of the record */
	uint32_t next; /* record to be put out */
	struct loss *losses;
	size_t loss_count, loss_size;
	struct told *texts_of; /* in order */
	size_t text_count, text_size;
	struct buf texts;
	size_t reports;
	struct run *out;
};

struct claims *
claims_new(void)
{
	struct claims *c = NEW(struct claims);

	c->since = map_new();
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
	memory_free(c->contested.at);
	memory_free(c->undone);
	map_free(&c->since);
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
		sort_in_place(n->at, n->count, sizeof *n->at, compare_numbers);
}

static bool
has_number(const struct numbers *n, uint64_t number)
{
	return n->count && bsearch(&number, n->at, n->count, sizeof *n->at, compare_numbers);
}

static uint64_t
digest_of_entry(struct bytes entry)
{
	uint64_t digest = map_hash(entry);

	return digest > RELEASED ? digest : RELEASED + 1;
}

/* The entry that has the address, or 0. */
static uint64_t
holder_of(const struct claims *c, uint64_t address)
{
	uint64_t since = (uintptr_t)map_get_number(c->since, address);
	const struct hold *hold;

	if (since)
		return since == RELEASED ? 0 : since;
	/* `address` is the first member. */
	hold = c->hold_count ? bsearch(&address, c->holds, c->hold_count, sizeof *hold, compare_numbers) : NULL;
	return hold ? hold->entry : 0;
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
	*claim = (struct claim){ .address = map_hash(address_bytes(&folded)), .entry = digest_of_entry(entry), .order = order,
		.rank = rank };
	claim->is_held = holder_of(s->claims, claim->address) == claim->entry;
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

/* False: not all of them could be read. */
static bool
collect(struct settling *s, const struct run *records)
{
	static const struct image_visitor visitor = { claim_user, claim_alias, claim_group };

	if (!image_visit_run(records, &visitor, s))
		return false;
	if (s->count)
		sort_in_place(s->at, s->count, sizeof *s->at, compare_claims);
	s->fates = memory_new(s->record_count + 1);
	return true;
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

/* Is the administrator to hear of it? */
static bool
is_report(struct settling *s, const struct claim *winner, const struct claim *loser)
{
	uint64_t loss = winner->address ^ winner->entry ^ (loser->entry << 1 | loser->entry >> 63);

	if (winner->entry == loser->entry || has_number(&s->told, loss))
		return false;
	add_number(&s->told, loss);
	return !has_number(&s->claims->told, loss) && s->reports++ < REPORTS_MAX;
}

/* winner: NULL, nobody has it. */
static void
add_loss(struct settling *s, const struct claim *winner, const struct claim *loser)
{
	s->fates[loser->order] |= IS_LOST;
	if ((winner && winner->entry == loser->entry) || s->loss_count == LOSSES_MAX)
		return;
	if (s->loss_count == s->loss_size) {
		s->loss_size = s->loss_size ? s->loss_size * 2 : 64;
		s->losses = memory_resize(s->losses, s->loss_size, sizeof *s->losses);
	}
	s->losses[s->loss_count++] =
		(struct loss){ winner ? winner->order : NOBODY, loser->order, winner && is_report(s, winner, loser) };
	s->fates[loser->order] |= IS_TOLD;
	if (winner)
		s->fates[winner->order] |= IS_TOLD;
}

/* The claims to one address: from `first` on, up to `end`.  The winner, or NULL. */
static const struct claim *
settle_address(struct settling *s, size_t first, size_t end)
{
	const struct claim *winner = NULL;

	for (size_t i = first; i < end && !winner; i++)
		if (may_win(s, &s->at[i], i == first))
			winner = &s->at[i];
	for (size_t i = first; i < end; i++)
		if (&s->at[i] != winner)
			add_loss(s, winner, &s->at[i]);
	return winner;
}

static void
settle(struct settling *s)
{
	struct claims *c = s->claims;
	size_t end;

	memory_free(c->holds);
	c->holds = memory_new_array(s->count + 1, sizeof *c->holds);
	c->hold_count = c->contested.count = 0;
	find_losers(s);
	for (size_t i = 0; i < s->count; i = end) {
		const struct claim *winner;

		for (end = i + 1; end < s->count && s->at[end].address == s->at[i].address;)
			end++;
		winner = settle_address(s, i, end);
		if (winner)
			c->holds[c->hold_count++] = (struct hold){ winner->address, winner->entry };
		if (!winner || end - i > 1)
			add_number(&c->contested, s->at[i].address);
	}
	map_free(&c->since);
	c->since = map_new();
	sort_numbers(&s->told);
	memory_free(c->told.at);
	c->told = s->told;
}

/* ---- putting out */

static void
keep_text(struct settling *s, uint32_t order, struct bytes address, struct bytes entry)
{
	if (s->text_count == s->text_size) {
		s->text_size = s->text_size ? s->text_size * 2 : 64;
		s->texts_of = memory_resize(s->texts_of, s->text_size, sizeof *s->texts_of);
	}
	s->texts_of[s->text_count++] = (struct told){ order, s->texts.len };
	image_put_member(&s->texts, address);
	image_put_member(&s->texts, entry);
}

/* True: the next record, which is this, counts. */
static bool
is_next_kept(struct settling *s, struct bytes address, struct bytes entry)
{
	uint32_t order = s->next++;

	if (s->fates[order] & IS_TOLD)
		keep_text(s, order, address, entry);
	return !(s->fates[order] & IS_LOST);
}

static void
put_user(void *arg, const struct user_record *record)
{
	struct settling *s = arg;

	if (is_next_kept(s, record->address, record->entry))
		image_put_user(&s->out->tail, record);
	run_added(s->out);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct settling *s = arg;

	if (is_next_kept(s, record->address, record->entry))
		image_put_alias(&s->out->tail, record);
	run_added(s->out);
}

/* Without its address it is still a part of other groups. */
static void
put_group(void *arg, const struct group_record *record)
{
	struct settling *s = arg;
	struct group_record kept = *record;

	if (!is_next_kept(s, record->address, record->entry))
		kept.address = BYTES_NONE;
	image_put_group(&s->out->tail, &kept);
	run_added(s->out);
}

/* ---- telling */

static int
compare_told(const void *x, const void *y)
{
	const struct told *a = x, *b = y;

	return (a->order > b->order) - (a->order < b->order);
}

/* False: it did not fit, or is nobody's. */
static bool
find_texts(const struct settling *s, uint32_t order, struct bytes *address, struct bytes *entry)
{
	const struct told wanted = { .order = order };
	const struct told *found = s->text_count ? bsearch(&wanted, s->texts_of, s->text_count, sizeof wanted, compare_told) : NULL;
	struct bytes rest;

	*address = *entry = BYTES_NONE;
	if (!found)
		return false;
	rest = bytes_sub(buf_bytes(&s->texts), found->place, SIZE_MAX);
	return image_take_member(&rest, address) && image_take_member(&rest, entry);
}

static void
keep_loss(struct claims *c, struct bytes address, struct bytes left_out, struct bytes kept)
{
	size_t before = c->losses.len;

	image_put_member(&c->losses, address);
	image_put_member(&c->losses, left_out);
	image_put_member(&c->losses, kept);
	if (c->losses.has_failed)
		c->losses.len = before;
}

static void
tell_losses(struct settling *s)
{
	for (size_t i = 0; i < s->loss_count; i++) {
		const struct loss *loss = &s->losses[i];
		struct bytes address, left_out, winner, kept;

		if (!find_texts(s, loss->loser, &address, &left_out))
			continue;
		if (find_texts(s, loss->winner, &winner, &kept) && loss->is_report)
			event(NULL, EV_ADDRESS_TAKEN, TEXT("address", winner), TEXT("kept", kept), TEXT("left_out", left_out));
		keep_loss(s->claims, address, left_out, kept);
	}
}

/* False: nothing is decided.  Of some records alone, who had an address before might lose it. */
static bool
decide(struct settling *s, const struct run *records)
{
	bool is_whole = collect(s, records);

	if (is_whole)
		settle(s);
	memory_free(s->at);
	memory_free(s->losers.at);
	return is_whole;
}

static void
put_out(struct settling *s, const struct run *records, struct run *out)
{
	static const struct image_visitor visitor = { put_user, put_alias, put_group };

	s->out = out;
	buf_init(&s->texts, IMAGE_OCTETS_MAX);
	if (!image_visit_run(records, &visitor, s))
		out->tail.has_failed = true;
	buf_reset(&s->claims->losses);
	tell_losses(s);
	buf_done(&s->texts);
	memory_free(s->texts_of);
}

static void
end(struct settling *s)
{
	memory_free(s->losses);
	memory_free(s->fates);
}

void
claims_settle(struct claims *c, const struct run *records, struct run *out)
{
	struct settling s = { .claims = c };

	if (decide(&s, records))
		put_out(&s, records, out);
	else
		out->tail.has_failed = true;
	end(&s);
}

/* ---- a change of few */

static bool
fold(struct bytes address, uint64_t *digest)
{
	struct address folded;

	if (!address_fold(address, &folded))
		return false;
	*digest = map_hash(address_bytes(&folded));
	return true;
}

bool
claims_has(const struct claims *c, struct bytes address, struct bytes entry)
{
	uint64_t digest;

	return !fold(address, &digest) || holder_of(c, digest) == digest_of_entry(entry);
}

/* holder: 0 for nobody. */
static void
change_hands(struct claims *c, uint64_t address, uint64_t holder)
{
	if (c->undone_count == c->undone_size) {
		c->undone_size = c->undone_size ? c->undone_size * 2 : 16;
		c->undone = memory_resize(c->undone, c->undone_size, sizeof *c->undone);
	}
	c->undone[c->undone_count++] = (struct hold){ address, holder_of(c, address) };
	(void)map_put_number(c->since, address, (void *)(uintptr_t)(holder ? holder : RELEASED));
}

static bool
may_change(const struct claims *c, uint64_t address)
{
	return map_count(c->since) < SINCE_MAX && !has_number(&c->contested, address);
}

bool
claims_release(struct claims *c, struct bytes address, struct bytes entry)
{
	uint64_t digest;

	if (!fold(address, &digest))
		return true;
	if (!may_change(c, digest) || holder_of(c, digest) != digest_of_entry(entry))
		return false;
	change_hands(c, digest, 0);
	return true;
}

bool
claims_take(struct claims *c, struct bytes address, struct bytes entry)
{
	uint64_t digest;

	if (!fold(address, &digest))
		return true;
	if (!may_change(c, digest) || holder_of(c, digest))
		return false;
	change_hands(c, digest, digest_of_entry(entry));
	return true;
}

void
claims_end_change(struct claims *c, bool is_kept)
{
	while (!is_kept && c->undone_count) {
		const struct hold *before = &c->undone[--c->undone_count];

		(void)map_put_number(c->since, before->address, (void *)(uintptr_t)(before->entry ? before->entry : RELEASED));
	}
	c->undone_count = 0;
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

bool
claims_learn(struct claims *c, const struct run *records)
{
	struct settling s = { .claims = c };
	bool is_whole = decide(&s, records);

	end(&s);
	return is_whole;
}
