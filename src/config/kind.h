/* How the values of each kind of directive are read and printed. */
#ifndef CONFIG_KIND_H
#define CONFIG_KIND_H

#include "config/directive.h"
#include "config/tree.h"

#define CONFIG_LISTENERS_MAX 64
#define CONFIG_CERTIFICATES_MAX 256
#define CONFIG_RESOLVERS_MAX 8

/* A reading in progress: the values found so far, and where. */
struct config_reading {
	struct config *config;
	struct config_errors *errors;
	bool is_slice; /* written by config_put_slice: files stand in it with their contents */
	bool is_partial; /* something could not be read: what is missing may well be there */
	bool is_seen[DIRECTIVE_COUNT];
	struct config_place seen_at[DIRECTIVE_COUNT]; /* the first one */
	const char *where_file; /* the last one that kind_keep_where saw, and its copy */
	struct bytes where_copy;
	struct config_place ldap_server_at[CONFIG_LDAP_SERVERS_MAX];
	struct config_place *listener_at, *certificate_at, *domain_at, *relayed_at, *aliases_at, *dkim_at, *trusted_user_at; /* as the lists in config */
};

/* A directive with its values, the second word of its name left out. */
struct config_setting {
	const struct directive *directive;
	const struct config_place *at;
	const struct config_value *values;
	size_t count;
};

enum config_form {
	CONFIG_FORM_SHOWN, /* for people: secrets as *** */
	CONFIG_FORM_SLICE, /* for a role: with the contents of files */
};

struct config_kind {
	size_t values_least, values_most;
	bool may_repeat;
	/* False: an error was added. */
	bool (*read)(struct config_reading *r, const struct config_setting *s);
	/* The statements that make this value, "name value;" each with LF; none when there is no value. */
	void (*put)(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
};

extern const struct config_kind config_kinds[KIND_COUNT];

/* Remembers where a directive stands; false: an error was added. */
bool kind_keep_where(struct config_reading *r, const struct config_place *at, struct config_where *out);
/* The kinds of kind_list.c. */
bool kind_read_domains(struct config_reading *r, const struct config_setting *s);
bool kind_read_listen(struct config_reading *r, const struct config_setting *s);
bool kind_read_certificate(struct config_reading *r, const struct config_setting *s);
void kind_put_domains(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
void kind_put_listen(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kinds of kind_ldap.c. */
bool kind_read_ldap_server(struct config_reading *r, const struct config_setting *s);
bool kind_read_ldap_bind(struct config_reading *r, const struct config_setting *s);
void kind_put_ldap_server(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
void kind_put_ldap_bind(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* NULL, or what is wrong with it as a filter (RFC 4515 3), the name of an attribute (RFC 4512 2.5), a DN. */
const char *kind_filter_trouble(struct bytes text);
const char *kind_attribute_trouble(struct bytes text);
const char *kind_dn_trouble(struct bytes text);
void kind_put_certificate(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* What is wrong with a host's name, or its address, as it stands alone, or NULL; brackets around it are left out. */
const char *kind_host_trouble(struct bytes *host);
/* The same name, or address, however it is written. */
bool kind_is_same_host(struct bytes a, struct bytes b);
/* The kinds of kind_route.c. */
bool kind_read_route(struct config_reading *r, const struct config_setting *s);
void kind_put_route(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
bool kind_read_networks(struct config_reading *r, const struct config_setting *s);
void kind_put_networks(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
bool kind_read_sender_route(struct config_reading *r, const struct config_setting *s);
void kind_put_sender_route(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_local.c. */
bool kind_read_trusted_users(struct config_reading *r, const struct config_setting *s);
void kind_put_trusted_users(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_aliases.c: files of aliases. */
bool kind_read_aliases(struct config_reading *r, const struct config_setting *s);
void kind_put_aliases(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_srs.c: the key of senders that are rewritten. */
bool kind_read_srs(struct config_reading *r, const struct config_setting *s);
void kind_put_srs(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_dkim.c: keys that mail is signed with. */
bool kind_read_dkim(struct config_reading *r, const struct config_setting *s);
void kind_put_dkim(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_relayed.c: for whom mail is taken and sent on. */
bool kind_read_relayed(struct config_reading *r, const struct config_setting *s);
void kind_put_relayed(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_resolver.c. */
bool kind_read_resolver(struct config_reading *r, const struct config_setting *s);
void kind_put_resolver(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* When the configuration names none: those of a resolv.conf (its text), else the one on this machine, as the C library does. */
void kind_add_system_resolvers(struct config *c, struct bytes resolv_conf);
/* The kinds of kind_unix.c: socket files. */
#define KIND_UNIX_ADDRESS_MAX 120
/* What is wrong with "unix:PATH", or NULL. */
const char *kind_unix_trouble(struct bytes address);
/* What stands behind the address: "mode MODE", "user NAME", "group NAME", each once.  False: an error was added. */
bool kind_read_access(struct config_reading *r, const struct config_setting *s, struct config_listener *out);
/* The same, as far as it was said. */
void kind_put_access(const struct config_listener *l, struct buf *out);
/* The kind of kind_source.c: addresses to connect from. */
bool kind_read_source(struct config_reading *r, const struct config_setting *s);
void kind_put_source(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_tls.c: how mail to a domain is protected. */
bool kind_read_tls_rule(struct config_reading *r, const struct config_setting *s);
void kind_put_tls_rule(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The kind of kind_login.c: whom to log in as. */
bool kind_read_login(struct config_reading *r, const struct config_setting *s);
void kind_put_login(const struct config *c, const struct directive *d, enum config_form form, struct buf *out);
/* The beginning of a statement, indented as its block asks. */
void kind_put_name(struct buf *out, const struct directive *d);
/* The port that a service listens on when none is named. */
uint16_t kind_default_port(enum ipc_service service);
/* SERVICE_COUNT: there is none of that name. */
enum ipc_service kind_service_by_name(struct bytes name);
/* "smtp", "submission", … */
const char *kind_service_name(enum ipc_service service);
/* The configuration has no room for more: an error. */
bool kind_full(struct config_reading *r, const struct config_place *at);

#endif
