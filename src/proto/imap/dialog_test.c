/* Plays the scripts of test/dialog (imap-*.txt) against the pure session: whole batches, octet by octet, and with each
   batch cut at each offset.

   Head:    rule: what is tested                  start: stranger | inside (alice) | selected (INBOX)
            play: session                         clear: no (log-in over TLS only)
            messages: how many are in INBOX       message-octets, command-octets, errors: limits
   Lines:   C: line for the server      C- octets without line end (\r \n \0 \\)
            S: line from the server; "..." at its end stands for any rest
            S* any lines up to one that begins so
            E: the next question to directory or store
            X: what others do: deliver, seen UID, unseen UID, deleted UID, expunge UID, compact, outcome KIND OUTCOME */
#include "proto/imap/player.h"

#include "base/memory.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCRIPT_OCTETS_MAX = 65536, DIALOGS_MAX = 200, SPLIT_OCTETS_MAX = 2500 };

struct script {
	const char *path;
	struct buf text;
	struct bytes lines; /* behind the head */
	bool is_inside, is_selected;
	uint64_t messages, message_octets, command_octets, errors;
	bool forbids_clear;
};

/* How the octets of a batch are sent: up to `cut` and from there, or in pieces of `piece`. */
struct manner {
	size_t batch, cut, piece;
};

static void
unescape(struct buf *out, struct bytes in)
{
	static const char names[] = "rn0\\", values[] = "\r\n\0\\";

	while (in.len) {
		struct bytes octet;
		const char *at;

		if (!take_char(&in, '\\')) {
			assert_true(take_octets(&in, 1, &octet));
			put_bytes(out, octet);
			continue;
		}
		/* "\Seen" is written as it is. */
		at = in.len ? memchr(names, in.ptr[0], 4) : NULL;
		put_char(out, at ? (uint8_t)values[at - names] : '\\');
		if (at)
			in = bytes_sub(in, 1, in.len);
	}
}

static void
read_setting(struct script *script, struct bytes name, struct bytes value)
{
	static const struct {
		const char *name;
		size_t offset;
	} numbers[] = {
		{ "messages", offsetof(struct script, messages) },
		{ "message-octets", offsetof(struct script, message_octets) },
		{ "command-octets", offsetof(struct script, command_octets) },
		{ "errors", offsetof(struct script, errors) },
	};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (bytes_equal(name, bytes_text(numbers[i].name))) {
			assert_true(take_number(&value, UINT32_MAX, (uint64_t *)((uint8_t *)script + numbers[i].offset)));
			return;
		}
	if (bytes_equal(name, BYTES("start"))) {
		script->is_selected = bytes_equal(value, BYTES("selected"));
		script->is_inside = script->is_selected || bytes_equal(value, BYTES("inside"));
	} else if (bytes_equal(name, BYTES("clear"))) {
		script->forbids_clear = bytes_equal(value, BYTES("no"));
	} else {
		assert_true(bytes_equal(name, BYTES("rule")) || bytes_equal(name, BYTES("play")));
	}
}

static void
read_script(struct script *script, const char *path)
{
	FILE *file = fopen(path, "r");
	uint8_t *to;

	*script = (struct script){ .path = path };
	buf_init(&script->text, SCRIPT_OCTETS_MAX);
	to = buf_room(&script->text, SCRIPT_OCTETS_MAX);
	assert_non_null(file);
	buf_added(&script->text, fread(to, 1, SCRIPT_OCTETS_MAX, file));
	fclose(file);
	script->lines = buf_bytes(&script->text);
	for (;;) {
		struct bytes line = take_until(&script->lines, '\n'), name;

		if (line.len == 0)
			return;
		name = take_until(&line, ':');
		read_setting(script, name, bytes_trim(line));
	}
}

static void
start(struct player *p, const struct script *script)
{
	static char message[512];

	player_init(p, true);
	p->settings.may_login_in_clear = !script->forbids_clear;
	if (script->message_octets)
		p->settings.limits.message_octets_max = script->message_octets;
	if (script->command_octets)
		p->settings.limits.command_octets_max = (uint32_t)script->command_octets;
	if (script->errors)
		p->settings.limits.errors_max = (uint32_t)script->errors;
	for (uint64_t i = 1; i <= script->messages; i++) {
		snprintf(message, sizeof message,
			"From: Bob <bob@example.com>\nTo: alice@example.com\nSubject: message %d\n"
			"Message-ID: <%d@example.com>\nDate: Wed, 17 Jul 1996 02:23:25 -0700\n\nText %d.\n",
			(int)i, (int)i, (int)i);
		player_deliver(p, "INBOX", bytes_text(message), 0);
	}
	player_restart(p);
	player_run(p);
	if (script->is_inside)
		player_log_in(p);
	if (script->is_selected)
		player_select(p, "INBOX");
}

static void
send_batch(struct player *p, struct bytes octets, const struct manner *manner, size_t batch)
{
	size_t cut = manner->batch == batch ? manner->cut : 0;

	if (cut) {
		player_send(p, bytes_sub(octets, 0, cut));
		octets = bytes_sub(octets, cut, octets.len);
	}
	while (manner->piece && octets.len > manner->piece) {
		player_send(p, bytes_sub(octets, 0, manner->piece));
		octets = bytes_sub(octets, manner->piece, octets.len);
	}
	player_send(p, octets);
}

static struct bytes
next_line(struct bytes *text)
{
	size_t end = bytes_find(*text, BYTES("\r\n"));
	struct bytes line = bytes_sub(*text, 0, end);

	*text = bytes_sub(*text, end + 2, text->len);
	return line;
}

static void
differ(const struct script *script, struct bytes want, struct bytes got)
{
	fail_msg("%s:\n want |%.*s|\n got  |%.*s|", script->path, BYTES_ARG(want), BYTES_ARG(got));
}

static void
expect_line(const struct script *script, struct bytes want, struct bytes *got)
{
	struct bytes all = *got, line = next_line(got);
	struct buf plain;
	bool is_same;

	buf_init(&plain, SCRIPT_OCTETS_MAX);
	unescape(&plain, want);
	if (bytes_ends_nocase(buf_bytes(&plain), BYTES("...")))
		is_same = bytes_starts(line, bytes_sub(buf_bytes(&plain), 0, plain.len - 3));
	else
		is_same = bytes_equal(line, buf_bytes(&plain));
	buf_done(&plain);
	if (!is_same || all.len == 0)
		differ(script, want, all);
}

static void
skip_lines(const struct script *script, struct bytes want, struct bytes *got)
{
	struct bytes all = *got;

	while (got->len)
		if (bytes_starts(next_line(got), want))
			return;
	differ(script, want, all);
}

static void
expect_question(const struct script *script, struct player *p, struct bytes want)
{
	struct bytes all = buf_bytes(&p->asks), line = take_until(&all, '\n');

	if (!bytes_equal(line, want))
		differ(script, want, line);
	buf_drop(&p->asks, line.len + 1);
}

static void
set_outcome(struct player *p, struct bytes kind, struct bytes outcome)
{
	static const struct {
		const char *name;
		enum imap_ask_kind kind;
	} kinds[] = {
		{ "login", IMAP_ASK_LOGIN }, { "select", IMAP_ASK_SELECT }, { "list", IMAP_ASK_LIST },
		{ "status", IMAP_ASK_STATUS }, { "create", IMAP_ASK_CREATE }, { "append", IMAP_ASK_APPEND },
		{ "set-flags", IMAP_ASK_SET_FLAGS }, { "copy", IMAP_ASK_COPY }, { "bodies", IMAP_ASK_BODIES },
		{ "expunge", IMAP_ASK_EXPUNGE }, { "delete", IMAP_ASK_DELETE }, { "check", IMAP_ASK_CHECK }, { "quota", IMAP_ASK_QUOTA },
	};
	static const char *const outcomes[] = { "ok", "later", "no-space", "absent", "denied", "exists", "invalid",
		"limit", "over-quota", "disabled", "expired" };

	p->has_outcome = false;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (size_t j = 0; j < sizeof outcomes / sizeof *outcomes; j++)
			if (bytes_equal(kind, bytes_text(kinds[i].name)) && bytes_equal(outcome, bytes_text(outcomes[j]))) {
				p->has_outcome = true;
				p->outcome_of = kinds[i].kind;
				p->outcome = (enum imap_outcome)j;
			}
	assert_true(p->has_outcome);
}

/* USED-OCTETS OCTETS USED-MESSAGES MESSAGES */
static void
set_quota(struct player *p, struct bytes what)
{
	uint64_t *const members[] = { &p->quota.octets, &p->quota.octets_max, &p->quota.messages, &p->quota.messages_max };

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		(void)take_char(&what, ' ');
		assert_true(take_number(&what, UINT64_MAX, members[i]));
	}
}

static void
act(struct player *p, struct bytes what)
{
	static const char message[] = "Subject: new\n\nNew.\n";
	struct bytes word = take_until(&what, ' ');
	uint64_t uid = 0;

	if (!bytes_equal(word, BYTES("quota")))
		(void)take_number(&what, UINT32_MAX, &uid);
	if (bytes_equal(word, BYTES("deliver")))
		player_deliver(p, "INBOX", bytes_text(message), 0);
	else if (bytes_equal(word, BYTES("seen")))
		player_set_flags(p, "INBOX", (uint32_t)uid, VIEW_SEEN);
	else if (bytes_equal(word, BYTES("unseen")))
		player_set_flags(p, "INBOX", (uint32_t)uid, 0);
	else if (bytes_equal(word, BYTES("deleted")))
		player_set_flags(p, "INBOX", (uint32_t)uid, VIEW_DELETED);
	else if (bytes_equal(word, BYTES("expunge")))
		player_expunge(p, "INBOX", (uint32_t)uid);
	else if (bytes_equal(word, BYTES("compact")))
		player_compact(p, "INBOX");
	else if (bytes_equal(word, BYTES("outcome"))) {
		struct bytes kind = take_until(&what, ' ');

		set_outcome(p, kind, what);
	} else if (bytes_equal(word, BYTES("quota"))) {
		set_quota(p, what);
	} else
		fail_msg("unknown action %.*s", BYTES_ARG(word));
	player_run(p);
}

/* One script, its batches sent in that manner.  The lengths of the batches are counted into *octets. */
static void
play(const struct script *script, const struct manner *manner, size_t *batches, size_t *octets)
{
	struct bytes lines = script->lines, got;
	struct player p;
	struct buf batch;

	start(&p, script);
	buf_init(&batch, SCRIPT_OCTETS_MAX);
	got = buf_bytes(&p.out);
	*batches = 0;
	while (lines.len) {
		struct bytes line = take_until(&lines, '\n'), kind, text;

		if (!take_octets(&line, 2, &kind))
			continue;
		text = bytes_sub(line, 1, line.len);
		if (kind.ptr[0] == 'C') {
			unescape(&batch, text);
			if (kind.ptr[1] == ':')
				put_text(&batch, "\r\n");
			if (lines.len && lines.ptr[0] == 'C')
				continue;
			/* All that came before was expected. */
			if (got.len)
				differ(script, BYTES_NONE, got);
			buf_reset(&p.out);
			octets[*batches] = batch.len;
			send_batch(&p, buf_bytes(&batch), manner, (*batches)++);
			buf_reset(&batch);
		} else if (kind.ptr[0] == 'X') {
			if (got.len)
				differ(script, BYTES_NONE, got);
			buf_reset(&p.out);
			act(&p, text);
		} else if (kind.ptr[0] == 'E') {
			expect_question(script, &p, text);
			continue;
		} else if (kind.ptr[1] == '*') {
			skip_lines(script, text, &got);
			continue;
		} else {
			expect_line(script, text, &got);
			continue;
		}
		got = buf_bytes(&p.out);
	}
	if (got.len)
		differ(script, BYTES("nothing more"), got);
	buf_done(&batch);
	player_done(&p);
}

static void
play_script(void **state)
{
	static struct script script;
	size_t octets[DIALOGS_MAX], ignored[DIALOGS_MAX], batches, count;

	read_script(&script, *state);
	play(&script, &(struct manner){ 0 }, &batches, octets);
	play(&script, &(struct manner){ .piece = 1 }, &count, ignored);
	for (size_t i = 0; i < batches; i++)
		for (size_t cut = 1; octets[i] <= SPLIT_OCTETS_MAX && cut < octets[i]; cut++)
			play(&script, &(struct manner){ .batch = i, .cut = cut }, &count, ignored);
	buf_done(&script.text);
}

static int
is_script(const struct dirent *entry)
{
	return strncmp(entry->d_name, "imap-", 5) == 0;
}

int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[DIALOGS_MAX];
	struct dirent **entries;
	int count = argc == 2 ? scandir(argv[1], &entries, is_script, alphasort) : -1;

	if (count < 1 || count > DIALOGS_MAX)
		return 1;
	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", argv[1], entries[i]->d_name) < 0)
			return 1;
		tests[i] = (struct CMUnitTest){ .name = path, .test_func = play_script, .initial_state = path };
		free(entries[i]);
	}
	free(entries);
	return _cmocka_run_group_tests("dialogs", tests, (size_t)count, NULL, NULL);
}
