"""mermoz queue: one id for a mail, its order, why what waits does, and what is said of a selection that means nobody."""
import json

import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from test_outgoing import ELSEWHERE, elsewhere, submit  # noqa: F401: a fixture
from test_queue_command import EXTRA, address, queue, waits


@pytest.fixture
def server(elsewhere):  # noqa: F811
    with running_server(EXTRA.format(domain=ELSEWHERE, port=elsewhere.port) + f"route dead.iut to 127.0.0.1:{free_port()};\n") as s:
        yield s


def restart_queue(server):
    server.kill_role("queue")
    wait_until(lambda: server.cli("queue", "stats", check=False).returncode == 0, what="the next queue")


def test_all_that_a_mail_became_has_the_id_that_its_sender_was_told(server):
    names = [f"bob@{DOMAIN}", f"hold1@{ELSEWHERE}"]
    with server.submission() as s:
        assert s.mail(f"alice@{DOMAIN}", ["HOLDFOR=3600"])[0] == 250
        assert all(s.rcpt(name)[0] == 250 for name in reversed(names))
        code, text = s.data(b"Subject: two ways\r\n\r\nx\r\n")
    told = text.decode().split()[-1]
    assert code == 250 and {line["mail"] for line in waits(server)} == {told}
    restart_queue(server)
    assert sorted(line["recipient"] for line in waits(server, told)) == names
    assert {e["mail"] for e in server.events("queue.taken")} == {told}
    assert len({e["part"] for e in server.events("queue.taken")}) == 2
    shown = json.loads(queue(server, "show", told, "--json"))
    assert shown["mail"] == told and sorted(r["recipient"] for r in shown["recipients"]) == names
    assert queue(server, "show", told).count(told) == 1 and "Recipients  2 that" in queue(server, "show", told)
    queue(server, "bounce", told)
    wait_until(lambda: len(server.files("alice")) == 2, what="the reports")
    assert all(f"X-Mermoz-Mail-Id: {told}\n" in p.read_text() for p in server.files("alice"))
    assert {e["about"] for e in server.events("queue.reported")} == {told} and waits(server) == []


def test_a_mail_of_which_any_part_waits_can_be_read(server):
    names = [f"bob@{DOMAIN}", f"hold2@{ELSEWHERE}"]
    with server.submission() as s:
        assert s.mail(f"alice@{DOMAIN}", ["HOLDFOR=3600"])[0] == 250
        assert all(s.rcpt(name)[0] == 250 for name in names)
        told = s.data(b"Subject: two parts\r\n\r\nx\r\n")[1].decode().split()[-1]
    for name in reversed(names):
        assert "\nSubject: two parts\n\nx\n" in queue(server, "show", told, "--message")
        queue(server, "remove", told, "--recipient", name)
    assert "no mail" in server.cli("queue", "show", told, "--message", check=False).stderr


def test_a_list_begins_with_the_newest_mail_after_a_restart_too(server, elsewhere):  # noqa: F811
    elsewhere.answers["MAIL"] = "450 4.3.2 not now"
    for i in range(9):
        submit(server, address(f"u{i}"))
    wait_until(lambda: len([line for line in waits(server) if line["attempts"]]) == 9, what="the first attempts")
    newest_first = [address(f"u{i}") for i in reversed(range(9))]
    assert [line["recipient"] for line in waits(server)] == newest_first
    restart_queue(server)
    assert [line["recipient"] for line in waits(server)] == newest_first


def test_what_waits_since_its_destination_rests_says_why_and_until_when(server):
    submit(server, "first@dead.iut")
    wait_until(lambda: [line for line in waits(server) if line["attempts"]], what="the first attempt")
    submit(server, "second@dead.iut")
    [line] = waits(server, "--reason", "refused", "--recipient", "second@dead.iut")
    assert (line["state"], line["attempts"]) == ("resting", 0) and line["until_s"] > 0 and "refused" in line["reply"]
    out = queue(server, "list", "--recipient", "second@dead.iut")
    assert "resting until 20" in out and "refused" in out
    assert json.loads(queue(server, "stats", "--json"))["waiting"] == 2


def test_a_selection_that_can_mean_nobody_is_refused(server):
    p = server.cli("queue", "list", "--recipient", "dead.iut", check=False)
    assert p.returncode == 2 and "--recipient @example.org" in p.stderr
    p = server.cli("queue", "bounce", "--older", "0s", "--limit", "3", check=False)
    assert p.returncode == 2 and "--older" in p.stderr
