"""Accounts in a real slapd: read, followed, and done without while it is away (the rows of doc/outage.md)."""
import contextlib
import imaplib
import json
import os
import pathlib
import re
import shutil
import signal
import smtplib
import tempfile
import time

import pytest

import conftest
from conftest import COPY_S, DOMAIN, Server, wait_until
from peer import Peer
from test_auth import userdb_client
from slapd import ADMIN, PROGRAM, SECRET, SUFFIX, Slapd, Stall, hidden_port

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")


@contextlib.contextmanager
def running(scheme="ldap", extra="", has_syncprov=True, has_second=False, hides_passwords=False, template=None, more=""):
    """A server with slapd behind a proxy that can stall; has_second: and the same slapd without the proxy for a second server; hides_passwords: it is read anonymously,
    and shows no password; template: in place of one with the uid; more: directives of the file, {mail} being the place for mailboxes."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mermoz-test-"))
    os.chmod(directory, 0o755)
    (directory / "mermoz").mkdir()
    port, tls_port = conftest.free_port(), conftest.free_port()
    target = tls_port if scheme == "ldaps" else port
    url = "ldaps://127.0.0.1" if scheme == "ldaps" else "ldap://127.0.0.1"
    stall = Stall(target)
    s = Server(directory / "mermoz")
    (directory / "secret").write_text(SECRET + "\n")
    s.extra = f"""
directory ldap {{
    server {url}:{stall.port};
    {f"server {url}:{target};" if has_second else ""}
    base {SUFFIX};
    {"" if hides_passwords else f"bind {ADMIN} file:{directory}/secret;"}
    users (objectClass=inetOrgPerson);
    ca {s.directory}/cert.pem;
    {"" if "timeout" in extra else "timeout 2s;"}
    {"starttls yes;" if scheme == "starttls" else ""}
    {extra}
}}
{more.format(mail=s.mail)}
"""
    s.write_conf()
    s.conf.write_text(s.conf.read_text().replace(f"{s.mail}/%d/%u/mailbox", template or f"{s.mail}/%d/%{{uid}}/mailbox"))
    s.stall = stall
    s.slapd = Slapd(directory / "slapd", port, tls_port, has_syncprov, s.directory, hides_passwords)
    try:
        s.slapd.start()
        s.slapd.add_user("ybensyed", ["younes.bensyed@amerique.iut", "younes@amerique.iut"], "azerty")
        # of "secret"
        s.slapd.add_user("awa", "awa@amerique.iut", "{SSHA}8E3g9ynDt0RRbnJBNR9Om0XQnaltZXJtb3owMQ==")
        yield s.start()
    finally:
        died = s.end()
        s.slapd.stop()
        stall.close()
        shutil.rmtree(directory, ignore_errors=True)
    assert not died, died


@pytest.fixture
def ldap():
    with running() as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        yield s


def recipient(server, name):
    with server.smtp() as s:
        s.ehlo("c.example")
        s.mail("a@b.example")
        return s.rcpt(name if "@" in name else f"{name}@{DOMAIN}")[0]


def log_in(server, name, password):
    i = imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=30)
    i.login(f"{name}@{DOMAIN}", password)
    return i


def refusal(server, name, password):
    with pytest.raises(imaplib.IMAP4.error) as e:
        log_in(server, name, password)
    return str(e.value)


@pytest.mark.parametrize("scheme", ["ldap", "starttls", "ldaps"])
def test_accounts_of_a_real_slapd_receive_and_read_mail(scheme):
    with running(scheme) as s:
        wait_until(lambda: recipient(s, "younes.bensyed") == 250, 20, "the first reading")
        s.send("bonjour", to="Younes.Bensyed")
        # uid and local part differ: the template decides.
        assert list((s.mail / DOMAIN / "ybensyed" / "mailbox" / "new").glob("*"))
        i = log_in(s, "younes.bensyed", "azerty")
        assert i.select("INBOX")[1] == [b"1"]
        i.logout()
        assert "AUTHENTICATIONFAILED" in refusal(s, "younes.bensyed", "azert")
        s.send("second address", to="younes")
        assert len(list((s.mail / DOMAIN / "ybensyed" / "mailbox").rglob("*:2,*"))) + len(
            list((s.mail / DOMAIN / "ybensyed" / "mailbox" / "new").glob("*"))) == 2


def test_a_hashed_password_is_compared(ldap):
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "awa", "")
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "awa", "{SSHA}8E3g9ynDt0RRbnJBNR9Om0XQnaltZXJtb3owMQ==")
    ldap.slapd.set("awa", "userPassword", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
    wait_until(lambda: ldap.events("account.changed"), 10, "the change")
    log_in(ldap, "awa", "secret").logout()


def test_an_account_may_send_as_its_addresses_only(ldap):
    with smtplib.SMTP("localhost", ldap.ports["submission"], timeout=30) as s:
        s.starttls(context=ldap.tls())
        s.login("younes.bensyed@amerique.iut", "azerty")
        assert s.mail("younes@amerique.iut")[0] == 250
        s.rset()
        assert s.mail("awa@amerique.iut")[0] == 553


@pytest.mark.parametrize("has_syncprov", [True, False])
def test_new_changed_and_deleted_accounts_are_followed(has_syncprov):
    with running(extra="poll 1s;", has_syncprov=has_syncprov) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_user("koffi", "koffi@amerique.iut", "un")
        wait_until(lambda: recipient(s, "koffi") == 250, 10, "the new account")
        i = log_in(s, "koffi", "un")
        s.slapd.set("koffi", "userPassword", "deux")
        with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
            wait_until(lambda: i.noop()[0] != "OK", 10, "the session's end")
        assert "AUTHENTICATIONFAILED" in refusal(s, "koffi", "un")
        i = log_in(s, "koffi", "deux")
        s.slapd.delete("koffi")
        with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
            wait_until(lambda: i.noop()[0] != "OK", 10, "the session's end")
        wait_until(lambda: recipient(s, "koffi") == 550, 10, "the account's end")


def test_an_address_that_was_added_this_moment_is_not_called_unknown(ldap):
    for n in range(5):
        ldap.slapd.add_user(f"new{n}", f"new{n}@amerique.iut", "x")
        assert recipient(ldap, f"new{n}") == 250


def test_an_address_that_was_added_this_moment_is_found_on_a_server_that_cannot_tell_changes():
    with running(extra="poll 1h;", has_syncprov=False) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        assert recipient(s, "nobody") == 550
        for n in range(3):
            s.slapd.add_user(f"new{n}", [f"new{n}@amerique.iut", f"further{n}@amerique.iut"], "x")
            assert recipient(s, f"Further{n}+detail") == 250
        before = json.loads(s.cli("directory", "status", "--json").stdout)["readings"]
        assert [recipient(s, name) for name in ("*", "new*", "nobody", "no-body", "\"a)(mail=*\"")] == [550] * 5
        assert json.loads(s.cli("directory", "status", "--json").stdout)["readings"] == before
        s.slapd.stop()
        assert recipient(s, "new7") == 451


@pytest.mark.parametrize("has_syncprov", [True, False])
def test_whom_an_alias_leads_to_and_who_was_added_this_moment_gets_its_mail(has_syncprov, tmp_path):
    aliases = tmp_path / "aliases"
    aliases.write_text("boss: koffi\nlate: abla\nboth: awa, gone\n" + "".join(f"list{n}: younes, new{n}+x\n" for n in range(3)))
    with running(extra="poll 1h;", has_syncprov=has_syncprov, more=f"aliases {aliases};") as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "x")
        assert recipient(s, "boss") == 250
        for n in range(3):
            s.slapd.add_user(f"new{n}", f"new{n}@{DOMAIN}", "x")
            s.send(f"to the list {n}", to=f"list{n}")
            assert s.files(f"new{n}"), n
        assert (recipient(s, "late"), recipient(s, "both")) == (550, 250)
        s.slapd.stop()
        wait_until(lambda: s.events("ldap.away"), 10, "ldap.away")
        # Of who is not there nobody knows now whether they were added meanwhile.
        assert [recipient(s, name) for name in ("boss", "list0", "late", "both")] == [250, 250, 451, 451]


def test_a_server_that_cannot_tell_changes_is_asked_for_what_changed_and_not_for_all():
    with running(extra="poll 1s;", has_syncprov=False) as s:
        s.slapd.add_users([f"user{n}" for n in range(30)])
        wait_until(lambda: recipient(s, "user29") == 250, 20, "the accounts")
        status = json.loads(s.cli("directory", "status", "--json").stdout)
        assert status["follows"] == "sweep"
        s.slapd.set("user7", "userPassword", "changed")
        wait_until(lambda: refusal_or_none(s, "user7", "changed") is None, 10, "the change")
        s.slapd.tool("ldapmodrdn", "-r", f"uid=user8,{SUFFIX}", "uid=moved8")
        wait_until(lambda: f"uid=moved8,{SUFFIX}" in s.cli("user", "show", f"user8@{DOMAIN}").stdout, COPY_S, "the other name")
        s.slapd.delete("user9")
        wait_until(lambda: recipient(s, "user9") == 550, 10, "the deletion")
        after = json.loads(s.cli("directory", "status", "--json").stdout)
        assert after["full"] == status["full"] and after["sweeps"] > status["sweeps"]


def refusal_or_none(server, name, password):
    try:
        log_in(server, name, password).logout()
        return None
    except imaplib.IMAP4.error as e:
        return str(e)


def test_an_address_that_is_there_and_does_not_count_does_not_make_a_server_be_read_again_and_again():
    with running(extra="poll 1h;", has_syncprov=False) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_user("rival", ["awa@amerique.iut", "other@amerique.iut"], "x")
        assert recipient(s, "other") == 550, "its own address is another's: all of it is left out"
        before = json.loads(s.cli("directory", "status", "--json").stdout)["readings"]
        assert [recipient(s, f"other+{n}") for n in range(20)] == [550] * 20
        assert json.loads(s.cli("directory", "status", "--json").stdout)["readings"] == before
        status = json.loads(s.cli("directory", "status", "--json").stdout)
        assert status["ldap"] == "up" and not s.events("ldap.away")


def test_a_copy_that_another_account_read_is_ignored(ldap):
    assert ldap.stop() == 0
    ldap.slapd.stop()
    ldap.conf.write_text(ldap.conf.read_text().replace(f"bind {ADMIN} ", f"bind cn=other,{SUFFIX} "))
    ldap.start()
    assert ldap.events("snapshot.ignored")
    assert recipient(ldap, "younes") == 451
    assert json.loads(ldap.cli("directory", "status", "--json").stdout)["age_s"] == -1
    assert len(ldap.events("directory.loaded")) == 1, "the one of the first start"


def use_base(server, base):
    server.conf.write_text(re.sub(r"base [^;]*;", f"base {base};", server.conf.read_text()))


def test_another_base_is_refused_by_a_reload_and_one_that_is_not_there_calls_nobody_unknown(ldap):
    use_base(ldap, f"ou=nowhere,{SUFFIX}")
    ldap.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "base" in str(ldap.events("config.refused")), 20, "the refusal")
    assert recipient(ldap, "younes") == 250
    log_in(ldap, "younes", "azerty").logout()
    assert ldap.stop() == 0
    ldap.start()
    wait_until(lambda: json.loads(ldap.cli("directory", "status", "--json").stdout)["failures"] > 1, 20, "looks in vain")
    assert recipient(ldap, "younes") == 451
    assert "UNAVAILABLE" in refusal(ldap, "younes", "azerty")
    # Nothing was made of it: the copy is that of the base before.
    assert ldap.stop() == 0
    ldap.slapd.stop()
    use_base(ldap, SUFFIX)
    ldap.start()
    assert recipient(ldap, "younes") == 250


@pytest.mark.parametrize("has_syncprov", [True, False])
def test_a_base_that_is_not_there_any_more_loses_nobody(has_syncprov):
    with running(extra="poll 1s;", has_syncprov=has_syncprov) as s:
        people = f"ou=people,{SUFFIX}"
        tree = (f"dn: {people}\nobjectClass: organizationalUnit\nou: people\n\n"
                f"dn: uid=koffi,{people}\nobjectClass: inetOrgPerson\nuid: koffi\ncn: koffi\nsn: koffi\nmail: koffi@{DOMAIN}\nuserPassword: un\n")
        s.slapd.tool("ldapadd", ldif=tree)
        assert s.stop() == 0
        use_base(s, people)
        s.start()
        wait_until(lambda: recipient(s, "koffi") == 250, 20, "the first reading")
        s.slapd.start_empty()
        wait_until(lambda: "No such object" in s.cli("directory", "status").stdout, 20, "a look in vain")
        assert recipient(s, "koffi") == 250 and recipient(s, "younes") == 451
        log_in(s, "koffi", "un").logout()
        s.slapd.tool("ldapadd", ldif=tree)
        wait_until(lambda: s.events("ldap.back"), 20, "the base")
        wait_until(lambda: recipient(s, "younes") == 550, 20, "certainty")
        assert recipient(s, "koffi") == 250


def test_while_slapd_is_away_a_look_up_of_an_unknown_account_is_told_to_come_back(ldap):
    assert ldap.stop() == 0
    ldap.conf.write_text(ldap.conf.read_text() + f"listen auth-userdb unix:{ldap.directory}/auth-userdb;\n")
    ldap.start()
    wait_until(lambda: recipient(ldap, "nobody") == 550, 20, "slapd's answer")
    c = userdb_client(ldap)
    c.say("USER", "1", f"added@{DOMAIN}", "service=doveadm")
    assert c.hear() == ["NOTFOUND", "1"]
    ldap.slapd.stop()
    wait_until(lambda: ldap.events("ldap.away"), 10, "ldap.away")
    c.say("USER", "2", f"added@{DOMAIN}", "service=doveadm")
    assert c.hear()[:3] == ["FAIL", "2", "code=temp_fail"]
    c.say("USER", "3", f"awa@{DOMAIN}", "service=doveadm")
    assert c.hear()[:3] == ["USER", "3", f"awa@{DOMAIN}"]


@pytest.mark.parametrize("has_syncprov", [True, False])
def test_a_look_up_of_who_was_added_this_moment_finds_them_and_answers_come_in_turn(has_syncprov):
    with running(extra="poll 1h;", has_syncprov=has_syncprov) as s:
        assert s.stop() == 0
        s.conf.write_text(s.conf.read_text() + f"listen auth-userdb unix:{s.directory}/auth-userdb;\n")
        s.start()
        wait_until(lambda: (recipient(s, "younes"), recipient(s, "nobody")) == (250, 550), 20, "slapd's answer")
        c = userdb_client(s)
        for n in range(3):
            s.slapd.add_user(f"new{n}", f"new{n}@{DOMAIN}", "x")
            c.say("USER", f"1{n}", f"new{n}@{DOMAIN}", "service=doveadm")
            c.say("USER", f"2{n}", f"nobody{n}@{DOMAIN}", "service=doveadm")
            c.say("USER", f"3{n}", f"awa@{DOMAIN}", "service=doveadm")
            assert c.hear()[:3] == ["USER", f"1{n}", f"new{n}@{DOMAIN}"]
            assert c.hear() == ["NOTFOUND", f"2{n}"]
            assert c.hear()[:3] == ["USER", f"3{n}", f"awa@{DOMAIN}"]
        # Neither who goes while an answer is due nor our own end is held up.
        s.slapd.freeze()
        try:
            c.say("USER", "4", f"nobody@{DOMAIN}", "service=doveadm")
            userdb_client(s).say("USER", "4", f"nobody@{DOMAIN}", "service=doveadm")
            assert s.stop() == 0
        finally:
            s.slapd.thaw()


@pytest.mark.parametrize("has_syncprov", [True, False])
def test_an_address_that_became_the_senders_this_moment_is_theirs(has_syncprov):
    with running(extra="poll 1h;", has_syncprov=has_syncprov) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        with smtplib.SMTP("localhost", s.ports["submission"], timeout=30) as c:
            c.starttls(context=s.tls())
            c.login(f"awa@{DOMAIN}", "secret")
            assert c.mail(f"nobody@{DOMAIN}")[0] == 553
            s.slapd.set("awa", "mail", f"awa@{DOMAIN}\nmail: boss@{DOMAIN}")
            assert c.mail(f"boss+x@{DOMAIN}")[0] == 250


def test_while_slapd_is_away_nobody_is_told_that_an_unknown_address_is_not_theirs(ldap):
    with smtplib.SMTP("localhost", ldap.ports["submission"], timeout=30) as s:
        s.starttls(context=ldap.tls())
        s.login("younes.bensyed@amerique.iut", "azerty")
        ldap.slapd.stop()
        wait_until(lambda: ldap.events("ldap.away"), 10, "ldap.away")
        assert s.mail("added.meanwhile@amerique.iut")[0] // 100 == 4
        assert s.mail("awa@amerique.iut")[0] == 553
        assert s.mail("younes@amerique.iut")[0] == 250


def test_with_slapd_stopped_known_addresses_are_served_and_unknown_ones_deferred(ldap):
    ldap.slapd.stop()
    assert recipient(ldap, "younes.bensyed") == 250
    ldap.send("during the outage", to="younes.bensyed")
    log_in(ldap, "younes.bensyed", "azerty").logout()
    assert recipient(ldap, "nobody") == 451
    wait_until(lambda: ldap.events("ldap.away"), 10, "ldap.away")
    assert "UNAVAILABLE" in refusal(ldap, "nobody", "x")
    ldap.slapd.start()
    wait_until(lambda: ldap.events("ldap.back"), 20, "ldap.back")
    assert recipient(ldap, "nobody") == 550


def test_while_slapd_is_away_mail_goes_out_and_reports_come_in_and_one_to_an_unknown_account_waits():
    elsewhere = Peer()
    elsewhere.answers["bad@afrique.iut"] = "550 5.1.1 nobody"
    more = f"route afrique.iut to 127.0.0.1:{elsewhere.port};\ntrusted_networks 127.0.0.1;\nqueue {{ retry_first 1s; retry_most 1s; }}\n".replace("{", "{{").replace("}", "}}")
    try:
        with running(more=more) as s:
            wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
            s.slapd.stop()
            with smtplib.SMTP("127.0.0.1", s.ports["smtp"], timeout=30) as c:
                for sender in ("younes.bensyed", "new"):
                    c.sendmail(f"{sender}@{DOMAIN}", ["bad@afrique.iut", "good@afrique.iut"], f"Subject: of {sender}\r\n\r\nx\r\n")
            wait_until(lambda: len(elsewhere.mails) == 2, what="the mails' arrival elsewhere")

            def reports(uid):
                return [p for p in (s.mail / DOMAIN / uid / "mailbox/new").glob("*") if "bad@afrique.iut" in p.read_text()]
            wait_until(lambda: reports("ybensyed"), what="the report to a known account")
            wait_until(lambda: [e for e in s.events("queue.deferred") if e["recipient"] == f"new@{DOMAIN}"], what="the report's first attempt")
            s.slapd.start()
            s.slapd.add_user("new", f"new@{DOMAIN}", "azerty")
            wait_until(lambda: reports("new"), 40, "the report that waited")
            assert len(reports("ybensyed")) == len(reports("new")) == 1
    finally:
        elsewhere.leave()


def test_the_status_tells_how_fresh_the_accounts_are(ldap):
    status = json.loads(ldap.cli("directory", "status", "--json").stdout)
    assert status["accounts"] == 2 and status["aliases"] == 1 and status["follows"] == "sync" and status["ldap"] == "up"
    assert status["answers1"] > 0 and status["errors1"] == 0 and 0 < status["us1"] < 2_000_000
    ldap.slapd.stop()
    wait_until(lambda: "away" in ldap.cli("directory", "status").stdout, 10, "the outage")
    status = json.loads(ldap.cli("directory", "status", "--json").stdout)
    assert "Can't contact LDAP server" in status["last_error"] and status["follows"] == "sync"


def test_with_slapd_frozen_nothing_waits_for_ever(ldap):
    ldap.slapd.freeze()
    assert recipient(ldap, "younes") == 250
    assert recipient(ldap, "nobody.asked.before") == 451
    ldap.slapd.thaw()
    wait_until(lambda: recipient(ldap, "nobody.asked.before") == 550, 20, "slapd's return")


STAGES = {
    "it accepts and says nothing": ("ldap", 0, True),
    "within the answer to the bind": ("ldap", 5, True),
    "within an answer": ("ldap", 10, False),
    "within the TLS handshake": ("ldaps", 100, True),
    "within a TLS record": ("ldaps", 3, False),
    "behind the answer to StartTLS": ("starttls", 14, True),
    "within the TLS handshake behind StartTLS": ("starttls", 114, True),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_server_that_stops_in_the_middle_is_away_after_the_timeout_and_back_at_once(stage):
    scheme, octets, is_new = STAGES[stage]
    with running(scheme) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.stall.stop(after=octets)
        if is_new:
            s.stall.cut()
        wait_until(lambda: s.events("ldap.away"), 5, "ldap.away")
        assert "no answer within 2 s" in s.events("ldap.away")[0]["reason"]
        assert "away" in s.cli("directory", "status").stdout
        assert recipient(s, "younes") == 250
        assert recipient(s, "nobody") == 451
        s.stall.go()
        wait_until(lambda: s.events("ldap.back"), 3, "ldap.back")
        assert recipient(s, "nobody") == 550


def test_a_server_that_stops_within_a_reading_is_away_after_the_timeout_and_back_at_once():
    with running(extra="poll 1s;", has_syncprov=False) as s:
        for n in range(30):
            s.slapd.add_user(f"user{n}", f"user{n}@amerique.iut", "x" * 100)
        wait_until(lambda: recipient(s, "user29") == 250, 20, "the accounts")
        s.stall.stop(after=4000)
        s.slapd.delete("user7")
        wait_until(lambda: s.events("ldap.away"), 8, "ldap.away")
        assert "search: no answer" in s.events("ldap.away")[0]["reason"]
        assert recipient(s, "user29") == 250
        assert recipient(s, "user7") == 250, "half a reading takes nobody away"
        s.stall.go()
        wait_until(lambda: s.events("ldap.back"), 3, "ldap.back")
        wait_until(lambda: recipient(s, "user7") == 550, 3, "the deletion")


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_when_a_server_stops_in_the_middle_the_next_one_is_asked(scheme):
    with running(scheme, has_second=True) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.stall.stop(after=3)
        s.slapd.add_user("koffi", "koffi@amerique.iut", "un")
        assert recipient(s, "koffi") == 250
        assert recipient(s, "nobody") == 550
        assert not s.events("ldap.away")


@pytest.mark.parametrize("has_second", [True, False])
def test_a_server_behind_a_firewall_that_drops_all_is_away_after_the_timeout(has_second):
    with hidden_port() as port, running(has_second=has_second) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        assert s.stop() == 0
        s.conf.write_text(s.conf.read_text().replace(f"127.0.0.1:{s.stall.port};", f"127.0.0.1:{port};"))
        s.start()
        status = wait_until(lambda: (status := json.loads(s.cli("directory", "status", "--json").stdout))["errors1"] and status, 10, "the time-out")
        assert status["answers1"] == 0
        if has_second:
            wait_until(lambda: recipient(s, "nobody") == 550, 10, "the second server's word")
            log_in(s, "younes.bensyed", "azerty").logout()
        else:
            assert "no answer within 2 s" in status["last_error"]
            assert recipient(s, "nobody") == 451 and "UNAVAILABLE" in refusal(s, "awa", "secret")


def test_the_preferred_server_is_returned_to_when_it_is_back():
    with running(has_second=True) as s:
        def status():
            return json.loads(s.cli("directory", "status", "--json").stdout)
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        wait_until(lambda: "in-use" in status()["server1"], 10, "the preferred one in use")
        s.stall.stop()
        wait_until(lambda: "in-use" in status()["server2"], 10, "the other one in use")
        assert status()["errors1"] > 0 and status()["errors2"] == 0 and status()["answers2"] > 0
        wait_until(lambda: status()["errors1"] > 1, 20, "a probe that fails")
        assert recipient(s, "nobody") == 550
        s.stall.go()
        wait_until(lambda: "in-use" in status()["server1"], 60, "the return")
        assert recipient(s, "nobody") == 550
        assert not s.events("ldap.away")


def test_the_end_does_not_wait_for_a_server_that_stopped_in_the_middle():
    with running("ldaps", extra="timeout 300s;") as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        before = s.stall.count
        s.stall.stop(after=100)
        s.stall.cut()
        wait_until(lambda: s.stall.count > before, 10, "the next connection")
        assert s.stop() == 0  # which waits for 30 s


def test_a_directory_that_is_suddenly_empty_loses_nobody(ldap):
    ldap.slapd.delete("awa")
    wait_until(lambda: recipient(ldap, "awa") == 550, 10, "the deletion")
    ldap.slapd.delete("ybensyed")
    wait_until(lambda: "no entry below" in ldap.cli("directory", "status").stdout, 10, "the doubt")
    assert recipient(ldap, "younes") == 250
    assert recipient(ldap, "awa") == 451


def test_a_restore_under_way_loses_nobody_and_who_is_not_restored_goes_after_the_quiet_time():
    names = [f"user{n}" for n in range(32)]
    with running(extra="quiet 8s;") as s:
        s.slapd.add_users(names)
        wait_until(lambda: recipient(s, "user31") == 250, 20, "the accounts")
        session = log_in(s, "user31", "user31")
        s.slapd.start_empty()
        s.slapd.add_users(names[:16])
        # The doubt may have begun when it was empty.
        wait_until(lambda: json.loads(s.cli("directory", "status", "--json").stdout).get("doubt_missing") == 18, 20, "the doubt")
        assert [recipient(s, name) for name in names] == [250] * 32
        assert session.noop()[0] == "OK"
        assert "lacks many accounts" in s.cli("directory", "status").stdout
        s.slapd.add_users(["koffi"])
        assert recipient(s, "koffi") == 250, "who is new counts at once"
        s.slapd.add_users(names[16:30])
        full = time.monotonic()
        assert recipient(s, "user30") == 250
        wait_until(lambda: recipient(s, "user31") == 550, 30, "the end of the two")
        assert time.monotonic() - full > 7
        assert s.events("ldap.doubt_ended")[0]["missing"] == "4"  # and the two of every test
        assert [recipient(s, name) for name in names] == [250] * 30 + [550] * 2
        with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
            wait_until(lambda: session.noop()[0] != "OK", 10, "the session's end")


def test_a_restart_in_the_middle_of_a_restore_loses_nobody():
    names = [f"user{n}" for n in range(32)]
    with running() as s:
        s.slapd.add_users(names)
        wait_until(lambda: recipient(s, "user31") == 250, 20, "the accounts")
        s.slapd.start_empty()
        s.slapd.add_users(names[:16])
        wait_until(lambda: s.events("ldap.doubt"), 20, "the doubt")
        assert s.stop() == 0
        s.start()
        wait_until(lambda: len(s.events("ldap.doubt")) == 2, 20, "the doubt again")
        assert recipient(s, "user31") == 250


def test_a_restart_while_slapd_is_away_starts_from_the_copy(ldap):
    assert ldap.stop() == 0
    ldap.slapd.stop()
    ldap.start()
    assert ldap.events("snapshot.used")
    assert recipient(ldap, "younes") == 250
    log_in(ldap, "younes.bensyed", "azerty").logout()
    assert recipient(ldap, "nobody") == 451


def test_a_damaged_copy_is_ignored_with_an_event(ldap):
    assert ldap.stop() == 0
    [copy] = (ldap.directory / "state").rglob("ldap.snapshot")
    assert copy.stat().st_mode & 0o077 == 0
    octets = bytearray(copy.read_bytes())
    octets[-3] ^= 1
    copy.write_bytes(octets)
    ldap.slapd.stop()
    ldap.start()
    assert ldap.events("snapshot.ignored")
    assert recipient(ldap, "younes") == 451
    ldap.slapd.start()
    wait_until(lambda: recipient(ldap, "younes") == 250, 20, "the reading")


def test_accepted_mail_costs_no_question_to_ldap(ldap):
    before = len(ldap.events("mail.accepted"))
    ldap.slapd.freeze()  # nothing that asked could be answered
    for n in range(20):
        ldap.send(f"mail {n}", to="younes")
    assert len(ldap.events("mail.accepted")) == before + 20
    ldap.slapd.thaw()
