/* libcurl says which sockets it wants to hear of and when it wants to be called (its "multi_socket" interface); the loop does the waiting.  A
   socket is closed by us, when the loop has let go of it.  libcurl opens no file and looks up no name here: certificates come from a store that
   was read before the jail, addresses from the caller. */
#include "role/relay/https.h"

#include "base/buf.h"
#include "base/memory.h"

#include <assert.h>
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/queue.h>

enum { OVERHEAD_OCTETS_MAX = 131072 /* of an answer, beside its body: handshake, header, chunks */, URL_OCTETS_MAX = 2048, ADDRESSES_OCTETS_MAX = 2048 };

struct https_socket {
	LIST_ENTRY(https_socket) link;
	struct watch watch;
	struct https *https;
	int fd;
};

struct https {
	CURLM *multi;
	X509_STORE *trusted;
	struct loop *loop;
	struct timer timer;
	LIST_HEAD(, https_socket) sockets;
	LIST_HEAD(, https_call) calls;
	bool is_ending;
};

struct https_call {
	LIST_ENTRY(https_call) link;
	struct https *https;
	CURL *easy;
	struct curl_slist *addresses, *fields;
	uint64_t octets, octets_max; /* of records of TLS that came */
	struct buf body;
	https_answered answered;
	void *arg;
};

static void
end_call(struct https_call *c)
{
	LIST_REMOVE(c, link);
	(void)curl_multi_remove_handle(c->https->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->addresses);
	curl_slist_free_all(c->fields);
	buf_done(&c->body);
	memory_free(c);
}

static bool
is_too_long(const struct https_call *c)
{
	return c->octets > c->octets_max;
}

static void
finish(struct https_call *c, CURLcode code)
{
	struct https_answer answer = { .error = code == CURLE_OK ? NULL : is_too_long(c) ? "the answer is too long" : curl_easy_strerror(code),
		.is_untrusted = code == CURLE_PEER_FAILED_VERIFICATION };
	const char *type = NULL;

	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	(void)curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
	answer.type = bytes_text(type);
	answer.body = buf_bytes(&c->body);
	c->answered(c->arg, &answer);
	end_call(c);
}

/* What is done, is told. */
static void
reap(struct https *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct https_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		finish(c, m->data.result);
	}
}

static void
act(struct https *h, int fd, int events)
{
	int running;

	(void)curl_multi_socket_action(h->multi, fd, events, &running);
	reap(h);
}

static void
ready(struct watch *w, unsigned int events)
{
	struct https_socket *s = (struct https_socket *)((char *)w - offsetof(struct https_socket, watch));

	act(s->https, s->fd, (events & LOOP_READABLE ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static void
fired(struct timer *t)
{
	act((struct https *)((char *)t - offsetof(struct https, timer)), CURL_SOCKET_TIMEOUT, 0);
}

static void
socket_closed(struct watch *w)
{
	struct https_socket *s = (struct https_socket *)((char *)w - offsetof(struct https_socket, watch));

	net_close(s->fd);
	memory_free(s);
}

static struct https_socket *
find_socket(struct https *h, int fd)
{
	struct https_socket *s;

	LIST_FOREACH (s, &h->sockets, link)
		if (s->fd == fd)
			return s;
	return NULL;
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int
close_socket(void *arg, curl_socket_t fd)
{
	struct https *h = arg;
	struct https_socket *s = find_socket(h, fd);

	if (!s) {
		net_close(fd);
		return 0;
	}
	LIST_REMOVE(s, link);
	watch_close(&s->watch, socket_closed);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION */
static int
want(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct https *h = arg;
	struct https_socket *s = find_socket(h, fd);

	(void)easy, (void)of_socket;
	if (!s && what == CURL_POLL_REMOVE)
		return 0;
	if (!s) {
		s = NEW(struct https_socket);
		s->https = h;
		s->fd = fd;
		LIST_INSERT_HEAD(&h->sockets, s, link);
		watch_init(&s->watch, h->loop, fd, ready);
	}
	watch_want(&s->watch, what == CURL_POLL_REMOVE ? 0 :
			(what & CURL_POLL_IN ? LOOP_READABLE : 0U) | (what & CURL_POLL_OUT ? LOOP_WRITABLE : 0U));
	return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int
set_timer(CURLM *multi, long within_ms, void *arg)
{
	struct https *h = arg;

	(void)multi;
	if (h->is_ending)
		return 0;
	if (within_ms < 0)
		timer_stop(&h->timer);
	else
		timer_start(&h->timer, (uint64_t)within_ms, 0);
	return 0;
}

/* CURLOPT_WRITEFUNCTION */
static size_t
take_body(char *octets, size_t one, size_t count, void *arg)
{
	struct https_call *c = arg;

	put_bytes(&c->body, bytes_of(octets, one * count));
	return c->body.has_failed ? 0 : one * count;
}

/* SSL_CTX_set_msg_callback: the header of a record ends with the length of the rest (RFC 8446 5.1). */
static void
count_record(int is_written, int version, int type, const void *octets, size_t len, SSL *ssl, void *arg)
{
	const uint8_t *header = octets;
	struct https_call *c = arg;

	(void)version, (void)ssl;
	if (!is_written && type == SSL3_RT_HEADER && len == SSL3_RT_HEADER_LENGTH)
		c->octets += SSL3_RT_HEADER_LENGTH + 256U * header[3] + header[4];
}

/* CURLOPT_XFERINFOFUNCTION: libcurl itself counts no chunk extensions, nor answers that another one follows (100). */
static int
may_go_on(void *arg, curl_off_t to_take, curl_off_t taken, curl_off_t to_give, curl_off_t given)
{
	(void)to_take, (void)taken, (void)to_give, (void)given;
	return is_too_long(arg);
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode
set_up_tls(CURL *easy, void *context, void *arg)
{
	struct https_call *c = arg;

	(void)easy;
	SSL_CTX_set1_cert_store(context, c->https->trusted);
	SSL_CTX_set_msg_callback(context, count_record);
	SSL_CTX_set_msg_callback_arg(context, c);
	return CURLE_OK;
}

struct https *
https_new(X509_STORE *trusted)
{
	struct https *h = NEW(struct https);
	CURLcode begun = curl_global_init(CURL_GLOBAL_DEFAULT);

	assert(begun == CURLE_OK);
	h->multi = curl_multi_init();
	assert(h->multi);
	(void)X509_STORE_up_ref(trusted);
	h->trusted = trusted;
	LIST_INIT(&h->sockets);
	LIST_INIT(&h->calls);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return h;
}

void
https_start(struct https *h, struct loop *loop)
{
	h->loop = loop;
	timer_init(&h->timer, loop, fired);
}

/* "HOST:PORT:ADDRESS,[ADDRESS],…" of CURLOPT_RESOLVE */
static struct curl_slist *
addresses_of(const struct https_request *r)
{
	char text[ADDRESSES_OCTETS_MAX];
	struct buf b;

	buf_init_fixed(&b, text, sizeof text - 1);
	put_format(&b, "%.*s:%u:", BYTES_ARG(r->host), r->port);
	for (size_t i = 0; i < r->address_count; i++) {
		bool is_ipv6 = r->addresses[i].storage.ss_family == AF_INET6;

		put_text(&b, i > 0 ? "," : "");
		put_text(&b, is_ipv6 ? "[" : "");
		net_put_host(&b, &r->addresses[i]);
		put_text(&b, is_ipv6 ? "]" : "");
	}
	if (b.has_failed)
		return NULL;
	text[b.len] = '\0';
	return curl_slist_append(NULL, text);
}

static bool
set_url(CURL *easy, const struct https_request *r)
{
	char text[URL_OCTETS_MAX];
	struct buf b;

	buf_init_fixed(&b, text, sizeof text - 1);
	put_format(&b, "https://%.*s", BYTES_ARG(r->host));
	if (r->port != 443)
		put_format(&b, ":%u", r->port);
	put_bytes(&b, r->path);
	text[b.len] = '\0';
	return !b.has_failed && curl_easy_setopt(easy, CURLOPT_URL, text) == CURLE_OK;
}

#define SET(option, value) (curl_easy_setopt(c->easy, (option), (value)) == CURLE_OK)

/* The body is copied; no "Expect: 100-continue", which few understand. */
static bool
set_body(struct https_call *c, const struct https_request *r)
{
	char type[100];

	if (r->body.len == 0)
		return true;
	(void)snprintf(type, sizeof type, "Content-Type: %.*s", BYTES_ARG(r->type));
	c->fields = curl_slist_append(NULL, type);
	c->fields = curl_slist_append(c->fields, "Expect:");
	return SET(CURLOPT_HTTPHEADER, c->fields) && SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDSIZE, (long)r->body.len) &&
		SET(CURLOPT_COPYPOSTFIELDS, r->body.ptr);
}

static bool
set_up(struct https_call *c, const struct https_request *r)
{
	return set_url(c->easy, r) && set_body(c, r) && SET(CURLOPT_RESOLVE, c->addresses) && SET(CURLOPT_PRIVATE, c) && SET(CURLOPT_PROTOCOLS_STR, "https") &&
		SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_FORBID_REUSE, 1L) &&
		SET(CURLOPT_FRESH_CONNECT, 1L) && SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
		SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
		SET(CURLOPT_CAINFO, NULL) && SET(CURLOPT_CAPATH, NULL) && SET(CURLOPT_SSL_CTX_FUNCTION, set_up_tls) &&
		SET(CURLOPT_SSL_CTX_DATA, c) && SET(CURLOPT_TIMEOUT_MS, (long)r->within_ms) &&
		SET(CURLOPT_CONNECTTIMEOUT_MS, (long)r->within_ms) && SET(CURLOPT_WRITEFUNCTION, take_body) && SET(CURLOPT_WRITEDATA, c) &&
		SET(CURLOPT_NOPROGRESS, 0L) && SET(CURLOPT_XFERINFOFUNCTION, may_go_on) && SET(CURLOPT_XFERINFODATA, c) && SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket) &&
		SET(CURLOPT_CLOSESOCKETDATA, c->https) && SET(CURLOPT_USERAGENT, "Mermoz") &&
		curl_multi_add_handle(c->https->multi, c->easy) == CURLM_OK;
}

struct https_call *
https_ask(struct https *h, const struct https_request *r, https_answered answered, void *arg)
{
	struct https_call *c = NEW(struct https_call);

	c->https = h;
	c->easy = curl_easy_init();
	assert(c->easy);
	c->answered = answered;
	c->arg = arg;
	buf_init(&c->body, r->octets_max);
	c->octets_max = r->octets_max + OVERHEAD_OCTETS_MAX;
	LIST_INSERT_HEAD(&h->calls, c, link);
	c->addresses = addresses_of(r);
	if (c->addresses && set_up(c, r))
		return c;
	end_call(c);
	return NULL;
}

void
https_forget(struct https_call *c)
{
	end_call(c);
}

static void
https_closed(struct timer *t)
{
	memory_free((struct https *)((char *)t - offsetof(struct https, timer)));
}

void
https_free(struct https **https)
{
	struct https *h = *https;
	struct https_call *c;

	*https = NULL;
	h->is_ending = true;
	while ((c = LIST_FIRST(&h->calls)))
		end_call(c);
	(void)curl_multi_cleanup(h->multi);
	X509_STORE_free(h->trusted);
	timer_close(&h->timer, https_closed);
}
