/* What a person reads first: who did not get the message, why, what to do, and then the words of the other server. */
#include "proto/dsn/dsn_internal.h"

#include "base/clock.h"
#include "proto/mime/message.h"

enum {
	ANY = 1000, /* any detail of its subject */
	SUBJECT_OCTETS_MAX = 2000, /* of a Subject: that is shown */
};

struct text {
	const char *in[DSN_LANGUAGES];
};

/* Why, and what to do about it when it is for good.  The first row that fits (RFC 3463 3). */
static const struct reason {
	uint32_t subject, detail;
	struct text why, advice;
} reasons[] = {
	{ 1, 2, { { "No mail server is known for the part of the address behind the @.",
			  "Aucun serveur de messagerie n'est connu pour ce qui suit le @ de l'adresse." } },
		{ { "Check the address and send your message again.", "Vérifiez l'adresse, puis renvoyez votre message." } } },
	{ 1, 7, { { "The server did not take your own address as sender.",
			  "Le serveur n'a pas accepté votre adresse d'expéditeur." } },
		{ { "Ask the administrator of your mail.", "Demandez à l'administrateur de votre messagerie." } } },
	{ 1, 8, { { "The server did not take your own address as sender.",
			  "Le serveur n'a pas accepté votre adresse d'expéditeur." } },
		{ { "Ask the administrator of your mail.", "Demandez à l'administrateur de votre messagerie." } } },
	{ 1, 10, { { "This domain takes no mail at all.", "Ce domaine n'accepte aucun courrier." } },
		{ { "Check the address and send your message again.", "Vérifiez l'adresse, puis renvoyez votre message." } } },
	{ 1, ANY, { { "There is no mailbox with this address.", "Il n'existe pas de boîte à cette adresse." } },
		{ { "Check the address and send your message again.", "Vérifiez l'adresse, puis renvoyez votre message." } } },
	{ 2, 1, { { "The mailbox is closed.", "La boîte est fermée." } },
		{ { "Reach the recipient in another way.", "Joignez le destinataire par un autre moyen." } } },
	{ 2, 2, { { "The mailbox is full.", "La boîte est pleine." } },
		{ { "Tell the recipient in another way, and send your message again later.",
			"Prévenez le destinataire par un autre moyen, puis renvoyez votre message plus tard." } } },
	{ 2, 3, { { "The message is too large for this mailbox.", "Le message est trop grand pour cette boîte." } },
		{ { "Send less at once, or share large files in another way.",
			"Envoyez-en moins à la fois, ou partagez les gros fichiers autrement." } } },
	{ 3, 4, { { "The message is too large for the server there.", "Le message est trop grand pour le serveur du destinataire." } },
		{ { "Send less at once, or share large files in another way.",
			"Envoyez-en moins à la fois, ou partagez les gros fichiers autrement." } } },
	{ 3, 1, { { "The server there has no space left.", "Le serveur du destinataire n'a plus de place." } },
		{ { "Send your message again later.", "Renvoyez votre message plus tard." } } },
	{ 3, 3, { { "The server there can't do what was asked for with the message.",
			  "Le serveur du destinataire ne sait pas faire ce qui était demandé avec le message." } },
		{ { "Send it without that wish, such as a time by which it has to be there.",
			"Renvoyez-le sans cette demande, comme un délai de remise." } } },
	{ 4, 1, { { "The server there does not answer.", "Le serveur du destinataire ne répond pas." } },
		{ { "Send your message again later, or reach the recipient in another way.",
			"Renvoyez votre message plus tard, ou joignez le destinataire par un autre moyen." } } },
	{ 4, 2, { { "The connection to the server there broke.", "La connexion au serveur du destinataire s'est rompue." } },
		{ { "Send your message again later, or reach the recipient in another way.",
			"Renvoyez votre message plus tard, ou joignez le destinataire par un autre moyen." } } },
	{ 4, 3, { { "No mail server could be found for the part of the address behind the @.",
			  "Aucun serveur de messagerie n'a pu être trouvé pour ce qui suit le @ de l'adresse." } },
		{ { "Check the address and send your message again.", "Vérifiez l'adresse, puis renvoyez votre message." } } },
	{ 4, 4, { { "No mail server could be found for the part of the address behind the @.",
			  "Aucun serveur de messagerie n'a pu être trouvé pour ce qui suit le @ de l'adresse." } },
		{ { "Check the address and send your message again.", "Vérifiez l'adresse, puis renvoyez votre message." } } },
	{ 4, 6, { { "The message went round in a circle from server to server.",
			  "Le message tournait en rond de serveur en serveur." } },
		{ { "Only an administrator can mend this: pass this notice on.",
			"Seul un administrateur peut y remédier : transmettez-lui cet avis." } } },
	{ 4, 7, { { "The message could not be delivered in time.", "Le message n'a pas pu être remis à temps." } },
		{ { "Send your message again later, or reach the recipient in another way.",
			"Renvoyez votre message plus tard, ou joignez le destinataire par un autre moyen." } } },
	{ 4, ANY, { { "The server there could not be reached.", "Le serveur du destinataire n'a pas pu être joint." } },
		{ { "Send your message again later, or reach the recipient in another way.",
			"Renvoyez votre message plus tard, ou joignez le destinataire par un autre moyen." } } },
	{ 5, 3, { { "The message has too many recipients for the server there.",
			  "Le message a trop de destinataires pour le serveur." } },
		{ { "Send it to fewer people at once.", "Envoyez-le à moins de personnes à la fois." } } },
	{ 6, 7, { { "The server there can't take addresses with letters beyond ASCII.",
			  "Le serveur du destinataire n'accepte pas d'adresses accentuées." } },
		{ { "Send your message with addresses of plain letters.",
			"Envoyez votre message avec des adresses sans accents." } } },
	{ 6, 9, { { "The server there can't take letters beyond ASCII in the subject, or in names of the header.",
			  "Le serveur du destinataire n'accepte pas de lettres accentuées dans l'objet ou les noms de l'en-tête." } },
		{ { "Write them in plain letters, or use a mail program that encodes them.",
			"Écrivez-les sans accents, ou utilisez un logiciel de messagerie qui les encode." } } },
	{ 6, ANY, { { "The server there can't take what the message holds, or how it is written.",
			  "Le serveur du destinataire n'accepte pas le contenu ou la forme du message." } },
		{ { "Send it in a plainer form, or without its attachments.",
			"Envoyez-le sous une forme plus simple, ou sans pièces jointes." } } },
	{ 7, 4, { { "The message could not be sent encrypted, as it has to be.",
			  "Le message n'a pas pu être transmis chiffré, comme il le doit." } },
		{ { "Ask the administrator of the recipient's mail.",
			"Demandez à l'administrateur de la messagerie du destinataire." } } },
	{ 7, 5, { { "The message has to go encrypted to a server that proves who it is, and that could not be done.",
			  "Le message doit être transmis chiffré à un serveur qui prouve son identité, et cela n'a pas pu se faire." } },
		{ { "Ask the administrator of the recipient's mail.",
			"Demandez à l'administrateur de la messagerie du destinataire." } } },
	{ 7, 10, { { "The message could not be sent encrypted, as it has to be.",
			   "Le message n'a pas pu être transmis chiffré, comme il le doit." } },
		{ { "Ask the administrator of the recipient's mail.",
			"Demandez à l'administrateur de la messagerie du destinataire." } } },
	{ 7, 11, { { "The message could not be sent encrypted, as it has to be.",
			   "Le message n'a pas pu être transmis chiffré, comme il le doit." } },
		{ { "Ask the administrator of your mail.", "Demandez à l'administrateur de votre messagerie." } } },
	{ 7, 30, { { "The message could not be sent encrypted, as it has to be.",
			   "Le message n'a pas pu être transmis chiffré, comme il le doit." } },
		{ { "Ask the administrator of the recipient's mail.",
			"Demandez à l'administrateur de la messagerie du destinataire." } } },
	{ 7, ANY, { { "The server there refused the message: it takes it for spam, or has a rule against it.",
			  "Le serveur du destinataire a refusé le message : il le tient pour du spam, ou une règle s'y oppose." } },
		{ { "Reach the recipient in another way; the words of the server may say what it minds.",
			"Joignez le destinataire par un autre moyen ; le serveur dit peut-être ce qui le gêne." } } },
};

static const struct reason refused = { 0, 0,
	{ { "The server there refused the message.", "Le serveur du destinataire a refusé le message." } },
	{ { "Its words may say why; else reach the recipient in another way.",
		"Ses mots disent peut-être pourquoi ; sinon, joignez le destinataire par un autre moyen." } } };
/* 5.7.0 in words of our own. */
static const struct reason sent_back = { 0, 0,
	{ { "The administrator of the mail server here sent the message back.", "L'administrateur du serveur de messagerie, ici, a renvoyé le message." } },
	{ { "Ask the administrator of your mail.", "Demandez à l'administrateur de votre messagerie." } } };
/* 5.7.1 in words of our own, or of a route to error. */
static const struct reason by_rule = { 0, 0,
	{ { "A rule of the mail server here keeps mail from this address.",
		"Une règle du serveur de messagerie, ici, s'oppose au courrier pour cette adresse." } },
	{ { "Its words may say why; else ask the administrator of your mail.",
		"Ses mots disent peut-être pourquoi ; sinon, demandez à l'administrateur de votre messagerie." } } };
static const struct reason not_taken = { 0, 0,
	{ { "The server there could not take the message.", "Le serveur du destinataire n'a pas pu prendre le message." } },
	{ { "Send your message again later, or reach the recipient in another way.",
		"Renvoyez votre message plus tard, ou joignez le destinataire par un autre moyen." } } };
static const struct reason come_back = { 0, 0,
	{ { "The server there asked to come back later.", "Le serveur du destinataire a demandé de revenir plus tard." } },
	{ { "Send your message again later, or reach the recipient in another way.",
		"Renvoyez votre message plus tard, ou joignez le destinataire par un autre moyen." } } };

/* What became of it: of one recipient, whose address follows, and of several. */
static const struct head {
	struct text subject, one, many;
} heads[DSN_ACTIONS] = {
	[DSN_FAILED] = { { { "Your message was not delivered", "Votre message n'a pas été remis" } },
		{ { "Your message did not reach", "Votre message n'est pas parvenu à" } },
		{ { "Your message did not reach these recipients:", "Votre message n'est pas parvenu à ces destinataires :" } } },
	[DSN_DELAYED] = { { { "Your message is delayed", "Votre message est retardé" } },
		{ { "Your message has not yet reached", "Votre message n'est pas encore parvenu à" } },
		{ { "Your message has not yet reached these recipients:",
			"Votre message n'est pas encore parvenu à ces destinataires :" } } },
	[DSN_DELIVERED] = { { { "Your message was delivered", "Votre message a été remis" } },
		{ { "Your message was delivered to", "Votre message a été remis à" } },
		{ { "Your message was delivered to these recipients:", "Votre message a été remis à ces destinataires :" } } },
	[DSN_RELAYED] = { { { "Your message was passed on", "Votre message a été transmis" } },
		{ { "Your message was passed on to the mail server of", "Votre message a été transmis au serveur de" } },
		{ { "Your message was passed on to the mail servers of these recipients:",
			"Votre message a été transmis aux serveurs de ces destinataires :" } } },
	[DSN_EXPANDED] = { { { "Your message was passed on", "Votre message a été transmis" } },
		{ { "Your message was passed on to those who stand behind",
			"Votre message a été transmis à ceux qui se trouvent derrière" } },
		{ { "Your message was passed on to those who stand behind these addresses:",
			"Votre message a été transmis à ceux qui se trouvent derrière ces adresses :" } } },
};

/* "%": what put_filled puts there. */
static const struct text no_more = { { "You will hear no more of it from here.", "Vous n'en saurez pas plus par nous." } };
static const struct text gave_up = { { "It was tried for %, without success.", "Des essais ont été faits pendant %, sans succès." } };
static const struct text still_trying = { { "We keep trying: you need not send it again.",
	"Les essais continuent : inutile de le renvoyer." } };
static const struct text until = { { "We keep trying until %: you need not send it again.",
	"Les essais continuent jusqu'au % : inutile de le renvoyer." } };
static const struct text said = { { "The server % said:", "Le serveur % a répondu :" } };
static const struct text ours = { { "In detail:", "En détail :" } };
static const struct text labels[] = {
	{ { "Subject: ", "Objet : " } },
	{ { "Sent: ", "Envoyé : " } },
	{ { "Number of the message: ", "Numéro du message : " } },
};
static const struct text units[][2] = {
	{ { { "% day", "% jour" } }, { { "% days", "% jours" } } },
	{ { { "% hour", "% heure" } }, { { "% hours", "% heures" } } },
	{ { { "% minute", "% minute" } }, { { "% minutes", "% minutes" } } },
};
static const struct text months[] = { { { "January", "janvier" } }, { { "February", "février" } }, { { "March", "mars" } }, { { "April", "avril" } },
	{ { "May", "mai" } }, { { "June", "juin" } }, { { "July", "juillet" } }, { { "August", "août" } }, { { "September", "septembre" } },
	{ { "October", "octobre" } }, { { "November", "novembre" } }, { { "December", "décembre" } } };

const char *
dsn_language_tag(enum dsn_language language)
{
	static const char *const tags[DSN_LANGUAGES] = { "en", "fr" };

	return tags[language];
}

const char *
dsn_sender_name(enum dsn_language language)
{
	static const char *const names[DSN_LANGUAGES] = { "Mail delivery system", "Service de messagerie" };

	return names[language];
}

static size_t
count_of(const struct dsn_report *r, enum dsn_action action)
{
	size_t count = 0;

	for (size_t i = 0; i < r->recipient_count; i++)
		count += r->recipients[i].action == action;
	return count;
}

/* Of what the sender has to know first. */
const char *
dsn_subject(const struct dsn_report *r)
{
	enum dsn_action action = DSN_FAILED;

	while (action < DSN_EXPANDED && count_of(r, action) == 0)
		action++;
	return heads[action].subject.in[r->language];
}

static const struct reason *
reason_of(const struct dsn_recipient *recipient)
{
	struct dsn_status status = dsn_status_of(recipient);
	bool is_ours = recipient->server.len == 0;

	if (status.class == 4 && status.subject == 7 && !is_ours)
		return &come_back;
	if (status.class == 5 && status.subject == 7 && status.detail <= 1 && is_ours)
		return status.detail ? &by_rule : &sent_back;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].subject == status.subject &&
			(reasons[i].detail == status.detail || (reasons[i].detail == ANY && !(is_ours && status.subject == 7))))
			return &reasons[i];
	return status.class == 5 && !is_ours ? &refused : &not_taken;
}

/* The text with `filler` for its "%". */
static void
put_filled(struct buf *out, const char *text, struct bytes filler)
{
	struct bytes rest = bytes_text(text);

	put_bytes(out, take_until(&rest, '%'));
	put_bytes(out, filler);
	put_bytes(out, rest);
}

static const char *const indents[] = { "", "    ", "        " };

/* Sentences of ours; texts of others only deeper than 0, so that they begin no line. */
static void
put_line(struct buf *out, size_t depth, struct bytes text)
{
	put_text(out, indents[depth]);
	dsn_put_folded(out, text, true, bytes_text(indents[depth]).len, indents[depth]);
	put_char(out, '\n');
}

static void
put_sentence(struct buf *out, size_t depth, const char *text)
{
	put_line(out, depth, bytes_text(text));
}

static void
put_filled_sentence(struct buf *out, size_t depth, const char *text, const struct buf *filler)
{
	uint8_t room[DSN_TEXT_MAX];
	struct buf line;

	buf_init_fixed(&line, room, sizeof room);
	put_filled(&line, text, buf_bytes(filler));
	put_line(out, depth, buf_bytes(&line));
}

/* "1 December 2026, 08:35 (UTC+01:00)", "1er décembre 2026 à 8 h 35 (UTC+01:00)" */
static void
put_time(struct buf *out, const struct dsn_report *r, int64_t time_s)
{
	struct civil c = clock_civil(time_s, r->zone_minutes);
	int zone = r->zone_minutes < 0 ? -r->zone_minutes : r->zone_minutes;
	bool is_french = r->language == DSN_FRENCH;

	put_format(out, "%d%s %s %d", c.day, is_french && c.day == 1 ? "er" : "", months[c.month - 1].in[r->language], c.year);
	put_format(out, is_french ? " à %d h %02d (UTC" : ", %02d:%02d (UTC", c.hour, c.minute);
	if (zone)
		put_format(out, "%c%02d:%02d", r->zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
	put_char(out, ')');
}

static void
put_duration(struct buf *out, enum dsn_language language, int64_t seconds)
{
	static const int64_t lengths_s[] = { 86400, 3600, 60 };
	uint8_t room[24];
	struct buf number;
	size_t unit = 0;

	while (unit < 2 && seconds < lengths_s[unit])
		unit++;
	seconds /= lengths_s[unit];
	buf_init_fixed(&number, room, sizeof room);
	put_number(&number, seconds > 1 ? (uint64_t)seconds : 1);
	put_filled(out, units[unit][seconds > 1].in[language], buf_bytes(&number));
}

static void
put_gave_up(struct buf *out, const struct dsn_report *r, size_t depth)
{
	uint8_t room[64];
	struct buf duration;

	buf_init_fixed(&duration, room, sizeof room);
	put_duration(&duration, r->language, r->date_s - r->arrival_s);
	put_filled_sentence(out, depth, gave_up.in[r->language], &duration);
}

static void
put_still_trying(struct buf *out, const struct dsn_report *r, size_t depth, int64_t until_s)
{
	uint8_t room[64];
	struct buf time;

	if (until_s == 0) {
		put_sentence(out, depth, still_trying.in[r->language]);
		return;
	}
	buf_init_fixed(&time, room, sizeof room);
	put_time(&time, r, until_s);
	put_filled_sentence(out, depth, until.in[r->language], &time);
}

/* The words of the other server, or ours. */
static void
put_words(struct buf *out, const struct dsn_report *r, const struct dsn_recipient *recipient, size_t depth)
{
	uint8_t room[DSN_TEXT_MAX];
	struct buf server;

	if (recipient->reply.len == 0)
		return;
	put_char(out, '\n');
	buf_init_fixed(&server, room, sizeof room);
	dsn_put_clean(&server, recipient->server, true);
	put_text(out, indents[depth]);
	put_filled(out, (recipient->server.len ? &said : &ours)->in[r->language], buf_bytes(&server));
	put_char(out, '\n');
	put_line(out, depth + 1, recipient->reply);
}

static void
put_outcome(struct buf *out, const struct dsn_report *r, const struct dsn_recipient *recipient, size_t depth)
{
	const struct reason *reason = reason_of(recipient);

	switch (recipient->action) {
	case DSN_FAILED:
		if (dsn_status_of(recipient).class == 4)
			put_gave_up(out, r, depth);
		put_sentence(out, depth, reason->why.in[r->language]);
		put_sentence(out, depth, reason->advice.in[r->language]);
		break;
	case DSN_DELAYED:
		put_sentence(out, depth, reason->why.in[r->language]);
		put_still_trying(out, r, depth, recipient->will_retry_until_s);
		break;
	case DSN_RELAYED:
	case DSN_EXPANDED:
		put_sentence(out, depth, no_more.in[r->language]);
		break;
	case DSN_DELIVERED:
	case DSN_ACTIONS:
		break;
	}
	put_words(out, r, recipient, depth);
}

/* One recipient: all in a sentence.  Several: a list. */
static void
put_group(struct buf *out, const struct dsn_report *r, enum dsn_action action)
{
	bool is_one = count_of(r, action) == 1;
	const struct head *head = &heads[action];

	if (count_of(r, action) == 0)
		return;
	put_text(out, (is_one ? &head->one : &head->many)->in[r->language]);
	put_text(out, is_one ? " " : "\n");
	for (size_t i = 0; i < r->recipient_count; i++) {
		const struct dsn_recipient *recipient = &r->recipients[i];

		if (recipient->action != action)
			continue;
		put_text(out, is_one ? "" : "\n  ");
		dsn_put_clean(out, recipient->final, true);
		put_text(out, is_one ? ".\n" : "\n");
		if (is_one && action != DSN_DELIVERED)
			put_char(out, '\n');
		put_outcome(out, r, recipient, is_one ? 0 : 1);
	}
	put_char(out, '\n');
}

/* Not what is of a character set that can't be read here. */
static bool
is_readable(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (byte_is_class(text.ptr[i], CLASS_CONTROL) && text.ptr[i] != '\t')
			return false;
	return bytes_is_utf8(text) && bytes_find(text, BYTES("=?")) == text.len && bytes_find(text, BYTES("\xef\xbf\xbd")) == text.len;
}

static void
put_subject(struct buf *out, const struct dsn_report *r)
{
	struct bytes in = r->content, name, value, field;
	struct buf text;

	while (take_header_field(&in, &name, &value, &field)) {
		if (!bytes_equal_nocase(name, BYTES("subject")))
			continue;
		buf_init(&text, SUBJECT_OCTETS_MAX);
		put_header_text(&text, bytes_sub(value, 0, SUBJECT_OCTETS_MAX));
		if (is_readable(buf_bytes(&text))) {
			put_text(out, labels[0].in[r->language]);
			dsn_put_folded(out, buf_bytes(&text), true, 0, indents[1]);
			put_char(out, '\n');
		}
		buf_done(&text);
		return;
	}
}

void
dsn_put_wording(struct buf *out, const struct dsn_report *r)
{
	for (enum dsn_action action = DSN_FAILED; action < DSN_ACTIONS; action++)
		put_group(out, r, action);
	put_subject(out, r);
	put_text(out, labels[1].in[r->language]);
	put_time(out, r, r->arrival_s);
	put_char(out, '\n');
	put_text(out, labels[2].in[r->language]);
	dsn_put_clean(out, r->mail_id, false);
	put_char(out, '\n');
}
