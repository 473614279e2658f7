#!/usr/bin/env python3
"""Generated history for tests, demo and bench: OpenMetrics text for
`promtool tsdb create-blocks-from openmetrics`. Needs nothing but Python's standard library.

    history.py [--start TIME] [--minutes 60] [--break-minute 30] [--services a,b,…] [--bulk N [--step 5]] > history.txt

TIME is RFC 3339, unix seconds, or `45m-ago`; it is rounded down to the step. The metric names are those of
policies/post-deployment.yaml: `up`, `http_requests_total` and `http_request_duration_seconds_bucket`, told apart by
`job`. Until the break every service but `idle`, `quiet`, `clean` and `down` does the same: 100 requests a second,
0.2 % of them answered 500, 95th percentile 0.175 s. From the break on:

    job       what changes at the break                      what a query says from then on
    healthy   nothing                                        error rate 0.002, p95 0.175
    checkout  8 % of the requests fail                       error rate 0.08, p95 0.175
    slow      every request slows down                       error rate 0.002, p95 1.75
    dying     it goes down: `up` is 0, its counters end      up 0; no series once the range has passed
    gappy     no samples at all for ten minutes, then back   no series
    limit     1 % of the requests fail                       error rate 0.01, which is no breach of `max_value: 0.01`

    clean     never failed: there is no series with status="500"
    idle      has its counters and no request, ever: 0/0 = NaN
    quiet     one request a minute; the first one at or after the break fails
    down      `up` is 0 all the time, and there are no counters

    probe_value{job="nan"|"inf"|"minus_inf"}  1, from the break on NaN, +Inf, -Inf
    bulk_value{shard="1"…"N"}                 the shard's number; with --bulk

All counters are whole numbers that grow by the same amount at every step, so a rate or a ratio of rates over a range
that lies on one side of the break has one exact value in every Prometheus. The step is 5 s: over a range of five
minutes, one step more (2.x, closed on the left) or less (3.x, open) then changes no judgement on a 15 s grid.
"""
import argparse
import datetime
import sys
import time

STEP = 5  # seconds
RATE = 100  # requests a second
BUCKETS = ["0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf"]
# Requests of one step in each bucket, cumulative: 475 of 500 is the middle of one bucket, so p95 is exact.
FAST = [400, 450, 500, 500, 500, 500, 500]
SLOW = [50, 100, 200, 300, 450, 500, 500]
GOOD, LIMIT, BAD = 1, 5, 40  # failed requests of the 500 of one step

# job -> (failed requests a step, buckets) before the break and after it; None is a service that is down.
STEADY = {
    "healthy": ((GOOD, FAST), (GOOD, FAST)),
    "checkout": ((GOOD, FAST), (BAD, FAST)),
    "slow": ((GOOD, FAST), (GOOD, SLOW)),
    "dying": ((GOOD, FAST), None),  # its counters end
    "gappy": ((GOOD, FAST), (GOOD, FAST)),
    "limit": ((GOOD, FAST), (LIMIT, FAST)),
    "clean": ((None, FAST), (None, FAST)),
}
SPECIAL = ["idle", "quiet", "down", "nan", "inf", "minus_inf"]
GAP = 600  # seconds that `gappy` is silent


def moment(text, step=STEP):
    """Unix seconds of RFC 3339, unix seconds, or `45m-ago`; rounded down to the step."""
    if text.endswith("m-ago"):
        seconds = time.time() - 60 * float(text[: -len("m-ago")])
    elif text.isdigit():
        seconds = int(text)
    else:
        parsed = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        seconds = (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.timezone.utc)).timestamp()
    return int(seconds) // step * step


class Families:
    """Families of series; OpenMetrics wants each family in one piece, and each series in one piece within it."""

    def __init__(self, kinds):
        self.families = {family: (kind, []) for family, kind in kinds.items()}

    def series(self, family, name, points):
        self.families[family][1].append("".join([f"{name} {value} {at}\n" for at, value in points]))

    def write(self, out):
        for family, (kind, series) in self.families.items():
            if series:
                out.write(f"# TYPE {family} {kind}\n")
                out.writelines(series)
        out.write("# EOF\n")


class History(Families):
    """The series of the docstring."""

    def __init__(self, start, minutes, break_at, step=STEP):
        super().__init__(
            {
                "up": "gauge",
                "http_requests": "counter",
                "http_request_duration_seconds": "histogram",
                "probe_value": "gauge",
                "bulk_value": "gauge",
            }
        )
        self.times = range(start, start + minutes * 60 + 1, step)
        self.break_at = break_at

    def silent(self, job, at):
        return job == "gappy" and self.break_at <= at < self.break_at + GAP

    def counter(self, job, family, name, growth):
        """A counter from 0 on; growth(at) is what the step that begins at `at` adds."""
        points, total = [], 0
        for at in self.times:
            if not self.silent(job, at) and not (job == "dying" and at >= self.break_at):
                points.append((at, total))
            total += growth(at)
        self.series(family, name, points)

    def after(self, before, then):
        """A step's growth: it belongs to the state at its beginning, so the first sample with news is one step on."""
        return lambda at: then if at >= self.break_at else before

    def gauge(self, job, family, name, before, then):
        points = [(at, then if at >= self.break_at else before) for at in self.times if not self.silent(job, at)]
        self.series(family, name, points)

    def steady(self, job, before, then):
        self.gauge(job, "up", f'up{{job="{job}"}}', 1, 1 if then else 0)
        bad, shares = before
        bad_then, shares_then = then or (0, [0] * len(BUCKETS))
        total, total_then = RATE * STEP, RATE * STEP if then else 0
        ok = self.after(total - (bad or 0), total_then - (bad_then or 0))
        self.counter(job, "http_requests", f'http_requests_total{{job="{job}",status="200"}}', ok)
        if bad is not None:
            failed = self.after(bad, bad_then)
            self.counter(job, "http_requests", f'http_requests_total{{job="{job}",status="500"}}', failed)
        for le, share, share_then in zip(BUCKETS, shares, shares_then):
            name = f'http_request_duration_seconds_bucket{{job="{job}",le="{le}"}}'
            self.counter(job, "http_request_duration_seconds", name, self.after(share, share_then))
        name = f'http_request_duration_seconds_count{{job="{job}"}}'
        self.counter(job, "http_request_duration_seconds", name, self.after(shares[-1], shares_then[-1]))
        name = f'http_request_duration_seconds_sum{{job="{job}"}}'
        seconds = self.after(50, (50 if shares_then is FAST else 500) if then else 0)
        self.counter(job, "http_request_duration_seconds", name, seconds)

    def idle(self):
        self.gauge("idle", "up", 'up{job="idle"}', 1, 1)
        for status in ("200", "500"):
            name = f'http_requests_total{{job="idle",status="{status}"}}'
            self.counter("idle", "http_requests", name, self.after(0, 0))

    def quiet(self):
        self.gauge("quiet", "up", 'up{job="quiet"}', 1, 1)
        first = -(-(self.break_at - self.times[0]) // 60) * 60 + self.times[0]
        for status, fails in (("200", False), ("500", True)):

            def growth(at, fails=fails):
                return int((at - self.times[0]) % 60 == 0 and (at == first) == fails)

            self.counter("quiet", "http_requests", f'http_requests_total{{job="quiet",status="{status}"}}', growth)

    def special(self, job):
        if job == "idle":
            self.idle()
        elif job == "quiet":
            self.quiet()
        elif job == "down":
            self.gauge("down", "up", 'up{job="down"}', 0, 0)
        else:
            then = {"nan": "NaN", "inf": "+Inf", "minus_inf": "-Inf"}[job]
            self.gauge(job, "probe_value", f'probe_value{{job="{job}"}}', 1, then)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", default="2026-01-15T10:00:00Z")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--break-minute", type=float, default=30)
    parser.add_argument("--services", default=",".join([*STEADY, *SPECIAL]), help="comma-separated; empty for none")
    parser.add_argument("--bulk", type=int, default=0, metavar="N")
    parser.add_argument("--step", type=int, default=STEP, help="seconds, for --bulk alone: the services have theirs")
    options = parser.parse_args()
    if options.services and options.step != STEP:
        parser.error("--step is for --bulk with --services ''")
    start = moment(options.start)
    history = History(start, options.minutes, start + int(options.break_minute * 60), options.step)
    for job in filter(None, options.services.split(",")):
        if job in STEADY:
            history.steady(job, *STEADY[job])
        elif job in SPECIAL:
            history.special(job)
        else:
            parser.error(f"expected one of {', '.join([*STEADY, *SPECIAL])}, found {job}")
    for shard in range(1, options.bulk + 1):
        history.gauge("", "bulk_value", f'bulk_value{{shard="{shard}"}}', shard, shard)
    history.write(sys.stdout)


if __name__ == "__main__":
    main()
