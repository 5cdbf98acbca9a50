"""Workflows through the real program: the gallery, what the documentation shows, and what a run can be told."""
import http.server
import json
import os
import pathlib
import re
import subprocess
import time
import uuid

import jsonschema
import pytest
import yaml

from conftest import CORRAL, ROOT, LoopbackServer, git, make_repo

GALLERY = ROOT / "examples/workflows"
APPROVE = "name: park\nsteps:\n  - {name: prepare, kind: git, action: clone}\n  - {name: ask, kind: approval, message: Sure}\n  - {name: go, kind: command, run: echo gone}\n"


def cli(server, *args, cwd=None, stdin=None, timeout=120):
    where = ["--data", str(server.data)] if server else []
    return subprocess.run([str(CORRAL), *where, *args], capture_output=True, text=True, timeout=timeout, cwd=cwd, input=stdin or "",
                          env={k: v for k, v in os.environ.items() if not k.startswith("CORRAL_")})


def steps_of(run):
    return {step["name"]: step for step in run["steps"]}


def start(server, definition, repo, **body):
    return server.start_run(definition=definition, git_url=str(repo), **body)


def wait_parked(server, run):
    """Until the run waits for a person."""
    return server.wait_for(run, lambda document: document["waiting"])


def decide(server, run, decision="allow", **more):
    approval, = server.get(f"/api/v1/approvals?run={run}").json()["items"]
    answer = server.post(f"/api/v1/approvals/{approval['id']}", {"decision": decision, **more})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def repo(folder):
    return make_repo(folder / "repo", {"README.md": "hello\n"})


@pytest.fixture
def server(serve):
    return serve()


def gallery(server, name, repo, *args, code=0):
    """`corral workflow run` of one of the gallery, as its first lines say; the run's document at its end."""
    done = cli(server, "workflow", "run", str(GALLERY / f"{name}.yaml"), "--repo", str(repo), "--json", *args)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


# ---- the gallery ----

def test_every_file_of_the_gallery_is_right_and_says_what_it_shows():
    files = sorted(GALLERY.glob("*.yaml"))
    done = cli(None, "workflow", "validate", *map(str, files))
    assert done.returncode == 0, done.stderr
    assert len(files) >= 8
    for file in files:
        assert file.read_text().startswith("# "), f"{file.name} says nothing"
        assert file.name in (GALLERY / "README.md").read_text()


class Yaml12(yaml.SafeLoader):
    """As editors read it: `on` is a word, not true."""


Yaml12.yaml_implicit_resolvers = {first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
                                  for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def test_the_published_schema_knows_the_gallery_and_refuses_typing_errors(server):
    printed = json.loads(cli(None, "workflow", "schema").stdout)
    assert printed == server.get("/api/v1/workflow-schema").json()
    jsonschema.Draft202012Validator.check_schema(printed)
    schema = jsonschema.Draft202012Validator(printed)
    for file in GALLERY.glob("*.yaml"):
        assert not list(schema.iter_errors(yaml.load(file.read_text(), Yaml12))), file.name
    for wrong in ("name: x\nsteps:\n  - {name: a, kind: command, rum: make}\n", "name: x\nstep: []\n", "name: X Y\nsteps: []\n"):
        assert not schema.is_valid(yaml.load(wrong, Yaml12)), wrong


def test_fan_out_over_five_repositories_with_a_join(server, folder, repo):
    five = [str(make_repo(folder / f"repo{i}", {"n.txt": f"{i}\n"})) for i in range(5)]
    done = cli(server, "workflow", "run", str(GALLERY / "fan-out.yaml"), "--repo", str(repo), "--json", "--input",
               "repositories=" + json.dumps(five), "--prompt", "count", "--", "sh", "-c", "cat n.txt >> seen.txt")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    steps = steps_of(run)
    children = [server.run(steps[f"each.{i}"]["outputs"]["run"]) for i in range(1, 6)]
    assert {child["project"]["name"] for child in children} == {f"repo{i}" for i in range(5)}
    assert all(child["status"] == "completed" and child["parent"] == run["id"] for child in children)
    for i, path in enumerate(five):
        assert git(path, "show", f"{children[i]['commit']}:seen.txt") == str(i)
    assert "5 repositories have a branch:" in server.log(run["id"])


def test_three_agents_compete_and_the_tests_choose(server, repo):
    # Each writes something else, and the one that is taken is the one whose run is named.
    script = "n=$(od -An -N2 -tu2 /dev/urandom | tr -d ' '); echo $n > n.txt"
    done = cli(server, "workflow", "run", str(GALLERY / "compete.yaml"), "--repo", str(repo), "--json", "--checks", "grep -q '[0-9]' n.txt",
               "--prompt", "a number", "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    solved = steps_of(run)["solve"]["outputs"]
    assert [attempt["status"] for attempt in solved["attempts"]] == ["completed"] * 3
    numbers = {attempt["run"]: git(repo, "show", f"{server.run(attempt['run'])['commit']}:n.txt") for attempt in solved["attempts"]}
    assert len(set(numbers.values())) > 1
    assert git(repo, "show", f"{run['commit']}:n.txt") == numbers[solved["run"]]
    refused = cli(server, "workflow", "run", str(GALLERY / "compete.yaml"), "--repo", str(repo), "--json", "--checks", "false", "--prompt", "x", "--", "sh", "-c", script)
    assert refused.returncode == 1
    assert "none of 3 attempts" in json.loads(refused.stdout)["error"]["message"]


def test_approval_with_a_path_for_each_answer(server, repo):
    for answer, status in (("approve", {"release": "completed", "put-back": "skipped"}), ("deny", {"release": "skipped", "put-back": "completed"})):
        started = cli(server, "workflow", "run", str(GALLERY / "approval.yaml"), "--repo", str(repo), "-d")
        run = started.stdout.strip()
        assert started.returncode == 0, started.stderr
        approval, = wait_parked(server, run)["approvals"]
        assert approval["choices"] == ["staging", "production"] and approval["until"]
        words = ["--choice", "staging"] if answer == "approve" else ["--message", "friday"]
        answered = cli(server, "runs", answer, run, *words)
        assert answered.returncode == 0, answered.stderr
        end = server.wait(run)
        assert end["status"] == "completed", end["error"]
        assert {name: steps_of(end)[name]["status"] for name in status} == status
        assert ("released to staging, as user:" if answer == "approve" else "not released: friday") in server.log(run)


def test_nightly_schedule(server, repo):
    made = cli(server, "schedule", "create", str(GALLERY / "nightly.yaml"), "--repo", str(repo), "--input", "checks=test -f README.md", "--json")
    assert made.returncode == 0, made.stderr
    schedule = json.loads(made.stdout)
    assert (schedule["cron"], schedule["timezone"], schedule["paused"]) == ("0 3 * * *", "Europe/Berlin", False)
    # Three in the morning in Berlin is two in winter, one in summer.
    assert re.search(r"T0[12]:00:00", schedule["next_at"])
    assert cli(server, "schedule", "pause", "nightly").returncode == 0
    assert server.get(f"/api/v1/schedules/{schedule['id']}").json()["paused"]
    assert cli(server, "schedule", "resume", schedule["id"][:13]).returncode == 0
    assert cli(server, "schedule", "delete", "nightly").returncode == 0
    assert cli(server, "schedule", "show", "nightly").returncode == 4
    assert gallery(server, "nightly", repo, "--input", "checks=test -f README.md")["status"] == "completed"
    assert gallery(server, "nightly", repo, "--input", "checks=false", code=1)["status"] == "failed"


def test_a_schedule_starts_runs(server, repo):
    made = cli(server, "schedule", "create", str(GALLERY / "nightly.yaml"), "--repo", str(repo), "--cron", "* * * * *", "--json")
    assert made.returncode == 0, made.stderr
    path = f"/api/v1/schedules/{json.loads(made.stdout)['id']}"
    deadline = time.monotonic() + 90
    while not (schedule := server.get(path).json())["last_run"]:
        assert time.monotonic() < deadline, schedule
        time.sleep(0.2)
    assert cli(server, "schedule", "delete", schedule["id"]).returncode == 0
    assert server.wait(schedule["last_run"])["schedule"] == schedule["id"]
    assert server.run(schedule["last_run"])["status"] == "completed"
    assert schedule["next_at"] > schedule["last_at"]


def test_retry_with_back_off_succeeds_at_the_third_attempt(server, repo):
    run = gallery(server, "retry", repo)
    assert steps_of(run)["flaky"]["attempt"] == 3
    assert "it took 3 attempts" in server.log(run["id"])
    started = [event for event in server.events(run["id"]) if event["type"] == "run.step.started" and event["data"].get("step") == "flaky"]
    assert len(started) == 3


def test_cancel_in_the_middle_with_finally(server, repo):
    started = cli(server, "workflow", "run", str(GALLERY / "cleanup.yaml"), "--repo", str(repo), "-d")
    run = started.stdout.strip()
    server.wait_for(run, lambda document: steps_of(document)["work"]["status"] == "running" and "working" in server.log(run))
    done = cli(server, "runs", "cancel", run, "--reason", "enough", "--wait")
    assert done.returncode == 0, done.stderr
    end = server.run(run)
    assert end["status"] == "cancelled"
    assert {name: step["status"] for name, step in steps_of(end).items()} == {
        "prepare": "completed", "take": "completed", "work": "cancelled", "never": "cancelled", "give-back": "completed", "say-so": "completed"}
    assert "given back" in server.log(run)


def test_sub_workflow(server, repo):
    saved = cli(server, "workflow", "save", str(GALLERY / "greeting.yaml"))
    assert saved.returncode == 0 and "version 1" in saved.stdout, saved.stderr
    run = gallery(server, "sub-workflow", repo)
    assert "hello ann and hello bob" in server.log(run["id"])
    child = server.run(steps_of(run)["greet.2"]["outputs"]["run"])
    assert (child["parent"], child["parent_step"], child["inputs"]) == (run["id"], "greet.2", {"who": "bob"})


def test_matrix(server, repo):
    run = gallery(server, "matrix", repo)
    assert "built: core-debug, core-release, edge-debug, edge-release, web-debug, web-release" in server.log(run["id"])
    assert {"part": "web", "mode": "release"} in [step["matrix"] for step in run["steps"]]


# ---- steps that ask servers outside ----

class Outside(LoopbackServer):
    """An HTTP server on loopback that keeps what it is asked, and answers as it is told: (status, headers, body) in turn, the last for good."""

    def __init__(self, *answers, tls=None):
        outside = self
        self.asked, self.answers = [], list(answers) or [(200, {}, b"")]

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outside.asked.append((self.command, self.path, dict(self.headers), body))
                assert outside.gate.wait(60)
                status, headers, text = outside.answers.pop(0) if len(outside.answers) > 1 else outside.answers[0]
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        super().__init__(Handler, tls)


CALL = "name: w\ninputs: {urls: list}\nsteps:\n  - {name: call, kind: http, matrix: {url: '${{ inputs.urls }}'}, url: '${{ matrix.url }}', retry: {attempts: 1}}\n"


def test_a_model_sums_up_and_a_webhook_is_told(serve, folder, model):
    repo = make_repo(folder / "repo", {"notes.txt": 'SCRIPT:[{"text": "```json\\n{\\"summary\\": \\"adds notes\\", \\"risk\\": 1}\\n```"}]\n'})
    with Outside((503, {"Retry-After": "1"}, b"busy"), (200, {"Content-Type": "application/json"}, b'{"ok": true}')) as hook:
        server = serve("--http-allow", hook.host)
        run = gallery(server, "summary", repo, "--input", f"webhook=http://{hook.host}/hook?key=qu3ry", "--input", "token=t0ken")
        (_, _, first, _), (method, path, headers, body) = hook.asked
    assert (method, path, headers["Authorization"]) == ("POST", "/hook?key=qu3ry", "Bearer t0ken")
    assert json.loads(body) == {"text": "adds notes", "risk": 1, "run": run["id"]}
    assert first["Idempotency-Key"] != headers["Idempotency-Key"]
    steps = steps_of(run)
    assert steps["tell"]["attempt"] == 2 and steps["tell"]["outputs"]["json"] == {"ok": True}
    assert (run["usage"]["calls"], run["usage"]["output_tokens"]) == (1, steps["sum-up"]["outputs"]["usage"]["output_tokens"])
    assert run["cost_usd"] > 0
    asked, = model.requests()
    assert "+SCRIPT" in asked["body"]["messages"][0]["content"] and asked["credential"] == "x-api-key"
    log = server.log(run["id"])
    assert "adds notes" in log and f"POST http://{hook.host}/hook?…" in log
    for secret in ("t0ken", "qu3ry"):
        assert secret not in log and secret not in server.log_path.read_text()


def test_a_recorded_answer_is_replayed(serve, folder, repo, model):
    cassette = folder / "llm.cassette"
    definition = "name: w\nsteps:\n  - {name: ask, kind: llm, prompt: 'Say it. SCRIPT:[{\"text\": \"it\"}]'}\n"
    outputs = []
    for mode in ("--record", "--replay"):
        server = serve(mode, str(cassette))
        end = server.wait(start(server, definition, repo))
        assert end["status"] == "completed", end["error"]
        outputs.append(steps_of(end)["ask"]["outputs"])
    assert outputs[0] == outputs[1] and outputs[0]["text"] == "it"
    assert len(model.requests()) == 1
    other = server.wait(start(server, definition.replace("Say it", "Say more"), repo))
    assert (other["status"], other["error"]["code"]) == ("failed", "invalid") and "cassette" in other["error"]["message"]


def test_nothing_private_is_called_without_leave(serve, repo):
    with Outside() as inside:
        server = serve("--http-allow", f"127.0.0.1:{inside.port + 1 if inside.port < 65535 else 1}")
        urls = [f"http://{host}:{inside.port}/" for host in ("127.0.0.1", "localhost", "0.0.0.0", "127.1", "[::ffff:127.0.0.1]")]
        urls += [server.url + "/api/v1/runs", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[fd00:ec2::254]/"]
        run = server.wait(start(server, CALL, repo, inputs={"urls": urls}))
        assert run["status"] == "failed"
        ends = {step["matrix"]["url"]: step["error"] for step in run["steps"] if step["matrix"]}
        assert len(ends) == len(urls)
        for url, error in ends.items():
            assert error["code"] == "forbidden" and "--http-allow" in error["message"], (url, error)
        assert not inside.asked


def test_a_redirect_is_an_answer_and_a_certificate_is_checked(serve, folder, repo):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                           "-days", "2", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], capture_output=True)
    assert made.returncode == 0, made.stderr
    with Outside(tls=(folder / "cert.pem", folder / "key.pem")) as tls, Outside((302, {"Location": "/x"}, b"")) as moved:
        server = serve("--http-allow", "127.0.0.1")
        run = server.wait(start(server, CALL, repo, inputs={"urls": [f"https://{tls.host}/", f"http://{moved.host}/"]}))
        untrusted, elsewhere = (step["error"] for step in run["steps"] if step["matrix"])
        assert untrusted["code"] == "unavailable" and "certificate" in untrusted["message"]
        assert elsewhere["code"] == "conflict" and "302" in elsewhere["message"]
        assert not tls.asked and len(moved.asked) == 1


def test_a_killed_server_sends_the_same_request_again(serve, repo):
    with Outside() as hook:
        server = serve(env={"CORRAL_HTTP_ALLOW": f"example.internal,{hook.host}"})
        hook.gate.clear()
        run = start(server, f"name: w\nsteps:\n  - {{name: call, kind: http, method: PUT, body: once, url: 'http://{hook.host}/'}}\n", repo)
        server.wait_for(run, lambda _: hook.asked)
        server.kill()
        hook.gate.set()
        server.start()
        assert server.wait(run)["status"] == "completed"
        (_, _, first, _), (_, _, second, body) = hook.asked
    assert first["Idempotency-Key"] == second["Idempotency-Key"] and body == b"once"
    assert starts_of(server, run) == ["call"]


def test_wrong_http_and_llm_steps_are_told_with_their_places(folder):
    (folder / "bad.yaml").write_text("name: x\nsteps:\n  - name: a\n    kind: http\n    url: ftp://x\n    method: FETCH\n    expect: 20\n"
                                     "  - name: b\n    kind: llm\n    max_tokens: 0\n")
    done = cli(None, "workflow", "validate", str(folder / "bad.yaml"))
    assert done.returncode == 2
    said = [line.removeprefix(str(folder / "bad.yaml")) for line in done.stderr.splitlines()]
    for place in (":5:5: `url:`", ":6:5: `method:`", ":7:5: `expect:`", ":8:5: llm step \"b\" needs `prompt:`", ":10:5: `max_tokens:`"):
        assert any(line.startswith(place) for line in said), (place, said)
    refused = cli(None, "serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0", "--http-allow", "http://x")
    assert refused.returncode == 2 and "--http-allow" in refused.stderr and '"http://x"' in refused.stderr


# ---- the documentation ----

def test_the_documentations_workflow_runs(server, folder, repo):
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "docs/workflows.md").read_text(), re.S).group(1)
    (folder / "check.yaml").write_text(text)
    done = cli(server, "workflow", "run", str(folder / "check.yaml"), "--repo", str(repo), "--input", "mode=release", "--json")
    assert done.returncode == 0, done.stderr
    log = server.log(json.loads(done.stdout)["id"])
    assert "building core (release)" in log and "building web (release)" in log and "built 2 parts" in log


def test_the_documentations_errors_are_what_validate_says():
    text = (ROOT / "docs/workflows.md").read_text()
    bad, said = re.search(r"## Errors in a definition.*?```yaml\n(.*?)```\n\n((?: {4}[^\n]*\n)+)", text, re.S).groups()
    done = cli(None, "workflow", "validate", "-", stdin=bad)
    assert done.returncode == 2
    assert done.stderr == "".join(line[4:] + "\n" for line in said.splitlines())


def test_the_documentations_expressions_give_what_it_says(server, repo):
    table = (ROOT / "docs/expressions.md").read_text().split("(the tests evaluate this table)")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", table, re.M)
    rows = [(expression.replace("\\|", "|"), result) for expression, result in rows]
    assert len(rows) > 15
    words = ["printf", "%s\\n"] + ["= ${{ to_json(%s) }}" % expression for expression, _ in rows]
    definition = {"name": "table", "inputs": {"name": "string", "parts": "list", "n": "number", "none": "string"},
                  "steps": [{"name": "prepare", "kind": "git", "action": "clone"}, {"name": "print", "kind": "command", "run": words}]}
    run = start(server, json.dumps(definition), repo, inputs={"name": "core", "parts": ["web", "core"], "n": 3})
    assert server.wait(run)["status"] == "completed", server.run(run)["error"]
    printed = [line[2:] for line in server.log(run).splitlines() if line.startswith("= ")]
    assert [json.loads(line) for line in printed] == [json.loads(result) for _, result in rows]


# ---- validate ----

def test_validate_names_file_line_column_and_the_remedy(folder):
    (folder / "good.json").write_text(json.dumps({"name": "x", "steps": [{"name": "a", "kind": "command", "run": "make"}]}))
    (folder / "bad.yaml").write_text("name: x\nsteps:\n  - name: a\n    kind: command\n    rum: make\n  - {name: b, kind: command, run: x, needs: [z]}\n")
    (folder / "worse.yaml").write_text("name: [\n")
    done = cli(None, "workflow", "validate", str(folder / "good.json"), str(folder / "bad.yaml"), str(folder / "worse.yaml"), str(folder / "none.yaml"))
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert any(re.match(re.escape(f"{folder}/bad.yaml:5:5: ") + ".*rum.*it takes.*run", line) for line in lines), lines
    assert any(re.match(re.escape(f"{folder}/bad.yaml:6:") + r"\d+: .*\"z\"", line) for line in lines), lines
    assert any(line.startswith(f"{folder}/worse.yaml:") and "YAML" in line for line in lines), lines
    assert any(line.startswith(f"{folder}/none.yaml:1:1: ") for line in lines), lines
    assert all(re.match(r"^/.*:\d+:\d+: \S", line) for line in lines), lines
    assert f"{folder}/good.json: ok, 1 step" in done.stdout
    assert cli(None, "workflow", "validate", str(folder / "good.json")).returncode == 0


# ---- commands ----

def test_every_command_is_carried_out_once_by_its_key(server, repo):
    flaky = "name: w\nsteps:\n  - {name: a, kind: approval, message: Sure}\n  - {name: b, kind: command, run: exit 3}\n"
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"definition": flaky, "git_url": str(repo)}
    first, second = (server.post("/api/v1/runs", body, headers=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert server.post("/api/v1/runs", {**body, "priority": 2}, headers=key).status_code == 409
    run = first.json()["id"]
    wait_parked(server, run)
    decide(server, run)
    assert server.wait(run)["status"] == "failed"
    for command, body, kind in (("fork", {}, None), ("retry", {"from": "a"}, "run.retried")):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        answers = [server.post(f"/api/v1/runs/{run}/{command}", body, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201 if command == "fork" else 202] * 2, [answer.text for answer in answers]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        if kind:
            assert sum(event["type"] == kind for event in server.events(run)) == 1
    wait_parked(server, run)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    assert [server.post(f"/api/v1/runs/{run}/cancel", {}, headers=key).status_code for _ in range(2)] == [202, 202]
    server.wait(run)


def test_a_trace_goes_with_a_command(server, repo):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = server.post("/api/v1/runs", {"definition": APPROVE, "git_url": str(repo)}, headers={"traceparent": parent})
    assert answer.status_code == 202, answer.text


def test_pause_and_resume(server, repo):
    run = start(server, APPROVE, repo)
    wait_parked(server, run)
    assert cli(server, "runs", "pause", run, "--reason", "look first").returncode == 0
    decide(server, run)
    server.wait_for(run, lambda document: steps_of(document)["ask"]["status"] == "completed")
    document = server.run(run)
    assert document["paused"] and steps_of(document)["go"]["status"] == "pending"
    assert cli(server, "runs", "resume", run).returncode == 0
    assert server.wait(run)["status"] == "completed"
    assert cli(server, "runs", "pause", run).returncode == 6


CHAIN = """name: w
steps:
  - {name: prepare, kind: git, action: clone}
  - {name: a, kind: command, outputs: {n: number}, run: 'echo a >> trace; echo n=7 >> "$CORRAL_OUTPUT"'}
  - {name: b, kind: command, run: 'echo b >> trace; echo "n is ${{ steps.a.outputs.n }}"'}
  - {name: c, kind: command, run: 'echo c >> trace; echo "trace" $(cat trace); exit 3'}
"""


def starts_of(server, run):
    return [event["data"]["step"] for event in server.events(run) if event["type"] == "run.step.started"]


def test_retry_from_a_step_keeps_what_came_before(server, repo):
    run = start(server, CHAIN, repo)
    assert server.wait(run)["status"] == "failed"
    done = cli(server, "runs", "retry", run, "--from", "b", "-f")
    assert done.returncode == 1, done.stdout + done.stderr
    assert starts_of(server, run) == ["prepare", "a", "b", "c", "b", "c"]
    # The work tree is what step a left, too.
    assert "trace a b c" in done.stdout and "trace a b c b c" not in server.log(run)
    assert cli(server, "runs", "retry", run, "--from", "zz").returncode == 4


def test_a_fork_keeps_what_came_before(server, repo):
    run = start(server, CHAIN, repo)
    assert server.wait(run)["status"] == "failed"
    forked = cli(server, "runs", "fork", run, "--from", "b")
    assert forked.returncode == 0, forked.stderr
    fork = server.wait(forked.stdout.strip())
    assert (fork["forked_from"], fork["forked_step"], fork["status"]) == (run, "b", "failed")
    assert fork["branch"] != server.run(run)["branch"]
    assert starts_of(server, fork["id"]) == ["b", "c"]
    assert "n is 7" in server.log(fork["id"]) and "trace a b c\n" in server.log(fork["id"])


def test_commands_need_no_clone(server, repo):
    run = start(server, "name: w\nsteps:\n  - {name: a, kind: command, run: echo alone}\n", repo)
    assert server.wait(run)["status"] == "completed", server.run(run)["error"]
    assert "alone" in server.log(run)


def test_time_travel(server, repo):
    run = start(server, "name: w\nsteps:\n  - {name: prepare, kind: git, action: clone}\n", repo)
    end = server.wait(run)
    versions = range(1, end["version"] + 1)
    seen = [server.get(f"/api/v1/runs/{run}?version={version}").json() for version in versions]
    assert [document["version"] for document in seen] == list(versions)
    assert seen[0]["status"] == "pending" and seen[-1] == server.run(run)
    statuses = [document["status"] for document in seen]
    assert statuses == sorted(statuses, key=["pending", "running", "completed"].index)
    shown = cli(server, "runs", "show", run, "--at", "1")
    assert shown.returncode == 0 and "pending" in shown.stdout
    assert server.get(f"/api/v1/runs/{run}?version={end['version'] + 1}").status_code in (400, 404)


def test_events_by_type_time_and_from_now_on(server, repo):
    run = start(server, "name: w\nsteps:\n  - {name: prepare, kind: git, action: clone}\n", repo)
    server.wait(run)
    kinds = {event["type"] for event in server.get("/api/v1/events?type=run.created,run.completed").json()["items"]}
    assert kinds == {"run.created", "run.completed"}
    assert server.get("/api/v1/events?after=latest").json()["items"] == []
    assert server.get("/api/v1/events?until=2020-01-01T00:00:00Z").json()["items"] == []
    assert len(server.get("/api/v1/events?from=2020-01-01T00:00:00Z").json()["items"]) > 3


def test_a_parked_run_outlives_a_killed_server(serve, repo):
    server = serve()
    run = start(server, APPROVE, repo)
    wait_parked(server, run)
    server.kill()
    server.start()
    assert server.run(run)["waiting"]
    decide(server, run)
    end = server.wait(run)
    assert end["status"] == "completed"
    starts = [event["data"].get("step") for event in server.events(run) if event["type"] == "run.step.started"]
    assert starts == ["prepare", "ask", "go"]


def test_a_delayed_run_waits_for_its_time(server, repo):
    soon = time.time() + 3
    run = start(server, "name: w\nsteps:\n  - {name: prepare, kind: git, action: clone}\n", repo,
                not_before=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon)))
    assert server.run(run)["status"] == "pending"
    end = server.wait(run)
    assert end["status"] == "completed" and end["started_at"] >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(soon))


# ---- kept workflows, the queue ----

def test_a_kept_workflow_has_versions_and_runs_keep_theirs(server, repo, folder):
    file = folder / "w.yaml"
    file.write_text("name: kept\nsteps:\n  - {name: ask, kind: approval, message: one}\n")
    assert "version 1" in cli(server, "workflow", "save", str(file)).stdout
    assert "version 1" in cli(server, "workflow", "save", str(file)).stdout
    run = server.start_run(workflow="kept", git_url=str(repo))
    file.write_text("name: kept\nsteps:\n  - {name: ask, kind: approval, message: two}\n")
    assert "version 2" in cli(server, "workflow", "save", str(file)).stdout
    assert server.run(run)["workflow_version"] == 1
    assert "message: one" in cli(server, "workflow", "show", "kept@1").stdout
    assert "message: two" in cli(server, "workflow", "show", "kept").stdout
    assert "ask" in cli(server, "workflow", "graph", "kept").stdout
    assert cli(server, "workflow", "delete", "kept").returncode == 0
    assert cli(server, "workflow", "show", "kept").returncode == 4
    wait_parked(server, run)
    decide(server, run)
    assert server.wait(run)["status"] == "completed"


def test_the_queue_can_be_paused_and_drained(server, repo):
    drained = cli(server, "queue", "drain")
    assert drained.returncode == 0 and "everything" in drained.stdout, drained.stdout + drained.stderr
    run = start(server, "name: w\nsteps:\n  - {name: prepare, kind: git, action: clone}\n", repo)
    jobs = json.loads(cli(server, "queue", "jobs", "--state", "ready", "--json").stdout)
    assert [job["run"] for job in jobs] == [run]
    assert json.loads(cli(server, "queue", "show", "--json").stdout)["ready"] == 1
    assert server.run(run)["status"] == "pending"
    assert cli(server, "queue", "retry", str(jobs[0]["id"])).returncode == 6
    assert cli(server, "queue", "resume").returncode == 0
    assert server.wait(run)["status"] == "completed"
