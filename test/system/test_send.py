"""mermoz send, and sendmail, mailq and newaliases as links to it: mail of the programs of this machine, by the user that runs them."""
import email
import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import subprocess

import pytest

from conftest import DOMAIN, executable, running_server, wait_until
from peer import Peer

IS_ROOT = os.geteuid() == 0
ME = pwd.getpwuid(os.geteuid()).pw_name
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root runs programs as other users")

EXTRA = """listen local unix:{socket};
trusted_users www-data;
route afrique.iut to 127.0.0.1:{port};
queue {{ retry_first 1s; }}
"""


@pytest.fixture(scope="module")
def elsewhere():
    peer = Peer()
    yield peer
    peer.leave()


@pytest.fixture(scope="module")
def server(elsewhere, tmp_path_factory):
    # In a folder that every user comes through, which that of the clone may not be.
    with running_server() as s:
        s.socket = s.directory / "run" / "submit"
        s.extra = EXTRA.format(socket=s.socket, port=elsewhere.port)
        s.write_conf()
        s.process.send_signal(1)
        wait_until(lambda: s.events("config.reloaded"), what="the reload")
        program = shutil.copy(executable(), s.directory)
        for name in ("sendmail", "mailq", "newaliases"):
            (s.directory / name).symlink_to(program)
        s.cli("alias", "add", f"{ME}@{DOMAIN}", f"alice@{DOMAIN}")
        yield s


def send(server, *args, text="Subject: hello\n\nhi\n", name="sendmail", user=None, code=0):
    env = {**os.environ, "MERMOZ_SOCKET": str(server.socket)}
    p = subprocess.run([server.directory / name, *args], input=text.encode(), capture_output=True, timeout=60, env=env, user=user)
    assert p.returncode == code, (args, p.returncode, p.stdout, p.stderr)
    return (p.stdout + p.stderr).decode()


def mail_of(server, name, subject):
    found = [m for m in (email.message_from_bytes(p.read_bytes()) for p in server.files(name)) if m["Subject"] == subject]
    assert len(found) == 1, (subject, len(found))
    return found[0]


def has_mail(server, name, subject):
    return any(email.message_from_bytes(p.read_bytes())["Subject"] == subject for p in server.files(name))


def test_a_program_sends_as_its_user_and_what_the_mail_lacks_is_added_rfc6409_8(server):
    send(server, f"bob@{DOMAIN}", text="Subject: bare\n\nhi\n.\nnot this\n")
    m = mail_of(server, "bob", "bare")
    assert m["From"] == f"<{ME}@{DOMAIN}>" and m["Return-Path"] == f"<{ME}@{DOMAIN}>"
    assert m["Date"] and m["Message-ID"].endswith(f"@mail.{DOMAIN}>")
    assert m["Received"].startswith(f"from {ME}\n\tby mail.{DOMAIN} with ESMTP id ")
    assert m.get_payload() == "hi\n"


@pytest.mark.parametrize("options", [["-oi"], ["-o", "i"], ["-e", "m", "-i"]], ids=" ".join)
def test_rfc5321_4_5_2_dots_arrive_as_they_were_with_i(server, options):
    subject = f"dots {options[0]}{len(options)}"
    send(server, *options, f"bob@{DOMAIN}", text=f"Subject: {subject}\n\n.\n..\n.x\nend")
    assert mail_of(server, "bob", subject).get_payload() == ".\n..\n.x\nend\n"


def test_recipients_of_the_header_get_it_and_nobody_sees_the_blind_copy(server):
    send(server, "-t", "-i", "-FThe Program", text=f"To: Bob <bob@{DOMAIN}>\nBcc: carol@{DOMAIN}\nSubject: blind\n\nhi\n")
    for name in ("bob", "carol"):
        m = mail_of(server, name, "blind")
        assert m["Bcc"] is None and m["From"] == f'"The Program" <{ME}@{DOMAIN}>'


def test_what_programs_write_over_a_line_is_lines_and_octets_that_no_mail_has_go(server):
    send(server, "-i", f"bob@{DOMAIN}", text="Subject: progress\n\n10%\r20%\rdone\r\r\nn\0ul\n")
    assert mail_of(server, "bob", "progress").get_payload() == "10%\n20%\ndone\nnul\n"


def test_mail_of_cron_to_a_name_without_domain_arrives(server):
    send(server, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", ME, text=f"From: root (Cron Daemon)\nTo: {ME}\nSubject: cron\n\nd\xe9j\xe0\n")
    m = mail_of(server, "alice", "cron")
    assert m["From"] == f"root@{DOMAIN} (Cron Daemon)" and m["To"] == f"{ME}@{DOMAIN}"


@pytest.mark.parametrize("options", [["-Ac"], ["-Am"], ["-A"], ["-d"], ["-d0"], ["-d0.1"], ["-D", "/dev/null"], ["-D/dev/null"], ["-x"], ["-c"], ["-E"], ["-Ux"],
                                     ["-v", "-m", "-n", "-G"], ["-oem"], ["-em"], ["-om", "-odb"], ["-O", "DeliveryMode=b"], ["-C", "/x"], ["-h", "3"],
                                     ["-L", "tag"], ["-p", "ESMTP:x"], ["-X", "/x"], ["-B7BIT"], ["-bm"]])
def test_what_other_programs_of_the_name_pass_over_is_passed_over(server, options):
    subject = f"with {' '.join(options)}"
    send(server, *options, f"bob@{DOMAIN}", text=f"Subject: {subject}\n\nhi\n")
    assert has_mail(server, "bob", subject)


def test_a_mail_that_is_too_large_is_refused_as_that(server):
    said = send(server, f"bob@{DOMAIN}", text="Subject: large\n\n" + ("x" * 999 + "\n") * 53000, code=69)  # 50M are taken
    assert said == "mermoz: nothing was sent: the server says 552 5.3.4 Message larger than this server takes\n"


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "localhost.localdomain", f"mail.{DOMAIN}", f"Mail.{DOMAIN}"])
def test_an_address_at_the_host_itself_is_that_of_the_first_domain(server, host):
    """As Postfix's mydestination has it; who writes it from elsewhere reaches whom he reaches at the domain, and nobody else."""
    subject = f"at {host}"
    send(server, f"{ME}@{host}", text=f"Subject: {subject}\n\nhi\n")
    assert mail_of(server, "alice", subject)["Delivered-To"] == f"alice@{DOMAIN}"
    send(server, f"Bob+x@{host}", text=f"Subject: {subject}\n\nhi\n")
    assert mail_of(server, "bob", subject)["Delivered-To"] == f"bob+x@{DOMAIN}"
    send(server, f"nobody-of-the-name@{host}", code=67)
    with server.smtp() as s:
        s.ehlo()
        s.mail("x@afrique.iut")
        assert s.rcpt(f"bob@{host}")[0] == 250
        assert s.rcpt(f"nobody-of-the-name@{host}") == (550, b"5.1.1 No such mailbox here")
        for local in ("x%afrique.iut", "afrique.iut!x", '"x@afrique.iut"'):
            assert s.rcpt(f"{local}@{host}")[0] == 550
    assert f"bob@{DOMAIN}" in server.cli("explain", f"bob@{host}").stdout


def test_an_alias_that_leads_to_the_host_itself_leads_to_the_first_domain(server):
    server.cli("alias", "add", f"cron@{DOMAIN}", "bob@localhost", f"carol@mail.{DOMAIN}")
    send(server, "cron", text="Subject: of cron\n\nhi\n")
    assert has_mail(server, "bob", "of cron") and has_mail(server, "carol", "of cron")


def test_a_mail_to_another_server_goes_out(server, elsewhere):
    send(server, "-N", "never", "-V", "id 1", "x@afrique.iut", text="Subject: out\n\nhi\n")
    wait_until(lambda: elsewhere.mails, what="the mail's arrival")
    assert elsewhere.mails[0]["from"] == f"{ME}@{DOMAIN}" and elsewhere.mails[0]["to"] == ["x@afrique.iut"]


def test_one_refused_recipient_means_that_nothing_was_sent(server):
    said = send(server, f"bob@{DOMAIN}", f"nobody-of-the-name@{DOMAIN}", text="Subject: half\n\nhi\n", code=67)
    assert f"nothing was sent; nobody-of-the-name@{DOMAIN}: the server says 550 5.1.1" in said
    assert not has_mail(server, "bob", "half")


@needs_root
def test_only_root_and_trusted_users_name_another_sender(server):
    for user in ("root", "www-data"):
        send(server, "-f", f"carol@{DOMAIN}", f"bob@{DOMAIN}", text=f"Subject: as carol by {user}\n\nhi\n", user=user)
        m = mail_of(server, "bob", f"as carol by {user}")
        assert m["Return-Path"] == m["From"] == f"<carol@{DOMAIN}>" and m["Received"].startswith(f"from {user}\n")
        said = send(server, "-fx@elsewhere.example", f"bob@{DOMAIN}", user=user, code=77)
        assert "this user may not send as x@elsewhere.example: the server says 553 5.7.1" in said
        send(server, "-f", "<>", f"bob@{DOMAIN}", text=f"Subject: report by {user}\n\nhi\n", user=user)
        assert mail_of(server, "bob", f"report by {user}")["Return-Path"] == "<>"
    for sender in (f"carol@{DOMAIN}", "root", "<>", "x@elsewhere.example"):
        said = send(server, "-f", sender, f"bob@{DOMAIN}", text="Subject: forged\n\nhi\n", user="daemon", code=77)
        assert "this user may not send as" in said
    send(server, "-f", "daemon", f"bob@{DOMAIN}", text="Subject: by daemon\n\nhi\n", user="daemon")
    assert mail_of(server, "bob", "by daemon")["Return-Path"] == f"<daemon@{DOMAIN}>"
    assert not has_mail(server, "bob", "forged")
    assert [e for e in server.events("sender.refused") if e["account"] == "daemon"]


@needs_root
def test_a_user_that_the_server_does_not_know_yet_tries_again_later(server):
    said = send(server, f"bob@{DOMAIN}", user=54321, code=75)
    assert "The user with the number 54321 was not in /etc/passwd" in said


@needs_root
def test_a_program_that_speaks_smtp_itself_can_say_nothing_of_who_it_is(server):
    dialog = f"""
import socket
s = socket.socket(socket.AF_UNIX); s.connect({str(server.socket)!r}); f = s.makefile("rw", newline="\\r\\n")
def say(line):
    if line: f.write(line + "\\n"); f.flush()
    out = []
    while True:
        out.append(f.readline().strip())
        if out[-1][3:4] != "-": return " ".join(out)
print(say("")); print(say("EHLO root")); print(say("AUTH PLAIN AGFsaWNlAGE=")); print(say("STARTTLS"))
print(say("MAIL FROM:<root@{DOMAIN}>")); print(say("XCLIENT LOGIN=root")); print(say("MAIL FROM:<daemon@{DOMAIN}>"))
"""
    p = subprocess.run(["/usr/bin/python3", "-c", dialog], capture_output=True, text=True, timeout=60, user="daemon", check=True)
    greeting, ehlo, auth, tls, forged, client, own = p.stdout.splitlines()
    assert greeting.startswith("220 ") and f"X-YOU-ARE daemon@{DOMAIN}" in ehlo and "AUTH" not in ehlo and "STARTTLS" not in ehlo
    assert tls.startswith("454 ") and auth[0] == forged[0] == client[0] == "5" and own.startswith("250 ")


class Spoken:
    """A dialogue with sendmail -bs."""

    def __init__(self, server, **more):
        env = {**os.environ, "MERMOZ_SOCKET": str(server.socket)}
        self.p = subprocess.Popen([server.directory / "sendmail", "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=env, **more)

    def say(self, line=None):
        if line is not None:
            self.p.stdin.write(line.encode() + b"\r\n")
            self.p.stdin.flush()
        out = [self.p.stdout.readline()]
        while out[-1][3:4] == b"-":
            out.append(self.p.stdout.readline())
        return b"".join(out).decode()


def test_a_program_speaks_smtp_over_standard_input_with_bs(server):
    spoken = Spoken(server)
    assert spoken.say().startswith(f"220 mail.{DOMAIN} ")
    assert f"X-YOU-ARE {ME}@{DOMAIN}" in spoken.say("EHLO localhost")
    for subject in ("spoken once", "spoken twice"):
        assert spoken.say(f"MAIL FROM:<{ME}@{DOMAIN}>").startswith("250 ")
        assert spoken.say(f"RCPT TO:<bob@{DOMAIN}>").startswith("250 ")
        assert spoken.say("DATA").startswith("354 ")
        assert spoken.say(f"From: {ME}@{DOMAIN}\r\nSubject: {subject}\r\n\r\n{'x' * 900}\r\n" * 200 + ".").startswith("250 ")
        assert has_mail(server, "bob", subject)
    assert spoken.say("QUIT").startswith("221 ")
    rest, said = spoken.p.communicate(timeout=60)
    assert (spoken.p.returncode, rest, said) == (0, b"", b"")


def test_what_was_said_before_the_end_of_input_is_answered_with_bs(server):
    said = send(server, "-bs", text=f"EHLO x\r\nMAIL FROM:<{ME}@{DOMAIN}>\r\nRCPT TO:<bob@{DOMAIN}>\r\nDATA\r\n"
                f"Subject: piped\r\n\r\nhi\r\n.\r\nNOOP\r\n")
    assert [line[:3] for line in said.splitlines() if line[3] == " "] == ["220", "250", "250", "250", "354", "250", "250", "221"]
    assert has_mail(server, "bob", "piped")


@needs_root
def test_who_speaks_with_bs_has_the_rights_of_its_user(server):
    spoken = Spoken(server, user="daemon")
    assert spoken.say().startswith("220 ") and f"X-YOU-ARE daemon@{DOMAIN}" in spoken.say("EHLO localhost")
    assert spoken.say(f"MAIL FROM:<bob@{DOMAIN}>").startswith("553 5.7.1")
    spoken.p.communicate(timeout=60)
    assert spoken.p.returncode == 0


def test_when_the_server_is_away_nothing_is_lost_silently(server, tmp_path):
    env = {**os.environ, "MERMOZ_SOCKET": str(tmp_path / "submit")}
    p = subprocess.run([server.directory / "sendmail", "x@y.example"], input=b"hi", capture_output=True, env=env)
    assert p.returncode == 75 and b"the mail was not sent" in p.stderr and b"try again later" in p.stderr
    p = subprocess.run([server.directory / "sendmail", "-bs"], input=b"EHLO x\r\n", capture_output=True, env=env)
    assert p.returncode == 75 and b"try again later" in p.stderr and not p.stdout
    with socket.socket(socket.AF_UNIX) as listener:  # somebody who hangs up
        listener.bind(str(tmp_path / "submit"))
        listener.listen()
        p = subprocess.Popen([server.directory / "sendmail", "x@y.example"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        p.stdin.close()
        listener.accept()[0].close()
        assert p.wait(30) == 75 and b"the server ended in the middle" in p.stderr.read()
        p.stderr.close()


@pytest.mark.parametrize("said, code", [(b"250 ok\r\n", 75), (b"421 4.3.2 down\r\n", 75), (b"250 ok\r\n221 bye\r\n", 0)])
def test_a_server_that_ends_in_the_middle_is_no_success_with_bs(server, tmp_path, said, code):
    env = {**os.environ, "MERMOZ_SOCKET": str(tmp_path / "submit")}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "submit"))
        listener.listen()
        p = subprocess.Popen([server.directory / "sendmail", "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        p.stdin.write(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\n")
        p.stdin.flush()
        with listener.accept()[0] as c:
            c.recv(100)
            c.sendall(b"220 hello\r\n" + said)
        out, trouble = p.communicate(timeout=30)
    assert (p.returncode, out) == (code, b"220 hello\r\n" + said)
    assert (b"the server ended in the middle" in trouble) == (code != 0)


def test_who_hangs_up_between_a_reply_and_the_next_command_has_answered_nothing_of_it(server, tmp_path):
    env = {**os.environ, "MERMOZ_SOCKET": str(tmp_path / "submit")}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "submit"))
        listener.listen()
        p = subprocess.Popen([server.directory / "sendmail", "x@y.example"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        p.stdin.close()
        with listener.accept()[0] as c:
            c.sendall(b"220 hello\r\n")
            c.recv(100)
            c.shutdown(socket.SHUT_RD)  # what is written from now on fails
            c.sendall(b"250-hello\r\n250 X-YOU-ARE root@y.example\r\n")
            assert p.wait(30) == 75
        said = p.stderr.read()
        p.stderr.close()
        assert b"the server ended in the middle" in said and b"250" not in said


def test_a_full_disk_or_a_drained_queue_is_a_temporary_failure(server, elsewhere):
    """What the server says with 4yz is told, and the caller tries again."""
    server.kill_role("directory")
    p = subprocess.run([server.directory / "sendmail", f"bob@{DOMAIN}"], input=b"Subject: x\n\nx\n", capture_output=True,
                       env={**os.environ, "MERMOZ_SOCKET": str(server.socket)})
    assert p.returncode in (0, 75)  # the next directory may have been there in time
    assert p.returncode == 0 or b"the server says 4" in p.stderr
    wait_until(lambda: server.cli("directory", "status", check=False).returncode == 0, what="the next directory")


@pytest.mark.parametrize(("args", "code", "said"), [
    ((), 64, "no recipient is named"), (("-t",), 64, "neither the header (To, Cc, Bcc) nor the call names a recipient"), (("-Z", "x@y.example"), 64, "there is no option -Z"),
    (("--json", "x@y.example"), 64, "there is no option --json"), (("-f",), 64, "-f needs a value"), (("-bd",), 64, "-bd is not done here"),
    (("-q",), 64, "mermoz queue retry --all"), (("-N", "a b", "x@y.example"), 64, "-N takes never"), (("<>",), 65, "is no address"), (("alice@",), 65, "is no address"),
    (("-N", "x" * 3000, "x@y.example"), 64, "-N takes never"), (("-R", "x" * 3000, "x@y.example"), 64, "-R full or hdrs"),
    (("-N", "bogus", f"bob@{DOMAIN}"), 64, "-N takes never"), (("-R", "bogus", f"bob@{DOMAIN}"), 64, "-R full or hdrs"),
    (("-N", "success," * 300 + "success", f"bob@{DOMAIN}"), 64, "-N takes never"), (("-Q", "x@y.example"), 64, "mermoz queue"), (("-Mrm", "x"), 64, "mermoz queue"),
    (("-V", "x" * 101, f"bob@{DOMAIN}"), 64, "the value of -V is too long"), (("--socket", "/x" * 60, f"bob@{DOMAIN}"), 64, "is too long"),
    (("-f", "a, b", f"bob@{DOMAIN}"), 65, "-f takes one address")])
def test_a_call_that_is_wrong_is_told_so_and_sends_nothing(server, args, code, said):
    assert said in send(server, *args, code=code)


def test_mailq_newaliases_and_the_command_itself_are_there(server):
    assert "nothing to do" in send(server, name="newaliases") and "nothing to do" in send(server, "-I")
    p = subprocess.run([server.directory / "mailq"], capture_output=True, text=True)
    assert p.returncode in (0, 3)  # the configuration in /etc/mermoz is read, if there is one
    p = subprocess.run([executable(), "send", "--socket", str(server.socket), "--", f"bob@{DOMAIN}"], input=b"Subject: direct\n\nhi\n", capture_output=True)
    assert p.returncode == 0 and has_mail(server, "bob", "direct")
    assert "mermoz send [OPTION ...] -t" in server.mermoz("sendmail", "--help").stdout


def test_who_may_not_open_the_socket_file_is_told(server):
    if not IS_ROOT:
        pytest.skip("only root runs programs as other users")
    os.chmod(server.socket, 0o600)
    try:
        assert "Permission denied" in send(server, f"bob@{DOMAIN}", user="daemon", code=77)
    finally:
        os.chmod(server.socket, 0o666)


@pytest.mark.skipif(not shutil.which("s-nail"), reason="s-nail is not installed")
def test_s_nail_sends_through_it(server, tmp_path):
    subprocess.run(["s-nail", "-:/", "-S", "v15-compat", "-S", f"mta={server.directory}/sendmail", "-S", "sendwait", "-s", "nailed", f"bob@{DOMAIN}"],
                   input=b"hi\n", env={**os.environ, "MERMOZ_SOCKET": str(server.socket), "HOME": str(tmp_path)}, check=True, timeout=60)
    assert mail_of(server, "bob", "nailed").get_payload() == "hi\n"


@pytest.mark.skipif(not pathlib.Path("/usr/lib/git-core/git-send-email").exists() or not pathlib.Path("/usr/share/perl5/Mail/Address.pm").exists(),
                    reason="git-email or libmailtools-perl is not installed")
def test_git_send_email_sends_through_it(server, tmp_path):
    def git(*args):
        p = subprocess.run(["git", "-c", "user.name=A", "-c", f"user.email={ME}@{DOMAIN}", *args], cwd=tmp_path, timeout=60, capture_output=True,
                           text=True, stdin=subprocess.DEVNULL, env={**os.environ, "MERMOZ_SOCKET": str(server.socket), "HOME": str(tmp_path)})
        assert p.returncode == 0, (p.stdout, p.stderr)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "patch of git")
    git("format-patch", "--always", "-1", "-o", "out")
    git("send-email", "--confirm=never", "--sendmail-cmd", str(server.directory / "sendmail"), "--to", f"bob@{DOMAIN}", "out")
    assert has_mail(server, "bob", "[PATCH] patch of git")


@needs_root
def test_one_user_takes_no_connections_from_the_others(server):
    reloads, fronts = len(server.events("config.reloaded")), len(os.sched_getaffinity(0))
    server.limits = "connections_per_address 3;"
    server.write_conf()
    server.process.send_signal(1)
    wait_until(lambda: len(server.events("config.reloaded")) > reloads, what="the reload")
    mine = [socket.socket(socket.AF_UNIX) for _ in range(3 * fronts + 1)]
    try:
        for s in mine:
            s.settimeout(30)
            s.connect(str(server.socket))
        greetings = [s.recv(1000)[:3] for s in mine]
        assert greetings.count(b"421") >= 1 and greetings.count(b"220") >= 3, greetings
        send(server, f"bob@{DOMAIN}", text="Subject: not kept out\n\nhi\n", user="daemon")
        assert has_mail(server, "bob", "not kept out")
    finally:
        for s in mine:
            s.close()
        server.limits = ""
        server.write_conf()
        server.process.send_signal(1)
        wait_until(lambda: len(server.events("config.reloaded")) > reloads + 1, what="the reload")


def test_smtplib_like_programs_of_the_network_get_no_such_trust(server):
    with smtplib.SMTP("127.0.0.1", server.ports["submission"]) as s:
        code, text = s.docmd("EHLO", "x")
        assert b"X-YOU-ARE" not in text
        assert s.docmd("MAIL", f"FROM:<{ME}@{DOMAIN}>")[0] == 530
