"""Relay hosts that are logged in to, each sender as himself."""
import os
import pathlib
import socket
import tempfile

import pytest

from conftest import DOMAIN, running_server, wait_until
from nameserver import NXDOMAIN, Fake, record
from peer import Peer
from test_outgoing import submit

OURS, BOBS = "smtp.provider.iut", "mx.asso.iut"
ADDRESSES = {OURS: "127.0.0.1", BOBS: "127.0.0.2"}
# Of each relay host: who may log in, and with what.
USERS = {OURS: {"amerique": "azerty", "alice-there": "qsdfgh"}, BOBS: {"bob-there": "wxcvbn"}}
EXTRA = """queue {{ retry_first 1s; }}
trusted_networks 127.0.0.1;
resolver 127.0.0.1:{dns};
outgoing_ca {ca};
route * to smtp.provider.iut:{ours};
sender_route bob@{domain} to mx.asso.iut:{bobs};
outgoing_login smtp.provider.iut amerique file:{directory}/amerique;
outgoing_login smtp.provider.iut alice-there file:{directory}/alice-there alice@{domain};
outgoing_login mx.asso.iut bob-there file:{directory}/bob-there bob@{domain};
"""


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="mermoz-relay-login-") as name:
        os.chmod(name, 0o755)  # the relay is another user
        yield pathlib.Path(name)


@pytest.fixture
def dns():
    def say(query):
        is_host = query.name in ADDRESSES
        answers = [record(query.name, "A", ADDRESSES[query.name])] if is_host and query.type == 1 else []
        return query.answer(*answers, rcode=0 if is_host else NXDOMAIN)

    fake = Fake(say)
    yield fake
    fake.close()


@pytest.fixture
def hosts(directory, authority):
    certificate = authority.sign(OURS, BOBS)
    peers = {name: Peer(address, tls=certificate.context()) for name, address in ADDRESSES.items()}
    for name, peer in peers.items():
        peer.extensions.append("AUTH PLAIN")
        peer.users = USERS[name]
        for user, password in peer.users.items():
            (directory / user).write_text(f"{password}\n")
            os.chmod(directory / user, 0o600)
    yield peers
    for peer in peers.values():
        peer.leave()


@pytest.fixture
def extra(hosts, dns, directory, authority):
    return EXTRA.format(dns=dns.port, directory=directory, ca=authority.file, domain=DOMAIN, ours=hosts[OURS].port, bobs=hosts[BOBS].port)


@pytest.fixture
def server(extra):
    with running_server(extra) as s:
        yield s


def came(host):
    with host.lock:
        return sorted((mail["from"].partition("@")[0], mail["user"], mail["tls"]) for mail in host.mails)


def test_each_sender_goes_by_his_relay_host_and_logs_in_there_as_himself_rfc4954_4(server, hosts):
    for _ in range(2):  # the second time over connections that are there
        for sender in ("alice", "bob"):
            submit(server, "x@asie.iut", sender=sender)
        with server.smtp() as c:
            c.sendmail("carol@oceanie.iut", ["x@asie.iut"], "Subject: of nobody in particular\r\n\r\nx\r\n")
    wait_until(lambda: len(came(hosts[OURS])) == 4 and len(came(hosts[BOBS])) == 2, what="the mails' arrival")
    assert came(hosts[OURS]) == [("alice", "alice-there", True)] * 2 + [("carol", "amerique", True)] * 2
    assert came(hosts[BOBS]) == [("bob", "bob-there", True)] * 2


def test_a_log_in_that_is_refused_makes_its_sender_wait_and_nobody_else(server, hosts):
    hosts[BOBS].users = {}
    for sender in ("bob", "alice"):
        submit(server, "x@asie.iut", sender=sender)
    wait_until(lambda: came(hosts[OURS]) == [("alice", "alice-there", True)], what="alice's mail")
    wait_until(lambda: server.events("queue.deferred"), what="bob's waiting")
    assert not came(hosts[BOBS]) and {e["sender"] for e in server.events("queue.deferred")} == {f"bob@{DOMAIN}"}
    hosts[BOBS].users = USERS[BOBS]
    wait_until(lambda: came(hosts[BOBS]) == [("bob", "bob-there", True)], what="bob's mail")


def test_a_log_in_of_ones_own_that_is_refused_makes_nobody_else_of_the_relay_host_wait(extra, hosts):
    hosts[OURS].users = {"amerique": "azerty"}
    with running_server(extra.replace("retry_first 1s", "retry_first 1h")) as server:
        submit(server, "x@asie.iut", sender="alice")
        wait_until(lambda: server.events("queue.deferred"), what="alice's waiting")
        with server.smtp() as c:
            c.sendmail("carol@oceanie.iut", ["x@asie.iut"], "Subject: of nobody in particular\r\n\r\nx\r\n")
        wait_until(lambda: came(hosts[OURS]) == [("carol", "amerique", True)], what="carol's mail")


class Peer6(Peer):
    address_family = socket.AF_INET6


BY_ADDRESS = """queue {{ retry_first 1s; }}
outgoing_ca {ca};
route * to {host}:{port};
outgoing_login {host} amerique file:{directory}/amerique;
{more}
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize(("name", "more", "goes"), [("", "", True), (OURS, "", False), (OURS, "outgoing_tls {host} encrypt;", True)],
                         ids=["certificate for it", "for another name", "for another name, and encrypt is enough"])
def test_a_relay_host_may_be_named_by_its_address_and_shows_a_certificate_for_it_rfc5280_4_2_1_6(authority, directory, host, name, more, goes):
    address = host.strip("[]")
    peer = (Peer6 if ":" in host else Peer)(address, tls=authority.sign(name or address).context())
    peer.extensions.append("AUTH PLAIN")
    peer.users = {"amerique": "azerty"}
    (directory / "amerique").write_text("azerty\n")
    os.chmod(directory / "amerique", 0o600)
    try:
        extra = BY_ADDRESS.format(ca=authority.file, host=host, port=peer.port, directory=directory, more=more.format(host=host))
        with running_server(extra) as server:
            submit(server, "x@asie.iut")
            wait_until(lambda: peer.mails or server.events("queue.deferred"), what="an outcome")
            assert came(peer) == ([("alice", "amerique", True)] if goes else [])
    finally:
        peer.leave()
