/* What a person reads. */
#include "proto/dsn/test_dsn.h"

static void
why_is_told_in_plain_words(void **state)
{
	static const struct {
		const char *reply, *want, *want_french;
	} rows[] = {
		{ "550 5.1.1 x", "no mailbox with this address", "pas de boîte à cette adresse" },
		{ "550 5.1.2 x", "No mail server is known", "Aucun serveur de messagerie n'est connu" },
		{ "556 5.1.10 x", "takes no mail at all", "n'accepte aucun courrier" },
		{ "552 5.2.2 x", "mailbox is full", "boîte est pleine" },
		{ "552 5.3.4 x", "too large", "trop grand" },
		{ "554 5.4.6 x", "circle", "en rond" },
		{ "550 5.7.1 x", "spam", "spam" },
		{ "550 5.6.7 x", "letters beyond ASCII", "accentuées" },
		{ "550 x", "refused the message", "a refusé le message" },
		{ "451 4.4.1 x", "does not answer", "ne répond pas" },
		{ "451 4.4.1 x", "It was tried for 5 days, without success.", "pendant 5 jours, sans succès" },
		{ "451 4.7.1 x", "asked to come back later", "a demandé de revenir" },
		{ "451 x", "could not take the message", "n'a pas pu prendre le message" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (enum dsn_language language = DSN_ENGLISH; language < DSN_LANGUAGES; language++) {
			struct dsn_recipient recipient = unknown;
			struct dsn_report r = report_of(&recipient, 1);
			const char *want = language == DSN_FRENCH ? rows[i].want_french : rows[i].want;
			struct buf got, shown;

			recipient.reply = bytes_text(rows[i].reply);
			r.language = language;
			r.date_s = r.arrival_s + 5 * 86400;
			put(&got, &r);
			put_shown(&shown, &got);
			if (!has(buf_bytes(&shown), want))
				fail_msg("%s: no \"%s\" in:\n%.*s", rows[i].reply, want, BYTES_ARG(buf_bytes(&shown)));
			buf_done(&got);
			buf_done(&shown);
		}
	}
}

static void
how_long_it_was_tried_is_told_in_one_unit(void **state)
{
	static const struct {
		int64_t seconds;
		const char *want[DSN_LANGUAGES];
	} rows[] = {
		{ 8, { "for 1 minute, without", "pendant 1 minute, sans" } },
		{ 119, { "for 1 minute, without", "pendant 1 minute, sans" } },
		{ 120, { "for 2 minutes, without", "pendant 2 minutes, sans" } },
		{ 3600, { "for 1 hour, without", "pendant 1 heure, sans" } },
		{ 86399, { "for 23 hours, without", "pendant 23 heures, sans" } },
		{ 86400, { "for 1 day, without", "pendant 1 jour, sans" } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
		struct dsn_recipient recipient = unknown;
		struct dsn_report r = report_of(&recipient, 1);
		struct buf got, shown;

		recipient.reply = BYTES("451 4.4.1 x");
		r.language = i % 2 ? DSN_FRENCH : DSN_ENGLISH;
		r.date_s = r.arrival_s + rows[i / 2].seconds;
		put(&got, &r);
		put_shown(&shown, &got);
		if (!has(buf_bytes(&shown), rows[i / 2].want[r.language]))
			fail_msg("no \"%s\" in:\n%.*s", rows[i / 2].want[r.language], BYTES_ARG(buf_bytes(&shown)));
		buf_done(&got);
		buf_done(&shown);
	}
}

static void
what_we_say_ourselves_is_not_laid_to_the_server(void **state)
{
	static const struct {
		const char *reply, *want;
	} rows[] = {
		{ "550 5.3.3 x", "The server there can't do what was asked for" },
		{ "550 5.4.7 x", "could not be delivered in time" },
		{ "550 5.6.9 x", "in the subject" },
		{ "451 4.7.0 x", "could not take the message" },
		{ "451 4.7.4 x", "could not be sent encrypted" },
		{ "451 4.7.5 x", "a server that proves who it is" },
		{ "451 4.7.11 x", "could not be sent encrypted" },
		{ "550 5.0.0 x", "could not take the message" },
		{ "550 5.7.0 x", "The administrator of the mail server here" },
		{ "550 5.7.1 x", "A rule of the mail server here" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dsn_recipient recipient = unknown;
		struct dsn_report r = report_of(&recipient, 1);
		struct buf got, shown;

		recipient.reply = bytes_text(rows[i].reply);
		recipient.server = BYTES_NONE;
		put(&got, &r);
		put_shown(&shown, &got);
		if (!has(buf_bytes(&shown), rows[i].want) || has(buf_bytes(&shown), "refused") || has(buf_bytes(&shown), "come back later"))
			fail_msg("%s: no \"%s\" in:\n%.*s", rows[i].reply, rows[i].want, BYTES_ARG(buf_bytes(&shown)));
		assert_true(has(buf_bytes(&got), "\nDiagnostic-Code: X-Mermoz; "));
		buf_done(&got);
		buf_done(&shown);
	}
}

static void
times_are_written_as_people_do(void **state)
{
	static const struct {
		int64_t time_s;
		int zone_minutes;
		const char *want[DSN_LANGUAGES];
	} rows[] = {
		{ 1796042400, 0, { "Sent: 30 November 2026, 12:40 (UTC)\n", "Envoyé : 30 novembre 2026 à 12 h 40 (UTC)\n" } },
		{ 1796042400 + 43200, 90, { "Sent: 1 December 2026, 02:10 (UTC+01:30)\n", "Envoyé : 1er décembre 2026 à 2 h 10 (UTC+01:30)\n" } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
		struct dsn_report r = report_of(&unknown, 1);
		struct buf got, shown;

		r.language = (enum dsn_language)(i % 2);
		r.arrival_s = rows[i / 2].time_s;
		r.zone_minutes = rows[i / 2].zone_minutes;
		put(&got, &r);
		put_shown(&shown, &got);
		if (!has(buf_bytes(&shown), rows[i / 2].want[i % 2]))
			fail_msg("no \"%s\" in:\n%.*s", rows[i / 2].want[i % 2], BYTES_ARG(buf_bytes(&shown)));
		buf_done(&got);
		buf_done(&shown);
	}
}

static void
a_subject_that_can_not_be_read_is_left_out(void **state)
{
	static const struct {
		const char *content, *want; /* NULL: no line */
	} rows[] = {
		{ "Subject: first part\n\tsecond part\n\n", "\nSubject: first part second part\n" },
		{ "Subject: =?UTF-8?Q?caf=C3=A9?=\n\n", "\nSubject: caf\xc3\xa9\n" },
		{ "Subject: =?x-unknown?B?Y2Fm6Q==?=\n\n", NULL },
		{ "Subject: \x1b$B$3$s\x1b(B\n\n", NULL },
		{ "Subject: =?UTF-8?Q?caf=E9?=\n\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dsn_report r = report_of(&unknown, 1);
		struct buf got, shown;

		r.content = bytes_text(rows[i].content);
		put(&got, &r);
		put_shown(&shown, &got);
		if (!has(buf_bytes(&shown), rows[i].want ? rows[i].want : "\nSubject: ") != !rows[i].want)
			fail_msg("%s:\n%.*s", rows[i].content, BYTES_ARG(buf_bytes(&shown)));
		buf_done(&got);
		buf_done(&shown);
	}
}

static void
french_is_written_as_mime_wants_it_rfc2047_2_rfc2045_6_7(void **state)
{
	struct dsn_report r = report_of(&unknown, 1);
	struct report_parts parts;
	struct buf got, shown;

	(void)state;
	r.language = DSN_FRENCH;
	assert_int_equal(put(&got, &r), 0); /* all ASCII */
	assert_true(bytes_is_ascii(buf_bytes(&got)));
	parts = report_split(buf_bytes(&got));
	assert_bytes("subject", report_field(parts.header, "subject"),
		BYTES("=?UTF-8?Q?Votre=20message=20n=27a=20pa?=\n =?UTF-8?Q?s=20=C3=A9t=C3=A9=20remis?="));
	assert_bytes("language", report_field(parts.parts[0], "content-language"), BYTES("fr"));
	put_shown(&shown, &got);
	assert_true(bytes_starts(buf_bytes(&shown), BYTES("Votre message n'est pas parvenu à bob@afrique.iut.\n")));
	for (struct bytes rest = parts.parts[0]; rest.len;)
		assert_true(take_until(&rest, '\n').len <= 76);
	buf_done(&got);
	buf_done(&shown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_is_told_in_plain_words),
		cmocka_unit_test(how_long_it_was_tried_is_told_in_one_unit),
		cmocka_unit_test(what_we_say_ourselves_is_not_laid_to_the_server),
		cmocka_unit_test(times_are_written_as_people_do),
		cmocka_unit_test(a_subject_that_can_not_be_read_is_left_out),
		cmocka_unit_test(french_is_written_as_mime_wants_it_rfc2047_2_rfc2045_6_7),
	};

	return cmocka_run_group_tests_name("dsn/wording", tests, NULL, NULL);
}
