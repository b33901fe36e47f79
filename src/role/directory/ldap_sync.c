/* Two searches, users and groups, since only the server knows which filter an entry meets.

   A refresh is a pass over the entries (entries.h).  With a cookie it ends with what is not mentioned deleted (present phase) or
   kept (delete phase); without one, and after e-syncRefreshRequired, whatever is not sent is gone.  A cookie counts from the
   end of a refresh on: before it, it would promise entries that have not come yet (RFC 4533 3.3.1).

   The server tells nothing of the entries below one that was renamed, though their names are others now.  A change that is told
   by its cookie alone may be such a one: then it is asked whether an entry that has others below it has changed, and all
   are read anew if so. */
#include "role/directory/ldap_sync.h"

#include "base/event.h"
#include "base/memory.h"
#include "role/directory/early.h"
#include "role/directory/entries.h"
#include "role/directory/ldap_link_internal.h"
#include "role/directory/ldap_marker.h"
#include "role/directory/sync_value.h"
#include "sys/time.h"

enum { SEARCHES = 2, NO_SEARCH = -1, CATCH_UP_US = 1000000, SILENT_US = 5000000, UNSAVED_MAX = 1048576, SAVE_US = 60000000, CSN_FILTER_MAX = 256, MANY = 1000000 };

struct search {
	const char *filter;
	const char **wanted;
	bool is_of_groups;
	struct entries entries;
	struct buf state; /* what the server told us up to, as a marker; empty: nothing */
	struct buf saved; /* as it stands in the file */
	int message; /* of the search that is open, or NO_SEARCH */
	bool is_full, is_persisting;
	bool is_strange; /* the server told of an entry that it ought to have sent before */
};

struct ldap_sync {
	struct ldap_link *link;
	struct search searches[SEARCHES];
	size_t count;
	struct buf behind; /* a marker whose changes were not all told when it was asked for first */
	int64_t behind_us; /* mono; since when that marker is ahead; 0: all was sent anew since */
	struct buf checked; /* the state up to which no entry with others below it has changed */
	uint64_t connection; /* that the searches are open on */
	bool is_offered; /* on that connection */
	bool is_unexplained; /* a change was told by its cookie alone */
	size_t changes; /* of entries, not settled yet */
	struct early early; /* those of them that were told one by one */
	int64_t saved_us; /* mono */
	struct ldap_sync_counts counts;
};

static const char *const names[SEARCHES] = { "ldap.users", "ldap.groups" };

/* ---- what an earlier process left */

static void
init_search(struct ldap_sync *s, const char *filter, const char **wanted, bool is_of_groups, int directory)
{
	struct search *search = &s->searches[s->count];

	*search = (struct search){ .filter = filter, .wanted = wanted, .is_of_groups = is_of_groups, .message = NO_SEARCH };
	buf_init(&search->state, IMAGE_TEXT_MAX);
	buf_init(&search->saved, IMAGE_TEXT_MAX);
	entries_init(&search->entries, directory, names[s->count++], ldap_link_origin(s->link), IMAGE_OCTETS_MAX);
	if (entries_open(&search->entries, &search->state))
		put_bytes(&search->saved, buf_bytes(&search->state));
}

struct ldap_sync *
ldap_sync_new(struct ldap_link *link, int directory)
{
	struct ldap_sync *s = NEW(struct ldap_sync);

	s->link = link;
	init_search(s, link->users, link->mapping.wanted, false, directory);
	if (link->groups)
		init_search(s, link->groups, link->mapping.group_wanted, true, directory);
	buf_init(&s->behind, IMAGE_TEXT_MAX);
	buf_init(&s->checked, IMAGE_TEXT_MAX);
	put_bytes(&s->checked, buf_bytes(&s->searches[0].state));
	early_init(&s->early);
	s->changes = MANY;
	return s;
}

static void
save(struct search *search)
{
	struct fault f;

	if (search->is_full && !search->is_persisting)
		return; /* half of a first reading */
	if (entries_unsaved(&search->entries) == 0 && bytes_equal(buf_bytes(&search->state), buf_bytes(&search->saved)))
		return;
	if (entries_save(&search->entries, buf_bytes(&search->state), &f) != 0)
		event(NULL, EV_SNAPSHOT_FAILED, STR("reason", f.text));
	buf_reset(&search->saved);
	put_bytes(&search->saved, buf_bytes(&search->state));
}

static void
save_when_due(struct ldap_sync *s)
{
	int64_t now_us = time_now().mono_us;
	size_t unsaved = 0;

	for (size_t i = 0; i < s->count; i++)
		unsaved += entries_unsaved(&s->searches[i].entries);
	if (unsaved == 0 || (unsaved < UNSAVED_MAX && now_us - s->saved_us < SAVE_US && s->saved_us))
		return;
	s->saved_us = now_us;
	for (size_t i = 0; i < s->count; i++)
		save(&s->searches[i]);
}

void
ldap_sync_free(struct ldap_sync **at)
{
	struct ldap_sync *s = *at;

	if (!s)
		return;
	*at = NULL;
	for (size_t i = 0; i < s->count; i++) {
		save(&s->searches[i]);
		entries_done(&s->searches[i].entries);
		buf_done(&s->searches[i].state);
		buf_done(&s->searches[i].saved);
	}
	early_done(&s->early);
	buf_done(&s->behind);
	buf_done(&s->checked);
	memory_free(s);
}

/* ---- what a server says */

static int
malformed(struct ldap_sync *s, struct fault *f)
{
	return ldap_link_failed(s->link, "sync", LDAP_DECODING_ERROR, f);
}

static void
adopt(struct search *search, struct bytes cookie)
{
	if (search->is_persisting)
		ldap_marker_add_cookie(&search->state, cookie);
}

static int
put_entry(struct ldap_sync *s, struct search *search, LDAPMessage *message, struct bytes uuid, struct fault *f)
{
	struct buf records, members;
	int result = 0;

	buf_init(&records, IMAGE_OCTETS_MAX);
	buf_init(&members, IMAGE_OCTETS_MAX);
	if (search->is_of_groups)
		ldap_entry_put_group(&records, &s->link->mapping, s->link->wire.ld, message, &members);
	else
		ldap_entry_put(&records, &s->link->mapping, s->link->wire.ld, message);
	if (records.has_failed)
		result = fault_set(f, FAULT_LIMIT, "the directory holds more than fits");
	if (result == 0 && search->is_persisting)
		early_note_put(&s->early, &search->entries, uuid, buf_bytes(&records));
	if (result == 0)
		s->changes += entries_put(&search->entries, uuid, buf_bytes(&records));
	buf_done_secret(&records);
	buf_done(&members);
	return result;
}

static int
take_state(struct ldap_sync *s, struct search *search, LDAPMessage *message, const struct berval *value, struct fault *f)
{
	struct sync_state state;

	if (!sync_parse_state(bytes_of(value->bv_val, value->bv_len), &state))
		return malformed(s, f);
	s->counts.entries++;
	switch (state.change) {
	case SYNC_PRESENT:
		entries_meet(&search->entries, state.uuid);
		break;
	case SYNC_ADD:
	case SYNC_MODIFY:
		if (put_entry(s, search, message, state.uuid, f) != 0)
			return -1;
		break;
	case SYNC_DELETE:
		if (search->is_persisting)
			early_note_delete(&s->early, &search->entries, state.uuid);
		s->changes += entries_delete(&search->entries, state.uuid);
		break;
	}
	adopt(search, state.cookie);
	return 0;
}

static int
take_entry(struct ldap_sync *s, struct search *search, LDAPMessage *message, struct fault *f)
{
	LDAPControl **controls = NULL, *found = NULL;
	int result;

	if (ldap_get_entry_controls(s->link->wire.ld, message, &controls) == LDAP_SUCCESS && controls)
		found = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
	result = found ? take_state(s, search, message, &found->ldctl_value, f) : malformed(s, f);
	ldap_controls_free(controls);
	return result;
}

static void
take_id_set(struct ldap_sync *s, struct search *search, const struct sync_info *info)
{
	struct bytes rest = info->uuids, uuid;

	while (sync_take_uuid(&rest, &uuid))
		if (info->has_deletes)
			s->changes += entries_delete(&search->entries, uuid);
		else
			entries_meet(&search->entries, uuid);
}

static void
end_phase(struct ldap_sync *s, struct search *search, const struct sync_info *info)
{
	search->is_strange |= entries_has_strangers(&search->entries);
	if (info->kind == SYNC_REFRESH_PRESENT || (search->is_full && info->is_done))
		s->changes += entries_end_pass(&search->entries);
	else if (!search->is_full)
		entries_drop_pass(&search->entries);
	if (!info->is_done)
		return;
	s->counts.refreshes++;
	s->link->counts[s->link->current].answers++;
	search->is_persisting = true;
}

static int
take_info(struct ldap_sync *s, struct search *search, struct bytes value, struct fault *f)
{
	struct sync_info info;

	if (!sync_parse_info(value, &info))
		return malformed(s, f);
	if (info.kind == SYNC_ID_SET)
		take_id_set(s, search, &info);
	else if (info.kind == SYNC_NEW_COOKIE)
		s->is_unexplained = true;
	else
		end_phase(s, search, &info);
	adopt(search, info.cookie);
	return 0;
}

static int
take_intermediate(struct ldap_sync *s, struct search *search, LDAPMessage *message, struct fault *f)
{
	struct berval *value = NULL;
	char *oid = NULL;
	int result = 0;

	if (ldap_parse_intermediate(s->link->wire.ld, message, &oid, &value, NULL, 0) != LDAP_SUCCESS)
		return malformed(s, f);
	if (oid && value && bytes_equal(bytes_text(oid), BYTES(LDAP_SYNC_INFO)))
		result = take_info(s, search, bytes_of(value->bv_val, value->bv_len), f);
	ldap_memfree(oid);
	ber_bvfree(value);
	return result;
}

/* The search has ended, which it does not do by itself: e-syncRefreshRequired, another trouble with the cookie, or it may not be
   done at all. */
static int
take_end(struct ldap_sync *s, struct search *search, LDAPMessage *message, struct fault *f)
{
	int code = LDAP_OTHER;

	if (ldap_parse_result(s->link->wire.ld, message, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
		return malformed(s, f);
	search->message = NO_SEARCH;
	entries_drop_pass(&search->entries);
	if (search->is_persisting && code != LDAP_SYNC_REFRESH_REQUIRED)
		return 0;
	if (search->is_full)
		s->is_offered = false;
	buf_reset(&search->state);
	return 0;
}

static int
take_message(struct ldap_sync *s, struct search *search, LDAPMessage *message, struct fault *f)
{
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		return take_entry(s, search, message, f);
	case LDAP_RES_INTERMEDIATE:
		return take_intermediate(s, search, message, f);
	case LDAP_RES_SEARCH_RESULT:
		return take_end(s, search, message, f);
	default:
		return 0; /* a reference: of another server's entries */
	}
}

/* ---- asking */

/* Takes one message of the search, if one comes within that time.  1: it did; 0: none; -1 with *f. */
static int
take_next(struct ldap_sync *s, struct search *search, int64_t patience_us, struct fault *f)
{
	struct timeval patience = { patience_us / 1000000, patience_us % 1000000 };
	LDAPMessage *message = NULL;
	int got, code = LDAP_SERVER_DOWN;

	ldap_link_begin(s->link);
	got = ldap_result(s->link->wire.ld, search->message, LDAP_MSG_ONE, &patience, &message);
	if (ldap_watch_end(&s->link->wire.watch)) {
		(void)ldap_msgfree(message);
		return ldap_link_failed(s->link, "sync", LDAP_TIMEOUT, f);
	}
	if (got == -1) {
		(void)ldap_get_option(s->link->wire.ld, LDAP_OPT_RESULT_CODE, &code);
		return ldap_link_failed(s->link, "sync", code, f);
	}
	if (got > 0)
		got = take_message(s, search, message, f) == 0 && entries_check_room(&search->entries, f) == 0 ? 1 : -1;
	(void)ldap_msgfree(message);
	return got;
}

static int
begin_search(struct ldap_sync *s, struct search *search, struct fault *f)
{
	LDAPControl control = { .ldctl_oid = (char[]){ LDAP_CONTROL_SYNC }, .ldctl_iscritical = 1 }, *controls[] = { &control, NULL };
	struct buf cookie, request;
	int code;

	buf_init(&cookie, IMAGE_TEXT_MAX * 2);
	buf_init(&request, IMAGE_TEXT_MAX * 3);
	ldap_marker_put_cookie(&cookie, buf_bytes(&search->state));
	sync_put_request(&request, buf_bytes(&cookie));
	search->is_full = cookie.len == 0;
	search->is_persisting = search->is_strange = false;
	entries_begin_pass(&search->entries, search->is_full);
	control.ldctl_value = (struct berval){ request.len, (char *)request.ptr };
	ldap_link_begin(s->link);
	code = ldap_search_ext(s->link->wire.ld, s->link->base, LDAP_SCOPE_SUBTREE, search->filter, (char **)(void *)search->wanted, 0, controls,
		NULL, NULL, LDAP_NO_LIMIT, &search->message);
	if (ldap_watch_end(&s->link->wire.watch))
		code = LDAP_TIMEOUT;
	buf_done(&cookie);
	buf_done(&request);
	return code == LDAP_SUCCESS ? 0 : ldap_link_failed(s->link, "sync", code, f);
}

/* The next refresh sends all of it. */
static void
abandon(struct ldap_sync *s, struct search *search)
{
	(void)ldap_abandon_ext(s->link->wire.ld, search->message, NULL, NULL);
	search->message = NO_SEARCH;
	search->is_persisting = false;
	buf_reset(&search->state);
}

/* Until it persists, or is not offered. */
static int
refresh(struct ldap_sync *s, struct search *search, struct fault *f)
{
	while (s->is_offered && (!search->is_persisting || search->is_strange)) {
		int got;

		if (search->is_persisting)
			abandon(s, search);
		if (search->message == NO_SEARCH && begin_search(s, search, f) != 0)
			return -1;
		got = take_next(s, search, s->link->timeout.tv_sec * (int64_t)1000000, f);
		if (got == 0)
			return ldap_link_failed(s->link, "sync", LDAP_TIMEOUT, f);
		if (got < 0)
			return -1;
		search->is_strange &= !search->is_full;
	}
	return 0;
}

/* Takes what has come; one that has ended meanwhile begins anew. */
static int
follow_search(struct ldap_sync *s, struct search *search, struct fault *f)
{
	int got = 0;

	while (search->message != NO_SEARCH && search->is_persisting && (got = take_next(s, search, 0, f)) > 0)
		continue;
	if (search->message == NO_SEARCH)
		search->is_persisting = false;
	return got < 0 ? -1 : refresh(s, search, f);
}

static int
follow_all(struct ldap_sync *s, struct fault *f)
{
	for (size_t i = 0; i < s->count && s->is_offered; i++)
		if (follow_search(s, &s->searches[i], f) != 0)
			return -1;
	return 0;
}

/* Waits for what the marker knows of. */
static int
catch_up(struct ldap_sync *s, struct search *search, struct bytes marker, int64_t until_us, struct fault *f)
{
	int64_t left_us;

	while (search->message != NO_SEARCH && ldap_marker_is_behind(buf_bytes(&search->state), marker)
		&& (left_us = until_us - time_now().mono_us) > 0)
		if (take_next(s, search, left_us, f) < 0)
			return -1;
	return 0;
}

/* ---- what it does not say */

/* Has an entry with others below it changed since? */
static int
find_changed_trees(struct ldap_sync *s, bool *is_found, struct fault *f)
{
	char name[] = "entryCSN", *attributes[] = { name, NULL }, filter[CSN_FILTER_MAX];
	struct timeval timeout = s->link->timeout;
	LDAPMessage *result = NULL;
	struct buf text;
	int code;

	buf_init_fixed(&text, filter, sizeof filter);
	put_text(&text, "(&(hasSubordinates=TRUE)(entryCSN>=");
	put_bytes(&text, ldap_marker_first(buf_bytes(&s->checked)));
	put_text(&text, "))");
	put_char(&text, '\0');
	if (text.has_failed)
		return 0;
	ldap_link_begin(s->link);
	code = ldap_search_ext_s(s->link->wire.ld, s->link->base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, &timeout, LDAP_NO_LIMIT,
		&result);
	*is_found = code == LDAP_SIZELIMIT_EXCEEDED;
	for (LDAPMessage *e = code == LDAP_SUCCESS ? ldap_first_entry(s->link->wire.ld, result) : NULL; e; e = ldap_next_entry(s->link->wire.ld, e)) {
		struct berval **values = ldap_get_values_len(s->link->wire.ld, e, name);

		if (values && values[0])
			*is_found |= ldap_marker_is_before(buf_bytes(&s->checked), bytes_of(values[0]->bv_val, values[0]->bv_len));
		ldap_value_free_len(values);
	}
	(void)ldap_msgfree(result);
	return ldap_link_end(s->link, code >= 0 ? 0 : ldap_link_failed(s->link, "entryCSN", code, f), "entryCSN", f);
}

int
ldap_sync_reload(struct ldap_sync *s, struct fault *f)
{
	for (size_t i = 0; i < s->count; i++)
		abandon(s, &s->searches[i]);
	s->behind_us = 0;
	return follow_all(s, f);
}

static int
check_trees(struct ldap_sync *s, struct fault *f)
{
	bool is_found = false;

	if ((s->is_unexplained && s->checked.len && find_changed_trees(s, &is_found, f) != 0) || (is_found && ldap_sync_reload(s, f) != 0))
		return -1;
	s->is_unexplained = false;
	buf_reset(&s->checked);
	put_bytes(&s->checked, buf_bytes(&s->searches[0].state));
	return 0;
}

/* ---- in all */

static int
look_at_connection(struct ldap_sync *s, struct bytes marker, struct fault *f)
{
	if (s->connection == s->link->connections)
		return 0;
	for (size_t i = 0; i < s->count; i++) {
		s->searches[i].message = NO_SEARCH;
		s->searches[i].is_persisting = false;
		/* Its database was put back: it does not know what it told, and would not send it all again. */
		if (ldap_marker_is_behind(marker, buf_bytes(&s->searches[i].state)))
			buf_reset(&s->searches[i].state);
	}
	s->is_offered = false;
	if (ldap_marker_has_csn(marker) && ldap_link_has_control(s->link, LDAP_CONTROL_SYNC, &s->is_offered, f) != 0)
		return -1;
	s->connection = s->link->connections;
	s->is_unexplained = true;
	return 0;
}

/* A deletion of what is none of the search's is not told, so that its state may stay behind until something else happens. */
static enum ldap_sync_result
note_behind(struct ldap_sync *s, struct bytes marker, int64_t now_us)
{
	bool is_behind = false;

	for (size_t i = 0; i < s->count && !is_behind; i++)
		is_behind = ldap_marker_is_behind(buf_bytes(&s->searches[i].state), marker);
	if (!is_behind)
		return LDAP_SYNC_RESULT_CURRENT;
	if (bytes_equal(marker, buf_bytes(&s->behind)))
		return s->behind_us == 0 ? LDAP_SYNC_RESULT_CURRENT : now_us - s->behind_us < SILENT_US ? LDAP_SYNC_RESULT_BEHIND : LDAP_SYNC_RESULT_SILENT;
	buf_reset(&s->behind);
	put_bytes(&s->behind, marker);
	s->behind_us = now_us;
	return LDAP_SYNC_RESULT_BEHIND;
}

static int
follow(struct ldap_sync *s, struct bytes marker, bool is_urgent, struct fault *f)
{
	int64_t now_us = time_now().mono_us;
	int64_t until_us = (bytes_equal(marker, buf_bytes(&s->behind)) ? s->behind_us : now_us) + CATCH_UP_US;

	if (look_at_connection(s, marker, f) != 0 || follow_all(s, f) != 0)
		return -1;
	for (size_t i = 0; is_urgent && s->is_offered && i < s->count; i++)
		if (catch_up(s, &s->searches[i], marker, until_us, f) != 0)
			return -1;
	return s->is_offered ? check_trees(s, f) : 0;
}

enum ldap_sync_result
ldap_sync_follow(struct ldap_sync *s, struct bytes marker, bool is_urgent, struct fault *f)
{
	if (follow(s, marker, is_urgent, f) != 0)
		return LDAP_SYNC_RESULT_FAILED;
	if (!s->is_offered) {
		s->changes = MANY; /* what was read in another way is in force then */
		return LDAP_SYNC_RESULT_ABSENT;
	}
	save_when_due(s);
	return note_behind(s, marker, time_now().mono_us);
}

size_t
ldap_sync_changes(const struct ldap_sync *s)
{
	return s->changes;
}

/* The next connection has to tell all of it. */
static void
forget(struct ldap_sync *s)
{
	for (size_t i = 0; i < s->count; i++) {
		entries_clear(&s->searches[i].entries);
		buf_reset(&s->searches[i].state);
	}
	buf_reset(&s->checked);
	s->changes = MANY;
	ldap_link_turn_to(s->link, ldap_link_current(s->link));
}

int
ldap_sync_read(struct ldap_sync *s, struct run *records, struct fault *f)
{
	for (size_t i = 0; i < s->count; i++) {
		uint64_t before = run_octets(records);

		if (!entries_read(&s->searches[i].entries, records)) {
			forget(s);
			return fault_set(f, FAULT_TEMP, "%s can't be read any more", names[i]);
		}
		if (i == 0 && run_octets(records) == before && !records->tail.has_failed)
			return ldap_link_tell_empty(s->link, f);
	}
	return records->tail.has_failed ? fault_set(f, FAULT_LIMIT, "the directory holds more than fits") : 0;
}

struct early *
ldap_sync_early(struct ldap_sync *s)
{
	return &s->early;
}

void
ldap_sync_settled(struct ldap_sync *s)
{
	s->changes = 0;
	early_reset(&s->early);
}

struct ldap_sync_counts
ldap_sync_count(const struct ldap_sync *s)
{
	return s->counts;
}
