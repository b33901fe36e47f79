"""What log-ins of accounts in a real slapd stand on: sessions end when it is gone, and only a server that `ca` signed for is believed."""
import contextlib
import imaplib
import os
import smtplib
import subprocess

import pytest

from conftest import DOMAIN, free_port, wait_until
from slapd import PROGRAM, SUFFIX, Slapd
from test_auth import auth_client, plain
from test_ldap import log_in, recipient, refusal, running
from test_ldap_bind import EXPIRED, can_log_in, hiding, said, set_changed, smtp_refusal, smtp_said

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")

WRONG = (535, "5.7.8 Authentication credentials invalid")


def submission(server, name, password):
    s = smtplib.SMTP("localhost", server.ports["submission"], timeout=30)
    s.starttls(context=server.tls())
    s.login(f"{name}@{DOMAIN}", password)
    return s


CHANGES = {
    "disabled": lambda slapd: slapd.set("koffi", "employeeType", "TRUE"),
    "removed": lambda slapd: slapd.delete("koffi"),
    "password": lambda slapd: slapd.set("koffi", "userPassword", "deux"),
}


@pytest.mark.parametrize("has_syncprov", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_sessions_of_an_account_end_within_a_second_of_the_change(what, has_syncprov):
    with running(extra="poll 1s; disabled employeeType;", has_syncprov=has_syncprov) as s:
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "un")
        wait_until(lambda: recipient(s, "koffi") == 250, 20, "the account")
        ending = [(log_in(s, "koffi", "un"), submission(s, "koffi", "un")) for _ in range(4)]  # on every front
        staying = log_in(s, "awa", "secret"), submission(s, "awa", "secret")
        ending[0][1].mail(f"koffi@{DOMAIN}")
        CHANGES[what](s.slapd)
        wait_until(lambda: [e for e in s.events("account.changed") if e["what"] == what], 10, "the change")
        for imap, smtp in ending:
            imap.sock.settimeout(1)
            smtp.sock.settimeout(1)
            assert imap.readline().startswith(b"* BYE Your account changed") and imap.readline() == b""
            assert smtp.getreply() == (421, b"4.3.2 Your account changed, please log in again")
            imap.shutdown()
            smtp.close()
        assert staying[0].noop()[0] == "OK" and staying[1].mail(f"awa@{DOMAIN}")[0] == 250
        assert not can_log_in(s, "koffi", "un")


@contextlib.contextmanager
def impostor(directory):
    """A slapd with a certificate of its own, and somebody else's ideas of who is who."""
    (directory / "certificate").mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", directory / "certificate/key.pem",
                    "-out", directory / "certificate/cert.pem"], check=True, capture_output=True)
    slapd = Slapd(directory / "slapd", free_port(), free_port(), True, directory / "certificate", True)
    slapd.start()
    try:
        slapd.add_user("awa", f"awa@{DOMAIN}", "forged")
        slapd.add_user("koffi", f"koffi@{DOMAIN}", "forged")
        yield slapd
    finally:
        slapd.stop()


@pytest.mark.parametrize("scheme", ["starttls", "ldaps"])
def test_a_server_whose_certificate_ca_did_not_sign_is_neither_read_nor_shown_a_password(scheme, tmp_path):
    with running(scheme, hides_passwords=True) as s, impostor(tmp_path) as other:
        wait_until(lambda: can_log_in(s, "awa", "secret"), 20, "a log-in by bind")
        right = s.stall.target
        s.stall.target = other.tls_port if scheme == "ldaps" else other.port
        s.stall.cut()
        [away] = wait_until(lambda: s.events("ldap.away"), 20, "the refusal to read")
        assert "is its certificate one that `ca` signed" in away["reason"]
        for password in ("forged", "secret"):
            assert "UNAVAILABLE" in refusal(s, "awa", password)
        wait_until(lambda: s.events("ldap.bind_away"), 20, "the refusal to bind")
        assert (recipient(s, "awa"), recipient(s, "koffi")) == (250, 451)
        s.stall.target = right
        wait_until(lambda: recipient(s, "koffi") == 550 and can_log_in(s, "awa", "secret"), 20, "the right certificate")


def test_while_slapd_is_away_an_unknown_account_is_told_to_come_back_over_smtp_too():
    with running() as s:
        wait_until(lambda: recipient(s, "awa") == 250, 20, "the first reading")
        assert smtp_refusal(s, "nobody", "x") == WRONG
        s.slapd.stop()
        wait_until(lambda: s.events("ldap.away"), 10, "ldap.away")
        code, text = smtp_refusal(s, "nobody", "x")
        assert (code, text[:5]) == (454, "4.7.0")
        assert smtp_said(s, "awa", "secret") == 235 and smtp_refusal(s, "awa", "Secret") == WRONG


def test_the_attribute_that_says_whether_an_account_is_enabled_can_be_named():
    with running(extra="enabled employeeType;") as s:
        for name, *more in (("yes", "employeeType: active"), ("no", "employeeType: retired"), ("unsaid",)):
            s.slapd.add_user(name, f"{name}@{DOMAIN}", "un", *more)
        wait_until(lambda: recipient(s, "unsaid") == 250, 20, "the accounts")
        assert [can_log_in(s, name, "un") for name in ("yes", "no", "unsaid")] == [True, False, True]
        assert recipient(s, "no") == 250, "who is disabled still gets mail"
        s.slapd.set("no", "employeeType", "Active")
        wait_until(lambda: can_log_in(s, "no", "un"), 10, "the change")


def test_the_attributes_of_members_and_of_account_names_can_be_named():
    with running(extra="groups (objectClass=groupOfNames); members seeAlso; account_name employeeNumber; login_name account;") as s:
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "un", "employeeNumber: k7")
        s.slapd.add_group("team", "groupOfNames extensibleObject", f"mail: team@{DOMAIN}", f"member: uid=awa,{SUFFIX}", f"seeAlso: uid=koffi,{SUFFIX}")
        wait_until(lambda: recipient(s, "team") == 250, 20, "the group")
        s.send("to the team", to="team")
        assert len(s.files("koffi")) == 1 and not s.files("awa")
        i = imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30)
        assert i.login("K7", "un")[0] == "OK"
        i.logout()
        with pytest.raises(imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30).login("koffi@elsewhere.example", "un")
        # uid is not the name any more
        s.slapd.add_user("other", f"mensah@{DOMAIN}", "un")
        wait_until(lambda: recipient(s, "mensah") == 250, 10, "the account")
        with pytest.raises(imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30).login("other", "un")


# Programs that log their users in through us (listen auth) hear the same.

MORE = "listen auth unix:{mail}-auth;"


@pytest.fixture
def socket_of():
    """The path of the socket is known when the server is: links it to where auth_client looks."""
    def link(server):
        (server.directory / "auth").symlink_to(f"{server.mail}-auth")
        return server
    return link


def ask(client, number, name, password):
    client.say("AUTH", str(number), "PLAIN", "service=smtp", plain(f"{name}@{DOMAIN}", password))
    return client.hear()


def test_a_program_logs_in_accounts_of_ldap_whose_passwords_are_compared(socket_of):
    with running(more=MORE) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        c = auth_client(socket_of(s))
        assert ask(c, 1, "awa", "secret") == ["OK", "1", f"user=awa@{DOMAIN}"]
        assert ask(c, 2, "younes", "azerty") == ["OK", "2", f"user=younes.bensyed@{DOMAIN}"]
        assert ask(c, 3, "awa", "Secret") == ["FAIL", "3", f"user=awa@{DOMAIN}"]
        assert ask(c, 4, "nobody", "x") == ["FAIL", "4", f"user=nobody@{DOMAIN}"]
        s.slapd.stop()
        wait_until(lambda: s.events("ldap.away"), 10, "ldap.away")
        assert ask(c, 5, "awa", "secret")[0] == "OK"
        assert ask(c, 6, "nobody", "x") is None, "later: the connection ends where no other exchange would suffer"


def test_a_program_logs_in_accounts_of_ldap_by_a_bind(socket_of):
    with hiding(more=MORE) as s:
        c = auth_client(socket_of(s))
        assert ask(c, 1, "awa", "secret") == ["OK", "1", f"user=awa@{DOMAIN}"]
        assert ask(c, 2, "awa", "Secret") == ["FAIL", "2", f"user=awa@{DOMAIN}"]
        assert ask(c, 3, "nobody", "x") == ["FAIL", "3", f"user=nobody@{DOMAIN}"]
        s.slapd.add_policy("policy", "pwdMaxAge: 1000000")
        set_changed(s, "20200101000000Z")
        assert said(s, "awa", "secret") == EXPIRED
        assert "code=pass_expired" in ask(c, 4, "awa", "secret")
        assert ask(c, 5, "awa", "Secret") == ["FAIL", "5", f"user=awa@{DOMAIN}"]
        s.slapd.stop()
        wait_until(lambda: s.events("ldap.away"), 10, "ldap.away")
        assert ask(c, 6, "younes", "azerty") is None, "later"
