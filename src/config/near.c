#include "config/near.h"

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance, three rows at a time. */
size_t
near_distance(struct bytes a, struct bytes b)
{
	size_t rows[3][NEAR_NAME_MAX + 1];

	if (a.len > NEAR_NAME_MAX || b.len > NEAR_NAME_MAX)
		return NEAR_NAME_MAX;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			uint8_t x = byte_lower(a.ptr[i - 1]), y = byte_lower(b.ptr[j - 1]);

			row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == byte_lower(b.ptr[j - 2]) && y == byte_lower(a.ptr[i - 2]))
				row[j] = least(row[j], second[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

static size_t
allowed_changes(size_t len)
{
	if (len <= 3)
		return 1;
	return len / 3 > 2 ? len / 3 : 2;
}

void
near_try(struct near *best, struct bytes written, const char *candidate)
{
	size_t distance = near_distance(written, bytes_text(candidate));

	if (distance > allowed_changes(written.len) || (best->name && distance >= best->distance))
		return;
	*best = (struct near){ candidate, distance };
}
