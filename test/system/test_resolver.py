"""The resolver, asked as the relay asks it: against nsd, and against a server that says what a test wants (RFC 1035, 2308, 5452, 6840)."""
import contextlib
import os
import shutil
import socket
import struct
import tempfile
import threading
import time

import pytest

from conftest import free_port, wait_until
from nameserver import AD, NXDOMAIN, REFUSED, SERVFAIL, TC, Fake, Nsd, put_name, record, soa
from role import Role

RECORDS = ("A", "AAAA", "MX", "TXT", "PTR", "TLSA")
FOUND, NO_NAME, NO_RECORD, LATER = range(4)


class Resolver:
    def __init__(self, directory, *servers, more=""):
        self.more = more
        self.role = Role("resolver", ["relay"], self.configuration(servers), directory)
        self.requests = 0

    def configuration(self, servers):
        return "hostname mail.amerique.iut;\n" + "".join(f"resolver {s};\n" for s in servers) + "log {\nlevel debug;\n}\n" + self.more

    def send(self, kind, name):
        self.requests += 1
        self.role.peers["relay"].send("LOOK_UP", request=self.requests, record=RECORDS.index(kind), name=name)
        return self.requests

    def receive(self):
        name, fields = self.role.peers["relay"].receive()
        assert name == "LOOKED_UP"
        return fields

    def ask(self, kind, name):
        request = self.send(kind, name)
        answer = self.receive()
        assert answer["request"] == request
        return answer


@contextlib.contextmanager
def directory():
    path = tempfile.mkdtemp(prefix="mermoz-resolver-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def resolving(*servers, **more):
    with directory() as path:
        resolver = Resolver(path, *servers, **more)
        try:
            yield resolver
        finally:
            resolver.role.stop()


@contextlib.contextmanager
def answering(*says, more=""):
    """A resolver before fakes, in their order."""
    fakes = [Fake(say) for say in says]
    try:
        with resolving(*(f"127.0.0.1:{f.port}" for f in fakes), more=more) as resolver:
            yield (resolver, *fakes)
    finally:
        for fake in fakes:
            fake.close()


ZONES = {
    "afrique.iut.": soa() + """
@ IN MX 10 mx1
@ IN MX 20 mx2.amerique.iut.
@ IN TXT "v=spf1 " "-all"
mx1 600 IN A 192.0.2.1
mx1 IN A 192.0.2.2
mx1 IN AAAA 2001:db8::1
www 100 IN CNAME mx1
nomail IN MX 0 .
dangling IN CNAME gone
_25._tcp.mx1 IN TLSA 3 1 1 """ + "ab" * 32 + "\n" + "".join(f'large IN TXT "{n:03} {"x" * 200}"\n' for n in range(40)) + """
xn--caf-dma IN A 192.0.2.9
""",
    "2.0.192.in-addr.arpa.": soa() + "1 IN PTR mx1.afrique.iut.\n",
}


@pytest.fixture(scope="module")
def nsd():
    with directory() as path:
        server = Nsd(path + "/nsd", ZONES, port=free_port()).start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def resolver(nsd):
    with resolving(f"127.0.0.1:{nsd.port}") as r:
        wait_until(lambda: r.ask("A", "ns.afrique.iut")["answer"] == FOUND, 30, "nsd's start")
        yield r


def names(records, head):
    """Of MX (head "<H") and PTR (head ""): what stands before a name, and the name."""
    out = []
    while records:
        before = struct.unpack_from(head, records) if head else ()
        records = records[struct.calcsize(head):]
        length, = struct.unpack_from("<H", records)
        out.append((*before, records[2:2 + length].decode()))
        records = records[2 + length:]
    return out


def test_addresses_and_their_shortest_ttl(resolver):
    answer = resolver.ask("A", "mx1.afrique.iut")
    assert answer["answer"] == FOUND
    assert {answer["records"][:4], answer["records"][4:]} == {socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")}
    assert 0 < answer["ttl_s"] <= 600 and answer["canonical"] == b"" and answer["is_authentic"] == 0
    assert resolver.ask("AAAA", "mx1.afrique.iut")["records"] == socket.inet_pton(socket.AF_INET6, "2001:db8::1")


def test_the_other_types(resolver):
    assert sorted(names(resolver.ask("MX", "afrique.iut")["records"], "<H")) == [(10, "mx1.afrique.iut"), (20, "mx2.amerique.iut")]
    assert resolver.ask("TXT", "afrique.iut")["records"] == struct.pack("<H", 11) + b"v=spf1 -all"
    assert names(resolver.ask("PTR", "1.2.0.192.in-addr.arpa")["records"], "") == [("mx1.afrique.iut",)]
    assert resolver.ask("TLSA", "_25._tcp.mx1.afrique.iut")["records"] == b"\3\1\1" + struct.pack("<H", 32) + b"\xab" * 32
    assert resolver.ask("A", "xn--caf-dma.afrique.iut")["records"] == socket.inet_aton("192.0.2.9")


def test_null_mx_rfc7505_3(resolver):
    assert names(resolver.ask("MX", "nomail.afrique.iut")["records"], "<H") == [(0, "")]


def test_an_alias_leads_to_its_name(resolver):
    answer = resolver.ask("A", "WWW.afrique.iut.")
    assert answer["answer"] == FOUND and answer["canonical"] == b"mx1.afrique.iut" and answer["ttl_s"] <= 100
    answer = resolver.ask("A", "dangling.afrique.iut")
    assert answer["answer"] == NO_NAME and answer["canonical"] == b"gone.afrique.iut"


def test_no_name_and_no_record_differ_rfc2308_2(resolver):
    no_name, no_record = resolver.ask("MX", "nobody.afrique.iut"), resolver.ask("AAAA", "ns.afrique.iut")
    assert no_name["answer"] == NO_NAME and no_record["answer"] == NO_RECORD
    assert 0 < no_name["ttl_s"] <= 60 and 0 < no_record["ttl_s"] <= 60  # RFC 2308 5: the SOA's minimum


def test_what_the_server_refuses_is_for_later(resolver):
    assert resolver.ask("MX", "elsewhere.example")["answer"] == LATER


def test_large_answers_come_over_tcp_rfc7766_5(resolver):
    answer = resolver.ask("TXT", "large.afrique.iut")
    assert answer["answer"] == FOUND and len(answer["records"]) == 40 * (2 + 204)


@pytest.mark.parametrize("name", ["", ".", "a..b", "a b.example", "b\xc3\xbc.example", "x" * 64 + ".example", "a" * 255, "?.example"])
def test_what_is_no_name_is_no_name(resolver, name):
    assert resolver.ask("A", name)["answer"] == NO_NAME


def test_a_server_that_is_away_is_told_of_once_and_comes_back():
    with directory() as path:
        port = free_port()
        server = Nsd(path + "/nsd", ZONES, port=port)
        with resolving(f"127.0.0.1:{port}") as r:
            assert r.ask("A", "mx1.afrique.iut")["answer"] == LATER
            assert r.ask("A", "ns.afrique.iut")["answer"] == LATER
            r.role.wait_for_event("resolver.away")
            server.start()
            try:
                wait_until(lambda: r.ask("A", "mx1.afrique.iut")["answer"] == FOUND, 30, "nsd's start")
            finally:
                server.stop()
            r.role.wait_for_event("resolver.back")
            assert r.role.log_text().count(" resolver.away ") == 1
            assert r.ask("A", "mx1.afrique.iut")["answer"] == FOUND  # kept
            assert r.ask("MX", "afrique.iut")["answer"] == LATER


def found(query, **more):
    return query.answer(record(query.name, "A", "192.0.2.1", **more))


def test_a_question_asks_for_recursion_ad_and_edns_rfc6840_5_7_rfc6891_6():
    with answering(found) as (r, fake):
        assert r.ask("A", "a.example")["answer"] == FOUND
        [query] = fake.queries
        assert query.flags == 0x0120 and query.additional == 1 and query.transport == "udp"
        assert query.rest[:5] == b"\0" + struct.pack(">HH", 41, 1232)


def test_each_question_has_a_port_and_an_id_of_its_own_rfc5452_9_2():
    with answering(found) as (r, fake):
        for n in range(20):
            r.send("A", f"n{n}.example")
        assert all(r.receive()["answer"] == FOUND for _ in range(20))
        assert len({q.port for q in fake.queries}) > 10 and len({q.id for q in fake.queries}) > 10


def test_ad_counts_of_a_server_on_this_machine_rfc4035_3_2_3():
    with answering(lambda q: q.answer(record(q.name, "A", "192.0.2.1"), flags=AD if q.name == "signed.example" else 0)) as (r, _):
        assert r.ask("A", "signed.example")["is_authentic"] == 1
        assert r.ask("A", "plain.example")["is_authentic"] == 0
        assert r.ask("A", "signed.example")["is_authentic"] == 1  # kept


def test_servers_are_asked_over_ipv6_with_udp_and_tcp():
    try:
        fake = Fake(lambda q: q.answer(flags=TC) if q.transport == "udp" else q.answer(record(q.name, "A", "192.0.2.1"), flags=AD), "::1")
    except OSError as e:
        pytest.skip(f"there is no IPv6 on the loopback here: {e}")
    try:
        with resolving(f"[::1]:{fake.port}") as r:
            answer = r.ask("A", "a.example")
            assert answer["answer"] == FOUND and answer["is_authentic"] == 1
            assert [q.transport for q in fake.queries] == ["udp", "tcp"]
    finally:
        fake.close()


@pytest.mark.parametrize("rcode", [SERVFAIL, REFUSED, 1, 4])
def test_the_next_server_is_asked_when_one_does_not_know(rcode):
    with answering(lambda q: q.answer(rcode=rcode), found) as (r, one, two):
        assert r.ask("A", "a.example")["answer"] == FOUND
        assert one.queries and len(two.queries) == 1


def test_servfail_of_all_is_for_later_and_asked_again_rfc9520_3_2():
    with answering(lambda q: q.answer(rcode=SERVFAIL)) as (r, fake):
        assert r.ask("A", "a.example")["answer"] == LATER
        assert r.ask("A", "a.example")["answer"] == LATER
        assert len(fake.queries) == 1  # a failure is kept for a second
        fake.say = found
        wait_until(lambda: r.ask("A", "a.example")["answer"] == FOUND, 10, "the answer")


def test_no_such_name_is_believed_of_the_first_server():
    with answering(lambda q: q.answer(rcode=NXDOMAIN), found) as (r, _, two):
        answer = r.ask("A", "a.example")
        assert answer["answer"] == NO_NAME and answer["ttl_s"] == 0 and not two.queries


def test_a_truncated_answer_is_asked_for_over_tcp_rfc7766_5():
    with answering(lambda q: q.answer(flags=TC) if q.transport == "udp" else found(q)) as (r, fake):
        assert r.ask("A", "a.example")["answer"] == FOUND
        assert [q.transport for q in fake.queries] == ["udp", "tcp"]


def test_an_answer_with_another_id_is_dropped_rfc5452_9_1():
    with answering(lambda q: [q.answer(record(q.name, "A", "6.6.6.6"), id_=q.id ^ 1), found(q)]) as (r, _):
        assert r.ask("A", "a.example")["records"] == socket.inet_aton("192.0.2.1")


def test_an_answer_to_another_question_is_dropped_rfc5452_9_1():
    with answering(lambda q: [q.answer(record("b.example", "A", "6.6.6.6"), question=put_name("b.example") + b"\0\1\0\1"), found(q)]) as (r, _):
        assert r.ask("A", "a.example")["records"] == socket.inet_aton("192.0.2.1")


def test_an_answer_from_elsewhere_is_dropped_rfc5452_9_1():
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.2", 0))

    def say(query):
        stranger.sendto(query.answer(record(query.name, "A", "6.6.6.6")), ("127.0.0.1", query.port))
        return found(query)

    with stranger, answering(say) as (r, _):
        assert r.ask("A", "a.example")["records"] == socket.inet_aton("192.0.2.1")


@pytest.mark.parametrize("what", ["loop", "garbage", "short", "record", "empty"])
def test_what_can_not_be_an_answer_is_for_later(what):
    def say(query):
        return {
            "loop": lambda: query.answer(record("a.example", "CNAME", "b.example"), record("b.example", "CNAME", "a.example")),
            "garbage": lambda: struct.pack(">H", query.id) + os.urandom(100),
            "short": lambda: query.packet[:5],
            "record": lambda: query.answer(record("a.example", "MX", (1, "x"))[:-1] + b"\xff\xff\xff"),
            "empty": lambda: b"",
        }[what]()

    with answering(say, more="limits {\nrequest_timeout 2s;\n}\n") as (r, _):
        assert r.ask("MX" if what == "record" else "A", "a.example")["answer"] == LATER


def test_silence_ends_before_the_one_who_asks_stops_waiting():
    with answering(lambda q: None, more="limits {\nrequest_timeout 1s;\n}\n") as (r, _):
        began = time.monotonic()
        assert r.ask("A", "a.example")["answer"] == LATER
        assert time.monotonic() - began < 5
        r.role.wait_for_event("resolver.away")


def test_the_same_question_is_asked_once_at_a_time():
    may_answer = threading.Event()

    def say(query):
        may_answer.wait(20)
        return found(query)

    with answering(say) as (r, fake):
        for name in ["a.example"] * 50 + ["A.Example"]:
            r.send("A", name)
        wait_until(lambda: fake.queries, 20, "the question")
        may_answer.set()
        assert all(r.receive()["answer"] == FOUND for _ in range(51))
        assert len(fake.queries) == 1


def test_answers_are_kept_as_long_as_they_last_rfc1035_3_2_1():
    def say(query):
        return query.answer(record(query.name, "A", "192.0.2.1", ttl={"short.example": 1, "not.example": 0, "ages.example": 2**31 - 1}.get(query.name, 300)))

    with answering(say) as (r, fake):
        for name in ("a.example", "not.example", "ages.example", "short.example"):
            first, second = r.ask("A", name), r.ask("A", name)
            assert first["records"] == second["records"] and second["ttl_s"] <= first["ttl_s"] <= 86400
        assert len(fake.asked("a.example")) == len(fake.asked("ages.example")) == 1
        assert len(fake.asked("not.example")) == 2
        wait_until(lambda: r.ask("A", "short.example") and len(fake.asked("short.example")) == 2, 20, "the end of the answer")


def test_no_such_name_is_kept_as_long_as_the_soa_says_rfc2308_5():
    def say(query):
        return query.answer(rcode=NXDOMAIN, authorities=[record("example", "SOA", 100000, ttl=500 if query.name == "a.example" else 100000)])

    with answering(say) as (r, fake):
        assert r.ask("MX", "a.example")["ttl_s"] == 500
        assert r.ask("MX", "b.example")["ttl_s"] == 900  # capped
        assert r.ask("MX", "a.example")["answer"] == NO_NAME and len(fake.asked("a.example")) == 1


def test_an_answer_that_is_asked_for_often_is_asked_for_anew_before_its_end():
    may_answer = threading.Event()

    def say(query):
        assert len(fake.queries) == 1 or may_answer.wait(60)
        return found(query, ttl=10)

    with answering(say) as (r, fake):
        r.ask("A", "a.example")
        # Nobody waits for the second question: it is not answered.
        wait_until(lambda: r.ask("A", "a.example")["answer"] == FOUND and len(fake.queries) == 2, 20, "the second question")
        may_answer.set()
        wait_until(lambda: r.ask("A", "a.example")["ttl_s"] > 5, 20, "the second answer")
        assert len(fake.queries) == 2


def test_a_reload_asks_other_servers_and_forgets_what_was_kept():
    with answering(found) as (r, one):
        other = Fake(lambda q: q.answer(record(q.name, "A", "192.0.2.2")))
        try:
            assert r.ask("A", "a.example")["records"] == socket.inet_aton("192.0.2.1")
            r.role.reload(r.configuration([f"127.0.0.1:{other.port}"]))
            assert r.ask("A", "a.example")["records"] == socket.inet_aton("192.0.2.2")
            assert len(one.queries) == 1
        finally:
            other.close()


def test_a_relay_that_was_started_anew_hears_nothing_of_the_old_ones_questions():
    may_answer = threading.Event()

    def say(query):
        may_answer.wait(20)
        return found(query)

    with answering(say) as (r, fake):
        r.send("A", "a.example")
        wait_until(lambda: fake.queries, 20, "the question")
        r.role.reconnect("relay")
        r.requests = 100
        request = r.send("A", "b.example")
        may_answer.set()
        assert r.receive()["request"] == request


def test_more_questions_than_can_be_asked_at_a_time_wait_for_their_turn():
    with answering(found) as (r, fake):
        wanted = {r.send("A", f"n{n}.example") for n in range(300)}
        got = [r.receive() for _ in range(300)]
        assert {a["request"] for a in got} == wanted and all(a["answer"] == FOUND for a in got)


def test_a_relay_that_asks_what_it_may_not_loses_its_channel():
    with answering(found) as (r, _):
        r.role.peers["relay"].mine.send(b"\xff")
        assert r.role.peers["relay"].mine.recv(1000) == b""
        r.role.reconnect("relay")
        assert r.ask("A", "a.example")["answer"] == FOUND


def test_the_server_has_a_resolver_in_its_jail_and_starts_it_again(own_server):
    [sandbox] = [e for e in own_server.events("role.sandbox") if e["role"] == "resolver"]
    assert sandbox["seccomp"] == "yes"
    assert sandbox["empty_root"] == ("no" if os.geteuid() else "yes")
    own_server.kill_role("resolver")
