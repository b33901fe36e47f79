#include "role/answers.h"

enum smtp_answer
answer_to_recipient(enum ipc_outcome outcome, bool is_entitled)
{
	switch (outcome) {
	case IPC_OK:
		return SMTP_ANSWER_OK;
	case IPC_ABSENT:
	case IPC_INVALID:
		return SMTP_ANSWER_UNKNOWN;
	case IPC_DENIED:
		return SMTP_ANSWER_NOT_OPEN;
	case IPC_FOREIGN:
		return is_entitled ? SMTP_ANSWER_OK : SMTP_ANSWER_NO_RELAY;
	case IPC_NO_SPACE:
		return SMTP_ANSWER_NO_SPACE;
	case IPC_LATER:
	case IPC_EXISTS:
	case IPC_LIMIT:
	case IPC_OUTCOMES:
		break;
	}
	return SMTP_ANSWER_LATER;
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
