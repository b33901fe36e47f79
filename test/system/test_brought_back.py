"""A copy of a Maildir that is brought back while the server runs: cp writes over the files that are mapped."""
import contextlib
import imaplib
import itertools
import os
import random
import shutil
import smtplib
import threading
import time

import pytest



def pids(server):
    return server.role_pids("store") + server.role_pids("front")


def subjects(server):
    with server.imap() as imap:
        assert imap.select("INBOX")[0] == "OK"
        answer = imap.fetch("1:*", "(UID FLAGS ENVELOPE)")[1]
        return [line for line in answer if line]


def test_an_index_that_is_cut_short_ends_sessions_and_no_role(own_server):
    own_server.send("one")
    for name in ("mermoz.summary", "mermoz.view"):
        before = pids(own_server)
        imap = own_server.imap()
        assert imap.select("INBOX")[0] == "OK"
        assert imap.fetch("1:*", "(FLAGS ENVELOPE)")[0] == "OK"
        os.truncate(own_server.maildir() / name, 0)
        with pytest.raises(imaplib.IMAP4.abort):
            imap.fetch("1:*", "(FLAGS ENVELOPE)")
            imap.noop()
        assert b"one" in subjects(own_server)[0]
        assert pids(own_server) == before
    assert own_server.events("mailbox.written")


def test_an_index_of_before_hides_nothing(own_server, tmp_path):
    own_server.send("one")
    assert len(subjects(own_server)) == 1
    shutil.copytree(own_server.maildir(), tmp_path / "copy")
    before = pids(own_server)
    for subject in ("two", "three"):
        own_server.send(subject)
    imap = own_server.imap()
    assert imap.select("INBOX")[0] == "OK"
    assert imap.store("1:3", "+FLAGS", "(\\Flagged)")[0] == "OK"
    assert imap.check()[0] == "OK"
    for name in ("mermoz.view", "mermoz.summary"):
        shutil.copyfile(tmp_path / "copy" / name, own_server.maildir() / name)
    own_server.send("four")
    with pytest.raises(imaplib.IMAP4.abort):
        while True:
            imap.noop()
    found = subjects(own_server)
    assert len(found) == 4
    assert all(b"\\Flagged" in line for line in found[:3])
    assert [i for i in range(4) if b"UID %d " % (i + 1) not in found[i]] == []
    assert pids(own_server) == before


def test_whatever_is_written_over_the_index_no_message_is_lost(own_server):
    """Clients and senders go on meanwhile: they are sent away, or asked to come again, and what was taken is there."""
    own_server.send("first")
    before, taken, stop = pids(own_server), [["first"], [], [], []], threading.Event()

    def deliver(mine, name):
        for i in itertools.count():
            if stop.is_set():
                return
            with contextlib.suppress(smtplib.SMTPException):
                own_server.send(f"{name}-{i}")
                mine.append(f"{name}-{i}")

    def work(mine, name):
        for i in itertools.count():
            if stop.is_set():
                return
            with contextlib.suppress(imaplib.IMAP4.error, OSError), own_server.imap() as imap:
                imap.select("INBOX")
                imap.store("1", "+FLAGS", "(\\Flagged)")
                imap.fetch("1:*", "(UID FLAGS ENVELOPE)")
                if imap.append("INBOX", None, None, f"Subject: {name}-{i}\r\n\r\nx".encode())[0] == "OK":
                    mine.append(f"{name}-{i}")

    threads = [threading.Thread(target=what, args=(taken[i], f"{what.__name__}{i}")) for i, what in enumerate((deliver, deliver, work, work))]
    for t in threads:
        t.start()
    chance, copies, end = random.Random(1), {}, time.monotonic() + 5
    while time.monotonic() < end:
        path = own_server.maildir() / chance.choice(["mermoz.view", "mermoz.summary"])
        with contextlib.suppress(FileNotFoundError):
            if chance.random() < 0.4:
                copies[path] = path.read_bytes()
            elif path in copies and chance.random() < 0.5:
                path.write_bytes(copies[path])  # O_TRUNC, then the octets, as cp does
            else:
                os.truncate(path, chance.choice([0, 4096, 8192, 12288, 20000]))
        stop.wait(chance.random() / 20)
    stop.set()
    for t in threads:
        t.join()
    assert pids(own_server) == before
    seen = subjects(own_server)
    assert len(seen) == len(own_server.files())
    text = b"\n".join(line if isinstance(line, bytes) else b" ".join(line) for line in seen)
    missing = [s for mine in taken for s in mine if f'"{s}"'.encode() not in text]
    assert missing == []
