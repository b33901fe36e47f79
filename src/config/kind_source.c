/* source_address ADDRESS [ADDRESS] */
#include "config/kind.h"
#include "sys/net.h"

static const char *
source_trouble(struct bytes text, struct net_address *out)
{
	bool has_port = bytes_find_char(text, '.') < text.len && bytes_find_char(text, ':') < text.len;

	if (has_port || bytes_find_char(text, '[') < text.len || net_address_parse(text, 0, out, NULL) ||
		out->storage.ss_family == AF_UNSPEC)
		return "an address is needed, such as 192.0.2.1 or 2001:db8::1, without a port";
	return NULL;
}

bool
kind_read_source(struct config_reading *r, const struct config_setting *s)
{
	struct bytes *list = arena_take(r->config->arena, s->count * sizeof *list);
	struct net_address parsed[2];

	if (!list)
		return kind_full(r, s->at);
	for (size_t i = 0; i < s->count; i++) {
		const struct config_value *v = &s->values[i];
		const char *trouble = source_trouble(v->text, &parsed[i]);

		if (trouble)
			return config_error_add(r->errors, &v->at, "source_address %s: %s", config_show(v->text).text, trouble);
		if (i > 0 && parsed[0].storage.ss_family == parsed[1].storage.ss_family)
			return config_error_add(r->errors, &v->at, "source_address %s: of two, one is IPv4 and the other IPv6",
				config_show(v->text).text);
		if (!arena_copy(r->config->arena, v->text, &list[i]))
			return kind_full(r, &v->at);
	}
	r->config->source_addresses = (struct config_texts){ list, s->count };
	return true;
}

void
kind_put_source(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	if (c->source_addresses.count == 0)
		return;
	kind_put_name(out, d);
	for (size_t i = 0; i < c->source_addresses.count; i++) {
		put_text(out, i > 0 ? " " : "");
		config_tree_put_value(out, c->source_addresses.at[i]);
	}
	put_text(out, ";\n");
}
