"""Whether rollgate's requests to run a pipeline are what Azure DevOps' own client library takes them for.

    azure_devops.py LOG

Each body is read into the library's model and written again: what the model does not know gets lost, and so does what
has another type. Exits 1 with the difference.
"""
import json
import sys

from azure.devops.v7_1.pipelines import models
from msrest import Deserializer, Serializer

KNOWN = {name: model for name, model in vars(models).items() if isinstance(model, type)}


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        requests = [json.loads(line) for line in lines]
    bodies = [json.loads(request["body"]) for request in requests if request["method"] == "POST"]
    assert bodies, "there is no request"
    for body in bodies:
        read = Deserializer(KNOWN)("RunPipelineParameters", body)
        again = Serializer(KNOWN).body(read, "RunPipelineParameters")
        if again != body:
            sys.exit(f"rollgate: {body}\nlibrary:  {again}")
        assert read.resources.repositories["self"].ref_name.startswith("refs/"), body
        assert all(variable.value is not None for variable in read.variables.values()), body


main()
