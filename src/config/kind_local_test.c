#include "config/apply.h"
#include "config/test_support.h"

#include <string.h>

#define PASSWD "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:\n+nis::\nbad line\na b:x:5:5::/:\nalice:x:1000:1000::/home/alice:/bin/sh\n" \
	"big:x:99999999999:1::/:\nlist.own:x:38:38::/:\n.dot:x:39:39::/:"

static struct config_errors errors;

static struct config *
read_slice(const char *text)
{
	struct config *c = NULL;
	struct fault f;

	if (config_read_slice(bytes_text(text), &c, &f) != 0)
		fail_msg("%s: %s", text, f.text);
	return c;
}

static void
users_of_passwd_are_known_by_number_and_what_is_no_local_part_is_left_out(void **state)
{
	struct config *c = read_slice("hostname x.test;");
	struct config_reading r = { .config = c, .errors = &errors };
	struct bytes trusted[] = { BYTES("www-data"), BYTES("nobody") };

	(void)state;
	errors.count = 0;
	r.trusted_user_at = (struct config_place[]){ { "m.conf", 6, 1 }, { "m.conf", 7, 1 } };
	c->trusted_users = (struct config_texts){ trusted, 2 };
	config_take_local_users(&r, BYTES(PASSWD));
	assert_int_equal(c->local_user_count, 4);
	assert_true(config_find_local_user(c, 0)->is_trusted);
	assert_true(config_find_local_user(c, 33)->is_trusted);
	assert_false(config_find_local_user(c, 1000)->is_trusted);
	assert_true(bytes_equal(config_find_local_user(c, 38)->name, BYTES("list.own")));
	assert_null(config_find_local_user(c, 5));
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.at[0].line, 7);
	assert_non_null(strstr(errors.at[0].text, "trusted_users nobody: there is no such user"));
	config_free(&c);
}

static void
a_slice_has_all_users_and_says_whom_to_trust(void **state)
{
	struct config *c = read_slice("trusted_users root:0:trusted alice:1000;\ntrusted_users list.own:38;"), *again;
	struct buf slice;
	struct fault f;

	(void)state;
	assert_int_equal(c->local_user_count, 3);
	assert_true(config_find_local_user(c, 0)->is_trusted);
	assert_false(config_find_local_user(c, 1000)->is_trusted);
	buf_init(&slice, CONFIG_FILE_MAX);
	config_put_slice(c, ROLE_FRONT, &slice);
	again = read_slice((put_char(&slice, '\0'), (const char *)slice.ptr));
	assert_int_equal(again->local_user_count, 3);
	assert_true(bytes_equal(config_find_local_user(again, 38)->name, BYTES("list.own")));
	buf_done(&slice);
	config_free(&again);
	config_free(&c);
	assert_int_equal(config_read_slice(BYTES("trusted_users alice;"), &c, &f), -1);
	assert_int_equal(config_read_slice(BYTES("trusted_users alice:1:yes;"), &c, &f), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_of_passwd_are_known_by_number_and_what_is_no_local_part_is_left_out),
		cmocka_unit_test(a_slice_has_all_users_and_says_whom_to_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
