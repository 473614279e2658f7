"""cloud_events.py LOG: every POST of the log is an event that the SDK of CloudEvents reads. Prints each event's type."""
import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event

with open(sys.argv[1]) as log:
    requests = [json.loads(line) for line in log]
sent = [request for request in requests if request["method"] == "POST"]
assert sent, "nothing was sent"
for request in sent:
    event = from_http_event(HTTPMessage(headers=request["headers"], body=request["body"].encode()))
    assert event.get_specversion() == "1.0" and event.get_id() == request["headers"]["webhook-id"]
    assert event.get_data(), "an event without data"
    print(event.get_type())
