"""A small LDAP server (RFC 4511) that does what Active Directory does and slapd can't: it hands out a multi-valued attribute in ranges
([MS-ADTS] 3.1.1.3.1.3.3), counts changes in uSNChanged and highestCommittedUSN, and knows no syncprov.  What it was asked is kept in `asked`."""
import socket
import struct
import threading
import time
import uuid

RANGE = 1500
PAGED = "1.2.840.113556.1.4.319"


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x84]) + struct.pack(">I", n)
    return bytes([tag]) + size + body


def integer(value, tag=2):
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value, tag=4):
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def elements(body):
    """[(tag, content)] of what stands one behind the other."""
    out, at = [], 0
    while at < len(body):
        tag, n, at = body[at], body[at + 1], at + 2
        if n & 0x80:
            count = n & 0x7F
            n, at = int.from_bytes(body[at:at + count], "big"), at + count
        out.append((tag, body[at:at + n]))
        at += n
    return out


class ActiveDirectory:
    def __init__(self, base="dc=amerique,dc=iut"):
        self.base = base
        self.entries = {}  # DN: {attribute in lower case: (name, [values])}
        self.usn = 1000
        self.lock = threading.Lock()
        self.asked = []  # (scope, base, attributes, entries found) of each search
        self.breaks_ranges = False
        self.has_endless_pages = False  # an empty one behind each
        self.sweep_takes_s = 0
        self.add(base, objectClass="domain")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def close(self):
        """Not before nobody waits on the socket: its descriptor would be another's then."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.socket.close()

    # ---- what it holds

    def touch(self, entry):
        self.usn += 1
        entry["usnchanged"] = ("uSNChanged", [str(self.usn)])

    def add(self, dn, **attributes):
        with self.lock:
            entry = {name.lower(): (name, value if isinstance(value, list) else [value]) for name, value in attributes.items()}
            entry["objectguid"] = ("objectGUID", [uuid.uuid4().bytes])
            self.touch(entry)
            self.entries[dn] = entry

    def set(self, dn, **attributes):
        with self.lock:
            for name, value in attributes.items():
                self.entries[dn][name.lower()] = (name, value if isinstance(value, list) else [value])
            self.touch(self.entries[dn])

    def add_user_by_another_master(self, uid):
        """Which comes with an old stamp, so that only a sweep can find it."""
        with self.lock:
            _, entry = next((dn, entry) for dn, entry in self.entries.items() if "samaccountname" in entry)
            self.usn += 1
            self.entries[f"cn={uid},{self.base}"] = dict(entry, mail=("mail", [f"{uid}@amerique.iut"]), samaccountname=("sAMAccountName", [uid]),
                                                         objectguid=("objectGUID", [uuid.uuid4().bytes]))

    def delete(self, dn):
        with self.lock:
            del self.entries[dn]
            self.usn += 1

    def add_user(self, uid, **more):
        self.add(f"cn={uid},{self.base}", objectClass=["user", "person"], sAMAccountName=uid, displayName=uid, mail=f"{uid}@amerique.iut",
                 userAccountControl="512", **more)

    # ---- the protocol

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rb") as stream:
            while head := stream.read(2):
                n = head[1]
                if n & 0x80:
                    n = int.from_bytes(stream.read(n & 0x7F), "big")
                (_, number), (tag, body), *controls = elements(stream.read(n))
                answer = self.answer(tag, body, controls)
                if answer is None:
                    return
                client.sendall(b"".join(tlv(0x30, tlv(2, number), *part) for part in answer))

    def answer(self, tag, body, controls):
        if tag == 0x60:  # BindRequest
            return [(tlv(0x61, integer(0, 0x0A), octets(""), octets("")),)]
        if tag == 0x63:  # SearchRequest
            return self.search(elements(body), controls)
        return None  # UnbindRequest, or what it does not know

    def search(self, fields, controls):
        base, scope = fields[0][1].decode(), fields[1][1][0]
        attributes = [name.decode() for _, name in elements(fields[7][1])]
        if scope and "mail" not in attributes:
            time.sleep(self.sweep_takes_s)
        page, cookie = None, b""
        for _, control in controls and elements(controls[0][1]):
            parts = elements(control)
            if parts[0][1].decode() == PAGED:
                page = parts[-1][1]
        with self.lock:
            found = self.find(base, scope, fields[6])
        if page is not None:
            (_, size), (_, at) = elements(elements(page)[0][1])
            first, count = int(at or b"0"), int.from_bytes(size, "big")
            cookie = str(first + count).encode() if first + count < len(found) else b""
            if self.has_endless_pages:
                cookie = str(first + count).encode()
            found = found[first:first + count]
        self.asked.append((scope, base, attributes, len(found)))
        out = [(tlv(0x64, octets(dn), tlv(0x30, *self.put_attributes(entry, attributes))),) for dn, entry in found]
        done = tlv(0x65, integer(0, 0x0A), octets(""), octets(""))
        value = octets(tlv(0x30, integer(0), octets(cookie)))
        out.append((done, tlv(0xA0, tlv(0x30, octets(PAGED), value))) if page is not None else (done,))
        return out

    def find(self, base, scope, wanted):
        if base == "":
            return [("", {"highestcommittedusn": ("highestCommittedUSN", [str(self.usn)]), "dnshostname": ("dnsHostName", ["ad.iut"]),
                          "supportedcontrol": ("supportedControl", [PAGED])})]
        if scope == 0:
            return [(base, dict(self.entries[base]))] if base in self.entries else []
        return [(dn, dict(entry)) for dn, entry in self.entries.items() if (dn == base or dn.endswith("," + base)) and matches(entry, wanted)]

    def put_attributes(self, entry, wanted):
        for asked in wanted:
            name, _, option = asked.partition(";")
            if name.lower() not in entry:
                continue
            name, values = entry[name.lower()]
            first = int(option.removeprefix("range=").split("-")[0]) if option else 0
            if option or len(values) > RANGE:
                values, all_values = values[first:first + RANGE], values
                last = "*" if first + RANGE >= len(all_values) else str(first + len(values) - 1)
                if self.breaks_ranges and first:
                    first = 0
                if not values:
                    continue
                name = f"{name};range={first}-{last}"
            yield tlv(0x30, octets(name), tlv(0x31, *map(octets, values)))


def matches(entry, wanted):
    """Whether it meets the filter: RFC 4511 4.5.1.7."""
    tag, body = wanted
    if tag == 0xA0:
        return all(matches(entry, part) for part in elements(body))
    if tag == 0xA1:
        return any(matches(entry, part) for part in elements(body))
    if tag == 0xA2:
        return not matches(entry, elements(body)[0])
    if tag == 0x87:
        return body.decode().lower() in entry or body == b"objectClass"
    (_, name), (_, value) = elements(body)
    values = entry.get(name.decode().lower(), ("", []))[1]
    if tag == 0xA3:
        return value.decode("latin-1").lower() in [v.lower() if isinstance(v, str) else v.decode("latin-1").lower() for v in values]
    assert tag == 0xA5, "no such filter was needed so far"
    return any(int(v) >= int(value) for v in values)
