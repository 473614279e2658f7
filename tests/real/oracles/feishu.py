"""feishu.py LOG SECRET: every card of the log is signed as the robot's documentation says, within its size."""
import base64
import hashlib
import hmac
import json
import sys

secret = sys.argv[2]
sent = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
sent = [one for one in sent if one["method"] == "POST" and "/bot/v2/hook/" in one["path"]]
assert sent, "nothing was sent"
for one in sent:
    body = json.loads(one["body"])
    key = f"{body['timestamp']}\n{secret}".encode()
    assert body["sign"] == base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
    assert body["msg_type"] == "interactive" and body["card"]["header"]["title"]["tag"] == "plain_text"
    assert len(one["body"].encode()) <= 20 * 1024
print(f"{len(sent)} cards")
