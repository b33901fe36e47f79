/* An IMAP client as far as RFC 3501 7 obliges one: counts messages by EXISTS and EXPUNGE, and stops the test when a
   response can't be. */
#ifndef IMAP_TEST_CLIENT_H
#define IMAP_TEST_CLIENT_H

#include "base/bytes.h"

#define TEST_CLIENT_MESSAGES_MAX 4096

struct test_client {
	uint32_t count; /* messages */
	uint32_t *uids; /* by number - 1; 0: not known yet.  Owned */
	uint32_t expunges, exists, fetches; /* responses seen */
	uint32_t tagged;
	bool is_selected; /* EXISTS and EXPUNGE mean something */
	/* Called before message `number` goes. May be NULL. */
	void (*on_expunge)(void *arg, uint32_t number, uint32_t uid);
	void *arg;
};

void test_client_init(struct test_client *c);
void test_client_done(struct test_client *c);
/* Takes whole responses. */
void test_client_take(struct test_client *c, struct bytes out);

#endif
