"""Places of `outgoing` while some destinations are black holes: packets to them arrive, and nobody answers."""
import pytest

from conftest import wait_until
from organisations import House, ip, two_organisations
from peer import Peer

LIVING, HOLE, HOLES = 40, 200, 12
RECORDS = {"afrique": f"living IN A 198.51.100.{LIVING}\n" + "".join(f"hole{n} IN A 198.51.100.{HOLE}\n" for n in range(HOLES))}
# 8 places, 6 of them for who has not answered; who waits for its connection among more than two has 5 seconds.
EXTRA = "limits { outgoing 4; }\nqueue { retry_first 1h; }\n"


@pytest.fixture(scope="module")
def organisations():
    with two_organisations(RECORDS) as (amerique, afrique):
        afrique.add_address(LIVING)
        lower = ip("-n", afrique.namespace, "-o", "link", "show", afrique.cable).stdout.split("link/ether ")[1].split()[0]
        ip("-n", amerique.namespace, "neigh", "replace", f"198.51.100.{HOLE}", "lladdr", lower, "dev", amerique.cable, "nud", "permanent")
        yield amerique, afrique


@pytest.fixture(scope="module")
def peer(organisations):
    with organisations[1].inside():
        peer = Peer(f"198.51.100.{LIVING}", 25)
    yield peer
    peer.leave()


@pytest.fixture()
def house(organisations):
    house = House(organisations[0], "alice", extra=EXTRA)
    yield house
    house.leave()


def fill_holes(house):
    for n in range(HOLES):
        house.submit("alice", f"bob@hole{n}.afrique.iut", f"into hole {n}")


def given_up(house):
    return house.server.events("relay.unreachable")


def test_who_answered_waits_for_no_place_that_black_holes_hold(house, peer):
    peer.answers["bob@living.afrique.iut"] = ["450 4.7.1 greylisted, come back"]
    house.submit("alice", "bob@living.afrique.iut", "it waits there")
    wait_until(lambda: house.deferred("bob@living.afrique.iut"), 30, "its attempt")
    fill_holes(house)
    house.submit("alice", "carol@living.afrique.iut", "past the holes")
    wait_until(lambda: "past the holes" in peer.subjects(), 30, "the arrival")
    assert not given_up(house)


def test_the_more_black_holes_there_are_the_sooner_they_give_place_to_others(house, peer):
    fill_holes(house)
    house.submit("alice", "dave@living.afrique.iut", "who knows whether it lives")
    wait_until(lambda: "who knows whether it lives" in peer.subjects(), 60, "the arrival")
    # The first ones have time to be reached still, those behind them were given up before.
    numbers = {e["server"].split(".")[0] for e in given_up(house)}
    assert numbers and not numbers & {"hole0", "hole1"}
