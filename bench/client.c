/* The IMAP client of the benchmarks: plain blocking calls, TLS or not.

   client idle HOST PORT COUNT USERS [tls]
       Opens COUNT sessions, 8 at a time: LOGIN as user000 … (USERS of them in turn), SELECT INBOX, IDLE.  Prints
       {"sessions":N,"seconds":S}, keeps them open until its input ends.
   client logins HOST PORT COUNT USERS
       COUNT times, 8 at a time: a connection, LOGIN as above, NOOP, LOGOUT.  Prints the same.
   client time HOST PORT USER REPEAT COMMAND...
       REPEAT times: a new connection, LOGIN, every COMMAND once.  Prints {"COMMAND":[ms, …], …}.

   Every password is "password". */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, AT_ONCE = 8, BUFFER = 256 * 1024, LINE_MAX_OCTETS = 4096 };

struct session {
	int fd;
	SSL *tls;
};

/* One reader for each thread: between commands nothing is left in it. */
struct reader {
	struct session *session;
	char *buffer;
	size_t from, to;
};

static struct addrinfo *server;
static SSL_CTX *tls_context;
static int count, users;
static struct session *sessions;
static atomic_int next_session;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(1);
}

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
find_server(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

	if (getaddrinfo(host, port, &hints, &server) != 0)
		die("client: no such address: %s %s", host, port);
}

static int
dial(void)
{
	int fd = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, server->ai_addr, server->ai_addrlen) < 0)
		die("client: cannot connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void
session_open(struct session *s)
{
	s->fd = dial();
	s->tls = NULL;
	if (!tls_context)
		return;
	s->tls = SSL_new(tls_context);
	if (!s->tls || SSL_set_fd(s->tls, s->fd) != 1 || SSL_connect(s->tls) != 1)
		die("client: no TLS");
}

static void
session_close(struct session *s)
{
	if (s->tls)
		SSL_free(s->tls);
	(void)close(s->fd);
}

static void
send_text(struct session *s, const char *text)
{
	size_t len = strlen(text);
	ssize_t sent = s->tls ? SSL_write(s->tls, text, (int)len) : write(s->fd, text, len);

	if (sent != (ssize_t)len)
		die("client: cannot send");
}

static void
fill(struct reader *r)
{
	ssize_t got = r->session->tls ? SSL_read(r->session->tls, r->buffer, BUFFER) : read(r->session->fd, r->buffer, BUFFER);

	if (got <= 0)
		die("client: the server closed the connection");
	r->from = 0;
	r->to = (size_t)got;
}

/* The next line; what is beyond LINE_MAX_OCTETS of it is dropped.  A literal's octets are skipped with it. */
static void
read_line(struct reader *r, char line[LINE_MAX_OCTETS])
{
	size_t len = 0;

	for (;;) {
		char *start, *end;
		size_t part, kept;

		if (r->from == r->to)
			fill(r);
		start = r->buffer + r->from;
		end = memchr(start, '\n', r->to - r->from);
		part = end ? (size_t)(end - start) + 1 : r->to - r->from;
		kept = part < LINE_MAX_OCTETS - 1 - len ? part : LINE_MAX_OCTETS - 1 - len;
		memcpy(line + len, start, kept);
		len += kept;
		r->from += part;
		if (end)
			break;
	}
	line[len] = '\0';
}

static void
skip(struct reader *r, size_t octets)
{
	while (octets > 0) {
		size_t part;

		if (r->from == r->to)
			fill(r);
		part = octets < r->to - r->from ? octets : r->to - r->from;
		r->from += part;
		octets -= part;
	}
}

/* Reads to the line that begins with the tag, which must say OK (or be a continuation). */
static void
read_answer(struct reader *r, const char *tag)
{
	char line[LINE_MAX_OCTETS];
	char *brace;

	for (;;) {
		read_line(r, line);
		if (strncmp(line, tag, strlen(tag)) == 0)
			break;
		if (strncmp(line, "* BYE", 5) == 0)
			die("client: %s", line);
		brace = strrchr(line, '{');
		if (brace && strchr(brace, '}') && strchr(brace, '}')[1] == '\r')
			skip(r, strtoul(brace + 1, NULL, 10));
	}
	if (tag[0] != '+' && strncmp(line + strlen(tag), "OK", 2) != 0)
		die("client: %s", line);
}

static double
command(struct reader *r, const char *text)
{
	char line[LINE_MAX_OCTETS];
	double began = now_ms();

	(void)snprintf(line, sizeof line, "a %s\r\n", text);
	send_text(r->session, line);
	read_answer(r, "a ");
	return now_ms() - began;
}

static void
log_in(struct reader *r, const char *user)
{
	char line[LINE_MAX_OCTETS];

	read_line(r, line);
	(void)snprintf(line, sizeof line, "LOGIN %s password", user);
	(void)command(r, line);
}

static void *
open_sessions(void *arg)
{
	struct reader r = { .buffer = malloc(BUFFER) };
	int i;

	while ((i = atomic_fetch_add(&next_session, 1)) < count) {
		char user[64];

		r.session = &sessions[i];
		r.from = r.to = 0;
		session_open(r.session);
		(void)snprintf(user, sizeof user, "user%03d@amerique.iut", i % users);
		log_in(&r, user);
		(void)command(&r, "SELECT INBOX");
		send_text(r.session, "b IDLE\r\n");
		read_answer(&r, "+ ");
	}
	free(r.buffer);
	return arg;
}

static void
print_seconds(double began)
{
	(void)printf("{\"sessions\":%d,\"seconds\":%.3f}\n", count, (now_ms() - began) / 1e3);
	(void)fflush(stdout);
}

/* On all threads until it is done; prints how long that took. */
static void
run_threads(void *(*work)(void *arg))
{
	pthread_t threads[THREADS];
	double began = now_ms();

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			die("client: no thread");
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	print_seconds(began);
}

/* ---- log-ins: a single thread, which sleeps only when every server's answer is due, so that little of the machine goes into
   measuring it. */

struct attempt {
	int fd;
	size_t said; /* how many of its commands */
	char user[64];
	size_t len;
	char text[LINE_MAX_OCTETS];
};

static void
begin_attempt(struct attempt *a, int set, int i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = a };

	a->fd = dial();
	a->said = 0;
	a->len = 0;
	if (epoll_ctl(set, EPOLL_CTL_ADD, a->fd, &event) != 0)
		die("client: no epoll");
	(void)snprintf(a->user, sizeof a->user, "user%03d@amerique.iut", i % users);
}

/* The next whole line, without what came behind it; false: there is none yet. */
static bool
take_line(struct attempt *a, char line[LINE_MAX_OCTETS])
{
	char *end = memchr(a->text, '\n', a->len);
	size_t len = end ? (size_t)(end - a->text) + 1 : 0;

	if (!end)
		return false;
	memcpy(line, a->text, len);
	line[len - 1] = '\0';
	a->len -= len;
	memmove(a->text, a->text + len, a->len);
	return true;
}

/* Says the next of its commands; false: there is none left. */
static bool
say_next(struct attempt *a)
{
	char login[LINE_MAX_OCTETS];
	const char *commands[] = { login, "a NOOP\r\n", "a LOGOUT\r\n" };
	const char *line;

	if (a->said == sizeof commands / sizeof *commands)
		return false;
	(void)snprintf(login, sizeof login, "a LOGIN %s password\r\n", a->user);
	line = commands[a->said++];
	if (write(a->fd, line, strlen(line)) != (ssize_t)strlen(line))
		die("client: cannot send");
	return true;
}

/* True: it has logged in and out, and is gone. */
static bool
go_on(struct attempt *a)
{
	char line[LINE_MAX_OCTETS];
	ssize_t got = read(a->fd, a->text + a->len, sizeof a->text - a->len);

	if (got <= 0)
		die("client: the server closed the connection");
	a->len += (size_t)got;
	while (take_line(a, line)) {
		bool is_greeting = a->said == 0;

		if (line[0] == 'a' && strncmp(line, "a OK", 4) != 0)
			die("client: %s", line);
		if ((line[0] == 'a' || is_greeting) && !say_next(a)) {
			(void)close(a->fd);
			return true;
		}
	}
	return false;
}

static void
log_in_often(void)
{
	static struct attempt attempts[AT_ONCE];
	struct epoll_event ready[AT_ONCE];
	int set = epoll_create1(EPOLL_CLOEXEC), begun = 0, done = 0;
	double began = now_ms();

	for (; begun < AT_ONCE && begun < count; begun++)
		begin_attempt(&attempts[begun], set, begun);
	while (done < count) {
		int many = epoll_wait(set, ready, AT_ONCE, -1);

		for (int i = 0; i < many; i++) {
			if (!go_on(ready[i].data.ptr))
				continue;
			done++;
			if (begun < count)
				begin_attempt(ready[i].data.ptr, set, begun++);
		}
	}
	print_seconds(began);
}

static void
idle(bool with_tls)
{
	struct rlimit limit;
	char octet;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (with_tls) {
		tls_context = SSL_CTX_new(TLS_client_method());
		(void)SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS);
	}
	sessions = calloc((size_t)count, sizeof *sessions);
	run_threads(open_sessions);
	while (read(0, &octet, 1) > 0)
		;
}

static void
time_commands(const char *user, int repeat, char **commands, int command_count)
{
	double *took = calloc((size_t)repeat * (size_t)command_count, sizeof *took);
	struct session s;
	struct reader r = { .session = &s, .buffer = malloc(BUFFER) };

	for (int i = 0; i < repeat; i++) {
		session_open(&s);
		r.from = r.to = 0;
		log_in(&r, user);
		for (int k = 0; k < command_count; k++)
			took[k * repeat + i] = command(&r, commands[k]);
		session_close(&s);
	}
	for (int k = 0; k < command_count; k++) {
		(void)printf("%s\"%s\":[", k ? "," : "{", commands[k]);
		for (int i = 0; i < repeat; i++)
			(void)printf("%s%.4f", i ? "," : "", took[k * repeat + i]);
		(void)printf("]");
	}
	(void)printf("}\n");
	free(took);
	free(r.buffer);
}

int
main(int argc, char **argv)
{
	if (argc < 6)
		die("client idle HOST PORT COUNT USERS [tls] | client logins HOST PORT COUNT USERS | client time HOST PORT USER REPEAT COMMAND...");
	find_server(argv[2], argv[3]);
	count = (int)strtol(argv[4], NULL, 10);
	users = (int)strtol(argv[5], NULL, 10);
	if (strcmp(argv[1], "idle") == 0)
		idle(argc > 6 && strcmp(argv[6], "tls") == 0);
	else if (strcmp(argv[1], "logins") == 0)
		log_in_often();
	else
		time_commands(argv[4], users, argv + 6, argc - 6);
	return 0;
}
