"""Delivery status notifications (RFC 3461): what a sender asks to hear, and hears."""
import email
import os
import signal

import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from peer import Peer
from test_outgoing import ELSEWHERE, EXTRA


@pytest.fixture
def elsewhere():
    server = Peer()
    yield server
    server.leave()


@pytest.fixture
def server(elsewhere):
    with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())) as s:
        yield s


def send(server, recipients, subject, options=(), sender="alice"):
    """recipients: {address: what RCPT says of it}."""
    with server.submission(sender) as s:
        assert s.has_extn("dsn")
        assert s.mail(f"{sender}@{DOMAIN}", list(options))[0] == 250
        for address, wishes in recipients.items():
            assert s.rcpt(address, wishes)[0] == 250
        assert s.data(f"Subject: {subject}\r\n\r\nthe body\r\n".encode())[0] == 250


def copies(server, name, subject):
    found = [email.message_from_bytes(p.read_bytes()) for p in server.files(name)]
    return [m for m in found if m["Subject"] == subject]


def reports(server, name, subject):
    """Of the mail with that subject: the fields for the message, then those for each recipient."""
    found = [email.message_from_bytes(p.read_bytes()) for p in server.files(name)]
    return [m for m in found if m.get_content_type() == "multipart/report" and f"Subject: {subject}" in str(m)]


def originals(server, name, subject):
    """Of whom those tell, as they were named."""
    told = [r for m in reports(server, name, subject) for r in m.get_payload()[1].get_payload()[1:]]
    return [(r["Original-Recipient"] or r["Final-Recipient"]).split(";")[1].strip() for r in told]


def report(server, name, subject):
    wait_until(lambda: reports(server, name, subject), what="the report")
    [found] = reports(server, name, subject)
    assert found["Return-Path"] == "<>"
    about, *recipients = found.get_payload()[1].get_payload()
    return found, about, recipients


def test_a_peer_with_dsn_hears_all_and_we_tell_nothing_rfc3461_5_2_1(server, elsewhere):
    elsewhere.extensions = ["DSN"]
    send(server, {f"bob@{ELSEWHERE}": ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;Bob+2B1@{ELSEWHERE}"],
                  f"carol@{ELSEWHERE}": ["NOTIFY=NEVER"], f"dan@{ELSEWHERE}": []}, "passed on", ["RET=HDRS", "ENVID=QQ314159"])
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    [mail] = elsewhere.mails
    assert {"RET=HDRS", "ENVID=QQ314159"} <= set(mail["said"])
    assert mail["of"][f"bob@{ELSEWHERE}"] == ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;Bob+2B1@{ELSEWHERE}"]
    assert mail["of"][f"carol@{ELSEWHERE}"] == ["NOTIFY=NEVER"]
    assert mail["of"][f"dan@{ELSEWHERE}"] == []
    wait_until(lambda: len(server.events("queue.sent")) == 3, what="the end of all")
    assert reports(server, "alice", "passed on") == []


def test_a_peer_without_dsn_hears_nothing_and_the_sender_that_it_was_relayed_rfc3461_5_2_2(server, elsewhere):
    send(server, {f"bob@{ELSEWHERE}": ["NOTIFY=SUCCESS"], f"carol@{ELSEWHERE}": ["NOTIFY=FAILURE"], f"dan@{ELSEWHERE}": []},
         "relayed", ["RET=FULL", "ENVID=QQ2"])
    found, about, recipients = report(server, "alice", "relayed")
    assert [(r["Action"], r["Final-Recipient"], r["Original-Recipient"]) for r in recipients] == [
        ("relayed", f"rfc822; bob@{ELSEWHERE}", None)]
    assert about["Original-Envelope-Id"] == "QQ2"
    [mail] = elsewhere.mails
    assert not any("=" in word and not word.startswith("SIZE=") for word in mail["said"])
    assert not any(mail["of"].values())
    # RFC 3461 4.3: RET= speaks of failures.
    assert "the body" not in str(found)


def test_a_mailbox_here_is_reported_as_delivered_rfc3461_5_2_3(server):
    send(server, {f"bob@{DOMAIN}": ["NOTIFY=SUCCESS", "ORCPT=rfc822;Bobby@x.example"], f"alice@{DOMAIN}": ["NOTIFY=FAILURE"]},
         "delivered", ["ENVID=a+2Bb"])
    found, about, recipients = report(server, "alice", "delivered")
    assert [(r["Action"], r["Status"][0], r["Final-Recipient"], r["Original-Recipient"]) for r in recipients] == [
        ("delivered", "2", f"rfc822; bob@{DOMAIN}", "rfc822; Bobby@x.example")]
    assert about["Original-Envelope-Id"] == "a+b"
    assert len(copies(server, "bob", "delivered")) == 1 and len(copies(server, "alice", "delivered")) == 1


def test_one_mailbox_under_two_names_gets_one_copy_and_both_are_reported_rfc3461_4_1(server):
    server.cli("alias", "add", f"robert@{DOMAIN}", f"bob@{DOMAIN}")
    send(server, {f"bob@{DOMAIN}": ["NOTIFY=SUCCESS"], f"robert@{DOMAIN}": ["NOTIFY=SUCCESS"]}, "two names")
    _, _, recipients = report(server, "alice", "two names")
    assert sorted(r["Final-Recipient"] for r in recipients) == [f"rfc822; bob@{DOMAIN}", f"rfc822; robert@{DOMAIN}"]
    assert not any(r["Original-Recipient"] for r in recipients)
    assert len(copies(server, "bob", "two names")) == 1


def test_one_mailbox_under_many_names_gets_one_copy_however_it_is_named(server):
    names = {f"bob+{i}@{DOMAIN}": ["NOTIFY=SUCCESS", f"ORCPT=rfc822;{i}{'x' * 400}@x.example"] for i in range(60)}
    names[f"bob@{DOMAIN}"] = ["NOTIFY=SUCCESS"]
    spelled = {f"{name}@{DOMAIN}": ["NOTIFY=SUCCESS"] for name in ("Bob", "BOB")}
    send(server, {f"bob+plain@{DOMAIN}": [], **names, **spelled}, "many names")
    wait_until(lambda: len(originals(server, "alice", "many names")) >= len(names), what="the reports")
    assert len(set(originals(server, "alice", "many names"))) == len(names)
    assert len(copies(server, "bob", "many names")) == 1


def test_a_mailbox_that_fails_for_now_gets_one_copy_later_and_all_its_names_are_reported(server):
    server.send(to="bob", subject="makes the mailbox")
    mailbox = server.maildir("bob")
    mailbox.rename(mailbox.with_name("away"))
    mailbox.write_text("in the way")
    send(server, {f"alice@{DOMAIN}": [], **{f"bob+{i}@{DOMAIN}": ["NOTIFY=SUCCESS"] for i in range(5)}}, "later to bob")
    wait_until(lambda: len(server.events("queue.deferred")) >= 5, what="the queue's tries")
    wait_until(lambda: "5" in server.cli("queue", "hold", "--all").stdout, what="the hold")
    mailbox.unlink()
    mailbox.with_name("away").rename(mailbox)
    server.cli("queue", "release", "--all")
    wait_until(lambda: len(originals(server, "alice", "later to bob")) >= 5, what="the reports")
    assert sorted(originals(server, "alice", "later to bob")) == [f"bob+{i}@{DOMAIN}" for i in range(5)]
    assert len(copies(server, "bob", "later to bob")) == len(copies(server, "alice", "later to bob")) == 1


def test_what_many_addresses_lead_to_goes_out_once(server, elsewhere):
    elsewhere.extensions = ["DSN"]
    server.cli("alias", "add", f"far@{DOMAIN}", f"zoe@{ELSEWHERE}")
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail(f"someone@{ELSEWHERE}")
        for i, notify in enumerate(("NEVER", "SUCCESS", "FAILURE", "DELAY", "FAILURE")):
            assert s.rcpt(f"far+{i}@{DOMAIN}", [f"NOTIFY={notify}", f"ORCPT=rfc822;{i}@x.example"])[0] == 250
        assert s.data(b"Subject: once\r\n\r\nx\r\n")[0] == 250
    wait_until(lambda: elsewhere.mails, what="the mail elsewhere")
    assert [mail["to"] for mail in elsewhere.mails] == [[f"zoe@{ELSEWHERE}"]]
    [notify, original] = elsewhere.mails[0]["of"][f"zoe@{ELSEWHERE}"]
    assert set(notify.removeprefix("NOTIFY=").split(",")) == {"SUCCESS", "FAILURE", "DELAY"} and original.startswith("ORCPT=rfc822;")


def test_a_domain_elsewhere_is_the_same_in_capitals_and_a_local_part_is_not(server, elsewhere):
    names = [f"zoe@{ELSEWHERE}", f"zoe@{ELSEWHERE.upper()}", f"Zoe@{ELSEWHERE}"]
    with server.submission() as s:
        assert s.sendmail(f"alice@{DOMAIN}", names, b"Subject: once\r\n\r\nx\r\n") == {}
    wait_until(lambda: elsewhere.mails, what="the mail elsewhere")
    assert [sorted(mail["to"]) for mail in elsewhere.mails] == [sorted([names[0], names[2]])]


def resident_octets(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_what_a_list_leads_to_is_held_once_for_all_its_names(server):
    server.cli("alias", "add", f"big@{DOMAIN}", *[f"member{i}@{ELSEWHERE}" for i in range(100)])
    fronts = server.role_pids("front")
    before, clients = sum(map(resident_octets, fronts)), []
    for _ in range(20):
        c = server.smtp()
        c.ehlo("client.example")
        c.mail(f"someone@{ELSEWHERE}")
        for i in range(60):
            assert c.rcpt(f"big+{i}@{DOMAIN}", ["NOTIFY=FAILURE", f"ORCPT=rfc822;{i}{'x' * 470}"])[0] == 250
        clients.append(c)
    assert sum(map(resident_octets, fronts)) - before < 32 << 20
    for c in clients:
        c.close()


def test_an_address_that_leads_to_several_is_reported_as_expanded_rfc3461_5_2_7_3(server, elsewhere):
    elsewhere.extensions = ["DSN"]
    server.cli("alias", "add", f"team@{DOMAIN}", f"alice@{DOMAIN}", f"bob@{DOMAIN}", f"zoe@{ELSEWHERE}")
    send(server, {f"team@{DOMAIN}": ["NOTIFY=SUCCESS,FAILURE"]}, "to the team")
    found, _, recipients = report(server, "alice", "to the team")
    assert [(r["Action"], r["Final-Recipient"]) for r in recipients] == [("expanded", f"rfc822; team@{DOMAIN}")]
    assert "bob@" not in found.get_payload()[1].as_string() and "zoe@" not in found.get_payload()[1].as_string()
    wait_until(lambda: elsewhere.mails, what="the mail elsewhere")
    assert elsewhere.mails[0]["of"] == {f"zoe@{ELSEWHERE}": ["NOTIFY=FAILURE"]}
    assert len(copies(server, "alice", "to the team")) == 1 and len(copies(server, "bob", "to the team")) == 1


def test_an_address_that_leads_elsewhere_passes_the_wishes_on_rfc3461_5_2_7_2(server, elsewhere):
    elsewhere.extensions = ["DSN"]
    server.cli("alias", "add", f"abroad@{DOMAIN}", f"zoe@{ELSEWHERE}")
    send(server, {f"abroad@{DOMAIN}": ["NOTIFY=SUCCESS"]}, "abroad")
    wait_until(lambda: elsewhere.mails, what="the mail elsewhere")
    assert elsewhere.mails[0]["of"] == {f"zoe@{ELSEWHERE}": ["NOTIFY=SUCCESS"]}
    assert reports(server, "alice", "abroad") == []


def test_who_asked_for_nothing_hears_of_no_failure_rfc3461_4_1(server, elsewhere):
    for name in "never", "success", "failure":
        elsewhere.answers[f"{name}@{ELSEWHERE}"] = "550 5.1.1 no such user"
    send(server, {f"{name}@{ELSEWHERE}": [f"NOTIFY={name.upper()}"] for name in ("never", "success", "failure")}, "refused",
         ["RET=FULL"])
    found, _, recipients = report(server, "alice", "refused")
    assert [(r["Action"], r["Final-Recipient"]) for r in recipients] == [("failed", f"rfc822; failure@{ELSEWHERE}")]
    assert "the body" in str(found)


def test_a_stranger_is_told_where_strangers_are_told_rfc3461_5_2(server, elsewhere):
    with server.smtp() as s:
        s.ehlo("client.example")
        assert s.has_extn("dsn")
        s.mail(f"someone@{ELSEWHERE}")
        assert s.rcpt(f"bob@{DOMAIN}", ["NOTIFY=SUCCESS"])[0] == 250
        assert s.data(b"Subject: from outside\r\n\r\nx\r\n")[0] == 250
    wait_until(lambda: elsewhere.mails, what="the report")
    [mail] = elsewhere.mails
    assert mail["from"] == "" and mail["to"] == [f"someone@{ELSEWHERE}"] and b"Action: delivered" in mail["text"]


def test_nobody_is_told_of_a_report_rfc3461_6_1(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("")
        assert s.rcpt(f"bob@{DOMAIN}", ["NOTIFY=SUCCESS"])[0] == 250
        assert s.data(b"Subject: a report\r\n\r\nx\r\n")[0] == 250
    assert len(copies(server, "bob", "a report")) == 1
    assert server.events("queue.taken") == []


def test_an_original_recipient_in_utf8_is_encoded_rfc6533_3(server, elsewhere):
    elsewhere.extensions = ["SMTPUTF8", "DSN"]
    with server.submission() as s:
        s.command_encoding = "utf-8"
        assert s.mail(f"alice@{DOMAIN}", ["SMTPUTF8"])[0] == 250
        assert s.rcpt(f"zoe@{ELSEWHERE}", ["ORCPT=utf-8;zoé@x.example"])[0] == 250
        assert s.data(b"Subject: utf8\r\n\r\nx\r\n")[0] == 250
    wait_until(lambda: elsewhere.mails, what="the mail elsewhere")
    assert elsewhere.mails[0]["of"] == {f"zoe@{ELSEWHERE}": [r"ORCPT=utf-8;zo\x{E9}@x.example"]}


def test_who_asked_is_told_though_the_queue_is_killed(server):
    send(server, {f"bob@{DOMAIN}": ["NOTIFY=SUCCESS"]}, "survives")
    server.kill_role("queue")
    wait_until(lambda: reports(server, "alice", "survives"), what="the report")
    assert copies(server, "bob", "survives")


def test_a_report_that_the_queue_can_not_take_makes_nobody_send_again(elsewhere):
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + "limits { request_timeout 1s; }\n"
    with running_server(extra) as s:
        s.cli("alias", "add", f"team@{DOMAIN}", f"bob@{DOMAIN}", f"carol@{DOMAIN}")
        [pid] = s.role_pids("queue")
        os.kill(pid, signal.SIGSTOP)
        try:
            send(s, {f"team@{DOMAIN}": ["NOTIFY=SUCCESS"]}, "untold")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert len(copies(s, "bob", "untold")) == len(copies(s, "carol", "untold")) == 1
        assert s.events("mail.unreported")
