/* aliases FILE [DOMAIN]: what stands in the file and in those that it includes, made whole - every address with its domain, no file
   named any more - before a role sees it.  What is wrong is an error with its own place. */
#include "config/apply.h"

#include "base/map.h"
#include "base/memory.h"
#include "config/aliases.h"
#include "config/name.h"
#include "config/route.h"
#include "sys/disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_OCTETS_MAX = 2 * 1024 * 1024, TEXT_OCTETS_MAX = 3 * 1024 * 1024, INCLUDE_DEPTH_MAX = 8, FILES_MAX = 1000, PATH_OCTETS_MAX = 4096,
	ARENA_MAX = 64 * 1024 * 1024 };

/* A file that is being read. */
struct source {
	const struct source *by; /* the one that includes it; NULL: the first */
	const char *path;
	dev_t device;
	ino_t inode;
	unsigned int depth;
};

struct gathering {
	struct config_reading *reading;
	struct bytes domain; /* of names that have none */
	struct arena *arena;
	struct map *places; /* lower-case name -> struct config_place of the alias */
	struct buf text;
	size_t file_count;
	/* the entry in hand */
	struct bytes name;
	size_t target_count;
};

/* What a reader of the grammar tells. */
struct listener {
	struct gathering *gathering;
	const char *path;
};

static void
on_trouble(void *arg, uint32_t line, uint32_t column, const char *sentence)
{
	const struct listener *l = arg;
	struct config_place at = { l->path, line, column };

	(void)config_error_add(l->gathering->reading->errors, &at, "%s", sentence);
}

static bool
wrong(struct gathering *g, const char *path, const struct aliases_word *word, const char *sentence)
{
	struct config_place at = { path, word->line, word->column };

	return config_error_add(g->reading->errors, &at, "%s: %s", config_show(word->text).text, sentence);
}

/* ---- files */

static bool
is_open_already(const struct source *file)
{
	for (const struct source *at = file->by; at; at = at->by)
		if (at->device == file->device && at->inode == file->inode)
			return true;
	return false;
}

/* Who can write it decides where mail goes. */
static void
warn_of_writers(struct gathering *g, const struct config_place *at, const char *path, const struct stat *st)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		config_warning_add(g->reading->errors, at, "aliases: others than its owner can write %s, and have mail sent where they like; "
			"take that right away: chmod go-w %s", path, path);
}

static bool
read_descriptor(struct gathering *g, int fd, struct source *file, const struct config_place *at, struct buf *text)
{
	struct config_errors *errors = g->reading->errors;
	struct stat st;
	struct fault f;

	if (disk->fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return config_error_add(errors, at, "aliases: %s is no file", file->path);
	file->device = st.st_dev;
	file->inode = st.st_ino;
	if (is_open_already(file))
		return config_error_add(errors, at, "aliases: %s includes itself, by whatever way", file->path);
	if (!config_keep_seen(g->reading, at, file->path, &st, true))
		return false;
	warn_of_writers(g, at, file->path, &st);
	if (disk_read_descriptor(fd, FILE_OCTETS_MAX, text, &f) != 0)
		return config_error_add(errors, at, "aliases: can't read %s: %s", file->path, f.text);
	return true;
}

/* at: where it is named. */
static bool
read_source(struct gathering *g, struct source *file, const struct config_place *at, struct buf *text)
{
	bool is_good;
	int fd;

	if (file->depth > INCLUDE_DEPTH_MAX || ++g->file_count > FILES_MAX)
		return config_error_add(g->reading->errors, at, "aliases: files include each other too deep, or there are too many");
	/* A pipe without a writer holds up nobody. */
	fd = disk->openat(AT_FDCWD, file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd == -1)
		return config_error_add(g->reading->errors, at, "aliases: can't read %s: %s", file->path, strerror(errno));
	is_good = read_descriptor(g, fd, file, at, text);
	disk_close(&fd);
	return is_good;
}

/* ---- words */

static const char *
name_trouble(struct bytes name)
{
	size_t at = bytes_find_last_char(name, '@');
	struct bytes local = bytes_sub(name, 0, at);

	for (size_t i = 0; i < local.len; i++)
		if (byte_is_class(local.ptr[i], CLASS_CONTROL))
			return "no name has control characters";
	if (local.len > 64 || !bytes_is_utf8(local))
		return "a name is 64 octets of UTF-8 at most";
	return at < name.len ? name_domain_trouble(bytes_sub(name, at + 1, name.len)) : NULL;
}

/* With the domain that a name without any has. */
static bool
complete(struct gathering *g, struct bytes text, struct bytes *out)
{
	struct buf whole;
	bool is_good;

	if (bytes_find_char(text, '@') < text.len) {
		*out = text;
		return true;
	}
	buf_init(&whole, text.len + 1 + g->domain.len);
	put_bytes(&whole, text);
	put_char(&whole, '@');
	put_bytes(&whole, g->domain);
	is_good = arena_copy(g->arena, buf_bytes(&whole), out);
	buf_done(&whole);
	return is_good;
}

/* "\name" is name as it is, without its alias; we can say that of the alias's own name alone. */
static const char *
take_backslash(struct gathering *g, const struct aliases_word *word, struct bytes *text)
{
	struct bytes whole;

	if (!word->is_bare || !take_char(text, '\\'))
		return NULL;
	if (!complete(g, *text, &whole) || !bytes_equal_nocase(whole, g->name))
		return "a backslash stands before an alias's own name alone, to keep a copy there";
	return NULL;
}

static const char *
refusal_of(struct bytes text)
{
	if (text.ptr[0] == '|')
		return "mail is not handed to programs, which would run with rights that mail must not have: name a mailbox that the program reads, "
		       "or a server that it is (route ADDRESS to lmtp:HOST:PORT)";
	if (bytes_equal(text, BYTES("/dev/null")))
		return "mail is not taken to be thrown away: without the alias it is refused, and with route ADDRESS to error \"...\" in your words";
	if (text.ptr[0] == '/')
		return "mail is not written to files: name a mailbox";
	if (bytes_starts_nocase(text, BYTES(":include:")))
		return "behind \":include:\" stands the full path of a file, such as :include:/etc/mermoz/list";
	if (text.ptr[0] == ':')
		return "of what begins with a colon there is only :include:/FILE";
	return NULL;
}

static void
put_target(struct gathering *g, struct bytes address)
{
	aliases_put_target(&g->text, address, g->target_count++ == 0);
}

static void
add_address(struct gathering *g, const char *path, const struct aliases_word *word)
{
	struct bytes text = word->text, whole = BYTES_NONE;
	const char *trouble = refusal_of(text);

	if (!trouble)
		trouble = take_backslash(g, word, &text);
	if (!trouble)
		trouble = complete(g, text, &whole) ? name_address_trouble(whole) : "there are too many aliases";
	if (trouble)
		(void)wrong(g, path, word, trouble);
	else
		put_target(g, whole);
}

static void include(struct gathering *g, const struct source *by, const struct aliases_word *word, struct bytes path);

static void
add_targets(struct gathering *g, const struct source *file, const struct aliases_entry *entry)
{
	for (size_t i = 0; i < entry->target_count; i++) {
		struct bytes rest = entry->targets[i].text;

		if (bytes_starts_nocase(rest, BYTES(":include:/")))
			include(g, file, &entry->targets[i], bytes_sub(rest, sizeof ":include:" - 1, rest.len));
		else
			add_address(g, file->path, &entry->targets[i]);
	}
}

static void
include(struct gathering *g, const struct source *by, const struct aliases_word *word, struct bytes path)
{
	struct config_place at = { by->path, word->line, word->column };
	char name[PATH_OCTETS_MAX];
	struct source file = { .by = by, .path = name, .depth = by->depth + 1 };
	struct listener listener = { g, name };
	struct aliases_entry list;
	struct aliases reader;
	struct buf text;

	(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(path));
	buf_init(&text, FILE_OCTETS_MAX + 65536);
	if (read_source(g, &file, &at, &text)) {
		aliases_begin(&reader, buf_bytes(&text), g->arena, on_trouble, &listener);
		aliases_read_list(&reader, &list);
		add_targets(g, &file, &list);
	}
	buf_done(&text);
}

/* ---- entries */

static bool
is_first(struct gathering *g, const struct source *file, const struct aliases_word *word)
{
	struct config_place *place = arena_take(g->arena, sizeof *place), *before;
	uint8_t *lower = arena_take(g->arena, g->name.len);

	if (!place || !lower)
		return wrong(g, file->path, word, "there are too many aliases");
	for (size_t i = 0; i < g->name.len; i++)
		lower[i] = byte_lower(g->name.ptr[i]);
	*place = (struct config_place){ file->path, word->line, word->column };
	before = map_get(g->places, bytes_of(lower, g->name.len));
	if (before)
		return config_error_add(g->reading->errors, place, "%s: there is an alias of that name already, at %s:%u", config_show(word->text).text,
			before->file, before->line);
	(void)map_put(g->places, bytes_of(lower, g->name.len), place);
	return true;
}

/* Nobody asks for a name there, unless the directory alone has its domain. */
static void
warn_of_foreign(struct gathering *g, const struct config_place *at, struct bytes domain, const char *before)
{
	const struct config *c = g->reading->config;

	if (domain.len && !config_has_domain(c, domain) && !config_find_relayed(c, domain))
		config_warning_add(g->reading->errors, at, "%s: no \"domain\" line names %s: right if your directory has it (mermoz domain), else the alias is never used", before,
			config_show(domain).text);
}

static void
add_entry(struct gathering *g, const struct source *file, const struct aliases_entry *entry)
{
	const char *trouble = name_trouble(entry->name.text);
	size_t begin = g->text.len;

	if (!trouble && !complete(g, entry->name.text, &g->name))
		trouble = "there are too many aliases";
	if (trouble) {
		(void)wrong(g, file->path, &entry->name, trouble);
		return;
	}
	warn_of_foreign(g, &(struct config_place){ file->path, entry->name.line, entry->name.column },
		bytes_sub(entry->name.text, bytes_find_last_char(entry->name.text, '@') + 1, entry->name.text.len), config_show(entry->name.text).text);
	(void)is_first(g, file, &entry->name);
	g->target_count = 0;
	aliases_put_name(&g->text, g->name);
	add_targets(g, file, entry);
	aliases_put_end(&g->text);
	if (g->target_count > ALIASES_TARGETS_MAX)
		(void)wrong(g, file->path, &entry->name, "it leads to more than 8192 addresses, with what it includes");
	/* A list without addresses is one that nobody is on yet. */
	if (g->target_count == 0)
		g->text.len = begin;
}

/* A path that lives as long as the places in it; NULL: there is no room for it. */
static const char *
keep_path(struct gathering *g, struct bytes path)
{
	char *kept = arena_take(g->arena, path.len + 1);

	if (kept)
		memcpy(kept, path.ptr, path.len);
	return kept;
}

static void
gather(struct gathering *g, struct config_aliases *aliases, const struct config_place *at)
{
	struct source file = { .path = keep_path(g, aliases->file) };
	struct listener listener = { g, file.path };
	struct aliases_entry entry;
	struct aliases reader;
	struct buf text;

	buf_init(&text, FILE_OCTETS_MAX + 65536);
	if (file.path && read_source(g, &file, at, &text)) {
		aliases_begin(&reader, buf_bytes(&text), g->arena, on_trouble, &listener);
		while (aliases_next(&reader, &entry))
			add_entry(g, &file, &entry);
	}
	buf_done(&text);
	if (!file.path || g->text.has_failed || !arena_copy(g->reading->config->arena, buf_bytes(&g->text), &aliases->text))
		(void)config_error_add(g->reading->errors, at, "aliases: what stands there, with what it includes, is larger than 3 MiB");
}

void
config_read_aliases(struct config_reading *r)
{
	struct config *c = r->config;
	struct gathering g = { .reading = r, .arena = arena_new("aliases", ARENA_MAX, ARENA_PLAIN), .places = map_new() };

	for (size_t i = 0; i < c->aliases_count; i++) {
		g.domain = c->aliases[i].domain;
		if (g.domain.len == 0 && c->domains.count)
			g.domain = c->domains.at[0];
		if (g.domain.len == 0)
			continue; /* that there is none is told already */
		warn_of_foreign(&g, &r->aliases_at[i], c->aliases[i].domain, "aliases");
		buf_init(&g.text, TEXT_OCTETS_MAX);
		gather(&g, &c->aliases[i], &r->aliases_at[i]);
		buf_done(&g.text);
	}
	map_free(&g.places);
	arena_free(&g.arena);
}
