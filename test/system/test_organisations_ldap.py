"""The document's last test: two organisations, each with its slapd and signed zones; mail goes there and the reply comes back, also while LDAP is away."""
import contextlib
import json
import os

import pytest

from conftest import PASSWORDS, wait_until
from organisations import House, two_organisations
from slapd import ADMIN, PROGRAM, SECRET, SUFFIX, Slapd

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")
PORT = 389
DIRECTORY = f"""directory ldap {{
    server ldap://localhost:{PORT};
    base {SUFFIX};
    bind {ADMIN} file:%s/secret;
    users (objectClass=inetOrgPerson);
    timeout 2s;
}}
queue {{ retry_first 1s; retry_most 1s; }}
"""
# uid and the local part of the address differ, as in the document.
PEOPLE = {"amerique": ("alice", "ybensyed"), "afrique": ("bob", "kkoffi")}


class LdapHouse(House):
    """An organisation's Mermoz, whose one account is in a slapd on its loopback."""

    def __init__(self, organisation, directory, certificate, extra=""):
        self.name, uid = PEOPLE[organisation.name]
        self.address = f"{self.name}@{organisation.domain}"
        self.slapd = Slapd(directory / organisation.name, PORT, None)
        (directory / "secret").write_text(SECRET + "\n")
        with organisation.inside():
            self.slapd.start()
            self.slapd.add_user(uid, self.address, PASSWORDS[self.name])
        super().__init__(organisation, extra=DIRECTORY % directory + extra, certificate=certificate)
        wait_until(self.has_accounts, 20, "the first reading")

    def has_accounts(self):
        return json.loads(self.server.cli("directory", "status", "--json").stdout)["accounts"]

    def leave(self):
        try:
            super().leave()
        finally:
            self.slapd.stop()


@contextlib.contextmanager
def ldap_houses(directory, records, certificates, extra=None):
    """Of each organisation: records of its zone, its certificate, more of its configuration."""
    with two_organisations(records, is_signed=True) as both, contextlib.ExitStack() as stack:
        made = []
        for o in both:
            made.append(LdapHouse(o, directory, certificates[o.name], (extra or {}).get(o.name, "")))
            stack.callback(made[-1].leave)
        yield made


@contextlib.contextmanager
def houses_with_dane(directory, authority):
    certificates = {name: authority.sign(f"mail.{name}.iut") for name in PEOPLE}
    records = {name: f"_25._tcp.mail IN TLSA {certificates[name].tlsa()}\n" for name in PEOPLE}
    with ldap_houses(directory, records, certificates) as made:
        yield made


@pytest.fixture(scope="module")
def houses(authority, tmp_path_factory):
    with houses_with_dane(tmp_path_factory.mktemp("slapd"), authority) as made:
        yield made


def goes(here, there, subject):
    """From the one's account to the other's, by DANE."""
    before = len(here.sent(there.address))
    here.submit(here.name, there.address, subject)
    [mail] = wait_until(lambda: there.mails(there.name, f"Subject: {subject}"), 60, "the mail's arrival")
    assert f"Return-Path: <{here.address}>" in mail and "ESMTPS" in mail
    [sent] = wait_until(lambda: here.sent(there.address)[before:], 10, "the event")
    assert (sent["level"], sent["cause"]) == ("dane", "dane")


def test_mail_goes_there_and_the_reply_comes_back(houses):
    amerique, afrique = houses
    goes(amerique, afrique, "over the sea")
    goes(afrique, amerique, "Re: over the sea")


def test_an_address_that_the_other_ldap_does_not_have_comes_back_as_a_report(houses):
    amerique, afrique = houses
    amerique.submit(amerique.name, f"nobody@{afrique.organisation.domain}", "to nobody")
    [report] = wait_until(lambda: amerique.mails(amerique.name, f"nobody@{afrique.organisation.domain}"), 60, "the report")
    assert "Action: failed" in report and "Status: 5.1.1" in report


def test_both_ldap_servers_may_be_away_meanwhile(houses):
    amerique, afrique = houses
    for house in houses:
        house.slapd.stop()
    try:
        for house in houses:
            wait_until(lambda h=house: "away" in h.server.cli("directory", "status").stdout, 20, "the outage")
        goes(amerique, afrique, "without LDAP")
        goes(afrique, amerique, "Re: without LDAP")
        amerique.submit(amerique.name, f"new@{afrique.organisation.domain}", "to somebody new")
        wait_until(lambda: amerique.deferred(f"new@{afrique.organisation.domain}"), 60, "the first attempt's end")
    finally:
        for house in houses:
            with house.organisation.inside():
                house.slapd.start()
    with afrique.organisation.inside():
        afrique.slapd.add_user("new", f"new@{afrique.organisation.domain}", "azerty")
    wait_until(lambda: afrique.mails("new", "Subject: to somebody new"), 60, "the arrival of what waited for LDAP")
