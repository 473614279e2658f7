"""pagerduty_client.py LOG: each event of the log is what PagerDuty's own client makes of the same values."""
import json
import sys

import pagerduty


class Answer:
    is_success, ok, status_code, text = True, True, 202, '{"status": "success", "dedup_key": "k"}'

    def json(self):
        return json.loads(self.text)


class Client(pagerduty.EventsApiV2Client):
    """Sends nothing; keeps what would have been sent."""

    def post(self, url, json):
        self.sent = json
        return Answer()


with open(sys.argv[1]) as log:
    requests = [json.loads(line) for line in log]
sent = [json.loads(request["body"]) for request in requests if request["path"].endswith("/v2/enqueue")]
assert sent, "nothing was sent"
for event in sent:
    client = Client(event.pop("routing_key"))
    if event["event_action"] == "resolve":
        client.resolve(event["dedup_key"])
    else:
        payload = event["payload"]
        # The client knows no `client`: the description of the API does, and lets it stand beside.
        assert isinstance(event.pop("client"), str) and isinstance(event.pop("client_url", ""), str)
        assert payload["severity"] in ("critical", "error", "warning", "info")
        client.trigger(
            payload["summary"], payload["source"], event["dedup_key"], payload["severity"], payload=payload,
            links=event["links"],
        )
    for key in sorted(client.sent.keys() | event.keys()):  # what is empty the client leaves out
        assert client.sent.get(key) == (event.get(key) or None), f"{key}: {client.sent.get(key)}\n{event.get(key)}"
    print(event["event_action"])
