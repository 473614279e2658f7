"""github.py LOG: every request of the log is one that GitHub's own description of its API knows, path, query and body."""
import json
import os
import re
import sys
from urllib.parse import urlsplit

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

ADDRESS = "https://api.github.com"


def references(node):
    """The names of all components that `node` refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for inside in node:
            yield from references(inside)


def slice_of(document, paths):
    """The document with those paths only, and what they refer to: the whole takes a minute to read."""
    kept = {}
    wanted = list(references([document["paths"][path] for path in paths]))
    while wanted:
        name = wanted.pop()
        if name not in kept:
            _, section, key = name.rsplit("/", 2)
            kept[name] = document["components"][section][key]
            wanted += references(kept[name])
    components = {}
    for name, value in kept.items():
        _, section, key = name.rsplit("/", 2)
        components.setdefault(section, {})[key] = value
    document["paths"] = {path: document["paths"][path] for path in paths}
    return document | {"components": components, "servers": [{"url": ADDRESS}]}


def strict(document):
    """Bodies may hold what is described and nothing else, as GitHub itself has it."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["schema"]["additionalProperties"] = False
    return document


def main(log):
    requests = [json.loads(line) for line in open(log)]
    requests = [request for request in requests if "/repos/" in request["path"]]
    if not requests:
        sys.exit("nothing was sent")
    with open(os.path.join(os.environ["ORACLES"], "api.github.com.json")) as file:
        document = json.load(file)
    patterns = {path: re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))) for path in document["paths"]}
    known = lambda request: [p for p, fits in patterns.items() if fits.fullmatch(urlsplit(request["path"]).path)]
    unknown = [request["path"] for request in requests if not known(request)]
    if unknown:
        sys.exit(f"GitHub has no {unknown}")
    api = OpenAPI.from_dict(strict(slice_of(document, sorted({p for r in requests for p in known(r)}))))
    for request in requests:
        headers = request["headers"]
        assert headers["accept"] == "application/vnd.github+json", headers
        assert headers["x-github-api-version"] == "2022-11-28", headers
        assert headers["authorization"].startswith("Bearer ") and headers["user-agent"], headers
        body = request["body"].encode() or None
        sent = MockRequest(
            ADDRESS, request["method"].lower(), urlsplit(request["path"]).path, headers=headers, data=body,
            content_type=headers.get("content-type", "application/json"),
        )
        api.validate_request(sent)


main(sys.argv[1])
