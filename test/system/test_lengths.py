"""Arguments of every length: what no frame between roles holds is refused by the session, and the fronts live on."""
import base64
import smtplib
import socket

import pytest

from conftest import DOMAIN, PASSWORDS

# Around the limits of src/ipc/messages.def, and beyond those of commands.
LENGTHS = [255, 256, 321, 1025, 4097, 8000, 30000, 70000]


class Client:
    """An IMAP client that lets nothing be too long."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=30)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()

    def ask(self, command):
        self.socket.sendall(b"t " + command + b"\r\n")
        while (line := self.lines.readline()) and not line.startswith(b"t "):
            pass
        return line


def literal(octets):
    return b"{%d+}\r\n" % len(octets) + octets


def commands(n):
    text, long_name = literal(b"a" * n), literal(b"x." * (n // 2) + b"y")
    uids = b",".join(b"%d" % (3 * i + 1) for i in range(n // 8))
    for one in (b"CREATE ", b"DELETE ", b"SUBSCRIBE ", b"UNSUBSCRIBE ", b"SELECT ", b"EXAMINE "):
        yield one + text
        yield one + long_name
    yield from (b"RENAME " + text + b" " + text, b"RENAME INBOX " + text, b"STATUS " + text + b" (MESSAGES)", b"LIST " + text + b" " + text,
                b"LSUB \"\" " + text, b"COPY 1 " + text, b"MOVE 1 " + text, b"APPEND " + text + b" {4+}\r\n\r\n\r\n",
                b"APPEND INBOX (" + b"a" * n + b") {4+}\r\n\r\n\r\n", b"STORE 1 +FLAGS (" + b"a" * n + b")",
                b"STORE 1 FLAGS (" + b" ".join(b"k%d" % i for i in range(n // 4)) + b")", b"UID EXPUNGE " + uids,
                b"UID STORE " + uids + b" +FLAGS (\\Seen)", b"UID COPY " + uids + b" INBOX", b"UID FETCH " + uids + b" (FLAGS BODY.PEEK[])",
                b"SEARCH KEYWORD " + b"a" * n, b"SEARCH HEADER " + text + b" " + text, b"ID (\"name\" " + text + b")")


@pytest.mark.parametrize("n", LENGTHS)
def test_no_imap_argument_is_too_long_for_a_front_to_answer(server, n):
    before = server.role_pids("front")
    c = Client(server)
    assert c.ask(b"LOGIN carol@%s %s" % (DOMAIN.encode(), literal(PASSWORDS["carol"].encode()))).startswith(b"t OK")
    assert c.ask(b"APPEND INBOX " + literal(b"Subject: one\r\n\r\nbody\r\n")).startswith(b"t OK")
    for command in commands(n):
        assert c.ask(b"SELECT INBOX").startswith(b"t OK"), command[:40]
        assert c.ask(command)[:4] in (b"t OK", b"t NO", b"t BA"), command[:40]
    assert server.role_pids("front") == before


@pytest.mark.parametrize("n", LENGTHS)
def test_no_log_in_is_too_long_for_a_front_to_refuse(server, n):
    before = server.role_pids("front")
    text = b"a" * n
    for name, password in ((text, b"x"), (b"x", text), (text, text)):
        assert Client(server).ask(b"LOGIN " + literal(name) + b" " + literal(password)).startswith(b"t NO")
    for secret in (b"\0" + text + b"\0x", text + b"\0x\0x", b"\0x\0" + text):
        assert Client(server).ask(b"AUTHENTICATE PLAIN " + base64.b64encode(secret))[:4] in (b"t NO", b"t BA")
        with smtplib.SMTP("localhost", server.ports["submission"], timeout=30) as s:
            s.ehlo("c.example")
            assert s.docmd("AUTH", "PLAIN " + base64.b64encode(secret).decode())[0] in (500, 501, 535)
    assert server.role_pids("front") == before
