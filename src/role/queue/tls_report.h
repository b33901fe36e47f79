/* Reports on TLS (RFC 8460): sessions are counted for a period, and when that ends each domain that asks for it is told. */
#ifndef QUEUE_TLS_REPORT_H
#define QUEUE_TLS_REPORT_H

#include "base/fault.h"
#include "ipc/ipc.h"
#include "role/control.h"

struct queue;
struct tls_reports;

/* With what was counted before, which it reads from the queue's directory.  Blocks: for the start.  -1: *f says why.  Owned. */
int tls_reports_open(struct queue *q, struct tls_reports **out, struct fault *f) __attribute__((warn_unused_result));
/* One session more. */
void tls_reports_count(struct tls_reports *r, const struct ipc_tls_session *m);
/* Each second: what is due begins; each minute what changed is written. */
void tls_reports_look(struct tls_reports *r);
/* A question of the command line that is meant for this. */
bool tls_reports_takes(struct bytes line);
void tls_reports_ask(struct tls_reports *r, struct control_question *question, struct bytes line);
/* What is under way is given up, what changed is written; sets *r to NULL.  After the spool is closed. */
void tls_reports_close(struct tls_reports **r);

#endif
