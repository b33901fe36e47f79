"""What Active Directory does in its own way, of a small server that does it too (test/active_directory.py)."""
import contextlib
import os
import pathlib
import shutil
import tempfile

from active_directory import ActiveDirectory
from conftest import DOMAIN, Server, wait_until
from test_ldap import recipient


@contextlib.contextmanager
def running(directory, extra=""):
    place = pathlib.Path(tempfile.mkdtemp(prefix="mermoz-test-"))
    os.chmod(place, 0o755)
    s = Server(place, extra=f"""
directory ldap {{
    server ldap://127.0.0.1:{directory.port};
    base {directory.base};
    schema activedirectory;
    users (objectClass=user);
    groups (objectClass=group);
    timeout 2s;
    {extra}
}}
""")
    try:
        yield s.start()
    finally:
        code = s.stop()
        directory.close()
        shutil.rmtree(place, ignore_errors=True)
    assert code == 0, "the server's end"


def with_group(size, with_mail):
    """A group of `size` members, those of the indexes in `with_mail` with an address."""
    ad = ActiveDirectory()
    members = []
    for i in range(size):
        uid = f"u{i}"
        members.append(f"cn={uid},{ad.base}")
        if i in with_mail:
            ad.add_user(uid)
    ad.add(f"cn=all,{ad.base}", objectClass="group", mail=f"all@{DOMAIN}", member=members)
    return ad


def test_ms_adts_3_1_1_3_1_3_3_all_members_of_a_large_group_get_its_mail():
    with_mail = {0, 1499, 1500, 2999, 3000, 3499}
    ad = with_group(3500, with_mail)
    with running(ad) as s:
        wait_until(lambda: recipient(s, "all") == 250, 20, "the group")
        s.send("to all", to="all")
        assert {i for i in range(3500) if s.files(f"u{i}")} == with_mail
        # Pieces are asked for, no more than there are.
        pieces = [a for scope, base, a, _ in ad.asked if scope == 0 and base.startswith("cn=all")]
        assert pieces[:2] == [["member;range=1500-*"], ["member;range=3000-*"]]


def test_a_server_whose_pieces_do_not_go_on_is_not_believed():
    ad = with_group(3500, {0})
    ad.breaks_ranges = True
    with running(ad) as s:
        wait_until(lambda: s.events("ldap.away"), 20, "the reading")
        assert "do not go on at 1500" in s.events("ldap.away")[0]["reason"]
        # Nobody is called unknown by half a reading.
        assert recipient(s, "all") == 451
        ad.breaks_ranges = False
        wait_until(lambda: recipient(s, "all") == 250, 20, "the group")
