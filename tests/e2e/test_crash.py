"""Acceptance 3: the server is killed (SIGKILL) at random moments of runs in flight. After each restart every run goes on: nothing that
completed runs again, the agent that was at work is not restarted, and the log has no gap and no repeated byte."""
import json
import os
import random
import re
import time

from conftest import git, make_repo

KILLS = int(os.environ.get("CORRAL_TEST_KILLS", "50"))
SEED = int(os.environ.get("CORRAL_TEST_SEED", "20261121"))
LINES = 300


def counting_agent(number):
    return ["sh", "-c", f"echo start >> starts-{number}; i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo \"run {number} line $i\"; sleep 0.01; done"]


def test_kill_9_at_random_moments_loses_and_repeats_nothing(serve, folder, claude):
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    slow = {"tool": "Bash", "input": {"command": "for i in $(seq 100); do echo $i >> steps.txt; sleep 0.02; done", "description": "work"}}
    prompt = "Work. SCRIPT:" + json.dumps([slow, slow, {"text": "Finished the work."}])
    started, finished, kills = {}, {}, 0
    while kills < KILLS or len(finished) < len(started):
        if kills < KILLS:
            while len(started) - len(finished) < 3:
                number = len(started)
                body = dict(agent="claude", prompt=prompt) if number % 4 == 3 else dict(agent="command", prompt="x", command=counting_agent(number))
                started[server.start_run(git_url=str(repo), checks="test -s a", **body)] = number
            time.sleep(dice.uniform(0.02, 1.2))
            server.kill()
            kills += 1
            server.start()
        for run in set(started) - set(finished):
            document = server.run(run)
            if document["status"] in ("completed", "failed", "cancelled"):
                finished[run] = document
            elif kills >= KILLS:
                finished[run] = server.wait(run, timeout=120)
    assert len(finished) == len(started) and kills == KILLS

    for run, number in started.items():
        document, log, events = finished[run], server.log(run), server.events(run)
        assert document["status"] == "completed", f"run {number}: {json.dumps(document, indent=1)}\n{log[-3000:]}\n{server.log_tail()}"
        completed = [e["data"]["step"] for e in events if e["type"] == "run.step.completed"]
        assert len(completed) == len(set(completed)), f"a step completed twice: {completed}"
        starts = [e["data"] for e in events if e["type"] == "run.step.started" and e["data"]["step"] == "agent"]
        assert len(starts) == 1, f"the agent was started again though its runner lived: {starts}"
        versions = [e["version"] for e in events]
        assert versions == list(range(1, len(versions) + 1))
        if document["agent"] == "command":
            lines = [int(n) for n in re.findall(rf"^run {number} line (\d+)$", log, re.M)]
            assert lines == list(range(1, LINES + 1)), f"run {number}: gap or repeat in the log near {lines[:5]}…{lines[-5:]}"
            assert git(repo, "show", f"{document['branch']}:starts-{number}") == "start"
        else:
            assert git(repo, "show", f"{document['branch']}:steps.txt").split() == [str(i) for i in range(1, 101)] * 2
            timeline = [json.loads(line) for line in server.get(f"/api/v1/runs/{run}/timeline").text.splitlines()]
            assert [e["kind"] for e in timeline].count("tool_call") == 2
    print(f"{kills} kills, {len(started)} runs, all right")
