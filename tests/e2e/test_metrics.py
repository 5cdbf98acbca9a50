"""/metrics as Prometheus itself reads it: promtool finds nothing to say, and the figures are those of what was run."""
import subprocess

from conftest import ROOT, make_repo

PROMTOOL = ROOT / "build/tools/prometheus/usr/bin/promtool"
WORKFLOW = """name: measured
steps:
  - {name: prepare, kind: git, action: clone}
  - {name: work, kind: command, run: "%s"}
"""


def samples(text):
    """Every sample by its name and labels, as they stand there."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line and not line.startswith("#")}


def test_promtool_accepts_the_exposition_and_runs_are_counted(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    for command, status in (("true", "completed"), ("exit 3", "failed")):
        run = server.start_run(definition=WORKFLOW % command, git_url=str(repo))
        assert server.wait(run)["status"] == status
    text = server.get("/metrics").text
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr
    found = samples(text)
    assert found['workflow_executions_total{status="completed",type="measured"}'] == 1
    assert found['workflow_executions_total{status="failed",type="measured"}'] == 1
    assert found['workflow_execution_duration_seconds_count{type="measured"}'] == 2
    bounds = [name.split('le="')[1].split('"')[0] for name in found if name.startswith('workflow_execution_duration_seconds_bucket{') and 'type="measured"' in name]
    assert bounds == ["0.1", "0.5", "1", "2", "5", "10", "30", "60", "+Inf"]
    assert sum(value for name, value in found.items() if name.startswith('workflow_errors_total{') and 'type="measured"' in name) == 1
    for name in ("corral_queue_jobs", "corral_queue_oldest_ready_seconds", "corral_lease_losses_total"):
        assert any(key.startswith(name) for key in found), name
