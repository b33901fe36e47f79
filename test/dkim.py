"""Verifies DKIM signatures (RFC 6376 6.1) of relaxed/relaxed form, with nothing of Mermoz's: openssl does the cryptography."""
import base64
import hashlib
import pathlib
import re
import subprocess
import tempfile


def tags(text):
    """tag-list: {name: value without white space} (RFC 6376 3.2)."""
    return {name.strip(): re.sub(r"\s", "", value) for name, value in (t.split("=", 1) for t in text.split(";") if t.strip())}


def fields(header):
    """[(name, the whole field)], as they stand on the wire."""
    return [(f.split(b":")[0].strip().lower(), f) for f in re.findall(rb"[^\r\n][^\n]*\n(?:[ \t][^\n]*\n)*", header)]


def relaxed(field):
    name, value = field.split(b":", 1)
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip().lower() + b":" + value


def relaxed_body(body):
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def is_signed_by(key, hashed, signature, kind):
    """key: of p=.  RFC 8463 3: Ed25519 signs the octets of the hash."""
    with tempfile.TemporaryDirectory() as directory:
        d = pathlib.Path(directory)
        der = base64.b64decode(key)
        (d / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + der if kind == "ed25519" else der)
        (d / "signature").write_bytes(signature)
        (d / "hashed").write_bytes(hashlib.sha256(hashed).digest() if kind == "ed25519" else hashed)
        how = (["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", d / "key", "-in", d / "hashed", "-sigfile", d / "signature"]
               if kind == "ed25519" else ["dgst", "-sha256", "-keyform", "DER", "-verify", d / "key", "-signature", d / "signature", d / "hashed"])
        return subprocess.run(["openssl", *how], capture_output=True).returncode == 0


def verified(message, records):
    """The domains and selectors, (d, s), of the signatures that hold.  records: {"selector._domainkey.domain": text of DNS}."""
    header, body = message.split(b"\r\n\r\n", 1)
    all_fields = fields(header + b"\r\n")
    found = []
    for name, field in all_fields:
        if name != b"dkim-signature":
            continue
        said = tags(field.decode().split(":", 1)[1])
        record = tags(records[f"{said['s']}._domainkey.{said['d']}"])
        left, hashed = list(all_fields), b""
        for wanted in said["h"].lower().split(":"):
            at = next((i for i in reversed(range(len(left))) if left[i][0] == wanted.encode()), None)
            if at is not None:
                hashed += relaxed(left.pop(at)[1]) + b"\r\n"
        hashed += re.sub(rb"(;\s*b=)[^;]*", rb"\1", relaxed(field))
        assert said["v"] == "1" and said["c"] == "relaxed/relaxed" and said["a"] == f"{record['k']}-sha256"
        is_good = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode() == said["bh"]
        if is_good and is_signed_by(record["p"], hashed, base64.b64decode(said["b"]), record["k"]):
            found.append((said["d"], said["s"]))
    return found
