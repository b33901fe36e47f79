/* The grammar of a configuration, and nothing of what its words mean:

     file      = *statement
     statement = name *value ( ";" / "{" *statement "}" )
     value     = word / DQUOTE *( character / escape ) DQUOTE
     word      = 1*( any octet but white space, control, DQUOTE, ";", "{", "}" / "%{" … "}" )
     escape    = "\" ( "\" / DQUOTE / "n" / "r" / "t" )

   "#" where a word could begin starts a comment that ends with the line.  A quoted value ends on the
   line it began on. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "config/error.h"

#define CONFIG_DEPTH_MAX 4
#define CONFIG_VALUES_MAX 1000
#define CONFIG_STATEMENTS_MAX 50000

struct config_value {
	struct bytes text; /* without quotes and escapes */
	struct config_place at;
};

/* A statement; lives in the arena it was read into. */
struct config_node {
	struct config_node *next, *children;
	struct config_value name;
	struct config_value *values;
	size_t value_count;
	bool has_block;
};

/* Reads all statements.  Errors are added to *errors and reading goes on behind them; *first is what
   could be read, never more.  -1: there was at least one error. */
int config_tree_read(struct bytes text, const char *file, struct arena *arena, struct config_node **first,
	struct config_errors *errors) __attribute__((warn_unused_result));
/* A value as config_tree_read reads it back: quoted where it must be. */
void config_tree_put_value(struct buf *out, struct bytes value);

#endif
