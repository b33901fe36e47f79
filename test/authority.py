"""Certificates for tests: an authority of a test's own, and what it signs."""
import hashlib
import ipaddress
import pathlib
import ssl
import subprocess

CONF = """[ca]
default_ca = here
[here]
database = {d}/index
serial = {d}/serial
new_certs_dir = {d}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:false
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *map(str, words)], input=stdin, check=True, capture_output=True).stdout


def is_address(name):
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


class Certificate:
    def __init__(self, chain, key):
        self.chain, self.key = pathlib.Path(chain), pathlib.Path(key)

    def context(self):
        """For a server that has this one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    def tlsa(self):
        """The record for DANE-EE, of the key (RFC 7671 5.1)."""
        public = openssl("x509", "-in", self.chain, "-noout", "-pubkey")
        return "3 1 1 " + hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", stdin=public)).hexdigest()


class Authority:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.file = self.directory / "ca.pem"
        (self.directory / "index").touch()
        (self.directory / "serial").write_text("01\n")
        (self.directory / "conf").write_text(CONF.format(d=self.directory))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 3, "-subj", "/CN=Test authority",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.directory / "ca.key", "-out", self.file)

    def sign(self, *names, dates=()):
        """A certificate for these names; dates: ("-startdate", "20200101000000Z", …)."""
        base = self.directory / f"{names[0].replace('*', 'any')}-{len(list(self.directory.iterdir()))}"
        key, request, chain = (base.with_name(base.name + end) for end in (".key", ".csr", ".pem"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={names[0][:64]}",
                "-addext", "subjectAltName=" + ",".join(f"{'IP' if is_address(n) else 'DNS'}:{n}" for n in names), "-keyout", key, "-out", request)
        openssl("ca", "-batch", "-notext", "-config", self.directory / "conf", "-cert", self.file, "-keyfile", self.directory / "ca.key",
                *(dates or ("-days", 3)), "-in", request, "-out", chain)
        chain.write_text(chain.read_text() + self.file.read_text())
        return Certificate(chain, key)

    def sign_expired(self, *names):
        return self.sign(*names, dates=("-startdate", "20200101000000Z", "-enddate", "20200201000000Z"))
