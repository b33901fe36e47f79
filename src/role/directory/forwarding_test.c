#include "role/directory/forwarding.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define DAY INT64_C(86400)
#define NOW (20000 * DAY)

static const char configuration[] =
	"hostname mail.ours.example; domain ours.example other.example; mailboxes maildir /m/%d/%u;\n"
	"srs file:/key \"\" \"a key of sixteen octets or more\";\n";

struct world {
	struct config *config;
	struct accounts *a;
	char text[400];
	enum ipc_target kind;
	bool is_known; /* one of us sends */
};

static void
put_alias(struct accounts *a, const char *address)
{
	struct bytes target = BYTES("someone@elsewhere.example");

	accounts_put_alias(a, &(struct alias_record){ bytes_text(address), &target, 1, ALIAS_MADE, BYTES_NONE });
}

static int
set_up_with(struct world *w, const char *text)
{
	static const struct accounts_handlers handlers = { NULL };
	struct fault f;

	assert_int_equal(config_read_slice(bytes_text(text), &w->config, &f), 0);
	w->a = accounts_new(w->config, &handlers, w);
	accounts_begin(w->a);
	put_alias(w->a, "list@ours.example");
	put_alias(w->a, "owner-list@ours.example");
	put_alias(w->a, "list+own@ours.example");
	put_alias(w->a, "abroad@ours.example");
	accounts_end(w->a);
	return 0;
}

static int
set_up(void **state)
{
	*state = NEW(struct world);
	return set_up_with(*state, configuration);
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

static const char *
name_of(struct world *w, const char *address, const char *sender)
{
	struct buf out;

	buf_init_fixed(&out, w->text, sizeof w->text - 1);
	w->kind = forwarding_put_sender(w->config, w->a, bytes_text(address), bytes_text(sender), w->is_known, NOW, &out);
	w->text[out.len] = '\0';
	assert_int_equal(w->kind == TARGET_FOREIGN, out.len == 0);
	return w->text;
}

static enum ipc_outcome
find(struct world *w, const char *address, int64_t now_s, char text[400])
{
	struct buf out;
	enum ipc_outcome outcome;

	buf_init_fixed(&out, text, 399);
	outcome = forwarding_find_sender(w->config, bytes_text(address), now_s, &out);
	text[out.len] = '\0';
	return outcome;
}

static void
only_senders_of_others_are_rewritten(void **state)
{
	struct world *w = *state;

	assert_non_null(strstr(name_of(w, "abroad@ours.example", "a@b.example"), "=b.example=a@ours.example"));
	assert_int_equal(w->kind, TARGET_FORWARDED);
	assert_string_equal(name_of(w, "abroad@ours.example", ""), "");
	assert_non_null(strstr(name_of(w, "abroad@ours.example", "alice@Ours.example"), "=alice@ours.example"));
	w->is_known = true;
	assert_string_equal(name_of(w, "abroad@ours.example", "alice@Ours.example"), "");
	assert_string_equal(name_of(w, "abroad@ours.example", "alice@other.example"), "");
	assert_string_equal(name_of(w, "abroad@ours.example", "\"a b\"@b.example"), "");
}

static void
a_list_with_an_owner_sends_in_his_name(void **state)
{
	struct world *w = *state;

	assert_string_equal(name_of(w, "List@ours.example", "a@b.example"), "owner-list@ours.example");
	assert_int_equal(w->kind, TARGET_LISTED);
	assert_string_equal(name_of(w, "list+x+y@ours.example", "a@b.example"), "owner-list@ours.example");
	assert_string_not_equal(name_of(w, "list+own@ours.example", "a@b.example"), "owner-list@ours.example");
	assert_string_equal(name_of(w, "list@ours.example", "alice@ours.example"), "owner-list@ours.example");
	assert_string_equal(name_of(w, "list@ours.example", ""), "");
	assert_string_not_equal(name_of(w, "owner-list@ours.example", "a@b.example"), "owner-list@ours.example");
}

static void
a_report_finds_its_way_for_21_days_and_nothing_else_does(void **state)
{
	struct world *w = *state;
	char made[400], text[400];

	memcpy(made, name_of(w, "abroad@ours.example", "a@b.example"), sizeof made);
	assert_int_equal(find(w, made, NOW + 21 * DAY, text), IPC_OK);
	assert_string_equal(text, "a@b.example");
	assert_int_equal(find(w, made, NOW + 22 * DAY, text), IPC_ABSENT);
	assert_string_equal(text, "");
	assert_int_equal(find(w, "SRS0=AAAAAA=AA=b.example=a@ours.example", NOW, text), IPC_ABSENT);
	assert_int_equal(find(w, "alice@ours.example", NOW, text), IPC_FOREIGN);
	assert_int_equal(find(w, "SRS0=AAAAAA=AA=b.example=a@other.example", NOW, text), IPC_FOREIGN);
	assert_int_equal(find(w, "SRS0=AAAAAA=AA=b.example=a@elsewhere.example", NOW, text), IPC_FOREIGN);
}

static void
without_a_key_senders_stay_who_they_are(void **state)
{
	struct world *w = NEW(struct world);
	char text[400];

	(void)state;
	set_up_with(w, "hostname mail.ours.example; domain ours.example; mailboxes maildir /m/%d/%u;");
	assert_string_equal(name_of(w, "abroad@ours.example", "a@b.example"), "");
	assert_string_equal(name_of(w, "list@ours.example", "a@b.example"), "owner-list@ours.example");
	assert_int_equal(find(w, "SRS0=AAAAAA=AA=b.example=a@ours.example", NOW, text), IPC_FOREIGN);
	accounts_free(&w->a);
	config_free(&w->config);
	memory_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_senders_of_others_are_rewritten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_with_an_owner_sends_in_his_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_report_finds_its_way_for_21_days_and_nothing_else_does, set_up, tear_down),
		cmocka_unit_test(without_a_key_senders_stay_who_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
