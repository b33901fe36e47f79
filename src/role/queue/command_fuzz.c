#include "role/queue/command.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An action that names nobody is none unless it says so. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t space[4096];
	struct buf values;
	struct command c;
	struct fault f;

	buf_init_fixed(&values, space, sizeof space);
	if (command_take(bytes_of(data, size), &values, &c, &f) != 0)
		return 0;
	assert(c.verb < QUEUE_VERBS && (c.id.len == 0 || c.id.len == MAIL_ID_LEN));
	if (command_is_action(c.verb) && !c.id.len && !c.sender.len && !c.recipient.len && !c.destination.len && !c.reason.len && !c.older_s)
		assert(bytes_find(bytes_of(data, size), BYTES("\tall=")) < size);
	return 0;
}
