"""Mail in: what SMTP clients see, what lands in the Maildir."""
import email
import smtplib
import socket

import pytest

from conftest import DOMAIN, PASSWORDS, wait_until


def stored(server, name, subject):
    found = [p for p in server.files(name) if f"Subject: {subject}\n".encode() in p.read_bytes()]
    return found


def test_a_250_means_the_file_is_there(server):
    server.send("first")
    [path] = stored(server, "bob", "first")
    text = path.read_bytes()
    assert b"\r" not in text
    message = email.message_from_bytes(text)
    assert message["Return-Path"] == "<someone@afrique.iut>"
    assert message["Delivered-To"] == f"bob@{DOMAIN}"
    assert "with ESMTP id" in message["Received"].replace("\n", " ").replace("\t", " ").replace("  ", " ")
    assert f"for <bob@{DOMAIN}>" in message["Received"]


def test_the_file_name_tells_both_sizes(server):
    server.send("sizes", body="one\r\ntwo\r\n")
    [path] = stored(server, "bob", "sizes")
    text = path.read_bytes()
    assert f",S={len(text)}" in path.name
    assert f",W={len(text) + text.count(10)}" in path.name


def test_reply_and_received_carry_the_mail_id(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("a@b.example")
        s.rcpt(f"bob@{DOMAIN}")
        code, reply = s.data(b"Subject: with id\r\n\r\nx\r\n")
    assert code == 250
    mail_id = reply.decode().split()[-1]
    assert len(mail_id) == 26
    [path] = stored(server, "bob", "with id")
    assert f"id {mail_id}".encode() in path.read_bytes()
    assert any(e.get("mail") == mail_id for e in server.events("mail.accepted"))


@pytest.mark.parametrize("rcpt,code,enhanced", [
    (f"nobody@{DOMAIN}", 550, b"5.1.1"),
    ("someone@afrique.iut", 550, b"5.7.1"),
])
def test_recipients_that_are_refused(server, rcpt, code, enhanced):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("a@b.example")
        got, text = s.rcpt(rcpt)
    assert got == code and enhanced in text


@pytest.mark.parametrize("rcpt", [f"BOB@{DOMAIN.upper()}", f"bob+lists@{DOMAIN}", "postmaster", f"PostMaster@{DOMAIN}"])
def test_recipients_that_are_accepted(server, rcpt):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("a@b.example")
        assert s.docmd(f"RCPT TO:<{rcpt}>")[0] == 250


def test_several_recipients_get_a_copy_each_and_one_account_one_copy(server):
    with server.smtp() as s:
        s.sendmail("a@b.example", [f"alice@{DOMAIN}", f"bob@{DOMAIN}", f"bob+x@{DOMAIN}"], b"Subject: many\r\n\r\nx\r\n")
    assert len(stored(server, "alice", "many")) == 1
    assert len(stored(server, "bob", "many")) == 1


def test_a_large_message_is_stored_whole(server):
    body = b"".join(b"%09d %s\r\n" % (i, b"x" * 60) for i in range(40000))
    with server.smtp() as s:
        s.sendmail("a@b.example", [f"bob@{DOMAIN}", f"carol@{DOMAIN}"], b"Subject: large\r\n\r\n" + body)
    for name in ("bob", "carol"):
        [path] = stored(server, name, "large")
        assert path.read_bytes().endswith(body.replace(b"\r\n", b"\n"))
        assert f"Delivered-To: {name}@".encode() in path.read_bytes()[:400]


def test_dots_and_eight_bit_octets_come_through(server):
    body = b".\r\n..\r\n.leading\r\n" + bytes(range(128, 256)) + b"\r\n"
    with server.smtp() as s:
        s.sendmail("a@b.example", [f"bob@{DOMAIN}"], b"Subject: dots\r\n\r\n" + body)
    [path] = stored(server, "bob", "dots")
    assert path.read_bytes().endswith(b"\n\n" + body.replace(b"\r\n", b"\n"))


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n"])
def test_only_crlf_dot_crlf_ends_a_message(server, end):
    smuggled = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<bob@" + DOMAIN.encode() + b">\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
    with socket.create_connection(("127.0.0.1", server.ports["smtp"]), 30) as s:
        f = s.makefile("rwb")
        f.readline()
        for line in (b"HELO c.example", b"MAIL FROM:<a@b.example>", b"RCPT TO:<bob@" + DOMAIN.encode() + b">", b"DATA"):
            f.write(line + b"\r\n")
            f.flush()
            reply = f.readline()
        assert reply.startswith(b"354")
        f.write(b"Subject: outer\r\n\r\nx" + end + smuggled)
        f.flush()
        replies = f.readline()
        f.write(b"QUIT\r\n")
        f.flush()
        replies += f.read()
    assert b"250 " not in replies.split(b"221")[0], replies
    assert not stored(server, "bob", "smuggled")


def test_too_many_hops_are_a_loop(server):
    hops = b"".join(b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n" for _ in range(120))
    with server.smtp() as s:
        with pytest.raises(smtplib.SMTPDataError) as e:
            s.sendmail("a@b.example", [f"bob@{DOMAIN}"], hops + b"Subject: hops\r\n\r\nx\r\n")
    assert e.value.smtp_code == 554 and b"5.4.6" in e.value.smtp_error


def test_a_declared_size_over_the_limit_is_refused_at_mail(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        code, text = s.docmd("MAIL FROM:<a@b.example> SIZE=99999999999")
    assert code == 552 and b"5.3.4" in text


def test_submission_wants_a_log_in_and_tls(server):
    with smtplib.SMTP("localhost", server.ports["submission"], timeout=30) as s:
        s.ehlo("client.example")
        assert s.docmd("MAIL FROM:<alice@amerique.iut>")[0] == 530
        s.starttls(context=server.tls())
        s.ehlo("client.example")
        assert "auth" in s.esmtp_features
        with pytest.raises(smtplib.SMTPAuthenticationError) as e:
            s.login(f"alice@{DOMAIN}", "wrong")
        assert e.value.smtp_code == 535
        s.login(f"alice@{DOMAIN}", PASSWORDS["alice"])


def test_submission_only_as_oneself(server):
    with server.submission("alice") as s:
        s.ehlo_or_helo_if_needed()
        code, text = s.docmd(f"MAIL FROM:<bob@{DOMAIN}>")
        assert code == 553 and b"5.7.1" in text
        assert s.docmd(f"MAIL FROM:<Alice@{DOMAIN}>")[0] == 250


def test_submission_adds_what_the_client_left_out(server):
    with server.submission("alice") as s:
        s.sendmail(f"alice@{DOMAIN}", [f"bob@{DOMAIN}"], b"From: alice@amerique.iut\r\nSubject: bare\r\n\r\nx\r\n")
    [path] = stored(server, "bob", "bare")
    message = email.message_from_bytes(path.read_bytes())
    assert message["Date"] and message["Message-ID"].endswith(f"@mail.{DOMAIN}>")
    assert "ESMTPSA" in message["Received"] and "TLS" in message["Received"]


def test_what_comes_behind_starttls_in_the_clear_is_dropped(server):
    """RFC 3207 6, CVE-2011-0411."""
    raw = socket.create_connection(("localhost", server.ports["smtp"]), 30)
    raw.recv(512)
    raw.sendall(b"EHLO c.example\r\n")
    raw.recv(2048)
    raw.sendall(b"STARTTLS\r\nMAIL FROM:<injected@b.example>\r\n")
    assert raw.recv(512).startswith(b"220")
    with server.tls().wrap_socket(raw, server_hostname="localhost") as s:
        s.sendall(b"NOOP\r\n")
        assert s.recv(512).startswith(b"250")
        s.sendall(f"RCPT TO:<bob@{DOMAIN}>\r\n".encode())
        assert s.recv(512).startswith(b"503")


def test_received_names_the_only_recipient_that_was_accepted_and_none_of_several(server):
    """RFC 5321 4.4, 7.2."""
    for subject, rcpts, named in (
            ("one of two", [f"nobody@{DOMAIN}", f'"bob"@{DOMAIN}', f"no.one@{DOMAIN}"], f'for <"bob"@{DOMAIN}>'),
            ("two", [f"bob@{DOMAIN}", f"nobody@{DOMAIN}", f"alice@{DOMAIN}"], None)):
        with server.smtp() as s:
            s.ehlo("client.example")
            s.mail("a@b.example")
            for rcpt in rcpts:
                s.docmd(f"RCPT TO:<{rcpt}>")
            assert s.data(f"Subject: {subject}\r\n\r\nx\r\n".encode())[0] == 250
        [path] = stored(server, "bob", subject)
        received = email.message_from_bytes(path.read_bytes())["Received"]
        assert named in received if named else " for " not in received.replace("\t", " "), received


def test_recipients_that_are_refused_leave_room_for_one_that_is_known(server):
    with server.submission("alice") as s:
        s.ehlo_or_helo_if_needed()
        s.mail(f"alice@{DOMAIN}")
        for _ in range(50):
            s.send(b"".join(b"RCPT TO:<%s%d@%s>\r\n" % (b"n" * 230, i, DOMAIN.encode()) for i in range(100)))
            assert all(s.getreply()[0] == 550 for _ in range(100))
        assert s.rcpt(f"bob@{DOMAIN}")[0] == 250


def test_a_stranger_who_tries_addresses_out_is_sent_away(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("a@b.example")
        assert [s.rcpt(f"guess{i}@{DOMAIN}")[0] for i in range(21)] == [550] * 20 + [421]
        s.close()
    assert wait_until(lambda: server.events("connection.cut"), 5)[-1]["limit"] == "refused recipients"


def test_a_list_with_stale_addresses_goes_through(server):
    message = b"Subject: news\r\n\r\nx\r\n"
    with server.smtp() as s:
        for i in range(3):
            stale = [f"gone{i}.{n}@{DOMAIN}" for n in range(19)]
            refused = s.sendmail("list@b.example", [*stale, f"bob@{DOMAIN}"], message)
            assert sorted(refused) == sorted(stale)
    assert len(stored(server, "bob", "news")) == 3


@pytest.mark.parametrize("ours,other", [("münchen.example", "xn--mnchen-3ya.example"), ("xn--kln-sna.example", "Köln.example")])
def test_both_spellings_of_a_domain_are_one(server, ours, other):
    """RFC 5890 2.3.2.4, RFC 6531 3.2."""
    server.cli("domain", "add", ours)
    server.cli("user", "add", f"eva@{ours}", stdin="secret\n")
    for domain in (ours, other):
        with server.smtp() as s:
            s.ehlo("client.example")
            s.docmd("MAIL FROM:<a@b.example> SMTPUTF8")
            s.send(f"RCPT TO:<eva@{domain}>\r\n".encode())
            assert s.getreply()[0] == 250, domain
            s.send(f"RCPT TO:<nobody@{domain}>\r\n".encode())
            assert s.getreply()[0] == 550, domain
            assert s.data(b"Subject: both\r\n\r\nx\r\n")[0] == 250
    ascii_form = min(ours, other, key=lambda domain: not domain.isascii())
    assert len(list((server.mail / ascii_form / "eva" / "mailbox" / "new").glob("*"))) == 2


def test_rfc5321_4_5_1_who_answers_a_report_reaches_the_postmaster(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("someone@afrique.iut")
        for name in ("postmaster", "MAILER-DAEMON"):
            for domain in (DOMAIN, f"mail.{DOMAIN}"):
                assert s.rcpt(f"{name}@{domain}")[0] == 250
        assert s.rcpt(f"nobody@mail.{DOMAIN}")[0] == 550


def test_rfc1123_5_2_17_the_servers_own_address_is_its_first_domain(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("someone@afrique.iut")
        assert s.rcpt("bob@[127.0.0.1]")[0] == 250
        assert s.rcpt("postmaster@[127.0.0.1]")[0] == 250
        assert s.rcpt("nobody@[127.0.0.1]")[0] == 550
        for elsewhere in ("[127.0.0.2]", "[192.0.2.1]", "[IPv6:::1]"):
            assert b"elay" in s.rcpt(f"bob@{elsewhere}")[1]
        assert s.data(b"Subject: to an address\r\n\r\nx\r\n")[0] == 250
    wait_until(lambda: any(b"to an address" in p.read_bytes() for p in server.files("bob")), what="the mail")
