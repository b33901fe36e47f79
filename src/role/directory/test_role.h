/* The role with two fronts and a store that are only peers here: for the tests of this folder alone. */
#ifndef ROLE_DIRECTORY_TEST_ROLE_H
#define ROLE_DIRECTORY_TEST_ROLE_H

#include "role/directory/directory.h"
#include "role/directory/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ALICE "alice@example.org" /* whose password is "secret" */
#define BOB "bob@example.org" /* "hidden" */

extern struct role_self self;
extern struct config config;
extern char folder[64], path[96]; /* of the source */
extern struct embedded *source;
extern struct peer *of_front[2], *of_store; /* the role's ends */
extern struct peer *front[2], *store;
extern char trace[8192]; /* what fronts and store heard, a line each */
extern char events[16384];
extern uint64_t account; /* in the last answer */

/* A turn of the loop or a few. */
void run_a_little(void);
/* Until the log holds `what`. */
void run_until_event(const char *what);
/* Until `trace` holds `what`. */
void run_until(const char *what);
/* A new channel between both, and the role is told. */
void connect_pair(struct peer *role_end, struct peer *other);
/* To the source; password NULL: none. */
void add_user(const char *address, const char *password, bool is_enabled);
/* For cmocka: a source with accounts, the role, its peers. */
int set_up(void **state);
int tear_down(void **state);
/* What fronts ask; the answers come into `trace`. Log-ins and MAY_SEND are of the first front. */
void ask_resolve(size_t index, const char *address);
void ask_log_in_as(enum ipc_service service, const char *name, const char *authorize_as, const char *password);
/* The role has it when this returns, and has not tried the password yet. */
void hand_log_in(const char *name, const char *password);
void hand_log_in_from(const char *remote, const char *name, const char *password);
void ask_log_in(const char *name, const char *password);
void ask_may_send(const char *address);
/* What SIGHUP does. */
void reload(void);
/* Forgets what was heard so far. */
void clear(void);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
