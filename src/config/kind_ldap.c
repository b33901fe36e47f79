#include "config/kind.h"

#include "config/name.h"
#include "sys/net.h"

enum { FILTER_DEPTH_MAX = 32, FILTER_OCTETS_MAX = 4096, NAME_OCTETS_MAX = 128, DN_OCTETS_MAX = 2048 };

/* ldapurl = scheme "://" [host [COLON port]]      RFC 4516 2; nothing may stand behind it: what is read is
   said by directives. */
static const char *
server_trouble(struct bytes text)
{
	struct bytes host, rest;
	uint64_t port;

	if (!take_text_nocase(&text, BYTES("ldap://")) && !take_text_nocase(&text, BYTES("ldaps://")))
		return "it begins with ldap:// or ldaps://";
	if (text.len && text.ptr[text.len - 1] == '/')
		text.len--;
	rest = text;
	if (take_char(&rest, '[')) {
		host = take_until(&rest, ']');
		if (rest.len && !take_char(&rest, ':'))
			return "behind \"]\" comes \":\" and the port";
	} else {
		host = take_until(&rest, ':');
	}
	if (host.len == 0 || bytes_find_char(text, '/') < text.len || !bytes_all_class(text, CLASS_PRINT)
		|| bytes_find_char(text, ' ') < text.len)
		return "a host is needed, and nothing behind it but :PORT";
	if (rest.len && (!take_number(&rest, 65535, &port) || rest.len || port == 0))
		return "the port is a number from 1 to 65535";
	return NULL;
}

bool
kind_read_ldap_server(struct config_reading *r, const struct config_setting *s)
{
	struct config_texts *servers = &r->config->ldap_servers;
	const struct config_value *v = &s->values[0];
	const char *trouble = server_trouble(v->text);
	struct bytes *list;

	if (trouble)
		return config_error_add(r->errors, &v->at, "server %s: %s", config_show(v->text).text, trouble);
	if (servers->count == CONFIG_LDAP_SERVERS_MAX)
		return config_error_add(r->errors, &v->at, "there are %d servers at most", CONFIG_LDAP_SERVERS_MAX);
	list = arena_grow(r->config->arena, servers->at, servers->count, sizeof *list);
	if (!list || !arena_copy(r->config->arena, v->text, &list[servers->count]))
		return kind_full(r, &v->at);
	servers->at = list;
	r->ldap_server_at[servers->count++] = v->at;
	return true;
}

void
kind_put_ldap_server(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	for (size_t i = 0; i < c->ldap_servers.count; i++) {
		kind_put_name(out, d);
		config_tree_put_value(out, c->ldap_servers.at[i]);
		put_text(out, ";\n");
	}
}

bool
kind_read_ldap_bind(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct bytes path = s->values[1].text;
	const char *trouble = kind_dn_trouble(s->values[0].text);

	if (trouble)
		return config_error_add(r->errors, &s->values[0].at, "bind %s: %s", config_show(s->values[0].text).text,
			trouble);
	/* The value itself is not shown: it may be the password. */
	if (!take_text(&path, BYTES("file:")))
		return config_error_add(r->errors, &s->values[1].at,
			"bind: the password stands in a file of its own, not here: bind DN file:/etc/mermoz/ldap.secret;");
	trouble = name_path_trouble(path);
	if (trouble)
		return config_error_add(r->errors, &s->values[1].at, "bind %s: %s", config_show(path).text, trouble);
	if (!arena_copy(c->arena, s->values[0].text, &c->ldap_bind_dn) || !arena_copy(c->arena, path, &c->ldap_bind_file)
		|| (s->count == 3 && !arena_copy(c->arena, s->values[2].text, &c->ldap_secret_password)))
		return kind_full(r, s->at);
	return true;
}

void
kind_put_ldap_bind(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	struct buf file;

	if (c->ldap_bind_dn.len == 0)
		return;
	kind_put_name(out, d);
	config_tree_put_value(out, c->ldap_bind_dn);
	put_char(out, ' ');
	buf_init(&file, c->ldap_bind_file.len + 5);
	put_text(&file, "file:");
	put_bytes(&file, c->ldap_bind_file);
	config_tree_put_value(out, buf_bytes(&file));
	buf_done(&file);
	if (form == CONFIG_FORM_SLICE) {
		put_char(out, ' ');
		config_tree_put_value(out, c->ldap_secret_password);
	}
	put_text(out, ";\n");
}

const char *
kind_filter_trouble(struct bytes text)
{
	int depth = 0;

	if (text.len > FILTER_OCTETS_MAX)
		return "it is too long";
	for (size_t i = 0; i < text.len; i++) {
		depth += (text.ptr[i] == '(') - (text.ptr[i] == ')');
		if (text.ptr[i] == '\0' || depth < 0 || depth > FILTER_DEPTH_MAX || (depth == 0 && i + 1 < text.len))
			return "a filter stands in parentheses that match, such as (&(objectClass=person)(mail=*))";
	}
	return depth == 0 && text.len > 2 ? NULL :
		"a filter stands in parentheses that match, such as (&(objectClass=person)(mail=*))";
}

/* attributedescription = attributetype options      RFC 4512 2.5 */
const char *
kind_attribute_trouble(struct bytes text)
{
	if (text.len == 0 || text.len > NAME_OCTETS_MAX)
		return "the name of an attribute is needed, such as mail";
	for (size_t i = 0; i < text.len; i++)
		if (!byte_is_class(text.ptr[i], CLASS_ALPHA | CLASS_DIGIT) && text.ptr[i] != '-' && text.ptr[i] != '.'
			&& text.ptr[i] != ';')
			return "the name of an attribute has letters, digits, \"-\", \".\" and \";\" only";
	return NULL;
}

const char *
kind_dn_trouble(struct bytes text)
{
	if (text.len > DN_OCTETS_MAX)
		return "it is too long";
	if (bytes_find_char(text, '=') == text.len || !bytes_is_utf8(text) || bytes_find_char(text, '\0') < text.len)
		return "a distinguished name is needed, such as dc=example,dc=org";
	return NULL;
}
