"""MTA-STS between two organisations (RFC 8461): the policy that a domain serves over HTTPS says how its mail goes."""
import pytest

from conftest import wait_until
from organisations import House, two_organisations
from peer import Peer, PolicyServer

EXTRA = "queue { retry_first 1s; }\noutgoing_ca %s;\n"
POLICY = "version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 604800\n"
GOOD, OTHER, PLAIN, SERVER = 50, 51, 52, 53
# What stands in a policy of each domain, and whose MX leads where.
MODES = {"enforced": GOOD, "othername": OTHER, "plain": PLAIN, "unnamed": GOOD, "testing": GOOD, "none": OTHER, "redirected": OTHER, "missing": OTHER,
         "html": OTHER, "long": OTHER, "broken": OTHER, "twice": OTHER, "silent": OTHER}


def records():
    yield f"_mta-sts IN TXT \"v=STSv1; id=1;\"\nmta-sts IN A 198.51.100.{SERVER}\nmta-sts.stranger IN A 198.51.100.{SERVER}\n"
    yield f"_mta-sts.stranger IN TXT \"v=STSv1; id=1;\"\nstranger IN MX 10 mx.stranger\nmx.stranger IN A 198.51.100.{OTHER}\n"
    yield "_mta-sts.twice IN TXT \"v=STSv1; id=2;\"\n"
    for name, number in MODES.items():
        yield f"_mta-sts.{name} IN TXT \"v=STSv1; id=1;\"\n{name} IN MX 10 mx.{name}\nmx.{name} IN A 198.51.100.{number}\n"
        yield f"mta-sts.{name} IN A 198.51.100.{SERVER}\n" if name != "silent" else ""


@pytest.fixture(scope="module")
def organisations():
    texts = {"afrique": "".join(records()), "amerique": "_mta-sts IN TXT \"v=STSv1; id=1;\"\nmta-sts IN A 198.51.100.1\n"}
    with two_organisations(texts) as both:
        yield both


@pytest.fixture(scope="module")
def houses(organisations, authority):
    made = [House(o, name, extra=EXTRA % authority.file, certificate=authority.sign(o.host)) for o, name in zip(organisations, ("alice", "bob"))]
    yield made
    for h in made:
        h.leave()


@pytest.fixture(scope="module")
def peers(organisations, authority):
    """afrique's other servers: one with the certificates of all its names, one with another one's, one without TLS."""
    afrique = organisations[1]
    contexts = {GOOD: authority.sign(*(f"mx.{n}.afrique.iut" for n in MODES)).context(), OTHER: authority.sign("elsewhere.afrique.iut").context(), PLAIN: None}
    with afrique.inside():
        made = {number: Peer(afrique.add_address(number), 25, context) for number, context in contexts.items()}
    yield made
    for p in made.values():
        p.leave()


@pytest.fixture(scope="module")
def policies(organisations, authority):
    amerique, afrique = organisations
    with amerique.inside():
        of_amerique = PolicyServer(authority.sign("mta-sts.amerique.iut").context(), amerique.address)
    with afrique.inside():
        made = PolicyServer(authority.sign("mta-sts.afrique.iut", *(f"mta-sts.{n}.afrique.iut" for n in MODES)).context(), afrique.add_address(SERVER))
    of_amerique.answers["amerique.iut"] = POLICY.format(mode="enforce", mx="mail.amerique.iut")
    made.answers["afrique.iut"] = POLICY.format(mode="enforce", mx="*.afrique.iut")
    for name in MODES:
        made.answers[f"{name}.afrique.iut"] = POLICY.format(mode=name if name in ("testing", "none") else "enforce",
                                                            mx=f"mx.{name}.afrique.iut" if name not in ("unnamed", "testing") else "mx.afrique.iut")
    page = made.answers["redirected.afrique.iut"]
    made.answers["redirected.afrique.iut"] = (302, {"Location": "https://mta-sts.enforced.afrique.iut/.well-known/mta-sts.txt"}, "")
    made.answers["missing.afrique.iut"] = (404, {"Content-Type": "text/plain"}, page)
    made.answers["html.afrique.iut"] = (200, {"Content-Type": "text/html"}, page)
    made.answers["long.afrique.iut"] = page + "more: " + "x" * 65536 + "\n"
    made.answers["broken.afrique.iut"] = page.replace("max_age", "max-age")
    yield made
    made.leave()
    of_amerique.leave()


def send(house, name, subject, options=()):
    house.submit("alice", f"carol@{name}.afrique.iut", subject, options=options)


def sent(house, name):
    [event, *_] = wait_until(lambda: house.sent(f"carol@{name}.afrique.iut"), 30, "the mail's arrival")
    return event["level"], event["cause"]


def waits(house, name):
    """Why."""
    return wait_until(lambda: house.deferred(f"carol@{name}.afrique.iut"), 30, "the first attempt's end")[0]["reply"]


def test_mail_goes_both_ways_by_mta_sts_rfc8461_4(houses, policies):
    for here, there, name, to in ((houses[0], houses[1], "alice", "bob"), (houses[1], houses[0], "bob", "alice")):
        address = f"{to}@{there.organisation.domain}"
        here.submit(name, address, f"by policy to {to}")
        [mail] = wait_until(lambda: there.mails(to, f"Subject: by policy to {to}"), 30, "the mail's arrival")
        [event] = wait_until(lambda: here.sent(address), 10, "the event")
        assert (event["level"], event["cause"]) == ("verify", "mta-sts") and "ESMTPS" in mail
    assert policies.asked.count(("afrique.iut", "/.well-known/mta-sts.txt")) == 1
    [fetched] = [e for e in houses[0].server.events("sts.fetched") if e["domain"] == "afrique.iut"]
    assert (fetched["id"], fetched["mode"], fetched["max_age_s"]) == ("1", "enforce", "604800")


def test_a_host_with_a_certificate_of_its_own_gets_mail_rfc8461_4_2(houses, policies, peers):
    send(houses[0], "enforced", "as it should be")
    assert sent(houses[0], "enforced") == ("verify", "mta-sts") and "as it should be" in peers[GOOD].subjects()


def test_a_certificate_of_another_name_makes_mail_wait_rfc8461_4_2(houses, policies, peers):
    send(houses[0], "othername", "to another")
    assert "hostname mismatch" in waits(houses[0], "othername") and "to another" not in peers[OTHER].subjects()


def test_a_host_without_tls_makes_mail_wait_rfc8461_5(houses, policies, peers):
    send(houses[0], "plain", "in the clear")
    assert "does not offer TLS" in waits(houses[0], "plain") and "in the clear" not in peers[PLAIN].subjects()
    assert not houses[0].mails("alice", "in the clear")


def test_a_host_that_the_policy_does_not_name_makes_mail_wait_rfc8461_4_1(houses, policies, peers):
    send(houses[0], "unnamed", "to nobody named")
    assert "does not name its host mx.unnamed.afrique.iut" in waits(houses[0], "unnamed") and "to nobody named" not in peers[GOOD].subjects()
    event = [e for e in houses[0].server.events("sts.mismatch") if e["domain"] == "unnamed.afrique.iut"][0]
    assert (event["host"], event["mode"], event["next"]) == ("mx.unnamed.afrique.iut", "enforce", "later")


def test_a_policy_that_is_only_tested_stops_no_mail_rfc8461_5(houses, policies, peers):
    send(houses[0], "testing", "for a test")
    assert sent(houses[0], "testing") == ("may", "default") and "for a test" in peers[GOOD].subjects()
    [event] = [e for e in houses[0].server.events("sts.mismatch") if e["domain"] == "testing.afrique.iut"]
    assert (event["mode"], event["next"]) == ("testing", "sent")


def test_the_mode_none_asks_for_nothing_rfc8461_5(houses, policies, peers):
    send(houses[0], "none", "as before")
    assert sent(houses[0], "none") == ("may", "default")


@pytest.mark.parametrize("name, failure, reason", [
    ("redirected", "sts-policy-fetch-error", "the server answered 302"), ("missing", "sts-policy-fetch-error", "the server answered 404"),
    ("html", "sts-policy-invalid", "not of the type text/plain"), ("long", "sts-policy-fetch-error", ""), ("broken", "sts-policy-invalid", "it is no policy"),
    ("silent", "sts-policy-fetch-error", "no address"), ("stranger", "sts-webpki-invalid", "certificate")])
def test_what_is_no_policy_counts_for_nothing_rfc8461_3_3_rfc8460_4_3_2_2(houses, policies, peers, name, failure, reason):
    before = len(policies.asked)
    send(houses[0], name, f"without a policy {name}")
    assert sent(houses[0], name) == ("may", "default")
    [event] = [e for e in houses[0].server.events("sts.failed") if e["domain"] == f"{name}.afrique.iut"]
    assert reason in event["reason"] and (event["failure"], event["policy"]) == (failure, "none")
    assert len(policies.asked) - before == (0 if name in ("silent", "stranger") else 1)


def test_two_records_are_none_rfc8461_3_1(houses, policies, peers):
    send(houses[0], "twice", "twice")
    assert sent(houses[0], "twice") == ("may", "default")
    assert not [a for a in policies.asked if a[0] == "twice.afrique.iut"]


def test_explain_says_that_a_policy_counts(houses, policies):
    said = houses[0].server.cli("explain", "alice@amerique.iut", "bob@afrique.iut").stdout
    assert "mail.afrique.iut" in said and "because of mta-sts" in said


def test_requiretls_goes_where_a_policy_names_the_host_rfc8689_4_2_1(houses, policies):
    amerique, afrique = houses
    amerique.submit("alice", "bob@afrique.iut", "under TLS all the way", options=["REQUIRETLS"])
    [mail] = wait_until(lambda: afrique.mails("bob", "under TLS all the way"), 30, "the mail's arrival")
    event = wait_until(lambda: amerique.sent("bob@afrique.iut")[1:], 10, "the event")[0]
    assert (event["level"], event["cause"]) == ("verify", "mta-sts")


def test_requiretls_comes_back_where_nothing_names_the_host_rfc8689_4_2_1(houses, policies, peers):
    send(houses[0], "none", "nobody vouches for it", ["REQUIRETLS"])
    [report] = wait_until(lambda: houses[0].mails("alice", "nobody vouches for it"), 30, "the report")
    assert "Status: 5.7.30" in report and "nobody vouches for it" not in peers[OTHER].subjects()


def test_a_policy_holds_over_a_restart_though_its_server_is_gone_rfc8461_5_1(houses, policies, peers):
    amerique = houses[0]
    wait_until(lambda: (amerique.server.directory / "state/queue/policies/enforced.afrique.iut").exists(), 10, "the file")
    asked = policies.answers.pop("enforced.afrique.iut"), len(policies.asked)
    before = len(amerique.sent("carol@enforced.afrique.iut"))
    amerique.server.stop()
    amerique.server.start()
    send(amerique, "enforced", "after the restart")
    wait_until(lambda: "after the restart" in peers[GOOD].subjects(), 30, "the mail's arrival")
    event = wait_until(lambda: amerique.sent("carol@enforced.afrique.iut")[before:], 10, "the event")[0]
    assert (event["level"], event["cause"]) == ("verify", "mta-sts")
    assert not [a for a in policies.asked[asked[1]:] if a[0] == "enforced.afrique.iut"]
