/* Checks for the judges in this folder: each prints one JSON line, which spec/support/judge.lua reads. */
import assert from "node:assert/strict";

const CHECK_MS = 20000, WAIT_MS = 10000;
const checks = [];

/** Declares a check; they run one after another, each on its own clean-up list. */
export function check(name, body) {
    checks.push({ name, body });
}

/** Fails with `why` when the promise takes too long. */
export function within(promise, why, ms = WAIT_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("too late: " + why)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves with what `ask` returns once it is truthy. */
export async function until(ask, why, ms = WAIT_MS) {
    const end = Date.now() + ms;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > end) throw new Error("too late: " + why);
        await new Promise((go) => setTimeout(go, 20));
    }
}

/** The error a promise is rejected with. */
export async function failure(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    assert.fail("it was not refused");
}

/** Remembers the events of an emitter, so that none is missed by waiting for it too late. */
export class Record {
    seen = [];
    /** @param {{on: function}} emitter @param {string[]} names */
    constructor(emitter, names) {
        for (const name of names) emitter.on(name, (value, more) => this.seen.push({ name, value, more }));
    }
    all(name) { return this.seen.filter((event) => event.name === name).map((event) => event.value); }
    /** The value of the first event of that name that fits. */
    next(name, fits = () => true) {
        const find = () => this.seen.find((e) => e.name === name && fits(e.value, e.more));
        return until(find, "event " + name).then((event) => event.value);
    }
}

/** Runs all of them and ends the process; `tidy` is called after each and gets nothing. */
export async function run(tidy = () => {}) {
    let failed = 0;
    for (const { name, body } of checks) {
        let result = { name, ok: true };
        try {
            await within(body(), "the whole check", CHECK_MS);
        } catch (error) {
            failed++;
            result = { name, ok: false, why: String(error.stack || JSON.stringify(error)) };
        }
        console.log(JSON.stringify(result));
        await tidy();
    }
    process.exit(failed ? 1 : 0);
}

process.on("unhandledRejection", (error) => console.error("unhandled rejection:", error));
process.on("uncaughtException", (error) => console.error("uncaught:", error));
