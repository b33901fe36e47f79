"""Mail of others that aliases lead elsewhere: in whose name it goes on (SRS, owner-NAME), and how reports find back."""
import re

import pytest

from conftest import DOMAIN, running_server, wait_until
from peer import Peer

KEY = "0123456789abcdef0123456789abcdef\n"


@pytest.fixture(scope="module")
def elsewhere():
    server = Peer()
    server.extensions = ["DSN"]
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def server(elsewhere, tmp_path_factory):
    folder = tmp_path_factory.mktemp("srs")
    (folder / "key").write_text(KEY)
    (folder / "key").chmod(0o600)
    (folder / "aliases").write_text("abroad: someone@afrique.iut\ngone: nobody@afrique.iut\nlist: bob, member@afrique.iut\nowner-list: carol\n"
                                    "both: alice, abroad\n")
    extra = f"srs file:{folder}/key;\naliases {folder}/aliases;\n"
    for domain in ("afrique.iut", "asie.iut"):
        extra += f"route {domain} to 127.0.0.1:{elsewhere.port};\n"
    with running_server(extra) as s:
        yield s


def send(server, recipients, subject, sender="writer@asie.iut"):
    with server.smtp() as s:
        assert s.sendmail(sender, [f"{r}@{DOMAIN}" for r in recipients], f"Subject: {subject}\r\n\r\nx\r\n".encode()) == {}


def arrived(elsewhere, subject, count=1):
    def found():
        return [m for m in elsewhere.mails if f"Subject: {subject}\r\n".encode() in m["text"]]

    wait_until(lambda: len(found()) >= count, what=f"the arrival of {subject}")
    assert len(found()) == count
    return found()


def rcpt(server, address, sender=""):
    with server.smtp() as s:
        s.ehlo("c.example")
        s.mail(sender)
        code, text = s.rcpt(address)
        return code, text.decode()


def test_mail_of_others_goes_on_in_a_name_of_ours_and_reports_find_back(server, elsewhere):
    send(server, ["abroad"], "forwarded")
    [mail] = arrived(elsewhere, "forwarded")
    assert re.fullmatch(rf"SRS0=[A-Z2-7]{{6}}=[A-Z2-7]{{2}}=asie\.iut=writer@{re.escape(DOMAIN)}", mail["from"])
    with server.smtp() as s:
        assert s.sendmail("", [mail["from"]], b"Subject: a report from there\r\n\r\nx\r\n") == {}
    [report] = arrived(elsewhere, "a report from there")
    assert (report["from"], report["to"]) == ("", ["writer@asie.iut"])


def test_a_refusal_there_reaches_who_wrote(server, elsewhere):
    elsewhere.answers["nobody@afrique.iut"] = "550 5.1.1 no such user"
    send(server, ["gone"], "refused there")
    wait_until(lambda: [m for m in elsewhere.mails if m["to"] == ["writer@asie.iut"] and b"refused there" in m["text"]], what="the report")


def test_a_forged_sender_is_as_unknown_as_any_address(server, elsewhere):
    send(server, ["abroad"], "to be forged")
    [mail] = arrived(elsewhere, "to be forged")
    unknown = rcpt(server, f"nobody@{DOMAIN}")
    assert unknown[0] == 550 and unknown[1].startswith("5.1.1 ")
    for forged in (mail["from"].replace("writer", "victim"), mail["from"].replace("asie.iut", "elsewhere.iut"), re.sub("=..=asie", "=AA=asie", mail["from"]),
                   f"SRS0=AAAAAA=AA=asie.iut=victim@{DOMAIN}", f"SRS1=AAAAAA=asie.iut==x@{DOMAIN}", f"SRS0=@{DOMAIN}"):
        assert rcpt(server, forged) == unknown, forged
    assert rcpt(server, mail["from"].lower())[0] == 250


def test_what_is_ours_and_what_is_of_nobody_keeps_its_name(server, elsewhere):
    with server.submission() as s:
        assert s.sendmail(f"alice@{DOMAIN}", [f"abroad@{DOMAIN}"], b"Subject: ours\r\n\r\nx\r\n") == {}
    assert arrived(elsewhere, "ours")[0]["from"] == f"alice@{DOMAIN}"
    send(server, ["abroad"], "nobody's", "")
    assert arrived(elsewhere, "nobody's")[0]["from"] == ""


def test_a_stranger_who_says_that_he_is_ours_sends_nothing_in_our_name(server, elsewhere):
    send(server, ["abroad"], "not ours", f"alice@{DOMAIN}")
    [mail] = arrived(elsewhere, "not ours")
    assert re.fullmatch(rf"SRS0=\S+={re.escape(DOMAIN)}=alice@{re.escape(DOMAIN)}", mail["from"])
    asked = server.cli("explain", f"alice@{DOMAIN}", f"abroad@{DOMAIN}", "--from", "192.0.2.1").stdout
    assert "in the name of SRS0=" in asked
    with server.smtp() as s:
        assert s.sendmail("", [mail["from"]], b"Subject: back to alice\r\n\r\nx\r\n") == {}
    wait_until(lambda: any(b"Subject: back to alice" in p.read_bytes() for p in server.files("alice")), what="the report")


def test_only_a_report_goes_to_a_sender_elsewhere(server, elsewhere):
    send(server, ["abroad"], "to be answered")
    [mail] = arrived(elsewhere, "to be answered")
    assert rcpt(server, mail["from"])[0] == 250
    assert rcpt(server, mail["from"], "spammer@bad.iut") == rcpt(server, f"nobody@{DOMAIN}")
    out = server.cli("explain", "spammer@bad.iut", mail["from"], check=False)
    assert out.returncode == 1 and "takes reports alone" in out.stdout


def test_a_list_goes_on_in_its_owners_name_and_each_recipient_in_the_one_that_is_its_own(server, elsewhere):
    send(server, ["list", "abroad", "both"], "three ways")
    mails = {tuple(m["to"]): m["from"] for m in arrived(elsewhere, "three ways", 2)}
    assert mails[("member@afrique.iut",)] == f"owner-list@{DOMAIN}"
    assert mails[("someone@afrique.iut",)].startswith("SRS0=")
    # Mailboxes here show who wrote.
    for name in ("alice", "bob"):
        assert any(b"Return-Path: <writer@asie.iut>" in p.read_bytes() and b"Subject: three ways" in p.read_bytes() for p in server.files(name))


def test_a_mailbox_that_fails_for_now_makes_no_member_of_its_list_get_it_twice(server, elsewhere):
    server.send(to="bob", subject="makes the mailbox")
    mailbox = server.maildir("bob")
    mailbox.rename(mailbox.with_name("away"))
    mailbox.write_text("in the way")
    send(server, ["list"], "partly")
    wait_until(lambda: server.events("queue.deferred"), what="the queue's try")
    mailbox.unlink()
    mailbox.with_name("away").rename(mailbox)
    arrived(elsewhere, "partly")
    server.cli("queue", "retry", "--all")
    wait_until(lambda: any(b"Subject: partly" in p.read_bytes() for p in server.files("bob")), what="the mail in the mailbox")


def test_what_a_writer_wants_to_hear_goes_on_with_a_forward_and_not_to_a_list_rfc3461_5_2_7_3(server, elsewhere):
    with server.smtp() as s:
        s.ehlo("c.example")
        s.mail("writer@asie.iut", ["ENVID=QQ314159", "RET=HDRS"])
        for name in ("list", "abroad"):
            assert s.rcpt(f"{name}@{DOMAIN}", ["NOTIFY=FAILURE", "ORCPT=rfc822;x@asie.iut"])[0] == 250
        assert s.data(b"Subject: wishes\r\n\r\nx\r\n")[0] == 250
    mails = {m["to"][0]: m for m in arrived(elsewhere, "wishes", 2)}
    assert "ENVID=QQ314159" in mails["someone@afrique.iut"]["said"] and "NOTIFY=FAILURE" in mails["someone@afrique.iut"]["of"]["someone@afrique.iut"]
    assert not [w for w in mails["member@afrique.iut"]["said"] if w.startswith(("ENVID", "RET"))]
    assert mails["member@afrique.iut"]["of"]["member@afrique.iut"] == []


def test_explain_says_in_whose_name_mail_goes_on_and_what_such_an_address_stands_for(server, elsewhere):
    asked = server.cli("explain", "writer@asie.iut", f"abroad@{DOMAIN}").stdout
    assert re.search(rf"in the name of SRS0=\S+=asie\.iut=writer@{re.escape(DOMAIN)}: reports", asked) and "the queue takes it, and sends it on" in asked
    assert "in the name of" not in server.cli("explain", f"bob@{DOMAIN}", f"abroad@{DOMAIN}").stdout
    assert f"in the name of owner-list@{DOMAIN}" in server.cli("explain", f"bob@{DOMAIN}", f"list@{DOMAIN}").stdout
    send(server, ["abroad"], "to be explained")
    [mail] = arrived(elsewhere, "to be explained")
    assert "stands for writer@asie.iut" in server.cli("explain", mail["from"]).stdout
    out = server.cli("explain", mail["from"].replace("writer", "victim"), check=False)
    assert out.returncode == 1 and "was not made here" in out.stdout


def test_check_wants_a_key_that_can_not_be_guessed_and_a_domain_of_ours(server, tmp_path):
    (tmp_path / "short").write_text("secret\n")
    (tmp_path / "short").chmod(0o600)
    conf = tmp_path / "mermoz.conf"
    conf.write_text(re.sub(r"srs file:\S+;", f"srs file:{tmp_path}/short foreign.iut;", server.conf.read_text()))
    out = server.mermoz("check", "-c", str(conf), check=False)
    assert out.returncode == 1 and "has 16 characters at least" in out.stderr and "foreign.iut is no \"domain\" of this server" in out.stderr
    assert "secret" not in out.stderr
