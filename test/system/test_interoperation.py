"""The real Postfix and the real Exim, each as another organisation's mail server: mail to it and from it."""
import pathlib
import re
import shutil
import smtplib

import pytest

from conftest import DOMAIN, free_port, running_server, wait_until
from mail_servers import Exim, Postfix, read_maildir

PEER = "peer.iut"
NAMES = ("carol", "dave", "grey", "josé", *(f"user{i}" for i in range(40)))


class Organisation:
    """What both have in common: a domain whose mailboxes are Maildirs below `mail`, and everything else goes to Mermoz, over TLS."""

    def __init__(self, home, port):
        self.home, self.port = pathlib.Path(home), port
        self.home.mkdir()
        (self.home / "mail").mkdir()
        self.server = None

    def stop(self):
        if self.server:
            self.server.stop()

    def inbox(self, name):
        return read_maildir(self.home / "mail" / name)

    def wait_for(self, name, subject):
        wait_until(lambda: [m for m in self.inbox(name) if m["Subject"] == subject], what=f"{subject} for {name}\n{self.server.log_text()[-3000:]}")
        [found] = [m for m in self.inbox(name) if m["Subject"] == subject]
        return found

    def submit(self, to, subject, body="hello\r\n", sender=f"carol@{PEER}", mail=(), rcpt=()):
        with smtplib.SMTP("127.0.0.1", self.server.port, timeout=30) as s:
            s.ehlo("client.example")
            if "SMTPUTF8" in mail:
                s.command_encoding = "utf-8"
            s.mail(sender, list(mail))
            for address in to:
                assert s.rcpt(address, list(rcpt))[0] == 250
            code, text = s.data(f"From: {sender}\r\nSubject: {subject}\r\n\r\n{body}".encode())
            assert code == 250, text


class PostfixOrganisation(Organisation):
    name = "postfix"

    def start(self, mermoz):
        (self.home / "grey").write_text(f"grey@{PEER} 450 4.2.0 come back later\n")
        (self.home / "boxes").write_text("".join(f"{name}@{PEER} {name}/\n" for name in NAMES))
        self.server = Postfix(self.home, f"""
myhostname = mx.{PEER}
mynetworks = 127.0.0.1/32
virtual_mailbox_domains = {PEER}
virtual_mailbox_base = {self.home}/mail
virtual_mailbox_maps = texthash:{self.home}/boxes
virtual_uid_maps = static:8
virtual_gid_maps = static:8
virtual_minimum_uid = 1
smtpd_recipient_restrictions = check_recipient_access texthash:{self.home}/grey, permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_chain_files = {self.home}/key.pem, {self.home}/cert.pem
smtp_tls_security_level = encrypt
smtputf8_enable = yes
message_size_limit = 30000000
minimal_backoff_time = 1s
queue_run_delay = 1s
relayhost = [127.0.0.1]:{mermoz.ports["smtp"]}
""", self.port)
        for name in ("key.pem", "cert.pem"):
            shutil.copy(mermoz.directory / name, self.home / name)
        shutil.chown(self.home / "mail", "mail", "mail")
        self.server.start()

    def end_greylisting(self):
        (self.home / "grey").write_text("")
        assert self.server.run("reload").returncode == 0

class EximOrganisation(Organisation):
    name = "exim"

    def start(self, mermoz):
        for name in ("key.pem", "cert.pem"):
            shutil.copy(mermoz.directory / name, self.home / name)
        (self.home / "grey").write_text("")
        (self.home / "names").write_text("".join(f"{name}: {name}\n" for name in NAMES))
        self.server = Exim(self.home, f"""
primary_hostname = mx.{PEER}
tls_advertise_hosts = *
tls_certificate = {self.home}/cert.pem
tls_privatekey = {self.home}/key.pem
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
allow_utf8_domains = true
message_size_limit = 30M
log_selector = +pipelining +tls_cipher
acl_smtp_rcpt = recipient
acl_smtp_data = whole

begin acl
recipient:
  defer message = 4.2.0 come back later
        condition = ${{if exists{{{self.home}/grey}}}}
        local_parts = grey
  deny message = 5.1.1 no such user
       domains = {PEER}
       condition = ${{lookup{{$local_part}}lsearch{{{self.home}/names}}{{no}}{{yes}}}}
  accept
whole:
  accept

begin routers
elsewhere:
  driver = manualroute
  domains = ! {PEER}
  route_list = * 127.0.0.1
  self = send
  transport = mermoz
here:
  driver = accept
  transport = maildir

begin transports
mermoz:
  driver = smtp
  port = {mermoz.ports["smtp"]}
  hosts_require_tls = *
  tls_verify_certificates = {self.home}/cert.pem
  tls_verify_cert_hostnames = :
maildir:
  driver = appendfile
  directory = {self.home}/mail/${{lookup{{$local_part}}lsearch{{{self.home}/names}}}}
  create_directory
  maildir_format
  return_path_add
  user = mail

begin retry
* * F,1h,1s
""", self.port)
        for name in ("key.pem", "cert.pem", "mail"):
            shutil.chown(self.home / name, "mail", "mail")
        self.server.start()

    def end_greylisting(self):
        (self.home / "grey").unlink()


@pytest.fixture(scope="module", params=[PostfixOrganisation, EximOrganisation], ids=lambda p: p.name)
def both(request):
    """Mermoz, and the other one."""
    port = free_port()
    with running_server(f"queue {{ retry_first 1s; }}\nroute {PEER} to 127.0.0.1:{port};\noutgoing_tls * encrypt;\n") as mermoz:
        other = request.param(mermoz.directory / "peer", port)
        try:
            other.start(mermoz)
            yield mermoz, other
        finally:
            other.stop()


def submit(mermoz, to, subject, body="hello\r\n", mail=(), rcpt=(), fields=""):
    with mermoz.submission() as s:
        if "SMTPUTF8" in mail:
            s.command_encoding = "utf-8"
        code, text = s.mail(f"alice@{DOMAIN}", list(mail))
        assert code == 250, text
        for address in to:
            assert s.rcpt(address, list(rcpt))[0] == 250
        assert s.data(f"Subject: {subject}\r\n{fields}\r\n{body}".encode())[0] == 250


def inbox(mermoz, name):
    return read_maildir(mermoz.maildir(name))


def reports(mermoz, subject):
    """Action, Status and Final-Recipient of what alice was told of that mail."""
    found = [m for m in inbox(mermoz, "alice") if m.get_content_type() == "multipart/report" and f"Subject: {subject}" in str(m)]
    return sorted((p["Action"], p["Status"], re.sub(r".*; *", "", p["Final-Recipient"]))
                  for m in found for p in m.get_payload()[1].get_payload()[1:])


def wait_for(mermoz, name, subject):
    wait_until(lambda: [m for m in inbox(mermoz, name) if m["Subject"] == subject], what=f"{subject} for {name}")
    [found] = [m for m in inbox(mermoz, name) if m["Subject"] == subject]
    return found


def test_a_mail_arrives_there_over_tls_in_chunks_rfc3207_rfc3030(both):
    mermoz, other = both
    submit(mermoz, [f"carol@{PEER}"], "there", ".a dot\r\n..two\r\nFrom here\r\nlast\r\n")
    arrived = other.wait_for("carol", "there")
    assert arrived.get_payload() in (".a dot\n..two\nFrom here\nlast\n", ".a dot\r\n..two\r\nFrom here\r\nlast\r\n")
    assert arrived["Return-Path"].strip("<>") == f"alice@{DOMAIN}"
    [sent] = wait_until(lambda: [e for e in mermoz.events("relay.sent") if e["rcpt"] == f"carol@{PEER}"], what="the event")
    assert sent["tls"].startswith("TLSv1.3") and sent["level"] == "encrypt"
    assert "ESMTPS" in arrived.get_all("Received")[0].upper()
    if other.name == "exim":
        # K: it came in chunks.
        assert re.search(rf"<= alice@{DOMAIN} .*P=esmtps .* K ", other.server.log_text()), other.server.log_text()


def test_a_mail_arrives_here_over_tls_rfc3207(both):
    mermoz, other = both
    other.submit([f"bob@{DOMAIN}"], "here", ".a dot\r\n..two\r\nlast\r\n")
    arrived = wait_for(mermoz, "bob", "here")
    assert arrived.get_payload() == ".a dot\n..two\nlast\n" and "ESMTPS" in arrived.get_all("Received")[0]
    if other.name == "exim":
        # Of the delivery: K: it was sent in chunks, L: pipelined.
        wait_until(lambda: re.search(rf"=> bob@{DOMAIN} .* L .*K .*C=\"250", other.server.log_text()), what="the line of the log")


@pytest.mark.parametrize("octets", [100_000, 5_000_000])
def test_large_mail_goes_both_ways_whole(both, octets):
    mermoz, other = both
    body = "".join(f"{i:062d}\r\n" for i in range(octets // 64))
    submit(mermoz, [f"dave@{PEER}"], f"large {octets}", body)
    other.submit([f"bob@{DOMAIN}"], f"large {octets}", body)
    for arrived in (other.wait_for("dave", f"large {octets}"), wait_for(mermoz, "bob", f"large {octets}")):
        assert arrived.get_payload().replace("\r\n", "\n") == body.replace("\r\n", "\n")


def test_of_many_recipients_the_one_that_is_refused_alone_comes_back_rfc5321_3_3(both):
    mermoz, other = both
    submit(mermoz, [f"{name}@{PEER}" for name in (*NAMES[4:20], "nobody-there", *NAMES[20:])], "many")
    for name in NAMES[4:]:
        other.wait_for(name, "many")
    wait_until(lambda: reports(mermoz, "many"), what="the report")
    assert reports(mermoz, "many") == [("failed", "5.1.1", f"nobody-there@{PEER}")]


def test_what_is_refused_here_comes_back_there_rfc5321_3_3(both):
    mermoz, other = both
    other.submit([f"bob@{DOMAIN}", f"nobody-here@{DOMAIN}"], "refused", sender=f"dave@{PEER}")
    wait_for(mermoz, "bob", "refused")
    wait_until(lambda: [m for m in other.inbox("dave") if f"nobody-here@{DOMAIN}" in str(m)], what="the report there")
    [found] = [m for m in other.inbox("dave") if f"nobody-here@{DOMAIN}" in str(m)]
    assert found.get_content_type() == "multipart/report" and "5.1.1" in str(found)


def test_greylisting_makes_mail_wait_and_arrive_once_rfc6647_2(both):
    mermoz, other = both
    submit(mermoz, [f"grey@{PEER}", f"carol@{PEER}"], "greylisted")
    other.wait_for("carol", "greylisted")
    wait_until(lambda: [e for e in mermoz.events("queue.deferred") if e["recipient"] == f"grey@{PEER}" and "4.2.0" in e["reply"]], what="the answer")
    other.end_greylisting()
    other.wait_for("grey", "greylisted")
    assert len([m for m in other.inbox("carol") if m["Subject"] == "greylisted"]) == 1


def test_success_is_told_by_who_brought_it_there_rfc3461_5_2_1(both):
    mermoz, other = both
    submit(mermoz, [f"carol@{PEER}"], "told", mail=["RET=HDRS", "ENVID=QQ314159"], rcpt=["NOTIFY=SUCCESS,FAILURE"])
    other.wait_for("carol", "told")
    wait_until(lambda: reports(mermoz, "told"), what="the report")
    [(action, status, final)] = reports(mermoz, "told")
    assert (action, status[0], final) == ("delivered", "2", f"carol@{PEER}")


def test_success_is_told_by_us_for_who_sends_from_there_rfc3461_5_2_3(both):
    mermoz, other = both
    other.submit([f"bob@{DOMAIN}"], "told there", sender=f"carol@{PEER}", mail=["ENVID=QQ314159"], rcpt=["NOTIFY=SUCCESS"])
    wait_until(lambda: [m for m in other.inbox("carol") if "told there" in str(m)], what=f"the report\n{other.server.log_text()[-2000:]}")
    [found] = [m for m in other.inbox("carol") if "told there" in str(m)]
    about, recipient = found.get_payload()[1].get_payload()
    assert recipient["Action"] == "delivered" and about["Original-Envelope-Id"] == "QQ314159"


def test_addresses_and_headers_beyond_ascii_go_both_ways_rfc6531_3(both):
    mermoz, other = both
    submit(mermoz, [f"josé@{PEER}"], "à toi", mail=["SMTPUTF8", "BODY=8BITMIME"])
    wait_until(lambda: other.inbox("josé"), what=f"the arrival there\n{other.server.log_text()[-2000:]}")
    other.submit([f"bob@{DOMAIN}"], "à Bob", sender=f"josé@{PEER}", mail=["SMTPUTF8", "BODY=8BITMIME"])
    wait_until(lambda: [p for p in mermoz.files("bob") if "Subject: à Bob".encode() in p.read_bytes()], what="the arrival here")
