"""Quotas: what an account's mail may take, enforced where mail comes in and told where it is read."""
import json
import os
import signal
import smtplib

import pytest

from conftest import DOMAIN, running_server, wait_until
from slapd import PROGRAM
from test_ldap import log_in, running

BODY = "x" * 70 + "\r\n"


@pytest.fixture
def limited():
    """Every account may have 64K."""
    with running_server("quota 64K;") as s:
        yield s


def recipient(server, name, size=0):
    with server.smtp() as s:
        s.ehlo("c.example")
        s.mail("a@b.example", [f"size={size}"] if size else [])
        return s.rcpt(f"{name}@{DOMAIN}")


def fill(server, name="bob"):
    """Mail until there is no room: how many mails there was room for."""
    for i in range(100):
        try:
            server.send(f"mail {i}", to=name, body=BODY * 100)
        except smtplib.SMTPRecipientsRefused as e:
            (code, text), = e.recipients.values()
            assert (code, text) == (552, b"5.2.2 The mailbox is full")
            return i
        except smtplib.SMTPDataError as e:
            assert (e.smtp_code, e.smtp_error) == (552, b"5.2.2 The mailbox is full")
            return i
    raise AssertionError("there is room without end")


def quota_of(imap, mailbox="INBOX"):
    kind, (roots, quotas) = imap.getquotaroot(mailbox)
    assert kind == "OK"
    return roots, quotas


def test_a_full_mailbox_is_refused_at_rcpt_and_what_is_deleted_makes_room_rfc3463_3_3(limited):
    count = fill(limited)
    assert 7 <= count <= 9, count
    # What MAIL says of the size counts (RFC 1870 6.1).
    assert recipient(limited, "bob", 60000) == (552, b"5.2.2 The mailbox is full")
    assert recipient(limited, "alice", 60000)[0] == 250
    i = limited.imap()
    i.select("INBOX")
    i.store("1:5", "+FLAGS", r"(\Deleted)")
    i.expunge()
    assert recipient(limited, "bob", 20000)[0] == 250
    limited.send("there is room", to="bob", body=BODY)
    assert len(limited.files()) == count - 5 + 1
    i.logout()


def test_rfc9208_4_getquotaroot_tells_what_mail_takes(limited):
    i = limited.imap()
    assert {"QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE"} <= set(i.capabilities)
    assert quota_of(i) == ([b'INBOX ""'], [b'"" (STORAGE 0 64)'])
    limited.send("one", body=BODY * 100)
    assert quota_of(i)[1] == [b'"" (STORAGE 8 64)']
    assert i.getquota(chr(34) * 2)[1] == [b'"" (STORAGE 8 64)']
    assert i.setquota(chr(34) * 2, "(STORAGE 512)")[0] == "NO"
    assert i.getquota("other")[0] == "NO"
    i.logout()


def test_rfc9208_4_3_1_append_and_copy_beyond_the_quota_are_refused(limited):
    i = limited.imap()
    message = b"Subject: x\r\n\r\n" + BODY.encode() * 400
    assert i.append("INBOX", None, None, message)[0] == "OK"
    assert i.append("INBOX", None, None, message)[0] == "OK"
    kind, said = i.append("INBOX", None, None, message)
    assert kind == "NO" and said[0].startswith(b"[OVERQUOTA]")
    i.select("INBOX")
    kind, said = i.copy("1:2", "Archive")
    assert kind == "NO" and said[0].startswith(b"[OVERQUOTA]")
    # What is moved takes no more than before.
    assert i._simple_command("MOVE", "1", "Archive")[0] == "OK"
    assert quota_of(i)[1] == [b'"" (STORAGE 57 64)']
    i.logout()


def test_rfc9208_4_1_4_status_tells_what_an_expunge_would_free(limited):
    limited.send("one", body=BODY)
    limited.send("two", body=BODY)
    i = limited.imap()
    i.select("INBOX")
    size = int(i.fetch("1", "(RFC822.SIZE)")[1][0].split()[-1].rstrip(b")"))
    i.store("1", "+FLAGS", r"(\Deleted)")
    assert i.status("INBOX", "(DELETED DELETED-STORAGE)")[1] == [f"INBOX (DELETED 1 DELETED-STORAGE {size})".encode()]
    i.logout()


def test_of_several_recipients_those_with_room_get_the_mail_and_the_sender_hears_of_the_other(limited):
    limited.cli("alias", "add", f"all@{DOMAIN}", f"alice@{DOMAIN}", f"bob@{DOMAIN}")
    fill(limited)
    before = len(limited.files("alice"))
    # Whether one of several has no room is known when the mail is there: its sender hears of it by a report (RFC 3461 6.2).
    limited.send("for all", to="all", body=BODY * 100, sender=f"alice@{DOMAIN}")
    assert len(limited.files("alice")) >= before + 1
    wait_until(lambda: len(limited.files("alice")) == before + 2, 20, "the report")
    text = "".join(open(path).read() for path in limited.files("alice"))
    assert "Status: 5.2.2" in text and f"Final-Recipient: rfc822; bob@{DOMAIN}" in text


def test_explain_tells_quota_and_use(limited):
    limited.send("one", body=BODY * 100)
    out = json.loads(limited.cli("explain", f"bob@{DOMAIN}", "--json").stdout)
    use, = [step for step in out["steps"] if step["step"] == "use"]
    assert (use["messages"], use["quota_octets"], use["quota_messages"]) == (1, 65536, 0) and 7000 < use["octets"] < 8000
    assert use["home"] == str(limited.maildir().parent)
    text = limited.cli("explain", "--login", f"bob@{DOMAIN}").stdout
    assert f"the mail of bob@{DOMAIN} takes {use['octets']} octet(s) in 1 message(s); its quota is 65536 octet(s), its home {use['home']}" in text
    # A full mailbox is refused as a client hears it.
    i = limited.imap()
    size = 65536 - use["octets"]
    assert i.append("INBOX", None, None, b"x" * (size - 2) + b"\r\n")[0] == "OK"
    i.logout()
    p = limited.cli("explain", f"bob@{DOMAIN}", check=False)
    assert p.returncode == 1 and "SMTP  552 5.2.2 The mailbox is full" in p.stdout and "Not accepted (full)" in p.stdout
    assert recipient(limited, "bob") == (552, b"5.2.2 The mailbox is full")


def test_an_account_of_our_own_has_the_quota_that_it_is_given(limited):
    i = limited.imap()
    limited.cli("user", "set", f"bob@{DOMAIN}", "quota=30000S,2C")
    assert quota_of(i)[1] == [b'"" (STORAGE 0 30 MESSAGE 0 2)']
    assert fill(limited) == 2
    limited.cli("user", "set", f"bob@{DOMAIN}", "quota=")
    assert quota_of(i)[1] == [b'"" (STORAGE 15 64)']
    i.logout()


def test_a_reload_puts_another_quota_in_force_and_ends_no_session(limited):
    i = limited.imap()
    assert quota_of(i)[1] == [b'"" (STORAGE 0 64)']
    limited.conf.write_text(limited.conf.read_text().replace("quota 64K;", "quota 1M;"))
    limited.process.send_signal(signal.SIGHUP)
    wait_until(lambda: quota_of(i)[1] == [b'"" (STORAGE 0 1024)'], 10, "the reload")
    i.logout()


def test_a_restarted_store_counts_what_there_is(limited):
    count = fill(limited)
    limited.kill_role("store")
    wait_until(lambda: recipient(limited, "bob", 9000)[0] == 552, 20, "the new store")
    assert len(limited.files()) == count


def test_an_account_without_a_quota_has_no_quota_root():
    with running_server() as s:
        i = s.imap()
        assert quota_of(i) == ([b"INBOX"], [None])
        assert i.getquota(chr(34) * 2)[0] == "NO"
        i.logout()


@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")
def test_the_quota_of_an_entry_counts_and_another_one_is_in_force_at_once():
    with running(extra="quota description;", more="quota 1M;") as s:
        s.slapd.add_user("aby", "aby@amerique.iut", "aby", "description: 20K")
        s.slapd.add_user("ibou", "ibou@amerique.iut", "ibou", "description: nonsense")
        s.slapd.add_user("omar", "omar@amerique.iut", "omar", "description: 100000S,3C")
        s.slapd.add_user("free", "free@amerique.iut", "free", "description: 0")
        wait_until(lambda: recipient(s, "free")[0] == 250, 20, "the accounts")
        i = log_in(s, "aby", "aby")
        assert quota_of(i)[1] == [b'"" (STORAGE 0 20)']
        assert fill(s, "aby") == 2
        # The session stays: only what may come is another thing.
        s.slapd.set("aby", "description", "1G")
        wait_until(lambda: recipient(s, "aby", 9000)[0] == 250, 10, "the change")
        assert quota_of(i)[1] == [b'"" (STORAGE 15 1048576)']
        i.logout()
        for name, wanted in [("ibou", [b'"" (STORAGE 0 1024)']), ("omar", [b'"" (STORAGE 0 98 MESSAGE 0 3)']), ("free", [None])]:
            i = log_in(s, name, name)
            assert quota_of(i)[1] == wanted
            i.logout()
        assert "nonsense" in str(s.events("quota.unusable"))


@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")
def test_qmail_ldap_says_octets_and_messages_apart_or_in_one():
    with running(extra="schema qmail;") as s:
        for uid, *lines in [("aby", "mailQuota: 10000000S,1000C"), ("ibou", "mailQuotaSize: 2048", "mailQuotaCount: 5"), ("omar", "mailQuotaCount: 7")]:
            s.slapd.add_user(uid, f"{uid}@amerique.iut", uid, "objectClass: extensibleObject", *lines)
        wait_until(lambda: recipient(s, "omar")[0] == 250, 20, "the accounts")
        for name, wanted in [("aby", b"STORAGE 0 9766 MESSAGE 0 1000"), ("ibou", b"STORAGE 0 2 MESSAGE 0 5"), ("omar", b"MESSAGE 0 7")]:
            i = log_in(s, name, name)
            assert quota_of(i)[1] == [b'"" (%s)' % wanted]
            i.logout()
        assert not s.events("quota.unusable")
        # Longer than a number of 64 bits, but no longer than a value may be.
        s.slapd.set("ibou", "mailQuotaSize", "1" * 80)
        wait_until(lambda: s.events("quota.unusable"), 20, "the event")
        assert "1" * 80 in s.events("quota.unusable")[-1]["quota"]
