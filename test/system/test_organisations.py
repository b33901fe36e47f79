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
from organisations import House, Mermoz, two_organisations
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
        died = server.end()
        shutil.rmtree(directory, ignore_errors=True)
    assert not died, died


@pytest.fixture(scope="module")
def houses(organisations):
    made = [House(organisations[0], "alice", extra="queue { retry_first 1s; }\n"), House(organisations[1], "bob", extra="queue { retry_first 1s; }\n")]
    yield made
    for h in made:
        h.leave()


def test_mail_goes_to_the_other_organisation_and_the_reply_comes_back(houses):
    amerique, afrique = houses
    amerique.submit("alice", f"bob@{afrique.organisation.domain}", "over the sea")
    [mail] = wait_until(lambda: afrique.mails("bob", "Subject: over the sea"), 60, "the mail's arrival")
    assert f"Return-Path: <alice@{amerique.organisation.domain}>" in mail
    afrique.submit("bob", f"alice@{amerique.organisation.domain}", "Re: over the sea")
    [reply] = wait_until(lambda: amerique.mails("alice", "Subject: Re: over the sea"), 60, "the reply's arrival")
    # RFC 3207: both offer STARTTLS, so nothing of it crossed the cable in the clear.
    assert "ESMTPS" in mail and "ESMTPS" in reply
    for house, to in ((amerique, f"bob@{afrique.organisation.domain}"), (afrique, f"alice@{amerique.organisation.domain}")):
        [sent] = wait_until(lambda: house.sent(to), 10, "the event")
        assert (sent["level"], sent["cause"]) == ("may", "default") and sent["tls"].startswith("TLSv1.3")


def test_a_mail_to_nobody_there_comes_back_as_a_report(houses):
    amerique, afrique = houses
    amerique.submit("alice", f"nobody@{afrique.organisation.domain}", "to nobody")
    [report] = wait_until(lambda: amerique.mails("alice", f"nobody@{afrique.organisation.domain}"), 60, "the report")
    assert "Action: failed" in report and "Status: 5.1.1" in report and "Return-Path: <>" in report


def test_a_domain_that_does_not_exist_is_reported_at_once_rfc5321_5_1(houses):
    amerique, _ = houses
    amerique.submit("alice", "someone@nowhere.afrique.iut", "to nowhere")
    [report] = wait_until(lambda: amerique.mails("alice", "someone@nowhere.afrique.iut"), 60, "the report")
    assert "Status: 5.1.2" in report


def test_mail_waits_while_the_other_server_is_down_and_while_dns_is_away(houses):
    amerique, afrique = houses
    afrique.server.stop()
    amerique.submit("alice", f"bob@{afrique.organisation.domain}", "while you slept")
    wait_until(lambda: amerique.server.events("queue.deferred"), 60, "the first attempt's end")
    amerique.organisation.nsd.stop()
    afrique.server.start()
    amerique.submit("alice", "someone@unasked.afrique.iut", "nobody can tell")
    wait_until(lambda: [e for e in amerique.server.events("queue.deferred") if e["recipient"] == "someone@unasked.afrique.iut"], 90,
               "the attempt without DNS")
    assert not amerique.mails("alice", "someone@unasked.afrique.iut")  # our own trouble makes no report
    with amerique.organisation.inside():
        amerique.organisation.nsd.start()
    wait_until(lambda: afrique.mails("bob", "Subject: while you slept"), 120, "the mail's arrival")
    wait_until(lambda: amerique.mails("alice", "someone@unasked.afrique.iut"), 120, "the report on a domain that is not there")
