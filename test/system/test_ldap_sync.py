"""A server with syncprov is followed by RFC 4533: it sends what changed and no more."""
import contextlib
import imaplib
import itertools
import json
import os
import re
import subprocess
import threading
import time

import pytest

from conftest import COPY_S, DOMAIN, wait_until
from slapd import PROGRAM, SUFFIX
from test_ldap import log_in, recipient, running

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")

GROUPS = "groups (objectClass=groupOfNames);"
COUNTER = itertools.count()
NAMES = [f"user{n}" for n in range(40)]


def status(s):
    return json.loads(s.cli("directory", "status", "--json").stdout)


def modify(s, ldif):
    s.slapd.tool("ldapmodify", ldif=ldif)


def rename(s, uid, to):
    modify(s, f"dn: uid={uid},{SUFFIX}\nchangetype: modrdn\nnewrdn: uid={to}\ndeleteoldrdn: 1\n")


def settled(s):
    """What was told, once the last change has been: who is asked for the first time is looked for."""
    wait_until(lambda: recipient(s, f"nobody{next(COUNTER)}") == 550, 20, "slapd's answer")
    return status(s)["told"]


@pytest.fixture
def many():
    with running(extra=GROUPS) as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_users(NAMES)
        wait_until(lambda: recipient(s, "user39") == 250, 20, "the accounts")
        assert status(s)["follows"] == "sync" and status(s)["refreshes"] == 2
        yield s


def test_each_change_costs_one_entry(many):
    s = many
    told = settled(s)
    s.slapd.add_user("koffi", "koffi@amerique.iut", "un")
    assert recipient(s, "koffi") == 250
    assert settled(s) == told + 1
    s.slapd.set("koffi", "userPassword", "deux")
    wait_until(lambda: s.events("account.changed"), 10, "the change")
    log_in(s, "koffi", "deux").logout()
    assert settled(s) == told + 2
    s.slapd.delete("koffi")
    wait_until(lambda: recipient(s, "koffi") == 550, 10, "the deletion")
    assert settled(s) == told + 3
    rename(s, "user7", "other7")
    wait_until(lambda: settled(s) == told + 4, 10, "the entry under its other name")
    assert recipient(s, "user7") == 250
    assert status(s)["refreshes"] == 2 and status(s)["follows"] == "sync"


def test_a_change_that_is_none_of_ours_makes_no_load(many):
    s = many
    told, loads = settled(s), len(s.events("directory.loaded"))
    s.slapd.set("user3", "description", "on holiday")
    wait_until(lambda: settled(s) == told + 1, 10, "the entry")
    modify(s, f"dn: ou=elsewhere,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: elsewhere\n")
    assert settled(s) == told + 1
    assert len(s.events("directory.loaded")) == loads


def test_a_group_follows_its_members_and_itself(many):
    s = many
    s.slapd.add_group("crew", "groupOfNames extensibleObject", f"mail: crew@{DOMAIN}", f"member: uid=user1,{SUFFIX}")
    assert recipient(s, "crew") == 250
    s.send("to one", to="crew")
    box = {n: s.mail / DOMAIN / n / "mailbox" / "new" for n in ("user1", "user2", "other1")}
    assert len(list(box["user1"].glob("*"))) == 1
    modify(s, f"dn: cn=crew,{SUFFIX}\nchangetype: modify\nadd: member\nmember: uid=user2,{SUFFIX}\n")
    settled(s)
    s.send("to two", to="crew")
    assert len(list(box["user1"].glob("*"))) == 2 and len(list(box["user2"].glob("*"))) == 1
    rename(s, "user1", "other1")
    settled(s)
    s.send("to one, whose name is not that of a member any more", to="crew")
    assert len(list(box["user2"].glob("*"))) == 2 and not box["other1"].exists()
    modify(s, f"dn: cn=crew,{SUFFIX}\nchangetype: modify\nreplace: member\nmember: uid=other1,{SUFFIX}\n")
    settled(s)
    s.send("to one under another name", to="crew")
    assert len(list(box["user2"].glob("*"))) == 2 and len(list(box["other1"].glob("*"))) == 1
    assert status(s)["refreshes"] == 2


def test_entries_below_one_that_was_renamed_keep_their_groups(many):
    s = many
    modify(s, f"dn: ou=old,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: old\n")
    settled(s)
    modify(s, f"dn: uid=awa,{SUFFIX}\nchangetype: modrdn\nnewrdn: uid=awa\ndeleteoldrdn: 0\nnewsuperior: ou=old,{SUFFIX}\n")
    s.slapd.add_group("crew", "groupOfNames extensibleObject", f"mail: crew@{DOMAIN}", f"member: uid=awa,ou=new,{SUFFIX}")
    assert recipient(s, "crew") == 451, "nobody of it is there"
    modify(s, f"dn: ou=old,{SUFFIX}\nchangetype: modrdn\nnewrdn: ou=new\ndeleteoldrdn: 1\n")
    wait_until(lambda: recipient(s, "crew") == 250, 10, "the group's member")
    assert status(s)["refreshes"] == 4


def test_rfc4533_3_3_slapd_restarted_sends_what_changed_meanwhile(many):
    s = many
    told = settled(s)
    s.slapd.stop()
    wait_until(lambda: s.events("ldap.away"), 10, "ldap.away")
    s.slapd.start()
    wait_until(lambda: s.events("ldap.back"), 10, "ldap.back")
    s.slapd.delete("user5")
    wait_until(lambda: recipient(s, "user5") == 550, 10, "the deletion")
    assert settled(s) == told + 1 and status(s)["refreshes"] == 4


def test_mermoz_restarted_is_sent_what_changed_meanwhile(many):
    s = many
    s.slapd.add_group("crew", "groupOfNames extensibleObject", f"mail: crew@{DOMAIN}", f"member: uid=user1,{SUFFIX}")
    settled(s)
    assert s.stop() == 0
    s.slapd.set("user9", "userPassword", "another")
    s.slapd.delete("user8")
    s.slapd.add_user("koffi", "koffi@amerique.iut", "un")
    s.start()
    wait_until(lambda: recipient(s, "koffi") == 250, 20, "the new account")
    assert [recipient(s, name) for name in ("user8", "user9", "user10", "crew")] == [550, 250, 250, 250]
    log_in(s, "user9", "another").logout()
    assert status(s)["told"] == 2, "the deletion comes in the list of those that are there"
    assert status(s)["follows"] == "sync"


def test_mermoz_killed_loses_no_change(many):
    s = many
    s.slapd.delete("user8")
    s.slapd.set("user9", "userPassword", "another")
    settled(s)
    s.kill_all()
    s.slapd.delete("user7")
    s.start()
    wait_until(lambda: recipient(s, "user7") == 550, 20, "the deletion")
    assert [recipient(s, name) for name in ("user8", "user9", "user10")] == [550, 250, 250]
    log_in(s, "user9", "another").logout()


def test_rfc4533_3_9_a_database_that_was_put_back_is_read_anew(many):
    s = many
    backup = subprocess.run(["/usr/sbin/slapcat", "-f", s.slapd.directory / "slapd.conf"], capture_output=True, text=True, check=True).stdout
    s.slapd.delete("user3")
    s.slapd.add_user("koffi", "koffi@amerique.iut", "un")
    assert recipient(s, "koffi") == 250
    s.slapd.stop()
    for path in (s.slapd.directory / "db").iterdir():
        path.unlink()
    s.slapd.load(backup)
    s.slapd.start()
    wait_until(lambda: recipient(s, "user3") == 250 and recipient(s, "koffi") == 550, 20, "what was put back")
    assert status(s)["follows"] == "sync"


def test_a_disabled_account_loses_its_session_within_a_second():
    with running(extra="disabled employeeType;") as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        i = log_in(s, "younes.bensyed", "azerty")
        i.select("INBOX")
        s.slapd.set("ybensyed", "employeeType", "disabled")
        began = time.monotonic()
        with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
            wait_until(lambda: i.noop()[0] != "OK", 10, "the session's end")
        assert time.monotonic() - began < 1


def test_a_server_that_limits_what_it_sends_is_followed_by_its_marker():
    with running() as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.stop()
        assert s.stop() == 0
        conf = s.slapd.directory / "slapd.conf"
        # Who reads is nobody's administrator here, and pages are allowed while a whole answer is not.
        conf.write_text(conf.read_text().replace("overlay syncprov", "limits * size=1 size.prtotal=unlimited\naccess to * by * read\noverlay syncprov"))
        s.conf.write_text(re.sub(r"\n    bind [^\n]*\n", "\n", s.conf.read_text()))
        s.slapd.start()
        s.start()
        wait_until(lambda: status(s)["follows"] == "change-marker", 20, "the other way")
        s.slapd.add_user("koffi", "koffi@amerique.iut", "un")
        assert recipient(s, "koffi") == 250


@pytest.fixture
def early():
    with running(extra="disabled description;") as s:
        wait_until(lambda: recipient(s, "awa") == 250, 20, "the first reading")
        yield s


def is_right(server, password):
    try:
        log_in(server, "awa", password).logout()
        return True
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e)
        return False


def has_ended(session):
    try:
        session.noop()
        return False
    except (imaplib.IMAP4.error, OSError):
        return True


def test_what_changed_is_in_force_by_itself_and_stays_when_all_is_loaded_anew(early):
    before = status(early)
    early.slapd.set("awa", "userPassword", "changed")
    wait_until(lambda: is_right(early, "changed"), 10, "the change")
    assert status(early)["changes"] == before["changes"] + 1 and status(early)["readings"] == before["readings"]
    # What the embedded directory is edited for is made of all entries, as they were read before.
    early.cli("user", "add", f"cecile@{DOMAIN}", "--attribute", "uid=cecile", stdin="un deux trois\n")
    assert is_right(early, "changed") and not is_right(early, "secret")
    # A start without LDAP knows it.
    early.slapd.set("awa", "userPassword", "again")
    wait_until(lambda: is_right(early, "again"), 10, "the change")
    assert early.stop() == 0
    early.slapd.stop()
    early.start()
    assert is_right(early, "again") and not is_right(early, "changed")


@pytest.mark.parametrize("what", ["disabled", "deleted", "password"])
def test_sessions_of_an_account_end_without_all_entries_being_made_anew(early, what):
    session = log_in(early, "awa", "secret")
    before = status(early)
    if what == "deleted":
        early.slapd.delete("awa")
    elif what == "disabled":
        early.slapd.set("awa", "description", "TRUE")
    else:
        early.slapd.set("awa", "userPassword", "changed")
    wait_until(lambda: has_ended(session), 10, "the end of the session")
    assert status(early)["changes"] == before["changes"] + 1 and status(early)["readings"] == before["readings"]
    if what == "deleted":
        wait_until(lambda: recipient(early, "awa") == 550, 10, "the deletion")


def shown(s, *command):
    return s.cli(*command, check=False).stdout


def test_one_change_of_addresses_groups_or_of_who_there_is_makes_nothing_else_anew(many):
    s = many
    modify(s, f"dn: cn=team,{SUFFIX}\nchangetype: add\nobjectClass: groupOfNames\nobjectClass: extensibleObject\ncn: team\nmail: team@{DOMAIN}\n"
              f"member: uid=user1,{SUFFIX}\n")
    wait_until(lambda: recipient(s, "team") == 250, 10, "the first group")
    before = status(s)
    s.slapd.set("user5", "mail", f"fifth@{DOMAIN}")
    wait_until(lambda: recipient(s, "fifth") == 250 and recipient(s, "user5") == 550, 10, "the other address")
    s.slapd.add_user("koffi", [f"koffi@{DOMAIN}", f"further@{DOMAIN}"], "un")
    assert recipient(s, "further") == 250
    modify(s, f"dn: cn=team,{SUFFIX}\nchangetype: modify\nadd: member\nmember: uid=koffi,{SUFFIX}\n")
    wait_until(lambda: f"koffi@{DOMAIN}" in shown(s, "alias", "show", f"team@{DOMAIN}"), COPY_S, "the member, in the copy on disk")
    s.slapd.set("koffi", "mail", f"other@{DOMAIN}")
    wait_until(lambda: f"other@{DOMAIN}" in shown(s, "alias", "show", f"team@{DOMAIN}"), COPY_S, "the member's other address")
    s.slapd.delete("user1")
    wait_until(lambda: recipient(s, "user1") == 550, 10, "the deletion")
    after = status(s)
    assert after["readings"] == before["readings"] and after["changes"] >= before["changes"] + 5
    assert after["accounts"] == before["accounts"] and recipient(s, "further") == 550
    # All of it is on disk when the role ends.
    assert s.stop() == 0
    s.slapd.stop()
    s.start()
    assert [recipient(s, name) for name in ("fifth", "other", "team")] == [250] * 3 and recipient(s, "user1") in (451, 550)
    assert not s.events("snapshot.failed")


@contextlib.contextmanager
def some_entry_changing(s, uid):
    """All the time: no look finds that nothing has changed."""
    is_over = threading.Event()

    def change():
        while not is_over.is_set():
            s.slapd.set(uid, "userPassword", f"secret {next(COUNTER)}")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_while_some_entry_changes_all_the_time_the_copy_on_disk_gets_no_older_than_a_minute(many):
    s = many
    with some_entry_changing(s, "user7"):
        s.slapd.set("user5", "mail", f"fifth@{DOMAIN}")
        wait_until(lambda: recipient(s, "fifth") == 250, 10, "the change")
        wait_until(lambda: "user5" in shown(s, "user", "show", f"fifth@{DOMAIN}"), COPY_S, "the change, in the copy on disk")


def test_a_copy_that_could_not_be_written_is_written_when_it_can(many):
    s = many
    [copy] = (s.directory / "state").rglob("ldap.snapshot")
    obstacle = copy.with_name(".ldap.snapshot.new")
    obstacle.mkdir()
    s.slapd.set("user5", "mail", f"fifth@{DOMAIN}")
    wait_until(lambda: s.events("snapshot.failed"), COPY_S, "the failure")
    assert recipient(s, "fifth") == 250
    looks = status(s)["looks"]
    wait_until(lambda: status(s)["looks"] > looks + 3, 20, "some more looks")
    assert len(s.events("snapshot.failed")) == 1, "not at each look"
    obstacle.rmdir()
    wait_until(lambda: "user5" in shown(s, "user", "show", f"fifth@{DOMAIN}"), COPY_S, "the change, in the copy on disk")
    # It is what is in force, too.
    s.cli("user", "add", f"cecile@{DOMAIN}", "--attribute", "uid=cecile", stdin="un deux trois\n")
    assert [recipient(s, name) for name in ("fifth", "user5", "user6", "cecile")] == [250, 550, 250, 250]


def test_a_copy_that_is_damaged_while_it_serves_is_made_anew(many):
    s = many
    [copy] = (s.directory / "state").rglob("ldap.snapshot")
    wait_until(lambda: "user39" in shown(s, "user", "show", f"user39@{DOMAIN}"), COPY_S, "all accounts, in the copy on disk")
    readings = status(s)["readings"]
    with copy.open("r+b") as f:
        f.seek(-3, os.SEEK_END)
        f.write(b"\xff")
    s.slapd.set("user5", "mail", f"fifth@{DOMAIN}")
    wait_until(lambda: "user5" in shown(s, "user", "show", f"fifth@{DOMAIN}"), COPY_S, "the change, in the copy on disk")
    # Who asks for the copy meets it, too.
    assert 1 <= len(s.events("snapshot.failed")) <= 2 and status(s)["readings"] == readings + 1
    assert [recipient(s, name) for name in ("fifth", "user5", "user39")] == [250, 550, 250]


def test_an_address_that_an_entry_lost_to_another_is_not_touched_by_it(early):
    early.slapd.add_user("mallory", ["awa@amerique.iut", "mallory@amerique.iut"], "mine")
    wait_until(lambda: early.events("address.taken"), 10, "the claim")
    early.slapd.set("mallory", "userPassword", "other")
    early.slapd.add_user("after", "after@amerique.iut", "x")
    wait_until(lambda: recipient(early, "after") == 250, 10, "a later change")
    assert is_right(early, "secret") and not is_right(early, "other")
    early.slapd.delete("mallory")
    early.slapd.delete("after")
    wait_until(lambda: recipient(early, "after") == 550, 10, "a later change")
    assert is_right(early, "secret")


def test_a_server_that_has_been_silent_is_made_to_tell_all_when_an_address_is_asked_for_that_it_has():
    """Of what was deleted that is no account's it tells nothing, so that what it has told stays behind what it knows."""
    with running() as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_user("mallory", [f"younes.bensyed@{DOMAIN}", f"mallory@{DOMAIN}"], "x")  # is left out, and so is that address
        wait_until(lambda: s.events("address.taken"), 10, "the claim")
        s.slapd.tool("ldapadd", ldif=f"dn: cn=host,{SUFFIX}\nobjectClass: device\ncn: host\n")
        wait_until(lambda: recipient(s, "mallory") == 550, 10, "all that there is")
        refreshes = status(s)["refreshes"]
        s.slapd.tool("ldapdelete", f"cn=host,{SUFFIX}")
        wait_until(lambda: recipient(s, "mallory") == 451, 10, "what is not told")
        assert recipient(s, "nobody") == 550
        wait_until(lambda: recipient(s, "mallory") == 550, 20, "all that there is")
        assert status(s)["refreshes"] == refreshes + 1
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "x")
        assert recipient(s, "koffi") == 250
