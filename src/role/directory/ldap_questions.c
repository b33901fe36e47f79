#include "role/directory/ldap_questions.h"

#include "base/map.h"
#include "base/memory.h"

#include <string.h>

struct ldap_question {
	struct ldap_question *next;
	void (*sure)(void *arg, bool is_sure); /* NULL: that of the next which has one */
	void *arg;
	bool is_undecided;
	size_t len;
	uint8_t address[];
};

static void
add(struct ldap_question **list, struct bytes address, void (*sure)(void *arg, bool is_sure), void *arg)
{
	struct ldap_question *q = memory_new(sizeof *q + address.len);

	q->sure = sure;
	q->arg = arg;
	q->is_undecided = false;
	q->next = *list;
	q->len = address.len;
	if (address.len)
		memcpy(q->address, address.ptr, address.len);
	*list = q;
}

void
ldap_questions_add(struct ldap_question **list, const struct bytes *addresses, size_t count, void (*sure)(void *arg, bool is_sure), void *arg)
{
	add(list, addresses[0], sure, arg);
	for (size_t i = 1; i < count; i++)
		add(list, addresses[i], NULL, NULL);
}

void
ldap_questions_answer(struct ldap_question **list, bool is_sure)
{
	struct ldap_question *next, *q = *list;
	bool is_undecided = false;

	*list = NULL;
	for (; q; q = next) {
		next = q->next;
		is_undecided |= q->is_undecided;
		if (q->sure) {
			q->sure(q->arg, is_sure && !is_undecided);
			is_undecided = false;
		}
		memory_free(q);
	}
}

void
ldap_questions_forget(struct ldap_question **list)
{
	struct ldap_question *next;

	for (; *list; *list = next) {
		next = (*list)->next;
		memory_free(*list);
	}
}

/* Each once, in *count places; memory_free. */
static struct bytes *
addresses_of(const struct ldap_question *list, size_t *count)
{
	struct map *seen = map_new();
	struct bytes *addresses;
	size_t room = 0;

	for (const struct ldap_question *q = list; q; q = q->next)
		room++;
	addresses = memory_new_array(room, sizeof *addresses);
	*count = 0;
	for (const struct ldap_question *q = list; q; q = q->next)
		if (!map_put(seen, bytes_of(q->address, q->len), addresses))
			addresses[(*count)++] = bytes_of(q->address, q->len);
	map_free(&seen);
	return addresses;
}

int
ldap_questions_find(const struct ldap_question *list, struct ldap_link *link, bool *is_found, struct fault *f)
{
	size_t count;
	struct bytes *addresses = addresses_of(list, &count);
	int result = ldap_link_find(link, addresses, count, is_found, f);

	memory_free(addresses);
	return result;
}

int
ldap_questions_undecide(struct ldap_question *list, struct ldap_link *link, struct fault *f)
{
	struct map *seen;
	bool is_found;
	int result = ldap_questions_find(list, link, &is_found, f);

	if (result != 0 || !is_found)
		return result;
	seen = map_new();
	for (struct ldap_question *q = list; q && result == 0; q = q->next) {
		struct bytes address = bytes_of(q->address, q->len);
		const struct ldap_question *same = map_put(seen, address, q);

		if (same)
			q->is_undecided = same->is_undecided;
		else
			result = ldap_link_find(link, &address, 1, &q->is_undecided, f);
	}
	map_free(&seen);
	return result;
}

int
ldap_questions_take(const struct ldap_question *list, struct ldap_poll *poll, struct fault *f)
{
	size_t count;
	struct bytes *addresses = addresses_of(list, &count);
	int result = ldap_poll_take(poll, addresses, count, f);

	memory_free(addresses);
	return result;
}
