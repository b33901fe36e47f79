"""No line that goes out has more than 998 octets (RFC 5321 4.5.3.1.6, RFC 5322 2.1.1), whatever came in; mailboxes here have it as it came."""
import email
import os
import subprocess

import pytest

import dkim
from conftest import DOMAIN, executable, free_port, running_server, wait_until
from peer import Peer
from test_dkim import BOTH, arrived, directives, keys, records, signing, submit  # noqa: F401 (fixtures)
from test_outgoing import ELSEWHERE, EXTRA

LONG = b"<p>" + b"caf=C3=A9 noir, " * 200 + b"</p>"


def longest(text):
    return max(map(len, text.split(b"\r\n")))


def head(subject, more=b""):
    return f"From: alice@{DOMAIN}\r\nSubject: {subject}\r\n".encode() + more + b"\r\n"


HTML = b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"


@pytest.mark.parametrize("times", [1, 100], ids=["small", "large"])
def test_a_part_with_a_long_line_goes_out_encoded_signed_as_it_is_sent_and_the_mailbox_has_it_as_it_came(signing, times):
    server, elsewhere, said = signing
    body = (LONG + b"\r\n") * times
    submit(server, head("long", HTML) + body, f"bob@{ELSEWHERE}", f"bob@{DOMAIN}")
    text = arrived(elsewhere, b"long")
    assert longest(text) <= 998
    assert dkim.verified(text, said) == BOTH
    assert email.message_from_bytes(text).get_payload(decode=True).replace(b"\r\n", b"\n") == body.replace(b"\r\n", b"\n")
    [here] = server.files("bob")
    assert here.read_bytes().endswith(body.replace(b"\r\n", b"\n"))
    assert b"DKIM-Signature" not in here.read_bytes()


def test_what_no_mail_program_wrote_goes_out_encoded_too(signing):
    server, elsewhere, said = signing
    submit(server, head("plain") + b"x" * 3000)
    text = arrived(elsewhere, b"plain")
    message = email.message_from_bytes(text)
    assert longest(text) <= 998 and dkim.verified(text, said) == BOTH
    assert message["MIME-Version"] == "1.0" and message.get_payload(decode=True).strip() == b"x" * 3000


def test_where_nothing_may_be_encoded_lines_are_broken_and_the_mail_goes(signing):
    server, elsewhere, said = signing
    references = b"References: " + b" ".join(b"<%050d@afrique.iut>" % i for i in range(100)) + b"\r\n"
    signed = b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s; protocol=\"x/y\"\r\n"
    parts = b"--s\r\nContent-Type: text/plain\r\n\r\n" + b"y" * 3000 + b"\r\n--s\r\nContent-Type: x/y\r\n\r\nsig\r\n--s--\r\n"
    submit(server, head("frozen", references + signed) + parts)
    text = arrived(elsewhere, b"frozen")
    assert longest(text) <= 998 and dkim.verified(text, said) == BOTH
    assert email.message_from_bytes(text)["References"].replace("\r\n", "").encode() == references[12:].strip()
    assert text.replace(b"\r\n ", b"").count(b"y" * 3000) == 1


def test_mail_for_a_mailbox_that_the_queue_brings_is_as_it_came(signing):
    server, elsewhere, _ = signing
    with server.submission() as s:
        s.ehlo()
        assert s.mail(f"alice@{DOMAIN}")[0] == 250
        assert s.rcpt(f"bob@{DOMAIN}", ["NOTIFY=SUCCESS"])[0] == 250
        assert s.rcpt(f"bob@{ELSEWHERE}")[0] == 250
        assert s.data(head("both") + b"z" * 3000 + b"\r\n")[0] == 250
    assert longest(arrived(elsewhere, b"both")) <= 998
    [here] = wait_until(lambda: server.files("bob"), what="the mail's arrival")
    assert b"z" * 3000 in here.read_bytes() and b"DKIM-Signature" not in here.read_bytes()


def test_a_message_of_the_largest_size_is_shortened_and_goes():
    elsewhere = Peer()
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + "limits { message_size 1M; }\n"
    try:
        with running_server(extra) as server:
            # What quoted-printable would make three times as long.
            submit(server, head("largest") + b"=" * 1040000)
            text = arrived(elsewhere, b"largest")
            assert longest(text) <= 998
            assert email.message_from_bytes(text).get_payload(decode=True).strip() == b"=" * 1040000
    finally:
        elsewhere.leave()


def test_a_program_of_this_machine_may_write_long_lines(tmp_path):
    elsewhere = Peer()
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + f"listen local unix:{tmp_path}/submit;\n"
    try:
        with running_server(extra):
            subprocess.run([executable(), "send", f"bob@{ELSEWHERE}"], input=b"Subject: of a program\n\n" + b"x" * 3000 + b"\n", check=True,
                           env={**os.environ, "MERMOZ_SOCKET": f"{tmp_path}/submit"})
            assert longest(arrived(elsewhere, b"of a program")) <= 998
    finally:
        elsewhere.leave()


def test_who_hangs_up_while_his_mail_is_shortened_takes_nobody_along(signing):
    server, elsewhere, _ = signing
    for _ in range(5):
        s = server.submission()
        s.ehlo()
        assert s.mail(f"alice@{DOMAIN}")[0] == s.rcpt(f"bob@{ELSEWHERE}")[0] == 250
        assert s.docmd("DATA")[0] == 354
        s.send(head("gone") + b"caf=C3=A9 noir, " * 400_000 + b"\r\n.\r\n")
        s.close()
    submit(server, head("stays") + b"x " * 2_000_000)
    assert longest(arrived(elsewhere, b"stays")) <= 998
    assert not server.events("role.died")
