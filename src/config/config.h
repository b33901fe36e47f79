/* The configuration as roles read it: plain values, checked.  directives.def declares every directive once;
   this struct has a member for each. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/event.h"
#include "base/fault.h"
#include "ipc/ipc.h"

enum config_plaintext_login { PLAINTEXT_LOGIN_NO, PLAINTEXT_LOGIN_LOOPBACK, PLAINTEXT_LOGIN_YES };
/* In the order of the words of default_password_scheme. */
enum config_password_scheme {
	PASSWORD_SCHEME_PLAIN,
	PASSWORD_SCHEME_CRYPT,
	PASSWORD_SCHEME_MD5,
	PASSWORD_SCHEME_SMD5,
	PASSWORD_SCHEME_SHA,
	PASSWORD_SCHEME_SSHA,
	PASSWORD_SCHEME_SHA256,
	PASSWORD_SCHEME_SSHA256,
	PASSWORD_SCHEME_SHA512,
	PASSWORD_SCHEME_SSHA512,
	PASSWORD_SCHEME_ARGON2,
	PASSWORD_SCHEME_PBKDF2,
	PASSWORD_SCHEME_PBKDF2_SHA256,
	PASSWORD_SCHEME_PBKDF2_SHA512,
	PASSWORD_SCHEME_SCRAM_SHA_1,
	PASSWORD_SCHEME_SCRAM_SHA_256,
};
enum config_group_posting { GROUP_POSTING_ANYONE, GROUP_POSTING_DOMAIN, GROUP_POSTING_MEMBERS };
enum config_group_sending { GROUP_SENDING_NO, GROUP_SENDING_MEMBERS };
enum config_ldap_login_name { LDAP_LOGIN_NAME_ADDRESS, LDAP_LOGIN_NAME_ACCOUNT };
enum config_ldap_login { LDAP_LOGIN_AUTO, LDAP_LOGIN_BIND };
enum config_ldap_catch_all { LDAP_CATCH_ALL_NO, LDAP_CATCH_ALL_YES };
enum config_ldap_tls { LDAP_TLS_NO, LDAP_TLS_START };
/* What a directory calls what we need; "" stands for none. */
enum config_ldap_schema {
	SCHEMA_INETORGPERSON,
	SCHEMA_OPENLDAP,
	SCHEMA_POSIX,
	SCHEMA_ACTIVE_DIRECTORY,
	SCHEMA_QMAIL,
};
enum config_log_format { LOG_KEY_VALUE, LOG_JSON };

enum config_route_kind { ROUTE_MX, ROUTE_SMTP, ROUTE_LMTP, ROUTE_MAILBOXES, ROUTE_REFUSE };
enum config_language { LANGUAGE_ENGLISH, LANGUAGE_FRENCH };
enum config_mta_sts { MTA_STS_NO, MTA_STS_YES };
enum config_tls_reports { TLS_REPORTS_NO, TLS_REPORTS_YES };
enum config_outgoing_loopback { OUTGOING_LOOPBACK_NO, OUTGOING_LOOPBACK_YES };
/* In the order of the words of outgoing_tls. */
enum config_tls_level { TLS_LEVEL_NONE, TLS_LEVEL_MAY, TLS_LEVEL_ENCRYPT, TLS_LEVEL_VERIFY };

#define CONFIG_LDAP_SERVERS_MAX 16

struct config_texts {
	struct bytes *at;
	size_t count;
};

/* listen SERVICE ADDRESS[:PORT], listen SERVICE unix:PATH [mode MODE] [user NAME] [group NAME] */
struct config_listener {
	enum ipc_service service;
	struct bytes address; /* as written, with the port or "unix:" */
	uint32_t mode; /* of the socket file */
	struct bytes user, group; /* of the system; empty: who the server is */
};

/* Where a directive stands; line 0: in a slice, which has no places. */
struct config_where {
	struct bytes file;
	uint32_t line, column;
};

/* route PATTERN to TARGET */
struct config_route {
	struct config_where where;
	struct bytes pattern; /* "*", ".DOMAIN" (what is below it), DOMAIN, or ADDRESS */
	enum config_route_kind kind;
	struct bytes host; /* of ROUTE_MX a domain; a literal address without brackets */
	uint16_t port; /* 0: the usual one */
	struct bytes text; /* of ROUTE_REFUSE: what the sender hears */
};

/* A file that the configuration was read from. */
struct config_seen {
	struct bytes path;
	uint64_t stamp; /* what it was like */
	bool has_aliases; /* and nothing else */
};

/* aliases FILE [DOMAIN] */
struct config_aliases {
	struct bytes file;
	struct bytes domain; /* of names without one; empty: the first of ours */
	struct bytes text; /* what stands in it, as aliases.h reads it, every address with its domain */
};

/* relay_for DOMAIN known|any */
struct config_relayed {
	struct config_where where;
	struct bytes domain; /* of others, whose mail we take and send on */
	bool takes_any; /* to whatever address; else those that the directory has */
};

/* A user of this machine, as /etc/passwd has it; of a configuration with a `listen local`. */
struct config_local_user {
	struct bytes name;
	uint32_t uid;
	bool is_trusted; /* of trusted_users, or root */
};

/* trusted_networks ADDRESS[/BITS] ... */
struct config_network {
	struct bytes text;
	uint8_t octets[16], octet_count; /* 4 or 16 */
	uint8_t bits;
};

/* resolver ADDRESS[:PORT] [trusted] */
struct config_resolver {
	struct bytes address; /* with its port */
	bool is_trusted; /* to have checked what it calls authentic; one on this machine is, without a word */
	bool is_of_system; /* of /etc/resolv.conf */
};

/* outgoing_tls DOMAIN|* LEVEL [NAME ...] */
struct config_tls_rule {
	struct config_where where;
	struct bytes domain; /* lower case; "*": all others */
	enum config_tls_level level;
	struct config_texts names; /* of which the certificate has one; none: the domain's own */
};

/* outgoing_login HOST NAME file:FILE [SENDER] */
struct config_login {
	struct config_where where;
	struct bytes host; /* lower case */
	struct bytes sender; /* the address whose mail it is for; empty: for all other mail */
	struct bytes name, file, secret_password;
};

/* Each signs. */
#define CONFIG_DKIM_SELECTORS_MAX 4

/* dkim DOMAIN SELECTOR file:FILE; in the queue's slice the file's contents stand here (PEM). */
struct config_dkim {
	struct bytes domain, selector; /* lower case */
	struct bytes file, secret_key_pem;
};

/* The path in "unix:PATH"; empty when the address is none of those. */
struct bytes config_unix_path(struct bytes address);

/* certificate CHAIN-FILE KEY-FILE; in the front's slice the files' contents stand here (PEM). */
struct config_certificate {
	struct bytes chain_path, key_path;
	struct bytes chain_pem, secret_key_pem;
};

/* Owned as a whole (config_free); all texts live in it. */
struct config {
	struct arena *arena;
	struct bytes hostname;
	struct config_texts domains; /* lower case */
	struct bytes recipient_delimiter; /* "" or one or more characters, each of which delimits */
	struct bytes postmaster; /* address; empty: postmaster@ the first domain */
	struct config_texts source_addresses; /* to connect from: IPv4 or IPv6, or one of each */
	struct config_tls_rule *tls_rules;
	size_t tls_rule_count;
	struct config_login *logins;
	size_t login_count;
	struct bytes outgoing_ca_file;
	struct bytes run_directory, state_directory;
	/* accounts of the system that roles run as; the last three may be empty: the front's, of the queue the store's */
	struct bytes user_front, user_directory, user_store, user_resolver, user_queue, user_relay;
	enum config_log_format log_format;
	enum event_level log_level; /* events below are not logged */
	struct config_listener *listeners;
	size_t listener_count;
	struct config_certificate *certificates; /* the first one is for clients without SNI */
	size_t certificate_count;
	struct config_resolver *resolvers; /* in the order in which they are asked; of a file that was loaded, one at least */
	size_t resolver_count;
	enum config_plaintext_login plaintext_login;
	enum config_password_scheme default_password_scheme; /* of stored passwords that name none */
	/* directory embedded { file PATH; } */
	struct bytes directory_embedded_file;
	/* directory ldap { … }; no servers: not used */
	struct config_texts ldap_servers; /* URLs, the preferred one first */
	struct bytes ldap_base, ldap_users; /* where, and the filter that says who is an account */
	struct bytes ldap_bind_dn, ldap_bind_file, ldap_secret_password; /* empty: anonymous */
	enum config_ldap_tls ldap_starttls;
	enum config_ldap_catch_all ldap_catch_all;
	struct bytes ldap_ca_file; /* empty: what the system trusts */
	enum config_ldap_schema ldap_schema;
	/* names that take the place of the schema's */
	struct bytes ldap_address, ldap_aliases, ldap_forward, ldap_password, ldap_name, ldap_enabled, ldap_disabled;
	struct bytes ldap_account_name, ldap_members, ldap_home, ldap_quota;
	struct bytes ldap_groups; /* the filter that says what is a group; empty: nothing is */
	enum config_ldap_login_name ldap_login_name;
	enum config_ldap_login ldap_login;
	uint32_t ldap_bind_connections, ldap_remember_login_s;
	enum config_group_posting ldap_group_posting;
	enum config_group_sending ldap_group_sending;
	uint32_t ldap_poll_s, ldap_quiet_s, ldap_timeout_s;
	/* mailboxes maildir TEMPLATE: %d domain, %u local part, %{attribute}, %h home */
	struct bytes maildir_template;
	struct bytes homes; /* with %h: below which directory homes lie */
	uint64_t quota_octets; /* of an account that says nothing else; 0: none */
	struct config_route *routes, *sender_routes; /* of the latter the patterns are of senders */
	size_t route_count, sender_route_count;
	struct bytes srs_file, srs_domain, srs_secret_key; /* no file: senders stay; no domain: the first */
	struct config_dkim *dkim;
	size_t dkim_count;
	struct config_aliases *aliases;
	size_t aliases_count;
	struct config_seen *seen; /* of a file that was loaded */
	size_t seen_count;
	struct config_relayed *relayed;
	size_t relayed_count;
	struct config_texts trusted_users; /* names; in a slice none */
	struct config_local_user *local_users;
	size_t local_user_count;
	struct config_network *trusted_networks;
	size_t trusted_network_count;
	/* queue { … } */
	uint32_t queue_retry_first_s, queue_retry_most_s, queue_lifetime_s;
	uint32_t queue_delay_notice_s; /* 0: none */
	uint32_t queue_hold_most_s; /* RFC 4865; 0: nothing is held */
	enum config_language queue_report_language;
	enum config_mta_sts mta_sts;
	enum config_tls_reports tls_reports;
	struct bytes tls_report_contact; /* address; empty: postmaster@ the first domain */
	enum config_outgoing_loopback outgoing_loopback;
	uint32_t fronts; /* 0: one a core */
	uint32_t store_threads;
	/* limits { … } */
	uint64_t message_octets_max;
	uint32_t recipients_max;
	uint32_t hops_max;
	uint32_t command_line_octets_max;
	uint32_t imap_command_octets_max;
	uint32_t errors_max; /* of a client before it is sent away */
	uint32_t refused_recipients_max; /* of an SMTP client that has not logged in, before it is sent away */
	uint32_t connections_max; /* of one front */
	uint32_t connections_per_address_max;
	uint32_t outgoing_max, outgoing_per_host_max; /* mails on their way */
	uint32_t smtp_timeout_s; /* RFC 5321 4.5.3.2.7: 5 minutes at least */
	uint32_t imap_timeout_s; /* RFC 3501 5.4: 30 minutes at least */
	uint32_t login_timeout_s; /* an IMAP client that has not logged in */
	uint32_t request_timeout_ms; /* for answers between roles */
	uint32_t login_failures_max; /* of one connection */
	uint32_t login_failures_per_address_max; /* in ten minutes; 0: any number */
	uint64_t dns_cache_octets_max;
	uint64_t journal_octets_max; /* before a checkpoint */
};

#define CONFIG_FILE_MAX (1024 * 1024)
#define CONFIG_ERRORS_MAX 100
#define CONFIG_WARNINGS_MAX 20

struct config_error {
	char file[256];
	uint32_t line, column;
	char text[400]; /* what is wrong and what to do; names the nearest known name */
};

struct config_errors {
	struct config_error at[CONFIG_ERRORS_MAX];
	size_t count; /* all that there are, even when more than fit */
	struct config_error warnings[CONFIG_WARNINGS_MAX]; /* what can be served, but should not be so */
	size_t warning_count;
};

#define CONFIG_DEFAULT_PATH "/etc/mermoz/mermoz.conf"

/* Reads and checks a file with what it includes and the files it names.  0: *out (owned).  -1: every error is
   in *errors.  Its warnings are there either way. */
int config_load(const char *path, struct config **out, struct config_errors *errors)
	__attribute__((warn_unused_result));
/* For who has to do with a server that runs, whose own configuration is good: what is good in the statements, and initial values for the rest.
   No file that they name is read but by `include`.  0: *out (owned), and what is wrong is in *errors.  -1: the file can't be read. */
int config_load_good(const char *path, struct config **out, struct config_errors *errors)
	__attribute__((warn_unused_result));
void config_free(struct config **c);
/* What the files were like: zeros before the first look. */
struct config_look {
	uint64_t last; /* when they were looked at last */
	uint64_t taken; /* when one was to be read */
};
/* Looks at the files.  One of aliases that is to be read: it has changed, those with directives have not, so that reading all anew brings
   the aliases alone; and it is as it was at the last look, so that who writes it is done.  Once for each change; NULL: there is none. */
const struct config_seen *config_look_at_aliases(const struct config *c, struct config_look *look);
/* The log-in for mail of that sender (its own, else that for all) at that relay host, or NULL: there is none. */
const struct config_login *config_login_for(const struct config *c, struct bytes host, struct bytes sender);
/* The user of that number, or NULL: it was not in /etc/passwd when the configuration was read. */
const struct config_local_user *config_find_local_user(const struct config *c, uint32_t uid);
/* Does a key of that domain sign what comes from the host: is it the host's name, or above it? */
bool config_dkim_is_for(struct bytes domain, struct bytes host);
/* The rule for mail to that domain or relay host, or NULL: there is none. */
const struct config_tls_rule *config_tls_rule_for(const struct config *c, struct bytes domain);
/* Octets of a slice; config_load refuses more. */
#define CONFIG_SLICE_MAX ((size_t)16 * 1024 * 1024)
/* The slice of a role as canonical text: only directives that role may know, with files inlined. */
void config_put_slice(const struct config *c, enum role role, struct buf *out);
/* The configuration as a file: what differs from the initial values, or everything.  Secrets as ***. */
void config_put_text(const struct config *c, bool is_all, struct buf *out);
/* The first directive that differs and can't be changed by a reload; NULL: `next` may take the place of `now`. */
const char *config_needs_restart(const struct config *now, const struct config *next);
/* Reads what config_put_slice wrote. */
int config_read_slice(struct bytes text, struct config **out, struct fault *f) __attribute__((warn_unused_result));

#endif
