/* RFC 5321 4.5.1: mail to postmaster reaches somebody at each domain, and whoever is postmaster stays so. */
#include "role/directory/test_targets.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define ALICE "alice@example.org"
#define BOB "bob@example.org"

struct world {
	struct config config;
	struct accounts *a;
	struct targets targets;
	int removed;
};

static void
on_changed(void *arg, const struct account *account, enum account_change change)
{
	struct world *w = arg;

	(void)account;
	w->removed += change == ACCOUNT_REMOVED;
}

static void
put_user(struct world *w, const char *address, bool is_enabled)
{
	accounts_put_user(w->a, &(struct user_record){ .address = bytes_text(address), .secret_password = BYTES("{PLAIN}x"), .is_enabled = is_enabled });
}

/* targets: separated by SP. */
static void
put_ranked(struct world *w, const char *address, const char *targets, enum alias_rank rank)
{
	struct bytes rest = bytes_text(targets), at[16];
	size_t count = 0;

	while (rest.len)
		at[count++] = take_until(&rest, ' ');
	accounts_put_alias(w->a, &(struct alias_record){ bytes_text(address), at, count, rank, BYTES_NONE });
}

static void
put_alias(struct world *w, const char *address, const char *targets)
{
	put_ranked(w, address, targets, ALIAS_MADE);
}

/* An account and no more. */
static void
load(struct world *w, const char *address)
{
	accounts_begin(w->a);
	put_user(w, address, true);
	accounts_end(w->a);
}

static int
set_up(void **state)
{
	static const struct accounts_handlers handlers = { .changed = on_changed };
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

static void
rfc5321_4_5_1_postmaster_is_never_absent(void **state)
{
	static const char *const addresses[] = { "postmaster", "PostMaster", "Postmaster@Example.org", "postmaster+x@example.org",
		"postmaster@Mail.example.org", "mailer-daemon@example.org", "MAILER-DAEMON@mail.example.org", "postmaster@empty.org" };
	struct world *w = *state;

	accounts_begin(w->a);
	accounts_end(w->a);
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		assert_int_equal(accounts_resolve(w->a, bytes_text(addresses[i]), &w->targets), IPC_OK);
		assert_int_equal(w->targets.count, 1);
		assert_true(w->targets.at[0].account->is_made);
	}
	assert_true(bytes_equal(account_path(w->targets.at[0].account), BYTES("/mail/example.org/postmaster")));
	assert_false(w->targets.at[0].account->is_enabled);
	assert_int_equal(account_secret_password(w->targets.at[0].account).len, 0);
	/* It stays through a load, with its number. */
	uint64_t number = w->targets.at[0].account->number;
	load(w, ALICE);
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster@empty.org"), &w->targets), IPC_OK);
	assert_int_equal(w->targets.at[0].account->number, number);
	assert_int_equal(accounts_count(w->a).accounts, 1);
	assert_int_equal(w->removed, 0);
	/* Nor is it when an alias of its name leads to nobody ("postmaster: root"). */
	accounts_begin(w->a);
	put_alias(w, "postmaster@example.org", "root@example.org");
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster@example.org"), &w->targets), IPC_OK);
	assert_true(w->targets.count == 1 && w->targets.at[0].account->is_made);
}

static void
postmaster_is_an_alias_or_the_configured_account_first(void **state)
{
	struct world *w = *state;

	w->config.postmaster = BYTES(ALICE);
	accounts_configure(w->a, &w->config);
	load(w, ALICE);
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster@empty.org"), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES(ALICE)));
	accounts_begin(w->a);
	put_user(w, BOB, true);
	put_alias(w, "postmaster@empty.org", BOB);
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster@empty.org"), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES(BOB)));
	/* alice is gone: the configured address leads nowhere, the mail still has a place. */
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster"), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES("postmaster@example.org")));
}

static void
postmaster_of_other_domains_goes_to_that_of_the_first(void **state)
{
	struct world *w = *state;

	accounts_begin(w->a);
	put_user(w, "postmaster@example.org", true);
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster@empty.org"), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES("postmaster@example.org")));
	assert_false(w->targets.at[0].account->is_made);
}

static void
without_domains_the_host_has_a_postmaster(void **state)
{
	struct world *w = *state;

	w->config.domains.count = 0;
	accounts_configure(w->a, &w->config);
	accounts_begin(w->a);
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES("postmaster"), &w->targets), IPC_OK);
	assert_int_equal(accounts_resolve(w->a, BYTES("x@mail.example.org"), &w->targets), IPC_ABSENT);
	assert_int_equal(accounts_resolve(w->a, BYTES("x@example.org"), &w->targets), IPC_FOREIGN);
}

/* Where the mail for postmaster goes when the directory holds what a row says. */
struct held {
	const char *why;
	struct {
		const char *address;
		bool is_enabled;
	} users[2];
	struct {
		const char *address, *targets;
		enum alias_rank rank;
	} aliases[3];
	const char *configured; /* `postmaster` */
	const char *asked;
	enum ipc_outcome want;
	const char *targets;
	bool is_made;
};

#define PM "postmaster@example.org"
#define PM_THERE "postmaster@empty.org"

static const struct held held[] = {
	/* Somebody is postmaster, and stays so. */
	{ "an account", .users = { { PM, true } }, .configured = ALICE, .asked = PM, .targets = PM },
	{ "one that may not log in still gets mail", .users = { { PM, false } }, .configured = ALICE, .asked = PM, .targets = PM },
	{ "one of a domain that is not the first", .users = { { PM_THERE, true }, { PM, true } }, .asked = PM_THERE, .targets = PM_THERE },
	{ "an alias", .users = { { BOB, true } }, .aliases = { { PM, BOB, ALIAS_MADE } }, .configured = ALICE, .asked = PM, .targets = BOB },
	{ "an alias that leads elsewhere", .aliases = { { PM, "x@elsewhere.net", ALIAS_LISTED } }, .asked = PM, .targets = "!x@elsewhere.net" },
	{ "an alias of which one is there", .aliases = { { PM, "gone@example.org " ALICE, ALIAS_MADE } }, .asked = PM, .targets = ALICE },
	{ "a group", .aliases = { { PM, ALICE, ALIAS_GROUP } }, .asked = "Postmaster+x@example.org", .targets = ALICE },
	{ "what stands for the whole domain", .aliases = { { "@empty.org", ALICE, ALIAS_MADE } }, .asked = PM_THERE, .targets = ALICE },
	{ "an account whose alias leads to nobody", .users = { { PM, true } }, .aliases = { { PM, "gone@example.org", ALIAS_MADE } },
		.asked = PM, .targets = PM },
	{ "the same where it is not the first domain", .users = { { PM_THERE, true } }, .aliases = { { PM_THERE, "gone@example.org", ALIAS_MADE } },
		.configured = ALICE, .asked = "postmaster+x@empty.org", .targets = PM_THERE },
	{ "the same of a forward that leads to itself", .users = { { PM, true } },
		.aliases = { { PM, "loop@example.org", ALIAS_FORWARD }, { "loop@example.org", "loop@example.org", ALIAS_MADE } },
		.asked = PM, .targets = PM },
	/* Who is it leads to nobody: the next one. */
	{ "nobody", .configured = BOB, .users = { { BOB, true } }, .asked = PM, .targets = BOB },
	{ "an alias to nobody", .aliases = { { PM, "gone@example.org", ALIAS_MADE } }, .asked = PM, .targets = PM, .is_made = true },
	{ "an alias to nobody, and one is configured", .aliases = { { PM, "gone@example.org", ALIAS_MADE } }, .configured = ALICE, .asked = PM,
		.targets = ALICE },
	{ "an alias that leads to itself", .aliases = { { PM, PM, ALIAS_MADE } }, .asked = PM, .targets = PM, .is_made = true },
	{ "aliases that lead to each other", .aliases = { { PM, "root@example.org", ALIAS_LISTED }, { "root@example.org", PM, ALIAS_LISTED } },
		.configured = ALICE, .asked = PM, .targets = ALICE },
	{ "a group without members", .aliases = { { PM, "", ALIAS_GROUP } }, .asked = PM, .targets = PM, .is_made = true },
	{ "an alias to such a group", .aliases = { { PM_THERE, "staff@example.org", ALIAS_MADE }, { "staff@example.org", "", ALIAS_GROUP } },
		.asked = PM_THERE, .targets = PM, .is_made = true },
	{ "a domain's mail that leads to nobody", .aliases = { { "@empty.org", "gone@example.org", ALIAS_MADE } }, .asked = PM_THERE, .targets = PM,
		.is_made = true },
	{ "the configured one is a group without members", .aliases = { { "staff@example.org", "", ALIAS_GROUP } }, .configured = "staff@example.org",
		.asked = PM, .targets = PM, .is_made = true },
	{ "the configured one leads to itself, and the first domain's is there", .users = { { PM, true } },
		.aliases = { { "loop@example.org", "loop@example.org", ALIAS_MADE } }, .configured = "loop@example.org", .asked = PM_THERE, .targets = PM },
	{ "the first domain's is a group without members", .aliases = { { PM, "", ALIAS_GROUP } }, .asked = PM_THERE, .targets = PM, .is_made = true },
	{ "who answers a report", .aliases = { { "mailer-daemon@example.org", "", ALIAS_GROUP } }, .users = { { PM, true } },
		.asked = "mailer-daemon@example.org", .targets = PM },
	/* Others wait, or are refused. */
	{ "another group without members", .aliases = { { "staff@example.org", "", ALIAS_GROUP } }, .asked = "staff@example.org", .want = IPC_LATER,
		.targets = "" },
	{ "another alias to nobody", .aliases = { { "staff@example.org", "gone@example.org", ALIAS_MADE } }, .asked = "staff@example.org",
		.want = IPC_ABSENT, .targets = "" },
};

static void
load_held(struct world *w, const struct held *h)
{
	w->config.postmaster = h->configured ? bytes_text(h->configured) : BYTES_NONE;
	accounts_configure(w->a, &w->config);
	accounts_begin(w->a);
	put_user(w, ALICE, true);
	for (size_t i = 0; i < 2 && h->users[i].address; i++)
		put_user(w, h->users[i].address, h->users[i].is_enabled);
	for (size_t i = 0; i < 3 && h->aliases[i].address; i++)
		put_ranked(w, h->aliases[i].address, h->aliases[i].targets, h->aliases[i].rank);
	accounts_end(w->a);
}

static void
rfc5321_4_5_1_postmaster_reaches_somebody_whatever_the_directory_holds(void **state)
{
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		const struct held *h = &held[i];
		struct row row = { h->asked, h->want, h->targets };
		const struct account *account;
		struct world *w;

		(void)tear_down(state);
		(void)set_up(state);
		w = *state;
		load_held(w, h);
		print_message("%s\n", h->why);
		check_targets(w->a, &row, 1);
		account = accounts_find(w->a, BYTES(PM));
		assert_int_equal(account && account->is_made, h->is_made);
		/* And the same the next time. */
		check_targets(w->a, &row, 1);
	}
}

static void
a_postmaster_that_is_made_has_a_mailbox_whatever_the_template(void **state)
{
	static const struct {
		const char *template, *homes, *want;
	} rows[] = {
		{ "/home/vmail/%d/%{uid}/mailbox", "", "/home/vmail/example.org/postmaster/mailbox" },
		{ "%h/Maildir", "/home", "/home/postmaster/Maildir" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = *state;

		w->config.maildir_template = bytes_text(rows[i].template);
		w->config.homes = bytes_text(rows[i].homes);
		accounts_configure(w->a, &w->config);
		load(w, BOB);
		assert_int_equal(accounts_resolve(w->a, BYTES("postmaster"), &w->targets), IPC_OK);
		assert_int_equal(w->targets.count, 1);
		assert_true(bytes_equal(account_path(w->targets.at[0].account), bytes_text(rows[i].want)));
	}
}

static void
strangers_write_to_a_group_that_is_postmaster_rfc5321_4_5_1(void **state)
{
	struct world *w = *state;

	w->config.ldap_group_posting = GROUP_POSTING_MEMBERS;
	accounts_configure(w->a, &w->config);
	accounts_begin(w->a);
	put_user(w, ALICE, true);
	put_ranked(w, "staff@example.org", ALICE, ALIAS_GROUP);
	put_ranked(w, PM, ALICE, ALIAS_GROUP);
	put_alias(w, "mailer-daemon@example.org", "staff@example.org");
	accounts_end(w->a);
	assert_int_equal(accounts_may_post(w->a, 0, BYTES("staff@example.org")), IPC_DENIED);
	assert_int_equal(accounts_may_post(w->a, 0, BYTES("Postmaster@example.org")), IPC_OK);
	assert_int_equal(accounts_may_post(w->a, 0, BYTES("postmaster")), IPC_OK);
	assert_int_equal(accounts_may_post(w->a, 0, BYTES("mailer-daemon@example.org")), IPC_OK);
}

static void
who_may_send_as_a_postmaster_that_is_nobody_is_asked_without_making_one(void **state)
{
	struct world *w = *state;
	const struct account *alice;

	load(w, ALICE);
	alice = accounts_find(w->a, BYTES(ALICE));
	assert_int_equal(accounts_may_send(w->a, alice->number, BYTES(PM)), IPC_DENIED);
	assert_null(accounts_find(w->a, BYTES(PM)));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(rfc5321_4_5_1_postmaster_is_never_absent),
		TEST(postmaster_is_an_alias_or_the_configured_account_first),
		TEST(postmaster_of_other_domains_goes_to_that_of_the_first),
		TEST(without_domains_the_host_has_a_postmaster),
		TEST(rfc5321_4_5_1_postmaster_reaches_somebody_whatever_the_directory_holds),
		TEST(a_postmaster_that_is_made_has_a_mailbox_whatever_the_template),
		TEST(strangers_write_to_a_group_that_is_postmaster_rfc5321_4_5_1),
		TEST(who_may_send_as_a_postmaster_that_is_nobody_is_asked_without_making_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
