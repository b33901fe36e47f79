"""./demo, as far as it can be tried without building: .ci/run plays the rest."""
import contextlib
import shutil
import socket
import subprocess

from conftest import ROOT


def test_a_demo_whose_ports_are_taken_says_so_before_it_builds(tmp_path):
    shutil.copy(ROOT / "demo", tmp_path)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # When that fails another demo has it, which is as good.
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 2525))
            taken.listen()
        said = subprocess.run(["bash", "./demo"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert said.returncode == 1
    assert "another program listens on 127.0.0.1:2525" in said.stderr
    assert not (tmp_path / "build").exists()
