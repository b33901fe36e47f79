"""Mail that is taken from everybody and sent on: to where a route leads for an address of ours, to better MX hosts for whom we relay."""
import contextlib
import os
import struct
import tempfile

import pytest

from conftest import DOMAIN, running_server, wait_until
from nameserver import Fake, record
from role import MESSAGES, Role
from peer import Peer

PRIMARY, WORSE = "127.0.0.77", "127.0.0.78"


@contextlib.contextmanager
def next_server(*where):
    server = Peer(*where)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def elsewhere():
    with next_server() as server:
        yield server


@pytest.fixture(scope="module")
def server(elsewhere):
    there = f"127.0.0.1:{elsewhere.port}"
    extra = f"""
domain away.iut;
route lists@{DOMAIN} to {there};
route away.iut to {there};
relay_for list.iut known;
relay_for open.iut any;
route list.iut to {there};
route open.iut to {there};
route foreign.iut to {there};
"""
    with running_server(extra) as s:
        s.cli("alias", "add", f"info@{DOMAIN}", f"lists@{DOMAIN}", check=False)
        s.cli("user", "add", "dan@away.iut", stdin="dan's own 1\n")
        s.cli("domain", "add", "list.iut")
        s.cli("alias", "add", "listed@list.iut", "listed@list.iut")
        refused = s.cli("alias", "add", f"nobody@{DOMAIN}", f"nobody@{DOMAIN}", check=False)
        assert refused.returncode == 1 and "nobody" in refused.stderr
        s.cli("alias", "add", "known@list.iut", "known@elsewhere.list.iut")
        yield s


def stranger_says(server, address, sender="someone@asie.iut", subject="sent on"):
    """The reply to RCPT; what is taken is sent."""
    with server.smtp() as c:
        c.ehlo("client.example")
        c.mail(sender)
        code, text = c.rcpt(f"<{address}>" if "@" in address else address)
        if code == 250:
            assert c.data(f"Subject: {subject}\r\n\r\nx\r\n".encode())[0] == 250
        return f"{code} {text.decode()}"


def arrived(elsewhere, address):
    wait_until(lambda: any(address in mail["to"] for mail in elsewhere.mails), what=f"the mail to {address}")
    [mail] = [mail for mail in elsewhere.mails if address in mail["to"]]
    return mail


@pytest.mark.parametrize("address", [f"Lists@{DOMAIN}", f"lists+Sub@{DOMAIN}", "Dan+x@away.iut", "Whoever@open.iut", "Listed@list.iut"])
def test_mail_of_strangers_for_ours_goes_where_the_route_leads(server, elsewhere, address):
    assert stranger_says(server, address).startswith("250 ")
    assert arrived(elsewhere, address)["from"] == "someone@asie.iut"


@pytest.mark.parametrize("address", ["nobody@away.iut", "nobody@list.iut", f"nobody@{DOMAIN}"])
def test_who_is_not_there_is_refused_before_the_mail_is_taken(server, address):
    assert stranger_says(server, address).startswith("550 5.1.1 ")


@pytest.mark.parametrize("address", [
    "x@foreign.iut", "x@sub.open.iut", "@open.iut:x@foreign.iut", "x%foreign.iut@open.iut", "foreign.iut!x@open.iut",
    '"x@foreign.iut"@open.iut', '"x%foreign.iut"@open.iut', 'x%foreign.iut@' + DOMAIN, "x@[127.0.0.1]", f"lists+x%foreign.iut@{DOMAIN}",
    '"x@foreign.iut"@' + DOMAIN, "foreign.iut!x@[192.0.2.1]"])
def test_no_stranger_reaches_others_through_us_rfc5321_7_9(server, elsewhere, address):
    assert stranger_says(server, address).startswith("550 ")


def test_explain_says_that_it_goes_on(server):
    out = server.cli("explain", f"Lists@{DOMAIN}")
    assert f"mail for Lists@{DOMAIN} goes on to another server" in out.stdout
    out = server.cli("explain", "x%foreign.iut@open.iut", check=False)
    assert out.returncode == 1 and "the next server could read another address in it" in out.stdout


@pytest.fixture
def relaying():
    """A backup MX whose primary is PRIMARY."""
    def say(q):
        if q.name == "backup.iut" and q.type == 15:
            hosts = [(10, "mx.backup.iut"), (20, f"mail.{DOMAIN}"), (30, "worse.backup.iut")]
            return q.answer(*(record(q.name, "MX", host) for host in hosts))
        addresses = {"mx.backup.iut": PRIMARY, "worse.backup.iut": WORSE}
        return q.answer(*[record(q.name, "A", addresses[q.name])] if q.type == 1 and q.name in addresses else [])

    if os.geteuid() != 0:
        pytest.skip("port 25 is root's")
    dns = Fake(say)
    extra = f"relay_for backup.iut any;\noutgoing_loopback yes;\nresolver 127.0.0.1:{dns.port};\nroute * to 127.0.0.79:25;\nqueue {{ retry_first 1s; }}\n"
    with next_server(WORSE, 25) as worse, running_server(extra) as s:
        yield s, worse
    dns.close()


def test_a_backup_mx_waits_for_a_better_one_rfc5321_5_1(relaying):
    server, worse = relaying
    assert stranger_says(server, "Dan@backup.iut").startswith("250 ")
    wait_until(lambda: len(server.events("queue.deferred")) > 1, what="a second attempt")
    with next_server(PRIMARY, 25) as primary:
        arrived(primary, "Dan@backup.iut")
    assert not worse.mails


def filled(message, **fields):
    """All fields of a message: those that are not named are 0 or empty."""
    return {field: "" if kind in ("OCTETS", "RANGES") else 0 for kind, field in MESSAGES[message][1]} | fields


def test_an_address_that_comes_back_from_the_directory_waits():
    directory = tempfile.mkdtemp(prefix="mermoz-test-")
    os.chmod(directory, 0o777)
    os.makedirs(f"{directory}/state/queue")
    if os.geteuid() == 0:
        os.system(f"chown -R nobody {directory}")
    queue = Role("queue", ["front", "directory", "store", "relay"], f"hostname mail.{DOMAIN};\ndomain {DOMAIN};\n"
                 f"state_directory {directory}/state;\nqueue {{ retry_first 1h; }}\n", directory)
    address = f"x@{DOMAIN}".encode()
    try:
        recipients = struct.pack("<H", len(address)) + address + struct.pack("<H", 0)
        queue.peers["front"].send("ENQUEUE", **filled("ENQUEUE", request=1, mail_id="0" * 26, flags=8, size=20, recipients=recipients,
                                                      octets="Subject: x\n\nx\n"))
        assert queue.peers["front"].receive()[1]["outcome"] == 0
        name, asked = queue.peers["directory"].receive()
        assert (name, asked["address"]) == ("RESOLVE", address)
        target = struct.pack("<BQH", 1, 0, len(address)) + address
        queue.peers["directory"].send("RESOLVED", **filled("RESOLVED", request=asked["request"], targets=target))
        queue.wait_for_event("queue.deferred")
        assert "451 4.3.5" in queue.log_text() and "queue.taken" in queue.log_text()
    finally:
        queue.stop()
