#include "proto/smtp/script.h"

#include "proto/sasl/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	{ "over-quota", SMTP_ANSWER_OVER_QUOTA },
	{ "lowered", SMTP_ANSWER_LOWERED },
	{ "unknown", SMTP_ANSWER_UNKNOWN },
	{ "not-open", SMTP_ANSWER_NOT_OPEN },
	{ "no-relay", SMTP_ANSWER_NO_RELAY },
	{ "no-route", SMTP_ANSWER_NO_ROUTE },
	{ "too-many", SMTP_ANSWER_TOO_MANY },
	{ "not-yours", SMTP_ANSWER_NOT_YOURS },
	{ "too-large", SMTP_ANSWER_TOO_LARGE },
	{ "loop", SMTP_ANSWER_LOOP },
	{ "bad-credentials", SMTP_ANSWER_BAD_CREDENTIALS },
	{ "disabled", SMTP_ANSWER_DISABLED },
	{ "expired", SMTP_ANSWER_EXPIRED },
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
	{ "refused-recipients", offsetof(struct smtp_limits, refused_recipients_max) },
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

void
script_expand(struct buf *out, struct bytes in)
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
is_rule_for(const struct script_rule *rule, const char *what, struct bytes who)
{
	struct buf want;
	bool is_it;

	buf_init(&want, 1000);
	script_expand(&want, rule->who);
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

enum smtp_answer
script_answer(struct player *p, const struct smtp_effect *effect)
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
	struct script_rule *rule = &script->rules[script->rule_count++];
	size_t last = bytes_find_last_char(value, ' ');
	struct bytes word = bytes_sub(value, last + 1, value.len), rest = bytes_sub(value, 0, last);

	assert_true(script->rule_count <= SCRIPT_RULES_MAX);
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
	} else if (bytes_equal(name, BYTES("hold"))) {
		uint64_t seconds;

		assert_true(take_number(&value, UINT32_MAX, &seconds));
		settings->hold_most_s = (uint32_t)seconds;
	} else if (bytes_equal(name, BYTES("limit"))) {
		read_limit(script, value);
	} else if (bytes_equal(name, BYTES("answer"))) {
		read_rule(script, value);
	} else if (!bytes_equal(name, BYTES("rule")) && !bytes_equal(name, BYTES("play"))) {
		fail_msg("%s: unknown setting %.*s", script->path, BYTES_ARG(name));
	}
}

void
script_read(struct script *script, const char *path, struct bytes text)
{
	*script = (struct script){ .path = path, .settings = player_settings() };
	for (;;) {
		struct bytes value = take_until(&text, '\n'), name;

		script->lines = text;
		if (value.len == 0)
			return;
		if (value.ptr[0] == '#')
			continue;
		name = take_until(&value, ':');
		read_setting(script, name, bytes_trim(value));
	}
}
