#!/usr/bin/env python3
"""A receiver for tests and demo: it checks signatures, stands in for an API, and writes down what arrives.

    receiver.py [--secret TEXT] [--log FILE] [--port 0] [--script JSON | --routes JSON] [--watch PID]
        prints http://127.0.0.1:PORT and then nothing

Each request becomes one line of JSON in FILE (default: standard output), complete before the request is answered:

    at_ms      when its headers had arrived, unix milliseconds; `at` is the same as RFC 3339
    method, path, headers (names in lower case), body (text)
    signatures {"standard_webhooks": VERDICT, "x_hub_256": VERDICT}: "verified", "missing", or what is wrong
    repeat     whether its webhook-id came before
    answered   the status it was answered with

A request that is signed right is answered 202, a repeated one 200; one that is not, 401. Without --secret nothing is
checked. --script is a list of answers used in turn, the last of them for ever, instead of that:
`[{"status": 503, "headers": {"Retry-After": "1"}}, {"delay": 2, "status": 202, "body": "ok"}, {"close": true}]`.

--routes stands in for an API: each route has a regular expression for `METHOD PATH` and answers of its own, in turn:
`[{"on": "^POST /job/deploy/build", "answers": [{"status": 201, "headers": {"Location": "{{url}}/queue/item/7/"}}]}]`;
`json` writes a body of JSON, `{{url}}` is this server's own address. What no route is for is answered 404.

The secret is that of Standard Webhooks: `whsec_` and base64, whose decoded bytes sign; any other text signs by its
UTF-8 bytes. X-Hub-Signature-256 is always signed by the text. The receiver ends with process PID (default: the caller).
"""
import argparse
import base64
import binascii
import collections
import datetime
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NO_ROUTE = [{"status": 404, "json": {"message": "no route"}}]
TOLERANCE = 300  # seconds that a timestamp may be off


def standard_webhooks(secret, headers, body):
    """What https://www.standardwebhooks.com says of this request."""
    names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
    missing = [name for name in names if name not in headers]
    if len(missing) == len(names):
        return "missing"
    if missing:
        return f"no {' and no '.join(missing)}"
    identity, stamp, signatures = (headers[name] for name in names)
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE:
        return f"timestamp {stamp} is not within {TOLERANCE} s of now"
    try:
        key = base64.b64decode(secret[6:], validate=True) if secret.startswith("whsec_") else secret.encode()
    except binascii.Error:
        return "the receiver's secret is no base64 after whsec_"
    digest = hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    right = any(hmac.compare_digest(wanted, given) for given in signatures.split(" "))
    return "verified" if right else "wrong signature"


def x_hub_256(secret, headers, body):
    given = headers.get("x-hub-signature-256")
    if given is None:
        return "missing"
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return "verified" if hmac.compare_digest(wanted, given) else "wrong signature"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lock = threading.Lock()
    options = None
    seen = set()
    served = collections.Counter()
    url = ""

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def receive(self):
        now = time.time()
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        secret, script, turn = self.options.secret, self.options.script, "script"
        if self.options.routes is not None:
            place = f"{self.command} {self.path}"
            route = next((route for route in self.options.routes if re.search(route["on"], place)), None)
            script, turn = (route["answers"], route["on"]) if route else (NO_ROUTE, "no route")
        signatures, signed = None, True
        if secret:
            signatures = {
                "standard_webhooks": standard_webhooks(secret, headers, body),
                "x_hub_256": x_hub_256(secret, headers, body),
            }
            signed = all(verdict == "verified" for verdict in signatures.values())
        with self.lock:
            identity = headers.get("webhook-id")
            repeat = identity in self.seen
            if identity and signed:
                self.seen.add(identity)
            if script:
                answer = script[min(Handler.served[turn], len(script) - 1)]
            elif not signed:
                answer = {"status": 401, "body": '{"error": "the signature does not match"}\n'}
            else:
                answer = {"status": 200 if repeat else 202, "body": '{"accepted": true}\n'}
            Handler.served[turn] += 1
            line = {
                "at": datetime.datetime.fromtimestamp(now, datetime.timezone.utc).isoformat(timespec="milliseconds"),
                "at_ms": int(now * 1000),
                "method": self.command,
                "path": self.path,
                "headers": headers,
                "body": body.decode("utf-8", "replace"),
                "signatures": signatures,
                "repeat": repeat,
                "answered": None if answer.get("close") else answer.get("status", 200),
            }
            self.options.log.write(json.dumps(line) + "\n")
            self.options.log.flush()
        time.sleep(answer.get("delay", 0))
        if answer.get("close"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.dumps(answer["json"]) if "json" in answer else answer.get("body", "")
        out = body.replace("{{url}}", self.url).encode()
        self.send_response(answer.get("status", 200))
        for name, value in {"Content-Type": "application/json", **answer.get("headers", {})}.items():
            self.send_header(name, value.replace("{{url}}", self.url))
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = receive


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
    parser.add_argument("--secret")
    parser.add_argument("--log", type=argparse.FileType("a"), default=sys.stdout)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=json.loads)
    parser.add_argument("--routes", type=json.loads)
    parser.add_argument("--watch", type=int, default=os.getppid())
    Handler.options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", Handler.options.port), Handler)
    server.daemon_threads = True
    threading.Thread(target=end_with, args=(Handler.options.watch,), daemon=True).start()
    Handler.url = f"http://127.0.0.1:{server.server_port}"
    print(Handler.url, flush=True)
    server.serve_forever()


try:
    main()
except KeyboardInterrupt:
    sys.exit(0)
