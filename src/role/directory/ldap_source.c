#include "role/directory/ldap_source.h"

#include "base/event.h"
#include "base/memory.h"
#include "role/directory/image.h"
#include "role/directory/ldap_marker.h"
#include "role/directory/ldap_source_internal.h"
#include "role/directory/snapshot.h"
#include "sys/time.h"

#include <string.h>

enum { LOOK_MS = 1000, BETWEEN_LOOKS_MS = 50, ARRIVED_MS = 10, READ_AGAIN_MS = 5000 };
/* An hour before the clock began. */
#define LONG_AGO_US (-INT64_C(3600000000))

static struct bytes
origin_of(const struct ldap_source *s)
{
	return ldap_link_origin(s->link);
}

/* Now and again when the call that is under way may be late. */
static void
keep_watch(struct ldap_source *s)
{
	int64_t left_us = ldap_link_watch(s->link, time_now().mono_us);

	timer_start(&s->watchdog, (uint64_t)left_us / 1000 + 1, 0);
}

static void
watchdog_fired(struct timer *timer)
{
	keep_watch((void *)((uint8_t *)timer - offsetof(struct ldap_source, watchdog)));
}

static void
note_servers(struct ldap_source *s)
{
	s->current = ldap_link_current(s->link);
	for (size_t i = 0; i < ldap_link_server_count(s->link); i++)
		s->servers[i] = ldap_link_server(s->link, i);
}

/* The next look turns to it.  One that missed changes while it was away has to catch up first. */
static void
is_back(void *arg, size_t server, struct bytes marker)
{
	struct ldap_source *s = arg;

	if (!ldap_marker_is_behind(marker, buf_bytes(&s->marker)))
		s->turn_to = server;
}

static void
start_look(struct ldap_source *s)
{
	int64_t now_us = time_now().mono_us;

	ldap_arrival_stop(s->arrival);
	s->began_us = now_us;
	s->is_looking = true;
	s->has_to_look_again = s->has_read = s->has_failed_reading = s->has_found = false;
	s->has_saved = s->has_failed_saving = s->has_lost = false;
	s->may_read = now_us >= s->read_again_us;
	s->may_find = now_us >= s->find_again_us;
	s->answering = s->asked;
	s->asked = NULL;
	s->look_turns_to = s->turn_to < s->current ? s->turn_to : LDAP_SOURCE_NOBODY;
	s->turn_to = LDAP_SOURCE_NOBODY;
	s->must_read = s->read_us == 0 || s->must_read_anew || doubt_is_ripe(&s->settler.doubt, time_now().mono_us, ldap_source_quiet_us(s));
	s->must_poll = s->marker.len == 0 && now_us - s->polled_us >= (int64_t)s->poll_s * 1000000;
	s->looks++;
	s->job.run = ldap_look;
	pool_add(s->pool, &s->strand, &s->job);
	keep_watch(s);
}

static void
tell_doubt(struct ldap_source *s)
{
	const struct doubt *doubt = &s->settler.doubt;

	if (doubt->since_us && !s->told.since_us)
		event(NULL, EV_LDAP_DOUBT, INT("accounts", doubt->count.held), INT("missing", doubt->count.missing),
			INT("quiet_s", s->quiet_s));
	else if (!doubt->since_us && s->told.since_us)
		event(NULL, EV_LDAP_DOUBT_ENDED, INT("accounts", s->settler.count.found), INT("missing", s->settler.count.missing));
	s->told = *doubt;
}

static void
forget_hurried(struct buf *records)
{
	buf_done_secret(records);
	buf_init(records, IMAGE_OCTETS_MAX);
}

/* All else comes at once, unless there is nothing else. */
static void
take_hurried(struct ldap_source *s)
{
	s->hurries++;
	s->handlers->hurried(s->arg, buf_bytes(&s->look_hurried));
	put_bytes(&s->hurried, buf_bytes(&s->look_hurried));
	forget_hurried(&s->look_hurried);
	s->has_to_look_again = true;
}

/* Without room for it nothing of it is in force, and the next look brings all. */
static void
take_change(struct ldap_source *s)
{
	if (held_change(&s->held, &s->look_change)) {
		s->changes++;
		s->read_us = s->confirmed_us;
		s->handlers->changed_in_part(s->arg, &s->look_change);
		if (!s->unsaved_us)
			s->unsaved_us = time_now().mono_us;
	} else {
		s->must_read_anew = s->has_to_look_again = true;
	}
	change_reset(&s->look_change);
}

/* After a look, whatever became of it: what it wrote of what was held when it began. */
static void
take_saved(struct ldap_source *s)
{
	if (s->has_saved)
		held_take(&s->held, &s->saved);
	if (s->has_saved || s->has_read)
		s->unsaved_us = 0;
	if (s->has_failed_saving)
		s->unsaved_us = time_now().mono_us;
	s->must_read_anew |= s->has_lost;
}

static void
take_result(struct ldap_source *s)
{
	s->confirmed_us = time_now().mono_us;
	s->follows_by_sync = s->is_synced;
	s->read_again_us = 0;
	if (s->is_failing)
		event(NULL, EV_LDAP_BACK);
	s->is_failing = false;
	if (s->has_read || s->is_current) {
		buf_reset(&s->marker);
		put_bytes(&s->marker, buf_bytes(&s->look_marker));
	}
	if (s->must_read || s->must_poll)
		s->polled_us = s->confirmed_us;
	if (s->has_found && s->may_find && !(s->has_read && s->has_changed) && change_is_empty(&s->look_change))
		s->find_again_us = s->confirmed_us + (int64_t)READ_AGAIN_MS * 1000;
	if (s->look_hurried.len)
		take_hurried(s);
	if (!change_is_empty(&s->look_change))
		take_change(s);
	if (!s->has_read)
		return;
	s->readings++;
	s->read_us = s->confirmed_us;
	buf_reset(&s->losses);
	put_bytes(&s->losses, claims_losses(s->settler.claims));
	forget_hurried(&s->hurried);
	s->must_read_anew = false;
	held_take(&s->held, &s->look_records);
	s->handlers->changed(s->arg, &s->held.records, false);
}

static void
take_failure(struct ldap_source *s)
{
	s->failures++;
	if (s->has_failed_reading)
		s->read_again_us = time_now().mono_us + (int64_t)READ_AGAIN_MS * 1000;
	memcpy(s->error, s->fault.text, sizeof s->error < sizeof s->fault.text ? sizeof s->error : sizeof s->fault.text);
	s->error[sizeof s->error - 1] = '\0';
	doubt_disturb(&s->settler.doubt, time_now().mono_us);
	if (!s->is_failing)
		event(NULL, EV_LDAP_AWAY, STR("reason", s->error));
	s->is_failing = true;
}

static void
looked(struct wake *wake)
{
	struct ldap_source *s = (void *)((uint8_t *)wake - offsetof(struct ldap_source, wake));

	s->is_looking = false;
	s->was_synced = s->is_synced;
	s->told_by_sync = ldap_sync_count(s->sync);
	s->polled = ldap_poll_count(s->poll);
	timer_stop(&s->watchdog);
	note_servers(s);
	take_saved(s);
	if (s->result == 0)
		take_result(s);
	else
		take_failure(s);
	tell_doubt(s);
	ldap_questions_answer(&s->answering, s->result == 0 && !s->must_read_anew);
	if (s->current > 0)
		ldap_probe_start(s->probe, s->current);
	s->looked_us = time_now().mono_us;
	timer_start(&s->timer, s->has_to_look_again ? BETWEEN_LOOKS_MS : LOOK_MS, LOOK_MS);
	ldap_arrival_watch(s->arrival, s->was_synced ? ldap_link_share(s->link) : -1);
}

/* A server that has much to tell is given time to tell it: a look may cost the CPU of all accounts. */
static void
arrived(void *arg)
{
	struct ldap_source *s = arg;
	int64_t took_ms = (s->looked_us - s->began_us) / 1000;

	if (!s->is_looking && took_ms * 2 < LOOK_MS)
		timer_start(&s->timer, took_ms * 2 > ARRIVED_MS ? (uint64_t)took_ms * 2 : ARRIVED_MS, LOOK_MS);
}

static void
fired(struct timer *timer)
{
	struct ldap_source *s = (void *)((uint8_t *)timer - offsetof(struct ldap_source, timer));

	if (!s->is_looking)
		start_look(s);
}

static void
read_snapshot(struct ldap_source *s)
{
	enum snapshot_result result;
	struct run records;
	struct buf marker;
	struct fault f;

	if (s->directory < 0)
		return;
	buf_init(&marker, IMAGE_TEXT_MAX);
	result = snapshot_read(s->directory, SNAPSHOT_NAME, origin_of(s), &marker, &records, &f);
	buf_done(&marker);
	if (result == SNAPSHOT_READ && !claims_learn(s->settler.claims, &records)) {
		(void)fault_set(&f, FAULT_TEMP, "it can't be read any more");
		result = SNAPSHOT_UNUSABLE;
	}
	if (result == SNAPSHOT_UNUSABLE)
		event(NULL, EV_SNAPSHOT_IGNORED, STR("reason", f.text));
	if (result == SNAPSHOT_READ) {
		held_take(&s->held, &records);
		s->handlers->changed(s->arg, &s->held.records, true);
	}
	run_done(&records);
}

struct ldap_source *
ldap_source_new(struct loop *loop, const struct config *config, int directory,
	const struct ldap_source_handlers *handlers, void *arg)
{
	struct ldap_source *s = NEW(struct ldap_source);

	s->loop = loop;
	s->link = ldap_link_new(config);
	s->sync = ldap_sync_new(s->link, directory);
	s->poll = ldap_poll_new(s->link, directory, (int64_t)config->ldap_poll_s * 1000000);
	settler_init(&s->settler, directory);
	held_init(&s->held, ldap_link_origin(s->link));
	s->directory = directory;
	s->handlers = handlers;
	s->arg = arg;
	s->poll_s = config->ldap_poll_s;
	s->quiet_s = config->ldap_quiet_s;
	buf_init(&s->marker, IMAGE_TEXT_MAX);
	buf_init(&s->losses, CLAIMS_LOSSES_OCTETS_MAX);
	buf_init(&s->look_marker, IMAGE_TEXT_MAX);
	run_init(&s->look_records, directory);
	run_init(&s->saved, directory);
	change_init(&s->look_change);
	buf_init(&s->look_hurried, IMAGE_OCTETS_MAX);
	buf_init(&s->hurried, IMAGE_OCTETS_MAX);
	wake_init(&s->wake, loop, looked);
	timer_init(&s->timer, loop, fired);
	timer_init(&s->watchdog, loop, watchdog_fired);
	s->open_handles = 3;
	s->arrival = ldap_arrival_new(loop, arrived, s);
	s->turn_to = LDAP_SOURCE_NOBODY;
	if (ldap_link_server_count(s->link) > 1)
		s->probe = ldap_probe_new(loop, config, is_back, s);
	note_servers(s);
	read_snapshot(s);
	s->pool = pool_new(1);
	timer_start(&s->timer, LOOK_MS, LOOK_MS);
	start_look(s);
	return s;
}

/* The memory goes with the last of them. */
static void
closed(struct ldap_source *s)
{
	if (--s->open_handles == 0)
		memory_free(s);
}

static void
wake_is_closed(struct wake *wake)
{
	closed((void *)((uint8_t *)wake - offsetof(struct ldap_source, wake)));
}

static void
timer_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_source, timer)));
}

static void
watchdog_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_source, watchdog)));
}

void
ldap_source_free(struct ldap_source **at)
{
	struct ldap_source *s = *at;

	if (!s)
		return;
	*at = NULL;
	ldap_arrival_free(&s->arrival);
	ldap_link_cancel(s->link);
	ldap_probe_free(&s->probe);
	pool_free(&s->pool);
	ldap_look_finish(s);
	ldap_sync_free(&s->sync);
	ldap_poll_free(&s->poll);
	held_done(&s->held);
	ldap_link_free(&s->link);
	settler_done(&s->settler);
	ldap_questions_forget(&s->asked);
	ldap_questions_forget(&s->answering);
	buf_done(&s->marker);
	buf_done(&s->look_marker);
	buf_done(&s->losses);
	run_done(&s->look_records);
	run_done(&s->saved);
	change_done(&s->look_change);
	buf_done_secret(&s->look_hurried);
	buf_done_secret(&s->hurried);
	wake_close(&s->wake, wake_is_closed);
	timer_close(&s->timer, timer_is_closed);
	timer_close(&s->watchdog, watchdog_is_closed);
}

void
ldap_source_confirm(struct ldap_source *s, const struct bytes *addresses, size_t count, void (*sure)(void *arg, bool is_sure), void *arg)
{
	int64_t since_us = time_now().mono_us - s->looked_us;

	ldap_questions_add(&s->asked, addresses, count, sure, arg);
	if (s->is_looking)
		s->has_to_look_again = true;
	else if (since_us >= BETWEEN_LOOKS_MS * 1000)
		start_look(s);
	else if (!s->has_to_look_again)
		timer_start(&s->timer, BETWEEN_LOOKS_MS, LOOK_MS);
}

struct bytes
ldap_source_hurried(const struct ldap_source *s)
{
	return buf_bytes(&s->hurried);
}

bool
ldap_source_visit(struct ldap_source *s, const struct image_visitor *visitor, void *arg)
{
	bool is_whole = s->held.is_there && held_visit(&s->held, visitor, arg);

	s->must_read_anew |= !is_whole;
	return is_whole;
}

bool
ldap_source_hurry_copy(struct ldap_source *s)
{
	if (!s->unsaved_us && !s->hurried.len)
		return true;
	if (s->is_looking)
		return false;
	/* As if it had waited for as long as anything may. */
	s->unsaved_us = s->unsaved_us ? LONG_AGO_US : 0;
	start_look(s);
	return false;
}

bool
ldap_source_is_up(const struct ldap_source *s)
{
	return s->confirmed_us != 0 && !s->is_failing;
}

static long long
age_s(int64_t since_us)
{
	return since_us ? (long long)((time_now().mono_us - since_us) / 1000000) : -1;
}

static void
put_servers(const struct ldap_source *s, struct buf *out)
{
	for (size_t i = 0; i < ldap_link_server_count(s->link); i++) {
		struct ldap_link_server server = s->servers[i], probed = { 0 };

		if (s->probe)
			probed = ldap_probe_server(s->probe, i);
		put_format(out, " server%zu=%s%s answers%zu=%llu errors%zu=%llu", i + 1, server.url, i == s->current ? ",in-use" : "", i + 1,
			(unsigned long long)(server.answers + probed.answers), i + 1, (unsigned long long)(server.errors + probed.errors));
		put_format(out, " us%zu=%lld", i + 1, (long long)(server.mean_us ? server.mean_us : probed.mean_us));
	}
}

struct ldap_source_freshness
ldap_source_freshness(const struct ldap_source *s)
{
	return (struct ldap_source_freshness){ ldap_source_is_up(s), s->marker.len > 0, age_s(s->confirmed_us), age_s(s->read_us) };
}

struct bytes
ldap_source_losses(const struct ldap_source *s)
{
	return buf_bytes(&s->losses);
}

void
ldap_source_put_filter(const struct ldap_source *s, struct bytes address, struct buf *out)
{
	ldap_link_put_filter(s->link, address, out);
}

void
ldap_source_put_state(const struct ldap_source *s, struct buf *out)
{
	ldap_link_put_state(s->link, out);
}

void
ldap_source_put_status(const struct ldap_source *s, struct buf *out)
{
	const char *how = s->read_us == 0 ? "not-read-yet" : s->follows_by_sync ? "sync" : s->marker.len ? "change-marker" : "sweep";

	put_format(out, " ldap=%s follows=%s confirmed_s=%lld read_s=%lld looks=%llu readings=%llu failures=%llu",
		s->is_failing ? "away" : "up", how, age_s(s->confirmed_us), age_s(s->read_us), (unsigned long long)s->looks,
		(unsigned long long)s->readings, (unsigned long long)s->failures);
	put_format(out, " refreshes=%llu told=%llu", (unsigned long long)s->told_by_sync.refreshes, (unsigned long long)s->told_by_sync.entries);
	put_format(out, " changes=%llu hurried=%llu", (unsigned long long)s->changes, (unsigned long long)s->hurries);
	put_format(out, " full=%llu sweeps=%llu polled=%llu", (unsigned long long)s->polled.full, (unsigned long long)s->polled.sweeps,
		(unsigned long long)s->polled.entries);
	put_servers(s, out);
	if (s->told.since_us)
		put_format(out, " doubt_missing=%zu doubt_s=%lld quiet_s=%u", s->told.count.missing, age_s(s->told.since_us), s->quiet_s);
	if (s->error[0])
		put_format(out, " last_error=%s", s->error);
}
