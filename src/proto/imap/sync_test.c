/* A client that believes what it is told, and others that change the mailbox at random: after whatever happened, the client's
   numbers are the store's messages. */
#include "proto/imap/player.h"
#include "proto/imap/test_client.h"
#include "proto/imap/test_rows.h"

enum { ROUNDS = 60, STEPS = 120 };

struct game {
	struct player p;
	struct test_client client;
	uint64_t random;
	bool is_numbered; /* the command that runs holds back EXPUNGE */
	uint32_t lowest_expunge;
};

static uint32_t
roll(struct game *g, uint32_t sides)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return (uint32_t)(g->random >> 32) % sides;
}

static struct test_view *
store_of(struct game *g)
{
	return player_folder(&g->p, BYTES("INBOX"))->view;
}

/* RFC 3501 7.4.1 */
static void
check_expunge(void *arg, uint32_t number, uint32_t uid)
{
	struct game *g = arg;
	struct test_view *v = store_of(g);
	uint32_t index = view_find(&v->view, v->head->record_count, uid);

	(void)number;
	assert_false(g->is_numbered);
	/* It is gone, or marked. */
	if (uid && index < v->head->record_count && v->records[index].uid == uid)
		assert_true(v->records[index].flags & VIEW_EXPUNGED);
}

static void
read_responses(struct game *g)
{
	test_client_take(&g->client, buf_bytes(&g->p.out));
	buf_reset(&g->p.out);
	buf_reset(&g->p.asks);
}

static void
command(struct game *g, const char *text, bool is_numbered)
{
	g->is_numbered = is_numbered;
	player_send_text(&g->p, text);
	read_responses(g);
	g->is_numbered = false;
}

static void
change(struct game *g)
{
	struct test_view *v = store_of(g);
	uint32_t count = v->head->record_count;
	uint32_t uid = count ? v->records[roll(g, count)].uid : 0;

	switch (roll(g, 8)) {
	case 0:
	case 1:
	case 2:
		player_deliver(&g->p, "INBOX", BYTES("Subject: x\n\nx\n"), 0);
		break;
	case 3:
	case 4:
	case 5:
		if (uid)
			player_expunge(&g->p, "INBOX", uid);
		break;
	case 6:
		if (uid)
			player_set_flags(&g->p, "INBOX", uid, roll(g, 32));
		break;
	default:
		player_compact(&g->p, "INBOX");
	}
}

/* When all is told the client's uids are those of the store. */
static void
compare(struct game *g)
{
	const struct test_view *v = store_of(g);
	uint32_t number = 0;

	command(g, "n NOOP\r\n", false);
	if (g->client.count)
		command(g, "u FETCH 1:* (UID)\r\n", true);
	for (uint32_t i = 0; i < v->head->record_count; i++) {
		if (v->records[i].flags & VIEW_EXPUNGED)
			continue;
		assert_true(number < g->client.count);
		assert_int_equal(g->client.uids[number], v->records[i].uid);
		number++;
	}
	assert_int_equal(number, g->client.count);
}

static void
step(struct game *g)
{
	static const struct {
		const char *text;
		bool is_numbered;
	} commands[] = {
		{ "a NOOP\r\n", false },
		{ "a FETCH 1:* (UID FLAGS)\r\n", true },
		{ "a UID FETCH 1:* (FLAGS)\r\n", false },
		{ "a STORE 1:* +FLAGS (\\Seen)\r\n", true },
		{ "a UID STORE 1:* -FLAGS.SILENT (\\Seen)\r\n", false },
		{ "a SEARCH SEEN\r\n", true },
		{ "a UID SEARCH UNSEEN TEXT x\r\n", false },
		{ "a FETCH 1:* (UID BODY.PEEK[])\r\n", true },
		{ "a IDLE\r\nDONE\r\n", false },
		{ "a COPY * Sent\r\n", false },
		{ "a STORE * +FLAGS.SILENT (\\Deleted)\r\n", true },
		{ "a EXPUNGE\r\n", false },
	};
	uint32_t at = roll(g, COUNT_OF(commands));

	if (roll(g, 3)) {
		change(g);
		return;
	}
	if (g->client.count == 0 && at != 0)
		return;
	command(g, commands[at].text, commands[at].is_numbered);
}

static void
play(uint64_t seed)
{
	static struct game g;

	g = (struct game){ .random = seed };
	player_init(&g.p, true);
	test_client_init(&g.client);
	g.client.on_expunge = check_expunge;
	g.client.arg = &g;
	player_run(&g.p);
	player_log_in(&g.p);
	for (uint32_t i = roll(&g, 10); i; i--)
		player_deliver(&g.p, "INBOX", BYTES("Subject: y\n\ny\n"), 0);
	command(&g, "s SELECT INBOX\r\n", false);
	g.client.is_selected = true;
	for (int i = 0; i < STEPS; i++) {
		step(&g);
		if (roll(&g, 10) == 0)
			compare(&g);
	}
	compare(&g);
	test_client_done(&g.client);
	player_done(&g.p);
}

static void
numbers_follow_the_store_rfc3501_7_4_1(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		play(seed * 0x9e3779b97f4a7c15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_follow_the_store_rfc3501_7_4_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
