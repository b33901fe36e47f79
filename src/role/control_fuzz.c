#include "role/control.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A command is taken with its line, and nothing that is no command is waited for without end. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	for (;;) {
		struct bytes before = in, line = BYTES_NONE;
		enum control_command command = control_take(&in, &line);

		if (command == CONTROL_NONE) {
			assert(in.len == before.len && in.len < CONTROL_LINE_MAX);
			return 0;
		}
		if (in.len == before.len) {
			assert(command == CONTROL_UNKNOWN && in.len >= CONTROL_LINE_MAX);
			return 0;
		}
		assert(in.ptr[-1] == '\n');
		assert(line.len == before.len - in.len);
		if (command == CONTROL_QUESTION)
			assert(bytes_find_char(line, '\t') < line.len);
		if (command == CONTROL_RELOAD)
			assert(before.len - in.len == sizeof "reload");
		if (command == CONTROL_STATUS)
			assert(before.len - in.len == sizeof "status");
	}
}
