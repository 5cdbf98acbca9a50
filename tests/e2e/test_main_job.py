"""Acceptance 2 and 6: the real Claude Code makes a commit on a branch of a real repository; runs do not disturb each other."""
import json
import os
import pathlib
import subprocess

from conftest import API_KEY, CORRAL, git, make_repo


def script(*steps):
    return "SCRIPT:" + json.dumps(list(steps))


def write(path, content):
    return {"tool": "Write", "input": {"file_path": path, "content": content}}


def test_claude_commits_on_a_branch_of_a_real_repository(serve, folder, claude):
    server, repo = serve(), make_repo(folder / "repo", {"README.md": "hello\n"})
    head = git(repo, "rev-parse", "HEAD")
    run = server.start_run(git_url=str(repo), agent="claude", checks="grep -q 42 answer.txt",
                           prompt="Write the answer. " + script(write("/workspace/answer.txt", "42\n"), {"text": "Wrote the answer."}))
    done = server.wait(run)
    assert done["status"] == "completed", json.dumps(done, indent=1) + server.log(run)
    assert [step["status"] for step in done["steps"]] == ["completed"] * len(done["steps"])
    assert done["diff_stat"] == {"files": 1, "insertions": 1, "deletions": 0}
    assert done["cost_usd"] > 0 and done["usage"]["calls"] >= 2
    assert done["summary"] == "Wrote the answer."
    # The branch is in the repository as a ref; its work tree and branch are as they were.
    assert git(repo, "rev-parse", done["branch"]) == done["commit"]
    assert git(repo, "show", f"{done['branch']}:answer.txt") == "42"
    assert git(repo, "rev-parse", "HEAD") == head and git(repo, "status", "--porcelain") == ""
    message = git(repo, "log", "-1", "--format=%B", done["branch"])
    assert f"Corral-Run: {run}" in message and "Corral-Agent: claude" in message
    assert git(repo, "log", "-1", "--format=%cn", done["branch"]) == "Corral"
    assert "+42" in server.get(f"/api/v1/runs/{run}/diff").text
    kinds = [json.loads(line)["kind"] for line in server.get(f"/api/v1/runs/{run}/timeline").text.splitlines()]
    assert "tool_call" in kinds and "tool_result" in kinds and kinds.index("tool_call") < kinds.index("tool_result")
    names = {item["name"] for item in server.get(f"/api/v1/runs/{run}/artifacts").json()["items"]}
    assert {"diff.patch", "transcript.md"} <= names


def test_no_key_reaches_the_sandbox_and_no_secret_is_kept(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    probe = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; grep -rs 'KEY[-]THAT' /workspace /home /tmp /etc /run 2>/dev/null; true"
    run = server.start_run(git_url=str(repo), agent="command", command=["sh", "-c", probe], prompt="look")
    assert server.wait(run)["status"] == "completed", server.log(run)
    assert "KEY-THAT" not in server.log(run)
    server.stop()
    found = subprocess.run(["grep", "-rl", API_KEY, str(server.data)], capture_output=True, text=True).stdout
    assert found == "", f"the key is kept in {found}"


def test_inside_there_is_no_route_but_the_runners_door(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    secret = pathlib.Path("/root/.corral-e2e-secret") if os.getuid() == 0 else pathlib.Path.home() / ".corral-e2e-secret"
    secret.write_text("host secret\n")
    try:
        program = f"""
import os, socket
def attempt(name, call):
    try: print(name, "ALLOWED", call())
    except OSError as error: print(name, "refused", error)
def connect(address):
    s = socket.create_connection(address, 2); s.close(); return "connected"
attempt("door", lambda: connect(("127.0.0.1", 8377)))
attempt("server", lambda: connect(("127.0.0.1", {server.url.rsplit(':', 1)[1]})))
attempt("internet", lambda: connect(("192.0.2.1", 80)))
attempt("metadata", lambda: connect(("169.254.169.254", 80)))
attempt("dns", lambda: socket.getaddrinfo("localhost.localdomain.invalid", 80))
attempt("host-file", lambda: open("{secret}").read())
attempt("data-folder", lambda: os.listdir("{server.data}"))
for place in ("/", "/usr", "/etc", "/corral", "/run", "/bin"):
    attempt("write " + place, lambda: open(place + "/x", "w"))
for place in ("/workspace", "/tmp", os.environ["HOME"]):
    attempt("write " + place, lambda: open(place + "/corral-x", "w"))
"""
        run = server.start_run(git_url=str(repo), agent="command", command=["python3", "-c", program], prompt="x")
        assert server.wait(run)["status"] == "completed", server.log(run)
    finally:
        secret.unlink()
    log = server.log(run)
    allowed = {line.split(" ALLOWED")[0].strip() for line in log.splitlines() if " ALLOWED" in line}
    assert allowed == {"door", "write /workspace", "write /tmp", "write /home/agent"}, log


def test_ten_runs_at_once_on_one_project_do_not_disturb_each_other(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"n": "none\n"})
    runs = {server.start_run(git_url=str(repo), agent="command", prompt="x",
                             command=["sh", "-c", f"echo {i} > n; for k in 1 2 3 4 5; do grep -qx {i} n || exit 1; sleep 0.1; done"]): i for i in range(10)}
    for run, i in runs.items():
        done = server.wait(run)
        assert done["status"] == "completed", server.log(run)
        assert git(repo, "show", f"{done['branch']}:n") == str(i)
    assert git(repo, "show", "main:n") == "none"


def test_a_failing_check_fails_the_run_and_a_retry_can_complete_it(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    run = server.start_run(git_url=str(repo), agent="command", command=["sh", "-c", "echo new > b"], prompt="x", checks="echo checking; exit 3")
    done = server.wait(run)
    assert done["status"] == "failed" and "exit code 3" in done["error"]["message"]
    assert "checking" in server.log(run)
    retried = server.post(f"/api/v1/runs/{run}/retry")
    assert retried.status_code == 202, retried.text
    assert server.wait(run, timeout=60)["status"] == "failed"
    events = [event["type"] for event in server.events(run)]
    assert events.count("run.retried") == 1
    agent = [event for event in server.events(run) if event["type"] == "run.step.completed" and event["data"]["step"] == "agent"]
    assert len(agent) == 1, "the agent step had completed: a retry must not run it again"


def test_cancel_ends_the_whole_process_tree(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    run = server.start_run(git_url=str(repo), agent="command", prompt="x",
                           command=["sh", "-c", "(setsid sh -c 'while :; do sleep 1; done' &) ; echo started; sleep 600"])
    server.wait_for(run, lambda d: "started" in server.log(run))
    assert server.post(f"/api/v1/runs/{run}/cancel", {"reason": "enough"}).status_code == 202
    done = server.wait(run, timeout=30)
    assert done["status"] == "cancelled"
    from conftest import workspace_processes
    assert [p for p in workspace_processes(server.data) if p != server.process.pid] == []
    again = server.post(f"/api/v1/runs/{run}/cancel")
    assert again.status_code == 409 and again.headers["content-type"].startswith("application/problem+json")


def test_permission_is_asked_and_both_answers_work(serve, folder, claude):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    prompt = "Do it. " + script(write("/workspace/one.txt", "1\n"), {"text": "Done."})
    for decision in ("allow", "deny"):
        run = server.start_run(git_url=str(repo), agent="claude", permissions="ask", prompt=prompt)
        document = server.wait_for(run, lambda d: d["approvals"] or d["status"] in ("failed", "completed"))
        assert document["waiting"] and document["approvals"], server.log(run)
        approval = document["approvals"][0]
        assert approval["tool"] == "Write"
        assert {step["name"]: step["status"] for step in document["steps"]}["agent"] == "waiting"
        assert server.post(f"/api/v1/approvals/{approval['id']}", {"decision": decision}).status_code == 200
        done = server.wait(run)
        assert done["status"] == "completed", server.log(run)
        assert (done["commit"] is not None) == (decision == "allow")


def test_a_budget_stops_the_run_with_a_clear_reason(serve, folder, claude):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    steps = [{"tool": "Bash", "input": {"command": f"echo {i}", "description": "count"}} for i in range(30)]
    run = server.start_run(git_url=str(repo), agent="claude", prompt="Spend. " + script(*steps, {"text": "end"}), budget_usd=0.0001)
    done = server.wait(run)
    assert done["status"] == "failed" and done["error"]["code"] == "exhausted" and "budget" in done["error"]["message"], done


def test_the_command_line_does_the_main_job_without_a_server(folder, model, claude):
    repo = make_repo(folder / "repo", {"a": "a\n"})
    env = {**os.environ, "CORRAL_ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": API_KEY, "CORRAL_AGENTS": str(claude)}
    prompt = "Go. " + script(write("/workspace/b.txt", "b\n"), {"text": "Wrote b."})
    done = subprocess.run([str(CORRAL), "run", prompt, "--repo", str(repo), "--data", str(folder / "cli"), "--json"], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout.strip().splitlines()[-1])
    assert git(repo, "show", f"{document['branch']}:b.txt") == "b"
