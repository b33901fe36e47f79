/* What few entries that changed are made into is what all entries would be, made anew: random changes, each put in force in both ways, and
   everything compared that the directory answers, keeps, and tells sessions of. */
#include "role/directory/settle.h"

#include "base/memory.h"
#include "role/directory/directory_internal.h"
#include "role/directory/early.h"
#include "role/directory/entries.h"
#include "role/directory/sync_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 24, GROUPS = 10, ENTRIES = USERS + GROUPS, SHARING = 60, STEPS = 150, QUIET_US = 2000000, STEP_US = 1000000, LINES_MAX = 16384, TEXT_OCTETS = 1 << 20 };

/* One way: what holds, and the replica that it is put in force in. */
struct way {
	struct settler settler;
	struct held held;
	struct accounts *accounts;
	struct buf told; /* lines: what sessions heard in a step */
	size_t few; /* changes that were put in force without all other entries */
};

struct world {
	uint32_t random;
	unsigned int pool; /* addresses that entries choose among; the fewer, the more often neighbours have one that they had before */
	unsigned int calm; /* the more, the fewer entries have one name, and the fewer storms there are */
	struct buf names; /* addresses that meant something before the step */
	struct config config;
	struct entries users, groups;
	struct early early;
	size_t changes; /* in a step */
	int64_t now_us;
	struct way few, all;
	int directory;
};

/* ---- what there is */

static unsigned int
draw(struct world *w, unsigned int below)
{
	w->random = w->random * 1664525 + 1013904223;
	return (w->random >> 8) % below;
}

static struct bytes
format(struct buf *space, const char *text, ...)
{
	size_t before = space->len;
	char made[128];
	va_list list;

	va_start(list, text);
	(void)vsnprintf(made, sizeof made, text, list);
	va_end(list);
	put_text(space, made);
	return bytes_sub(buf_bytes(space), before, SIZE_MAX);
}

static struct bytes
any_address(struct world *w, struct buf *space)
{
	return draw(w, 40) ? format(space, "%c%u@x.iut", draw(w, 9) ? 'a' : 'A', draw(w, w->pool)) : format(space, "a%u@elsewhere.iut", draw(w, 3));
}

static struct bytes
own_address(struct world *w, unsigned int i, struct buf *space)
{
	if (draw(w, w->pool) < SHARING / 2)
		return format(space, "chief%u@x.iut", i / 3);
	return draw(w, 4) ? format(space, "own%u@x.iut", i) : any_address(w, space);
}

static struct bytes
dn_of(unsigned int i, struct buf *space)
{
	return format(space, i < USERS ? "uid=u%u,dc=x" : "cn=g%u, dc=x", i);
}

static void
put_further(struct world *w, unsigned int i, struct bytes target, struct bytes entry, struct buf *out, struct buf *space)
{
	if (draw(w, w->pool) < SHARING)
		image_put_alias(out, &(struct alias_record){ format(space, "shared%u@x.iut", i / 2), &target, 1, ALIAS_FURTHER, entry });
	for (unsigned int n = draw(w, 3); n > 0; n--)
		image_put_alias(out, &(struct alias_record){ any_address(w, space), &target, 1, ALIAS_FURTHER, entry });
}

static void
make_user(struct world *w, unsigned int i, struct buf *out, struct buf *space)
{
	struct record_attribute attributes[2] = { { BYTES("uid"), format(space, "box%u", draw(w, 8) ? i : i + 100) },
		{ BYTES(RECORD_QUOTA), format(space, "%u", 1000 + draw(w, 3)) } };
	struct bytes address = own_address(w, i, space), entry = draw(w, 30) ? dn_of(i, space) : format(space, "uid=moved%u,dc=x", i), forwards[2];
	struct user_record record = { .address = address, .name = format(space, "Person %u", draw(w, 5)), .is_enabled = draw(w, 8) != 0,
		.secret_password = format(space, "{PLAIN}secret%u", draw(w, 3)), .attributes = attributes, .attribute_count = 2, .entry = entry,
		.forwards = forwards, .account_name = format(space, "n%u", draw(w, w->calm) ? i : draw(w, USERS)) };

	if (draw(w, 5) == 0)
		record.secret_password = BYTES_NONE;
	if (draw(w, 6) == 0)
		forwards[record.forward_count++] = any_address(w, space);
	image_put_user(out, &record);
	put_further(w, i, address, entry, out, space);
}

static struct bytes
any_member(struct world *w, struct buf *space)
{
	switch (draw(w, 6)) {
	case 0:
		return format(space, "n%u", draw(w, USERS));
	case 1:
		return any_address(w, space);
	case 2:
		return dn_of(USERS + draw(w, GROUPS), space);
	default:
		return dn_of(draw(w, USERS), space);
	}
}

static void
make_group(struct world *w, unsigned int i, struct buf *out, struct buf *space)
{
	struct bytes address = draw(w, 3) ? own_address(w, i, space) : BYTES_NONE, entry = dn_of(i, space);
	struct buf members;

	buf_init(&members, 65536);
	for (unsigned int n = draw(w, 6); n > 0; n--)
		image_put_member(&members, any_member(w, space));
	image_put_group(out, &(struct group_record){ address, entry, buf_bytes(&members) });
	if (address.len)
		put_further(w, i, address, entry, out, space);
	buf_done(&members);
}

static void
change_entry(struct world *w, unsigned int i, bool is_there)
{
	struct entries *entries = i < USERS ? &w->users : &w->groups;
	uint8_t uuid[SYNC_UUID_OCTETS] = { (uint8_t)i };
	struct bytes key = bytes_of(uuid, sizeof uuid);
	struct buf records, space;

	buf_init(&records, 65536);
	buf_init(&space, 65536);
	(void)buf_room(&space, 60000); /* views into it stay */
	if (is_there && i < USERS)
		make_user(w, i, &records, &space);
	else if (is_there)
		make_group(w, i, &records, &space);
	if (is_there)
		early_note_put(&w->early, entries, key, buf_bytes(&records));
	else
		early_note_delete(&w->early, entries, key);
	w->changes += is_there ? entries_put(entries, key, buf_bytes(&records)) : entries_delete(entries, key);
	buf_done(&records);
	buf_done(&space);
}

/* ---- both ways */

static void
on_changed(void *arg, const struct account *account, enum account_change change)
{
	struct way *way = arg;

	put_format(&way->told, "%.*s %d", BYTES_ARG(account_address(account)), change);
	put_char(&way->told, '\n');
}

static void
load_user(void *arg, const struct user_record *record)
{
	accounts_put_user(arg, record);
}

static void
load_alias(void *arg, const struct alias_record *record)
{
	accounts_put_alias(arg, record);
}

/* Beside LDAP stand an account, an alias of an address that entries claim too, and one in a file. */
static void
load(struct way *way)
{
	static const struct image_visitor visitor = { load_user, load_alias, NULL };
	struct bytes target = BYTES("a4@x.iut");

	accounts_begin(way->accounts);
	accounts_put_alias(way->accounts, &(struct alias_record){ BYTES("a1@x.iut"), &target, 1, ALIAS_LISTED, BYTES_NONE });
	accounts_put_user(way->accounts, &(struct user_record){ .address = BYTES("a2@x.iut"), .secret_password = BYTES("{PLAIN}x"), .is_enabled = true });
	accounts_put_alias(way->accounts, &(struct alias_record){ BYTES("a3@x.iut"), &target, 1, ALIAS_MADE, BYTES_NONE });
	assert_true(held_visit(&way->held, &visitor, way->accounts));
	accounts_end(way->accounts);
}

static void
take_all(struct world *w, struct way *way)
{
	struct run records;
	struct fault f;

	run_init(&records, w->directory);
	assert_true(entries_read(&w->users, &records) && entries_read(&w->groups, &records));
	assert_int_equal(settle(&way->settler, &way->held, w->changes, w->now_us, QUIET_US, &records, &f), 0);
	held_take(&way->held, &records);
	run_done(&records);
	load(way);
}

/* As ldap_look.c and directory.c. */
static void
take_few(struct world *w, struct way *way)
{
	struct change change;
	struct run saved;

	change_init(&change);
	if (w->early.entries == w->changes && !doubt_is_due(0, w->changes) && settle_few(&way->settler, buf_bytes(&w->early.pairs), &change)) {
		way->few++;
		assert_true(held_change(&way->held, &change));
		if (!directory_change(way->accounts, &change))
			load(way);
	} else {
		take_all(w, way);
	}
	change_done(&change);
	if (draw(w, 20))
		return;
	run_init(&saved, w->directory);
	assert_true(held_read(&way->held, &saved));
	held_take(&way->held, &saved);
	run_done(&saved);
	assert_int_equal(held_changes(&way->held), 0);
}

static void
step(struct world *w)
{
	w->now_us += STEP_US;
	w->changes = 0;
	early_reset(&w->early);
	buf_reset(&w->few.told);
	buf_reset(&w->all.told);
	if (draw(w, w->calm * 2) == 0)
		for (unsigned int i = 0; i < ENTRIES; i++)
			change_entry(w, i, draw(w, 3) == 0);
	for (unsigned int n = 1 + draw(w, 3); n > 0; n--)
		change_entry(w, draw(w, ENTRIES), draw(w, 4) != 0);
	take_few(w, &w->few);
	take_all(w, &w->all);
}

/* ---- comparing */

static int
compare_lines(const void *x, const void *y)
{
	return bytes_compare(*(const struct bytes *)x, *(const struct bytes *)y);
}

/* The same lines in any order. */
static void
expect_same_lines(const struct buf *x, const struct buf *y)
{
	static struct bytes lines[2][LINES_MAX];
	size_t counts[2] = { 0 };
	struct bytes rest[2] = { buf_bytes(x), buf_bytes(y) };

	assert_false(x->has_failed || y->has_failed);
	for (int i = 0; i < 2; i++) {
		while (rest[i].len && counts[i] < LINES_MAX)
			lines[i][counts[i]++] = take_until(&rest[i], '\n');
		if (counts[i])
			qsort(lines[i], counts[i], sizeof lines[i][0], compare_lines);
	}
	for (size_t i = 0; i < counts[0] && i < counts[1]; i++)
		if (!bytes_equal(lines[0][i], lines[1][i])) {
			print_error("few: %.*s\nall: %.*s\n", BYTES_ARG(lines[0][i]), BYTES_ARG(lines[1][i]));
			fail();
		}
	assert_int_equal(counts[0], counts[1]);
}

static void
print_user(void *arg, const struct user_record *r)
{
	put_format(arg, "user %.*s %.*s %.*s %.*s %.*s %d", BYTES_ARG(r->address), BYTES_ARG(r->entry), BYTES_ARG(r->name), BYTES_ARG(r->account_name),
		BYTES_ARG(r->secret_password), r->is_enabled);
	for (size_t i = 0; i < r->attribute_count; i++)
		put_format(arg, " %.*s", BYTES_ARG(r->attributes[i].value));
	for (size_t i = 0; i < r->forward_count; i++)
		put_format(arg, " >%.*s", BYTES_ARG(r->forwards[i]));
	put_char(arg, '\n');
}

static void
print_alias(void *arg, const struct alias_record *r)
{
	put_format(arg, "alias %.*s %.*s %d", BYTES_ARG(r->address), BYTES_ARG(r->entry), r->rank);
	for (size_t i = 0; i < r->target_count; i++)
		put_format(arg, " %.*s", BYTES_ARG(r->targets[i]));
	put_char(arg, '\n');
}

static void
print_held(const struct way *way, struct buf *out)
{
	static const struct image_visitor visitor = { print_user, print_alias, NULL };

	assert_true(held_visit(&way->held, &visitor, out));
}

static void
print_address(const struct way *way, const char *address, struct buf *out)
{
	struct targets *targets = NEW(struct targets);
	const struct account *account = accounts_find(way->accounts, bytes_text(address));

	put_format(out, "%s: %d", address, accounts_resolve(way->accounts, bytes_text(address), targets));
	for (size_t i = 0; i < targets->count; i++)
		put_format(out, " %.*s", BYTES_ARG(targets->at[i].address));
	put_format(out, " post %d", accounts_may_post(way->accounts, 0, bytes_text(address)));
	if (account)
		put_format(out, " is %.*s %.*s %.*s %.*s %d %llu", BYTES_ARG(account_address(account)), BYTES_ARG(account_secret_password(account)),
			BYTES_ARG(account_path(account)), BYTES_ARG(account_bind_dn(account)), account->is_enabled, (unsigned long long)account->quota.octets);
	put_char(out, '\n');
	memory_free(targets);
}

static void
print_rights(const struct way *way, const struct account *account, const char *address, struct buf *out)
{
	put_format(out, "%.*s %s: %d %d", BYTES_ARG(account_address(account)), address,
		accounts_may_send(way->accounts, account->number, bytes_text(address)),
		accounts_may_post(way->accounts, account->number, bytes_text(address)));
	put_char(out, '\n');
}

static void
note_user(void *arg, const struct user_record *record)
{
	put_bytes(arg, record->address);
	put_char(arg, '\n');
}

static void
note_alias(void *arg, const struct alias_record *record)
{
	put_bytes(arg, record->address);
	put_char(arg, '\n');
}

/* What means something, or did before. */
static void
note_names(struct world *w, struct buf *names)
{
	static const struct image_visitor visitor = { note_user, note_alias, NULL };

	put_bytes(names, buf_bytes(&w->names));
	buf_reset(&w->names);
	assert_true(held_visit(&w->all.held, &visitor, &w->names));
	put_bytes(names, buf_bytes(&w->names));
	for (unsigned int i = 0; i < USERS; i++) {
		put_format(names, "n%u", i);
		put_char(names, '\n');
	}
	put_text(names, "a1@x.iut\na2@x.iut\na3@x.iut\na4@x.iut\n");
}

static void
print_replica(const struct way *way, struct bytes names, struct buf *out)
{
	struct accounts_counts counts = accounts_count(way->accounts);
	const struct account *account;
	char name[64];

	put_format(out, "%zu %zu %zu %zu", counts.accounts, counts.aliases, counts.domains, counts.by_bind);
	put_char(out, '\n');
	while (names.len) {
		(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(take_until(&names, '\n')));
		print_address(way, name, out);
		for (size_t at = 0; (account = accounts_next(way->accounts, &at));)
			print_rights(way, account, name, out);
	}
}

static void
print_losses(const struct way *way, struct buf *out)
{
	struct bytes losses = claims_losses(way->settler.claims);
	struct claims_loss loss;

	while (claims_take_loss(&losses, &loss)) {
		put_format(out, "%.*s %.*s %.*s", BYTES_ARG(loss.address), BYTES_ARG(loss.left_out), BYTES_ARG(loss.kept));
		put_char(out, '\n');
	}
}

static void
expect_same_losses(const struct world *w)
{
	struct buf few, all;

	buf_init(&few, TEXT_OCTETS);
	buf_init(&all, TEXT_OCTETS);
	print_losses(&w->few, &few);
	print_losses(&w->all, &all);
	expect_same_lines(&few, &all);
	buf_done(&few);
	buf_done(&all);
}

static void
compare(struct world *w)
{
	struct buf few, all, names;

	expect_same_lines(&w->few.told, &w->all.told);
	buf_init(&names, TEXT_OCTETS);
	note_names(w, &names);
	buf_init(&few, TEXT_OCTETS);
	buf_init(&all, TEXT_OCTETS);
	print_held(&w->few, &few);
	print_held(&w->all, &all);
	expect_same_lines(&few, &all);
	buf_reset(&few);
	buf_reset(&all);
	print_replica(&w->few, buf_bytes(&names), &few);
	print_replica(&w->all, buf_bytes(&names), &all);
	expect_same_lines(&few, &all);
	buf_done(&few);
	buf_done(&all);
	buf_done(&names);
	assert_int_equal(w->few.settler.doubt.since_us, w->all.settler.doubt.since_us);
	expect_same_losses(w);
}

/* ---- worlds */

static void
init_way(struct world *w, struct way *way)
{
	static const struct accounts_handlers handlers = { on_changed };

	settler_init(&way->settler, w->directory);
	held_init(&way->held, BYTES("here"));
	buf_init(&way->told, 65536);
	way->accounts = accounts_new(&w->config, &handlers, way);
}

static void
end_way(struct way *way)
{
	settler_done(&way->settler);
	held_done(&way->held);
	buf_done(&way->told);
	accounts_free(&way->accounts);
}

/* Each entry has its place from the start, so that none is another one's when it changes. */
static void
begin(struct world *w)
{
	struct fault f;

	for (unsigned int i = 0; i < ENTRIES; i++)
		change_entry(w, i, true);
	assert_int_equal(entries_save(&w->users, BYTES_NONE, &f), 0);
	assert_int_equal(entries_save(&w->groups, BYTES_NONE, &f), 0);
	for (unsigned int i = 0; i < ENTRIES; i += 3)
		change_entry(w, i, false);
}

/* How many of the steps were put in force without all other entries. */
static size_t
live(uint32_t seed, unsigned int pool, unsigned int calm, size_t steps)
{
	static struct bytes domains[] = { BYTES_INIT("x.iut") };
	struct world w = { .random = seed,
		.pool = pool, .calm = calm, .now_us = 1, .directory = -1,
		.config = { .hostname = BYTES("mail.x.iut"), .domains = { domains, 1 }, .maildir_template = BYTES("/mail/%{uid}"),
			.ldap_login_name = LDAP_LOGIN_NAME_ACCOUNT, .ldap_group_posting = GROUP_POSTING_MEMBERS,
			.ldap_group_sending = GROUP_SENDING_MEMBERS, .default_password_scheme = 0 } };

	entries_init(&w.users, -1, "users", BYTES("here"), IMAGE_OCTETS_MAX);
	entries_init(&w.groups, -1, "groups", BYTES("here"), IMAGE_OCTETS_MAX);
	early_init(&w.early);
	buf_init(&w.names, TEXT_OCTETS);
	init_way(&w, &w.few);
	init_way(&w, &w.all);
	begin(&w);
	take_all(&w, &w.few);
	take_all(&w, &w.all);
	for (size_t i = 0; i < steps; i++) {
		step(&w);
		compare(&w);
	}
	end_way(&w.few);
	end_way(&w.all);
	early_done(&w.early);
	buf_done(&w.names);
	entries_done(&w.users);
	entries_done(&w.groups);
	return w.few.few;
}

static size_t
seeds(size_t by_default)
{
	const char *wanted = getenv("MERMOZ_SEEDS_MAX");

	return wanted ? (size_t)strtoul(wanted, NULL, 10) : by_default;
}

static void
few_changes_make_what_all_entries_would_where_addresses_are_seldom_contested(void **state)
{
	size_t few = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= seeds(2); seed++)
		few += live(seed, 1000, 500, STEPS);
	assert_true(few > seeds(2) * STEPS / 2);
}

static void
few_changes_make_what_all_entries_would_where_many_want_the_same(void **state)
{
	size_t few = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= seeds(2); seed++)
		few += live(seed, seed % 2 ? 120 : 30, seed % 2 ? 60 : 15, STEPS);
	assert_true(few > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_changes_make_what_all_entries_would_where_addresses_are_seldom_contested),
		cmocka_unit_test(few_changes_make_what_all_entries_would_where_many_want_the_same),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
