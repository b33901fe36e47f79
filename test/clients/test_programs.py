"""Real programs: curl, swaks, mbsync both ways."""
import pathlib
import subprocess

from conftest import DOMAIN, PASSWORDS, wait_until


def run(*args, **kw):
    p = subprocess.run([str(a) for a in args], capture_output=True, timeout=120, **kw)
    assert p.returncode == 0, (args, p.stdout[-2000:], p.stderr[-2000:])
    return p.stdout


def curl(server, *args, name="alice", **kw):
    return run("curl", "-sS", "--cacert", server.directory / "cert.pem", "--user", f"{name}@{DOMAIN}:{PASSWORDS[name]}", *args, **kw)


def test_curl_submits_and_fetches_over_tls(server):
    mail = f"From: alice@{DOMAIN}\r\nTo: bob@{DOMAIN}\r\nSubject: by curl\r\n\r\nhello\r\n"
    curl(server, "--ssl-reqd", f"smtp://localhost:{server.ports['submission']}", "--mail-from", f"alice@{DOMAIN}",
         "--mail-rcpt", f"bob@{DOMAIN}", "--upload-file", "-", input=mail.encode())
    curl(server, f"smtps://localhost:{server.ports['submissions']}", "--mail-from", f"alice@{DOMAIN}",
         "--mail-rcpt", f"bob@{DOMAIN}", "--upload-file", "-", input=mail.replace("by curl", "by curl tls").encode())
    url = f"imaps://localhost:{server.ports['imaps']}/INBOX"
    hits = curl(server, url, "-X", 'SEARCH SUBJECT "by curl"', name="bob").split()[2:]
    assert len(hits) == 2
    text = curl(server, f"{url};MAILINDEX={int(hits[0])}", name="bob")
    assert b"Subject: by curl\r\n" in text and text.endswith(b"hello\r\n")


def test_curl_appends(server, tmp_path):
    mail = tmp_path / "mail"
    mail.write_bytes(b"Subject: by append\r\n\r\nx\r\n")
    curl(server, f"imaps://localhost:{server.ports['imaps']}/Drafts", "--upload-file", mail, name="bob")
    hits = curl(server, f"imaps://localhost:{server.ports['imaps']}/Drafts", "-X", 'SEARCH SUBJECT "by append"', name="bob")
    assert len(hits.split()) == 3


def test_swaks_in_the_ways_it_knows(server):
    base = ["swaks", "--server", "127.0.0.1", "--to", f"bob@{DOMAIN}", "--auth-user", f"alice@{DOMAIN}",
            "--auth-password", PASSWORDS["alice"], "--from", f"alice@{DOMAIN}"]
    for n, more in enumerate((["--port", server.ports["submission"], "-tls", "--auth", "PLAIN"],
                              ["--port", server.ports["submission"], "-tls", "--auth", "LOGIN"],
                              ["--port", server.ports["submissions"], "-tlsc", "--auth", "PLAIN"],
                              ["--port", server.ports["smtp"], "--pipeline", "--auth", "PLAIN"])):
        run(*base, *more, "--header", f"Subject: by swaks {n}")
    assert len([p for p in server.files("bob") if b"Subject: by swaks" in p.read_bytes()]) == 4


MBSYNC = """
IMAPAccount a
Host localhost
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
CertificateFile {cert}

IMAPStore far
Account a

MaildirStore near
Path {here}/
Inbox {here}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Remove Both
SyncState *
"""


def test_mbsync_both_ways(server, tmp_path):
    for n in range(5):
        server.send(f"sync {n}", to="alice")
    here = tmp_path / "here"
    here.mkdir()
    rc = tmp_path / "rc"
    rc.write_text(MBSYNC.format(port=server.ports["imaps"], user=f"alice@{DOMAIN}", password=PASSWORDS["alice"],
                                cert=server.directory / "cert.pem", here=here))
    run("mbsync", "-c", rc, "c")
    pulled = [p for p in (here / "INBOX").glob("*/*") if p.is_file() and b"Subject: sync" in p.read_bytes()]
    assert len(pulled) == 5
    # Up: a new folder with a flagged message; down: a deletion.
    for sub in ("cur", "new", "tmp"):
        (here / "Pushed" / sub).mkdir(parents=True)
    (here / "Pushed/cur/1.1.x:2,FS").write_bytes(b"Subject: pushed\nFrom: a@b.example\n\nx\n")
    pulled[0].unlink()
    run("mbsync", "-c", rc, "c")
    i = server.imap("alice")
    assert i.select("Pushed")[1] == [b"1"]
    [flags] = i.fetch("1", "(FLAGS)")[1]
    assert b"\\Flagged" in flags and b"\\Seen" in flags
    i.select("INBOX")
    [hits] = i.search(None, "SUBJECT", "sync")[1]
    assert len(hits.split()) == 4
    i.store(hits.split()[0], "+FLAGS", "(\\Deleted)")
    i.expunge()
    i.logout()
    run("mbsync", "-c", rc, "c")
    left = [p for p in (here / "INBOX").glob("*/*") if p.is_file() and b"Subject: sync" in p.read_bytes()]
    assert len(left) == 3
