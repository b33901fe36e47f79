"""IMAP as clients see it, through Python's imaplib."""
import imaplib
import os
import re
import subprocess
import time

import pytest

from conftest import DOMAIN, PASSWORDS, Server, executable, login, wait_until


def uid_of(reply):
    return int(re.search(rb"APPENDUID \d+ (\d+)", reply[1][0]).group(1))


def append(imap, folder, subject, flags=""):
    return imap.append(folder, flags, None, f"Subject: {subject}\r\nFrom: a@b.example\r\n\r\nbody of {subject}\r\n".encode())


def make(imap, folder):
    assert imap.create(folder)[0] == "OK"
    return folder


def test_the_first_log_in_finds_the_special_folders(server):
    i = server.imap("carol")
    names = b"\n".join(i.list()[1])
    for attribute, name in ((b"Drafts", b"Drafts"), (b"Sent", b"Sent"), (b"Junk", b"Junk"), (b"Trash", b"Trash"), (b"Archive", b"Archive")):
        assert re.search(rb"\\" + attribute + rb"[^\n]*" + name, names), names
    i.logout()


def test_delivered_mail_is_read_back_octet_for_octet(server):
    server.send("read back", to="alice", body="line\r\n.dot\r\n")
    i = server.imap("alice")
    i.select("INBOX")
    [numbers] = i.search(None, "SUBJECT", '"read back"')[1]
    [(_, text), _] = i.fetch(numbers.split()[-1], "(BODY.PEEK[])")[1]
    [path] = [p for p in server.files("alice") if b"Subject: read back\n" in p.read_bytes()]
    assert text == path.read_bytes().replace(b"\n", b"\r\n")
    [size] = i.fetch(numbers.split()[-1], "(RFC822.SIZE)")[1]
    assert int(re.search(rb"SIZE (\d+)", size).group(1)) == len(text)
    i.logout()


def test_flags_and_keywords_survive_a_new_session(server):
    i = server.imap("alice")
    make(i, "Flags")
    uid = uid_of(append(i, "Flags", "flagged", "\\Flagged"))
    i.select("Flags")
    assert i.uid("STORE", str(uid), "+FLAGS", "(\\Seen work)")[0] == "OK"
    i.logout()
    i = server.imap("alice")
    i.select("Flags")
    [line] = i.uid("FETCH", str(uid), "(FLAGS)")[1]
    for flag in (b"\\Flagged", b"\\Seen", b"work"):
        assert flag in line
    i.logout()


def test_expunge_copy_move(server):
    i = server.imap("alice")
    make(i, "From")
    make(i, "To")
    uids = [uid_of(append(i, "From", f"m{n}")) for n in range(4)]
    i.select("From")
    kind, reply = i.uid("COPY", f"{uids[0]}", "To")
    assert kind == "OK"
    assert i.uid("MOVE", f"{uids[1]}", "To")[0] == "OK"
    i.uid("STORE", str(uids[2]), "+FLAGS", "(\\Deleted)")
    assert i.expunge()[0] == "OK"
    [left] = i.uid("SEARCH", None, "ALL")[1]
    assert left.split() == [b"%d" % uids[0], b"%d" % uids[3]]
    i.select("To")
    found = [i.fetch(b"%d" % n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1].strip() for n in (1, 2)]
    assert found == [b"Subject: m0", b"Subject: m1"]
    i.logout()


def test_another_session_sees_changes_when_it_asks(server):
    a, b = server.imap("alice"), server.imap("alice")
    make(a, "Shared")
    append(a, "Shared", "one")
    append(a, "Shared", "two")
    a.select("Shared")
    b.select("Shared")
    a.store("1", "+FLAGS", "(\\Deleted)")
    a.expunge()
    b.noop()
    assert b.response("EXPUNGE")[1] == [b"1"]
    append(a, "Shared", "three")
    b.noop()
    assert b.response("EXISTS")[1][-1] == b"2"
    a.logout()
    b.logout()


def test_idle_tells_of_new_mail_at_once(server):
    i = server.imap("bob")
    i.select("INBOX")
    i.send(b"x IDLE\r\n")
    assert i.readline().startswith(b"+")
    server.send("idle")
    line = i.readline()
    assert b"EXISTS" in line
    i.send(b"DONE\r\n")
    while not line.startswith(b"x OK"):
        line = i.readline()
    i.logout()


def test_a_mailbox_is_renamed_and_deleted(server):
    i = server.imap("alice")
    make(i, "Old")
    append(i, "Old", "kept")
    assert i.rename("Old", "New")[0] == "OK"
    assert i.select("New")[1] == [b"1"]
    i.close()
    assert i.delete("New")[0] == "OK"
    assert i.select("New")[0] == "NO"
    i.logout()


def test_wrong_password_and_unknown_user_hear_the_same(server):
    replies = []
    for user, password in ((f"alice@{DOMAIN}", "wrong"), (f"nobody@{DOMAIN}", "wrong")):
        i = imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=30)
        with pytest.raises(imaplib.IMAP4.error) as e:
            i.login(user, password)
        replies.append(str(e.value))
        i.shutdown()
    assert replies[0] == replies[1] and "AUTHENTICATIONFAILED" in replies[0]
    reasons = [e["reason"] for e in server.events("login.failed")]
    assert len(set(reasons)) == 2, reasons


def test_a_log_in_is_one_event(server):
    server.imap("bob").logout()
    e = server.events("login")[-1]
    assert e["user"] == f"bob@{DOMAIN}" and e["method"] == "PLAIN"
    assert e["remote"].startswith("127.0.0.1:") and e["local"] == f"127.0.0.1:{server.ports['imap']}"
    assert int(e["pid"]) > 0 and int(e["session"]) > 0
    assert not any(p in server.log_text() for p in (PASSWORDS["alice"], PASSWORDS["carol"]))


def test_imaps(server):
    i = imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=server.tls(), timeout=30)
    login(i, "bob")
    assert i.select("INBOX")[0] == "OK"
    i.logout()


def test_mail_that_another_program_dropped_is_found(server):
    i = server.imap("carol")
    i.select("INBOX")
    before = int(i.response("EXISTS")[1][-1] or 0)
    target = server.maildir("carol")
    (target / "tmp/outside").write_bytes(b"Subject: dropped\nFrom: x@y.example\n\nfrom outside\n")
    (target / "tmp/outside").chmod(0o644)
    (target / "tmp/outside").rename(target / f"new/{int(time.time())}.M1P2.other")

    def seen():
        i.noop()
        return int((i.response("EXISTS")[1] or [0])[-1] or 0) > before
    wait_until(seen, 10, "EXISTS of the dropped file")
    [numbers] = i.search(None, "SUBJECT", "dropped")[1]
    [(_, text), _] = i.fetch(numbers.split()[-1], "(BODY.PEEK[])")[1]
    assert text == b"Subject: dropped\r\nFrom: x@y.example\r\n\r\nfrom outside\r\n"
    i.logout()


def test_a_maildir_that_was_removed_or_brought_back_is_opened_anew(server):
    import shutil
    server.send("before", to="bob")
    i = server.imap("bob")
    i.select("INBOX")
    uids = i.uid("SEARCH", "ALL")[1]
    maildir, copy = server.maildir("bob"), server.directory / "copy-of-bob"
    subprocess.run(["cp", "-a", maildir, copy], check=True)
    shutil.rmtree(maildir)
    server.send("to a new mailbox", to="bob")
    j = server.imap("bob")
    assert j.select("INBOX")[1] == [b"1"]
    j.logout()
    maildir.rename(server.directory / "old-of-bob")
    copy.rename(maildir)
    j = server.imap("bob")
    j.select("INBOX")
    assert j.uid("SEARCH", "ALL")[1] == uids
    server.send("after", to="bob")
    wait_until(lambda: j.noop() and len(j.uid("SEARCH", "ALL")[1][0].split()) == len(uids[0].split()) + 1, 10, "the new mail")
    j.logout()


def subjects(imap, folder):
    """What a session that comes and goes finds in the folder."""
    [count] = imap.select(folder)[1]
    found = [m.decode() for part in imap.fetch("1:*", "(ENVELOPE)")[1] if part for m in re.findall(rb'ENVELOPE \(\S+ "([^"]*)"', part)]
    assert len(found) == int(count)
    assert imap.unselect()[0] == "OK"
    return found


def test_what_happened_while_nobody_had_it_open_is_seen_by_who_comes_back(server):
    sessions = [server.imap("alice") for _ in range(4)]  # so that each front has one
    i = sessions[0]
    make(i, "Left")
    append(i, "Left", "first")
    assert all(subjects(s, "Left") == ["first"] for s in sessions)
    append(i, "Left", "second")
    assert all(subjects(s, "Left") == ["first", "second"] for s in sessions)
    i.select("Left")
    i.store("1", "+FLAGS", "(\\Deleted)")
    i.close()
    assert all(subjects(s, "Left") == ["second"] for s in sessions)
    for n in range(300):  # more than the first view has room for
        append(i, "Left", f"m{n}")
    assert all(subjects(s, "Left") == ["second"] + [f"m{n}" for n in range(300)] for s in sessions)
    assert i.delete("Left")[0] == "OK"
    make(i, "Left")
    append(i, "Left", "another mailbox")
    assert all(subjects(s, "Left") == ["another mailbox"] for s in sessions)
    for s in sessions:
        s.logout()


def test_sort_and_thread_hold_for_what_came_in_and_for_what_others_put_there_rfc5256(server):
    i = server.imap("carol")
    make(i, "ordered")
    for subject, more in (("zebra", "Message-ID: <1@x>\r\n"), ("Re: ape", "Message-ID: <2@x>\r\nReferences: <1@x>\r\n"), ("ape", "")):
        assert i.append("ordered", None, None, f"From: {subject[-3:]}@x\r\nSubject: {subject}\r\n{more}\r\nbody\r\n".encode())[0] == "OK"
    outside = server.maildir("carol") / ".ordered" / "new" / "1600000000.outside"
    outside.write_bytes(b"From: aaa@x\nSubject: [list] cow\nMessage-ID: <4@x>\nIn-Reply-To: <2@x>\nDate: Mon, 14 Feb 1994 12:00:00 +0000\n\nbody\n")
    outside.chmod(0o666)
    i.select("ordered")
    assert i.sort("(SUBJECT)", "UTF-8", "ALL")[1] == [b"2 3 4 1"]
    assert i.uid("sort", "(FROM REVERSE SIZE)", "UTF-8", "NOT", "2")[1] == [b"4 3 1"]
    assert i.sort("(DATE)", "UTF-8", "ALL")[1][0].startswith(b"4 ")
    assert i.thread("REFERENCES", "UTF-8", "ALL")[1] == [b"(1 2 4)(3)"]
    assert i.thread("ORDEREDSUBJECT", "UTF-8", "2:3")[1] == [b"(2 3)"]
    assert "SORT" in i.capabilities and "THREAD=REFERENCES" in i.capabilities
    i.logout()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts, which takes root")
@pytest.mark.parametrize("is_there", [True, False])
def test_a_place_for_mail_that_is_mounted_read_only_keeps_the_server_from_starting_and_says_what_to_do(tmp_path, is_there):
    s = Server(tmp_path)
    place = s.mail if is_there else s.mail / "deeper"
    s.mail.mkdir()
    s.conf.write_text(s.conf.read_text().replace(f"{s.mail}/%d", f"{place}/%d"))
    p = subprocess.run(["unshare", "--mount", "sh", "-ec", 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift; exec "$@"', "sh",
                        str(s.mail), executable(), "serve", "-c", str(s.conf)], text=True, capture_output=True, timeout=30)
    assert p.returncode == 1
    assert f"{place} is mounted read-only: name it in ReadWritePaths= of mermoz.service" in p.stderr
