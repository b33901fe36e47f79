/* The role with a queue and a resolver that are only peers here: for the tests of this folder alone. */
#ifndef ROLE_RELAY_TEST_ROLE_H
#define ROLE_RELAY_TEST_ROLE_H

#include "role/relay/relay.h"
#include "role/relay/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SERVERS_MAX 4

extern struct loop *loop;
/* Role.c keeps more behind what a role sees of itself: role_end writes there. */
extern union test_life {
	struct role_self self;
	uint8_t room[64 * 1024];
} life;
#define self life.self
extern struct config config;
extern struct peer *of_queue; /* the role's end */
extern struct peer *queue;
extern char trace[262144]; /* each SENT: "1 mx.example (127.0.0.1) tls=… dsn=0: 0=250 ok; 1-550 no;", "=" taken, "~" later, "-" never;
				 each KEEP_POLICY: "[domain id octets]"; each TLS_SESSION: "{domain type result mx from to helo: reason}" */
extern char events[65536];
extern enum ipc_destination last_destination; /* of SENT */
extern struct server *servers[SERVERS_MAX];

/* What DNS says: "MX example.org 10 mx.example.org, 20 …", "A mx.example.org 127.0.0.1", "NONE example.net", "LATER example.com"; a line
   each.  Names that are in none of them have no records.  "SIGNED" as the first line: all of it is authentic, but
   what "INSECURE name" names.
   "LATER-AAAA name": of one kind.  "TXT name text".  "CNAME alias name".  "TLSA _25._tcp.mx.example.org 3 1 1 octets in hex". */
void set_dns(const char *zone);
/* A server at that address, and those after it at the same port. */
void serve(const char *address, const char *const *scripts);
/* A mail to the domain, to one or more recipients ("a@x b@x"); request: its number. */
void send_to(uint64_t request, enum ipc_hop hop, const char *host, const char *recipients);
/* The port of the servers. */
uint16_t port_of_servers(void);
/* A PLAN of a mail from that sender; what is PLANNED stands in `trace` behind "planned" and LF. */
void ask_for_plan(enum ipc_hop hop, const char *host);
/* FIND_TARGETS and POST_REPORT; `trace` has then "targets ANSWER KIND=TARGET … end", "posted OUTCOME REASON end". */
void find_targets(const char *domain);
void post_report(const char *url, const char *octets);
/* send_to with a list of recipients as it stands in the frame. */
void send_raw(uint64_t request, enum ipc_hop hop, const char *host, struct bytes list);
/* What is sent from now on, in disk form. */
void set_message(struct bytes message);
/* What SEND says of its size, when it is not that. */
void set_size(uint64_t octets);
/* Of what is sent from now on: enum ipc_send_flag. */
void set_flags(uint32_t flags);
/* The same; empty: it is a report. */
void set_sender(const char *address);
/* Until `trace`, or the events, hold `what`. */
void run_until(const char *what);
void run_until_event(const char *what);
/* A turn of the loop or a few. */
void run_a_little(void);
/* A new channel between both, and the role is told. */
void connect_queue(void);
/* The same, and of the resolver. */
void connect_peers(void);
int set_up(void **state);
int tear_down(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
