#include "proto/auth/userdb.h"

#include "base/memory.h"

#include <assert.h>

enum { OUTPUT_MAX = 1024 * 1024, COMMAND_OCTETS_MAX = 2 * AUTH_LINE_OCTETS_MAX };

struct auth_userdb {
	enum auth_userdb_effect_kind asked; /* what is to be asked or answered; NEED_INPUT: nothing */
	bool is_first; /* the list begins */
	uint32_t id; /* of the command */
	struct bytes name; /* of a list: the mask, empty for all */
	struct arena *arena; /* of the command */
	struct buf out;
	size_t reported; /* octets of out that the last step gave away */
	bool has_version;
	const char *wrong; /* NULL: nothing */
};

struct auth_userdb *
auth_userdb_new(uint32_t process)
{
	struct auth_userdb *u = NEW(struct auth_userdb);

	u->arena = arena_new("userdb command", COMMAND_OCTETS_MAX, ARENA_PLAIN);
	buf_init(&u->out, OUTPUT_MAX);
	put_format(&u->out, "VERSION\t%d\t%d\nSPID\t%u\n", AUTH_MAJOR_VERSION, AUTH_MINOR_VERSION, process);
	return u;
}

void
auth_userdb_free(struct auth_userdb **u)
{
	if (!*u)
		return;
	arena_free(&(*u)->arena);
	buf_done(&(*u)->out);
	memory_free(*u);
	*u = NULL;
}

/* ---- answers */

static void
answered(struct auth_userdb *u)
{
	u->asked = AUTH_USERDB_NEED_INPUT;
	u->name = BYTES_NONE;
}

static void
put_parameter(struct auth_userdb *u, const char *name, struct bytes value)
{
	put_format(&u->out, "\t%s", name);
	auth_put_escaped(&u->out, value);
}

void
auth_userdb_answer_user(struct auth_userdb *u, const struct auth_userdb_user *user)
{
	assert(u->asked == AUTH_USERDB_USER);
	put_format(&u->out, "USER\t%u", u->id);
	put_parameter(u, "", user->address);
	put_format(&u->out, "\tuid=%u\tgid=%u", user->uid, user->gid);
	put_parameter(u, "home=", user->home);
	put_parameter(u, "mail=maildir:", user->maildir);
	/* The same for Dovecot 2.4, where a place without a driver of its own is nowhere. */
	put_text(&u->out, "\tmail_driver=maildir");
	put_parameter(u, "mail_path=", user->maildir);
	put_char(&u->out, '\n');
	answered(u);
}

void
auth_userdb_answer_pass(struct auth_userdb *u, struct bytes address)
{
	assert(u->asked == AUTH_USERDB_PASS);
	put_format(&u->out, "PASS\t%u", u->id);
	put_parameter(u, "user=", address);
	put_char(&u->out, '\n');
	answered(u);
}

void
auth_userdb_answer_absent(struct auth_userdb *u)
{
	assert(u->asked == AUTH_USERDB_USER || u->asked == AUTH_USERDB_PASS);
	put_format(&u->out, "NOTFOUND\t%u\n", u->id);
	answered(u);
}

void
auth_userdb_answer_later(struct auth_userdb *u)
{
	assert(u->asked == AUTH_USERDB_USER || u->asked == AUTH_USERDB_PASS);
	put_format(&u->out, "FAIL\t%u\tcode=temp_fail\treason=Temporary failure, please try again later\n", u->id);
	answered(u);
}

/* "*" is any octets, "?" is one; lower and upper case are the same.  What a "*" took grows only when what is behind
   it does not fit. */
static bool
mask_fits(struct bytes mask, struct bytes name)
{
	size_t m = 0, n = 0, behind_star = 0, taken = 0;

	while (n < name.len) {
		if (m < mask.len && mask.ptr[m] == '*') {
			behind_star = ++m;
			taken = n;
		} else if (m < mask.len && (mask.ptr[m] == '?' || byte_lower(mask.ptr[m]) == byte_lower(name.ptr[n]))) {
			m++;
			n++;
		} else if (behind_star > 0) {
			m = behind_star;
			n = ++taken;
		} else {
			return false;
		}
	}
	while (m < mask.len && mask.ptr[m] == '*')
		m++;
	return m == mask.len;
}

void
auth_userdb_add(struct auth_userdb *u, struct bytes address)
{
	assert(u->asked == AUTH_USERDB_LIST);
	if (u->name.len > 0 && !mask_fits(u->name, address))
		return;
	put_format(&u->out, "LIST\t%u", u->id);
	put_parameter(u, "", address);
	put_char(&u->out, '\n');
}

void
auth_userdb_end(struct auth_userdb *u, bool is_whole)
{
	assert(u->asked == AUTH_USERDB_LIST);
	put_format(&u->out, "DONE\t%u\t%s\n", u->id, is_whole ? "" : "fail");
	answered(u);
}

/* ---- commands */

/* "USER" / "PASS" TAB id TAB name TAB "service=" service *(TAB parameter).  A name that can't be one is
   nobody's; which service it is for makes no difference. */
static void
look_up(struct auth_userdb *u, struct bytes line, enum auth_userdb_effect_kind kind)
{
	struct bytes name;

	if (!auth_take_id(&line, &u->id) || !auth_take_field(&line, &name) || !auth_unescape(name, u->arena, &name)) {
		u->wrong = "a look-up without id or name";
		return;
	}
	u->asked = kind;
	if (name.len == 0 || name.len > AUTH_USERDB_NAME_OCTETS_MAX)
		auth_userdb_answer_absent(u);
	else if (!arena_copy(u->arena, name, &u->name))
		auth_userdb_answer_later(u);
}

static void
command_user(struct auth_userdb *u, struct bytes line)
{
	look_up(u, line, AUTH_USERDB_USER);
}

static void
command_pass(struct auth_userdb *u, struct bytes line)
{
	look_up(u, line, AUTH_USERDB_PASS);
}

/* [TAB "user=" mask] among the parameters of a list.  False: it can't be one. */
static bool
take_mask(struct auth_userdb *u, struct bytes line)
{
	struct bytes field, mask;

	while (auth_take_field(&line, &field)) {
		if (!auth_unescape(field, u->arena, &mask))
			return false;
		if (take_text(&mask, BYTES("user=")) &&
			(mask.len > AUTH_USERDB_NAME_OCTETS_MAX || !arena_copy(u->arena, mask, &u->name)))
			return false;
	}
	return true;
}

/* "LIST" TAB id *(TAB parameter) */
static void
command_list(struct auth_userdb *u, struct bytes line)
{
	if (!auth_take_id(&line, &u->id)) {
		u->wrong = "LIST without id";
		return;
	}
	u->asked = AUTH_USERDB_LIST;
	u->is_first = true;
	if (!take_mask(u, line))
		auth_userdb_end(u, false);
}

static void
command_version(struct auth_userdb *u, struct bytes line)
{
	u->has_version = auth_is_our_version(line);
	if (!u->has_version)
		u->wrong = "another version of the protocol";
}

static const struct {
	struct bytes name;
	bool needs_version; /* exactly */
	void (*run)(struct auth_userdb *u, struct bytes line);
} commands[] = {
	{ BYTES_INIT("VERSION"), false, command_version },
	{ BYTES_INIT("USER"), true, command_user },
	{ BYTES_INIT("PASS"), true, command_pass },
	{ BYTES_INIT("LIST"), true, command_list },
};

/* What there is not, such as the REQUEST of a master that takes log-ins over, fails under its id. */
static void
unknown(struct auth_userdb *u, struct bytes line)
{
	uint32_t id;

	if (u->has_version && auth_take_id(&line, &id))
		put_format(&u->out, "FAIL\t%u\treason=There is no such command\n", id);
	else
		u->wrong = "a command that there is not";
}

static void
command(struct auth_userdb *u, struct bytes line)
{
	struct bytes name;

	(void)auth_take_field(&line, &name);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (!bytes_equal(name, commands[i].name))
			continue;
		if (commands[i].needs_version == u->has_version)
			commands[i].run(u, line);
		else
			u->wrong = "a command that is out of order";
		return;
	}
	unknown(u, line);
}

/* ---- the machine */

static void
forget_last_step(struct auth_userdb *u)
{
	buf_drop(&u->out, u->reported);
	u->reported = 0;
	if (u->out.len > 0)
		return;
	buf_done(&u->out);
	buf_init(&u->out, OUTPUT_MAX);
	if (u->asked == AUTH_USERDB_NEED_INPUT)
		arena_release(u->arena);
}

static bool
is_due(struct auth_userdb *u, struct auth_userdb_effect *effect)
{
	if (u->out.len > 0) {
		u->reported = u->out.len;
		effect->kind = AUTH_USERDB_OUTPUT;
		effect->octets = buf_bytes(&u->out);
		return true;
	}
	if (u->wrong) {
		effect->kind = AUTH_USERDB_CLOSE;
		effect->octets = bytes_text(u->wrong);
		return true;
	}
	effect->kind = u->asked;
	effect->name = u->name;
	effect->is_first = u->is_first;
	u->is_first = false;
	return u->asked != AUTH_USERDB_NEED_INPUT;
}

enum auth_userdb_effect_kind
auth_userdb_step(struct auth_userdb *u, struct bytes *in, struct auth_userdb_effect *effect)
{
	struct bytes line;

	*effect = (struct auth_userdb_effect){ .kind = AUTH_USERDB_NEED_INPUT };
	forget_last_step(u);
	while (!is_due(u, effect)) {
		enum auth_line kind = auth_take_line(in, AUTH_LINE_OCTETS_MAX, &line);

		if (kind == AUTH_LINE_NONE)
			break;
		arena_reset(u->arena);
		if (kind == AUTH_LINE_WHOLE)
			command(u, line);
		else
			u->wrong = "a line that is too long";
	}
	return effect->kind;
}
