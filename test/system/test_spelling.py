"""Names in the configuration hold for every spelling of a name that the directory takes for the same (RFC 5890 2.3.2.4, RFC 6531 3.2)."""
import pytest

from conftest import DOMAIN, running_server, wait_until
from peer import Peer

WIDE = DOMAIN.translate({ord(c): ord(c) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyz"})
SPELLINGS = [WIDE, DOMAIN.replace(".", "。")]


@pytest.fixture(scope="module")
def elsewhere():
    peer = Peer()
    peer.extensions = ["SMTPUTF8"]
    yield peer
    peer.leave()


@pytest.fixture(scope="module")
def server(elsewhere):
    there = f"127.0.0.1:{elsewhere.port}"
    with running_server(f"""
route bob@{DOMAIN} to error "no bob";
route alice@{DOMAIN} to lmtp:127.0.0.1:1;
route refused.iut to error "never there";
route any.iut to {there};
route münchen.iut to {there};
relay_for any.iut any;
sender_route alice@{DOMAIN} to {there};
""") as s:
        yield s


def say(client, text):
    client.send(f"{text}\r\n".encode())
    return client.getreply()


def rcpt(client, sender, address):
    client.ehlo("client.example")
    assert say(client, f"MAIL FROM:<{sender}> SMTPUTF8")[0] == 250
    code, text = say(client, f"RCPT TO:<{address}>")
    return f"{code} {text.decode()}"


@pytest.mark.parametrize("domain", SPELLINGS)
def test_what_a_route_refuses_is_refused_in_any_spelling(server, domain):
    with server.smtp() as c:
        assert rcpt(c, "", f"bob@{domain}") == "550 5.7.1 no bob"
    with server.submission() as c:
        assert rcpt(c, f"alice@{DOMAIN}", "x@ｒｅｆｕｓｅｄ.iut") == "550 5.7.1 never there"


@pytest.mark.parametrize("address", ["x@ａｎｙ.iut", "y@any。iut", "z@xn--mnchen-3ya.iut", "z@MÜNCHEN.iut"])
def test_mail_goes_where_the_route_leads_in_any_spelling(server, elsewhere, address):
    with server.submission() as c:
        assert rcpt(c, f"alice@{DOMAIN}", address).startswith("250 ")
        assert c.data(b"Subject: x\r\n\r\nx\r\n")[0] == 250
    wait_until(lambda: any(address in mail["to"] for mail in elsewhere.mails), what=f"the mail to {address}")


@pytest.mark.parametrize("domain", SPELLINGS)
def test_a_route_to_another_server_passes_no_mailbox_here(server, domain):
    with server.smtp() as c:
        assert rcpt(c, "", f"alice@{domain}").startswith("250 ")
        assert c.data(f"Subject: for {domain}\r\n\r\nx\r\n".encode())[0] == 250
    assert f"alice@{domain}" in server.cli("queue", "list").stdout
    assert not server.files("alice")


@pytest.mark.parametrize("domain", SPELLINGS)
def test_a_sender_has_his_relay_host_in_any_spelling(server, elsewhere, domain):
    with server.submission() as c:
        assert rcpt(c, f"alice@{domain}", f"w@{domain[:3]}.elsewhere.iut").startswith("250 ")
        assert c.data(b"Subject: x\r\n\r\nx\r\n")[0] == 250
    wait_until(lambda: any(mail["from"] == f"alice@{domain}" for mail in elsewhere.mails), what="the mail")
