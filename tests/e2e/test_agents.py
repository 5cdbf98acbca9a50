"""The four agent CLIs, the real ones, each by its structured protocol: a task done, permission asked for and given or not, interrupted,
followed by another server after the first was killed, and put to sleep by a provider whose quota is spent."""
import json
import time

import pytest

from conftest import API_KEY, git, install_agent, make_repo, workspace_processes


# Claude Code refuses a long sleep, and Gemini CLI whatever has $(…) in it.
ENDLESS = "until [ -e never ]; do sleep 0.1; done"


class Agent:
    """What its tools are called, and how its protocol carries the provider's key."""

    def __init__(self, write, run, tools, header, value=API_KEY, model=""):
        self.write, self.run, self.tools, self.header, self.value, self.model = write, run, tools, header, value, model


AGENTS = {
    "claude": Agent(lambda path, content: {"tool": "Write", "input": {"file_path": path, "content": content}},
                    lambda command: {"tool": "Bash", "input": {"command": command, "description": "work"}}, ("Write", "Bash"), "x-api-key"),
    "codex": Agent(lambda path, content: {"tool": "exec_command", "input": {"cmd": f"printf '{content}' > {path}"}},
                   lambda command: {"tool": "exec_command", "input": {"cmd": command, "yield_time_ms": 30000}}, ("execute", "execute"),
                   "authorization", f"Bearer {API_KEY}"),
    "gemini": Agent(lambda path, content: {"tool": "write_file", "input": {"file_path": path, "content": content}},
                    lambda command: {"tool": "run_shell_command", "input": {"command": command}}, ("edit", "execute"), "x-goog-api-key",
                    model="gemini-2.5-flash"),
    "opencode": Agent(lambda path, content: {"tool": "write", "input": {"filePath": path, "content": content}},
                      lambda command: {"tool": "bash", "input": {"command": command, "description": "work"}}, ("edit", "execute"),
                      "authorization", f"Bearer {API_KEY}", model="gpt-4.1"),  # models after it get a tool for patches instead
}


@pytest.fixture(params=AGENTS)
def agent(request):
    install_agent(request.param)
    return request.param


def task(*steps):
    return "Do it. SCRIPT:" + json.dumps(list(steps))


def timeline(server, run):
    return [json.loads(line) for line in server.get(f"/api/v1/runs/{run}/timeline").text.splitlines()]


def step_of(document, name="agent"):
    return next(step for step in document["steps"] if step["name"] == name)


def start(server, repo, name, *steps, **more):
    return server.start_run(git_url=str(repo), agent=name, prompt=task(*steps), **({"model": AGENTS[name].model} if AGENTS[name].model else {}), **more)


def test_it_does_its_task_and_the_key_stays_outside(serve, folder, model, agent):
    server, repo, about = serve(), make_repo(folder / "repo", {"README.md": "hello\n"}), AGENTS[agent]
    run = start(server, repo, agent, {"text": "I write it.", **about.write("/workspace/answer.txt", "42\n")},
                about.run("env > seen.txt; ls /corral/agents >> seen.txt"), {"text": "Wrote the answer."}, checks="grep -q 42 answer.txt")
    done = server.wait(run)
    assert done["status"] == "completed", json.dumps(done, indent=1) + server.log(run) + server.log_tail()
    assert done["summary"] == "Wrote the answer."
    assert git(repo, "show", f"{done['branch']}:answer.txt") == "42"
    assert API_KEY not in git(repo, "show", f"{done['branch']}:seen.txt")
    assert done["usage"]["calls"] >= 3 and done["usage"]["input_tokens"] > 0 and done["usage"]["output_tokens"] > 0 and done["cost_usd"] > 0
    asked = [request for request in model.requests() if "body" in request]
    assert asked and all({k.lower(): v for k, v in request["headers"].items()}[about.header] == about.value for request in asked)
    assert "crl_" not in json.dumps([request["headers"] for request in asked]), "the run's token went to the provider"
    events = timeline(server, run)
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "started" and kinds[-1] == "finished" and "message" in kinds and "usage" in kinds
    assert [event["tool"] for event in events if event["kind"] == "tool_call"] == list(about.tools)
    assert kinds.count("tool_result") == 2, kinds
    assert "I write it." in server.log(run)


def test_it_asks_and_both_answers_count(serve, folder, agent):
    server, repo, about = serve(), make_repo(folder / "repo", {"a": "a\n"}), AGENTS[agent]
    runs = {decision: start(server, repo, agent, about.write("/workspace/one.txt", "1\n"), {"text": "Done."}, permissions="ask")
            for decision in ("allow", "deny")}
    for decision, run in runs.items():
        document = server.wait_for(run, lambda d: d["approvals"] or d["status"] in ("failed", "completed"), timeout=120)
        assert document["approvals"], server.log(run)
        assert document["approvals"][0]["tool"] == about.tools[0]
        assert step_of(document)["status"] == "waiting"
        answer = server.post(f"/api/v1/approvals/{document['approvals'][0]['id']}", {"decision": decision, "message": "not this"})
        assert answer.status_code == 200, answer.text
    for decision, run in runs.items():
        done = server.wait(run)
        assert done["status"] == "completed", server.log(run)
        assert (done["commit"] is not None) == (decision == "allow"), server.log(run)
        said = [event for event in timeline(server, run) if event["kind"] == "permission_answer"]
        assert [event["is_error"] for event in said] == [decision == "deny"]


def test_cancelling_ends_it_in_the_midst_of_its_work(serve, folder, agent):
    server, repo, about = serve(), make_repo(folder / "repo", {"a": "a\n"}), AGENTS[agent]
    run = start(server, repo, agent, about.run(f"touch began; {ENDLESS}"), {"text": "Never."})
    server.wait_for(run, lambda d: any(server.data.glob("workspaces/*/work/began")) or d["status"] == "failed", timeout=120)
    assert server.post(f"/api/v1/runs/{run}/cancel", {"reason": "enough"}).status_code == 202
    assert server.wait(run, timeout=60)["status"] == "cancelled"
    assert [p for p in workspace_processes(server.data) if p != server.process.pid] == []


def test_it_is_interrupted_and_goes_on_with_a_further_prompt(serve, folder, agent):
    server, repo, about = serve(), make_repo(folder / "repo", {"a": "a\n"}), AGENTS[agent]
    run = start(server, repo, agent, about.run(f"touch began; {ENDLESS}"), {"text": "Never."})
    server.wait_for(run, lambda d: any(server.data.glob("workspaces/*/work/began")) or d["status"] == "failed", timeout=120)
    further = task(about.write("/workspace/further.txt", "more\n"), {"text": "Did that."})
    assert server.post(f"/api/v1/runs/{run}/steps/agent/prompt", {"text": further}).status_code == 202
    assert server.post(f"/api/v1/runs/{run}/steps/agent/interrupt").status_code == 202
    done = server.wait(run)
    assert done["status"] == "completed", json.dumps(done, indent=1) + server.log(run) + server.log_tail()
    assert done["summary"] == "Did that."
    assert git(repo, "show", f"{done['branch']}:further.txt") == "more"
    told = [(event["kind"], event["text"]) for event in timeline(server, run) if event["kind"] in ("prompt", "prompt_given") or event["text"] == "Did that."]
    assert told[:3] == [("prompt", further), ("prompt_given", further), ("message", "Did that.")], told
    late = server.post(f"/api/v1/runs/{run}/steps/agent/interrupt")
    assert late.status_code == 409, late.text


def test_another_server_takes_it_over_after_a_kill(serve, folder, agent):
    server, repo, about = serve(), make_repo(folder / "repo", {"a": "a\n"}), AGENTS[agent]
    waits = "touch began; until [ -e go ]; do sleep 0.05; done; rm began go; echo went >> steps.txt"
    run = start(server, repo, agent, {"text": "I wait.", **about.run(waits)}, about.run("echo then >> steps.txt"), {"text": "Finished."})
    server.wait_for(run, lambda d: any(server.data.glob("workspaces/*/work/began")) or d["status"] == "failed", timeout=120)
    server.wait_for(run, lambda d: "until [ -e go ]" in server.log(run), timeout=20)
    before = timeline(server, run)
    server.kill()
    signs = [inside / "go" for inside in server.data.glob("workspaces/*/work")]
    for sign in signs:
        sign.touch(mode=0o666)
    deadline = time.monotonic() + 30
    while any(sign.exists() for sign in signs):  # it works on while no server is there
        assert time.monotonic() < deadline, "the agent stood still without a server"
        time.sleep(0.02)
    server.start()
    done = server.wait(run)
    assert done["status"] == "completed", json.dumps(done, indent=1) + server.log(run) + server.log_tail()
    assert git(repo, "show", f"{done['branch']}:steps.txt").split() == ["went", "then"], "nothing is done twice, nothing is left out"
    starts = [e for e in server.events(run) if e["type"] == "run.step.started" and e["data"]["step"] == "agent"]
    assert len(starts) == 1
    after = timeline(server, run)
    assert after[:len(before)] == before, "what was written stands"
    assert [event["kind"] for event in after].count("tool_call") == 2


REFUSALS = pytest.mark.parametrize("name, refusal", [
    ("claude", {"status": 429, "error": "rate_limit_error", "headers": {"retry-after": "21"}}),
    ("codex", {"status": 429, "error": "rate_limit_exceeded", "headers": {"retry-after": "21"}})])


@REFUSALS
def test_a_spent_quota_puts_it_to_sleep_until_the_reset(serve, folder, name, refusal):
    install_agent(name)
    server, repo, about = serve(), make_repo(folder / "repo", {"a": "a\n"}), AGENTS[name]
    run = start(server, repo, name, about.run("echo one >> steps.txt"), {**about.run("echo two >> steps.txt"), **refusal, "times": 1}, {"text": "Both."})
    document = server.wait_for(run, lambda d: step_of(d)["status"] == "waiting" or d["status"] in ("failed", "completed"))
    step = step_of(document)
    assert step["status"] == "waiting" and step["reason"] == "quota" and step["wakes_at"], json.dumps(document, indent=1) + server.log(run)
    done = server.wait(run)
    assert done["status"] == "completed", json.dumps(done, indent=1) + server.log(run)
    assert git(repo, "show", f"{done['branch']}:steps.txt").split() == ["one", "two"], "it went on in its session"
    of_agent = [e["type"] for e in server.events(run) if e["data"].get("step") == "agent"]
    assert of_agent.count("run.step.waiting") == 1 and of_agent.count("run.step.started") == 1


@REFUSALS
def test_prompts_queued_before_a_spent_quota_are_given_after_it(serve, folder, name, refusal):
    """The second quota is spent when the first of them has been given. The server is killed in both waits, and before the first."""
    install_agent(name)
    server, repo, about = serve(), make_repo(folder / "repo", {"a": "a\n"}), AGENTS[name]
    refused = {**refusal, "times": 1}
    waits = "touch began; until [ -e go ]; do sleep 0.05; done; rm began go; echo one >> steps.txt"
    run = start(server, repo, name, about.run(waits), {**about.run("echo two >> steps.txt"), **refused}, {"text": "Both."})
    server.wait_for(run, lambda d: any(server.data.glob("workspaces/*/work/began")) or d["status"] == "failed", timeout=120)
    third = task({**about.run("echo three >> steps.txt"), **refused}, {"text": "Third."})
    fourth = task(about.run("echo four >> steps.txt"), {"text": "Fourth."})
    for prompt in (third, fourth):
        assert server.post(f"/api/v1/runs/{run}/steps/agent/prompt", {"text": prompt}).status_code == 202

    def told(*kinds):
        return [(event["kind"], event["text"]) for event in timeline(server, run) if event["kind"] in kinds]
    server.wait_for(run, lambda d: len(told("prompt")) == 2)
    server.kill()
    server.start()
    for inside in server.data.glob("workspaces/*/work"):
        (inside / "go").touch(mode=0o666)
    for wait in (1, 2):
        document = server.wait_for(run, lambda d: d["status"] in ("failed", "completed") or
                                   [e["type"] for e in server.events(run)].count("run.step.waiting") == wait)
        assert step_of(document)["reason"] == "quota", json.dumps(document, indent=1) + server.log(run)
        server.kill()
        server.start()
    done = server.wait(run)
    assert done["status"] == "completed", json.dumps(done, indent=1) + server.log(run)
    assert done["summary"] == "Fourth."
    assert git(repo, "show", f"{done['branch']}:steps.txt").split() == ["one", "two", "three", "four"], "once, in their order"
    assert told("prompt_given") == [("prompt_given", third), ("prompt_given", fourth)]
    assert told("prompt") == [("prompt", text) for text in (third, fourth, third, fourth, fourth)], "queued in each process that is to give it"
    of_agent = [e for e in server.events(run) if e["data"].get("step") == "agent"]
    assert [e["data"]["untold"] for e in of_agent if e["type"] == "run.step.waiting"] == [[1, 2], [2]]
    assert [e["type"] for e in of_agent].count("run.step.started") == 1, "the same attempt"
