#include "proto/smtp/session_internal.h"

enum argument_rule { ARGUMENT_NONE, ARGUMENT_NEEDED, ARGUMENT_MAY };

struct command {
	struct bytes verb;
	unsigned int phases; /* in which it may be given */
	enum argument_rule argument;
	bool may_wait; /* RFC 2920 3.2: its reply may be put out together with others */
	void (*handle)(struct smtp_session *s, struct bytes argument);
};

/* Domain or address-literal of RFC 5321 4.1.1.1 and all that clients really send instead (underscores, bare IP
   addresses, names of Windows machines), as far as it is one word without controls.  What is out of place in a trace
   field (RFC 5321 4.4) is kept as "?". */
static bool
keep_helo(struct buf *helo, struct bytes argument)
{
	if (argument.len == 0 || argument.len > helo->max || bytes_find_char(argument, ' ') < argument.len)
		return false;
	for (size_t i = 0; i < argument.len; i++)
		if (byte_is_class(argument.ptr[i], CLASS_CONTROL))
			return false;
	buf_reset(helo);
	for (size_t i = 0; i < argument.len; i++) {
		uint8_t c = argument.ptr[i];
		bool is_safe = byte_is_class(c, CLASS_ATEXT) || c == '.' || c == ':' || c == '[' || c == ']';

		put_char(helo, is_safe ? c : '?');
	}
	return true;
}

/* RFC 5321 4.1.4: a second EHLO is as good as RSET; one that is refused changes nothing. */
static bool
begin(struct smtp_session *s, struct bytes argument, bool is_esmtp)
{
	if (!keep_helo(&s->helo, argument)) {
		smtp_session_reply(s, REPLY_BAD_HELO);
		return false;
	}
	smtp_transaction_abandon(s);
	s->phase = SMTP_PHASE_READY;
	s->is_esmtp = is_esmtp;
	return true;
}

static void
command_helo(struct smtp_session *s, struct bytes argument)
{
	if (begin(s, argument, false))
		smtp_put_helo(&s->out, s->settings->hostname);
}

static void
command_ehlo(struct smtp_session *s, struct bytes argument)
{
	struct smtp_offer offer = smtp_offer_now(s);

	if (begin(s, argument, true))
		smtp_put_ehlo(&s->out, s->settings->hostname, &offer);
}

static void
command_rset(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_transaction_abandon(s);
	smtp_session_reply(s, REPLY_OK);
}

static void
command_noop(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, REPLY_OK);
}

static void
command_help(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, REPLY_HELP);
}

static void
command_vrfy(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, REPLY_VERIFY);
}

static void
command_expn(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, REPLY_NOT_IMPLEMENTED);
}

static void
command_quit(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_session_reply(s, REPLY_BYE);
	smtp_session_close(s);
}

static void
command_starttls(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	if (s->is_tls) {
		smtp_session_reply(s, REPLY_TLS_ON);
		return;
	}
	if (!s->settings->offers_tls) {
		smtp_session_reply(s, REPLY_TLS_NOT_OFFERED);
		return;
	}
	smtp_session_reply(s, REPLY_READY_FOR_TLS);
	s->due.kind = SMTP_START_TLS;
}

/* A browser that was led here: what follows in its request must not be taken for commands. */
static void
command_of_http(struct smtp_session *s, struct bytes argument)
{
	(void)argument;
	smtp_put_reply(&s->out, REPLY_NOT_MAIL);
	smtp_session_close(s);
}

enum {
	START = SMTP_PHASE_START,
	READY = SMTP_PHASE_READY,
	MAIL = SMTP_PHASE_MAIL,
	RECIPIENTS = SMTP_PHASE_RECIPIENTS,
	CHUNKS = SMTP_PHASE_CHUNKS,
	ANY = START | READY | MAIL | RECIPIENTS | CHUNKS,
};

static const struct command commands[] = {
	{ BYTES_INIT("EHLO"), ANY, ARGUMENT_MAY, false, command_ehlo },
	{ BYTES_INIT("HELO"), ANY, ARGUMENT_MAY, false, command_helo },
	{ BYTES_INIT("MAIL"), READY, ARGUMENT_MAY, true, smtp_command_mail },
	{ BYTES_INIT("RCPT"), MAIL | RECIPIENTS, ARGUMENT_MAY, true, smtp_command_rcpt },
	{ BYTES_INIT("DATA"), RECIPIENTS, ARGUMENT_NONE, false, smtp_command_data },
	{ BYTES_INIT("BDAT"), ANY, ARGUMENT_MAY, false, smtp_command_bdat },
	{ BYTES_INIT("RSET"), ANY, ARGUMENT_NONE, true, command_rset },
	{ BYTES_INIT("NOOP"), ANY, ARGUMENT_MAY, false, command_noop },
	{ BYTES_INIT("QUIT"), ANY, ARGUMENT_NONE, false, command_quit },
	{ BYTES_INIT("VRFY"), ANY, ARGUMENT_NEEDED, false, command_vrfy },
	{ BYTES_INIT("HELP"), ANY, ARGUMENT_MAY, false, command_help },
	{ BYTES_INIT("EXPN"), ANY, ARGUMENT_MAY, false, command_expn },
	{ BYTES_INIT("STARTTLS"), START | READY, ARGUMENT_NONE, false, command_starttls },
	{ BYTES_INIT("AUTH"), READY, ARGUMENT_NEEDED, false, smtp_command_auth },
	{ BYTES_INIT("GET"), ANY, ARGUMENT_MAY, false, command_of_http },
	{ BYTES_INIT("POST"), ANY, ARGUMENT_MAY, false, command_of_http },
	{ BYTES_INIT("PUT"), ANY, ARGUMENT_MAY, false, command_of_http },
	{ BYTES_INIT("CONNECT"), ANY, ARGUMENT_MAY, false, command_of_http },
};

enum smtp_reply
smtp_sequence_reply(enum smtp_phase now, unsigned int phases)
{
	switch (now) {
	case SMTP_PHASE_START:
		return REPLY_SAY_HELLO;
	case SMTP_PHASE_READY:
		return REPLY_MAIL_FIRST;
	case SMTP_PHASE_MAIL:
		return phases & SMTP_PHASE_RECIPIENTS ? REPLY_NO_RECIPIENT : REPLY_IN_TRANSACTION;
	case SMTP_PHASE_RECIPIENTS:
		return REPLY_IN_TRANSACTION;
	case SMTP_PHASE_CHUNKS:
		break;
	}
	return REPLY_IN_CHUNKS;
}

/* The verb is a word of its own: "MAILX" or "MAIL:" is no MAIL. */
static const struct command *
take_command(struct bytes *line)
{
	struct bytes rest = *line, verb;

	if (!take_class(&rest, CLASS_ALPHA, &verb) || (rest.len && !byte_is_class(rest.ptr[0], CLASS_SPACE)))
		return NULL;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (!bytes_equal_nocase(verb, commands[i].verb))
			continue;
		take_spaces(&rest);
		*line = rest;
		return &commands[i];
	}
	return NULL;
}

/* RFC 5321 4.1.1: white space before the CRLF is tolerated. */
static struct bytes
without_final_spaces(struct bytes line)
{
	while (line.len && byte_is_class(line.ptr[line.len - 1], CLASS_SPACE))
		line.len--;
	return line;
}

void
smtp_session_command(struct smtp_session *s, struct bytes line)
{
	struct bytes argument = without_final_spaces(line);
	const struct command *command = take_command(&argument);

	if (!command) {
		smtp_session_reply(s, REPLY_UNKNOWN_COMMAND);
		return;
	}
	s->is_flush_due |= !command->may_wait;
	if (!(command->phases & s->phase))
		smtp_session_reply(s, smtp_sequence_reply(s->phase, command->phases));
	else if (command->argument == ARGUMENT_NONE && argument.len)
		smtp_session_reply(s, REPLY_NO_ARGUMENT_ALLOWED);
	else if (command->argument == ARGUMENT_NEEDED && !argument.len)
		smtp_session_reply(s, REPLY_ARGUMENT_NEEDED);
	else
		command->handle(s, argument);
}
