"""kill -9 of each role while mail for elsewhere and for here comes in: what was acknowledged arrives, and twice only where the protocol leaves no choice."""
import collections
import datetime
import json
import re
import smtplib
import threading
import time

import pytest

from conftest import DOMAIN, lives, running_server, wait_until
from nameserver import Fake, record
from test_outgoing import ELSEWHERE, elsewhere  # noqa: F401: a fixture

HOST = f"mx.{ELSEWHERE}"
MAILS, KILLS, LOADS = 300, 3, 4
ROLES = ["front", "directory", "store", "queue", "relay", "resolver"]
SUBJECT = re.compile(rb"^Subject: (load-\S+)\r?$", re.M)


class Load(threading.Thread):
    """Numbered mails, each to somebody elsewhere and every third to somebody here, too; remembers what was answered."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.stop = threading.Event()
        self.accepted, self.unknown, self.refused = {}, set(), []

    def run(self):
        serial = 0
        while not self.stop.is_set():
            try:
                with self.server.smtp() as s:
                    while not self.stop.is_set():
                        serial += 1
                        self.one(s, f"load-{self.number}-{serial}", serial % 3 == 0)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)  # only the answer counts

    def one(self, s, subject, is_here_too):
        self.unknown.add(subject)  # until it is answered
        s.ehlo_or_helo_if_needed()
        commands = [f"MAIL FROM:<printer@{DOMAIN}>", f"RCPT TO:<bob@{ELSEWHERE}>"] + [f"RCPT TO:<carol@{DOMAIN}>"] * is_here_too + ["DATA"]
        for command in commands:
            code, text = s.docmd(command)
            if code >= 400:
                break
        else:
            s.send(f"Subject: {subject}\r\n\r\n{'x' * 990}\r\n.\r\n".encode())
            code, text = s.getreply()
        if code >= 500:
            self.refused.append((code, text))
        if code == 250:
            self.unknown.remove(subject)
            self.accepted[subject] = (text.decode().split(), is_here_too)
        else:
            s.rset()


def count_elsewhere(elsewhere):  # noqa: F811
    with elsewhere.lock:
        return collections.Counter(SUBJECT.search(m["text"]).group(1).decode() for m in elsewhere.mails)


def count_here(server):
    return collections.Counter(SUBJECT.search(p.read_bytes()).group(1).decode() for p in server.files("carol"))


def times_of(server, event, field):
    """field: [seconds since 1970 of each such event that has it]."""
    out = collections.defaultdict(list)
    for line in server.log_text().splitlines():
        if f" {event} " in line:
            at = datetime.datetime.fromisoformat(line.split(" ", 1)[0].replace("Z", "+00:00")).timestamp()
            out[re.search(rf" {field}=(\S+)", line).group(1)].append(at)
    return out


def accepted_of(loads):
    return {subject: of for load in loads for subject, of in load.accepted.copy().items()}


def kill(server, role):
    """The supervisor takes all others with it, and is started again as by systemd."""
    if role != "supervisor":
        server.kill_role(role)
        return
    pids = [pid for each in ROLES for pid in server.role_pids(each)]
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not any(lives(pid) for pid in pids), 20, "the roles' end")
    server.start()


@pytest.mark.parametrize("role", [*ROLES, "supervisor"])
def test_killing_a_role_under_relayed_load_loses_nothing_rfc5321_6_1(elsewhere, role):  # noqa: F811
    dns = Fake(lambda q: q.answer(record(q.name, "A", "127.0.0.1", ttl=1)) if q.type == 1 and q.name == HOST else q.answer())
    extra = f"trusted_networks 127.0.0.0/8;\noutgoing_loopback yes;\nresolver 127.0.0.1:{dns.port};\nqueue {{ retry_first 1s; }}\n" \
            f"route {ELSEWHERE} to {HOST}:{elsewhere.port};\n"
    killed = []
    try:
        with running_server(extra) as server:
            loads = [Load(server, n) for n in range(LOADS)]
            for load in loads:
                load.start()
            for n in range(KILLS):
                wait_until(lambda: len(accepted_of(loads)) > (n + 1) * MAILS // (KILLS + 1), 60, "the load")
                killed.append(time.time())
                kill(server, role)
            wait_until(lambda: len(accepted_of(loads)) >= MAILS, 60, "mail being taken again")
            for load in loads:
                load.stop.set()
            for load in loads:
                load.join(60)
            judge(server, elsewhere, role, loads, killed)
    finally:
        dns.close()


def judge(server, elsewhere, role, loads, killed):  # noqa: F811
    accepted = accepted_of(loads)
    assert not [r for load in loads for r in load.refused], "our own trouble became a permanent error"
    unknown = {s for load in loads for s in load.unknown}
    wait_until(lambda: accepted.keys() <= count_elsewhere(elsewhere).keys(), 90, "each accepted mail's arrival elsewhere")
    here = {s for s, (_, is_here_too) in accepted.items() if is_here_too}
    wait_until(lambda: here <= count_here(server).keys(), 60, "each accepted mail's arrival here")
    wait_until(lambda: json.loads(server.cli("queue", "stats", "--json").stdout)["messages"] == 0, 60, "an empty queue")
    there, twice_here = count_elsewhere(elsewhere), [s for s, n in count_here(server).items() if n > 1]
    assert there.keys() | count_here(server).keys() <= accepted.keys() | unknown, "mail was invented"
    twice = [s for s, n in there.items() if n > 1]
    print(f"{role}: {len(accepted)} accepted, {len(twice)} twice elsewhere, {len(twice_here)} twice here")
    # What the store was at when it ended: it may have kept it, and could not say so.
    assert len(twice_here) <= (KILLS * LOADS if role in ("store", "supervisor") else 0), twice_here
    if role not in ("queue", "relay", "supervisor"):
        assert not twice
        return
    # RFC 5321 6.1: the other side had taken it, and nobody here could know that when the role ended.
    kills = killed if role == "supervisor" else times_of(server, "role.died", "died")[role]
    for mail, sent in times_of(server, "relay.sent", "mail").items():
        if len(sent) > 1:
            assert any(sent[0] <= killed + 0.1 and killed - sent[0] < 1.5 for killed in kills), (mail, sent, kills)
