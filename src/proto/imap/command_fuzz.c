/* The grammar of every command: [UID ] name arguments. */
#include "proto/imap/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), name;
	struct imap_command c = { 0 };

	if (size > 20000)
		return 0;
	c.arena = arena_new("fuzz", IMAP_COMMAND_ARENA_MAX, ARENA_PLAIN);
	c.is_uid = take_text_nocase(&in, BYTES("UID "));
	if (take_imap_atom(&in, &name))
		c.row = imap_command_find(name);
	if (c.row)
		(void)c.row->parse(&c, &in);
	arena_free(&c.arena);
	return 0;
}
