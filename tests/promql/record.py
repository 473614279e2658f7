#!/usr/bin/env python3
"""Records what a real Prometheus says of the queries in this folder's `valid.yaml` and `invalid.yaml`.

    record.py PROMETHEUS

PROMETHEUS is a binary of 3.5; it is started on loopback four times, once for each set of the feature flags below, and
ended again. Both files are rewritten in place: a query is all that is written by hand (`- query: "up"`, a JSON string),
besides comments, `ours` and `why`. A query that is in the wrong file is named, and the exit code is then 1.

In `valid.yaml`
    type    scalar, vector, matrix or string: the type of the query's result
    pretty  the text of /api/v1/format_query
    lossy   true where `pretty`, which sorts matchers, is not read back as the same tree, by Prometheus itself
    tree    what /api/v1/parse_query says, as below
    flags   the feature flags without which the query is refused, less their `promql-`
    ours    `refused`, where rollgate refuses the query on purpose; `why` says why
In `invalid.yaml`
    error   Prometheus' message
    at      where it puts it, `line:column`, both from 1, columns in bytes; empty where it names no place
    ours    where rollgate puts it, if elsewhere on purpose; `why` says why

Trees
    5 +Inf NaN                        a number, in decimal without exponent; signs and durations are folded into it
    "text"                            a string, quoted as in JSON
    (sel NAME {MATCHERS} MODS)        an instant selector; NAME is what stood before the braces, if anything
    (range (sel …) MS MODS)           a range selector
    (subquery E MS STEP MODS)         STEP in milliseconds
    (call NAME E…)
    (agg OP GROUPING PARAMETER E)     GROUPING is `by (a b)`, or `without (a b)`, or absent as `by ()` is
    (bin OP E E bool MATCHING)        MATCHING is `on (a)` or `ignoring (a)`, then `group_left (b)` or `group_right (b)`;
                                      absent as `ignoring ()` without a group is
    (unary - E)  (paren E)
    MATCHERS are `a="b",c!~"d"` in the order of the text, MODS `@ MS`, `@ start` or `@ end`, then `offset MS` unless it is
    0. Labels that are not words are quoted. A range or step of 0 is `?`: absent, or a duration expression, whose value
    the API does not tell; an offset that is such an expression is not told at all.
"""

import http.client
import itertools
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).parent
FLAGS = ["experimental-functions", "duration-expr"]
SETS = [flags for n in range(len(FLAGS) + 1) for flags in itertools.combinations(FLAGS, n)]
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SUBJECT = 'invalid parameter "query": '


class Server:
    """A Prometheus of its own, without data."""

    def __init__(self, binary, flags):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / "prometheus.yml").write_text("global: {scrape_interval: 15s}\n")
        command = [binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        command += ["--web.listen-address=127.0.0.1:0"]
        if flags:
            command.append("--enable-feature=" + ",".join(f"promql-{flag}" for flag in flags))
        log = folder / "log"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log.open("w"), stderr=subprocess.STDOUT)
        for _ in range(600):
            found = re.search(r"Listening on\"?.* address=(127\.0\.0\.1:\d+)", log.read_text())
            if found:
                self.address = found.group(1)
                break
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            self.process.kill()
        if self.process.poll() is not None:
            sys.exit(f"record.py: {binary} did not start:\n{log.read_text()}")
        self.connection = http.client.HTTPConnection(self.address)
        while self.status("/-/ready") != 200:
            time.sleep(0.05)

    def status(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def ask(self, path, query=None, **more):
        """The answer's data and its error: one of the two."""
        if query is None:
            self.connection.request("GET", path)
        else:
            body = urllib.parse.urlencode({"query": query, **more})
            self.connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = json.loads(self.connection.getresponse().read())
        if answer["status"] == "success":
            return answer["data"], None
        return None, answer["error"].removeprefix(SUBJECT)

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.folder.cleanup()


def quoted(text):
    """A JSON string that YAML reads the same way, too: what does not print is escaped, nothing by surrogates."""

    def escape(match):
        return f"\\u{ord(match.group()):04x}"

    return re.sub("[\x7f-\x9f\xa0\u200b-\u200f\u2028\u2029\ufeff]", escape, json.dumps(text, ensure_ascii=False))


def word(text):
    return text if WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def words(labels):
    return "(" + " ".join(map(word, labels)) + ")"


def span(milliseconds):
    return str(milliseconds or "?")


def modifiers(node):
    at = node["startOrEnd"] if node["startOrEnd"] else node["timestamp"]
    parts = [] if at is None else [f"@ {at}"]
    return parts + ([f"offset {node['offset']}"] if node["offset"] else [])


def joined(*parts):
    return "(" + " ".join(part for part in parts if part) + ")"


def selector(node, mods):
    matchers = [m for m in node["matchers"] if not (m["name"] == "__name__" and node["name"])]
    inside = ",".join(f"{word(m['name'])}{m['type']}{json.dumps(m['value'], ensure_ascii=False)}" for m in matchers)
    return joined("sel", node["name"], "{" + inside + "}" if inside else "", *mods)


def tree(node):
    kind = node["type"]
    if kind == "numberLiteral":
        return node["val"]
    if kind == "stringLiteral":
        return json.dumps(node["val"], ensure_ascii=False)
    if kind == "vectorSelector":
        return selector(node, modifiers(node))
    if kind == "matrixSelector":
        return joined("range", selector(node, []), span(node["range"]), *modifiers(node))
    if kind == "subquery":
        return joined("subquery", tree(node["expr"]), span(node["range"]), span(node["step"]), *modifiers(node))
    if kind == "call":
        return joined("call", node["func"]["name"], *map(tree, node["args"] or []))
    if kind == "aggregation":
        grouping = ("without " if node["without"] else "by ") + words(node["grouping"])
        parameter = tree(node["param"]) if node["param"] else ""
        shown = node["without"] or node["grouping"]
        return joined("agg", node["op"], grouping if shown else "", parameter, tree(node["expr"]))
    if kind == "binaryExpr":
        return joined("bin", node["op"], tree(node["lhs"]), tree(node["rhs"]), "bool" * node["bool"], matching(node))
    if kind == "unaryExpr":
        return joined("unary", node["op"], tree(node["expr"]))
    if kind == "parenExpr":
        return joined("paren", tree(node["expr"]))
    sys.exit(f"record.py: no tree for {kind}")


def matching(node):
    how = node["matching"]
    if not how:
        return ""
    group = {"many-to-one": "group_left ", "one-to-many": "group_right "}.get(how["card"])
    on = "on " if how["on"] else "ignoring "
    parts = [on + words(how["labels"])] if how["on"] or how["labels"] or group else []
    return " ".join(parts + ([group + words(how["include"])] if group else []))


def in_order(node):
    """A node with the matchers of all selectors sorted, for comparisons."""
    if isinstance(node, list):
        return [in_order(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: in_order(value) for key, value in node.items()}
    if "matchers" in node:
        node["matchers"].sort(key=json.dumps)
    return node


def kind_of(node):
    """The type of a tree, as the type checker has it."""
    kind = node["type"]
    if kind in ("parenExpr", "unaryExpr"):
        return kind_of(node["expr"])
    if kind == "binaryExpr":
        return "scalar" if {kind_of(node["lhs"]), kind_of(node["rhs"])} == {"scalar"} else "vector"
    if kind == "call":
        return node["func"]["returnType"]
    kinds = {"numberLiteral": "scalar", "stringLiteral": "string", "matrixSelector": "matrix", "subquery": "matrix"}
    return kinds.get(kind, "vector")


def valid(servers, query):
    """What is recorded of a query that Prometheus takes, or None."""
    everything = servers[SETS[-1]]
    node, _ = everything.ask("/api/v1/parse_query", query)
    if node is None:
        return None
    result, _ = everything.ask("/api/v1/query", query, time="1767225600")
    if result and result["resultType"] != kind_of(node):
        sys.exit(f"record.py: {query!r} is a {kind_of(node)}, its result a {result['resultType']}")
    pretty, _ = everything.ask("/api/v1/format_query", query)
    again, _ = everything.ask("/api/v1/parse_query", pretty)
    record = {"type": kind_of(node), "pretty": quoted(pretty)}
    if again is None or tree(in_order(again)) != tree(in_order(node)):
        record["lossy"] = "true"
    record["tree"] = quoted(tree(node))
    needed = next(flags for flags in SETS if servers[flags].ask("/api/v1/parse_query", query)[1] is None)
    if needed:
        record["flags"] = "[" + ", ".join(needed) + "]"
    return record


def invalid(servers, query):
    """What is recorded of a query that Prometheus refuses, or None."""
    _, error = servers[SETS[-1]].ask("/api/v1/parse_query", query)
    if error is None:
        return None
    found = re.fullmatch(r"(?:(\d+:\d+)|[a-z ]+): parse error: (.*)", error, re.DOTALL)
    at, message = found.groups() if found else ("", error)
    return {"error": quoted(message), "at": quoted(at or "")}


def rewrite(name, servers, ask, version):
    """Records all queries of a file; gives back those that do not belong there."""
    path, out, strangers, seen = HERE / name, [], [], set()
    lines = path.read_text(encoding="utf-8").splitlines()
    while lines:
        line = lines.pop(0)
        if line.startswith("# Recorded from"):
            line = f"# Recorded from Prometheus {version} by record.py, which tells what the fields mean."
        out.append(line)
        if not line.startswith("- query: "):
            continue
        query = json.loads(line.removeprefix("- query: "))
        by_hand = []
        while lines and lines[0].startswith("  "):
            kept = lines.pop(0)
            if kept.startswith(("  ours: ", "  why: ")):
                by_hand.append(kept)
        record = ask(servers, query)
        if record is None or query in seen:
            strangers.append(query)
        seen.add(query)
        out[-1] = f"- query: {quoted(query)}"
        out += [f"  {key}: {value}" for key, value in (record or {}).items()] + by_hand
    path.write_text("\n".join(out) + "\n", encoding="utf-8")
    return strangers


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    servers = {}
    try:
        for flags in SETS:
            servers[flags] = Server(sys.argv[1], flags)
        build, _ = servers[()].ask("/api/v1/status/buildinfo")
        version = build["version"].partition("+")[0]
        strangers = rewrite("valid.yaml", servers, valid, version) + rewrite("invalid.yaml", servers, invalid, version)
    finally:
        for server in servers.values():
            server.stop()
    for query in strangers:
        print(f"record.py: in the wrong file, or twice: {quoted(query)}", file=sys.stderr)
    sys.exit(1 if strangers else 0)


main()
