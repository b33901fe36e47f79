#include "cli/relaying.h"

#include "cli/test_support.h"

#include <string.h>

static struct config *
read_good(const char *text)
{
	struct config *c = NULL;
	struct fault f;

	if (config_read_slice(bytes_text(text), &c, &f) != 0)
		fail_msg("%s: %s", text, f.text);
	return c;
}

#define USUAL "hostname mail.ours.example; domain ours.example; mailboxes maildir /m/%d/%u;\n"

static void
no_configuration_lets_strangers_through_to_others_rfc5321_7_9(void **state)
{
	static const struct {
		const char *text;
		bool takes_on; /* for whom it relays */
	} rows[] = {
		{ USUAL, false },
		{ USUAL "domain other.example; recipient_delimiter \"+%!\"; trusted_networks 8.0.0.0/8;", false },
		{ USUAL "route * to relay.example; route foreign.example to relay.example; route x@foreign.example to lmtp:127.0.0.1:24;", false },
		{ USUAL "route .ours.example to relay.example;", false },
		{ USUAL "route ours.example to inner.example;", true },
		{ USUAL "route ours.example to mailboxes; route * to mailboxes;", false },
		{ USUAL "route lists@ours.example to lmtp:127.0.0.1:24;", true },
		{ USUAL "relay_for known.example known;", true },
		{ USUAL "relay_for any.example any; route any.example to mx:inner.example; recipient_delimiter \"%\";", true },
		{ USUAL "relay_for any.example any; route * to error \"no\"; postmaster someone@foreign.example;", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = read_good(rows[i].text);
		struct relaying tried = { 0 };
		struct relaying_rehearsal r;
		struct fault f;

		relaying_rehearsal_init(&r, c);
		if (relaying_prove(c, relaying_rehearse, &r, &tried, &f) != 0)
			fail_msg("%s: %s", rows[i].text, f.text);
		relaying_rehearsal_done(&r);
		assert_true(tried.tried > 20);
		if ((tried.leave[CLIENT_STRANGER] > 0) != rows[i].takes_on)
			fail_msg("%s: %zu", rows[i].text, tried.leave[CLIENT_STRANGER]);
		assert_int_equal(tried.leave[CLIENT_TRUSTED], tried.leave[CLIENT_ACCOUNT]);
		if (tried.leave[CLIENT_ACCOUNT] <= tried.leave[CLIENT_STRANGER] && !strstr(rows[i].text, "* to error"))
			fail_msg("%s: who logged in reaches nobody", rows[i].text);
		config_free(&c);
	}
}

static void
who_may_send_to_the_world_is_not_mistaken_for_a_stranger(void **state)
{
	static const enum admission_client known[] = { CLIENT_TRUSTED, CLIENT_ACCOUNT };
	struct config *c = read_good(USUAL);
	struct relaying_rehearsal r;
	uint8_t space[100];
	struct buf onward;

	(void)state;
	relaying_rehearsal_init(&r, c);
	for (size_t i = 0; i < COUNT(known); i++) {
		buf_init_fixed(&onward, space, sizeof space);
		assert_true(relaying_rehearse(&r, known[i], BYTES("<@ours.example:X@Elsewhere.invalid>"), &onward));
		assert_true(bytes_equal(buf_bytes(&onward), BYTES("X@Elsewhere.invalid")));
		assert_false(relaying_rehearse(&r, known[i], BYTES("<x%elsewhere.invalid@ours.example>"), &onward));
	}
	assert_false(relaying_rehearse(&r, CLIENT_STRANGER, BYTES("<x@elsewhere.invalid>"), &onward));
	relaying_rehearsal_done(&r);
	config_free(&c);
}

/* A server with one hole: what has `hole` in it leaves as it is. */
static bool
try_hole(void *arg, enum admission_client client, struct bytes path, struct buf *onward)
{
	const char *hole = arg;

	if (client != CLIENT_STRANGER || bytes_find(path, bytes_text(hole)) == path.len)
		return false;
	put_bytes(onward, bytes_sub(path, 1, path.len - 2));
	return true;
}

static void
each_way_through_a_server_would_be_found(void **state)
{
	static const char *const holes[] = { "<x@elsewhere.invalid>", "%elsewhere.invalid@ours.example>", "elsewhere.invalid!x@", "<@ours.example:x@elsewhere",
		"\"x@elsewhere.invalid\"@ours.example", "@sub.ours.example", "ours.example.elsewhere", "[127.0.0.1]", "[IPv6:::1]", "+x%elsewhere", "> ORCPT" };
	struct config *c = read_good(USUAL);

	(void)state;
	for (size_t i = 0; i < COUNT(holes); i++) {
		char hole[100];
		struct relaying tried = { 0 };
		struct fault f;

		(void)strncpy(hole, holes[i], sizeof hole - 1);
		hole[sizeof hole - 1] = '\0';
		if (relaying_prove(c, try_hole, hole, &tried, &f) != -1)
			fail_msg("%s is not found", hole);
		assert_non_null(strstr(f.text, "through this server"));
	}
	config_free(&c);
}

/* A server that reads "%" as "@", for those who may send to the world. */
static bool
try_percent(void *arg, enum admission_client client, struct bytes path, struct buf *onward)
{
	struct bytes rest = bytes_sub(path, 1, path.len - 2), local = take_until(&rest, '%');

	(void)arg;
	if (client != CLIENT_ACCOUNT || rest.len == 0)
		return false;
	put_bytes(onward, local);
	put_char(onward, '@');
	put_bytes(onward, take_until(&rest, '@'));
	return true;
}

static void
nobodys_address_is_read_as_another(void **state)
{
	struct config *c = read_good(USUAL);
	struct relaying tried = { 0 };
	struct fault f;

	(void)state;
	assert_int_equal(relaying_prove(c, try_percent, NULL, &tried, &f), -1);
	assert_non_null(strstr(f.text, "a client that logged in who names "));
	config_free(&c);
}

static void
the_directive_that_opens_it_is_named(void **state)
{
	struct config_where where = { BYTES("main.conf"), 7, 3 };
	struct config_relayed relayed[] = { { { BYTES("main.conf"), 6, 1 }, BYTES("inner.example"), true }, { where, BYTES("outer.example"), true } };
	struct config c = { .relayed = relayed, .relayed_count = 2 };
	char hole[] = "%elsewhere.invalid@outer.example";
	struct relaying tried = { 0 };
	struct fault f;

	(void)state;
	assert_int_equal(relaying_prove(&c, try_hole, hole, &tried, &f), -1);
	assert_int_equal(tried.opener->line, 7);
	assert_non_null(strstr(f.text, "x%elsewhere.invalid@outer.example"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_configuration_lets_strangers_through_to_others_rfc5321_7_9),
		cmocka_unit_test(who_may_send_to_the_world_is_not_mistaken_for_a_stranger),
		cmocka_unit_test(nobodys_address_is_read_as_another),
		cmocka_unit_test(the_directive_that_opens_it_is_named),
		cmocka_unit_test(each_way_through_a_server_would_be_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
