#include "sys/terminal.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void
on_signal(int signal)
{
	caught = signal;
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

enum { SIGNALS = sizeof signals / sizeof signals[0] };

/* A signal must not leave the terminal mute, so it waits until the terminal is as it was. */
static void
hold_signals(struct sigaction before[SIGNALS])
{
	struct sigaction hold = { .sa_handler = on_signal };

	caught = 0;
	sigemptyset(&hold.sa_mask);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &hold, &before[i]);
}

static void
release_signals(const struct sigaction before[SIGNALS])
{
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	if (caught)
		raise(caught);
}

/* An octet at a time: what stands behind the line is another reader's. */
static int
read_line(struct buf *out, struct fault *f)
{
	uint8_t c;
	ssize_t count;
	bool is_empty = true;

	while ((count = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		put_char(out, c);
		is_empty = false;
	}
	if (count < 0)
		return fault_errno(f, errno, "standard input");
	if (count == 0 && is_empty)
		return fault_set(f, FAULT_PERM, "standard input has ended");
	if (out->has_failed)
		return fault_set(f, FAULT_LIMIT, "the line is longer than %zu octets", out->max);
	if (out->len && out->ptr[out->len - 1] == '\r')
		out->len--;
	return 0;
}

bool
terminal_is_input(void)
{
	return isatty(STDIN_FILENO) == 1;
}

bool
terminal_is_output(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

static void
say(const char *text)
{
	struct bytes rest = bytes_text(text);

	if (write(STDERR_FILENO, rest.ptr, rest.len) < 0)
		return;
}

int
terminal_read_secret(const char *prompt, struct buf *out, struct fault *f)
{
	struct sigaction handlers[SIGNALS];
	struct termios before, mute;
	int result;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return read_line(out, f);
	hold_signals(handlers);
	mute = before;
	mute.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute);
	say(prompt);
	result = read_line(out, f);
	say("\n");
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	release_signals(handlers);
	return result;
}
