#include "ipc/ipc.h"

static const char *const roles[ROLE_COUNT] = {
	[ROLE_SUPERVISOR] = "supervisor",
	[ROLE_FRONT] = "front",
	[ROLE_DIRECTORY] = "directory",
	[ROLE_STORE] = "store",
	[ROLE_RESOLVER] = "resolver",
	[ROLE_QUEUE] = "queue",
	[ROLE_RELAY] = "relay",
};

static const char *const services[SERVICE_COUNT] = {
	[SERVICE_SMTP] = "smtp",
	[SERVICE_SUBMISSION] = "submission",
	[SERVICE_SUBMISSIONS] = "submissions",
	[SERVICE_IMAP] = "imap",
	[SERVICE_IMAPS] = "imaps",
	[SERVICE_AUTH] = "auth",
	[SERVICE_AUTH_USERDB] = "auth-userdb",
	[SERVICE_CONTROL] = "control",
	[SERVICE_QUEUE_CONTROL] = "queue-control",
	[SERVICE_LOCAL] = "local",
};

static const enum message_type answers[MESSAGE_COUNT] = {
	[MESSAGE_RELOAD] = MESSAGE_RELOADED,
	[MESSAGE_RESOLVE] = MESSAGE_RESOLVED,
	[MESSAGE_LOG_IN] = MESSAGE_LOGGED_IN,
	[MESSAGE_MAY_SEND] = MESSAGE_MAY_SEND_RESULT,
	[MESSAGE_NEW_FILE] = MESSAGE_NEW_FILE_RESULT,
	[MESSAGE_DELIVER] = MESSAGE_DELIVERED,
	[MESSAGE_SELECT] = MESSAGE_SELECTED,
	[MESSAGE_LIST] = MESSAGE_LISTED,
	[MESSAGE_STATUS] = MESSAGE_STATUS_RESULT,
	[MESSAGE_MAILBOX_CHANGE] = MESSAGE_DONE,
	[MESSAGE_APPEND] = MESSAGE_APPENDED,
	[MESSAGE_SET_FLAGS] = MESSAGE_FLAGS_SET,
	[MESSAGE_EXPUNGE] = MESSAGE_DONE,
	[MESSAGE_COPY] = MESSAGE_COPIED,
	[MESSAGE_OPEN_BODIES] = MESSAGE_BODIES,
	[MESSAGE_CHECK] = MESSAGE_DONE,
	[MESSAGE_MAY_DELIVER] = MESSAGE_DONE,
	[MESSAGE_GET_QUOTA] = MESSAGE_QUOTA,
	[MESSAGE_ASK_USE] = MESSAGE_USE,
	[MESSAGE_ENQUEUE] = MESSAGE_ENQUEUED,
	[MESSAGE_SIGN] = MESSAGE_SIGNED,
	[MESSAGE_SEND] = MESSAGE_SENT,
	[MESSAGE_PLAN] = MESSAGE_PLANNED,
	[MESSAGE_FIND_TARGETS] = MESSAGE_TARGETS,
	[MESSAGE_POST_REPORT] = MESSAGE_REPORT_POSTED,
	[MESSAGE_LOOK_UP] = MESSAGE_LOOKED_UP,
};

const char *
ipc_role_name(enum role role)
{
	return role < ROLE_COUNT ? roles[role] : "any";
}

enum role
ipc_role_by_name(struct bytes name)
{
	enum role role = ROLE_SUPERVISOR;

	while (role < ROLE_COUNT && !bytes_equal(name, bytes_text(roles[role])))
		role++;
	return role;
}

const char *
ipc_service_name(enum ipc_service service)
{
	return service < SERVICE_COUNT ? services[service] : "unknown";
}

/* CONFIG, the first of the list, is nobody's answer: 0 stands for none. */
enum message_type
ipc_answer_of(enum message_type request)
{
	return answers[request] ? answers[request] : MESSAGE_COUNT;
}

bool
ipc_is_answer(enum message_type type)
{
	for (size_t i = 0; i < MESSAGE_COUNT; i++)
		if (answers[i] && answers[i] == type)
			return true;
	return false;
}
