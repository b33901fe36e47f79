#include "proto/imap/merge.h"

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
start_pair(struct imap_merge *m, size_t low)
{
	m->low = m->left = low;
	m->right = least(low + m->width, m->count);
}

bool
imap_merge_start(struct imap_merge *m, size_t count, struct arena *a)
{
	*m = (struct imap_merge){ .count = count, .width = 1 };
	m->from = arena_take(a, count * sizeof *m->from);
	m->to = arena_take(a, count * sizeof *m->to);
	if (!m->from || !m->to)
		return false;
	for (size_t i = 0; i < count; i++)
		m->from[i] = (uint32_t)i;
	start_pair(m, 0);
	return true;
}

static void
start_round(struct imap_merge *m)
{
	uint32_t *done = m->to;

	m->to = m->from;
	m->from = done;
	m->width *= 2;
	m->put = 0;
	start_pair(m, 0);
}

bool
imap_merge_step(struct imap_merge *m, int (*compare)(const void *arg, uint32_t a, uint32_t b), const void *arg,
	size_t most)
{
	for (; most && m->width < m->count; most--) {
		size_t middle = least(m->low + m->width, m->count), high = least(middle + m->width, m->count);
		bool has_left = m->left < middle, has_right = m->right < high;

		if (has_left && (!has_right || compare(arg, m->from[m->left], m->from[m->right]) <= 0))
			m->to[m->put++] = m->from[m->left++];
		else
			m->to[m->put++] = m->from[m->right++];
		if (m->put == m->count)
			start_round(m);
		else if (m->put == high)
			start_pair(m, high);
	}
	return m->width >= m->count;
}
