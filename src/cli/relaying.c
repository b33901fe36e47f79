#include "cli/relaying.h"

#include "base/memory.h"
#include "proto/smtp/session.h"
#include "role/directory/accounts.h"

/* RFC 2606 2: nobody's, for ever. */
#define FOREIGN "elsewhere.invalid"

enum { NAMES_MAX = 300, PATH_TEXT_MAX = 2048, ARENA_MAX = 65536 };

/* "L" is a local part, "D" a domain that the configuration names, "F" one that it does not. */
static const char *const shapes[] = {
	"L@F", "L@D", "L@sub.D", "L@D.F", "L@F.D", "\"L\"@F", "\"L@D\"@F", /* plainly */
	"@D:L@F", "@F:L@D", "@D,@F:L@F", "@D:L%F@D", /* source routes, RFC 5321 F.2 */
	"L%F@D", "L%F%F@D", "F!L@D", "D!F!L@D", "\"L@F\"@D", "\"L%F\"@D", "\"F!L\"@D", "L%F@[127.0.0.1]", "L+x%F@D", "L+F!x@D", /* paths in local parts */
	"\"L@F> ORCPT=x\"@D", "\"@F:L\"@D", "L@F@D", "L%F", "F!L", /* things that are no address, or hardly */
	"L@[127.0.0.1]", "L@[192.0.2.1]", "L@[IPv6:::1]", "L@[IPv6:2001:db8::1]", "L@localhost", /* literals, ourselves */
};

static const char *const names[CLIENTS] = { [CLIENT_STRANGER] = "a stranger", [CLIENT_TRUSTED] = "a client of a trusted network",
	[CLIENT_ACCOUNT] = "a client that logged in" };

static void
put_shape(const char *shape, struct bytes local, struct bytes domain, struct buf *out)
{
	put_char(out, '<');
	for (; *shape; shape++)
		if (*shape == 'L')
			put_bytes(out, local);
		else if (*shape == 'D')
			put_bytes(out, domain);
		else if (*shape == 'F')
			put_text(out, FOREIGN);
		else
			put_char(out, (uint8_t)*shape);
	put_char(out, '>');
}

/* May mail of strangers leave to that address?  To a domain that is named, and so that no other address can be read in it. */
static bool
is_named(const struct config *c, struct bytes address)
{
	size_t at = bytes_find_last_char(address, '@');
	struct bytes local = bytes_sub(address, 0, at), domain = bytes_sub(address, at + 1, address.len);

	for (size_t i = 0; i < local.len; i++)
		if (bytes_find_char(BYTES("%!@:\" <>"), local.ptr[i]) < 8)
			return false;
	return config_has_domain(c, domain) || config_find_relayed(c, domain);
}

struct trial {
	const struct config *config;
	relaying_try try;
	void *arg;
	struct relaying *out;
	struct fault *f;
};

/* Behind a source route stands what counts (RFC 5321 F.2); nothing in it is read as another address, but that the host's name is the first domain. */
static bool
is_as_written(const struct config *c, struct bytes path, struct bytes onward)
{
	struct bytes written = bytes_sub(path, 0, path.len - 1);
	size_t at = bytes_find_last_char(written, '@'), end = bytes_find_last_char(onward, '@');
	struct bytes host = bytes_sub(written, at + 1, written.len);

	if (bytes_ends_nocase(written, onward))
		return true;
	return (bytes_equal_nocase(host, BYTES("localhost")) || bytes_equal_nocase(host, c->hostname)) && c->domains.count &&
		bytes_equal_nocase(bytes_sub(onward, end + 1, onward.len), c->domains.at[0]) && bytes_ends_nocase(bytes_sub(written, 0, at), bytes_sub(onward, 0, end));
}

static int
try_path(struct trial *t, enum admission_client client, struct bytes path)
{
	uint8_t space[PATH_TEXT_MAX];
	struct buf onward;

	buf_init_fixed(&onward, space, sizeof space);
	if (!t->try(t->arg, client, path, &onward))
		return 0;
	t->out->leave[client]++;
	if (is_as_written(t->config, path, buf_bytes(&onward)) && (client != CLIENT_STRANGER || is_named(t->config, buf_bytes(&onward))))
		return 0;
	return fault_set(t->f, FAULT_PERM, "%s who names %.*s would reach %.*s through this server", names[client], BYTES_ARG(bytes_sub(path, 0, 80)),
		BYTES_ARG(bytes_sub(buf_bytes(&onward), 0, 80)));
}

static int
try_name(struct trial *t, const struct config_where *where, struct bytes local, struct bytes domain)
{
	uint8_t space[PATH_TEXT_MAX];
	struct buf path;

	t->out->opener = where && where->line ? where : NULL;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		buf_init_fixed(&path, space, sizeof space);
		put_shape(shapes[i], local, domain, &path);
		t->out->tried++;
		for (enum admission_client client = CLIENT_STRANGER; client < CLIENTS; client++)
			if (try_path(t, client, buf_bytes(&path)) != 0)
				return -1;
	}
	return 0;
}

static int
try_route(struct trial *t, const struct config_route *route)
{
	struct bytes domain = route->pattern, local = BYTES("x");

	if (config_route_is_for_rest(route))
		return 0;
	if (bytes_find_char(domain, '@') < domain.len)
		local = take_until(&domain, '@');
	(void)take_char(&domain, '.');
	return try_name(t, &route->where, local, domain);
}

int
relaying_prove(const struct config *c, relaying_try try, void *arg, struct relaying *out, struct fault *f)
{
	struct trial t = { c, try, arg, out, f };
	int result = 0;

	for (size_t i = 0; result == 0 && i < c->route_count && i < NAMES_MAX; i++)
		result = try_route(&t, &c->routes[i]);
	for (size_t i = 0; result == 0 && i < c->relayed_count && i < NAMES_MAX; i++)
		result = try_name(&t, &c->relayed[i].where, BYTES("x"), c->relayed[i].domain);
	for (size_t i = 0; result == 0 && i < c->domains.count && i < NAMES_MAX; i++)
		result = try_name(&t, NULL, BYTES("x"), c->domains.at[i]);
	if (result == 0 && c->hostname.len)
		result = try_name(&t, NULL, BYTES("x"), c->hostname);
	return result;
}

/* ---- as the server decides */

/* Somebody whom all addresses can be made of: what holds for who is known is tried too. */
static void
put_user(struct accounts *a, struct bytes domain)
{
	uint8_t space[SMTP_PATH_OCTETS_MAX];
	struct buf address;

	buf_init_fixed(&address, space, sizeof space);
	put_text(&address, "x@");
	put_bytes(&address, domain);
	accounts_put_user(a, &(struct user_record){ .address = buf_bytes(&address), .is_enabled = true });
}

void
relaying_rehearsal_init(struct relaying_rehearsal *r, const struct config *config)
{
	static const struct accounts_handlers handlers = { NULL };

	r->config = config;
	r->accounts = accounts_new(config, &handlers, NULL);
	accounts_begin(r->accounts);
	for (size_t i = 0; i < config->domains.count; i++)
		put_user(r->accounts, config->domains.at[i]);
	for (size_t i = 0; i < config->relayed_count; i++)
		put_user(r->accounts, config->relayed[i].domain);
	accounts_end(r->accounts);
}

void
relaying_rehearsal_done(struct relaying_rehearsal *r)
{
	accounts_free(&r->accounts);
}

static bool
is_refused(const struct config *c, struct bytes address)
{
	const struct config_route *way = config_find_way(c, BYTES_NONE, address, bytes_sub(address, bytes_find_last_char(address, '@') + 1, address.len));

	return way && way->kind == ROUTE_REFUSE;
}

bool
relaying_is_refused(const struct config *c, struct bytes domain)
{
	uint8_t space[SMTP_PATH_OCTETS_MAX];
	struct buf address;

	buf_init_fixed(&address, space, sizeof space);
	put_char(&address, '@');
	put_bytes(&address, domain);
	return is_refused(c, buf_bytes(&address));
}

static bool
decide(const struct relaying_rehearsal *r, enum admission_client client, const struct smtp_path *path, struct buf *onward)
{
	struct targets *targets = NEW(struct targets);
	uint8_t space[SMTP_PATH_OCTETS_MAX];
	enum admission admission;
	bool leaves = false;
	struct buf address;

	buf_init_fixed(&address, space, sizeof space);
	smtp_path_put_address(path, &address);
	admission = admission_decide(r->config, client, BYTES_NONE, buf_bytes(&address), accounts_resolve(r->accounts, buf_bytes(&address), targets));
	if (admission == ADMITTED_ONWARD) {
		put_bytes(onward, path->text);
		leaves = true;
	}
	for (size_t i = 0; admission == ADMITTED && i < targets->count && !leaves; i++)
		if (!targets->at[i].account && !is_refused(r->config, targets->at[i].address)) {
			put_bytes(onward, targets->at[i].address);
			leaves = true;
		}
	memory_free(targets);
	return leaves;
}

bool
relaying_rehearse(void *arg, enum admission_client client, struct bytes path, struct buf *onward)
{
	struct arena *arena = arena_new("relaying", ARENA_MAX, ARENA_PLAIN);
	struct smtp_path parsed;
	bool leaves = smtp_path_parse(&path, true, arena, &parsed, NULL) == 0 && path.len == 0 && decide(arg, client, &parsed, onward);

	arena_free(&arena);
	return leaves;
}
