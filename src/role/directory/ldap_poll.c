/* An entry is known by its objectGUID or entryUUID, or its name when it has neither, and its stamp is a digest of its name and of what the server
   changes with it: uSNChanged ([MS-ADTS] 3.1.1.1.9) or modifyTimestamp (RFC 4512 3.4.4).

   Changes are asked for by the first of these that all entries have.  USNs are counted by one server, whose highestCommittedUSN was read before:
   all up to that were there.  Times are asked for from the last one seen on, that one too: a second may hold more than one change.  A change that
   came late by its time (another master's), an entry that was renamed with what is above it, and one that meets the filter no more without
   a change of its own are found by the sweep: the stamps of the first two differ, and the third is not there.

   A sweep costs the server and us something for each entry: the next one comes no sooner than twenty times as long after it. */
#include "role/directory/ldap_poll.h"

#include "base/event.h"
#include "base/memory.h"
#include "role/directory/early.h"
#include "role/directory/entries.h"
#include "role/directory/ldap_link_internal.h"
#include "role/directory/ldap_page.h"
#include "role/directory/sync_value.h"
#include "sys/time.h"

#include <string.h>

enum { SEARCHES = 2, REST = 20, TIME_OCTETS_MAX = 32, FILTER_OCTETS_MAX = 65536, READ_ONE_BY_ONE_MAX = 1000, UNSAVED_MAX = 1048576, MANY = 1000000,
	WANTED_MAX = LDAP_WANTED_MAX + 24 };

enum how { BY_NOTHING, BY_USN, BY_TIME };

struct search {
	const char *filter;
	bool is_of_groups;
	const char *wanted[WANTED_MAX];
	struct entries entries;
	struct map *stamps; /* key of an entry -> its stamp */
	struct map *met; /* the same of those that a pass met; NULL: there is none */
	size_t known; /* of them */
	struct buf changed; /* names of entries with another stamp, each with a NUL */
	size_t changed_count;
};

struct ldap_poll {
	struct ldap_link *link;
	struct search searches[SEARCHES];
	size_t count;
	enum how how;
	bool has_usns, has_times; /* all entries of the last full reading */
	bool is_read;
	size_t server; /* that was read */
	uint64_t host; /* what it called itself */
	uint64_t usn; /* up to which all changes were taken */
	char time[TIME_OCTETS_MAX]; /* of the last change that was seen */
	int64_t sweep_again_us, most_us;
	bool needs_sweep;
	size_t changes;
	struct early early; /* those of them that were found one by one */
	struct ldap_poll_counts counts;
};

struct visit {
	struct ldap_poll *poll;
	struct search *search;
	size_t count;
	bool is_sweep;
};

static const char *const names[SEARCHES] = { "ldap.polled.users", "ldap.polled.groups" };
static const char *const key_attributes[] = { "objectGUID", "entryUUID", NULL };
static const char *stamp_wanted[] = { "objectGUID", "entryUUID", "uSNChanged", "modifyTimestamp", NULL };

static void
init_search(struct ldap_poll *p, const char *filter, const char **wanted, bool is_of_groups, int directory)
{
	struct search *s = &p->searches[p->count];
	size_t count = 0;

	*s = (struct search){ .filter = filter, .is_of_groups = is_of_groups, .stamps = map_new() };
	for (; wanted[count]; count++)
		s->wanted[count] = wanted[count];
	for (size_t i = 0; stamp_wanted[i]; i++)
		s->wanted[count++] = stamp_wanted[i];
	buf_init(&s->changed, IMAGE_OCTETS_MAX);
	entries_init(&s->entries, directory, names[p->count++], ldap_link_origin(p->link), IMAGE_OCTETS_MAX);
}

struct ldap_poll *
ldap_poll_new(struct ldap_link *link, int directory, int64_t most_us)
{
	struct ldap_poll *p = NEW(struct ldap_poll);

	p->link = link;
	p->most_us = most_us;
	early_init(&p->early);
	init_search(p, link->users, link->mapping.wanted, false, directory);
	if (link->groups)
		init_search(p, link->groups, link->mapping.group_wanted, true, directory);
	return p;
}

void
ldap_poll_free(struct ldap_poll **at)
{
	struct ldap_poll *p = *at;

	if (!p)
		return;
	*at = NULL;
	for (size_t i = 0; i < p->count; i++) {
		entries_done(&p->searches[i].entries);
		map_free(&p->searches[i].stamps);
		map_free(&p->searches[i].met);
		buf_done(&p->searches[i].changed);
	}
	early_done(&p->early);
	memory_free(p);
}

/* ---- an entry */

/* Digests, in the octets of a UUID. */
static void
put_key(struct ldap_poll *p, LDAPMessage *entry, const char *dn, uint8_t key[SYNC_UUID_OCTETS])
{
	uint64_t hash = map_hash(bytes_text(dn));

	for (size_t i = 0; key_attributes[i]; i++) {
		struct berval **values = ldap_get_values_len(p->link->wire.ld, entry, key_attributes[i]);
		bool is_there = values && values[0] && values[0]->bv_len;

		if (is_there)
			hash = map_hash(bytes_of(values[0]->bv_val, values[0]->bv_len));
		ldap_value_free_len(values);
		if (is_there)
			break;
	}
	memset(key, 0, SYNC_UUID_OCTETS);
	memcpy(key, &hash, sizeof hash);
}

static uint64_t
number_of(const uint8_t key[SYNC_UUID_OCTETS])
{
	uint64_t number;

	memcpy(&number, key, sizeof number);
	return number;
}

/* What stands in a filter and is compared. */
static bool
is_time(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!byte_is_class(value.ptr[i], CLASS_DIGIT) && value.ptr[i] != '.' && value.ptr[i] != 'Z')
			return false;
	return value.len > 0 && value.len < TIME_OCTETS_MAX;
}

static void
note_time(struct ldap_poll *p, struct bytes value)
{
	if (bytes_compare(value, bytes_text(p->time)) <= 0)
		return;
	memcpy(p->time, value.ptr, value.len);
	p->time[value.len] = '\0';
}

/* Of name and change.  Notes what there is to go by. */
static uint64_t
stamp_of(struct ldap_poll *p, LDAPMessage *entry, const char *dn, bool is_sweep)
{
	struct berval **usns = ldap_get_values_len(p->link->wire.ld, entry, "uSNChanged");
	struct berval **times = ldap_get_values_len(p->link->wire.ld, entry, "modifyTimestamp");
	struct bytes usn = usns && usns[0] ? bytes_of(usns[0]->bv_val, usns[0]->bv_len) : BYTES_NONE;
	struct bytes time = times && times[0] ? bytes_of(times[0]->bv_val, times[0]->bv_len) : BYTES_NONE;
	uint64_t stamp = map_hash(bytes_text(dn)) * 3 + map_hash(usn) * 5 + map_hash(time);

	p->has_usns &= usn.len > 0 && bytes_all_class(usn, CLASS_DIGIT);
	p->has_times &= is_time(time);
	/* A change that a sweep alone has seen was not read yet. */
	if (!is_sweep && is_time(time))
		note_time(p, time);
	ldap_value_free_len(usns);
	ldap_value_free_len(times);
	return stamp | 1;
}

static int
put_records(struct ldap_poll *p, const struct search *s, LDAPMessage *entry, struct buf *records, struct fault *f)
{
	if (s->is_of_groups)
		return ldap_link_put_group(p->link, entry, records, f);
	ldap_entry_put(records, &p->link->mapping, p->link->wire.ld, entry);
	return 0;
}

/* Takes all of the entry. */
static int
take_whole(struct visit *v, LDAPMessage *entry, const uint8_t key[SYNC_UUID_OCTETS], uint64_t stamp, struct fault *f)
{
	struct search *s = v->search;
	struct buf records;
	int result;

	buf_init(&records, IMAGE_OCTETS_MAX);
	result = put_records(v->poll, s, entry, &records, f);
	if (result == 0 && records.has_failed)
		result = fault_set(f, FAULT_LIMIT, "the directory holds more than fits");
	if (result == 0) {
		if (!s->met)
			early_note_put(&v->poll->early, &s->entries, bytes_of(key, SYNC_UUID_OCTETS), buf_bytes(&records));
		v->poll->changes += entries_put(&s->entries, bytes_of(key, SYNC_UUID_OCTETS), buf_bytes(&records));
		(void)map_put_number(s->met ? s->met : s->stamps, number_of(key), (void *)(uintptr_t)stamp);
		result = entries_check_room(&s->entries, f);
	}
	buf_done_secret(&records);
	return result;
}

/* Looks whether the entry is as it was. */
static void
compare(struct visit *v, const char *dn, const uint8_t key[SYNC_UUID_OCTETS], uint64_t stamp)
{
	struct search *s = v->search;
	uintptr_t known = (uintptr_t)map_get_number(s->stamps, number_of(key));

	entries_meet(&s->entries, bytes_of(key, SYNC_UUID_OCTETS));
	s->known += known != 0;
	(void)map_put_number(s->met, number_of(key), (void *)(known ? known : 1));
	if (known == (uintptr_t)stamp)
		return;
	s->changed_count++;
	put_text(&s->changed, dn);
	put_char(&s->changed, '\0');
}

static int
visit(void *arg, LDAPMessage *entry, struct fault *f)
{
	struct visit *v = arg;
	char *dn = ldap_get_dn(v->poll->link->wire.ld, entry);
	uint8_t key[SYNC_UUID_OCTETS];
	uint64_t stamp;
	int result = 0;

	if (!dn)
		return fault_set(f, FAULT_TEMP, "an entry has no name");
	put_key(v->poll, entry, dn, key);
	stamp = stamp_of(v->poll, entry, dn, v->is_sweep);
	v->count++;
	if (v->is_sweep)
		compare(v, dn, key, stamp);
	else
		result = take_whole(v, entry, key, stamp, f);
	ldap_memfree(dn);
	return result;
}

/* ---- passes over all entries */

static void
begin_pass(struct search *s, bool is_full)
{
	entries_begin_pass(&s->entries, is_full);
	map_free(&s->met);
	s->met = map_new();
	s->known = s->changed_count = 0;
	buf_reset(&s->changed);
}

static void
drop_pass(struct search *s)
{
	entries_drop_pass(&s->entries);
	map_free(&s->met);
}

static void
note_gone(struct ldap_poll *p, struct search *s)
{
	uint8_t key[SYNC_UUID_OCTETS] = { 0 };
	size_t at = 0, left = map_count(s->stamps) - s->known;
	struct bytes number;
	void *stamp;

	while (left > 0 && p->early.entries <= EARLY_MAX && map_next(s->stamps, &at, &number, &stamp)) {
		memcpy(key, number.ptr, sizeof(uint64_t));
		if (map_get_number(s->met, number_of(key)))
			continue;
		left--;
		early_note_delete(&p->early, &s->entries, bytes_of(key, sizeof key));
	}
}

/* What was not met is gone.  When all was, that need not be looked for. */
static void
end_pass(struct ldap_poll *p, struct search *s, bool is_full)
{
	if (!is_full)
		note_gone(p, s);
	if (is_full || s->known < map_count(s->stamps))
		p->changes += entries_end_pass(&s->entries);
	entries_drop_pass(&s->entries);
	map_free(&s->stamps);
	s->stamps = s->met;
	s->met = NULL;
}

static int
pass(struct ldap_poll *p, struct search *s, bool is_sweep, struct fault *f)
{
	struct visit v = { p, s, 0, is_sweep };
	const struct ldap_page_search search = { s->filter, is_sweep ? stamp_wanted : s->wanted, visit, &v };

	begin_pass(s, !is_sweep);
	if (ldap_page_search(p->link, &search, f) != 0 || (v.count == 0 && !s->is_of_groups && ldap_link_tell_empty(p->link, f) != 0)) {
		drop_pass(s);
		return -1;
	}
	end_pass(p, s, !is_sweep);
	return entries_check_room(&s->entries, f);
}

static void
save(struct ldap_poll *p)
{
	struct fault f;

	for (size_t i = 0; i < p->count; i++)
		if (entries_unsaved(&p->searches[i].entries) > UNSAVED_MAX && entries_save(&p->searches[i].entries, BYTES_NONE, &f) != 0)
			event(NULL, EV_SNAPSHOT_FAILED, STR("reason", f.text));
}

static int
read_all(struct ldap_poll *p, struct fault *f)
{
	p->is_read = false;
	p->has_usns = p->has_times = true;
	p->time[0] = '\0';
	for (size_t i = 0; i < p->count; i++)
		if (pass(p, &p->searches[i], false, f) != 0)
			return -1;
	p->counts.full++;
	p->is_read = true;
	/* It may get a contextCSN, or have got one. */
	p->link->has_no_context = false;
	p->needs_sweep = false;
	p->how = p->has_usns && p->usn ? BY_USN : p->has_times ? BY_TIME : BY_NOTHING;
	return 0;
}

/* ---- what changed */

/* Reads entries with another stamp one by one. */
static int
read_changed(struct ldap_poll *p, struct search *s, struct fault *f)
{
	struct bytes rest = buf_bytes(&s->changed);
	int result = 0;

	while (rest.len && result == 0) {
		struct bytes dn = take_until(&rest, '\0');
		struct timeval timeout = p->link->timeout;
		struct visit v = { p, s, 0, false };
		LDAPMessage *found = NULL, *entry;
		int code;

		ldap_link_begin(p->link);
		code = ldap_search_ext_s(p->link->wire.ld, (const char *)dn.ptr, LDAP_SCOPE_BASE, s->filter, (char **)(void *)s->wanted, 0, NULL,
			NULL, &timeout, 1, &found);
		entry = code == LDAP_SUCCESS ? ldap_first_entry(p->link->wire.ld, found) : NULL;
		/* One that is gone again is found so by the next sweep. */
		if (code == LDAP_SUCCESS || code == LDAP_NO_SUCH_OBJECT)
			result = entry ? visit(&v, entry, f) : 0;
		else
			result = ldap_link_failed(p->link, "search", code, f);
		result = ldap_link_end(p->link, result, "search", f);
		p->counts.entries += v.count;
		(void)ldap_msgfree(found);
	}
	return result;
}

static int
sweep(struct ldap_poll *p, struct fault *f)
{
	int64_t before_us = time_now().mono_us, took_us;

	for (size_t i = 0; i < p->count; i++) {
		struct search *s = &p->searches[i];

		if (pass(p, s, true, f) != 0)
			return -1;
		if (s->changed_count > READ_ONE_BY_ONE_MAX)
			return read_all(p, f);
		if (read_changed(p, s, f) != 0)
			return -1;
	}
	took_us = (time_now().mono_us - before_us) * REST;
	p->sweep_again_us = time_now().mono_us + (took_us < p->most_us ? took_us : p->most_us);
	p->needs_sweep = false;
	p->link->has_no_context &= p->how != BY_TIME;
	p->counts.sweeps++;
	return 0;
}

static void
put_filter(const struct ldap_poll *p, const struct search *s, const char *time, struct buf *out)
{
	if (p->how == BY_USN)
		put_format(out, "(&%s(uSNChanged>=%llu))", s->filter, (unsigned long long)p->usn + 1);
	else
		put_format(out, "(&%s(modifyTimestamp>=%s))", s->filter, time);
	put_char(out, '\0');
}

static int
read_since(struct ldap_poll *p, const char *time, struct fault *f)
{
	int result = 0;

	for (size_t i = 0; i < p->count && result == 0; i++) {
		struct visit v = { p, &p->searches[i], 0, false };
		struct ldap_page_search search = { NULL, p->searches[i].wanted, visit, &v };
		struct buf filter;

		buf_init(&filter, FILTER_OCTETS_MAX);
		put_filter(p, &p->searches[i], time, &filter);
		search.filter = (const char *)filter.ptr;
		result = filter.has_failed ? fault_set(f, FAULT_PERM, "the filter is too long") : ldap_page_search(p->link, &search, f);
		p->counts.entries += v.count;
		buf_done(&filter);
	}
	return result;
}

static int
take_named(struct ldap_poll *p, struct bytes those, struct fault *f)
{
	int result = 0;

	for (size_t i = 0; i < p->count && result == 0; i++) {
		struct visit v = { p, &p->searches[i], 0, false };
		struct ldap_page_search search = { NULL, p->searches[i].wanted, visit, &v };
		struct buf filter;

		buf_init(&filter, LDAP_LINK_NAMES_MAX * 2);
		put_format(&filter, "(&%s(|%.*s))", p->searches[i].filter, BYTES_ARG(those));
		put_char(&filter, '\0');
		search.filter = (const char *)filter.ptr;
		result = filter.has_failed ? fault_set(f, FAULT_PERM, "the filter is too long") : ldap_page_search(p->link, &search, f);
		buf_done(&filter);
	}
	return result;
}

int
ldap_poll_take(struct ldap_poll *p, const struct bytes *addresses, size_t count, struct fault *f)
{
	struct buf those;
	char time[TIME_OCTETS_MAX];
	int result = 0;

	memcpy(time, p->time, sizeof time);
	buf_init(&those, LDAP_LINK_NAMES_MAX);
	for (size_t i = 0; i < count && result == 0; i++) {
		ldap_link_put_names(p->link, addresses[i], &those);
		if (those.len == 0 || (those.len < LDAP_LINK_NAMES_FULL && i + 1 < count))
			continue;
		result = take_named(p, buf_bytes(&those), f);
		buf_reset(&those);
	}
	buf_done(&those);
	/* What changed before these did was not asked for yet. */
	memcpy(p->time, time, sizeof time);
	return result;
}

/* ---- in all */

/* "highestCommittedUSN=N dnsHostName=NAME "; 0 when it is something else. */
static uint64_t
usn_of(struct bytes marker, uint64_t *host)
{
	uint64_t usn = 0;

	if (!take_text(&marker, BYTES("highestCommittedUSN=")) || !take_number(&marker, INT64_MAX, &usn))
		return 0;
	*host = map_hash(marker);
	return usn;
}

/* Is it the server that was read, and did it go on from there? */
static bool
is_same(const struct ldap_poll *p, uint64_t usn, uint64_t host)
{
	if (!p->is_read || p->how == BY_NOTHING || p->server != ldap_link_current(p->link))
		return false;
	return p->how != BY_USN || (usn >= p->usn && host == p->host);
}

static int
update(struct ldap_poll *p, struct bytes marker, struct fault *f)
{
	uint64_t host = 0, usn = usn_of(marker, &host), before = p->usn;
	char time[TIME_OCTETS_MAX];
	int result;

	if (!is_same(p, usn, host)) {
		p->usn = usn;
		p->host = host;
		p->server = ldap_link_current(p->link);
		return read_all(p, f);
	}
	memcpy(time, p->time, sizeof time);
	result = read_since(p, time, f);
	if (result == 0)
		p->usn = usn;
	if (result == 0 && ldap_poll_is_due(p))
		result = sweep(p, f);
	if (result == 0)
		return 0;
	/* Some of what changed since then was not read. */
	p->usn = before;
	memcpy(p->time, time, sizeof time);
	return -1;
}

int
ldap_poll_update(struct ldap_poll *p, struct bytes marker, bool may_lack, struct fault *f)
{
	p->needs_sweep |= may_lack;
	if (update(p, marker, f) != 0)
		return -1;
	save(p);
	return 0;
}

bool
ldap_poll_owes_sweep(const struct ldap_poll *p)
{
	return p->needs_sweep;
}

bool
ldap_poll_is_due(const struct ldap_poll *p)
{
	return p->needs_sweep && time_now().mono_us >= p->sweep_again_us;
}

size_t
ldap_poll_changes(const struct ldap_poll *p)
{
	return p->is_read ? p->changes : 0;
}

int
ldap_poll_read(struct ldap_poll *p, struct run *records, struct fault *f)
{
	for (size_t i = 0; i < p->count; i++)
		if (!entries_read(&p->searches[i].entries, records)) {
			ldap_poll_forget(p);
			return fault_set(f, FAULT_TEMP, "%s can't be read any more", names[i]);
		}
	return records->tail.has_failed ? fault_set(f, FAULT_LIMIT, "the directory holds more than fits") : 0;
}

struct early *
ldap_poll_early(struct ldap_poll *p)
{
	return &p->early;
}

void
ldap_poll_settled(struct ldap_poll *p)
{
	p->changes = 0;
	early_reset(&p->early);
}

void
ldap_poll_forget(struct ldap_poll *p)
{
	if (!p->is_read && p->changes == MANY)
		return;
	for (size_t i = 0; i < p->count; i++) {
		entries_clear(&p->searches[i].entries);
		map_free(&p->searches[i].stamps);
		p->searches[i].stamps = map_new();
	}
	p->is_read = false;
	p->changes = MANY;
}

struct ldap_poll_counts
ldap_poll_count(const struct ldap_poll *p)
{
	return p->counts;
}
