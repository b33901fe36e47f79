"""DANE between two organisations with signed zones (RFC 7672): what a resolver that validates calls authentic decides how mail goes."""
import pytest

from conftest import wait_until
from organisations import House, two_organisations
from peer import Peer

EXTRA = "queue { retry_first 1s; }\noutgoing_tls verified.afrique.iut verify;\noutgoing_ca %s;\n"
WRONG = "3 1 1 " + "00" * 32


@pytest.fixture(scope="module")
def certificates(authority):
    return {"amerique": authority.sign("mail.amerique.iut"), "afrique": authority.sign("mail.afrique.iut"),
            "expired": authority.sign_expired("mx.expired.afrique.iut", "verified.afrique.iut")}


@pytest.fixture(scope="module")
def organisations(certificates):
    records = {name: f"_25._tcp.mail IN TLSA {certificates[name].tlsa()}\n" for name in ("amerique", "afrique")}
    records["afrique"] += f"""
tampered IN MX 10 mx.tampered
mx.tampered IN A 198.51.100.2
_25._tcp.mx.tampered IN TLSA {WRONG}
expired IN MX 10 mx.expired
mx.expired IN A 198.51.100.30
_25._tcp.mx.expired IN TLSA {certificates['expired'].tlsa()}
verified IN MX 10 mx.verified
mx.verified IN A 198.51.100.30
alias IN MX 10 mx.alias
mx.alias IN CNAME mail
unused IN MX 10 mx.unused
mx.unused IN A 198.51.100.2
"""
    with two_organisations(records, is_signed=True) as both:
        yield both


@pytest.fixture(scope="module")
def houses(organisations, certificates, authority):
    made = [House(o, name, extra=EXTRA % authority.file, certificate=certificates[o.name])
            for o, name in zip(organisations, ("alice", "bob"))]
    yield made
    for h in made:
        h.leave()


@pytest.fixture(scope="module")
def expired(organisations, certificates):
    """A server of afrique.iut whose certificate was good in 2020."""
    afrique = organisations[1]
    with afrique.inside():
        peer = Peer(afrique.add_address(30), 25, certificates["expired"].context())
    yield peer
    peer.leave()


def test_mail_goes_both_ways_by_dane_rfc7672_2_2(houses):
    for here, there, name, to in ((houses[0], houses[1], "alice", "bob"), (houses[1], houses[0], "bob", "alice")):
        address = f"{to}@{there.organisation.domain}"
        here.submit(name, address, f"by DANE to {to}")
        [mail] = wait_until(lambda: there.mails(to, f"Subject: by DANE to {to}"), 60, "the mail's arrival")
        assert "ESMTPS" in mail
        [sent] = wait_until(lambda: here.sent(address), 10, "the event")
        assert (sent["level"], sent["cause"]) == ("dane", "dane")


def refused(house, address):
    """What the relay says of the mail that a server refused for that address, over a connection that is protected as that says."""
    return wait_until(lambda: [e for e in house.server.events("relay.refused") if e["rcpt"] == address], 60, "the answer")[0]


def test_tlsa_records_are_found_where_an_alias_leads_rfc7672_2_2_3(houses):
    houses[0].submit("alice", "bob@alias.afrique.iut", "by an alias")
    event = refused(houses[0], "bob@alias.afrique.iut")  # afrique does not know that domain
    assert (event["level"], event["cause"]) == ("dane", "dane")


def test_without_tlsa_records_a_signed_domain_gets_what_it_offers_rfc7672_2_1(houses):
    amerique, afrique = houses
    amerique.submit("alice", "bob@unused.afrique.iut", "no records")
    event = refused(amerique, "bob@unused.afrique.iut")
    assert (event["level"], event["cause"]) == ("may", "default") and event["tls"].startswith("TLSv1.3")


def test_mail_waits_while_tlsa_records_are_not_the_certificates_rfc7672_2_2(houses):
    amerique, _ = houses
    amerique.submit("alice", "bob@tampered.afrique.iut", "tampered")
    wait_until(lambda: amerique.deferred("bob@tampered.afrique.iut"), 60, "the first attempt's end")
    assert "certificate is not trusted" in amerique.deferred("bob@tampered.afrique.iut")[0]["reply"]
    failed = [e for e in amerique.server.events("tls.failed") if "mx.tampered" in e["server"]]
    assert (failed[0]["level"], failed[0]["cause"], failed[0]["next"]) == ("dane", "dane", "later")
    assert not amerique.sent("bob@tampered.afrique.iut") and not amerique.mails("alice", "bob@tampered.afrique.iut")


def test_with_dane_ee_the_dates_of_a_certificate_do_not_count_rfc7671_5_1(houses, expired):
    houses[0].submit("alice", "carol@expired.afrique.iut", "old but right")
    wait_until(lambda: "old but right" in expired.subjects(), 60, "the mail's arrival")
    [sent] = wait_until(lambda: houses[0].sent("carol@expired.afrique.iut"), 10, "the event")
    assert (sent["level"], sent["cause"]) == ("dane", "dane")


def test_for_verify_an_expired_certificate_makes_mail_wait_rfc5280_6_1_3(houses, expired):
    houses[0].submit("alice", "carol@verified.afrique.iut", "too old")
    [first, *_] = wait_until(lambda: houses[0].deferred("carol@verified.afrique.iut"), 60, "the first attempt's end")
    assert "certificate has expired" in first["reply"]
    failed = [e for e in houses[0].server.events("tls.failed") if "mx.verified" in e["server"]]
    assert (failed[0]["level"], failed[0]["cause"], failed[0]["failure"]) == ("verify", "outgoing_tls", "certificate-expired")
    assert "too old" not in expired.subjects()


def test_requiretls_goes_by_dane_rfc8689_4_2_1(houses):
    amerique, afrique = houses
    before = len(amerique.sent("bob@afrique.iut"))
    amerique.submit("alice", "bob@afrique.iut", "required", options=["REQUIRETLS"])
    wait_until(lambda: afrique.mails("bob", "Subject: required"), 60, "the mail's arrival")
    [sent] = wait_until(lambda: amerique.sent("bob@afrique.iut")[before:], 10, "the event")
    assert (sent["level"], sent["cause"]) == ("dane", "dane")


def test_tls_required_no_lets_go_of_dane_rfc8689_4_2_2(houses):
    amerique, _ = houses
    amerique.submit("alice", "carol@tampered.afrique.iut", "let it go\r\nTLS-Required: No")
    event = refused(amerique, "carol@tampered.afrique.iut")
    assert (event["level"], event["cause"]) == ("may", "default")
