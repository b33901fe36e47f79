"""The set-up of doc/migration.md, moved as it says: a real slapd at 10.64.0.1, a real Dovecot whose Maildirs are taken over, the page's own
configuration on the ports that everybody knows, and afrique.iut across the sea."""
import contextlib
import imaplib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import tempfile

import pytest

import slapd
from conftest import JAIL_ENVIRONMENT, ROOT, executable, wait_until
from mail_servers import dovecot_version
from organisations import House, two_organisations

pytestmark = pytest.mark.skipif(not os.path.exists(slapd.PROGRAM), reason="slapd is not installed")

YOUNES, AWA = "younes.bensyed@amerique.iut", "awa@amerique.iut"
LDAP = """hosts = 10.64.0.1
dn = cn=admin,dc=amerique,dc=iut
dnpass = azerty
auth_bind = no
ldap_version = 3
base = dc=amerique,dc=iut
scope = subtree
"""
# What both versions call the same.
COMMON = """ssl = no
log_path = /var/lib/dovecot.log
auth_mechanisms = plain login
mail_uid = vmail
mail_gid = vmail
listen = *
"""
DOVECOT = {
    (2, 3): {
        "dovecot.conf": COMMON + """disable_plaintext_auth = no
protocols = imap
userdb {
  args = /etc/dovecot/dovecot-ldap-user.conf.ext
  driver = ldap
}
passdb {
  args = /etc/dovecot/dovecot-ldap-pass.conf.ext
  driver = ldap
}
""",
        "dovecot-ldap-user.conf.ext": LDAP + """user_attrs = =home=/home/vmail/%d/%{ldap:uid}, =mail=maildir:/home/vmail/%d/%{ldap:uid}/mailbox
user_filter = (mail=%u)
""",
        "dovecot-ldap-pass.conf.ext": LDAP + """pass_attrs = mail=user,userPassword=password
pass_filter = (&(mail=%u)(objectClass=person))
default_pass_scheme = PLAIN
"""},
    (2, 4): {
        "dovecot.conf": f"""dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
{COMMON}auth_allow_cleartext = yes
protocols {{
  imap = yes
}}
ldap_uris = ldap://10.64.0.1
ldap_auth_dn = cn=admin,dc=amerique,dc=iut
ldap_auth_dn_password = azerty
ldap_base = dc=amerique,dc=iut
userdb ldap {{
  ldap_filter = (mail=%{{user}})
  fields {{
    home = /home/vmail/%{{user|domain}}/%{{ldap:uid}}
    mail_driver = maildir
    mail_path = /home/vmail/%{{user|domain}}/%{{ldap:uid}}/mailbox
  }}
}}
passdb ldap {{
  ldap_filter = (&(mail=%{{user}})(objectClass=person))
  passdb_default_password_scheme = PLAIN
  fields {{
    user = %{{ldap:mail}}
    password = %{{ldap:userPassword}}
  }}
}}
"""}}


def page_configuration():
    """The indented block that begins with the file's name."""
    text = (ROOT / "doc/migration.md").read_text()
    [block] = re.findall(r"(?:^    .*\n|^\n)+", text[text.index("    # /etc/mermoz/mermoz.conf"):], re.M)[:1]
    return "".join(line[4:] if line.strip() else "\n" for line in block.splitlines(True))


class Machine:
    """mail.amerique.iut: amerique's network, and /etc, /run, /home, /var/lib and /var/spool of its own."""
    PLACES = {"etc": "/etc", "run": "/run", "home": "/home", "lib": "/var/lib", "spool": "/var/spool"}

    def __init__(self, organisation, root):
        self.organisation, self.root, self.processes = organisation, pathlib.Path(root), []
        shutil.copytree("/etc", self.root / "etc", symlinks=True)
        for name in self.PLACES:
            (self.root / name).mkdir(exist_ok=True)
        self.add_users()
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.write("etc/aliases", "postmaster: root\nroot: younes.bensyed\n")
        self.write("etc/mermoz/mermoz.conf", page_configuration())
        self.write("etc/mermoz/ldap.secret", "azerty\n").chmod(0o600)
        for place in ("run/mermoz", "lib/mermoz", "home/vmail"):
            (self.root / place).mkdir()
        shutil.chown(self.root / "home/vmail", 5000, 5000)
        (self.root / "home/vmail").chmod(0o700)
        self.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=mail.amerique.iut",
                 "-addext", "subjectAltName=DNS:mail.amerique.iut", "-keyout", "/etc/mermoz/key.pem", "-out", "/etc/mermoz/chain.pem")

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def add_users(self):
        """As the document's useradd and packaging/mermoz.sysusers do."""
        for name, lines in (("passwd", "vmail:x:5000:5000::/home/vmail:/bin/false\n_mermoz:x:4998:4998::/nonexistent:/bin/false\n"
                             "_mermozd:x:4999:4999::/nonexistent:/bin/false\n"),
                            ("group", "vmail:x:5000:\n_mermoz:x:4998:\n_mermozd:x:4999:\n")):
            path = self.root / "etc" / name
            kept = [line for line in path.read_text().splitlines(True) if line.split(":")[0] not in ("vmail", "_mermoz", "_mermozd")]
            path.write_text("".join(kept) + lines)

    def words(self, *words):
        mounts = "".join(f'mount --bind "{self.root}/{name}" {place}\n' for name, place in self.PLACES.items())
        return ["unshare", "--mount", "sh", "-ec", mounts + 'exec "$@"', "sh", *words]

    def run(self, *words, code=0):
        with self.organisation.inside():
            p = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=60)
        assert code is None or p.returncode == code, (words, p.returncode, p.stdout, p.stderr)
        return p.stdout + p.stderr

    def mermoz(self, *words, code=0):
        return self.run(executable(), *words, code=code)

    @contextlib.contextmanager
    def running(self, *words, log, is_up):
        with open(log, "ab") as out, self.organisation.inside():
            process = subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=JAIL_ENVIRONMENT)
        try:
            def up():
                assert process.poll() is None, log.read_text()[-3000:]
                return is_up()
            wait_until(up, 30, f"the start of {words[0]}")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def dovecot(self):
        return self.running("dovecot", "-F", log=self.root / "dovecot.out", is_up=lambda: self.listens(143))

    @contextlib.contextmanager
    def serving(self):
        log = self.root / "mermoz.log"
        log.touch()
        before = log.stat().st_size
        with self.running(executable(), "serve", log=log, is_up=lambda: b" server.started " in log.read_bytes()[before:]) as process:
            wait_until(lambda: "0 s ago" in self.mermoz("explain", YOUNES, code=None), 30, "the first reading of LDAP")
            yield process
        assert process.returncode == 0, log.read_text()[-3000:]

    def listens(self, port):
        with self.organisation.inside():
            try:
                imaplib.IMAP4(self.organisation.address, port, timeout=10).logout()
                return True
            except OSError:
                return False

    def imap(self, name, password, port=143):
        with self.organisation.inside():
            i = imaplib.IMAP4(self.organisation.address, port, timeout=30)
        assert i.login(name, password)[0] == "OK"
        return i

    def submit(self, to, subject, name=YOUNES, password="azerty", sender=None, port=25, is_tls=False):
        with self.organisation.inside(), smtplib.SMTP(self.organisation.address, port, timeout=30) as s:
            if is_tls:
                context = ssl.create_default_context(cafile=self.root / "etc/mermoz/chain.pem")
                context.check_hostname = False
                s.starttls(context=context)
            s.login(name, password)
            s.sendmail(sender or name, [to], f"From: {sender or name}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nbonjour\r\n")


class SchoolSlapd(slapd.Slapd):
    host = "10.64.0.1"


@pytest.fixture(scope="module")
def school():
    with two_organisations() as (amerique, afrique), contextlib.ExitStack() as stack:
        root = tempfile.mkdtemp(prefix="mermoz-migration-")
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        os.chmod(root, 0o755)
        subprocess.run(["ip", "-n", amerique.namespace, "address", "add", "10.64.0.1/32", "dev", "lo"], check=True)
        with amerique.inside():
            directory = SchoolSlapd(f"{root}/slapd", 389, None).start()
            stack.callback(directory.stop)
            directory.add_user("ybensyed", YOUNES, "azerty")
            directory.add_user("awa", AWA, "qsdfgh")
        machine = Machine(amerique, root)
        machine.directory = directory
        machine.afrique = House(afrique, "bob")
        stack.callback(machine.afrique.leave)
        yield machine


@pytest.fixture(scope="module")
def moved(school):
    """Mermoz in place of Postfix and Dovecot."""
    with school.serving() as school.serves:
        yield school


def seen_by_a_client(imap, folder):
    """UIDVALIDITY, and of each message uid, flags and octets."""
    assert imap.select(f'"{folder}"')[0] == "OK"
    validity = imap.response("UIDVALIDITY")[1]
    found = {}
    for uid in imap.uid("SEARCH", None, "ALL")[1][0].split():
        (head, text), *_ = imap.uid("FETCH", uid, "(FLAGS BODY.PEEK[])")[1]
        flags = re.search(rb"FLAGS \(([^)]*)\)", head).group(1).split()
        found[uid] = sorted(f for f in flags if f != b"\\Recent"), text
    return validity, found


def folders(imap, command="list"):
    return {re.search(rb'"?([^" ]+)"?$', line).group(1).replace(b".", b"/") for line in getattr(imap, command)()[1] if line}


def name_of(imap, *parts):
    """The client asks what stands between the parts, as mail programs do."""
    [line] = imap.list('""', '""')[1]
    return re.search(rb'\) "(.)"', line).group(1).decode().join(parts)


def test_a_maildir_of_dovecot_is_taken_over_in_place_and_handed_back(school):
    for program in ("/usr/lib/dovecot/imap", "/usr/lib/dovecot/modules/auth/libauthdb_ldap.so"):
        if not os.path.exists(program):
            pytest.skip(f"{program} is not installed")
    for name, text in DOVECOT[dovecot_version()].items():
        school.write(f"etc/dovecot/{name}", text)
    with school.dovecot():
        i = school.imap(YOUNES, "azerty")
        archive = name_of(i, "Archive", "2024")
        for folder in ("Sent", "Archive", archive):
            i.create(f'"{folder}"')
            i.subscribe(f'"{folder}"')
        for n, flags in enumerate((r"\Seen", r"(\Flagged $Forwarded travail)", r"\Answered", "", r"\Draft")):
            for folder in ("INBOX", archive):
                assert i.append(f'"{folder}"', flags, None, f"Subject: {n}\r\n\r\nin {folder}\r\n".encode())[0] == "OK"
        i.select("INBOX")
        i.store("1", "+FLAGS", r"\Deleted")
        i.expunge()
        before = [seen_by_a_client(i, folder) for folder in ("INBOX", archive)]
        assert len(before[0][1]) == 4 and len(before[1][1]) == 5
        names = folders(i, "lsub")
        i.logout()
    with school.serving():
        i = school.imap(YOUNES, "azerty")
        archive = name_of(i, "Archive", "2024")
        assert [seen_by_a_client(i, folder) for folder in ("INBOX", archive)] == before
        assert names <= folders(i, "lsub") and names <= folders(i)
        assert i.append("INBOX", r"\Seen", None, b"Subject: 5\r\n\r\nin INBOX\r\n")[0] == "OK"
        assert i.select("INBOX")[0] == "OK" and i.uid("STORE", "3", "+FLAGS", r"(\Seen later)")[0] == "OK"
        after = [seen_by_a_client(i, folder) for folder in ("INBOX", archive)]
        i.logout()
    with school.dovecot():
        i = school.imap(YOUNES, "azerty")
        assert [seen_by_a_client(i, folder) for folder in ("INBOX", name_of(i, "Archive", "2024"))] == after
        i.logout()


def test_the_mailboxes_belong_to_uid_5000_and_lie_where_dovecot_looked(moved):
    moved.submit(AWA, "to a colleague")
    [path] = wait_until(lambda: list((moved.root / "home/vmail/amerique.iut/awa/mailbox/new").glob("*")), what="the mail")
    assert (path.stat().st_uid, path.stat().st_gid) == (5000, 5000)
    moved.submit(YOUNES, "to himself")
    assert [p for p in (moved.root / "home/vmail/amerique.iut/ybensyed/mailbox/new").glob("*") if "to himself" in p.read_text()]
    assert not (moved.root / "home/vmail/amerique.iut/younes.bensyed").exists()


@pytest.mark.parametrize("port, is_tls", [(25, False), (587, False), (587, True)])
def test_a_mail_to_afrique_arrives_and_the_reply_comes_back(moved, port, is_tls):
    there = f"bob@{moved.afrique.organisation.domain}"
    subject = f"by {port} {is_tls}"
    moved.submit(there, subject, port=port, is_tls=is_tls)
    [mail] = wait_until(lambda: moved.afrique.mails("bob", f"Subject: {subject}"), 60, "the mail's arrival")
    assert f"Return-Path: <{YOUNES}>" in mail
    moved.afrique.submit("bob", YOUNES, f"Re: {subject}")
    i = moved.imap(YOUNES, "azerty")

    def arrived():
        i.select("INBOX")
        return i.search(None, "SUBJECT", f'"Re: {subject}"')[1] != [b""]
    wait_until(arrived, 60, "the reply's arrival")
    i.logout()


def test_what_still_waits_in_postfix_goes_through_us_as_the_page_says(moved):
    if not shutil.which("postfix"):
        pytest.skip("the package postfix is not installed")
    moved.write("etc/postfix/main.cf", """compatibility_level = 3.6
maillog_file = /var/lib/postfix.log
maillog_file_prefixes = /var/lib
myhostname = mail.amerique.iut
mydestination = $myhostname, localhost
virtual_mailbox_domains = amerique.iut
virtual_transport = retry:4.2.0 dovecot is away
virtual_mailbox_maps = inline:{ { younes.bensyed@amerique.iut = younes } }
default_transport = retry:4.4.1 the world is away
master_service_disable = inet
mynetworks = 127.0.0.0/8
inet_interfaces = all
""")
    (moved.root / "spool/postfix").mkdir()
    moved.run("postfix", "check")
    moved.run("postfix", "start")
    for to in (YOUNES, "bob@afrique.iut"):
        moved.run("sh", "-c", f"printf 'Subject: left in postfix\\n\\nbonjour\\n' | /usr/sbin/sendmail -f {AWA} {to}")
    wait_until(lambda: moved.run("postqueue", "-p").count("is away") == 2, what="both wait")
    moved.run("postfix", "stop")
    with open(moved.root / "etc/mermoz/mermoz.conf", "a") as conf:
        conf.write("listen smtp 127.0.0.1:10025;\n")
    moved.serves.send_signal(signal.SIGHUP)
    moved.run("postconf", "-X", "virtual_transport", "default_transport")
    moved.run("sh", "-c", re.search(r"^   `(postconf -e [^`]*)`", (ROOT / "doc/migration.md").read_text(), re.M).group(1))
    try:
        wait_until(lambda: "queue is empty" in moved.run("postqueue", "-p"), what="the end of Postfix's queue")
    except AssertionError as e:
        raise AssertionError((moved.root / "lib/postfix.log").read_text()[-3000:]) from e
    moved.run("postfix", "stop")
    wait_until(lambda: moved.afrique.mails("bob", "Subject: left in postfix"), 60, "the mail's arrival")
    assert [p for p in (moved.root / "home/vmail/amerique.iut/ybensyed/mailbox/new").glob("*") if "left in postfix" in p.read_text()]


def test_nobody_sends_as_somebody_else_nor_with_another_password(moved):
    with pytest.raises(smtplib.SMTPSenderRefused, match="553, b.5.7.1"):
        moved.submit(f"bob@{moved.afrique.organisation.domain}", "forged", sender=AWA)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        moved.submit(AWA, "wrong", password="qwerty")


def test_details_aliases_and_programs_of_this_machine_are_as_before(moved):
    for to, subject in (("younes.bensyed+list@amerique.iut", "by detail"), ("postmaster@amerique.iut", "by alias")):
        moved.submit(to, subject, name=AWA, password="qsdfgh")
    # mynetworks, and cron.
    with moved.organisation.inside(), smtplib.SMTP("127.0.0.1", 25, timeout=30) as s:
        s.sendmail(AWA, [f"bob@{moved.afrique.organisation.domain}"], "Subject: from this machine\r\n\r\nbonjour\r\n")
    moved.run("sh", "-c", f"printf 'Subject: from cron\\n\\ndone\\n' | {executable()} send root")
    wait_until(lambda: moved.afrique.mails("bob", "Subject: from this machine"), 60, "the mail's arrival")
    texts = [p.read_text() for p in (moved.root / "home/vmail/amerique.iut/ybensyed/mailbox/new").glob("*")]
    for subject in ("by detail", "by alias", "from cron"):
        assert [t for t in texts if f"Subject: {subject}" in t], subject


def test_strangers_write_to_who_is_here_and_reach_nobody_else(moved):
    with moved.afrique.organisation.inside(), smtplib.SMTP(moved.organisation.address, 25, timeout=30) as s:
        s.ehlo("mail.afrique.iut")
        s.mail("bob@afrique.iut")
        assert [s.rcpt(to)[0] for to in (YOUNES, "personne@amerique.iut", "x@asie.iut")] == [250, 550, 550]


def test_the_commands_of_the_page_say_what_it_says(moved):
    assert ": no errors." in moved.mermoz("check")
    assert "/home/vmail/amerique.iut/ybensyed/mailbox" in moved.mermoz("explain", YOUNES)
    assert {YOUNES, AWA} <= set(moved.mermoz("user", "list").split())
    assert "mail.afrique.iut" in moved.mermoz("explain", YOUNES, "bob@afrique.iut")
    assert "sync" in moved.mermoz("directory", "status")
    assert moved.mermoz("queue", "list").count("\n") <= 1


def test_the_packaged_users_are_made_beside_the_vmail_that_there_is(tmp_path):
    if not shutil.which("systemd-sysusers"):
        pytest.skip("systemd-sysusers is not installed")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("vmail:x:5000:5000::/home/vmail:/bin/sh\n")
    (tmp_path / "etc/group").write_text("vmail:x:5000:\n")
    made = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", ROOT / "packaging/mermoz.sysusers"], capture_output=True, text=True, timeout=30)
    assert made.returncode == 0, made.stderr
    users = [line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()]
    assert sorted(u[0] for u in users) == ["_mermoz", "_mermozd", "vmail"] and users[0][2:] == ["5000", "5000", "", "/home/vmail", "/bin/sh"]
