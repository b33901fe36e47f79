#include "role/answers.h"

#include "config/domain.h"

enum smtp_answer
answer_to_recipient(enum admission admission)
{
	switch (admission) {
	case ADMITTED:
	case ADMITTED_ONWARD:
		return SMTP_ANSWER_OK;
	case REFUSED_UNKNOWN:
		return SMTP_ANSWER_UNKNOWN;
	case REFUSED_CLOSED:
		return SMTP_ANSWER_NOT_OPEN;
	case REFUSED_RELAYING:
	case REFUSED_BY_ROUTE:
		return SMTP_ANSWER_NO_RELAY;
	case NO_SPACE_FOR_IT:
		return SMTP_ANSWER_NO_SPACE;
	case NOT_NOW:
		break;
	}
	return SMTP_ANSWER_LATER;
}

const struct config_route *
answer_refusal(const struct config *c, struct bytes sender, struct bytes address)
{
	struct bytes written = bytes_sub(address, bytes_find_last_char(address, '@') + 1, address.len);
	struct domain domain;
	const struct config_route *route = config_find_way(c, sender, address, domain_fold(written, &domain) ? domain_bytes(&domain) : written);

	return route && route->kind == ROUTE_REFUSE ? route : NULL;
}

enum smtp_answer
answer_to_sender(enum ipc_outcome outcome)
{
	if (outcome == IPC_OK)
		return SMTP_ANSWER_OK;
	return outcome == IPC_LATER ? SMTP_ANSWER_LATER : SMTP_ANSWER_NOT_YOURS;
}

enum smtp_answer
answer_to_smtp_login(enum ipc_outcome outcome, enum ipc_refusal refusal)
{
	if (outcome == IPC_OK)
		return SMTP_ANSWER_OK;
	if (outcome == IPC_LATER)
		return SMTP_ANSWER_LATER;
	switch (refusal) {
	case REFUSAL_DISABLED:
		return SMTP_ANSWER_DISABLED;
	case REFUSAL_EXPIRED:
		return SMTP_ANSWER_EXPIRED;
	case REFUSAL_CREDENTIALS:
	case REFUSAL_NOT_AUTHORIZED:
	case REFUSALS:
		break;
	}
	return SMTP_ANSWER_BAD_CREDENTIALS;
}

enum imap_outcome
answer_to_imap_login(enum ipc_outcome outcome, enum ipc_refusal refusal)
{
	if (outcome == IPC_OK)
		return IMAP_OK;
	if (outcome == IPC_LATER)
		return IMAP_LATER;
	switch (refusal) {
	case REFUSAL_DISABLED:
		return IMAP_DISABLED;
	case REFUSAL_EXPIRED:
		return IMAP_EXPIRED;
	case REFUSAL_CREDENTIALS:
	case REFUSAL_NOT_AUTHORIZED:
	case REFUSALS:
		break;
	}
	return IMAP_DENIED;
}
