"""Clients that hold a connection and do nothing with it, and so many of them that no descriptor is left."""
import collections
import contextlib
import os
import shutil
import socket
import tempfile
import time

import pytest

from conftest import Server, executable, running_server, wait_until

DESCRIPTORS = 100


@pytest.fixture(scope="module")
def hasty():
    directory = tempfile.mkdtemp(prefix="mermoz-test-")
    os.chmod(directory, 0o755)
    s = Server(directory, "fronts 1;\n", "smtp_timeout 2s; login_timeout 2s;")
    try:
        s.add_users()
        yield s.start()
    finally:
        code = s.stop()
        shutil.rmtree(directory, ignore_errors=True)
    assert code == 0


def connect(server, service):
    s = socket.create_connection(("127.0.0.1", server.ports[service]), timeout=30)
    s.recv(1000)
    return s


def end_of(s, octets, within_s):
    """What the server says at last to one who sends these octets every 0.2 seconds."""
    s.settimeout(0.2)
    said, end = b"", time.monotonic() + within_s
    while time.monotonic() < end:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.send(octets)
        try:
            piece = s.recv(1000)
        except TimeoutError:
            continue
        except ConnectionResetError:
            return said
        if not piece:
            return said
        said += piece
    raise AssertionError(f"still there after {within_s} s: {said[-200:]}")


def test_a_line_that_comes_octet_by_octet_is_silence(hasty):
    assert b"421" in end_of(connect(hasty, "smtp"), b"N", 15)


def test_who_does_not_log_in_is_sent_away_whatever_he_says(hasty):
    assert b"* BYE" in end_of(connect(hasty, "imap"), b"n NOOP\r\n", 15)


def test_a_message_that_comes_octet_by_octet_holds_no_file(hasty):
    s = connect(hasty, "smtp")
    for line in (b"HELO x", b"MAIL FROM:<a@afrique.iut>", b"RCPT TO:<bob@amerique.iut>", b"DATA"):
        s.sendall(line + b"\r\n")
        assert s.recv(1000)[:1] in b"23"
    assert b"421" in end_of(s, b"x", 15)


def test_a_message_that_comes_over_a_thin_line_arrives(hasty):
    s = connect(hasty, "smtp")
    for line in (b"HELO x", b"MAIL FROM:<a@afrique.iut>", b"RCPT TO:<bob@amerique.iut>", b"DATA"):
        s.sendall(line + b"\r\n")
        s.recv(1000)
    s.settimeout(0.2)
    began = time.monotonic()
    while time.monotonic() - began < 8:
        s.sendall(b"x" * 300 + b"\r\n")
        with pytest.raises(TimeoutError):
            s.recv(1000)
    s.settimeout(30)
    s.sendall(b".\r\n")
    assert s.recv(1000).startswith(b"250")


def test_who_says_whole_lines_in_time_stays(hasty):
    with pytest.raises(AssertionError, match="still there"):
        end_of(connect(hasty, "smtp"), b"NOOP\r\n", 6)


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture()
def poor(tmp_path, monkeypatch):
    """A server whose roles have few descriptors."""
    wrapper = tmp_path / "mermoz"
    wrapper.write_text(f"#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec {executable()} \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("MERMOZ", str(wrapper))
    with running_server("fronts 1;\n") as s:
        yield s


def test_without_descriptors_the_front_waits_and_does_not_spin(poor):
    pid = poor.role_pids("front")[0]
    waiting = [socket.create_connection(("127.0.0.1", poor.ports["smtp"]), timeout=30) for _ in range(DESCRIPTORS)]
    waiting[0].recv(1000)
    before, began = cpu_s(pid), time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2)
    assert cpu_s(pid) - before < 0.1
    for s in waiting[:DESCRIPTORS // 2]:
        s.close()
    for s in waiting[DESCRIPTORS // 2:]:
        assert s.recv(1000).startswith(b"220")
        s.close()


@pytest.mark.parametrize("pause_s", [0, 0.15])
def test_who_comes_one_by_one_is_spread_over_the_fronts(pause_s):
    """One front is woken for a connection; they take turns at being the first (front.c, stand_in_line), at whatever pace clients come."""
    with running_server("fronts 2;\n") as s:
        for _ in range(64):
            connect(s, "smtp").close()
            time.sleep(pause_s)
        wait_until(lambda: len(s.events("connection.closed")) >= 64)
        served = collections.Counter(event["pid"] for event in s.events("connection.closed"))
    assert len(served) == 2 and min(served.values()) >= 16, served


def test_a_front_that_dies_leaves_nobody_waiting():
    """Whom it was woken for is seen by the one in its place, or by another's next look."""
    with running_server("fronts 2;\n") as s:
        for _ in range(8):
            s.kill_role("front")
            for _ in range(8):
                with contextlib.suppress(ConnectionResetError):
                    connect(s, "smtp").close()
