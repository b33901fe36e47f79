/* A look at the server, on the source's thread: has something changed, and what does it make of all entries? */
#include "role/directory/ldap_source_internal.h"

#include "base/event.h"
#include "role/directory/early.h"
#include "role/directory/snapshot.h"
#include "sys/time.h"

enum { REST = 100, UNSAVED_MOST_US = 60000000, UNSAVED_MAX = 1048576 };

static struct bytes
origin_of(const struct ldap_source *s)
{
	return ldap_link_origin(s->link);
}

int64_t
ldap_source_quiet_us(const struct ldap_source *s)
{
	return (int64_t)s->quiet_s * 1000000;
}

static bool
is_news(const struct ldap_source *s)
{
	return s->must_read || s->must_poll || !bytes_equal(buf_bytes(&s->look_marker), buf_bytes(&s->marker));
}

static void
note_failed_saving(struct ldap_source *s)
{
	s->has_failed_saving = true;
	s->save_us = UNSAVED_MOST_US;
}

/* False: the copy on disk is the one before. */
static bool
write_snapshot(struct ldap_source *s, struct run *records)
{
	int64_t before_us = time_now().mono_us;
	struct fault f;

	if (s->directory >= 0
		&& snapshot_write(s->directory, SNAPSHOT_NAME, origin_of(s), buf_bytes(&s->look_marker), records, &f) != 0) {
		event(NULL, EV_SNAPSHOT_FAILED, STR("reason", f.text));
		note_failed_saving(s);
		return false;
	}
	s->has_failed_saving = false;
	s->save_us = time_now().mono_us - before_us;
	return true;
}

static void
begin_records(struct ldap_source *s)
{
	run_done(&s->look_records);
	run_init(&s->look_records, s->directory);
}

/* -1: the server could not be asked.  What is found may be of an entry that does not count, and strangers may ask for it
   as often as they like: so all that changed is read for it once in a while only, and else it alone (take_what_is_owed). */
static int
has_news(struct ldap_source *s, bool *is_news_there)
{
	*is_news_there = is_news(s) || ldap_poll_is_due(s->poll);
	if (*is_news_there || s->look_marker.len > 0 || !s->answering)
		return 0;
	if (ldap_questions_find(s->answering, s->link, &s->has_found, &s->fault) != 0)
		return -1;
	*is_news_there = s->has_found && s->may_find;
	return 0;
}

/* What only the sweep would find (it may have come late by its time) does not wait for it when somebody asks.  -1: the server could not be asked. */
static int
take_what_is_owed(struct ldap_source *s)
{
	if (!s->answering || !(ldap_poll_owes_sweep(s->poll) || s->has_found))
		return 0;
	return ldap_questions_take(s->answering, s->poll, &s->fault);
}

/* What is not told for long has to be sent when it is there: never mind how much else is.  -1: as above. */
static int
hear_the_rest(struct ldap_source *s)
{
	bool is_found = false;

	if (!s->answering)
		return 0;
	if (ldap_questions_find(s->answering, s->link, &is_found, &s->fault) != 0)
		return -1;
	if (!is_found || ldap_sync_reload(s->sync, &s->fault) == 0)
		return 0;
	ldap_link_turn_to_another(s->link);
	return -1;
}

/* What was read is what counts, or an error. */
static void
take_reading(struct ldap_source *s, size_t changes)
{
	if (s->result == 0)
		s->result = settle(&s->settler, &s->held, changes, time_now().mono_us, ldap_source_quiet_us(s), &s->look_records, &s->fault);
	s->has_read = s->result == 0;
	s->has_changed = changes > 0;
}

/* True: what changed is decided without all other entries.  Many are compared with what is held (doubt.h). */
static bool
take_few(struct ldap_source *s, const struct early *early, size_t changes)
{
	return !s->must_read && s->held.is_there && early->entries == changes && !early->pairs.has_failed && !doubt_is_due(0, changes)
		&& settle_few(&s->settler, buf_bytes(&early->pairs), &s->look_change);
}

/* True: the loop puts these in force first.  Not while somebody waits to hear of an address that may be among the others. */
static bool
hurry(struct ldap_source *s, struct early *early, size_t changes)
{
	if (s->must_read || !s->held.is_there || (s->answering && early->own != changes))
		return false;
	return early_take(early, !s->settler.doubt.since_us && !doubt_is_due(0, early->deleted), &s->look_hurried);
}

/* Nothing has to be made of entries that are as they were. */
static void
take_polled(struct ldap_source *s)
{
	size_t changes = ldap_poll_changes(s->poll);

	s->is_current = true;
	if (changes == 0 && !s->must_read)
		return;
	if (take_few(s, ldap_poll_early(s->poll), changes)) {
		ldap_poll_settled(s->poll);
		return;
	}
	if (hurry(s, ldap_poll_early(s->poll), changes))
		return;
	s->result = ldap_poll_read(s->poll, &s->look_records, &s->fault);
	take_reading(s, changes);
	if (s->has_read)
		ldap_poll_settled(s->poll);
}

/* The marker is read before the records: what changes in between is read once more, never missed.  False: the server
   could not be read, and another one may do. */
static bool
look_by_marker(struct ldap_source *s)
{
	bool is_news_there;

	s->result = has_news(s, &is_news_there);
	if (s->result != 0)
		return true;
	/* s->fault still says what was wrong with the last one. */
	if (is_news_there && !s->may_read) {
		s->result = -1;
		return true;
	}
	if (is_news_there)
		s->result = ldap_poll_update(s->poll, buf_bytes(&s->look_marker), is_news(s), &s->fault);
	if (s->result == 0)
		s->result = take_what_is_owed(s);
	if (s->result != 0)
		ldap_link_turn_to_another(s->link);
	else if (is_news_there || ldap_poll_changes(s->poll) > 0)
		take_polled(s);
	s->has_failed_reading = s->result != 0 && !ldap_link_was_slow(s->link);
	return s->result == 0;
}

static bool
look_by_sync(struct ldap_source *s)
{
	size_t changes = ldap_sync_changes(s->sync);
	bool is_told;

	if (changes == 0 && !s->must_read)
		return true;
	if (take_few(s, ldap_sync_early(s->sync), changes)) {
		ldap_sync_settled(s->sync);
		return true;
	}
	if (hurry(s, ldap_sync_early(s->sync), changes))
		return true;
	if (!s->may_read) {
		s->result = -1;
		return true;
	}
	s->result = ldap_sync_read(s->sync, &s->look_records, &s->fault);
	is_told = s->result == 0;
	take_reading(s, changes);
	if (s->has_read)
		ldap_sync_settled(s->sync);
	/* No other server helps then. */
	s->has_failed_reading = is_told && !s->has_read;
	return is_told;
}

/* False: as look_by_marker. */
static bool
look_at_one(struct ldap_source *s)
{
	buf_reset(&s->look_marker);
	begin_records(s);
	s->is_synced = s->is_current = false;
	s->result = ldap_link_marker(s->link, &s->look_marker, &s->fault);
	if (s->result != 0)
		return true;
	switch (ldap_sync_follow(s->sync, buf_bytes(&s->look_marker), s->answering != NULL, &s->fault)) {
	case LDAP_SYNC_RESULT_ABSENT:
		return look_by_marker(s);
	case LDAP_SYNC_RESULT_FAILED:
		s->result = -1;
		ldap_link_turn_to_another(s->link);
		return false;
	case LDAP_SYNC_RESULT_CURRENT:
		s->is_current = true;
		break;
	case LDAP_SYNC_RESULT_SILENT:
		s->is_current = true;
		s->result = hear_the_rest(s);
		break;
	case LDAP_SYNC_RESULT_BEHIND:
		s->result = s->answering ? ldap_questions_undecide(s->answering, s->link, &s->fault) : 0;
		break;
	}
	s->is_synced = true;
	ldap_poll_forget(s->poll);
	return s->result != 0 || look_by_sync(s);
}

static void
save(struct ldap_source *s)
{
	run_done(&s->saved);
	run_init(&s->saved, s->directory);
	s->has_lost = !held_read(&s->held, &s->saved);
	if (s->has_lost)
		note_failed_saving(s);
	else
		s->has_saved = write_snapshot(s, &s->saved);
}

/* What changed since the copy on disk was written lies in memory for a while: writing it takes long when all of it is much.  However much it is,
   what failed is tried again in a minute. */
static bool
is_save_due(const struct ldap_source *s)
{
	int64_t unsaved_us = s->unsaved_us ? time_now().mono_us - s->unsaved_us : 0;
	bool is_much = held_changes(&s->held) > UNSAVED_MAX && s->save_us < UNSAVED_MOST_US;

	return is_much || unsaved_us > s->save_us * REST || unsaved_us > UNSAVED_MOST_US;
}

void
ldap_look(struct job *job)
{
	struct ldap_source *s = (void *)((uint8_t *)job - offsetof(struct ldap_source, job));

	/* Before the look: what it brings is not held yet at its end, and each may bring something. */
	if (is_save_due(s))
		save(s);
	if (s->look_turns_to != LDAP_SOURCE_NOBODY)
		ldap_link_turn_to(s->link, s->look_turns_to);
	for (size_t tries = ldap_link_server_count(s->link); tries > 0 && !look_at_one(s); tries--)
		continue;
	if (s->has_read)
		(void)write_snapshot(s, &s->look_records); /* else it is tried again */
	else if (s->result != 0 && s->fault.kind == FAULT_PERM)
		settle_nobody(&s->settler, &s->held, time_now().mono_us);
	wake_send(&s->wake);
}

void
ldap_look_finish(struct ldap_source *s)
{
	bool has_changed = !change_is_empty(&s->look_change);

	/* What a look that the loop did not hear of has read is on disk. */
	if (s->is_looking && s->has_read)
		return;
	if ((has_changed && held_change(&s->held, &s->look_change)) || s->unsaved_us)
		save(s);
}
