"""What Active Directory does in its own way, of a small server that does it too (test/active_directory.py)."""
import contextlib
import json
import os
import pathlib
import shutil
import tempfile

from active_directory import ActiveDirectory
from conftest import COPY_S, DOMAIN, Server, wait_until
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


def test_a_server_that_always_knows_another_page_is_not_believed():
    ad = people()
    ad.has_endless_pages = True
    with running(ad) as s:
        wait_until(lambda: s.events("ldap.away"), 60, "the end of the reading")
        assert "more than 10000 pages" in s.events("ldap.away")[0]["reason"]
        assert recipient(s, "u1") == 451
        ad.has_endless_pages = False
        wait_until(lambda: recipient(s, "u1") == 250, 60, "the accounts")


def status(s):
    return json.loads(s.cli("directory", "status", "--json").stdout)


def people(count=20):
    ad = ActiveDirectory()
    for i in range(count):
        ad.add_user(f"u{i}")
    return ad


def whole_entries(ad, since):
    """How many entries the server handed out with all of their attributes since then."""
    return sum(found for scope, base, attributes, found in ad.asked[since:] if "mail" in attributes)


def test_a_change_costs_its_entry_and_not_all_of_them():
    ad = people()
    with running(ad) as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        assert status(s)["follows"] == "change-marker"
        since = len(ad.asked)
        ad.set(f"cn=u7,{ad.base}", mail=f"renamed@{DOMAIN}")
        wait_until(lambda: recipient(s, "renamed") == 250, 10, "the change")
        wait_until(lambda: recipient(s, "u7") == 550, 10, "the change")
        ad.add_user("new")
        # An address that is added this moment is found, not called unknown.
        assert recipient(s, "new") == 250
        assert whole_entries(ad, since) == 2 and status(s)["full"] == 1


def test_what_is_deleted_or_is_no_account_any_more_is_found_by_a_sweep_of_names():
    ad = people()
    with running(ad) as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        since = len(ad.asked)
        ad.delete(f"cn=u3,{ad.base}")
        wait_until(lambda: recipient(s, "u3") == 550, 10, "the deletion")
        # It changed, and the filter finds it no more.
        ad.set(f"cn=u4,{ad.base}", objectClass="contact")
        wait_until(lambda: recipient(s, "u4") == 550, 10, "the change")
        assert whole_entries(ad, since) == 0 and status(s)["full"] == 1 and status(s)["sweeps"] >= 2
        ad.set(f"cn=u4,{ad.base}", objectClass="user")
        wait_until(lambda: recipient(s, "u4") == 250, 10, "its return")
        assert whole_entries(ad, since) == 1


def test_an_address_that_only_a_sweep_finds_is_found_before_it_when_somebody_asks():
    ad = people()
    ad.sweep_takes_s = 0.4  # of users, and as much of groups: the next one comes after twenty times as long
    with running(ad) as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        sweeps = status(s)["sweeps"]
        ad.delete(f"cn=u3,{ad.base}")
        wait_until(lambda: status(s)["sweeps"] > sweeps, 30, "a sweep")
        ad.sweep_takes_s = 0
        ad.add_user_by_another_master("late")
        sweeps, full = status(s)["sweeps"], status(s)["full"]
        assert (recipient(s, "late"), recipient(s, "nobody")) == (250, 550)
        assert (status(s)["sweeps"], status(s)["full"]) == (sweeps, full)


def test_an_entry_that_is_renamed_without_a_change_of_its_own_is_read_anew():
    ad = people()
    with running(ad, extra="login bind;") as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        since = len(ad.asked)
        # As when what is above it is renamed: it has another name, and no other USN.
        with ad.lock:
            ad.entries[f"cn=u5,ou=moved,{ad.base}"] = ad.entries.pop(f"cn=u5,{ad.base}")
            ad.usn += 1
        wait_until(lambda: f"cn=u5,ou=moved,{ad.base}" in s.cli("user", "show", f"u5@{DOMAIN}").stdout, COPY_S, "the new name")
        assert whole_entries(ad, since) == 1 and recipient(s, "u5") == 250


def test_a_server_that_goes_back_is_read_anew():
    ad = people()
    with running(ad) as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        with ad.lock:
            ad.usn -= 10
        wait_until(lambda: status(s)["full"] == 2, 10, "another reading of all")
        assert recipient(s, "u19") == 250


def test_without_uids_of_entries_and_counts_of_changes_all_is_read():
    ad = people()
    with ad.lock:
        for entry in ad.entries.values():
            entry.pop("objectguid")
            entry.pop("usnchanged")
    with running(ad) as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        ad.delete(f"cn=u3,{ad.base}")
        wait_until(lambda: recipient(s, "u3") == 550, 10, "the deletion")
        assert status(s)["full"] == 2


def test_a_filter_that_is_too_long_to_be_explained_is_told_so():
    with running(people()) as s:
        wait_until(lambda: recipient(s, "u19") == 250, 20, "the first reading")
        steps = [json.loads(s.cli("explain", "--json", f"{local}@{DOMAIN}", check=False).stdout)["steps"] for local in ("u1", "*" * 48 + "+" * 16)]
        assert [[step["step"] for step in some if step["step"].startswith("filter")] for some in steps] == [["filter"], ["filter_left_out"]]
