"""A Mermoz with a real slapd of 100,000 accounts: what reading it costs, and what a look-up does."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import measure
import servers
import workloads

SUFFIX = "dc=amerique,dc=iut"
ADMIN, SECRET = f"cn=admin,{SUFFIX}", "secret"
SLAPD, SLAPADD = "/usr/sbin/slapd", "/usr/sbin/slapadd"
ACCOUNTS, ALIASES, GROUPS, MEMBERS = 100_000, 50_000, 2_000, 50
PORT = 14389
HASH = "{SSHA}yrht1iYXEIkejLVu42JWkadd80RzYWx0c2FsdA=="  # "password"


def is_possible():
    return os.path.exists(SLAPD) and shutil.which("ldapsearch") is not None


def write_ldif(path, accounts, aliases, groups):
    with open(path, "w", encoding="ascii") as out:
        out.write(f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: amerique\ndc: amerique\n\n")
        for i in range(accounts):
            out.write(f"dn: uid=user{i:03d},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: user{i:03d}\ncn: Person Number {i}\nsn: {i}\n"
                      f"mail: {servers.address(i)}\n" + (f"mail: further{i:03d}@{servers.DOMAIN}\n" if i < aliases else "") + f"userPassword: {HASH}\n\n")
        for i in range(groups):
            out.write(f"dn: cn=group{i:04d},{SUFFIX}\nobjectClass: groupOfNames\nobjectClass: extensibleObject\n"
                      f"cn: group{i:04d}\nmail: group{i:04d}@{servers.DOMAIN}\n"
                      + "".join(f"member: uid=user{(i * MEMBERS + n) % accounts:03d},{SUFFIX}\n" for n in range(MEMBERS)) + "\n")


class Slapd:
    def __init__(self, home, accounts, aliases, groups):
        self.home = pathlib.Path(home)
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "db").mkdir(parents=True)
        (self.home / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/misc.schema
pidfile {self.home}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload back_monitor
moduleload syncprov
loglevel none
sizelimit unlimited
database mdb
suffix "{SUFFIX}"
rootdn "{ADMIN}"
rootpw {SECRET}
directory {self.home}/db
maxsize 2147483648
index objectClass,entryCSN,entryUUID,uid,mail eq
overlay syncprov
database monitor
rootdn "cn=monitor"
rootpw {SECRET}
""")
        write_ldif(self.home / "ldif", accounts, aliases, groups)
        subprocess.run([SLAPADD, "-q", "-f", self.home / "slapd.conf", "-l", self.home / "ldif"], check=True, capture_output=True)
        self.process = None

    def start(self):
        self.process = subprocess.Popen([SLAPD, "-d", "0", "-f", self.home / "slapd.conf", "-h", f"ldap://127.0.0.1:{PORT}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.asked = 0
        servers.wait_for(lambda: self.operations() is not None, 60, "slapd's start")

    def operations(self):
        """How many operations were begun, as cn=monitor counts them, without those of these questions; None: it is not up."""
        p = subprocess.run(["ldapsearch", "-x", "-LLL", "-H", f"ldap://127.0.0.1:{PORT}", "-D", "cn=monitor", "-w", SECRET, "-s", "base",
                            "-b", "cn=Operations,cn=Monitor", "monitorOpInitiated"], capture_output=True, text=True, check=False)
        match = re.search(r"monitorOpInitiated: (\d+)", p.stdout)
        if not match:
            if self.process.poll() is not None:
                raise RuntimeError("slapd ended at its start")
            return None
        count = int(match.group(1)) - self.asked - 2
        self.asked += 3  # bind, search, unbind
        return count

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
        self.process = None


class MermozWithLdap(servers.Mermoz):
    """The same Mermoz with that slapd for its directory."""

    def prepare(self):
        super().prepare()
        conf = self.home / "mermoz.conf"
        secret = self.home / "ldap.secret"
        secret.write_text(SECRET + "\n")
        conf.write_text(conf.read_text() + f"""
directory ldap {{
    server ldap://127.0.0.1:{PORT};
    base   {SUFFIX};
    bind   {ADMIN} file:{secret};
    users  (objectClass=inetOrgPerson);
    groups (objectClass=groupOfNames);
}}
log {{ level info; }}
""")

    def log_text(self):
        return (self.home / "log").read_text(errors="replace")

    def directory_pid(self):
        found = re.findall(r" role\.started .*started=directory .*process=(\d+)", self.log_text())
        return int(found[-1]) if found else None

    def loads(self, accounts):
        return re.findall(rf" directory\.loaded .*accounts={accounts} .*ms=(\d+)", self.log_text())

    def status(self):
        p = subprocess.run([servers.ROOT / "build/release/src/mermoz", "directory", "status", "--json", "-c", self.home / "mermoz.conf"],
                           capture_output=True, text=True, check=True)
        return json.loads(p.stdout)


def peak_kib(pid):
    match = re.search(r"^VmHWM:\s+(\d+)", measure.read(f"/proc/{pid}/status"), re.M)
    return int(match.group(1)) if match else 0


def load(server, accounts, aliases):
    """A start without a copy on disk, until everything that slapd has is in force."""
    began = time.monotonic()
    server.start()
    servers.wait_for(server.directory_pid, 60, "the directory's start")
    pid = server.directory_pid()
    servers.wait_for(lambda: server.loads(accounts), 300, "the reading")
    took = time.monotonic() - began
    cpu = measure.process_cpu_s(pid)
    time.sleep(2)
    return {"load_s": round(took, 2), "load_cpu_s": round(cpu, 2), "replica_ms": int(server.loads(accounts)[-1]), "directory_mib": round(measure.pss_kib(pid) / 1024, 1),
            "directory_peak_mib": round(peak_kib(pid) / 1024, 1), "accounts": accounts, "aliases": aliases}


def change(server, ldif, event):
    """One change in slapd: from slapd's answer until the event says that it is in force, in ms, and the directory's CPU for it."""
    pid, before = server.directory_pid(), server.log_text().count(event)
    used = measure.process_cpu_s(pid)
    subprocess.run(["ldapmodify", "-x", "-H", f"ldap://127.0.0.1:{PORT}", "-D", ADMIN, "-w", SECRET], check=True, capture_output=True, text=True, input=ldif)
    began = time.monotonic()
    while server.log_text().count(event) == before:
        if time.monotonic() - began > 60:
            raise RuntimeError("the change is not in force")
        time.sleep(0.002)
    took, cpu = (time.monotonic() - began) * 1000, (measure.process_cpu_s(pid) - used) * 1000
    time.sleep(1)
    return took, cpu


def modify(rdn, lines):
    return f"dn: {rdn},{SUFFIX}\nchangetype: modify\n{lines}\n"


def passwords(server, accounts, count):
    """Of the last accounts, which log in nowhere else, one after the other."""
    results = [change(server, modify(f"uid=user{i:03d}", f"replace: userPassword\nuserPassword: changed{time.monotonic_ns()}"), " account.changed ")
               for i in range(accounts - count, accounts)]
    took, cpu = zip(*results)
    return {"change_ms": round(sorted(took)[count // 2], 1), "change_worst_ms": round(max(took), 1), "change_cpu_ms": round(sorted(cpu)[count // 2], 1)}


def others(server, accounts):
    """What is not an account's own: addresses, a member of a group, accounts that are new and gone."""
    last, domain = f"uid=user{accounts - 9:03d}", servers.DOMAIN
    results = [change(server, ldif, " directory.changed ") for ldif in (
        modify(last, f"add: mail\nmail: added@{domain}"),
        modify(last, f"delete: mail\nmail: added@{domain}"),
        modify(last, f"replace: mail\nmail: moved@{domain}"),
        modify("cn=group0000", f"add: member\nmember: {last},{SUFFIX}"),
        f"dn: uid=added,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: added\ncn: Added\nsn: Added\nmail: added@{domain}\n",
        f"dn: uid=added,{SUFFIX}\nchangetype: delete\n")]
    took, cpu = zip(*results)
    return {"other_change_worst_ms": round(max(took), 1), "other_change_cpu_ms": round(max(cpu), 1),
            "directory_peak_mib": round(peak_kib(server.directory_pid()) / 1024, 1)}


def recipients(server, count):
    """Distinct RCPT TO in one session, 50 to a transaction, all of it pipelined; no message is sent."""
    smtp = workloads.Lines(server.smtp)
    smtp.wait(rb"220 ")
    smtp.ask("EHLO bench\r\n", rb"250 ")
    pid = server.directory_pid()
    cpu, began = measure.process_cpu_s(pid), time.monotonic()
    for first in range(0, count, 50):
        smtp.send("MAIL FROM:<sender@afrique.iut>\r\n" + "".join(f"RCPT TO:<{servers.address(i)}>\r\n" for i in range(first, first + 50)) + "RSET\r\n")
        answers = []
        while len(answers) < 52:
            answers += smtp.lines()
        if not all(line.startswith(b"250 ") for line in answers):
            raise RuntimeError(f"refused: {answers}")
    took = time.monotonic() - began
    return {"recipients_per_s": round(count / took), "directory_us_per_recipient": round((measure.process_cpu_s(pid) - cpu) / count * 1e6, 1)}


def questions_per_mail(server, slapd, count):
    """LDAP operations for each mail, beyond those of a server that gets none."""
    before, began = slapd.operations(), time.monotonic()
    time.sleep(5)
    idle = (slapd.operations() - before) / (time.monotonic() - began)
    before, began = slapd.operations(), time.monotonic()
    subprocess.run([workloads.SMTP_SOURCE, "-4", "-f", "sender@afrique.iut", "-t", servers.address(7), "-s", "10", "-m", str(count), "-l", "4096",
                    f"127.0.0.1:{server.smtp}"], check=True, capture_output=True, text=True)
    more = slapd.operations() - before - idle * (time.monotonic() - began)
    return {"ldap_operations_per_mail": max(0, round(more / count, 3)), "ldap_operations_idle_per_s": round(idle, 2)}


def lookup(server, slapd, accounts, is_quick):
    out = json.loads(subprocess.run([servers.ROOT / "build/release/bench/lookup", str(accounts), "1000000"], check=True, capture_output=True, text=True).stdout)
    out.update(recipients(server, 2000 if is_quick else 20000))
    if os.path.exists(workloads.SMTP_SOURCE):
        out.update(questions_per_mail(server, slapd, 200 if is_quick else 2000))
    return out


def measure_all(only, is_quick):
    """(name, numbers) of each workload."""
    share = 10 if is_quick else 1
    accounts, aliases, groups = ACCOUNTS // share, ALIASES // share, GROUPS // share
    slapd = Slapd(servers.WORK / "ldap", accounts, aliases, groups)
    server = MermozWithLdap()
    try:
        slapd.start()
        server.prepare()
        yield "ldap-load", {**load(server, accounts, aliases), **passwords(server, accounts, 5), **others(server, accounts)}
        if "lookup" in only:
            yield "lookup", lookup(server, slapd, accounts, is_quick)
        if "logins" in only:
            yield "logins", workloads.logins(server, workloads.LOG_INS // share)
    finally:
        server.stop()
        slapd.stop()
