/* Names as configuration holds them: of hosts, domains, accounts, files. */
#ifndef CONFIG_NAME_H
#define CONFIG_NAME_H

#include "config/address.h"

#define NAME_DOMAIN_MAX 253
#define NAME_LABEL_MAX 63

/* The address without the quotes of its local part, which need not be there (RFC 5321 4.1.2): as it is, or in space. */
struct bytes name_unquoted(struct bytes address, uint8_t space[ADDRESS_OCTETS_MAX]);
/* The name as all are compared (address.h, and without quotes), in *space: of an address, or of a domain, which may have "." before it.  What can't be folded
   stays as it is.  What the configuration has are such names; what is looked for among them is made one first. */
struct bytes name_folded(struct bytes name, struct address *space);

/* Each says what is wrong with the name, or NULL when nothing is. */

/* Labels of letters, digits and "-" with dots between, two or more (or "localhost"); no address. */
const char *name_host_trouble(struct bytes name);
/* As a host's, and labels may be UTF-8 (RFC 6531 3.2); one label is enough only for "localhost". */
const char *name_domain_trouble(struct bytes name);
/* local-part "@" domain, the local part without quotes. */
const char *name_address_trouble(struct bytes name);
/* A full path, without NUL and "..". */
const char *name_path_trouble(struct bytes name);
/* An account of the system: letters, digits, "_", "-", "."; no number. */
const char *name_user_trouble(struct bytes name);
/* A path with %u, %d, %{attribute}, %% in it, among them %u or an attribute; or %h, which may have the rest of a path behind it. */
const char *name_template_trouble(struct bytes name);
/* Does the template begin with the account's home? */
bool name_template_has_home(struct bytes name);
/* A full path, and not "/". */
const char *name_homes_trouble(struct bytes name);
/* Does the template make different paths for one local part in two domains? */
bool name_template_has_domain(struct bytes name);

#endif
