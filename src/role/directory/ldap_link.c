#include "role/directory/ldap_link.h"

#include "base/memory.h"
#include "role/directory/image.h"
#include "role/directory/ldap_filter.h"
#include "role/directory/ldap_link_internal.h"
#include "role/directory/ldap_range.h"
#include "sys/time.h"

#include <string.h>
#include <sys/time.h>

enum { FILTER_FULL = LDAP_LINK_NAMES_FULL, FILTER_MAX = LDAP_LINK_NAMES_MAX, ARENA_MAX = 65536, PARENTS_MAX = 32, CONTROLS_MAX = 65536, MEAN_OF = 16 };

static void
put_origin(struct buf *out, const struct config *c, const struct ldap_mapping *m)
{
	for (size_t i = 0; i < c->ldap_servers.count; i++)
		put_format(out, "%.*s ", BYTES_ARG(c->ldap_servers.at[i]));
	put_format(out, "%.*s %d %.*s %.*s %.*s %.*s", BYTES_ARG(c->ldap_bind_dn), c->ldap_schema, BYTES_ARG(c->ldap_base), BYTES_ARG(c->ldap_users),
		BYTES_ARG(c->ldap_groups), BYTES_ARG(c->maildir_template));
	put_text(out, m->has_catch_all ? " @" : "");
	for (size_t i = 0; m->wanted[i]; i++)
		put_format(out, " %s", m->wanted[i]);
	for (size_t i = 0; m->members[i]; i++)
		put_format(out, " %s", m->members[i]);
}

struct ldap_link *
ldap_link_new(const struct config *c)
{
	struct ldap_link *link = NEW(struct ldap_link);
	struct buf origin;

	link->arena = arena_new("ldap", ARENA_MAX, ARENA_SECRET);
	for (size_t i = 0; i < c->ldap_servers.count; i++)
		link->servers[link->server_count++] = ldap_wire_keep(link->arena, c->ldap_servers.at[i]);
	link->base = ldap_wire_keep(link->arena, c->ldap_base);
	link->users = ldap_wire_keep(link->arena, c->ldap_users);
	link->groups = c->ldap_groups.len ? ldap_wire_keep(link->arena, c->ldap_groups) : NULL;
	link->bind_dn = ldap_wire_keep(link->arena, c->ldap_bind_dn);
	link->secret_password = ldap_wire_keep(link->arena, c->ldap_secret_password);
	if (!arena_copy(link->arena, c->recipient_delimiter, &link->delimiters))
		link->delimiters = BYTES_NONE;
	link->timeout.tv_sec = (time_t)c->ldap_timeout_s;
	ldap_wire_settings_init(&link->settings, c, link->arena);
	ldap_wire_init(&link->wire, &link->settings);
	ldap_mapping_init(&link->mapping, c, link->arena);
	buf_init(&origin, IMAGE_TEXT_MAX * 4);
	put_origin(&origin, c, &link->mapping);
	if (!arena_copy(link->arena, bytes_sub(buf_bytes(&origin), 0, IMAGE_TEXT_MAX), &link->origin))
		link->origin = BYTES_NONE;
	buf_done(&origin);
	return link;
}

/* What follows has to be done before the time-out. */
void
ldap_link_begin(struct ldap_link *link)
{
	ldap_wire_begin(&link->wire);
	link->begun_us = time_now().mono_us;
}

static void
disconnect(struct ldap_link *link)
{
	ldap_wire_close(&link->wire);
	link->has_no_context = false;
}

void
ldap_link_free(struct ldap_link **at)
{
	struct ldap_link *link = *at;

	if (!link)
		return;
	*at = NULL;
	ldap_wire_done(&link->wire);
	arena_free(&link->arena);
	memory_free(link);
}

struct ldap_link_server
ldap_link_server(const struct ldap_link *link, size_t index)
{
	return (struct ldap_link_server){ link->servers[index], link->counts[index].answers, link->counts[index].errors, link->counts[index].mean_us };
}

size_t
ldap_link_current(const struct ldap_link *link)
{
	return link->current;
}

void
ldap_link_turn_to(struct ldap_link *link, size_t index)
{
	disconnect(link);
	link->current = index;
}

size_t
ldap_link_server_count(const struct ldap_link *link)
{
	return link->server_count;
}

struct bytes
ldap_link_origin(const struct ldap_link *link)
{
	return link->origin;
}

int64_t
ldap_link_watch(struct ldap_link *link, int64_t now_us)
{
	int64_t left_us = ldap_watch_look(&link->wire.watch, now_us);

	return left_us ? left_us : link->settings.timeout_us;
}

void
ldap_link_cancel(struct ldap_link *link)
{
	ldap_watch_cancel(&link->wire.watch);
}

int
ldap_link_share(struct ldap_link *link)
{
	return ldap_watch_share(&link->wire.watch);
}

/* What libldap and the server have to say, for the administrator. */
int
ldap_link_failed(struct ldap_link *link, const char *at, int code, struct fault *f)
{
	link->counts[link->current].errors++;
	link->is_slow = code == LDAP_TIMEOUT || ldap_watch_has_passed(&link->wire.watch);
	return ldap_wire_explain(&link->wire, link->servers[link->current], at, link->is_slow ? LDAP_TIMEOUT : code, f);
}

static void
note_answer(struct ldap_link *link)
{
	int64_t took_us = time_now().mono_us - link->begun_us, *mean_us = &link->counts[link->current].mean_us;

	link->counts[link->current].answers++;
	*mean_us = *mean_us ? *mean_us + (took_us - *mean_us) / MEAN_OF : took_us;
}

/* Ends what began; an answer that came while its time passed is none: the connection may be cut. */
int
ldap_link_end(struct ldap_link *link, int result, const char *at, struct fault *f)
{
	if (result == 0 && ldap_watch_has_passed(&link->wire.watch))
		result = ldap_link_failed(link, at, LDAP_TIMEOUT, f);
	(void)ldap_watch_end(&link->wire.watch);
	if (result == 0)
		note_answer(link);
	return result;
}

/* Connects to the current server, starts TLS, binds: RFC 4513 3, 5.1. */
static int
open_connection(struct ldap_link *link, struct fault *f)
{
	struct berval credentials = { strlen(link->secret_password), link->secret_password };
	const char *at;
	int code = ldap_wire_open(&link->wire, link->servers[link->current], &at);

	link->connections++;
	if (code != LDAP_SUCCESS)
		return ldap_link_failed(link, at, code, f);
	code = ldap_sasl_bind_s(link->wire.ld, link->bind_dn, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
	return code == LDAP_SUCCESS ? 0 : ldap_link_failed(link, "bind", code, f);
}

static int
connect_to(struct ldap_link *link, size_t server, struct fault *f)
{
	link->current = server;
	ldap_link_begin(link);
	if (ldap_link_end(link, open_connection(link, f), "bind", f) == 0)
		return 0;
	disconnect(link);
	return -1;
}

/* To the current server or, when it does not answer, the first of the others that does; not to `except`. */
static int
ensure_connected(struct ldap_link *link, size_t except, struct fault *f)
{
	size_t first = link->current;

	if (link->wire.ld || (first != except && connect_to(link, first, f) == 0))
		return 0;
	for (size_t i = 0; i < link->server_count; i++)
		if (i != first && i != except && connect_to(link, i, f) == 0)
			return 0;
	link->current = first;
	return -1;
}

void
ldap_link_turn_to_another(struct ldap_link *link)
{
	disconnect(link);
	link->current = (link->current + 1) % link->server_count;
}

static void
put_value(struct buf *out, const char *attribute, const struct berval *value)
{
	put_format(out, "%s=", attribute);
	put_bytes(out, bytes_of(value->bv_val, value->bv_len));
	put_char(out, ' ');
}

/* Appends the values of an attribute of one entry.  -1: the connection is gone. */
static int
read_values(struct ldap_link *link, const char *dn, const char *attribute, struct buf *out, struct fault *f)
{
	char name[64], *attributes[] = { name, NULL };
	struct timeval timeout = link->timeout;
	LDAPMessage *result = NULL, *entry;
	struct berval **values = NULL;
	int code;

	memcpy(name, attribute, strlen(attribute) + 1);
	code = ldap_search_ext_s(link->wire.ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0, NULL, NULL, &timeout, 1,
		&result);
	entry = code == LDAP_SUCCESS ? ldap_first_entry(link->wire.ld, result) : NULL;
	if (entry)
		values = ldap_get_values_len(link->wire.ld, entry, attribute);
	for (size_t i = 0; values && values[i]; i++)
		put_value(out, attribute, values[i]);
	ldap_value_free_len(values);
	(void)ldap_msgfree(result);
	/* What may not be read, or isn't there, is no reason to give up. */
	if (code < 0 || code == LDAP_TIMELIMIT_EXCEEDED || code == LDAP_UNAVAILABLE || code == LDAP_BUSY)
		return ldap_link_failed(link, attribute, code, f);
	return 0;
}

/* The parent of a DN: what stands behind the first comma that is not escaped (RFC 4514 2.1). */
static const char *
parent_of(const char *dn)
{
	for (; *dn; dn++) {
		if (*dn == '\\' && dn[1])
			dn++;
		else if (*dn == ',')
			return dn + 1;
	}
	return NULL;
}

/* contextCSN stands at the suffix, which is the base or an entry above it. */
static int
read_context(struct ldap_link *link, struct buf *marker, struct fault *f)
{
	const char *dn = link->base;

	for (int i = 0; dn && i < PARENTS_MAX && marker->len == 0; i++, dn = parent_of(dn))
		if (read_values(link, dn, "contextCSN", marker, f) != 0)
			return -1;
	link->has_no_context = marker->len == 0;
	return 0;
}

static int
read_marker(struct ldap_link *link, struct buf *marker, struct fault *f)
{
	if (!link->has_no_context && read_context(link, marker, f) != 0)
		return -1;
	if (marker->len > 0)
		return 0;
	/* USNs are a server's own. */
	if (read_values(link, "", "highestCommittedUSN", marker, f) != 0)
		return -1;
	return marker->len ? read_values(link, "", "dnsHostName", marker, f) : 0;
}

int
ldap_link_has_control(struct ldap_link *link, const char *oid, bool *has_it, struct fault *f)
{
	struct buf values;
	struct bytes rest;
	int result;

	buf_init(&values, CONTROLS_MAX);
	ldap_link_begin(link);
	result = ldap_link_end(link, read_values(link, "", "supportedControl", &values, f), "supportedControl", f);
	for (rest = buf_bytes(&values), *has_it = false; rest.len;) {
		struct bytes value = take_until(&rest, ' ');

		*has_it |= take_text(&value, BYTES("supportedControl=")) && bytes_equal(value, bytes_text(oid));
	}
	buf_done(&values);
	return result;
}

static int
ask_marker(struct ldap_link *link, size_t except, struct buf *marker, struct fault *f)
{
	size_t start = marker->len;

	if (ensure_connected(link, except, f) != 0)
		return -1;
	ldap_link_begin(link);
	if (ldap_link_end(link, read_marker(link, marker, f), "marker", f) == 0 && !marker->has_failed)
		return 0;
	/* Cut, it might not change any more when the directory does. */
	if (marker->has_failed)
		fault_set(f, FAULT_TEMP, "%s: the change marker is longer than %zu octets", link->servers[link->current], marker->max);
	marker->has_failed = false;
	marker->len = start;
	return -1;
}

/* A connection that broke while it lay idle is no failure: once more, on a new one.  But nobody is waited for twice. */
int
ldap_link_marker(struct ldap_link *link, struct buf *marker, struct fault *f)
{
	bool was_connected = link->wire.ld != NULL;
	size_t except = link->server_count;

	link->is_slow = false;
	if (ask_marker(link, except, marker, f) == 0)
		return 0;
	if (!link->wire.ld)
		return -1;
	if (!was_connected || link->is_slow) {
		except = link->current;
		ldap_link_turn_to_another(link);
	}
	disconnect(link);
	if (ask_marker(link, except, marker, f) == 0)
		return 0;
	if (link->wire.ld)
		ldap_link_turn_to_another(link);
	return -1;
}

/* Entries that the filter finds, though none may be read of them. */
static int
search_any(struct ldap_link *link, const char *filter, bool *is_found, struct fault *f)
{
	char none[] = LDAP_NO_ATTRS, *attributes[] = { none, NULL };
	struct timeval timeout = link->timeout;
	LDAPMessage *result = NULL;
	int code = ldap_search_ext_s(link->wire.ld, link->base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, &timeout, 1, &result);

	*is_found = code == LDAP_SIZELIMIT_EXCEEDED || (code == LDAP_SUCCESS && ldap_count_entries(link->wire.ld, result) > 0);
	(void)ldap_msgfree(result);
	return *is_found || code == LDAP_SUCCESS || code == LDAP_NO_SUCH_OBJECT ? 0 : ldap_link_failed(link, "search", code, f);
}

void
ldap_link_put_names(const struct ldap_link *link, struct bytes address, struct buf *out)
{
	size_t at = bytes_find_last_char(address, '@');

	ldap_filter_put_address(out, link->mapping.address, link->mapping.aliases, address, link->delimiters);
	if (link->mapping.has_catch_all && at < address.len)
		ldap_filter_put_address(out, link->mapping.address, link->mapping.aliases, bytes_sub(address, at, address.len), BYTES_NONE);
}

void
ldap_link_put_filter(const struct ldap_link *link, struct bytes address, struct buf *out)
{
	struct buf names;

	buf_init(&names, FILTER_MAX);
	ldap_link_put_names(link, address, &names);
	if (names.len)
		ldap_filter_put_search(out, link->users, link->groups, buf_bytes(&names));
	buf_done(&names);
}

void
ldap_link_put_state(const struct ldap_link *link, struct buf *out)
{
	ldap_mapping_put_state(&link->mapping, out);
}

static int
find_names(struct ldap_link *link, struct bytes names, bool *is_found, struct fault *f)
{
	struct buf filter;
	int result;

	buf_init(&filter, FILTER_MAX * 3);
	ldap_filter_put_search(&filter, link->users, link->groups, names);
	put_char(&filter, '\0');
	ldap_link_begin(link);
	result = ldap_link_end(link, search_any(link, (const char *)filter.ptr, is_found, f), "search", f);
	buf_done(&filter);
	return result;
}

int
ldap_link_find(struct ldap_link *link, const struct bytes *addresses, size_t count, bool *is_found, struct fault *f)
{
	struct buf names;
	int result = ensure_connected(link, link->server_count, f);

	*is_found = false;
	buf_init(&names, FILTER_MAX);
	for (size_t i = 0; i < count && result == 0 && !*is_found; i++) {
		ldap_link_put_names(link, addresses[i], &names);
		if (names.len == 0 || (names.len < FILTER_FULL && i + 1 < count))
			continue;
		result = find_names(link, buf_bytes(&names), is_found, f);
		buf_reset(&names);
	}
	buf_done(&names);
	if (result != 0)
		ldap_link_turn_to_another(link);
	return result;
}

bool
ldap_link_was_slow(const struct ldap_link *link)
{
	return link->is_slow;
}

int
ldap_link_probe(struct ldap_link *link, size_t index, struct buf *marker, struct fault *f)
{
	int result = connect_to(link, index, f);

	if (result == 0) {
		ldap_link_begin(link);
		result = ldap_link_end(link, read_marker(link, marker, f), "marker", f);
	}
	disconnect(link);
	return result;
}

int
ldap_link_put_group(struct ldap_link *link, LDAPMessage *entry, struct buf *records, struct fault *f)
{
	struct buf members;
	int result;

	buf_init(&members, IMAGE_OCTETS_MAX);
	result = ldap_range_read(link, entry, &members, f);
	if (result == 0)
		ldap_entry_put_group(records, &link->mapping, link->wire.ld, entry, &members);
	buf_done(&members);
	return result;
}

int
ldap_link_tell_empty(const struct ldap_link *link, struct fault *f)
{
	return fault_set(f, FAULT_PERM, "no entry below %s that %s finds has an address; may the bind account read them?", link->base,
		link->users);
}
