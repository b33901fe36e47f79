/* A channel of c-ares for each exchange rather than one for all: who answered is known (AD is believed of some servers only), each
   exchange has a socket of its own with a port that nobody can guess (RFC 5452 9.2), and what is cancelled takes nothing else
   along.

   c-ares calls back from within ares_send and ares_process_fd, where its channel must not be changed: what it says is kept
   and told in a later turn. */
#include "role/resolver/lane.h"

#include "base/memory.h"
#include "proto/dns/dns.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/queue.h>

/* Newer ones mark as deprecated what older ones have alone. */
#define CARES_NO_DEPRECATED
#include <ares.h>

enum {
	TRIES = 2,
	TRY_MS = 2500, /* the second one waits twice as long */
	ANSWER_OCTETS_MAX = 65535,
};

/* A socket of c-ares's, watched through a descriptor of our own: c-ares closes its as it likes. */
struct lane_socket {
	struct watch watch; /* first */
	LIST_ENTRY(lane_socket) link;
	struct lane *lane; /* NULL: closing */
	ares_socket_t socket;
	int fd;
	unsigned int wanted;
};

struct lane {
	struct loop *loop;
	ares_channel channel;
	lane_answered answered;
	void *arg;
	LIST_HEAD(, lane_socket) sockets;
	struct timer timer;
	struct defer tell;
	struct buf answer;
	bool is_asking; /* an answer is wanted */
};

static void
arm(struct lane *l)
{
	struct timeval within;

	if (ares_timeout(l->channel, NULL, &within))
		timer_start(&l->timer, (uint64_t)within.tv_sec * 1000 + (uint64_t)within.tv_usec / 1000 + 1, 0);
	else
		timer_stop(&l->timer);
}

static void
on_ready(struct watch *w, unsigned int events)
{
	struct lane_socket *s = (struct lane_socket *)(void *)w;
	struct lane *l = s->lane;
	ares_socket_t socket = s->socket;

	ares_process_fd(l->channel, events & LOOP_READABLE ? socket : ARES_SOCKET_BAD,
		events & LOOP_WRITABLE ? socket : ARES_SOCKET_BAD);
	/* An error ended the watch; when c-ares goes on with the socket, so do we. */
	if (s->lane)
		watch_want(&s->watch, s->wanted);
	arm(l);
}

static void
on_time(struct timer *t)
{
	struct lane *l = (struct lane *)(void *)((char *)t - offsetof(struct lane, timer));

	ares_process_fd(l->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(l);
}

static void
on_socket_closed(struct watch *w)
{
	struct lane_socket *s = (struct lane_socket *)(void *)w;

	net_close(s->fd);
	memory_free(s);
}

static void
drop_socket(struct lane_socket *s)
{
	LIST_REMOVE(s, link);
	s->lane = NULL;
	watch_close(&s->watch, on_socket_closed);
}

static struct lane_socket *
find_socket(struct lane *l, ares_socket_t socket)
{
	struct lane_socket *s;

	LIST_FOREACH (s, &l->sockets, link)
		if (s->socket == socket)
			return s;
	return NULL;
}

static struct lane_socket *
add_socket(struct lane *l, ares_socket_t socket)
{
	int fd = net_share(socket);
	struct lane_socket *s;

	/* No descriptor is left: the exchange ends by its time. */
	if (fd == -1)
		return NULL;
	s = NEW(struct lane_socket);
	s->lane = l;
	s->socket = socket;
	s->fd = fd;
	watch_init(&s->watch, l->loop, fd, on_ready);
	LIST_INSERT_HEAD(&l->sockets, s, link);
	return s;
}

/* ares_sock_state_cb: neither means that the socket is about to be closed. */
static void
on_socket(void *arg, ares_socket_t socket, int is_read, int is_written)
{
	struct lane *l = arg;
	struct lane_socket *s = find_socket(l, socket);

	if (!is_read && !is_written) {
		if (s)
			drop_socket(s);
		return;
	}
	if (!s)
		s = add_socket(l, socket);
	if (!s)
		return;
	s->wanted = (is_read ? LOOP_READABLE : 0u) | (is_written ? LOOP_WRITABLE : 0u);
	watch_want(&s->watch, s->wanted);
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *octets, int len)
{
	struct lane *l = arg;

	(void)timeouts;
	if (!l->is_asking)
		return;
	if (status == ARES_SUCCESS && octets && len > 0)
		put_bytes(&l->answer, bytes_of(octets, (size_t)len));
	loop_defer(l->loop, &l->tell);
}

static void
tell(struct defer *d)
{
	struct lane *l = (struct lane *)(void *)((char *)d - offsetof(struct lane, tell));

	l->is_asking = false;
	l->answered(l->arg, l, buf_bytes(&l->answer));
}

/* Every option that c-ares would look for in files is set.  SERVFAIL and its like come as answers: who is asked then is for our caller. */
static int
open_channel(struct lane *l, struct fault *f)
{
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = TRY_MS,
		.tries = TRIES,
		.ndots = 1,
		.ednspsz = DNS_UDP_OCTETS,
		.lookups = (char[]){ "b" },
		.sock_state_cb = on_socket,
		.sock_state_cb_data = l,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS |
		ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_SERVERS | ARES_OPT_SOCK_STATE_CB;
	struct in_addr loopback = { .s_addr = htonl(INADDR_LOOPBACK) };
	int status;

	options.servers = &loopback;
	options.nservers = 1;
#ifdef ARES_OPT_QUERY_CACHE
	/* What is kept, and for how long, is ours to say. */
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	status = ares_init_options(&l->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return fault_set(f, FAULT_TEMP, "c-ares: %s", ares_strerror(status));
	return 0;
}

struct lane *
lane_new(struct loop *loop, lane_answered answered, struct fault *f)
{
	struct lane *l = NEW(struct lane);

	l->loop = loop;
	l->answered = answered;
	l->tell.work = tell;
	LIST_INIT(&l->sockets);
	if (open_channel(l, f) == -1) {
		memory_free(l);
		return NULL;
	}
	buf_init(&l->answer, ANSWER_OCTETS_MAX);
	timer_init(&l->timer, loop, on_time);
	return l;
}

static void
on_timer_closed(struct timer *t)
{
	memory_free((char *)t - offsetof(struct lane, timer));
}

void
lane_free(struct lane **lp)
{
	struct lane *l = *lp;

	if (!l)
		return;
	*lp = NULL;
	l->is_asking = false;
	ares_destroy(l->channel);
	while (!LIST_EMPTY(&l->sockets))
		drop_socket(LIST_FIRST(&l->sockets));
	loop_defer_cancel(l->loop, &l->tell);
	buf_done(&l->answer);
	timer_close(&l->timer, on_timer_closed);
}

static bool
set_server(struct lane *l, const struct net_address *server)
{
	struct ares_addr_port_node node = { .family = server->storage.ss_family };
	const struct sockaddr_in *ipv4 = (const void *)&server->storage;
	const struct sockaddr_in6 *ipv6 = (const void *)&server->storage;

	if (node.family == AF_INET) {
		node.addr.addr4 = ipv4->sin_addr;
		node.udp_port = node.tcp_port = ntohs(ipv4->sin_port);
	} else {
		memcpy(&node.addr.addr6, &ipv6->sin6_addr, sizeof ipv6->sin6_addr);
		node.udp_port = node.tcp_port = ntohs(ipv6->sin6_port);
	}
	return ares_set_servers_ports(l->channel, &node) == ARES_SUCCESS;
}

void
lane_ask(struct lane *l, const struct net_address *server, struct bytes query, void *arg)
{
	l->arg = arg;
	l->is_asking = true;
	buf_reset(&l->answer);
	if (!set_server(l, server)) {
		loop_defer(l->loop, &l->tell);
		return;
	}
	ares_send(l->channel, query.ptr, (int)query.len, on_answer, l);
	arm(l);
}

void
lane_cancel(struct lane *l)
{
	l->is_asking = false;
	loop_defer_cancel(l->loop, &l->tell);
	ares_cancel(l->channel);
	arm(l);
}
