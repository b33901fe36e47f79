#include "base/memory.h"
#include "cli/cli.h"
#include "cli/edit.h"
#include "cli/json.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 1024 * 1024 * 1024, OPERANDS_MAX = TARGETS_MAX + 1 };

/* A target of ours has to be there; any other address will do.  *out is what is kept of it. */
static bool
take_target(const struct edit *e, const char *text, struct bytes alias, struct bytes *out)
{
	struct targets *targets;
	struct address folded;
	bool is_good = false;

	if (!address_fold(bytes_text(text), &folded) || folded.local_len == 0 || folded.local_len == folded.len) {
		(void)cli_failed("\"%s\" is no address", text);
		return false;
	}
	*out = bytes_text(text);
	if (!accounts_has_domain(e->accounts, address_domain(&folded))) {
		is_good = address_is_sound(*out);
		if (!is_good)
			(void)cli_failed("\"%s\" is no address that another server would take: quotes are missing, or a dot is too many", text);
		return is_good;
	}
	if (!arena_copy(e->arena, address_bytes(&folded), out))
		return false;
	targets = memory_new(sizeof *targets);
	if (bytes_equal(*out, alias))
		is_good = edit_find_user(e, alias) || accounts_send_on(e->accounts, alias);
	else
		is_good = accounts_resolve(e->accounts, *out, targets) != IPC_ABSENT;
	memory_free(targets);
	if (!is_good)
		(void)edit_say_absent(e, "account or alias", *out);
	return is_good;
}

/* What LDAP says of the address does not count any more when it is an alias here. */
static const struct alias_record *
find_own(const struct edit *e, struct bytes address)
{
	const struct alias_record *had = edit_find_alias(e, address);

	return had && had->entry.len == 0 ? had : NULL;
}

/* Would the alias, with what it has and what comes, lead somewhere and not to itself? */
static int
check_result(struct edit *e, const struct alias_record *added)
{
	const struct alias_record *had = find_own(e, added->address);
	size_t had_count = had ? had->target_count : 0;
	struct bytes *all = memory_new_array(had_count + added->target_count, sizeof *all);
	struct alias_record whole = { added->address, all, had_count + added->target_count, ALIAS_MADE, BYTES_NONE };
	struct targets *targets = memory_new(sizeof *targets);
	enum ipc_outcome outcome;

	for (size_t i = 0; i < had_count; i++)
		all[i] = had->targets[i];
	for (size_t i = 0; i < added->target_count; i++)
		all[had_count + i] = added->targets[i];
	accounts_put_alias(e->accounts, &whole);
	if (bytes_find_char(added->address, '@') == 0)
		outcome = IPC_OK;
	else
		outcome = accounts_resolve(e->accounts, added->address, targets);
	memory_free(targets);
	memory_free(all);
	if (outcome == IPC_OK)
		return CLI_GOOD;
	return cli_failed("%.*s would lead to itself, or to more than %d addresses; nothing is changed",
		BYTES_ARG(added->address), TARGETS_MAX);
}

static void
warn_of_account(const struct edit *e, const struct alias_record *added)
{
	const struct alias_record *had = find_own(e, added->address);

	if (!edit_find_user(e, added->address))
		return;
	for (size_t i = 0; i < added->target_count; i++)
		if (bytes_equal(added->targets[i], added->address))
			return;
	for (size_t i = 0; had && i < had->target_count; i++)
		if (bytes_equal(had->targets[i], added->address))
			return;
	fprintf(stderr,
		"The account %.*s gets no mail itself now; `mermoz alias add %.*s %.*s` gives it a copy.\n",
		BYTES_ARG(added->address), BYTES_ARG(added->address), BYTES_ARG(added->address));
}

static int
add(struct edit *e, int count, char **operands)
{
	struct bytes targets[OPERANDS_MAX];
	struct address address;
	struct alias_record record = { .targets = targets, .target_count = (size_t)count - 1 };
	enum embedded_result result;
	struct fault f;

	if (!edit_take_address(e, operands[0], true, &address))
		return CLI_FAILED;
	record.address = address_bytes(&address);
	for (int i = 1; i < count; i++)
		if (!take_target(e, operands[i], record.address, &targets[i - 1]))
			return CLI_FAILED;
	if (check_result(e, &record) != CLI_GOOD)
		return CLI_FAILED;
	result = embedded_add_alias(e->source, &record, &f);
	if (result == EMBEDDED_EXISTS)
		return cli_failed("%s has one of these targets already; nothing is changed", operands[0]);
	if (result == EMBEDDED_DONE)
		warn_of_account(e, &record);
	return edit_finish(e, result, &f);
}

/* As the source wrote it: targets elsewhere keep their case. */
static bool
find_target(const struct alias_record *alias, const char *text, struct bytes *out)
{
	for (size_t i = 0; i < alias->target_count; i++)
		if (address_equal(alias->targets[i], bytes_text(text))) {
			*out = alias->targets[i];
			return true;
		}
	return false;
}

static const struct alias_record *
take_alias(const struct edit *e, const char *text)
{
	const struct alias_record *alias = edit_find_alias(e, bytes_text(text));

	if (!alias)
		(void)edit_say_absent(e, "alias", bytes_text(text));
	return alias;
}

static int
remove_alias(struct edit *e, int count, char **operands)
{
	struct bytes targets[OPERANDS_MAX];
	const struct alias_record *alias = take_alias(e, operands[0]);
	struct alias_record record = { .targets = targets, .target_count = (size_t)count - 1 };
	struct fault f;

	if (!alias)
		return CLI_FAILED;
	if (alias->entry.len)
		return edit_say_elsewhere(alias->address, alias->entry);
	record.address = alias->address;
	for (int i = 1; i < count; i++)
		if (!find_target(alias, operands[i], &targets[i - 1]))
			return cli_failed("%s is no target of %s; nothing is changed", operands[i], operands[0]);
	return edit_finish(e, embedded_remove_alias(e->source, &record, &f), &f);
}

static void
put_alias(const struct edit *e, const struct alias_record *alias, struct buf *out)
{
	if (e->is_json) {
		put_text(out, "{\"address\":");
		json_put_text(out, alias->address);
		put_text(out, ",\"targets\":[");
	} else {
		put_bytes(out, alias->address);
	}
	for (size_t i = 0; i < alias->target_count; i++) {
		if (e->is_json) {
			put_text(out, i ? "," : "");
			json_put_text(out, alias->targets[i]);
		} else {
			put_format(out, " %.*s", BYTES_ARG(alias->targets[i]));
		}
	}
	if (!e->is_json) {
		put_text(out, alias->entry.len ? " (LDAP)\n" : "\n");
		return;
	}
	put_char(out, ']');
	if (alias->entry.len)
		edit_put_entry(e, alias->entry, out);
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
	for (size_t i = 0; i < e->alias_count; i++) {
		if (e->is_json)
			put_text(&out, i ? ",\n  " : "\n  ");
		put_alias(e, &e->aliases[i], &out);
	}
	put_text(&out, e->is_json ? "\n]\n" : "");
	result = cli_print(&out);
	return result == CLI_GOOD ? edit_say_missing(e) : result;
}

static int
show(struct edit *e, int count, char **operands)
{
	const struct alias_record *alias = take_alias(e, operands[0]);
	struct buf out;

	(void)count;
	if (!alias)
		return CLI_FAILED;
	buf_init(&out, LIST_MAX);
	put_alias(e, alias, &out);
	put_text(&out, e->is_json ? "\n" : "");
	if (alias->entry.len)
		edit_say_behind(e);
	return cli_print(&out);
}

static const struct edit_verb verbs[] = {
	{ "add", 2, OPERANDS_MAX, "ADDRESS TARGET ...", add, true },
	{ "remove", 1, OPERANDS_MAX, "ADDRESS [TARGET ...]", remove_alias, true },
	{ "list", 0, 0, "", list, false },
	{ "show", 1, 1, "ADDRESS", show, false },
	{ 0 },
};

static int
run(int argc, char **argv)
{
	return edit_run(argc, argv, verbs);
}

const struct cli_command cli_alias = {
	.name = "alias",
	.summary = "add, remove, list and show addresses that lead to others",
	.usage = "alias add ADDRESS TARGET ... [-c FILE]\n"
		 "       mermoz alias remove ADDRESS [TARGET ...] [-c FILE]\n"
		 "       mermoz alias show ADDRESS [--json] [-c FILE]\n"
		 "       mermoz alias list [--json] [-c FILE]\n"
		 "\n"
		 "Mail to ADDRESS goes to each TARGET: accounts, other aliases, addresses\n"
		 "elsewhere.  Adding to an alias that is there gives it more targets;\n"
		 "removing takes some, or the whole alias.  @DOMAIN is for whatever that\n"
		 "domain has no other name for.  An account's own address may be an alias\n"
		 "too: with itself among the targets it keeps a copy.  Who gets an alias's\n"
		 "mail may send as it.  A change is in force when the command ends.\n"
		 "\n"
		 "  --json    list and show: as JSON\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "Example:\n"
		 "  mermoz alias add sales@example.org alice@example.org bob@example.org\n",
	.run = run,
};
