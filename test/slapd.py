"""A slapd of a test's own, on loopback: Debian's binary, a configuration and a database in a directory of the test's."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading

SUFFIX = "dc=amerique,dc=iut"
ADMIN, SECRET = f"cn=admin,{SUFFIX}", "azerty"
PROGRAM = "/usr/sbin/slapd"


# What Active Directory and qmail-ldap call things; any entry that is an extensibleObject may have them.
OTHERS = "".join(f"attributetype ( 1.3.6.1.4.1.99999.1.{n} NAME '{name}' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n"
                 for n, name in enumerate(["proxyAddresses", "userAccountControl", "sAMAccountName", "mailAlternateAddress", "mailForwardingAddress",
                                           "deliveryMode", "accountStatus", "mgrpRFC822MailMember", "mailQuota", "mailQuotaSize", "mailQuotaCount"]))


# Passwords are for binds only, and may have a policy.
HIDING = f"""
access to attrs=userPassword by anonymous auth by * none
access to * by * read
overlay ppolicy
ppolicy_default "cn=policy,{SUFFIX}"
ppolicy_use_lockout
"""


class Slapd:
    host = "127.0.0.1"

    def __init__(self, directory, port, tls_port, has_syncprov=True, certificate=None, hides_passwords=False):
        self.directory = pathlib.Path(directory)
        self.port, self.tls_port = port, tls_port
        self.process = None
        (self.directory / "db").mkdir(parents=True)
        self.write_conf(has_syncprov, certificate, hides_passwords)
        self.load(f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: amerique\ndc: amerique\n")

    def write_conf(self, has_syncprov, certificate, hides_passwords):
        tls = f"TLSCertificateFile {certificate}/cert.pem\nTLSCertificateKeyFile {certificate}/key.pem\n" if certificate else ""
        (self.directory / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/misc.schema
{OTHERS}modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload ppolicy
pidfile {self.directory}/pid
{tls}
database mdb
suffix "{SUFFIX}"
rootdn "{ADMIN}"
rootpw {SECRET}
directory {self.directory}/db
maxsize 1073741824
index objectClass,entryCSN,entryUUID,mail eq
{"overlay syncprov" if has_syncprov else ""}
{HIDING if hides_passwords else ""}
""")

    def load(self, ldif):
        subprocess.run(["/usr/sbin/slapadd", "-f", self.directory / "slapd.conf"], input=ldif, text=True, check=True, capture_output=True)

    def start(self):
        from conftest import wait_until
        urls = f"ldap://{self.host}:{self.port}" + (f" ldaps://{self.host}:{self.tls_port}" if self.tls_port else "")
        self.process = subprocess.Popen([PROGRAM, "-d", "0", "-f", self.directory / "slapd.conf", "-h", urls],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.is_up, 20, "slapd's start")
        return self

    def is_up(self):
        """It, and not a stranger that had the port first."""
        answers = self.search("(objectClass=*)", check=False).returncode == 0
        assert self.process.poll() is None, "slapd ended at its start; has another program one of its ports?"
        return answers

    def stop(self):
        if self.process:
            self.thaw()
            self.process.terminate()
            self.process.wait(20)
        self.process = None

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def tool(self, name, *args, ldif=None, check=True):
        p = subprocess.run([name, "-x", "-H", f"ldap://{self.host}:{self.port}", "-D", ADMIN, "-w", SECRET, *args], input=ldif, text=True,
                           capture_output=True, timeout=20)
        assert not check or p.returncode == 0, p.stderr
        return p

    def search(self, what, check=True):
        return self.tool("ldapsearch", "-LLL", "-b", SUFFIX, what, check=check)

    def add_user(self, uid, mail, password, *more):
        mails = [mail] if isinstance(mail, str) else mail
        self.tool("ldapadd", ldif=f"dn: uid={uid},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n"
                  + "".join(f"mail: {m}\n" for m in mails) + f"userPassword: {password}\n" + "".join(f"{m}\n" for m in more))

    def add_policy(self, name, *lines):
        self.tool("ldapadd", ldif=f"dn: cn={name},{SUFFIX}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: {name}\npwdAttribute: userPassword\n"
                  + "".join(f"{line}\n" for line in lines))

    def add_group(self, name, classes, *lines):
        self.tool("ldapadd", ldif=f"dn: cn={name},{SUFFIX}\n" + "".join(f"objectClass: {c}\n" for c in classes.split()) + f"cn: {name}\n"
                  + "".join(f"{line}\n" for line in lines))

    def add_users(self, uids):
        self.tool("ldapadd", ldif="\n".join(f"dn: uid={uid},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n"
                                            f"mail: {uid}@amerique.iut\nuserPassword: {uid}\n" for uid in uids))

    def start_empty(self):
        """As on a new disk, before a restore."""
        self.stop()
        for path in (self.directory / "db").iterdir():
            path.unlink()
        self.load(f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: amerique\ndc: amerique\n")
        return self.start()

    def set(self, uid, attribute, value):
        self.tool("ldapmodify", "-e", "relax", ldif=f"dn: uid={uid},{SUFFIX}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n")

    def delete(self, uid):
        self.tool("ldapdelete", f"uid={uid},{SUFFIX}")


@contextlib.contextmanager
def hidden_port():
    """A port as behind a firewall that drops what comes: its listener has no room, so that connections to it are neither made nor refused."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class Stall:
    """A TCP proxy before a server that can stop in the middle: of what the server says, it lets through so many octets and
    no more."""

    def __init__(self, target):
        self.target = target
        self.changed = threading.Condition()
        self.left_for_new = None  # None: no limit
        self.connections = []
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self.changed:
                connection = {"left": self.left_for_new, "sockets": (client, server)}
                self.connections.append(connection)
                self.count += 1
                self.changed.notify_all()
            threading.Thread(target=self.pump, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, connection), daemon=True).start()

    def stop(self, after=0):
        """Each connection, and each new one, brings `after` more octets of the server's."""
        with self.changed:
            self.left_for_new = after
            for c in self.connections:
                c["left"] = after

    def go(self):
        with self.changed:
            self.left_for_new = None
            for c in self.connections:
                c["left"] = None
            self.changed.notify_all()

    def cut(self):
        """Ends every connection, so that the next one begins anew."""
        with self.changed:
            sockets = [s for c in self.connections for s in c["sockets"]]
            self.connections = []
        for s in sockets:
            shut(s)

    def allowed(self, connection, octets):
        if connection is None:
            return octets
        with self.changed:
            self.changed.wait_for(lambda: connection["left"] != 0)
            if connection["left"] is not None:
                octets = octets[:connection["left"]]
                connection["left"] -= len(octets)
            return octets

    def pump(self, source, sink, connection):
        try:
            while octets := source.recv(65536):
                while octets:
                    part = self.allowed(connection, octets)
                    sink.sendall(part)
                    octets = octets[len(part):]
        except OSError:
            pass
        shut(source)
        shut(sink)

    def close(self):
        shut(self.listener)
        self.listener.close()
        self.go()
        self.cut()


def shut(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side did
