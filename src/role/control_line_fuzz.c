#include "role/control_line.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
print_again(const struct control_line *line, struct buf *out)
{
	struct event_field fields[CONTROL_FIELDS_MAX + 1] = { { FIELD_END, NULL, BYTES_NONE, 0 } };
	char names[CONTROL_FIELDS_MAX + 1][64];

	for (size_t i = 0; i <= line->count; i++) {
		struct bytes name = i < line->count ? line->fields[i].name : line->word;
		struct buf b;

		buf_init_fixed(&b, names[i], sizeof names[i]);
		put_bytes(&b, name);
		put_char(&b, '\0');
		if (b.has_failed)
			return;
		if (i < line->count)
			fields[i] = (struct event_field){ FIELD_TEXT, names[i], line->fields[i].value, 0 };
	}
	control_line_put(out, names[line->count], fields);
}

/* What is taken and put again is taken as the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t space[4096], space_again[4096], text[16384];
	struct bytes in = bytes_of(data, size), answer;
	struct control_line line, same;
	struct buf values, values_again, out;

	if (control_take_answer(&in, &answer))
		assert(answer.len + in.len < size);
	in = bytes_of(data, size);
	buf_init_fixed(&values, space, sizeof space);
	buf_init_fixed(&values_again, space_again, sizeof space_again);
	buf_init_fixed(&out, text, sizeof text);
	if (!control_line_take(&in, &values, &line)) {
		assert(in.len == size && values.len == 0);
		return 0;
	}
	assert(in.ptr[-1] == '\n');
	print_again(&line, &out);
	in = buf_bytes(&out);
	if (in.len == 0)
		return 0;
	assert(control_line_take(&in, &values_again, &same) && in.len == 0 && same.count == line.count);
	for (size_t i = 0; i < line.count; i++)
		assert(bytes_equal(line.fields[i].value, same.fields[i].value));
	return 0;
}
