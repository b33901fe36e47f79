/* Hands a mail to the running server over the socket file of `listen local`: SMTP, one command at a time. */
#ifndef CLI_SEND_CLIENT_H
#define CLI_SEND_CLIENT_H

#include "cli/send_message.h"

/* Of sysexits.h, which programs that call sendmail know. */
enum send_exit {
	SEND_OK = 0,
	SEND_USAGE = 64,
	SEND_DATA = 65,
	SEND_NO_USER = 67,
	SEND_UNAVAILABLE = 69,
	SEND_IO = 74,
	SEND_LATER = 75,
	SEND_DENIED = 77,
};

struct send_client;

struct send_envelope {
	struct bytes sender; /* empty: the null path */
	const struct send_recipients *to;
	const char *notify, *returns, *envelope_id; /* of DSN, as NOTIFY=, RET= and ENVID= want them; NULL: nothing is said */
};

/* Connects and says hello.  SEND_OK: *out is there (owned), and *address who the server says that we are, as long as it is; else *f says why. */
enum send_exit send_client_open(const char *path, struct send_client **out, struct bytes *address, struct fault *f);
/* All recipients or none: one that is refused means that nothing was sent.  SEND_OK: the server has the mail for all of them. */
enum send_exit send_client_mail(struct send_client *c, const struct send_envelope *envelope, const struct send_message *m, struct fault *f);
/* For a program that speaks SMTP itself: what it writes into `in` goes to the server, what the server says into `out`, until the server closes.
   At the end of `in` QUIT is said.  SEND_OK: the server's last word was 221. */
enum send_exit send_client_carry(const char *path, int in, int out, struct fault *f);
void send_client_close(struct send_client **c);

#endif
