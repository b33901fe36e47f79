/* Lines and fields of Dovecot's authentication protocols: command TAB parameter …, LF; a parameter escapes what it may
   not hold. */
#ifndef AUTH_WIRE_H
#define AUTH_WIRE_H

#include "base/arena.h"
#include "base/buf.h"

/* The protocol expects lines to fit into so much, LF included. */
#define AUTH_LINE_OCTETS_MAX 16384
#define AUTH_MAJOR_VERSION 1
#define AUTH_MINOR_VERSION 2

enum auth_line {
	AUTH_LINE_NONE, /* more input is needed */
	AUTH_LINE_WHOLE,
	AUTH_LINE_LONG, /* longer than octets_max, LF included: nothing is taken, and what follows makes no sense */
};

/* Takes a line from the front of *in; only LF ends one.  *line: without it, set when WHOLE. At most octets_max - 1
   octets are left behind by NONE. */
enum auth_line auth_take_line(struct bytes *in, size_t octets_max, struct bytes *line);
/* The next parameter as it stands on the wire.  False: there is none left. */
bool auth_take_field(struct bytes *line, struct bytes *field);
/* 1*DIGIT that is the whole parameter and fits into 32 bits. */
bool auth_take_id(struct bytes *line, uint32_t *id);
/* A parameter without its escapes: in the arena when it has some, else a view of it.  False: an escape without its
   second octet, or the arena is full. */
bool auth_unescape(struct bytes field, struct arena *arena, struct bytes *out);
/* Appends a parameter with escapes where they are needed. */
void auth_put_escaped(struct buf *out, struct bytes text);
/* "VERSION" parameters: is the major version ours? */
bool auth_is_our_version(struct bytes line);

#endif
