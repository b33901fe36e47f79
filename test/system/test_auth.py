"""Dovecot's authentication protocols: by hand, with the real Postfix, with the real doveadm."""
import base64
import contextlib
import grp
import os
import pathlib
import pwd
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import tempfile

import pytest

from conftest import DOMAIN, PASSWORDS, Server, wait_until
from mail_servers import Postfix, dovecot_version

IS_ROOT = os.geteuid() == 0


class Lines:
    """A client of a socket file: lines of fields out, lines of fields in."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def say(self, *fields):
        self.socket.sendall("\t".join(fields).encode() + b"\n")

    def hear(self):
        line = self.file.readline()
        return line.decode().rstrip("\n").split("\t") if line else None

    def hear_until(self, word):
        heard = []
        while not heard or heard[-1][0] != word:
            heard.append(self.hear())
            assert heard[-1], heard
        return heard


def plain(name, password, authorize_as=""):
    return "resp=" + base64.b64encode(f"{authorize_as}\0{name}\0{password}".encode()).decode()


def auth_client(server):
    c = Lines(server.directory / "auth")
    c.greeting = c.hear_until("DONE")
    c.say("VERSION", "1", "2")
    c.say("CPID", str(os.getpid()))
    return c


def userdb_client(server):
    c = Lines(server.directory / "auth-userdb")
    assert c.hear() == ["VERSION", "1", "2"]
    assert c.hear()[0] == "SPID"
    c.say("VERSION", "1", "1")
    return c


def listens(directory, more=""):
    return f"listen auth unix:{directory}/auth {more};\nlisten auth-userdb unix:{directory}/auth-userdb;\n"


@contextlib.contextmanager
def running(extra_of, limits=""):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mermoz-auth-"))
    directory.chmod(0o755)
    s = Server(directory, extra_of(directory), limits)
    try:
        s.add_users()
        yield s.start()
    finally:
        died = s.end()
        shutil.rmtree(directory, ignore_errors=True)
    assert not died, died


@pytest.fixture(scope="module")
def auth_server():
    with running(listens) as s:
        yield s


@pytest.fixture
def own_auth_server():
    with running(listens, "request_timeout 5s;") as s:
        yield s


# by hand

def test_the_greeting_offers_what_there_is(auth_server):
    c, other = auth_client(auth_server), auth_client(auth_server)
    fields = {line[0]: line[1:] for line in c.greeting}
    assert fields["VERSION"] == ["1", "2"]
    assert [line[1:] for line in c.greeting if line[0] == "MECH"] == [["PLAIN", "plaintext"], ["LOGIN", "plaintext"]]
    assert int(fields["SPID"][0]) in auth_server.role_pids("front")
    assert len(fields["COOKIE"][0]) == 32
    assert fields["COOKIE"] != next(line[1:] for line in other.greeting if line[0] == "COOKIE")


def test_a_log_in_names_who_asked_and_for_whom(auth_server):
    c = auth_client(auth_server)
    c.say("AUTH", "1", "PLAIN", "service=calendar", "rip=2001:db8::7", "rport=4711", "lip=192.0.2.2", "lport=443",
          "tls_protocol=TLSv1.3", plain("Bob@" + DOMAIN.upper(), PASSWORDS["bob"]))
    assert c.hear() == ["OK", "1", f"user=bob@{DOMAIN}"]
    found = wait_until(lambda: [e for e in auth_server.events("login") if e["service"] == "calendar"], what="the event")
    assert found[0]["user"] == f"bob@{DOMAIN}" and found[0]["via"] == "auth" and found[0]["method"] == "PLAIN"
    assert found[0]["remote"] == "[2001:db8::7]:4711" and found[0]["local"] == "192.0.2.2:443" and found[0]["tls"] == "TLSv1.3"


def test_several_exchanges_at_a_time(auth_server):
    c = auth_client(auth_server)
    c.say("AUTH", "1", "LOGIN", "service=smtp")
    assert c.hear() == ["CONT", "1", base64.b64encode(b"Username:").decode()]
    c.say("AUTH", "2", "PLAIN", "service=smtp", plain(f"alice@{DOMAIN}", "wrong"))
    assert c.hear() == ["FAIL", "2", f"user=alice@{DOMAIN}"]
    c.say("CONT", "1", base64.b64encode(f"carol@{DOMAIN}".encode()).decode())
    assert c.hear() == ["CONT", "1", base64.b64encode(b"Password:").decode()]
    c.say("CONT", "1", base64.b64encode(PASSWORDS["carol"].encode()).decode())
    assert c.hear() == ["OK", "1", f"user=carol@{DOMAIN}"]


def test_only_who_knows_the_password_hears_why_not(own_auth_server):
    own_auth_server.cli("user", "disable", f"carol@{DOMAIN}")
    c = auth_client(own_auth_server)
    wait_until(lambda: own_auth_server.events("account.changed"), what="the change")
    c.say("AUTH", "1", "PLAIN", "service=smtp", plain(f"carol@{DOMAIN}", PASSWORDS["carol"]))
    assert "user_disabled" in c.hear()
    c.say("AUTH", "2", "PLAIN", "service=smtp", plain(f"carol@{DOMAIN}", "wrong"))
    assert c.hear() == ["FAIL", "2", f"user=carol@{DOMAIN}"]
    c.say("AUTH", "3", "PLAIN", "service=smtp", plain(f"alice@{DOMAIN}", PASSWORDS["alice"], f"bob@{DOMAIN}"))
    assert "code=authz_fail" in c.hear()
    c.say("AUTH", "4", "PLAIN", "service=smtp", plain(f"nobody@{DOMAIN}", "x"))
    assert c.hear() == ["FAIL", "4", f"user=nobody@{DOMAIN}"]


def test_a_frozen_directory_is_temporary_trouble(own_auth_server):
    s = own_auth_server
    [directory] = s.role_pids("directory")
    alone, busy = auth_client(s), auth_client(s)
    busy.say("AUTH", "1", "LOGIN", "service=smtp")
    busy.hear()
    os.kill(directory, signal.SIGSTOP)
    try:
        busy.say("AUTH", "2", "PLAIN", "service=smtp", plain(f"bob@{DOMAIN}", PASSWORDS["bob"]))
        answer = busy.hear()
        assert answer[:2] == ["FAIL", "2"] and "temp" in answer and "code=temp_fail" in answer
        # Where no other exchange would suffer, the connection ends: clients that know no "temp" understand that.
        alone.say("AUTH", "1", "PLAIN", "service=smtp", plain(f"bob@{DOMAIN}", PASSWORDS["bob"]))
        assert alone.hear() is None
    finally:
        os.kill(directory, signal.SIGCONT)
    again = auth_client(s)
    again.say("AUTH", "1", "PLAIN", "service=smtp", plain(f"bob@{DOMAIN}", PASSWORDS["bob"]))
    assert again.hear()[0] == "OK"


def test_look_ups_say_where_mailboxes_are(auth_server):
    c = userdb_client(auth_server)
    owner = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.getuid())
    c.say("USER", "1", f"Bob@{DOMAIN}", "service=doveadm")
    home = auth_server.maildir("bob").parent
    assert c.hear() == ["USER", "1", f"bob@{DOMAIN}", f"uid={owner.pw_uid}", f"gid={owner.pw_gid}", f"home={home}",
                        f"mail=maildir:{home}/mailbox", "mail_driver=maildir", f"mail_path={home}/mailbox"]
    c.say("USER", "2", f"nobody@{DOMAIN}", "service=doveadm")
    assert c.hear() == ["NOTFOUND", "2"]
    c.say("PASS", "3", f"bob@{DOMAIN}", "service=doveadm")
    assert c.hear() == ["PASS", "3", f"user=bob@{DOMAIN}"]
    c.say("LIST", "4", "service=doveadm")
    assert sorted(c.hear_until("DONE")) == [["DONE", "4", ""]] + [["LIST", "4", f"{n}@{DOMAIN}"] for n in sorted(PASSWORDS)]


def test_the_socket_of_log_ins_answers_no_look_up(auth_server):
    c = auth_client(auth_server)
    c.say("USER", "1", f"bob@{DOMAIN}", "service=doveadm")
    assert c.hear() is None
    wait_until(lambda: any(e.get("service") == "auth" for e in auth_server.events("protocol.error")), what="the event")


def test_socket_files_are_for_their_owner_alone(auth_server):
    for name in ("auth", "auth-userdb"):
        st = (auth_server.directory / name).stat()
        assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == os.geteuid()


def test_a_reload_changes_who_may_and_takes_away(own_auth_server):
    s, path = own_auth_server, own_auth_server.directory / "auth"
    looker = userdb_client(s)
    s.conf.write_text(s.conf.read_text().replace("/auth ;", "/auth mode 0666;").replace(f"listen auth-userdb unix:{s.directory}/auth-userdb;", ""))
    s.process.send_signal(signal.SIGHUP)
    wait_until(lambda: s.events("config.reloaded"), what="the reload")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert not (s.directory / "auth-userdb").exists()
    assert looker.hear() is None
    c = auth_client(s)
    c.say("AUTH", "1", "PLAIN", "service=smtp", plain(f"bob@{DOMAIN}", PASSWORDS["bob"]))
    assert c.hear()[0] == "OK"


def test_a_program_whose_listener_is_gone_is_cut(own_auth_server):
    s = own_auth_server
    c = auth_client(s)
    s.conf.write_text(s.conf.read_text().replace(f"listen auth unix:{s.directory}/auth ;", ""))
    s.process.send_signal(signal.SIGHUP)
    wait_until(lambda: s.events("config.reloaded"), what="the reload")
    assert c.hear() is None
    assert not (s.directory / "auth").exists()
    with s.smtp() as other:
        assert other.noop()[0] == 250


def test_a_reload_that_is_refused_gives_nothing_away(own_auth_server):
    s = own_auth_server
    s.conf.write_text(s.conf.read_text().replace("/auth ;", "/auth mode 0666;")
                      + f"listen auth unix:{s.directory}/other user nobody-of-that-name;\n")
    s.process.send_signal(signal.SIGHUP)
    wait_until(lambda: s.events("config.refused"), what="the refusal")
    assert stat.S_IMODE((s.directory / "auth").stat().st_mode) == 0o600
    assert "nobody-of-that-name" in s.cli("check", check=False).stderr


def test_old_socket_files_give_way_and_ours_are_removed(own_auth_server):
    s = own_auth_server
    s.kill_all()
    assert (s.directory / "auth").exists()
    s.start()
    assert auth_client(s).greeting
    assert s.stop() == 0
    assert not (s.directory / "auth").exists() and not (s.directory / "auth-userdb").exists()


def test_what_is_no_socket_of_ours_stays(own_auth_server):
    s = own_auth_server
    assert s.stop() == 0
    (s.directory / "auth").write_text("precious")
    failed = s.cli("serve", check=False)
    assert failed.returncode != 0 and "is no socket" in failed.stderr
    assert (s.directory / "auth").read_text() == "precious"


# Postfix

def smtp_to(postfix):
    s = smtplib.SMTP("127.0.0.1", postfix.port, timeout=30)
    s.ehlo()
    return s


@pytest.fixture
def postfix():
    def extra(directory):
        (directory / "queue").mkdir()
        (directory / "queue/private").mkdir(mode=0o700)
        shutil.chown(directory / "queue/private", "postfix")
        return f"listen auth unix:{directory}/queue/private/auth mode 0660 user postfix group postfix;"

    if not IS_ROOT or not shutil.which("postfix"):
        pytest.skip("the package postfix, and root, are needed")
    with running(extra, "request_timeout 5s;") as s:
        p = Postfix(s.directory, f"""
myhostname = front.{DOMAIN}
mynetworks = 192.0.2.1/32
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
relayhost = [127.0.0.1]:{s.ports["smtp"]}
""", smtpd_in_chroot=True)
        try:
            p.start()
            p.mermoz = s
            yield p
        finally:
            p.stop()


def test_postfix_logs_its_users_in_through_us(postfix):
    st = (postfix.home / "queue/private/auth").stat()
    assert stat.S_IMODE(st.st_mode) == 0o660
    assert (pwd.getpwuid(st.st_uid).pw_name, grp.getgrgid(st.st_gid).gr_name) == ("postfix", "postfix")
    for mechanism in ("auth_plain", "auth_login"):
        with smtp_to(postfix) as s:
            assert set(s.esmtp_features["auth"].split()) >= {"PLAIN", "LOGIN"}
            assert s.docmd("MAIL", f"FROM:<alice@{DOMAIN}>")[0] == 250
            assert s.docmd("RCPT", f"TO:<bob@{DOMAIN}>")[0] == 554
            s.rset()
            s.user, s.password = f"alice@{DOMAIN}", PASSWORDS["alice"]
            assert s.auth(mechanism.removeprefix("auth_"), getattr(s, mechanism))[0] == 235
            s.sendmail(f"alice@{DOMAIN}", [f"bob@{DOMAIN}"], f"Subject: by {mechanism}\r\n\r\nx\r\n")
        wait_until(lambda m=mechanism: [p for p in postfix.mermoz.files("bob") if f"Subject: by {m}\n".encode() in p.read_bytes()],
                   what="the mail through Postfix")
    seen = [e for e in postfix.mermoz.events("login") if e.get("via") == "auth"]
    assert [e["method"] for e in seen] == ["PLAIN", "LOGIN"]
    assert all(e["service"] == "smtp" and e["remote"].startswith("127.0.0.1") for e in seen)


def test_postfix_refuses_a_wrong_password_and_goes_on(postfix):
    with smtp_to(postfix) as s:
        s.user, s.password = f"alice@{DOMAIN}", "wrong"
        with pytest.raises(smtplib.SMTPAuthenticationError) as e:
            s.auth("plain", s.auth_plain)
        assert e.value.smtp_code == 535
        s.password = PASSWORDS["alice"]
        assert s.auth("plain", s.auth_plain)[0] == 235


def test_postfix_says_later_when_the_directory_is_frozen(postfix):
    """Postfix takes every FAIL for a wrong password, the temporary ones too."""
    [directory] = postfix.mermoz.role_pids("directory")
    with smtp_to(postfix) as s:
        s.user, s.password = f"alice@{DOMAIN}", PASSWORDS["alice"]
        os.kill(directory, signal.SIGSTOP)
        try:
            with pytest.raises(smtplib.SMTPAuthenticationError) as e:
                s.auth("plain", s.auth_plain)
        finally:
            os.kill(directory, signal.SIGCONT)
        assert e.value.smtp_code == 454, e.value
        assert s.auth("plain", s.auth_plain)[0] == 235


def test_postfix_comes_back_when_a_front_died(postfix):
    with smtp_to(postfix) as s:
        s.user, s.password = f"alice@{DOMAIN}", PASSWORDS["alice"]
        fronts = postfix.mermoz.role_pids("front")
        for pid in fronts:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(postfix.mermoz.role_pids("front")) - set(fronts)) == len(fronts), 30, "the fronts' restart")
        assert s.auth("plain", s.auth_plain)[0] == 235


# doveadm

@pytest.fixture
def doveadm(auth_server, tmp_path):
    if not IS_ROOT:
        pytest.skip("doveadm wants root")
    if not shutil.which("doveadm"):
        pytest.skip("the package dovecot-core is not installed")
    conf = tmp_path / "dovecot.conf"
    version = "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n" if dovecot_version() >= (2, 4) else ""
    conf.write_text(f"{version}protocols =\nbase_dir = {tmp_path}\nssl = no\nlog_path = /dev/stderr\n")

    def run(*args, code=0):
        p = subprocess.run(["doveadm", "-c", conf, *args], capture_output=True, text=True, timeout=60)
        assert p.returncode == code, (args, p.returncode, p.stdout, p.stderr)
        return p.stdout
    return run


def test_doveadm_looks_users_up(auth_server, doveadm):
    socket_path = str(auth_server.directory / "auth-userdb")
    said = dict(line.split("\t") for line in doveadm("user", "-a", socket_path, f"bob@{DOMAIN}").splitlines()[1:])
    assert said["home"] == str(auth_server.maildir("bob").parent)
    assert said["mail"] == f"maildir:{auth_server.maildir('bob')}"
    doveadm("user", "-a", socket_path, f"nobody@{DOMAIN}", code=67)
    assert sorted(doveadm("user", "-a", socket_path, "*").split()) == [f"{n}@{DOMAIN}" for n in sorted(PASSWORDS)]
    assert doveadm("user", "-a", socket_path, "c*").split() == [f"carol@{DOMAIN}"]


def test_doveadm_reads_the_mailbox_that_it_was_told(auth_server, doveadm):
    auth_server.send("for doveadm")
    said = doveadm("-o", f"auth_socket_path={auth_server.directory}/auth-userdb", "-o", "first_valid_uid=1",
                   "search", "-u", f"bob@{DOMAIN}", "mailbox", "INBOX", "subject", "for doveadm")
    assert len(said.splitlines()) == 1


def test_doveadm_tries_passwords(auth_server, doveadm):
    socket_path = str(auth_server.directory / "auth")
    assert "auth succeeded" in doveadm("auth", "test", "-a", socket_path, "-x", "service=sieve", f"bob@{DOMAIN}", PASSWORDS["bob"])
    doveadm("auth", "test", "-a", socket_path, f"bob@{DOMAIN}", "wrong", code=77)
