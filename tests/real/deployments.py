#!/usr/bin/env python3
"""Generated deployments for tests and backtests: OpenMetrics text for `promtool tsdb create-blocks-from openmetrics`,
of services whose requests come and fail at random. Needs nothing but Python's standard library and history.py.

    deployments.py cases [--at TIME] [--before 90m] [--after 15m] [--step 15] [--services a,b,…] [--truth FILE]
    deployments.py fleet [--end TIME] [--deployments 500] [--days 90 | --every 40m] [--lead 90m] [--step 15]
                         [--services 1] [--rps 5] [--base-errors 0.002] [--bad-share 0.1] [--errors 0.05]
                         [--rollback-after 20m] [--list BASE]

Both take `--seed` (20, with which all numbers come out near those stated) and `--out FILE` (stdout): the same arguments
make the same numbers, and a service's are the same whichever others there are. TIME is RFC 3339, unix seconds, or
`45m-ago`; it is rounded down to the step. Requests are independent: each step, a Poisson number of each status and each
latency. A step's requests belong to the state at its beginning, so the sample at the deployment is all old, and the
next one all new. Counters are whole numbers; `_sum` is thousandths.

CASES: every service, told apart by `job`, is deployed once, at TIME (2026-01-15T10:00:00Z).

    http_requests_total{job,instance,version,status="200"|"500"}
    http_request_duration_seconds_bucket{job,instance,version,le="0.05"|"0.1"|"0.25"|"0.5"|"1.0"|"2.5"|"+Inf"}, _count,
        _sum: all requests, failed or not; 1 % are slower than 0.5 s
    up{job,instance,version} 1
    build_info{job,instance,version} 1 while the version is deployed, 0 when its successor is

`version` is "old" or "new", `instance` "old:8080" or "new:8080". The old version's series end with the sample at the
deployment, where its counters are those of a day or so; the new one's begin there, at 0. A series that ends leaves no
staleness marker, which text cannot say: an instant selector sees it for five minutes more; that is why `build_info`
has its 0. Unless said otherwise 20 requests a second, and `status="500"` is there from the beginning, at 0 if need be.

    job             before -> after the deployment, errors as share of the requests
    hotfix          10 % errors -> none
    half_mended     10 % -> 2 %
    still_bad       10 % -> 10 %
    healthy         0.2 % -> 0.2 %
    regression      0.2 % -> 5 %
    never_failed    no series with status="500", before or after
    dilution        none at 250 requests a second -> all fail, at 5 requests a second
    five_rps_bad    0.2 % -> 10 %, at 5 requests a second
    five_rps_clean  0.15 % -> 0.15 %, at 5 requests a second
    low_traffic     a request every five minutes, none fails -> three requests: one passes (from 120 s on), one fails
                    (300 s), one passes (540 s)
    uninitialised   none -> the series with status="500" is born 135 s after the deployment, at 40, and stays there;
                    2 requests a second pass: `increase` says 0, in truth 2 % failed
    bursty          0.5 % -> 0.5 %: errors come alone (84 of 100 times) or in bursts of 5 to 10: dispersion 5, counted
                    by step as by hour; 90 minutes of 15 s tell it as 5 ± 1
    late            old 10 % up to 180 s after the deployment, and has all the traffic; new 0.2 % from then on
    never_live      old 0.2 % goes on to the end; new has its series, and no request, ever
    superseded      0.2 % -> 10 % up to 240 s after; then version="newer" (instance="newer:8080"), 0.2 %
    vanished        0.2 %, 10 requests a second each of route="/" and route="/pay" -> route="/" only
    stale           0.2 % -> 0.2 %; new has instance="new-0:8080" and "new-1:8080", 10 requests a second each; all
                    series of new-1 end 120 s after the deployment
    slow_requests   0.2 % -> 0.2 %; slower than 0.5 s: 1 % -> 10 %

    canary          version="old", track="stable" 2 % at 100 requests a second, all the time; from the deployment on
                    version="new", track="canary" 4 % at 10 requests a second; all series have `track`
    canary_healthy  the same, but canary 2 %
    canary_latency{job="canary"|"canary_healthy",track,scale="1"|"1e-3"|"1e-6"|"1e-9"}
                    gauge, `scale` times a noise about 0.2 (deviation 10 %, steps independent), the same noise at each
                    scale; canary begins at the deployment, at twice the noise, in canary_healthy at once

    seasonal        eight days, one sample a minute, no histogram. Every day, from half an hour before the deployment's
                    time of day to half an hour after it, load grows threefold, linearly, and falls back in the hour
                    from 10 h to 11 h after it: 10 to 30 requests a second, errors 0.2 % to 0.6 %, and gauge
                    `queue_depth{job}` 20 to 60 (Poisson). The deployment changes nothing.
    seasonal_bad    the same, but from the deployment on three times the errors and twice the queue

`--truth` writes the counts as JSON:
{"at": RFC 3339, "cases": {job: {version: {"before": [failed, all], "after": [failed, all]}}}}.

FLEET: services "shop" (or "shop-1", "shop-2", …) that are deployed again and again: the first time `--lead` after the
history's begin, then evenly spread over the days, or `--every` so often; the history ends at TIME (`--end`, the same
default), where the last deployment's turn does. `--bad-share` of them are bad, chosen at random:
`--errors` of the requests fail from the deployment until it is rolled back, `--rollback-after` later; `--base-errors`
else. Each deployment and each rollback restarts the service: its counters are 0 again.

    http_requests_total{job,status="200"|"500"}
    http_request_duration_seconds_bucket{job,le="0.1"|"0.5"|"+Inf"}, _count, _sum: 10 % slower than 0.1 s, 1 % than 0.5
    process_resident_memory_bytes{job}  200 to 210 million, at random
    queue_depth{job}                    Poisson, mean 20
    up{job}                             1
    deploy_timestamp_seconds{job}       the newest deployment's unix time; a rollback does not change it
    kube_deployment_status_observed_generation{job}  1, and one more with each deployment and each rollback
    app_version{job,version}            1 while the version runs: "v0", and "v1" to "vN"; a rollback goes back to the
                                        version before; seen for five minutes more, as there is no staleness marker

`--list` writes BASE.csv (`time,version,outcome`; with several services also `service`) and BASE.json (a list of
objects with these fields, and `rolled_back_at` or null). To prove a judge:

    200 healthy        fleet --deployments 200 --every 40m --bad-share 0
    200 at 5 % errors  fleet --deployments 200 --every 40m --bad-share 1 --errors 0.05
    90 days            fleet --deployments 500 --days 90
"""
import argparse
import contextlib
import csv
import datetime
import itertools
import json
import math
import operator
import random
import sys

sys.dont_write_bytecode = True  # of history.py: nothing is left in the tree
from history import Families, moment  # noqa: E402

AT = "2026-01-15T10:00:00Z"
DAY = 86400
BUCKETS = ["0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf"]
TOOK = [30, 70, 150, 400, 700, 1500, 4000]  # milliseconds, for `_sum`
# Shares of the requests in each bucket, not cumulative.
USUAL = (0.4, 0.3, 0.2, 0.09, 0.007, 0.002, 0.001)
SLOW = (0.35, 0.25, 0.18, 0.12, 0.07, 0.02, 0.01)
SCALES = ["1", "1e-3", "1e-6", "1e-9"]
SEASON = (8 * DAY, 60)  # seconds of history, and its step
ALONE = 0.844  # share of a bursty service's error events that are one error; the others are 5 to 10
FLEET_BUCKETS = [("0.1", 0.9, 40), ("0.5", 0.09, 250), ("+Inf", 0.01, 900)]


class Draws:
    """Seeded draws; only `random()` and what Python builds on it unchanged in all versions."""

    def __init__(self, seed, what):
        self.random = random.Random(f"{seed} {what}")
        self.tables = {}

    def poisson(self, mean, number):
        """That many Poisson numbers."""
        if mean <= 0:
            return [0] * number
        if mean not in self.tables:
            reach = 10 * math.sqrt(mean) + 12
            values = range(max(0, int(mean - reach)), int(mean + reach) + 1)
            chances = (math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in values)
            self.tables[mean] = (values, list(itertools.accumulate(chances)))
        values, cumulative = self.tables[mean]
        return self.random.choices(values, cum_weights=cumulative, k=number)

    def bursts(self, mean, number):
        """Errors a step, of events of one or of several errors."""

        def one():
            return 1 if self.random.random() < ALONE else 5 + int(self.random.random() * 6)

        size = ALONE + (1 - ALONE) * 7.5
        return [sum(one() for _ in range(events)) for events in self.poisson(mean / size, number)]

    def noise(self, number):
        """Numbers about 1 with a deviation of 0.1, by Box and Muller."""

        def normal():
            size = math.sqrt(-2 * math.log(1 - self.random.random()))
            return size * math.cos(math.tau * self.random.random())

        return [1 + 0.1 * normal() for _ in range(number)]


def seconds(text):
    """Seconds of `90m`, `15s`, `2h` or `7d`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": DAY}
    if len(text) < 2 or text[-1] not in units or not text[:-1].isdigit():
        raise argparse.ArgumentTypeError(f"expected a duration such as 90m, found {text}")
    return int(text[:-1]) * units[text[-1]]


def rfc3339(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Traffic:
    """What comes and how it fares; `errors` None is a service without a series for them."""

    def __init__(self, errors=0.002, rps=20, latency=USUAL, bursts=False):
        self.errors, self.rps, self.latency, self.bursts = errors, rps, latency, bursts


class Part:
    """The series of one version, or of one instance or route of it; times are seconds after the deployment.

    `flow` is a Traffic, or those that begin at the times given, or a function of the time. `requests` are single ones
    instead: (time, fails). `born` is a series of errors that begins late: (time, count).
    """

    def __init__(self, version, flow=None, since=None, until=None, instance=None, requests=None, born=None, **labels):
        self.version, self.since, self.until = version, since, until
        self.instance = instance or f"{version}:8080"
        self.requests, self.born, self.labels = requests, born, labels
        if isinstance(flow, Traffic):
            self.flow = lambda _: flow
        elif isinstance(flow, list):
            self.flow = lambda offset: [traffic for begin, traffic in flow if begin <= offset][-1]
        else:
            self.flow = flow

    def growth(self, draws, offsets, step):
        """What each step adds: lists of failed and of passed requests, or of each by latency when there is one."""
        if self.requests is not None:
            return tuple(
                [
                    [sum(offset <= at < offset + step for at, failed in self.requests if failed is kind)] + [0] * 6
                    for offset in offsets
                ]
                for kind in (True, False)
            )

        def cells(mean):
            return list(zip(*[draws.poisson(mean * share, number) for share in shares]))

        failed, passed = [], []
        for traffic, run in itertools.groupby(offsets, self.flow):
            number, mean = len(list(run)), traffic.rps * step
            errors = traffic.errors or 0
            shares = traffic.latency or (1,)
            passed += cells(mean * (1 - errors))
            if traffic.bursts:
                for count in draws.bursts(mean * errors, number):
                    chosen = draws.random.choices(range(len(shares)), weights=shares, k=count)
                    failed.append([chosen.count(bucket) for bucket in range(len(shares))])
            else:
                failed += cells(mean * errors)
        return failed, passed


def change(before, after, **labels):
    """A service whose old version has the one traffic and whose new version the other."""
    return [Part("old", before, until=0, **labels), Part("new", after, since=0, **labels)]


def same(traffic):
    return change(traffic, traffic)


def canary(errors):
    stable, fresh = Traffic(0.02, rps=100), Traffic(errors, rps=10)
    return [Part("old", stable, track="stable"), Part("new", fresh, since=0, track="canary")]


def load(offset):
    """How much of its least load a seasonal service has."""
    hours = (offset / 3600 + 12) % 24 - 12
    if hours < 0.5:
        return 1 + 2 * max(0, hours + 0.5)
    return 3 if hours < 10 else max(1, 3 - 2 * (hours - 10))


def seasonal(worse):
    def flow(offset):
        times = load(offset)
        return kinds.setdefault(
            (times, offset >= 0),
            Traffic(0.002 * times * (worse if offset >= 0 else 1), rps=10 * times, latency=None),
        )

    kinds = {}
    return [Part("old", flow, until=0), Part("new", flow, since=0)]


FIVE = {"rps": 5}
HALF = Traffic(rps=10)
CASES = {
    "hotfix": change(Traffic(0.1), Traffic(0)),
    "half_mended": change(Traffic(0.1), Traffic(0.02)),
    "still_bad": same(Traffic(0.1)),
    "healthy": same(Traffic()),
    "regression": change(Traffic(), Traffic(0.05)),
    "never_failed": same(Traffic(None)),
    "dilution": change(Traffic(0, rps=250), Traffic(1, **FIVE)),
    "five_rps_bad": change(Traffic(**FIVE), Traffic(0.1, **FIVE)),
    "five_rps_clean": same(Traffic(0.0015, **FIVE)),
    "low_traffic": [
        Part("old", requests=[(-300 * n, False) for n in range(1, 5000)], until=0),
        Part("new", requests=[(120, False), (300, True), (540, False)], since=0),
    ],
    "uninitialised": [
        Part("old", Traffic(0, rps=2), until=0),
        Part("new", Traffic(None, rps=2), since=0, born=(135, 40)),
    ],
    "bursty": same(Traffic(0.005, bursts=True)),
    "late": [
        Part("old", Traffic(0.1), until=180),
        Part("new", [(0, Traffic(rps=0)), (180, Traffic())], since=0),
    ],
    "never_live": [Part("old", Traffic()), Part("new", Traffic(rps=0), since=0)],
    "superseded": [
        Part("old", Traffic(), until=0),
        Part("new", Traffic(0.1), since=0, until=240),
        Part("newer", Traffic(), since=240),
    ],
    "vanished": [
        Part("old", HALF, until=0, route="/"),
        Part("old", HALF, until=0, route="/pay"),
        Part("new", HALF, since=0, route="/"),
    ],
    "stale": [
        Part("old", Traffic(), until=0),
        Part("new", HALF, since=0, instance="new-0:8080"),
        Part("new", HALF, since=0, until=120, instance="new-1:8080"),
    ],
    "slow_requests": change(Traffic(), Traffic(latency=SLOW)),
    "canary": canary(0.04),
    "canary_healthy": canary(0.02),
    "seasonal": seasonal(1),
    "seasonal_bad": seasonal(3),
}


class Cases(Families):
    """One deployment of many services."""

    def __init__(self, options):
        super().__init__(
            {
                "up": "gauge",
                "build_info": "gauge",
                "http_requests": "counter",
                "http_request_duration_seconds": "histogram",
                "canary_latency": "gauge",
                "queue_depth": "gauge",
            }
        )
        self.options = options
        self.truth = {}

    def service(self, job):
        """All series of one service."""
        draws = Draws(self.options.seed, job)
        known = set()
        for part in CASES[job]:
            before, step = SEASON if job.startswith("seasonal") else (self.options.before, self.options.step)
            first = -(before // step * step) if part.since is None else part.since
            last = self.options.after if part.until is None else min(part.until, self.options.after)
            if first > last:
                continue
            offsets = range(-(-first // step) * step, last + 1, step)
            if (part.version, part.instance) not in known:
                known.add((part.version, part.instance))
                self.target(job, part, offsets, step)
            self.requests(job, part, offsets, step, draws)
            if "track" in part.labels:
                self.latency(job, part, offsets, draws)
        if job.startswith("seasonal"):
            self.queue(job, draws)

    def target(self, job, part, offsets, step):
        name = f'{{job="{job}",instance="{part.instance}",version="{part.version}"}}'
        at = self.options.at
        self.series("up", f"up{name}", [(at + offset, 1) for offset in offsets])
        points = [(at + offset, 1) for offset in offsets]
        if "-" not in part.instance:  # an instance that is no longer asked has no successor
            points += [(at + offset, 0) for offset in range(offsets[-1] + step, self.options.after + 1, step)]
        self.series("build_info", f"build_info{name}", points)

    def requests(self, job, part, offsets, step, draws):
        labels = {"job": job, "instance": part.instance, "version": part.version, **part.labels}
        labels = ",".join(f'{label}="{value}"' for label, value in labels.items())
        failed, passed = part.growth(draws, offsets[:-1], step)
        if part.born:
            at, count = part.born
            failed = [(count * (at - step <= offset < at), *row[1:]) for offset, row in zip(offsets, failed)]
        counts = self.truth.setdefault(job, {}).setdefault(part.version, {"before": [0, 0], "after": [0, 0]})
        for offset, bad, good in zip(offsets, failed, passed):
            count = counts["after" if offset >= 0 else "before"]
            count[0] += sum(bad)
            count[1] += sum(bad) + sum(good)

        # The old version has run for a day, at about the rate that it has.
        past = DAY // step // max(1, len(failed)) if part.since is None else 0
        times = [self.options.at + offset for offset in offsets]

        def counter(family, name, growth, tell=str):
            totals = itertools.accumulate(growth, initial=sum(growth) * past)
            self.series(family, name, zip(times, map(tell, totals)))

        counter("http_requests", f'http_requests_total{{{labels},status="200"}}', list(map(sum, passed)))
        name = f'http_requests_total{{{labels},status="500"}}'
        if part.born:
            points = [(self.options.at + offset, part.born[1]) for offset in offsets if offset >= part.born[0]]
            self.series("http_requests", name, points)
        elif part.requests is not None or part.flow(offsets[0]).errors is not None:
            counter("http_requests", name, list(map(sum, failed)))
        if failed and len(failed[0]) == 1:
            return
        family = "http_request_duration_seconds"
        both = [[bad + good for bad, good in zip(*rows)] for rows in zip(failed, passed)]
        for index, le in enumerate(BUCKETS):
            counter(family, f'{family}_bucket{{{labels},le="{le}"}}', [sum(row[: index + 1]) for row in both])
        counter(family, f"{family}_count{{{labels}}}", list(map(sum, both)))
        took = [sum(map(operator.mul, TOOK, row)) for row in both]
        counter(family, f"{family}_sum{{{labels}}}", took, lambda total: f"{total / 1000}")

    def latency(self, job, part, offsets, draws):
        track = part.labels["track"]
        times = 2 if track == "canary" and job == "canary" else 1
        noise = [0.2 * times * noise for noise in draws.noise(len(offsets))]
        for scale in SCALES:
            name = f'canary_latency{{job="{job}",track="{track}",scale="{scale}"}}'
            points = [
                (self.options.at + offset, f"{noise * float(scale):.9g}") for offset, noise in zip(offsets, noise)
            ]
            self.series("canary_latency", name, points)

    def queue(self, job, draws):
        before, step = SEASON
        points = []
        for offset in range(-before, self.options.after + 1, step):
            worse = 2 if job == "seasonal_bad" and offset >= 0 else 1
            points.append((self.options.at + offset, draws.poisson(20 * load(offset) * worse, 1)[0]))
        self.series("queue_depth", f'queue_depth{{job="{job}"}}', points)


def cases(options, out):
    made = Cases(options)
    for job in options.services.split(","):
        if job not in CASES:
            raise SystemExit(f"deployments.py: expected one of {', '.join(CASES)}, found {job}")
        made.service(job)
    made.write(out)
    if options.truth:
        with open(options.truth, "w", encoding="utf-8") as file:
            json.dump({"at": rfc3339(options.at), "cases": made.truth}, file, indent=1)
            file.write("\n")


class Shop:
    """One service of the fleet: its deployments, and what each step adds."""

    def __init__(self, job, options, start, steps):
        self.job, self.options, self.start, self.steps = job, options, start, steps
        self.draws = Draws(options.seed, job)
        number, step = options.deployments, options.step
        turn = (steps * step - options.lead) / number
        bad = [True] * round(number * options.bad_share)
        bad += [False] * (number - len(bad))
        self.draws.random.shuffle(bad)
        self.deployments = []  # (index of its sample, version, index of its rollback's sample or None)
        for n in range(number):
            index = int((options.lead + n * turn) // step)
            back = min(index + options.rollback_after // step, int((options.lead + (n + 1) * turn) // step))
            self.deployments.append((index, f"v{n + 1}", back if bad[n] else None))
        # (index, version, share of errors) from each restart on.
        self.states, stable = [(0, "v0", options.base_errors)], "v0"
        for index, version, back in self.deployments:
            if back is None:
                self.states.append((index, version, options.base_errors))
                stable = version
            else:
                self.states += [(index, version, options.errors), (back, stable, options.base_errors)]
        ends = [index for index, _, _ in self.states[1:]] + [steps]
        self.spans = [(*state, end) for state, end in zip(self.states, ends) if end > state[0]]
        self.cells = {True: [[] for _ in FLEET_BUCKETS], False: [[] for _ in FLEET_BUCKETS]}
        for begin, _, errors, end in self.spans:
            for failed, part in ((True, errors), (False, 1 - errors)):
                for cells, (_, share, _) in zip(self.cells[failed], FLEET_BUCKETS):
                    cells += self.draws.poisson(options.rps * step * part * share, end - begin)

    def counter(self, growth):
        """A counter's samples, of what each step adds; restarted with the service."""
        yield 0
        for begin, _, _, end in self.spans:
            yield from itertools.accumulate(itertools.islice(growth, end - begin))

    def families(self):
        """Each family's kind and its series, as a name and its values, made when they are asked for."""
        job, failed, passed = f'job="{self.job}"', self.cells[True], self.cells[False]
        both = [list(map(operator.add, *cells)) for cells in zip(failed, passed)]

        def add(lists):
            return map(sum, zip(*lists))

        samples = self.steps + 1
        yield "up", "gauge", [(f"up{{{job}}}", itertools.repeat(1, samples))]
        requests = [("200", passed), ("500", failed)]
        name = "http_requests_total"
        yield (
            "http_requests",
            "counter",
            [(f'{name}{{{job},status="{status}"}}', self.counter(add(cells))) for status, cells in requests],
        )
        name = "http_request_duration_seconds"
        series = [
            (f'{name}_bucket{{{job},le="{le}"}}', self.counter(add(both[: index + 1])))
            for index, (le, _, _) in enumerate(FLEET_BUCKETS)
        ]
        series.append((f"{name}_count{{{job}}}", self.counter(add(both))))
        took = (sum(cell * took for cell, (_, _, took) in zip(row, FLEET_BUCKETS)) for row in zip(*both))
        series.append((f"{name}_sum{{{job}}}", (total / 1000 for total in self.counter(took))))
        yield name, "histogram", series
        name, sizes = "process_resident_memory_bytes", range(200_000_000, 210_000_000, 4096)
        yield name, "gauge", [(f"{name}{{{job}}}", self.draws.random.choices(sizes, k=samples))]
        yield "queue_depth", "gauge", [(f"queue_depth{{{job}}}", self.draws.poisson(20, samples))]
        name = "deploy_timestamp_seconds"
        changes = [(0, self.start - DAY)] + [(i, self.at(i)) for i, _, _ in self.deployments]
        yield name, "gauge", [(f"{name}{{{job}}}", self.held(changes))]
        name = "kube_deployment_status_observed_generation"
        changes = [(state[0], number + 1) for number, state in enumerate(self.states)]
        yield name, "gauge", [(f"{name}{{{job}}}", self.held(changes))]

    def held(self, changes):
        """Values that are held until the next change; a change is seen in the sample at its index."""
        ends = [index for index, _ in changes[1:]] + [self.steps + 1]
        for (begin, value), end in zip(changes, ends):
            yield from itertools.repeat(value, end - begin)

    def versions(self):
        """When each version runs, as ranges of samples."""
        runs = {}
        for begin, version, _, end in self.spans:
            runs.setdefault(version, []).append(range(begin, end + (end == self.steps)))
        return runs

    def at(self, index):
        return self.start + index * self.options.step


def bulk(out, name, values, stamps):
    """One series, written piece by piece."""
    pairs = zip(values, stamps)
    while piece := list(itertools.islice(pairs, 20_000)):
        out.write("".join([f"{name} {value}{stamp}" for value, stamp in piece]))


def fleet(options, out):
    step = options.step
    turns = options.lead + options.every * options.deployments if options.every else options.days * DAY
    steps = turns // step
    start = options.at - steps * step
    jobs = ["shop"] if options.services == 1 else [f"shop-{n + 1}" for n in range(options.services)]
    shops = [Shop(job, options, start, steps) for job in jobs]
    stamps = [f" {start + index * step}\n" for index in range(steps + 1)]
    for together in zip(*[shop.families() for shop in shops]):
        family, kind, _ = together[0]
        out.write(f"# TYPE {family} {kind}\n")
        for _, _, series in together:
            for name, values in series:
                bulk(out, name, values, stamps)
    out.write("# TYPE app_version gauge\n")
    for shop in shops:
        for version, runs in shop.versions().items():
            chosen = itertools.chain.from_iterable(stamps[run.start : run.stop] for run in runs)
            bulk(out, f'app_version{{job="{shop.job}",version="{version}"}}', itertools.repeat(1), chosen)
    out.write("# EOF\n")
    if options.list:
        write_list(options.list, shops)


def write_list(base, shops):
    rows = [
        {
            "time": rfc3339(shop.at(index)),
            "version": version,
            "outcome": "good" if back is None else "bad",
            **({"service": shop.job} if len(shops) > 1 else {}),
            "rolled_back_at": None if back is None else rfc3339(shop.at(back)),
        }
        for shop in shops
        for index, version, back in shop.deployments
    ]
    rows.sort(key=lambda row: row["time"])
    with open(f"{base}.json", "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")
    columns = [column for column in rows[0] if column != "rolled_back_at"]
    with open(f"{base}.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    one = modes.add_parser("cases")
    one.add_argument("--at", default=AT, help="when all services are deployed")
    one.add_argument("--before", type=seconds, default="90m")
    one.add_argument("--after", type=seconds, default="15m")
    one.add_argument("--services", default=",".join(CASES), help="comma-separated")
    one.add_argument("--truth", metavar="FILE")
    many = modes.add_parser("fleet")
    many.add_argument("--end", dest="at", default=AT, help="when the history ends")
    many.add_argument("--deployments", type=int, default=500, help="of each service")
    many.add_argument("--days", type=int, default=90)
    many.add_argument("--every", type=seconds, help="instead of --days")
    many.add_argument("--lead", type=seconds, default="90m")
    many.add_argument("--services", type=int, default=1)
    many.add_argument("--rps", type=float, default=5)
    many.add_argument("--base-errors", type=float, default=0.002)
    many.add_argument("--bad-share", type=float, default=0.1)
    many.add_argument("--errors", type=float, default=0.05)
    many.add_argument("--rollback-after", type=seconds, default="20m")
    many.add_argument("--list", metavar="BASE")
    for mode in (one, many):
        mode.add_argument("--step", type=int, default=15, help="seconds")
        mode.add_argument("--seed", default="20")
        mode.add_argument("--out", metavar="FILE")
    options = parser.parse_args()
    options.at = moment(options.at, options.step)
    with open(options.out, "w", encoding="utf-8") if options.out else contextlib.nullcontext(sys.stdout) as out:
        {"cases": cases, "fleet": fleet}[options.mode](options, out)


if __name__ == "__main__":
    main()
