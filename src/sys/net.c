#include "sys/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
set_ipv4(struct net_address *out, struct in_addr host, uint16_t port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&out->storage;

	a->sin_family = AF_INET;
	a->sin_addr = host;
	a->sin_port = htons(port);
	out->len = sizeof *a;
}

static void
set_ipv6(struct net_address *out, struct in6_addr host, uint16_t port)
{
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)&out->storage;

	a->sin6_family = AF_INET6;
	a->sin6_addr = host;
	a->sin6_port = htons(port);
	out->len = sizeof *a;
}

/* "*" is both families: AF_UNSPEC, with the port where both of them have it. */
static void
set_any(struct net_address *out, uint16_t port)
{
	set_ipv6(out, in6addr_any, port);
	out->storage.ss_family = AF_UNSPEC;
}

static bool
parse_host(struct bytes host, bool is_bracketed, uint16_t port, struct net_address *out)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (host.len >= sizeof text || bytes_find_char(host, '\0') < host.len)
		return false;
	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(host));
	if (!is_bracketed && bytes_equal(host, BYTES("*")))
		set_any(out, port);
	else if (!is_bracketed && inet_pton(AF_INET, text, &ipv4) == 1)
		set_ipv4(out, ipv4, port);
	else if (inet_pton(AF_INET6, text, &ipv6) == 1)
		set_ipv6(out, ipv6, port);
	else
		return false;
	return true;
}

/* "[v6]", "[v6]:port", "v4", "v4:port", "*", "*:port"; a bare v6 has more than one colon and
   no port. */
static bool
split(struct bytes text, struct bytes *host, bool *is_bracketed, struct bytes *port)
{
	size_t colon = bytes_find_char(text, ':');

	*port = BYTES_NONE;
	*is_bracketed = take_char(&text, '[');
	if (*is_bracketed) {
		size_t end = bytes_find_char(text, ']');

		if (end == text.len)
			return false;
		*host = bytes_sub(text, 0, end);
		*port = bytes_sub(text, end + 1, text.len);
		return port->len == 0 || (take_char(port, ':') && port->len > 0);
	}
	*host = text;
	if (colon == text.len || bytes_find_last_char(text, ':') != colon)
		return true;
	*host = bytes_sub(text, 0, colon);
	*port = bytes_sub(text, colon + 1, text.len);
	return port->len > 0;
}

int
net_address_parse(struct bytes text, uint16_t default_port, struct net_address *out, struct fault *f)
{
	struct bytes host, port;
	bool is_bracketed;
	uint64_t number = default_port;

	memset(out, 0, sizeof *out);
	if (!split(text, &host, &is_bracketed, &port))
		return fault_set(f, FAULT_SYNTAX, "\"%.*s\" is no address", BYTES_ARG(text));
	if (port.len > 0 && (!take_number(&port, 65535, &number) || port.len > 0))
		return fault_set(f, FAULT_SYNTAX, "\"%.*s\" has no port from 0 to 65535",
			BYTES_ARG(text));
	if (!parse_host(host, is_bracketed, (uint16_t)number, out))
		return fault_set(f, FAULT_SYNTAX,
			"\"%.*s\" is neither an IPv4 nor an IPv6 address nor *", BYTES_ARG(text));
	return 0;
}

bool
net_literal_parse(struct bytes text, uint16_t port, struct net_address *out)
{
	bool is_ipv6;

	if (!take_char(&text, '[') || text.len == 0 || text.ptr[text.len - 1] != ']')
		return false;
	text.len--;
	is_ipv6 = take_text_nocase(&text, BYTES("IPv6:"));
	memset(out, 0, sizeof *out);
	return parse_host(text, is_ipv6, port, out) && out->storage.ss_family == (is_ipv6 ? AF_INET6 : AF_INET);
}

/* The IPv4 address that is meant, also when it came over a socket of both families. */
static bool
ipv4_of(const struct net_address *a, struct in_addr *out)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&a->storage;

	if (a->storage.ss_family == AF_INET) {
		*out = ((const struct sockaddr_in *)&a->storage)->sin_addr;
		return true;
	}
	if (a->storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&ipv6->sin6_addr))
		return false;
	memcpy(out, &ipv6->sin6_addr.s6_addr[12], sizeof *out);
	return true;
}

size_t
net_address_octets(const struct net_address *a, uint8_t out[16])
{
	struct in_addr ipv4;

	if (ipv4_of(a, &ipv4)) {
		memcpy(out, &ipv4, sizeof ipv4);
		return sizeof ipv4;
	}
	if (a->storage.ss_family != AF_INET6)
		return 0;
	memcpy(out, &((const struct sockaddr_in6 *)&a->storage)->sin6_addr, 16);
	return 16;
}

static uint16_t
port_of(const struct net_address *a)
{
	if (a->storage.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->storage)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)&a->storage)->sin6_port);
}

static bool
is_ip(const struct net_address *a)
{
	return a->storage.ss_family == AF_INET || a->storage.ss_family == AF_INET6;
}

/* The host as text; is it IPv4? */
static bool
host_text(const struct net_address *a, char text[INET6_ADDRSTRLEN])
{
	struct in_addr ipv4;
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&a->storage;

	if (ipv4_of(a, &ipv4))
		return inet_ntop(AF_INET, &ipv4, text, INET6_ADDRSTRLEN) != NULL;
	(void)inet_ntop(AF_INET6, &ipv6->sin6_addr, text, INET6_ADDRSTRLEN);
	return false;
}

void
net_put_address(struct buf *b, const struct net_address *a)
{
	char text[INET6_ADDRSTRLEN] = "*";

	if (a->storage.ss_family == AF_UNIX)
		put_text(b, "unix");
	else if (!is_ip(a) || host_text(a, text))
		put_format(b, "%s:%u", text, port_of(a));
	else
		put_format(b, "[%s]:%u", text, port_of(a));
}

void
net_put_literal(struct buf *b, const struct net_address *a)
{
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";

	if (!is_ip(a) || host_text(a, text))
		put_format(b, "[%s]", text);
	else
		put_format(b, "[IPv6:%s]", text);
}

void
net_put_host(struct buf *b, const struct net_address *a)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (is_ip(a))
		(void)host_text(a, text);
	put_text(b, is_ip(a) ? text : a->storage.ss_family == AF_UNIX ? "unix" : "*");
}

void
net_put_network(struct buf *b, const struct net_address *a)
{
	struct net_address network = *a;
	struct in_addr ipv4;

	if (a->storage.ss_family == AF_INET6 && !ipv4_of(a, &ipv4))
		memset(&((struct sockaddr_in6 *)&network.storage)->sin6_addr.s6_addr[8], 0, 8);
	net_put_host(b, &network);
}

bool
net_is_loopback(const struct net_address *a)
{
	struct in_addr ipv4;

	if (a->storage.ss_family == AF_UNIX)
		return true;
	if (ipv4_of(a, &ipv4))
		return ntohl(ipv4.s_addr) >> 24 == 127;
	return a->storage.ss_family == AF_INET6 &&
		IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&a->storage)->sin6_addr);
}

bool
net_leads_here(const struct net_address *a)
{
	struct in_addr ipv4;

	if (ipv4_of(a, &ipv4))
		return ntohl(ipv4.s_addr) >> 24 == 127 || ntohl(ipv4.s_addr) >> 24 == 0;
	return net_is_loopback(a) ||
		(a->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&a->storage)->sin6_addr));
}

static bool
is_private_ipv4(uint32_t ip)
{
	return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 || ip >> 16 == 0xa9fe || ip >> 22 == 0x191;
}

bool
net_is_private(const struct net_address *a)
{
	struct in_addr ipv4;
	const uint8_t *ipv6 = ((const struct sockaddr_in6 *)&a->storage)->sin6_addr.s6_addr;

	if (ipv4_of(a, &ipv4))
		return is_private_ipv4(ntohl(ipv4.s_addr));
	return a->storage.ss_family == AF_INET6 && (ipv6[0] >> 1 == 0xfc >> 1 || (ipv6[0] == 0xfe && ipv6[1] >> 6 == 2));
}

static int
new_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof value);
}

static int
bind_and_listen(int fd, const struct net_address *a, int backlog)
{
	if (bind(fd, (const struct sockaddr *)&a->storage, a->len) == 0 && listen(fd, backlog) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
listen_on(const struct net_address *a, bool takes_ipv4_too, int backlog)
{
	int fd = new_socket(a->storage.ss_family);

	if (fd == -1)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (a->storage.ss_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !takes_ipv4_too);
	return bind_and_listen(fd, a, backlog);
}

static int
listen_any(uint16_t port, int backlog)
{
	struct net_address a = { 0 };
	int fd;

	set_ipv6(&a, in6addr_any, port);
	fd = listen_on(&a, true, backlog);
	if (fd != -1 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
		return fd;
	memset(&a, 0, sizeof a);
	set_ipv4(&a, (struct in_addr){ INADDR_ANY }, port);
	return listen_on(&a, false, backlog);
}

int
net_listen(const struct net_address *a, int backlog, struct fault *f)
{
	int fd = a->storage.ss_family == AF_UNSPEC ? listen_any(port_of(a), backlog) :
						     listen_on(a, false, backlog);
	char text[NET_TEXT_MAX] = "";
	struct buf name;

	if (fd != -1)
		return fd;
	int error = errno;
	buf_init_fixed(&name, text, sizeof text - 1);
	net_put_address(&name, a);
	return fault_errno(f, error, "listen on %s", text);
}

void
net_send_at_once(int listener)
{
	set_option(listener, IPPROTO_TCP, TCP_NODELAY, 1);
}

int
net_accept(int listener, struct net_address *peer)
{
	peer->len = sizeof peer->storage;
	int fd = accept4(listener, (struct sockaddr *)&peer->storage, &peer->len,
		SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return -1;
	if (peer->len < sizeof(sa_family_t) || !is_ip(peer))
		peer->storage.ss_family = AF_UNIX;
	return fd;
}

void
net_address_of(struct bytes octets, uint16_t port, struct net_address *out)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;

	memset(out, 0, sizeof *out);
	if (octets.len == sizeof ipv4) {
		memcpy(&ipv4, octets.ptr, sizeof ipv4);
		set_ipv4(out, ipv4, port);
	} else if (octets.len == sizeof ipv6) {
		memcpy(&ipv6, octets.ptr, sizeof ipv6);
		set_ipv6(out, ipv6, port);
	}
}

static int
connect_from(int fd, const struct net_address *to, const struct net_address *source)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (source) {
		/* The port is chosen when the other end is known: then one may serve many connections. */
		set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (const struct sockaddr *)&source->storage, source->len) == -1)
			return -1;
	}
	if (connect(fd, (const struct sockaddr *)&to->storage, to->len) == 0 || errno == EINPROGRESS)
		return 0;
	return -1;
}

int
net_connect_start(const struct net_address *to, const struct net_address *source)
{
	int fd = new_socket(to->storage.ss_family);

	if (fd == -1 || connect_from(fd, to, source) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
net_connect_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ? errno : error;
}

int
net_local_address(int fd, struct net_address *out)
{
	out->len = sizeof out->storage;
	return getsockname(fd, (struct sockaddr *)&out->storage, &out->len);
}

ssize_t
net_read(int fd, void *to, size_t count)
{
	ssize_t got;

	do {
		got = read(fd, to, count);
	} while (got == -1 && errno == EINTR);
	return got;
}

ssize_t
net_write(int fd, struct bytes from)
{
	ssize_t done;

	do {
		done = send(fd, from.ptr, from.len, MSG_NOSIGNAL);
	} while (done == -1 && errno == EINTR);
	return done;
}

ssize_t
net_writev(int fd, const struct iovec *parts, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts,
		.msg_iovlen = (size_t)count };
	ssize_t done;

	do {
		done = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (done == -1 && errno == EINTR);
	return done;
}

bool
net_wait(int fd, int within_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, within_ms) > 0;
}

void
net_shutdown(int fd)
{
	(void)shutdown(fd, SHUT_WR);
}

int
net_share(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void
net_cut(int fd)
{
	if (fd != -1)
		(void)shutdown(fd, SHUT_RDWR);
}

void
net_close(int fd)
{
	if (fd != -1)
		(void)close(fd);
}
