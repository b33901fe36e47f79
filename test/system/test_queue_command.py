"""mermoz queue: what waits is listed, held, released, tried now, removed, returned."""
import contextlib
import json
import os
import re
import subprocess

import pytest

from conftest import DOMAIN, executable, running_server, wait_until
from peer import Peer
from test_outgoing import ELSEWHERE, elsewhere, report_for, submit  # noqa: F401: a fixture

EXTRA = "queue {{ retry_first 1h; }}\nroute {domain} to 127.0.0.1:{port};\n"


@pytest.fixture
def server(elsewhere):  # noqa: F811
    with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port)) as s:
        yield s


def queue(server, *args, code=0):
    p = server.cli("queue", *args, check=False)
    assert p.returncode == code, (args, p.returncode, p.stdout, p.stderr)
    return p.stdout


def waits(server, *selection):
    return json.loads(queue(server, "list", "--json", *selection))


def did(server, verb, *selection, code=0):
    out = json.loads(queue(server, verb, "--json", *selection, code=code))
    return out["recipients"], out["left_alone"]


def address(name):
    return f"{name}@{ELSEWHERE}"


def defer(server, elsewhere, *names, sender="alice", subject="late"):  # noqa: F811
    """Mail to those names waits for an hour after its first attempt; its id."""
    known = {line["mail"] for line in waits(server)}
    for name in names:
        elsewhere.answers[address(name)] = "450 4.2.0 Greylisted, come back"
    submit(server, *(address(name) for name in names), subject=subject, sender=sender)
    lines = wait_until(lambda: [line for line in waits(server) if line["mail"] not in known and line["state"] == "waiting"] or None,
                       what="the first attempt's end")
    assert len(lines) == len(names)
    return lines[0]["mail"]


def accept(elsewhere, *names):  # noqa: F811
    for name in names:
        del elsewhere.answers[address(name)]


def test_an_empty_queue_is_no_error(server):
    assert queue(server, "list") == "No such mail waits.\n"
    assert waits(server) == []
    assert did(server, "remove", "--all") == (0, 0)
    stats = json.loads(queue(server, "stats", "--json"))
    assert stats["messages"] == stats["recipients"] == stats["oldest_s"] == 0


def test_each_recipient_that_waits_is_a_line(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol")
    out = queue(server, "list")
    assert len(out.splitlines()) == 2
    assert re.search(rf"^{mail}  \d+s  <alice@{DOMAIN}>  <bob@{ELSEWHERE}>  waiting until \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ  attempts 1  "
                     rf"to 127\.0\.0\.1:{elsewhere.port}  450 4\.2\.0 Greylisted, come back$", out, re.M), out
    [line] = waits(server, "--recipient", address("carol"))
    assert line["sender"] == f"alice@{DOMAIN}" and line["attempts"] == 1 and line["state"] == "waiting"
    assert line["until_s"] > 3500 and line["reply"].startswith("450 4.2.0")


def test_show_tells_one_mail_and_no_other(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol")
    other = defer(server, elsewhere, "dave")
    out = json.loads(queue(server, "show", mail, "--json"))
    assert out["mail"] == mail and out["sender"] == f"alice@{DOMAIN}" and out["size"] > 0
    assert sorted(r["recipient"] for r in out["recipients"]) == [address("bob"), address("carol")]
    text = queue(server, "show", mail)
    assert mail in text and f"<{address('bob')}>" in text and "2 that still wait" in text and other not in text
    p = server.cli("queue", "show", "01JDXYZ0123456789ABCDEFGHJ", check=False)
    assert p.returncode == 1 and "no mail 01JDXYZ" in p.stderr


def raw(server, *args, code=0):
    p = subprocess.run([executable(), "queue", "show", *args, "-c", server.conf], capture_output=True, timeout=60)
    assert p.returncode == code, (args, p.returncode, p.stdout, p.stderr)
    return p.stdout if code == 0 else p.stderr.decode()


@pytest.mark.parametrize("octets", [10, 3_000_000], ids=["small", "large"])
def test_show_gives_the_message_as_it_is(server, elsewhere, octets):  # noqa: F811
    elsewhere.answers[address("bob")] = "450 4.2.0 Greylisted, come back"
    body = b"caf\xe9 \x1b[31mred\r\n.\r\n" + b"0123456789\r\n" * (octets // 10)
    with server.submission() as s:
        assert s.sendmail(f"alice@{DOMAIN}", [address("bob")], b"Subject: \x1b]0;title\x07\r\nX-Folded: a\r\n\tb\r\n\r\n" + body, ["BODY=8BITMIME"]) == {}
    [mail] = [line["mail"] for line in waits(server)]
    whole = raw(server, mail, "--message")
    header, _, rest = whole.partition(b"\n\n")
    assert rest == body.replace(b"\r\n", b"\n") and b"\nSubject: \x1b]0;title\x07\nX-Folded: a\n\tb\n" in header + b"\n"
    assert header.startswith(b"Received: ") and len(whole) + whole.count(b"\n") == json.loads(queue(server, "show", mail, "--json"))["size"]
    assert raw(server, mail, "--headers") == header + b"\n"


def test_a_terminal_obeys_nothing_of_a_message(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", subject="\x1b]0;title\x07\tcaf\u00e9 \u009b31m")
    master, slave = os.openpty()
    p = subprocess.run([executable(), "queue", "show", mail, "--message", "-c", server.conf], stdout=slave, timeout=60, check=True)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: all was read
        while piece := os.read(master, 65536):
            shown += piece
    os.close(master)
    assert p.returncode == 0 and "Subject: \\x1b]0;title\\x07\tcaf\u00e9 \\xc2\\x9b31m\r\n".encode() in shown
    assert not [octet for octet in shown if octet < 32 and octet not in b"\r\n\t"]


def test_what_can_not_be_shown_is_said(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob")
    assert "no mail 01JDXYZ0123456789ABCDEFGHJ waits" in raw(server, "01JDXYZ0123456789ABCDEFGHJ", "--headers", code=1)
    assert "that is no mail id" in raw(server, "../../../../etc/passwd", "--message", code=3)
    for args, said in ((("--message",), "it is: mermoz queue show ID"), ((mail, "--headers", "--message"), "--message has the headers, too"),
                       ((mail, "--headers", "--json"), "are not told as JSON")):
        assert said in raw(server, *args, code=2)
    p = server.cli("queue", "list", mail, "--message", check=False)
    assert p.returncode == 2 and "go with show alone" in p.stderr
    if os.geteuid() == 0:
        p = subprocess.run([executable(), "queue", "show", mail, "--message", "-c", server.conf], capture_output=True, text=True, user="daemon")
        assert (p.returncode, p.stdout) == (3, "") and "queue.sock: Permission denied" in p.stderr


def test_a_selection_means_what_all_of_it_says(server, elsewhere):  # noqa: F811
    first = defer(server, elsewhere, "bob", "carol")
    second = defer(server, elsewhere, "bob", sender="bob")

    def mails(*selection):
        return sorted({line["mail"] for line in waits(server, *selection)})
    assert mails() == sorted([first, second])
    assert mails("--sender", f"bob@{DOMAIN}") == [second]
    assert mails("--sender", "<>") == []
    assert mails("--recipient", f"@{ELSEWHERE.upper()}") == sorted([first, second])
    assert mails("--recipient", address("bob"), "--sender", f"ALICE@{DOMAIN}") == [first]
    assert mails("--destination", "127.0.0.1") == mails("--destination", f"127.0.0.1:{elsewhere.port}") == sorted([first, second])
    assert mails("--destination", "elsewhere.example") == []
    assert mails("--reason", "greylisted") == sorted([first, second]) and mails("--reason", "no such user") == []
    assert mails("--older", "1d") == []
    assert len(waits(server, "--limit", "2")) == 2
    assert mails(first) == [first]


def test_what_is_held_waits_over_a_restart_until_it_is_released(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol", subject="held")
    assert did(server, "hold", "--recipient", address("bob")) == (1, 0)
    assert did(server, "hold", mail) == (1, 0)
    assert {line["state"] for line in waits(server)} == {"held"}
    assert did(server, "hold", mail, code=1) == (0, 0), "it is held already"
    assert did(server, "retry", "--all") == (0, 0), "what is held stays"
    server.kill_all()
    server.start()
    assert [line["state"] for line in waits(server, mail)] == ["held", "held"]
    accept(elsewhere, "bob", "carol")
    assert did(server, "release", "--recipient", address("bob")) == (1, 0)
    assert did(server, "retry", mail) == (1, 0)
    wait_until(lambda: elsewhere.mails, what="the released mail")
    assert elsewhere.mails[0]["to"] == [address("bob")]
    assert [(line["recipient"], line["state"]) for line in waits(server)] == [(address("carol"), "held")]
    assert did(server, "release", "--all") == (1, 0) and did(server, "retry", "--all") == (1, 0)
    wait_until(lambda: len(elsewhere.mails) == 2, what="the rest")
    wait_until(lambda: not waits(server), what="an empty queue")


def test_a_retry_is_now(server, elsewhere):  # noqa: F811
    defer(server, elsewhere, "bob")
    accept(elsewhere, "bob")
    assert queue(server, "retry", "--all") == "Due now: 1 recipient of 1 message.\n"
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")


def test_a_removed_mail_is_gone_and_nobody_is_told(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol", subject="removed")
    assert did(server, "remove", mail, "--recipient", address("bob")) == (1, 0)
    assert [line["recipient"] for line in waits(server)] == [address("carol")]
    assert queue(server, "remove", mail) == "Removed 1 recipient of 1 message.\n"
    assert waits(server) == []
    [first, second] = server.events("queue.removed")
    assert mail in str(first) and address("carol") in str(second)
    server.kill_all()
    server.start()
    assert waits(server) == [] and report_for(server, "alice", "removed") is None and not elsewhere.mails
    messages = server.directory / "state" / "queue" / "messages"
    wait_until(lambda: not list(messages.glob("*/*")), what="the end of its file")


def test_a_returned_mail_is_reported_to_its_sender_rfc3464(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol", subject="returned")
    assert did(server, "hold", "--recipient", address("carol")) == (1, 0)
    assert queue(server, "bounce", mail) == "On the way back: 2 recipients of 1 message.\n"
    report = wait_until(lambda: report_for(server, "alice", "returned"), what="the report")
    parts = report.get_payload()[1].get_payload()
    assert [p["Action"] for p in parts[1:]] == ["failed", "failed"] and {p["Status"] for p in parts[1:]} == {"5.7.0"}
    assert "returned to its sender by the administrator" in str(report)
    wait_until(lambda: not waits(server), what="an empty queue")
    assert not elsewhere.mails


def test_what_is_being_sent_is_left_alone_and_that_is_said(server, elsewhere):  # noqa: F811
    submit(server, address("bob"), subject="first")
    wait_until(lambda: elsewhere.mails and not waits(server), what="the first mail")
    [relay] = server.role_pids("relay")
    os.kill(relay, 19)
    try:
        submit(server, address("bob"), subject="on its way")
        [line] = wait_until(lambda: waits(server) or None, what="the mail")
        assert line["state"] == "sending"
        p = server.cli("queue", "remove", "--all")
        assert p.stdout == "Removed 0 recipients of 0 messages.\n1 recipient is being sent right now and was left alone.\n"
        assert did(server, "bounce", line["mail"], code=1) == (0, 1)
        assert json.loads(queue(server, "stats", "--json"))["sending"] == 1
    finally:
        os.kill(relay, 18)
    wait_until(lambda: len(elsewhere.mails) == 2, what="the mail's arrival")


@pytest.fixture
def other_way():
    other = Peer()
    yield other
    other.leave()


def test_rerouted_mail_goes_another_way_at_once_and_the_rest_does_not(server, elsewhere, other_way):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol")
    to = f"127.0.0.1:{other_way.port}"
    out = json.loads(queue(server, "reroute", mail, "--recipient", address("bob"), "--to", to, "--json"))
    assert (out["recipients"], out["left_alone"]) == (1, 0)
    wait_until(lambda: other_way.mails, what="the mail that went another way")
    assert other_way.mails[0]["to"] == [address("bob")] and not elsewhere.mails
    [line] = wait_until(lambda: (lines := waits(server)) and len(lines) == 1 and lines, what="the end of the other recipient")
    assert (line["recipient"], line["rerouted"], line["state"]) == (address("carol"), "", "waiting")
    assert server.events("queue.rerouted")


def test_the_other_way_outlives_restarts_and_reloads(server, elsewhere, other_way):  # noqa: F811
    defer(server, elsewhere, "bob", "carol")
    other_way.answers[address("bob")] = "450 4.2.0 not yet"
    to = f"127.0.0.1:{other_way.port}"
    assert queue(server, "hold", "--recipient", address("carol"))
    assert queue(server, "reroute", "--all", "--to", to) == "Sent another way: 2 recipients of 1 message.\n"

    def now():
        return {line["recipient"]: (line["state"], line["destination"], line["rerouted"], line["attempts"]) for line in waits(server)}

    expected = {address("bob"): ("waiting", to, to, 2), address("carol"): ("held", to, to, 1)}
    wait_until(lambda: now() == expected, what="the attempt that went the other way")
    os.kill(server.process.pid, 1)
    wait_until(lambda: server.events("config.reloaded"), what="the reload")
    assert now() == expected
    server.kill_role("queue")
    wait_until(lambda: server.cli("queue", "stats", check=False).returncode == 0, what="the next queue")
    # What came of an attempt is kept once a second, so that it may be made again.
    assert {name: (way, to) for name, (_, way, to, _) in now().items()} == dict.fromkeys(expected, (to, to))
    assert now()[address("carol")] == expected[address("carol")]
    wait_until(lambda: now()[address("bob")][0] == "waiting", what="the attempt of the next queue")
    del other_way.answers[address("bob")]
    queue(server, "retry", "--destination", to)
    wait_until(lambda: other_way.mails, what="the mail that went another way")
    queue(server, "release", "--all")
    wait_until(lambda: len(other_way.mails) == 2 and not waits(server), what="the one that was held")
    assert not elsewhere.mails


def test_the_way_of_the_route_is_taken_again_when_it_is_asked_for(server, elsewhere, other_way):  # noqa: F811
    mail = defer(server, elsewhere, "bob")
    other_way.answers[address("bob")] = "450 4.2.0 not yet"
    queue(server, "reroute", mail, "--to", f"127.0.0.1:{other_way.port}")
    wait_until(lambda: [line for line in waits(server) if line["attempts"] == 2], what="the attempt that went the other way")
    assert "(rerouted)" in queue(server, "list")
    accept(elsewhere, "bob")
    queue(server, "reroute", mail, "--to", "default")
    wait_until(lambda: elsewhere.mails, what="the mail on its own way")
    p = server.cli("queue", "reroute", "--all", "--to", "mailboxes", check=False)
    assert p.returncode == 3 and "--to takes HOST[:PORT], lmtp:HOST[:PORT], mx:DOMAIN" in p.stderr


def test_who_speaks_lmtp_is_told_apart(server, elsewhere):  # noqa: F811
    mail = defer(server, elsewhere, "bob", "carol")
    queue(server, "hold", "--all")
    queue(server, "reroute", mail, "--recipient", address("bob"), "--to", f"lmtp:127.0.0.1:{elsewhere.port}")
    to = f"127.0.0.1:{elsewhere.port}"
    assert {line["recipient"]: line["destination"] for line in waits(server)} == {address("bob"): f"lmtp:{to}", address("carol"): to}
    assert [line["recipient"] for line in waits(server, "--destination", f"LMTP:{to}")] == [address("bob")]
    assert len(waits(server, "--destination", to)) == len(waits(server, "--destination", "127.0.0.1")) == 2


def test_stats_count_by_state(server, elsewhere):  # noqa: F811
    defer(server, elsewhere, "bob", "carol", "dave")
    queue(server, "hold", "--recipient", address("dave"))
    stats = json.loads(queue(server, "stats", "--json"))
    assert (stats["messages"], stats["recipients"], stats["waiting"], stats["held"]) == (1, 3, 2, 1)
    assert (stats["ready"], stats["sending"], stats["destinations"], stats["resting"]) == (0, 0, 1, 0)
    stats = json.loads(queue(server, "stats", "--recipient", address("dave"), "--json"))
    assert (stats["messages"], stats["recipients"], stats["waiting"], stats["held"]) == (1, 1, 0, 1)
    assert json.loads(queue(server, "stats", "--sender", "nobody@x.example", "--json"))["messages"] == 0
    out = queue(server, "stats")
    assert re.search(r"^held +1$", out, re.M) and re.search(r"^oldest +\d+s$", out, re.M)


def test_a_long_list_comes_in_pieces_and_misses_nobody(server, elsewhere):  # noqa: F811
    elsewhere.answers["DATA"] = "451 4.3.0 " + "not now, " * 40
    names = [f"somebody-with-a-long-name-{i:04d}" for i in range(400)]
    for at in range(0, 400, 80):
        submit(server, *(address(name) for name in names[at:at + 80]), subject="long")
    wait_until(lambda: len(waits(server, "--reason", "not now")) == 400, 40, "the first attempts")
    out = queue(server, "list")
    assert len(out) > 200_000
    assert sorted(line.split("  ")[3] for line in out.splitlines()) == sorted(f"<{address(n)}>" for n in names)
    assert len(waits(server, "--limit", "250")) == 250
    assert did(server, "hold", "--all", "--limit", "250") == (250, 0)
    stats = json.loads(queue(server, "stats", "--json"))
    assert (stats["held"], stats["waiting"]) == (250, 150)
    assert did(server, "remove", "--all") == (400, 0)
    assert waits(server) == []


@pytest.mark.parametrize("args", [
    (), ("lists",), ("show",), ("show", "--all"), ("remove",), ("remove", "--limit", "3"), ("hold", "--all", "--sender", f"alice@{DOMAIN}"),
    ("list", "--limit", "0"), ("list", "--older", "soon"), ("list", "--sender", ""), ("reroute", "--all"), ("reroute", "--to", "relay.example"),
    ("retry", "--all", "--to", "relay.example"), ("list", "--to", "relay.example"), ("reroute", "--all", "--to", ""), ("retry", "a", "b"), ("list", "--colour", "red")])
def test_what_is_not_clear_is_refused_and_changes_nothing(server, args):
    assert server.cli("queue", *args, check=False).returncode == 2


def test_a_server_that_can_not_be_asked_is_another_exit_code(server, tmp_path):
    (tmp_path / "other.conf").write_text(server.conf.read_text().replace(f"{server.directory}/run;", f"{tmp_path};"))
    p = server.mermoz("queue", "list", "-c", str(tmp_path / "other.conf"), check=False)
    assert p.returncode == 3 and "no server runs" in p.stderr and not p.stdout
    p = server.cli("queue", "show", "no-id", check=False)
    assert p.returncode == 3 and "that is no mail id" in p.stderr
    assert os.stat(server.directory / "run" / "queue.sock").st_mode & 0o077 == 0
    assert "mermoz queue stats" in server.mermoz("queue", "--help").stdout
