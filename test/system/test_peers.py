"""The other organisation's machine, difficult: MX records of every kind, servers that are dead, black-holed, full, slow, or hang up."""
import pytest

from conftest import wait_until
from organisations import House, ip, two_organisations
from peer import Peer

LIVING, SLOW, DEAD, HOLE = 40, 41, 49, 200
RECORDS = {"afrique": f"""
living IN A 198.51.100.{LIVING}
dead IN A 198.51.100.{DEAD}
hole IN A 198.51.100.{HOLE}
hole-and-living IN A 198.51.100.{HOLE}
hole-and-living IN A 198.51.100.{LIVING}
slow IN A 198.51.100.{SLOW}
direct IN A 198.51.100.{LIVING}
null IN MX 0 .
deadfirst IN MX 10 dead
deadfirst IN MX 20 living
failing IN MX 10 slow
failing IN MX 20 living
holed IN MX 10 hole
halfholed IN MX 10 hole-and-living
slowly IN MX 10 slow
greylisting IN MX 10 living
leaving IN MX 10 living
full IN MX 10 living
dropping IN MX 10 living
dropping-early IN MX 10 living
"""}


@pytest.fixture(scope="module")
def organisations():
    with two_organisations(RECORDS) as both:
        yield both


@pytest.fixture(scope="module")
def house(organisations):
    house = House(organisations[0], "alice", extra="queue { retry_first 1s; retry_most 1s; }\n")
    yield house
    house.leave()


@pytest.fixture(scope="module")
def machine(organisations):
    """afrique's addresses; packets to the hole arrive, and nobody answers."""
    amerique, afrique = organisations
    for number in (LIVING, SLOW, DEAD):
        afrique.add_address(number)
    lower = ip("-n", afrique.namespace, "-o", "link", "show", afrique.cable).stdout.split("link/ether ")[1].split()[0]
    ip("-n", amerique.namespace, "neigh", "replace", f"198.51.100.{HOLE}", "lladdr", lower, "dev", amerique.cable, "nud", "permanent")
    return afrique


@pytest.fixture(scope="module")
def peer(machine):
    with machine.inside():
        peer = Peer(f"198.51.100.{LIVING}", 25)
    yield peer
    peer.leave()


def send(house, domain, subject, body="body"):
    house.submit("alice", f"bob@{domain}.afrique.iut", subject, body)


def arrives(peer, subject, seconds=30):
    wait_until(lambda: subject in peer.subjects(), seconds, f"the arrival of \"{subject}\"")
    return peer.subjects().count(subject)


def test_without_mx_the_address_of_the_domain_is_taken_rfc5321_5_1(house, peer):
    send(house, "direct", "no MX at all")
    assert arrives(peer, "no MX at all") == 1


def test_a_null_mx_is_reported_at_once_rfc7505_4_2(house):
    send(house, "null", "to nobody ever")
    [report] = wait_until(lambda: house.mails("alice", "to nobody ever"), 30, "the report")
    assert "Status: 5.1.10" in report and "Action: failed" in report


def test_a_dead_first_mx_makes_way_for_the_second_rfc5321_5_1(house, peer):
    send(house, "deadfirst", "past the dead")
    assert arrives(peer, "past the dead", 10) == 1
    [unreachable] = [e for e in house.server.events("relay.unreachable") if e["server"].startswith("dead.")]
    assert "refused" in unreachable["reason"].lower()


def test_a_black_holed_address_holds_up_neither_its_host_nor_others_rfc8305_5(house, peer):
    send(house, "holed", "into the hole")
    send(house, "halfholed", "beside the hole")
    send(house, "direct", "far from the hole")
    assert arrives(peer, "beside the hole", 10) == 1 and arrives(peer, "far from the hole", 10) == 1
    # Nobody has said anything about the first one: it waits, and is not reported.
    [first, *_] = wait_until(lambda: house.deferred("bob@holed.afrique.iut"), 60, "the end of the wait")
    assert first["reply"].startswith("451 4.4.1") and not house.mails("alice", "into the hole")


@pytest.mark.parametrize("domain, word, answers", [
    ("greylisting", "bob@greylisting.afrique.iut", ["450 4.7.1 greylisted, come back"]),
    ("full", "MAIL", ["452 4.3.1 no room at all"]),
    ("full", "bob@full.afrique.iut", ["452 4.2.2 the mailbox is full"]),
    ("full", "DATA", ["452 4.3.1 no room for this"]),
    ("leaving", "MAIL", ["421 4.3.2 going away"]),
    ("leaving", "bob@leaving.afrique.iut", ["421 4.3.2 going away"]),
    ("leaving", "DATA", ["421 4.3.2 going away"]),
    ("dropping-early", "MAIL", ["drop"]),
])
def test_what_will_pass_is_waited_for_and_the_mail_comes_once_rfc5321_4_2_1(house, peer, domain, word, answers):
    subject, said = f"{domain} {word}", answers[0]
    before = len(house.deferred(f"bob@{domain}.afrique.iut"))
    peer.answers[word] = answers
    send(house, domain, subject)
    assert arrives(peer, subject) == 1
    deferred = house.deferred(f"bob@{domain}.afrique.iut")[before:]
    assert len(deferred) == 1 and (said == "drop" or said in deferred[0]["reply"])
    assert not house.mails("alice", subject)


def test_a_connection_that_drops_after_the_final_dot_costs_a_duplicate_at_most_rfc5321_6_1(house, peer):
    peer.answers["DATA"] = ["take and drop", "drop"]
    send(house, "dropping", "taken and dropped")
    assert arrives(peer, "taken and dropped") == 1
    wait_until(lambda: house.sent("bob@dropping.afrique.iut"), 30, "the end")
    # Taken, dropped without being taken, taken again: RFC 5321 6.1 leaves no other choice.
    assert peer.subjects().count("taken and dropped") == 2
    assert len(house.deferred("bob@dropping.afrique.iut")) == 2 and len(house.sent("bob@dropping.afrique.iut")) == 1


@pytest.mark.parametrize("word, said", [
    ("MAIL", "421 4.3.2 going away"),
    ("MAIL", "drop"),
    ("bob@failing.afrique.iut", "451 4.3.0 no database"),
])
def test_a_first_mx_that_fails_in_the_midst_of_a_transaction_makes_way_for_the_second_rfc5321_5_1(house, peer, machine, word, said):
    subject = f"past {word} {said}"
    with machine.inside():
        failing = Peer(f"198.51.100.{SLOW}", 25)
    try:
        failing.answers[word] = said
        send(house, "failing", subject)
        assert arrives(peer, subject) == 1
        assert not failing.subjects() and not house.deferred("bob@failing.afrique.iut")
    finally:
        failing.leave()


def test_a_peer_that_reads_slowly_holds_up_nobody_and_gets_the_whole_mail(house, peer, machine):
    with machine.inside():
        slow = Peer(f"198.51.100.{SLOW}", 25)
    try:
        slow.may_read.clear()
        body = "".join(f"{i:070d}\r\n" for i in range(60000))
        send(house, "slowly", "much to read", body)
        wait_until(lambda: [e for e in house.server.events("relay.connected") if e["server"].startswith("slow.")], 30, "the connection")
        for i in range(5):
            send(house, "direct", f"meanwhile {i}")
            assert arrives(peer, f"meanwhile {i}", 10) == 1
        assert not slow.subjects()
        slow.may_read.set()
        assert arrives(slow, "much to read") == 1
        assert slow.mails[0]["text"].endswith(body.encode() + b"\r\n") or slow.mails[0]["text"].endswith(body.encode())
    finally:
        slow.leave()
