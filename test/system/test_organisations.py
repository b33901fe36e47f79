"""Two organisations on machines of their own (network namespaces): DNS leads from one to the other, and mail comes in."""
import contextlib
import os
import shutil
import smtplib
import socket
import struct
import tempfile

import pytest

from conftest import PASSWORDS, wait_until
from nameserver import AD, Fake, record
from organisations import Mermoz, two_organisations
from test_resolver import FOUND, NO_NAME, names, resolving


@pytest.fixture(scope="module")
def organisations():
    with two_organisations() as both:
        yield both


def test_each_finds_the_other_in_dns(organisations):
    for here, there in (organisations, organisations[::-1]):
        with here.inside(), resolving("127.0.0.1") as r:
            assert names(r.ask("MX", there.domain)["records"], "<H") == [(10, there.host)]
            assert r.ask("A", there.host)["records"] == socket.inet_aton(there.address)
            assert r.ask("AAAA", there.host)["records"] == socket.inet_pton(socket.AF_INET6, there.address_ipv6)
            reverse = ".".join(there.address.split(".")[::-1]) + ".in-addr.arpa"
            assert names(r.ask("PTR", reverse)["records"], "") == [(there.host,)]
            assert r.ask("MX", f"nobody.{there.domain}")["answer"] == NO_NAME


@contextlib.contextmanager
def signing(organisation):
    """A DNS server of theirs that calls everything authentic."""
    with organisation.inside():
        fake = Fake(lambda q: q.answer(record(q.name, "A", "192.0.2.1"), flags=AD), address=organisation.address)
    try:
        yield f"{organisation.address}:{fake.port}"
    finally:
        fake.close()


def test_ad_of_another_machine_counts_only_when_it_is_trusted_rfc4035_3_2_3(organisations):
    amerique, afrique = organisations
    with signing(afrique) as server, amerique.inside():
        with resolving(server) as r:
            answer = r.ask("A", "a.example")
            assert answer["answer"] == FOUND and answer["is_authentic"] == 0
        with resolving(f"{server} trusted") as r:
            assert r.ask("A", "a.example")["is_authentic"] == 1


def test_mail_comes_in_from_the_other_machine(organisations):
    amerique, afrique = organisations
    directory = tempfile.mkdtemp(prefix="mermoz-test-")
    os.chmod(directory, 0o755)
    server = Mermoz(amerique, directory)
    try:
        server.cli("user", "add", f"bob@{amerique.domain}", stdin=PASSWORDS["bob"] + "\n")
        server.start()
        with afrique.inside(), smtplib.SMTP(amerique.address, 25, timeout=30) as s:
            s.sendmail(f"alice@{afrique.domain}", [f"bob@{amerique.domain}"], "Subject: over the sea\r\n\r\nbody\r\n")
        [file] = server.files("bob")
        assert f"[{afrique.address}]" in file.read_text()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
