"""What a report says of who said what (RFC 3464), and what it advises."""
import contextlib
import email
import email.policy

import pytest

from authority import Authority
from conftest import DOMAIN, free_port, running_server, wait_until
from peer import Peer
from test_outgoing import ELSEWHERE, EXTRA


@pytest.fixture
def elsewhere():
    server = Peer()
    yield server
    server.leave()


@contextlib.contextmanager
def a_server(elsewhere, queue="retry_first 1s;", extra=""):
    text = EXTRA.format(domain=ELSEWHERE, port=elsewhere.port, dead=free_port())
    with running_server(text.replace("retry_first 1s;", queue) + extra) as s:
        yield s


@pytest.fixture
def server(elsewhere):
    with a_server(elsewhere) as s:
        yield s


def send(server, recipients, text="Subject: x\r\n\r\nx\r\n", options=(), utf8=False):
    with server.submission() as s:
        s.command_encoding = "utf-8" if utf8 else "ascii"
        assert s.mail(f"alice@{DOMAIN}", list(options))[0] == 250
        for address, wishes in recipients.items():
            assert s.rcpt(address, wishes)[0] == 250
        assert s.data(text.encode())[0] == 250


def report(server, seconds=30):
    """The only one: its words, and the fields of each recipient."""
    [path] = wait_until(lambda: server.files("alice"), seconds, "the report")
    found = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    words, status, *_ = found.iter_parts()
    blocks = status.as_string().split("\n\n")[1:]  # the part's own header first, then the fields of the message
    return words.get_content(), [email.message_from_string(b) for b in blocks[1:] if b.strip()]


@pytest.mark.parametrize("options, text, status", [
    (["BY=3600;R"], "Subject: x\r\n\r\nx\r\n", "5.3.3"),
    (["SMTPUTF8"], "Subject: é\r\n\r\nx\r\n", "5.6.9"),
    (["BODY=8BITMIME"], "Subject: x\r\nContent-Type: multipart/signed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n--b\r\n\r\né\r\n--b--\r\n", "5.6.3"),
], ids=["DELIVERBY", "SMTPUTF8", "8BITMIME"])
def test_what_we_say_of_a_server_that_lacks_something_is_not_told_as_its_words_rfc3464_2_3_6(server, elsewhere, options, text, status):
    elsewhere.basic = []
    send(server, {f"bob@{ELSEWHERE}": []}, text, options, utf8="SMTPUTF8" in options)
    words, [bob] = report(server)
    assert bob["Status"] == status and bob["Diagnostic-Code"].startswith("X-Mermoz; 5") and bob["Remote-MTA"] is None
    assert "In detail:" in words and "said:" not in words and "refused" not in words
    assert bob["Last-Attempt-Date"]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["at once", "after a restart"])
def test_what_a_server_said_is_told_as_its_words_when_it_is_late_or_too_late_rfc3464_2_3_6(elsewhere, is_restarted):
    elsewhere.answers = {f"bob@{ELSEWHERE}": "450 4.7.1 greylisted", f"carol@{ELSEWHERE}": "452 4.2.2 mailbox full"}
    with a_server(elsewhere, "retry_first 1h; delay_notice 1s;") as s:
        send(s, {f"bob@{ELSEWHERE}": [], f"carol@{ELSEWHERE}": []})
        wait_until(lambda: len(s.events("queue.deferred")) == 2, what="the first attempt")
        if is_restarted:
            s.kill_role("queue")
        words, recipients = report(s)
    assert [r["Action"] for r in recipients] == ["delayed", "delayed"]
    for r in recipients:
        assert r["Last-Attempt-Date"]
        assert r["Remote-MTA"] == "dns; 127.0.0.1" and r["Diagnostic-Code"].startswith("smtp; 45"), r
    assert "The server 127.0.0.1 said:" in words and "In detail:" not in words


def test_what_expired_tells_whose_words_the_last_were_and_when_it_was_tried_rfc3464_2_3_7(elsewhere):
    elsewhere.answers = {f"bob@{ELSEWHERE}": "450 4.7.1 greylisted"}
    with a_server(elsewhere, "retry_first 1s; lifetime 2s;") as s:
        send(s, {f"bob@{ELSEWHERE}": []})
        words, [bob] = report(s)
    assert bob["Action"] == "failed" and bob["Status"] == "4.7.1"
    assert bob["Remote-MTA"] == "dns; 127.0.0.1" and bob["Diagnostic-Code"] == "smtp; 450 4.7.1 greylisted"
    assert bob["Last-Attempt-Date"]


def test_a_certificate_that_is_not_trusted_is_told_so_rfc3463_3_8(tmp_path):
    elsewhere = Peer(tls=Authority(tmp_path / "ca").sign("mx.afrique.iut").context())
    with a_server(elsewhere, "retry_first 1s; lifetime 2s;", "outgoing_tls * verify;\n") as s:
        send(s, {f"bob@{ELSEWHERE}": []})
        words, [bob] = report(s)
    elsewhere.leave()
    assert bob["Status"] == "4.7.5" and "X-Mermoz; 451 4.7.5" in bob["Diagnostic-Code"] and "trusted" in bob["Diagnostic-Code"]
    assert "broke" not in words and "encrypted" in words and "proves who it is" in words


def test_tls_that_we_insist_on_is_not_told_as_the_servers_wish_to_wait_rfc3463_3_8(elsewhere):
    with a_server(elsewhere, "retry_first 1s; lifetime 2s; report_language fr;", "outgoing_tls * encrypt;\n") as s:
        send(s, {f"bob@{ELSEWHERE}": []})
        words, [bob] = report(s)
    assert bob["Status"] == "4.7.4"
    assert "revenir plus tard" not in words and "chiffré" in words


def test_letters_in_the_header_alone_are_no_fault_of_the_addresses_rfc6531_3_5(server):
    send(server, {f"bob@{ELSEWHERE}": []}, "From: Bób <alice@amerique.iut>\r\nSubject: x\r\n\r\nx\r\n", ["SMTPUTF8"], utf8=True)
    words, [bob] = report(server)
    assert bob["Status"] == "5.6.9"
    assert "address" not in words.split("In detail")[0].split("\n", 1)[1] and "subject" in words


def test_letters_in_an_address_are_its_fault_rfc6531_3_5(server):
    send(server, {f"zoé@{ELSEWHERE}": []}, options=["SMTPUTF8"], utf8=True)
    words, [zoe] = report(server)
    assert zoe["Status"] == "5.6.7" and "addresses of plain letters" in words


def test_reports_list_recipients_in_their_order(server, elsewhere):
    names = [f"u{n:02}@{ELSEWHERE}" for n in range(20)]
    elsewhere.answers = {name: "550 5.1.1 no such user" for name in names}
    send(server, {name: [] for name in names})
    words, recipients = report(server)
    assert [r["Final-Recipient"].split("; ")[1] for r in recipients] == names


def test_no_original_recipient_is_told_that_the_sender_did_not_name_rfc3461_6_3(server, elsewhere):
    elsewhere.answers = {f"bob@{ELSEWHERE}": "550 5.1.1 no such user", f"dan@{ELSEWHERE}": "550 5.1.1 no such user"}
    send(server, {f"bob@{ELSEWHERE}": ["NOTIFY=FAILURE"], f"dan@{ELSEWHERE}": ["NOTIFY=FAILURE", "ORCPT=rfc822;d+2Bn@x.example"]})
    _, [bob, dan] = report(server)
    assert bob["Original-Recipient"] is None and dan["Original-Recipient"] == "rfc822; d+n@x.example"


def test_who_is_told_of_an_alias_is_told_the_address_that_was_accepted_rfc3464_2_3_2(server, elsewhere):
    server.cli("alias", "add", f"abroad@{DOMAIN}", f"zoe@{ELSEWHERE}")
    send(server, {f"abroad@{DOMAIN}": ["NOTIFY=SUCCESS"]})
    words, [zoe] = report(server)
    assert (zoe["Action"], zoe["Final-Recipient"], zoe["Original-Recipient"]) == ("relayed", f"rfc822; abroad@{DOMAIN}", None)
    assert elsewhere.mails[0]["to"] == [f"zoe@{ELSEWHERE}"]
