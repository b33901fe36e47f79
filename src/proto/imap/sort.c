/* SORT (RFC 5256 3). */
#include "proto/imap/commands.h"
#include "proto/imap/order.h"

struct sort_key {
	enum imap_sort_kind kind;
	bool is_reverse;
};

union sort_value {
	int64_t number;
	struct bytes text;
};

struct sort {
	struct imap_search search; /* first: what search.c hands back */
	struct sort_key keys[IMAP_SORT_KEYS_MAX];
	size_t key_count;
	bool wants_texts;
	uint32_t *told; /* of each message, what is told of it: number or uid */
	union sort_value *values; /* key_count for each message */
	size_t count;
	struct imap_merge merge;
	uint32_t *ordered; /* what is told, in order */
	size_t put;
};

static const struct {
	struct bytes name;
	enum imap_sort_kind kind;
	bool is_text;
} words[] = {
	{ BYTES_INIT("ARRIVAL"), SORT_ARRIVAL, false }, { BYTES_INIT("CC"), SORT_CC, true },
	{ BYTES_INIT("DATE"), SORT_DATE, false }, { BYTES_INIT("FROM"), SORT_FROM, true },
	{ BYTES_INIT("SIZE"), SORT_SIZE, false }, { BYTES_INIT("SUBJECT"), SORT_SUBJECT, true },
	{ BYTES_INIT("TO"), SORT_TO, true },
};

enum { WORDS = sizeof words / sizeof words[0] };

/* sort-key = ["REVERSE" SP] ("ARRIVAL" / "CC" / "DATE" / "FROM" / "SIZE" / "SUBJECT" / "TO") */
static bool
take_sort_key(struct bytes *in, struct sort *sort)
{
	struct sort_key *key = &sort->keys[sort->key_count];

	if (sort->key_count++ == IMAP_SORT_KEYS_MAX)
		return false;
	key->is_reverse = take_text_nocase(in, BYTES("REVERSE "));
	for (size_t i = 0; i < WORDS; i++) {
		if (!take_imap_word(in, words[i].name))
			continue;
		key->kind = words[i].kind;
		sort->wants_texts |= words[i].is_text;
		sort->search.needs_summary |= words[i].is_text || key->kind == SORT_DATE;
		sort->search.needs_size |= key->kind == SORT_SIZE;
		return true;
	}
	return false;
}

/* False: the arena is full. */
static bool
note(struct imap_session *s, struct imap_search *search, struct imap_candidate *c, uint32_t number)
{
	struct sort *sort = (struct sort *)search;
	struct imap_order_facts facts;
	union sort_value *values;
	uint32_t *told = arena_grow(s->order, sort->told, sort->count, sizeof *told);

	if (!told)
		return false;
	sort->told = told;
	values = arena_grow(s->order, sort->values, sort->count, sort->key_count * sizeof *values);
	if (!values || !imap_order_read(c, sort->wants_texts, s->order, &facts))
		return false;
	sort->values = values;
	values += sort->count * sort->key_count;
	told[sort->count++] = s->command->is_uid ? c->record->uid : number;
	for (size_t i = 0; i < sort->key_count; i++) {
		switch (sort->keys[i].kind) {
		case SORT_ARRIVAL:
			values[i].number = facts.arrival_s;
			break;
		case SORT_DATE:
			values[i].number = facts.sent_s;
			break;
		case SORT_SIZE:
			values[i].number = (int64_t)facts.size;
			break;
		case SORT_CC:
			values[i].text = facts.cc;
			break;
		case SORT_FROM:
			values[i].text = facts.from;
			break;
		case SORT_TO:
			values[i].text = facts.to;
			break;
		case SORT_SUBJECT:
			values[i].text = facts.subject;
			break;
		}
	}
	return true;
}

/* sort = "SORT" SP "(" sort-key *(SP sort-key) ")" SP charset 1*(SP search-key) */
bool
imap_parse_sort(struct imap_command *c, struct bytes *in)
{
	struct sort *sort = imap_command_args(c, sizeof *sort);

	if (!sort || !take_char(in, ' ') || !take_char(in, '('))
		return false;
	do {
		if (!take_sort_key(in, sort))
			return false;
	} while (take_char(in, ' '));
	sort->search.note = note;
	return take_char(in, ')') && take_imap_search_criteria(in, c->arena, &sort->search);
}

static int
compare_values(enum imap_sort_kind kind, const union sort_value *a, const union sort_value *b)
{
	if (kind == SORT_ARRIVAL || kind == SORT_DATE || kind == SORT_SIZE)
		return (a->number > b->number) - (a->number < b->number);
	return bytes_compare(a->text, b->text);
}

/* RFC 5256 3: REVERSE does not turn the order of the sequence numbers, which decides at the end. */
static int
compare(const void *arg, uint32_t a, uint32_t b)
{
	const struct sort *sort = arg;

	for (size_t i = 0; i < sort->key_count; i++) {
		const union sort_value *x = &sort->values[a * sort->key_count + i];
		const union sort_value *y = &sort->values[b * sort->key_count + i];
		int order = compare_values(sort->keys[i].kind, x, y);

		if (order != 0)
			return sort->keys[i].is_reverse ? -order : order;
	}
	return (sort->told[a] > sort->told[b]) - (sort->told[a] < sort->told[b]);
}

enum { MERGE = IMAP_SEARCH_FOUND, MERGING, PUT };

static enum imap_turn
merge(struct imap_session *s, struct imap_command *c, struct sort *sort)
{
	if (!imap_merge_step(&sort->merge, compare, sort, IMAP_ORDER_BUDGET / sort->key_count))
		return TURN_AGAIN;
	sort->ordered = arena_take(c->arena, sort->count * sizeof *sort->ordered);
	if (!sort->ordered)
		return imap_refuse(c, IMAP_LIMIT);
	for (size_t i = 0; i < sort->count; i++)
		sort->ordered[i] = sort->told[sort->merge.from[i]];
	/* A client that takes its time is not waited for with all that. */
	arena_free(&s->order);
	put_text(&s->out, "* SORT");
	c->phase = PUT;
	return TURN_ON;
}

enum imap_turn
imap_run_sort(struct imap_session *s, struct imap_command *c)
{
	struct sort *sort = c->args;

	if (c->phase < IMAP_SEARCH_FOUND)
		return imap_search_turn(s, c, &sort->search);
	if (c->phase == MERGE) {
		if (!imap_merge_start(&sort->merge, sort->count, s->order))
			return imap_refuse(c, IMAP_LIMIT);
		c->phase = MERGING;
	}
	if (c->phase == MERGING)
		return merge(s, c, sort);
	if (!imap_search_put_numbers(s, sort->ordered, sort->count, &sort->put))
		return TURN_FLUSH;
	return imap_ok(c, NULL, "SORT completed");
}
