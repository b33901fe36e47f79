"""Reports on TLS between two organisations (RFC 8460): what is counted of sessions, and what the domains that ask for it get."""
import base64
import gzip
import http.server
import json
import re
import socket
import threading

import pytest

import dkim
from conftest import wait_until
from organisations import House, two_organisations
from peer import Peer, PolicyServer
from test_dkim import RSA, make_key, records as records_for_dns
from test_explain_mail import queue_alone  # noqa: F401
from test_relay_for import filled

EXTRA = "outgoing_ca %s;\ndkim amerique.iut r1 file:%s;\ntls_report_contact tls@amerique.iut;\n"
POLICY = "version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 604800\n"
WRONG = "3 1 1 " + "00" * 32
GOOD, EXPIRED, POLICIES, COLLECTOR, PLAIN = 50, 51, 52, 53, 54
MAILTO, HTTPS = "mailto:tlsrpt@reports.afrique.iut", "https://collect.afrique.iut/v1?of="
# Whose MX leads where, the mode of its policy, and where its reports go.
DOMAINS = {"good": (GOOD, "testing", MAILTO), "expired": (EXPIRED, "testing", MAILTO), "unnamed": (GOOD, "enforce", HTTPS + "unnamed"),
           "dane": (GOOD, "", f"{MAILTO},{HTTPS}dane"), "plain": (PLAIN, "", HTTPS + "plain"), "broken": (GOOD, "enforce", HTTPS + "broken"),
           "silent": (GOOD, "", ""), "later": (PLAIN, "", HTTPS + "later")}
FIRST = sorted(DOMAINS.keys() - {"later"})


def records():
    yield f"collect IN A 198.51.100.{COLLECTOR}\n_25._tcp.mx.dane IN TLSA {WRONG}\n"
    # What is wrong there keeps no report from arriving.
    yield f"reports IN MX 10 mx.reports\nmx.reports IN A 198.51.100.{GOOD}\n_25._tcp.mx.reports IN TLSA {WRONG}\n"
    yield f"_smtp._tls.reports IN TXT \"v=TLSRPTv1;rua={MAILTO}\"\n"
    for name, (number, mode, rua) in DOMAINS.items():
        yield f"{name} IN MX 10 mx.{name}\nmx.{name} IN A 198.51.100.{number}\n"
        yield f"_mta-sts.{name} IN TXT \"v=STSv1; id=1;\"\nmta-sts.{name} IN A 198.51.100.{POLICIES}\n" if mode else ""
        yield f"_smtp._tls.{name} IN TXT \"v=TLSRPTv1; rua={rua}\"\n" if rua else ""


class Collector(http.server.ThreadingHTTPServer):
    """Takes reports over HTTPS (RFC 8460 5.4)."""
    daemon_threads = True

    def __init__(self, tls, address):
        self.status, self.taken, self.asked = 201, [], 0
        super().__init__((address, 443), CollectorRequest)
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def leave(self):
        self.shutdown()
        self.server_close()


class CollectorRequest(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.status
        if status == 201:
            self.server.taken.append((self.path, self.headers["Content-Type"], json.loads(gzip.decompress(body))))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.asked += 1

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def organisations():
    with two_organisations({"afrique": "".join(records())}, is_signed=True) as both:
        yield both


@pytest.fixture(scope="module")
def house(organisations, authority):
    key = make_key(authority.directory.parent / "dkim.pem", *RSA, "rsa_keygen_bits:2048")
    made = House(organisations[0], "alice", extra=EXTRA % (authority.file, key))
    yield made
    made.leave()


@pytest.fixture(scope="module")
def peers(organisations, authority):
    names = [f"mx.{n}.afrique.iut" for n in DOMAINS]
    contexts = {GOOD: authority.sign(*names).context(), EXPIRED: authority.sign_expired(*names).context(), PLAIN: None}
    afrique = organisations[1]
    with afrique.inside():
        made = {number: Peer(afrique.add_address(number), 25, context) for number, context in contexts.items()}
    yield made
    for p in made.values():
        p.leave()


@pytest.fixture(scope="module")
def policies(organisations, authority):
    afrique = organisations[1]
    with afrique.inside():
        made = PolicyServer(authority.sign(*(f"mta-sts.{n}.afrique.iut" for n in DOMAINS)).context(), afrique.add_address(POLICIES))
    for name, (_, mode, _) in DOMAINS.items():
        made.answers[f"{name}.afrique.iut"] = POLICY.format(mode=mode, mx=f"*.{name}.afrique.iut" if name == "unnamed" else f"mx.{name}.afrique.iut")
    made.answers["unnamed.afrique.iut"] = POLICY.format(mode="enforce", mx="other.unnamed.afrique.iut")
    made.answers["broken.afrique.iut"] = "version: STSv1\n"
    yield made
    made.leave()


@pytest.fixture(scope="module")
def collector(organisations, authority):
    afrique = organisations[1]
    with afrique.inside():
        made = Collector(authority.sign("collect.afrique.iut").context(), afrique.add_address(COLLECTOR))
    yield made
    made.leave()


def send(house, name):
    house.submit("alice", f"carol@{name}.afrique.iut", f"to {name}")


def counted(house):
    """{domain: what `mermoz queue tls-reports` shows of it}"""
    return {d["domain"]: d for d in json.loads(house.server.cli("queue", "tls-reports", "--json").stdout)}


def report_of(mail):
    """What a mail carries."""
    text = re.search(rb"application/tlsrpt\+gzip\r\nContent-Transfer-Encoding: base64\r\n(?:.*\r\n)*?\r\n([A-Za-z0-9+/=\r\n]+)", mail).group(1)
    return json.loads(gzip.decompress(base64.b64decode(text)))


@pytest.fixture(scope="module")
def reports(house, peers, policies, collector):
    """What comes of a mail to each domain: ({domain: (mail, report)}, {domain: report of a POST}, what the queue showed before)."""
    for name in FIRST:
        send(house, name)
    for name in ("good", "expired", "plain", "broken", "silent"):
        wait_until(lambda: house.sent(f"carol@{name}.afrique.iut"), 30, f"the mail to {name}")
    for name in ("unnamed", "dane"):
        wait_until(lambda: house.deferred(f"carol@{name}.afrique.iut"), 30, f"the first attempt at {name}")
    shown = counted(house)
    house.server.cli("queue", "remove", "--all")
    assert "Reports on 7 domains are due now" in house.server.cli("queue", "report-tls").stdout
    wait_until(lambda: len(house.server.events("tlsrpt.sent")) == 7, 30, "the reports' leaving")
    mails = wait_until(lambda: len([m for m in peers[GOOD].mails if b"TLS-Report-Domain" in m["text"]]) == 3 and
                       [m["text"] for m in peers[GOOD].mails if b"TLS-Report-Domain" in m["text"]], 30, "the mails")
    by_mail = {re.search(rb"TLS-Report-Domain: (\S+)", m).group(1).decode(): (m, report_of(m)) for m in mails}
    return by_mail, {path: report for path, _, report in collector.taken}, shown


def only_policy(report):
    [policy] = report["policies"]
    return policy


def test_a_report_goes_by_mail_as_rfc8460_5_3_says(house, reports):
    mail, report = reports[0]["expired.afrique.iut"]
    assert re.search(rb"Subject: Report Domain: expired.afrique.iut\r\n\tSubmitter: mail.amerique.iut\r\n\tReport-ID: <(\S+)>", mail).group(1).decode() == report["report-id"]
    assert b"TLS-Report-Submitter: mail.amerique.iut\r\n" in mail and b'multipart/report; report-type="tlsrpt"' in mail
    assert b"From: <tls@amerique.iut>" in mail and b"To: <tlsrpt@reports.afrique.iut>" in mail
    assert (report["organization-name"], report["contact-info"]) == ("amerique.iut", "tls@amerique.iut")
    assert report["date-range"]["start-datetime"].endswith("T00:00:00Z")


def test_a_report_by_mail_is_signed_rfc8460_3(house, reports):
    said = records_for_dns(house.server)
    for mail, _ in reports[0].values():
        assert dkim.verified(mail, said) == [("amerique.iut", "r1")] and b"l=" not in re.search(rb"DKIM-Signature:.*?\r\n(?=\S)", mail, re.S).group(0).split(b"bh=")[0]


def test_a_policy_in_testing_is_tried_and_stops_nothing_rfc8461_5(reports, peers):
    policy = only_policy(reports[0]["expired.afrique.iut"][1])
    assert policy["policy"] == {"policy-type": "sts", "policy-domain": "expired.afrique.iut", "mx-host": ["mx.expired.afrique.iut"],
                                "policy-string": ["version: STSv1", "mode: testing", "mx: mx.expired.afrique.iut", "max_age: 604800"]}
    assert policy["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}
    [failure] = policy["failure-details"]
    assert failure == {"result-type": "certificate-expired", "sending-mta-ip": "198.51.100.1", "receiving-mx-hostname": "mx.expired.afrique.iut",
                       "receiving-mx-helo": "mx.afrique.iut", "receiving-ip": f"198.51.100.{EXPIRED}", "failed-session-count": 1,
                       "failure-reason-code": "certificate has expired"}
    assert "to expired" in peers[EXPIRED].subjects()


def test_success_is_reported_rfc8460_4_2(reports):
    policy = only_policy(reports[0]["good.afrique.iut"][1])
    assert policy["policy"]["policy-type"] == "sts" and policy["failure-details"] == []
    assert policy["summary"] == {"total-successful-session-count": 1, "total-failure-session-count": 0}


def test_a_certificate_that_dane_does_not_know_is_reported_rfc8460_4_3_2(reports):
    policy = only_policy(reports[0]["dane.afrique.iut"][1])
    assert policy["policy"] == {"policy-type": "tlsa", "policy-domain": "mx.dane.afrique.iut", "policy-string": [WRONG]}
    assert policy["failure-details"][0]["result-type"] == "validation-failure" and "TLSA" in policy["failure-details"][0]["failure-reason-code"]
    # The second target has the same.
    assert reports[1]["/v1?of=dane"] == reports[0]["dane.afrique.iut"][1]


def test_a_host_that_the_policy_does_not_name_is_reported(reports):
    policy = only_policy(reports[1]["/v1?of=unnamed"])
    assert policy["policy"]["mx-host"] == ["other.unnamed.afrique.iut"] and policy["summary"]["total-failure-session-count"] >= 1
    failure = policy["failure-details"][0]
    assert (failure["result-type"], failure["receiving-mx-hostname"]) == ("validation-failure", "mx.unnamed.afrique.iut")
    assert "does not name" in failure["failure-reason-code"] and "receiving-ip" not in failure


def test_a_server_without_tls_and_a_broken_policy_are_reported_rfc8460_4_3(reports):
    plain, broken = only_policy(reports[1]["/v1?of=plain"]), only_policy(reports[1]["/v1?of=broken"])
    assert plain["policy"] == {"policy-type": "no-policy-found", "policy-domain": "plain.afrique.iut"}
    assert plain["failure-details"][0]["result-type"] == "starttls-not-supported"
    assert broken["policy"]["policy-type"] == "sts" and broken["policy"]["policy-string"] == []
    assert broken["failure-details"][0]["result-type"] == "sts-policy-invalid"


def test_https_takes_gzip_rfc8460_5_4(collector, reports):
    assert {kind for _, kind, _ in collector.taken} == {"application/tlsrpt+gzip"}


def test_the_queue_shows_what_is_counted(house, reports):
    shown = reports[2]
    assert {n.split(".")[0] for n in shown} == set(FIRST)
    expired = shown["expired.afrique.iut"]
    assert (expired["successes"], expired["failures"], expired["end_s"]) == (0, 1, 0)
    assert expired["policies"][0]["failure_details"][0]["result"] == "certificate-expired"


def test_sessions_of_reports_are_not_counted_rfc8460_3(house, reports):
    wait_until(lambda: not counted(house), 30, "the reports' end")
    assert house.server.cli("queue", "tls-reports").stdout == "No sessions were counted since the last reports.\n"


def test_a_server_that_is_ill_hears_later_and_counts_outlive_the_queue_rfc8460_5_5(house, reports, collector):
    before, taken = collector.asked, len(collector.taken)
    files = house.server.directory / "state/queue/tls"
    collector.status = 503
    send(house, "later")
    wait_until(lambda: "later.afrique.iut" in counted(house), 30, "the session")
    house.server.stop()
    house.server.start()
    assert counted(house)["later.afrique.iut"]["failures"] == 1
    house.server.cli("queue", "report-tls")
    wait_until(lambda: collector.asked > before, 30, "the first attempt")
    wait_until(lambda: [f for f in files.iterdir() if f.name[0] != "."], 30, "the file")
    house.server.kill_role("queue")
    assert counted(house)["later.afrique.iut"]["failures"] == 1
    assert "Reports on 1 domain are due now" in house.server.cli("queue", "report-tls").stdout
    collector.status = 201
    wait_until(lambda: house.server.cli("queue", "report-tls") and len(collector.taken) > taken, 30, "the report")
    assert collector.taken[-1][0] == "/v1?of=later" and not house.server.events("tlsrpt.failed")


def ask(path, question):
    """The lines of an answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        s.sendall(question.encode() + b"\n")
        text = b""
        while not text.endswith(b"\n\n"):
            text += s.recv(65536)
    return [line.split("\t") for line in text.decode().split("\n")[1:-2]]


def test_a_long_answer_comes_in_pieces_and_whole(queue_alone):  # noqa: F811
    role, path = queue_alone
    for n in range(1500):
        role.peers["relay"].send("TLS_SESSION", **filled("TLS_SESSION", domain=f"d{n}.example", policy_domain=f"d{n}.example", result=n % 2 * 3, mx="mx"))
    wait_until(lambda: ["end", "left_out=0"] in ask(path, "tls\tcursor=4000"), 30, "the counts")
    lines, pieces, last = [], 0, ["more", "cursor=0"]
    while last[0] == "more":
        *piece, last = ask(path, f"tls\t{last[1]}")
        lines += piece
        pieces += 1
    assert pieces > 2 and len(lines) == 1500 * 2 + 750
    assert {w for line in lines for w in line if w.startswith("domain=")} == {f"domain=d{n}.example" for n in range(1500)}
    for before, line in zip(lines, lines[1:]):
        assert line[0] != "policy" or before[0] == "domain"
        assert line[0] != "failure" or before[0] == "policy"


def test_a_queue_says_how_much_is_not_told_apart(queue_alone):  # noqa: F811
    role, path = queue_alone
    for n in range(10):
        role.peers["relay"].send("TLS_SESSION", **filled("TLS_SESSION", domain="x.example", policy_domain=f"p{n}.example", policy_type=2))
    [line] = wait_until(lambda: [w for w in ask(path, "tls\tcursor=0") if w[0] == "domain" and "left_out=2" in w], 30, "the counts")
    assert "successes=8" in line
