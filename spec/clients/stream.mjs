/* The browser's own EventSource and fetch, under the npm client and alone: node stream.mjs http://HOST:PORT
 * (started by stream_spec.lua). The page is of another origin than its server: that of `pages` below, which is allowed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { check, run, until } from "./check.mjs";

const BASE = process.argv[2], SDK = readFileSync(new URL("node_modules/centrifuge/dist/centrifuge.js", import.meta.url));

const pages = createServer((request, answer) => {
    const is_sdk = request.url === "/centrifuge.js";
    answer.setHeader("Content-Type", is_sdk ? "text/javascript" : "text/html");
    answer.end(is_sdk ? SDK : '<!doctype html><link rel="icon" href="data:,"><script src="/centrifuge.js"></script>');
});
await new Promise((ready) => { pages.listen(0, "127.0.0.1", ready); });
const port = pages.address().port;

const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--host-resolver-rules=MAP stranger.example 127.0.0.1"],
});

/** A page of that host with a client of the package; what happens to it is in window.seen. */
async function page(user, host = "127.0.0.1") {
    const made = await browser.newPage();
    await made.goto(`http://${host}:${port}/`);
    await made.evaluate(({ base, name }) => {
        window.seen = [];
        const streams = [{ transport: "sse", endpoint: `${base}/connection/sse?as=${name}` }];
        window.client = new Centrifuge(streams, { emulationEndpoint: base + "/emulation", minReconnectDelay: 50, maxReconnectDelay: 200 });
        for (const event of ["connecting", "connected", "disconnected", "error"])
            client.on(event, ({ code, transport }) => seen.push({ event, code, transport }));
        client.connect();
    }, { base: BASE, name: user });
    return made;
}
const has = (made, event, code) => until(() => made.evaluate((wanted) =>
    seen.find((one) => one.event === wanted.event && (wanted.code === undefined || one.code === wanted.code)), { event, code }), event);
const join = (made, channel) => made.evaluate(async (name) => {
    window.sub = client.newSubscription(name);
    window.heard = [];
    sub.on("publication", ({ data }) => heard.push(data));
    sub.subscribe();
    await sub.ready(5000);
}, channel);
const heard = (made, count) => until(() => made.evaluate((n) => heard.length >= n && heard, count), count + " messages");

check("a page of another origin that is allowed connects, speaks and hears", async () => {
    const ann = await page("ann"), bob = await page("bob");
    assert.equal((await has(ann, "connected")).transport, "sse");
    for (const made of [ann, bob]) await join(made, "room:a");
    await ann.evaluate(() => sub.publish({ text: "grüße \u{1F600}" }));
    await bob.evaluate(() => sub.publish({ shout: "hey" }));
    for (const made of [ann, bob])
        assert.deepEqual(await heard(made, 2), [{ text: "grüße \u{1F600}" }, { shout: "HEY", by: "bob" }]);
    assert.deepEqual(await ann.evaluate(async () => (await client.rpc("room:a/add", { n: 2 })).data), { sum: 2, of: "a" });
    assert.equal(await ann.evaluate(async () => (await sub.presenceStats()).numUsers), 2);
});

check("a page answers pings, is put out by a disconnect, and comes back where that is asked for", async () => {
    const dan = await page("dan");
    await has(dan, "connected");
    await join(dan, "room:back");
    await new Promise((go) => { setTimeout(go, 5000); });
    assert.equal((await dan.evaluate(() => seen)).filter((one) => one.event === "connected").length, 1);
    const api = (disconnect) => fetch(`${BASE}/api/disconnect`,
        { method: "POST", headers: { "X-API-Key": "judge-key" }, body: JSON.stringify({ user: "dan", disconnect }) });
    await api({ code: 4001, reason: "come again" });
    await has(dan, "connecting", 4001);
    await until(() => dan.evaluate(() => seen.filter((one) => one.event === "connected").length === 2), "connected again");
    await dan.evaluate(async () => { await sub.ready(5000); await sub.publish({ n: 1 }); });
    await heard(dan, 1);
    await api({ code: 4500, reason: "stay away" });
    await has(dan, "disconnected", 4500);
});

check("a page of a stranger gets nothing", async () => {
    const eve = await page("eve", "stranger.example");
    await has(eve, "error");
    assert.ok(!(await eve.evaluate(() => seen)).some((one) => one.event === "connected"));
    const status = (path) => eve.evaluate(async (url) => {
        try {
            return (await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" })).status;
        } catch {
            return "not told";
        }
    }, BASE + path);
    assert.equal(await status("/emulation"), "not told");
    assert.equal(await status("/connection/sse"), "not told");
});

check("an EventSource alone, without a client, hears a channel and comes back by itself", async () => {
    const fay = await page("fay");
    await has(fay, "connected");
    await fay.evaluate((base) => {
        const commands = '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room:plain"}}';
        window.lines = [];
        window.source = new EventSource(`${base}/connection/sse?as=gil&cf_connect=${encodeURIComponent(commands)}`);
        source.onmessage = ({ data }) => lines.push(data);
    }, BASE);
    const has_line = (text, count = 1) => until(() => fay.evaluate(({ part, n }) =>
        lines.filter((line) => line.includes(part)).length >= n, { part: text, n: count }), text);
    await has_line('{"id":2,"subscribe":');
    await fay.evaluate(() => client.publish("room:plain", [1]));
    await has_line('"pub":{"data":[1]');
    await fetch(`${BASE}/api/disconnect`,
        { method: "POST", headers: { "X-API-Key": "judge-key" }, body: JSON.stringify({ user: "gil", disconnect: { code: 4001, reason: "again" } }) });
    await has_line('"disconnect":{"code":4001,"reason":"again"}');
    await has_line('{"id":2,"subscribe":', 2);
});

await run(async () => {
    for (const context of browser.contexts()) await context.close();
});
