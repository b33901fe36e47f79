"""Aliases: files as sendmail and Postfix have them, catch-all names, and what the administrator hears of what can't be served."""
import email
import signal
import smtplib

import pytest

from conftest import DOMAIN, Server, running_server, wait_until

OTHER = "autre.iut"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aliases")
    (folder / "aliases").write_text(f"""# as Debian has it
postmaster:    root
root:          \\root, bob
abuse: postmaster
team:  :include:{folder}/list
"sales dept": alice
abroad: someone@afrique.iut
@{OTHER}: carol
bob@{OTHER}: bob@{DOMAIN}
taken: alice
""")
    (folder / "list").write_text("# one on each line\nalice\nbob+team\n")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with running_server(f"domain {OTHER};\naliases {folder}/aliases;\n") as s:
        yield s


def subjects(server, name):
    return [email.message_from_bytes(p.read_bytes())["Subject"] for p in server.files(name)]


@pytest.mark.parametrize("address, names", [
    (f"postmaster@{DOMAIN}", ["bob"]), (f"Abuse@{DOMAIN}", ["bob"]), (f"team@{DOMAIN}", ["alice", "bob"]), (f"team+x@{DOMAIN}", ["alice", "bob"]),
    (f'"sales dept"@{DOMAIN}', ["alice"]), (f"whoever@{OTHER}", ["carol"]), (f"bob@{OTHER}", ["bob"]), (f"bob+x@{OTHER}", ["bob"])])
def test_mail_goes_where_the_file_says(server, address, names):
    with server.smtp() as c:
        assert c.sendmail("someone@asie.iut", [address], f"Subject: to {address}\r\n\r\nx\r\n".encode()) == {}
    assert sorted(n for n in ("alice", "bob", "carol") if f"to {address}" in subjects(server, n)) == names


def test_a_name_that_is_not_in_it_is_unknown(server):
    with server.smtp() as c:
        c.ehlo("c.example")
        c.mail("someone@asie.iut")
        assert c.rcpt(f"nobody@{DOMAIN}")[0] == 550


def test_the_embedded_directory_counts_before_the_file_and_explain_says_which(server):
    assert "is an alias (file)" in server.cli("explain", f"taken@{DOMAIN}").stdout
    server.cli("alias", "add", f"taken@{DOMAIN}", f"carol@{DOMAIN}")
    out = server.cli("explain", f"taken@{DOMAIN}").stdout
    assert "is an alias (embedded)" in out and f"carol@{DOMAIN} is an account" in out
    wait_until(lambda: any(e.get("left_out") == "of the file of aliases" for e in server.events("address.taken")), what="the event")


def test_an_alias_may_lead_to_one_of_the_file(server):
    server.cli("alias", "add", f"boss@{DOMAIN}", f"abuse@{DOMAIN}")


def test_a_catch_all_of_the_embedded_directory_gives_way_to_every_other_name(server):
    server.cli("domain", "add", "troisieme.iut")
    server.cli("alias", "add", "@troisieme.iut", f"carol@{DOMAIN}")
    server.cli("alias", "add", "info@troisieme.iut", f"bob@{DOMAIN}")
    for address in ("Anybody@troisieme.iut", "info+x@troisieme.iut"):
        with server.smtp() as c:
            assert c.sendmail("someone@asie.iut", [address], f"Subject: rest {address}\r\n\r\nx\r\n".encode()) == {}
    assert "rest Anybody@troisieme.iut" in subjects(server, "carol") and "rest info+x@troisieme.iut" in subjects(server, "bob")
    assert "rest info+x@troisieme.iut" not in subjects(server, "carol")


def rcpt(server, address):
    with server.smtp() as c:
        c.helo("c.example")
        c.mail("someone@asie.iut")
        return c.rcpt(address)[0]


def accepts(server, address):
    with server.smtp() as c:
        try:
            return c.sendmail("someone@asie.iut", [address], b"Subject: is it there\r\n\r\nx\r\n") == {}
        except (smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused):
            return False


def test_what_a_front_was_told_of_an_address_holds_until_it_changes(server):
    """A front asks once, and hears of each change: of an alias, of an account, and of the directory that begins anew."""
    address = f"often@{DOMAIN}"
    assert rcpt(server, address) == 550
    server.cli("alias", "add", address, f"alice@{DOMAIN}")
    wait_until(lambda: rcpt(server, address) == 250, what="the alias")
    def mail(subject):
        with server.smtp() as c:
            assert c.sendmail("someone@asie.iut", [address], f"Subject: {subject}\r\n\r\nx\r\n".encode()) == {}

    for n in range(20):  # by any front
        mail(f"first {n}")
    assert {f"first {n}" for n in range(20)} <= set(subjects(server, "alice"))
    server.cli("alias", "add", address, f"bob@{DOMAIN}")
    server.cli("alias", "remove", address, f"alice@{DOMAIN}")
    wait_until(lambda: mail("probe") or "probe" in subjects(server, "bob"), what="the change")
    for n in range(20):
        mail(f"second {n}")
    assert {f"second {n}" for n in range(20)} <= set(subjects(server, "bob"))
    assert not any(s.startswith("second") for s in subjects(server, "alice"))
    server.kill_role("directory")
    wait_until(lambda: rcpt(server, address) == 250, what="the directory's return")
    mail("after it")
    assert "after it" in subjects(server, "bob")
    # A new store knows nothing of whom the old one was told of.
    server.kill_role("store")
    wait_until(lambda: accepts(server, address), what="the store's return")
    for n in range(20):
        mail(f"third {n}")
    assert {f"third {n}" for n in range(20)} <= set(subjects(server, "bob"))
    server.cli("alias", "remove", address)
    wait_until(lambda: rcpt(server, address) == 550, what="its end")
    assert {rcpt(server, address) for _ in range(20)} == {550}


def test_who_is_meant_by_an_alias_may_send_as_it(server):
    with server.submission("alice") as c:
        c.ehlo("c.example")
        assert c.mail(f"team@{DOMAIN}")[0] == 250
        c.rset()
        assert c.mail(f"abuse@{DOMAIN}")[0] == 553


def test_a_reload_reads_the_file_anew_and_refuses_one_with_errors(server, folder):
    before = (folder / "aliases").read_text()
    (folder / "aliases").write_text(before + "fresh: alice\n")
    reload(server, "config.reloaded")
    with server.smtp() as c:
        assert c.sendmail("someone@asie.iut", [f"fresh@{DOMAIN}"], b"Subject: fresh\r\n\r\nx\r\n") == {}
    (folder / "aliases").write_text(before + "bad: |/bin/sh\n")
    reload(server, "config.refused")
    out = server.cli("check", check=False)
    line = before.count("\n") + 1
    assert f"{folder}/aliases:{line}:6: |/bin/sh: mail is not handed to programs" in out.stderr
    with server.smtp() as c:
        assert c.sendmail("someone@asie.iut", [f"fresh@{DOMAIN}"], b"Subject: still\r\n\r\nx\r\n") == {}


def test_a_list_is_read_anew_when_it_changes(server, folder):
    (folder / "aliases").write_text((folder / "aliases").read_text().replace("bad: |/bin/sh\n", ""))
    (folder / "list").write_text("alice\nbob+team\ncarol\n")
    wait_until(lambda: f"carol@{DOMAIN} is an account" in server.cli("explain", f"team@{DOMAIN}").stdout, what="the list")
    refused = len(server.events("config.refused"))
    (folder / "list").write_text("alice\n|/bin/sh\nbob+team, carol\n")
    wait_until(lambda: len(server.events("config.refused")) > refused, what="the refusal")
    (folder / "list").write_text("alice\n")
    wait_until(lambda: f"carol@{DOMAIN} is an account" not in server.cli("explain", f"team@{DOMAIN}").stdout, what="the list")
    changed = server.events("aliases.changed")
    assert len(changed) >= 3 and changed[-1]["file"] == f"{folder}/list"


def reload(server, name):
    count = len(server.events(name))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(server.events(name)) > count, what=name)


def test_check_tells_all_that_is_wrong_at_once(tmp_path):
    (tmp_path / "aliases").write_text(f"a: |x\nb: /var/mail/b\n c d\ne: :include:{tmp_path}/list\n")
    (tmp_path / "list").write_text("bob,\n|y\n")
    s = Server(tmp_path, f"aliases {tmp_path}/aliases {OTHER};\n")
    out = s.cli("check", check=False).stderr
    for place in ("aliases:1:4: ", "aliases:3:2: ", "list:2:1: "):
        assert f"{tmp_path}/{place}" in out, out
