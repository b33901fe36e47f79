#include "cli/json.h"

void
json_put_text(struct buf *out, struct bytes text)
{
	put_char(out, '"');
	put_harmless(out, text, HARMLESS_JSON);
	put_char(out, '"');
}

void
json_put_name(struct buf *out, const char *name)
{
	json_put_text(out, bytes_text(name));
	put_char(out, ':');
}
