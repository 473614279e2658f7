"""azure_boards.py LOG: what was sent to Azure Boards survives being read into its own client library's models."""
import json
import sys

from azure.devops.v7_1.work_item_tracking import models
from msrest import Deserializer, Serializer

KNOWN = {name: model for name, model in vars(models).items() if isinstance(model, type)}


def again(kind, body):
    return Serializer(KNOWN).body(Deserializer(KNOWN)(kind, body), kind)


def main(log):
    requests = [json.loads(line) for line in open(log)]
    sent = [r for r in requests if r["method"] in ("POST", "PATCH") and "/_apis/" in r["path"]]
    if not sent:
        sys.exit("nothing was sent")
    for request in sent:
        body = json.loads(request["body"])
        if request["method"] == "POST":
            kind = "CommentCreate"
            assert request["headers"]["content-type"] == "application/json"
        else:
            kind = "[JsonPatchOperation]"
            assert request["headers"]["content-type"] == "application/json-patch+json"
        if again(kind, body) != body:
            sys.exit(f"rollgate: {body}\nlibrary:  {again(kind, body)}")


main(sys.argv[1])
