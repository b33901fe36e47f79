"""IMAP as an attacker speaks it: octets that no client library sends."""
import re
import socket

from conftest import DOMAIN, PASSWORDS


class Raw:
    """A connection that sends what it is told, octet for octet, and reads responses with their literals."""

    def __init__(self, server, name="alice"):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=60)
        self.file = self.socket.makefile("rb")
        self.count = 0
        assert self.response().startswith(b"* OK")
        if name:
            assert self.command(f'LOGIN {name}@{DOMAIN} "{PASSWORDS[name]}"')[-1].startswith(b"t1 OK")

    def send(self, octets):
        self.socket.sendall(octets if isinstance(octets, bytes) else octets.encode())

    def response(self):
        line = self.file.readline()
        while m := re.search(rb"\{(\d+)\}\r\n$", line):
            line += self.file.read(int(m.group(1))) + self.file.readline()
        return line

    def command(self, text):
        """Its responses, the tagged one last; fewer when the connection ended."""
        self.count += 1
        tag = b"t%d " % self.count
        self.send(tag + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        lines = [self.response()]
        while lines[-1] and not lines[-1].startswith(tag):
            lines.append(self.response())
        return lines

    def append(self, folder, message, flags=""):
        message = message.encode() if isinstance(message, str) else message
        return self.command(f"APPEND {folder} {flags}{{{len(message)}+}}\r\n".encode() + message)[-1]

    def close(self):
        self.file.close()
        self.socket.close()


def test_an_append_with_too_long_a_name_or_keyword_costs_no_one_his_session(server):
    fronts = server.role_pids("front")
    i = Raw(server)
    assert b" NO [CANNOT]" in i.append("x" * 256, "Subject: a\r\n\r\nb\r\n")
    assert b" NO [LIMIT]" in i.append("INBOX", "Subject: a\r\n\r\nb\r\n", f"({' '.join(f'k{n}' + 'y' * 90 for n in range(60))}) ")
    assert i.command("NOOP")[-1].startswith(b"t4 OK")
    assert server.role_pids("front") == fronts
    i.close()


def test_a_mailbox_that_has_every_keyword_it_can_have_offers_no_others_rfc3501_7_1(server):
    def permanent(lines):
        return [re.search(rb"\[PERMANENTFLAGS \((.*)\)\]", line).group(1).split() for line in lines if b"[PERMANENTFLAGS" in line]

    i = Raw(server)
    i.command("CREATE tags")
    i.append("tags", "Subject: a\r\n\r\nb\r\n")
    assert permanent(i.command("SELECT tags"))[0][-1] == b"\\*"
    for n in range(25):
        assert permanent(i.command(f"STORE 1 +FLAGS (k{n})"))[0][-1] == b"\\*"
    assert permanent(i.command("STORE 1 +FLAGS (last)"))[0][-1] == b"last"
    assert b" NO [LIMIT]" in i.command("STORE 1 +FLAGS (more)")[-1]
    assert permanent(i.command("SELECT tags"))[0][-1] == b"last"
    i.command("UNSELECT")
    server.kill_role("store")
    i.close()
    i = Raw(server)
    assert permanent(i.command("SELECT tags"))[0][-1] == b"last"
    i.close()


def test_a_store_that_changes_nothing_keeps_no_other_s_change_from_being_told_rfc3501_5_5(server):
    i, other = Raw(server), Raw(server)
    i.command("CREATE shared")
    for _ in range(5):
        i.append("shared", "Subject: a\r\n\r\nb\r\n")
    for session in (i, other):
        session.command("SELECT shared")
    i.command("STORE 1 +FLAGS (\\Seen)")
    for command in ("STORE 1 +FLAGS (\\Seen)", "UID STORE 1 -FLAGS.SILENT (\\Draft)", "EXPUNGE", "COPY 1 INBOX", "FETCH 1 BODY[]"):
        other.command("STORE 5 FLAGS ()")
        i.command("NOOP")
        other.command("STORE 5 +FLAGS (\\Flagged)")
        assert any(re.match(rb"\* 5 FETCH \(.*\\Flagged", line) for line in i.command(command)), command
    for session in (i, other):
        session.close()


def test_a_silent_store_of_a_message_that_another_changed_tells_of_that_change_rfc3501_6_4_6(server):
    i, other = Raw(server), Raw(server)
    i.command("CREATE silent")
    for _ in range(3):
        i.append("silent", "Subject: a\r\n\r\nb\r\n")
    for session in (i, other):
        session.command("SELECT silent")
    other.command("STORE 2 +FLAGS (\\Flagged)")
    told = i.command("STORE 1:3 +FLAGS.SILENT (\\Seen)")
    assert [line for line in told if b"FETCH" in line] == [line for line in told if re.match(rb"\* 2 FETCH \(FLAGS \(\\Flagged \\Seen\b", line)] != []
    assert [line for line in other.command("NOOP") if b"FETCH" in line] != []
    assert not any(b"FETCH" in line for line in i.command("STORE 1:3 +FLAGS.SILENT (\\Draft)"))
    for session in (i, other):
        session.close()
