"""Whether rollgate asks for a build as python-jenkins does.

    jenkins_requests.py LOG URL JOB USER PASSWORD PARAMETERS

Reads rollgate's request from LOG, asks the stand-in at URL for the same build by python-jenkins, and compares both:
method, path, who is asking, crumb and session, and the parameters, which one sends as a form and the other in the
address. Exits 1 with the difference.
"""
import json
import sys
import urllib.parse

import jenkins


def posted(log):
    """The requests for a build in `log`, each as what matters of it."""
    with open(log, encoding="utf-8") as lines:
        requests = [json.loads(line) for line in lines]
    found = []
    for request in requests:
        url = urllib.parse.urlsplit(request["path"])
        if request["method"] != "POST" or "/build" not in url.path:
            continue
        pairs = urllib.parse.parse_qsl(url.query) + urllib.parse.parse_qsl(request["body"])
        headers = {name: request["headers"].get(name) for name in ("authorization", "jenkins-crumb", "cookie")}
        found.append({"path": url.path, "parameters": sorted(pairs), **headers})
    return found


def main():
    log, url, job, user, password, parameters = sys.argv[1:]
    ours = posted(log)
    assert len(ours) == 1, f"expected one request for a build, found {ours}"
    own = {name: value for name, value in ours[0]["parameters"] if name.startswith("ROLLGATE_")}
    assert own["ROLLGATE_VERDICT"] == "rollback" and own["ROLLGATE_ID"].startswith("rg_"), own
    server = jenkins.Jenkins(url, username=user, password=password)
    item = server.build_job(job, {**json.loads(parameters), **own})
    assert item == 12, f"expected queue item 12, found {item}"
    theirs = posted(log)[1]
    if ours[0] != theirs:
        sys.exit(f"rollgate:       {ours[0]}\npython-jenkins: {theirs}")


main()
