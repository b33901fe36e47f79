"""What a client may ask of its mail beside delivery: TLS all the way, not before, not after, before others."""
import email
import json
import re
import time

import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from peer import Peer
from test_dsn import copies, report, reports
from test_outgoing import ELSEWHERE, EXTRA


@pytest.fixture
def elsewhere():
    server = Peer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(elsewhere):
    with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())) as s:
        yield s


def send(server, subject, recipients, options=(), fields=""):
    with server.submission() as s:
        code, text = s.mail(f"alice@{DOMAIN}", list(options))
        assert code == 250, text
        for address in recipients:
            assert s.rcpt(address)[0] == 250
        assert s.data(f"Subject: {subject}\r\n{fields}\r\nthe body\r\n".encode())[0] == 250


def test_requiretls_reaches_a_mailbox_here_and_comes_back_from_where_no_tls_is_rfc8689_4_2_1(server, elsewhere):
    with server.submission() as s:
        assert s.has_extn("requiretls")
    send(server, "secret", [f"bob@{DOMAIN}", f"bob@{ELSEWHERE}"], ["REQUIRETLS", "RET=FULL"])
    assert copies(server, "bob", "secret")
    found, _, [recipient] = report(server, "alice", "secret")
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.7.30"
    assert elsewhere.mails == []
    # RFC 8689 5: RET=FULL is disregarded.
    assert "the body" not in found.as_string()


def test_requiretls_waits_in_the_queue_over_a_restart_rfc8689_4_1(server, elsewhere):
    elsewhere.extensions = ["STARTTLS"]  # it is offered, and then nobody shakes hands
    send(server, "kept", [f"bob@{ELSEWHERE}"], ["REQUIRETLS"])
    wait_until(lambda: server.events("queue.deferred"), what="the first attempt")
    server.kill_role("queue")
    elsewhere.extensions = []
    _, _, [recipient] = report(server, "alice", "kept")
    assert recipient["Status"] == "5.7.30" and elsewhere.mails == []


def test_tls_required_no_is_sent_on_in_the_clear_and_counts_for_nothing_beside_requiretls_rfc8689_3(server, elsewhere):
    send(server, "open", [f"bob@{ELSEWHERE}"], fields="TLS-Required: No\r\n")
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    assert b"TLS-Required: No" in elsewhere.mails[0]["text"]
    send(server, "both", [f"bob@{ELSEWHERE}"], ["REQUIRETLS"], fields="TLS-Required: No\r\n")
    _, _, [recipient] = report(server, "alice", "both")
    assert recipient["Status"] == "5.7.30" and len(elsewhere.mails) == 1


# ---- FUTURERELEASE (RFC 4865)


def recipients(server, *selection):
    return json.loads(server.cli("queue", "list", "--json", *selection).stdout)


def test_a_mail_is_kept_till_its_hour_for_mailboxes_here_and_elsewhere_rfc4865_4(server, elsewhere):
    begun = time.time()
    send(server, "tomorrow", [f"bob@{DOMAIN}", f"bob@{ELSEWHERE}"], ["HOLDFOR=4"])
    assert not copies(server, "bob", "tomorrow") and not elsewhere.mails
    listed = recipients(server)
    assert {r["state"] for r in listed} == {"postponed"} and len(listed) == 2
    assert all(3 <= r["until_s"] - begun <= 6 for r in listed)
    stats = json.loads(server.cli("queue", "stats", "--json").stdout)
    assert (stats["recipients"], stats["postponed"], stats["waiting"]) == (2, 2, 0)
    wait_until(lambda: elsewhere.mails and copies(server, "bob", "tomorrow"), what="both arrivals")
    assert time.time() - begun >= 4


def test_what_is_postponed_is_released_by_the_administrator_and_by_nothing_else_rfc4865_4(server, elsewhere):
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    send(server, "later", [f"bob@{DOMAIN}", f"bob@{ELSEWHERE}"], [f"HOLDUNTIL={until}"])
    shown = server.cli("queue", "show", recipients(server)[0]["mail"]).stdout
    assert f"Release     {until}" in shown and f"postponed until {until}" in shown
    server.kill_role("queue")
    wait_until(lambda: len(recipients(server)) == 2, what="the queue's return")
    server.cli("queue", "retry", "--all")
    assert {r["state"] for r in recipients(server)} == {"postponed"}
    server.cli("queue", "release", "--recipient", f"bob@{ELSEWHERE}")
    wait_until(lambda: elsewhere.mails, what="the arrival elsewhere")
    assert [r["recipient"] for r in recipients(server)] == [f"bob@{DOMAIN}"]
    server.cli("queue", "release", "--all")
    wait_until(lambda: copies(server, "bob", "later"), what="the arrival here")


def test_between_servers_nothing_is_held_rfc4865_4(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        assert not s.has_extn("futurerelease")
        assert s.mail("someone@elsewhere.example", ["HOLDFOR=5"])[0] == 555


def test_who_may_hold_mail_for_how_long_is_configured_rfc4865_4(elsewhere):
    extra = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())
    with running_server(extra.replace("retry_first 1s;", "retry_first 1s; hold_most 60s;")) as server:
        with server.submission() as s:
            most, date = s.esmtp_features["futurerelease"].split()
            assert most == "60" and date.endswith("Z")
            assert s.mail(f"alice@{DOMAIN}", ["HOLDFOR=61"])[0] == 501
            assert s.mail(f"alice@{DOMAIN}", ["HOLDFOR=60"])[0] == 250
    with running_server(extra.replace("retry_first 1s;", "retry_first 1s; hold_most 0s;")) as server:
        with server.submission() as s:
            assert not s.has_extn("futurerelease")


# ---- DELIVERBY (RFC 2852)


def test_what_is_late_comes_back_with_r_rfc2852_4_1(server, elsewhere):
    elsewhere.extensions = ["DELIVERBY"]
    elsewhere.answers[f"bob@{ELSEWHERE}"] = "450 4.2.0 not yet"
    send(server, "urgent", [f"bob@{DOMAIN}", f"bob@{ELSEWHERE}"], ["BY=3;R"])
    assert copies(server, "bob", "urgent")
    _, about, [recipient] = report(server, "alice", "urgent")
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.4.7" and about["Deliver-By-Date"]
    assert recipients(server) == []


def test_who_asks_with_n_is_told_and_the_mail_is_tried_on_rfc2852_4_1(server, elsewhere):
    elsewhere.extensions = ["DELIVERBY"]
    elsewhere.answers[f"bob@{ELSEWHERE}"] = "450 4.2.0 not yet"
    send(server, "soon", [f"bob@{ELSEWHERE}"], ["BY=2;N"])
    _, _, [recipient] = report(server, "alice", "soon")
    assert recipient["Action"] == "delayed" and recipient["Status"] == "4.4.7"
    del elsewhere.answers[f"bob@{ELSEWHERE}"]
    server.cli("queue", "retry", "--all")
    wait_until(lambda: elsewhere.mails, what="the arrival")
    assert re.fullmatch(r"BY=-\d+;N", elsewhere.mails[0]["said"][-1])
    assert len(reports(server, "alice", "soon")) == 1


def test_the_time_that_is_left_goes_on_with_the_mail_rfc2852_4_1(server, elsewhere):
    elsewhere.extensions = ["DELIVERBY 10", "DSN"]
    elsewhere.answers[f"bob@{ELSEWHERE}"] = ["450 4.2.0 not yet"]
    send(server, "left", [f"bob@{ELSEWHERE}"], ["BY=100;RT"])
    wait_until(lambda: elsewhere.mails, what="the arrival")
    left, = re.fullmatch(r"BY=(\d+);RT", elsewhere.mails[0]["said"][-1]).groups()
    assert 80 < int(left) < 100
    # T: of each server that it is handed to the sender hears.
    _, _, [recipient] = report(server, "alice", "left")
    assert recipient["Action"] == "relayed"


def test_a_server_without_deliverby_gets_what_may_be_late_alone_rfc2852_4_1(server, elsewhere):
    send(server, "strict", [f"bob@{ELSEWHERE}"], ["BY=1000;R"])
    _, _, [recipient] = report(server, "alice", "strict")
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.3.3" and not elsewhere.mails
    send(server, "lenient", [f"bob@{ELSEWHERE}"], ["BY=1000;N"])
    wait_until(lambda: elsewhere.mails, what="the arrival")
    assert not any(word.startswith("BY=") for word in elsewhere.mails[0]["said"])
    _, _, [recipient] = report(server, "alice", "lenient")
    assert recipient["Action"] == "relayed"


# ---- MT-PRIORITY (RFC 6710)


def test_a_priority_goes_on_with_the_mail_and_over_a_kill_rfc6710_4(server, elsewhere):
    elsewhere.extensions = ["MT-PRIORITY"]
    elsewhere.answers[f"bob@{ELSEWHERE}"] = ["450 4.2.0 not yet"]
    send(server, "first", [f"bob@{ELSEWHERE}"], ["MT-PRIORITY=4"])
    wait_until(lambda: server.events("queue.deferred"), what="the first attempt")
    server.kill_role("queue")
    wait_until(lambda: elsewhere.mails, what="the arrival")
    assert elsewhere.mails[0]["said"][-1] == "MT-PRIORITY=4"


def test_a_stranger_raises_nothing_and_hears_so_rfc6710_5(server):
    with server.smtp() as s:
        s.ehlo("client.example")
        assert s.mail("a@elsewhere.example", ["MT-PRIORITY=4"]) == \
            (250, b"2.3.6 0 is the priority of the message: only who has logged in may raise it")
        s.rset()
        assert s.mail("a@elsewhere.example", ["MT-PRIORITY=-4"])[1].startswith(b"2.1.0")
    with server.submission() as s:
        assert s.mail(f"alice@{DOMAIN}", ["MT-PRIORITY=9"])[1].startswith(b"2.1.0")


# ---- 8BITMIME (RFC 6152)


def test_a_server_without_8bitmime_gets_7_bits_and_the_text_is_the_same_rfc6152_3(server, elsewhere):
    elsewhere.basic = []
    text = "Déjà vu : l'été à Noël. " * 20
    with server.submission() as s:
        s.sendmail(f"alice@{DOMAIN}", [f"bob@{ELSEWHERE}"],
                   f"Subject: accents\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   f"Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n".encode(), ["BODY=8BITMIME"])
    wait_until(lambda: elsewhere.mails, what="the arrival")
    [mail] = elsewhere.mails
    assert mail["text"].isascii() and not any(word.startswith("BODY=") for word in mail["said"])
    assert email.message_from_bytes(mail["text"]).get_payload(decode=True).decode().strip() == text.strip()
