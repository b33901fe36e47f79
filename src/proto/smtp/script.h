/* The scripts of test/dialog (see its README.md) as tests read them. */
#ifndef SMTP_SCRIPT_H
#define SMTP_SCRIPT_H

#include "proto/smtp/player.h"

enum { SCRIPT_RULES_MAX = 16 };

/* "answer: recipient bob@example.com unknown" */
struct script_rule {
	struct bytes what, who;
	enum smtp_answer answer;
};

struct script {
	const char *path; /* for messages */
	struct smtp_settings settings;
	struct script_rule rules[SCRIPT_RULES_MAX];
	size_t rule_count;
	struct bytes lines; /* behind the head */
};

/* Reads a file's text, which is borrowed; fails the test that runs when it can't be understood. */
void script_read(struct script *script, const char *path, struct bytes text);
/* Appends a text of the script with its escapes and places replaced. */
void script_expand(struct buf *out, struct bytes in);
/* Answers an effect by the script's rules; p->arg is the script. */
enum smtp_answer script_answer(struct player *p, const struct smtp_effect *effect);

#endif
