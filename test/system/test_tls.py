"""TLS sessions go on with any front, over reloads and restarts (RFC 5077, RFC 8446 2.2)."""
import contextlib
import os
import signal
import socket
import ssl

import pytest

from conftest import running_server, wait_until


@pytest.fixture(scope="module")
def server():
    with running_server("fronts 2;") as s:
        yield s


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLSv1.2", "TLSv1.3"])
def context(server, request):
    c = server.tls()
    c.minimum_version = c.maximum_version = request.param
    return c


def connect(server, context, session=None):
    """Whether the session went on, and the session to go on with."""
    raw = socket.create_connection(("localhost", server.ports["imaps"]), 30)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as s:
        assert s.recv(512).startswith(b"* OK")  # behind the ticket
        return s.session_reused, s.session


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_session_goes_on_with_the_other_front(server, context):
    one, other = server.role_pids("front")
    with stopped(other):
        is_resumed, session = connect(server, context)
        assert not is_resumed
        assert connect(server, context, session)[0]
    with stopped(one):
        assert connect(server, context, session)[0]


def test_a_session_goes_on_after_a_reload(server, context):
    session = connect(server, context)[1]
    before = len(server.events("config.reloaded"))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(server.events("config.reloaded")) > before, 20, "the reload")
    assert connect(server, context, session)[0]


def test_a_session_goes_on_after_a_front_was_killed(server, context):
    session = connect(server, context)[1]
    server.kill_role("front")
    [new, old] = server.role_pids("front")
    with stopped(old):
        assert connect(server, context, session)[0]
