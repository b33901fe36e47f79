"""A copy of a Maildir that is brought back while the server runs: cp writes over the files that are mapped."""
import imaplib
import os
import shutil

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
