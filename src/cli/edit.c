#include "cli/edit.h"

#include "base/map.h"
#include "base/memory.h"
#include "cli/json.h"
#include "cli/server.h"
#include "config/name.h"
#include "config/near.h"
#include "role/directory/alias_files.h"
#include "role/directory/image.h"
#include "role/directory/ldap_link.h"
#include "role/directory/snapshot.h"
#include "sys/disk.h"
#include "sys/process.h"
#include "sys/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_OCTETS = 4096, OWNER_OCTETS = 128, SNAPSHOT_MAX = 1024 * 1024 * 1024 };

static const struct accounts_handlers no_handlers = { NULL };

/* ---- reading what there is */

static struct bytes
keep(const struct edit *e, struct bytes text)
{
	/* With a NUL behind it, for near_try. */
	uint8_t *copy = arena_take(e->arena, text.len + 1);

	if (!copy)
		return BYTES_NONE;
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return bytes_of(copy, text.len);
}

static void
on_domain(void *arg, struct bytes name)
{
	struct edit *e = arg;
	struct bytes *grown = arena_grow(e->arena, e->domains, e->domain_count, sizeof *grown);

	accounts_put_domain(e->accounts, name);
	if (!grown)
		return;
	e->domains = grown;
	e->domains[e->domain_count++] = keep(e, name);
}

static void
on_user(void *arg, const struct user_record *record)
{
	struct edit *e = arg;
	struct user_record *grown = arena_grow(e->arena, e->users, e->user_count, sizeof *grown);
	struct record_attribute *attributes =
		arena_take(e->arena, record->attribute_count * sizeof *attributes);

	accounts_put_user(e->accounts, record);
	if (!grown || !attributes)
		return;
	e->users = grown;
	for (size_t i = 0; i < record->attribute_count; i++)
		attributes[i] = (struct record_attribute){ keep(e, record->attributes[i].name),
			keep(e, record->attributes[i].value) };
	e->users[e->user_count++] = (struct user_record){
		.address = keep(e, record->address),
		.name = keep(e, record->name),
		/* Whether there is one is all that is shown. */
		.secret_password = record->secret_password.len ? BYTES("***") : BYTES_NONE,
		.is_enabled = record->is_enabled,
		.attributes = attributes,
		.attribute_count = record->attribute_count,
		.entry = keep(e, record->entry),
	};
}

static void
index_target(struct edit *e, const struct alias_record *alias, struct bytes target)
{
	struct edit_aliases *link = arena_take(e->arena, sizeof *link), *first;
	struct address folded;

	if (!link || !address_fold(target, &folded))
		return;
	*link = (struct edit_aliases){ .alias = alias, .last = link };
	first = map_get(e->aliases_of, address_bytes(&folded));
	if (!first) {
		(void)map_put(e->aliases_of, address_bytes(&folded), link);
		return;
	}
	first->last->next = link;
	first->last = link;
}

/* When all stand where they stay. */
static void
index_targets(struct edit *e)
{
	for (size_t i = 0; i < e->alias_count; i++)
		for (size_t n = 0; n < e->aliases[i].target_count; n++)
			index_target(e, &e->aliases[i], e->aliases[i].targets[n]);
}

static void
on_alias(void *arg, const struct alias_record *record)
{
	struct edit *e = arg;
	struct alias_record *grown = arena_grow(e->arena, e->aliases, e->alias_count, sizeof *grown);
	struct bytes *targets = arena_take(e->arena, record->target_count * sizeof *targets);

	accounts_put_alias(e->accounts, record);
	if (!grown || !targets)
		return;
	e->aliases = grown;
	for (size_t i = 0; i < record->target_count; i++)
		targets[i] = keep(e, record->targets[i]);
	e->aliases[e->alias_count++] =
		(struct alias_record){ keep(e, record->address), targets, record->target_count, record->rank,
			keep(e, record->entry) };
}

/* The copy is behind what is in force by what its writing takes: who runs writes it first. */
static void
ask_for_copy(struct edit *e)
{
	char space[SERVER_ANSWER_MAX];
	struct bytes answer;
	struct fault f;

	switch (server_ask(e->config, SERVER_DIRECTORY, "copy\tas=now\n", space, &answer, &f)) {
	case SERVER_ANSWERED:
		if (bytes_equal(answer, BYTES("ok")))
			return;
		(void)take_text(&answer, BYTES("error "));
		(void)fault_set(&e->behind, FAULT_TEMP, "the running server says: %.*s", BYTES_ARG(answer));
		return;
	case SERVER_NOT_RUNNING:
		(void)fault_set(&e->behind, FAULT_TEMP, "no server runs with this configuration");
		return;
	case SERVER_FAILED:
		(void)fault_set(&e->behind, FAULT_TEMP, "the running server could not be asked: %.150s", f.text);
		return;
	}
}

/* What the server that runs, or ran last, read of LDAP. */
static void
read_copy(struct edit *e, struct bytes origin, int directory)
{
	static const struct image_visitor visitor = { on_user, on_alias, NULL };
	struct run records;
	struct buf marker;
	struct stat st;

	if (disk->fstatat(directory, SNAPSHOT_NAME, &st, 0) == 0)
		e->copied_s = st.st_mtim.tv_sec;
	buf_init(&marker, IMAGE_TEXT_MAX);
	if (snapshot_read(directory, SNAPSHOT_NAME, origin, &marker, &records, &e->ldap) == SNAPSHOT_READ && !image_visit_run(&records, &visitor, e))
		(void)fault_set(&e->ldap, FAULT_PERM, "the copy is damaged");
	run_done(&records);
	buf_done(&marker);
}

static void
read_ldap(struct edit *e)
{
	struct ldap_link *link;
	int directory;

	if (e->config->ldap_servers.count == 0)
		return;
	directory = snapshot_directory(e->config, &e->ldap);
	if (directory < 0)
		return;
	link = ldap_link_new(e->config);
	read_copy(e, ldap_link_origin(link), directory);
	ldap_link_free(&link);
	disk_close(&directory);
}

static int
read_source(struct edit *e)
{
	static const struct embedded_visitor visitor = { on_domain, on_user, on_alias };
	struct fault f;

	e->arena = arena_new("directory", SNAPSHOT_MAX, ARENA_PLAIN);
	e->accounts = accounts_new(e->config, &no_handlers, NULL);
	e->aliases_of = map_new();
	accounts_begin(e->accounts);
	alias_files_put(e->accounts, e->config);
	if (e->source && embedded_visit(e->source, &visitor, e, &f) != 0)
		return cli_failed("%s", f.text);
	read_ldap(e);
	accounts_end(e->accounts);
	index_targets(e);
	return CLI_GOOD;
}

/* ---- opening */

/* The user whose things these are when we are root; NULL: we are not, or there is none. */
static const char *
owner(const struct config *c, char space[OWNER_OCTETS])
{
	(void)snprintf(space, OWNER_OCTETS, "%.*s", BYTES_ARG(c->user_directory));
	return process_is_root() && process_has_user(space) ? space : NULL;
}

/* As root everything here goes to the user of the role, whose it would be had the role made it. */
static int
give(const struct config *c, const char *path, struct fault *f)
{
	char space[OWNER_OCTETS];
	const char *user = owner(c, space);

	return user ? process_give(path, user, f) : 0;
}

/* What lies in the role's directory may be anything, once the role was taken over: root does there what the role could do itself. */
static int
act_as_owner(const struct config *c, struct fault *f)
{
	char space[OWNER_OCTETS];
	const char *user = owner(c, space);

	return user ? process_act_as(user, f) : 0;
}

static bool
is_there(const char *path)
{
	struct stat st;

	return disk->fstatat(AT_FDCWD, path, &st, 0) == 0;
}

/* `path` without its last part, for as long as `work` takes. */
static int
with_parent(const struct config *c, char *path, int (*work)(const struct config *c, char *path, struct fault *f),
	struct fault *f)
{
	char *slash = strrchr(path, '/');
	int result;

	if (!slash || slash == path)
		return 0;
	*slash = '\0';
	result = work(c, path, f);
	*slash = '/';
	return result;
}

static int
make_parents(const struct config *c, char *path, struct fault *f)
{
	(void)c;
	return disk_make_path(path, 0755, f);
}

static int
make_directory(const struct config *c, char *path, struct fault *f)
{
	if (is_there(path))
		return 0;
	if (with_parent(c, path, make_parents, f) != 0 || disk_make_path(path, 0700, f) != 0)
		return -1;
	return give(c, path, f);
}

/* The file and its directory may be wanted before the server was ever started. */
static int
make_file(const struct config *c, char *path, struct fault *f)
{
	if (is_there(path))
		return 0;
	if (with_parent(c, path, make_directory, f) != 0 || embedded_make_file(path, f) != 0)
		return -1;
	return give(c, path, f);
}

/* To look makes nothing: of a configuration with errors the file may be another one than it says. */
static int
open_file(struct edit *e, bool is_change, char *path, struct fault *f)
{
	bool is_made = is_change || is_there(path) || errno != ENOENT;

	if (is_change && make_file(e->config, path, f) != 0)
		return -1;
	if (act_as_owner(e->config, f) != 0)
		return -1;
	return is_made ? embedded_open(path, &e->source, f) : 0;
}

static int
open_source(struct edit *e, bool is_change)
{
	char path[PATH_MAX_OCTETS];
	struct fault f;
	int len;

	e->config = is_change ? cli_load(e->config_path, false) : cli_load_good(e->config_path);
	if (!e->config)
		return CLI_FAILED;
	if (e->config->ldap_servers.count)
		ask_for_copy(e);
	len = snprintf(path, sizeof path, "%.*s", BYTES_ARG(e->config->directory_embedded_file));
	if (len <= 0 || len >= PATH_MAX_OCTETS)
		return cli_failed("the path of the directory's file is too long");
	if (open_file(e, is_change, path, &f) != 0)
		return cli_failed("%s", f.text);
	return read_source(e);
}

static void
close_source(struct edit *e)
{
	embedded_close(&e->source);
	accounts_free(&e->accounts);
	map_free(&e->aliases_of);
	arena_free(&e->arena);
	config_free(&e->config);
}

/* ---- verbs */

static const struct edit_verb *
find_verb(const char *command, const char *name, const struct edit_verb *verbs)
{
	struct near best = { 0 };

	for (const struct edit_verb *v = verbs; v->name; v++) {
		if (strcmp(v->name, name) == 0)
			return v;
		near_try(&best, bytes_text(name), v->name);
	}
	if (best.name)
		(void)cli_misused(command, "there is no \"%s\"; did you mean \"%s\"?", name, best.name);
	else
		(void)cli_misused(command, "there is no \"%s\"", name);
	return NULL;
}

int
edit_run(int argc, char **argv, const struct edit_verb *verbs)
{
	struct edit e = { .command = argv[0], .config_path = CONFIG_DEFAULT_PATH };
	const struct cli_option options[] = { { "-c", &e.config_path, NULL }, { "--json", NULL, &e.is_json }, { 0 } };
	const struct edit_verb *verb;
	struct fault f;
	int operands = cli_take_options(argc, argv, options), result;

	if (operands < 0)
		return CLI_MISUSED;
	if (operands == 0)
		return cli_misused(argv[0], "what is to be done: add, remove, list, show …?");
	verb = find_verb(argv[0], argv[1], verbs);
	if (!verb)
		return CLI_MISUSED;
	operands--;
	if (operands < verb->operands_least || operands > verb->operands_most)
		return cli_misused(argv[0], "it is: mermoz %s %s%s%s", argv[0], verb->name,
			verb->operands_most ? " " : "", verb->operands);
	result = open_source(&e, verb->is_change);
	if (result == CLI_GOOD)
		result = verb->run(&e, operands, argv + 2);
	close_source(&e);
	return process_act_as(NULL, &f) == 0 ? result : cli_failed("%s", f.text);
}

/* ---- the server that runs */

int
edit_publish(const struct edit *e)
{
	char space[SERVER_ANSWER_MAX];
	struct bytes answer;
	struct fault f;

	switch (server_ask(e->config, SERVER_DIRECTORY, "reload\n", space, &answer, &f)) {
	case SERVER_ANSWERED:
		break;
	case SERVER_NOT_RUNNING:
		return CLI_GOOD; /* it is in force from the server's start on */
	case SERVER_FAILED:
		return cli_failed("the change is made, but the running server could not be told: %s", f.text);
	}
	if (bytes_equal(answer, BYTES("ok")))
		return CLI_GOOD;
	return cli_failed("the change is made, but it is not in force yet; the running server says: %.*s",
		BYTES_ARG(answer));
}

int
edit_finish(const struct edit *e, enum embedded_result result, const struct fault *f)
{
	switch (result) {
	case EMBEDDED_DONE:
		return edit_publish(e);
	case EMBEDDED_EXISTS:
		return cli_failed("somebody else has just added it");
	case EMBEDDED_ABSENT:
		return cli_failed("somebody else has just removed it");
	case EMBEDDED_FAILED:
		return cli_failed("%s", f->text);
	}
	return CLI_FAILED;
}

/* ---- addresses */

const char *
edit_near_domain(const struct edit *e, struct bytes domain)
{
	struct near best = { 0 };
	struct bytes copy;

	for (size_t i = 0; i < e->domain_count; i++)
		near_try(&best, domain, (const char *)e->domains[i].ptr);
	for (size_t i = 0; i < e->config->domains.count; i++) {
		copy = keep(e, e->config->domains.at[i]);
		if (copy.len)
			near_try(&best, domain, (const char *)copy.ptr);
	}
	return best.name;
}

static bool
has_domain(const struct edit *e, struct bytes domain)
{
	const char *near = edit_near_domain(e, domain);

	if (accounts_has_domain(e->accounts, domain))
		return true;
	if (near)
		(void)cli_failed("%.*s is not a domain of this server; did you mean %s?", BYTES_ARG(domain), near);
	else
		(void)cli_failed("%.*s is not a domain of this server; `mermoz domain add %.*s` makes it one",
			BYTES_ARG(domain), BYTES_ARG(domain));
	return false;
}

bool
edit_take_address(const struct edit *e, const char *text, bool is_alias, struct address *out)
{
	struct bytes in = bytes_text(text);
	const char *trouble = is_alias && text[0] == '@' ? name_domain_trouble(bytes_sub(in, 1, in.len))
							 : name_address_trouble(in);

	if (!trouble && !address_fold(in, out))
		trouble = "is no address";
	if (trouble) {
		(void)cli_failed("\"%s\": %s", text, trouble);
		return false;
	}
	return has_domain(e, address_domain(out));
}

const struct user_record *
edit_find_user(const struct edit *e, struct bytes address)
{
	for (size_t i = 0; i < e->user_count; i++)
		if (address_equal(e->users[i].address, address))
			return &e->users[i];
	return NULL;
}

const struct alias_record *
edit_find_alias(const struct edit *e, struct bytes address)
{
	for (size_t i = 0; i < e->alias_count; i++)
		if (address_equal(e->aliases[i].address, address))
			return &e->aliases[i];
	return NULL;
}

const struct edit_aliases *
edit_aliases_of(const struct edit *e, struct bytes target)
{
	struct address folded;

	return address_fold(target, &folded) ? map_get(e->aliases_of, address_bytes(&folded)) : NULL;
}

int
edit_say_elsewhere(struct bytes address, struct bytes entry)
{
	return cli_failed("%.*s is of the LDAP directory, entry %.*s: change it there", BYTES_ARG(address), BYTES_ARG(entry));
}

static int64_t
copy_age_s(const struct edit *e)
{
	int64_t age_s = time_wall_us() / 1000000 - e->copied_s;

	return e->behind.kind == FAULT_NONE || age_s < 0 ? 0 : age_s;
}

void
edit_say_behind(const struct edit *e)
{
	if (e->behind.kind != FAULT_NONE)
		fprintf(stderr, "What is of LDAP is from the copy on disk, %lld s old: %s\n", (long long)copy_age_s(e), e->behind.text);
}

void
edit_put_entry(const struct edit *e, struct bytes entry, struct buf *out)
{
	put_text(out, ",\"entry\":");
	json_put_text(out, entry);
	put_format(out, ",\"copy_age_s\":%lld", (long long)copy_age_s(e));
}

int
edit_say_missing(const struct edit *e)
{
	if (e->ldap.kind == FAULT_NONE) {
		edit_say_behind(e);
		return CLI_GOOD;
	}
	return cli_failed("what the LDAP directory holds is missing here (%s); a server that runs with this configuration keeps a copy of it",
		e->ldap.text);
}

int
edit_say_absent(const struct edit *e, const char *what, struct bytes text)
{
	struct near best = { 0 };

	for (size_t i = 0; i < e->user_count; i++)
		near_try(&best, text, (const char *)e->users[i].address.ptr);
	for (size_t i = 0; i < e->alias_count; i++)
		near_try(&best, text, (const char *)e->aliases[i].address.ptr);
	if (best.name)
		return cli_failed("there is no %s %.*s; did you mean %s?", what, BYTES_ARG(text), best.name);
	return cli_failed("there is no %s %.*s", what, BYTES_ARG(text));
}
