"""One role alone, without a supervisor: the test wires it and speaks with it in frames, as src/ipc/messages.def has them."""
import array
import os
import pathlib
import re
import socket
import struct
import subprocess

from conftest import JAIL_ENVIRONMENT, ROOT, executable, wait_until

ROLES = ("supervisor", "front", "directory", "store", "resolver", "queue", "relay")
NUMBERS = {"U8": "<B", "U16": "<H", "U32": "<I", "U64": "<Q"}


def read_messages():
    """name: (number, [(kind, field)]) of every message."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "src/ipc/messages.def").read_text(), flags=re.S)
    out = {}
    for line in re.findall(r"^MESSAGE\((.*?)\) *$", re.sub(r"\n[ \t]+", " ", text), flags=re.M):
        name = line.split(",")[0]
        out[name] = (len(out), re.findall(r"\b(U8|U16|U32|U64|OCTETS|RANGES)\((\w+)", line))
    return out


MESSAGES = read_messages()
NAMES = {number: name for name, (number, _) in MESSAGES.items()}


def encode(message, fields):
    number, wanted = MESSAGES[message]
    out = bytes([number])
    for kind, field in wanted:
        value = fields[field]
        if kind == "OCTETS":
            value = value.encode() if isinstance(value, str) else value
            out += struct.pack("<I", len(value)) + value
        else:
            out += struct.pack(NUMBERS[kind], value)
    assert len(fields) == len(wanted), fields
    return out


def decode(frame):
    name, at, out = NAMES[frame[0]], 1, {}
    for kind, field in MESSAGES[name][1]:
        if kind == "OCTETS":
            length, = struct.unpack_from("<I", frame, at)
            out[field] = frame[at + 4:at + 4 + length]
            at += 4 + length
        else:
            out[field], = struct.unpack_from(NUMBERS[kind], frame, at)
            at += struct.calcsize(NUMBERS[kind])
    assert at == len(frame)
    return name, out


class Channel:
    """One end of a pair; the other one is `theirs` until it is given away."""

    def __init__(self):
        self.mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.mine.settimeout(30)

    def send(self, message, /, *fds, **fields):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.mine.sendmsg([encode(message, fields)], rights)

    def receive(self):
        frame = self.mine.recv(100000)
        assert frame, "the role is gone"
        return decode(frame)

    def close(self):
        self.mine.close()


class Role:
    def __init__(self, name, peers, configuration, directory):
        self.name, self.log_path = name, pathlib.Path(directory) / f"{name}.log"
        self.control, self.peers = Channel(), {peer: Channel() for peer in peers}
        with open(self.log_path, "ab") as log:
            # The control channel is descriptor 3, as in sys/process.h.
            theirs = self.control.theirs.fileno()
            self.process = subprocess.Popen(["/bin/bash", "-c", f'exec "$@" 3<&{theirs}', "bash", executable(), "role", name],
                                            stderr=log, stdin=subprocess.DEVNULL, pass_fds=[theirs],
                                            env=JAIL_ENVIRONMENT)
        self.control.theirs.close()
        self.control.send("CONFIG", self.slice(configuration))
        for peer, channel in self.peers.items():
            self.control.send("PEER", channel.theirs.fileno(), role=ROLES.index(peer), index=0)
            channel.theirs.close()
        self.control.send("START", index=0, user="nobody" if os.geteuid() == 0 else "")
        try:
            assert self.control.receive()[0] == "READY", self.log_text()
        except OSError as e:
            raise AssertionError(f"{name} did not start: {e}\n{self.log_text()}") from None

    @staticmethod
    def slice(configuration):
        fd = os.memfd_create("slice")
        os.write(fd, configuration.encode())
        return fd

    def reload(self, configuration):
        self.control.send("RELOAD", self.slice(configuration), request=1)
        name, fields = self.control.receive()
        assert (name, fields["outcome"]) == ("RELOADED", 0), fields

    def reconnect(self, peer):
        """As after the other role was started anew."""
        old, new = self.peers[peer], Channel()
        old.close()
        self.control.send("PEER", new.theirs.fileno(), role=ROLES.index(peer), index=0)
        new.theirs.close()
        self.peers[peer] = new

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_event(self, name, count=1):
        wait_until(lambda: self.log_text().count(f" {name} ") >= count, 20, f"{name} in the log")

    def stop(self):
        self.control.send("DRAIN", within_ms=5000)
        code = self.process.wait(20)
        for channel in (self.control, *self.peers.values()):
            channel.close()
        assert code == 0, (code, self.log_text())
        assert "Sanitizer" not in self.log_text(), self.log_text()
