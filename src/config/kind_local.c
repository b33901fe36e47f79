/* trusted_users NAME ...; in a slice all users of this machine, as NAME:UID or, when they are trusted, NAME:UID:trusted. */
#include "config/apply.h"
#include "config/name.h"

/* More users are not of a machine whose programs send mail by the way of their user. */
enum { LOCAL_USERS_MAX = 10000, USERS_A_STATEMENT = 100 };

const struct config_local_user *
config_find_local_user(const struct config *c, uint32_t uid)
{
	for (size_t i = 0; i < c->local_user_count; i++)
		if (c->local_users[i].uid == uid)
			return &c->local_users[i];
	return NULL;
}

/* It becomes a local part: dot-string of RFC 5321 4.1.2, in ASCII. */
static bool
is_local_part(struct bytes name)
{
	return name.len <= 64 && bytes_is_dotted(name, CLASS_ATEXT);
}

static bool
add_user(struct config_reading *r, const struct config_local_user *user)
{
	struct config *c = r->config;
	struct config_local_user *list;

	if (c->local_user_count == LOCAL_USERS_MAX)
		return false;
	list = arena_grow(c->arena, c->local_users, c->local_user_count, sizeof *list);
	if (!list)
		return false;
	list[c->local_user_count] = *user;
	c->local_users = list;
	return arena_copy(c->arena, user->name, &list[c->local_user_count++].name);
}

/* NAME:UID[:trusted] */
static bool
read_user(struct config_reading *r, struct bytes text)
{
	struct config_local_user user = { .name = take_until(&text, ':') };
	uint64_t uid;

	if (!take_number(&text, UINT32_MAX, &uid))
		return false;
	user.uid = (uint32_t)uid;
	user.is_trusted = take_text(&text, BYTES(":trusted"));
	return text.len == 0 && add_user(r, &user);
}

static bool
add_name(struct config_reading *r, const struct config_value *v)
{
	struct config_texts *names = &r->config->trusted_users;
	const char *trouble = name_user_trouble(v->text);
	struct config_place *places;
	struct bytes *list;

	if (trouble)
		return config_error_add(r->errors, &v->at, "trusted_users %s: %s", config_show(v->text).text, trouble);
	if (names->count == LOCAL_USERS_MAX)
		return kind_full(r, &v->at);
	list = arena_grow(r->config->arena, names->at, names->count, sizeof *list);
	places = arena_grow(r->config->arena, r->trusted_user_at, names->count, sizeof *places);
	if (!list || !places || !arena_copy(r->config->arena, v->text, &list[names->count]))
		return kind_full(r, &v->at);
	places[names->count] = v->at;
	r->trusted_user_at = places;
	names->at = list;
	names->count++;
	return true;
}

static bool
read_one(struct config_reading *r, const struct config_value *v)
{
	if (!r->is_slice)
		return add_name(r, v);
	return read_user(r, v->text) || kind_full(r, &v->at);
}

bool
kind_read_trusted_users(struct config_reading *r, const struct config_setting *s)
{
	bool is_good = true;

	for (size_t i = 0; i < s->count; i++)
		is_good &= read_one(r, &s->values[i]);
	return is_good;
}

static void
put_user(const struct config_local_user *user, struct buf *out)
{
	uint8_t space[128];
	struct buf text;

	buf_init_fixed(&text, space, sizeof space);
	put_bytes(&text, user->name);
	put_format(&text, ":%u%s", user->uid, user->is_trusted ? ":trusted" : "");
	config_tree_put_value(out, buf_bytes(&text));
}

static void
put_slice(const struct config *c, const struct directive *d, struct buf *out)
{
	for (size_t i = 0; i < c->local_user_count; i++) {
		if (i % USERS_A_STATEMENT == 0) {
			put_text(out, i ? ";\n" : "");
			kind_put_name(out, d);
		} else {
			put_char(out, ' ');
		}
		put_user(&c->local_users[i], out);
	}
	put_text(out, c->local_user_count ? ";\n" : "");
}

void
kind_put_trusted_users(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	if (form == CONFIG_FORM_SLICE) {
		put_slice(c, d, out);
		return;
	}
	if (c->trusted_users.count == 0)
		return;
	kind_put_name(out, d);
	for (size_t i = 0; i < c->trusted_users.count; i++) {
		put_text(out, i ? " " : "");
		config_tree_put_value(out, c->trusted_users.at[i]);
	}
	put_text(out, ";\n");
}

static bool
is_named(const struct config *c, struct bytes name)
{
	for (size_t i = 0; i < c->trusted_users.count; i++)
		if (bytes_equal(c->trusted_users.at[i], name))
			return true;
	return false;
}

/* name:password:uid:…  What is no such line is another program's business. */
static bool
take_passwd_line(struct bytes line, struct config_local_user *out)
{
	uint64_t uid;

	out->name = take_until(&line, ':');
	(void)take_until(&line, ':');
	if (!is_local_part(out->name) || !take_number(&line, UINT32_MAX - 1, &uid) || !take_char(&line, ':'))
		return false;
	out->uid = (uint32_t)uid;
	return true;
}

static bool
has_user(const struct config *c, struct bytes name)
{
	for (size_t i = 0; i < c->local_user_count; i++)
		if (bytes_equal(c->local_users[i].name, name))
			return true;
	return false;
}

void
config_take_local_users(struct config_reading *r, struct bytes passwd)
{
	const struct config_texts *names = &r->config->trusted_users;
	const struct config_place *at = &r->seen_at[DIRECTIVE_trusted_users];

	while (passwd.len) {
		struct config_local_user user;

		if (!take_passwd_line(take_until(&passwd, '\n'), &user))
			continue;
		user.is_trusted = user.uid == 0 || is_named(r->config, user.name);
		if (!add_user(r, &user)) {
			config_warning_add(r->errors, at, "listen local: of the users of this machine only the first %d can send mail", LOCAL_USERS_MAX);
			break;
		}
	}
	for (size_t i = 0; i < names->count; i++)
		if (!has_user(r->config, names->at[i]))
			(void)config_error_add(r->errors, &r->trusted_user_at[i], "trusted_users %s: there is no such user in /etc/passwd", config_show(names->at[i]).text);
}
