#!/usr/bin/env python3
"""The measurements behind `make bench`; run.sh prepares what they need. All of them ask one Prometheus on loopback, in
one run, in turn, so that whatever else the machine does hits each alike.

    fleet   3,000 different queries, each once, 32 at a time: rollgate, h2load, wrk; and a shell loop of curl and jq
    start   one check, verdict included, beside one curl that asks the same query
    memory  the peak of 10,000 checks
    act     from the tick that completes a failure to the arrival of the webhook
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

CONCURRENCY = 32
FLEET = 3_000
CROWD = 10_000
REAL = pathlib.Path(__file__).resolve().parents[2] / "tests" / "real"
GOALS_MET = []


def policy(path, checks):
    entries = "".join(
        f"    - {{name: shard_{n}, query: 'bulk_value{{shard=\"{n}\"}}', min_value: 1}}\n" for n in range(1, checks + 1)
    )
    path.write_text(f"post_deployment_validation:\n  metrics_validation:\n{entries}")
    return str(path)


def timed(command, wanted=(0,), **options):
    """Milliseconds from the start of `command` to its end."""
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    took = (time.perf_counter() - began) * 1000
    if done.returncode not in wanted:
        shown = " ".join(map(str, command[:4]))
        sys.exit(f"`{shown} …` exited {done.returncode}:\n{done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")
    return took, done.stdout.decode()


def line(name, times, note=""):
    low, middle, high = min(times), statistics.median(times), max(times)
    print(f"  {name:<34}{middle:>10.1f} ms   ({low:.1f} … {high:.1f}){note}")
    return middle


def goal(name, value, limit, at_least=False, unit=""):
    met = value >= limit if at_least else value <= limit
    GOALS_MET.append(met)
    sign = "≥" if at_least else "≤"
    print(f"  {name:<34}{value:>10.2f}{unit}   goal {sign} {limit}{unit}: {'met' if met else 'MISSED'}")


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path(options.work)
        self.now = int(time.time())
        self.api = options.prometheus + "/api/v1/query"

    def gate(self, path, *more):
        # There was no deployment: nothing is anchored, nothing triggered, and each check is evaluated once, now.
        base = [self.options.rollgate, "run", path, "--prometheus", self.options.prometheus, "--deployed-at", "none"]
        return [*base, "--concurrency", str(CONCURRENCY), *more]

    def check_honest(self, path, checks):
        """That rollgate really asks and judges every check, outside of what is timed."""
        _, out = timed(self.gate(path, "--format", "json"))
        report = json.loads(out)
        judged = sum(check["judged"] == 1 and check["outcome"] == "passed" for check in report["checks"])
        values = {sample["values"][0]["value"] for check in report["checks"] for sample in check["samples"]}
        if judged != checks or len(values) != checks:
            sys.exit(f"expected {checks} checks judged by {checks} values, found {judged} and {len(values)}")

    def fleet(self):
        path = policy(self.work / "fleet.yaml", FLEET)
        self.check_honest(path, FLEET)
        queries = [f'bulk_value{{shard="{n}"}}' for n in range(1, FLEET + 1)]
        urls = self.work / "urls"
        encoded = (urllib.parse.urlencode({"query": query, "time": self.now}) for query in queries)
        urls.write_text("".join(f"{self.api}?{query}\n" for query in encoded))
        sample = self.work / "sample"
        sample.write_text("\n".join(queries[: self.options.shell]) + "\n")

        times = {"rollgate": [], "h2load": [], "wrk": [], "shell": []}
        for number in range(self.options.rounds):
            times["rollgate"].append(timed(self.gate(path))[0])
            times["h2load"].append(self.h2load(urls))
            times["wrk"].append(self.wrk())
            if number < 3:
                times["shell"].append(self.shell(sample))
        print(f"fleet: {FLEET} queries, {CONCURRENCY} at a time; median of {self.options.rounds} rounds (all of them)")
        rollgate = line("rollgate run, report included", times["rollgate"])
        h2load = line("h2load, by GET [1]", times["h2load"])
        wrk = line("wrk, by POST [2]", times["wrk"])
        factor = FLEET / self.options.shell
        shell = line("curl | jq in a loop [3]", [took * factor for took in times["shell"]])
        print("  [1] the whole process; each of its connections goes through the queries from the first one on")
        print("  [2] the very same requests; from the first of them to the last answer, without wrk's own start")
        print(f"  [3] {self.options.shell} queries, one after the other, times {factor:g}")
        goal("rollgate ÷ h2load", rollgate / h2load, 1.05)
        goal("rollgate ÷ wrk", rollgate / wrk, 1.05)
        goal("shell loop ÷ rollgate", shell / rollgate, 20, at_least=True)

    def h2load(self, urls):
        command = ["h2load", "--h1", "-n", str(FLEET), "-c", str(CONCURRENCY), "-t", "1", "-i", str(urls)]
        took, out = timed(command)
        if f"{FLEET} succeeded" not in out:
            sys.exit(f"h2load did not get {FLEET} answers:\n{out}")
        return took

    def wrk(self):
        script = pathlib.Path(__file__).with_name("queries.lua")
        command = ["wrk", "-t", "1", "-c", str(CONCURRENCY), "-d", "60s", "-s", script, self.api]
        environment = {**os.environ, "QUERIES": str(FLEET), "TIME": str(self.now)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            found = None
            for out in process.stdout:
                found = re.match(r"took ([0-9.]+) refused (\d+)", out)
                if found:
                    # It has stopped asking, and would wait for its 60 seconds to pass.
                    process.send_signal(signal.SIGINT)
                    process.stdout.read()
                    break
        if not found or found[2] != "0":
            sys.exit("wrk did not get its answers")
        return float(found[1]) * 1000

    def shell(self, sample):
        loop = """
            while IFS= read -r query; do
                value=$(curl -s --data-urlencode "query=$query" -d "time=$2" "$1" | jq -r '.data.result[0].value[1]')
                [ "${value%.*}" -ge 1 ] || exit 1
            done
        """
        with sample.open() as queries:
            return timed(["bash", "-c", loop, "loop", self.api, str(self.now)], stdin=queries)[0]

    def start(self):
        path = policy(self.work / "one.yaml", 1)
        ask = ["curl", "-s", "--data-urlencode", 'query=bulk_value{shard="1"}', "-d", f"time={self.now}", self.api]
        rollgate, curl = [], []
        for _ in range(self.options.starts):
            rollgate.append(timed(self.gate(path))[0])
            curl.append(timed(ask)[0])
        print(f"\nstart: one check, from start to verdict; median of {self.options.starts}, in turn")
        ours, theirs = line("rollgate run", rollgate), line("curl, the same query", curl)
        goal("rollgate ÷ curl", ours / theirs, 1.5)

    def memory(self):
        path = policy(self.work / "crowd.yaml", CROWD)
        self.check_honest(path, CROWD)
        peaks = []
        for _ in range(3):
            # GNU time starts it: a child of Python would count Python's own memory as its peak.
            out = self.work / "peak"
            timed(["/usr/bin/time", "-f", "%M", "-o", str(out), *self.gate(path)])
            peaks.append(int(out.read_text().split()[-1]) / 1024)
        print(f"\nmemory: {CROWD} checks once; the highest of {len(peaks)} peaks")
        goal("peak resident memory", max(peaks), 64, unit=" MiB")

    def act(self):
        """A health check fails while it is watched; its third breach in a row rolls back."""
        path = self.work / "live.yaml"
        path.write_text(
            "post_deployment_validation:\n"
            "  window: {duration: 30s, interval: 1s, warm_up: 0s}\n"
            "  health_check_validation:\n"
            "    http_checks:\n"
            '      - {name: health, url: "http://{{service_url}}/health", max_failures: 3}\n'
            "  rollback_policy:\n"
            '    trigger: {kind: webhook, url: "{{rollback_url}}"}\n'
        )
        log = self.work / "received.jsonl"
        service, receiver = self.helper("service.py"), self.helper("receiver.py", "--log", str(log))
        late = []
        try:
            for number in range(self.options.actions):
                self.state(service.url, healthy=True)
                report = self.work / f"live-{number}.json"
                command = [self.options.rollgate, "run", str(path), "--report", f"json={report}"]
                command += ["--deployment-id", f"bench-{self.now}-{number}"]
                for name, value in {"service_url": service.url[7:], "rollback_url": receiver.url + "/"}.items():
                    command += ["--set", f"{name}={value}"]
                with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as gate:
                    time.sleep(2.5)
                    self.state(service.url, healthy=False)
                    errors = gate.stderr.read().decode()
                if gate.returncode != 20:
                    sys.exit(f"expected a rollback with exit code 20, found {gate.returncode}:\n{errors}")
                samples = json.loads(report.read_text())["checks"][0]["samples"]
                third = [sample["at"] for sample in samples if sample["state"] == "breach"][2]
                tick = datetime.datetime.fromisoformat(third.replace("Z", "+00:00")).timestamp() * 1000
                arrived = json.loads(log.read_text().splitlines()[-1])["at_ms"]
                late.append(arrived - tick)
        finally:
            service.kill()
            receiver.kill()
        print(f"\nact: from the tick of the third breach to the webhook's arrival; the slowest of {len(late)}")
        goal("tick → webhook", max(late), 50, unit=" ms")

    @staticmethod
    def helper(name, *arguments):
        process = subprocess.Popen([str(REAL / name), *arguments], stdout=subprocess.PIPE, text=True)
        process.url = process.stdout.readline().strip()
        return process

    @staticmethod
    def state(url, **change):
        urllib.request.urlopen(urllib.request.Request(url + "/state", json.dumps(change).encode())).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollgate", required=True)
    parser.add_argument("--prometheus", required=True)
    parser.add_argument("--work", required=True, help="a directory for what is written")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--shell", type=int, default=300, help="queries of the shell loop, scaled up")
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--actions", type=int, default=3)
    parser.add_argument("--only", choices=["fleet", "start", "memory", "act"], action="append")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(options)
    for part in options.only or ["fleet", "start", "memory", "act"]:
        getattr(bench, part)()
    print(f"\n{sum(GOALS_MET)} of {len(GOALS_MET)} goals met, on {os.cpu_count()} CPUs")


main()
