#include "base/memory.h"
#include "cli/cli.h"
#include "cli/edit.h"
#include "cli/json.h"
#include "role/directory/password.h"
#include "role/directory/quota.h"
#include "role/directory/template.h"
#include "sys/terminal.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 1024 * 1024 * 1024 };

/* Options of `user add` alone, taken out of argv before the rest. */
static struct {
	const char *name;
	struct record_attribute attributes[RECORD_ATTRIBUTES_MAX];
	size_t attribute_count;
} added;

/* ---- passwords */

static int
ask_twice(uint8_t *space, size_t size, struct buf *secret)
{
	uint8_t again_space[PASSWORD_OCTETS_MAX + 2];
	struct buf again;
	struct fault f;
	int result = CLI_GOOD;

	buf_init_fixed(secret, space, size);
	buf_init_fixed(&again, again_space, sizeof again_space);
	if (terminal_read_secret("Password: ", secret, &f) != 0)
		return cli_failed("no password: %s", f.text);
	if (terminal_is_input() && terminal_read_secret("Once more: ", &again, &f) != 0)
		result = cli_failed("no password: %s", f.text);
	else if (terminal_is_input() && !bytes_equal(buf_bytes(secret), buf_bytes(&again)))
		result = cli_failed("these are two different passwords; nothing is changed");
	memory_wipe(again_space, sizeof again_space);
	return result;
}

/* The hash of a password from the terminal or standard input; the exit code. */
static int
read_password(char encoded[PASSWORD_ENCODED_MAX])
{
	uint8_t space[PASSWORD_OCTETS_MAX + 2];
	struct buf secret;
	struct fault f;
	int result = ask_twice(space, sizeof space, &secret);

	if (result == CLI_GOOD && password_hash(buf_bytes(&secret), encoded, &f) != 0)
		result = cli_failed("%s; nothing is changed", f.text);
	memory_wipe(space, sizeof space);
	return result;
}

static int
take_attribute(const char *command, const char *text)
{
	struct bytes value = bytes_text(text), name = take_until(&value, '=');

	if (name.len == 0 || name.len == strlen(text))
		return cli_misused(command, "an attribute is NAME=VALUE, not \"%s\"", text);
	if (added.attribute_count == RECORD_ATTRIBUTES_MAX)
		return cli_misused(command, "there are more than %d attributes", RECORD_ATTRIBUTES_MAX);
	added.attributes[added.attribute_count++] = (struct record_attribute){ name, value };
	return CLI_GOOD;
}

/* ---- verbs that change */

static int
check_attributes(const struct edit *e, const struct address *address, const struct record_attribute *attributes, size_t count)
{
	struct quota quota;
	uint8_t space[ACCOUNT_PATH_MAX];
	struct buf path;
	struct fault f;

	for (size_t i = 0; i < count; i++)
		if (bytes_equal_nocase(attributes[i].name, BYTES(RECORD_QUOTA)) && !quota_parse(attributes[i].value, &quota))
			return cli_failed("a quota is octets, 100M, 1G, or 1000000000S,10000C; not \"%.*s\"", BYTES_ARG(attributes[i].value));
	buf_init_fixed(&path, space, sizeof space);
	if (template_put_path(&path, &(struct template){ e->config->maildir_template, e->config->homes }, address, attributes, count, &f) == 0)
		return CLI_GOOD;
	return cli_failed("%.*s gets no mailbox at %.*s: %s", BYTES_ARG(address_bytes(address)),
		BYTES_ARG(e->config->maildir_template), f.text);
}

static int
add(struct edit *e, int count, char **operands)
{
	char encoded[PASSWORD_ENCODED_MAX];
	const struct user_record *had;
	struct address address;
	struct fault f;
	int result;

	(void)count;
	if (!edit_take_address(e, operands[0], false, &address))
		return CLI_FAILED;
	had = edit_find_user(e, address_bytes(&address));
	if (had && had->entry.len)
		return edit_say_elsewhere(had->address, had->entry);
	if (had)
		return cli_failed("there is an account %s already; `mermoz user password %s` changes its password",
			operands[0], operands[0]);
	if (edit_find_alias(e, address_bytes(&address)))
		return cli_failed("%s is an alias; `mermoz alias remove %s` makes the address free", operands[0],
			operands[0]);
	result = check_attributes(e, &address, added.attributes, added.attribute_count);
	if (result == CLI_GOOD)
		result = read_password(encoded);
	if (result != CLI_GOOD)
		return result;
	struct user_record record = {
		.address = address_bytes(&address),
		.name = bytes_text(added.name),
		.secret_password = bytes_text(encoded),
		.is_enabled = true,
		.attributes = added.attributes,
		.attribute_count = added.attribute_count,
	};
	return edit_finish(e, embedded_add_user(e->source, &record, &f), &f);
}

/* The account that is meant; NULL, and it was said why, when there is none. */
static const struct user_record *
take_user(const struct edit *e, const char *text)
{
	const struct user_record *user = edit_find_user(e, bytes_text(text));

	if (!user)
		(void)edit_say_absent(e, "account", bytes_text(text));
	return user;
}

/* The same, when it may be changed here. */
static const struct user_record *
take_own_user(const struct edit *e, const char *text)
{
	const struct user_record *user = take_user(e, text);

	if (!user || user->entry.len == 0)
		return user;
	(void)edit_say_elsewhere(user->address, user->entry);
	return NULL;
}

static int
remove_user(struct edit *e, int count, char **operands)
{
	const struct user_record *user = take_own_user(e, operands[0]);
	struct fault f;
	int result;

	(void)count;
	if (!user)
		return CLI_FAILED;
	result = edit_finish(e, embedded_remove_user(e->source, user->address, &f), &f);
	if (result != CLI_GOOD)
		return result;
	fprintf(stderr, "The mailbox of %s stays where it is.\n", operands[0]);
	for (const struct edit_aliases *a = edit_aliases_of(e, user->address); a; a = a->next)
		fprintf(stderr, "The alias %.*s still names %s.\n", BYTES_ARG(a->alias->address), operands[0]);
	return result;
}

static int
set_password(struct edit *e, int count, char **operands)
{
	char encoded[PASSWORD_ENCODED_MAX];
	const struct user_record *user = take_own_user(e, operands[0]);
	struct fault f;
	int result;

	(void)count;
	if (!user)
		return CLI_FAILED;
	result = read_password(encoded);
	if (result != CLI_GOOD)
		return result;
	return edit_finish(e,
		embedded_set_password(e->source, user->address, bytes_text(encoded), &f), &f);
}

static int
set_enabled(struct edit *e, const char *text, bool is_enabled)
{
	const struct user_record *user = take_own_user(e, text);
	struct fault f;

	if (!user)
		return CLI_FAILED;
	return edit_finish(e, embedded_set_enabled(e->source, user->address, is_enabled, &f), &f);
}

static int
enable(struct edit *e, int count, char **operands)
{
	(void)count;
	return set_enabled(e, operands[0], true);
}

static int
disable(struct edit *e, int count, char **operands)
{
	(void)count;
	return set_enabled(e, operands[0], false);
}

/* What an account has, with others in the places of those of the same name. */
struct merged {
	struct record_attribute at[RECORD_ATTRIBUTES_MAX];
	size_t count;
};

static bool
is_among(struct bytes name, const struct record_attribute *attributes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_nocase(attributes[i].name, name))
			return true;
	return false;
}

/* False: they are too many. */
static bool
merge(struct merged *m, const struct record_attribute *attributes, size_t count, const struct record_attribute *others, size_t others_count)
{
	for (size_t i = 0; i < count; i++) {
		if (attributes[i].value.len == 0 || is_among(attributes[i].name, others, others_count))
			continue;
		if (m->count == RECORD_ATTRIBUTES_MAX)
			return false;
		m->at[m->count++] = attributes[i];
	}
	return true;
}

static int
set(struct edit *e, int count, char **operands)
{
	const struct user_record *user = take_own_user(e, operands[0]);
	struct merged m = { .count = 0 };
	struct address address;
	struct fault f;
	int result = CLI_GOOD;

	if (!user || !address_fold(user->address, &address))
		return CLI_FAILED;
	added.attribute_count = 0;
	for (int i = 1; i < count && result == CLI_GOOD; i++)
		result = take_attribute("user set", operands[i]);
	if (result != CLI_GOOD)
		return result;
	if (!merge(&m, user->attributes, user->attribute_count, added.attributes, added.attribute_count)
		|| !merge(&m, added.attributes, added.attribute_count, NULL, 0))
		return cli_failed("%s would have more than %d attributes", operands[0], RECORD_ATTRIBUTES_MAX);
	result = check_attributes(e, &address, m.at, m.count);
	if (result != CLI_GOOD)
		return result;
	return edit_finish(e, embedded_set_attributes(e->source, user->address, added.attributes, added.attribute_count, &f), &f);
}

/* ---- verbs that print */

static void
put_path(const struct edit *e, const struct user_record *user, struct buf *out)
{
	uint8_t space[ACCOUNT_PATH_MAX];
	struct address address;
	struct buf path;

	buf_init_fixed(&path, space, sizeof space);
	if (address_fold(user->address, &address)
		&& template_put_path(&path, &(struct template){ e->config->maildir_template, e->config->homes }, &address, user->attributes,
			   user->attribute_count, NULL)
			== 0)
		put_bytes(out, buf_bytes(&path));
}

static void
put_json(const struct edit *e, const struct user_record *user, struct buf *out)
{
	uint8_t space[ACCOUNT_PATH_MAX];
	struct buf path;

	buf_init_fixed(&path, space, sizeof space);
	put_path(e, user, &path);
	put_text(out, "{\"address\":");
	json_put_text(out, user->address);
	put_text(out, ",\"name\":");
	json_put_text(out, user->name);
	put_format(out, ",\"enabled\":%s,\"has_password\":%s,\"mailbox\":",
		user->is_enabled ? "true" : "false", user->secret_password.len ? "true" : "false");
	json_put_text(out, buf_bytes(&path));
	put_text(out, ",\"attributes\":{");
	for (size_t i = 0; i < user->attribute_count; i++) {
		put_text(out, i ? "," : "");
		json_put_text(out, user->attributes[i].name);
		put_char(out, ':');
		json_put_text(out, user->attributes[i].value);
	}
	put_text(out, "},\"aliases\":[");
	for (const struct edit_aliases *a = edit_aliases_of(e, user->address); a; a = a->next) {
		json_put_text(out, a->alias->address);
		put_text(out, a->next ? "," : "");
	}
	put_text(out, "]");
	if (user->entry.len)
		edit_put_entry(e, user->entry, out);
	put_char(out, '}');
}

static int
list(struct edit *e, int count, char **operands)
{
	struct buf out;
	int result;

	(void)count, (void)operands;
	buf_init(&out, LIST_MAX);
	put_text(&out, e->is_json ? "[" : "");
	for (size_t i = 0; i < e->user_count; i++) {
		const struct user_record *user = &e->users[i];

		if (e->is_json) {
			put_text(&out, i ? ",\n  " : "\n  ");
			put_json(e, user, &out);
			continue;
		}
		put_bytes(&out, user->address);
		if (user->name.len)
			put_format(&out, "  %.*s", BYTES_ARG(user->name));
		put_text(&out, user->is_enabled ? "" : "  (disabled)");
		put_text(&out, user->entry.len ? "  (LDAP)\n" : "\n");
	}
	put_text(&out, e->is_json ? "\n]\n" : "");
	result = cli_print(&out);
	return result == CLI_GOOD ? edit_say_missing(e) : result;
}

static void
put_plain(const struct edit *e, const struct user_record *user, struct buf *out)
{
	put_format(out, "address    %.*s\nname       %.*s\nenabled    %s\npassword   %s\nmailbox    ",
		BYTES_ARG(user->address), BYTES_ARG(user->name), user->is_enabled ? "yes" : "no",
		user->secret_password.len ? "***" : user->entry.len ? "tried by a bind" : "none");
	put_path(e, user, out);
	put_char(out, '\n');
	for (size_t i = 0; i < user->attribute_count; i++)
		put_format(out, "attribute  %.*s=%.*s\n", BYTES_ARG(user->attributes[i].name),
			BYTES_ARG(user->attributes[i].value));
	for (const struct edit_aliases *a = edit_aliases_of(e, user->address); a; a = a->next)
		put_format(out, "alias      %.*s\n", BYTES_ARG(a->alias->address));
	if (user->entry.len)
		put_format(out, "entry      %.*s\n", BYTES_ARG(user->entry));
}

static int
show(struct edit *e, int count, char **operands)
{
	const struct user_record *user = take_user(e, operands[0]);
	struct buf out;

	(void)count;
	if (!user)
		return CLI_FAILED;
	buf_init(&out, LIST_MAX);
	if (e->is_json) {
		put_json(e, user, &out);
		put_char(&out, '\n');
	} else {
		put_plain(e, user, &out);
	}
	if (user->entry.len)
		edit_say_behind(e);
	return cli_print(&out);
}

/* ---- the command */

/* Takes --name and --attribute, which may stand several times, out of argv. */
static int
take_added(int *argc, char **argv)
{
	int kept = 1, result = CLI_GOOD;

	memset(&added, 0, sizeof added);
	for (int i = 1; i < *argc; i++) {
		bool is_name = strcmp(argv[i], "--name") == 0;

		if (strcmp(argv[i], "--") == 0 || (!is_name && strcmp(argv[i], "--attribute") != 0)) {
			argv[kept++] = argv[i];
			continue;
		}
		if (i + 1 == *argc)
			return cli_misused(argv[0], "%s needs a value behind it", argv[i]);
		if (is_name)
			added.name = argv[i + 1];
		else
			result = take_attribute(argv[0], argv[i + 1]);
		if (result != CLI_GOOD)
			return result;
		i++;
	}
	*argc = kept;
	return result;
}

static const struct edit_verb verbs[] = {
	{ "add", 1, 1, "ADDRESS", add, true },
	{ "remove", 1, 1, "ADDRESS", remove_user, true },
	{ "list", 0, 0, "", list, false },
	{ "show", 1, 1, "ADDRESS", show, false },
	{ "password", 1, 1, "ADDRESS", set_password, true },
	{ "set", 2, 1 + RECORD_ATTRIBUTES_MAX, "ADDRESS NAME=VALUE ...", set, true },
	{ "enable", 1, 1, "ADDRESS", enable, true },
	{ "disable", 1, 1, "ADDRESS", disable, true },
	{ 0 },
};

static int
run(int argc, char **argv)
{
	int result = take_added(&argc, argv);

	if (result != CLI_GOOD)
		return result;
	if ((added.name || added.attribute_count) && (argc < 2 || strcmp(argv[1], "add") != 0))
		return cli_misused(argv[0], "--name and --attribute belong to `user add`");
	return edit_run(argc, argv, verbs);
}

const struct cli_command cli_user = {
	.name = "user",
	.summary = "add, remove, list and show accounts; set passwords and quotas",
	.usage = "user add ADDRESS [--name NAME] [--attribute NAME=VALUE ...]\n"
		 "                       [-c FILE]\n"
		 "       mermoz user set ADDRESS NAME=VALUE ... [-c FILE]\n"
		 "       mermoz user password|enable|disable|remove ADDRESS [-c FILE]\n"
		 "       mermoz user show ADDRESS [--json] [-c FILE]\n"
		 "       mermoz user list [--json] [-c FILE]\n"
		 "\n"
		 "The password is asked for twice on a terminal, else it is one line of\n"
		 "standard input; it is kept as an argon2id hash.  A change is in force\n"
		 "when the command ends.  An account that is disabled can't log in or send,\n"
		 "and still gets mail.  Removing one leaves its mailbox.  Accounts of an\n"
		 "LDAP directory are listed and shown too, as the running server has them;\n"
		 "while none runs, as its copy on disk has them, with a line on stderr that\n"
		 "says so.\n"
		 "\n"
		 "  --name NAME             of the person\n"
		 "  --attribute NAME=VALUE  for %{NAME} in `mailboxes maildir`; quota is\n"
		 "                          what the mail may take, home is %h; may be\n"
		 "                          repeated.  set changes them, and without a\n"
		 "                          value takes them away\n"
		 "  --json                  list and show: as JSON; copy_age_s is how old\n"
		 "                          that copy is, 0 while a server runs\n"
		 "  -c FILE                 the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "Example: mermoz user add alice@example.org --name \"Alice Martin\"\n",
	.run = run,
};
