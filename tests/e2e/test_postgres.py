"""`corral serve` on a PostgreSQL database that the test starts: a run goes on when the server is killed, and when the database is."""
import subprocess

from conftest import CORRAL, DATABASE_PASSWORD, git, make_repo


def test_runs_go_on_when_the_server_or_the_database_is_killed(database, serve, folder):
    server = serve(env={"CORRAL_STORE": database.url})
    repo = make_repo(folder / "repo", {"a": "a\n"})
    agent = ["sh", "-c", "echo start >> starts; i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo \"line $i\"; sleep 0.01; done"]
    for kill in (database.crash, server.kill):
        run = server.start_run(git_url=str(repo), agent="command", prompt="x", command=agent)
        server.wait_for(run, lambda document: "line 20\n" in server.log(run))
        kill()
        (database if kill == database.crash else server).start()
        document = server.wait(run)
        assert document["status"] == "completed", server.log_tail()
        assert [line for line in server.log(run).splitlines() if line.startswith("line ")] == [f"line {i}" for i in range(1, 201)]
        assert git(repo, "show", f"{document['branch']}:starts") == "start", "the agent was started again"
        completed = [event["data"]["step"] for event in server.events(run) if event["type"] == "run.step.completed"]
        assert len(completed) == len(set(completed))
        assert database.query(f"SELECT count(*) FROM corral.jobs WHERE key = 'run/{run}' AND state = 3", "corral") == "1"
    assert not list(server.data.glob("corral.db*")), "nothing of the store is in the data folder"
    assert DATABASE_PASSWORD not in server.log_path.read_text()
    assert not server.errors()
    server.stop()
    check = [str(CORRAL), "store", "rebuild", "--check", "--data", str(server.data), "--store", database.url]
    assert subprocess.run(check, capture_output=True).returncode == 0, "what is shown is what the events add up to"
    database.query(f"DELETE FROM corral.documents WHERE kind = 'run' AND id = '{run}'", "corral")
    assert subprocess.run(check, capture_output=True).returncode == 1
    subprocess.run([word for word in check if word != "--check"], capture_output=True, check=True)
    assert subprocess.run(check, capture_output=True).returncode == 0
    server.start()
    assert server.run(run)["status"] == "completed"
