"""The table of bench/queue/run, from the lines of JSON in a folder: medians of the rounds, ratios, goals."""
import json
import statistics
import sys

SQLITE, POSTGRES, GRAPHILE, DBOS, ALWAYS, EVERYSEC = "corral", "corral-postgres", "graphile", "dbos", "always", "everysec"
NAMES = {
    SQLITE: "Corral, SQLite, every commit synced",
    ALWAYS: "BullMQ, Redis, fsync always",
    EVERYSEC: "BullMQ, Redis, fsync each second",
    POSTGRES: "Corral, PostgreSQL, every commit synced",
    GRAPHILE: "graphile-worker, same PostgreSQL",
    DBOS: "DBOS, same PostgreSQL",
}


def medians(folder, name):
    with open(f"{folder}/{name}", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    keys = {key for row in rows for key in row}
    return {key: statistics.median(row[key] for row in rows if key in row) for key in keys}


def goal(what, value, wanted, unit="x"):
    met = value <= wanted if unit == "ms" else value >= wanted
    sign = "<" if unit == "ms" else ">="
    print(f"{'goal met   ' if met else 'goal missed'}  {what}: {value:.1f} {unit} (goal {sign} {wanted:g} {unit})")


def main(folder):
    of = {key: medians(folder, key) for key in NAMES}
    print(f"{'no-op jobs, 10 producers, 10 at a time':<42}{'jobs/s':>8}{'enqueue/s':>11}{'work/s':>8}{'start p50':>12}{'p99':>11}")
    for key, name in NAMES.items():
        f = of[key]
        print(f"{name:<42}{f['jobs_per_s']:>8.0f}{f['enqueue_per_s']:>11.0f}{f['work_per_s']:>8.0f}"
              f"{f['start_p50_us'] / 1000:>9.2f} ms{f['start_p99_us'] / 1000:>8.2f} ms")
    sizes = sorted({int(key.split("_")[1]) for f in of.values() for key in f if key.startswith("queued_")})
    if sizes:
        print(f"\n{'jobs/s while so many wait':<42}" + "".join(f"{size:>10,}" for size in sizes))
        for key, name in NAMES.items():
            cells = (of[key].get(f"queued_{size}_per_s") for size in sizes)
            print(f"{name:<42}" + "".join(f"{cell:>10.0f}" if cell is not None else f"{'-':>10}" for cell in cells))
    flows = {"Corral's engine, SQLite": medians(folder, "workflows")["workflows_per_s"],
             "Corral's engine, PostgreSQL": medians(folder, "workflows-postgres")["workflows_per_s"],
             "DBOS, same PostgreSQL": of[DBOS]["workflows_per_s"]}
    print(f"\n{'workflows of 5 no-op steps, 10 at a time':<42}{'per s':>8}")
    for name, rate in flows.items():
        print(f"{name:<42}{rate:>8.0f}")

    print()
    rate = {key: f["jobs_per_s"] for key, f in of.items()}
    goal("SQLite against BullMQ, fsync always", rate[SQLITE] / rate[ALWAYS], 3)
    goal("SQLite against BullMQ, fsync each second", rate[SQLITE] / rate[EVERYSEC], 1)
    goal("PostgreSQL against the best Node peer", rate[POSTGRES] / max(rate[GRAPHILE], rate[DBOS]), 2)
    goal("enqueue to start p99, SQLite", of[SQLITE]["start_p99_us"] / 1000, 10, "ms")
    goal("enqueue to start p99, PostgreSQL", of[POSTGRES]["start_p99_us"] / 1000, 10, "ms")


main(sys.argv[1])
