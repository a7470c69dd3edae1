/* Plays a dialogue of a page against a server: node talk_page.mjs URL LOGFILE <dialogue. Says "ok", or
 * which line did not come true. The words (… stands for anything; a # begins a comment line):
 *
 *   ann> {"id":1,...}            a raw line; ann< {...} the next line she gets; ann< closed 3501 bad request
 *   api> publish {...}           POST /api/publish; api< {...} its answer
 *   log< words                   the server's log has a line with them
 *   ann subscribes chat:1 [JSON] [-> JSON | -> error 103 text]     and unsubscribes, publishes, calls, presence
 *   ann (role,role) ...          at her first line: the roles she says she has; anon is nobody known
 *   ann hears chat:1 JSON        a message; ann hears nothing; ann gets JSON (client:send)
 *   ann loses chat:1 2000 text   an unsubscribe push; ann is closed 3503 text; ann leaves */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const { WebSocket } = createRequire(new URL("../clients/", import.meta.url))("ws");

const [url, log] = process.argv.slice(2), WAIT = 5000;
const people = new Map();
const tick = () => new Promise((go) => setTimeout(go, 10));

function like(text, shown) {
    const parts = shown.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join("[^]*")}$`).test(text);
}
async function wait(what, ask) {
    const end = Date.now() + WAIT;
    for (;;) {
        const found = ask();
        if (found !== undefined) return found;
        if (Date.now() > end) throw new Error(typeof what === "function" ? what() : what);
        await tick();
    }
}

async function person(name, roles) {
    if (people.has(name)) return people.get(name);
    const query = name === "anon" ? "" : `?as=${name}${roles ? "&roles=" + roles : ""}`;
    const socket = new WebSocket(url.replace(/^http/, "ws") + "/connection/websocket" + query);
    const self = { socket, raw: [], pushes: [], replies: new Map(), id: 0, closed: null, isOn: false };
    socket.on("message", (data) => {
        for (const line of data.toString().split("\n")) {
            if (line === "{}") { socket.send("{}"); continue; }
            self.raw.push(line);
            const said = JSON.parse(line);
            if (said.push) self.pushes.push(line);
            else self.replies.set(said.id, line);
        }
    });
    socket.on("close", (code, reason) => { self.closed = `${code} ${reason}`; });
    people.set(name, self);
    await new Promise((go, stop) => { socket.on("open", go); socket.on("error", stop); });
    return self;
}
async function ask(self, verb, request) {
    const id = ++self.id;
    self.socket.send(`{"id":${id},"${verb}":${request}}`);
    const line = await wait(() => `no answer to ${verb}${self.closed ? ": closed " + self.closed : ""}`,
        () => self.replies.get(id));
    const { error, ...rest } = JSON.parse(line);
    if (error) return { text: `error ${error.code} ${error.message}` };
    const text = line.slice(`{"id":${id},"${verb}":`.length, -1);
    return { text, result: rest[verb] };
}

/* [channel or method, the rest of the line] */
const split = (text) => text.match(/^(\S+)\s*(.*)$/).slice(1);
/* Data goes out byte for byte. */
const request = (name, value, data) => `{"${name}":${JSON.stringify(value)}${data ? `,"data":${data}` : ""}}`;

const verbs = {
    subscribes: (channel, data) => ["subscribe", request("channel", channel, data)],
    unsubscribes: (channel) => ["unsubscribe", request("channel", channel)],
    publishes: (channel, data) => ["publish", request("channel", channel, data)],
    calls: (method, data) => ["rpc", request("method", method, data)],
    presence: (channel) => ["presence", request("channel", channel)],
};
function resultOf(verb, { text }) {
    if (text.startsWith("error ")) return text;
    const inner = /^\{"(?:data|presence)":(.*)\}$/s.exec(text);
    return (verb !== "presence" && inner) ? inner[1] : text;
}

async function push(self, start, shown, name) {
    const [at] = await wait(
        () => `${name} never got ${start}${shown}; waiting: ${self.pushes.join(" ") || "nothing"}`,
        () => {
            const n = self.pushes.findIndex((line) => line.startsWith(start) && like(line.slice(start.length), shown));
            return n < 0 ? undefined : [n];
        });
    self.pushes.splice(at, 1);
}

async function act(self, name, words) {
    let m;
    if (words === "leaves") {
        self.socket.close();
        await wait("never closed", () => self.closed ?? undefined);
        people.delete(name);
        return;
    }
    if ((m = /^is closed (.*)$/.exec(words))) {
        const closed = await wait(`${name} was never closed`, () => self.closed ?? undefined);
        if (!like(closed, m[1])) throw new Error(`${name} was closed ${closed}`);
        people.delete(name);
        return;
    }
    if (!self.isOn) {
        const { text } = await ask(self, "connect", "{}");
        if (words.startsWith("connects")) {
            const shown = words.slice("connects -> ".length);
            if (!like(text, shown)) throw new Error(`${name} got ${text}`);
            if (text.startsWith("error")) people.delete(name);
            else self.isOn = true;
            return;
        }
        if (text.startsWith("error")) throw new Error(`${name} does not come in: ${text}`);
        self.isOn = true;
    }
    if (words === "hears nothing") {
        await ask(self, "rpc", '{"method":"?"}');
        const heard = self.pushes.filter((line) => line.includes('"pub"'));
        if (heard.length) throw new Error(`${name} heard ${heard.join(" ")}`);
        return;
    }
    if ((m = /^hears (\S+) (.*)$/.exec(words)))
        return push(self, `{"push":{"channel":"${m[1]}","pub":{"data":`, m[2] + "…", name);
    if ((m = /^gets (.*)$/.exec(words)))
        return push(self, '{"push":{"message":{"data":', m[1] + "}}}", name);
    if ((m = /^loses (\S+) (\d+) (.*)$/.exec(words)))
        return push(self, `{"push":{"channel":"${m[1]}","unsubscribe":`, `{"code":${m[2]},"reason":"${m[3]}"}}}`, name);
    if ((m = /^sends (.*)$/.exec(words)))
        return self.socket.send(`{"send":{"data":${m[1]}}}`);
    m = /^(\w+) (.*?)(?:\s+->\s+(.*))?$/.exec(words);
    if (!m || !verbs[m[1]]) throw new Error("this line is not understood");
    const answer = await ask(self, ...verbs[m[1]](...split(m[2])));
    const text = resultOf(m[1], answer);
    if (m[3] === undefined ? text.startsWith("error") : !like(text, m[3])) throw new Error(`got ${text}`);
}

let answer = "";
async function play(line) {
    let m;
    if ((m = /^log< (.*)$/.exec(line)))
        return wait(() => `the log never said so:\n${readFileSync(log, "utf8").slice(-1500)}`,
            () => readFileSync(log, "utf8").split("\n").some((said) => like(said, `…${m[1]}…`)) || undefined);
    if ((m = /^api> (\S+) (.*)$/.exec(line))) {
        answer = await (await fetch(`${url}/api/${m[1]}`, { method: "POST", body: m[2] })).text();
        return;
    }
    if ((m = /^api< (.*)$/.exec(line))) {
        if (!like(answer, m[1])) throw new Error(`got ${answer}`);
        return;
    }
    if ((m = /^(\w+)> (.*)$/.exec(line))) return void (await person(m[1])).socket.send(m[2]);
    if ((m = /^(\w+)< closed (.*)$/.exec(line))) return act(await person(m[1]), m[1], "is closed " + m[2]);
    if ((m = /^(\w+)< (.*)$/.exec(line))) {
        const self = await person(m[1]);
        const got = await wait(() => `nothing came${self.closed ? ", closed " + self.closed : ""}`, () => self.raw.shift());
        if (!like(got, m[2])) throw new Error(`got ${got}`);
        return;
    }
    m = /^(\w+)\s*(?:\(([\w,]+)\))?\s+(.*)$/.exec(line);
    if (!m) throw new Error("this line is not understood");
    return act(await person(m[1], m[2]), m[1], m[3].trim());
}

const lines = readFileSync(0, "utf8").split("\n");
for (const [n, line] of lines.entries()) {
    if (!line.trim() || line.startsWith("#")) continue;
    try {
        await play(line.trim());
    } catch (error) {
        console.log(`line ${n + 1}: ${line}\n  ${error.message}`);
        process.exit(1);
    }
}
console.log("ok");
process.exit(0);
