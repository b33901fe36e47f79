"""Addresses that entries of a real slapd claim: whose they are, and where groups lead."""
import smtplib

from conftest import wait_until
from test_ldap import ldap, log_in, recipient, refusal, running  # noqa: F401: ldap is a fixture
from slapd import SUFFIX


def files(server, name):
    return [p for sub in ("new", "cur") for p in (server.mail / "amerique.iut" / name / "mailbox" / sub).glob("*")]


def test_an_entry_that_claims_anothers_address_gets_neither_mail_nor_log_ins(ldap):
    ldap.slapd.add_user("mallory", ["younes.bensyed@amerique.iut", "mallory@amerique.iut"], "mine")
    [taken] = wait_until(lambda: ldap.events("address.taken"), 10, "the claim")
    assert taken["kept"] == f"uid=ybensyed,{SUFFIX}" and taken["left_out"] == f"uid=mallory,{SUFFIX}"
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "younes.bensyed", "mine")
    log_in(ldap, "younes.bensyed", "azerty").logout()
    ldap.send("for younes", to="younes.bensyed")
    assert files(ldap, "ybensyed") and not files(ldap, "mallory")
    # The claim outlives a restart, and so does whose the address is.
    assert ldap.stop() == 0
    ldap.start()
    log_in(ldap, "younes.bensyed", "azerty").logout()
    ldap.slapd.delete("ybensyed")
    wait_until(lambda: "AUTHENTICATIONFAILED" not in refusal_or_ok(ldap, "younes.bensyed", "mine"), 10, "the address to be free")


def refusal_or_ok(server, name, password):
    try:
        log_in(server, name, password).logout()
        return ""
    except Exception as e:
        return str(e)


def test_a_further_address_gives_way_to_an_account(ldap):
    ldap.slapd.add_user("mallory", ["mallory@amerique.iut", "younes.bensyed@amerique.iut", "younes@amerique.iut"], "mine")
    wait_until(lambda: recipient(ldap, "mallory") == 250, 10, "the account")
    for name in ("younes.bensyed", "younes"):
        ldap.send("not for mallory", to=name)
    assert len(files(ldap, "ybensyed")) == 2 and not files(ldap, "mallory")
    with smtplib.SMTP("localhost", ldap.ports["submission"], timeout=30) as s:
        s.starttls(context=ldap.tls())
        s.login("mallory@amerique.iut", "mine")
        assert s.mail("younes@amerique.iut")[0] == 553


def test_no_entry_is_given_all_other_addresses_of_a_domain(ldap):
    ldap.slapd.add_user("mallory", ["mallory@amerique.iut", "@amerique.iut"], "mine")
    wait_until(lambda: recipient(ldap, "mallory") == 250, 10, "the account")
    assert recipient(ldap, "nobody") == 550
    assert ldap.events("entry.value")


def test_a_value_that_is_too_long_is_left_out_and_the_rest_is_read(ldap):
    ldap.slapd.add_user("long", ["long@amerique.iut", "x" * 70000 + "@amerique.iut"], "x", "description: " + "y" * 70000)
    wait_until(lambda: recipient(ldap, "long") == 250, 10, "the account")
    assert ldap.events("entry.value")[0]["attribute"] == "mail"
    ldap.slapd.add_user("longer", "z" * 70000 + "@amerique.iut", "x")
    ldap.slapd.add_user("last", "last@amerique.iut", "x")
    wait_until(lambda: recipient(ldap, "last") == 250, 10, "the account behind it")
