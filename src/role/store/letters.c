/* The keywords of a mailbox: bits in the view, letters in file names, names on the wire. */
#include "role/store/failure.h"
#include "role/store/mailbox.h"

uint64_t
mailbox_letters(const struct mailbox *m, uint64_t keywords)
{
	uint64_t letters = 0;

	for (uint32_t i = 0; i < VIEW_KEYWORDS_MAX; i++)
		if (keywords >> i & 1)
			letters |= m->letters_of[i];
	return letters;
}

uint64_t
mailbox_keywords_of_letters(struct mailbox *m, uint64_t letters)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		int number;

		if (!(letters >> i & 1))
			continue;
		number = view_add_keyword(&m->view, keywords_name(&m->keywords, i));
		if (number < 0)
			continue;
		m->letters_of[number] |= (uint64_t)1 << i;
		bits |= (uint64_t)1 << number;
	}
	return bits;
}

static void
write_down(struct mailbox *m)
{
	struct buf text;
	struct fault f;

	buf_init(&text, KEYWORDS_FILE_OCTETS_MAX);
	keywords_put(&text, &m->keywords);
	if (disk_replace_file(m->directory, "dovecot-keywords", buf_bytes(&text), 0600, &f) != 0)
		(void)failure_report_fault(m->account->path, &f);
	buf_done(&text);
}

bool
mailbox_take_keywords(struct mailbox *m, struct bytes names, uint64_t *bits)
{
	bool is_new = false, all_fit = true;

	*bits = 0;
	while (names.len) {
		struct bytes name = take_until(&names, ' ');
		bool is_known = keywords_find(&m->keywords, name) >= 0;
		int letter = keywords_add(&m->keywords, name);

		if (name.len == 0)
			continue;
		if (letter < 0) {
			all_fit = false;
			continue;
		}
		is_new |= !is_known;
		view_set_full_of_keywords(&m->view, keywords_are_full(&m->keywords));
		*bits |= mailbox_keywords_of_letters(m, (uint64_t)1 << letter);
	}
	if (is_new)
		write_down(m);
	return all_fit;
}

bool
mailbox_has_room_for(const struct mailbox *m, struct bytes names)
{
	struct keywords copy = m->keywords;

	while (names.len) {
		struct bytes name = take_until(&names, ' ');

		if (name.len && keywords_add(&copy, name) < 0)
			return false;
	}
	return true;
}

void
mailbox_put_keywords(struct buf *out, const struct mailbox *m, uint64_t bits)
{
	size_t start = out->len;

	for (uint32_t i = 0; i < VIEW_KEYWORDS_MAX; i++) {
		if (!(bits >> i & 1) || !m->letters_of[i])
			continue;
		if (out->len > start)
			put_char(out, ' ');
		put_text(out, m->view.head->keywords[i]);
	}
}
