/* outgoing_login HOST NAME file:FILE [SENDER]; in a slice the password stands behind it ("" for no SENDER). */
#include "config/kind.h"
#include "config/name.h"

enum { LOGINS_MAX = 100, NAME_OCTETS_MAX = 320 };

/* Of that host and that very sender. */
static const struct config_login *
find(const struct config *c, struct bytes host, struct bytes sender)
{
	struct address space;
	struct bytes name = name_folded(sender, &space);

	for (size_t i = 0; i < c->login_count; i++)
		if (kind_is_same_host(c->logins[i].host, host) && bytes_equal(c->logins[i].sender, name))
			return &c->logins[i];
	return NULL;
}

const struct config_login *
config_login_for(const struct config *c, struct bytes host, struct bytes sender)
{
	const struct config_login *own = find(c, host, sender);

	return own ? own : find(c, host, BYTES_NONE);
}

static const char *
login_trouble(const struct config *c, struct config_login *made)
{
	const char *trouble = kind_host_trouble(&made->host);

	if (!trouble && made->sender.len)
		trouble = name_address_trouble(made->sender);
	return trouble ? trouble : find(c, made->host, made->sender) ? "it is there already" : NULL;
}

static const char *
login_name_trouble(struct bytes name)
{
	if (name.len == 0 || name.len > NAME_OCTETS_MAX || !bytes_is_utf8(name) || bytes_find_char(name, '\0') < name.len)
		return "a name is needed, of 320 octets at most";
	return NULL;
}

bool
kind_read_login(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct config_login made = { .host = s->values[0].text, .sender = s->count > 3 ? s->values[3].text : BYTES_NONE }, *list;
	struct bytes path = s->values[2].text;
	const char *trouble = login_trouble(c, &made);
	struct address space;

	if (trouble)
		return config_error_add(r->errors, &s->values[0].at, "outgoing_login %s: %s", config_show(made.host).text, trouble);
	trouble = login_name_trouble(s->values[1].text);
	if (trouble)
		return config_error_add(r->errors, &s->values[1].at, "outgoing_login: %s", trouble);
	/* The value itself is not shown: it may be the password. */
	if (!take_text(&path, BYTES("file:")))
		return config_error_add(r->errors, &s->values[2].at, "outgoing_login: the password stands in a file of its own, not here: "
			"outgoing_login HOST NAME file:/etc/mermoz/relay.secret;");
	trouble = name_path_trouble(path);
	if (trouble)
		return config_error_add(r->errors, &s->values[2].at, "outgoing_login %s: %s", config_show(path).text, trouble);
	if (c->login_count == LOGINS_MAX)
		return config_error_add(r->errors, s->at, "there are %d log-ins at most", LOGINS_MAX);
	list = arena_grow(c->arena, c->logins, c->login_count, sizeof *list);
	if (!list || !arena_copy(c->arena, made.host, &made.host) || !arena_copy(c->arena, s->values[1].text, &made.name) ||
		!arena_copy(c->arena, path, &made.file) || !arena_copy(c->arena, name_folded(made.sender, &space), &made.sender) ||
		(s->count == 5 && !arena_copy(c->arena, s->values[4].text, &made.secret_password)))
		return kind_full(r, s->at);
	if (!kind_keep_where(r, s->at, &made.where))
		return false;
	list[c->login_count++] = made;
	c->logins = list;
	return true;
}

static void
put_login(const struct config_login *l, enum config_form form, struct buf *out)
{
	struct buf file;

	config_tree_put_value(out, l->host);
	put_char(out, ' ');
	config_tree_put_value(out, l->name);
	put_char(out, ' ');
	buf_init(&file, l->file.len + 5);
	put_text(&file, "file:");
	put_bytes(&file, l->file);
	config_tree_put_value(out, buf_bytes(&file));
	buf_done(&file);
	if (form == CONFIG_FORM_SLICE || l->sender.len) {
		put_char(out, ' ');
		config_tree_put_value(out, l->sender);
	}
	if (form == CONFIG_FORM_SLICE) {
		put_char(out, ' ');
		config_tree_put_value(out, l->secret_password);
	}
}

void
kind_put_login(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	for (size_t i = 0; i < c->login_count; i++) {
		kind_put_name(out, d);
		put_login(&c->logins[i], form, out);
		put_text(out, ";\n");
	}
}
