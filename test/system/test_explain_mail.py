"""`mermoz explain SENDER RECIPIENT`: who may write to whom, and how mail goes on from here: the route, the hosts, TLS, the queue."""
import json
import os
import pathlib
import shutil
import socket
import tempfile

import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from nameserver import AD, NXDOMAIN, Fake, record
from role import Role
from test_explain import steps, why

QUEUE_CONTROL = 8  # enum ipc_service

SIGNED, PLAIN = "signed.example", "plain.example"
RECORDS = {
    (SIGNED, 15): [(SIGNED, "MX", (20, f"mx2.{SIGNED}")), (SIGNED, "MX", (10, f"mx1.{SIGNED}"))],
    (f"mx1.{SIGNED}", 1): [(f"mx1.{SIGNED}", "A", "192.0.2.1")],
    (f"mx2.{SIGNED}", 1): [(f"mx2.{SIGNED}", "A", "192.0.2.2")],
    (f"_25._tcp.mx1.{SIGNED}", 52): [(f"_25._tcp.mx1.{SIGNED}", "TLSA", bytes([3, 1, 1]) + bytes(32))],
    (PLAIN, 15): [(PLAIN, "MX", (5, f"mx.{PLAIN}"))],
    (f"mx.{PLAIN}", 1): [(f"mx.{PLAIN}", "A", "192.0.2.3")],
}

EXTRA = """resolver 127.0.0.1:{dns} trusted;
route dead.example to 127.0.0.1:{dead};
route closed.example to error "This domain has moved";
route .relayed.example to mx.plain.example:587;
route held.{domain} to mailboxes;
outgoing_tls plain.example encrypt;
  outgoing_login mx.plain.example relay-user file:{secret};
trusted_networks 192.0.2.0/24;
"""


def say(query):
    if query.name == "silent.example":
        return None
    answers = [record(*one) for one in RECORDS.get((query.name, query.type), [])]
    is_known = any(name == query.name for name, _ in RECORDS)
    flags = AD if query.name.endswith(SIGNED) else 0
    return query.answer(*answers, rcode=0 if is_known else NXDOMAIN, flags=flags)


@pytest.fixture(scope="module")
def dns():
    fake = Fake(say)
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def server(dns, tmp_path_factory):
    secret = tmp_path_factory.mktemp("secret") / "relay"
    secret.write_text("azerty\n")
    os.chmod(secret, 0o600)
    with running_server(EXTRA.format(dns=dns.port, dead=free_port(), domain=DOMAIN, secret=secret)) as s:
        yield s


def onward(out, address):
    [one] = [one for one in out["onward"] if one["address"] == address]
    return one


def place(server, text):
    """FILE, line and column of the directive that begins with the text."""
    for number, line in enumerate(server.conf.read_text().split("\n"), 1):
        if line.lstrip().startswith(text):
            return {"file": str(server.conf), "line": number, "column": len(line) - len(line.lstrip()) + 1}
    raise AssertionError(text)


def test_an_account_writes_as_itself_and_a_stranger_does_not_write_to_the_world(server):
    out = why(server, f"alice@{DOMAIN}", f"x@{PLAIN}", code=0)
    assert steps(out, "as")[0]["account"] == f"alice@{DOMAIN}" and out["decision"] == "foreign"
    out = why(server, f"alice@{DOMAIN}", f"x@{PLAIN}", "--from", "203.0.113.9", code=1)
    assert steps(out, "stranger") and not steps(out, "as") and out["smtp"].startswith("550 5.7.1 ") and out["onward"] == []
    out = why(server, "x@elsewhere.example", f"x@{PLAIN}", code=1)
    assert out["smtp"].startswith("550 5.7.1 ")
    out = why(server, "x@elsewhere.example", f"bob@{DOMAIN}", code=0)
    assert out["decision"] == "mailbox" and out["onward"] == []
    out = why(server, f"bob@{DOMAIN}", f"x@{PLAIN}", "--as", "alice", code=1)
    assert out["decision"] == "denied" and out["smtp"].startswith("553 ")
    assert why(server, "<>", f"x@{PLAIN}", "--as", "alice", code=0)["decision"] == "foreign"


def test_who_connects_from_a_trusted_network_writes_to_the_world(server):
    out = why(server, "cron@host.example", f"x@{PLAIN}", "--from", "192.0.2.77", code=0)
    assert steps(out, "trusted")[0]["client"] == "192.0.2.77"
    p = server.cli("explain", "cron@host.example", f"x@{PLAIN}", "--from", "anywhere", check=False)
    assert p.returncode == 3 and "--from takes the address of a client" in p.stderr


def test_a_route_that_refuses_says_what_a_client_hears(server):
    with server.submission("alice") as c:
        c.ehlo("c.example")
        c.mail(f"alice@{DOMAIN}")
        code, text = c.rcpt("x@closed.example")
    out = why(server, f"alice@{DOMAIN}", "x@closed.example", code=1)
    assert (out["decision"], out["smtp"]) == ("denied", f"{code} {text.decode()}") and steps(out, "refused")[0]["pattern"] == "closed.example"
    assert why(server, "x@closed.example", code=1)["decision"] == "denied"


def test_what_a_route_keeps_here_waits_when_its_domain_is_not_ours(server):
    one = onward(why(server, f"alice@{DOMAIN}", f"x@held.{DOMAIN}", code=0), f"x@held.{DOMAIN}")
    [trouble] = steps(one, "trouble")
    assert (trouble["outcome"], trouble["reply"]) == ("later", "451 4.3.5 a route leads to mailboxes here, but the domain is not ours")
    text = server.cli("explain", f"alice@{DOMAIN}", f"x@held.{DOMAIN}").stdout
    assert "  the mail would wait: 451 4.3.5 a route leads to mailboxes here, but the domain is not ours\n" in text


def test_rfc7672_2_2_the_mx_hosts_are_told_as_dns_says_now_with_dane_where_all_is_signed(server):
    one = onward(why(server, f"alice@{DOMAIN}", f"x@{SIGNED}", code=0), f"x@{SIGNED}")
    [route] = steps(one, "route")
    assert (route["pattern"], route["target"]) == ("", f"mx:{SIGNED}") and "file" not in route
    first, second = steps(one, "host")
    assert (first["name"], first["preference"], first["addresses"]) == (f"mx1.{SIGNED}", 10, "192.0.2.1")
    assert (first["tls"], first["cause"], first["authentic"]) == ("dane", "dane", True)
    assert (second["name"], second["preference"], second["tls"], second["cause"]) == (f"mx2.{SIGNED}", 20, "may", "default")


def test_the_directive_that_counts_is_told_with_its_place_and_never_a_password(server):
    one = onward(why(server, f"alice@{DOMAIN}", f"x@{PLAIN}", code=0), f"x@{PLAIN}")
    [host] = steps(one, "host")
    assert (host["tls"], host["cause"], host["rule"]) == ("encrypt", "outgoing_tls", PLAIN)
    assert {k: host[k] for k in ("file", "line", "column")} == place(server, "outgoing_tls plain")
    one = onward(why(server, f"alice@{DOMAIN}", "x@a.relayed.example", code=0), "x@a.relayed.example")
    [route], [login], [host] = steps(one, "route"), steps(one, "login"), steps(one, "host")
    assert (route["pattern"], route["target"]) == (".relayed.example", "mx.plain.example:587")
    assert {k: route[k] for k in ("file", "line", "column")} == place(server, "route .relayed")
    assert login["name"] == "relay-user" and {k: login[k] for k in ("file", "line", "column")} == place(server, "outgoing_login")
    assert (host["tls"], host["cause"]) == ("verify", "outgoing_login")
    text = server.cli("explain", f"alice@{DOMAIN}", "x@a.relayed.example").stdout
    where = place(server, "route .relayed")
    assert f"  the route that counts: route .relayed.example to mx.plain.example:587 ({where['file']}:{where['line']}:1)\n" in text
    assert "  with a log-in as relay-user (" in text and "azerty" not in text + json.dumps(one)


def test_a_directive_that_the_file_has_no_more_is_told_as_such(server):
    before = server.conf.read_text()
    server.conf.write_text(before.replace("route .relayed.example to mx.plain.example:587;", "route .relayed.example to mx.other.example;"))
    try:
        text = server.cli("explain", f"alice@{DOMAIN}", "x@a.relayed.example").stdout
    finally:
        server.conf.write_text(before)
    assert "route .relayed.example to mx.plain.example:587 (the configuration has it no more, or otherwise" in text


def test_rfc5321_4_1_3_an_address_literal_is_told_as_the_host_itself(server):
    said = server.cli("explain", f"alice@{DOMAIN}", "x@[192.0.2.1]").stdout
    assert "no route counts: it goes to the host that the address itself names (mx:[192.0.2.1])" in said and "MX" not in said
    assert "the address 192.0.2.1: " in said


def test_what_is_not_known_now_is_said_and_what_a_mail_would_get(server):
    one = onward(why(server, f"alice@{DOMAIN}", "x@gone.example", code=0), "x@gone.example")
    assert steps(one, "trouble") == [{"step": "trouble", "outcome": "never", "reply": "550 5.1.2 the domain gone.example does not exist"}]


@pytest.fixture
def queue_alone():
    """The queue, with a relay that is the test's, and its socket."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mermoz-queue-"))
    os.chmod(folder, 0o755)  # as root the role runs as another user
    role = Role("queue", ["relay"], f"hostname mail.{DOMAIN};\ndomain {DOMAIN};\nstate_directory {make_place(folder)};\n", folder)
    path = str(folder / "queue.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.setblocking(False)
        role.control.send("LISTEN", listener.fileno(), service=QUEUE_CONTROL, address="unix:" + path)
        yield role, path
        role.control.send("UNLISTEN", service=QUEUE_CONTROL, address="unix:" + path)
    role.stop()
    shutil.rmtree(folder)


def make_place(folder):
    state = folder / "state"
    for place in (state, state / "queue"):
        place.mkdir()
        os.chmod(place, 0o777)
    return state


def answer_of(path, relay):
    """What a question gets; relay(request) says what the relay does with the PLAN."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        s.sendall(f"explain\trecipient=x@{PLAIN}\n".encode())
        relay()
        text = b""
        while not text.endswith(b"\n\n"):
            text += s.recv(65536)
    return text.decode().split("\n")[1:-2]


def test_what_a_relay_says_goes_on_only_in_whole_lines_of_the_grammar(queue_alone):
    role, path = queue_alone

    def say(lines):
        def relay():
            name, plan = role.peers["relay"].receive()
            assert (name, plan["host"]) == ("PLAN", PLAIN.encode())
            role.peers["relay"].send("PLANNED", request=plan["request"], lines=lines)
        return answer_of(path, relay)

    def head_of(answer):
        return [line.split("\t")[0] for line in answer]

    assert say("trouble\treply=no\n")[-2:] == ["trouble\treply=no", "end"]
    for lines in ("trouble\treply=no", "trouble\treply=no\n\n", "\n", "trouble\treply=\x1b[1m\n", "lines\nX\n", "end\t\n", "a\tb\n"):
        assert head_of(say(lines)) == ["route", "destination", "relay_away", "end"], lines
    assert head_of(answer_of(path, role.peers["relay"].close)) == ["route", "destination", "relay_away", "end"]
    role.reconnect("relay")
    assert head_of(say("")) == ["route", "destination", "end"]


def test_rest_and_waiting_mail_of_the_destination_are_told_and_nothing_is_sent(server):
    def told():
        one = onward(why(server, f"alice@{DOMAIN}", "x@dead.example", code=0), "x@dead.example")
        return steps(one, "destination")[0], one

    before, _ = told()
    assert (before["waiting"], before["rests_until_s"]) == (0, 0)
    with server.submission("alice") as c:
        c.sendmail(f"alice@{DOMAIN}", ["x@dead.example"], b"Subject: x\r\n\r\nx\r\n")
    wait_until(lambda: told()[0]["rests_until_s"], what="the rest of a destination that does not answer")
    now, one = told()
    assert now["waiting"] == 1 and now["failures"] == 1 and steps(one, "host")[0]["addresses"] == "127.0.0.1"
    text = server.cli("explain", f"alice@{DOMAIN}", "x@dead.example").stdout
    assert "1 recipient waits for it; it rests until 20" in text and "since nobody answered" in text
    assert len(server.events("queue.enqueued")) <= 1


def test_of_an_alias_each_address_elsewhere_is_gone_after(server):
    server.cli("alias", "add", f"both@{DOMAIN}", f"x@{PLAIN}", f"y@{SIGNED}", f"bob@{DOMAIN}")
    out = why(server, f"both@{DOMAIN}", code=0)
    assert sorted(one["address"] for one in out["onward"]) == [f"x@{PLAIN}", f"y@{SIGNED}"] and out["elsewhere"] == 2
    text = server.cli("explain", f"both@{DOMAIN}").stdout
    assert f"Onward, to x@{PLAIN}:\n" in text and f"Onward, to y@{SIGNED}:\n" in text


def test_without_its_queue_the_answer_is_not_whole(server):
    path = server.directory / "run" / "queue.sock"
    path.rename(path.with_suffix(".away"))
    try:
        p = server.cli("explain", f"alice@{DOMAIN}", f"x@{PLAIN}", "--json", check=False)
    finally:
        path.with_suffix(".away").rename(path)
    assert p.returncode == 3 and "the queue does not answer" in onward(json.loads(p.stdout), f"x@{PLAIN}")["error"]
