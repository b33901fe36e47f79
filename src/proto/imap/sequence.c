#include "proto/imap/sequence.h"

#include "proto/imap/grammar.h"

#include <stdlib.h>
#include <string.h>

/* seq-number = nz-number / "*" */
static bool
take_seq_number(struct bytes *in, uint32_t *number)
{
	if (!take_char(in, '*'))
		return take_imap_nz_number(in, number);
	*number = 0;
	return true;
}

/* seq-range = seq-number ":" seq-number */
static bool
take_seq_range(struct bytes *in, struct imap_range *range)
{
	struct bytes rest = *in;

	if (!take_seq_number(&rest, &range->first))
		return false;
	range->last = range->first;
	if (take_char(&rest, ':') && !take_seq_number(&rest, &range->last))
		return false;
	*in = rest;
	return true;
}

static size_t
count_ranges(struct bytes in)
{
	size_t count = 1;

	for (size_t i = 0; i < in.len && in.ptr[i] != ' ' && in.ptr[i] != ')'; i++)
		count += in.ptr[i] == ',';
	return count;
}

bool
take_imap_set(struct bytes *in, struct arena *a, struct imap_set *set)
{
	struct bytes rest = *in;
	struct imap_range first;

	if (!take_seq_range(&rest, &first))
		return false;
	set->count = 0;
	set->ranges = arena_take(a, count_ranges(*in) * sizeof *set->ranges);
	if (!set->ranges)
		return false;
	set->ranges[set->count++] = first;
	while (take_char(&rest, ','))
		if (!take_seq_range(&rest, &set->ranges[set->count++]))
			return false;
	*in = rest;
	return true;
}

static int
compare_ranges(const void *a, const void *b)
{
	uint32_t first = ((const struct imap_range *)a)->first;
	uint32_t second = ((const struct imap_range *)b)->first;

	return (first > second) - (first < second);
}

static struct imap_range
settle_range(struct imap_range range, uint32_t star)
{
	uint32_t first = range.first ? range.first : star, last = range.last ? range.last : star;

	return first <= last ? (struct imap_range){ first, last } : (struct imap_range){ last, first };
}

void
imap_set_settle(struct imap_set *set, uint32_t star)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		struct imap_range range = set->ranges[i];

		if (star || (range.first && range.last))
			set->ranges[count++] = settle_range(range, star);
	}
	if (count)
		qsort(set->ranges, count, sizeof *set->ranges, compare_ranges);
	set->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct imap_range *before = set->count ? &set->ranges[set->count - 1] : NULL;
		struct imap_range range = set->ranges[i];

		if (!before || (before->last < UINT32_MAX && range.first > before->last + 1))
			set->ranges[set->count++] = range;
		else if (range.last > before->last)
			before->last = range.last;
	}
}

bool
imap_set_has(const struct imap_set *set, uint32_t number)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && set->ranges[low].first <= number;
}

static bool
grow(struct imap_set *set, struct arena *a, size_t *size)
{
	size_t wanted = *size ? *size * 2 : 8;
	struct imap_range *ranges = arena_take(a, wanted * sizeof *ranges);

	if (!ranges)
		return false;
	if (set->count)
		memcpy(ranges, set->ranges, set->count * sizeof *ranges);
	set->ranges = ranges;
	*size = wanted;
	return true;
}

bool
imap_set_add(struct imap_set *set, struct arena *a, size_t *size, uint32_t number)
{
	if (set->count && set->ranges[set->count - 1].last == number - 1) {
		set->ranges[set->count - 1].last = number;
		return true;
	}
	if (set->count == *size && !grow(set, a, size))
		return false;
	set->ranges[set->count++] = (struct imap_range){ number, number };
	return true;
}

void
put_imap_set(struct buf *out, const struct imap_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			put_char(out, ',');
		put_number(out, ranges[i].first);
		if (ranges[i].last == ranges[i].first)
			continue;
		put_char(out, ':');
		put_number(out, ranges[i].last);
	}
}
