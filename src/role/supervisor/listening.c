#include "role/supervisor/supervisor_internal.h"

#include "base/memory.h"
#include "role/roles.h"
#include "sys/disk.h"
#include "sys/net.h"
#include "sys/process.h"

#include <stdio.h>
#include <string.h>

#define BACKLOG 1024
#define ACTIVATED_FIRST 3

/* Sockets of the command line, below the run directory. */
static const struct {
	enum ipc_service service;
	const char *name;
} control_sockets[] = { { SERVICE_CONTROL, "directory.sock" }, { SERVICE_QUEUE_CONTROL, "queue.sock" } };

static bool
is_control(const struct listening *l)
{
	return l->service == SERVICE_CONTROL || l->service == SERVICE_QUEUE_CONTROL;
}

static struct listening *
find(struct supervisor *s, enum ipc_service service, struct bytes address)
{
	struct listening *at;

	LIST_FOREACH (at, &s->listening, link)
		if (at->service == service && bytes_equal(bytes_text(at->address), address))
			return at;
	return NULL;
}

static struct bytes
port_of(const struct net_address *a, char text[NET_TEXT_MAX])
{
	struct buf b;

	buf_init_fixed(&b, text, NET_TEXT_MAX);
	net_put_address(&b, a);
	struct bytes all = buf_bytes(&b);
	return bytes_sub(all, bytes_find_last_char(all, ':'), all.len);
}

/* A socket that systemd opened for us: named for the service, of the same port. */
static int
find_activated(struct supervisor *s, enum ipc_service service, const struct net_address *wanted)
{
	char wanted_text[NET_TEXT_MAX], text[NET_TEXT_MAX];
	struct net_address is;

	for (int i = 0; i < s->activated_count && i < 64; i++) {
		if ((s->activated_taken & (1ULL << i)) ||
			strcmp(process_activated_name(i), ipc_service_name(service)) != 0 ||
			net_local_address(ACTIVATED_FIRST + i, &is) == -1 ||
			!bytes_equal(port_of(wanted, wanted_text), port_of(&is, text)))
			continue;
		s->activated_taken |= 1ULL << i;
		return ACTIVATED_FIRST + i;
	}
	return -1;
}

/* The path of a socket file for other programs; NULL: it is none. */
static const char *
shared_path(const struct listening *l)
{
	struct bytes path = config_unix_path(bytes_text(l->address));

	return path.len > 0 ? (const char *)path.ptr : NULL;
}

static int
open_shared(struct listening *l, struct fault *f)
{
	struct stat st;
	int fd = net_listen_unix_for(shared_path(l), &l->access, f);

	if (fd != -1 && disk->fstatat(AT_FDCWD, shared_path(l), &st, AT_SYMLINK_NOFOLLOW) == 0) {
		l->device = st.st_dev;
		l->inode = st.st_ino;
	}
	return fd;
}

static int
open_socket(struct supervisor *s, struct listening *l, struct fault *f)
{
	struct net_address a;

	if (is_control(l))
		return net_listen_unix(l->address, 0600, f);
	if (shared_path(l))
		return open_shared(l, f);
	if (net_address_parse(bytes_text(l->address), 0, &a, f) == -1)
		return -1;
	int fd = find_activated(s, l->service, &a);
	return fd != -1 ? fd : net_listen(&a, BACKLOG, f);
}

/* For one that is open already: whose it is from now on, until listening_roll_back. */
static int
change_access(struct listening *l, const struct net_unix_access *access, struct fault *f)
{
	l->is_wanted = true;
	if (!shared_path(l) || net_unix_access_equal(&l->access, access))
		return 0;
	if (net_set_unix_access(shared_path(l), access, f) == -1)
		return -1;
	l->access = *access;
	return 0;
}

static int
want(struct supervisor *s, enum ipc_service service, struct bytes address, const struct net_unix_access *access,
	struct fault *f)
{
	struct listening *l = find(s, service, address);

	if (l)
		return change_access(l, access, f);
	l = NEW(struct listening);
	l->service = service;
	l->address = memory_new(address.len + 1);
	memcpy(l->address, address.ptr, address.len);
	l->access = l->access_before = *access;
	l->is_new = l->is_wanted = true;
	l->fd = open_socket(s, l, f);
	LIST_INSERT_HEAD(&s->listening, l, link);
	return l->fd == -1 ? -1 : 0;
}

static int
want_listener(struct supervisor *s, const struct config_listener *l, struct fault *f)
{
	struct net_unix_access access;

	if (net_unix_access_of(l->user, l->group, l->mode, &access, f) == -1)
		return -1;
	return want(s, l->service, l->address, &access, f);
}

static int
want_all(struct supervisor *s, const struct config *c, struct fault *f)
{
	char path[ROLES_PATH_MAX];

	for (size_t i = 0; i < c->listener_count; i++)
		if (want_listener(s, &c->listeners[i], f) == -1)
			return -1;
	for (size_t i = 0; i < sizeof control_sockets / sizeof *control_sockets; i++) {
		(void)snprintf(path, sizeof path, "%.*s/%s", BYTES_ARG(c->run_directory), control_sockets[i].name);
		if (want(s, control_sockets[i].service, bytes_text(path), &(struct net_unix_access){ 0 }, f) == -1)
			return -1;
	}
	return 0;
}

/* Unless another file stands in its place by now. */
static void
remove_shared(const struct listening *l)
{
	struct stat st;

	if (l->fd != -1 && disk->fstatat(AT_FDCWD, shared_path(l), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_dev == l->device && st.st_ino == l->inode)
		(void)disk->unlinkat(AT_FDCWD, shared_path(l), 0);
}

static void
close_listening(struct listening *l)
{
	LIST_REMOVE(l, link);
	if (shared_path(l))
		remove_shared(l);
	net_close(l->fd);
	memory_free(l->address);
	memory_free(l);
}

int
listening_prepare(struct supervisor *s, const struct config *c, struct fault *f)
{
	if (want_all(s, c, f) == 0)
		return 0;
	listening_roll_back(s);
	return -1;
}

void
listening_roll_back(struct supervisor *s)
{
	struct listening *next;

	for (struct listening *l = LIST_FIRST(&s->listening); l; l = next) {
		next = LIST_NEXT(l, link);
		l->is_wanted = false;
		if (!net_unix_access_equal(&l->access, &l->access_before) &&
			net_set_unix_access(shared_path(l), &l->access_before, NULL) == 0)
			l->access = l->access_before;
		if (l->is_new)
			close_listening(l);
	}
}

static void
tell_listen(struct child *c, const struct listening *l)
{
	struct message m = { .type = MESSAGE_LISTEN, .fds = { l->fd }, .fd_count = 1 };

	m.u.listen.service = (uint8_t)l->service;
	m.u.listen.address = bytes_text(l->address);
	child_tell(c, &m);
}

static void
tell_unlisten(struct child *c, const struct listening *l)
{
	struct message m = { .type = MESSAGE_UNLISTEN };

	m.u.unlisten.service = (uint8_t)l->service;
	m.u.unlisten.address = bytes_text(l->address);
	child_tell(c, &m);
}

static void
tell_all(struct supervisor *s, const struct listening *l,
	void (*tell)(struct child *c, const struct listening *l))
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid && roles_serves(s->children[i].role, l->service))
			tell(&s->children[i], l);
}

void
listening_commit(struct supervisor *s)
{
	struct listening *next;

	for (struct listening *l = LIST_FIRST(&s->listening); l; l = next) {
		next = LIST_NEXT(l, link);
		if (!l->is_wanted) {
			tell_all(s, l, tell_unlisten);
			close_listening(l);
			continue;
		}
		if (l->is_new)
			tell_all(s, l, tell_listen);
		l->is_new = l->is_wanted = false;
		l->access_before = l->access;
	}
}

void
listening_give(struct supervisor *s, struct child *c)
{
	struct listening *l;

	LIST_FOREACH (l, &s->listening, link)
		if (!l->is_new && roles_serves(c->role, l->service))
			tell_listen(c, l);
}

void
listening_close_all(struct supervisor *s)
{
	struct listening *l;

	while ((l = LIST_FIRST(&s->listening))) {
		if (is_control(l) && !l->is_new)
			(void)disk->unlinkat(AT_FDCWD, l->address, 0);
		close_listening(l);
	}
}
