"""gitlab_client.py LOG URL: python-gitlab, told to start the same pipelines at URL, sends the same requests."""
import json
import re
import sys
from urllib.parse import parse_qsl

import gitlab

LIST = re.compile(r"(variables|inputs)\[(\w+)\]")


def plain(request):
    """What a request says, however it is encoded: a form's lists are mappings, and variables are pairs."""
    if "json" in request["headers"]["content-type"]:
        said = json.loads(request["body"])
    else:
        said = {}
        for name, value in parse_qsl(request["body"], keep_blank_values=True, strict_parsing=True):
            found = LIST.fullmatch(name)
            if found:
                said.setdefault(found[1], {})[found[2]] = value
            else:
                said[name] = value
    return request["method"], request["path"], request["headers"].get("private-token"), said


def posts(log):
    return [plain(r) for r in map(json.loads, open(log)) if r["method"] == "POST"]


def main(log, url):
    ours = posts(log)
    if not ours:
        sys.exit("nothing was sent")
    for _, path, private, said in ours:
        project = re.fullmatch(r"/api/v4/projects/([^/]+)/(trigger/)?pipeline", path)[1].replace("%2F", "/")
        client = gitlab.Gitlab(url, private_token=private).projects.get(project, lazy=True)
        if private:
            client.pipelines.create(said)
        else:
            client.trigger_pipeline(said["ref"], said["token"], said["variables"], inputs=said["inputs"])
    theirs = posts(log)[len(ours) :]
    for one, other in zip(ours, theirs, strict=True):
        if one != other:
            sys.exit(f"ours   {one}\ntheirs {other}")


main(*sys.argv[1:])
