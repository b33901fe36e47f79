#include "role/directory/doubt.h"

#include "base/map.h"
#include "role/directory/address.h"

enum { MISSING_LEAST = 10, PART = 10 };

/* Names by their folded addresses; what can't be an address names nobody. */
struct names {
	struct map *accounts, *aliases;
};

struct comparison {
	struct names looked;
	struct map *missing; /* accounts */
	struct map *kept; /* aliases that stay as they are held */
	struct doubt_count *count;
	struct buf *out;
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

static bool
is_in(const struct map *names, struct bytes address)
{
	struct address folded;

	return address_fold(address, &folded) && map_get(names, address_bytes(&folded));
}

static void
add(struct map *names, struct bytes address)
{
	struct address folded;

	if (address_fold(address, &folded))
		map_put(names, address_bytes(&folded), names);
}

/* ---- what the reading has */

static void
note_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	add(c->looked.accounts, record->address);
	if (c->count)
		c->count->found++;
}

static void
note_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	add(c->looked.aliases, record->address);
}

static void
begin(struct comparison *c, struct bytes looked)
{
	static const struct image_visitor visitor = { note_user, note_alias, NULL };

	c->looked.accounts = map_new();
	c->looked.aliases = map_new();
	c->missing = map_new();
	c->kept = map_new();
	(void)image_visit(looked, &visitor, c);
}

static void
end(struct comparison *c)
{
	map_free(&c->looked.accounts);
	map_free(&c->looked.aliases);
	map_free(&c->missing);
	map_free(&c->kept);
}

/* An account may have become an alias: then its address is not missing. */
static bool
is_lacking(const struct comparison *c, struct bytes address)
{
	return !is_in(c->looked.accounts, address) && !is_in(c->looked.aliases, address);
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

void
doubt_compare(struct bytes held, struct bytes looked, struct doubt_count *count)
{
	static const struct image_visitor visitor = { count_user, count_alias, NULL };
	struct comparison c = { .count = count };

	*count = (struct doubt_count){ 0 };
	begin(&c, looked);
	(void)image_visit(held, &visitor, &c);
	end(&c);
}

static void
keep_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	if (!is_lacking(c, record->address))
		return;
	add(c->missing, record->address);
	image_put_user(c->out, record);
}

static void
choose_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;
	bool is_kept = is_lacking(c, record->address);

	for (size_t i = 0; i < record->target_count && !is_kept; i++)
		is_kept = is_in(c->missing, record->targets[i]);
	if (is_kept)
		add(c->kept, record->address);
}

static void
keep_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	if (is_in(c->kept, record->address))
		image_put_alias(c->out, record);
}

static void
put_user(void *arg, const struct user_record *record)
{
	struct comparison *c = arg;

	image_put_user(c->out, record);
}

static void
put_alias(void *arg, const struct alias_record *record)
{
	struct comparison *c = arg;

	if (!is_in(c->kept, record->address))
		image_put_alias(c->out, record);
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

static void
visit(struct comparison *c, struct bytes records, void (*user)(void *, const struct user_record *),
	void (*alias)(void *, const struct alias_record *))
{
	(void)image_visit(records, &(struct image_visitor){ user, alias, NULL }, c);
}

/* Which aliases are kept is only known when all the accounts that are missing are. */
void
doubt_keep(struct bytes held, struct bytes looked, struct buf *out)
{
	struct comparison c = { .out = out };

	begin(&c, looked);
	visit(&c, held, keep_user, pass_alias);
	visit(&c, held, pass_user, choose_alias);
	visit(&c, looked, put_user, put_alias);
	visit(&c, held, pass_user, keep_alias);
	end(&c);
}
