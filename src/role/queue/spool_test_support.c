#include "role/queue/spool_test_support.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct mail_id
id_of(int number)
{
	struct mail_id id;
	char text[MAIL_ID_LEN + 1];

	(void)snprintf(text, sizeof text, "01JDXYZ0123456789ABCDEFG%02d", number);
	assert_true(mail_id_parse(bytes_text(text), &id));
	return id;
}

struct bytes
body_of(int number)
{
	static uint8_t text[LARGE];
	size_t len = number % 2 ? LARGE : SMALL;

	for (size_t i = 0; i < len; i++)
		text[i] = i % 70 == 69 ? '\n' : (uint8_t)('a' + (i + (size_t)number * 5) % 26);
	return bytes_of(text, len);
}

struct queued *
message(int number)
{
	struct envelope e = { .id = id_of(number), .sender = BYTES("s@here.example"), .size = 100 };
	uint8_t space[100];
	struct buf recipients;

	buf_init_fixed(&recipients, space, sizeof space);
	for (int i = 0; i < 2; i++) {
		put_u16(&recipients, 11);
		put_format(&recipients, "r%d@x.exampl", i);
		put_u16(&recipients, 0);
	}
	e.recipients = buf_bytes(&recipients);
	return queued_new(&e);
}

static void
on_wake(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->is_woken = true;
	pthread_cond_broadcast(&w->woken);
	pthread_mutex_unlock(&w->lock);
}

static void
put_all(void *arg, struct spool *s)
{
	struct world *w = arg;

	for (int i = 0; i < MESSAGES; i++)
		if (w->live[i])
			spool_put(s, w->live[i]);
}

static void
note(void *arg, struct queued *m)
{
	struct world *w = arg;
	int number = m->id.text[MAIL_ID_LEN - 1] - '0';

	assert_in_range(number, 0, MESSAGES - 1);
	assert_null(w->found[number]);
	w->found[number] = m;
}

int
open_spool(struct world *w)
{
	const struct spool_settings settings = { .directory = "/queue", .journal_octets_max = 1 << 20, .threads = 2,
		.wake = on_wake, .put_all = put_all, .arg = w };
	struct fault f;

	return spool_open(&settings, note, &w->spool, &f);
}

struct world *
world_new(uint64_t seed)
{
	struct world *w = memory_new(sizeof *w);

	w->disk = disk_fault_new(seed);
	buf_init(&w->body, 1 << 20);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->woken, NULL);
	return w;
}

static void
forget(struct queued *list[MESSAGES])
{
	for (int i = 0; i < MESSAGES; i++)
		queued_free(&list[i]);
}

void
world_free(struct world *w)
{
	if (w->spool)
		spool_close(&w->spool);
	forget(w->live);
	forget(w->found);
	disk_fault_free(&w->disk);
	buf_done(&w->body);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->woken);
	memory_free(w);
}

void
forget_found(struct world *w)
{
	forget(w->found);
}

void
wait_for_wake(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->is_woken)
		(void)pthread_cond_wait(&w->woken, &w->lock);
	w->is_woken = false;
	pthread_mutex_unlock(&w->lock);
	spool_run(w->spool);
}

void
wait_for_answer(struct world *w)
{
	int before = w->answers;

	while (w->answers == before)
		wait_for_wake(w);
}

void
added(void *arg, enum spool_outcome outcome)
{
	struct world *w = arg;

	w->outcome = outcome;
	w->answers++;
}

int
file_with(struct bytes octets)
{
	int fd = disk->openat(AT_FDCWD, "/source", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0 && disk_write_all(fd, octets, 0) == 0)
		return fd;
	disk_close(&fd);
	return -1;
}

void
add(struct world *w, int number)
{
	struct queued *m = message(number);
	struct bytes body = body_of(number);
	bool is_large = body.len > SPOOL_BODY_JOURNALED_MAX;
	int fd = is_large ? file_with(body) : -1;

	if (is_large && fd < 0) {
		queued_free(&m);
		return;
	}
	spool_add(w->spool, m, BYTES_NONE, is_large ? BYTES_NONE : body, fd, added, w);
	wait_for_answer(w);
	if (w->outcome == SPOOL_OK) {
		w->live[number] = m;
		w->is_promised[number] = true;
	} else {
		queued_free(&m);
	}
}

void
take_away(struct world *w, int number)
{
	if (!w->live[number])
		return;
	spool_remove(w->spool, &w->live[number]->id);
	w->may_be_gone[number] = true;
	queued_free(&w->live[number]);
}

void
run_workload(struct world *w)
{
	add(w, 0);
	add(w, 1);
	if (w->live[0]) {
		delivery_set_reply(&w->live[0]->at[0], BYTES("450 later"), BYTES_NONE);
		delivery_done(&w->live[0]->at[1]);
		spool_update(w->spool, w->live[0]);
	}
	take_away(w, 1);
	for (int i = 2; i < MESSAGES; i++)
		add(w, i);
	take_away(w, 2);
}

void
got_body(void *arg, int fd, int error)
{
	struct world *w = arg;
	struct fault f;

	buf_reset(&w->body);
	w->error = error;
	if (fd >= 0 && disk_read_descriptor(fd, 1 << 20, &w->body, &f) != 0)
		w->error = EIO;
	disk_close(&fd);
	w->answers++;
}

void
check(struct world *w)
{
	for (int i = 0; i < MESSAGES; i++) {
		struct mail_id id = id_of(i);

		if (w->is_promised[i] && !w->may_be_gone[i])
			assert_non_null(w->found[i]); /* the guarantee */
		if (!w->found[i])
			continue;
		spool_open_body(w->spool, &id, got_body, w);
		wait_for_answer(w);
		assert_int_equal(w->error, 0); /* Q2 */
		assert_true(bytes_equal(buf_bytes(&w->body), body_of(i)));
	}
}

void
end_life(struct world *w)
{
	if (w->spool)
		spool_close(&w->spool);
	disk_fault_crash(w->disk);
	forget(w->found);
}

static const char *watched;
static _Atomic int watched_count;

void
watch_events(const char *text)
{
	watched = text;
	watched_count = 0;
}

int
events_watched(void)
{
	return watched_count;
}

static void
look_at(void *arg, struct bytes line)
{
	(void)arg;
	if (watched && bytes_find(line, bytes_text(watched)) < line.len)
		watched_count++;
}

static int64_t
no_time(void)
{
	return 0;
}

int
set_up(void **state)
{
	(void)state;
	map_seed((const uint8_t[16]){ 1 });
	event_set_sink(&(struct event_sink){ .write = look_at, .now_us = no_time, .role = "test" });
	return 0;
}
