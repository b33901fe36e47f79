#include "config/config.h"

#include "config/test_directory.h"
#include "config/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALLEST "hostname mail.a.org; domain a.org; listen smtp *; mailboxes maildir /m/%d/%u;\n"

static struct config_errors errors;

static void
remove_files(void)
{
	static const char *const names[] = { "/secret", "/more.conf", "/m.conf", "" };
	char path[128];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(path, sizeof path, "%s%s", dir, names[i]);
		assert_int_equal(remove(path), 0);
	}
}

static void
routes_rules_and_log_ins_know_where_they_stand(void **state)
{
	struct config *c = NULL, *slice = NULL;
	char path[128], more[1024];
	struct buf text;
	struct fault f;

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-where-XXXXXX");
	assert_non_null(mkdtemp(dir));
	write_file("secret", "x\n");
	write_file("more.conf", "\n  route b.org to mx.b.org;\n");
	(void)snprintf(path, sizeof path, "%s/m.conf", dir);
	(void)snprintf(more, sizeof more, "%sroute a.example to mx.a.example;\noutgoing_tls x.org verify;\n include %s/more.conf;\n"
		"  outgoing_login mx.a.example me file:%s/secret;\n", SMALLEST, dir, dir);
	write_file("m.conf", more);
	assert_int_equal(config_load(path, &c, &errors), 0);
	assert_int_equal(c->route_count, 2);
	assert_true(bytes_equal(c->routes[0].where.file, bytes_text(path)));
	assert_int_equal(c->routes[0].where.line, 2);
	assert_int_equal(c->routes[1].where.line, 2);
	assert_int_equal(c->routes[1].where.column, 3);
	assert_true(bytes_ends_nocase(c->routes[1].where.file, BYTES("/more.conf")));
	assert_int_equal(c->tls_rules[0].where.line, 3);
	assert_int_equal(c->logins[0].where.line, 5);
	assert_true(bytes_equal(c->logins[0].where.file, bytes_text(path)));
	buf_init(&text, CONFIG_FILE_MAX);
	config_put_slice(c, ROLE_QUEUE, &text);
	assert_int_equal(config_read_slice(buf_bytes(&text), &slice, &f), 0);
	assert_int_equal(slice->routes[1].where.line, 0);
	buf_done(&text);
	config_free(&slice);
	config_free(&c);
	remove_files();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(routes_rules_and_log_ins_know_where_they_stand) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
