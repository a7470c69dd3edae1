/* Judges /weir.js in Node: node weirjs.mjs http://HOST:PORT (started by weirjs_spec.lua). The first
 * half asks the running server; the second a puppet, which says what no good server would. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import WebSocket, { WebSocketServer } from "ws";
import { check, failure, Record, run, until, within } from "./check.mjs";

const FILE = new URL("../../core/net/static/weir.js", import.meta.url);
const Weir = createRequire(import.meta.url)(FILE.pathname);
const ENDPOINT = process.argv[2].replace(/^http/, "ws") + "/connection/websocket";
const FAST = { WebSocket, minDelay: 30, maxDelay: 200 };
const open = new Set();
const soon = (ms = 100) => new Promise((go) => setTimeout(go, ms));

function client(url, options) {
    const weir = new Weir(url, { ...FAST, ...options });
    weir.events = new Record(weir, ["connecting", "connected", "disconnected", "message", "error"]);
    open.add(() => weir.close());
    return weir;
}
function person(name, options) {
    const weir = client(ENDPOINT, { as: name, ...options });
    weir.connect();
    return weir;
}
function watched(weir, channel, options) {
    const sub = weir.subscribe(channel, options);
    sub.events = new Record(sub, ["message", "subscribed", "unsubscribed", "error"]);
    return sub;
}
async function joined(weir, channel, options) {
    const sub = watched(weir, channel, options);
    await within(sub.ready, "subscribed to " + channel);
    return sub;
}
async function api(method, body) {
    const answer = await fetch(`${process.argv[2]}/api/${method}`,
        { method: "POST", headers: { "X-API-Key": "judge-key" }, body: JSON.stringify(body) });
    assert.equal(answer.status, 200);
}

/* the running server */

check("has fewer than 10,000 bytes", async () => {
    const bytes = readFileSync(FILE).length;
    assert.ok(bytes < 10000, `${bytes} bytes`);
});

check("is served by the server as it is, with the overlay behind it in dev mode", async () => {
    const text = await (await fetch(process.argv[2] + "/weir.js")).text();
    assert.ok(text.startsWith(readFileSync(FILE, "utf8")));
    assert.ok(text.includes("weir-overlay"));
});

check("hears what passes its filter", async () => {
    const ann = person("ann"), ben = person("ben");
    await ann.events.next("connected");
    const sub = await joined(ben, "sieve:w", { filter: { kind: ["a", "b"], size: { gt: 5 } } });
    for (const size of [9, 5, 8]) await ann.publish("sieve:w", { kind: size === 8 ? "c" : "a", size });
    await ann.publish("sieve:w", { kind: "b", size: 6 });
    await sub.events.next("message", ({ size }) => size === 6);
    assert.deepEqual(sub.events.all("message"), [{ kind: "a", size: 9 }, { kind: "b", size: 6 }]);
});

check("hears what was said last in a channel when it comes", async () => {
    const ann = person("ann"), ben = person("ben");
    await ann.events.next("connected");
    await ann.publish("last:w", { key: "x", n: 1, cost: 1 });
    const sub = await joined(ben, "last:w");
    assert.deepEqual(sub.events.all("message"), [{ key: "x", n: 1 }]);
    assert.deepEqual(sub.events.seen.map(({ name }) => name), ["subscribed", "message"]);
});

check("connects as whoever it says, with those roles", async () => {
    const ann = person("ann", { roles: ["staff", "chef"] });
    const { client: id } = await ann.events.next("connected");
    assert.match(id, /^[0-9a-f-]{36}$/);
    const { user, roles } = await ann.call("whoami");
    assert.deepEqual({ user, roles }, { user: "ann", roles: ["staff", "chef"] });
    await joined(ann, "staff:1");
});

check("talks: subscribes, publishes, hears who said it", async () => {
    const ann = await joined(person("ann"), "room:talk"), bob = await joined(person("bob"), "room:talk");
    assert.deepEqual(ann.events.all("subscribed"), [{ welcome: "ann", room: "talk" }]);
    assert.deepEqual(await ann.ready, { welcome: "ann", room: "talk" });
    await ann.publish({ n: 1 });
    await bob.events.next("message", (data, meta) => data.n === 1 && meta.user === "ann" && meta.offset >= 1);
    await ann.events.next("message", (data, meta) => data.n === 1 && /^[0-9a-f-]{36}$/.test(meta.client));
});

check("calls a channel's method", async () => {
    const sub = await joined(person("ann"), "room:call");
    assert.deepEqual(await sub.call("add", { n: 7 }), { sum: 7, of: "call" });
});

check("sees who is here", async () => {
    const ann = await joined(person("ann"), "room:here");
    await joined(person("bob"), "room:here");
    assert.deepEqual((await ann.presence()).map((p) => p.user).sort(), ["ann", "bob"]);
    assert.deepEqual(await ann.presenceStats(), { num_clients: 2, num_users: 2 });
});

check("gets errors with code, message, and in dev mode the place in the script", async () => {
    const sub = await joined(person("ann"), "room:errors");
    const refusal = await failure(sub.publish({ reject: "too rude" }));
    assert.ok(refusal instanceof Weir.WeirError && refusal instanceof Error);
    assert.deepEqual([refusal.code, refusal.message, !!refusal.temporary], [400, "too rude", false]);
    const fault = await failure(sub.publish({ boom: true }));
    assert.equal(fault.code, 500);
    assert.ok(fault.incident, "an incident to look for in the log");
    assert.match(JSON.stringify({ ...fault, message: fault.message }), /rooms\.lua/);
});

check("is told why a subscription is refused", async () => {
    const sub = watched(person("ann"), "nowhere:1");
    assert.equal((await failure(sub.ready)).code, 102);
    const [end] = sub.events.all("unsubscribed");
    assert.equal(end.code, 102);
    assert.match(end.reason, /unknown channel/);
    assert.equal(sub.events.all("error")[0].code, 102);
});

check("leaves, and can come back", async () => {
    const ann = person("ann"), sub = await joined(ann, "room:leave");
    const bob = await joined(person("bob"), "room:leave");
    sub.unsubscribe();
    await bob.events.next("message", (data) => data.left === "ann");
    const again = await joined(ann, "room:leave");
    assert.notEqual(again, sub);
    await again.publish({ n: 1 });
    await again.events.next("message", (data) => data.n === 1);
    assert.ok(!sub.events.all("message").some((data) => data.n === 1));
});

check("comes back by itself with its subscriptions, unless told to stay away", async () => {
    const fay = person("fay"), sub = await joined(fay, "room:back");
    await api("disconnect", { user: "fay", disconnect: { code: 4001, reason: "come again" } });
    await fay.events.next("connecting", (e) => e.code === 4001 && e.reason === "come again");
    await until(() => fay.events.all("connected").length === 2, "connected again");
    await within(sub.ready, "subscribed again");
    await sub.publish({ n: 1 });
    await sub.events.next("message", (data) => data.n === 1);
    await api("disconnect", { user: "fay" });
    assert.equal((await fay.events.next("disconnected")).code, 3503);
    assert.equal((await failure(fay.call("whoami"))).message, "not connected");
});

check("stays connected by answering pings", async () => {
    const ann = person("ann");
    await ann.events.next("connected");
    await soon(5000);
    assert.equal(ann.state, "connected");
    assert.equal(ann.events.all("connecting").length, 1);
});

check("sends a thousand messages of one tick in order, within the server's limit", async () => {
    const sub = await joined(person("ann"), "room:many");
    await Promise.all(Array.from({ length: 1000 }, (_, n) => sub.publish({ n, text: "é".repeat(200) })));
    await sub.events.next("message", (data) => data.n === 999);
    const expected = Array.from({ length: 1000 }, (_, n) => n);
    assert.deepEqual(sub.events.all("message").map((data) => data.n), expected);
});

/* the puppet */

/** A server that answers what `act(command, {say, close})` returns, and remembers what it got. */
async function puppet(act) {
    const listener = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((go) => listener.on("listening", go));
    open.add(() => { for (const socket of listener.clients) socket.terminate(); listener.close(); });
    const self = { connections: 0, frames: [], urls: [], url: `ws://127.0.0.1:${listener.address().port}/x` };
    listener.on("connection", (socket, request) => {
        self.connections++;
        self.urls.push(request.url);
        const say = (...replies) => socket.send(replies.map((r) => JSON.stringify(r)).join("\n"));
        self.say = say;
        self.raw = (text) => socket.send(text);
        socket.on("message", (frame) => {
            self.frames.push(String(frame));
            for (const line of String(frame).split("\n")) {
                const command = JSON.parse(line);
                const close = (code, reason) => socket.close(code, reason);
                const answer = act(command, { say, close });
                if (answer) say({ id: command.id, ...answer });
            }
        });
    });
    return self;
}
/** What a friendly server answers. */
function nod(command) {
    if (command.connect) return { connect: { client: "c1", ping: 25, pong: true } };
    if (command.subscribe) return { subscribe: {} };
    if (command.unsubscribe) return { unsubscribe: {} };
    if (command.publish) return { publish: {} };
    if (command.rpc) return { rpc: { data: command.rpc.data } };
    return undefined;
}

check("says connect and its subscriptions in the first frame, a tick's commands in the next", async () => {
    const server = await puppet(nod), weir = client(server.url);
    weir.subscribe("a");
    weir.subscribe("b", { data: { x: 1 } });
    weir.connect();
    const answer = weir.publish("a", 0);
    await answer;
    await Promise.all([weir.publish("a", 1), weir.call("m", 2), weir.publish("b", 3)]);
    const frames = server.frames.map((frame) => frame.split("\n").map((line) => JSON.parse(line)));
    assert.deepEqual(frames[0].map((c) => Object.keys(c)[1]), ["connect", "subscribe", "subscribe"]);
    assert.deepEqual(frames[0][2].subscribe, { channel: "b", data: { x: 1 } });
    assert.deepEqual(frames.slice(1).map((frame) => frame.length), [1, 3]);
});

check("hears a message that comes in the same frame as the reply to its subscribe", async () => {
    const server = await puppet((command, { say }) => {
        if (!command.subscribe) return nod(command);
        say({ id: command.id, subscribe: {} }, { push: { channel: "a", pub: { data: 1 } } },
            { push: { channel: "other", pub: { data: 2 } } }, { push: { message: { data: "hi" } } });
    });
    const weir = client(server.url), sub = watched(weir, "a");
    weir.connect();
    await weir.events.next("message", (data) => data === "hi");
    assert.deepEqual(sub.events.all("message"), [1]);
});

check("answers a ping with a pong", async () => {
    const server = await puppet(nod), weir = client(server.url);
    weir.connect();
    await weir.events.next("connected");
    server.say({});
    await until(() => server.frames.at(-1) === "{}", "the pong");
});

check("puts who it is into the address", async () => {
    const server = await puppet(nod), weir = client(server.url, { as: "ann b", roles: ["x", "y"] });
    weir.connect();
    await weir.events.next("connected");
    const query = new URLSearchParams(server.urls[0].split("?")[1]);
    assert.deepEqual([query.get("as"), query.get("roles")], ["ann b", "x,y"]);
});

check("is who the caller says, and whom the page's address says only if the caller says nothing", async () => {
    const server = await puppet(nod);
    const asked = async (query, options) => {
        const weir = client(server.url + query, options);
        weir.connect();
        await weir.events.next("connected");
        weir.close();
        return server.urls.at(-1).split("?")[1];
    };
    globalThis.location = { href: "http://page.test/?as=ann&roles=chef", search: "?as=ann&roles=chef" };
    try {
        assert.equal(await asked(""), "as=ann&roles=chef");
        assert.equal(await asked("?as=zed"), "as=zed");
        assert.equal(await asked("?roles=cook"), "roles=cook");
        assert.equal(await asked("", { as: "eve" }), "as=eve");
        assert.equal(await asked("?as=zed", { as: "eve" }), "as=eve");
    } finally {
        delete globalThis.location;
    }
});

check("shows its token, and asks for a new one when that has expired", async () => {
    const seen = [];
    const server = await puppet((command) => {
        if (!command.connect) return nod(command);
        seen.push(command.connect);
        if (command.connect.token === "new") return nod(command);
        return { error: { code: 109, message: "token expired" } };
    });
    const weir = client(server.url, { token: "old", getToken: async () => "new", data: { hi: 1 } });
    weir.connect();
    await weir.events.next("connected");
    assert.deepEqual(seen, [{ token: "old", data: { hi: 1 } }, { token: "new", data: { hi: 1 } }]);
});

check("tries again when it cannot get a token", async () => {
    let tries = 0;
    const server = await puppet(nod);
    const getToken = async () => {
        if (++tries < 3) throw new Error("no");
        return "t";
    };
    const weir = client(server.url, { getToken });
    weir.connect();
    await weir.events.next("connected");
    assert.equal(weir.events.all("error").length, 2);
});

check("stays away when its connect is refused, and tries again when that is temporary", async () => {
    let code = 111;
    const server = await puppet((command) => {
        if (!command.connect || code === 0) return nod(command);
        return { error: { code, message: "no", temporary: code === 111, where: "chat.lua:3" } };
    });
    const weir = client(server.url);
    const sub = watched(weir, "a");
    weir.connect();
    await until(() => server.connections >= 3, "three tries");
    code = 103;
    const end = await weir.events.next("disconnected");
    assert.deepEqual(end, { code: 103, reason: "no" });
    assert.equal(weir.events.all("error").at(-1).where, "chat.lua:3");
    assert.equal((await failure(sub.ready)).code, 103);
    code = 0;
    weir.connect();
    await within(sub.ready, "subscribed after all");
});

check("obeys close codes: 3500 to 3999 and 4500 to 4999 are for good", async () => {
    const final = { 3499: false, 3500: true, 3999: true, 4499: false, 4500: true, 4999: true };
    for (const [text, isFinal] of Object.entries(final)) {
        const code = Number(text);
        let n = 0;
        const server = await puppet((command, { close }) => {
            if (command.connect && n++ === 0) return close(code, "so long");
            return nod(command);
        });
        const weir = client(server.url);
        weir.connect();
        if (isFinal) assert.deepEqual(await weir.events.next("disconnected"), { code, reason: "so long" });
        else await weir.events.next("connected");
        assert.equal(server.connections, isFinal ? 1 : 2, `code ${code}`);
        weir.close();
    }
});

check("waits longer and longer, never the same, before it connects again", async () => {
    const delays = [], real = globalThis.setTimeout;
    const server = await puppet((command, { close }) => { close(3001, "shutdown"); });
    globalThis.setTimeout = (f, ms, ...more) => {
        if (f.name === "dial" && ms) delays.push(ms);
        return real(f, ms, ...more);
    };
    try {
        const weir = client(server.url, { minDelay: 10, maxDelay: 80 });
        weir.connect();
        await until(() => delays.length >= 12, "twelve tries");
    } finally {
        globalThis.setTimeout = real;
    }
    delays.forEach((ms, n) => assert.ok(ms >= 10 && ms <= Math.min(80, 10 + 10 * 2 ** n), `${n}: ${ms}`));
    assert.equal(new Set(delays).size, delays.length);
    assert.ok(Math.max(...delays) > 20);
});

check("retries a subscription refused for now, and not one refused for good", async () => {
    let tries = 0;
    const server = await puppet((command) => {
        if (command.subscribe?.channel !== "a" || ++tries > 3) return nod(command);
        return { error: { code: 100, message: "internal server error", temporary: true } };
    });
    const weir = client(server.url), sub = watched(weir, "a");
    weir.connect();
    await within(sub.ready, "subscribed");
    assert.equal(tries, 4);
    assert.equal(sub.events.all("error").length, 3);
    assert.equal(server.connections, 1);
});

check("subscribes again when told to by a code from 2500, and leaves below", async () => {
    const server = await puppet(nod), weir = client(server.url);
    const a = watched(weir, "a"), b = watched(weir, "b");
    weir.connect();
    await within(Promise.all([a.ready, b.ready]), "subscribed");
    server.say({ push: { channel: "a", unsubscribe: { code: 2500, reason: "insufficient state" } } });
    server.say({ push: { channel: "b", unsubscribe: { code: 2000, reason: "be gone" } } });
    await b.events.next("unsubscribed", (e) => e.code === 2000 && e.reason === "be gone");
    await until(() => a.events.all("subscribed").length === 2, "subscribed again");
    assert.deepEqual(a.events.all("unsubscribed"), []);
});

check("connects anew when the server falls silent", async () => {
    const server = await puppet((command) =>
        (command.connect ? { connect: { client: "c", ping: -9.9, pong: true } } : nod(command)));
    const weir = client(server.url); /* ping + 10 s = 0.1 s */
    weir.connect();
    await until(() => server.connections >= 3, "three connections");
    assert.ok(weir.events.all("connecting").some((e) => e.reason === "no ping"));
});

check("gives up a command that is not answered, and a connection whose subscribe is not", async () => {
    const isIgnored = (command) => command.rpc || command.subscribe?.channel === "b";
    const server = await puppet((command) => (isIgnored(command) ? undefined : nod(command)));
    const weir = client(server.url, { timeout: 200 }), a = watched(weir, "a");
    weir.connect();
    await within(a.ready, "subscribed");
    const late = await failure(weir.call("slow"));
    assert.deepEqual([late.message, late.temporary], ["no answer to rpc", true]);
    assert.equal(server.connections, 1);
    watched(weir, "b");
    await until(() => server.connections > 1, "a new connection");
});

check("fails what was not answered when the connection is lost, and keeps what is asked meanwhile", async () => {
    const server = await puppet((command, { close }) => {
        if (command.rpc?.method === "die") return close(4000, "oops");
        return nod(command);
    });
    const weir = client(server.url);
    weir.connect();
    const lost = await failure(weir.call("die"));
    assert.equal(lost.temporary, true);
    assert.equal(weir.state, "connecting");
    assert.equal(await weir.call("live", 5), 5);
});

check("connects anew on what is not JSON", async () => {
    const server = await puppet(nod), weir = client(server.url);
    weir.connect();
    await weir.events.next("connected");
    server.raw("<html>");
    await until(() => server.connections === 2 && weir.state === "connected", "connected again");
});

check("can be closed at any moment, and opened again", async () => {
    const server = await puppet(nod), weir = client(server.url), sub = watched(weir, "a");
    weir.connect();
    weir.close();
    assert.equal(weir.state, "disconnected");
    await soon();
    assert.equal(server.connections, 0);
    weir.connect();
    await within(sub.ready, "subscribed");
    weir.publish("a", "last words").catch(() => {});
    weir.close();
    await until(() => server.frames.at(-1)?.includes("last words"), "the last words");
    weir.close();
    assert.deepEqual(weir.events.all("disconnected").length, 2);
});

check("hears nothing more once it is closed, not even the rest of a frame", async () => {
    const server = await puppet(nod), weir = client(server.url), heard = [];
    weir.on("message", (data) => {
        heard.push(data);
        weir.close();
    });
    weir.connect();
    await weir.events.next("connected");
    server.say({ push: { message: { data: 1 } } }, { push: { message: { data: 2 } } });
    await weir.events.next("disconnected");
    await soon();
    assert.deepEqual(heard, [1]);
});

check("unsubscribes once, and forgets a subscription left before it was answered", async () => {
    const server = await puppet(nod), weir = client(server.url), sub = watched(weir, "a");
    weir.connect();
    await within(sub.ready, "subscribed");
    sub.unsubscribe();
    sub.unsubscribe();
    const next = watched(weir, "a");
    await within(next.ready, "subscribed");
    server.say({ push: { channel: "a", pub: { data: 1 } } });
    await next.events.next("message");
    assert.deepEqual(sub.events.all("message"), []);
    assert.equal(sub.events.all("unsubscribed").length, 1);
    assert.equal(server.frames.filter((frame) => frame.includes("unsubscribe")).length, 1);
});

check("lets a handler be taken off, and survives one that throws", async () => {
    const server = await puppet(nod), weir = client(server.url);
    const sub = weir.subscribe("a");
    const heard = [], thrown = [];
    const catchIt = (error) => thrown.push(error.message);
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", catchIt);
    sub.on("message", () => { throw new Error("mine"); });
    const stop = sub.on("message", (data) => heard.push(data));
    weir.connect();
    await sub.ready;
    server.say({ push: { channel: "a", pub: { data: 1 } } });
    await until(() => thrown.length === 1, "the error");
    stop();
    server.say({ push: { channel: "a", pub: { data: 2 } } });
    await until(() => thrown.length === 2, "the second error");
    process.removeAllListeners("uncaughtException");
    before.forEach((handler) => process.on("uncaughtException", handler));
    assert.deepEqual(heard, [1]);
    assert.deepEqual(thrown, ["mine", "mine"]);
});

await run(() => {
    for (const close of open) close();
    open.clear();
});
