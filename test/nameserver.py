"""DNS servers of a test's own: Debian's nsd with zones, unbound, which validates, and one that says what the test wants it to."""
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import threading

import pytest

PROGRAM, UNBOUND = "/usr/sbin/nsd", "/usr/sbin/unbound"
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}


class Nsd:
    """zones: {origin: text behind $ORIGIN and $TTL}."""

    def __init__(self, directory, zones, address="127.0.0.1", port=53):
        if not os.path.exists(PROGRAM):
            pytest.skip("nsd is not installed")
        self.directory, self.address, self.port = pathlib.Path(directory), address, port
        self.process = None
        self.directory.mkdir(parents=True, exist_ok=True)
        lines = ["server:", f'  ip-address: {address}@{port}', f'  zonesdir: "{self.directory}"', '  database: ""', '  username: ""',
                 '  chroot: ""', f'  pidfile: "{self.directory}/nsd.pid"', '  xfrdfile: ""', f'  zonelistfile: "{self.directory}/zone.list"',
                 '  server-count: 1', "  round-robin: no", "  minimal-responses: yes", "remote-control:", "  control-enable: no"]
        for n, (origin, text) in enumerate(zones.items()):
            (self.directory / f"{n}.zone").write_text(f"$ORIGIN {origin}\n$TTL 300\n{text}\n")
            lines += ["zone:", f'  name: "{origin}"', f'  zonefile: "{n}.zone"']
        (self.directory / "nsd.conf").write_text("\n".join(lines) + "\n")

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-d", "-c", str(self.directory / "nsd.conf")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        self.process = None


class Unbound:
    """A resolver that validates: asks `server` for these zones, and believes what anchors (DS records) lead to."""

    def __init__(self, directory, zones, anchors, server="127.0.0.1@53", port=5300):
        if not os.path.exists(UNBOUND):
            pytest.skip("unbound is not installed")
        self.directory, self.port, self.process = pathlib.Path(directory), port, None
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "anchors").write_text("".join(anchors))
        # Under a name of its own: AppArmor's profile of Debian's keeps the packaged one from reading our files.
        self.program = shutil.copy(UNBOUND, self.directory / "validator")
        lines = ["server:", f"  interface: 127.0.0.1@{port}", "  do-not-query-localhost: no", '  chroot: ""', '  username: ""', '  pidfile: ""',
                 f'  directory: "{self.directory}"', f'  trust-anchor-file: "{self.directory}/anchors"', "  use-syslog: no", '  logfile: ""',
                 '  module-config: "validator iterator"', "  num-threads: 1", "  do-ip6: no"]
        lines += [f'  local-zone: "{z}" nodefault' for z in zones if z.endswith(".arpa.")]
        for zone in zones:
            lines += ["stub-zone:", f'  name: "{zone}"', f"  stub-addr: {server}"]
        (self.directory / "unbound.conf").write_text("\n".join(lines + ["remote-control:", "  control-enable: no"]) + "\n")

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([self.program, "-d", "-c", str(self.directory / "unbound.conf")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    stop = Nsd.stop


def sign_zone(directory, origin, text):
    """(the zone as it is signed, its DS record)"""
    if not shutil.which("ldns-signzone"):
        pytest.skip("ldns-signzone (Debian's ldnsutils) is not installed")
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", origin], cwd=directory, check=True, capture_output=True,
                         text=True).stdout.strip()
    (directory / "zone").write_text(f"$ORIGIN {origin}\n$TTL 300\n{text}\n")
    subprocess.run(["ldns-signzone", "-f", "signed", "zone", key], cwd=directory, check=True, capture_output=True)
    return (directory / "signed").read_text(), (directory / f"{key}.ds").read_text()


def soa(minimum=60):
    return f"@ IN SOA ns hostmaster 1 3600 900 604800 {minimum}\n@ IN NS ns\nns IN A 127.0.0.1\n"


# Packets

def put_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(name, kind, data, ttl=300):
    if kind == "A":
        data = socket.inet_aton(data)
    elif kind in ("CNAME", "PTR"):
        data = put_name(data)
    elif kind == "MX":
        data = struct.pack(">H", data[0]) + put_name(data[1])
    elif kind == "SOA":
        data = put_name("ns.example") + put_name("hostmaster.example") + struct.pack(">5I", 1, 3600, 900, 604800, data)
    return put_name(name) + struct.pack(">HHIH", TYPES[kind], 1, ttl, len(data)) + data


class Query:
    def __init__(self, packet, transport, port):
        self.packet, self.transport, self.port = packet, transport, port
        self.id, self.flags, self.questions, _, _, self.additional = struct.unpack_from(">6H", packet)
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        self.name = ".".join(labels)
        self.type, = struct.unpack_from(">H", packet, at + 1)
        self.question = packet[12:at + 5]
        self.rest = packet[at + 5:]

    def answer(self, *answers, rcode=0, authorities=(), flags=0, id_=None, question=None):
        return struct.pack(">6H", self.id if id_ is None else id_, 0x8180 | flags | rcode, 1, len(answers), len(authorities), 0) + \
            (question or self.question) + b"".join(answers) + b"".join(authorities)


AD, TC = 0x20, 0x200
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5


class Fake:
    """say(query) gives the packet to answer with, or a list of them, or None for none.  One answer after the other."""

    def __init__(self, say, address="127.0.0.1", port=0):
        self.say, self.queries = say, []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.tcp = socket.create_server((address, port), family=family)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        self.ended, self.end = os.pipe()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            ready, _, _ = select.select([self.udp, self.tcp, self.ended], [], [])
            if self.ended in ready:
                return
            if self.udp in ready:
                packet, source = self.udp.recvfrom(65535)
                for answer in self.answers(Query(packet, "udp", source[1])):
                    self.udp.sendto(answer, source)
            if self.tcp in ready:
                self.serve_tcp(self.tcp.accept()[0])

    def serve_tcp(self, connection):
        with connection:
            connection.settimeout(10)
            stream = connection.makefile("rb")
            length, = struct.unpack(">H", stream.read(2))
            for answer in self.answers(Query(stream.read(length), "tcp", connection.getpeername()[1])):
                connection.sendall(struct.pack(">H", len(answer)) + answer)

    def answers(self, query):
        self.queries.append(query)
        said = self.say(query)
        return [] if said is None else said if isinstance(said, list) else [said]

    def asked(self, name):
        return [q for q in self.queries if q.name == name]

    def close(self):
        os.write(self.end, b"x")
        self.thread.join(10)
        for s in (self.udp, self.tcp):
            s.close()
        os.close(self.end)
        os.close(self.ended)
