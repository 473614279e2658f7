// adaptive_card.mjs LOG: every card of the log is one that the SDK of Adaptive Cards reads as it stands, at version 1.4.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

globalThis.self = globalThis;
const sdk = createRequire(process.env.ORACLES + "/")("adaptivecards/dist/adaptivecards.js");
const requests = readFileSync(process.argv[2], "utf8").trim().split("\n").map((line) => JSON.parse(line));
const sent = requests.filter((request) => request.method === "POST" && request.body.includes("AdaptiveCard"));
if (sent.length === 0) throw new Error("nothing was sent");
for (const request of sent) {
    for (const { contentType, content } of JSON.parse(request.body).attachments) {
        if (contentType !== "application/vnd.microsoft.card.adaptive") throw new Error(contentType);
        const context = new sdk.SerializationContext(sdk.Versions.v1_4);
        const card = new sdk.AdaptiveCard();
        card.parse(content, context);
        const events = [...Array(context.eventCount).keys()].map((index) => context.getEventAt(index).message);
        events.push(...card.validateProperties().validationEvents.map((event) => event.message));
        if (events.length > 0) throw new Error(events.join("\n"));
        if (card.getItemCount() !== content.body.length) throw new Error("elements were left out");
    }
}
