"""The real Postfix and the real Exim, each with directories and a configuration of its own: for tests that meet them."""
import email
import os
import pathlib
import pwd
import shutil
import signal
import smtplib
import subprocess

import pytest

from conftest import ROOT, free_port, wait_until


class Postfix:
    """settings: what main.cf has beside; smtpd_in_chroot: that process sees the queue directory alone."""

    def __init__(self, home, settings, port=None, smtpd_in_chroot=False):
        if os.geteuid() != 0:
            pytest.skip("Postfix is started by root only")
        if not shutil.which("postfix"):
            pytest.skip("the package postfix is not installed")
        self.home, self.etc, self.port = home, home / "etc", port or free_port()
        self.log = home / "log"
        self.etc.mkdir()
        (home / "queue").mkdir(exist_ok=True)
        (home / "data").mkdir()
        shutil.chown(home / "data", "postfix")
        (self.etc / "main.cf").write_text(f"""
compatibility_level = 3.6
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {self.log}
maillog_file_prefixes = {home}
biff = no
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
{settings}
""")
        services = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        lines = [line.split() for line in services if line[:1].isalpha() and not line.startswith("smtp      inet")]
        # Nothing else has anything to hide from here.
        chroot = "y" if smtpd_in_chroot else "n"
        (self.etc / "master.cf").write_text(f"127.0.0.1:{self.port} inet n - {chroot} - - smtpd\n" + "".join(
            " ".join(f[:4] + ["n"] + f[5:]) + "\n" for f in lines if len(f) >= 8))

    def run(self, command):
        return subprocess.run(["postfix", "-c", self.etc, command], capture_output=True, text=True, timeout=60)

    def start(self):
        started = self.run("start")
        assert started.returncode == 0, (started.stderr, self.log_text())

    def stop(self):
        self.run("stop")

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""


def dovecot_version():
    """(2, 3) or (2, 4), whose configurations have hardly a line in common."""
    said = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(n) for n in said.split()[0].split(".")[:2])


def unpacked(program, group):
    """A program that is not installed: as tools/unpack has fetched it."""
    path = ROOT / "build/unpacked" / program
    fetched = subprocess.run([ROOT / "tools/unpack", group], capture_output=True, text=True, timeout=300)
    if fetched.returncode != 0:
        pytest.skip(f"{path.name} can't be fetched: {fetched.stderr.strip()}")
    return path


class Exim:
    """It insists on a user of its own, and on its configuration's place: it has both in a mount namespace, where the user is `mail` by another name."""

    def __init__(self, home, settings, port=None):
        if os.geteuid() != 0:
            pytest.skip("Exim is started by root only")
        # It starts itself anew as its user, whom the folder of the clone may not let in.
        self.program = shutil.copy(unpacked("usr/sbin/exim4", "unpacked"), home)
        self.home, self.port, self.process = home, port or free_port(), None
        for name in ("spool", "log"):
            (home / name).mkdir()
            shutil.chown(home / name, "mail", "mail")
        etc, mail = home / "etc", pwd.getpwnam("mail")
        (etc / "exim4").mkdir(parents=True)
        for name in ("passwd", "group", "nsswitch.conf", "hosts", "services", "ld.so.cache"):
            shutil.copy(f"/etc/{name}", etc / name)
        with open(etc / "passwd", "a") as f:
            f.write(f"Debian-exim:x:{mail.pw_uid}:{mail.pw_gid}::/nonexistent:/bin/false\n")
        with open(etc / "group", "a") as f:
            f.write(f"Debian-exim:x:{mail.pw_gid}:\n")
        (etc / "exim4/exim4.conf").write_text(f"""
exim_path = {self.program}
spool_directory = {home}/spool
log_file_path = {home}/log/%slog
pid_file_path = {home}/spool/exim.pid
daemon_smtp_ports = {self.port}
local_interfaces = 127.0.0.1
keep_environment =
{settings}
""")

    def start(self):
        with open(self.home / "stderr", "wb") as log:
            self.process = subprocess.Popen(["unshare", "--mount", "sh", "-ec", 'mount --bind "$1" /etc; shift; exec "$@"', "sh",
                                             self.home / "etc", self.program, "-bdf", "-q1s"], stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

        def answers():
            assert self.process.poll() is None, self.log_text()
            try:
                smtplib.SMTP("127.0.0.1", self.port, timeout=10).quit()
                return True
            except OSError:
                return False
        wait_until(answers, what="Exim's greeting")

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)

    def log_text(self):
        return "".join(p.read_text(errors="replace") for p in [self.home / "stderr", *(self.home / "log").glob("*")] if p.exists())


def read_maildir(path):
    """The messages in it."""
    return [email.message_from_bytes(p.read_bytes()) for p in path.glob("new/*")]
