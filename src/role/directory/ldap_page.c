#include "role/directory/ldap_page.h"

#include "role/directory/ldap_link_internal.h"

/* More entries than fit; a server that always knows another page ends here. */
enum { PAGE_ENTRIES = 500, PAGES_MAX = 10000 };

static int
give_entries(struct ldap_link *link, const struct ldap_page_search *s, LDAPMessage *result, struct fault *f)
{
	for (LDAPMessage *e = ldap_first_entry(link->wire.ld, result); e; e = ldap_next_entry(link->wire.ld, e))
		if (s->each(s->arg, e, f) != 0)
			return -1;
	return 0;
}

/* Takes what the server says of the next page; an LDAP result code. */
static int
take_cookie(struct ldap_link *link, LDAPMessage *result, struct berval *cookie)
{
	LDAPControl **answered = NULL, *found;
	int outcome = LDAP_SUCCESS, code;
	ber_int_t count;

	code = ldap_parse_result(link->wire.ld, result, &outcome, NULL, NULL, NULL, &answered, 0);
	if (code == LDAP_SUCCESS)
		code = outcome;
	found = answered ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, answered, NULL) : NULL;
	if (code == LDAP_SUCCESS && found)
		code = ldap_parse_pageresponse_control(link->wire.ld, found, &count, cookie);
	ldap_controls_free(answered);
	return code;
}

/* One page; *cookie is the next one's then. */
static int
read_page(struct ldap_link *link, const struct ldap_page_search *s, struct berval *cookie, struct fault *f)
{
	LDAPControl *page = NULL, *asked[2] = { NULL, NULL };
	struct timeval timeout = link->timeout;
	LDAPMessage *result = NULL;
	int code = ldap_create_page_control(link->wire.ld, PAGE_ENTRIES, cookie, 0, &page), given;

	asked[0] = page;
	if (code == LDAP_SUCCESS)
		code = ldap_search_ext_s(link->wire.ld, link->base, LDAP_SCOPE_SUBTREE, s->filter, (char **)(void *)s->wanted, 0, asked, NULL,
			&timeout, LDAP_NO_LIMIT, &result);
	ldap_control_free(page);
	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){ 0, NULL };
	if (code == LDAP_SUCCESS)
		code = take_cookie(link, result, cookie);
	given = code == LDAP_SUCCESS ? give_entries(link, s, result, f) : ldap_link_failed(link, "search", code, f);
	(void)ldap_msgfree(result);
	return given;
}

int
ldap_page_search(struct ldap_link *link, const struct ldap_page_search *s, struct fault *f)
{
	struct berval cookie = { 0, NULL };
	int result, pages = 0;

	do {
		ldap_link_begin(link);
		result = ldap_link_end(link, read_page(link, s, &cookie, f), "search", f);
	} while (result == 0 && cookie.bv_len > 0 && ++pages < PAGES_MAX);
	if (result == 0 && cookie.bv_len > 0)
		result = fault_set(f, FAULT_LIMIT, "the server knows more than %d pages", PAGES_MAX);
	ber_memfree(cookie.bv_val);
	return result;
}
