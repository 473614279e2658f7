#!/usr/bin/env python3
"""A small live service for tests and demo, whose state a request changes at a moment.

    service.py [--port 0] [--watch PID]    prints http://127.0.0.1:PORT and then nothing

    GET  /health         200, or 503 while unhealthy; JSON
    GET  /metrics        what Prometheus scrapes: `http_requests_total{status=}`, whose counters grow with real time,
                         `http_request_duration_seconds_bucket`, and `service_healthy` 1 or 0
    POST /state          {"healthy": false, "rate": 100, "error_ratio": 0.08, "latency": 1.5, "delay": 0.2}, any of them;
                         `rate` is requests a second, `latency` the seconds each took, `delay` the seconds before /health
                         answers; the answer is the whole state and `at`, the moment of the change (unix milliseconds)

A TCP check may use the same port. The service ends with process PID (default: the caller).
"""
import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5]


class State:
    """What the service pretends to do; counters are brought up to now whenever somebody looks or changes it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = {"healthy": True, "rate": 100.0, "error_ratio": 0.002, "latency": 0.04, "delay": 0.0}
        self.since = time.time()
        self.ok = self.failed = self.seconds = 0.0
        self.buckets = [0.0] * len(BUCKETS)

    def advance(self):
        now = time.time()
        done = (now - self.since) * self.now["rate"]
        self.since = now
        self.failed += done * self.now["error_ratio"]
        self.ok += done * (1 - self.now["error_ratio"])
        self.seconds += done * self.now["latency"]
        for index, limit in enumerate(BUCKETS):
            self.buckets[index] += done if self.now["latency"] <= limit else 0

    def change(self, change):
        with self.lock:
            self.advance()
            self.now.update(change)
            return {**self.now, "at": int(self.since * 1000)}

    def metrics(self):
        with self.lock:
            self.advance()
            count = self.ok + self.failed
            lines = [
                "# TYPE service_healthy gauge",
                f"service_healthy {int(self.now['healthy'])}",
                "# TYPE http_requests_total counter",
                f'http_requests_total{{status="200"}} {self.ok}',
                f'http_requests_total{{status="500"}} {self.failed}',
                "# TYPE http_request_duration_seconds histogram",
            ]
            for limit, value in zip([*BUCKETS, "+Inf"], [*self.buckets, count]):
                lines.append(f'http_request_duration_seconds_bucket{{le="{limit}"}} {value}')
            lines.append(f"http_request_duration_seconds_sum {self.seconds}")
            lines.append(f"http_request_duration_seconds_count {count}")
            return "\n".join(lines) + "\n"


STATE = State()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, text, kind="application/json"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            time.sleep(STATE.now["delay"])
            healthy = STATE.now["healthy"]
            self.answer(200 if healthy else 503, json.dumps({"status": "ok" if healthy else "failing"}) + "\n")
        elif self.path == "/metrics":
            self.answer(200, STATE.metrics(), "text/plain; version=0.0.4")
        else:
            self.answer(404, '{"error": "not found"}\n')

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/state":
            return self.answer(404, '{"error": "not found"}\n')
        try:
            change = json.loads(body)
            unknown = set(change) - set(STATE.now)
        except (ValueError, TypeError):
            return self.answer(400, '{"error": "expected a JSON object"}\n')
        if unknown:
            return self.answer(400, json.dumps({"error": f"unknown: {sorted(unknown)}"}) + "\n")
        self.answer(200, json.dumps(STATE.change(change)) + "\n")


def end_with(process):
    """Ends this process when `process` has ended, so that nothing is left running whatever happens to it."""
    while True:
        time.sleep(0.5)
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            os._exit(0)
        except PermissionError:
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--watch", type=int, default=os.getppid())
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    threading.Thread(target=end_with, args=(options.watch,), daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


try:
    main()
except KeyboardInterrupt:
    sys.exit(0)
