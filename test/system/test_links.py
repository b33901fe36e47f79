"""Links in the way of mail: a shell user's, in his home, lead nowhere; an administrator's are followed (doc/adr/0010)."""
import contextlib
import os
import pathlib
import pwd
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

from conftest import DOMAIN, PASSWORDS, Server, running_server

UIDS = {"alice": 54321, "bob": 54322}


def as_shell_user(s, script):
    """What alice does in her home."""
    home = s.mail / "alice"
    subprocess.run(["/bin/sh", "-ec", script], cwd=home, env={"BOB": str(s.mail / "bob" / "Maildir"), "PATH": os.environ["PATH"]}, check=True,
                   user=UIDS["alice"], group=UIDS["alice"], extra_groups=[])


def give(path, uid):
    for p in [path, *path.rglob("*")]:
        os.chown(p, uid, uid, follow_symlinks=False)


@contextlib.contextmanager
def with_homes():
    """alice and bob are shell users; the Maildirs in their homes belong to the store's user."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mermoz-test-"))
    directory.chmod(0o755)
    s = Server(directory, f"homes {directory}/mail;")
    s.conf.write_text(s.conf.read_text().replace(f"{s.mail}/%d/%u/mailbox", "%h/Maildir"))
    for name, uid in UIDS.items():
        (s.mail / name / "Maildir").mkdir(parents=True)
        s.cli("user", "add", f"{name}@{DOMAIN}", "--attribute", f"home={s.mail}/{name}", stdin=PASSWORDS[name] + "\n")
        os.chown(s.mail / name, uid, uid)
        give(s.mail / name / "Maildir", pwd.getpwnam("nobody").pw_uid)
        (s.mail / name / "Maildir").chmod(0o700)
    try:
        s.start()
        s.send("of bob", to="bob")
        s.send("of alice", to="alice")
        with s.imap("bob") as i:
            i.select("INBOX")
        yield s
    finally:
        died = s.end()
        shutil.rmtree(directory, ignore_errors=True)
    assert not died, died


def content(directory):
    return {str(p.relative_to(directory)): p.read_bytes() if p.is_file() else None for p in directory.rglob("*")}


def refused(s):
    """alice gets no mail and reads none, and is told to come again; why is in the log."""
    before = len(s.events("mailbox.refused"))
    with s.smtp() as c:
        c.ehlo("c.example")
        c.mail("a@b.example")
        c.rcpt(f"alice@{DOMAIN}")
        assert c.data(b"Subject: written\r\n\r\nwritten\r\n")[0] == 451
    with s.imap("alice") as i:
        assert i.select("INBOX")[0] == "NO"
        assert i.append("INBOX", None, None, b"Subject: written\r\n\r\nwritten\r\n")[0] == "NO"
        assert i.create("Written")[0] == "NO"
        assert i.list()[0] == "NO"
    told = s.events("mailbox.refused")[before:]
    assert len(told) >= 3 and all("/alice/Maildir" in e["where"] and e["why"] for e in told)


def test_a_home_that_the_store_may_not_pass_is_told_of_with_what_to_do():
    with with_homes() as s:
        home = s.mail / "alice"
        home.chmod(0o700)
        refused(s)
        store = pwd.getpwnam("nobody").pw_uid
        assert s.events("mailbox.refused")[-1]["why"].startswith(
            f"user {store} (the store's) may not pass {home} (owner {UIDS['alice']}, mode 700): chmod o+x it, or setfacl -m u:{store}:x")
        home.chmod(0o711)
        shutil.move(home / "Maildir", s.mail / "bob" / "away")
        refused(s)
        assert s.events("mailbox.refused")[-1]["why"].startswith(
            f"user {store} (the store's) may not make Maildir in {home} (owner {UIDS['alice']}, mode 711): make it and chown it")
        shutil.move(s.mail / "bob" / "away", home / "Maildir")
        s.send("of alice again", to="alice")


ATTACKS = {
    "the Maildir is a link to another's": 'ln -s "$BOB" Maildir',
    "a relative one": "ln -s ../bob/Maildir Maildir",
    "a link to a link": 'ln -s "$BOB" other; ln -s other Maildir',
    "parts are links": 'mkdir -m 777 Maildir; for part in cur new tmp; do ln -s "$BOB/$part" Maildir/$part; done',
    "lists are links": 'mkdir -m 777 Maildir; for f in dovecot-uidlist dovecot-keywords mermoz.view mermoz.summary subscriptions; do ln -s "$BOB/$f" Maildir/$f; done',
    "a folder is a link": 'mkdir -m 777 Maildir; ln -s "$BOB" Maildir/.Bob',
    "a fifo": "mkfifo -m 666 Maildir",
    "a file": "touch Maildir; chmod 666 Maildir",
    "a link to nothing": 'ln -s "$BOB/.New" Maildir',
}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs other users")


@needs_root
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_a_shell_user_puts_in_the_place_of_his_maildir_leads_nowhere(attack):
    with with_homes() as s:
        before = content(s.mail / "bob")
        assert before
        as_shell_user(s, "mv Maildir away; " + attack)
        refused(s)
        assert content(s.mail / "bob") == before
        # Back in its place it is what it was.
        as_shell_user(s, "mv Maildir attack; mv away Maildir")
        s.send("again", to="alice")
        with s.imap("alice") as i:
            assert i.select("INBOX")[1] == [b"2"]


@needs_root
def test_what_was_planted_before_the_maildir_was_given_to_the_store_leads_nowhere():
    with with_homes() as s:
        bob = s.mail / "bob" / "Maildir"
        assert s.stop() == 0
        as_shell_user(s, 'mv Maildir away; mkdir Maildir Maildir/.Parts; ln -s "$BOB" Maildir/.Folder; for part in cur new tmp; do '
                         'ln -s "$BOB/$part" Maildir/.Parts/$part; done; mkdir -m 777 Maildir/.Open; ln -s "$BOB/dovecot-uidlist" Maildir/dovecot-uidlist')
        give(s.mail / "alice" / "Maildir", pwd.getpwnam("nobody").pw_uid)
        before = content(bob)
        s.start()
        with s.imap("alice") as i:
            for name in ("Folder", "Parts", "Open"):
                assert i.select(name)[0] == "NO"
                assert i.append(name, None, None, b"Subject: written\r\n\r\nwritten\r\n")[0] == "NO"
                assert i.status(name, "(MESSAGES)")[0] == "NO"
        assert content(bob) == before
        assert {e["where"] for e in s.events("mailbox.refused")} == {f"{s.mail}/alice/Maildir"}


@needs_root
def test_no_shell_user_keeps_a_server_from_starting_after_a_crash():
    with with_homes() as s:
        # Of what came long ago the journal has nothing.
        s.send("in the journal", to="alice")
        s.kill_all()
        before = content(s.mail / "bob")
        as_shell_user(s, 'mv Maildir away; ln -s "$BOB" Maildir')
        s.start()
        assert s.events("mailbox.refused") and s.events("store.recovered")
        after = content(s.mail / "bob")
        assert {n for n in after if "/new/" in n or "/cur/" in n} == {n for n in before if "/new/" in n or "/cur/" in n}
        with s.imap("bob") as i:
            assert i.select("INBOX")[1] == [b"1"]
        refused(s)


def test_links_of_the_administrator_are_followed():
    with running_server() as s:
        assert s.stop() == 0
        shutil.rmtree(s.mail)
        disk = s.directory / "disk"
        (disk / "large" / "awa").mkdir(parents=True)
        s.mail.symlink_to(disk)
        (disk / DOMAIN).symlink_to("large")
        (disk / "large" / "bob").symlink_to("awa")
        if os.geteuid() == 0:
            give(disk, pwd.getpwnam("nobody").pw_uid)
        s.start()
        s.send("over three links", to="bob")
        assert list((disk / "large" / "awa" / "mailbox" / "new").glob("*"))
        with s.imap("bob") as i:
            assert i.select("INBOX")[1] == [b"1"]
            i.create("Old")
        (disk / "large" / "awa" / "mailbox" / ".Old").rename(disk / "old")
        (disk / "large" / "awa" / "mailbox" / ".Linked").symlink_to(disk / "old")
        with s.imap("bob") as i:
            assert i.append("Linked", None, None, b"Subject: x\r\n\r\nx\r\n")[0] == "OK"
        assert not s.events("mailbox.refused")


@needs_root
def test_no_file_is_made_for_the_directory_role_over_a_link_that_it_left():
    with running_server() as s:
        assert s.stop() == 0
        accounts, = s.directory.glob("state/**/accounts.*")
        assert accounts.parent.stat().st_uid == pwd.getpwnam("nobody").pw_uid
        made = s.directory / "made"
        accounts.unlink()
        accounts.symlink_to(made)
        p = s.cli("user", "add", f"eve@{DOMAIN}", stdin="a good password\n", check=False)
        assert p.returncode != 0 and not made.exists()
        accounts.unlink()
        s.add_users()
        s.start()


@needs_root
def test_root_edits_no_database_that_a_link_of_the_directory_role_names():
    with running_server() as s:
        assert s.stop() == 0
        accounts, = s.directory.glob("state/**/accounts.*")
        victim = s.directory / "victim"
        with contextlib.closing(sqlite3.connect(victim)) as db:
            db.execute("CREATE TABLE of_another (text)")
        victim.chmod(0o600)
        before = victim.read_bytes()
        aside = accounts.rename(accounts.with_suffix(".aside"))
        accounts.symlink_to(victim)
        p = s.cli("user", "add", f"eve@{DOMAIN}", stdin="a good password\n", check=False)
        assert p.returncode != 0 and victim.read_bytes() == before
        aside.rename(accounts)
        s.start()
        # The running server is told by root, whoever edits the file.
        s.cli("user", "add", f"eve@{DOMAIN}", stdin="a good password\n")
        assert {p.owner() for p in accounts.parent.iterdir()} == {"nobody"}
        s.send(to="eve")
