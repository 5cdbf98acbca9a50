"""Notifications: the real server tells a device by Web Push, through a push service on loopback that reads what only the
device can read (by http-ece, an implementation that is not ours)."""
import base64
import http.server
import json
import sqlite3
import threading
import time

import http_ece
import pytest
import requests
from conftest import LoopbackServer, make_repo
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

APPROVE = "name: park\nsteps:\n  - {name: prepare, kind: git, action: clone}\n  - {name: ask, kind: approval, message: TOP-SECRET-TEXT}\n" \
          "  - {name: go, kind: command, run: echo gone}\n"
FAILS = "name: broken\nsteps:\n  - {name: prepare, kind: git, action: clone}\n  - {name: go, kind: command, run: exit 3}\n"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser(LoopbackServer):
    """A browser's subscription and its push service: keeps what comes, decrypted, and answers as it is told."""

    def __init__(self):
        self.key, self.auth = ec.generate_private_key(ec.SECP256R1()), b"sixteen bytes ok"
        self.messages, self.headers, self.answers, self.came = [], [], [], threading.Condition()
        browser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                said = json.loads(http_ece.decrypt(body, private_key=browser.key, auth_secret=browser.auth, version="aes128gcm"))
                with browser.came:
                    browser.messages.append(said)
                    browser.headers.append(dict(self.headers))
                    status, headers = browser.answers.pop(0) if browser.answers else (201, {})
                    browser.came.notify_all()
                assert browser.gate.wait(60)
                self.send_response(status)
                for name, value in {**headers, "content-length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def subscription(self, **changes):
        point = self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return {"endpoint": f"http://{self.host}/send/c4pability", "expirationTime": None,
                "keys": {"p256dh": encoded(point), "auth": encoded(self.auth)}, "name": "a test", **changes}

    def wait(self, count, timeout=60):
        with self.came:
            assert self.came.wait_for(lambda: len(self.messages) >= count, timeout), self.messages
        return self.messages


@pytest.fixture
def browser():
    with Browser() as made:
        yield made


@pytest.fixture
def repo(folder):
    return make_repo(folder / "repo", {"a": "a\n"})


def subscribe(server, browser):
    answer = server.post("/api/v1/push/subscriptions", browser.subscription())
    assert answer.status_code == 201, answer.text
    return answer.json()


def unsubscribe(server, device):
    return requests.delete(f"{server.url}/api/v1/push/subscriptions/{device['id']}", timeout=30).status_code


def start(server, repo, definition, prompt):
    return server.start_run(definition=definition, git_url=str(repo), prompt=prompt)


def allow(server, run):
    approval, = server.wait_for(run, lambda document: document["waiting"])["approvals"]
    assert server.post(f"/api/v1/approvals/{approval['id']}", {"decision": "allow"}).status_code == 200


def stored_position(server, events):
    """Waits until the device is known to have been told of all these events."""
    deadline = time.monotonic() + 30
    while True:
        with sqlite3.connect(f"file:{server.data}/corral.db?mode=ro", uri=True, timeout=30) as database:
            rows = database.execute("SELECT body FROM documents WHERE kind = 'push_device'").fetchall()
        database.close()
        if rows and all(json.loads(body)["position"] >= events for body, in rows):
            return
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)


def position_of(server, run, kind):
    items = server.get("/api/v1/events?limit=500").json()["items"]
    return max(event["position"] for event in items if event["stream"] == f"run/{run}" and event["type"] == kind)


def check_vapid(server, browser, headers):
    """RFC 8292, with an implementation that is not ours."""
    scheme, fields = headers["Authorization"].split(" ", 1)
    fields = dict(field.split("=", 1) for field in fields.split(", "))
    assert scheme == "vapid" and fields["k"] == server.get("/api/v1/push/key").json()["public_key"]
    signed, signature = fields["t"].rsplit(".", 1)
    r, s = decoded(signature)[:32], decoded(signature)[32:]
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(fields["k"]))
    key.verify(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")), signed.encode(), ec.ECDSA(hashes.SHA256()))
    claims = json.loads(decoded(signed.split(".")[1]))
    assert claims["aud"] == f"http://{browser.host}" and claims["sub"] == "mailto:ops@example.net"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600


def test_a_device_is_told_that_a_run_waits_and_that_it_is_done(serve, browser, repo):
    server = serve("--http-allow", browser.host, env={"CORRAL_PUSH_CONTACT": "mailto:ops@example.net"})
    device = subscribe(server, browser)
    assert server.get("/api/v1/push/subscriptions").json()["items"] == [device]
    run = start(server, repo, APPROVE, "Ship it\nwith TOP-SECRET-TEXT")
    first, = browser.wait(1)
    assert (first["kind"], first["title"], first["url"]) == ("needs_you", "ask needs your approval", f"/runs/{run}")
    assert first["body"].endswith(": Ship it")
    allow(server, run)
    assert server.wait(run)["status"] == "completed"
    _, second = browser.wait(2)
    assert (second["kind"], second["title"], second["url"], second["tag"]) == ("done", "Run completed", f"/runs/{run}", first["tag"])
    assert server.wait(start(server, repo, FAILS, "Break it"))["status"] == "failed"
    assert browser.wait(3)[2]["title"] == "Run failed"
    for headers in browser.headers:
        check_vapid(server, browser, headers)
        assert headers["Content-Encoding"] == "aes128gcm" and int(headers["TTL"]) > 3600 and len(headers["Topic"]) == 32
    assert [headers["Urgency"] for headers in browser.headers] == ["high", "normal", "normal"]
    assert "TOP-SECRET" not in json.dumps(browser.messages)
    assert server.get("/api/v1/push/subscriptions").json()["items"] == [device]
    assert unsubscribe(server, device) == 204
    assert unsubscribe(server, device) == 404
    server.wait(start(server, repo, FAILS, "Break it again"))
    log = server.log_path.read_text()
    secrets = [(server.data / "push.key").read_text(), "c4pability", encoded(browser.auth)]
    assert not [secret for secret in secrets if secret in log]
    assert (server.data / "push.key").stat().st_mode & 0o777 == 0o600
    assert len(browser.messages) == 3, browser.messages


def test_a_killed_server_owes_nothing_twice_and_forgets_nothing(serve, browser, repo):
    server = serve("--http-allow", browser.host)
    subscribe(server, browser)
    done = start(server, repo, FAILS, "one")
    server.wait(done)
    browser.wait(1)
    stored_position(server, position_of(server, done, "run.failed"))
    server.kill()
    server.start()
    # On its way at the crash: the service has it, and says so to nobody.
    browser.gate.clear()
    waiting = start(server, repo, APPROVE, "two")
    browser.wait(2)
    server.kill()
    browser.gate.set()
    server.start()
    asked, again = browser.wait(3)[1:]
    assert asked == again and asked["url"] == f"/runs/{waiting}"
    # Not yet taken at the crash, for a busy service.
    browser.answers = [(503, {"Retry-After": "600"})]
    other = start(server, repo, APPROVE, "three")
    assert browser.wait(4)[3]["url"] == f"/runs/{other}"
    server.kill()
    server.start()
    assert browser.wait(5)[4] == browser.messages[3]
    stored_position(server, position_of(server, other, "run.approval.requested"))
    server.kill()
    server.start()
    for run in (waiting, other):
        allow(server, run)
        assert server.wait(run)["status"] == "completed"
    browser.wait(7)
    assert {message["url"] for message in browser.messages[5:]} == {f"/runs/{waiting}", f"/runs/{other}"}
    stored_position(server, max(position_of(server, run, "run.completed") for run in (waiting, other)))
    server.kill()
    server.start()
    last = start(server, repo, FAILS, "last")
    server.wait(last)
    assert browser.wait(8)[7]["url"] == f"/runs/{last}" and len(browser.messages) == 8


def test_a_service_that_knows_the_device_no_more_ends_its_subscription(serve, browser, repo):
    server = serve("--http-allow", browser.host)
    subscribe(server, browser)
    browser.answers = [(429, {"Retry-After": "1"}), (410, {})]
    run = start(server, repo, FAILS, "one")
    first, second = browser.wait(2)
    assert first == second and first["url"] == f"/runs/{run}"
    deadline = time.monotonic() + 20
    while server.get("/api/v1/push/subscriptions").json()["items"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_cannot_be_told_is_refused(serve, browser):
    server = serve()
    point = browser.subscription()["keys"]["p256dh"]
    cases = [(400, {}), (403, {"endpoint": f"https://{browser.host}/x"}), (403, {"endpoint": "https://169.254.169.254/latest"}),
             (403, {"endpoint": "https://localhost/x"}), (400, {"endpoint": "http://push.example.net/x"}), (400, {"endpoint": "file:///etc/passwd"}),
             (400, {"endpoint": "https://push.example.net/" + "x" * 2048}),
             (400, {"endpoint": "https://push.example.net/x", "keys": {"p256dh": point[:-4], "auth": encoded(browser.auth)}}),
             (400, {"endpoint": "https://push.example.net/x", "keys": {"p256dh": encoded(b"\x04" + bytes(64)), "auth": encoded(browser.auth)}}),
             (400, {"endpoint": "https://push.example.net/x", "keys": {"p256dh": point, "auth": encoded(b"short")}}),
             (400, {"endpoint": "https://push.example.net/x", "keys": {"p256dh": point, "auth": "not base64url!"}}),
             (400, {"endpoint": "https://push.example.net/x", "more": 1})]
    for status, changes in cases:
        answer = server.post("/api/v1/push/subscriptions", browser.subscription(**changes))
        assert answer.status_code == status and answer.json()["detail"], (changes, answer.text)
    assert server.get("/api/v1/push/subscriptions").json()["items"] == []
    key = server.get("/api/v1/push/key").json()["public_key"]
    assert len(decoded(key)) == 65
    for number in range(20):
        answer = server.post("/api/v1/push/subscriptions", browser.subscription(endpoint=f"https://push.example.net/{number}"))
        assert answer.status_code == 201, answer.text
    assert server.post("/api/v1/push/subscriptions", browser.subscription(endpoint="https://push.example.net/more")).status_code == 409
    server.stop()
    server.start()
    assert len(server.get("/api/v1/push/subscriptions").json()["items"]) == 20
    assert server.get("/api/v1/push/key").json()["public_key"] == key
