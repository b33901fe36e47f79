#include "proto/imap/search_internal.h"

enum { DAY_S = 86400 };

static uint64_t
find_keyword(const struct view *view, struct bytes name)
{
	uint32_t count = view_keyword_count(view);

	for (uint32_t i = 0; i < count; i++)
		if (bytes_equal_nocase(view_keyword(view, i), name))
			return (uint64_t)1 << i;
	return 0;
}

bool
imap_search_settle(const struct imap_mailbox *m, struct imap_search_key *key)
{
	for (struct imap_search_key *child = key->first; child; child = child->next)
		if (!imap_search_settle(m, child))
			return false;
	if (key->kind == SEARCH_KEYWORD)
		key->keyword = find_keyword(m->view, key->name);
	return key->kind != SEARCH_SET || imap_mailbox_resolve(m, &key->set, key->is_uids);
}

bool
imap_search_summary(const struct imap_candidate *c, struct summary *summary)
{
	struct bytes octets = c->body ? c->body->summary : view_summary(c->mailbox->view, c->record);

	return summary_open(octets, summary, NULL) == 0;
}

/* The least that a key costs stands for so many octets. */
enum { UNIT_OCTETS = 256 };

void
imap_search_pay(struct imap_candidate *c, uint64_t octets)
{
	uint64_t cost = 1 + octets / UNIT_OCTETS;

	*c->budget = *c->budget > cost ? *c->budget - (uint32_t)cost : 0;
}

static enum imap_verdict
verdict(bool is_match)
{
	return is_match ? VERDICT_YES : VERDICT_NO;
}

static bool
has_flags(const struct imap_candidate *c, const struct imap_search_key *key)
{
	uint32_t flags = view_flags(c->record);

	if (imap_mailbox_is_recent(c->mailbox, c->record->uid))
		flags |= SEARCH_RECENT;
	return (flags & key->mask) == key->wanted;
}

static bool
has_keyword(const struct imap_candidate *c, const struct imap_search_key *key)
{
	uint64_t keywords = atomic_load_explicit(&c->record->keywords, memory_order_relaxed);

	return ((keywords & key->keyword) != 0) == (key->wanted != 0);
}

/* RFC 3501 6.4.4: disregarding time and timezone. */
static bool
is_in_days(const struct imap_search_key *key, int64_t local_s)
{
	int64_t day = local_s / DAY_S - (local_s % DAY_S < 0);

	return day >= key->from && day < key->to;
}

static enum imap_verdict
match_sent(const struct imap_candidate *c, const struct imap_search_key *key)
{
	struct summary summary;

	if (!imap_search_summary(c, &summary))
		return c->body ? VERDICT_NO : VERDICT_UNKNOWN;
	if (summary.sent_s == INT64_MIN)
		return VERDICT_NO;
	return verdict(is_in_days(key, summary.sent_s + (int64_t)summary.sent_zone_minutes * 60));
}

static enum imap_verdict
match_size(const struct imap_candidate *c, const struct imap_search_key *key)
{
	uint64_t size = c->body ? c->body->size : atomic_load_explicit(&c->record->size, memory_order_relaxed);

	if (size == 0 && !c->body)
		return VERDICT_UNKNOWN;
	return verdict(size >= (uint64_t)key->from && size < (uint64_t)key->to);
}

/* No key of an AND says no; one of an OR says yes.  A key that can't be told yet does not keep others from
   deciding. */
static enum imap_verdict
match_list(struct imap_candidate *c, struct imap_search_key *list, enum imap_verdict decisive)
{
	enum imap_verdict all = decisive == VERDICT_NO ? VERDICT_YES : VERDICT_NO;

	for (struct imap_search_key *key = list->first; key; key = key->next) {
		enum imap_verdict one = imap_search_match(c, key);

		if (one == decisive || one == VERDICT_LATER)
			return one;
		if (one == VERDICT_UNKNOWN)
			all = VERDICT_UNKNOWN;
	}
	return all;
}

static enum imap_verdict
match_not(struct imap_candidate *c, struct imap_search_key *key)
{
	enum imap_verdict inner = imap_search_match(c, key->first);

	if (inner == VERDICT_UNKNOWN || inner == VERDICT_LATER)
		return inner;
	return verdict(inner == VERDICT_NO);
}

/* A key that looks at the record or the fixed part of the summary. */
static enum imap_verdict
match_record(struct imap_candidate *c, const struct imap_search_key *key)
{
	imap_search_pay(c, 0);
	switch ((unsigned int)key->kind) {
	case SEARCH_FLAGS:
		return verdict(has_flags(c, key));
	case SEARCH_KEYWORD:
		return verdict(has_keyword(c, key));
	case SEARCH_SET:
		return verdict(imap_set_has(&key->set, c->record->uid));
	case SEARCH_DATE:
		return verdict(is_in_days(key, c->record->date_s));
	case SEARCH_SENT:
		return match_sent(c, key);
	}
	return match_size(c, key);
}

enum imap_verdict
imap_search_match(struct imap_candidate *c, struct imap_search_key *key)
{
	switch (key->kind) {
	case SEARCH_FLAGS:
	case SEARCH_KEYWORD:
	case SEARCH_SET:
	case SEARCH_DATE:
	case SEARCH_SENT:
	case SEARCH_SIZE:
		return match_record(c, key);
	case SEARCH_ENVELOPE:
	case SEARCH_HEADER:
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return imap_search_match_text(c, key);
	case SEARCH_AND:
		return match_list(c, key, VERDICT_NO);
	case SEARCH_OR:
		return match_list(c, key, VERDICT_YES);
	case SEARCH_NOT:
		return match_not(c, key);
	}
	return VERDICT_NO;
}
