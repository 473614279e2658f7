"""adf.py LOG: every comment that went to version 3 of Jira's API is a document as Atlassian's own schema has it."""
import json
import os
import sys

from jsonschema import Draft4Validator


def main(log):
    with open(os.path.join(os.environ["ORACLES"], "adf.json")) as file:
        validator = Draft4Validator(json.load(file))
    requests = [json.loads(line) for line in open(log)]
    comments = [r for r in requests if r["method"] == "POST" and r["path"].endswith("/comment")]
    comments = [json.loads(r["body"])["body"] for r in comments if "/rest/api/3/" in r["path"]]
    if not comments:
        sys.exit("nothing was sent")
    for comment in comments:
        validator.validate(comment)
    # A schema that takes everything says nothing.
    assert not validator.is_valid({"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}]})
    assert not validator.is_valid("a text")


main(sys.argv[1])
