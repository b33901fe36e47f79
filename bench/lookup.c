/* How long the directory's replica takes to say where an address leads.

   lookup ACCOUNTS COUNT
       Puts ACCOUNTS accounts, then resolves COUNT addresses of them in an order that no cache likes, and as many that there
       are not.  Prints {"known_us":…, "unknown_us":…}. */
#include "base/memory.h"
#include "role/directory/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void
put_account(struct accounts *a, unsigned int i)
{
	char address[64], uid[32];
	struct record_attribute attribute = { BYTES("uid"), BYTES_NONE };
	struct user_record record = { .is_enabled = true, .attributes = &attribute, .attribute_count = 1 };

	record.secret_password = BYTES("{SSHA}/EH2Y6B7xYLnsx+zPN30VsErbMmPOlwA/35C");
	(void)snprintf(address, sizeof address, "user%03u@amerique.iut", i);
	(void)snprintf(uid, sizeof uid, "user%03u", i);
	record.address = bytes_text(address);
	attribute.value = bytes_text(uid);
	accounts_put_user(a, &record);
}

/* Microseconds of CPU for each, whatever else the machine does; every one has to have that outcome. */
static double
resolve(struct accounts *a, const char *name, unsigned int accounts, unsigned int count, enum ipc_outcome want)
{
	struct targets *targets = NEW(struct targets);
	clock_t began = clock();
	char address[64];

	for (unsigned int i = 0; i < count; i++) {
		(void)snprintf(address, sizeof address, "%s%03u@amerique.iut", name, i * 7919U % accounts);
		if (accounts_resolve(a, bytes_text(address), targets) != want)
			abort();
	}
	memory_free(targets);
	return (double)(clock() - began) * 1e6 / CLOCKS_PER_SEC / count;
}

int
main(int argc, char **argv)
{
	static const struct accounts_handlers handlers = { NULL };
	static struct bytes domain = BYTES_INIT("amerique.iut");
	struct config config = { .domains = { &domain, 1 }, .hostname = BYTES("mail.amerique.iut"),
		.maildir_template = BYTES("/home/vmail/%d/%{uid}/mailbox") };
	struct accounts *a = accounts_new(&config, &handlers, NULL);
	unsigned int accounts = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 100000;
	unsigned int count = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 1000000;

	accounts_begin(a);
	for (unsigned int i = 0; i < accounts; i++)
		put_account(a, i);
	accounts_end(a);
	(void)printf("{\"known_us\":%.3f,", resolve(a, "user", accounts, count, IPC_OK));
	(void)printf("\"unknown_us\":%.3f}\n", resolve(a, "nobody", accounts, count, IPC_ABSENT));
	accounts_free(&a);
	return 0;
}
