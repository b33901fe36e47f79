"""Two organisations, each with its slapd and signed zones, of which the other can't trust something for a while: mail waits, and goes when it is mended."""
import re
import shutil
import signal

import pytest

from conftest import PASSWORDS, wait_until
from peer import PolicyServer
from test_organisations_ldap import houses_with_dane, ldap_houses, pytestmark  # noqa: F401
from test_tls_reports import counted

POLICY = "version: STSv1\nmode: {mode}\nmx: mail.afrique.iut\nmax_age: 604800\n"
POLICIES = 53
TESTER = "bob@essai.afrique.iut"


@pytest.fixture
def houses_by_dane(authority, tmp_path):
    with houses_with_dane(tmp_path, authority) as made:
        yield made


@pytest.fixture(scope="module")
def houses_by_policy(authority, tmp_path_factory):
    """The policy of afrique.iut is enforced, that of essai.afrique.iut is tested; the certificate of the server of both has expired."""
    records = "".join(f"mta-sts{sub} IN A 198.51.100.{POLICIES}\n_mta-sts{sub} IN TXT \"v=STSv1; id=1;\"\n" for sub in ("", ".essai")) + "essai IN MX 10 mail\n"
    certificates = {"amerique": authority.sign("mail.amerique.iut"), "afrique": authority.sign_expired("mail.afrique.iut")}
    extra = {"amerique": f"outgoing_ca {authority.file};\n", "afrique": "domain essai.afrique.iut;\n"}
    with ldap_houses(tmp_path_factory.mktemp("slapd"), {"afrique": records}, certificates, extra) as made:
        afrique = made[1].organisation
        with afrique.inside():
            made[1].slapd.add_user("essayeur", TESTER, PASSWORDS["bob"])
            policies = PolicyServer(authority.sign("mta-sts.afrique.iut", "mta-sts.essai.afrique.iut").context(), afrique.add_address(POLICIES))
        policies.answers.update({"afrique.iut": POLICY.format(mode="enforce"), "essai.afrique.iut": POLICY.format(mode="testing")})
        yield made
        policies.leave()


def break_signature(zone):
    """Of the TLSA records, in one place."""
    return re.sub(r"(\sRRSIG\s+TLSA\s.*\s)(\S)(\S+)$", lambda m: m[1] + ("B" if m[2] == "A" else "A") + m[3], zone, flags=re.M)


def waits(here, address, subject):
    """A mail that was tried several times; what the last reply was."""
    here.submit(here.name, address, subject)
    replies = wait_until(lambda: here.deferred(address)[2:], 60, "the third attempt's end")
    assert not here.sent(address) and not here.mails(here.name, "Subject: ")
    return replies[-1]["reply"]


def failures(house, domain):
    return {f["result"] for p in counted(house)[domain]["policies"] for f in p["failure_details"]}


def test_tlsa_records_whose_signature_is_broken_make_mail_wait_rfc7672_2_1_1(houses_by_dane):
    amerique, afrique = houses_by_dane
    with amerique.organisation.with_zones(break_signature):
        assert "TLSA records of mail.afrique.iut can't be looked up" in waits(amerique, afrique.address, "signed badly")
        # Nobody was there to be told anything, in the clear or under TLS.
        assert not amerique.server.events("relay.connected")
        assert failures(amerique, "afrique.iut") == {"dnssec-invalid"}
    [mail] = wait_until(lambda: afrique.mails(afrique.name, "Subject: signed badly"), 60, "the mail's arrival")
    [sent] = wait_until(lambda: amerique.sent(afrique.address), 10, "the event")
    assert (sent["level"], sent["cause"]) == ("dane", "dane") and "ESMTPS" in mail
    assert not amerique.mails(amerique.name, "Subject: ")


def test_an_expired_certificate_under_a_tested_policy_is_told_of_and_stops_no_mail_rfc8461_5(houses_by_policy):
    amerique, afrique = houses_by_policy
    amerique.submit(amerique.name, TESTER, "for a test")
    mailbox = afrique.server.mail / "essai.afrique.iut/bob/mailbox/new"
    wait_until(lambda: mailbox.exists() and list(mailbox.iterdir()), 60, "the mail's arrival")
    [sent] = wait_until(lambda: amerique.sent(TESTER), 10, "the event")
    assert (sent["level"], sent["cause"]) == ("may", "default") and sent["tls"].startswith("TLSv1.3")
    assert failures(amerique, "essai.afrique.iut") == {"certificate-expired"}


def test_an_expired_certificate_under_an_enforced_policy_makes_mail_wait_rfc8461_5(houses_by_policy, authority):
    amerique, afrique = houses_by_policy
    assert "certificate has expired" in waits(amerique, afrique.address, "too old")
    failed = amerique.server.events("tls.failed")[-1]
    assert (failed["level"], failed["cause"], failed["failure"], failed["next"]) == ("verify", "mta-sts", "certificate-expired", "later")
    assert failures(amerique, "afrique.iut") == {"certificate-expired"} and counted(amerique)["afrique.iut"]["successes"] == 0
    renewed = authority.sign("mail.afrique.iut")
    shutil.copy(renewed.chain, afrique.server.directory / "cert.pem")
    shutil.copy(renewed.key, afrique.server.directory / "key.pem")
    afrique.server.process.send_signal(signal.SIGHUP)
    [mail] = wait_until(lambda: afrique.mails(afrique.name, "Subject: too old"), 60, "the mail's arrival")
    [sent] = wait_until(lambda: amerique.sent(afrique.address), 10, "the event")
    assert (sent["level"], sent["cause"]) == ("verify", "mta-sts") and "ESMTPS" in mail
    assert not amerique.mails(amerique.name, "Subject: ")
