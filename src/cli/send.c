/* `mermoz send`, which is sendmail for the programs of this machine (cron, PHP, mailx, git send-email): the mail on standard input goes to the
   running server over the socket file of `listen local`, which knows the user by the kernel.  Nothing is kept here: either the server has the mail
   for everybody, or the exit code says why not. */
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/send_client.h"
#include "proto/dsn/parameter.h"
#include "proto/dsn/xtext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_INITIAL "/run/mermoz/submit"
#define INPUT_OCTETS_MAX ((size_t)1 << 30)

enum { ARENA_OCTETS_MAX = 16 * 1024 * 1024, PIECE_OCTETS = 65536, ENVELOPE_ID_MAX = 100, /* RFC 3461 4.4 */
	WORD_MAX = 64, SOCKET_PATH_MAX = 107 };

extern const struct cli_command cli_queue;

struct wishes {
	const char *socket, *sender, *name, *notify, *returns, *envelope_id;
	char mode; /* of -b: 'm' sends, 's' speaks SMTP */
	bool is_of_header, is_dot_text; /* -t, -i */
	char **operands;
	int operand_count;
};

static int
say(enum send_exit code, const char *text)
{
	(void)cli_failed("%s", text);
	return (int)code;
}

static int __attribute__((format(printf, 1, 2)))
misused(const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)cli_misused("send", "%s", text);
	return SEND_USAGE;
}

/* ---- options: sendmail's, several flags may stand behind one "-", a value behind its letter or as the next word */

/* NULL: there is none. */
static const char **
value_of(struct wishes *w, char letter, const char **ignored)
{
	switch (letter) {
	case 'f':
	case 'r':
		return &w->sender;
	case 'F':
		return &w->name;
	case 'N':
		return &w->notify;
	case 'R':
		return &w->returns;
	case 'V':
		return &w->envelope_id;
	case 'B':
	case 'C':
	case 'D':
	case 'e':
	case 'h':
	case 'L':
	case 'o':
	case 'O':
	case 'p':
	case 'X':
		return ignored;
	default:
		return NULL;
	}
}

/* "-oi" is "-i"; what else -o says is about how sendmail queues and tells of errors. */
static void
take_setting(struct wishes *w, const char *value)
{
	if (strcmp(value, "i") == 0 || strcmp(value, "it") == 0)
		w->is_dot_text = true;
}

/* Letters whose value is what stands behind them in the word, if anything does.  False: it is none. */
static bool
take_rest(struct wishes *w, const char *letter)
{
	switch (*letter) {
	case 'b':
		w->mode = letter[1];
		return true;
	case 'A':
	case 'd':
	case 'E':
		return true;
	default:
		return false;
	}
}

/* 0, or the exit code. */
static int
take_flag(struct wishes *w, char letter)
{
	switch (letter) {
	case 't':
		w->is_of_header = true;
		return 0;
	case 'i':
		w->is_dot_text = true;
		return 0;
	case 'I':
		w->mode = 'i';
		return 0;
	case 'c':
	case 'G':
	case 'm':
	case 'n':
	case 'U':
	case 'v':
	case 'x':
		return 0;
	case 'M':
	case 'q':
	case 'Q':
		return misused("the server has its queue: mermoz queue retry --all, and what else `mermoz queue --help` says");
	default:
		return misused("there is no option -%c", letter);
	}
}

/* The letters behind one "-"; *at is the word, and goes on when a value is the next one. */
static int
take_word(struct wishes *w, int argc, char **argv, int *at)
{
	for (const char *letter = argv[*at] + 1; *letter; letter++) {
		const char *ignored, **value = value_of(w, *letter, &ignored);
		int trouble;

		if (take_rest(w, letter))
			return 0;
		if (value && !letter[1] && ++*at == argc)
			return misused("-%c needs a value behind it", *letter);
		if (value) {
			*value = letter[1] ? letter + 1 : argv[*at];
			if (*letter == 'o')
				take_setting(w, *value);
			return 0;
		}
		trouble = take_flag(w, *letter);
		if (trouble)
			return trouble;
	}
	return 0;
}

static int
take_wishes(struct wishes *w, int argc, char **argv)
{
	int trouble = 0, i = 1;

	for (; trouble == 0 && i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(argv[i], "--socket") == 0) {
			if (++i == argc)
				return misused("--socket needs a path behind it");
			w->socket = argv[i];
			continue;
		}
		trouble = argv[i][1] == '-' ? misused("there is no option %s", argv[i]) : take_word(w, argc, argv, &i);
	}
	w->operands = argv + i;
	w->operand_count = trouble ? 0 : argc - i;
	return trouble;
}

/* They go into commands of SMTP as they are. */
static bool
are_good_notices(const struct wishes *w)
{
	enum dsn_return ignored_return;
	unsigned int ignored;

	if (w->notify && (strlen(w->notify) > WORD_MAX || !dsn_parse_notify(bytes_text(w->notify), &ignored)))
		return false;
	return !w->returns || dsn_parse_return(bytes_text(w->returns), &ignored_return);
}

/* ---- a mail */

/* No mail has NUL in it (RFC 5322 2.3), and some programs write it. */
static void
put_without_nul(struct buf *out, struct bytes octets)
{
	while (octets.len)
		put_bytes(out, take_until(&octets, '\0'));
}

static bool
read_input(struct buf *input)
{
	uint8_t piece[PIECE_OCTETS];
	size_t count;

	buf_init(input, INPUT_OCTETS_MAX);
	while ((count = fread(piece, 1, sizeof piece, stdin)) > 0)
		put_without_nul(input, bytes_of(piece, count));
	return !ferror(stdin) && !input->has_failed;
}

static int
gather(const struct wishes *w, struct bytes input, struct bytes domain, struct arena *arena, struct send_recipients *to)
{
	struct fault f;
	int result = 0;

	for (int i = 0; result == 0 && i < w->operand_count; i++)
		result = send_recipients_add(to, bytes_text(w->operands[i]), domain, arena, &f);
	if (result == 0 && w->is_of_header)
		result = send_recipients_of(to, input, domain, arena, &f);
	if (result != 0)
		return say(SEND_DATA, f.text);
	return to->count > 0 ? SEND_OK : misused("neither the header (To, Cc, Bcc) nor the call names a recipient");
}

/* One address, or none at all for reports. */
static int
find_sender(const struct wishes *w, struct bytes self, struct bytes domain, struct arena *arena, struct bytes *out)
{
	struct send_recipients one = { .count = 0 };
	struct fault f;

	*out = self;
	if (!w->sender)
		return SEND_OK;
	*out = BYTES_NONE;
	if (*w->sender == '\0' || strcmp(w->sender, "<>") == 0)
		return SEND_OK;
	if (send_recipients_add(&one, bytes_text(w->sender), domain, arena, &f) != 0 || one.count != 1)
		return say(SEND_DATA, "-f takes one address, such as alice@example.org");
	*out = one.at[0];
	return SEND_OK;
}

static int
send_over(struct send_client *c, const struct wishes *w, struct bytes input, struct bytes self, struct arena *arena)
{
	struct bytes domain = bytes_sub(self, bytes_find_last_char(self, '@') + 1, self.len), sender;
	struct send_recipients to = { .count = 0 };
	struct send_envelope envelope = { .to = &to, .notify = w->notify, .returns = w->returns };
	char id[ENVELOPE_ID_MAX + 1];
	struct send_message m;
	struct fault f;
	struct buf out;
	int result = gather(w, input, domain, arena, &to);

	if (result == SEND_OK)
		result = find_sender(w, self, domain, arena, &sender);
	if (result != SEND_OK)
		return result;
	buf_init_fixed(&out, id, sizeof id);
	if (w->envelope_id)
		put_xtext(&out, bytes_text(w->envelope_id));
	put_char(&out, '\0');
	envelope.envelope_id = w->envelope_id ? id : NULL;
	envelope.sender = sender;
	if (out.has_failed)
		return misused("the value of -V is too long");
	send_message_make(&m, input, sender.len ? sender : self, bytes_text(w->name), domain);
	result = (int)send_client_mail(c, &envelope, &m, &f);
	send_message_done(&m);
	return result == SEND_OK ? SEND_OK : say((enum send_exit)result, f.text);
}

static int
not_sent(enum send_exit code, const struct fault *f)
{
	(void)cli_failed("the mail was not sent: %s%s", f->text,
		code == SEND_LATER ? "; is the server up, and does it have a `listen local`? try again later" : "");
	return (int)code;
}

static int
speak(const struct wishes *w)
{
	struct fault f;
	enum send_exit result = send_client_carry(w->socket, fileno(stdin), fileno(stdout), &f);

	return result == SEND_OK ? SEND_OK : not_sent(result, &f);
}

static int
send_mail(const struct wishes *w)
{
	struct arena *arena = arena_new("recipients", ARENA_OCTETS_MAX, ARENA_PLAIN);
	struct send_client *c = NULL;
	struct bytes self, text;
	struct buf input;
	struct fault f;
	int result;

	if (!read_input(&input)) {
		result = say(SEND_IO, "standard input can't be read, or is longer than any mail");
	} else if ((result = (int)send_client_open(w->socket, &c, &self, &f)) != SEND_OK) {
		(void)not_sent((enum send_exit)result, &f);
	} else {
		text = w->is_dot_text ? buf_bytes(&input) : send_message_cut(buf_bytes(&input));
		result = send_over(c, w, text, self, arena);
	}
	send_client_close(&c);
	buf_done(&input);
	arena_free(&arena);
	return result;
}

static int
list_queue(void)
{
	char queue[] = "queue", list[] = "list";
	char *argv[] = { queue, list, NULL };

	return cli_queue.run(2, argv);
}

static int
run(int argc, char **argv)
{
	const char *socket = getenv("MERMOZ_SOCKET");
	struct wishes w = { .socket = socket && *socket ? socket : SOCKET_INITIAL, .mode = 'm' };
	int trouble = take_wishes(&w, argc, argv);

	if (trouble)
		return trouble;
	if (strlen(w.socket) > SOCKET_PATH_MAX)
		return misused("the path of the socket file is too long");
	switch (w.mode) {
	case 'm':
		break;
	case 's':
		return speak(&w);
	case 'p':
		return list_queue();
	case 'i':
		printf("There is nothing to do: the files of `aliases` are read anew a few seconds after they change.\n");
		return SEND_OK;
	default:
		return misused("-b%c is not done here; there are -bm, -bs, -bp and -bi", w.mode ? w.mode : ' ');
	}
	if (w.operand_count == 0 && !w.is_of_header)
		return misused("no recipient is named; or -t, for those of the header");
	if (!are_good_notices(&w))
		return misused("-N takes never, or success, failure and delay with commas; -R full or hdrs");
	return send_mail(&w);
}

int
cli_sendmail(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	char aliases[] = "-bi", queue[] = "-bp";
	char *const first = strcmp(name, "mailq") == 0 ? queue : strcmp(name, "newaliases") == 0 ? aliases : NULL;
	char *words[] = { argv[0], first, NULL };

	if (!first && strcmp(name, "sendmail") != 0)
		return -1;
	return first ? run(2, words) : run(argc, argv);
}

#define USAGE \
	" [OPTION ...] RECIPIENT ...  <MAIL\n" \
	"       mermoz send [OPTION ...] -t  <MAIL\n" \
	"\n" \
	"Sends the mail on standard input as the user that runs it: what other\n" \
	"systems call sendmail, for cron, PHP, mailx, git send-email.  A link of\n" \
	"the name sendmail (mailq, newaliases) to this program does the same.  The\n" \
	"server has to `listen local unix:/run/mermoz/submit`; it tells the user\n" \
	"by the kernel, so that there is no password, and nothing runs with more\n" \
	"rights than its user has.\n" \
	"\n" \
	"  RECIPIENT      an address; one without a domain is of the server's\n" \
	"                 first one\n" \
	"  -t             those of To, Cc and Bcc too (of Resent-To … when there\n" \
	"                 is one of them)\n" \
	"  -i, -oi        a line with a dot alone is text; without it such a line\n" \
	"                 ends the mail\n" \
	"  -f, -r SENDER  whom reports go to, and From when there is none: USER@\n" \
	"                 the first domain; root and trusted_users may name any\n" \
	"                 address of our domains, or <>\n" \
	"  -F NAME        the name in From when there is none\n" \
	"  -N WHEN        what to tell the sender of (RFC 3461): never, or\n" \
	"                 success,failure,delay\n" \
	"  -R full|hdrs   how much of the mail comes back with that;  -V ID  what\n" \
	"                 stands in it\n" \
	"  -bs            speaks SMTP: standard input goes to the server, what it\n" \
	"                 says to standard output\n" \
	"  -bp            what waits in the queue (mailq);  -bi  says how aliases\n" \
	"                 are read (newaliases)\n" \
	"  --socket PATH  the server's socket file (/run/mermoz/submit, or what\n" \
	"                 MERMOZ_SOCKET says)\n" \
	"  --             what follows are recipients\n" \
	"\n" \
	"Taken, and without effect: -A -B -C -c -D -d -E -e -G -h -L -m -n -O -o\n" \
	"-p -U -v -X -x, with their values.  Bcc is left out of the mail, what it\n" \
	"lacks (From, Date, Message-ID) is added, and addresses without a domain\n" \
	"get the first one.\n" \
	"\n" \
	"Exit code (sysexits.h): 0: the server has the mail for everybody; 75:\n" \
	"nothing was sent, try again; 77: not with that sender, or the socket is\n" \
	"not for this user; 67: a recipient was refused, and nothing was sent; 69:\n" \
	"the mail was refused, as one that is too large is; 64, 65: the call, or\n" \
	"an address, is wrong; 74: standard input can't be read.\n" \
	"\n" \
	"Example: printf 'Subject: hi\\n\\nDone.\\n' | mermoz send alice@example.org\n"

const struct cli_command cli_send = {
	.name = "send",
	.summary = "send a mail from standard input, as sendmail does",
	.usage = "send" USAGE,
	.run = run,
};

const struct cli_command cli_as_sendmail = {
	.name = "sendmail",
	.summary = "the same, by the name that programs know",
	.usage = "sendmail" USAGE,
	.run = run,
};
