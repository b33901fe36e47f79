/* Whatever a program writes into `mermoz send`: recipients are such as fit into a command of SMTP, and no blind copy stands in what is sent. */
#include "cli/send_message.h"
#include "proto/rfc5322/header.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(struct bytes text)
{
	struct bytes name, value, field;

	assert(text.len && text.ptr[text.len - 1] == '\n');
	assert(bytes_find_char(text, '\r') == text.len);
	while (take_header_field(&text, &name, &value, &field))
		assert(name.len && !bytes_equal_nocase(name, BYTES("Bcc")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = send_message_cut(bytes_of(data, size));
	struct arena *arena = arena_new("fuzz", 1 << 20, ARENA_PLAIN);
	struct send_recipients to = { .count = 0 };
	struct send_message m;
	struct fault f;

	if (send_recipients_of(&to, input, BYTES("us.example"), arena, &f) == 0)
		for (size_t i = 0; i < to.count; i++)
			for (size_t at = 0; at < to.at[i].len; at++)
				assert(!byte_is_class(to.at[i].ptr[at], CLASS_CONTROL));
	send_message_make(&m, input, BYTES("me@us.example"), BYTES_NONE, BYTES("us.example"));
	check_text(buf_bytes(&m.text));
	send_message_done(&m);
	arena_free(&arena);
	return 0;
}
