/* relay_for DOMAIN known|any */
#include "config/kind.h"

#include "config/name.h"
#include "config/route.h"

enum { RELAYED_MAX = 10000 };

static const char *
read_relayed(const struct config *c, const struct config_setting *s, struct config_relayed *out, size_t *which)
{
	struct bytes word = s->values[1].text;
	const char *trouble = name_domain_trouble(s->values[0].text);

	out->takes_any = bytes_equal(word, BYTES("any"));
	if (trouble)
		return trouble;
	if (config_find_relayed(c, s->values[0].text))
		return "it is there already";
	*which = 1;
	if (!out->takes_any && !bytes_equal(word, BYTES("known")))
		return "behind the domain stands \"known\" (the addresses that the directory has) or \"any\"";
	return NULL;
}

bool
kind_read_relayed(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct config_relayed made = { 0 }, *list = NULL;
	struct config_place *places = NULL;
	size_t which = 0;
	const char *trouble = read_relayed(c, s, &made, &which);
	struct address space;

	if (trouble)
		return config_error_add(r->errors, &s->values[which].at, "relay_for %s: %s", config_show(s->values[0].text).text, trouble);
	if (c->relayed_count < RELAYED_MAX) {
		list = arena_grow(c->arena, c->relayed, c->relayed_count, sizeof *list);
		places = arena_grow(c->arena, r->relayed_at, c->relayed_count, sizeof *places);
	}
	if (!list || !places || !arena_copy(c->arena, name_folded(s->values[0].text, &space), &made.domain) || !kind_keep_where(r, s->at, &made.where))
		return kind_full(r, s->at);
	places[c->relayed_count] = s->values[0].at;
	list[c->relayed_count++] = made;
	c->relayed = list;
	r->relayed_at = places;
	return true;
}

void
kind_put_relayed(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	for (size_t i = 0; i < c->relayed_count; i++) {
		kind_put_name(out, d);
		config_tree_put_value(out, c->relayed[i].domain);
		put_text(out, c->relayed[i].takes_any ? " any;\n" : " known;\n");
	}
}
