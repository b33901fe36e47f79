"""What a client may ask of its mail beside delivery: TLS all the way (RFC 8689)."""
import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from test_dsn import copies, report
from peer import Peer
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
