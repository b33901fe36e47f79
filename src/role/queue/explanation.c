#include "role/queue/explanation.h"

#include "config/route.h"
#include "role/control_line.h"
#include "role/queue/command.h"
#include "role/queue/queue_internal.h"

/* The relay gives up sooner (plan.c); this is for one that says nothing. */
enum { EXPLANATIONS_MAX = 32, PLAN_WITHIN_MS = 30000, NAME_OCTETS_MAX = 400, LINES_OCTETS_MAX = 32768 };

struct explanation {
	LIST_ENTRY(explanation) link;
	struct queue *queue;
	struct control_question *question;
	uint64_t request; /* to the relay; 0: none is open */
	struct buf answer;
};

static void
finish(struct explanation *e, struct bytes answer)
{
	LIST_REMOVE(e, link);
	e->queue->explanation_count--;
	control_answer(&e->question, answer);
	buf_done(&e->answer);
	memory_free(e);
}

void
explanation_end_all(struct queue *q)
{
	struct explanation *e;

	while ((e = LIST_FIRST(&q->explanations))) {
		if (e->request)
			peer_forget(role_peer(q->role, ROLE_RELAY, 0), e->request);
		finish(e, BYTES("error the queue stops\n"));
	}
}

/* ---- what is told */

static enum config_route_kind
kind_of(const struct hop *hop)
{
	static const enum config_route_kind kinds[IPC_HOPS] = { [HOP_MX] = ROUTE_MX, [HOP_SMTP] = ROUTE_SMTP, [HOP_LMTP] = ROUTE_LMTP };

	if (hop->kind == HOP_KIND_NOBODY)
		return ROUTE_REFUSE;
	return hop->kind == HOP_KIND_MAILBOXES ? ROUTE_MAILBOXES : kinds[hop->protocol];
}

static void
tell_route(struct explanation *e, const char *directive, const struct config_route *route, const struct hop *hop)
{
	char space[NAME_OCTETS_MAX];
	struct buf target;

	buf_init_fixed(&target, space, sizeof space);
	config_put_target(&target, &(struct config_route){ .kind = kind_of(hop), .host = hop->host, .port = hop->port });
	control_line_put(&e->answer, directive,
		FIELDS(TEXT("pattern", route ? route->pattern : BYTES_NONE), TEXT("target", buf_bytes(&target))));
}

static void
tell_destination(struct explanation *e, const struct hop *hop)
{
	const struct destination *d = schedule_find(e->queue->schedule, hop);
	char space[NAME_OCTETS_MAX];
	struct buf name;

	buf_init_fixed(&name, space, sizeof space);
	command_put_destination(&name, hop);
	control_line_put(&e->answer, "destination",
		FIELDS(TEXT("name", buf_bytes(&name)), INT("waiting", d ? d->deliveries : 0), INT("sending", d ? d->active : 0),
			INT("failures", d ? d->failures : 0), INT("rests_until_s", d ? d->rests_until_s : 0),
			INT("limit", d ? d->limit : 0)));
}

/* It is asked of addresses alone that the directory calls foreign or sends on: a route to mailboxes brings it back. */
static void
tell_why_not_on(struct explanation *e, const struct config_route *route)
{
	char space[NAME_OCTETS_MAX + 112];
	struct buf reply;
	bool is_refused = route && route->kind == ROUTE_REFUSE;

	buf_init_fixed(&reply, space, sizeof space);
	if (is_refused)
		config_put_refusal(&reply, route);
	else
		put_text(&reply, route ? QUEUE_NOT_OURS : QUEUE_COMES_BACK);
	control_line_put(&e->answer, "trouble",
		FIELDS(STR("outcome", is_refused && !config_is_refusal_for_now(route) ? "never" : "later"), TEXT("reply", buf_bytes(&reply))));
}

/* Whole lines of the grammar, and nothing else, go on to who asked. */
static void
tell_lines(struct explanation *e, struct bytes lines)
{
	struct bytes rest = lines;
	uint8_t *space = memory_new(LINES_OCTETS_MAX);
	struct control_line line;
	struct buf values;
	bool is_good = true;

	buf_init_fixed(&values, space, LINES_OCTETS_MAX);
	while (is_good && rest.len)
		is_good = control_line_take(&rest, &values, &line);
	memory_free(space);
	if (is_good)
		put_bytes(&e->answer, lines);
	else
		control_line_put(&e->answer, "relay_away", NO_FIELDS);
}

static void
tell_end(struct explanation *e)
{
	control_line_put(&e->answer, "end", NO_FIELDS);
	put_char(&e->answer, '\n');
	finish(e, e->answer.has_failed ? BYTES("error the answer is too long\n") : buf_bytes(&e->answer));
}

static void
planned(void *arg, const struct message *m)
{
	struct explanation *e = arg;

	e->request = 0;
	if (m)
		tell_lines(e, m->u.planned.lines);
	else
		control_line_put(&e->answer, "relay_away", NO_FIELDS);
	tell_end(e);
}

static void
ask_relay(struct explanation *e, struct bytes sender, const struct hop *hop)
{
	struct peer *relay = role_peer(e->queue->role, ROLE_RELAY, 0);
	struct message m = { .type = MESSAGE_PLAN };

	e->request = peer_request_id(relay);
	m.u.plan = (struct ipc_plan){ .request = e->request, .hop = (uint8_t)hop->protocol, .host = hop->host, .port = hop->port, .sender = sender };
	peer_request(relay, &m, e->request, PLAN_WITHIN_MS, planned, e);
}

/* ---- questions */

bool
explanation_takes(struct bytes line)
{
	return take_text(&line, BYTES("explain\t"));
}

static void
begin(struct queue *q, struct control_question *question, struct bytes sender, struct bytes recipient)
{
	struct explanation *e = NEW(struct explanation);
	const struct config_route *route;
	struct domain space;
	struct hop hop;

	e->queue = q;
	e->question = question;
	buf_init(&e->answer, CONTROL_LINES_MAX);
	LIST_INSERT_HEAD(&q->explanations, e, link);
	q->explanation_count++;
	route = route_find(q->config, sender, recipient, &space, &hop);
	put_text(&e->answer, "lines\n");
	tell_route(e, route && route == config_find_sender_route(q->config, sender) ? "sender_route" : "route", route, &hop);
	if (hop.kind != HOP_KIND_RELAY) {
		tell_why_not_on(e, route);
		tell_end(e);
		return;
	}
	queue_set_login(q, sender, &hop);
	tell_destination(e, &hop);
	ask_relay(e, bytes_sub(sender, 0, QUEUE_ADDRESS_MAX), &hop);
}

void
explanation_ask(void *arg, struct control_question *question, struct bytes text)
{
	struct queue *q = arg;
	uint8_t space[CONTROL_LINE_MAX];
	struct control_line line;
	struct bytes sender = BYTES_NONE, recipient = BYTES_NONE;
	struct buf values;

	buf_init_fixed(&values, space, sizeof space);
	if (control_line_take(&text, &values, &line)) {
		sender = control_line_get(&line, "sender");
		recipient = control_line_get(&line, "recipient");
	}
	if (recipient.len == 0 || recipient.len > QUEUE_ADDRESS_MAX)
		control_answer(&question, BYTES("error that is no question\n"));
	else if (q->explanation_count >= EXPLANATIONS_MAX)
		control_answer(&question, BYTES("error too many questions at a time\n"));
	else
		begin(q, question, sender, recipient);
}
