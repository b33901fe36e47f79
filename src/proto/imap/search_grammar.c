#include "proto/imap/search_internal.h"

struct parser {
	struct arena *arena;
	unsigned int depth, bodies;
};

static bool take_key(struct bytes *in, struct parser *p, struct imap_search_key *key);

/* The arguments of a key, behind its name. */
typedef bool take_arguments(struct bytes *in, struct parser *p, struct imap_search_key *key);

static bool
take_nothing(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	(void)in;
	(void)p;
	(void)key;
	return true;
}

/* SP astring, folded as it is compared */
static bool
take_text_argument(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	struct buf folded;
	struct bytes text;
	bool fits;

	if (!take_char(in, ' ') || !take_imap_astring(in, p->arena, &text))
		return false;
	buf_init(&folded, 1U << 20);
	put_folded(&folded, text);
	fits = !folded.has_failed && arena_copy(p->arena, buf_bytes(&folded), &key->text);
	buf_done(&folded);
	return fits;
}

/* The argument of BODY and TEXT. */
static bool
take_body_argument(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	return ++p->bodies <= IMAP_SEARCH_BODIES_MAX && take_text_argument(in, p, key);
}

/* "HEADER" SP header-fld-name SP astring */
static bool
take_header(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	return take_char(in, ' ') && take_imap_astring(in, p->arena, &key->name) && take_text_argument(in, p, key);
}

/* SP flag-keyword */
static bool
take_keyword(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	(void)p;
	return take_char(in, ' ') && take_imap_atom(in, &key->name);
}

static bool
take_day(struct bytes *in, int64_t *day)
{
	return take_char(in, ' ') && take_imap_date(in, day);
}

static bool
take_before(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	(void)p;
	key->from = INT64_MIN;
	return take_day(in, &key->to);
}

static bool
take_on(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	(void)p;
	if (!take_day(in, &key->from))
		return false;
	key->to = key->from + 1;
	return true;
}

static bool
take_since(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	(void)p;
	key->to = INT64_MAX;
	return take_day(in, &key->from);
}

static bool
take_larger(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	uint32_t octets;

	(void)p;
	if (!take_char(in, ' ') || !take_imap_number(in, &octets))
		return false;
	key->from = (int64_t)octets + 1;
	key->to = INT64_MAX;
	return true;
}

static bool
take_smaller(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	uint32_t octets;

	(void)p;
	if (!take_char(in, ' ') || !take_imap_number(in, &octets))
		return false;
	key->to = (int64_t)octets;
	return true;
}

static bool
take_uids(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	key->is_uids = true;
	return take_char(in, ' ') && take_imap_set(in, p->arena, &key->set);
}

/* SP search-key, below NOT or OR */
static bool
take_child(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	struct imap_search_key *child = arena_take(p->arena, sizeof *child);

	if (!child || !take_char(in, ' ') || !take_key(in, p, child))
		return false;
	child->next = key->first;
	key->first = child;
	if (child->cost > key->cost)
		key->cost = child->cost;
	return true;
}

static bool
take_two(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	return take_child(in, p, key) && take_child(in, p, key);
}

enum { COST_FLAGS, COST_RECORD, COST_ENVELOPE, COST_HEADER, COST_BODY, COSTS };

/* search-key, but for sequence-set and parentheses.  Not negated twins stand below with "UN". */
static const struct {
	struct bytes name;
	take_arguments *take;
	struct imap_search_key key;
} words[] = {
#define FLAGS(word, bits, value) \
	{ BYTES_INIT(word), take_nothing, { .kind = SEARCH_FLAGS, .mask = (bits), .wanted = (value) } }
	FLAGS("ALL", 0, 0),
	FLAGS("ANSWERED", VIEW_ANSWERED, VIEW_ANSWERED),
	FLAGS("DELETED", VIEW_DELETED, VIEW_DELETED),
	FLAGS("DRAFT", VIEW_DRAFT, VIEW_DRAFT),
	FLAGS("FLAGGED", VIEW_FLAGGED, VIEW_FLAGGED),
	FLAGS("SEEN", VIEW_SEEN, VIEW_SEEN),
	FLAGS("UNANSWERED", VIEW_ANSWERED, 0),
	FLAGS("UNDELETED", VIEW_DELETED, 0),
	FLAGS("UNDRAFT", VIEW_DRAFT, 0),
	FLAGS("UNFLAGGED", VIEW_FLAGGED, 0),
	FLAGS("UNSEEN", VIEW_SEEN, 0),
	FLAGS("RECENT", SEARCH_RECENT, SEARCH_RECENT),
	FLAGS("OLD", SEARCH_RECENT, 0),
	FLAGS("NEW", SEARCH_RECENT | VIEW_SEEN, SEARCH_RECENT),
#undef FLAGS
#define KEY(word, arguments, ...) { BYTES_INIT(word), arguments, { __VA_ARGS__ } }
	KEY("KEYWORD", take_keyword, .kind = SEARCH_KEYWORD, .wanted = 1, .cost = COST_RECORD),
	KEY("UNKEYWORD", take_keyword, .kind = SEARCH_KEYWORD, .cost = COST_RECORD),
	KEY("UID", take_uids, .kind = SEARCH_SET, .cost = COST_RECORD),
	KEY("BEFORE", take_before, .kind = SEARCH_DATE, .cost = COST_RECORD),
	KEY("ON", take_on, .kind = SEARCH_DATE, .cost = COST_RECORD),
	KEY("SINCE", take_since, .kind = SEARCH_DATE, .cost = COST_RECORD),
	KEY("LARGER", take_larger, .kind = SEARCH_SIZE, .cost = COST_RECORD),
	KEY("SMALLER", take_smaller, .kind = SEARCH_SIZE, .cost = COST_RECORD),
	KEY("SENTBEFORE", take_before, .kind = SEARCH_SENT, .cost = COST_ENVELOPE),
	KEY("SENTON", take_on, .kind = SEARCH_SENT, .cost = COST_ENVELOPE),
	KEY("SENTSINCE", take_since, .kind = SEARCH_SENT, .cost = COST_ENVELOPE),
	KEY("SUBJECT", take_text_argument, .kind = SEARCH_ENVELOPE, .field = ENVELOPE_SUBJECT, .cost = COST_ENVELOPE),
	KEY("FROM", take_text_argument, .kind = SEARCH_ENVELOPE, .field = ENVELOPE_FROM, .cost = COST_ENVELOPE),
	KEY("TO", take_text_argument, .kind = SEARCH_ENVELOPE, .field = ENVELOPE_TO, .cost = COST_ENVELOPE),
	KEY("CC", take_text_argument, .kind = SEARCH_ENVELOPE, .field = ENVELOPE_CC, .cost = COST_ENVELOPE),
	KEY("BCC", take_text_argument, .kind = SEARCH_ENVELOPE, .field = ENVELOPE_BCC, .cost = COST_ENVELOPE),
	KEY("HEADER", take_header, .kind = SEARCH_HEADER, .cost = COST_HEADER),
	KEY("BODY", take_body_argument, .kind = SEARCH_BODY, .cost = COST_BODY),
	KEY("TEXT", take_body_argument, .kind = SEARCH_TEXT, .cost = COST_BODY),
	KEY("NOT", take_child, .kind = SEARCH_NOT),
	KEY("OR", take_two, .kind = SEARCH_OR),
#undef KEY
};

/* Cheap keys stand before dear ones: a run of keys for each cost there is. */
struct runs {
	struct imap_search_key *first[COSTS], *last[COSTS];
};

static void
add_to_run(struct runs *runs, struct imap_search_key *key)
{
	if (runs->last[key->cost])
		runs->last[key->cost]->next = key;
	else
		runs->first[key->cost] = key;
	runs->last[key->cost] = key;
}

static void
join_runs(struct imap_search_key *list, const struct runs *runs)
{
	struct imap_search_key **end = &list->first;

	for (unsigned int cost = 0; cost < COSTS; cost++) {
		if (!runs->first[cost])
			continue;
		*end = runs->first[cost];
		end = &runs->last[cost]->next;
		list->cost = cost;
	}
}

/* search-key *(SP search-key) */
static bool
take_keys(struct bytes *in, struct parser *p, struct imap_search_key *list)
{
	struct runs runs = { 0 };

	list->kind = SEARCH_AND;
	do {
		struct imap_search_key *key = arena_take(p->arena, sizeof *key);

		if (!key || !take_key(in, p, key))
			return false;
		add_to_run(&runs, key);
	} while (take_char(in, ' '));
	join_runs(list, &runs);
	return true;
}

/* A header field that the envelope has too is as cheap as that. */
static void
use_envelope(struct imap_search_key *key)
{
	bool is_id = bytes_equal_nocase(key->name, BYTES("Message-ID"));
	bool is_reply = bytes_equal_nocase(key->name, BYTES("In-Reply-To"));

	if (key->kind != SEARCH_HEADER || key->text.len == 0 || (!is_id && !is_reply))
		return;
	key->kind = SEARCH_ENVELOPE;
	key->field = is_id ? ENVELOPE_MESSAGE_ID : ENVELOPE_IN_REPLY_TO;
	key->cost = COST_ENVELOPE;
}

static bool
take_word(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!take_imap_word(in, words[i].name))
			continue;
		*key = words[i].key;
		if (!words[i].take(in, p, key))
			return false;
		use_envelope(key);
		return true;
	}
	*key = (struct imap_search_key){ .kind = SEARCH_SET, .cost = COST_RECORD };
	return take_imap_set(in, p->arena, &key->set);
}

/* search-key = "ALL" / … / sequence-set / "(" search-key *(SP search-key) ")" */
static bool
take_key(struct bytes *in, struct parser *p, struct imap_search_key *key)
{
	bool is_taken;

	if (++p->depth > IMAP_SEARCH_DEPTH_MAX)
		return false;
	if (take_char(in, '('))
		is_taken = take_keys(in, p, key) && take_char(in, ')');
	else
		is_taken = take_word(in, p, key);
	p->depth--;
	return is_taken;
}

/* charset SP */
static bool
take_charset(struct bytes *in, struct arena *a, struct imap_search *search)
{
	struct bytes charset;

	if (!take_imap_astring(in, a, &charset) || !take_char(in, ' '))
		return false;
	search->is_charset_bad = !bytes_equal_nocase(charset, BYTES("UTF-8")) &&
		!bytes_equal_nocase(charset, BYTES("US-ASCII"));
	return true;
}

static bool
take_all_keys(struct bytes *in, struct arena *a, struct imap_search *search)
{
	struct parser p = { .arena = a };

	search->keys = arena_take(a, sizeof *search->keys);
	return search->keys && take_keys(in, &p, search->keys);
}

/* search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key) */
bool
take_imap_search(struct bytes *in, struct arena *a, struct imap_search *search)
{
	if (!take_char(in, ' ') ||
		(take_text_nocase(in, BYTES("CHARSET ")) && !take_charset(in, a, search)))
		return false;
	return take_all_keys(in, a, search);
}

bool
take_imap_search_criteria(struct bytes *in, struct arena *a, struct imap_search *search)
{
	return take_char(in, ' ') && take_charset(in, a, search) && take_all_keys(in, a, search);
}
