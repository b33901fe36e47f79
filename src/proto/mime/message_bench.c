/* What `meson test --benchmark` times: "mails COUNT" parses a mail of 4 KiB so often, "body
   MEGABYTES" a body of lines of 76 octets, "parts MEGABYTES" the same as a part of a multipart with
   lines that look like delimiters. */
#include "proto/mime/message.h"

#include "base/memory.h"

#include <string.h>

static const struct message_limits limits = {
	.parts_max = 1000, .depth_max = 50, .header_octets_max = 65536
};

static const char header[] =
	"Received: from client.example (client.example [192.0.2.1])\n"
	"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\n"
	"\tby mx.example.org with ESMTPS id 01ARZ3NDEKTSV4RRFFQ69G5FAV\n"
	"\tfor <bob@example.org>;\n"
	"\tFri, 21 Nov 1997 09:55:06 -0600\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=client.example; s=2024; "
	"h=from:to:subject;\n"
	"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; "
	"b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZ\n"
	"Message-ID: <20240101000000.12345@client.example>\n"
	"Date: Mon, 1 Jan 2024 00:00:00 +0000\n"
	"MIME-Version: 1.0\n"
	"User-Agent: Mail 1.0\n"
	"Subject: =?UTF-8?Q?Les_r=C3=A9sultats_du_trimestre?= and some more words\n"
	"To: Bob Example <bob@example.org>, \"Carol, of the board\" <carol@example.org>\n"
	"Cc: dave@example.org\n"
	"From: Alice Example <alice@client.example>\n"
	"In-Reply-To: <20231231000000.54321@example.org>\n";
static const char line[] =
	"The quick brown fox jumps over the lazy dog, and then it does so once more.\n";

static struct bytes
make_mail(struct buf *mail)
{
	put_text(mail, header);
	put_text(mail, "Content-Type: multipart/alternative; "
		       "boundary=\"=_boundary_42\"\n\n--=_boundary_42\n"
		       "Content-Type: text/plain; charset=utf-8; "
		       "format=flowed\nContent-Transfer-Encoding: 8bit\n\n");
	while (mail->len < 2600)
		put_text(mail, line);
	put_text(mail, "--=_boundary_42\nContent-Type: text/html; "
		       "charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
	while (mail->len < 4050)
		put_text(mail, line);
	put_text(mail, "--=_boundary_42--\n");
	return buf_bytes(mail);
}

static void
parse_mails(uint64_t count)
{
	struct message_parser *p = message_parser_new(&limits, BYTES_NONE);
	struct buf mail, out;
	struct bytes octets;

	buf_init(&mail, 10000);
	buf_init(&out, SUMMARY_MAX);
	octets = make_mail(&mail);
	for (uint64_t i = 0; i < count; i++) {
		buf_reset(&out);
		message_parser_reset(p, BYTES_NONE);
		message_parser_feed(p, octets);
		message_parser_finish(p, &out);
	}
	message_parser_free(&p);
	buf_done(&mail);
	buf_done(&out);
}

static void
parse_body(uint64_t megabytes, const char *start, const char *odd_line)
{
	struct message_parser *p = message_parser_new(&limits, BYTES_NONE);
	struct buf piece, out;

	buf_init(&piece, 65536);
	buf_init(&out, SUMMARY_MAX);
	while (piece.len + 200 < piece.max) {
		put_text(&piece, line);
		if (piece.len % 7 == 0)
			put_text(&piece, odd_line);
	}
	message_parser_feed(p, bytes_text(header));
	message_parser_feed(p, bytes_text(start));
	for (uint64_t left = megabytes << 20; left >= piece.len; left -= piece.len)
		message_parser_feed(p, buf_bytes(&piece));
	message_parser_finish(p, &out);
	message_parser_free(&p);
	buf_done(&piece);
	buf_done(&out);
}

int
main(int argc, char **argv)
{
	struct bytes what = argc == 3 ? bytes_text(argv[1]) : BYTES_NONE;
	struct bytes text = argc == 3 ? bytes_text(argv[2]) : BYTES_NONE;
	uint64_t count;

	if (!take_number(&text, UINT32_MAX, &count))
		return 2;
	if (bytes_equal(what, BYTES("mails")))
		parse_mails(count);
	else if (bytes_equal(what, BYTES("body")))
		parse_body(count, "\n", "");
	else if (bytes_equal(what, BYTES("parts")))
		parse_body(count,
			"Content-Type: multipart/mixed; "
			"boundary=\"=_boundary_42\"\n\n--=_boundary_42\n\n",
			"-- a line that is none\n--=_bound\n");
	else
		return 2;
	return 0;
}
