#include "config/kind.h"
#include "config/name.h"

/* sockaddr_un has room for so many octets and a NUL. */
enum { UNIX_PATH_MAX = 107, MODE_INITIAL = 0600, MODE_LOCAL = 0666 };

#define PREFIX "unix:"

struct bytes
config_unix_path(struct bytes address)
{
	return take_text(&address, BYTES(PREFIX)) ? address : BYTES_NONE;
}

const char *
kind_unix_trouble(struct bytes address)
{
	struct bytes path = config_unix_path(address);

	if (path.len == 0)
		return "it listens on a socket file, such as unix:/run/mermoz/auth";
	if (path.len > UNIX_PATH_MAX)
		return "the path of a socket file has 107 octets at most";
	return name_path_trouble(path);
}

/* Three or four octal digits. */
static const char *
read_mode(struct bytes text, uint32_t *mode)
{
	uint32_t value = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '7' || text.len > 4)
			return "a mode is needed, such as 0660";
		value = value * 8 + (text.ptr[i] - '0');
	}
	if (text.len < 3 || value > 0777)
		return "a mode is needed, such as 0660";
	*mode = value;
	return NULL;
}

static const char *
read_option(struct bytes name, struct bytes value, bool *is_known, struct config_listener *out)
{
	*is_known = true;
	if (bytes_equal(name, BYTES("mode")))
		return out->mode ? "it is there already" : read_mode(value, &out->mode);
	*is_known = bytes_equal(name, BYTES("user")) || bytes_equal(name, BYTES("group"));
	if (!*is_known)
		return NULL;

	struct bytes *member = name.ptr[0] == 'u' ? &out->user : &out->group;

	if (member->len > 0)
		return "it is there already";
	*member = value;
	return name_user_trouble(value);
}

static bool
read_options(struct config_reading *r, const struct config_setting *s, struct config_listener *out)
{
	for (size_t i = 2; i < s->count; i += 2) {
		const struct config_value *v = &s->values[i];
		struct bytes value = i + 1 < s->count ? v[1].text : BYTES_NONE;
		bool is_known;
		const char *trouble = read_option(v->text, value, &is_known, out);

		if (!is_known)
			return config_error_add(r->errors, &v->at, "listen: there is no option %s; there are mode, user, group",
				config_show(v->text).text);
		if (i + 1 == s->count)
			return config_error_add(r->errors, &v->at, "listen: a value is missing behind \"%.*s\"", BYTES_ARG(v->text));
		if (trouble)
			return config_error_add(r->errors, &v->at, "listen: %.*s %s: %s", BYTES_ARG(v->text),
				config_show(value).text, trouble);
	}
	return true;
}

bool
kind_read_access(struct config_reading *r, const struct config_setting *s, struct config_listener *out)
{
	struct arena *arena = r->config->arena;

	if (kind_default_port(out->service) != 0) {
		if (s->count > 2)
			return config_error_add(r->errors, &s->values[2].at,
				"\"%.*s\": only a socket file has a mode, a user and a group", BYTES_ARG(s->values[2].text));
		return true;
	}
	if (!read_options(r, s, out))
		return false;
	if (!out->mode)
		out->mode = out->service == SERVICE_LOCAL ? MODE_LOCAL : MODE_INITIAL;
	if (!arena_copy(arena, out->user, &out->user) || !arena_copy(arena, out->group, &out->group))
		return kind_full(r, s->at);
	return true;
}

void
kind_put_access(const struct config_listener *l, struct buf *out)
{
	if (l->mode)
		put_format(out, " mode %04o", l->mode);
	if (l->user.len > 0) {
		put_text(out, " user ");
		config_tree_put_value(out, l->user);
	}
	if (l->group.len > 0) {
		put_text(out, " group ");
		config_tree_put_value(out, l->group);
	}
}
