#include "role/directory/explain.h"

#include "base/map.h"
#include "base/memory.h"
#include "config/name.h"
#include "config/route.h"
#include "proto/smtp/reply.h"
#include "role/directory/claims.h"
#include "role/control_line.h"
#include "role/directory/directory_internal.h"
#include "role/directory/explain_internal.h"
#include "sys/net.h"

enum { STEPS_OCTETS_MAX = 40960, ENTRIES_OCTETS_MAX = 20480, TEXT_OCTETS_MAX = EXPLAIN_TEXT_MAX };

_Static_assert(STEPS_OCTETS_MAX + ENTRIES_OCTETS_MAX + 4 * TEXT_OCTETS_MAX <= CONTROL_LINES_MAX, "the decision fits too");

/* What an address that was met is, or-ed together. */
enum met { MET_ASKED = 1, MET_ACCOUNT = 2, MET_LDAP_ACCOUNT = 4, MET_ALIAS = 8, MET_LDAP_ALIAS = 16 };

const struct trace *
explain_trace(const struct explaining *why)
{
	return why ? &why->trace : NULL;
}

/* ---- steps */

static struct bytes
field_text(const struct event_field *fields, const char *name)
{
	for (; fields->kind != FIELD_END; fields++)
		if (bytes_equal(bytes_text(fields->name), bytes_text(name)))
			return fields->text;
	return BYTES_NONE;
}

static unsigned int
met_of(enum trace_step step, bool is_of_ldap)
{
	if (step == TRACE_ACCOUNT || step == TRACE_NO_PATH)
		return is_of_ldap ? MET_LDAP_ACCOUNT : MET_ACCOUNT;
	if (step == TRACE_ALIAS || step == TRACE_FURTHER || step == TRACE_FORWARD || step == TRACE_GROUP)
		return is_of_ldap ? MET_LDAP_ALIAS : MET_ALIAS;
	return 0;
}

static void
meet(struct explaining *e, struct bytes address, unsigned int what)
{
	struct address folded;

	if (what == 0 || !address_fold(address, &folded))
		return;
	what |= (unsigned int)(uintptr_t)map_get(e->met, address_bytes(&folded));
	(void)map_put(e->met, address_bytes(&folded), (void *)(uintptr_t)what);
}

void
explain_meet_asked(struct explaining *e, struct bytes address)
{
	meet(e, address, MET_ASKED);
}

static void
on_step(void *arg, enum trace_step step, const struct event_field *fields)
{
	struct explaining *e = arg;

	e->would_make |= step == TRACE_MADE;
	e->is_troubled |= step == TRACE_LOOP || step == TRACE_TOO_DEEP || step == TRACE_TOO_MANY || step == TRACE_NO_PATH;
	meet(e, field_text(fields, "address"), met_of(step, bytes_equal(field_text(fields, "source"), BYTES("LDAP"))));
	control_line_put(&e->steps, trace_word(step), fields);
}

/* ---- where it is from */

static void
on_entry(void *arg, enum trace_step step, const struct event_field *fields)
{
	struct explaining *e = arg;

	control_line_put(&e->entries, trace_word(step), fields);
}

static unsigned int
what_was_met(const struct explaining *e, struct bytes address)
{
	struct address folded;

	return address_fold(address, &folded) ? (unsigned int)(uintptr_t)map_get(e->met, address_bytes(&folded)) : 0;
}

/* An entry of an address that was met: the one it is of, or one that gives way to the other source. */
static void
tell_entry(struct explaining *e, struct bytes address, struct bytes entry, unsigned int here, unsigned int there)
{
	const struct trace *out = &e->sources;
	unsigned int met = what_was_met(e, address);

	if ((met & here) || !(met & there))
		trace(met & ~(unsigned int)MET_ASKED ? out : NULL, TRACE_ENTRY, TEXT("address", address), TEXT("entry", entry));
	else
		trace(out, TRACE_CLAIM, TEXT("address", address), TEXT("entry", entry), STR("kept", "the embedded directory"));
}

static void
on_user(void *arg, const struct user_record *record)
{
	tell_entry(arg, record->address, record->entry, MET_LDAP_ACCOUNT, MET_ACCOUNT);
}

static void
on_alias(void *arg, const struct alias_record *record)
{
	tell_entry(arg, record->address, record->entry, MET_LDAP_ALIAS, MET_ALIAS | MET_ACCOUNT);
}

static void
tell_losses(struct explaining *e, struct bytes losses)
{
	const struct trace *out = &e->sources;
	struct claims_loss loss;

	while (claims_take_loss(&losses, &loss))
		if (what_was_met(e, loss.address))
			trace(out, loss.kept.len ? TRACE_CLAIM : TRACE_UNCLAIMED, TEXT("address", loss.address),
				TEXT("entry", loss.left_out), TEXT("kept", loss.kept));
}

static void
tell_copy(struct explaining *e)
{
	const struct trace *out = &e->sources;
	struct ldap_source_freshness fresh = ldap_source_freshness(e->directory->ldap);

	trace(out, TRACE_COPY, STR("server", fresh.is_up ? "a server answers" : "no server answers"), INT("up", fresh.is_up),
		INT("tells_changes", fresh.tells_changes), INT("read_s", fresh.read_s), INT("confirmed_s", fresh.confirmed_s));
}

/* The records are all looked at, once for a question. */
static void
tell_entries(struct explaining *e)
{
	static const struct image_visitor visitor = { on_user, on_alias, NULL };
	const struct directory *d = e->directory;

	if (!d->ldap)
		return;
	(void)directory_visit_ldap(d, &visitor, e);
	tell_losses(e, ldap_source_losses(d->ldap));
	tell_copy(e);
}

/* With what a server would be asked for the address: one that can't tell changes, or not in time. */
static void
tell_filter(struct explaining *e, struct bytes address)
{
	const struct directory *d = e->directory;
	const struct trace *out = &e->sources;
	struct buf filter;

	if (!d->ldap)
		return;
	buf_init(&filter, ENTRIES_OCTETS_MAX / 4);
	ldap_source_put_filter(d->ldap, address, &filter);
	if (filter.has_failed)
		trace(out, TRACE_FILTER_LEFT_OUT);
	else if (filter.len)
		trace(out, TRACE_FILTER, TEXT("filter", buf_bytes(&filter)));
	buf_done(&filter);
}

/* ---- answers */

static void answer_all(void *arg);

static struct explaining *
begin(struct directory *d, struct control_question *question)
{
	struct explaining *e = NEW(struct explaining);

	e->directory = d;
	e->question = question;
	e->trace = (struct trace){ on_step, e };
	e->sources = (struct trace){ on_entry, e };
	e->met = map_new();
	explain_uses_init(&e->uses, d, &e->trace, answer_all, e);
	e->next = d->explaining;
	d->explaining = e;
	buf_init(&e->steps, STEPS_OCTETS_MAX);
	buf_init(&e->entries, ENTRIES_OCTETS_MAX);
	buf_init(&e->recipient, TEXT_OCTETS_MAX);
	return e;
}

static void
take_out(struct explaining *e)
{
	struct explaining **at = &e->directory->explaining;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	explain_uses_forget(&e->uses);
}

static void
finish(struct explaining **at, struct bytes answer)
{
	struct explaining *e = *at;

	*at = NULL;
	take_out(e);
	control_answer(&e->question, answer);
	map_free(&e->met);
	buf_done(&e->steps);
	buf_done(&e->entries);
	buf_done(&e->recipient);
	memory_free(e);
}

void
explain_free(struct explaining **at)
{
	if (*at)
		finish(at, BYTES("error the server stops\n"));
}

void
explain_free_all(struct directory *d)
{
	struct explaining *e;

	while ((e = d->explaining))
		explain_free(&e);
}

static void
put_reply(struct buf *out, const struct decision *d)
{
	if (d->refusal)
		config_put_refusal(out, d->refusal);
	else
		smtp_put_reply(out, d->reply);
	out->len = bytes_trim(buf_bytes(out)).len;
}

static void
put_imap(struct buf *out, const struct decision *d)
{
	struct imap_refusal refusal = imap_refusal_of_login(d->imap);

	if (!d->has_imap)
		return;
	if (d->imap == IMAP_OK)
		put_text(out, "OK Logged in");
	else
		put_format(out, "NO %s %s", refusal.code, refusal.text);
}

static void
put_decision(struct buf *out, const struct decision *d)
{
	char smtp[TEXT_OCTETS_MAX], imap[TEXT_OCTETS_MAX];
	struct buf reply, imap_reply;

	buf_init_fixed(&reply, smtp, sizeof smtp);
	buf_init_fixed(&imap_reply, imap, sizeof imap);
	put_reply(&reply, d);
	put_imap(&imap_reply, d);
	control_line_put(out, "decision", FIELDS(STR("decision", d->word), INT("accepted", d->is_accepted),
		TEXT("smtp", buf_bytes(&reply)), TEXT("imap", buf_bytes(&imap_reply)), STR("why", d->why),
		INT("mailboxes", d->mailboxes), INT("elsewhere", d->elsewhere)));
}

static void
put_left_out(struct buf *out, const struct buf *lines, enum trace_step step)
{
	if (lines->has_failed)
		control_line_put(out, trace_word(step), NO_FIELDS);
}

/* A client hears at RCPT that the one mailbox of an address is full; of several some may have room. */
static void
look_for_room(struct explaining *e)
{
	struct decision *d = &e->decision;

	if (!d->is_accepted || d->mailboxes != 1 || d->elsewhere > 0 || e->uses.full + e->uses.untold == 0)
		return;
	d->is_accepted = false;
	d->word = e->uses.full ? "full" : "later";
	d->why = e->uses.full ? "the quota of its account has no room" : "the store does not say whether the quota of its account has room";
	d->reply = smtp_reply_of_answer(e->uses.full ? SMTP_ANSWER_OVER_QUOTA : SMTP_ANSWER_LATER, REPLY_RECIPIENT_OK);
}

static void
answer_all(void *arg)
{
	struct explaining *e = arg;
	const struct decision *d = &e->decision;
	struct buf out;

	look_for_room(e);
	tell_entries(e);
	buf_init(&out, CONTROL_LINES_MAX);
	put_text(&out, "lines\n");
	put_bytes(&out, buf_bytes(&e->steps));
	put_left_out(&out, &e->steps, TRACE_STEPS_LEFT_OUT);
	put_bytes(&out, buf_bytes(&e->entries));
	put_left_out(&out, &e->entries, TRACE_ENTRIES_LEFT_OUT);
	put_decision(&out, d);
	put_char(&out, '\n');
	finish(&e, buf_bytes(&out));
	buf_done(&out);
}

void
explain_decide(struct explaining *e, const struct decision *d)
{
	e->decision = *d;
	explain_uses_end(&e->uses);
}

/* ---- a recipient */

static const char *
word_of(enum ipc_outcome outcome, size_t elsewhere)
{
	switch (outcome) {
	case IPC_OK:
		return elsewhere ? "foreign" : "mailbox";
	case IPC_FOREIGN:
		return "foreign";
	case IPC_ABSENT:
	case IPC_INVALID:
		return "unknown";
	case IPC_DENIED:
		return "denied";
	case IPC_LATER:
	case IPC_NO_SPACE:
	case IPC_EXISTS:
	case IPC_LIMIT:
	case IPC_OVER_QUOTA:
	case IPC_OUTCOMES:
		break;
	}
	return "later";
}

static const char *
why_of(const struct explaining *e, enum ipc_outcome outcome, const struct decision *d)
{
	const struct directory *directory = e->directory;

	if (outcome == IPC_OK && d->mailboxes == 0)
		return "the queue takes it, and sends it on";
	if (outcome == IPC_OK && d->elsewhere)
		return "the mailboxes get the mail, and the queue takes it for the addresses elsewhere";
	if (outcome == IPC_OK)
		return "each of these mailboxes gets the mail";
	if (outcome == IPC_FOREIGN)
		return d->is_accepted ? "the queue takes mail for other servers" : "mail for others is not relayed for somebody who did not log in";
	if (outcome == IPC_DENIED)
		return "it leads to a group that does not take mail from this sender";
	if (outcome == IPC_ABSENT)
		return directory->ldap ? "nobody is called so, in the embedded directory nor in LDAP" : "nobody is called so";
	if (!e->is_troubled && !directory_is_sure(directory))
		return "not every source of accounts could be asked, and what they would say is not known";
	return "it leads nowhere that mail could go to now; an administrator has to mend that";
}

/* The route in whose words it is refused, or NULL.  Of an address that leads to several each has to be. */
static const struct config_route *
refusal_of(const struct explaining *e, enum admission admission, struct bytes sender, const struct targets *targets)
{
	const struct config *config = e->directory->self->config;
	struct bytes address = buf_bytes(&e->recipient);
	const struct config_route *first = admission == REFUSED_BY_ROUTE ? config_find_route(config, address) : NULL;

	for (size_t i = 0; admission == ADMITTED && i < targets->count; i++) {
		const struct config_route *route = targets->at[i].account ? NULL : answer_refusal(config, sender, targets->at[i].address);

		if (!route)
			return NULL;
		if (!first)
			address = targets->at[i].address;
		first = first ? first : route;
	}
	if (first)
		trace(&e->trace, TRACE_REFUSED, TEXT("address", address), TEXT("pattern", first->pattern));
	return first;
}

void
explain_resolved(struct explaining *e, enum ipc_outcome outcome, struct bytes sender, const struct targets *targets)
{
	const struct config *config = e->directory->self->config;
	struct bytes address = buf_bytes(&e->recipient);
	enum admission admission = admission_decide(config, e->client, sender, address, outcome);
	enum smtp_answer answer = answer_to_recipient(admission);
	struct decision d = { .mailboxes = e->would_make, .refusal = refusal_of(e, admission, sender, targets) };

	for (size_t i = 0; outcome == IPC_OK && i < targets->count; i++) {
		d.mailboxes += targets->at[i].account != NULL;
		if (targets->at[i].account && admission == ADMITTED)
			explain_uses_ask(&e->uses, targets->at[i].account);
		d.elsewhere += targets->at[i].account == NULL;
		if (!targets->at[i].account && admission == ADMITTED && !d.refusal)
			trace(&e->trace, TRACE_HANDED_ON, TEXT("address", targets->at[i].address));
	}
	if (admission == ADMITTED_ONWARD) {
		d.elsewhere++;
		trace(&e->trace, TRACE_HANDED_ON, TEXT("address", address));
	}
	d.is_accepted = answer == SMTP_ANSWER_OK && !d.refusal;
	d.word = word_of(outcome, d.elsewhere);
	d.why = why_of(e, outcome, &d);
	if (d.refusal) {
		d.word = config_is_refusal_for_now(d.refusal) ? "later" : "denied";
		d.why = admission == ADMITTED ? "routes of the configuration refuse all that it leads to" : "a route of the configuration refuses it";
	}
	d.reply = smtp_reply_of_answer(answer, REPLY_RECIPIENT_OK);
	explain_decide(e, &d);
}

/* RCPT is read before anybody is asked.  False: it can't be; else the address is in e->recipient as the directory gets it. */
static bool
read_recipient(struct explaining *e, struct bytes address)
{
	struct arena *arena = arena_new("explain", SMTP_PATH_OCTETS_MAX, ARENA_PLAIN);
	uint8_t space[CONTROL_LINE_MAX];
	struct smtp_path path;
	struct buf written;
	struct bytes rest;
	bool is_read;

	buf_init_fixed(&written, space, sizeof space);
	put_format(&written, "<%.*s>", BYTES_ARG(address));
	rest = buf_bytes(&written);
	is_read = !written.has_failed && smtp_path_parse(&rest, true, arena, &path, NULL) == 0 && rest.len == 0 && path.text.len > 0;
	if (is_read)
		smtp_path_put_address(&path, &e->recipient);
	arena_free(&arena);
	return is_read;
}

static void
explain_recipient(struct explaining *e, struct bytes sender, struct bytes written, const struct account *as)
{
	struct bytes address;

	if (!read_recipient(e, written)) {
		trace(&e->trace, TRACE_MALFORMED, TEXT("address", written));
		explain_decide(e, &(struct decision){ .word = "unknown", .why = "RCPT does not take it for an address", .reply = REPLY_BAD_RECIPIENT });
		return;
	}
	address = buf_bytes(&e->recipient);
	explain_meet_asked(e, address);
	tell_filter(e, address);
	if (as)
		e->client = CLIENT_ACCOUNT;
	directory_resolve_why(e->directory, e, e->client != CLIENT_STRANGER, bytes_equal(sender, BYTES("<>")) ? BYTES_NONE : sender, address, as ? as->number : 0);
}

/* ---- a sender */

static void
explain_sender(struct explaining *e, struct bytes address, const struct account *as)
{
	enum ipc_outcome outcome;
	enum smtp_answer answer;

	explain_meet_asked(e, address);
	accounts_watch(e->directory->accounts, &e->trace);
	outcome = directory_may_send(e->directory, as->number, address);
	accounts_watch(e->directory->accounts, NULL);
	answer = answer_to_sender(outcome);
	explain_decide(e, &(struct decision){
		.word = outcome == IPC_OK ? "own" : outcome == IPC_LATER ? "later" : "denied",
		.why = outcome == IPC_OK ? "the account gets the mail of that address"
			: outcome == IPC_LATER ? "not every source could be asked" : "the mail of that address is not the account's",
		.is_accepted = answer == SMTP_ANSWER_OK,
		.reply = smtp_reply_of_answer(answer, REPLY_SENDER_OK),
	});
}

/* ---- a mail */

/* Who did not log in, at that address.  False: it is none. */
static bool
take_client(struct explaining *e, struct bytes client)
{
	struct net_address address;
	uint8_t octets[16];
	struct fault f;

	if (client.len == 0)
		return true;
	if (net_address_parse(client, 25, &address, &f) != 0)
		return false;
	if (config_trusts(e->directory->self->config, octets, net_address_octets(&address, octets)))
		e->client = CLIENT_TRUSTED;
	trace(&e->trace, e->client == CLIENT_TRUSTED ? TRACE_TRUSTED : TRACE_STRANGER, TEXT("client", client));
	return true;
}

static const struct account *
account_of_sender(struct explaining *e, struct bytes sender)
{
	const struct account *as = accounts_find(e->directory->accounts, sender);

	if (as)
		trace(&e->trace, TRACE_AS, TEXT("sender", sender), TEXT("account", account_address(as)));
	return as;
}

/* As MAIL and RCPT follow each other: what MAIL hears ends it.  The sender is `path` as it was written. */
static void
explain_mail(struct explaining *e, struct bytes path, struct bytes sender, struct bytes recipient, const struct account *as)
{
	if (as && !bytes_equal(sender, BYTES("<>"))) {
		if (directory_may_send(e->directory, as->number, sender) != IPC_OK) {
			explain_sender(e, sender, as);
			return;
		}
		trace(&e->trace, TRACE_MAY_SEND, TEXT("account", account_address(as)), TEXT("sender", sender));
	}
	explain_recipient(e, path, recipient, as);
}

/* ---- questions */

/* The account that `as` names; false: there is none of that name. */
static bool
find_as(struct explaining *e, struct bytes name, const struct account **as)
{
	*as = name.len ? accounts_find(e->directory->accounts, name) : NULL;
	return *as || name.len == 0;
}

static void
answer_question(struct explaining *e, const struct control_line *line)
{
	uint8_t space[ADDRESS_OCTETS_MAX];
	struct bytes path = control_line_get(line, "sender"), sender = name_unquoted(path, space);
	struct bytes recipient = control_line_get(line, "recipient");
	struct bytes login = control_line_get(line, "login"), as_name = control_line_get(line, "as");
	struct bytes client = control_line_get(line, "client");
	const struct account *as;

	if (!find_as(e, as_name, &as))
		finish(&e, BYTES("error there is no account of the name behind --as\n"));
	else if (!take_client(e, client))
		finish(&e, BYTES("error --from takes the address of a client, such as 192.0.2.1\n"));
	else if (login.len)
		explain_login(e, login);
	else if (sender.len && recipient.len)
		explain_mail(e, path, sender, recipient, as || client.len ? as : account_of_sender(e, sender));
	else if (sender.len && as)
		explain_sender(e, sender, as);
	else if (recipient.len)
		explain_recipient(e, BYTES_NONE, recipient, as);
	else
		finish(&e, BYTES("error there is no such question\n"));
}

void
explain(void *arg, struct control_question *question, struct bytes text)
{
	struct explaining *e = begin(arg, question);
	uint8_t space[CONTROL_LINE_MAX];
	struct control_line line;
	struct buf values;

	buf_init_fixed(&values, space, sizeof space);
	if (control_line_take(&text, &values, &line) && control_line_is(&line, "explain"))
		answer_question(e, &line);
	else
		finish(&e, BYTES("error that is no question\n"));
}
