#include "proto/smtp/player.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { TRANSCRIPT_OCTETS_MAX = 64 << 20 };

struct smtp_settings
player_settings(void)
{
	return (struct smtp_settings){
		.hostname = BYTES("mx.example"),
		.limits = {
			.command_line_octets_max = 2048,
			.message_octets_max = 1 << 20,
			.recipients_max = 100,
			.errors_max = 20,
			.refused_recipients_max = 20,
			.hops_max = 50,
		},
	};
}

void
player_start(struct player *p, const struct smtp_settings *settings)
{
	*p = (struct player){ .session = smtp_session_new(settings), .asks_max = SIZE_MAX };
	smtp_session_set_time(p->session, PLAYER_NOW_S);
	buf_init(&p->out, TRANSCRIPT_OCTETS_MAX);
	buf_init(&p->effects, TRANSCRIPT_OCTETS_MAX);
	buf_init(&p->body, TRANSCRIPT_OCTETS_MAX);
	buf_init(&p->path, SMTP_PATH_OCTETS_MAX);
}

void
player_done(struct player *p)
{
	smtp_session_free(&p->session);
	memory_free(p->in);
	buf_done(&p->out);
	buf_done(&p->effects);
	buf_done(&p->body);
	buf_done(&p->path);
}

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* A path must last until its question is answered. */
static void
keep(struct player *p, const struct smtp_path *path)
{
	must(path->is_null || path->local.len || path->text.ptr[0] == '"');
	must(bytes_is_utf8(path->text) && path->text.len <= 254);
	p->view = path->text;
	put_bytes(&p->path, path->text);
}

static void
check_kept(const struct player *p)
{
	must(bytes_equal(buf_bytes(&p->path), p->view));
}

static void
forget_path(struct player *p)
{
	check_kept(p);
	buf_reset(&p->path);
	p->view = BYTES_NONE;
}

static void
end_transaction(struct player *p)
{
	buf_reset(&p->body);
	p->has_mail = p->has_body = false;
}

static void
log_mail(struct player *p, const struct smtp_mail *mail)
{
	must(!p->has_mail);
	p->has_mail = true;
	keep(p, &mail->path);
	put_text(&p->effects, "mail <");
	put_bytes(&p->effects, mail->path.text);
	put_char(&p->effects, '>');
	if (mail->size) {
		put_text(&p->effects, " size=");
		put_number(&p->effects, mail->size);
	}
	put_text(&p->effects, mail->is_8bit ? " 8bit" : "");
	put_text(&p->effects, mail->is_utf8 ? " utf8" : "");
	put_text(&p->effects, mail->requires_tls ? " requiretls" : "");
	if (mail->release_s)
		put_format(&p->effects, " release=%lld", (long long)mail->release_s);
	if (mail->priority)
		put_format(&p->effects, " priority=%d", mail->priority);
	if (mail->by.mode)
		put_char(&p->effects, ' ');
	smtp_put_by(&p->effects, &mail->by);
	if (mail->dsn.returns || mail->dsn.envelope_id.len)
		put_char(&p->effects, ' ');
	dsn_put_mail(&p->effects, &mail->dsn);
	put_char(&p->effects, '\n');
}

static void
log_login(struct player *p, const struct smtp_login *login)
{
	must(!p->has_mail && login->name.len && login->secret_password.len);
	put_text(&p->effects, "login ");
	put_text(&p->effects, login->mechanism);
	put_char(&p->effects, ' ');
	put_bytes(&p->effects, login->name);
	put_char(&p->effects, ' ');
	put_bytes(&p->effects, login->authorize_as);
	put_char(&p->effects, ' ');
	put_bytes(&p->effects, login->secret_password);
	put_char(&p->effects, '\n');
}

static void
log_end(struct player *p)
{
	must(p->has_body);
	put_text(&p->effects, "end ");
	put_bytes(&p->effects, buf_bytes(&p->body));
	put_char(&p->effects, '\n');
}

static void
give_answer(struct player *p, const struct smtp_effect *effect)
{
	static const struct mail_id id = { "01ARZ3NDEKTSV4RRFFQ69G5FAV" };
	enum smtp_answer answer = p->answer ? p->answer(p, effect) : SMTP_ANSWER_OK;

	if (effect->kind == SMTP_ASK_LOGIN) {
		smtp_session_answer_login(p->session, answer);
		return;
	}
	if (effect->kind == SMTP_MAIL)
		smtp_session_set_mail_id(p->session, &id);
	if (effect->kind == SMTP_BODY_BEGIN)
		p->has_body = answer == SMTP_ANSWER_OK;
	smtp_session_answer(p->session, answer);
	forget_path(p);
	if (effect->kind == SMTP_BODY_END || (effect->kind == SMTP_MAIL && answer != SMTP_ANSWER_OK && answer != SMTP_ANSWER_LOWERED))
		end_transaction(p);
}

static void
on_ask(struct player *p, const struct smtp_effect *effect)
{
	p->pending = *effect;
	if (p->asks++ >= p->asks_max) {
		p->is_blocked = true;
		return;
	}
	p->is_answer_due = p->is_slow;
	if (!p->is_slow)
		give_answer(p, effect);
}

static void
on_output(struct player *p, struct bytes octets)
{
	must(octets.len > 5 && octets.ptr[octets.len - 1] == '\n' && octets.ptr[octets.len - 2] == '\r');
	put_bytes(&p->out, octets);
}

/* What the effect means to a driver; false: it has to stop now. */
static bool
on_effect(struct player *p, const struct smtp_effect *effect)
{
	switch (effect->kind) {
	case SMTP_NEED_INPUT:
		return false;
	case SMTP_BLOCKED:
		must(p->is_blocked || p->is_tls_due || p->is_answer_due);
		if (!p->is_answer_due)
			return false;
		p->is_answer_due = false;
		give_answer(p, &p->pending);
		return true;
	case SMTP_OUTPUT:
		on_output(p, effect->octets);
		return true;
	case SMTP_START_TLS:
		must(!p->has_mail);
		p->is_tls_due = true;
		put_text(&p->effects, "tls\n");
		return false;
	case SMTP_ASK_LOGIN:
		log_login(p, &effect->login);
		break;
	case SMTP_MAIL:
		log_mail(p, &effect->mail);
		break;
	case SMTP_ASK_RECIPIENT:
		must(p->has_mail && !p->has_body && !effect->path.is_null);
		keep(p, &effect->path);
		put_text(&p->effects, "recipient <");
		put_bytes(&p->effects, effect->path.text);
		put_text(&p->effects, effect->wishes.notify || effect->wishes.original.len ? "> " : ">");
		dsn_put_rcpt(&p->effects, &effect->wishes);
		put_char(&p->effects, '\n');
		break;
	case SMTP_BODY_BEGIN:
		must(p->has_mail && !p->has_body);
		put_text(&p->effects, "begin\n");
		break;
	case SMTP_BODY:
		must(p->has_body && effect->octets.len);
		put_bytes(&p->body, effect->octets);
		return true;
	case SMTP_BODY_END:
		log_end(p);
		break;
	case SMTP_ABANDONED:
		must(p->has_mail);
		end_transaction(p);
		put_text(&p->effects, "abandoned\n");
		return true;
	case SMTP_CLOSE:
		must(!p->has_mail);
		if (!p->is_closed)
			put_text(&p->effects, "close\n");
		p->is_closed = true;
		return false;
	}
	on_ask(p, effect);
	return true;
}

void
player_run(struct player *p)
{
	player_send(p, BYTES_NONE);
}

void
player_send(struct player *p, struct bytes in)
{
	uint8_t *block = memory_new(p->in_len + in.len);
	struct bytes left = bytes_of(block, p->in_len + in.len);
	struct smtp_effect effect;
	enum smtp_effect_kind kind;

	if (p->in_len)
		memcpy(block, p->in, p->in_len);
	if (in.len)
		memcpy(block + p->in_len, in.ptr, in.len);
	memory_free(p->in);
	do {
		kind = smtp_session_step(p->session, &left, &effect);
		must(kind == effect.kind);
		check_kept(p);
	} while (on_effect(p, &effect));
	must(kind != SMTP_NEED_INPUT || left.len <= SMTP_INPUT_MAX);
	p->in = memory_new(left.len);
	p->in_len = left.len;
	if (left.len)
		memcpy(p->in, left.ptr, left.len);
	memory_free(block);
}

void
player_start_tls(struct player *p)
{
	must(p->is_tls_due && p->in_len == 0);
	p->is_tls_due = false;
	smtp_session_tls_started(p->session);
	player_run(p);
}

void
player_shut(struct player *p, struct bytes text)
{
	bool is_waited_for = p->is_blocked && p->pending.kind == SMTP_BODY_END;

	smtp_session_shut(p->session, text);
	forget_path(p);
	if (is_waited_for)
		give_answer(p, &p->pending);
	else if (p->is_blocked)
		smtp_session_answer(p->session, SMTP_ANSWER_OK); /* too late: dropped */
	p->is_blocked = false;
	player_run(p);
}
