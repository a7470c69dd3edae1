/* Messages under a storm of reloads: no connection closes, no message is lost or doubled, each carries exactly one
 * version, self.state counts exactly.
 *
 *     node spec/proof/reload_storm.mjs URL SCRIPT CONNECTIONS MESSAGES_PER_SECOND SECONDS RELOAD_EVERY_MS
 *
 * The server at URL serves the folder of SCRIPT, which is written anew, stamping its version, every RELOAD_EVERY_MS.
 * Prints one JSON line; exit 1 when anything is wrong. Ten connections share a channel, the first of them publishes. */
import { createRequire } from "node:module";
import { renameSync, writeFileSync } from "node:fs";

const require = createRequire(new URL("../clients/package.json", import.meta.url));
const WebSocket = require("ws");

const [url, script, ...numbers] = process.argv.slice(2);
const [connections, rate, seconds, every] = numbers.map(Number);
const MEMBERS = 10;
const rooms = Math.ceil(connections / MEMBERS);
const wrong = [];
const versions = { 1: 0, 2: 0 };
let closed = 0, received = 0, published = 0, acknowledged = 0, reloads = 0, leaving = false;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const complain = (text) => { if (wrong.length < 20) wrong.push(text); };

const source = (version) => `
local storm = channel("storm:{n}", { subscribe = "anyone", publish = "anyone", call = "anyone" })
function storm:on_publish(msg)
  self.state.count = (self.state.count or 0) + 1
  return { seq = msg.seq, version = ${version}, count = self.state.count, again = ${version} }
end
function storm:rpc_count()
  return { count = self.state.count or 0 }
end
`;

/* Written beside and renamed, as editors do: the server never sees half a file. */
function save(version) {
    writeFileSync(script + ".new", source(version));
    renameSync(script + ".new", script);
}

function hear(member, push) {
    const { seq, version, again, count } = push.pub.data;
    const next = member.last + 1;
    received++;
    if (seq !== next) complain(`${push.channel}: message ${seq} came where ${next} was due`);
    if (count !== seq) complain(`${push.channel}: message ${seq} was counted ${count}`);
    if (version !== again || !(version in versions)) complain(`${push.channel}: message ${seq} is of version ${version}/${again}`);
    versions[version]++;
    member.last = seq;
}

function listen(member, text) {
    for (const line of text.split("\n")) {
        const reply = JSON.parse(line);
        if (reply.push?.pub) hear(member, reply.push);
        else if (reply.error) complain(`error ${JSON.stringify(reply.error)}`);
        else if (reply.publish) acknowledged++;
        else if (reply.rpc) member.count(reply.rpc.data.count);
        else if (reply.subscribe) member.joined();
        else if (!reply.id && !reply.push) member.socket.send("{}");
    }
}

function join(index) {
    const member = { channel: `storm:${index % rooms}`, last: 0, next: 0 };
    const socket = member.socket = new WebSocket(url + "/connection/websocket");
    socket.on("open", () => socket.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${member.channel}"}}`));
    socket.on("message", (text) => listen(member, String(text)));
    socket.on("close", (code) => { if (!leaving) { closed++; complain(`closed with ${code}`); } });
    socket.on("error", (error) => complain(error.message));
    return new Promise((done) => { member.joined = () => done(member); });
}

async function joinAll() {
    const members = [];
    for (let from = 0; from < connections; from += 100) {
        const wave = Array.from({ length: Math.min(100, connections - from) }, (_, i) => join(from + i));
        members.push(...await Promise.all(wave));
    }
    return members;
}

function publish(member) {
    member.socket.send(`{"id":${3 + member.next},"publish":{"channel":"${member.channel}","data":{"seq":${++member.next}}}}`);
    published++;
}

async function storm(publishers) {
    const until = Date.now() + seconds * 1000, started = Date.now();
    let nextReload = started + every;
    while (Date.now() < until) {
        const due = Math.floor((Date.now() - started) * rate / 1000);
        while (published < due) publish(publishers[published % publishers.length]);
        if (Date.now() >= nextReload) {
            save(1 + ++reloads % 2);
            nextReload += every;
        }
        await sleep(2);
    }
}

async function settle(expected) {
    for (let i = 0; i < 500 && (received < expected || acknowledged < published); i++) await sleep(20);
}

async function count(publisher) {
    const answer = new Promise((done) => { publisher.count = done; });
    publisher.socket.send(`{"id":1000000,"rpc":{"method":"${publisher.channel}/count"}}`);
    return answer;
}

const members = await joinAll();
const publishers = members.slice(0, rooms);
const sizes = members.reduce((by, member) => by.set(member.channel, (by.get(member.channel) ?? 0) + 1), new Map());
await storm(publishers);
const expected = publishers.reduce((sum, publisher) => sum + publisher.next * sizes.get(publisher.channel), 0);
await settle(expected);
for (const publisher of publishers) {
    const counted = await count(publisher);
    if (counted !== publisher.next) complain(`${publisher.channel}: state counts ${counted}, published ${publisher.next}`);
}
if (received !== expected) complain(`received ${received} of ${expected}`);
if (acknowledged !== published) complain(`acknowledged ${acknowledged} of ${published}`);
if (closed > 0) complain(`${closed} connections closed`);
leaving = true;
for (const { socket } of members) socket.terminate();
console.log(JSON.stringify({ connections, published, received, expected, closed, reloads, versions, wrong }));
process.exit(wrong.length === 0 ? 0 : 1);
