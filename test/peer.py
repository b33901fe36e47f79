"""Another organisation's servers, as far as a test wants them: they say what they are told to say, and keep what they take."""
import base64
import contextlib
import http.server
import socketserver
import threading


class Peer(socketserver.ThreadingTCPServer):
    """`answers`: what is said to a command or an address, always, or one after the other when it is a list; "drop" hangs up,
    "take and drop" (of DATA) with the mail.
    tls: an ssl.SSLContext, with which STARTTLS is offered.  users: {name: password}, who may log in (AUTH PLAIN)."""
    allow_reuse_address = True
    daemon_threads = True
    # A connection beyond this waits for a greeting that never comes, as long as a relay's patience (5 minutes) lasts.
    request_queue_size = 1000

    def __init__(self, address="127.0.0.1", port=0, tls=None):
        self.answers, self.mails, self.lock = {}, [], threading.Lock()
        self.extensions, self.tls, self.users = ["STARTTLS"] if tls else [], tls, {}
        self.basic = ["PIPELINING", "8BITMIME"]
        self.may_read = threading.Event()  # messages, beyond their first octets
        self.may_read.set()
        super().__init__((address, port), Dialog)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # the client went away

    def answer(self, word, otherwise):
        with self.lock:
            said = self.answers.get(word, otherwise)
            return said.pop(0) if isinstance(said, list) and said else otherwise if isinstance(said, list) else said

    def subjects(self):
        with self.lock:
            return [m["text"].split(b"Subject: ")[1].split(b"\r\n")[0].decode() for m in self.mails]

    def leave(self):
        self.shutdown()
        self.server_close()


def goes_on(said):
    return "drop" not in said and said[:3] != "421"


class Dialog(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.mail, self.is_open, self.was_secure, self.user = {}, False, False, None
        self.say("220 mx.afrique.iut ready")
        with contextlib.suppress(ConnectionError):
            while line := self.rfile.readline():
                verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
                command = getattr(self, f"on_{verb.lower()}", None)
                if not command:
                    self.say("250 2.0.0 ok")
                elif command(rest) is False:
                    return

    def on_ehlo(self, rest):
        extensions = [e for e in self.server.extensions if e != "STARTTLS" or not self.was_secure]
        self.say("".join(f"250-{line}\r\n" for line in ["mx.afrique.iut", *self.server.basic, *extensions]) + "250 SIZE 0")

    def on_starttls(self, rest):
        self.say("220 2.0.0 go on")
        try:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        except OSError:
            return False
        self.setup()
        self.was_secure = True
        return True

    def on_auth(self, rest):
        _, name, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        is_good = self.server.users.get(name) == password
        self.user = name if is_good else None
        self.say("235 2.7.0 ok" if is_good else "535 5.7.8 no")
        return True

    def on_mail(self, rest):
        self.mail = {"from": rest.split("<")[1].split(">")[0], "to": [], "said": rest.split(">")[1].split(), "of": {}, "tls": self.was_secure,
                     "user": self.user}
        said = self.server.answer("MAIL", "250 2.1.0 ok")
        if said != "drop":
            self.say(said)
        self.is_open = said[0] == "2"
        return goes_on(said)

    def on_rcpt(self, rest):
        address = rest.split("<")[1].split(">")[0]
        answer = self.server.answer(address, "250 2.1.5 ok") if self.is_open else "503 5.5.1 no sender"
        if answer[0] == "2":
            self.mail["to"].append(address)
            self.mail["of"][address] = rest.split(">")[1].split()
        self.say(answer)
        return goes_on(answer)

    def on_data(self, rest):
        self.say("354 go on" if self.mail["to"] else "503 5.5.1 no recipients")
        if not self.mail["to"]:
            return True
        self.server.may_read.wait(60)
        text = b"".join(iter(self.rfile.readline, b".\r\n"))
        said = self.server.answer("DATA", "250 2.0.0 taken")
        if said[0] == "2" or said == "take and drop":
            with self.server.lock:
                self.server.mails.append({**self.mail, "text": text})
        if "drop" not in said:
            self.say(said)
        return goes_on(said)

    def on_quit(self, rest):
        self.say("221 2.0.0 bye")
        return False


class PolicyServer(http.server.ThreadingHTTPServer):
    """Serves MTA-STS policies (RFC 8461 3.2) over HTTPS.  answers: {domain: a policy, or (status, {header: value}, text)}."""
    daemon_threads = True

    def __init__(self, tls, address="127.0.0.1", port=443):
        self.answers, self.asked = {}, []
        super().__init__((address, port), PolicyRequest)
        self.port = self.server_address[1]
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # the client does not trust our certificate

    def leave(self):
        self.shutdown()
        self.server_close()


class PolicyRequest(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        domain = self.headers["Host"].split(":")[0].removeprefix("mta-sts.")
        self.server.asked.append((domain, self.path))
        said = self.server.answers[domain]
        status, headers, text = said if isinstance(said, tuple) else (200, {"Content-Type": "text/plain"}, said)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass
