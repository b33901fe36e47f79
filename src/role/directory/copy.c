#include "role/directory/copy.h"

#include "base/memory.h"
#include "sys/time.h"

enum { LOOK_AGAIN_MS = 50, WAIT_US = 5000000 };

struct copy_question {
	struct copy_question *next;
	struct control_question *question;
	int64_t until_us; /* mono */
};

struct copy_questions {
	struct timer timer;
	struct ldap_source *source;
	struct copy_question *first, **last; /* the one that came first, and where the next one goes */
};

/* Of the first; its client may ask anew from in here. */
static void
answer(struct copy_questions *q, struct bytes line)
{
	struct copy_question *first = q->first;

	q->first = first->next;
	if (!q->first)
		q->last = &q->first;
	control_answer(&first->question, line);
	memory_free(first);
}

static void
fired(struct timer *timer)
{
	struct copy_questions *q = (struct copy_questions *)((uint8_t *)timer - offsetof(struct copy_questions, timer));
	int64_t now_us = time_now().mono_us;
	bool is_written = ldap_source_hurry_copy(q->source);

	while (q->first && (is_written || q->first->until_us <= now_us))
		answer(q, is_written ? BYTES("ok\n") : BYTES("error what changed in LDAP is not written down yet\n"));
	if (!q->first)
		timer_stop(&q->timer);
}

struct copy_questions *
copy_questions_new(struct loop *loop)
{
	struct copy_questions *q = NEW(struct copy_questions);

	q->last = &q->first;
	timer_init(&q->timer, loop, fired);
	return q;
}

static void
closed(struct timer *timer)
{
	memory_free((uint8_t *)timer - offsetof(struct copy_questions, timer));
}

void
copy_questions_free(struct copy_questions **at)
{
	struct copy_questions *q = *at;

	*at = NULL;
	while (q->first)
		answer(q, BYTES("error the server stops\n"));
	timer_close(&q->timer, closed);
}

bool
copy_question_is(struct bytes line)
{
	return bytes_starts(line, BYTES("copy\t"));
}

void
copy_questions_add(struct copy_questions *q, struct ldap_source *source, struct control_question *question)
{
	struct copy_question *added;

	if (!source || ldap_source_hurry_copy(source)) {
		control_answer(&question, BYTES("ok\n"));
		return;
	}
	if (!q->first)
		timer_start(&q->timer, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
	added = NEW(struct copy_question);
	*added = (struct copy_question){ NULL, question, time_now().mono_us + WAIT_US };
	*q->last = added;
	q->last = &added->next;
	q->source = source;
}
