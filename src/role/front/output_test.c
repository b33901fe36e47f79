#include "role/front/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { MAX = 100000, PIECE = 7001 };

/* The octet at that place of an endless stream. */
static uint8_t
octet_at(size_t at)
{
	return (uint8_t)(at % 251);
}

static void
put_piece(struct output *o, size_t *put)
{
	uint8_t piece[PIECE];

	for (size_t i = 0; i < sizeof piece; i++)
		piece[i] = octet_at((*put)++);
	output_put(o, bytes_of(piece, sizeof piece));
}

static void
take(struct output *o, size_t count, size_t *taken)
{
	struct bytes waiting = bytes_sub(output_waiting(o), 0, count);

	for (size_t i = 0; i < waiting.len; i++)
		assert_int_equal(waiting.ptr[i], octet_at((*taken)++));
	output_sent(o, waiting.len);
}

/* Something waits all the time, as with a client over a thin line. */
static void
a_client_that_never_takes_all_gets_every_octet_in_order(void **state)
{
	struct output o;
	size_t put = 0, taken = 0;

	(void)state;
	output_init(&o, MAX);
	put_piece(&o, &put);
	for (int i = 0; i < 1000; i++) {
		while (output_waiting(&o).len < MAX / 3)
			put_piece(&o, &put);
		take(&o, MAX / 4, &taken);
		assert_true(output_waiting(&o).len > 0);
		assert_false(output_has_failed(&o));
	}
	while (taken < put)
		take(&o, MAX, &taken);
	assert_null(output_waiting(&o).ptr);
	output_done(&o);
}

static void
more_than_may_wait_is_not_kept_silent(void **state)
{
	uint8_t octets[64] = { 0 };
	struct output o;

	(void)state;
	output_init(&o, 100);
	output_put(&o, bytes_of(octets, sizeof octets));
	assert_false(output_has_failed(&o));
	output_put(&o, bytes_of(octets, sizeof octets));
	assert_true(output_has_failed(&o));
	output_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_never_takes_all_gets_every_octet_in_order),
		cmocka_unit_test(more_than_may_wait_is_not_kept_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
