#include "proto/mime/summary.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What opens can be walked; whatever section is asked for, the answer is a part that there is. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct summary s;
	struct fault fault;

	if (summary_open(bytes_of(data, size), &s, &fault) < 0) {
		assert(fault.kind == FAULT_SYNTAX);
		return 0;
	}
	for (uint32_t i = 0; i < s.part_count; i++)
		assert(summary_part(&s, i).body_at + summary_part(&s, i).body_octets <= s.size);
	for (uint32_t a = 0; a < 4; a++) {
		for (uint32_t b = 0; b < 4; b++) {
			uint32_t numbers[3] = { a, b, 1 }, index;
			bool is_whole;

			for (size_t count = 0; count <= 3; count++)
				if (summary_find_part(&s, numbers, count, &index, &is_whole))
					assert(index < s.part_count);
		}
	}
	return 0;
}
