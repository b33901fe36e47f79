#include "role/directory/embedded.h"

#include "base/event.h"
#include "base/memory.h"
#include "config/address.h"
#include "role/directory/embedded_internal.h"
#include "sys/disk.h"

#include <errno.h>
#include <string.h>

/* PRAGMA user_version of the tables below; a step from each older version is a row of `steps`. */
enum { SCHEMA_VERSION = 1, BUSY_MS = 5000 };

static const char *const steps[SCHEMA_VERSION] = {
	"CREATE TABLE domain (name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE user ("
	"  id INTEGER PRIMARY KEY,"
	"  address TEXT NOT NULL UNIQUE,"
	"  name TEXT NOT NULL DEFAULT '',"
	"  password TEXT NOT NULL DEFAULT '',"
	"  is_enabled INTEGER NOT NULL DEFAULT 1);"
	"CREATE TABLE attribute ("
	"  user INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  PRIMARY KEY (user, name)) WITHOUT ROWID;"
	"CREATE TABLE target ("
	"  alias TEXT NOT NULL,"
	"  address TEXT NOT NULL,"
	"  PRIMARY KEY (alias, address)) WITHOUT ROWID;",
};

int
embedded_fault(struct embedded *e, const char *what, struct fault *f)
{
	return fault_set(f, FAULT_TEMP, "%s: %s", what, sqlite3_errmsg(e->db));
}

sqlite3_stmt *
embedded_prepare(struct embedded *e, const char *sql, struct fault *f)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(e->db, sql, -1, &s, NULL) == SQLITE_OK)
		return s;
	embedded_fault(e, "the directory's tables", f);
	return NULL;
}

int
embedded_run(struct embedded *e, const char *sql, struct fault *f)
{
	if (sqlite3_exec(e->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return embedded_fault(e, "the directory's file", f);
}

struct bytes
embedded_column(sqlite3_stmt *s, int column)
{
	const void *ptr = sqlite3_column_blob(s, column);

	return bytes_of(ptr, (size_t)sqlite3_column_bytes(s, column));
}

static int64_t
pragma_number(struct embedded *e, const char *sql)
{
	struct fault f;
	sqlite3_stmt *s = embedded_prepare(e, sql, &f);
	int64_t value = s && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;

	sqlite3_finalize(s);
	return value;
}

/* In the transaction of the caller. */
static int
take_steps(struct embedded *e, const char *path, struct fault *f)
{
	int64_t version = pragma_number(e, "PRAGMA user_version");

	if (version < 0)
		return embedded_fault(e, path, f);
	if (version > SCHEMA_VERSION)
		return fault_set(f, FAULT_PERM, "%s: made by a newer version of mermoz", path);
	for (; version < SCHEMA_VERSION; version++)
		if (embedded_run(e, steps[version], f) != 0)
			return -1;
	_Static_assert(SCHEMA_VERSION == 1, "the number stands in the statement");
	return embedded_run(e, "PRAGMA user_version = 1", f);
}

static int
make_tables(struct embedded *e, const char *path, struct fault *f)
{
	if (pragma_number(e, "PRAGMA user_version") == SCHEMA_VERSION)
		return 0;
	if (embedded_run(e, "BEGIN IMMEDIATE", f) != 0)
		return -1;
	if (take_steps(e, path, f) == 0)
		return embedded_run(e, "COMMIT", f);
	sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

/* temp_store: the jail has no place for temporary files. */
static int
set_up(struct embedded *e, const char *path, struct fault *f)
{
	sqlite3_busy_timeout(e->db, BUSY_MS);
	sqlite3_db_config(e->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (embedded_run(e, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;"
			    "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL;"
			    "PRAGMA journal_mode = WAL",
		    f) != 0)
		return -1;
	return make_tables(e, path, f);
}

/* SQLite would make it readable for others. */
int
embedded_make_file(const char *path, struct fault *f)
{
	/* O_EXCL: a link to a file that is not there yet would have that made, by root when that edits accounts. */
	int fd = disk->openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : fault_errno(f, errno, "%s", path);
	disk_close(&fd);
	return 0;
}

/* Everything into the file itself, as far as nobody reads: then a copy of the file is whole, and a copy brought
   back finds no log of another file beside it. */
static void
empty_log(struct embedded *e)
{
	sqlite3_wal_checkpoint_v2(e->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int
embedded_open(const char *path, struct embedded **out, struct fault *f)
{
	struct embedded *e;

	if (embedded_make_file(path, f) != 0)
		return -1;
	e = NEW(struct embedded);
	if (sqlite3_open_v2(path, &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
		!= SQLITE_OK)
		embedded_fault(e, path, f);
	else if (set_up(e, path, f) == 0) {
		empty_log(e);
		*out = e;
		return 0;
	}
	embedded_close(&e);
	return -1;
}

void
embedded_close(struct embedded **at)
{
	struct embedded *e = *at;

	if (!e)
		return;
	if (e->db)
		empty_log(e);
	sqlite3_close(e->db);
	memory_free(e);
	*at = NULL;
}

bool
embedded_has_moved(struct embedded *e)
{
	int has_moved = 0;

	return sqlite3_file_control(e->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) != SQLITE_OK
		|| has_moved;
}

static int
visit_domains(struct embedded *e, const struct embedded_visitor *v, void *arg, struct fault *f)
{
	sqlite3_stmt *s;
	int step;

	if (!v->domain)
		return 0;
	s = embedded_prepare(e, "SELECT name FROM domain ORDER BY name", f);
	if (!s)
		return -1;
	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		v->domain(arg, embedded_column(s, 0));
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : embedded_fault(e, "reading the domains", f);
}

/* Attributes of one user, in memory that is used again for the next. */
struct attributes {
	sqlite3_stmt *s;
	struct buf text;
	struct record_attribute at[RECORD_ATTRIBUTES_MAX];
	size_t count;
};

/* Octets of all attributes of a user. */
enum { ATTRIBUTES_OCTETS_MAX = 64 * 1024 };

static int
read_attributes(struct embedded *e, struct attributes *all, int64_t user, struct fault *f)
{
	size_t lengths[RECORD_ATTRIBUTES_MAX][2];
	const uint8_t *at;
	int step = SQLITE_DONE;

	all->count = 0;
	buf_reset(&all->text);
	sqlite3_reset(all->s);
	sqlite3_bind_int64(all->s, 1, user);
	while (all->count < RECORD_ATTRIBUTES_MAX && (step = sqlite3_step(all->s)) == SQLITE_ROW) {
		for (int i = 0; i < 2; i++) {
			lengths[all->count][i] = embedded_column(all->s, i).len;
			put_bytes(&all->text, embedded_column(all->s, i));
		}
		all->count++;
	}
	if (step != SQLITE_DONE && step != SQLITE_ROW)
		return embedded_fault(e, "reading the attributes", f);
	if (all->text.has_failed)
		return fault_set(f, FAULT_LIMIT, "an account has too many attributes");
	at = all->text.ptr;
	for (size_t i = 0; i < all->count; i++) {
		all->at[i].name = bytes_of(at, lengths[i][0]);
		at += lengths[i][0];
		all->at[i].value = bytes_of(at, lengths[i][1]);
		at += lengths[i][1];
	}
	return 0;
}

static int
visit_each_user(struct embedded *e, sqlite3_stmt *s, struct attributes *attributes,
	const struct embedded_visitor *v, void *arg, struct fault *f)
{
	int step;

	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct user_record record;

		if (read_attributes(e, attributes, sqlite3_column_int64(s, 0), f) != 0)
			return -1;
		record = (struct user_record){
			.address = embedded_column(s, 1),
			.name = embedded_column(s, 2),
			.secret_password = embedded_column(s, 3),
			.is_enabled = sqlite3_column_int(s, 4) != 0,
			.attributes = attributes->at,
			.attribute_count = attributes->count,
		};
		v->user(arg, &record);
	}
	return step == SQLITE_DONE ? 0 : embedded_fault(e, "reading the accounts", f);
}

static int
visit_users(struct embedded *e, const struct embedded_visitor *v, void *arg, struct fault *f)
{
	struct attributes attributes = { .count = 0 };
	sqlite3_stmt *s;
	int result = -1;

	if (!v->user)
		return 0;
	buf_init(&attributes.text, ATTRIBUTES_OCTETS_MAX);
	attributes.s = embedded_prepare(e, "SELECT name, value FROM attribute WHERE user = ?1 ORDER BY name", f);
	s = embedded_prepare(e, "SELECT id, address, name, password, is_enabled FROM user ORDER BY address", f);
	if (attributes.s && s)
		result = visit_each_user(e, s, &attributes, v, arg, f);
	sqlite3_finalize(s);
	sqlite3_finalize(attributes.s);
	buf_done(&attributes.text);
	return result;
}

/* The rows of one alias stand together; `rows` collects them. */
struct rows {
	struct buf text; /* alias, then its targets */
	size_t alias_len, count;
	size_t lengths[RECORD_TARGETS_MAX];
};

enum { ALIAS_OCTETS_MAX = (RECORD_TARGETS_MAX + 1) * ADDRESS_OCTETS_MAX };

static void
flush_alias(struct rows *rows, const struct embedded_visitor *v, void *arg)
{
	struct bytes targets[RECORD_TARGETS_MAX];
	const uint8_t *at = rows->text.ptr;

	if (rows->count == 0)
		return;
	if (rows->text.has_failed) {
		event(NULL, EV_DIRECTORY_ROW, TEXT("alias", bytes_sub(buf_bytes(&rows->text), 0, rows->alias_len)), STR("reason", "longer than addresses are"));
		return;
	}
	at += rows->alias_len;
	for (size_t i = 0; i < rows->count; i++) {
		targets[i] = bytes_of(at, rows->lengths[i]);
		at += rows->lengths[i];
	}
	v->alias(arg, &(struct alias_record){ .address = bytes_of(rows->text.ptr, rows->alias_len),
			      .targets = targets, .target_count = rows->count });
}

static void
add_row(struct rows *rows, sqlite3_stmt *s, const struct embedded_visitor *v, void *arg)
{
	struct bytes alias = embedded_column(s, 0), target = embedded_column(s, 1);

	if (rows->count == 0 || !bytes_equal(alias, bytes_of(rows->text.ptr, rows->alias_len))) {
		flush_alias(rows, v, arg);
		buf_reset(&rows->text);
		rows->count = 0;
		rows->alias_len = alias.len;
		put_bytes(&rows->text, alias);
	}
	if (rows->count == RECORD_TARGETS_MAX)
		return;
	rows->lengths[rows->count++] = target.len;
	put_bytes(&rows->text, target);
}

static int
visit_aliases(struct embedded *e, const struct embedded_visitor *v, void *arg, struct fault *f)
{
	struct rows rows = { .count = 0 };
	sqlite3_stmt *s;
	int step;

	if (!v->alias)
		return 0;
	s = embedded_prepare(e, "SELECT alias, address FROM target ORDER BY alias, address", f);
	if (!s)
		return -1;
	buf_init(&rows.text, ALIAS_OCTETS_MAX);
	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		add_row(&rows, s, v, arg);
	flush_alias(&rows, v, arg);
	buf_done(&rows.text);
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? 0 : embedded_fault(e, "reading the aliases", f);
}

int
embedded_visit(struct embedded *e, const struct embedded_visitor *visitor, void *arg, struct fault *f)
{
	int result;

	if (embedded_run(e, "BEGIN", f) != 0)
		return -1;
	result = visit_domains(e, visitor, arg, f);
	if (result == 0)
		result = visit_users(e, visitor, arg, f);
	if (result == 0)
		result = visit_aliases(e, visitor, arg, f);
	sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}
