// signed.mjs SECRET BODY HEADERS: the libraries of Standard Webhooks and of GitHub's hooks take the headers for the body,
// and not for another.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.ORACLES + "/");
const { Webhook } = require("standardwebhooks");
const { verify } = await import(
  pathToFileURL(process.env.ORACLES + "/node_modules/@octokit/webhooks-methods/dist-node/index.js")
);
const [secret, body, lines] = process.argv.slice(2);
const headers = Object.fromEntries(lines.trim().split("\n").map((line) => line.split(": ")));
const takes = (body) => {
  try {
    new Webhook(secret).verify(body || "{}", headers);
    return true;
  } catch (error) {
    // What is signed need not be JSON, which the library reads after it has checked.
    return error instanceof SyntaxError;
  }
};
if (body && !takes(body)) throw new Error("standardwebhooks refuses it");
if (takes(body + " ")) throw new Error("standardwebhooks takes another body");
if (body && !(await verify(secret, body, headers["x-hub-signature-256"]))) throw new Error("octokit refuses it");
if (await verify(secret, body + " ", headers["x-hub-signature-256"])) throw new Error("octokit takes another body");
