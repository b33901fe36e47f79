#include "role/relay/test_server.h"

#include "base/memory.h"
#include "config/test_certificate.h"
#include "role/tls.h"
#include "sys/net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>
#include <openssl/pem.h>

struct client {
	LIST_ENTRY(client) link;
	struct watch watch;
	struct server *server;
	int fd;
	struct tls *tls;
	bool is_shaking;
	struct bytes script;
	struct buf in;
};

struct server {
	struct watch watch;
	struct loop *loop;
	SSL_CTX *tls;
	int fd;
	uint16_t port;
	const char *const *scripts;
	unsigned int connections;
	char last_host[NET_TEXT_MAX];
	struct buf heard;
	LIST_HEAD(, client) clients;
};

static void
client_closed(struct watch *w)
{
	struct client *c = (struct client *)((char *)w - offsetof(struct client, watch));

	net_close(c->fd);
	memory_free(c);
}

static void
end_client(struct client *c)
{
	LIST_REMOVE(c, link);
	tls_free(&c->tls);
	buf_done(&c->in);
	watch_close(&c->watch, client_closed);
}

static void
say(struct client *c, struct bytes text)
{
	ssize_t done = c->tls ? tls_write(c->tls, text) : net_write(c->fd, text);

	(void)done;
}

static void
say_line(struct client *c, struct bytes text)
{
	char memory[1000];
	struct buf line;

	buf_init_fixed(&line, memory, sizeof memory);
	for (size_t i = 0; i < text.len; i++)
		put_text(&line, text.ptr[i] == '\t' ? "\r\n" : (const char[]){ (char)text.ptr[i], '\0' });
	put_text(&line, "\r\n");
	say(c, buf_bytes(&line));
}

/* A line of the input that begins so; those before it go.  False: there is none yet. */
static bool
take_line_with(struct client *c, struct bytes prefix)
{
	for (;;) {
		struct bytes rest = buf_bytes(&c->in), line;
		bool is_it;

		if (bytes_find_char(rest, '\n') == rest.len)
			return false;
		line = take_until(&rest, '\n');
		is_it = bytes_equal(prefix, BYTES(".")) ? bytes_equal(line, BYTES(".\r")) : bytes_starts(line, prefix);
		buf_drop(&c->in, c->in.len - rest.len);
		if (is_it)
			return true;
	}
}

static void
flood(struct client *c)
{
	for (int i = 0; i < 100; i++)
		say(c, BYTES("250-this never ends, this never ends, this never ends, this never ends; "));
}

/* One step; false: it has to wait. */
static bool
step(struct client *c, struct bytes line)
{
	uint8_t what = line.len ? line.ptr[0] : 'W';
	struct bytes text = bytes_sub(line, 2, line.len);

	switch (what) {
	case 'S':
		say_line(c, text);
		return true;
	case 'C':
		return take_line_with(c, text);
	case 'T': {
		SSL *ssl = SSL_new(c->server->tls);

		SSL_set_accept_state(ssl);
		c->tls = tls_over(ssl, c->fd, NULL, NULL);
		c->is_shaking = true;
		return true;
	}
	case 'G':
		if (c->in.len == 0)
			return false;
		say(c, BYTES("500 this is no handshake at all\r\n"));
		return true;
	case 'L':
		flood(c);
		return true;
	default:
		break;
	}
	return false;
}

static void
play(struct client *c)
{
	struct fault f;

	while (c->script.len) {
		struct bytes rest = c->script, line = take_until(&rest, '\n');

		if (c->is_shaking && tls_handshake(c->tls, &f) != TLS_DONE)
			return;
		c->is_shaking = false;
		if (bytes_equal(line, BYTES("X"))) {
			end_client(c);
			return;
		}
		if (!step(c, line))
			return;
		c->script = rest;
	}
}

static void
client_ready(struct watch *w, unsigned int events)
{
	struct client *c = (struct client *)((char *)w - offsetof(struct client, watch));
	uint8_t space[65536];
	ssize_t count;

	(void)events;
	if (c->is_shaking) {
		play(c);
		return;
	}
	do {
		count = c->tls ? tls_read(c->tls, space, sizeof space) : net_read(c->fd, space, sizeof space);
		if (count > 0) {
			put_bytes(&c->in, bytes_of(space, (size_t)count));
			put_bytes(&c->server->heard, bytes_of(space, (size_t)count));
		}
	} while (count > 0);
	if (count == 0 || (count < 0 && errno != EAGAIN))
		end_client(c);
	else
		play(c);
}

static void
accepted(struct watch *w, unsigned int events)
{
	struct server *s = (struct server *)((char *)w - offsetof(struct server, watch));
	struct net_address remote;
	int fd = net_accept(s->fd, &remote);
	struct client *c;
	struct buf host;

	(void)events;
	if (fd == -1)
		return;
	c = NEW(struct client);
	c->server = s;
	c->fd = fd;
	c->script = bytes_text(*s->scripts);
	if (s->scripts[1])
		s->scripts++;
	s->connections++;
	buf_init_fixed(&host, s->last_host, sizeof s->last_host - 1);
	net_put_host(&host, &remote);
	s->last_host[host.len] = '\0';
	buf_init(&c->in, 16 << 20);
	LIST_INSERT_HEAD(&s->clients, c, link);
	watch_init(&c->watch, s->loop, fd, client_ready);
	watch_want(&c->watch, LOOP_READABLE);
	play(c);
}

static SSL_CTX *
make_tls(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	BIO *chain = BIO_new_mem_buf(testing_chain, -1), *key = BIO_new_mem_buf(testing_key, -1);
	X509 *certificate = PEM_read_bio_X509(chain, NULL, NULL, NULL);
	EVP_PKEY *private = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, private), 1);
	X509_free(certificate);
	EVP_PKEY_free(private);
	BIO_free(chain);
	BIO_free(key);
	return context;
}

struct server *
server_new(struct loop *loop, const char *address, uint16_t port, const char *const *scripts)
{
	struct server *s = NEW(struct server);
	struct net_address a;
	struct fault f;

	s->loop = loop;
	s->scripts = scripts;
	s->tls = make_tls();
	buf_init(&s->heard, 64 << 20);
	LIST_INIT(&s->clients);
	assert_int_equal(net_address_parse(bytes_text(address), port, &a, &f), 0);
	s->fd = net_listen(&a, 128, &f);
	if (s->fd == -1)
		fail_msg("%s", f.text);
	assert_int_equal(net_local_address(s->fd, &a), 0);
	s->port = (uint16_t)(((uint8_t *)&a.storage)[2] << 8 | ((uint8_t *)&a.storage)[3]);
	watch_init(&s->watch, loop, s->fd, accepted);
	watch_want(&s->watch, LOOP_READABLE);
	return s;
}

static void
server_closed(struct watch *w)
{
	struct server *s = (struct server *)((char *)w - offsetof(struct server, watch));

	net_close(s->fd);
	SSL_CTX_free(s->tls);
	buf_done(&s->heard);
	memory_free(s);
}

void
server_free(struct server **server)
{
	struct server *s = *server;

	*server = NULL;
	if (!s)
		return;
	while (!LIST_EMPTY(&s->clients))
		end_client(LIST_FIRST(&s->clients));
	watch_close(&s->watch, server_closed);
}

uint16_t
server_port(const struct server *s)
{
	return s->port;
}

unsigned int
server_connections(const struct server *s)
{
	return s->connections;
}

unsigned int
server_open(const struct server *s)
{
	unsigned int count = 0;
	struct client *c;

	LIST_FOREACH(c, &s->clients, link)
		count++;
	return count;
}

const char *
server_last_host(const struct server *s)
{
	return s->last_host;
}

struct bytes
server_heard(const struct server *s)
{
	return buf_bytes(&s->heard);
}

unsigned int
server_count(const struct server *s, const char *what)
{
	struct bytes rest = buf_bytes(&s->heard);
	unsigned int count = 0;

	for (size_t at; (at = bytes_find(rest, bytes_text(what))) < rest.len; count++)
		rest = bytes_sub(rest, at + 1, rest.len);
	return count;
}
