/* Servers on the loop of a test, which say and do what a script has: for the tests of this folder alone.

   A script has a step a line: "S text" says it, in one piece, a TAB being a line end; "C prefix" reads lines until one begins so ("C ." until one that is "."); "E" reads to the
   end of input; "T" shakes hands; "G" answers a handshake with what is none; "L" says a line that never ends; "X" closes; "W" waits for ever. */
#ifndef ROLE_RELAY_TEST_SERVER_H
#define ROLE_RELAY_TEST_SERVER_H

#include "base/buf.h"
#include "sys/loop.h"

struct server;

/* Listens on the address with that port (0: any).  scripts: of the first connection, the second, …; the last one is for all that follow;
   NULL at the end.  Borrowed. */
struct server *server_new(struct loop *loop, const char *address, uint16_t port, const char *const *scripts);
void server_free(struct server **server);
uint16_t server_port(const struct server *server);
/* Connections so far. */
unsigned int server_connections(const struct server *server);
/* Those that are open. */
unsigned int server_open(const struct server *server);
/* Where the last one came from. */
const char *server_last_host(const struct server *server);
/* Everything that was heard, on all connections. */
struct bytes server_heard(const struct server *server);
/* How often `what` stands there. */
unsigned int server_count(const struct server *server, const char *what);

#endif
