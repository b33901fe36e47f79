#include "config/config.h"

#include "config/test_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory of its own for each test, with main.conf, aliases, list, other. */
static char dir[64];
static const char *const names[] = { "main.conf", "aliases", "list", "other" };
static struct config_errors errors;

static void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	for (const char *at; (at = strstr(text, "DIR")); text = at + 3) {
		(void)fwrite(text, 1, (size_t)(at - text), f);
		(void)fputs(dir, f);
	}
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-aliases-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[128];

		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

#define CONF "hostname mail.a.org; domain a.org b.org; listen smtp *; mailboxes maildir /m/%d/%u;\naliases DIR/aliases;\n"

static struct config *
load_with(const char *conf, const char *aliases)
{
	char path[128];
	struct config *c = NULL;

	write_file("main.conf", conf);
	write_file("aliases", aliases);
	(void)snprintf(path, sizeof path, "%s/main.conf", dir);
	if (config_load(path, &c, &errors) != 0)
		assert_null(c);
	return c;
}

static struct config *
load(const char *aliases)
{
	return load_with(CONF, aliases);
}

static void
names_get_their_domain_and_lists_their_addresses(void **state)
{
	struct config *c;

	(void)state;
	write_file("list", "# who is on it\nbob\n:include:DIR/other\ncarol@elsewhere.net\n");
	write_file("other", "dan, eve@b.org\n");
	c = load("postmaster: root\nroot: \\root, alice\nlist: :include:DIR/list\n@b.org: alice\ninfo@b.org: alice@b.org\n"
		"owner-list: alice\n\"john smith\": alice\n");
	assert_non_null(c);
	assert_true(bytes_equal(c->aliases[0].text, BYTES("\"postmaster@a.org\": \"root@a.org\"\n\"root@a.org\": \"root@a.org\", \"alice@a.org\"\n"
		"\"list@a.org\": \"bob@a.org\", \"dan@a.org\", \"eve@b.org\", \"carol@elsewhere.net\"\n\"@b.org\": \"alice@a.org\"\n"
		"\"info@b.org\": \"alice@b.org\"\n\"owner-list@a.org\": \"alice@a.org\"\n\"john smith@a.org\": \"alice@a.org\"\n")));
	assert_int_equal(errors.warning_count, 0);
	config_free(&c);
}

static void
a_slice_holds_what_stands_in_the_file(void **state)
{
	struct config *c = load("root: alice\n"), *slice;
	struct buf text;
	struct fault f;

	(void)state;
	assert_non_null(c);
	buf_init(&text, 1 << 20);
	config_put_slice(c, ROLE_DIRECTORY, &text);
	assert_int_equal(config_read_slice(buf_bytes(&text), &slice, &f), 0);
	assert_int_equal(slice->aliases_count, 1);
	assert_true(bytes_equal(slice->aliases[0].text, BYTES("\"root@a.org\": \"alice@a.org\"\n")));
	config_free(&slice);
	buf_reset(&text);
	config_put_slice(c, ROLE_FRONT, &text);
	assert_true(bytes_find(buf_bytes(&text), BYTES("alice")) == text.len);
	buf_reset(&text);
	config_put_text(c, false, &text);
	assert_true(bytes_find(buf_bytes(&text), BYTES("alice")) == text.len);
	buf_done(&text);
	config_free(&c);
}

static void
expect(const char *aliases, const char *file, uint32_t line, uint32_t column, const char *sentence)
{
	assert_null(load(aliases));
	for (size_t i = 0; i < errors.count; i++)
		if (strcmp(strrchr(errors.at[i].file, '/') + 1, file) == 0 && errors.at[i].line == line && errors.at[i].column == column
			&& strstr(errors.at[i].text, sentence))
			return;
	fail_msg("%s: %s:%u:%u %s", aliases, errors.at[0].file, errors.at[0].line, errors.at[0].column, errors.at[0].text);
}

static void
what_can_not_be_served_is_an_error_with_its_place(void **state)
{
	(void)state;
	expect("a: |/usr/bin/vacation", "aliases", 1, 4, "mail is not handed to programs");
	expect("x: y\na: \"|/usr/bin/vacation a\"", "aliases", 2, 4, "mail is not handed to programs");
	expect("a: b, /var/mail/b", "aliases", 1, 7, "mail is not written to files");
	expect("a: /dev/null", "aliases", 1, 4, "mail is not taken to be thrown away");
	expect("a: :include:list", "aliases", 1, 4, "the full path of a file");
	expect("a: :fail:", "aliases", 1, 4, "there is only :include:");
	expect("a: \\b", "aliases", 1, 4, "an alias's own name alone");
	expect("a: b@", "aliases", 1, 4, "b@: ");
	expect("a: b c", "aliases", 1, 6, "a comma is missing");
	expect("a@: b", "aliases", 1, 1, "a@: ");
	expect("a: b\n\nA@A.org: c", "aliases", 3, 1, "there is an alias of that name already, at ");
	expect("a: :include:DIR/list", "aliases", 1, 4, "can't read");
	expect("a: :include:DIR", "aliases", 1, 4, "is no file");
	expect("a: :include:/dev/zero", "aliases", 1, 4, "is no file");
	assert_null(load("a: |b\nb: |c\nc d\n"));
	assert_int_equal(errors.count, 3);
}

static void
what_is_wrong_in_a_list_has_the_place_in_the_list(void **state)
{
	(void)state;
	write_file("list", "bob\n  |prog\n");
	expect("a: :include:DIR/list", "list", 2, 3, "mail is not handed to programs");
	write_file("list", ":include:DIR/other\n");
	write_file("other", "x,\n:include:DIR/list\n");
	expect("a: :include:DIR/list", "other", 2, 1, "includes itself");
	write_file("list", ":include:DIR/aliases\n");
	expect("a: :include:DIR/list", "list", 1, 1, "includes itself");
}

static void
a_file_of_aliases_that_changed_is_read_when_its_writer_is_done_unless_directives_changed(void **state)
{
	struct config_look look = { 0 };
	const struct config_seen *changed;
	struct config *c;

	(void)state;
	write_file("list", "bob\n");
	c = load("a: :include:DIR/list\n");
	assert_non_null(c);
	assert_null(config_look_at_aliases(c, &look));
	assert_null(config_look_at_aliases(c, &look));
	write_file("list", "bob, ca");
	assert_null(config_look_at_aliases(c, &look));
	write_file("list", "bob, carol\n");
	assert_null(config_look_at_aliases(c, &look));
	changed = config_look_at_aliases(c, &look);
	assert_non_null(changed);
	assert_true(bytes_ends_nocase(changed->path, BYTES("/list")));
	/* It was not put in force, and is as it was: once is enough. */
	assert_null(config_look_at_aliases(c, &look));
	write_file("aliases", "a: :include:DIR/list\nb: c\n");
	assert_null(config_look_at_aliases(c, &look));
	assert_non_null(config_look_at_aliases(c, &look));
	write_file("main.conf", "half of it");
	assert_null(config_look_at_aliases(c, &look));
	assert_null(config_look_at_aliases(c, &look));
	config_free(&c);
}

/* Ten times 1.6 MiB and more. */
static void
more_than_a_role_can_be_handed_is_refused_when_it_is_read(void **state)
{
	char label[61] = "", line[320];
	struct buf list;

	(void)state;
	memset(label, 'x', sizeof label - 1);
	buf_init(&list, 2 << 20);
	for (int i = 0; i < 6500; i++) {
		(void)snprintf(line, sizeof line, "a%d: %s@%s.%s.%s.org\n", i, label, label, label, label);
		put_text(&list, line);
	}
	put_char(&list, '\0');
	write_file("list", (const char *)list.ptr);
	buf_done(&list);
	assert_null(load_with(CONF "domain d0.org d1.org d2.org d3.org d4.org d5.org d6.org d7.org d8.org d9.org;\n"
		"aliases DIR/list d0.org; aliases DIR/list d1.org; aliases DIR/list d2.org; aliases DIR/list d3.org; aliases DIR/list d4.org;\n"
		"aliases DIR/list d5.org; aliases DIR/list d6.org; aliases DIR/list d7.org; aliases DIR/list d8.org; aliases DIR/list d9.org;\n",
		"a: b\n"));
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.at[0].text, "directory can't be handed what it has to know"));
}

static void
a_list_that_nobody_is_on_is_no_alias(void **state)
{
	struct config *c;

	(void)state;
	write_file("list", "# nobody yet\n");
	c = load("a: :include:DIR/list\nb: c\n");
	assert_non_null(c);
	assert_true(bytes_equal(c->aliases[0].text, BYTES("\"b@a.org\": \"c@a.org\"\n")));
	config_free(&c);
}

static void
a_file_that_others_can_write_is_warned_of(void **state)
{
	char path[128];
	struct config *c;

	(void)state;
	write_file("list", "bob\n");
	(void)snprintf(path, sizeof path, "%s/list", dir);
	assert_int_equal(chmod(path, 0664), 0);
	c = load("a: :include:DIR/list\n");
	assert_non_null(c);
	assert_int_equal(errors.warning_count, 1);
	assert_non_null(strstr(errors.warnings[0].text, "chmod go-w"));
	config_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_get_their_domain_and_lists_their_addresses),
		TEST(a_slice_holds_what_stands_in_the_file),
		TEST(what_can_not_be_served_is_an_error_with_its_place),
		TEST(what_is_wrong_in_a_list_has_the_place_in_the_list),
		TEST(a_file_of_aliases_that_changed_is_read_when_its_writer_is_done_unless_directives_changed),
		TEST(more_than_a_role_can_be_handed_is_refused_when_it_is_read),
		TEST(a_list_that_nobody_is_on_is_no_alias),
		TEST(a_file_that_others_can_write_is_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
