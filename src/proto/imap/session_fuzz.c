/* A client that sends anything, a store that answers anything, others that change the mailbox.

   The first octet says which game is played.  0: the rest is what the client sends, whole and octet by octet:
   the same comes back.  Else each line of the rest is a turn: its first octet says what happens. */
#include "proto/imap/player.h"
#include "proto/imap/test_client.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char message[] =
	"From: a@example.com\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n"
	"Content-Type: message/rfc822\n\nSubject: y\n\ntwo\n--b--\n";

static void
start(struct player *p)
{
	player_init(p, false);
	p->settings.limits.command_octets_max = 4096;
	p->settings.limits.message_octets_max = 4096;
	p->settings.limits.errors_max = 1000;
	player_restart(p);
	player_run(p);
	player_log_in(p);
	for (int i = 0; i < 3; i++)
		player_deliver(p, "INBOX", bytes_text(message), 0);
	(void)test_view_add(player_folder(p, BYTES("INBOX"))->view, bytes_text(message), 0, 0, 0, false);
	player_select(p, "INBOX");
}

static void
play_split(struct bytes in)
{
	static struct player whole, split;

	start(&whole);
	start(&split);
	player_send(&whole, in);
	for (size_t i = 0; i < in.len; i++)
		player_send(&split, bytes_sub(in, i, 1));
	/* What is sent behind STARTTLS is dropped with the piece that it came in. */
	if (bytes_find(buf_bytes(&whole.out), BYTES("Begin TLS")) == whole.out.len &&
		!bytes_equal(buf_bytes(&whole.out), buf_bytes(&split.out)))
		abort();
	player_done(&whole);
	player_done(&split);
}

/* What happens besides the client. */
static void
change(struct player *p, uint8_t what, struct bytes rest)
{
	uint32_t uid = rest.len ? rest.ptr[0] % 8 : 1;
	struct player_folder *inbox = player_folder(p, BYTES("INBOX"));
	uint32_t index;

	if (!inbox)
		return;
	index = view_find(&inbox->view->view, inbox->view->head->record_count, uid);
	switch (what) {
	case 'd':
		player_deliver(p, "INBOX", rest, 0);
		break;
	case 'e':
		if (index < inbox->view->head->record_count)
			player_expunge(p, "INBOX", inbox->view->records[index].uid);
		break;
	case 'f':
		if (index < inbox->view->head->record_count)
			player_set_flags(p, "INBOX", inbox->view->records[index].uid, rest.len > 1 ? rest.ptr[1] & 31 : 0);
		break;
	case 'c':
		player_compact(p, "INBOX");
		break;
	case 'o':
		p->has_outcome = true;
		p->outcome_of = (enum imap_ask_kind)(uid + (rest.len > 2 ? 8 : 0));
		p->outcome = rest.len > 1 ? (enum imap_outcome)(rest.ptr[1] % 8) : IMAP_LATER;
		break;
	case 'h':
		p->holds_answers = !p->holds_answers;
		break;
	case 's':
		if (rest.len > 6)
			imap_session_shut(p->session, BYTES("Shut"));
		break;
	}
}

/* Others don't wait until the client has taken all. */
static void
change_between(struct player *p)
{
	uint8_t dice[4];

	p->random = p->random * 6364136223846793005 + 1442695040888963407;
	memcpy(dice, (uint8_t *)&p->random + 4, sizeof dice);
	if (dice[0] < 128)
		change(p, (uint8_t)"defc"[dice[1] % 4], bytes_of(dice + 2, 2));
}

static void
play_turns(struct bytes in)
{
	static struct player p;
	struct test_client client;

	start(&p);
	test_client_init(&client);
	client.count = 4;
	client.is_selected = true;
	p.client = &client;
	p.random = in.len;
	p.between = in.len % 2 ? change_between : NULL;
	while (in.len && !p.is_closed) {
		struct bytes line = take_until(&in, '\n');
		bool is_change = line.len > 1 && line.ptr[0] == '!';

		if (is_change)
			change(&p, line.ptr[1], bytes_sub(line, 2, line.len));
		else if (!p.is_held)
			player_send(&p, line);
		if (!is_change && !p.is_held)
			player_send(&p, BYTES("\r\n"));
		if (p.is_held)
			player_answer(&p);
		player_run(&p);
	}
	if (!p.is_held && !p.is_closed)
		player_hear(&p);
	test_client_done(&client);
	player_done(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 4096)
		return 0;
	if (data[0] == 0)
		play_split(bytes_of(data + 1, size - 1));
	else
		play_turns(bytes_of(data + 1, size - 1));
	return 0;
}
