#include "role/directory/test_targets.h"

#include "base/memory.h"
#include "role/directory/scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HASH "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$"

struct world {
	struct config config;
	struct accounts *a;
	struct targets targets;
	int changes[ACCOUNT_EDITED + 1]; /* by enum account_change */
	uint64_t changed_number;
};

static void
on_changed(void *arg, const struct account *account, enum account_change change)
{
	struct world *w = arg;

	w->changes[change]++;
	w->changed_number = account->number;
}

static const struct accounts_handlers handlers = { .changed = on_changed };

static void
put_user(struct world *w, const char *address, const char *hash, bool is_enabled)
{
	struct user_record record = { .address = bytes_text(address),
		.secret_password = bytes_text(hash), .is_enabled = is_enabled };

	accounts_put_user(w->a, &record);
}

/* targets: separated by SP. */
static void
put_alias(struct world *w, const char *address, const char *targets)
{
	struct bytes rest = bytes_text(targets), at[16];
	size_t count = 0;

	while (rest.len)
		at[count++] = take_until(&rest, ' ');
	accounts_put_alias(w->a, &(struct alias_record){ bytes_text(address), at, count, ALIAS_MADE, BYTES_NONE });
}

static void
load_usual(struct world *w)
{
	accounts_begin(w->a);
	accounts_put_domain(w->a, BYTES("Second.org"));
	put_user(w, "alice@example.org", HASH "a", true);
	put_user(w, "bob@example.org", HASH "b", true);
	put_user(w, "carol@second.org", HASH "c", false);
	put_user(w, "../etc@example.org", HASH "c", true);
	put_alias(w, "sales@example.org", "alice@example.org bob@example.org");
	put_alias(w, "all@example.org", "sales@example.org carol@second.org alice@example.org");
	put_alias(w, "out@example.org", "Someone@Elsewhere.net");
	put_alias(w, "copy@example.org", "alice+copy@example.org Someone@Elsewhere.net");
	put_alias(w, "bob@example.org", "bob@example.org alice@example.org");
	put_alias(w, "loop1@example.org", "loop2@example.org");
	put_alias(w, "loop2@example.org", "loop1@example.org");
	put_alias(w, "self@example.org", "self@example.org");
	put_alias(w, "half@example.org", "loop1@example.org alice@example.org");
	put_alias(w, "stale@example.org", "gone@example.org");
	put_alias(w, "dots@example.org", "bad..x@elsewhere.net x>y@elsewhere.net");
	put_alias(w, "more@example.org", "bad..x@elsewhere.net alice@example.org \"a..b\"@elsewhere.net");
	put_alias(w, "cron@example.org", "alice+cron@localhost bob@mail.example.org");
	put_alias(w, "@second.org", "alice@example.org");
	put_alias(w, "carol+vip@second.org", "bob@example.org");
	put_alias(w, "unusable@example.org", "../etc@example.org alice@example.org");
	accounts_end(w->a);
}

static int
set_up(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("example.org"), BYTES_INIT("empty.org") };
	struct world *w = NEW(struct world);

	w->config = (struct config){ .hostname = BYTES("mail.example.org"), .domains = { domains, 2 },
		.recipient_delimiter = BYTES("+-"), .maildir_template = BYTES("/mail/%d/%u") };
	w->a = accounts_new(&w->config, &handlers, w);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	accounts_free(&w->a);
	memory_free(w);
	return 0;
}

#define ALICE "alice@example.org"
#define BOB "bob@example.org"

static void
addresses_resolve(void **state)
{
	static const struct row rows[] = {
		{ ALICE, IPC_OK, ALICE },
		{ "ALICE@Example.ORG", IPC_OK, ALICE },
		{ "alice+news@example.org", IPC_OK, ALICE "=alice+news@example.org" },
		{ "alice-news+x@example.org", IPC_OK, ALICE "=alice-news+x@example.org" },
		{ "+alice@example.org", IPC_ABSENT, "" },
		{ "nobody@example.org", IPC_ABSENT, "" },
		{ "nobody+x@example.org", IPC_ABSENT, "" },
		{ "@example.org", IPC_ABSENT, "" },
		{ "@second.org", IPC_ABSENT, "" },
		{ "alice", IPC_ABSENT, "" },
		{ "", IPC_ABSENT, "" },
		{ "someone@elsewhere.net", IPC_FOREIGN, "" },
		{ "postmaster@elsewhere.net", IPC_FOREIGN, "" },
		{ "Alice@Mail.Example.Org", IPC_OK, ALICE },
		{ "alice+news@localhost", IPC_OK, ALICE "=alice+news@example.org" },
		{ "sales@localhost.localdomain", IPC_OK, ALICE " " BOB },
		{ "nobody@localhost", IPC_ABSENT, "" },
		{ "@localhost", IPC_ABSENT, "" },
		{ "alice@sub.localhost", IPC_FOREIGN, "" },
		{ "carol@localhost", IPC_ABSENT, "" },
		{ "dots@example.org", IPC_ABSENT, "" },
		{ "more@example.org", IPC_OK, ALICE " !\"a..b\"@elsewhere.net" },
		{ "cron@example.org", IPC_OK, ALICE " " BOB },
		{ "sales@example.org", IPC_OK, ALICE " " BOB },
		{ "sales+x@example.org", IPC_OK, ALICE " " BOB },
		{ "all@example.org", IPC_OK, ALICE " " BOB " carol@second.org" },
		{ "out@example.org", IPC_OK, "!Someone@Elsewhere.net" },
		{ "copy@example.org", IPC_OK, ALICE "=alice+copy@example.org !Someone@Elsewhere.net" },
		{ BOB, IPC_OK, BOB " " ALICE },
		{ "loop1@example.org", IPC_LATER, "" },
		{ "self@example.org", IPC_LATER, "" },
		{ "half@example.org", IPC_OK, ALICE },
		{ "stale@example.org", IPC_ABSENT, "" },
		{ "whoever@SECOND.org", IPC_OK, ALICE },
		{ "carol@second.org", IPC_OK, "carol@second.org" },
		{ "Carol+Vip@second.org", IPC_OK, BOB " " ALICE },
		{ "carol+vip-x@second.org", IPC_OK, BOB " " ALICE },
		{ "carol+x@second.org", IPC_OK, "carol@second.org=carol+x@second.org" },
		{ "../etc@example.org", IPC_LATER, "" },
		{ "unusable@example.org", IPC_LATER, NULL },
	};
	struct world *w = *state;

	load_usual(w);
	check_targets(w->a, rows, sizeof rows / sizeof *rows);
}

static void
nothing_is_unknown_before_the_first_load(void **state)
{
	struct world *w = *state;

	assert_int_equal(accounts_resolve(w->a, BYTES(ALICE), &w->targets), IPC_LATER);
	assert_int_equal(accounts_resolve(w->a, BYTES("x@y.z"), &w->targets), IPC_LATER);
	assert_int_equal(accounts_may_send(w->a, 1, BYTES(ALICE)), IPC_LATER);
	accounts_begin(w->a);
	accounts_abandon(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES(ALICE), &w->targets), IPC_LATER);
}

static void
aliases_too_large_or_too_deep_have_to_wait(void **state)
{
	struct world *w = *state;
	struct bytes targets[RECORD_TARGETS_MAX];
	char texts[RECORD_TARGETS_MAX][32], name[64], next[64];

	accounts_begin(w->a);
	for (size_t i = 0; i < RECORD_TARGETS_MAX; i++) {
		snprintf(texts[i], sizeof texts[i], "u%zu@elsewhere.net", i);
		targets[i] = bytes_text(texts[i]);
	}
	accounts_put_alias(w->a, &(struct alias_record){ BYTES("just@example.org"), targets, TARGETS_MAX, ALIAS_MADE, BYTES_NONE });
	accounts_put_alias(w->a, &(struct alias_record){ BYTES("over@example.org"), targets, TARGETS_MAX + 1, ALIAS_MADE, BYTES_NONE });
	put_user(w, ALICE, "", true);
	for (int i = 0; i <= ALIAS_DEPTH_MAX; i++) {
		snprintf(name, sizeof name, "d%d@example.org", i);
		snprintf(next, sizeof next, i ? "d%d@example.org" : ALICE, i - 1);
		put_alias(w, name, next);
	}
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES("just@example.org"), &w->targets), IPC_OK);
	assert_int_equal(w->targets.count, TARGETS_MAX);
	assert_int_equal(accounts_resolve(w->a, BYTES("over@example.org"), &w->targets), IPC_LATER);
	snprintf(name, sizeof name, "d%d@example.org", ALIAS_DEPTH_MAX - 1);
	assert_int_equal(accounts_resolve(w->a, bytes_text(name), &w->targets), IPC_OK);
	snprintf(name, sizeof name, "d%d@example.org", ALIAS_DEPTH_MAX);
	assert_int_equal(accounts_resolve(w->a, bytes_text(name), &w->targets), IPC_LATER);
}

static void
a_load_tells_what_changed(void **state)
{
	struct world *w = *state;
	uint64_t alice, bob;

	load_usual(w);
	alice = accounts_find(w->a, BYTES(ALICE))->number;
	bob = accounts_find(w->a, BYTES(BOB))->number;
	memset(w->changes, 0, sizeof w->changes);
	load_usual(w);
	for (int i = 0; i < 4; i++)
		assert_int_equal(w->changes[i], 0);
	assert_int_equal(accounts_find(w->a, BYTES(ALICE))->number, alice);

	accounts_begin(w->a);
	put_user(w, ALICE, HASH "other", true);
	put_user(w, BOB, HASH "b", false);
	put_user(w, "dave@example.org", HASH "d", true);
	accounts_end(w->a);
	assert_int_equal(w->changes[ACCOUNT_PASSWORD], 1);
	assert_int_equal(w->changes[ACCOUNT_DISABLED], 1);
	assert_int_equal(w->changes[ACCOUNT_REMOVED], 2);
	assert_int_equal(accounts_by_number(w->a, alice)->number, alice);
	assert_int_equal(accounts_count(w->a).accounts, 3);
	assert_int_equal(accounts_count(w->a).aliases, 0);
	assert_int_equal(accounts_count(w->a).domains, 2);

	w->config.maildir_template = BYTES("/other/%u");
	accounts_configure(w->a, &w->config);
	accounts_begin(w->a);
	put_user(w, ALICE, HASH "other", true);
	accounts_end(w->a);
	assert_int_equal(w->changes[ACCOUNT_MOVED], 1);
	assert_null(accounts_by_number(w->a, bob));
	assert_null(accounts_find(w->a, BYTES(BOB)));
	accounts_begin(w->a);
	put_user(w, BOB, HASH "b", true);
	accounts_abandon(w->a);
	assert_non_null(accounts_find(w->a, BYTES(ALICE)));
	assert_int_not_equal(accounts_find(w->a, BYTES(BOB))->number, bob);
}

static void
names_find_accounts_only(void **state)
{
	struct world *w = *state;

	load_usual(w);
	assert_non_null(accounts_find(w->a, BYTES("Alice@EXAMPLE.org")));
	assert_non_null(accounts_find(w->a, BYTES("alice")));
	assert_null(accounts_find(w->a, BYTES("carol")));
	assert_null(accounts_find(w->a, BYTES("sales@example.org")));
	assert_null(accounts_find(w->a, BYTES("alice+x@example.org")));
	assert_null(accounts_find(w->a, BYTES("@second.org")));
	assert_null(accounts_by_number(w->a, 0));
	assert_null(accounts_by_number(w->a, UINT64_MAX));
}

static void
an_account_sends_as_what_leads_to_it(void **state)
{
	static const struct row rows[] = {
		{ "Alice@example.org", IPC_OK, NULL },
		{ "alice+x@example.org", IPC_OK, NULL },
		{ "sales@example.org", IPC_OK, NULL },
		{ "anything@second.org", IPC_OK, NULL },
		{ "carol@second.org", IPC_DENIED, NULL },
		{ "out@example.org", IPC_DENIED, NULL },
		{ "nobody@example.org", IPC_DENIED, NULL },
		{ "alice@elsewhere.net", IPC_DENIED, NULL },
		{ "", IPC_DENIED, NULL },
	};
	struct world *w = *state;
	uint64_t alice;

	load_usual(w);
	alice = accounts_find(w->a, BYTES(ALICE))->number;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(accounts_may_send(w->a, alice, bytes_text(rows[i].address)), rows[i].want);
	assert_int_equal(accounts_may_send(w->a, accounts_find(w->a, BYTES("carol@second.org"))->number,
				 BYTES("carol@second.org")),
		IPC_DENIED);
	assert_int_equal(accounts_may_send(w->a, alice - 1, BYTES(ALICE)), IPC_LATER);
}

/* The embedded directory is read before LDAP. */
static void
what_is_put_first_keeps_its_address(void **state)
{
	struct bytes target = BYTES(BOB);
	struct world *w = *state;

	load_usual(w);
	put_user(w, "dave@example.org", HASH "d", true);
	put_user(w, "Dave@example.org", HASH "mine", true);
	assert_true(bytes_ends_nocase(account_secret_password(accounts_find(w->a, BYTES("dave@example.org"))), BYTES("$d")));
	accounts_begin(w->a);
	put_user(w, ALICE, HASH "a", true);
	put_user(w, BOB, HASH "b", true);
	put_alias(w, "sales@example.org", ALICE);
	accounts_put_alias(w->a, &(struct alias_record){ BYTES(ALICE), &target, 1, ALIAS_FURTHER, BYTES_NONE });
	accounts_put_alias(w->a, &(struct alias_record){ BYTES("sales@example.org"), &target, 1, ALIAS_FURTHER, BYTES_NONE });
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES("sales@example.org"), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES(ALICE)));
	assert_int_equal(accounts_resolve(w->a, BYTES(ALICE), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES(ALICE)));
	assert_int_equal(accounts_count(w->a).aliases, 1);
}

static void
malformed_rows_are_left_out(void **state)
{
	struct world *w = *state;

	accounts_begin(w->a);
	put_user(w, "", "", true);
	put_user(w, "nodomain", "", true);
	put_user(w, "@example.org", "", true);
	put_user(w, "\xff@example.org", "", true);
	put_alias(w, "a@example.org", "");
	put_alias(w, "b@example.org", "@example.org");
	put_alias(w, "c@example.org", "root");
	put_alias(w, "nodomain", ALICE);
	accounts_put_domain(w->a, BYTES("@x"));
	accounts_end(w->a);
	assert_int_equal(accounts_count(w->a).accounts, 0);
	assert_int_equal(accounts_count(w->a).aliases, 0);
	assert_int_equal(accounts_count(w->a).domains, 2);
}

enum { MANY = 20000 };

static void
many_accounts_are_found_again(void **state)
{
	struct world *w = *state;
	char address[64];

	for (int load = 0; load < 2; load++) {
		accounts_begin(w->a);
		for (int i = 0; i < MANY; i++) {
			snprintf(address, sizeof address, "user%d@example.org", i);
			put_user(w, address, HASH "0123456789012345678901234567890123456789", true);
		}
		accounts_end(w->a);
	}
	assert_int_equal(accounts_count(w->a).accounts, MANY);
	for (int i = 0; i < MANY; i += 7) {
		snprintf(address, sizeof address, "User%d+x@example.org", i);
		assert_int_equal(accounts_resolve(w->a, bytes_text(address), &w->targets), IPC_OK);
	}
	accounts_begin(w->a);
	accounts_end(w->a);
	assert_int_equal(accounts_count(w->a).accounts, 0);
	assert_int_equal(w->changes[ACCOUNT_REMOVED], MANY);
}

static void
load_with_passwords(struct world *w, int count, struct bytes stored)
{
	char address[32];

	accounts_begin(w->a);
	for (int i = 0; i < count; i++) {
		snprintf(address, sizeof address, "user%d@example.org", i);
		accounts_put_user(w->a, &(struct user_record){ .address = bytes_text(address), .secret_password = stored,
						.is_enabled = true });
	}
	accounts_end(w->a);
}

static void
every_value_gets_the_default_scheme_of_the_configuration(void **state)
{
	struct world *w = *state;
	struct config config = w->config;

	load_with_passwords(w, 1, BYTES("one\0{SHA}two\0\0three"));
	assert_true(bytes_equal(account_secret_password(accounts_find(w->a, BYTES("user0@example.org"))),
		BYTES("{PLAIN}one\0{SHA}two\0{PLAIN}three")));
	for (enum config_password_scheme i = PASSWORD_SCHEME_PLAIN; i <= PASSWORD_SCHEME_SCRAM_SHA_256; i++) {
		struct bytes stored;

		config.default_password_scheme = i;
		accounts_configure(w->a, &config);
		load_with_passwords(w, 1, BYTES("x"));
		stored = account_secret_password(accounts_find(w->a, BYTES("user0@example.org")));
		assert_true(scheme_is_known(scheme_name(stored)));
	}
	assert_int_equal(w->changes[ACCOUNT_PASSWORD], PASSWORD_SCHEME_SCRAM_SHA_256 + 1);
}

static void
values_without_room_are_left_out(void **state)
{
	static uint8_t huge[4000];
	struct world *w = *state;

	memset(huge, 'x', sizeof huge);
	memcpy(huge, "one", 4);
	load_with_passwords(w, 1, bytes_of(huge, sizeof huge));
	assert_true(bytes_equal(account_secret_password(accounts_find(w->a, BYTES("user0@example.org"))), BYTES("{PLAIN}one")));
}

/* As many draws go to each as to another (within the factor two of the algorithm), and one account more moves few. */
static void
put_limited(struct world *w, const char *address, const char *quota)
{
	struct record_attribute attribute = { BYTES(RECORD_QUOTA), bytes_text(quota) };

	accounts_begin(w->a);
	accounts_put_user(w->a, &(struct user_record){ .address = bytes_text(address), .is_enabled = true, .attributes = &attribute,
		.attribute_count = quota[0] != '\0' });
	accounts_end(w->a);
}

static void
another_quota_is_a_change_that_ends_nothing(void **state)
{
	static const struct {
		const char *said;
		struct quota want;
	} rows[] = {
		{ "1G", { 1 << 30, 0 } },
		{ "5S,6C", { 5, 6 } },
		{ "", { 1000, 0 } },
		{ "0", { 0, 0 } },
		{ "much", { 1000, 0 } },
	};
	struct world *w = *state;

	w->config.quota_octets = 1000;
	accounts_configure(w->a, &w->config);
	put_limited(w, "limited@example.org", "7C");
	memset(w->changes, 0, sizeof w->changes);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct account *account;

		put_limited(w, "limited@example.org", rows[i].said);
		account = accounts_find(w->a, BYTES("limited@example.org"));
		assert_int_equal(account->quota.octets, rows[i].want.octets);
		assert_int_equal(account->quota.messages, rows[i].want.messages);
		assert_int_equal(w->changes[ACCOUNT_QUOTA], i + 1);
		put_limited(w, "limited@example.org", rows[i].said);
		assert_int_equal(w->changes[ACCOUNT_QUOTA], i + 1);
	}
	assert_int_equal(w->changes[ACCOUNT_MOVED] + w->changes[ACCOUNT_PASSWORD] + w->changes[ACCOUNT_DISABLED] + w->changes[ACCOUNT_EDITED], 0);
	/* RFC 5321 4.5.1 */
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster@example.org"), &w->targets), IPC_OK);
	assert_int_equal(w->targets.at[0].account->quota.octets, 0);
}

static void
draws_are_even_and_stay(void **state)
{
	enum { DRAWS = 4000, ACCOUNTS = 100 };
	struct world *w = *state;
	static uint64_t draws[DRAWS], drawn[DRAWS];
	int counts[ACCOUNTS + 1] = { 0 }, moved = 0;
	uint64_t first;

	load_with_passwords(w, ACCOUNTS, BYTES("x"));
	first = accounts_find(w->a, BYTES("user0@example.org"))->number;
	for (int i = 0; i < DRAWS; i++) {
		draws[i] = i ? draws[i - 1] * 6364136223846793005 + 1442695040888963407 : 1;
		drawn[i] = accounts_draw(w->a, draws[i] ^ draws[i] >> 33)->number;
		counts[drawn[i] - first]++;
	}
	for (int i = 0; i < ACCOUNTS; i++)
		assert_in_range(counts[i], DRAWS / ACCOUNTS / 4, DRAWS / ACCOUNTS * 3);
	load_with_passwords(w, ACCOUNTS + 1, BYTES("x"));
	for (int i = 0; i < DRAWS; i++)
		moved += accounts_draw(w->a, draws[i] ^ draws[i] >> 33)->number != drawn[i];
	assert_in_range(moved, 1, DRAWS / ACCOUNTS * 3);
}

static void
nobody_is_drawn_whose_password_cannot_be_compared(void **state)
{
	struct world *w = *state;

	load_with_passwords(w, 0, BYTES_NONE);
	assert_null(accounts_draw(w->a, 1));
	load_with_passwords(w, 8, BYTES("{KERBEROS}x"));
	for (uint64_t i = 0; i < 64; i++)
		assert_null(accounts_draw(w->a, i * 6364136223846793005));
}

/* Whatever accounts_find takes as one name is one name for those that are not there, too. */
static void
names_are_folded_whether_they_are_there_or_not(void **state)
{
	struct world *w = *state;
	struct address space;

	assert_true(bytes_equal(accounts_fold_name(w->a, BYTES("Nobody@Example.ORG"), &space), BYTES("nobody@example.org")));
	assert_true(bytes_equal(accounts_fold_name(w->a, BYTES("NOBODY"), &space), BYTES("nobody@example.org")));
	assert_true(bytes_equal(accounts_fold_name(w->a, BYTES("x@"), &space), BYTES("x@")));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(addresses_resolve),
		TEST(nothing_is_unknown_before_the_first_load),
		TEST(aliases_too_large_or_too_deep_have_to_wait),
		TEST(a_load_tells_what_changed),
		TEST(names_find_accounts_only),
		TEST(an_account_sends_as_what_leads_to_it),
		TEST(what_is_put_first_keeps_its_address),
		TEST(malformed_rows_are_left_out),
		TEST(many_accounts_are_found_again),
		TEST(every_value_gets_the_default_scheme_of_the_configuration),
		TEST(values_without_room_are_left_out),
		TEST(another_quota_is_a_change_that_ends_nothing),
		TEST(draws_are_even_and_stay),
		TEST(nobody_is_drawn_whose_password_cannot_be_compared),
		TEST(names_are_folded_whether_they_are_there_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
