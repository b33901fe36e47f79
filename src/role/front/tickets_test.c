#include "role/front/tls.h"

#include "config/test_certificate.h"
#include "sys/random.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Keys as the supervisor makes them. */
static uint8_t keys[3][IPC_TICKET_KEY_OCTETS];

/* A front: its server side, as after a start or a reload. */
static struct tls_server *
new_server(struct tickets *tickets)
{
	struct config_certificate certificate = { .chain_pem = bytes_text(testing_chain), .secret_key_pem = bytes_text(testing_key) };
	struct config config = { .certificates = &certificate, .certificate_count = 1 };
	struct fault f;
	struct tls_server *server = tls_server_new(&config, tickets, &f);

	assert_non_null(server);
	return server;
}

static struct tickets *
new_tickets(size_t current, size_t previous)
{
	struct tickets *t = tickets_new();
	struct ipc_ticket_keys m = { .secret_current = bytes_of(keys[current], sizeof keys[current]) };

	if (previous != current)
		m.secret_previous = bytes_of(keys[previous], sizeof keys[previous]);
	tickets_take(t, &m);
	return t;
}

/* Both sides in turn, until the client has read the octet that comes behind its tickets. */
static void
converse(SSL *client, struct tls *server)
{
	bool is_written = false;
	struct fault f;
	uint8_t got;

	for (int i = 0; i < 20; i++) {
		if (SSL_read(client, &got, 1) == 1)
			return;
		if (!is_written && tls_handshake(server, &f) == TLS_DONE)
			is_written = tls_write(server, BYTES("x")) == 1;
	}
	fail_msg("they never came to terms");
}

struct client {
	SSL_CTX *context;
	SSL_SESSION *session; /* the newest */
};

static void
client_init(struct client *client, int version)
{
	client->session = NULL;
	client->context = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_set_max_proto_version(client->context, version), 1);
}

static void
client_done(struct client *client)
{
	SSL_SESSION_free(client->session);
	SSL_CTX_free(client->context);
}

/* Connects to a server with those tickets, with the client's newest session; did that go on? */
static bool
is_resumed(struct client *client, struct tickets *tickets)
{
	struct tls_server *server = new_server(tickets);
	struct tls *tls;
	SSL *ssl;
	bool is_reused;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	tls = tls_new(server, ends[0]);
	tls_server_free(&server);
	ssl = SSL_new(client->context);
	(void)SSL_set_fd(ssl, ends[1]);
	SSL_set_connect_state(ssl);
	if (client->session)
		assert_int_equal(SSL_set_session(ssl, client->session), 1);
	converse(ssl, tls);
	is_reused = SSL_session_reused(ssl);
	SSL_SESSION_free(client->session);
	client->session = SSL_get1_session(ssl);
	/* A session that was cut goes on with nobody. */
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	tls_free(&tls);
	close(ends[0]);
	close(ends[1]);
	return is_reused;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void
a_session_goes_on_with_every_front_that_has_the_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tickets *one = new_tickets(0, 0), *other = new_tickets(0, 0), *stranger = tickets_new();
		struct client client;

		client_init(&client, versions[i]);
		assert_false(is_resumed(&client, one));
		assert_true(is_resumed(&client, other));
		assert_true(is_resumed(&client, one));
		assert_false(is_resumed(&client, stranger));
		client_done(&client);
		tickets_free(&one);
		tickets_free(&other);
		tickets_free(&stranger);
		assert_null(stranger);
	}
}

/* Keys 0, 1, 2 follow each other. */
static void
the_previous_key_is_taken_and_its_tickets_are_renewed_but_none_before_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tickets *first = new_tickets(0, 0), *second = new_tickets(1, 0), *third = new_tickets(2, 1);
		struct client client;

		client_init(&client, versions[i]);
		assert_false(is_resumed(&client, first));
		assert_false(is_resumed(&client, third));
		assert_false(is_resumed(&client, first));
		assert_true(is_resumed(&client, second));
		assert_true(is_resumed(&client, third));
		client_done(&client);
		tickets_free(&first);
		tickets_free(&second);
		tickets_free(&third);
	}
}

static void
a_front_without_the_supervisors_keys_has_one_of_its_own(void **state)
{
	struct tickets *own = tickets_new();
	struct client client;

	(void)state;
	client_init(&client, TLS1_3_VERSION);
	assert_false(is_resumed(&client, own));
	assert_true(is_resumed(&client, own));
	client_done(&client);
	tickets_free(&own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_goes_on_with_every_front_that_has_the_key),
		cmocka_unit_test(the_previous_key_is_taken_and_its_tickets_are_renewed_but_none_before_it),
		cmocka_unit_test(a_front_without_the_supervisors_keys_has_one_of_its_own),
	};

	random_fill(keys, sizeof keys);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
