#include "role/directory/onward.h"

#include "base/memory.h"
#include "role/directory/test_targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char configuration[] =
	"domain example.org routed.example;\n"
	"hostname mail.example.org;\n"
	"mailboxes maildir /mail/%d/%u;\n"
	"recipient_delimiter +;\n"
	"relay_for list.example known;\n"
	"relay_for open.example any;\n"
	"relay_for B\xC3\xBC" "cher.example any;\n"
	"route lists@example.org to lmtp:127.0.0.1:8024;\n"
	"route routed.example to mx.routed.example;\n"
	"route kept@routed.example to mailboxes;\n"
	"route far@elsewhere.net to mx.elsewhere.net;\n"
	"route one@list.example to mx.one.example;\n"
	"route * to mx.provider.example;\n";

struct world {
	struct config *config;
	struct accounts *a;
};

static void
put_user(struct world *w, const char *address)
{
	accounts_put_user(w->a, &(struct user_record){ .address = bytes_text(address), .secret_password = BYTES("{PLAIN}x"), .is_enabled = true });
}

static void
put_alias(struct world *w, const char *address, const char *target)
{
	struct bytes to = bytes_text(target);

	accounts_put_alias(w->a, &(struct alias_record){ bytes_text(address), &to, 1, ALIAS_MADE, BYTES_NONE });
}

static int
set_up(void **state)
{
	static const struct accounts_handlers handlers = { NULL };
	struct world *w = NEW(struct world);
	struct fault f;

	assert_int_equal(config_read_slice(bytes_text(configuration), &w->config, &f), 0);
	w->a = accounts_new(w->config, &handlers, w);
	accounts_begin(w->a);
	put_user(w, "alice@example.org");
	put_user(w, "lists@example.org");
	put_user(w, "alice@routed.example");
	put_user(w, "kept@routed.example");
	put_user(w, "known@list.example");
	put_user(w, "a%b@list.example");
	put_alias(w, "info@example.org", "lists@example.org");
	put_alias(w, "info@routed.example", "Known@list.example");
	put_alias(w, "listed@list.example", "listed@list.example");
	put_alias(w, "here@open.example", "alice@example.org");
	accounts_end(w->a);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	accounts_free(&w->a);
	config_free(&w->config);
	memory_free(w);
	return 0;
}

static void
what_a_route_names_goes_on_and_keeps_its_case_and_detail(void **state)
{
	static const struct row rows[] = {
		{ "alice@example.org", IPC_OK, "alice@example.org" },
		{ "lists@example.org", IPC_OK, "!lists@example.org" },
		{ "Lists+Sub@Example.org", IPC_OK, "!Lists+Sub@Example.org" },
		{ "info@example.org", IPC_OK, "!lists@example.org" },
		{ "nobody@example.org", IPC_ABSENT, "" },
		/* Of a domain, those that the directory has. */
		{ "Alice+X@Routed.example", IPC_OK, "!Alice+X@Routed.example" },
		{ "nobody@routed.example", IPC_ABSENT, "" },
		{ "kept@routed.example", IPC_OK, "kept@routed.example" },
		{ "info@routed.example", IPC_OK, "!Known@list.example" },
		{ "postmaster@routed.example", IPC_OK, "postmaster@example.org" },
		/* What a route says of others makes it not ours. */
		{ "far@elsewhere.net", IPC_FOREIGN, "" },
		{ "x@provider.example", IPC_FOREIGN, "" },
	};
	struct world *w = *state;

	check_targets(w->a, rows, sizeof rows / sizeof *rows);
}

static void
mail_is_relayed_for_whom_we_relay_rfc5321_7_9(void **state)
{
	static const struct row rows[] = {
		{ "Known@List.example", IPC_OK, "!Known@List.example" },
		{ "known+x@list.example", IPC_OK, "!known+x@list.example" },
		{ "listed@list.example", IPC_OK, "!listed@list.example" },
		{ "Listed+X@List.example", IPC_OK, "!Listed+X@List.example" },
		{ "listed+x%y@list.example", IPC_ABSENT, "" },
		{ "one@list.example", IPC_OK, "!one@list.example" },
		{ "nobody@list.example", IPC_ABSENT, "" },
		{ "x@sub.list.example", IPC_FOREIGN, "" },
		{ "Whoever@open.example", IPC_OK, "!Whoever@open.example" },
		{ "here@open.example", IPC_OK, "alice@example.org" },
		{ "x@b\xC3\xBC" "cher.example", IPC_OK, "!x@b\xC3\xBC" "cher.example" },
		{ "x@xn--bcher-kva.example", IPC_OK, "!x@xn--bcher-kva.example" },
		{ "postmaster@list.example", IPC_OK, "postmaster@example.org" },
	};
	struct world *w = *state;

	check_targets(w->a, rows, sizeof rows / sizeof *rows);
}

static void
nothing_is_sent_on_that_the_next_server_could_read_as_a_path_rfc5321_f2(void **state)
{
	static const struct row rows[] = {
		{ "victim%elsewhere.net@open.example", IPC_ABSENT, "" },
		{ "elsewhere.net!victim@open.example", IPC_ABSENT, "" },
		{ "victim@elsewhere.net@open.example", IPC_ABSENT, "" },
		{ "@elsewhere.net:victim@open.example", IPC_ABSENT, "" },
		{ "a> SIZE=1@open.example", IPC_ABSENT, "" },
		{ ".a@open.example", IPC_ABSENT, "" },
		{ "a.@open.example", IPC_ABSENT, "" },
		{ "a..b@open.example", IPC_ABSENT, "" },
		{ "known+victim%elsewhere.net@list.example", IPC_ABSENT, "" },
		{ "lists+victim%elsewhere.net@example.org", IPC_ABSENT, "" },
		/* Somebody is called so. */
		{ "a%b@list.example", IPC_OK, "!a%b@list.example" },
	};
	struct world *w = *state;

	check_targets(w->a, rows, sizeof rows / sizeof *rows);
}

static void
who_has_an_account_sends_as_it_wherever_its_mail_goes(void **state)
{
	struct world *w = *state;
	const struct account *alice = accounts_find(w->a, BYTES("alice@routed.example"));

	assert_non_null(alice);
	assert_int_equal(accounts_may_send(w->a, alice->number, BYTES("alice@routed.example")), IPC_OK);
	assert_int_equal(accounts_may_send(w->a, alice->number, BYTES("kept@routed.example")), IPC_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_route_names_goes_on_and_keeps_its_case_and_detail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_is_relayed_for_whom_we_relay_rfc5321_7_9, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_sent_on_that_the_next_server_could_read_as_a_path_rfc5321_f2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_an_account_sends_as_it_wherever_its_mail_goes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
