#include "config/kind.h"

#include "config/name.h"
#include "config/near.h"
#include "config/unit.h"

#include <assert.h>
#include <string.h>

bool
kind_full(struct config_reading *r, const struct config_place *at)
{
	return config_error_add(r->errors, at, "the configuration is too large");
}

bool
kind_keep_where(struct config_reading *r, const struct config_place *at, struct config_where *out)
{
	*out = (struct config_where){ .line = 0 };
	if (r->is_slice)
		return true;
	if (r->where_file != at->file && !arena_copy(r->config->arena, bytes_text(at->file), &r->where_copy))
		return kind_full(r, at);
	r->where_file = at->file;
	*out = (struct config_where){ r->where_copy, at->line, at->column };
	return true;
}

void
kind_put_name(struct buf *out, const struct directive *d)
{
	put_text(out, d->block[0] ? "    " : "");
	put_text(out, d->name);
	put_char(out, ' ');
}

static struct bytes *
text_member(struct config *c, const struct directive *d)
{
	assert(d->width == sizeof(struct bytes));
	return (struct bytes *)(void *)((char *)c + d->offset);
}

static uint64_t
number_of(const struct config *c, const struct directive *d)
{
	const char *member = (const char *)c + d->offset;
	uint64_t wide;
	uint32_t narrow;

	if (d->width == sizeof wide) {
		memcpy(&wide, member, sizeof wide);
		return wide;
	}
	assert(d->width == sizeof narrow);
	memcpy(&narrow, member, sizeof narrow);
	return narrow;
}

static void
set_number(struct config *c, const struct directive *d, uint64_t value)
{
	char *member = (char *)c + d->offset;
	uint32_t narrow = (uint32_t)value;

	if (d->width == sizeof value) {
		memcpy(member, &value, sizeof value);
		return;
	}
	assert(d->width == sizeof narrow && narrow == value);
	memcpy(member, &narrow, sizeof narrow);
}

/* Keeps the text, unless `trouble` says what is wrong with it. */
static bool
read_text(struct config_reading *r, const struct config_setting *s, const char *trouble)
{
	const struct config_value *v = &s->values[0];

	if (trouble)
		return config_error_add(r->errors, &v->at, "%s %s: %s", s->directive->name, config_show(v->text).text,
			trouble);
	if (!arena_copy(r->config->arena, v->text, text_member(r->config, s->directive)))
		return kind_full(r, &v->at);
	return true;
}

static void
put_text_value(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	struct bytes text;

	(void)form;
	memcpy(&text, (const char *)c + d->offset, sizeof text);
	if (text.len == 0 && d->initial[0] == '\0')
		return;
	kind_put_name(out, d);
	config_tree_put_value(out, text);
	put_text(out, ";\n");
}

static bool
read_hostname(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, name_host_trouble(s->values[0].text));
}

static const char *
delimiter_trouble(struct bytes text)
{
	if (text.len > 8)
		return "8 characters at most";
	for (size_t i = 0; i < text.len; i++)
		if (!byte_is_class(text.ptr[i], CLASS_ATEXT | CLASS_DIGIT) ||
			byte_is_class(text.ptr[i], CLASS_ALPHA | CLASS_DIGIT))
			return "one or more of ! # $ % & ' * + - / = ? ^ _ ` { | } ~, or \"\" for none";
	return NULL;
}

static bool
read_delimiter(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, delimiter_trouble(s->values[0].text));
}

static bool
read_address(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, name_address_trouble(s->values[0].text));
}

static bool
read_path(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, name_path_trouble(s->values[0].text));
}

static bool
read_user(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, name_user_trouble(s->values[0].text));
}

static bool
read_template(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, name_template_trouble(s->values[0].text));
}

static bool
read_ldap_filter(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, kind_filter_trouble(s->values[0].text));
}

static bool
read_ldap_name(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, kind_attribute_trouble(s->values[0].text));
}

static bool
read_dn(struct config_reading *r, const struct config_setting *s)
{
	return read_text(r, s, kind_dn_trouble(s->values[0].text));
}

static bool
read_choice(struct config_reading *r, const struct config_setting *s)
{
	const struct config_value *v = &s->values[0];
	struct bytes rest = bytes_text(s->directive->syntax);
	uint32_t index = 0;

	while (rest.len > 0) {
		if (bytes_equal(take_until(&rest, '|'), v->text)) {
			set_number(r->config, s->directive, index);
			return true;
		}
		index++;
	}
	return config_error_add(r->errors, &v->at, "%s is one of %s, not %s", s->directive->name,
		s->directive->syntax, config_show(v->text).text);
}

static void
put_choice(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	struct bytes rest = bytes_text(d->syntax), word = BYTES_NONE;

	(void)form;
	for (uint64_t i = 0; i <= number_of(c, d); i++)
		word = take_until(&rest, '|');
	kind_put_name(out, d);
	put_bytes(out, word);
	put_text(out, ";\n");
}

/* The number in the unit of least and most, as it is printed in errors. */
static void
put_plain(struct buf *out, enum directive_kind kind, uint64_t value)
{
	if (kind == KIND_SIZE)
		unit_put_size(out, value);
	else if (kind == KIND_SECONDS)
		unit_put_time(out, value * 1000);
	else if (kind == KIND_MILLISECONDS)
		unit_put_time(out, value);
	else
		put_number(out, value);
}

static bool
set_in_range(struct config_reading *r, const struct config_setting *s, uint64_t value)
{
	const struct directive *d = s->directive;
	char text[64];
	struct buf range;

	if (value >= d->least && value <= d->most) {
		set_number(r->config, d, value);
		return true;
	}
	buf_init_fixed(&range, text, sizeof text);
	put_plain(&range, d->kind, d->least);
	put_text(&range, " to ");
	put_plain(&range, d->kind, d->most);
	return config_error_add(r->errors, &s->values[0].at, "%s %s: it may be %.*s%s%s", d->name,
		config_show(s->values[0].text).text, BYTES_ARG(buf_bytes(&range)), d->rfc[0] ? "; see " : "", d->rfc);
}

static bool
not_a(struct config_reading *r, const struct config_setting *s, const char *what)
{
	return config_error_add(r->errors, &s->values[0].at, "%s %s: %s", s->directive->name,
		config_show(s->values[0].text).text, what);
}

static bool
read_number(struct config_reading *r, const struct config_setting *s)
{
	struct bytes rest = s->values[0].text;
	uint64_t value;

	if (!take_number(&rest, UINT64_MAX, &value) || rest.len > 0)
		return not_a(r, s, "a number is needed");
	return set_in_range(r, s, value);
}

static bool
read_size(struct config_reading *r, const struct config_setting *s)
{
	uint64_t value;

	if (!unit_parse_size(s->values[0].text, &value))
		return not_a(r, s, "a size is needed: octets, or a number with K, M or G, such as 50M");
	return set_in_range(r, s, value);
}

static bool
read_seconds(struct config_reading *r, const struct config_setting *s)
{
	uint64_t value;

	if (!unit_parse_time(s->values[0].text, &value) || value % 1000 != 0)
		return not_a(r, s, "a time in whole seconds is needed: a number with s, m, h or d, such as 5m");
	return set_in_range(r, s, value / 1000);
}

static bool
read_milliseconds(struct config_reading *r, const struct config_setting *s)
{
	uint64_t value;

	if (!unit_parse_time(s->values[0].text, &value))
		return not_a(r, s, "a time is needed: a number with ms, s, m, h or d, such as 30s");
	return set_in_range(r, s, value);
}

static void
put_number_value(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	kind_put_name(out, d);
	put_plain(out, d->kind, number_of(c, d));
	put_text(out, ";\n");
}

const struct config_kind config_kinds[KIND_COUNT] = {
	[KIND_HOSTNAME] = { 1, 1, false, read_hostname, put_text_value },
	[KIND_DOMAINS] = { 1, CONFIG_VALUES_MAX, true, kind_read_domains, kind_put_domains },
	[KIND_DELIMITER] = { 1, 1, false, read_delimiter, put_text_value },
	[KIND_ADDRESS] = { 1, 1, false, read_address, put_text_value },
	[KIND_PATH] = { 1, 1, false, read_path, put_text_value },
	[KIND_USER] = { 1, 1, false, read_user, put_text_value },
	[KIND_TEMPLATE] = { 1, 1, false, read_template, put_text_value },
	[KIND_LISTEN] = { 2, 8, true, kind_read_listen, kind_put_listen },
	[KIND_RESOLVER] = { 1, 2, true, kind_read_resolver, kind_put_resolver },
	[KIND_CERTIFICATE] = { 2, 2, true, kind_read_certificate, kind_put_certificate },
	[KIND_LDAP_SERVER] = { 1, 1, true, kind_read_ldap_server, kind_put_ldap_server },
	[KIND_LDAP_BIND] = { 2, 2, false, kind_read_ldap_bind, kind_put_ldap_bind },
	[KIND_LDAP_FILTER] = { 1, 1, false, read_ldap_filter, put_text_value },
	[KIND_LDAP_NAME] = { 1, 1, false, read_ldap_name, put_text_value },
	[KIND_DN] = { 1, 1, false, read_dn, put_text_value },
	[KIND_SOURCE] = { 1, 2, false, kind_read_source, kind_put_source },
	[KIND_TLS_RULE] = { 2, 10, true, kind_read_tls_rule, kind_put_tls_rule },
	[KIND_LOGIN] = { 3, 4, true, kind_read_login, kind_put_login },
	[KIND_CHOICE] = { 1, 1, false, read_choice, put_choice },
	[KIND_NUMBER] = { 1, 1, false, read_number, put_number_value },
	[KIND_SIZE] = { 1, 1, false, read_size, put_number_value },
	[KIND_SECONDS] = { 1, 1, false, read_seconds, put_number_value },
	[KIND_MILLISECONDS] = { 1, 1, false, read_milliseconds, put_number_value },
	[KIND_ROUTE] = { 3, 4, true, kind_read_route, kind_put_route },
	[KIND_SENDER_ROUTE] = { 3, 3, true, kind_read_sender_route, kind_put_sender_route },
	[KIND_RELAYED] = { 2, 2, true, kind_read_relayed, kind_put_relayed },
	[KIND_DKIM] = { 3, 3, true, kind_read_dkim, kind_put_dkim },
	[KIND_SRS] = { 1, 2, false, kind_read_srs, kind_put_srs },
	[KIND_TRUSTED_USERS] = { 1, CONFIG_VALUES_MAX, true, kind_read_trusted_users, kind_put_trusted_users },
	[KIND_ALIASES] = { 1, 2, true, kind_read_aliases, kind_put_aliases },
	[KIND_NETWORKS] = { 1, CONFIG_VALUES_MAX, true, kind_read_networks, kind_put_networks },
};
