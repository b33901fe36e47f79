/* From the grammar's tree to the values of struct config. */
#ifndef CONFIG_APPLY_H
#define CONFIG_APPLY_H

#include "config/kind.h"

#include <sys/stat.h>

/* Takes every statement's values over; what is wrong is added to r->errors. */
void config_apply(struct config_reading *r, const struct config_node *first);
/* A configuration with every directive at its initial value; owned. */
struct config *config_new(void);
/* Values that follow from others when the file has none. */
void config_complete(struct config *c);
/* Reads the files that are named in it into it; what is wrong with them is added to r->errors, a secret that everybody
   can read to its warnings. */
void config_read_files(struct config_reading *r);
/* The same of files of aliases, with those that they include. */
void config_read_aliases(struct config_reading *r);
/* Remembers a file that is being read.  False: an error was added. */
bool config_keep_seen(struct config_reading *r, const struct config_place *at, const char *path, const struct stat *st, bool has_aliases);
/* The users of this machine, for `listen local`: those of the text of a passwd(5); trusted_users has to be among them. */
void config_take_local_users(struct config_reading *r, struct bytes passwd);
/* What is wrong with the configuration as a whole; config_check of files is config_load's. */
void config_check(struct config_reading *r, const struct config_place *file);
/* Is it PEM with a certificate in it?  NULL, or what is wrong. */
const char *config_chain_trouble(struct bytes pem);
/* Is it PEM with a private key that needs no passphrase? */
const char *config_key_trouble(struct bytes pem);

#endif
