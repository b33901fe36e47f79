"""`route … to error`: what it refuses goes nowhere, whichever way it came: named by a client, by an alias, or in the queue already."""
import email
import json
import smtplib

import pytest

from conftest import DOMAIN, running_server, wait_until
from peer import Peer

EXTRA = """queue {{ retry_first 1s; }}
route closed.iut to error "It has closed";
route moved.iut to error "5.1.6 It has moved";
route busy.iut to error "4.3.2 Come back tomorrow";
route bob@{domain} to error "Bob has left";
route open.iut to 127.0.0.1:{port};
route * to 127.0.0.1:{port};
"""
ALIASES = {"one": ["z@closed.iut"], "two": ["z@closed.iut", "z@moved.iut"], "mixed": ["z@closed.iut", "z@open.iut"], "here": ["z@closed.iut", f"carol@{DOMAIN}"],
           "solo": [f"bob@{DOMAIN}"], "couple": [f"bob@{DOMAIN}", f"carol@{DOMAIN}"], "busy": ["z@busy.iut"]}


@pytest.fixture(scope="module")
def elsewhere():
    peer = Peer()
    yield peer
    peer.leave()


@pytest.fixture(scope="module")
def server(elsewhere):
    with running_server(EXTRA.format(domain=DOMAIN, port=elsewhere.port)) as s:
        for name, targets in ALIASES.items():
            s.cli("alias", "add", f"{name}@{DOMAIN}", *targets)
        yield s


def rcpt(server, address):
    with server.smtp() as s:
        s.ehlo()
        s.mail(f"carol@{DOMAIN}")
        code, text = s.rcpt(address)
        return f"{code} {text.decode()}"


def submit(server, *recipients, subject):
    with server.submission() as s:
        assert s.sendmail(f"alice@{DOMAIN}", recipients, f"Subject: {subject}\r\n\r\nx\r\n".encode()) == {}


def report_on(server, subject):
    for path in server.files("alice"):
        report = email.message_from_bytes(path.read_bytes())
        if report.get_content_type() == "multipart/report" and subject in report.as_string():
            return report
    return None


def explain(server, *args, code):
    p = server.cli("explain", *args, "--json", check=False)
    assert p.returncode == code, p.stdout + p.stderr
    return json.loads(p.stdout)


@pytest.mark.parametrize("name, reply", [("one", "550 5.7.1 It has closed"), ("two", "550 5.7.1 It has closed"), ("bob", "550 5.7.1 Bob has left"),
                                         ("solo", "550 5.7.1 Bob has left"), ("busy", "450 4.3.2 Come back tomorrow")])
def test_an_alias_whose_targets_are_all_refused_is_refused_in_the_words_of_the_route(server, name, reply):
    assert rcpt(server, f"{name}@{DOMAIN}") == reply
    out = explain(server, f"{name}@{DOMAIN}", code=1)
    assert (out["decision"], out["smtp"]) == ("later" if name == "busy" else "denied", reply)


def test_rfc3463_2_the_code_in_front_of_the_words_is_that_of_the_reply(server):
    with server.submission() as s:
        s.mail(f"alice@{DOMAIN}")
        assert s.rcpt("x@moved.iut") == (550, b"5.1.6 It has moved")
        assert s.rcpt("x@busy.iut") == (450, b"4.3.2 Come back tomorrow")
    assert explain(server, f"alice@{DOMAIN}", "x@moved.iut", code=1)["smtp"] == "550 5.1.6 It has moved"


@pytest.mark.parametrize("name, address, words", [("mixed", "z@closed.iut", "5.7.1 It has closed"), ("here", "z@closed.iut", "5.7.1 It has closed"),
                                                  ("couple", f"bob@{DOMAIN}", "5.7.1 Bob has left")])
def test_of_several_targets_the_sender_hears_of_the_one_that_is_refused(server, elsewhere, name, address, words):
    submit(server, f"{name}@{DOMAIN}", subject=f"to {name}")
    report = wait_until(lambda: report_on(server, f"to {name}"), what="the report")
    assert f"Diagnostic-Code: X-Mermoz; 550 {words}" in report.as_string() and f"Status: {words.split()[0]}" in report.as_string()
    assert not [m for m in elsewhere.mails if address in m["to"]] and not server.files("bob")
    if name == "mixed":
        wait_until(lambda: [m for m in elsewhere.mails if "z@open.iut" in m["to"]], what="the other one's mail")
    text = server.cli("explain", f"{name}@{DOMAIN}").stdout
    assert f"Onward, to {address}:\n  the route that counts: route {address if name == 'couple' else 'closed.iut'} to error ({server.conf}:" in text
    assert f"  the mail would go back to its sender: 550 {words}\n" in text


def test_what_waited_when_the_route_was_written_comes_back(elsewhere):
    elsewhere.answers["x@late.iut"] = "450 4.2.0 not yet"
    with running_server(EXTRA.format(domain=DOMAIN, port=elsewhere.port)) as s:
        with s.submission() as c:
            c.sendmail(f"alice@{DOMAIN}", ["x@late.iut"], b"Subject: held\r\n\r\nx\r\n")
        wait_until(lambda: s.events("queue.deferred"), what="the first try")
        s.cli("queue", "hold", "--all")
        elsewhere.answers.clear()
        s.extra += 'route late.iut to error "5.1.2 There was nobody";\n'
        s.write_conf()
        s.process.send_signal(1)
        wait_until(lambda: s.events("config.reloaded"), what="the reload")
        s.cli("queue", "release", "--all")
        report = wait_until(lambda: report_on(s, "held"), what="the report")
        assert "Diagnostic-Code: X-Mermoz; 550 5.1.2 There was nobody" in report.as_string() and "Status: 5.1.2" in report.as_string()
        assert not [m for m in elsewhere.mails if "x@late.iut" in m["to"]]


def test_what_a_route_refuses_for_now_waits(server):
    server.cli("alias", "add", f"some@{DOMAIN}", "z@busy.iut", f"carol@{DOMAIN}")
    submit(server, f"some@{DOMAIN}", subject="to some")
    [told] = wait_until(lambda: server.events("queue.deferred"), what="the event")
    assert told["recipient"] == "z@busy.iut" and told["reply"] == "450 4.3.2 Come back tomorrow"
    assert "450 4.3.2 Come back tomorrow" in server.cli("queue", "list").stdout


def test_what_is_refused_of_everybody_else_is_so_behind_an_alias_too_but_not_for_who_has_a_relay_host(elsewhere):
    extra = f'route * to error "Nothing leaves";\nsender_route alice@{DOMAIN} to 127.0.0.1:{elsewhere.port};\n'
    with running_server(extra) as s:
        s.cli("alias", "add", f"out@{DOMAIN}", "w@asie.iut")
        assert rcpt(s, f"out@{DOMAIN}") == "550 5.7.1 Nothing leaves"
        submit(s, f"out@{DOMAIN}", subject="by alice")
        wait_until(lambda: [m for m in elsewhere.mails if "w@asie.iut" in m["to"]], what="the mail")
        submit(s, "v@asie.iut", subject="by alice")
        wait_until(lambda: [m for m in elsewhere.mails if "v@asie.iut" in m["to"]], what="the mail to whom she named")
        explain(s, f"alice@{DOMAIN}", "v@asie.iut", code=0)
        assert explain(s, f"bob@{DOMAIN}", "v@asie.iut", code=1)["smtp"] == "550 5.7.1 Nothing leaves"


def test_a_domain_whose_mail_is_refused_is_not_called_one_that_is_sent_on(server):
    conf = server.directory / "other.conf"
    conf.write_text(server.conf.read_text() + "relay_for closed.iut any;\nrelay_for open.iut any;\n")
    out = server.mermoz("check", "-c", str(conf)).stdout
    assert "Sent on for everybody: all of open.iut (relay_for)" in out and "all of closed.iut" not in out
    assert "Refused, whoever sends it: closed.iut (route)" in out
