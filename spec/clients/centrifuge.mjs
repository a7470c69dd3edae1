/* The npm package `centrifuge` as judge: node centrifuge.mjs http://HOST:PORT websocket|sse
 * Started by centrifuge_spec.lua, whose options and rules.lua it takes for granted. Where the client
 * is too polite, a bare WebSocket or event stream asks. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Centrifuge } from "centrifuge";
import EventSource from "eventsource";
import WebSocket from "ws";
import { check, failure, Record, run, until, within } from "./check.mjs";

const BASE = process.argv[2], SECRET = "judge-secret", KEY = "judge-key";
const SOCKETS = BASE.replace(/^http/, "ws") + "/connection/websocket", STREAMS = BASE + "/connection/sse";
const IS_STREAM = process.argv[3] === "sse";
const ENDPOINT = IS_STREAM ? [{ transport: "sse", endpoint: STREAMS }] : SOCKETS;
const open = new Set();

/* Tokens, signed here and not by the server. */
function token(claims) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = part({ alg: "HS256", typ: "JWT" }) + "." + part(claims);
    return body + "." + createHmac("sha256", SECRET).update(body).digest("base64url");
}
const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

/** A client of the package; `events` records what happened to it. */
function client(options = {}) {
    const fast = { websocket: WebSocket, eventsource: EventSource, fetch, emulationEndpoint: BASE + "/emulation",
        minReconnectDelay: 50, maxReconnectDelay: 200 };
    const made = new Centrifuge(ENDPOINT, { ...fast, ...options });
    made.events = new Record(made, ["connecting", "connected", "disconnected", "error", "message"]);
    made.on("error", () => {});
    open.add(() => made.disconnect());
    return made;
}
const as = (user, claims = {}) => client({ token: token({ sub: user, ...claims }) });

async function connected(made) {
    made.connect();
    await within(made.ready(), "connected");
    return made;
}
async function subscribed(made, channel, options) {
    const sub = made.newSubscription(channel, options);
    sub.events = new Record(sub, ["subscribed", "unsubscribed", "subscribing", "publication", "error"]);
    sub.subscribe();
    await within(sub.ready(), "subscribed to " + channel);
    return sub;
}
/** A subscription that is refused: the {code, reason} it ends with. */
async function refused(made, channel, options) {
    const sub = made.newSubscription(channel, options);
    const end = new Promise((resolve) => sub.on("unsubscribed", resolve));
    sub.on("error", () => {});
    sub.subscribe();
    const { code, reason } = await within(end, "refused " + channel);
    made.removeSubscription(sub);
    return { code, reason };
}
const text = (commands) => commands.map((c) => (typeof c === "string" ? c : JSON.stringify(c))).join("\n");
const replyIn = (lines, id) =>
    until(() => lines.map((line) => JSON.parse(line)).find((r) => r.id === id), "reply " + id);
/** A bare WebSocket: text frames out; lines in, pings left out. */
async function bareSocket(protocols) {
    const socket = new WebSocket(SOCKETS, protocols);
    const lines = [];
    let end;
    const closed = new Promise((resolve) => { end = resolve; });
    socket.on("message", (frame) =>
        lines.push(...String(frame).split("\n").filter((line) => line && line !== "{}")));
    socket.on("close", (code, reason) => end({ code, reason: String(reason) }));
    const opened = new Promise((resolve, reject) => {
        socket.on("open", resolve);
        socket.on("error", reject);
    });
    await within(opened, "opened");
    open.add(() => socket.terminate());
    return {
        socket, lines, closed: () => within(closed, "closed"), say: (...commands) => socket.send(text(commands)),
        reply: (id) => replyIn(lines, id),
    };
}
/** The same as an event stream, opened by what is said first. */
function bareStream() {
    const lines = [], abort = new AbortController();
    let end, sent;
    const closed = new Promise((resolve) => { end = resolve; });
    const hear = (line) => {
        const gone = JSON.parse(line).push?.disconnect;
        if (gone) end(gone);
        else if (line !== "{}") lines.push(line);
    };
    const post = (path, body) => fetch(BASE + path, { method: "POST", body, signal: abort.signal });
    const emulate = async (data) => {
        const { connect } = await replyIn(lines, 1);
        const { status } = await post("/emulation", JSON.stringify({ session: connect.session, node: connect.node, data }));
        assert.equal(status, 204);
    };
    async function read(body) {
        let rest = "";
        for await (const part of body.pipeThrough(new TextDecoderStream())) {
            const events = (rest + part).split("\n\n");
            rest = events.pop();
            events.forEach((event) => hear(event.trim().replace(/^data: /, "")));
        }
    }
    const start = (first) => post("/connection/sse", first).then((answer) => { read(answer.body).catch(() => {}); });
    open.add(() => abort.abort());
    return {
        lines, closed: () => within(closed, "closed"), reply: (id) => replyIn(lines, id),
        say: (...commands) => {
            sent = sent ? sent.then(() => emulate(text(commands))) : start(text(commands));
            sent.catch(() => {});
        },
    };
}
const bare = IS_STREAM ? bareStream : bareSocket;
const hello = (user) => ({ id: 1, connect: { token: token({ sub: user }) } });
async function ask(made, ...commands) {
    made.say(...commands);
    return made.reply(commands.at(-1).id);
}
async function api(method, body) {
    const answer = await fetch(`${BASE}/api/${method}`,
        { method: "POST", headers: { "X-API-Key": KEY }, body: JSON.stringify(body) });
    assert.equal(answer.status, 200);
    return answer.json();
}
const soon = (ms = 150) => new Promise((go) => setTimeout(go, ms));

/* connect */

check("connects with a token and is told its id", async () => {
    const ann = await connected(as("ann"));
    const [told] = ann.events.all("connected");
    assert.match(told.client, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

check("takes the user, the roles and the claims from the token", async () => {
    const ann = await connected(as("ann", { roles: ["staff", "chef"], team: "blue", exp: inSeconds(60) }));
    const { data } = await ann.rpc("whoami", null);
    assert.deepEqual(data, { user: "ann", roles: ["staff", "chef"], team: "blue" });
});

check("is sent away for good with a token signed by somebody else", async () => {
    const mallory = client({ token: token({ sub: "ann" }).slice(0, -6) + "AAAAAA" });
    mallory.connect();
    const { code, reason } = await mallory.events.next("disconnected");
    assert.equal(code, 3500);
    assert.equal(reason, "invalid token");
});

check("is sent away for good with a token that names no algorithm", async () => {
    const [, body] = token({ sub: "ann" }).split(".");
    const mallory = client({ token: Buffer.from('{"alg":"none"}').toString("base64url") + "." + body + "." });
    mallory.connect();
    assert.equal((await mallory.events.next("disconnected")).code, 3500);
});

check("fetches a new token when its own has expired", async () => {
    let asked = 0;
    const ann = client({
        token: token({ sub: "ann", exp: inSeconds(-60) }),
        getToken: async () => { asked++; return token({ sub: "ann", exp: inSeconds(60) }); },
    });
    await connected(ann);
    assert.equal(asked, 1);
    assert.equal(ann.events.all("error")[0].error.code, 109);
});

check("may come without a token, and is then nobody", async () => {
    const nobody = await connected(client());
    assert.equal((await nobody.rpc("echo", 1).catch((e) => e)).code, undefined);
    assert.deepEqual(await refused(nobody, "room:hall"), { code: 103, reason: "permission denied" });
    await subscribed(nobody, "news:today");
});

check("sends connect and its subscriptions in one frame", async () => {
    const ann = as("ann");
    const sub = ann.newSubscription("room:early");
    sub.subscribe();
    ann.connect();
    await within(sub.ready(), "subscribed");
});

/* subscribe, unsubscribe */

check("is subscribed, with the data that the hook returned", async () => {
    const sub = await subscribed(await connected(as("ann")), "room:data");
    assert.deepEqual(sub.events.all("subscribed")[0].data, { welcome: "ann", room: "data" });
});

check("is told why a subscription is refused", async () => {
    const ann = await connected(as("ann"));
    assert.deepEqual(await refused(ann, "nowhere:1"), { code: 102, reason: "unknown channel" });
    assert.deepEqual(await refused(ann, "staff:1"), { code: 103, reason: "permission denied" });
    assert.equal((await refused(ann, "room:" + "x".repeat(300))).code, 107);
    const reasoned = await refused(ann, "room:a", { data: { refuse: true } });
    assert.deepEqual(reasoned, { code: 400, reason: "not you" });
    assert.equal((await refused(ann, "room:a", { data: { silent: true } })).code, 103);
    assert.equal((await refused(ann, "room:a", { data: { boom: true } })).code, 500);
});

check("is let in where its role allows it", async () => {
    await subscribed(await connected(as("bob", { roles: ["staff"] })), "staff:1");
});

check("cannot subscribe twice, nor to more channels than the limit", async () => {
    const made = await bare();
    await ask(made, hello("ann"));
    await ask(made, { id: 2, subscribe: { channel: "room:1" } });
    const twice = await ask(made, { id: 3, subscribe: { channel: "room:1" } });
    assert.deepEqual(twice.error, { code: 105, message: "already subscribed" });
    const five = [2, 3, 4, 5, 6].map((n) => ({ id: n + 10, subscribe: { channel: "room:" + n } }));
    const over = await ask(made, ...five);
    assert.deepEqual(over.error, { code: 106, message: "limit exceeded" });
});

check("hears nothing more after it has unsubscribed, and the others are told", async () => {
    const ann = await connected(as("ann")), bob = await connected(as("bob"));
    const hers = await subscribed(ann, "room:leave"), his = await subscribed(bob, "room:leave");
    hers.unsubscribe();
    await his.events.next("publication", (p) => p.data.left === "ann");
    await his.publish({ n: 1 });
    await his.events.next("publication", (p) => p.data.n === 1);
    await soon();
    assert.deepEqual(hers.events.all("publication"), []);
});

check("answers an unsubscribe from a channel it is not in", async () => {
    const made = await bare();
    await ask(made, hello("ann"));
    const reply = await ask(made, { id: 2, unsubscribe: { channel: "room:never" } });
    assert.deepEqual(reply, { id: 2, unsubscribe: {} });
});

check("can subscribe again after leaving", async () => {
    const sub = await subscribed(await connected(as("ann")), "room:again");
    sub.unsubscribe();
    sub.subscribe();
    await within(sub.ready(), "subscribed again");
    await sub.publish({ n: 1 });
    await sub.events.next("publication", (p) => p.data.n === 1);
});

check("is put out by a kick and stays out", async () => {
    const ann = await connected(as("ann")), bob = await connected(as("bob"));
    const hers = await subscribed(ann, "room:kick");
    await bob.rpc("room:kick/kick", { user: "ann" });
    const end = await hers.events.next("unsubscribed");
    assert.ok(end.code >= 2000 && end.code < 2500, "code " + end.code);
    assert.equal(end.reason, "be gone");
});

/* publish */

check("delivers a publication to everybody, publisher and offset included", async () => {
    const ann = await connected(as("ann")), bob = await connected(as("bob"));
    const hers = await subscribed(ann, "room:both"), his = await subscribed(bob, "room:both");
    await hers.publish({ n: 1 });
    for (const sub of [hers, his]) {
        const got = await sub.events.next("publication", (p) => p.data.n === 1);
        assert.equal(got.info.user, "ann");
        assert.equal(got.info.client, ann.events.all("connected")[0].client);
        assert.ok(got.offset >= 1);
    }
});

check("delivers in the order published, with offsets that rise by one", async () => {
    const ann = await connected(as("ann")), sub = await subscribed(ann, "room:order");
    if (IS_STREAM) /* requests that are under way at once may overtake each other */
        for (let n = 0; n < 200; n++) await sub.publish({ n });
    else await Promise.all(Array.from({ length: 200 }, (_, n) => sub.publish({ n })));
    await sub.events.next("publication", (p) => p.data.n === 199);
    const got = sub.events.all("publication");
    assert.deepEqual(got.map((p) => p.data.n), Array.from({ length: 200 }, (_, n) => n));
    got.slice(1).forEach((p, i) => assert.equal(p.offset, got[i].offset + 1));
});

check("delivers what the script made of a message", async () => {
    const sub = await subscribed(await connected(as("ann")), "room:made");
    await sub.publish({ shout: "hey" });
    const got = await sub.events.next("publication", (p) => p.data.shout);
    assert.deepEqual(got.data, { shout: "HEY", by: "ann" });
});

check("delivers an untouched message byte for byte", async () => {
    const text = '{"b":[],"a":{},"n":9007199254740993,"f":1.0,"e":1E+2,"u":"\\u00e9\\/é","d":null}';
    for (const channel of ["room:bytes", "quiet:bytes"]) {
        const made = await bare();
        await ask(made, hello("ann"));
        await ask(made, { id: 2, subscribe: { channel } });
        made.say(`{"id":3,"publish":{"channel":"${channel}","data":${text}}}`);
        await made.reply(3);
        const line = await until(() => made.lines.find((l) => l.includes('"b":[]')), "the publication");
        assert.ok(line.includes(`"data":${text}`), line);
    }
});

check("is told the script's reason for a refusal, or its code", async () => {
    const sub = await subscribed(await connected(as("ann")), "room:no");
    const { code, message } = await failure(sub.publish({ reject: "too rude" }));
    assert.deepEqual({ code, message }, { code: 400, message: "too rude" });
    assert.equal((await failure(sub.publish({ reject: 1999 }))).code, 1999);
});

check("gets an incident, not the reason, when a script fails, and nothing is delivered", async () => {
    const made = await bare();
    await ask(made, hello("ann"));
    await ask(made, { id: 2, subscribe: { channel: "room:boom" } });
    const { error } = await ask(made, { id: 3, publish: { channel: "room:boom", data: { boom: true } } });
    assert.equal(error.code, 500);
    assert.match(error.incident, /\w+/);
    assert.ok(!JSON.stringify(error).includes("rooms.lua"), "a stranger learns nothing of the script");
    await soon();
    assert.ok(!made.lines.some((line) => line.includes('"pub"')));
});

check("is not told that a message was dropped", async () => {
    const sub = await subscribed(await connected(as("ann")), "room:drop");
    await sub.publish({ drop: true });
    await sub.publish({ n: 1 });
    await sub.events.next("publication", (p) => p.data.n === 1);
    assert.equal(sub.events.all("publication").length, 1);
});

check("may not publish where the rule says nobody, or not to it", async () => {
    const ann = await connected(as("ann"));
    assert.equal((await failure(ann.publish("news:today", { n: 1 }))).code, 103);
    assert.equal((await failure(ann.publish("staff:1", { n: 1 }))).code, 103);
    assert.equal((await failure(ann.publish("nowhere:1", { n: 1 }))).code, 102);
    assert.equal((await failure(ann.publish("small:1", { text: "x".repeat(200) }))).code, 413);
    const made = await bare();
    await ask(made, hello("ann"));
    assert.equal((await ask(made, { id: 2, publish: { channel: "room:1" } })).error.code, 107);
});

check("hears what the server API publishes", async () => {
    const sub = await subscribed(await connected(client()), "news:api");
    await api("publish", { channel: "news:api", data: { from: "the house" } });
    const got = await sub.events.next("publication");
    assert.deepEqual(got.data, { from: "the house" });
    assert.equal(got.info, undefined);
});

/* rpc, send */

check("hears what was said last in a channel when it comes, as publications, and through its view", async () => {
    const [ann, ben, mo] = await Promise.all([connected(as("ann")), connected(as("ben")),
        connected(as("mo", { roles: ["staff"] }))]);
    for (const n of [1, 2]) {
        await ann.publish("last:a", { key: "x", n, cost: n });
        await ann.publish("last:a", { key: "y", n });
    }
    const [rest, staff] = [await subscribed(ben, "last:a"), await subscribed(mo, "last:a")];
    await ann.publish("last:a", { key: "x", n: 3, cost: 3 });
    await rest.events.next("publication", ({ data }) => data.n === 3);
    await staff.events.next("publication", ({ data }) => data.n === 3);
    const heard = (sub) => sub.events.all("publication").map(({ data }) => data);
    assert.deepEqual(heard(rest), [{ key: "x", n: 2 }, { key: "y", n: 2 }, { key: "x", n: 3 }]);
    assert.deepEqual(heard(staff), [{ key: "x", n: 2, cost: 2 }, { key: "y", n: 2 }, { key: "x", n: 3, cost: 3 }]);
    assert.equal(rest.events.all("publication")[0].info.user, "ann");
    assert.deepEqual(rest.events.seen.slice(0, 3).map(({ name }) => name), ["subscribing", "subscribed", "publication"]);
});

check("hears what passes its tags filter", async () => {
    const [ann, ben] = await Promise.all([connected(as("ann")), connected(as("ben"))]);
    const leaf = (key, cmp, val) => ({ key, cmp, val });
    const tagsFilter = { op: "and", nodes: [{ key: "kind", cmp: "in", vals: ["a", "b"] },
        { op: "or", nodes: [leaf("size", "gt", "5"), leaf("by.team", "eq", "red")] }] };
    const all = await subscribed(ann, "sieve:x"), some = await subscribed(ben, "sieve:x", { tagsFilter });
    const said = [{ kind: "a", size: 9 }, { kind: "c", size: 9 }, { kind: "b", by: { team: "red" } }, { kind: "a", size: 5 },
        { kind: "a", size: 7, last: true }];
    for (const message of said) await ann.publish("sieve:x", message);
    await some.events.next("publication", ({ data }) => data.last);
    assert.deepEqual(some.events.all("publication").map(({ data }) => data), [said[0], said[2], said[4]]);
    await all.events.next("publication", ({ data }) => data.last);
    assert.equal(all.events.all("publication").length, 5);
    const { code } = await refused(ben, "sieve:y", { tagsFilter: leaf("color", "eq", "red") });
    assert.equal(code, 107);
    some.setTagsFilter({ key: "kind", cmp: "eq", val: "c" });
    some.unsubscribe();
    some.subscribe();
    await within(some.ready(), "subscribed again");
    for (const message of [...said.slice(0, 4), { kind: "c", end: true }]) await ann.publish("sieve:x", message);
    await some.events.next("publication", ({ data }) => data.end);
    assert.deepEqual(some.events.all("publication").slice(3).map(({ data }) => data), [said[1], { kind: "c", end: true }]);
});

check("calls a channel's method and the server's", async () => {
    const ann = await connected(as("ann"));
    assert.deepEqual((await ann.rpc("room:sum/add", { n: 2 })).data, { sum: 2, of: "sum" });
    assert.deepEqual((await ann.rpc("room:sum/add", { n: 3 })).data, { sum: 5, of: "sum" });
    const deep = { deep: [1, { two: null, none: [] }] };
    assert.deepEqual((await ann.rpc("echo", deep)).data, deep);
});

check("is told when a call cannot be made or is refused", async () => {
    const ann = await connected(as("ann"));
    assert.equal((await failure(ann.rpc("nothing", null))).code, 104);
    assert.equal((await failure(ann.rpc("room:a/nothing", null))).code, 104);
    assert.equal((await failure(ann.rpc("nowhere:a/add", { n: 1 }))).code, 102);
    assert.equal((await failure(ann.rpc("room:a/no", null))).code, 1234);
    assert.equal((await failure(ann.rpc("room:a/boom", null))).code, 500);
    assert.equal((await failure((await connected(client())).rpc("room:a/add", { n: 1 }))).code, 103);
});

check("is sent away when it sends a message nobody waits for", async () => {
    const ann = await connected(as("ann"));
    await ann.send({ hello: true });
    assert.equal((await ann.events.next("disconnected")).code, 3508);
});

/* presence */

check("sees who is in a channel, and how many", async () => {
    const info = { name: "Ann" };
    const ann = await connected(as("ann", { info }));
    const bob = await connected(as("bob")), bob2 = await connected(as("bob"));
    const sub = await subscribed(ann, "room:who");
    await subscribed(bob, "room:who");
    await subscribed(bob2, "room:who");
    const { clients } = await sub.presence();
    assert.deepEqual(Object.values(clients).map((c) => c.user).sort(), ["ann", "bob", "bob"]);
    const id = ann.events.all("connected")[0].client;
    assert.equal(clients[id].client, id);
    assert.deepEqual(clients[id].connInfo, info);
    assert.deepEqual(await sub.presenceStats(), { numClients: 3, numUsers: 2 });
    bob2.disconnect();
    await until(async () => (await sub.presenceStats()).numClients === 2, "bob's second tab gone");
});

check("is told where presence is off", async () => {
    const ann = await connected(as("ann"));
    await subscribed(ann, "quiet:1");
    assert.equal((await failure(ann.presence("quiet:1"))).code, 108);
    assert.equal((await failure(ann.presenceStats("quiet:1"))).code, 108);
    assert.equal((await failure(ann.presence("nowhere:1"))).code, 102);
});

/* liveness, batching, the frame */

check("stays connected by answering pings", async () => {
    const ann = await connected(as("ann"));
    await soon(7000);
    assert.equal(ann.state, "connected");
    assert.equal(ann.events.all("connected").length, 1);
});

check("is dropped when it does not answer pings", async () => {
    const made = await bare();
    await ask(made, hello("ann"));
    assert.deepEqual(await made.closed(), { code: 3012, reason: "no pong" });
});

check("is dropped when it answers a ping that was not sent", async () => {
    const made = await bare();
    await ask(made, hello("ann"));
    made.say("{}");
    made.say("{}");
    assert.deepEqual(await made.closed(), { code: 3501, reason: "bad request" });
});

check("is dropped when it never says who it is", async () => {
    assert.deepEqual(await (await bareSocket()).closed(), { code: 3502, reason: "stale" });
});

check("may batch commands, and gets batches", async () => {
    const ann = await connected(as("ann"));
    ann.startBatching();
    const answers = Promise.all([1, 2, 3].map((n) => ann.rpc("echo", { n })));
    ann.stopBatching();
    assert.deepEqual((await answers).map((a) => a.data.n), [1, 2, 3]);
    const made = await bare();
    const echo = (id) => ({ id, rpc: { method: "echo", data: id } });
    made.say(hello("ann"), echo(2), echo(3), "");
    assert.deepEqual(await made.reply(3), { id: 3, rpc: { data: 3 } });
});

check("ignores fields it does not know", async () => {
    const made = await bare();
    const connect = { token: token({ sub: "ann" }), flag: 1, novelty: [] };
    const reply = await ask(made, { id: 1, connect, extra: {} });
    assert.ok(reply.connect.client);
});

check("is dropped for anything that is not the protocol", async () => {
    const bad = [
        ["not json"], [""], ["[]"], ['{"id":1}'], ['{"id":1,"rpc":{"method":"echo"}}'],
        [hello("ann"), { ...hello("ann"), id: 2 }],
        [hello("ann"), { id: 2, subscribe: {} }],
        [hello("ann"), { id: 2, publish: { data: 1 } }],
        [hello("ann"), { id: 2, ping: {} }],
        [hello("ann"), '{"id":2,"rpc":{"method":"echo","data":{"a":1,}}}'],
    ];
    for (const commands of bad.filter(([first]) => first || !IS_STREAM)) {
        const made = await bare();
        made.say(...commands);
        const end = await made.closed();
        assert.deepEqual(end, { code: 3501, reason: "bad request" }, JSON.stringify(commands));
    }
});

check("is dropped for a message above the limit", async () => {
    const made = await bareSocket();
    await ask(made, hello("ann"));
    made.say({ id: 2, rpc: { method: "echo", data: "x".repeat(70000) } });
    assert.equal((await made.closed()).code, 1009);
});

check("gets the subprotocol it offers, if we speak it", async () => {
    assert.equal((await bareSocket(["centrifuge-json"])).socket.protocol, "centrifuge-json");
    assert.equal((await bareSocket()).socket.protocol, "");
});

/* disconnects */

check("stays away when it is disconnected for good", async () => {
    const eve = await connected(as("eve"));
    await api("disconnect", { user: "eve" });
    const { code, reason } = await eve.events.next("disconnected");
    assert.deepEqual({ code, reason }, { code: 3503, reason: "force disconnect" });
});

check("comes back, with its subscriptions, when it is disconnected for now", async () => {
    const dan = await connected(as("dan"));
    const sub = await subscribed(dan, "room:back");
    await api("disconnect", { user: "dan", disconnect: { code: 4001, reason: "come again" } });
    await until(() => dan.events.all("connected").length === 2, "connected again");
    assert.ok(dan.events.all("connecting").some((e) => e.code === 4001 && e.reason === "come again"));
    await within(sub.ready(), "subscribed again");
    await sub.publish({ n: 1 });
    await sub.events.next("publication", (p) => p.data.n === 1);
});

await run(() => {
    for (const close of open) close();
    open.clear();
});
