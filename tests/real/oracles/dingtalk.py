"""dingtalk.py LOG SECRET: every message of the log is signed as a client by others signs it, and looks as it makes one."""
import json
import sys
import urllib.parse

from dingtalkchatbot import chatbot

secret = sys.argv[2]
sent = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
sent = [one for one in sent if one["method"] == "POST" and one["path"].startswith("/robot/send")]
assert sent, "nothing was sent"
for one in sent:
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(one["path"]).query, strict_parsing=True)
    body = json.loads(one["body"])
    bot = chatbot.DingtalkChatbot("/robot/send?access_token=" + query["access_token"][0], secret=secret)
    bot.start_time = int(query["timestamp"][0]) / 1000
    bot.update_webhook()
    assert bot.webhook == one["path"], (bot.webhook, one["path"])
    made = {}
    bot.post = made.update
    bot.msg_open_type = lambda url: url
    markdown, at = body["markdown"], body["at"]
    bot.send_markdown(
        title=markdown["title"],
        text=markdown["text"],
        is_at_all=at["isAtAll"],
        at_mobiles=at["atMobiles"],
        at_dingtalk_ids=at["atUserIds"],
        is_auto_at=False,
    )
    # The client leaves out what is empty.
    body["at"] = {key: value for key, value in at.items() if value}
    assert made == body, (made, body)
    assert all("@" + mobile in markdown["text"] for mobile in at["atMobiles"])
    assert len(one["body"].encode()) <= 20000
print(f"{len(sent)} messages")
