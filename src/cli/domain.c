#include "cli/cli.h"
#include "cli/edit.h"
#include "cli/json.h"
#include "config/name.h"

enum { LIST_MAX = 1024 * 1024 * 1024 };

static bool
is_configured(const struct edit *e, struct bytes name)
{
	for (size_t i = 0; i < e->config->domains.count; i++)
		if (domain_equal(e->config->domains.at[i], name))
			return true;
	return false;
}

/* The name as the source wrote it; empty when it is not there. */
static struct bytes
in_source(const struct edit *e, struct bytes name)
{
	for (size_t i = 0; i < e->domain_count; i++)
		if (domain_equal(e->domains[i], name))
			return e->domains[i];
	return BYTES_NONE;
}

static bool
is_of(struct bytes address, struct bytes domain)
{
	size_t at = bytes_find_last_char(address, '@');

	return domain_equal(bytes_sub(address, at + 1, address.len), domain);
}

static struct accounts_counts
count_in(const struct edit *e, struct bytes domain)
{
	struct accounts_counts counts = { .domains = 1 };

	for (size_t i = 0; i < e->user_count; i++)
		counts.accounts += is_of(e->users[i].address, domain);
	for (size_t i = 0; i < e->alias_count; i++)
		counts.aliases += is_of(e->aliases[i].address, domain);
	return counts;
}

/* The name folded; false, and it was said why, when it can't be a domain's. */
static bool
take_domain(const char *text, struct domain *out)
{
	const char *trouble = name_domain_trouble(bytes_text(text));

	if (!trouble && !domain_fold(bytes_text(text), out))
		trouble = "this is no domain";
	if (trouble)
		(void)cli_failed("\"%s\": %s", text, trouble);
	return !trouble;
}

static int
add(struct edit *e, int count, char **operands)
{
	struct domain domain;
	struct fault f;

	(void)count;
	if (!take_domain(operands[0], &domain))
		return CLI_FAILED;
	if (in_source(e, domain_bytes(&domain)).len || is_configured(e, domain_bytes(&domain)))
		return cli_failed("%s is a domain of this server already", operands[0]);
	return edit_finish(e, embedded_add_domain(e->source, domain_bytes(&domain), &f), &f);
}

static int
say_absent(const struct edit *e, struct bytes name)
{
	const char *near = edit_near_domain(e, name);

	if (near)
		return cli_failed("there is no domain %.*s; did you mean %s?", BYTES_ARG(name), near);
	return cli_failed("there is no domain %.*s", BYTES_ARG(name));
}

static int
remove_domain(struct edit *e, int count, char **operands)
{
	struct accounts_counts counts;
	struct domain domain;
	struct bytes written;
	struct fault f;

	(void)count;
	if (!take_domain(operands[0], &domain))
		return CLI_FAILED;
	written = in_source(e, domain_bytes(&domain));
	if (written.len == 0) {
		if (is_configured(e, domain_bytes(&domain)))
			return cli_failed("%s stands in %s: take it out there", operands[0], e->config_path);
		return say_absent(e, domain_bytes(&domain));
	}
	counts = count_in(e, domain_bytes(&domain));
	if (counts.accounts + counts.aliases > 0 && !is_configured(e, domain_bytes(&domain)))
		return cli_failed("%s still has %zu account%s and %zu alias%s: remove them first", operands[0],
			counts.accounts, counts.accounts == 1 ? "" : "s", counts.aliases,
			counts.aliases == 1 ? "" : "es");
	return edit_finish(e, embedded_remove_domain(e->source, written, &f), &f);
}

static void
put_domain(const struct edit *e, struct bytes name, struct buf *out)
{
	struct accounts_counts counts = count_in(e, name);
	const char *place = is_configured(e, name) ? "configuration" : "directory";

	if (!e->is_json) {
		put_format(out, "%-30.*s %-14s accounts %zu, aliases %zu\n", BYTES_ARG(name), place,
			counts.accounts, counts.aliases);
		return;
	}
	put_char(out, '{');
	json_put_name(out, "domain");
	json_put_text(out, name);
	put_char(out, ',');
	json_put_name(out, "from");
	json_put_text(out, bytes_text(place));
	put_format(out, ",\"accounts\":%zu,\"aliases\":%zu}", counts.accounts, counts.aliases);
}

static void
put_separator(const struct edit *e, bool *is_first, struct buf *out)
{
	if (e->is_json)
		put_text(out, *is_first ? "\n  " : ",\n  ");
	*is_first = false;
}

static int
list(struct edit *e, int count, char **operands)
{
	bool is_first = true;
	struct buf out;

	(void)count, (void)operands;
	buf_init(&out, LIST_MAX);
	put_text(&out, e->is_json ? "[" : "");
	for (size_t i = 0; i < e->config->domains.count; i++) {
		put_separator(e, &is_first, &out);
		put_domain(e, e->config->domains.at[i], &out);
	}
	for (size_t i = 0; i < e->domain_count; i++) {
		if (is_configured(e, e->domains[i]))
			continue;
		put_separator(e, &is_first, &out);
		put_domain(e, e->domains[i], &out);
	}
	put_text(&out, e->is_json ? "\n]\n" : "");
	return cli_print(&out);
}

static int
show(struct edit *e, int count, char **operands)
{
	struct domain domain;
	struct buf out;

	(void)count;
	if (!take_domain(operands[0], &domain))
		return CLI_FAILED;
	if (!in_source(e, domain_bytes(&domain)).len && !is_configured(e, domain_bytes(&domain)))
		return say_absent(e, domain_bytes(&domain));
	buf_init(&out, LIST_MAX);
	put_domain(e, domain_bytes(&domain), &out);
	put_text(&out, e->is_json ? "\n" : "");
	return cli_print(&out);
}

static const struct edit_verb verbs[] = {
	{ "add", 1, 1, "DOMAIN", add, true },
	{ "remove", 1, 1, "DOMAIN", remove_domain, true },
	{ "list", 0, 0, "", list, false },
	{ "show", 1, 1, "DOMAIN", show, false },
	{ 0 },
};

static int
run(int argc, char **argv)
{
	return edit_run(argc, argv, verbs);
}

const struct cli_command cli_domain = {
	.name = "domain",
	.summary = "add, remove, list and show the domains whose mail is kept here",
	.usage = "domain add|remove|show DOMAIN [--json] [-c FILE]\n"
		 "       mermoz domain list [--json] [-c FILE]\n"
		 "\n"
		 "A domain is this server's when it stands in the configuration or was\n"
		 "added here.  A change is in force when the command ends.\n"
		 "\n"
		 "  --json    list and show: as JSON\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "Example: mermoz domain add example.org\n",
	.run = run,
};
