/* From files to a checked configuration: includes first, then all the other passes. */
#include "config/apply.h"

#include "base/memory.h"
#include "sys/disk.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INCLUDE_DEPTH_MAX = 8, FILES_MAX = 1000, TREE_MAX = 256 * 1024 * 1024 };

struct loading {
	struct config_reading reading;
	struct config_errors *errors;
	struct arena *arena; /* trees and the names of files */
	size_t file_count;
};

/* A file that is being read. */
struct source {
	const struct source *by; /* the one that includes it; NULL: the first */
	const char *path;
	dev_t device;
	ino_t inode;
	unsigned int depth;
};

static bool
append_file(struct loading *l, const char *path, const struct config_place *at, const struct source *by,
	struct config_node ***tail);

/* The path that an include means: relative ones are beside the file they stand in. */
static const char *
include_path(struct loading *l, const struct config_value *v)
{
	struct bytes dir = bytes_text(v->at.file), path;
	size_t slash = bytes_find_last_char(dir, '/');
	struct buf joined;
	const char *out = NULL;

	buf_init(&joined, 8192);
	if (!bytes_starts(v->text, BYTES("/")) && slash < dir.len)
		put_bytes(&joined, bytes_sub(dir, 0, slash + 1));
	put_bytes(&joined, v->text);
	put_char(&joined, '\0');
	if (!joined.has_failed && arena_copy(l->arena, buf_bytes(&joined), &path))
		out = (const char *)path.ptr;
	buf_done(&joined);
	return out;
}

/* Names in a directory that match a pattern. */
struct matches {
	struct loading *loading;
	const char *pattern;
	const char **names;
	size_t count;
};

static bool
add_match(void *arg, const char *name, unsigned char type)
{
	struct matches *m = arg;
	struct bytes copy;
	const char **grown;

	(void)type;
	if (fnmatch(m->pattern, name, FNM_PERIOD) != 0)
		return true;
	if (m->count == FILES_MAX)
		return false;
	grown = arena_grow(m->loading->arena, m->names, m->count, sizeof *grown);
	if (!grown || !arena_copy(m->loading->arena, bytes_of(name, strlen(name) + 1), &copy))
		return false;
	m->names = grown;
	grown[m->count++] = (const char *)copy.ptr;
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A pattern may stand in the last part of the path; no match is no error, as with an empty directory. */
static void
append_matching(struct loading *l, const char *path, const struct config_place *at, const struct source *by,
	struct config_node ***tail)
{
	const char *slash = strrchr(path, '/');
	struct matches m = { .loading = l, .pattern = slash ? slash + 1 : path };
	char dir[4096], file[8192];

	(void)snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	if (disk->list(AT_FDCWD, dir, add_match, &m)) {
		l->reading.is_partial = true;
		(void)config_error_add(l->errors, at, "can't list %s: %s", dir, strerror(errno));
		return;
	}
	if (m.count > 1)
		qsort(m.names, m.count, sizeof *m.names, compare_names);
	for (size_t i = 0; i < m.count; i++) {
		struct bytes kept;

		(void)snprintf(file, sizeof file, "%s%s", slash ? dir : "", m.names[i]);
		if (!arena_copy(l->arena, bytes_of(file, strlen(file) + 1), &kept) ||
			!append_file(l, (const char *)kept.ptr, at, by, tail))
			return;
	}
}

/* Puts what an include names at its place in the list. */
static void
append_include(struct loading *l, const struct config_node *node, const struct source *by, struct config_node ***tail)
{
	for (size_t i = 0; i < node->value_count; i++) {
		const struct config_value *v = &node->values[i];
		const char *path = include_path(l, v);

		if (!path || bytes_find_char(v->text, '\0') < v->text.len)
			(void)config_error_add(l->errors, &v->at, "the path is too long, or no path");
		else if (strpbrk(path, "*?["))
			append_matching(l, path, &v->at, by, tail);
		else
			(void)append_file(l, path, &v->at, by, tail);
	}
	if (node->value_count == 0 || node->has_block)
		(void)config_error_add(l->errors, &node->name.at, "\"include\" is written: include FILE;");
}

static void
append_nodes(struct loading *l, struct config_node *first, const struct source *by, struct config_node ***tail)
{
	struct config_node *next;

	for (struct config_node *node = first; node; node = next) {
		next = node->next;
		if (bytes_equal(node->name.text, BYTES("include"))) {
			append_include(l, node, by, tail);
			continue;
		}
		if (node->children) {
			struct config_node *children = node->children, **end = &node->children;

			*end = NULL;
			append_nodes(l, children, by, &end);
		}
		node->next = NULL;
		**tail = node;
		*tail = &node->next;
	}
}

/* The same file, however its path is written, among those that are being read; NULL: it is not. */
static const struct source *
find_open(const struct source *file)
{
	for (const struct source *at = file->by; at; at = at->by)
		if (at->device == file->device && at->inode == file->inode)
			return at;
	return NULL;
}

static void
put_circle(const struct source *file, const struct source *first, struct buf *out)
{
	if (file != first)
		put_circle(file->by, first, out);
	put_format(out, file != first ? " includes %s" : "%s", file->path);
}

static bool
refuse_circle(struct loading *l, const struct source *file, const struct source *first, const struct config_place *at)
{
	char text[300] = "";
	struct buf circle;

	buf_init_fixed(&circle, text, sizeof text - 1);
	put_circle(file, first, &circle);
	l->reading.is_partial = true;
	return config_error_add(l->errors, at, "files include each other in a circle: %s", text);
}

/* A file's statements at the end of a list.  False: it could not be read. */
static bool
append_file(struct loading *l, const char *path, const struct config_place *at, const struct source *by,
	struct config_node ***tail)
{
	struct source file = { .by = by, .path = path, .depth = by ? by->depth + 1 : 0 };
	const struct source *again;
	struct config_node *first;
	struct stat st;
	struct buf text;
	struct fault f;

	if (disk->fstatat(AT_FDCWD, path, &st, 0) == 0) {
		file.device = st.st_dev;
		file.inode = st.st_ino;
		again = find_open(&file);
		if (again)
			return refuse_circle(l, &file, again, at);
		if (!config_keep_seen(&l->reading, at, path, &st, false))
			return false;
	}
	if (file.depth > INCLUDE_DEPTH_MAX || ++l->file_count > FILES_MAX) {
		l->reading.is_partial = true;
		return config_error_add(l->errors, at, "files include each other too deep, or there are too many");
	}
	buf_init(&text, CONFIG_FILE_MAX);
	if (disk_read_file(path, CONFIG_FILE_MAX, &text, &f)) {
		buf_done(&text);
		l->reading.is_partial = true;
		return config_error_add(l->errors, at, "can't read %s: %s", path, f.text);
	}
	if (config_tree_read(buf_bytes(&text), path, l->arena, &first, l->errors))
		l->reading.is_partial = true;
	buf_done(&text);
	append_nodes(l, first, &file, tail);
	return true;
}

static bool
is_before(const struct config_error *a, const struct config_error *b)
{
	return strcmp(a->file, b->file) == 0 &&
		(a->line < b->line || (a->line == b->line && a->column < b->column));
}

/* Errors come from one pass after the other; people read a file from top to bottom. */
static void
sort(struct config_error *list, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct config_error e = list[i];
		size_t at = i;

		for (; at > 0 && is_before(&e, &list[at - 1]); at--)
			list[at] = list[at - 1];
		list[at] = e;
	}
}

/* False: the file itself can't be read. */
static bool
read_file(const char *path, bool is_whole, struct config **out, struct config_errors *errors)
{
	struct config_place at = { path, 1, 1 };
	struct config_node *first = NULL, **tail = &first;
	struct loading l = {
		.reading = { .config = config_new(), .errors = errors },
		.errors = errors,
		.arena = arena_new("config.tree", TREE_MAX, ARENA_PLAIN),
	};
	bool is_read;

	errors->count = errors->warning_count = 0;
	is_read = append_file(&l, path, &at, NULL, &tail);
	if (is_read) {
		config_apply(&l.reading, first);
		if (is_whole)
			config_read_files(&l.reading);
		config_complete(l.reading.config);
		if (is_whole)
			config_check(&l.reading, &at);
	}
	arena_free(&l.arena);
	sort(errors->at, errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX);
	sort(errors->warnings, errors->warning_count);
	*out = l.reading.config;
	return is_read;
}

int
config_load(const char *path, struct config **out, struct config_errors *errors)
{
	(void)read_file(path, true, out, errors);
	if (errors->count > 0)
		config_free(out);
	return errors->count == 0 ? 0 : -1;
}

int
config_load_good(const char *path, struct config **out, struct config_errors *errors)
{
	if (read_file(path, false, out, errors))
		return 0;
	config_free(out);
	return -1;
}
