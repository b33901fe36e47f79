/* Plays the scripts of test/dialog (smtp-*.txt, see its README.md) against the pure session: whole batches, octet by
   octet, and with each batch cut at each offset (a long one only near its ends). */
#include "proto/smtp/player.h"

#include "base/memory.h"
#include "proto/sasl/base64.h"

#include <dirent.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCRIPT_OCTETS_MAX = 65536, DIALOGS_MAX = 200, RULES_MAX = 16, SPLIT_OCTETS = 64 };

struct rule {
	struct bytes what, who; /* "recipient", "bob@example.com" */
	enum smtp_answer answer;
};

struct script {
	const char *path;
	struct buf text;
	struct smtp_settings settings;
	struct rule rules[RULES_MAX];
	size_t rule_count;
	struct bytes lines; /* behind the head */
};

/* How the octets of a batch are sent: up to `cut` and from there, or in pieces of `piece`. */
struct manner {
	size_t batch, cut, piece;
};

static const struct {
	const char *name, *value;
} places[] = {
	{ "{hostname}", "mx.example" },
	{ "{alice}", "alice@example.com" },
	{ "{bob}", "bob@example.com" },
	{ "{unknown}", "nobody@example.com" },
	{ "{foreign}", "someone@elsewhere.example" },
};

static const struct {
	const char *word;
	enum smtp_answer answer;
} words[] = {
	{ "ok", SMTP_ANSWER_OK },
	{ "later", SMTP_ANSWER_LATER },
	{ "no-space", SMTP_ANSWER_NO_SPACE },
	{ "unknown", SMTP_ANSWER_UNKNOWN },
	{ "no-relay", SMTP_ANSWER_NO_RELAY },
	{ "no-route", SMTP_ANSWER_NO_ROUTE },
	{ "not-yours", SMTP_ANSWER_NOT_YOURS },
	{ "too-large", SMTP_ANSWER_TOO_LARGE },
	{ "loop", SMTP_ANSWER_LOOP },
	{ "bad-credentials", SMTP_ANSWER_BAD_CREDENTIALS },
	{ "bad-content", SMTP_ANSWER_BAD_CONTENT },
};

static const struct {
	const char *name;
	size_t offset;
} limits[] = {
	{ "command-line-octets", offsetof(struct smtp_limits, command_line_octets_max) },
	{ "text-line-octets", offsetof(struct smtp_limits, text_line_octets_max) },
	{ "recipients", offsetof(struct smtp_limits, recipients_max) },
	{ "errors", offsetof(struct smtp_limits, errors_max) },
};

#define ALICE_PASSWORD "wonderland"

static void
put_base64_text(struct buf *out, const char *text, size_t len)
{
	sasl_put_base64(out, bytes_of(text, len));
}

/* {hostname} and its like, {N*TEXT}, {plain MESSAGE} (with \0) in base 64, {base64 TEXT}. */
static void
put_place(struct buf *out, struct bytes place)
{
	struct bytes inner = bytes_sub(place, 1, place.len - 2), text = inner;
	uint64_t count;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (bytes_equal(place, bytes_text(places[i].name))) {
			put_text(out, places[i].value);
			return;
		}
	if (bytes_equal(place, BYTES("{alice.plain}"))) {
		put_base64_text(out, "\0alice@example.com\0" ALICE_PASSWORD, 29);
	} else if (bytes_equal(place, BYTES("{alice.name}"))) {
		put_base64_text(out, "alice@example.com", 17);
	} else if (bytes_equal(place, BYTES("{alice.password}"))) {
		put_base64_text(out, ALICE_PASSWORD, 10);
	} else if (take_text(&text, BYTES("base64 "))) {
		sasl_put_base64(out, text);
	} else if (take_number(&text, 100000, &count) && take_char(&text, '*')) {
		while (count--)
			put_bytes(out, text);
	} else {
		fail_msg("unknown place %.*s", BYTES_ARG(place));
	}
}

/* \r \n \t \0 \\ \{ \xHH */
static void
put_escape(struct buf *out, struct bytes *in)
{
	static const char names[] = "rnt0\\{", values[] = "\r\n\t\0\\{";
	struct bytes octet, hex;
	const char *at;

	assert_true(take_octets(in, 1, &octet));
	at = memchr(names, octet.ptr[0], sizeof names - 1);
	if (at) {
		put_char(out, (uint8_t)values[at - names]);
		return;
	}
	assert_int_equal(octet.ptr[0], 'x');
	assert_true(take_octets(in, 2, &hex));
	put_char(out, (uint8_t)strtoul((char[]){ (char)hex.ptr[0], (char)hex.ptr[1], 0 }, NULL, 16));
}

static void
expand(struct buf *out, struct bytes in)
{
	while (in.len) {
		struct bytes octet;

		if (in.ptr[0] == '{') {
			size_t end = bytes_find_char(in, '}');

			assert_true(end < in.len);
			put_place(out, bytes_sub(in, 0, end + 1));
			in = bytes_sub(in, end + 1, in.len);
		} else if (take_char(&in, '\\')) {
			put_escape(out, &in);
		} else if (take_octets(&in, 1, &octet)) {
			put_bytes(out, octet);
		}
	}
	assert_false(out->has_failed);
}

static bool
is_rule_for(const struct rule *rule, const char *what, struct bytes who)
{
	struct buf want;
	bool is_it;

	buf_init(&want, 1000);
	expand(&want, rule->who);
	is_it = bytes_equal(rule->what, bytes_text(what)) &&
		(rule->who.len == 0 || bytes_equal(buf_bytes(&want), who));
	buf_done(&want);
	return is_it;
}

static enum smtp_answer
by_rules(const struct script *script, const char *what, struct bytes who, enum smtp_answer otherwise)
{
	for (size_t i = 0; i < script->rule_count; i++)
		if (is_rule_for(&script->rules[i], what, who))
			return script->rules[i].answer;
	return otherwise;
}

static enum smtp_answer
recipient_answer(const struct script *script, const struct player *p, struct bytes who)
{
	enum smtp_answer otherwise = SMTP_ANSWER_OK;

	if (bytes_equal(who, BYTES("nobody@example.com")))
		otherwise = SMTP_ANSWER_UNKNOWN;
	if (bytes_ends_nocase(who, BYTES("@elsewhere.example")) && !smtp_session_is_logged_in(p->session))
		otherwise = SMTP_ANSWER_NO_RELAY;
	return by_rules(script, "recipient", who, otherwise);
}

static enum smtp_answer
answer(struct player *p, const struct smtp_effect *effect)
{
	const struct script *script = p->arg;
	const struct smtp_login *login = &effect->login;
	bool is_alice = bytes_equal(login->name, BYTES("alice@example.com")) &&
		bytes_equal(login->secret_password, BYTES(ALICE_PASSWORD));

	if (effect->kind == SMTP_ASK_LOGIN)
		return by_rules(script, "login", login->name, is_alice ? SMTP_ANSWER_OK : SMTP_ANSWER_BAD_CREDENTIALS);
	if (effect->kind == SMTP_MAIL)
		return by_rules(script, "sender", effect->mail.path.text, SMTP_ANSWER_OK);
	if (effect->kind == SMTP_ASK_RECIPIENT)
		return recipient_answer(script, p, effect->path.text);
	if (effect->kind == SMTP_BODY_BEGIN)
		return by_rules(script, "begin", BYTES_NONE, SMTP_ANSWER_OK);
	return by_rules(script, "message", BYTES_NONE, SMTP_ANSWER_OK);
}

static void
read_rule(struct script *script, struct bytes value)
{
	struct rule *rule = &script->rules[script->rule_count++];
	size_t last = bytes_find_last_char(value, ' ');
	struct bytes word = bytes_sub(value, last + 1, value.len), rest = bytes_sub(value, 0, last);

	assert_true(script->rule_count <= RULES_MAX);
	rule->what = take_until(&rest, ' ');
	rule->who = rest;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (bytes_equal(word, bytes_text(words[i].word))) {
			rule->answer = words[i].answer;
			return;
		}
	fail_msg("%s: unknown answer %.*s", script->path, BYTES_ARG(word));
}

static void
read_limit(struct script *script, struct bytes value)
{
	struct bytes name = take_until(&value, ' ');
	uint64_t number;

	assert_true(take_number(&value, UINT32_MAX, &number));
	if (bytes_equal(name, BYTES("message-octets"))) {
		script->settings.limits.message_octets_max = number;
		return;
	}
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (bytes_equal(name, bytes_text(limits[i].name))) {
			*(uint32_t *)((uint8_t *)&script->settings.limits + limits[i].offset) = (uint32_t)number;
			return;
		}
	fail_msg("%s: unknown limit %.*s", script->path, BYTES_ARG(name));
}

static void
read_setting(struct script *script, struct bytes name, struct bytes value)
{
	struct smtp_settings *settings = &script->settings;

	if (bytes_equal(name, BYTES("service"))) {
		settings->is_submission = bytes_starts(value, BYTES("submission"));
		settings->is_tls_from_start |= bytes_equal(value, BYTES("submissions"));
	} else if (bytes_equal(name, BYTES("tls"))) {
		settings->offers_tls = !bytes_equal(value, BYTES("none"));
		settings->is_tls_from_start |= bytes_equal(value, BYTES("on"));
	} else if (bytes_equal(name, BYTES("login"))) {
		settings->offers_login = !bytes_equal(value, BYTES("none"));
		settings->may_login_in_clear = bytes_equal(value, BYTES("in-clear"));
	} else if (bytes_equal(name, BYTES("limit"))) {
		read_limit(script, value);
	} else if (bytes_equal(name, BYTES("answer"))) {
		read_rule(script, value);
	} else if (!bytes_equal(name, BYTES("rule")) && !bytes_equal(name, BYTES("play"))) {
		fail_msg("%s: unknown setting %.*s", script->path, BYTES_ARG(name));
	}
}

static void
read_script(struct script *script, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct bytes rest;

	*script = (struct script){ .path = path, .settings = player_settings() };
	assert_non_null(file);
	buf_init(&script->text, SCRIPT_OCTETS_MAX);
	buf_added(&script->text, fread(buf_room(&script->text, SCRIPT_OCTETS_MAX), 1, SCRIPT_OCTETS_MAX, file));
	fclose(file);
	rest = buf_bytes(&script->text);
	for (;;) {
		struct bytes value = take_until(&rest, '\n'), name;

		script->lines = rest;
		if (value.len == 0)
			return;
		name = take_until(&value, ':');
		read_setting(script, name, bytes_trim(value));
	}
}

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
	expand(&expanded, want);
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
	expand(&expanded, want);
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
	p.answer = answer;
	p.arg = (void *)(uintptr_t)script;
	buf_init(&batch, 1 << 20);
	player_run(&p);
	out = buf_bytes(&p.out);
	while (rest.len) {
		struct bytes line = take_until(&rest, '\n'), text = bytes_sub(line, 3, line.len);

		if (line.len < 2 || line.ptr[0] == '#')
			continue;
		if (line.ptr[0] == 'C') {
			expand(&batch, text);
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
dialog_holds(void **state)
{
	struct script script;
	size_t batches, octets = 0;

	read_script(&script, *state);
	batches = play(&script, &(struct manner){ SIZE_MAX, 0, SIZE_MAX }, &octets);
	assert_true(batches > 0);
	(void)play(&script, &(struct manner){ SIZE_MAX, 0, 1 }, &octets);
	(void)play(&script, &(struct manner){ SIZE_MAX, 0, 2 }, &octets);
	for (size_t batch = 0; batch < batches; batch++) {
		octets = 2;
		for (size_t cut = 1; cut < octets; cut = next_cut(cut, octets))
			(void)play(&script, &(struct manner){ batch, cut, SIZE_MAX }, &octets);
	}
	buf_done(&script.text);
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
