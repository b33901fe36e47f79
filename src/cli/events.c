#include "cli/cli.h"

static void
put_plain(struct buf *out)
{
	for (unsigned int i = 0; i < EVENT_COUNT; i++) {
		enum event_id id = (enum event_id)i;

		put_format(out, "%-24s %-8s %s\n", event_name(id), event_level_name(event_level_of(id)),
			event_sentence(id));
	}
}

/* Names and sentences are ours, but a sentence may hold quotes. */
static void
put_json_text(struct buf *out, const char *text)
{
	put_char(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			put_char(out, '\\');
		put_char(out, (uint8_t)*text);
	}
	put_char(out, '"');
}

static void
put_json(struct buf *out)
{
	for (unsigned int i = 0; i < EVENT_COUNT; i++) {
		enum event_id id = (enum event_id)i;

		put_text(out, i == 0 ? "[\n  {\"event\":" : ",\n  {\"event\":");
		put_json_text(out, event_name(id));
		put_text(out, ",\"level\":");
		put_json_text(out, event_level_name(event_level_of(id)));
		put_text(out, ",\"sentence\":");
		put_json_text(out, event_sentence(id));
		put_char(out, '}');
	}
	put_text(out, "\n]\n");
}

static int
run(int argc, char **argv)
{
	bool is_json = false;
	const struct cli_option options[] = { { "--json", NULL, &is_json }, { 0 } };
	struct buf out;
	int operands = cli_take_options(argc, argv, options);

	if (operands < 0)
		return CLI_MISUSED;
	if (operands > 0)
		return cli_misused(argv[0], "it takes no argument");
	buf_init(&out, CONFIG_FILE_MAX);
	if (is_json)
		put_json(&out);
	else
		put_plain(&out);
	return cli_print(&out);
}

const struct cli_command cli_events = {
	.name = "events",
	.summary = "list every event that can stand in the log, and what it means",
	.usage = "events [--json]\n"
		 "\n"
		 "Prints the name, the level and the meaning of each event.  `log { level\n"
		 "...; }` says from which level on events are written.\n"
		 "\n"
		 "  --json    as a JSON array\n",
	.run = run,
};
