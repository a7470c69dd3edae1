/* The Weir client, for pages and for Node: docs/client.md tells how to use it. */
(function (root) {
"use strict";

const TIMEOUT = 1, LOST = 2, CLOSED = 3; /* ours; the server begins at 100 */
const FINAL = /^(3[5-9]|4[5-9])..$/; /* close codes after which we stay away */

class WeirError extends Error {
    constructor(fields) {
        super(fields.message);
        Object.assign(this, fields).name = "WeirError";
    }
}
const failure = (code, message) => new WeirError({ code, message, temporary: code < CLOSED });

/* Gives self its on(name, handler), which returns the undoing; returns emit. */
function emitter(self) {
    const handlers = {};
    self.on = (name, handler) => {
        (handlers[name] ||= new Set()).add(handler);
        return () => handlers[name].delete(handler);
    };
    return (name, ...values) => {
        for (const handler of handlers[name] || []) {
            try { handler(...values); } catch (e) { setTimeout(() => { throw e; }); }
        }
    };
}

function address(url, { as, roles }) {
    const page = root.location, to = new URL(url || "/connection/websocket", page?.href);
    to.protocol = to.protocol.replace("http", "ws");
    const query = to.searchParams, isSaid = as || roles || query.has("as") || query.has("roles");
    const who = isSaid ? { as, roles } : Object.fromEntries(new URLSearchParams(page?.search));
    for (const key of ["as", "roles"]) if (who[key]) query.set(key, who[key]);
    return to;
}

/**
 * @param {string} [url] default: the page's host
 * @param {{token?: string, getToken?: () => Promise<string>, data?: *, as?: string,
 *     roles?: string | string[], WebSocket?: typeof WebSocket, timeout?: number,
 *     minDelay?: number, maxDelay?: number}} [options] `as`, `roles`: in dev mode
 */
function Weir(url, options = {}) {
    const { timeout = 5000, minDelay = 500, maxDelay = 20000, getToken } = options;
    const self = this, emit = emitter(self), where = address(url, options);
    const subs = new Map(), asked = new Map();
    let { token } = options, lastId = 0, turn = 0, tries = 0, out = [], chars = 0;
    let socket, retry, watchdog, session;
    self.state = "disconnected";

    self.connect = () => self.state === "disconnected" && lost(0, "connect()");
    self.close = () => {
        flush();
        if (self.state !== "disconnected") lost(0, "close()", null, true);
    };
    self.subscribe = (channel, { data, filter } = {}) => {
        if (!subs.has(channel)) {
            subs.set(channel, subscription(channel, data, filter));
            if (socket?.readyState === 1) subs.get(channel).send();
        }
        return subs.get(channel).sub;
    };
    self.publish = (channel, data) => ask("publish", { channel, data });
    self.call = (method, data) => ask("rpc", { method, data }).then((r) => r.data);
    self.presence = (channel) =>
        ask("presence", { channel }).then((r) => Object.values(r.presence));
    self.send = (data) => command("send", { data });

    function ask(name, request) {
        return new Promise((resolve, reject) =>
            command(name, request, (error, result) => (error ? reject(error) : resolve(result))));
    }
    /* done(error, result) runs before more is read. An urgent command does not wait until we are
     * connected; without an answer we connect anew. */
    function command(name, request, done, isUrgent) {
        if (self.state === "disconnected") return done?.(failure(CLOSED, "not connected"));
        const id = ++lastId, line = JSON.stringify({ id: done && id, [name]: request });
        const isNow = isUrgent || self.state === "connected";
        const timer = setTimeout(() => {
            const error = failure(TIMEOUT, "no answer to " + name);
            isUrgent ? lost(TIMEOUT, error.message) : answer({ id, error });
        }, timeout);
        asked.set(id, { name, done, timer, line: !isNow && line });
        if (isNow) write(line);
    }
    function answer(reply) {
        const { name, done, timer } = asked.get(reply.id) || {};
        asked.delete(reply.id);
        clearTimeout(timer);
        done?.(reply.error && new WeirError(reply.error), reply[name]);
    }
    function write(line) {
        if (chars + line.length > 16000) flush(); /* limit: 64 KiB */
        if (out.push(line) === 1) queueMicrotask(flush);
        chars += line.length;
    }
    function flush() {
        if (out.length) socket.send(out.join("\n"));
        out = [];
        chars = 0;
    }

    async function dial() {
        const mine = ++turn;
        try {
            token ||= await getToken?.();
        } catch (e) {
            if (mine === turn) lost(LOST, "no token", failure(LOST, e.message));
        }
        if (mine !== turn) return;
        watch(timeout, "no connection");
        socket = new (options.WebSocket || root.WebSocket)(where);
        socket.onerror = () => {};
        socket.onopen = hello;
        socket.onmessage = read;
        socket.onclose = ({ code, reason }) => lost(code, reason || "connection lost");
    }
    function hello() {
        command("connect", { token, data: options.data }, (error, result) => {
            if (!error) return welcome(result);
            const { code, message } = error, isExpired = code === 109 && getToken;
            if (isExpired) token = null;
            if (code >= 100) lost(code, message, error, !isExpired && !error.temporary);
        }, true);
        for (const { send } of subs.values()) send();
    }
    function welcome(result) {
        session = result;
        tries = 0;
        self.state = "connected";
        for (const { line } of asked.values()) if (line) write(line);
        emit("connected", result);
    }
    function read({ data }) {
        const mine = turn;
        for (const line of data.split("\n")) if (line && mine === turn) take(line);
        if (self.state === "connected") watch((session.ping + 10) * 1000, "no ping");
    }
    function take(line) {
        let reply;
        try { reply = JSON.parse(line); } catch { return lost(LOST, "not JSON"); }
        const { id, push } = reply;
        if (id) answer(reply);
        else if (push?.message) emit("message", push.message.data);
        else if (push) subs.get(push.channel)?.take(push);
        else if (session?.pong) write("{}");
    }
    function watch(ms, reason) {
        clearTimeout(watchdog);
        watchdog = ms && setTimeout(lost, ms, LOST, reason);
    }

    const delay = (n) =>
        minDelay + Math.random() * Math.min(maxDelay - minDelay, minDelay * 2 ** n);
    /* Leaves this connection behind, for the next one or for good. */
    function lost(code, reason, error, isOver = FINAL.test(code)) {
        const why = error || failure(isOver ? CLOSED : LOST, reason);
        self.state = isOver ? "disconnected" : "connecting";
        turn++;
        out = [];
        clearTimeout(retry);
        watch();
        if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
        socket?.close();
        socket = null;
        for (const id of [...asked.keys()]) answer({ id, error: why });
        for (const { stop, wait } of subs.values()) isOver ? stop(why) : wait();
        if (!isOver) retry = setTimeout(dial, code && delay(tries++));
        if (error) emit("error", error);
        emit(self.state, { code, reason });
    }

    function subscription(channel, data, filter) {
        let tries = 0, timer, settle;
        const sub = {
            channel,
            publish: (data) => self.publish(channel, data),
            call: (method, args) => self.call(channel + "/" + method, args),
            presence: () => self.presence(channel),
            presenceStats: () => ask("presence_stats", { channel }),
            unsubscribe() {
                if (subs.get(channel)?.sub !== sub) return;
                if (socket?.readyState === 1) command("unsubscribe", { channel }, () => {}, true);
                leave(0, "unsubscribe()");
            },
        };
        const emit = emitter(sub);
        function wait() {
            clearTimeout(timer);
            if (sub.state === "subscribing") return;
            sub.state = "subscribing";
            sub.ready = new Promise((...both) => { settle = both; });
            sub.ready.catch(() => {});
        }
        function send() {
            wait();
            command("subscribe", { channel, data, filter }, (error, result) => {
                if (self.state !== "connected" || sub.state !== "subscribing") return;
                if (error) return refused(error);
                sub.state = "subscribed";
                tries = 0;
                settle[0](result.data);
                emit("subscribed", result.data);
                for (const pub of result.publications ?? []) take({ pub });
            }, true);
        }
        function refused(error) {
            emit("error", error);
            if (error.temporary) timer = setTimeout(send, delay(tries++));
            else leave(error.code, error.message, error);
        }
        function stop(error) {
            clearTimeout(timer);
            sub.state = "unsubscribed";
            settle[1](error);
        }
        function leave(code, reason, error = failure(CLOSED, reason)) {
            subs.delete(channel);
            stop(error);
            emit("unsubscribed", { code, reason });
        }
        function take({ pub, unsubscribe: out }) {
            if (sub.state !== "subscribed") return;
            if (pub) emit("message", pub.data, { ...pub.info, offset: pub.offset });
            else if (out?.code >= 2500) send();
            else if (out) leave(out.code, out.reason);
        }
        wait();
        return { sub, wait, send, stop, take };
    }
}

root.Weir = Object.assign(Weir, { WeirError });
if (typeof module === "object") module.exports = Weir;
})(globalThis);
