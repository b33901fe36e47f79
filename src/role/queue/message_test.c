#include "role/queue/message.h"

#include "base/map.h"
#include "ipc/ipc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID "01JDXYZ0123456789ABCDEFGHJ"

static void
put_recipient(struct buf *out, const char *address, const char *parameters)
{
	put_u16(out, (uint16_t)strlen(address));
	put_text(out, address);
	put_u16(out, (uint16_t)strlen(parameters));
	put_text(out, parameters);
}

static struct queued *
make(struct bytes recipients, const char *sender)
{
	struct envelope e = { .sender = bytes_text(sender), .parameters = BYTES("RET=HDRS"), .recipients = recipients,
		.size = 1234, .flags = SEND_8BIT, .arrived_s = 1000000 };

	assert_true(mail_id_parse(BYTES(ID), &e.id));
	return queued_new(&e);
}

static struct queued *
make_three(void)
{
	struct buf recipients;
	struct queued *m;

	buf_init(&recipients, 1000);
	put_recipient(&recipients, "a@one.example", "NOTIFY=NEVER");
	put_recipient(&recipients, "\"b@c\"@two.example", "");
	put_recipient(&recipients, "c@three.example", "");
	m = make(buf_bytes(&recipients), "s@here.example");
	buf_done(&recipients);
	assert_non_null(m);
	return m;
}

static void
assert_text(struct bytes got, const char *want)
{
	assert_true(bytes_equal(got, bytes_text(want)));
}

static void
what_is_put_is_taken_back(void **state)
{
	struct queued *m = make_three(), *again;
	struct buf image;

	(void)state;
	delivery_set_reply(&m->at[0], BYTES("450 4.2.0 later"), BYTES_NONE);
	delivery_set_reply(&m->at[1], BYTES("450 4.2.0 later"), BYTES_NONE);
	delivery_set_reply(&m->at[2], BYTES("450 4.2.0 later"), BYTES("mx.example (192.0.2.1)"));
	m->at[0].attempts = 7;
	m->at[2].tried_s = 1999;
	m->at[0].next_s = 2000;
	m->at[1].is_delay_told = true;
	m->at[2].state = DELIVERY_HELD;
	delivery_set_way(&m->at[2], BYTES("relay.example:587"));
	delivery_reached(&m->at[1], BYTES("x@here.example"));
	delivery_reached(&m->at[2], BYTES("x@here.example"));
	delivery_reached(&m->at[1], BYTES("y@here.example"));
	buf_init(&image, 10000);
	queued_put(&image, m);
	map_seed((const uint8_t[16]){ 2 }); /* as in another process */
	again = queued_take(buf_bytes(&image));
	assert_non_null(again);
	assert_int_equal(again->count, 3);
	assert_true(delivery_has_reached(&again->at[1], BYTES("x@here.example")));
	assert_true(delivery_has_reached(&again->at[1], BYTES("y@here.example")));
	assert_true(delivery_has_reached(&again->at[2], BYTES("x@here.example")));
	assert_false(delivery_has_reached(&again->at[2], BYTES("y@here.example")));
	assert_false(delivery_has_reached(&again->at[0], BYTES("x@here.example")));
	assert_int_equal(again->size, 1234);
	assert_int_equal(again->flags, SEND_8BIT);
	assert_int_equal(again->arrived_s, 1000000);
	assert_text(queued_sender(again), "s@here.example");
	assert_text(queued_parameters(again), "RET=HDRS");
	assert_text(delivery_address(&again->at[0]), "a@one.example");
	assert_text(delivery_parameters(&again->at[0]), "NOTIFY=NEVER");
	assert_text(delivery_reply(&again->at[1]), "450 4.2.0 later");
	assert_ptr_equal(again->at[0].reply, again->at[1].reply);
	assert_text(delivery_domain(&again->at[1]), "two.example");
	assert_int_equal(again->at[0].attempts, 7);
	assert_int_equal(again->at[0].next_s, 2000);
	assert_true(again->at[1].is_delay_told && !again->at[0].is_delay_told);
	assert_int_equal(again->at[2].state, DELIVERY_HELD);
	assert_int_equal(again->at[1].state, DELIVERY_WAITING);
	assert_text(delivery_way(&again->at[0]), "");
	assert_text(delivery_way(&again->at[2]), "relay.example:587");
	assert_text(delivery_reply(&again->at[2]), "450 4.2.0 later");
	assert_text(delivery_server(&again->at[2]), "mx.example (192.0.2.1)");
	assert_text(delivery_server(&again->at[1]), "");
	assert_int_equal(again->at[2].tried_s, 1999);
	assert_int_equal(again->at[1].tried_s, 0);
	delivery_set_reply(&again->at[2], BYTES("450 4.2.0 later"), BYTES_NONE);
	assert_text(delivery_way(&again->at[2]), "relay.example:587");
	delivery_set_way(&again->at[2], BYTES_NONE);
	assert_text(delivery_reply(&again->at[2]), "450 4.2.0 later");
	buf_done(&image);
	queued_free(&m);
	queued_free(&again);
}

static void
what_is_done_with_is_not_put(void **state)
{
	struct queued *m = make_three(), *again;
	struct buf image;

	(void)state;
	delivery_done(&m->at[1]);
	assert_int_equal(m->open, 2);
	buf_init(&image, 10000);
	queued_put(&image, m);
	again = queued_take(buf_bytes(&image));
	assert_int_equal(again->count, 2);
	assert_text(delivery_address(&again->at[1]), "c@three.example");
	buf_done(&image);
	queued_free(&m);
	queued_free(&again);
}

static void
an_image_that_is_cut_or_longer_is_refused(void **state)
{
	struct queued *m = make_three();
	struct buf image;

	(void)state;
	buf_init(&image, 10000);
	queued_put(&image, m);
	for (size_t len = 0; len < image.len; len++)
		assert_null(queued_take(bytes_sub(buf_bytes(&image), 0, len)));
	put_u8(&image, 0);
	assert_null(queued_take(buf_bytes(&image)));
	image.len--;
	put_u16(&image, 1); /* the length of an address that is not there */
	assert_null(queued_take(buf_bytes(&image)));
	buf_done(&image);
	queued_free(&m);
}

static void
what_is_too_long_or_empty_makes_no_message(void **state)
{
	char longer[QUEUE_ADDRESS_MAX + 2];
	struct buf recipients;

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_null(make(BYTES_NONE, "s@here.example"));
	buf_init(&recipients, 2000);
	put_recipient(&recipients, "a@one.example", "");
	assert_null(make(buf_bytes(&recipients), longer));
	put_recipient(&recipients, longer, "");
	assert_null(make(buf_bytes(&recipients), "s@here.example"));
	buf_reset(&recipients);
	put_recipient(&recipients, "", "");
	assert_null(make(buf_bytes(&recipients), "s@here.example"));
	buf_done(&recipients);
}

static struct queued *
make_one(const struct envelope *wishes)
{
	struct envelope e = *wishes;
	struct buf recipients;
	struct queued *m;

	buf_init(&recipients, 1000);
	put_recipient(&recipients, "a@one.example", "");
	e.recipients = buf_bytes(&recipients);
	e.arrived_s = 1000000;
	m = queued_new(&e);
	buf_done(&recipients);
	return m;
}

static void
rfc4865_2852_6710_what_the_sender_asked_is_put_and_taken_back(void **state)
{
	struct envelope e = { .flags = SEND_BY_RETURN | SEND_BY_TRACE, .release_s = 1000060, .by_s = 120, .priority = -9 };
	struct queued *m, *again;
	struct buf image;

	(void)state;
	assert_true(mail_id_parse(BYTES(ID), &e.id));
	m = make_one(&e);
	assert_true(m->at[0].is_postponed);
	assert_int_equal(m->at[0].next_s, 1000060);
	buf_init(&image, 10000);
	queued_put(&image, m);
	again = queued_take(buf_bytes(&image));
	assert_non_null(again);
	assert_int_equal(again->flags, SEND_BY_RETURN | SEND_BY_TRACE);
	assert_int_equal(queued_release_s(again), 1000060);
	assert_int_equal(queued_deadline_s(again), again->arrived_s + 120);
	assert_int_equal(again->priority, -9);
	assert_ptr_equal(queued_told(again), &again->id);
	assert_true(again->at[0].is_postponed && again->at[0].state == DELIVERY_WAITING);
	buf_done(&image);
	queued_free(&m);
	queued_free(&again);
	/* A part of a mail of another id. */
	assert_true(mail_id_parse(BYTES("01JDXYZ0123456789ABCDEFGHK"), &e.told));
	m = make_one(&e);
	buf_init(&image, 10000);
	queued_put(&image, m);
	again = queued_take(buf_bytes(&image));
	assert_text(bytes_text(queued_told(again)->text), "01JDXYZ0123456789ABCDEFGHK");
	assert_text(bytes_text(again->id.text), ID);
	assert_int_equal(queued_release_s(again), 1000060);
	buf_done(&image);
	queued_free(&m);
	queued_free(&again);
	/* Priorities that there are not. */
	e.priority = 10;
	assert_null(make_one(&e));
	e.priority = -10;
	assert_null(make_one(&e));
}

static void
times_are_counted_from_where_they_begin(void **state)
{
	struct envelope e = { .release_s = 1000060, .by_s = 120 };
	struct queued *m = make_one(&e);

	(void)state;
	assert_int_equal(queued_since_s(m), 1000060);
	assert_int_equal(queued_deadline_s(m), 0);
	assert_false(queued_is_overdue(m, INT64_MAX));
	queued_free(&m);
	e = (struct envelope){ .release_s = 999999, .by_s = 120, .flags = SEND_BY_NOTIFY };
	m = make_one(&e);
	assert_int_equal(queued_since_s(m), 1000000);
	assert_false(m->at[0].is_postponed);
	assert_int_equal(queued_deadline_s(m), 1000120);
	assert_false(queued_is_overdue(m, 1000119));
	assert_true(queued_is_overdue(m, 1000120));
	queued_free(&m);
	e.by_s = INT32_MIN;
	m = make_one(&e);
	assert_true(queued_is_overdue(m, 1));
	queued_free(&m);
}

/* An image of version 1, octet for octet. */
static void
an_image_of_the_version_before_is_taken_as_if_nothing_was_asked(void **state)
{
	struct queued *m;
	struct buf image;

	(void)state;
	buf_init(&image, 1000);
	put_u8(&image, 1);
	put_text(&image, ID);
	put_u32(&image, 1000000);
	put_u32(&image, 1234);
	put_u32(&image, SEND_8BIT);
	put_u16(&image, 1);
	put_text(&image, "s");
	put_u16(&image, 0);
	put_u16(&image, 1);
	put_recipient(&image, "a@one.example", "NOTIFY=NEVER");
	put_u16(&image, 3);
	put_text(&image, "450");
	put_u32(&image, 2000);
	put_u16(&image, 7);
	put_u8(&image, 2);
	m = queued_take(buf_bytes(&image));
	assert_non_null(m);
	assert_text(queued_sender(m), "s");
	assert_int_equal(m->flags, SEND_8BIT);
	assert_true(queued_release_s(m) == 0 && queued_deadline_s(m) == 0 && m->priority == 0);
	assert_text(delivery_reply(&m->at[0]), "450");
	assert_int_equal(m->at[0].attempts, 7);
	assert_int_equal(m->at[0].state, DELIVERY_HELD);
	assert_false(m->at[0].is_postponed);
	queued_free(&m);
	image.ptr[0] = 0;
	assert_null(queued_take(buf_bytes(&image)));
	image.ptr[0] = 3;
	assert_null(queued_take(buf_bytes(&image)));
	buf_done(&image);
}

/* As many recipients as there may be, with as many octets of parameters each. */
static struct queued *
make_most(size_t parameter_octets)
{
	char parameters[QUEUE_PARAMETERS_MAX];
	struct buf recipients;
	struct queued *m;

	memset(parameters, 'x', parameter_octets);
	parameters[parameter_octets] = '\0';
	buf_init(&recipients, SIZE_MAX);
	for (int i = 0; i < QUEUE_RECIPIENTS_MAX; i++)
		put_recipient(&recipients, "a@one.example", parameters);
	m = make(buf_bytes(&recipients), "s@here.example");
	buf_done(&recipients);
	return m;
}

static void
no_image_outgrows_its_room_whatever_becomes_of_the_mail(void **state)
{
	char reply[QUEUE_REPLY_MAX], way[QUEUE_WAY_MAX], server[QUEUE_ADDRESS_MAX], address[8];
	struct queued *m = make_most(40), *again;
	struct buf image;

	(void)state;
	assert_non_null(m);
	memset(reply, 'r', sizeof reply);
	memset(way, 'w', sizeof way);
	memset(server, 's', sizeof server);
	for (int i = 0; i < 9 * QUEUE_RECIPIENTS_MAX; i++) {
		(void)snprintf(address, sizeof address, "%d", i);
		delivery_reached(&m->at[i % QUEUE_RECIPIENTS_MAX], bytes_text(address));
	}
	for (int i = 0; i < QUEUE_RECIPIENTS_MAX; i++) {
		delivery_set_reply(&m->at[i], bytes_of(reply, sizeof reply), i % 2 ? bytes_of(server, sizeof server) : BYTES_NONE);
		m->at[i].tried_s = 1;
		delivery_set_way(&m->at[i], bytes_of(way, sizeof way));
	}
	buf_init(&image, QUEUE_IMAGE_MAX);
	queued_put(&image, m);
	assert_false(image.has_failed);
	again = queued_take(buf_bytes(&image));
	assert_non_null(again);
	buf_done(&image);
	queued_free(&m);
	queued_free(&again);
	assert_null(make_most(60));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_taken_back),
		cmocka_unit_test(what_is_done_with_is_not_put),
		cmocka_unit_test(an_image_that_is_cut_or_longer_is_refused),
		cmocka_unit_test(rfc4865_2852_6710_what_the_sender_asked_is_put_and_taken_back),
		cmocka_unit_test(times_are_counted_from_where_they_begin),
		cmocka_unit_test(an_image_of_the_version_before_is_taken_as_if_nothing_was_asked),
		cmocka_unit_test(what_is_too_long_or_empty_makes_no_message),
		cmocka_unit_test(no_image_outgrows_its_room_whatever_becomes_of_the_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
