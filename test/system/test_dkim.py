"""What goes out is signed (DKIM, RFC 6376): reports, and the mail of who may speak for a domain; `mermoz check` says what DNS has to say of it."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import pytest

import dkim
from conftest import DOMAIN, Server, executable, free_port, running_server, wait_until
from peer import Peer
from test_outgoing import ELSEWHERE, EXTRA


def make_key(path, *algorithm):
    subprocess.run(["openssl", "genpkey", "-out", path, *algorithm], check=True, capture_output=True)
    path.chmod(0o600)
    return path


@pytest.fixture
def server():
    """Not started."""
    with tempfile.TemporaryDirectory(prefix="mermoz-test-") as directory:
        pathlib.Path(directory).chmod(0o755)
        yield Server(directory)


RSA = ("-algorithm", "RSA", "-pkeyopt")


@pytest.fixture
def keys(tmp_path):
    tmp_path.chmod(0o755)
    return {"r1": make_key(tmp_path / "rsa.pem", *RSA, "rsa_keygen_bits:2048"), "e1": make_key(tmp_path / "ed25519.pem", "-algorithm", "ED25519")}


def directives(keys):
    return "".join(f"dkim {DOMAIN} {selector} file:{path};\n" for selector, path in keys.items())


def records(server):
    """What `mermoz check` says that DNS has to say."""
    said = server.cli("check").stdout
    assert "What goes out is signed (dkim); DNS has to say:" in said
    found = re.findall(r'^  (\S+)\. TXT((?: "[^"]{1,255}")+)$', said, re.M)
    return {name: "".join(re.findall('"([^"]*)"', text)) for name, text in found}


def ask_for_a_report(server, subject):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail(f"someone@{ELSEWHERE}")
        assert s.rcpt(f"bob@{DOMAIN}", ["NOTIFY=SUCCESS"])[0] == 250
        assert s.data(f"From: someone@{ELSEWHERE}\r\nSubject: {subject}\r\n\r\nx\r\n".encode())[0] == 250


def test_a_report_to_others_verifies_with_what_check_says_for_dns_rfc6376_6_1_rfc8463_3(keys):
    elsewhere = Peer()
    try:
        with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + directives(keys)) as server:
            said = records(server)
            assert set(said) == {f"r1._domainkey.{DOMAIN}", f"e1._domainkey.{DOMAIN}"}
            ask_for_a_report(server, "signed")
            wait_until(lambda: elsewhere.mails, what="the report")
            text = elsewhere.mails[0]["text"]
            assert b"From: Mail delivery system <mailer-daemon@mail." + DOMAIN.encode() in text
            assert dkim.verified(text, said) == [(DOMAIN, "r1"), (DOMAIN, "e1")]
            assert dkim.verified(text.replace(b"Subject: ", b"Subject: not "), said) == []
            assert dkim.verified(text.replace(b"Action: delivered", b"Action: failed"), said) == []
            assert dkim.verified(b"From: <evil@x.iut>\r\n" + text, said) == []
            # Without the keys no report is signed, and with them again the next one is.
            server.extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())
            server.write_conf()
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: server.events("config.reloaded"), what="the reload")
            ask_for_a_report(server, "unsigned")
            wait_until(lambda: len(elsewhere.mails) == 2, what="the second report")
            assert b"DKIM-Signature" not in elsewhere.mails[1]["text"]
            assert not server.events("queue.unsigned")
    finally:
        elsewhere.leave()


# What relaxing looks at, and what the way out does: white space, empty lines, dots, no last line end, octets beyond ASCII, long lines.
AWKWARD = b"Subject: awkward  \t subject\r\nX-Folded: a\r\n\t b  \r\n\r\n.\r\n..dots\r\n  two  \t words \t\r\n\r\n \r\n\xc3\xa9t\xc3\xa9\r\n" \
          + b"x" * 990 + b"\r\n\r\n\r\n"


def test_what_goes_back_whole_does_not_spoil_the_signature_rfc6376_3_4(keys):
    elsewhere = Peer()
    elsewhere.answers[f"bob@{ELSEWHERE}"] = "550 5.1.1 no such user"
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + "trusted_networks 127.0.0.0/8;\n" + directives(keys)
    try:
        with running_server(extra) as server:
            said = records(server)
            with server.smtp() as s:
                s.ehlo("client.example")
                assert s.mail(f"someone@{ELSEWHERE}", ["BODY=8BITMIME", "RET=FULL"])[0] == 250
                assert s.rcpt(f"bob@{ELSEWHERE}")[0] == 250
                assert s.data(AWKWARD)[0] == 250
            [text] = wait_until(lambda: [m["text"] for m in elsewhere.mails if m["from"] == ""], what="the report")
            assert b"Subject: awkward  \t subject\r\n" in text and b"\xc3\xa9t\xc3\xa9" in text
            text = re.sub(rb"(?m)^\.", b"", text)  # RFC 5321 4.5.2
            assert dkim.verified(text, said) == [(DOMAIN, "r1"), (DOMAIN, "e1")]
    finally:
        elsewhere.leave()


@pytest.fixture
def signing(keys):
    """(server, another organisation's, the records that DNS has to have)."""
    elsewhere = Peer()
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + directives(keys) + "domain second.iut;\n"
    try:
        with running_server(extra) as server:
            yield server, elsewhere, records(server)
    finally:
        elsewhere.leave()


def arrived(elsewhere, subject):
    """As it stood on the wire, without the dots that were put before dots (RFC 5321 4.5.2)."""
    [text] = wait_until(lambda: [m["text"] for m in elsewhere.mails if b"Subject: " + subject in m["text"]], what="the mail")
    return re.sub(rb"(?m)^\.", b"", text)


def submit(server, text, *to):
    with server.submission() as s:
        assert s.sendmail(f"alice@{DOMAIN}", to or [f"bob@{ELSEWHERE}"], text, ["BODY=8BITMIME"]) == {}


BOTH = [(DOMAIN, "r1"), (DOMAIN, "e1")]


@pytest.mark.parametrize("body", [b"hello\r\n", b"", AWKWARD.split(b"\r\n\r\n", 1)[1], b"a line of many\r\n" * 20000], ids=["short", "empty", "awkward", "large"])
def test_mail_of_who_logged_in_is_signed_with_what_was_added_to_it_rfc6376_5(signing, body):
    server, elsewhere, said = signing
    submit(server, f"From: =?utf-8?q?Al?= <alice@{DOMAIN.upper()}>\r\nTo: bob@{ELSEWHERE}\r\nSubject: mine\r\n\r\n".encode() + body)
    text = arrived(elsewhere, b"mine")
    assert dkim.verified(text, said) == BOTH
    # Date: and Message-ID: were missing.
    for field in (rb"Date: ", rb"Message-ID: <", rb"From: ", rb"Subject: "):
        assert re.search(rb"(?m)^" + field, text)
        assert dkim.verified(re.sub(rb"(?m)^" + field, rb"\g<0>x", text), said) == []
    assert dkim.verified(b"Subject: another\r\n" + text, said) == []
    assert dkim.verified(text + b"more\r\n", said) == []
    assert not server.events("mail.unsigned")


def test_mail_of_a_program_of_this_machine_is_signed(keys, tmp_path):
    elsewhere = Peer()
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + directives(keys) + f"listen local unix:{tmp_path}/submit;\n"
    try:
        with running_server(extra) as server:
            subprocess.run([executable(), "send", f"bob@{ELSEWHERE}"], input=b"Subject: of a program\n\nhi\n", check=True,
                           env={**os.environ, "MERMOZ_SOCKET": f"{tmp_path}/submit"})
            assert dkim.verified(arrived(elsewhere, b"of a program"), records(server)) == BOTH
    finally:
        elsewhere.leave()


def test_nobody_signs_for_a_domain_that_he_does_not_send_as(signing):
    server, elsewhere, _ = signing
    server.cli("user", "add", "zoe@second.iut", stdin="zoe's password\n")
    server.cli("alias", "add", f"out@{DOMAIN}", f"bob@{ELSEWHERE}")
    # A user of another domain here; two authors; none; a stranger whose mail is forwarded.
    with server.submission(None) as s:
        s.login("zoe@second.iut", "zoe's password")
        s.sendmail("zoe@second.iut", [f"bob@{ELSEWHERE}"], f"From: alice@{DOMAIN}\r\nSubject: other domain\r\n\r\nx\r\n".encode())
    submit(server, f"From: alice@{DOMAIN}, zoe@second.iut\r\nSubject: two domains\r\n\r\nx\r\n".encode())
    submit(server, f"From: alice@{DOMAIN}\r\nFrom: alice@{DOMAIN}\r\nSubject: two fields\r\n\r\nx\r\n".encode())
    submit(server, b"Subject: no author\r\n\r\nx\r\n")
    with server.smtp() as s:
        s.sendmail("someone@afrique.iut", [f"out@{DOMAIN}"], f"From: alice@{DOMAIN}\r\nSubject: a stranger\r\n\r\nx\r\n".encode())
    for subject in (b"other domain", b"two domains", b"two fields", b"no author", b"a stranger"):
        assert b"DKIM-Signature" not in arrived(elsewhere, subject), subject
    assert not server.events("mail.unsigned")


@pytest.mark.parametrize("more", [b"Subject: again\r\n" * 400, b"X-Long: y\r\n" * 5000], ids=["of what is signed", "in all"])
def test_a_header_that_is_too_long_to_be_signed_goes_without_and_is_told(signing, more):
    server, elsewhere, _ = signing
    submit(server, f"From: alice@{DOMAIN}\r\nSubject: long\r\n".encode() + more + b"\r\nx\r\n")
    assert b"DKIM-Signature" not in arrived(elsewhere, b"long")
    assert len(server.events("mail.unsigned")) == 1


def test_mail_of_trusted_networks_is_signed_for_any_domain_that_has_a_key(keys):
    elsewhere = Peer()
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + directives(keys) + "trusted_networks 127.0.0.0/8;\n"
    try:
        with running_server(extra) as server:
            said = records(server)
            with server.smtp() as s:
                for domain in (DOMAIN, "afrique.iut"):
                    s.sendmail("bounces@afrique.iut", [f"bob@{ELSEWHERE}"], f"From: x@{domain}\r\nSubject: of {domain}\r\n\r\nx\r\n".encode())
            assert dkim.verified(arrived(elsewhere, f"of {DOMAIN}".encode()), said) == BOTH
            assert b"DKIM-Signature" not in arrived(elsewhere, b"of afrique.iut")
    finally:
        elsewhere.leave()


@pytest.mark.parametrize("algorithm, said", [
    ((*RSA, "rsa_keygen_bits:512"), "512 bits can be broken"),
    (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "neither RSA nor Ed25519")])
def test_a_key_that_signs_no_mail_is_an_error_with_its_place_rfc8301_3_2(server, algorithm, said):
    key = make_key(server.directory / "bad.pem", *algorithm)
    server.extra = f"dkim {DOMAIN} s file:{key};\n"
    server.write_conf()
    checked = server.cli("check", check=False)
    line = next(n for n, text in enumerate(server.conf.read_text().splitlines(), 1) if text.startswith("dkim "))
    assert checked.returncode == 1
    assert f"{server.conf}:{line}:{len(f'dkim {DOMAIN} s ') + 1}: dkim: {key}: " in checked.stderr and said in checked.stderr


def test_a_key_that_is_short_or_open_to_all_is_warned_of_rfc8301_3_2(server):
    key = make_key(server.directory / "short.pem", *RSA, "rsa_keygen_bits:1024")
    (server.directory / "key.pem").chmod(0o600)
    server.extra = f"dkim {DOMAIN} s file:{key};\n"
    server.write_conf()
    checked = server.cli("check")
    assert "warning: dkim: " in checked.stderr and "has 1024 bits, 2048 are advised" in checked.stderr
    assert "can read the key" not in checked.stderr
    key.chmod(0o644)
    assert f"can read the key in {key}" in server.cli("check").stderr


def test_a_key_that_never_signs_is_warned_of(server, keys):
    (server.directory / "key.pem").chmod(0o600)
    server.extra = f"dkim mail.{DOMAIN} a file:{keys['e1']};\ndkim {DOMAIN} b file:{keys['e1']};\ndkim other.iut c file:{keys['e1']};\n"
    server.write_conf()
    line = next(n for n, text in enumerate(server.conf.read_text().splitlines(), 1) if text.startswith("dkim other.iut "))
    warned = server.cli("check").stderr
    assert warned.startswith(f'{server.conf}:{line}:18: warning: dkim: no "domain" line names other.iut, or what is below it: right if your directory has addresses there, else ')
    assert warned.count("\n") == 1


def test_what_is_no_key_file_is_an_error_and_not_shown(server):
    (server.directory / "bad.pem").write_text("hunter2\n")
    server.extra = f"dkim {DOMAIN} s file:{server.directory}/bad.pem;\ndkim {DOMAIN} t file:{server.directory}/missing.pem;\n"
    server.write_conf()
    checked = server.cli("check", check=False)
    assert checked.returncode == 1 and "no private key" in checked.stderr and "missing.pem" in checked.stderr and "hunter2" not in checked.stderr
