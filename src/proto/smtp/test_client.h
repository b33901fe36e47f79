/* Scripts for client sessions, for the tests of this folder alone.  They are transcripts: "S: " lines are what the server says, "L: " why the
   connection is lost, and the session has to come up with the rest. */
#ifndef SMTP_TEST_CLIENT_H
#define SMTP_TEST_CLIENT_H

#include "proto/smtp/client_player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HELLO "S: 220 mx.example ESMTP\nC: EHLO out.example\n"
#define BASIC "S: 250 mx.example\n"
#define PIPELINING "S: 250-mx.example\nS: 250-PIPELINING\nS: 250-SIZE 1000\nS: 250 8BITMIME\n"
#define ENVELOPE "C: MAIL FROM:<a@b.example> SIZE=12\nC: RCPT TO:<one@x.example>\nC: RCPT TO:<two@x.example>\nC: DATA\n"
#define BYE "C: QUIT\nS: 221 bye\n= close\n"

/* one@x.example with a parameter of RFC 3461, two@x.example. */
extern const struct smtp_envelope_recipient both[2];

/* To the first of both, or to both. */
struct smtp_envelope envelope(size_t recipients);
/* Sends a short message with a dot in it to each envelope, then quits. */
struct client_player player(const struct smtp_envelope *envelopes, size_t count);
/* With every group of the server's in two pieces, cut there. */
void play_cut(struct client_player p, const char *script, size_t cut);
/* The same, cut at every place that the longest one has, with small and large pieces of the message. */
void play(struct client_player p, const char *script);

#endif
