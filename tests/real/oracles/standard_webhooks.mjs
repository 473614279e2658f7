// standard_webhooks.mjs LOG SECRET: every POST of the log carries a signature that the reference library takes.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { Webhook } = createRequire(process.env.ORACLES + "/")("standardwebhooks");
const [log, secret] = process.argv.slice(2);
const requests = readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const sent = requests.filter((request) => request.method === "POST");
if (sent.length === 0) throw new Error("nothing was sent");
for (const request of sent) new Webhook(secret).verify(request.body, request.headers);
