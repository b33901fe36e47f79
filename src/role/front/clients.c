#include "role/front/clients.h"

static const struct {
	const struct protocol *protocol;
	bool is_tls_from_start;
} table[SERVICE_COUNT] = {
	[SERVICE_SMTP] = { &smtp_protocol, false },
	[SERVICE_SUBMISSION] = { &smtp_protocol, false },
	[SERVICE_SUBMISSIONS] = { &smtp_protocol, true },
	[SERVICE_IMAP] = { &imap_protocol, false },
	[SERVICE_IMAPS] = { &imap_protocol, true },
	[SERVICE_LOCAL] = { &smtp_protocol, false },
	[SERVICE_AUTH] = { &auth_protocol, false },
};

const struct protocol *
clients_protocol(enum ipc_service service)
{
	return table[service].protocol;
}

bool
clients_is_tls_from_start(enum ipc_service service)
{
	return table[service].is_tls_from_start;
}

void
clients_refuse(enum ipc_service service, int fd, struct bytes hostname)
{
	uint8_t memory[512];
	struct buf line;

	if (table[service].is_tls_from_start)
		return;
	buf_init_fixed(&line, memory, sizeof memory);
	if (table[service].protocol == &smtp_protocol)
		put_format(&line, "421 4.7.0 %.*s Too many connections, try again later\r\n",
			BYTES_ARG(hostname));
	else if (table[service].protocol == &imap_protocol)
		put_text(&line, "* BYE [UNAVAILABLE] Too many connections, try again later\r\n");
	/* Whether it arrives or not, the connection ends. */
	(void)!net_write(fd, buf_bytes(&line));
}
