/* Clients with permessage-deflate of their own: node deflate.mjs http://HOST:PORT (started by deflate_spec.lua).
 * What Chromium gets is not seen on the wire: there the server's own count tells. */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import WebSocket from "ws";
import { check, run, until, within } from "./check.mjs";

const BASE = process.argv[2], SOCKETS = BASE.replace(/^http/, "ws");
const ENDPOINT = "/connection/websocket";
const AGREED = { server_no_context_takeover: true, client_no_context_takeover: true };
const LONG = "everybody hears the same ".repeat(200);
const open = new Set();

/** A socket of ws; `lines` are those that came, `seen` how many bytes came for them. */
async function socket(path, perMessageDeflate) {
    const made = new WebSocket(SOCKETS + path, { perMessageDeflate });
    made.lines = [];
    made.on("message", (data) => made.lines.push(...data.toString().split("\n").filter((line) => line !== "{}")));
    open.add(() => made.terminate());
    await within(new Promise((resolve, reject) => {
        made.on("open", resolve);
        made.on("error", reject);
    }), "open");
    made.seen = () => made._socket.bytesRead;
    return made;
}
const terms = (made) => made._extensions["permessage-deflate"]?.params;
const pubs = (lines) => lines.map((line) => JSON.parse(line).push?.pub?.data).filter((data) => data !== undefined);

async function member(name, channel, perMessageDeflate) {
    const made = await socket(`${ENDPOINT}?as=${name}`, perMessageDeflate);
    made.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`);
    await until(() => made.lines.some((line) => line.startsWith('{"id":2')), "subscribed");
    return made;
}
function say(made, channel, data) {
    made.send(JSON.stringify({ id: 3, publish: { channel, data } }));
}

check("ws agrees on it, without context", async () => {
    const made = await socket("/echo", true);
    assert.deepEqual({ ...terms(made) }, AGREED);
});

check("ws agrees on a window of 15 bits, and goes on plainly where it wants a smaller one", async () => {
    const wide = await socket("/echo", { serverMaxWindowBits: 15, clientMaxWindowBits: 9 });
    assert.equal(terms(wide).server_max_window_bits, 15);
    assert.equal(terms(await socket("/echo", { serverMaxWindowBits: 9 })), undefined);
});

check("ws gets back what it sends, of any size", async () => {
    const made = await socket("/echo", { threshold: 0, clientMaxWindowBits: 10 });
    for (const size of [1, 511, 512, 100000, 3000000]) {
        made.lines.length = 0;
        const text = LONG.repeat(size / LONG.length + 1).slice(0, size);
        made.send(text);
        await until(() => made.lines.length > 0, "the echo");
        assert.ok(made.lines[0] === text);
    }
});

check("members with and without hear the same in the same order", async () => {
    const plain = await member("ann", "quiet:a", false), packed = await member("ben", "quiet:a", { threshold: 0 });
    const before = [plain.seen(), packed.seen()];
    for (let n = 0; n < 40; n++) say(n % 2 ? plain : packed, "quiet:a", { n, text: LONG });
    for (const made of [plain, packed]) {
        const numbers = await until(() => {
            const all = pubs(made.lines);
            return all.length === 40 && all;
        }, "40 messages");
        assert.ok(numbers.every(({ text }) => text === LONG));
    }
    assert.deepEqual(pubs(plain.lines), pubs(packed.lines));
    const [much, little] = [plain.seen() - before[0], packed.seen() - before[1]];
    assert.ok(little * 10 < much, `${little} bytes for ${much}`);
});

async function compressed() {
    const text = await (await fetch(BASE + "/metrics")).text();
    return Number(text.match(/^weir_deflate_bytes_total\{stage="before"\} (\d+)$/m)[1]);
}

let browser;
check("Chromium offers it, and what it hears was compressed", async () => {
    browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
    });
    const page = await browser.newPage(), before = await compressed();
    await page.goto(BASE + "/healthz");
    const { extensions, heard } = await page.evaluate(async ({ url, long }) => {
        const made = new WebSocket(url), lines = [];
        await new Promise((resolve) => { made.onopen = resolve; });
        const all = new Promise((resolve) => {
            made.onmessage = ({ data }) => {
                lines.push(...data.split("\n"));
                if (lines.some((line) => line.startsWith('{"push"'))) resolve();
            };
        });
        made.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"quiet:b"}}');
        made.send(JSON.stringify({ id: 3, publish: { channel: "quiet:b", data: long } }));
        await all;
        return { extensions: made.extensions, heard: lines };
    }, { url: `${SOCKETS}${ENDPOINT}?as=cat`, long: LONG });
    assert.match(extensions, /^permessage-deflate/);
    assert.deepEqual(pubs(heard.filter((line) => line !== "{}")), [LONG]);
    assert.ok(await compressed() >= before + LONG.length);
});

await run(async () => {
    for (const close of open) close();
    open.clear();
    await browser?.close();
});
