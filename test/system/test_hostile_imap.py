"""IMAP clients that mean harm, or are slow: what they do is theirs alone, and the roles live on."""
import os
import socket
import threading
import time

import pytest

from conftest import DOMAIN, PASSWORDS, running_server, wait_until


class Client:
    """An IMAP client that reads no faster than it is told to."""

    def __init__(self, server, name="bob", is_slow=False):
        self.socket = socket.socket()
        if is_slow:  # as over a thin line: the server's system takes little at a time, too
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", server.ports["imap"]))
        self.read_line()
        password = PASSWORDS[name].encode()
        assert self.ask(b"LOGIN %s@%s {%d+}\r\n%s" % (name.encode(), DOMAIN.encode(), len(password), password)).startswith(b"t OK")

    def send(self, octets):
        self.socket.sendall(octets)

    def read(self, count):
        octets = b""
        while len(octets) < count:
            piece = self.socket.recv(count - len(octets))
            assert piece, octets[-200:]
            octets += piece
        return octets

    def read_line(self):
        line = b""
        while not line.endswith(b"\r\n"):
            line += self.read(1)
        return line

    def ask(self, command):
        self.send(b"t " + command + b"\r\n")
        while not (line := self.read_line()).startswith(b"t "):
            pass
        return line


def literal(octets):
    return b"{%d+}\r\n" % len(octets) + octets


def test_a_client_that_reads_slowly_gets_every_octet_in_order(server):
    c = Client(server, is_slow=True)
    body = b"".join(b"line %07d\r\n" % i for i in range(400_000))
    message = b"Subject: long\r\n\r\n" + body
    assert c.ask(b"APPEND INBOX " + literal(message)).startswith(b"t OK")
    assert c.ask(b"SELECT INBOX").startswith(b"t OK")
    c.send(b"f FETCH * BODY.PEEK[]\r\n")
    head = c.read_line()
    assert head.endswith(b" FETCH (BODY[] {%d}\r\n" % len(message)), head
    for at in range(0, len(message), 997):
        piece = message[at:at + 997]
        assert c.read(len(piece)) == piece, at
    assert c.read_line() == b")\r\n"
    assert c.read_line().startswith(b"f OK")


LARGE = 45 << 20


@pytest.fixture(scope="module")
def large_message(server):
    c = Client(server, "alice")
    assert c.ask(b"APPEND INBOX " + literal(b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * (LARGE // 71))).startswith(b"t OK")
    return server


def selected(server, name="alice"):
    c = Client(server, name)
    assert c.ask(b"SELECT INBOX").startswith(b"t OK")
    return c


def test_clients_that_do_not_read_hold_no_more_memory_than_an_account_may(large_message):
    fronts = len(large_message.role_pids("front"))
    clients, answers = [selected(large_message) for _ in range(8 * fronts)], []
    for c in clients:
        c.send(b"f FETCH * BODY.PEEK[]\r\n")
        answers.append(c.read_line())
    assert all(a.startswith(b"* 1 FETCH (") or a.startswith(b"f NO [UNAVAILABLE]") for a in answers), answers
    assert 0 < sum(a.startswith(b"* 1") for a in answers) <= fronts * (256 << 20) // LARGE
    for c in clients:
        c.socket.close()
    c = selected(large_message)
    wait_until(lambda: c.ask(b"FETCH * BODY.PEEK[]<0.10>").startswith(b"t OK"))


def test_a_client_that_begins_another_command_holds_no_message(large_message):
    clients = [selected(large_message) for _ in range(16)]
    for c in clients:
        assert c.ask(b"FETCH * BODY.PEEK[]<0.10>").startswith(b"t OK")
        c.send(b"n NO")
    for c in clients:
        c.send(b"OP\r\n")
        assert c.read_line().startswith(b"n OK")


def leave(server, name, octets):
    """Another program's delivery: nobody has looked at it."""
    maildir = server.maildir()
    path = maildir / "tmp" / name
    path.write_bytes(octets)
    os.chown(path, maildir.stat().st_uid, maildir.stat().st_gid)
    path.rename(maildir / "new" / name)


def longest_wait(reader, other):
    """Of the other client, while the reader has its message looked at; as a part of the time that this takes."""
    began = time.monotonic()
    reading = threading.Thread(target=reader.ask, args=(b"FETCH * (ENVELOPE)",))
    reading.start()
    worst = 0
    while reading.is_alive():
        asked = time.monotonic()
        assert other.ask(b"NOOP").startswith(b"t OK")
        worst = max(worst, time.monotonic() - asked)
    return worst / (time.monotonic() - began)


def test_others_have_their_turns_while_a_message_of_another_program_is_looked_through():
    with running_server("fronts 1;\n") as s:
        s.send()
        reader, other = Client(s), Client(s, "alice")
        parts = []
        while not parts or parts[-1] >= 0.5:
            assert len(parts) < 3, parts
            leave(s, f"{len(parts)}.other", b"A:\n" * (8 << 20) + b"\nx\n")
            assert reader.ask(b"SELECT INBOX").startswith(b"t OK")
            parts.append(longest_wait(reader, other))


def test_who_goes_while_his_message_is_looked_through_takes_nothing_along():
    with running_server("fronts 1;\n") as s:
        s.send()
        leave(s, "other", b"A:\n" * (4 << 20) + b"\nx\n")
        pids, other = s.role_pids("front"), Client(s, "alice")
        for turns in range(8):
            reader = Client(s)
            assert reader.ask(b"SELECT INBOX").startswith(b"t OK")
            reader.send(b"f FETCH * (ENVELOPE)\r\n")
            for _ in range(turns * 3):
                assert other.ask(b"NOOP").startswith(b"t OK")
            reader.socket.close()
        reader = Client(s)
        assert reader.ask(b"SELECT INBOX").startswith(b"t OK") and reader.ask(b"FETCH * (ENVELOPE)").startswith(b"t OK")
        assert s.role_pids("front") == pids
