/* Plays the scripts of test/dialog (smtp-*.txt, see its README.md) against the pure session: whole batches, octet by
   octet, and with each batch cut at each offset (a long one only near its ends). */
#include "proto/smtp/script.h"

#include "base/memory.h"

#include <dirent.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DIALOGS_MAX = 200, SCRIPT_OCTETS_MAX = 65536, SPLIT_OCTETS = 64 };

/* How the octets of a batch are sent: up to `cut` and from there, or in pieces of `piece`. */
struct manner {
	size_t batch, cut, piece;
};

/* The text itself, or its beginning before "...": most lines, without a pattern's cost. */
static bool
is_plainly(struct bytes want, struct bytes got)
{
	size_t dots = bytes_find(want, BYTES("..."));

	return dots + 3 == want.len ? bytes_starts(got, bytes_sub(want, 0, dots)) : bytes_equal(want, got);
}

static void
assert_matches(const struct script *script, struct bytes want, bool is_pattern, struct bytes got)
{
	char pattern[2000] = "^", text[2000];
	regex_t regex;
	int result;
	size_t at = 1;

	if (!is_pattern && is_plainly(want, got))
		return;
	for (size_t i = 0; i < want.len && at < sizeof pattern - 4; i++) {
		if (!is_pattern && bytes_starts(bytes_sub(want, i, 3), BYTES("..."))) {
			memcpy(pattern + at, ".*", 2);
			at += 2;
			i += 2;
			continue;
		}
		if (!is_pattern && strchr(".[]()*+?{}^$|\\", want.ptr[i]))
			pattern[at++] = '\\';
		pattern[at++] = (char)want.ptr[i];
	}
	memcpy(pattern + at, "$", 2);
	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(got));
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	result = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (result != 0)
		fail_msg("%s:\nwant: %.*s\ngot:  %s", script->path, BYTES_ARG(want), text);
}

/* A line that was put out, without CRLF. */
static struct bytes
take_reply_line(const struct script *script, struct bytes want, struct bytes *out)
{
	size_t end = bytes_find(*out, BYTES("\r\n"));
	struct bytes line = bytes_sub(*out, 0, end);

	if (end == out->len)
		fail_msg("%s:\nwant: %.*s\ngot nothing", script->path, BYTES_ARG(want));
	*out = bytes_sub(*out, end + 2, out->len);
	return line;
}

static void
expect_reply(const struct script *script, char kind, struct bytes want, struct bytes *out)
{
	struct buf expanded;
	struct bytes line;

	if (kind == '*') {
		do {
			line = take_reply_line(script, want, out);
			assert_true(bytes_starts(line, want));
		} while (line.len > 3 && line.ptr[3] == '-');
		return;
	}
	line = take_reply_line(script, want, out);
	if (kind == '~') {
		assert_matches(script, want, true, line);
		return;
	}
	buf_init(&expanded, 8000);
	script_expand(&expanded, want);
	assert_matches(script, buf_bytes(&expanded), false, line);
	buf_done(&expanded);
}

/* An effect that a script names must be the next one, but for those that a client of a real server sees too: they may
   come later. */
static void
expect_effect(const struct script *script, struct bytes want, struct bytes *effects)
{
	struct buf expanded;
	bool is_for_all = bytes_equal(want, BYTES("tls")) || bytes_equal(want, BYTES("close"));

	buf_init(&expanded, 8000);
	script_expand(&expanded, want);
	put_char(&expanded, '\n');
	if (is_for_all)
		*effects = bytes_sub(*effects, bytes_find(*effects, buf_bytes(&expanded)), effects->len);
	if (!take_text(effects, buf_bytes(&expanded)))
		fail_msg("%s:\nwant effect: %.*s\ngot: %.*s", script->path, BYTES_ARG(want), BYTES_ARG(*effects));
	buf_done(&expanded);
}

static void
send_batch(struct player *p, const struct manner *manner, size_t batch, struct bytes in)
{
	size_t first = manner->piece;

	if (manner->batch == batch && manner->cut)
		first = manner->cut;
	/* What comes later belongs to the handshake. */
	while (in.len && !p->is_tls_due) {
		player_send(p, bytes_sub(in, 0, first));
		in = bytes_sub(in, first, in.len);
		first = manner->piece;
	}
}

/* One line that says what is expected; everything else was sent before. */
static void
expect(const struct script *script, struct player *p, struct bytes line, struct bytes *out, struct bytes *effects)
{
	struct bytes text = bytes_sub(line, 3, line.len);

	if (line.ptr[0] == 'S') {
		expect_reply(script, (char)line.ptr[1], text, out);
		return;
	}
	expect_effect(script, text, effects);
	if (bytes_equal(text, BYTES("tls"))) {
		buf_drop(&p->out, p->out.len - out->len);
		player_start_tls(p);
		*out = buf_bytes(&p->out);
	}
}

/* Effects that a script doesn't name are not compared. */
static void
forget(struct player *p, const struct script *script, struct bytes out)
{
	if (out.len)
		fail_msg("%s: not expected: %.*s", script->path, BYTES_ARG(out));
	buf_reset(&p->out);
	buf_reset(&p->effects);
}

/* Plays the script; *octets: how many the batch had that manner->batch names. */
static size_t
play(const struct script *script, const struct manner *manner, size_t *batch_octets)
{
	struct player p;
	struct buf batch;
	struct bytes rest = script->lines, out = BYTES_NONE, effects = BYTES_NONE;
	size_t batches = 0;

	player_start(&p, &script->settings);
	p.answer = script_answer;
	p.arg = (void *)(uintptr_t)script;
	buf_init(&batch, 1 << 20);
	player_run(&p);
	out = buf_bytes(&p.out);
	while (rest.len) {
		struct bytes line = take_until(&rest, '\n'), text = bytes_sub(line, 3, line.len);

		if (line.len < 2 || line.ptr[0] == '#')
			continue;
		if (line.ptr[0] == 'C') {
			script_expand(&batch, text);
			put_text(&batch, line.ptr[1] == ':' ? "\r\n" : "");
			continue;
		}
		if (batch.len) {
			forget(&p, script, out);
			out = BYTES_NONE;
			/* What came behind the batch that is cut is like in the other plays. */
			if (manner->batch != SIZE_MAX && batches > manner->batch)
				break;
			if (batches == manner->batch)
				*batch_octets = batch.len;
			send_batch(&p, manner, batches++, buf_bytes(&batch));
			buf_reset(&batch);
			out = buf_bytes(&p.out);
			effects = buf_bytes(&p.effects);
		}
		expect(script, &p, line, &out, &effects);
	}
	forget(&p, script, out);
	buf_done(&batch);
	player_done(&p);
	return batches;
}

/* Every offset, but of a long batch only those near its ends. */
static size_t
next_cut(size_t cut, size_t octets)
{
	if (octets > 16 * SPLIT_OCTETS && cut == SPLIT_OCTETS)
		return octets - SPLIT_OCTETS;
	return cut + 1;
}

static void
read_file(const char *path, struct buf *text)
{
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	buf_added(text, fread(buf_room(text, SCRIPT_OCTETS_MAX), 1, SCRIPT_OCTETS_MAX, file));
	fclose(file);
}

static void
dialog_holds(void **state)
{
	struct script script;
	struct buf text;
	size_t batches, octets = 0;

	buf_init(&text, SCRIPT_OCTETS_MAX);
	read_file(*state, &text);
	script_read(&script, *state, buf_bytes(&text));
	batches = play(&script, &(struct manner){ SIZE_MAX, 0, SIZE_MAX }, &octets);
	assert_true(batches > 0);
	(void)play(&script, &(struct manner){ SIZE_MAX, 0, 1 }, &octets);
	(void)play(&script, &(struct manner){ SIZE_MAX, 0, 2 }, &octets);
	for (size_t batch = 0; batch < batches; batch++) {
		octets = 2;
		for (size_t cut = 1; cut < octets; cut = next_cut(cut, octets))
			(void)play(&script, &(struct manner){ batch, cut, SIZE_MAX }, &octets);
	}
	buf_done(&text);
}

static int
is_dialog(const struct dirent *entry)
{
	struct bytes name = bytes_text(entry->d_name);

	return bytes_starts(name, BYTES("smtp-")) && bytes_ends_nocase(name, BYTES(".txt"));
}

int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[DIALOGS_MAX];
	struct dirent **entries = NULL;
	const char *folder = argc > 1 ? argv[1] : "test/dialog";
	int count = scandir(folder, &entries, is_dialog, alphasort);

	if (count <= 0 || count > DIALOGS_MAX)
		return 1;
	for (int i = 0; i < count; i++) {
		size_t size = strlen(folder) + strlen(entries[i]->d_name) + 2;
		char *path = memory_new(size);

		(void)snprintf(path, size, "%s/%s", folder, entries[i]->d_name);
		tests[i] = (struct CMUnitTest){ .name = strrchr(path, '/') + 1, .test_func = dialog_holds,
			.initial_state = path };
		memory_free(entries[i]);
	}
	memory_free(entries);
	count = _cmocka_run_group_tests("dialogs", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < DIALOGS_MAX; i++)
		memory_free(tests[i].initial_state);
	return count;
}
