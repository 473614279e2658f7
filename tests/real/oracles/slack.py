"""slack.py LOG: every message of the log is one that Slack's own library takes: its blocks, attachments and their limits."""
import json
import sys

from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block, SectionBlock
from slack_sdk.models.messages.message import Message

sent = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
sent = [one for one in sent if one["method"] == "POST" and one["path"].startswith(("/services/", "/api/"))]
assert sent, "nothing was sent"
kinds = set()
for one in sent:
    body = json.loads(one["body"])
    blocks = Block.parse_all(body["blocks"])
    attachments = [
        BlockAttachment(blocks=Block.parse_all(bar["blocks"]), color=bar["color"], fallback=bar["fallback"])
        for bar in body["attachments"]
    ]
    every = blocks + [block for bar in attachments for block in bar.blocks]
    assert len(every) <= 50, len(every)
    for block in every:
        block.validate_json()
        kinds.add(block.type)
        for element in getattr(block, "elements", []):
            element.validate_json()
        if isinstance(block, SectionBlock):
            for text in [block.text, *(block.fields or [])]:
                if text is not None:
                    text.validate_json()
    for bar in attachments:
        bar.validate_json()
    message = Message(text=body["text"], blocks=blocks, attachments=attachments)
    message.validate_json()
    # What the library would send of it is what was sent.
    written = message.to_dict()
    assert written["text"] == body["text"] and written["blocks"] == body["blocks"], written
assert kinds >= {"header", "section", "actions"}, kinds
bots = [one for one in sent if one["path"] == "/api/chat.postMessage"]
assert all(one["headers"]["authorization"] == "Bearer xoxb-0123456789" for one in bots)
assert all(json.loads(one["body"])["channel"] for one in bots)
print(f"{len(sent)} messages, {len(bots)} of a bot")
