#include "ipc/ipc.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* How full the fields of a made message are. */
enum fill { FILL_EMPTY, FILL_SMALL, FILL_MOST, FILL_OVER };

static uint8_t octets[70000];
static struct ipc_range ranges[5000];

static size_t
filled(enum fill fill, size_t most)
{
	switch (fill) {
	case FILL_EMPTY:
		return 0;
	case FILL_SMALL:
		return most < 3 ? most : 3;
	case FILL_MOST:
		return most;
	case FILL_OVER:
		return most + 1;
	}
	return 0;
}

static const int fds[IPC_FDS_MAX] = { 0 };

/* Fills the message of each type; every field of every type passes here. */
#define FILL_NUMBER(n) v->n = (__typeof__(v->n))(fill == FILL_EMPTY ? 0 : 0x1122334455667788);
#define U8(n) v->n = 0;
#define U16(n) FILL_NUMBER(n)
#define U32(n) FILL_NUMBER(n)
#define U64(n) FILL_NUMBER(n)
#define OCTETS(n, most) v->n = bytes_of(octets, filled(fill, most));
#define RANGES(n, most) v->n = (struct ipc_ranges){ ranges, filled(fill, most) };
#define FDS(most) m->fd_count = filled(fill, most);
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static void fill_##member(struct message *m, enum fill fill)                               \
	{                                                                                          \
		struct ipc_##member *v = &m->u.member;                                             \
		(void)v, (void)fill;                                                               \
		__VA_ARGS__                                                                        \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

static bool
same_octets(struct bytes a, struct bytes b)
{
	return bytes_equal(a, b);
}

static bool
same_ranges(struct ipc_ranges a, struct ipc_ranges b)
{
	return a.count == b.count &&
		(a.count == 0 || memcmp(a.at, b.at, a.count * sizeof *a.at) == 0);
}

#define U8(n) &&a->n == b->n
#define U16(n) &&a->n == b->n
#define U32(n) &&a->n == b->n
#define U64(n) &&a->n == b->n
#define OCTETS(n, most) &&same_octets(a->n, b->n)
#define RANGES(n, most) &&same_ranges(a->n, b->n)
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static bool same_##member(const struct ipc_##member *a, const struct ipc_##member *b)      \
	{                                                                                          \
		(void)a, (void)b;                                                                  \
		return true __VA_ARGS__;                                                           \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

struct type {
	enum message_type type;
	enum role sender, receiver;
	void (*fill)(struct message *m, enum fill fill);
	bool has_limit;
};

#define U8(n)
#define U16(n)
#define U32(n)
#define U64(n)
#define OCTETS(n, most) || true
#define RANGES(n, most) || true
#define FDS(most) || true
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	{ MESSAGE_##name, ROLE_##sender, ROLE_##receiver, fill_##member, false __VA_ARGS__ },
static const struct type types[] = {
#include "ipc/messages.def"
};
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

static bool
is_same(const struct message *a, const struct message *b)
{
	if (a->type != b->type || a->fd_count != b->fd_count)
		return false;
	switch (a->type) {
#define MESSAGE(name, member, ...)                                                                 \
	case MESSAGE_##name:                                                                       \
		return same_##member(&a->u.member, &b->u.member);
#include "ipc/messages.def"
#undef MESSAGE
	case MESSAGE_COUNT:
		break;
	}
	return false;
}

static struct message
made(const struct type *type, enum fill fill)
{
	struct message m = { .type = type->type };

	type->fill(&m, fill);
	return m;
}

static struct buf
encoded(const struct message *m)
{
	struct buf b;

	buf_init(&b, 200000);
	ipc_encode(&b, m);
	return b;
}

static enum role
one_of(enum role role)
{
	if (role == ROLE_MAILER)
		return ROLE_QUEUE;
	return role == ROLE_ANY ? ROLE_STORE : role;
}

static int
decoded(const struct type *type, struct bytes frame, size_t fd_count, struct message *m, struct fault *f)
{
	return ipc_decode(frame, one_of(type->sender), one_of(type->receiver), fds, fd_count, m, f);
}

static int
set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 7);
	for (uint32_t i = 0; i < 5000; i++)
		ranges[i] = (struct ipc_range){ i * 10 + 1, i * 10 + 1 + i % 9 };
	return 0;
}

static void
every_message_comes_out_as_it_went_in(void **state)
{
	struct message out;
	struct fault f;

	(void)state;
	assert_int_equal(sizeof types / sizeof types[0], MESSAGE_COUNT);
	for (size_t i = 0; i < MESSAGE_COUNT; i++)
		for (enum fill fill = FILL_EMPTY; fill <= FILL_MOST; fill++) {
			struct message m = made(&types[i], fill);
			struct buf b = encoded(&m);

			assert_false(b.has_failed);
			assert_true(b.len <= ipc_size_at_most(&m) && b.len <= 96 * 1024);
			assert_int_equal(decoded(&types[i], buf_bytes(&b), m.fd_count, &out, &f), 0);
			assert_true(is_same(&m, &out));
			assert_int_equal(ipc_request_of(&m), ipc_request_of(&out));
			buf_done(&b);
		}
}

static void
every_truncation_of_every_frame_is_refused(void **state)
{
	struct message out;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < MESSAGE_COUNT; i++) {
		struct message m = made(&types[i], FILL_SMALL);
		struct buf b = encoded(&m);

		for (size_t len = 0; len < b.len; len++) {
			/* Behind the copy's end the sanitizer watches. */
			uint8_t *copy = memory_new(len);
			memcpy(copy, b.ptr, len);
			assert_int_equal(decoded(&types[i], bytes_of(copy, len), m.fd_count, &out, &f), -1);
			memory_free(copy);
		}
		buf_done(&b);
	}
}

static void
octets_behind_the_last_field_are_refused(void **state)
{
	struct message out;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < MESSAGE_COUNT; i++) {
		struct message m = made(&types[i], FILL_SMALL);
		struct buf b = encoded(&m);

		put_u8(&b, 0);
		assert_int_equal(decoded(&types[i], buf_bytes(&b), m.fd_count, &out, &f), -1);
		assert_int_equal(f.kind, FAULT_SYNTAX);
		buf_done(&b);
	}
}

static bool
is_meant(enum role named, enum role role)
{
	bool is_mailer = role == ROLE_FRONT || role == ROLE_QUEUE;

	return named == ROLE_ANY || named == role || (named == ROLE_MAILER && is_mailer);
}

static void
only_the_roles_of_the_list_may_say_it_to_each_other(void **state)
{
	struct message out;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < MESSAGE_COUNT; i++) {
		const struct type *t = &types[i];
		struct message m = made(t, FILL_SMALL);
		struct buf b = encoded(&m);

		for (enum role from = 0; from < ROLE_COUNT; from++)
			for (enum role to = 0; to < ROLE_COUNT; to++) {
				bool may = is_meant(t->sender, from) && is_meant(t->receiver, to);
				int result = ipc_decode(buf_bytes(&b), from, to, fds, m.fd_count, &out, &f);

				assert_int_equal(result, may ? 0 : -1);
				assert_true(may || f.kind == FAULT_DENIED);
			}
		buf_done(&b);
	}
}

static void
a_front_can_not_grant_itself_a_mailbox(void **state)
{
	struct message m = { .type = MESSAGE_GRANT_SESSION }, out;
	struct buf b = encoded(&m);
	struct fault f;

	(void)state;
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_FRONT, ROLE_STORE, NULL, 0, &out, &f), -1);
	assert_string_equal(f.text, "front may not send grant_session to store");
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_DIRECTORY, ROLE_STORE, NULL, 0, &out, &f), 0);
	buf_done(&b);
}

static void
a_field_over_its_limit_is_neither_encoded_nor_decoded(void **state)
{
	struct message out;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < MESSAGE_COUNT; i++) {
		struct message m = made(&types[i], FILL_OVER);
		struct buf b = encoded(&m);

		assert_int_equal(b.has_failed, types[i].has_limit);
		buf_done(&b);
		m = made(&types[i], FILL_MOST);
		b = encoded(&m);
		assert_int_equal(decoded(&types[i], buf_bytes(&b), m.fd_count + 1, &out, &f), -1);
		assert_int_equal(f.kind, FAULT_LIMIT);
		buf_done(&b);
	}
}

static void
an_octets_field_with_a_length_over_its_limit_is_refused(void **state)
{
	struct message m = { .type = MESSAGE_STATUS }, out;
	struct fault f;
	struct buf b;

	(void)state;
	m.u.status.name = bytes_of(octets, 255);
	b = encoded(&m);
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_FRONT, ROLE_STORE, NULL, 0, &out, &f), 0);
	/* The length stands behind type, request and session. */
	b.ptr[17] = 0;
	b.ptr[18] = 1;
	put_u8(&b, 'x');
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_FRONT, ROLE_STORE, NULL, 0, &out, &f), -1);
	buf_done(&b);
}

static void
ranges_must_be_in_order_and_without_overlap(void **state)
{
	static const struct {
		struct ipc_range at[2];
		bool is_good;
	} rows[] = {
		{ { { 1, 1 }, { 2, 2 } }, true },
		{ { { 1, UINT32_MAX - 1 }, { UINT32_MAX, UINT32_MAX } }, true },
		{ { { 0, 1 }, { 2, 2 } }, false },
		{ { { 2, 1 }, { 3, 3 } }, false },
		{ { { 1, 2 }, { 2, 3 } }, false },
		{ { { 5, 6 }, { 1, 2 } }, false },
		{ { { 1, UINT32_MAX }, { 1, 1 } }, false },
	};
	struct message out;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message m = { .type = MESSAGE_EXPUNGE };
		m.u.expunge.uids = (struct ipc_ranges){ ranges, 2 };
		struct buf b = encoded(&m);

		memcpy(b.ptr + b.len - sizeof rows[i].at, rows[i].at, sizeof rows[i].at);
		assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_FRONT, ROLE_STORE, NULL, 0, &out, &f),
			rows[i].is_good ? 0 : -1);
		buf_done(&b);
		m.u.expunge.uids = (struct ipc_ranges){ rows[i].at, 2 };
		b = encoded(&m);
		assert_int_equal(b.has_failed, !rows[i].is_good);
		buf_done(&b);
	}
}

static void
enumerations_have_no_unknown_values(void **state)
{
	struct message m = { .type = MESSAGE_DONE }, out;
	struct fault f;
	struct buf b;

	(void)state;
	b = encoded(&m);
	b.ptr[9] = IPC_OUTCOMES - 1;
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_STORE, ROLE_FRONT, NULL, 0, &out, &f), 0);
	b.ptr[9] = IPC_OUTCOMES;
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_STORE, ROLE_FRONT, NULL, 0, &out, &f), -1);
	b.ptr[0] = MESSAGE_COUNT;
	assert_int_equal(ipc_decode(buf_bytes(&b), ROLE_STORE, ROLE_FRONT, NULL, 0, &out, &f), -1);
	buf_done(&b);
}

static void
names_lead_there_and_back(void **state)
{
	(void)state;
	for (enum role role = 0; role < ROLE_COUNT; role++)
		assert_int_equal(ipc_role_by_name(bytes_text(ipc_role_name(role))), role);
	assert_int_equal(ipc_role_by_name(BYTES("postman")), ROLE_COUNT);
	assert_int_equal(ipc_role_by_name(BYTES_NONE), ROLE_COUNT);
	assert_string_equal(ipc_message_name(MESSAGE_LOG_IN), "log_in");
	assert_true(ipc_has_secret(MESSAGE_LOG_IN));
	assert_false(ipc_has_secret(MESSAGE_LOGGED_IN));
	assert_false(ipc_has_secret(MESSAGE_DRAIN));
	assert_string_equal(ipc_service_name(SERVICE_IMAPS), "imaps");
}

static void
every_request_has_an_answer_that_goes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < MESSAGE_COUNT; i++) {
		struct message m = made(&types[i], FILL_SMALL);
		enum message_type answer = ipc_answer_of(types[i].type);

		if (ipc_request_of(&m) == 0) {
			assert_int_equal(answer, MESSAGE_COUNT);
			assert_false(ipc_is_answer(types[i].type));
			continue;
		}
		assert_true((answer == MESSAGE_COUNT) == ipc_is_answer(types[i].type));
		if (answer == MESSAGE_COUNT)
			continue;
		assert_true(types[answer].sender == types[i].receiver || types[answer].sender == ROLE_ANY);
		assert_true(types[answer].receiver == types[i].sender);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_out_as_it_went_in),
		cmocka_unit_test(every_truncation_of_every_frame_is_refused),
		cmocka_unit_test(octets_behind_the_last_field_are_refused),
		cmocka_unit_test(only_the_roles_of_the_list_may_say_it_to_each_other),
		cmocka_unit_test(a_front_can_not_grant_itself_a_mailbox),
		cmocka_unit_test(a_field_over_its_limit_is_neither_encoded_nor_decoded),
		cmocka_unit_test(an_octets_field_with_a_length_over_its_limit_is_refused),
		cmocka_unit_test(ranges_must_be_in_order_and_without_overlap),
		cmocka_unit_test(enumerations_have_no_unknown_values),
		cmocka_unit_test(names_lead_there_and_back),
		cmocka_unit_test(every_request_has_an_answer_that_goes_back),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
