/* What tls_report.c (periods, time), tls_report_send.c (one report) and tls_report_ask.c (the command line) share. */
#ifndef QUEUE_TLS_REPORT_INTERNAL_H
#define QUEUE_TLS_REPORT_INTERNAL_H

#include "role/queue/queue_internal.h"
#include "role/queue/tls_files.h"
#include "role/queue/tls_report.h"

/* Reports that are on their way at the same time. */
#define TLS_REPORTS_ACTIVE_MAX 8
/* RFC 8460 5.5: tried for so long. */
#define TLS_REPORTS_DAY_S 86400

struct tls_delivery;

struct tls_reports {
	struct queue *queue;
	struct tls_files *files;
	TAILQ_HEAD(tls_period_list, tls_period) periods; /* the oldest first */
	int64_t last_number, last_end_s;
	uint32_t looks;
	LIST_HEAD(, tls_delivery) deliveries;
	size_t active;
};

/* Ends the period that goes on, if there is one: its reports are due within delay_most_s, each at its own moment. */
void tls_reports_end_period(struct tls_reports *r, int64_t end_s, uint32_t delay_most_s);
/* What changed is on the disk soon. */
void tls_reports_write(struct tls_reports *r);

/* tls_report_send.c: begins the report of a domain.  Its end: the domain is forgotten, or due later. */
void tls_report_send(struct tls_reports *r, struct tls_period *p, struct tls_domain *d);
/* All that is under way is given up, and tells nobody. */
void tls_reports_abort(struct tls_reports *r);

#endif
