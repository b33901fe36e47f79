"""Mail for elsewhere: accepted from who may, queued, sent, tried again, reported on."""
import email
import json
import os
import smtplib

import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from peer import Peer

ELSEWHERE = "afrique.iut"


@pytest.fixture
def elsewhere():
    server = Peer()
    yield server
    server.leave()


EXTRA = "queue {{ retry_first 1s; }}\nroute {domain} to 127.0.0.1:{port};\nroute dead.iut to 127.0.0.1:{dead};\n" \
        "route closed.iut to error \"This domain has moved; write to {domain}\";\nroute mailboxes.iut to mailboxes;\n"


@pytest.fixture
def server(elsewhere):
    with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())) as s:
        yield s


def submit(server, *recipients, subject="outward", body="hello\r\n.a dot\r\nlast", sender="alice"):
    with server.submission(sender) as s:
        return s.sendmail(f"{sender}@{DOMAIN}", recipients, f"Subject: {subject}\r\n\r\n{body}".encode())


def test_what_should_not_be_served_so_is_told_when_the_server_starts(server):
    [warning] = server.events("config.warning")
    assert warning["warning"].startswith("route mailboxes.iut to mailboxes: no ")
    assert warning["file"].endswith(".conf") and int(warning["line"]) > 1


def test_mail_of_who_logged_in_goes_out_as_it_was(server, elsewhere):
    assert submit(server, f"bob@{ELSEWHERE}") == {}
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    [mail] = elsewhere.mails
    assert mail["from"] == f"alice@{DOMAIN}" and mail["to"] == [f"bob@{ELSEWHERE}"]
    assert b"Received: " in mail["text"] and mail["text"].endswith(b"\r\n\r\nhello\r\n..a dot\r\nlast\r\n")
    wait_until(lambda: server.events("queue.sent"), what="the event")
    messages = server.directory / "state" / "queue" / "messages"
    wait_until(lambda: not list(messages.glob("*/*")), what="the end of its file")


@pytest.mark.parametrize("lines", [0, 3000], ids=["small", "large"])
def test_a_message_whose_last_line_has_no_end_is_whole_all_the_same_rfc3030_2(server, elsewhere, lines):
    """Its size is what tells the relay that a file has lost its end."""
    body = ("x" * 100 + "\r\n") * lines
    text = f"Subject: no end\r\n\r\n{body}end".encode()
    with server.submission() as s:
        s.mail(f"alice@{DOMAIN}")
        s.rcpt(f"bob@{ELSEWHERE}")
        s.send(f"BDAT {len(text)} LAST\r\n".encode() + text)
        assert s.getreply()[0] == 250
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    assert elsewhere.mails[0]["text"].rstrip().endswith(f"\r\n{body}end".encode())


def submit_utf8(server, subject, *recipients):
    with server.submission() as s:
        s.command_encoding = "utf-8"
        assert s.mail(f"alice@{DOMAIN}", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert all(s.rcpt(r)[0] == 250 for r in recipients)
        assert s.data(f"Subject: {subject}\r\n\r\né\r\n".encode())[0] == 250


def test_what_was_submitted_with_smtputf8_and_does_not_need_it_goes_to_a_server_without_rfc6531_3_2(server, elsewhere):
    submit_utf8(server, "in ASCII", f"bob@{ELSEWHERE}", f"zoé@{ELSEWHERE}")
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    assert elsewhere.mails[0]["to"] == [f"bob@{ELSEWHERE}"] and "SMTPUTF8" not in elsewhere.mails[0]["said"]
    wait_until(lambda: server.files("alice"), what="the report")
    [report] = [p.read_text() for p in server.files("alice")]
    assert "5.6.7" in report and "zo" in report and f"bob@{ELSEWHERE}" not in report
    submit_utf8(server, "en français", f"bob@{ELSEWHERE}")
    wait_until(lambda: len(server.files("alice")) == 2, what="the report on a header that is not ASCII")
    assert len(elsewhere.mails) == 1


def test_what_needs_smtputf8_goes_with_it(server, elsewhere):
    elsewhere.extensions = ["SMTPUTF8"]
    submit_utf8(server, "en français", f"bob@{ELSEWHERE}")
    submit_utf8(server, "in ASCII", f"zoé@{ELSEWHERE}")
    submit_utf8(server, "in ASCII", f"carol@{ELSEWHERE}")
    wait_until(lambda: len(elsewhere.mails) == 3, what="the mails' arrival")
    assert {m["to"][0].split("@")[0]: "SMTPUTF8" in m["said"] for m in elsewhere.mails} == {"bob": True, "zoé": True, "carol": False}


def test_local_and_foreign_recipients_share_a_transaction(server, elsewhere):
    assert submit(server, f"bob@{DOMAIN}", f"bob@{ELSEWHERE}", f"carol@{ELSEWHERE}", subject="both") == {}
    assert any(b"Subject: both" in p.read_bytes() for p in server.files("bob"))
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    assert sorted(elsewhere.mails[0]["to"]) == [f"bob@{ELSEWHERE}", f"carol@{ELSEWHERE}"]
    assert len(elsewhere.mails) == 1


def subjects(server, name):
    return [line for p in server.files(name) for line in p.read_text().splitlines() if line.startswith("Subject: ")]


def test_a_mailbox_that_fails_for_now_makes_nobody_get_it_twice(server, elsewhere):
    server.send(to="bob", subject="first")  # makes the mailbox
    mailbox = server.maildir("bob")
    mailbox.rename(mailbox.with_name("away"))
    mailbox.write_text("in the way")
    assert submit(server, f"bob@{DOMAIN}", f"carol@{DOMAIN}", f"bob@{ELSEWHERE}", subject="partly") == {}
    assert submit(server, f"bob@{DOMAIN}", f"carol@{DOMAIN}", subject="here") == {}
    with pytest.raises(smtplib.SMTPDataError):
        submit(server, f"bob@{DOMAIN}", subject="nobody has it: the client keeps it")
    assert [e["waiting"] for e in server.events("mail.accepted")] == ["0", "1", "1"]
    wait_until(lambda: server.events("queue.deferred"), what="the queue's attempt")
    mailbox.unlink()
    mailbox.with_name("away").rename(mailbox)
    wait_until(lambda: len(server.files("bob")) == 3, what="the mail in the mailbox")
    wait_until(lambda: elsewhere.mails, what="the mail elsewhere")
    for name in ("bob", "carol"):
        assert sorted(subjects(server, name))[-2:] == ["Subject: here", "Subject: partly"]
    assert len(subjects(server, "carol")) == 2 and len(elsewhere.mails) == 1
    wait_until(lambda: json.loads(server.cli("queue", "list", "--json").stdout) == [], what="an empty queue")


def takes(server, address):
    with server.submission() as s:
        s.mail(f"alice@{DOMAIN}")
        return s.rcpt(address)[0] == 250


def test_what_waits_for_a_domain_that_was_given_up_says_so(server):
    server.cli("domain", "add", "left.iut")
    server.cli("user", "add", "dora@left.iut", stdin="secret\n")
    server.send(to="bob", subject="first")  # makes the folder of mail
    (server.mail / "left.iut").write_text("in the way")
    assert submit(server, f"bob@{DOMAIN}", "dora@left.iut") == {}
    wait_until(lambda: server.events("queue.deferred"), what="the queue's attempt")
    server.cli("user", "remove", "dora@left.iut")
    server.cli("domain", "remove", "left.iut")
    told = wait_until(lambda: [e["reply"] for e in server.events("queue.deferred") if "4.3.0" not in e["reply"]], what="the next one")
    assert told[0] == "451 4.3.5 the domain is not one of this server any more"


def test_with_the_queue_away_no_mailbox_gets_what_the_client_brings_again(server, elsewhere):
    [pid] = server.role_pids("queue")
    with server.submission() as s:
        s.mail(f"alice@{DOMAIN}")
        assert s.rcpt(f"carol@{DOMAIN}")[0] == s.rcpt(f"bob@{ELSEWHERE}")[0] == 250
        os.kill(pid, 9)
        assert s.data(b"Subject: both\r\n\r\nx\r\n")[0] == 451
    assert subjects(server, "carol") == []
    wait_until(lambda: takes(server, f"bob@{ELSEWHERE}"), what="the queue's restart")
    assert submit(server, f"carol@{DOMAIN}", f"bob@{ELSEWHERE}", subject="both") == {}
    assert subjects(server, "carol") == ["Subject: both"]


def test_strangers_relay_nothing_rfc5321_7_9(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        s.mail("someone@elsewhere.example")
        code, text = s.rcpt(f"bob@{ELSEWHERE}")
    assert code == 550 and text.startswith(b"5.7.1 ")


def test_a_large_mail_goes_out_whole(server, elsewhere):
    body = "".join(f"{i:070d}\r\n" for i in range(5000))
    submit(server, f"bob@{ELSEWHERE}", body=body)
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    assert elsewhere.mails[0]["text"].split(b"\r\n\r\n", 1)[1] == body.encode()


def report_for(server, name, subject):
    """The report in that mailbox whose original had the subject."""
    for path in server.files(name):
        message = email.message_from_bytes(path.read_bytes())
        if message.get_content_type() == "multipart/report" and subject in str(message):
            return message
    return None


def test_a_refusal_is_reported_to_the_sender_rfc3464(server, elsewhere):
    elsewhere.answers[f"nobody@{ELSEWHERE}"] = "550 5.1.1 no such user"
    submit(server, f"nobody@{ELSEWHERE}", f"bob@{ELSEWHERE}", subject="refused")
    report = wait_until(lambda: report_for(server, "alice", "refused"), what="the report")
    assert report["Return-Path"] == "<>"
    status = report.get_payload()[1].get_payload()[1]
    assert status["Action"] == "failed" and status["Status"] == "5.1.1"
    assert status["Final-Recipient"] == f"rfc822; nobody@{ELSEWHERE}"
    wait_until(lambda: elsewhere.mails, what="the other recipient's mail")
    assert elsewhere.mails[0]["to"] == [f"bob@{ELSEWHERE}"]


def test_a_temporary_refusal_is_tried_again_rfc5321_4_5_4_1(server, elsewhere):
    elsewhere.answers[f"bob@{ELSEWHERE}"] = ["450 4.2.0 greylisted", "450 4.2.0 greylisted"]
    submit(server, f"bob@{ELSEWHERE}", subject="grey")
    wait_until(lambda: elsewhere.mails, 30, what="the mail's arrival")
    assert len(server.events("queue.deferred")) == 2
    assert report_for(server, "alice", "grey") is None


def test_a_connection_that_drops_after_the_final_dot_loses_nothing(server, elsewhere):
    elsewhere.answers["DATA"] = ["drop"]
    submit(server, f"bob@{ELSEWHERE}", subject="dropped")
    wait_until(lambda: elsewhere.mails, 30, what="the mail's arrival")
    assert b"Subject: dropped" in elsewhere.mails[0]["text"]


def test_a_mail_whose_body_is_gone_is_held_and_never_called_delivered(server, elsewhere):
    elsewhere.answers[f"bob@{ELSEWHERE}"] = ["450 4.2.0 not yet"]
    submit(server, f"bob@{ELSEWHERE}", "x@mailboxes.iut", subject="gone")
    wait_until(lambda: len(server.events("queue.deferred")) >= 2, what="the first attempts")
    [body] = (server.directory / "state" / "queue" / "messages").glob("*/*")
    body.unlink()
    wait_until(lambda: len(server.events("queue.gone")) == 2, what="the event of each recipient")
    lines = json.loads(server.cli("queue", "list", "--json").stdout)
    assert {line["recipient"]: (line["state"], line["reply"]) for line in lines} == {
        address: ("held", "451 4.3.0 the message is lost here") for address in (f"bob@{ELSEWHERE}", "x@mailboxes.iut")}
    assert not elsewhere.mails and not server.events("queue.sent")


def test_a_dead_destination_holds_up_nobody(server, elsewhere):
    for i in range(20):
        submit(server, f"user{i}@dead.iut")
    submit(server, f"bob@{ELSEWHERE}", subject="living")
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")


def test_a_sender_has_a_relay_host_of_its_own_which_gives_way_to_routes_of_recipients(elsewhere):
    hosts = {name: Peer() for name in ("bob", "domain", "rest")}
    extra = f"route {ELSEWHERE} to 127.0.0.1:{elsewhere.port};\nroute * to 127.0.0.1:{hosts['rest'].port};\n" \
            f"sender_route bob@{DOMAIN} to 127.0.0.1:{hosts['bob'].port};\nsender_route {DOMAIN} to 127.0.0.1:{hosts['domain'].port};\n" \
            "trusted_networks 127.0.0.1;\n"
    try:
        with running_server(extra) as s:
            submit(s, "x@asie.iut", f"x@{ELSEWHERE}", f"carol@{DOMAIN}", subject="of alice")
            submit(s, "x@asie.iut", subject="of bob", sender="bob")
            with s.smtp() as c:
                c.sendmail("nobody@oceanie.iut", ["x@asie.iut"], "Subject: of a stranger\r\n\r\nx\r\n")
                c.sendmail("", ["x@asie.iut"], "Subject: a report\r\n\r\nx\r\n")
            wait_until(lambda: len(hosts["rest"].mails) == 2 and all(p.mails for p in (elsewhere, *hosts.values())), what="the mails' arrival")
            assert sorted(hosts["rest"].subjects()) == ["a report", "of a stranger"]
            assert [p.subjects() for p in (hosts["bob"], hosts["domain"], elsewhere)] == [["of bob"], ["of alice"], ["of alice"]]
            assert [p.mails[0]["to"] for p in (hosts["domain"], elsewhere)] == [["x@asie.iut"], [f"x@{ELSEWHERE}"]]
            asked = s.cli("explain", f"bob@{DOMAIN}", "x@asie.iut").stdout
            assert f"sender_route bob@{DOMAIN} to 127.0.0.1:{hosts['bob'].port} ({s.conf}:" in asked
            assert f"route {ELSEWHERE} to" in s.cli("explain", f"bob@{DOMAIN}", f"x@{ELSEWHERE}").stdout
            assert "route * to" in s.cli("explain", "nobody@oceanie.iut", "x@asie.iut", "--from", "127.0.0.1").stdout
    finally:
        for p in hosts.values():
            p.leave()


def test_a_route_may_refuse_with_its_own_words(server):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as e:
        submit(server, "x@closed.iut")
    [(code, text)] = e.value.recipients.values()
    assert code == 550 and b"This domain has moved" in text


def test_a_route_that_refuses_everybody_else_keeps_nothing_from_ours(elsewhere):
    extra = f"route {ELSEWHERE} to 127.0.0.1:{elsewhere.port};\nroute * to error \"We write to {ELSEWHERE} only\";\n"
    with running_server(extra) as s:
        assert s.send("from outside") == {}
        assert submit(s, f"bob@{DOMAIN}", f"bob@{ELSEWHERE}") == {}
        with pytest.raises(smtplib.SMTPRecipientsRefused) as e:
            submit(s, "x@asie.iut")
        [(code, text)] = e.value.recipients.values()
        assert code == 550 and text.endswith(f"We write to {ELSEWHERE} only".encode())
        out = s.cli("explain", "x@asie.iut", "--as", f"alice@{DOMAIN}", check=False)
        assert out.returncode == 1 and f"SMTP  550 5.7.1 We write to {ELSEWHERE} only" in out.stdout
        with pytest.raises(smtplib.SMTPRecipientsRefused) as e, s.smtp() as client:
            client.sendmail("someone@afrique.iut", ["x@asie.iut"], b"Subject: x\r\n\r\nx\r\n")
        assert b"only" not in e.value.recipients["x@asie.iut"][1]


@pytest.mark.parametrize("role", ["queue", "relay", "all"])
def test_what_was_accepted_survives_kill_9(elsewhere, role):
    elsewhere.answers[f"bob@{ELSEWHERE}"] = ["450 4.2.0 not yet"]
    with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())) as s:
        submit(s, f"bob@{ELSEWHERE}", subject="survives")
        submit(s, f"bob@{ELSEWHERE}", subject="large survives", body="x" * 70 + "\r\n" * 60000)
        if role == "all":
            s.kill_all()
            s.start()
        else:
            s.kill_role(role)
        wait_until(lambda: len({m["text"].split(b"Subject: ")[1].split(b"\r\n")[0] for m in elsewhere.mails}) == 2, 40, "both mails")


def test_with_the_queue_stopped_nothing_is_promised(server, elsewhere):
    [pid] = server.role_pids("queue")
    os.kill(pid, 19)
    try:
        with server.submission() as s:
            s.mail(f"alice@{DOMAIN}")
            assert s.rcpt(f"bob@{ELSEWHERE}")[0] == 250
            # Longer than request_timeout would hold up the tests: the client gives up first, and was promised nothing.
            s.sock.settimeout(2)
            with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
                s.data(b"Subject: stopped\r\n\r\nx\r\n")
    finally:
        os.kill(pid, 18)


def test_a_trusted_network_sends_without_a_log_in_rfc5321_7_9(elsewhere):
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()) + "trusted_networks 127.0.0.0/8;\n"
    with running_server(extra) as s:
        with s.smtp() as client:
            client.sendmail(f"printer@{DOMAIN}", [f"bob@{ELSEWHERE}"], b"Subject: scan\r\n\r\nx\r\n")
        wait_until(lambda: elsewhere.mails, what="the mail's arrival")


def test_the_queue_gives_up_after_its_lifetime_and_says_so(elsewhere):
    elsewhere.answers[f"bob@{ELSEWHERE}"] = "450 4.2.0 never"
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port()).replace("retry_first 1s;", "retry_first 1s; lifetime 2s; report_language fr;")
    with running_server(extra) as s:
        submit(s, f"bob@{ELSEWHERE}", subject="too late")
        report = wait_until(lambda: report_for(s, "alice", "too late"), 60, "the report")
        assert report.get_payload()[1].get_payload()[1]["Action"] == "failed"
        assert report.get_payload()[0]["Content-Language"] == "fr"
