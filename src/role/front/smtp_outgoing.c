/* What of an SMTP client's message the queue gets, which answers when it is durable: what goes elsewhere, what mailboxes here can't take now, and
   what the client wants to hear when they have it (RFC 3461). */
#include "role/front/smtp_client_internal.h"

#include "base/map.h"
#include "config/domain.h"
#include "proto/dsn/xtext.h"
#include "sys/random.h"
#include "sys/time.h"

/* As many as a frame has room for. */
enum { RECIPIENTS_OCTETS_MAX = 16384, RECIPIENTS_MAX = 1000 };

/* RFC 6533 3: UTF-8 as it is can't go to a server without SMTPUTF8; encoded it can go to all. */
static void
put_encoded(struct bytes original, struct buf *out)
{
	struct bytes type = take_until(&original, ';');
	struct buf decoded;

	buf_init(&decoded, DSN_ORIGINAL_MAX);
	put_bytes(out, type);
	put_char(out, ';');
	if (put_utf8_xtext_decoded(&decoded, original))
		put_utf8_xtext(out, buf_bytes(&decoded));
	buf_done(&decoded);
}

void
smtp_wishes_keep(struct smtp_client *c, const struct dsn_rcpt *wishes)
{
	buf_done(&c->original);
	if (!bytes_is_ascii(wishes->original))
		put_encoded(wishes->original, &c->original);
	else
		put_bytes(&c->original, wishes->original);
	c->wishes = (struct dsn_rcpt){ .notify = wishes->notify };
	/* One that is longer than it may be stands nowhere: it may be left out. */
	if (!c->original.has_failed)
		c->wishes.original = buf_bytes(&c->original);
}

void
smtp_wishes_put(const struct smtp_client *c, struct bytes address, struct buf *out)
{
	struct dsn_rcpt wishes = c->wishes;

	if (wishes.notify && !bytes_equal_nocase(address, buf_bytes(&c->asked)))
		wishes.accepted = buf_bytes(&c->asked);
	dsn_put_rcpt(out, &wishes);
}

bool
smtp_wishes_success(const struct smtp_client *c)
{
	return c->wishes.notify & DSN_NOTIFY_SUCCESS && c->sender.len > 0;
}

size_t
smtp_outgoing_count(const struct smtp_client *c)
{
	size_t count = 0;

	for (size_t i = 0; i < OUTGOING_KINDS; i++)
		count += c->outgoing_count[i];
	return count;
}

size_t
smtp_outgoing_elsewhere(const struct smtp_client *c)
{
	return c->outgoing_count[OUTGOING_ELSEWHERE] + c->outgoing_count[OUTGOING_FORWARDED] + c->outgoing_count[OUTGOING_LISTED];
}

bool
smtp_outgoing_rename(struct smtp_client *c, struct bytes sender)
{
	struct renamed *made;

	c->as = NULL;
	for (struct renamed *r = c->renamed; r && !c->as; r = r->next)
		if (bytes_equal(r->sender, sender))
			c->as = r;
	if (sender.len == 0 || c->as)
		return true;
	made = arena_take(c->arena, sizeof *made);
	if (!made || !arena_copy(c->arena, sender, &made->sender))
		return false;
	made->next = c->renamed;
	c->as = c->renamed = made;
	return true;
}

/* Of one that goes on as it is. */
static const struct renamed *
name_of(const struct smtp_client *c, enum outgoing_kind kind)
{
	return kind == OUTGOING_FORWARDED || kind == OUTGOING_LISTED ? c->as : NULL;
}

/* The texts live in the transaction's arena. */
static struct outgoing *
add_outgoing(struct smtp_client *c, const struct outgoing *made)
{
	struct outgoing *o = arena_take(c->arena, sizeof *o);

	if (!o)
		return NULL;
	*o = *made;
	*c->last_outgoing = o;
	c->last_outgoing = &o->next;
	c->outgoing_count[o->kind]++;
	return o;
}

/* Where mail goes is one place, whatever was said of it; what is told is told for each name. */
static bool
is_sent(enum outgoing_kind kind)
{
	return kind == OUTGOING_ELSEWHERE || kind == OUTGOING_FORWARDED || kind == OUTGOING_LISTED;
}

/* RFC 5321 2.4: of the local part only its own server knows what is the same.  A domain's U-labels may need SMTPUTF8 where its A-labels don't. */
static void
put_place(struct bytes address, struct buf *out)
{
	size_t at = bytes_find_last_char(address, '@');
	struct bytes domain = bytes_sub(address, at + 1, address.len);
	struct domain folded;

	if (bytes_is_ascii(domain) && domain_fold(domain, &folded))
		domain = domain_bytes(&folded);
	put_u16(out, (uint16_t)at);
	put_bytes(out, bytes_sub(address, 0, at));
	put_u16(out, (uint16_t)domain.len);
	put_bytes(out, domain);
}

/* What makes two of them the same. */
static void
put_key(const struct outgoing *o, struct buf *out)
{
	put_u8(out, (uint8_t)o->kind);
	put_u64(out, (uint64_t)(uintptr_t)o->as);
	put_place(o->address, out);
	if (!is_sent(o->kind))
		put_bytes(out, o->parameters);
}

/* What who asked for either hears: NEVER asks for nothing, and who does not say hears of trouble (RFC 3461 4.1). */
static unsigned int
both(unsigned int a, unsigned int b)
{
	if (a == b || b == DSN_NOTIFY_NEVER)
		return a;
	if (a == DSN_NOTIFY_NEVER)
		return b;
	return (a ? a : DSN_NOTIFY_UNSAID) | (b ? b : DSN_NOTIFY_UNSAID);
}

static void
put_parameters(const struct smtp_client *c, enum outgoing_kind kind, struct bytes address, struct buf *out)
{
	/* RFC 3461 5.2.7.3: what goes to a list's members is its own mail. */
	if (kind != OUTGOING_LISTED)
		smtp_wishes_put(c, address, out);
}

/* Of all that one recipient leads to they are kept once. */
static bool
keep_parameters(struct smtp_client *c, struct outgoing *o, struct bytes parameters)
{
	o->notify = c->wishes.notify;
	if (bytes_equal(parameters, c->last_parameters)) {
		o->parameters = c->last_parameters;
		return true;
	}
	if (!arena_copy(c->arena, parameters, &o->parameters))
		return false;
	c->last_parameters = o->parameters;
	return true;
}

/* The client asks for more of what is there already: then what it says now counts for that too. */
static bool
ask_more(struct smtp_client *c, struct outgoing *o)
{
	uint8_t text[SMTP_WISHES_MAX];
	unsigned int said = c->wishes.notify, wanted = both(o->notify, said);
	struct buf parameters;
	bool is_kept;

	if (!is_sent(o->kind) || o->kind == OUTGOING_LISTED || wanted == o->notify)
		return true;
	buf_init_fixed(&parameters, text, sizeof text);
	c->wishes.notify = wanted;
	put_parameters(c, o->kind, o->address, &parameters);
	is_kept = keep_parameters(c, o, buf_bytes(&parameters));
	c->wishes.notify = said;
	return is_kept;
}

static struct outgoing *
add_new(struct smtp_client *c, struct outgoing made, struct bytes key)
{
	struct outgoing *o = NULL;

	if (smtp_outgoing_count(c) + c->target_count < SMTP_CLIENT_RECIPIENTS_MAX && arena_copy(c->arena, made.address, &made.address)
		&& keep_parameters(c, &made, made.parameters))
		o = add_outgoing(c, &made);
	if (o)
		(void)map_put(c->outgoing_known, key, o);
	return o;
}

/* The one that is that, there already or new; NULL: no room. */
static struct outgoing *
find_or_add(struct smtp_client *c, enum outgoing_kind kind, struct bytes address)
{
	uint8_t text[SMTP_WISHES_MAX];
	struct outgoing made = { .kind = kind, .as = name_of(c, kind), .address = address }, *o;
	struct buf parameters, key;

	buf_init_fixed(&parameters, text, sizeof text);
	put_parameters(c, kind, address, &parameters);
	made.parameters = buf_bytes(&parameters);
	buf_init(&key, SIZE_MAX);
	put_key(&made, &key);
	if (!c->outgoing_known)
		c->outgoing_known = map_new();
	o = map_get(c->outgoing_known, buf_bytes(&key));
	if (!o)
		o = add_new(c, made, buf_bytes(&key));
	else if (!ask_more(c, o))
		o = NULL;
	buf_done(&key);
	return o;
}

bool
smtp_outgoing_add(struct smtp_client *c, enum outgoing_kind kind, struct bytes address)
{
	return find_or_add(c, kind, address) != NULL;
}

bool
smtp_outgoing_tell(struct smtp_client *c, struct target *t, struct bytes address)
{
	struct outgoing *o = find_or_add(c, OUTGOING_DELIVERED, address);

	if (o)
		o->target = t;
	return o != NULL;
}

void
smtp_outgoing_take_back(struct smtp_client *c, struct outgoing **from)
{
	struct buf key;

	buf_init(&key, SIZE_MAX);
	for (const struct outgoing *o = *from; o; o = o->next) {
		buf_reset(&key);
		put_key(o, &key);
		(void)map_remove(c->outgoing_known, buf_bytes(&key));
		c->outgoing_count[o->kind]--;
	}
	buf_done(&key);
	*from = NULL;
	c->last_outgoing = from;
}

static void
enqueued(void *arg, const struct message *m)
{
	smtp_message_delivered(arg, m ? (enum ipc_outcome)m->u.enqueued.outcome : IPC_LATER);
}

static uint32_t
by_flags(const struct smtp_by *by)
{
	static const uint32_t flags[] = { [SMTP_BY_UNSAID] = 0, [SMTP_BY_RETURN] = SEND_BY_RETURN, [SMTP_BY_NOTIFY] = SEND_BY_NOTIFY };

	return flags[by->mode] | (by->has_trace ? SEND_BY_TRACE : 0);
}

/* Mailboxes here get it as it came. */
static const struct incoming *
form_of(const struct smtp_client *c, enum outgoing_kind kind)
{
	bool is_for_mailboxes = kind == OUTGOING_MAILBOX || kind == OUTGOING_REST || kind == OUTGOING_DELIVERED;

	return c->shortened && !is_for_mailboxes ? c->shortened : c->incoming;
}

static uint32_t
flags_of(const struct smtp_client *c, enum outgoing_kind kind)
{
	static const uint32_t flags[OUTGOING_KINDS] = {
		[OUTGOING_MAILBOX] = SEND_MAILBOXES, [OUTGOING_REST] = SEND_MAILBOXES, [OUTGOING_EXPANDED] = SEND_EXPANDED,
		[OUTGOING_DELIVERED] = SEND_MAILBOXES | SEND_EXPANDED };
	struct message_facts facts = incoming_facts(form_of(c, kind));
	uint32_t octets = (facts.has_high_octets ? SEND_8BIT : 0) | (facts.has_high_octets_in_header ? 0 : SEND_ASCII_HEADER);
	uint32_t tls = c->requires_tls ? SEND_REQUIRE_TLS : c->is_tls_optional ? SEND_TLS_OPTIONAL : 0;

	return flags[kind] | octets | tls | by_flags(&c->by) | (c->is_utf8 ? SEND_UTF8 : 0);
}

/* Appends recipients of that kind and name from *at on while they fit; *at is the first that does not. */
static void
put_recipients(const struct outgoing **at, enum outgoing_kind kind, const struct renamed *as, struct buf *out)
{
	size_t count = 0;

	for (const struct outgoing *o = *at; o; *at = o = o->next) {
		if (o->kind != kind || o->as != as)
			continue;
		if (++count > RECIPIENTS_MAX || out->len + o->address.len + o->parameters.len + 4 > RECIPIENTS_OCTETS_MAX)
			return;
		put_u16(out, (uint16_t)o->address.len);
		put_bytes(out, o->address);
		put_u16(out, (uint16_t)o->parameters.len);
		put_bytes(out, o->parameters);
	}
}

/* Of lines in disk form. */
static uint64_t
wire_size(struct bytes lines)
{
	uint64_t size = lines.len;

	for (size_t i = 0; i < lines.len; i++)
		size += lines.ptr[i] == '\n';
	return size;
}

static void
enqueue(struct smtp_client *c, const struct mail_id *id, enum outgoing_kind kind, const struct renamed *as, struct bytes recipients)
{
	struct peer *queue = smtp_client_front(c)->queue;
	const struct incoming *form = form_of(c, kind);
	/* What was signed is what goes elsewhere. */
	struct bytes signatures = c->shortened && form != c->shortened ? BYTES_NONE : c->signatures;
	struct message m = { .type = MESSAGE_ENQUEUE };

	m.u.enqueue = (struct ipc_enqueue){
		.request = smtp_client_begin_request(c, queue),
		.mail_id = bytes_text(id->text),
		.told_id = bytes_text(c->mail_id.text),
		.sender = as ? as->sender : c->sender,
		.flags = flags_of(c, kind),
		.release_s = (uint64_t)c->release_s,
		.deliver_by_s = c->by.mode == SMTP_BY_UNSAID ? 0 : (uint64_t)(c->now_s + c->by.within_s),
		.priority = (uint8_t)c->priority,
		.parameters = kind == OUTGOING_LISTED ? BYTES_NONE : c->parameters,
		.size = incoming_facts(form).size + wire_size(signatures),
		.recipients = recipients,
		.head = signatures,
		.octets = incoming_octets(form),
	};
	if (incoming_file(form) >= 0) {
		m.fds[0] = incoming_file(form);
		m.fd_count = 1;
	}
	c->deliveries++;
	smtp_client_send_request(c, queue, &m, m.u.enqueue.request, enqueued);
}

static struct mail_id
another_id(void)
{
	uint8_t random[10];

	random_fill(random, sizeof random);
	return mail_id_make(time_now().wall_us, random);
}

/* Those that don't fit into one frame go as a message of their own. */
static void
enqueue_all(struct smtp_client *c, enum outgoing_kind kind, const struct renamed *as, struct mail_id *id)
{
	const struct outgoing *at = c->outgoing;
	struct buf recipients;

	buf_init(&recipients, RECIPIENTS_OCTETS_MAX);
	while (at) {
		buf_reset(&recipients);
		put_recipients(&at, kind, as, &recipients);
		if (recipients.len == 0)
			continue;
		enqueue(c, id, kind, as, buf_bytes(&recipients));
		*id = another_id();
	}
	buf_done(&recipients);
}

void
smtp_message_enqueue(struct smtp_client *c)
{
	struct mail_id id = c->mail_id;

	enqueue_all(c, OUTGOING_ELSEWHERE, NULL, &id);
	enqueue_all(c, OUTGOING_MAILBOX, NULL, &id);
	for (const struct renamed *as = c->renamed; as; as = as->next) {
		enqueue_all(c, OUTGOING_FORWARDED, as, &id);
		enqueue_all(c, OUTGOING_LISTED, as, &id);
	}
}

/* What the queue brings to a mailbox that it tells of: once for each name that the sender hears of. */
static void
bring_told(struct smtp_client *c)
{
	for (struct outgoing *o = c->outgoing; o; o = o->next)
		if (o->kind == OUTGOING_DELIVERED && !o->target->is_there) {
			o->kind = OUTGOING_REST;
			o->target->is_told_of = true;
			c->outgoing_count[OUTGOING_DELIVERED]--;
			c->outgoing_count[OUTGOING_REST]++;
		}
}

bool
smtp_message_enqueue_rest(struct smtp_client *c)
{
	struct mail_id id = another_id();

	bring_told(c);
	for (const struct target *t = c->targets; t; t = t->next)
		if (!t->is_there && !t->is_told_of
			&& !add_outgoing(c, &(struct outgoing){ .kind = OUTGOING_REST, .address = t->address, .parameters = t->parameters }))
			return false;
	enqueue_all(c, OUTGOING_REST, NULL, &id);
	return true;
}

void
smtp_message_enqueue_told(struct smtp_client *c)
{
	struct mail_id id = another_id();

	enqueue_all(c, OUTGOING_DELIVERED, NULL, &id);
	enqueue_all(c, OUTGOING_EXPANDED, NULL, &id);
}
