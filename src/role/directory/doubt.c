#include "role/directory/doubt.h"

#include "base/map.h"
#include "base/memory.h"
#include "base/sort.h"
#include "config/address.h"

#include <stdlib.h>

enum { MISSING_LEAST = 10, PART = 10 };

/* Keyed digests of folded addresses; what can't be an address names nobody. */
struct names {
	uint64_t *at;
	size_t count, size;
};

struct comparison {
	struct names looked;
	struct names missing; /* accounts */
	struct names kept; /* aliases that stay as they are held */
	struct doubt_count *count;
	struct run *out;
};

bool
doubt_is_due(size_t held, size_t missing)
{
	return missing >= MISSING_LEAST && missing > held / PART;
}

void
doubt_begin(struct doubt *d, int64_t now_us)
{
	if (!d->since_us)
		d->since_us = now_us;
	d->same_us = now_us;
}

void
doubt_disturb(struct doubt *d, int64_t now_us)
{
	if (d->since_us)
		d->same_us = now_us;
}

bool
doubt_is_ripe(const struct doubt *d, int64_t now_us, int64_t quiet_us)
{
	return d->since_us && now_us - d->same_us >= quiet_us;
}

static bool
is_same(const struct doubt_count *a, const struct doubt_count *b)
{
	return a->held == b->held && a->found == b->found && a->missing == b->missing && a->missing_aliases == b->missing_aliases;
}

bool
doubt_judge(struct doubt *d, const struct doubt_count *count, int64_t now_us, int64_t quiet_us)
{
	bool is_doubtful = d->since_us ? count->missing + count->missing_aliases > 0 : doubt_is_due(count->held, count->missing);

	if (!is_doubtful || (is_same(count, &d->count) && doubt_is_ripe(d, now_us, quiet_us))) {
		*d = (struct doubt){ 0 };
		return false;
	}
	if (!d->since_us || !is_same(count, &d->count))
		doubt_begin(d, now_us);
	d->count = *count;
	return true;
}

static int
compare_numbers(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static void
sort(struct names *names)
{
	if (names->count)
		sort_in_place(names->at, names->count, sizeof *names->at, compare_numbers);
}

static bool
is_in(const struct names *names, struct bytes address)
{
	struct address folded;
	uint64_t name;

	if (names->count == 0 || !address_fold(address, &folded))
		return false;
	name = map_hash(address_bytes(&folded));
	return bsearch(&name, names->at, names->count, sizeof name, compare_numbers) != NULL;
}

static void
add(struct names *names, struct bytes address)
{
	struct address folded;

	if (!address_fold(address, &folded))
		return;
	if (names->count == names->size) {
		names->size = names->size ? names->size * 2 : 64;
		names->at = memory_resize(names->at, names->size, sizeof *names->at);
	}
	names->at[names->count++] = map_hash(address_bytes(&folded));
}

/* ---- what the reading has */

static void
note_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	add(&c->looked, record->address);
	if (c->count)
		c->count->found++;
}

static void
note_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	add(&c->looked, record->address);
}

static bool
begin(struct comparison *c, const struct run *looked)
{
	static const struct image_visitor visitor = { note_user, note_alias, NULL };
	bool is_whole = image_visit_run(looked, &visitor, c);

	sort(&c->looked);
	return is_whole;
}

static void
end(struct comparison *c)
{
	memory_free(c->looked.at);
	memory_free(c->missing.at);
	memory_free(c->kept.at);
}

/* An account may have become an alias: then its address is not missing. */
static bool
is_lacking(const struct comparison *c, struct bytes address)
{
	return !is_in(&c->looked, address);
}

/* ---- what it lacks */

static void
count_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	c->count->held++;
	c->count->missing += is_lacking(c, record->address);
}

static void
count_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	c->count->missing_aliases += is_lacking(c, record->address);
}

bool
doubt_compare(const struct run *held, const struct run *looked, struct doubt_count *count)
{
	static const struct image_visitor visitor = { count_user, count_alias, NULL };
	struct comparison c = { .count = count };
	bool is_whole;

	*count = (struct doubt_count){ 0 };
	is_whole = begin(&c, looked) && image_visit_run(held, &visitor, &c);
	end(&c);
	return is_whole;
}

static void
keep_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	if (!is_lacking(c, record->address))
		return;
	add(&c->missing, record->address);
	image_put_user(&c->out->tail, record);
	run_added(c->out);
}

static void
choose_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;
	bool is_kept = is_lacking(c, record->address);

	for (size_t i = 0; i < record->target_count && !is_kept; i++)
		is_kept = is_in(&c->missing, record->targets[i]);
	if (is_kept)
		add(&c->kept, record->address);
}

static void
keep_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	if (is_in(&c->kept, record->address))
		image_put_alias(&c->out->tail, record);
	run_added(c->out);
}

static void
put_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	image_put_user(&c->out->tail, record);
	run_added(c->out);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	if (!is_in(&c->kept, record->address))
		image_put_alias(&c->out->tail, record);
	run_added(c->out);
}

static void
pass_user(void *arg, const struct user_record *record)
{
	(void)arg, (void)record;
}

static void
pass_alias(void *arg, const struct alias_record *record)
{
	(void)arg, (void)record;
}

static bool
visit(struct comparison *c, const struct run *records, void (*user)(void *, const struct user_record *),
	void (*alias)(void *, const struct alias_record *))
{
	return image_visit_run(records, &(struct image_visitor){ user, alias, NULL }, c);
}

/* Which aliases are kept is only known when all the accounts that are missing are. */
bool
doubt_keep(const struct run *held, const struct run *looked, struct run *out)
{
	struct comparison c = { .out = out };
	bool is_whole = begin(&c, looked) && visit(&c, held, keep_user, pass_alias);

	sort(&c.missing);
	is_whole = is_whole && visit(&c, held, pass_user, choose_alias);
	sort(&c.kept);
	is_whole = is_whole && visit(&c, looked, put_user, put_alias) && visit(&c, held, pass_user, keep_alias);
	end(&c);
	return is_whole;
}
