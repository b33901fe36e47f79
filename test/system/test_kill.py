"""kill -9: what was acknowledged is there exactly once, nothing is invented, the others go on serving."""
import collections
import imaplib
import pathlib
import re
import shutil
import smtplib
import socket
import tempfile
import threading
import time

import pytest

from conftest import DOMAIN, login, wait_until
from role import Role

OK, LATER = 0, 1  # enum ipc_outcome
NAMES = ("alice", "bob", "carol")


class Load(threading.Thread):
    """Sends numbered messages until told to stop; remembers what each one was answered."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.stop = threading.Event()
        self.accepted, self.unknown, self.codes = [], [], collections.Counter()

    def run(self):
        serial = 0
        while not self.stop.is_set():
            try:
                with self.server.smtp() as s:
                    for _ in range(20):
                        if self.stop.is_set():
                            break
                        serial += 1
                        self.one(s, f"load-{self.number}-{serial}", NAMES[serial % 3])
            except (OSError, smtplib.SMTPException):
                # Only the answer counts; a connection that could not be made carried nothing.
                self.codes["no connection"] += 1
                time.sleep(0.02)

    def one(self, s, subject, name):
        self.unknown.append(subject)  # until it is answered
        s.ehlo_or_helo_if_needed()
        for command in ("MAIL FROM:<load@b.example>", f"RCPT TO:<{name}@{DOMAIN}>", "DATA"):
            code, text = s.docmd(command)
            if code >= 400:
                break
        else:
            s.send(f"Subject: {subject}\r\n\r\n{'x' * 3000}\r\n.\r\n".encode())
            code, text = s.getreply()
        self.codes[code] += 1
        assert code < 500, f"our own trouble became a {code}: {text}"
        if code == 250:
            self.unknown.remove(subject)
            self.accepted.append(subject)
        else:
            # "Try again": the role that died may have stored it before it could say so.
            s.rset()


def count_subjects(server):
    seen = collections.Counter()
    for name in NAMES:
        for path in server.files(name):
            m = re.search(rb"^Subject: (load-\S+)$", path.read_bytes(), re.M)
            if m:
                seen[m.group(1).decode()] += 1
    return seen


def imap_subjects(server):
    seen = collections.Counter()
    for name in NAMES:
        i = server.imap(name)
        i.select("INBOX", readonly=True)
        for part in i.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
            if isinstance(part, tuple) and b"load-" in part[1]:
                seen[part[1].split(b":", 1)[1].strip().decode()] += 1
        i.logout()
    return seen


def judge(server, loads):
    accepted = collections.Counter(s for load in loads for s in load.accepted)
    unknown = {s for load in loads for s in load.unknown}
    assert sum(accepted.values()) > 50, "the load did not load"
    for seen in (count_subjects(server), imap_subjects(server)):
        assert not [s for s in accepted if seen[s] == 0], "acknowledged mail is lost"
        assert not [s for s in seen if seen[s] > 1], "mail is there twice"
        assert not [s for s in seen if s not in accepted and s not in unknown], "mail was invented"


def run_loads(server, during):
    loads = [Load(server, n) for n in range(8)]
    for load in loads:
        load.start()
    try:
        wait_until(lambda: sum(len(load.accepted) for load in loads) > 60, 30, "the load's start")
        during()
        before = sum(len(load.accepted) for load in loads)
        wait_until(lambda: sum(len(load.accepted) for load in loads) > before + 60, 60, "mail being taken again")
    finally:
        for load in loads:
            load.stop.set()
        for load in loads:
            load.join(60)
    return loads


@pytest.mark.parametrize("role", ["store", "directory", "front"])
def test_killing_a_role_under_load_loses_and_invents_nothing(own_server, role):
    def during():
        for _ in range(3):
            own_server.kill_role(role)
    loads = run_loads(own_server, during)
    judge(own_server, loads)


def test_who_comes_while_the_server_goes_is_refused_and_who_was_there_is_served(own_server):
    s = own_server.smtp()
    s.ehlo("client.example")
    s.mail("a@b.example")
    s.rcpt(f"bob@{DOMAIN}")
    assert s.docmd("DATA")[0] == 354
    own_server.process.terminate()
    wait_until(lambda: is_refused(own_server), 5, "the refusal")
    assert own_server.process.poll() is None
    s.send(b"Subject: the last\r\n\r\nx\r\n.\r\n")
    assert s.getreply()[0] == 250
    s.close()  # whether 221 or 421 would come now is a race
    assert own_server.process.wait(30) == 0


def is_refused(server):
    try:
        socket.create_connection(("127.0.0.1", server.ports["smtp"]), 5).close()
        return False
    except ConnectionRefusedError:
        return True


def test_killing_everything_under_load_loses_and_invents_nothing(own_server):
    loads = [Load(own_server, n) for n in range(8)]
    for load in loads:
        load.start()
    wait_until(lambda: sum(len(load.accepted) for load in loads) > 100, 30, "the load's start")
    own_server.kill_all()
    for load in loads:
        load.stop.set()
    own_server.start()
    for load in loads:
        load.join(60)
    judge(own_server, loads)


def uids(server, name="bob"):
    i = server.imap(name)
    i.select("INBOX", readonly=True)
    validity = i.response("UIDVALIDITY")[1]
    found = {}
    for part in i.fetch("1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
        if isinstance(part, tuple):
            flags = sorted(re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).replace(b"\\Recent", b"").split())
            found[int(re.search(rb"UID (\d+)", part[0]).group(1))] = (part[1].strip(), flags)
    i.logout()
    return validity, found


def test_uids_and_flags_survive_a_killed_store(own_server):
    for n in range(20):
        own_server.send(f"kept {n}")
    i = own_server.imap("bob")
    i.select("INBOX")
    i.store("1:5", "+FLAGS", "(\\Flagged later)")
    i.store("6:8", "+FLAGS", "(\\Deleted)")
    i.expunge()
    i.shutdown()
    before = uids(own_server)
    own_server.kill_all()
    own_server.start()
    assert uids(own_server) == before
    own_server.send("one more")
    validity, after = uids(own_server)
    assert validity == before[0] and min(set(after) - set(before[1])) > max(before[1])


def test_uids_and_flags_survive_the_loss_of_every_index(own_server):
    for n in range(10):
        own_server.send(f"kept {n}")
    i = own_server.imap("bob")
    i.select("INBOX")
    i.store("1:5", "+FLAGS", "(\\Flagged \\Seen)")
    i.store("2", "+FLAGS", "(\\Deleted)")
    i.expunge()
    i.logout()
    before = uids(own_server)
    assert own_server.stop() == 0
    removed = [p for p in own_server.mail.rglob("mermoz.*")]
    assert removed
    for path in removed:
        path.unlink()
    own_server.start()
    assert uids(own_server) == before


def test_an_imap_session_hears_something_true_when_the_store_dies(own_server):
    i = own_server.imap("bob")
    i.select("INBOX")
    own_server.kill_role("store")
    try:
        reply = i.noop()
        assert reply[0] in ("OK", "NO") and b"UNAVAILABLE" in (reply[1][0] or b"UNAVAILABLE")
    except imaplib.IMAP4.abort:
        pass  # a BYE: the client comes back
    j = own_server.imap("bob")
    assert j.select("INBOX")[0] == "OK"
    j.logout()


def test_with_the_directory_away_recipients_are_deferred_not_refused(own_server):
    import os
    import signal
    own_server.stop()
    own_server.limits = "request_timeout 1s;"
    own_server.write_conf()
    own_server.start()
    [pid, *_] = own_server.role_pids("directory")
    os.kill(pid, signal.SIGSTOP)
    try:
        with own_server.smtp() as s:
            s.ehlo("c.example")
            s.mail("a@b.example")
            code, text = s.rcpt(f"bob@{DOMAIN}")
        assert code == 451, text
    finally:
        os.kill(pid, signal.SIGCONT)


def test_when_the_directory_dies_who_was_logged_in_is_served_until_the_next_one_comes_and_logs_in_again(own_server):
    """The next one knows no number of theirs, so it could not end their sessions when their accounts change."""
    sessions = [(own_server.imap("bob"), own_server.submission("alice")) for _ in range(4)]  # on every front
    own_server.kill_role("directory")
    for imap, smtp in sessions:
        assert smtp.getreply() == (421, b"4.3.2 The directory was started again, please log in again")
        assert imap.readline().startswith(b"* BYE The directory was started again")
        assert imap.readline() == b""
        imap.shutdown()
        smtp.close()
    own_server.send("it serves")
    with own_server.submission("alice") as s:
        assert s.mail(f"alice@{DOMAIN}")[0] == 250
    i = own_server.imap("bob")
    assert i.select("INBOX")[1] == [b"1"]
    i.logout()


def test_a_store_ends_the_sessions_that_a_directory_granted_which_is_gone():
    """Though the front does not."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mermoz-store-"))
    for place in (folder / "state", folder / "mail"):
        place.mkdir()
        place.chmod(0o777)
    folder.chmod(0o755)  # as root the role runs as another user
    role = Role("store", ["front", "directory"], f"hostname mail.{DOMAIN};\ndomain {DOMAIN};\nstate_directory {folder}/state;\n"
                f"mailboxes maildir {folder}/mail/%u;\n", folder)
    front = role.peers["front"]

    def grant():
        role.peers["directory"].send("GRANT_SESSION", front=0, session=7, account=1, address=f"bob@{DOMAIN}", path=f"{folder}/mail/bob",
                                     quota_octets=0, quota_messages=0)

    def ask():
        front.send("LIST", request=1, session=7, **{"from": 0})
        while (answer := front.receive())[0] != "LISTED":
            pass
        return answer[1]["outcome"]

    grant()
    assert ask() == OK
    role.peers["directory"].close()
    assert ask() == OK
    role.reconnect("directory")
    wait_until(lambda: ask() == LATER, what="the session's end")
    grant()
    wait_until(lambda: ask() == OK, what="the next log-in")
    role.stop()
    shutil.rmtree(folder)


def test_a_wrong_configuration_is_refused_and_the_old_one_serves(own_server):
    import signal
    good = own_server.conf.read_text()
    own_server.conf.write_text(good + "\nlistn imap 1;\nhostname;\n")
    own_server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: own_server.events("config.refused"), 10, "config.refused")
    own_server.send("still serving")
    own_server.conf.write_text(good.replace("level debug", "level info"))
    own_server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: own_server.events("config.reloaded"), 10, "config.reloaded")
    own_server.send("serving again")


def test_tls_that_was_offered_is_given_after_the_certificates_went(own_server):
    import signal
    with own_server.smtp() as s:
        s.ehlo("c.example")
        kept = [line for line in own_server.conf.read_text().splitlines()
                if not line.startswith(("certificate", "listen submissions", "listen imaps"))]
        own_server.conf.write_text("\n".join(kept))
        own_server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: own_server.events("config.reloaded"), 10, "config.reloaded")
        assert s.starttls(context=own_server.tls())[0] == 220
        assert s.ehlo("c.example")[0] == 250
    with own_server.smtp() as s:
        s.ehlo("c.example")
        assert not s.has_extn("starttls")
    assert not own_server.events("role.died")


def test_a_removed_account_loses_its_sessions_at_once(own_server):
    i = own_server.imap("carol")
    i.select("INBOX")
    own_server.cli("user", "remove", f"carol@{DOMAIN}")
    with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
        for _ in range(2):
            i.noop()
    with own_server.smtp() as s:
        s.ehlo("c.example")
        s.mail("a@b.example")
        assert s.rcpt(f"carol@{DOMAIN}")[0] == 550


def test_new_accounts_and_passwords_are_live_at_once(own_server):
    own_server.cli("user", "add", f"dave@{DOMAIN}", stdin="first\n")
    own_server.send("welcome", to="dave")
    i = imaplib.IMAP4("127.0.0.1", own_server.ports["imap"])
    i.login(f"dave@{DOMAIN}", "first")
    own_server.cli("user", "password", f"dave@{DOMAIN}", stdin="second\n")
    j = imaplib.IMAP4("127.0.0.1", own_server.ports["imap"])
    with pytest.raises(imaplib.IMAP4.error):
        j.login(f"dave@{DOMAIN}", "first")
    k = imaplib.IMAP4("127.0.0.1", own_server.ports["imap"])
    k.login(f"dave@{DOMAIN}", "second")
    k.logout()
