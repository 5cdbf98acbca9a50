"""Acceptance 4: servers that are killed or stopped, a database that crashes, at random moments of workflows in flight. Every run that was
accepted ends right, and what completed ran once: each step leaves a line in a file of its own, which the run's branch shows.

CORRAL_TEST_KILLS, CORRAL_TEST_DATABASE_RESTARTS, CORRAL_TEST_STOPS: how often, in each test; CORRAL_TEST_SEED."""
import collections
import json
import os
import random
import signal
import time
import uuid

import pytest
import requests
from conftest import git, make_repo

KILLS = int(os.environ.get("CORRAL_TEST_KILLS", "8"))
RESTARTS = int(os.environ.get("CORRAL_TEST_DATABASE_RESTARTS", "3"))
STOPS = int(os.environ.get("CORRAL_TEST_STOPS", "2"))
SEED = int(os.environ.get("CORRAL_TEST_SEED", "20261121"))
LEASE = 2  # seconds, where a server is to lose it
ENDED = ("completed", "failed", "cancelled")

CHILD = """name: child
steps:
  - {name: sources, kind: git, action: clone}
  - {name: inner, kind: command, run: 'sleep 0.2; echo inner >> ran-inner; echo did inner'}
  - {name: keep, kind: git, action: commit}
"""


def count(step, seconds=0.2):
    return f"'sleep {seconds}; echo {step} >> ran-{step}; echo did {step}'"


# Parallel steps, one that fails at first, a person, a run within the run, a matrix, and one for the end.
STORM = f"""name: storm
steps:
  - {{name: sources, kind: git, action: clone}}
  - {{name: left, kind: command, needs: [sources], run: {count("left", 0.5)}}}
  - {{name: right, kind: command, needs: [sources], run: {count("right")}}}
  - {{name: wide, kind: command, needs: [sources], matrix: {{n: [x, y]}}, run: 'sleep 0.1; echo wide >> ran-wide-${{{{ matrix.n }}}}'}}
  - name: flaky
    kind: command
    needs: [sources]
    retry: {{attempts: 3, backoff: 200ms, on: [conflict]}}
    run: 'echo flaky >> ran-flaky; test $(wc -l < ran-flaky) -ge 2'
  - {{name: child, kind: workflow, needs: [sources], uses: child}}
  - {{name: ask, kind: approval, needs: [left, right, wide, flaky], message: Sure}}
  - {{name: last, kind: command, needs: [ask, child], run: {count("last")}}}
  - {{name: keep, kind: git, action: commit}}
finally:
  - {{name: tidy, kind: command, run: echo tidied up}}
"""
LINES = {"left": 1, "right": 1, "wide-x": 1, "wide-y": 1, "flaky": 2, "last": 1}

# Where the server is alone with the run's work for some time, and without.
LADDER = f"""name: ladder
steps:
  - {{name: sources, kind: git, action: clone}}
  - {{name: one, kind: command, run: {count("one", 1.0)}}}
  - {{name: two, kind: command, run: {count("two", 1.0)}}}
  - {{name: keep, kind: git, action: commit}}
"""


def ask(method, servers, path, body=None, key=None, timeout=90):
    """From whichever server answers: one that is stopped, or whose database is away, is asked again."""
    deadline = time.monotonic() + timeout
    while True:
        for server in servers:
            try:
                answer = requests.request(method, server.url + path, json=body, timeout=10, headers={"Idempotency-Key": key} if key else {})
            except requests.RequestException as error:
                last = repr(error)
                continue
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
            last = answer.text
        assert time.monotonic() < deadline, last + "\n" + servers[0].log_tail()
        time.sleep(0.05)


def start(servers, repo, definition):
    answer = ask("POST", servers, "/api/v1/runs", {"git_url": str(repo), "definition": definition}, key=str(uuid.uuid4()))
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def run_of(servers, run):
    answer = ask("GET", servers, f"/api/v1/runs/{run}")
    assert answer.status_code == 200, f"run {run} was accepted and is lost: {answer.text}"
    return answer.json()


def allow(servers, document):
    for approval in document["approvals"]:
        answer = ask("POST", servers, f"/api/v1/approvals/{approval['id']}", {"decision": "allow"})
        assert answer.status_code in (200, 409), answer.text


def events_of(servers, run):
    return ask("GET", servers, f"/api/v1/runs/{run}/events?from=1&limit=500").json()["items"]


def check_events(servers, run, document):
    events = events_of(servers, run)
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    said = json.dumps(document["error"]) + "\n" + "\n".join(f"{e['time']} {e['type']} {json.dumps(e['data'])[:200]}" for e in events)
    assert document["status"] == "completed", f"{run}: {said}\n" + "\n".join(server.log_tail() for server in servers)
    completed = collections.Counter(event["data"]["step"] for event in events if event["type"] == "run.step.completed")
    assert set(completed.values()) == {1}, f"{run}: a step completed more than once: {completed}\n{said}"
    assert sum(event["type"] == "run.completed" for event in events) == 1
    return events


def lines_of(repo, document, name):
    return len(git(repo, "show", f"{document['branch']}:ran-{name}").split())


def check_storm(servers, repo, run, document):
    events = check_events(servers, run, document)
    starts = collections.Counter(event["data"]["step"] for event in events if event["type"] == "run.step.started")
    assert starts.pop("flaky") == 2
    assert set(starts.values()) == {1}, f"a step was started again though its runner lived: {starts}"
    for name, lines in LINES.items():
        assert lines_of(repo, document, name) == lines, f"{run}: {name} ran another number of times"
    child = run_of(servers, next(step for step in document["steps"] if step["name"] == "child")["outputs"]["run"])
    check_events(servers, child["id"], child)
    assert lines_of(repo, child, "inner") == 1
    log = ask("GET", servers, f"/api/v1/runs/{run}/log").text
    for line in ("did left", "did right", "did last", "tidied up"):
        assert log.splitlines().count(line) == 1, f"{line!r} is {log.splitlines().count(line)} times in the log"


def storm(server, repo, disturb, times):
    """Keeps four runs in flight while `disturb` is called at random moments, then lets all end."""
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    servers = [server]
    answer = ask("POST", servers, "/api/v1/workflows", {"definition": CHILD})
    assert answer.status_code < 300, answer.text
    started, finished, disturbed = [], {}, 0
    deadline = time.monotonic() + 300 + 15 * times
    while disturbed < times or len(finished) < len(started):
        assert time.monotonic() < deadline, "\n".join(json.dumps(run_of(servers, run)) for run in started if run not in finished) + server.log_tail()
        while disturbed < times and len(started) - len(finished) < 4:
            started.append(start(servers, repo, STORM))
        if disturbed < times:
            time.sleep(dice.uniform(0.02, 1.2))
            disturb()
            disturbed += 1
        else:
            time.sleep(0.1)
        for run in [run for run in started if run not in finished]:
            document = run_of(servers, run)
            if document["status"] in ENDED:
                finished[run] = document
            elif document["approvals"] and (disturbed == times or dice.random() < 0.7):
                allow(servers, document)
    for run in started:
        check_storm(servers, repo, run, finished[run])
    print(f"{times} times, {len(started)} runs with as many children, all right")


def kill_and_start(server):
    def disturb():
        server.kill()
        server.start()
    return disturb


def test_kill_9_of_the_server_on_sqlite(serve, folder):
    server = serve()
    storm(server, make_repo(folder / "repo", {"a": "a\n"}), kill_and_start(server), KILLS)


def test_kill_9_of_the_server_on_postgresql(database, serve, folder):
    server = serve(env={"CORRAL_STORE": database.url})
    storm(server, make_repo(folder / "repo", {"a": "a\n"}), kill_and_start(server), KILLS)


def test_a_database_that_is_restarted_at_once(database, serve, folder):
    server = serve(env={"CORRAL_STORE": database.url})
    storm(server, make_repo(folder / "repo", {"a": "a\n"}), database.restart_at_once, RESTARTS)


def wait_until(condition, why, timeout=60):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
    return value


def homes(servers, run):
    return [event["data"]["home"] for event in events_of(servers, run) if event["type"] == "run.workspace.created"]


def two_servers(database, serve):
    servers = [serve("--lease", str(LEASE), env={"CORRAL_STORE": database.url}) for _ in range(2)]
    return servers, {(server.data / "server.id").read_text(): server for server in servers}


def no_workspaces(server):
    return not [path for path in (server.data / "workspaces").iterdir() if not path.name.startswith(".")]


def test_a_server_that_is_stopped_past_its_lease(database, serve, folder):
    """The other takes over what it can; the stopped one notices, and does nothing more for what it lost."""
    dice = random.Random(SEED)
    servers, by_id = two_servers(database, serve)
    repo = make_repo(folder / "repo", {"a": "a\n"})
    taken_over, ended = 0, {}
    for _ in range(STOPS):
        run = start(servers, repo, LADDER)
        home = wait_until(lambda: homes(servers, run), lambda: servers[0].log_tail())[0]
        victim = by_id[home]
        thief, = [server for server in servers if server is not victim]
        time.sleep(dice.uniform(0, 2.5))
        victim.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(LEASE * dice.uniform(1.5, 5))  # past its lease, and sometimes long enough for the other to be done
        finally:
            victim.process.send_signal(signal.SIGCONT)
        document = wait_until(lambda: (d := run_of([thief], run))["status"] in ENDED and d, lambda: json.dumps(run_of([thief], run)) + thief.log_tail() + victim.log_tail(), 120)
        events = ended[run] = check_events([thief], run, document)
        for name in ("one", "two"):
            assert lines_of(repo, document, name) == 1, f"{name} ran another number of times"
        taken_over += len({event["data"]["home"] for event in events if event["type"] == "run.workspace.created"}) - 1
    for server in servers:
        wait_until(lambda: no_workspaces(server), lambda: f"workspaces are left: {list((server.data / 'workspaces').iterdir())}\n{server.log_tail()}", 45)
    assert all(events_of(servers, run) == events for run, events in ended.items()), "something came of a run after its end"
    print(f"{STOPS} stops, {taken_over} runs taken over")


def test_another_server_goes_on_when_one_is_gone_for_good(database, serve, folder):
    servers, by_id = two_servers(database, serve)
    repo = make_repo(folder / "repo", {"a": "a\n"})
    run = start(servers, repo, LADDER)
    victim = by_id[wait_until(lambda: homes(servers, run), lambda: servers[0].log_tail())[0]]
    other, = [server for server in servers if server is not victim]
    wait_until(lambda: any(e["type"] == "run.step.started" and e["data"]["step"] == "one" for e in events_of([other], run)), other.log_tail)
    victim.kill()
    document = wait_until(lambda: (d := run_of([other], run))["status"] in ENDED and d, lambda: json.dumps(run_of([other], run)) + other.log_tail())
    events = check_events([other], run, document)
    assert len({event["data"]["home"] for event in events if event["type"] == "run.workspace.created"}) == 2
    assert [event["data"]["step"] for event in events if event["type"] == "run.step.started"].count("sources") == 1, "what had completed is not done again"
    assert lines_of(repo, document, "one") == 1 and lines_of(repo, document, "two") == 1
    # Back after all, it finds that nobody needs what it had.
    victim.start()
    wait_until(lambda: no_workspaces(victim), victim.log_tail)


def test_a_run_stays_with_the_server_that_has_its_work(database, serve, folder):
    """A server that is killed takes its runs up again; the other leaves them to it though it is idle, and waits for one whose work it lacks."""
    servers, by_id = two_servers(database, serve)
    repo = make_repo(folder / "repo", {"a": "a\n"})
    definition = LADDER.replace("  - {name: keep", "  - {name: ask, kind: approval, message: Sure}\n  - {name: keep")
    for away in (0, 3 * LEASE):
        run = start(servers, repo, definition)
        document = wait_until(lambda: (d := run_of(servers, run))["approvals"] and d, lambda: json.dumps(run_of(servers, run)))
        victim = by_id[homes(servers, run)[0]]
        other, = [server for server in servers if server is not victim]
        if away:
            victim.kill()
        allow([other], document)
        if away:
            time.sleep(away)  # longer than the other needs to take it for dead
            assert run_of([other], run)["status"] == "running"
            victim.start()
        document = wait_until(lambda: (d := run_of([other], run))["status"] in ENDED and d, lambda: json.dumps(run_of([other], run)) + other.log_tail() + victim.log_tail())
        events = check_events(servers, run, document)
        assert len([event for event in events if event["type"] == "run.workspace.created"]) == 1, "it had its workspace all the time"
        assert lines_of(repo, document, "one") == 1 and lines_of(repo, document, "two") == 1
