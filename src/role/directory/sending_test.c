/* Where mail goes and who may send as an address are not the same question: accounts that forward, and groups.  Nor is
   who logs in with a name. */
#include "role/directory/test_targets.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct world {
	struct config config;
	struct accounts *a;
	struct targets targets;
};

static const struct accounts_handlers handlers = { NULL };

static void
put_forwarding(struct world *w, const char *address, const struct bytes *forwards, size_t count)
{
	accounts_put_user(w->a, &(struct user_record){ .address = bytes_text(address), .secret_password = BYTES("x"),
		.is_enabled = true, .forwards = forwards, .forward_count = count });
}

static void
put_user(struct world *w, const char *address)
{
	put_forwarding(w, address, NULL, 0);
}

/* targets: separated by SP. */
static void
put_alias(struct world *w, const char *address, const char *targets, enum alias_rank rank)
{
	struct bytes rest = bytes_text(targets), at[16];
	size_t count = 0;

	while (rest.len)
		at[count++] = take_until(&rest, ' ');
	accounts_put_alias(w->a, &(struct alias_record){ bytes_text(address), at, count, rank, BYTES("cn=x") });
}

static int
set_up(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("example.org"), BYTES_INIT("second.org") };
	struct world *w = NEW(struct world);

	w->config = (struct config){ .hostname = BYTES("mail.example.org"), .domains = { domains, 2 },
		.recipient_delimiter = BYTES("+"), .maildir_template = BYTES("/mail/%d/%u") };
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
an_account_that_forwards_keeps_its_name_to_itself(void **state)
{
	static const struct bytes to_bob[] = { BYTES_INIT(BOB) }, to_both[] = { BYTES_INIT(BOB), BYTES_INIT("dave@example.org") },
		out[] = { BYTES_INIT("x@elsewhere.net") }, gone[] = { BYTES_INIT("gone@example.org") };
	static const struct row rows[] = {
		{ ALICE, IPC_OK, BOB },
		{ "alice+x@example.org", IPC_OK, BOB },
		{ "dave@example.org", IPC_OK, BOB " dave@example.org" },
		{ "eve@example.org", IPC_OK, "!x@elsewhere.net" },
		{ "greta@example.org", IPC_OK, "greta@example.org" },
		{ "sales@example.org", IPC_OK, BOB " dave@example.org" },
	};
	struct world *w = *state;

	accounts_begin(w->a);
	put_alias(w, "fred@example.org", "fred@example.org", ALIAS_MADE);
	put_forwarding(w, ALICE, to_bob, 1);
	put_forwarding(w, "dave@example.org", to_both, 2);
	put_forwarding(w, "eve@example.org", out, 1);
	put_forwarding(w, "greta@example.org", gone, 1);
	put_forwarding(w, "fred@example.org", out, 1);
	put_user(w, BOB);
	put_alias(w, "sales@example.org", ALICE " dave@example.org", ALIAS_MADE);
	accounts_end(w->a);
	check_targets(w->a, rows, sizeof rows / sizeof *rows);
	/* what an administrator made of an address counts before */
	assert_int_equal(accounts_resolve(w->a, BYTES("fred@example.org"), &w->targets), IPC_OK);
	assert_non_null(w->targets.at[0].account);
	uint64_t alice = accounts_find(w->a, BYTES(ALICE))->number, bob = accounts_find(w->a, BYTES(BOB))->number;
	assert_int_equal(accounts_may_send(w->a, alice, BYTES(ALICE)), IPC_OK);
	assert_int_equal(accounts_may_send(w->a, alice, BYTES("alice+x@example.org")), IPC_OK);
	assert_int_equal(accounts_may_send(w->a, alice, BYTES("sales@example.org")), IPC_OK);
	assert_int_equal(accounts_may_send(w->a, bob, BYTES(ALICE)), IPC_DENIED);
	assert_int_equal(accounts_may_send(w->a, bob, BYTES("sales@example.org")), IPC_DENIED);
	/* and no longer forwards when the source says so no more */
	accounts_begin(w->a);
	put_user(w, ALICE);
	accounts_end(w->a);
	assert_int_equal(accounts_resolve(w->a, BYTES(ALICE), &w->targets), IPC_OK);
	assert_true(bytes_equal(account_address(w->targets.at[0].account), BYTES(ALICE)));
}

static void
load_groups(struct world *w)
{
	static const struct bytes to_bob[] = { BYTES_INIT(BOB) };

	accounts_configure(w->a, &w->config);
	accounts_begin(w->a);
	put_alias(w, "open@example.org", "team@example.org", ALIAS_MADE);
	put_forwarding(w, ALICE, to_bob, 1);
	put_user(w, BOB);
	put_user(w, "carol@second.org");
	put_user(w, "dave@example.org");
	put_alias(w, "team@example.org", ALICE " carol@second.org inner@example.org gone@example.org", ALIAS_GROUP);
	put_alias(w, "crew@example.org", "team@example.org", ALIAS_FURTHER);
	put_alias(w, "inner@example.org", "carol@second.org " BOB " team@example.org", ALIAS_GROUP);
	put_alias(w, "nobody@example.org", "", ALIAS_GROUP);
	put_alias(w, BOB, "dave@example.org", ALIAS_GROUP);
	accounts_end(w->a);
}

static void
each_member_of_groups_in_groups_gets_one_copy(void **state)
{
	static const struct row rows[] = {
		{ "team@example.org", IPC_OK, BOB " carol@second.org" },
		{ "crew+x@example.org", IPC_OK, BOB " carol@second.org" },
		{ "open@example.org", IPC_OK, BOB " carol@second.org" },
		{ "inner@example.org", IPC_OK, "carol@second.org " BOB },
		/* whose members are not there now */
		{ "nobody@example.org", IPC_LATER, "" },
		/* an account counts before */
		{ BOB, IPC_OK, BOB },
	};
	struct world *w = *state;

	load_groups(w);
	check_targets(w->a, rows, sizeof rows / sizeof *rows);
}

struct right {
	const char *account, *address;
	enum ipc_outcome anyone, domain, members;
};

static uint64_t
number_of(struct world *w, const char *account)
{
	return account ? accounts_find(w->a, bytes_text(account))->number : 0;
}

static void
who_may_write_to_a_group_is_configured(void **state)
{
	static const struct right rows[] = {
		{ NULL, "team@example.org", IPC_OK, IPC_DENIED, IPC_DENIED },
		{ "dave@example.org", "team@example.org", IPC_OK, IPC_OK, IPC_DENIED },
		{ "carol@second.org", "team@example.org", IPC_OK, IPC_DENIED, IPC_OK },
		{ ALICE, "team@example.org", IPC_OK, IPC_OK, IPC_OK },
		{ BOB, "Crew+x@example.org", IPC_OK, IPC_OK, IPC_OK },
		{ NULL, "crew@example.org", IPC_OK, IPC_DENIED, IPC_DENIED },
		{ NULL, "open@example.org", IPC_OK, IPC_DENIED, IPC_DENIED },
		/* no group */
		{ NULL, BOB, IPC_OK, IPC_OK, IPC_OK },
		{ NULL, ALICE, IPC_OK, IPC_OK, IPC_OK },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const enum ipc_outcome want[] = { rows[i].anyone, rows[i].domain, rows[i].members };

		for (int posting = GROUP_POSTING_ANYONE; posting <= GROUP_POSTING_MEMBERS; posting++) {
			w->config.ldap_group_posting = (enum config_group_posting)posting;
			load_groups(w);
			if (accounts_may_post(w->a, number_of(w, rows[i].account), bytes_text(rows[i].address)) != want[posting])
				fail_msg("row %zu, posting %d", i, posting);
		}
	}
}

static void
a_member_sends_as_the_group_only_when_configured(void **state)
{
	static const struct {
		const char *account, *address;
		enum ipc_outcome no, members;
	} rows[] = {
		{ ALICE, "team@example.org", IPC_DENIED, IPC_OK },
		{ "carol@second.org", "crew@example.org", IPC_DENIED, IPC_OK },
		{ BOB, "team@example.org", IPC_DENIED, IPC_OK },
		{ "dave@example.org", "team@example.org", IPC_DENIED, IPC_DENIED },
		{ "dave@example.org", BOB, IPC_DENIED, IPC_DENIED },
		{ BOB, BOB, IPC_OK, IPC_OK },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		w->config.ldap_group_sending = GROUP_SENDING_NO;
		load_groups(w);
		if (accounts_may_send(w->a, number_of(w, rows[i].account), bytes_text(rows[i].address)) != rows[i].no)
			fail_msg("row %zu", i);
		w->config.ldap_group_sending = GROUP_SENDING_MEMBERS;
		load_groups(w);
		if (accounts_may_send(w->a, number_of(w, rows[i].account), bytes_text(rows[i].address)) != rows[i].members)
			fail_msg("row %zu, members", i);
	}
}

static void
check_absent(struct world *w, const char *address, enum ipc_outcome outcome, size_t count, const char *first)
{
	assert_int_equal(accounts_resolve(w->a, bytes_text(address), &w->targets), outcome);
	assert_int_equal(w->targets.absent_count, count);
	if (count && !bytes_equal(w->targets.absent[0], bytes_text(first)))
		fail_msg("%s: %.*s", address, BYTES_ARG(w->targets.absent[0]));
}

static void
whom_an_address_leads_to_in_vain_is_told(void **state)
{
	static const struct bytes gone[] = { BYTES_INIT("gone@example.org") }, half[] = { BYTES_INIT("gone@example.org"), BYTES_INIT(BOB) };
	struct world *w = *state;
	char many[512] = BOB;

	for (int i = 0; i < 15; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), " gone%d@example.org", i);
	accounts_begin(w->a);
	put_user(w, BOB);
	put_forwarding(w, "greta@example.org", gone, 1);
	put_forwarding(w, "henry@example.org", half, 2);
	put_alias(w, "boss@example.org", "gone@example.org", ALIAS_MADE);
	put_alias(w, "both@example.org", BOB " Gone+x@example.org", ALIAS_MADE);
	put_alias(w, "all@example.org", "boss@example.org both@example.org x@elsewhere.net", ALIAS_MADE);
	put_alias(w, "many@example.org", many, ALIAS_MADE);
	accounts_end(w->a);
	check_absent(w, "all@example.org", IPC_OK, 2, "gone@example.org");
	check_absent(w, BOB, IPC_OK, 0, NULL);
	check_absent(w, "Nobody@example.org", IPC_ABSENT, 1, "nobody@example.org");
	check_absent(w, "boss@example.org", IPC_ABSENT, 1, "gone@example.org");
	check_absent(w, "both@example.org", IPC_OK, 1, "Gone+x@example.org");
	/* The mailbox has it all, or some of it would be nobody's. */
	check_absent(w, "greta@example.org", IPC_OK, 0, NULL);
	check_absent(w, "henry@example.org", IPC_OK, 1, "gone@example.org");
	check_absent(w, "many@example.org", IPC_OK, ABSENT_TARGETS_MAX, "gone0@example.org");
	/* whose reports find somebody in any case */
	check_absent(w, "postmaster@example.org", IPC_OK, 0, NULL);
	check_absent(w, "x@elsewhere.net", IPC_FOREIGN, 0, NULL);
}

/* A front may hold the number of a log-in that an earlier process of the directory let in. */
static void
a_number_that_nobody_knows_is_told_to_come_back(void **state)
{
	struct world *w = *state;

	for (int posting = GROUP_POSTING_DOMAIN; posting <= GROUP_POSTING_MEMBERS; posting++) {
		w->config.ldap_group_posting = (enum config_group_posting)posting;
		load_groups(w);
		assert_int_equal(accounts_may_post(w->a, 1, BYTES("team@example.org")), IPC_LATER);
		assert_int_equal(accounts_may_post(w->a, 1, BYTES(BOB)), IPC_OK);
	}
	assert_int_equal(accounts_may_send(w->a, 1, BYTES(BOB)), IPC_LATER);
	assert_int_equal(accounts_may_send(w->a, 1, BYTES("nobody@example.org")), IPC_LATER);
	assert_int_equal(accounts_may_send(w->a, 0, BYTES(BOB)), IPC_DENIED);
}

static void
put_named(struct world *w, const char *address, const char *account_name)
{
	accounts_put_user(w->a, &(struct user_record){ .address = bytes_text(address), .account_name = bytes_text(account_name),
		.is_enabled = true });
}

static void
account_names_find_accounts_when_configured(void **state)
{
	struct world *w = *state;

	accounts_begin(w->a);
	put_named(w, ALICE, "a1");
	accounts_end(w->a);
	assert_null(accounts_find(w->a, BYTES("a1")));
	w->config.ldap_login_name = LDAP_LOGIN_NAME_ACCOUNT;
	accounts_configure(w->a, &w->config);
	accounts_begin(w->a);
	put_named(w, ALICE, "a1");
	put_named(w, BOB, "Alice");
	put_named(w, "carol@example.org", "A1");
	put_named(w, "dave@example.org", ALICE);
	accounts_end(w->a);
	assert_ptr_equal(accounts_find(w->a, BYTES("A1")), accounts_find(w->a, BYTES(ALICE)));
	assert_ptr_equal(accounts_find(w->a, BYTES("alice")), accounts_find(w->a, BYTES(ALICE)));
	assert_null(accounts_find(w->a, BYTES("a1@example.org")));
	accounts_begin(w->a);
	put_named(w, BOB, "a1");
	assert_ptr_equal(accounts_find(w->a, BYTES("a1")), accounts_find(w->a, BYTES(ALICE)));
	accounts_end(w->a);
	assert_ptr_equal(accounts_find(w->a, BYTES("a1")), accounts_find(w->a, BYTES(BOB)));
	accounts_begin(w->a);
	accounts_end(w->a);
	assert_null(accounts_find(w->a, BYTES("a1")));
}

static void
a_further_address_finds_its_account_and_an_alias_nobody(void **state)
{
	struct world *w = *state;

	accounts_begin(w->a);
	put_named(w, ALICE, "a1");
	put_named(w, BOB, "b1");
	put_alias(w, "a.martin@example.org", "Alice@Example.org", ALIAS_FURTHER);
	put_alias(w, "@example.org", ALICE, ALIAS_FURTHER);
	put_alias(w, BOB, ALICE, ALIAS_FURTHER);
	put_alias(w, "team@example.org", ALICE, ALIAS_GROUP);
	put_alias(w, "crew@example.org", "team@example.org", ALIAS_FURTHER);
	put_alias(w, "sales@example.org", ALICE, ALIAS_MADE);
	accounts_end(w->a);
	assert_ptr_equal(accounts_find(w->a, BYTES("A.Martin@example.org")), accounts_find(w->a, BYTES(ALICE)));
	assert_ptr_equal(accounts_find(w->a, BYTES("a.martin")), accounts_find(w->a, BYTES(ALICE)));
	assert_ptr_not_equal(accounts_find(w->a, BYTES(BOB)), accounts_find(w->a, BYTES(ALICE)));
	assert_null(accounts_find(w->a, BYTES("@example.org")));
	assert_null(accounts_find(w->a, BYTES("team@example.org")));
	assert_null(accounts_find(w->a, BYTES("crew@example.org")));
	assert_null(accounts_find(w->a, BYTES("sales@example.org")));
}

/* Else who edits his entry of LDAP could take the address of an account of the embedded directory, while that can't be read. */
static void
what_an_abandoned_load_did_not_meet_stays_in_a_change(void **state)
{
	const struct user_record other = { .address = BYTES("own@example.org"), .entry = BYTES("uid=b"), .is_enabled = true };
	struct world *w = *state;
	uint64_t number;

	accounts_begin(w->a);
	put_user(w, "own@example.org");
	accounts_end(w->a);
	number = accounts_find(w->a, BYTES("own@example.org"))->number;
	accounts_begin(w->a);
	accounts_abandon(w->a);
	accounts_begin_change(w->a);
	accounts_withdraw(w->a, other.address);
	accounts_put_user(w->a, &other);
	assert_true(accounts_end_change(w->a));
	assert_non_null(accounts_by_number(w->a, number));
	assert_false(accounts_by_number(w->a, number)->is_of_ldap);
	accounts_begin_change(w->a);
	accounts_withdraw(w->a, other.address);
	assert_true(accounts_end_change(w->a));
	assert_non_null(accounts_by_number(w->a, number));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_account_that_forwards_keeps_its_name_to_itself),
		TEST(each_member_of_groups_in_groups_gets_one_copy),
		TEST(who_may_write_to_a_group_is_configured),
		TEST(a_member_sends_as_the_group_only_when_configured),
		TEST(whom_an_address_leads_to_in_vain_is_told),
		TEST(a_number_that_nobody_knows_is_told_to_come_back),
		TEST(account_names_find_accounts_when_configured),
		TEST(a_further_address_finds_its_account_and_an_alias_nobody),
		TEST(what_an_abandoned_load_did_not_meet_stays_in_a_change),
	};

	return cmocka_run_group_tests_name("sending", tests, NULL, NULL);
}
