/* Each edit is one immediate transaction: begin_edit .. end_edit. */
#include "role/directory/embedded.h"
#include "role/directory/embedded_internal.h"

static int
begin_edit(struct embedded *e, struct fault *f)
{
	return embedded_run(e, "BEGIN IMMEDIATE", f);
}

/* Keeps the edit when it is done, else takes it back. */
static enum embedded_result
end_edit(struct embedded *e, enum embedded_result result, struct fault *f)
{
	if (result == EMBEDDED_DONE && embedded_run(e, "COMMIT", f) == 0)
		return EMBEDDED_DONE;
	sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
	return result == EMBEDDED_DONE ? EMBEDDED_FAILED : result;
}

static void
bind(sqlite3_stmt *s, int index, struct bytes value)
{
	sqlite3_bind_text(s, index, value.len ? (const char *)value.ptr : "", (int)value.len,
		SQLITE_STATIC);
}

/* Runs a statement whose parameters are the values, in order.  EMBEDDED_ABSENT when it changed no row,
   EMBEDDED_EXISTS when it would have made one twice. */
static enum embedded_result
change(struct embedded *e, const char *sql, const struct bytes *values, int count, struct fault *f)
{
	sqlite3_stmt *s = embedded_prepare(e, sql, f);
	enum embedded_result result = EMBEDDED_FAILED;

	if (!s)
		return EMBEDDED_FAILED;
	for (int i = 0; i < count; i++)
		bind(s, i + 1, values[i]);
	if (sqlite3_step(s) == SQLITE_DONE)
		result = sqlite3_changes(e->db) ? EMBEDDED_DONE : EMBEDDED_ABSENT;
	else if (sqlite3_extended_errcode(e->db) == SQLITE_CONSTRAINT_UNIQUE
		|| sqlite3_extended_errcode(e->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
		result = EMBEDDED_EXISTS;
	else
		embedded_fault(e, "writing to the directory", f);
	sqlite3_finalize(s);
	return result;
}

static enum embedded_result
change_once(struct embedded *e, const char *sql, const struct bytes *values, int count, struct fault *f)
{
	if (begin_edit(e, f) != 0)
		return EMBEDDED_FAILED;
	return end_edit(e, change(e, sql, values, count, f), f);
}

enum embedded_result
embedded_add_domain(struct embedded *e, struct bytes name, struct fault *f)
{
	return change_once(e, "INSERT INTO domain (name) VALUES (?1)", &name, 1, f);
}

enum embedded_result
embedded_remove_domain(struct embedded *e, struct bytes name, struct fault *f)
{
	return change_once(e, "DELETE FROM domain WHERE name = ?1", &name, 1, f);
}

static enum embedded_result
add_user(struct embedded *e, const struct user_record *r, struct fault *f)
{
	struct bytes values[] = { r->address, r->name, r->secret_password,
		r->is_enabled ? BYTES("1") : BYTES("0") };
	enum embedded_result result = change(e,
		"INSERT INTO user (address, name, password, is_enabled) VALUES (?1, ?2, ?3, ?4)", values, 4, f);

	for (size_t i = 0; result == EMBEDDED_DONE && i < r->attribute_count; i++) {
		struct bytes attribute[] = { r->address, r->attributes[i].name, r->attributes[i].value };

		result = change(e,
			"INSERT OR REPLACE INTO attribute (user, name, value)"
			" SELECT id, ?2, ?3 FROM user WHERE address = ?1",
			attribute, 3, f);
	}
	return result;
}

enum embedded_result
embedded_add_user(struct embedded *e, const struct user_record *record, struct fault *f)
{
	if (begin_edit(e, f) != 0)
		return EMBEDDED_FAILED;
	return end_edit(e, add_user(e, record, f), f);
}

enum embedded_result
embedded_remove_user(struct embedded *e, struct bytes address, struct fault *f)
{
	return change_once(e, "DELETE FROM user WHERE address = ?1", &address, 1, f);
}

enum embedded_result
embedded_set_password(struct embedded *e, struct bytes address, struct bytes secret_password,
	struct fault *f)
{
	struct bytes values[] = { address, secret_password };

	return change_once(e, "UPDATE user SET password = ?2 WHERE address = ?1", values, 2, f);
}

enum embedded_result
embedded_set_enabled(struct embedded *e, struct bytes address, bool is_enabled, struct fault *f)
{
	struct bytes values[] = { address, is_enabled ? BYTES("1") : BYTES("0") };

	return change_once(e, "UPDATE user SET is_enabled = ?2 WHERE address = ?1", values, 2, f);
}

static enum embedded_result
set_attribute(struct embedded *e, struct bytes address, const struct record_attribute *attribute, struct fault *f)
{
	struct bytes values[] = { address, attribute->name, attribute->value };
	enum embedded_result result = change(e,
		"DELETE FROM attribute WHERE user = (SELECT id FROM user WHERE address = ?1) AND name = ?2 COLLATE NOCASE", values, 2, f);

	if (result == EMBEDDED_FAILED || attribute->value.len == 0)
		return result == EMBEDDED_FAILED ? result : EMBEDDED_DONE;
	return change(e, "INSERT INTO attribute (user, name, value) SELECT id, ?2, ?3 FROM user WHERE address = ?1", values, 3, f);
}

enum embedded_result
embedded_set_attributes(struct embedded *e, struct bytes address, const struct record_attribute *attributes, size_t count, struct fault *f)
{
	enum embedded_result result = EMBEDDED_DONE;

	if (begin_edit(e, f) != 0)
		return EMBEDDED_FAILED;
	for (size_t i = 0; result == EMBEDDED_DONE && i < count; i++)
		result = set_attribute(e, address, &attributes[i], f);
	return end_edit(e, result, f);
}

static enum embedded_result
change_targets(struct embedded *e, const char *sql, const struct alias_record *record, struct fault *f)
{
	enum embedded_result result = EMBEDDED_DONE;

	if (begin_edit(e, f) != 0)
		return EMBEDDED_FAILED;
	for (size_t i = 0; result == EMBEDDED_DONE && i < record->target_count; i++) {
		struct bytes values[] = { record->address, record->targets[i] };

		result = change(e, sql, values, 2, f);
	}
	return end_edit(e, result, f);
}

enum embedded_result
embedded_add_alias(struct embedded *e, const struct alias_record *record, struct fault *f)
{
	return change_targets(e, "INSERT INTO target (alias, address) VALUES (?1, ?2)", record, f);
}

enum embedded_result
embedded_remove_alias(struct embedded *e, const struct alias_record *record, struct fault *f)
{
	if (record->target_count == 0)
		return change_once(e, "DELETE FROM target WHERE alias = ?1", &record->address, 1, f);
	return change_targets(e, "DELETE FROM target WHERE alias = ?1 AND address = ?2", record, f);
}
