/* Sockets: listening, accepting, octets in and out.  All non-blocking and close-on-exec. */
#ifndef SYS_NET_H
#define SYS_NET_H

#include "base/buf.h"
#include "base/fault.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define NET_TEXT_MAX 64

struct net_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* "127.0.0.1:25", "[::1]:25", "*:25" (both families where the system has them), with default_port
   when none is named.  Literal addresses only: names are never looked up.  -1: *f says why. */
int net_address_parse(struct bytes text, uint16_t default_port, struct net_address *out,
	struct fault *f) __attribute__((warn_unused_result));
/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3).  False: it is no such literal. */
bool net_literal_parse(struct bytes text, uint16_t port, struct net_address *out) __attribute__((warn_unused_result));
/* "192.0.2.1:25" or "[2001:db8::1]:25" or "unix"; an IPv4-mapped address prints as IPv4. */
void net_put_address(struct buf *b, const struct net_address *a);
/* The host alone, as in "[192.0.2.1]" / "[IPv6:2001:db8::1]": RFC 5321 4.1.3 address literal. */
void net_put_literal(struct buf *b, const struct net_address *a);
/* The host alone without brackets: for logs and for counting per address. */
void net_put_host(struct buf *b, const struct net_address *a);
/* Who can be told apart by it: the host of IPv4, of IPv6 the first 64 bits, since a customer has no fewer (RFC 6177 2). */
void net_put_network(struct buf *b, const struct net_address *a);
bool net_is_loopback(const struct net_address *a);
/* Does a connection to it end on this machine whatever its addresses are: loopback and the unspecified ones. */
bool net_leads_here(const struct net_address *a);
/* Is it of a network that is not the world's: RFC 1918, 3927, 4193, 4291 2.5.6, 6598. */
bool net_is_private(const struct net_address *a);
/* The octets of an IP address: 4 (of an IPv4-mapped one, too) or 16; 0: it is none. */
size_t net_address_octets(const struct net_address *a, uint8_t out[16]);

/* A listening TCP socket (SO_REUSEADDR; for "*" an IPv6 socket that takes IPv4 too where there
   is IPv6); -1 with *f. */
int net_listen(const struct net_address *a, int backlog, struct fault *f)
	__attribute__((warn_unused_result));
/* A listening unix socket at path, mode; an old socket file there is replaced.  -1 with *f. */
int net_listen_unix(const char *path, mode_t mode, struct fault *f) __attribute__((warn_unused_result));
/* Whose a socket file is and who may connect to it (mode). */
struct net_unix_access {
	uid_t user;
	gid_t group;
	mode_t mode;
};

/* With names of the system, empty for our own; -1 with *f: there is none of that name. */
int net_unix_access_of(struct bytes user, struct bytes group, mode_t mode, struct net_unix_access *out, struct fault *f)
	__attribute__((warn_unused_result));
bool net_unix_access_equal(const struct net_unix_access *a, const struct net_unix_access *b);
/* A listening unix socket for others, at a path that may lie in a directory of theirs: nobody can connect before it is theirs.
   Takes the place of a socket that nobody listens on, and of nothing else.  -1 with *f. */
int net_listen_unix_for(const char *path, const struct net_unix_access *access, struct fault *f)
	__attribute__((warn_unused_result));
/* Changes who may connect from now on.  -1 with *f. */
int net_set_unix_access(const char *path, const struct net_unix_access *access, struct fault *f)
	__attribute__((warn_unused_result));
/* Connects to a unix stream socket, blocking: for the CLI.  -1 with *f. */
int net_connect_unix(const char *path, struct fault *f) __attribute__((warn_unused_result));
/* An address of 4 or 16 octets, in network order. */
void net_address_of(struct bytes octets, uint16_t port, struct net_address *out);
/* Begins to connect, from source unless that is NULL, with TCP_NODELAY set.  The socket is writable when that is decided: then
   ask net_connect_result.  -1 and errno: it failed at once. */
int net_connect_start(const struct net_address *to, const struct net_address *source);
/* 0: connected; else the errno that says why not. */
int net_connect_result(int fd);
/* What is written to connections of this listener leaves at once (TCP_NODELAY): they have it from the listener, and no call
   is made for each.  Without effect on socket files. */
void net_send_at_once(int listener);
/* The next connection; -1: none waits (EAGAIN) or trouble (errno). */
int net_accept(int listener, struct net_address *peer);
/* The user that runs the program at the other end of a unix socket, when it connected.  False: that is not known. */
bool net_peer_user(int fd, uint32_t *uid);
int net_local_address(int fd, struct net_address *out);
/* As read and write: -1 and errno, 0 at the end of input. */
ssize_t net_read(int fd, void *to, size_t count);
ssize_t net_write(int fd, struct bytes from);
ssize_t net_writev(int fd, const struct iovec *parts, int count);
/* The same over a unix socket, with a descriptor beside the octets that stays the caller's; -1: with none. */
ssize_t net_write_with(int fd, struct bytes from, int descriptor);
/* The same; *descriptor gets the one that came beside the octets (owned), or -1. */
ssize_t net_read_with(int fd, void *to, size_t count, int *descriptor);
/* Waits until something can be read, or the end of input: for the CLI.  false: within_ms have passed. */
bool net_wait(int fd, int within_ms);
enum { NET_CARRY_LINE = 4 };
/* Writes to the socket what is read from `in`, then the farewell (short, and not empty) and the end, and to `out` what the peer says, until that ends or
   can't be written: for the CLI.  line gets how the last line of the peer begins, with a NUL; empty: it said nothing at all. */
void net_carry(int in, int out, int fd, struct bytes farewell, char line[NET_CARRY_LINE]);
/* No more output; the peer sees the end. */
void net_shutdown(int fd);
/* Another descriptor of the same socket, the caller's to close; -1 and errno. */
int net_share(int fd);
/* Ends both directions at once, and every call that waits on the socket through whichever descriptor; from any thread. */
void net_cut(int fd);
void net_close(int fd);

#endif
