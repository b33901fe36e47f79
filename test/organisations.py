"""Two organisations, each in a network namespace of its own with its own loopback: amerique.iut at 198.51.100.1 and afrique.iut at
198.51.100.2, a cable between them, and a DNS server (nsd) on the loopback of each that knows both.

    with two_organisations() as (amerique, afrique):
        with amerique.inside():
            ...  # what is started or connected in here is on amerique's machine

A House is an organisation's Mermoz, with its accounts.
"""
import contextlib
import ctypes
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile

import pytest

from conftest import DOMAIN, PASSWORDS, Server, wait_until
from nameserver import Nsd, Unbound, put_name, sign_zone

CLONE_NEWNET = 0x40000000
REVERSE = "100.51.198.in-addr.arpa."


def set_namespace(fd):
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


class Organisation:
    def __init__(self, name, number):
        self.name, self.domain, self.host = name, f"{name}.iut", f"mail.{name}.iut"
        self.address, self.address_ipv6 = f"198.51.100.{number}", f"2001:db8::{number}"
        self.namespace = f"mermoz-{os.getpid()}-{name}"
        self.cable = f"mz{os.getpid() % 10**7}{name[:2]}"
        self.nsd = self.unbound = None
        self.resolver = "127.0.0.1"

    @contextlib.contextmanager
    def inside(self):
        """This thread, and the processes that it starts, are in the organisation's namespace."""
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.namespace}") as there:
            set_namespace(there.fileno())
            try:
                yield self
            finally:
                set_namespace(before.fileno())

    def zone(self):
        return f"""@ IN SOA ns hostmaster 1 3600 900 604800 60
@ IN NS ns
@ IN MX 10 mail
ns IN A {self.address}
mail IN A {self.address}
mail IN AAAA {self.address_ipv6}
"""

    def plug_in(self):
        ip("link", "set", self.cable, "netns", self.namespace)
        for words in (["link", "set", "lo", "up"], ["address", "add", f"{self.address}/24", "dev", self.cable],
                      ["-6", "address", "add", f"{self.address_ipv6}/64", "dev", self.cable, "nodad"], ["link", "set", self.cable, "up"]):
            ip("-n", self.namespace, *words)

    def start_nsd(self, directory, zones):
        self.nsd = Nsd(f"{directory}/nsd-{self.name}", zones)
        with self.inside():
            self.nsd.start()
        wait_until(lambda: self.resolves(self.host), 30, f"the start of nsd at {self.domain}")

    def start_unbound(self, directory, zones, anchors):
        self.unbound = Unbound(f"{directory}/unbound-{self.name}", zones, anchors)
        self.resolver = f"127.0.0.1:{self.unbound.port}"
        with self.inside():
            self.unbound.start()
        wait_until(lambda: self.resolves(self.host, self.unbound), 30, f"the start of unbound at {self.domain}")

    def serve(self, texts):
        """texts: {file: what nsd's zone is from now on}.  The resolver forgets what it heard before."""
        for server in (self.unbound, self.nsd):
            server.stop()
        for file, text in texts.items():
            file.write_text(text)
        for server in (self.nsd, self.unbound):
            with self.inside():
                server.start()
            wait_until(lambda s=server: self.resolves(self.host, s), 30, f"the start of DNS at {self.domain}")

    @contextlib.contextmanager
    def with_zones(self, change):
        """The organisation's DNS, which is signed, says what change(text) makes of each zone."""
        texts = {file: file.read_text() for file in self.nsd.directory.glob("*.zone")}
        self.serve({file: change(text) for file, text in texts.items()})
        try:
            yield
        finally:
            self.serve(texts)

    def add_address(self, number):
        """One more address of the machine."""
        address = f"198.51.100.{number}"
        ip("-n", self.namespace, "address", "add", f"{address}/24", "dev", self.cable)
        return address

    def resolves(self, name, server=None):
        """Does the DNS server on the loopback say something of that name?"""
        server = server or self.nsd
        assert server.process.poll() is None, (server.directory / "log").read_text()
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            s.connect(("127.0.0.1", server.port))
            s.send(b"\0\1\1\0\0\1\0\0\0\0\0\0" + put_name(name) + b"\0\1\0\1")
            try:
                answer = s.recv(4096)
            except OSError:
                return False
            return answer[3] & 15 == 0 and answer[7] > 0

    def leave(self):
        for server in (self.nsd, self.unbound):
            if server:
                server.stop()
        ip("netns", "delete", self.namespace, check=False)  # with the cable's end in it
        ip("link", "delete", self.cable, check=False)


class Mermoz(Server):
    """A Mermoz of an organisation, at its address and with the ports that everybody knows."""

    def __init__(self, organisation, directory, extra="", certificate=None):
        self.organisation, self.certificate = organisation, certificate
        super().__init__(directory, extra)

    def make_certificate(self):
        if not self.certificate:
            super().make_certificate()
            return
        shutil.copy(self.certificate.chain, self.directory / "cert.pem")
        shutil.copy(self.certificate.key, self.directory / "key.pem")

    def write_conf(self):
        self.ports = {"smtp": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993}
        super().write_conf()
        text = self.conf.read_text().replace("127.0.0.1:", f"{self.organisation.address}:").replace(DOMAIN, self.organisation.domain)
        self.conf.write_text(text + f"resolver {self.organisation.resolver};\n")

    def start(self):
        with self.organisation.inside():
            return super().start()


class House:
    """An organisation's Mermoz with its accounts, and what is in their mailboxes."""

    def __init__(self, organisation, *names, extra="", certificate=None):
        self.organisation = organisation
        self.directory = tempfile.mkdtemp(prefix="mermoz-test-")
        os.chmod(self.directory, 0o755)
        self.server = Mermoz(organisation, self.directory, extra, certificate)
        for name in names:
            self.server.cli("user", "add", f"{name}@{organisation.domain}", stdin=PASSWORDS[name] + "\n")
        self.server.start()

    def mails(self, name, subject):
        """The texts in somebody's INBOX that say this."""
        mailbox = self.server.mail / self.organisation.domain / name / "mailbox"
        texts = [p.read_text() for sub in ("new", "cur") for p in (mailbox / sub).glob("*")]
        return [t for t in texts if subject in t]

    def submit(self, name, to, subject, body="body", options=()):
        with self.organisation.inside(), smtplib.SMTP(self.organisation.address, 587, timeout=30) as s:
            context = self.server.tls()
            context.check_hostname = False
            s.starttls(context=context)
            s.login(f"{name}@{self.organisation.domain}", PASSWORDS[name])
            s.sendmail(f"{name}@{self.organisation.domain}", [to], f"To: {to}\r\nSubject: {subject}\r\n\r\n{body}\r\n", options)

    def sent(self, to):
        """What the relay says of the mail that a server took for that address."""
        return [e for e in self.server.events("relay.sent") if e["rcpt"] == to]

    def deferred(self, to):
        return [e for e in self.server.events("queue.deferred") if e["recipient"] == to]

    def leave(self):
        died = self.server.end()
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not died, died


def require_namespaces():
    if os.geteuid() != 0:
        pytest.skip("network namespaces are made by root only")
    if not shutil.which("ip"):
        pytest.skip("the command `ip` (Debian's iproute2) is not installed")


def make_namespaces(*organisations):
    for o in organisations:
        made = ip("netns", "add", o.namespace, check=False)
        if made.returncode:
            pytest.skip(f"network namespaces can't be made here: {made.stderr.strip()}")
    one, two = organisations
    made = ip("link", "add", one.cable, "type", "veth", "peer", "name", two.cable, check=False)
    if made.returncode:
        pytest.skip(f"network namespaces can't be connected here: {made.stderr.strip()}")
    for o in organisations:
        o.plug_in()


def sign_zones(directory, zones):
    """Signs them, in place; gives their DS records."""
    anchors = []
    for origin in zones:
        zones[origin], anchor = sign_zone(f"{directory}/{origin}", origin, zones[origin])
        anchors.append(anchor)
    return anchors


@contextlib.contextmanager
def two_organisations(records=None, is_signed=False):
    """records: {name: more of the organisation's zone}.  is_signed: DNSSEC, and a resolver on each machine that validates."""
    require_namespaces()
    organisations = Organisation("amerique", 1), Organisation("afrique", 2)
    directory = tempfile.mkdtemp(prefix="mermoz-organisations-")
    os.chmod(directory, 0o755)
    zones = {f"{o.domain}.": o.zone() + (records or {}).get(o.name, "") for o in organisations}
    zones[REVERSE] = "@ IN SOA ns.amerique.iut. hostmaster.amerique.iut. 1 3600 900 604800 60\n@ IN NS ns.amerique.iut.\n" + \
        "".join(f"{o.address.rsplit('.')[-1]} IN PTR {o.host}.\n" for o in organisations)
    try:
        make_namespaces(*organisations)
        anchors = sign_zones(directory, zones) if is_signed else []
        for o in organisations:
            o.start_nsd(directory, zones)
            if is_signed:
                o.start_unbound(directory, zones, anchors)
        yield organisations
    finally:
        for o in organisations:
            o.leave()
        shutil.rmtree(directory, ignore_errors=True)
