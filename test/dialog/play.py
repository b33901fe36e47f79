"""Plays the scripts of this folder against a running server (README.md says how they are written).

    play.py HOST PORT FILE…             by hand: plain connections to one listener
    play(script, connect, places)       from tests: connect(service, tls) gives a Wire
"""
import base64
import pathlib
import re
import socket
import ssl
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", "{": b"{"}
TOKEN = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|\{(\d+)\*([^}]*)\}|\{base64 ([^}]*)\}|(\{[^}]*\})|([^\\{]+)", re.S)


class Mismatch(AssertionError):
    pass


class Script:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        head, _, self.body = self.path.read_text().partition("\n\n")
        self.head = [tuple(part.strip() for part in line.split(":", 1)) for line in head.splitlines()
                     if line and not line.startswith("#")]

    def get(self, name, otherwise):
        return next((value for key, value in self.head if key == name), otherwise)

    @property
    def is_for_servers(self):
        return self.get("play", "both") == "both"

    def batches(self):
        """(octet texts that the client sends, what is expected then), in order."""
        sent, expected = [], []
        for line in self.body.split("\n"):
            if line[:1] == "C":
                if expected:
                    yield sent, expected
                    sent, expected = [], []
                sent.append((line[3:], line[1] == ":"))
            elif line[:1] in ("S", "E"):
                expected.append((line[:2], line[3:]))
        yield sent, expected


def scripts(protocol):
    """The scripts of a protocol that any server can play."""
    found = [Script(path) for path in sorted(FOLDER.glob(f"{protocol}-*.txt"))]
    return [script for script in found if script.is_for_servers]


def make_places(hostname, alice, password, bob, unknown, foreign):
    def coded(octets):
        return base64.b64encode(octets).decode()

    plain = b"\0" + alice.encode() + b"\0" + password.encode()
    return {"hostname": hostname, "alice": alice, "bob": bob, "unknown": unknown, "foreign": foreign,
            "alice.plain": coded(plain), "alice.name": coded(alice.encode()), "alice.password": coded(password.encode())}


def expand(text, places):
    out, at = b"", 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise ValueError(f"can't read {text[at:]!r}")
        hexa, escape, count, repeated, coded, place, plain = m.groups()
        if hexa:
            out += bytes([int(hexa, 16)])
        elif escape:
            out += ESCAPES[escape]
        elif count:
            out += repeated.encode() * int(count)
        elif coded is not None:
            out += base64.b64encode(coded.encode())
        elif place:
            out += places[place[1:-1]].encode()
        else:
            out += plain.encode()
        at = m.end()
    return out


class Wire:
    """A connection that can start TLS in its middle."""

    def __init__(self, host, port, tls=None, is_tls=False, timeout=20):
        self.tls, self.host, self.left = tls, host, b""
        self.socket = socket.create_connection((host, port), timeout)
        if is_tls:
            self.start_tls()

    def start_tls(self):
        if self.left:
            raise Mismatch(f"in the clear behind the last reply: {self.left!r}")
        self.socket = self.tls.wrap_socket(self.socket, server_hostname=self.host)

    def send(self, octets):
        self.socket.sendall(octets)

    def line(self):
        while b"\r\n" not in self.left:
            more = self.socket.recv(65536)
            if not more:
                raise Mismatch(f"closed in place of a line; left: {self.left!r}")
            self.left += more
        line, _, self.left = self.left.partition(b"\r\n")
        return line

    def is_at_end(self):
        try:
            return not self.left and not self.socket.recv(1)
        except (ConnectionResetError, ssl.SSLEOFError):
            return not self.left

    def close(self):
        self.socket.close()


def pattern_of(kind, text, places):
    if kind == "S~":
        return text.encode()
    return b".*".join(re.escape(expand(part, places)) for part in text.split("..."))


def expect(wire, kind, text, places):
    if kind == "E:":
        if text == "tls":
            wire.start_tls()
        elif text == "close" and not wire.is_at_end():
            raise Mismatch("not closed")
        return
    if kind == "S*":
        while True:
            line = wire.line()
            if not line.startswith(text.encode()):
                raise Mismatch(f"want {text}, got {line!r}")
            if line[3:4] != b"-":
                return
    line = wire.line()
    if not re.fullmatch(pattern_of(kind, text, places), line, re.S):
        raise Mismatch(f"want {text!r}, got {line!r}")


def play(script, connect, places):
    """Raises Mismatch when the server says something else."""
    wire = connect(script.get("service", "smtp"), script.get("tls", "none"))
    said = "(greeting)"
    try:
        for sent, expected in script.batches():
            octets = b"".join(expand(text, places) + (b"\r\n" if is_line else b"") for text, is_line in sent)
            said = octets[:200] or said
            wire.send(octets)
            for kind, text in expected:
                expect(wire, kind, text, places)
    except Mismatch as error:
        raise Mismatch(f"{script.path.name}, after {said!r}: {error}") from None
    finally:
        wire.close()


def main(host, port, *paths):
    places = make_places("...", "alice@example.com", "wonderland", "bob@example.com", "nobody@example.com",
                         "someone@elsewhere.example")
    for path in paths:
        play(Script(path), lambda service, tls: Wire(host, int(port)), places)
        print("ok", path)


if __name__ == "__main__":
    main(*sys.argv[1:])
