"""Two organisations, each in a network namespace of its own with its own loopback: amerique.iut at 198.51.100.1 and afrique.iut at
198.51.100.2, a cable between them, and a DNS server (nsd) on the loopback of each that knows both.

    with two_organisations() as (amerique, afrique):
        with amerique.inside():
            ...  # what is started or connected in here is on amerique's machine
"""
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from conftest import DOMAIN, Server, wait_until
from nameserver import Nsd, put_name

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
        self.nsd = None

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

    def resolves(self, name):
        """Does the DNS server on the loopback say something of that name?"""
        assert self.nsd.process.poll() is None, (self.nsd.directory / "log").read_text()
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            s.connect(("127.0.0.1", 53))
            s.send(b"\0\1\1\0\0\1\0\0\0\0\0\0" + put_name(name) + b"\0\1\0\1")
            try:
                answer = s.recv(4096)
            except OSError:
                return False
            return answer[3] & 15 == 0 and answer[7] > 0

    def leave(self):
        if self.nsd:
            self.nsd.stop()
        ip("netns", "delete", self.namespace, check=False)  # with the cable's end in it
        ip("link", "delete", self.cable, check=False)


class Mermoz(Server):
    """A Mermoz of an organisation, at its address and with the ports that everybody knows."""

    def __init__(self, organisation, directory, extra=""):
        self.organisation = organisation
        super().__init__(directory, extra)

    def write_conf(self):
        self.ports = {"smtp": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993}
        super().write_conf()
        text = self.conf.read_text().replace("127.0.0.1:", f"{self.organisation.address}:").replace(DOMAIN, self.organisation.domain)
        self.conf.write_text(text + "resolver 127.0.0.1;\n")

    def start(self):
        with self.organisation.inside():
            return super().start()


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


@contextlib.contextmanager
def two_organisations():
    require_namespaces()
    organisations = Organisation("amerique", 1), Organisation("afrique", 2)
    directory = tempfile.mkdtemp(prefix="mermoz-organisations-")
    os.chmod(directory, 0o755)
    zones = {f"{o.domain}.": o.zone() for o in organisations}
    zones[REVERSE] = "@ IN SOA ns.amerique.iut. hostmaster.amerique.iut. 1 3600 900 604800 60\n@ IN NS ns.amerique.iut.\n" + \
        "".join(f"{o.address.rsplit('.')[-1]} IN PTR {o.host}.\n" for o in organisations)
    try:
        make_namespaces(*organisations)
        for o in organisations:
            o.start_nsd(directory, zones)
        yield organisations
    finally:
        for o in organisations:
            o.leave()
        shutil.rmtree(directory, ignore_errors=True)
