"""Log-ins by bind: accounts of a real slapd that shows nobody's password (the rows of doc/outage.md that are about binds)."""
import contextlib
import imaplib
import json
import os
import smtplib
import time

import pytest

from conftest import DOMAIN, wait_until
from slapd import PROGRAM, SUFFIX
from test_ldap import STAGES, log_in, recipient, refusal, running

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")

WRONG, EXPIRED = "[AUTHENTICATIONFAILED] Wrong name or password", "[EXPIRED] The password has expired: change it, then log in again"
UNAVAILABLE = "[UNAVAILABLE] Can't check this right now, try again later"


@contextlib.contextmanager
def hiding(scheme="ldap", extra="", **options):
    with running(scheme, extra, hides_passwords=True, **options) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        yield s


@pytest.fixture(scope="module")
def ldap():
    with hiding() as s:
        yield s


@pytest.fixture
def own_ldap():
    with hiding() as s:
        yield s


def status(server):
    return json.loads(server.cli("directory", "status", "--json").stdout)


def said(server, name, password):
    """What a log-in that is refused hears, without the tag and its NO."""
    return refusal(server, name, password).removeprefix("b").strip("'\"")


def smtp_said(server, name, password):
    with smtplib.SMTP("localhost", server.ports["submission"], timeout=30) as s:
        s.starttls(context=server.tls())
        s.ehlo()
        s.user, s.password = f"{name}@{DOMAIN}", password
        return s.auth("PLAIN", s.auth_plain)[0]


def smtp_refusal(server, name, password):
    with pytest.raises(smtplib.SMTPAuthenticationError) as e:
        smtp_said(server, name, password)
    return e.value.smtp_code, e.value.smtp_error.decode()


# ---- who is bound

@pytest.mark.parametrize("scheme", ["ldap", "starttls", "ldaps"])
def test_accounts_whose_password_cannot_be_read_log_in_by_bind(scheme):
    with hiding(scheme) as s:
        before = status(s)
        assert before["by_bind"] == 2 and before["binds"] == 0 and before["bind"] == "up"
        log_in(s, "younes.bensyed", "azerty").logout()
        assert said(s, "younes.bensyed", "azert") == WRONG
        log_in(s, "awa", "secret").logout()
        assert smtp_said(s, "awa", "secret") == 235
        assert smtp_refusal(s, "awa", "Secret") == (535, "5.7.8 Authentication credentials invalid")
        after = status(s)
        assert after["binds"] == 5 and after["bind_refused"] == 2 and after["bind_put_off"] == 0
        assert after["bind_answers1"] == 5 and after["bind_errors1"] == 0 and after["bind_us"] > 0


def test_a_password_that_is_readable_is_compared_unless_binds_are_asked_for():
    for extra, by_bind in (("", 0), ("login bind;", 2)):
        with running(extra=extra) as s:
            wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
            log_in(s, "younes.bensyed", "azerty").logout()
            assert said(s, "awa", "azerty") == WRONG
            assert (status(s)["by_bind"], status(s)["binds"]) == (by_bind, by_bind)


def test_what_is_none_of_our_schemes_is_for_the_server_to_try():
    with running() as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_user("koffi", "koffi@amerique.iut", "{SASL}koffi@elsewhere")
        wait_until(lambda: status(s)["by_bind"] == 1, 10, "the account")
        assert said(s, "koffi", "{SASL}koffi@elsewhere") == WRONG
        assert status(s)["binds"] == 1


def explained(s, *args):
    """The object, and the step of the bind."""
    out = json.loads(s.cli("explain", "--login", *args, "--json", check=False).stdout)
    return out, [step for step in out["steps"] if step["step"] == "bind"]


def test_an_explanation_of_a_log_in_by_bind_says_that_none_is_tried(ldap):
    before = status(ldap)["binds"]
    out, bind = explained(ldap, "awa")
    assert bind == [{"step": "bind", "entry": f"uid=awa,{SUFFIX}", "tried": False}]
    assert out["accepted"] and out["why"] == "with a password that LDAP takes, which is not tried here"
    text = ldap.cli("explain", "--login", "awa").stdout
    assert f"the password would be checked by a bind to LDAP as uid=awa,{SUFFIX}; that is not tried here" in text
    assert status(ldap)["binds"] == before


def test_while_slapd_is_away_an_explanation_is_what_a_log_in_by_bind_hears(own_ldap):
    s = own_ldap
    s.slapd.stop()
    assert said(s, "awa", "secret") == UNAVAILABLE
    out, bind = explained(s, "awa")
    assert out["decision"] == "later" and out["imap"] == f"NO {UNAVAILABLE}" and bind
    assert [step for step in out["steps"] if step["step"] == "bind_away"]


# ---- what is told

def test_rfc_4513_5_1_2_an_empty_password_never_binds(ldap):
    before = status(ldap)["bind_answers1"]
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "awa", "")
    with smtplib.SMTP("localhost", ldap.ports["submission"], timeout=30) as s:
        s.starttls(context=ldap.tls())
        s.ehlo()
        assert s.docmd("AUTH PLAIN AGF3YUBhbWVyaXF1ZS5pdXQA")[0] in (501, 535)  # NUL awa@amerique.iut NUL
    assert status(ldap)["bind_answers1"] == before


def test_an_unknown_account_hears_what_a_wrong_password_hears_after_a_bind_of_its_own(ldap):
    for name in ("awa", "nobody", "postmaster"):
        before, began = status(ldap)["bind_answers1"], time.monotonic()
        assert said(ldap, name, "x") == WRONG
        assert time.monotonic() - began >= 0.25, "a refusal takes as long for each"
        assert status(ldap)["bind_answers1"] == before + 1
        assert smtp_refusal(ldap, name, "x") == (535, "5.7.8 Authentication credentials invalid")
    log_in(ldap, "awa", "secret").logout()  # no decoy was tried as somebody who is there


def test_a_log_in_that_succeeds_is_not_held_back(ldap):
    def quick():
        began = time.monotonic()
        log_in(ldap, "awa", "secret").logout()
        return time.monotonic() - began < 0.25
    wait_until(quick, 60, "a quick one")


def test_who_binds_may_do_no_more_than_other_accounts(ldap):
    with smtplib.SMTP("localhost", ldap.ports["submission"], timeout=30) as s:
        s.starttls(context=ldap.tls())
        s.login("younes.bensyed@amerique.iut", "azerty")
        assert s.mail("younes@amerique.iut")[0] == 250
        s.rset()
        assert s.mail("awa@amerique.iut")[0] == 553


# ---- the password policy

def test_a_password_that_has_expired_is_told_to_who_knows_it(own_ldap):
    s = own_ldap
    s.slapd.add_policy("policy", "pwdMaxAge: 1000000")
    set_changed(s, "20200101000000Z")
    assert said(s, "awa", "secret") == EXPIRED
    assert said(s, "awa", "Secret") == WRONG
    assert smtp_refusal(s, "awa", "secret") == (535, "5.7.8 The password has expired: change it, then log in again")
    assert smtp_refusal(s, "awa", "Secret") == (535, "5.7.8 Authentication credentials invalid")
    assert "the password has expired" in [e.get("reason") for e in s.events("login.failed")]
    s.slapd.set("awa", "userPassword", "fresh")
    wait_until(lambda: status(s)["ldap"] == "up" and can_log_in(s, "awa", "fresh"), 10, "the new password")


def set_changed(server, when):
    """awa's password was changed then; who logs in at that moment is told to come back."""
    before = len(server.events("account.changed"))
    server.slapd.set("awa", "pwdChangedTime", when)
    wait_until(lambda: len(server.events("account.changed")) > before, 10, "the change")


def can_log_in(server, name, password):
    try:
        log_in(server, name, password).logout()
    except imaplib.IMAP4.error:
        return False
    return True


def test_a_password_that_has_to_be_changed_is_told_to_who_knows_it(own_ldap):
    s = own_ldap
    s.slapd.add_policy("policy", "pwdMustChange: TRUE")
    s.slapd.set("awa", "pwdReset", "TRUE")
    assert said(s, "awa", "secret") == EXPIRED
    assert said(s, "awa", "Secret") == WRONG
    assert "the password has to be changed first" in [e.get("reason") for e in s.events("login.failed")]
    s.slapd.set("awa", "pwdReset", "FALSE")
    assert can_log_in(s, "awa", "secret")


def test_a_locked_account_sounds_like_a_wrong_password_whatever_the_password(own_ldap):
    s = own_ldap
    s.slapd.add_policy("policy", "pwdLockout: TRUE", "pwdMaxFailure: 3")
    log_in(s, "awa", "secret").logout()
    assert [said(s, "awa", f"wrong {n}") for n in range(3)] == [WRONG] * 3
    assert said(s, "awa", "secret") == WRONG
    assert smtp_refusal(s, "awa", "secret") == smtp_refusal(s, "nobody", "secret")
    assert "the account is locked in the LDAP directory" in [e.get("reason") for e in s.events("login.failed")]
    log_in(s, "younes.bensyed", "azerty").logout()


def test_an_account_that_the_administrator_locked_is_disabled(own_ldap):
    s = own_ldap
    s.slapd.add_policy("policy", "pwdLockout: TRUE")
    session = log_in(s, "awa", "secret")
    s.slapd.set("awa", "pwdAccountLockedTime", "000001010000Z")
    with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
        wait_until(lambda: session.noop()[0] != "OK", 10, "the session's end")
    assert said(s, "awa", "secret") == WRONG  # slapd looks at no password of such an account


def test_grace_and_the_time_that_is_left_are_told_to_the_administrator(own_ldap):
    s = own_ldap
    s.slapd.add_policy("policy", "pwdMaxAge: 1000000", "pwdExpireWarning: 1000000", "pwdGraceAuthnLimit: 2")
    set_changed(s, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - 3600)))
    log_in(s, "awa", "secret").logout()
    assert "the password expires in 99" in s.events("login")[-1]["reason"]
    set_changed(s, "20200101000000Z")
    log_in(s, "awa", "secret").logout()
    assert "is taken 1 more times" in s.events("login")[-1]["reason"]
    log_in(s, "awa", "secret").logout()
    assert said(s, "awa", "secret") == EXPIRED


def test_a_changed_password_ends_sessions_where_a_policy_tells_of_it(own_ldap):
    s = own_ldap
    s.slapd.add_policy("policy")
    session = log_in(s, "awa", "secret")
    s.slapd.set("awa", "userPassword", "fresh")
    with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
        wait_until(lambda: session.noop()[0] != "OK", 10, "the session's end")
    assert said(s, "awa", "secret") == WRONG
    log_in(s, "awa", "fresh").logout()


# ---- outages

def test_while_slapd_is_away_log_ins_by_bind_are_put_off_and_succeed_when_it_is_back(own_ldap):
    s = own_ldap
    log_in(s, "awa", "secret").logout()
    s.slapd.stop()
    for name in ("awa", "nobody"):
        for password in ("secret", "wrong"):
            assert said(s, name, password) == UNAVAILABLE
            assert smtp_refusal(s, name, password) == (454, "4.7.0 Temporary authentication failure")
    assert recipient(s, "awa") == 250
    assert len(s.events("ldap.bind_away")) == 1 and status(s)["bind"] == "away" and not s.events("login.failed")
    s.slapd.start()
    wait_until(lambda: s.events("ldap.bind_back"), 10, "ldap.bind_back")
    log_in(s, "awa", "secret").logout()
    assert said(s, "awa", "wrong") == WRONG


def test_a_restart_while_slapd_is_away_puts_log_ins_by_bind_off(own_ldap):
    s = own_ldap
    assert s.stop() == 0
    s.slapd.stop()
    s.start()
    assert recipient(s, "awa") == 250
    assert said(s, "awa", "secret") == UNAVAILABLE
    s.slapd.start()
    wait_until(lambda: can_log_in(s, "awa", "secret"), 10, "the return")


@pytest.mark.parametrize("stage", STAGES)
def test_a_log_in_by_bind_waits_for_a_server_that_stops_in_the_middle_no_longer_than_the_timeout(stage):
    scheme, octets, is_new = STAGES[stage]
    with hiding(scheme) as s:
        log_in(s, "awa", "secret").logout()
        s.stall.stop(after=octets)
        if is_new:
            s.stall.cut()
        wait_until(lambda: said_or_in(s, "awa", "secret") == UNAVAILABLE, 10, "the outage")
        assert any("no answer within 2 s" in e["reason"] for e in s.events("ldap.bind_away"))
        began = time.monotonic()
        assert [said(s, name, "x") for name in ("awa", "nobody", "awa")] == [UNAVAILABLE] * 3
        assert time.monotonic() - began < 4, "nobody waits for what somebody has waited for"
        s.stall.go()
        wait_until(lambda: can_log_in(s, "awa", "secret"), 10, "the return")


def said_or_in(server, name, password):
    try:
        log_in(server, name, password).logout()
    except imaplib.IMAP4.error as e:
        return str(e).removeprefix("b").strip("'\"")
    return ""


def test_when_a_server_stops_the_next_one_takes_log_ins_by_bind_and_the_preferred_one_when_it_is_back():
    with hiding(has_second=True) as s:
        log_in(s, "awa", "secret").logout()
        first = status(s)["bind_server"]
        s.stall.stop()
        log_in(s, "awa", "secret").logout()
        assert said(s, "awa", "wrong") == WRONG
        assert status(s)["bind_server"] != first and status(s)["bind_errors1"] > 0 and status(s)["bind_errors2"] == 0
        assert not s.events("ldap.bind_away")
        s.stall.go()
        wait_until(lambda: status(s)["bind_server"] == first, 25, "the return")
        log_in(s, "awa", "secret").logout()


def test_the_end_does_not_wait_for_a_bind_that_hangs():
    with hiding("ldaps", "timeout 300s;") as s:
        log_in(s, "awa", "secret").logout()
        s.stall.stop(after=100)
        s.stall.cut()
        before = s.stall.count
        i = imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30)
        i.send(b"a LOGIN awa@amerique.iut secret\r\n")
        wait_until(lambda: s.stall.count > before, 10, "the bind's connection")
        assert s.stop() == 0  # which waits for 30 s
        i.shutdown()


def test_more_log_ins_than_connections_at_once_are_all_answered(ldap):
    clients = [imaplib.IMAP4("127.0.0.1", ldap.ports["imap"], timeout=60) for _ in range(24)]
    for n, i in enumerate(clients):
        i.send(f"a LOGIN awa@amerique.iut {'secret' if n % 2 else 'wrong'}\r\n".encode())
    answers = [next(line for line in iter(i.readline, b"") if line.startswith(b"a ")) for i in clients]
    assert [a.startswith(b"a OK") for a in answers] == [n % 2 == 1 for n in range(24)], answers
    for i in clients:
        i.shutdown()


# ---- remembered log-ins

REMEMBER = "remember_login 1h;"


def settled(server):
    """Waits until slapd, as it is now, has been read."""
    server.slapd.add_user("marker", "marker@amerique.iut", "x")
    wait_until(lambda: recipient(server, "marker") == 250, 10, "the reading")


def stop_slapd(server):
    server.slapd.stop()
    assert said(server, "younes.bensyed", "azerty") == UNAVAILABLE, "who has not logged in"


def test_a_password_that_was_right_is_taken_while_slapd_is_away_and_only_then():
    with hiding(extra=REMEMBER) as s:
        log_in(s, "awa", "secret").logout()
        assert status(s)["remembered"] == 1
        s.slapd.stop()
        log_in(s, "awa", "secret").logout()  # the one that finds out
        stop_slapd(s)
        log_in(s, "awa", "secret").logout()
        assert smtp_said(s, "awa", "secret") == 235
        assert said(s, "awa", "Secret") == UNAVAILABLE
        assert said(s, "nobody", "secret") == UNAVAILABLE
        assert "the password was right before" in s.events("login")[-1]["reason"]
        assert status(s)["recalled"] == 3
        out, _ = explained(s, "awa")
        assert out["accepted"] and out["why"] == "with a password that is remembered (remember_login)"
        s.slapd.start()
        wait_until(lambda: s.events("ldap.bind_back"), 10, "ldap.bind_back")
        assert said(s, "awa", "Secret") == WRONG
        log_in(s, "awa", "secret").logout()
        assert status(s)["recalled"] == 3


def test_who_guesses_while_slapd_is_away_does_not_guess_for_long():
    with hiding(extra=REMEMBER) as s:
        log_in(s, "awa", "secret").logout()
        stop_slapd(s)
        assert [said(s, "awa", f"guess {n}") for n in range(10)] == [UNAVAILABLE] * 10
        assert said(s, "awa", "secret") == UNAVAILABLE, "for a minute"


def test_what_is_remembered_is_forgotten_after_its_time():
    with hiding(extra="remember_login 3s;") as s:
        log_in(s, "awa", "secret").logout()
        wait_until(lambda: status(s)["remembered"] == 0, 10, "its end")
        stop_slapd(s)
        assert said(s, "awa", "secret") == UNAVAILABLE


def test_a_restart_forgets():
    with hiding(extra=REMEMBER) as s:
        log_in(s, "awa", "secret").logout()
        assert s.stop() == 0
        s.slapd.stop()
        s.start()
        assert said(s, "awa", "secret") == UNAVAILABLE


def test_what_a_bind_refuses_is_forgotten():
    with hiding(extra=REMEMBER + "poll 1h;", has_syncprov=False) as s:
        log_in(s, "awa", "secret").logout()
        assert said(s, "awa", "wrong") == WRONG
        assert status(s)["remembered"] == 1, "another password is no reason"
        s.slapd.set("awa", "userPassword", "fresh")
        assert said(s, "awa", "secret") == WRONG
        assert status(s)["remembered"] == 0
        stop_slapd(s)
        assert said(s, "awa", "secret") == UNAVAILABLE


@pytest.mark.parametrize("policy", [None, "pwdLockout: FALSE"])
@pytest.mark.parametrize("attribute, value", [("userPassword", "fresh"), ("pwdAccountLockedTime", "000001010000Z")])
def test_what_is_remembered_is_forgotten_when_the_account_changes(policy, attribute, value):
    with hiding(extra=REMEMBER) as s:
        if policy:
            s.slapd.add_policy("policy", policy)
            s.slapd.set("awa", "userPassword", "secret")
            set_at = int(time.time())
            wait_until(lambda: s.events("account.changed"), 10, "the policy's time")
            wait_until(lambda: int(time.time()) > set_at, 10, "the next second, which is all that pwdChangedTime tells apart")
        log_in(s, "awa", "secret").logout()
        assert status(s)["remembered"] == 1
        s.slapd.set("awa", attribute, value)
        wait_until(lambda: status(s)["remembered"] == 0, 10, "the change")
        stop_slapd(s)
        assert said(s, "awa", "secret") == UNAVAILABLE


@pytest.mark.parametrize("has_time", [False, True])
def test_what_a_policy_notes_of_wrong_passwords_is_no_change(has_time):
    with hiding(extra=REMEMBER) as s:
        s.slapd.add_policy("policy", "pwdLockout: TRUE", "pwdMaxFailure: 5")
        if has_time:
            s.slapd.set("awa", "userPassword", "secret")
            wait_until(lambda: s.events("account.changed"), 10, "the policy's time")
        log_in(s, "awa", "secret").logout()
        assert said(s, "awa", "wrong") == WRONG
        settled(s)
        assert status(s)["remembered"] == 1
        stop_slapd(s)
        log_in(s, "awa", "secret").logout()


def test_a_locked_account_is_not_remembered():
    with hiding(extra=REMEMBER) as s:
        s.slapd.add_policy("policy", "pwdLockout: TRUE", "pwdMaxFailure: 2")
        log_in(s, "awa", "secret").logout()
        assert [said(s, "awa", "wrong") for _ in range(3)] == [WRONG] * 3
        assert status(s)["remembered"] == 0
        stop_slapd(s)
        assert said(s, "awa", "secret") == UNAVAILABLE
