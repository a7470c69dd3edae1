/* Plays two people with the chat page in Chromium, and a third who edits its rules:
 * node page.mjs http://HOST:PORT FOLDER_OF_THE_SCRIPTS FOLDER_FOR_SCREENSHOTS (started by page_spec.lua). */
import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { check, run, until } from "./check.mjs";

const [BASE, SCRIPTS, SHOTS] = process.argv.slice(2);
const RULES = SCRIPTS + "/chat.lua", FIRST_RULES = readFileSync(RULES, "utf8");
const PATIENCE_MS = 10000;

const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1000, height: 680 }, colorScheme: "light" });
context.setDefaultTimeout(PATIENCE_MS);
const complaints = [];
let ann, bob;

async function tab(path, name) {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(`${name}: ${error.stack}`));
    page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`${name}: ${message.text()}`);
    });
    await page.goto(BASE + path);
    return page;
}
/** From now on the page counts how often its connection moved. */
const count = (page) => page.evaluate(() => {
    window.moves = 0;
    for (const name of ["connecting", "connected", "disconnected"]) weir.on(name, () => window.moves++);
});
const moves = async () => [await ann.evaluate(() => window.moves), await bob.evaluate(() => window.moves)];

async function say(page, text) {
    await page.fill("#text", text);
    await page.press("#text", "Enter");
}
/** Saves rules that break when a message comes; the place is in the last line. */
const breakOnPublish = (text) => save(text + "function chat:on_publish(msg) return nil + 1 end\n");
const hears = (page, text) => page.locator(".message p", { hasText: text }).first().waitFor();
const people = (page) => page.locator("#people li span:last-child").allTextContents();
const shot = (page, name) => page.screenshot({ path: `${SHOTS}/${name}.png`, animations: "disabled" });
const panel = (page) => page.locator("weir-overlay .panel");
const toast = (page) => page.locator("weir-overlay .toast");

/** As an editor does that writes in place, and as one that renames. */
const save = (text) => writeFileSync(RULES, text);
function saveByRename(text) {
    writeFileSync(RULES + ".new~", text);
    renameSync(RULES + ".new~", RULES);
}
const maskToo = (word) => FIRST_RULES.replace('local BLOCKED = {', `local BLOCKED = { "${word}",`);

check("asks a new tab for a name, and remembers it for that tab", async () => {
    ann = await tab("/", "ann");
    await ann.locator("#hello").waitFor();
    await shot(ann, "1-name");
    await ann.fill("#name", "ann");
    await ann.press("#name", "Enter");
    await ann.getByText("connected as ann").waitFor();
    await ann.reload();
    await ann.getByText("connected as ann").waitFor();
});

check("takes a name from the address", async () => {
    bob = await tab("/?as=bob", "bob");
    await bob.getByText("connected as bob").waitFor();
    assert.equal(await bob.locator("#room-name").textContent(), "lobby");
    const user = await bob.evaluate(async () => {
        const plain = new Weir(), probe = plain.subscribe("chat:probe");
        plain.connect();
        await probe.ready;
        const [{ user }] = await probe.presence();
        plain.close();
        return user;
    });
    assert.equal(user, "bob", "new Weir() passes the page's ?as= on");
    await count(ann);
    await count(bob);
});

check("shows who is here, in both tabs", async () => {
    for (const page of [ann, bob]) {
        await until(async () => (await people(page)).length === 2, "two people");
        assert.deepEqual((await people(page)).map((name) => name.replace(" (you)", "")), ["ann", "bob"]);
    }
});

check("says no longer that nothing has been said, once the log has a line", async () => {
    await ann.locator(".notice", { hasText: "bob is here" }).waitFor();
    assert.equal(await ann.locator("#empty").isVisible(), false);
    assert.equal(await bob.locator("#empty").isVisible(), true);
});

check("carries messages both ways, as text and never as markup", async () => {
    await say(ann, "Hello Bob");
    await hears(bob, "Hello Bob");
    await say(bob, "<img src=x onerror='window.hurt = 1'> hi");
    await hears(ann, "<img src=x onerror='window.hurt = 1'> hi");
    assert.equal(await ann.evaluate(() => window.hurt), undefined);
    assert.equal(await ann.locator(".message.mine").count(), 1);
});

check("shows who is typing, until the message is there", async () => {
    await bob.locator("#text").pressSequentially("Shall we go to the casino");
    await ann.getByText("bob is typing…").waitFor();
    await shot(ann, "2-typing");
    await bob.press("#text", "Enter");
    await hears(ann, "Shall we go to the ***");
    await until(async () => (await ann.locator("#typing").textContent()) === "", "typing over");
});

check("tells the sender why a message is refused", async () => {
    await say(ann, "x".repeat(501));
    await ann.locator("#refused", { hasText: "too long" }).waitFor();
    await ann.fill("#text", "");
    assert.equal(await ann.locator("#refused").textContent(), "");
});

check("does not send a blank message", async () => {
    await ann.evaluate(() => {
        window.sent = [];
        const { publish } = room;
        room.publish = (data) => { window.sent.push(data); return publish(data); };
    });
    await say(ann, "   ");
    await say(ann, "");
    assert.deepEqual(await ann.evaluate(() => window.sent), []);
    assert.equal(await ann.locator("#refused").textContent(), "");
});

check("calls the script's own method", async () => {
    await bob.click("#count");
    await bob.locator("#stats", { hasText: "3 messages, 1 masked" }).waitFor();
});

check("obeys an edited rule with the next message, and nobody reconnects", async () => {
    save(maskToo("rain"));
    await toast(ann).filter({ hasText: /generation 2 · chat\.lua · [\d.]+ ms/ }).waitFor();
    await shot(ann, "3-generation");
    await say(ann, "Only if it does not rain");
    await hears(bob, "Only if it does not ***");
    assert.deepEqual(await moves(), [0, 0]);
});

check("shows a syntax error with file, line, source and reason, and keeps the old rules", async () => {
    const text = maskToo("snow"), line = text.split("\n").length;
    saveByRename(text + "  local x = = 1\n");
    await panel(ann).waitFor();
    const words = await panel(ann).innerText();
    for (const part of [`chat.lua:${line}`, "local x = = 1", "unexpected symbol near '='",
        "generation 2 stay in force"]) {
        assert.ok(words.includes(part), `${part} in ${words}`);
    }
    assert.equal(await panel(ann).getAttribute("role"), "alert");
    await shot(ann, "4-syntax-error");
    await say(ann, "rain or snow");
    await hears(bob, "*** or snow");
    assert.deepEqual(await moves(), [0, 0]);
});

check("lets the overlay be closed, and opens it for an error that only happens while loading", async () => {
    await panel(ann).getByRole("button", { name: "Close" }).click();
    await panel(ann).waitFor({ state: "detached" });
    const text = maskToo("snow"), line = text.split("\n").length;
    save(text + "local y = nil + 1\n");
    await panel(ann).filter({ hasText: "arithmetic" }).waitFor();
    const words = await panel(ann).innerText();
    for (const part of [`chat.lua:${line}`, "local y = nil + 1",
        "attempt to perform arithmetic on a nil value", "generation 2 stay in force"]) {
        assert.ok(words.includes(part), `${part} in ${words}`);
    }
    await panel(bob).filter({ hasText: "arithmetic" }).waitFor();
    await bob.emulateMedia({ colorScheme: "dark" });
    await bob.setViewportSize({ width: 390, height: 780 });
    await shot(bob, "5-load-error-phone");
    await bob.setViewportSize({ width: 320, height: 640 });
    const close = await panel(bob).getByRole("button", { name: "Close" }).boundingBox();
    assert.ok(close.x >= 0 && close.x + close.width <= 320, JSON.stringify(close));
    await bob.setViewportSize({ width: 1000, height: 680 });
    await say(ann, "still rain or snow");
    await hears(bob, "still *** or snow");
});

check("shows the error also to a page that comes later", async () => {
    const eve = await tab("/?as=eve", "eve");
    await panel(eve).filter({ hasText: "arithmetic" }).waitFor();
    await eve.close();
    await until(async () => (await people(ann)).length === 2, "eve is gone");
});

check("takes the overlay away when the rules are good again, and tells the generation", async () => {
    save(maskToo("snow"));
    await panel(ann).waitFor({ state: "detached" });
    await toast(ann).filter({ hasText: "generation 3" }).waitFor();
    await say(bob, "now rain or snow");
    await hears(ann, "now rain or ***");
    assert.deepEqual(await moves(), [0, 0]);
});

check("keeps the count of messages through it all", async () => {
    await ann.click("#count");
    await ann.locator("#stats", { hasText: "7 messages, 5 masked" }).waitFor();
    await shot(ann, "6-chat");
    await shot(bob, "7-chat-dark");
});

check("moves to another room, alone", async () => {
    await ann.fill("#room", "attic");
    await ann.press("#room", "Enter");
    await until(async () => (await people(ann)).join() === "ann (you)", "ann alone");
    await until(async () => (await people(bob)).join() === "bob (you)", "bob alone");
    await bob.locator(".notice", { hasText: "ann has left" }).waitFor();
    assert.match(ann.url(), /room=attic/);
    await say(bob, "anybody here?");
    await say(ann, "quiet up here");
    await hears(ann, "quiet up here");
    assert.equal(await ann.locator(".message").count(), 1);
    assert.deepEqual(await moves(), [0, 0]);
});

check("notices who closes the tab", async () => {
    await ann.fill("#room", "lobby");
    await ann.press("#room", "Enter");
    await until(async () => (await people(bob)).length === 2, "ann is back");
    await ann.close();
    await until(async () => (await people(bob)).join() === "bob (you)", "ann is gone");
});

check("says that a room is refused and why, and stays where it is", async () => {
    const title = await bob.title(), url = bob.url();
    await bob.fill("#room", "two words");
    await bob.press("#room", "Enter"); /* the form refuses it; so does the server whom it gets past */
    await bob.evaluate(() => enter("two words"));
    await bob.locator("#refused", { hasText: /two words.*bad request/ }).waitFor();
    await shot(bob, "9-room-refused");
    assert.equal(await bob.locator("#room-name").textContent(), "lobby");
    assert.deepEqual([await bob.title(), bob.url()], [title, url]);
    await say(bob, "still in the lobby");
    await hears(bob, "still in the lobby");
    assert.equal(await bob.locator("#refused").textContent(), "");
    await bob.fill("#room", "lobby");
});

check("is in no room when the first one is refused, until another lets us in", async () => {
    const eve = await tab("/?as=eve&room=two%20words", "eve");
    await eve.locator("#refused", { hasText: /two words.*bad request/ }).waitFor();
    assert.equal(await eve.locator("#room-name").textContent(), "");
    assert.equal(await eve.getByRole("button", { name: "Send" }).isDisabled(), true);
    assert.equal(await eve.locator("#empty").isVisible(), false);
    await shot(eve, "10-no-room");
    await eve.fill("#room", "cellar");
    await eve.press("#room", "Enter");
    await until(async () => (await people(eve)).join() === "eve (you)", "eve in the cellar");
    assert.equal(await eve.locator("#room-name").textContent(), "cellar");
    assert.equal(await eve.getByRole("button", { name: "Send" }).isDisabled(), false);
    assert.match(eve.url(), /room=cellar/);
    assert.equal(await eve.locator("#refused").textContent(), "");
    await eve.close();
});

check("tells where the script broke, until the rules are good again", async () => {
    const text = maskToo("snow"), line = text.split("\n").length;
    breakOnPublish(text);
    await toast(bob).filter({ hasText: "generation 4" }).waitFor();
    await say(bob, "does it work?");
    await bob.locator("#refused", { hasText: `chat.lua:${line}` }).waitFor();
    await shot(bob, "11-script-error");
    save(text);
    await until(async () => (await bob.locator("#refused").textContent()) === "", "the error is gone");
    assert.equal(await bob.inputValue("#text"), "does it work?");
    await bob.fill("#text", "");
});

check("tells in the overlay how many more problems there are", async () => {
    const tell = (news) => bob.evaluate((data) => fetch("/api/publish",
        { method: "POST", body: JSON.stringify({ channel: "weir:dev", data }) }).then((r) => r.json()), news);
    const error = { file: "chat.lua", line: 3, source: "local x = = 1", reason: "unexpected symbol near '='" };
    for (const [more, words] of [[1, "and 1 more problem"], [2, "and 2 more problems"]]) {
        const answer = await tell({ generation: 5, error, more });
        assert.ok(answer.result, JSON.stringify(answer));
        await panel(bob).filter({ hasText: words }).waitFor();
    }
    await shot(bob, "12-overlay-more");
    await tell({ generation: 5, error });
    await until(async () => !(await panel(bob).innerText()).includes("more"), "one problem");
    await tell({ generation: 5, files: [] });
    await panel(bob).waitFor({ state: "detached" });
});

check("tells in the overlay of a message that is not what its channel promises", async () => {
    const broken = { file: "chat.lua", line: 7, channel: "room:lobby", reason: "/n: maximum 9, got number 12" };
    await bob.evaluate((data) => fetch("/api/publish",
        { method: "POST", body: JSON.stringify({ channel: "weir:dev", data }) }), { broken });
    await panel(bob).filter({ hasText: "maximum 9, got number 12" }).waitFor();
    const words = await panel(bob).innerText();
    for (const part of ["Not delivered: chat.lua:7", "room:lobby"]) assert.ok(words.includes(part), words);
    assert.equal(await panel(bob).getAttribute("role"), "alert");
    await panel(bob).getByRole("button", { name: "Close" }).click();
    await panel(bob).waitFor({ state: "detached" });
});

check("scrolls the list of people alone, so that what stands below is in sight", async () => {
    await bob.setViewportSize({ width: 1280, height: 720 });
    await bob.evaluate(() => {
        window.crowd = Array.from({ length: 25 }, (_, n) => new Weir(undefined, { as: "guest " + (n + 1) }));
        for (const guest of window.crowd) {
            guest.subscribe("chat:lobby");
            guest.connect();
        }
    });
    await until(async () => (await people(bob)).length === 26, "a crowd");
    const box = await bob.locator("#count").boundingBox();
    assert.ok(box.y + box.height < 720, `Count messages ends at ${box.y + box.height}`);
    for (const colorScheme of ["light", "dark"]) {
        await bob.emulateMedia({ colorScheme });
        await shot(bob, `13-crowd-${colorScheme}`);
    }
    await bob.setViewportSize({ width: 390, height: 780 });
    await shot(bob, "14-crowd-phone");
    await bob.evaluate(() => window.crowd.forEach((guest) => guest.close()));
    await until(async () => (await people(bob)).length === 1, "the crowd has left");
});

check("needs no sideways scroll on the narrowest phone, with the longest name and room", async () => {
    const name = "W".repeat(40), chris = "Christopher Robinson";
    const long = await tab(`/?as=${name}&room=${"M".repeat(40)}`, "long");
    await long.getByText("connected as " + name).waitFor();
    await long.evaluate((as) => {
        const other = new Weir(undefined, { as });
        window.other = other.subscribe(room.channel);
        other.connect();
        return window.other.ready;
    }, "Q".repeat(40));
    await say(long, "m".repeat(200));
    await long.evaluate(() => window.other.publish({ text: "w".repeat(200) }));
    await long.evaluate(() => window.other.publish({ typing: true }));
    await hears(long, "w".repeat(200));
    await say(long, "x".repeat(501));
    await long.locator("#refused", { hasText: "too long" }).waitFor();
    for (const width of [320, 360, 390, 700, 1280]) {
        await long.setViewportSize({ width, height: 640 });
        const wide = await long.evaluate(() =>
            [document.documentElement, document.querySelector("#log"), document.querySelector("aside")]
                .map((e) => [e.scrollWidth, e.clientWidth]));
        for (const [content, room] of wide) assert.ok(content <= room, `${content} pixels in ${room} of ${width}`);
        for (const what of ["h1", "#state"]) {
            const { width: seen } = await long.locator(what).boundingBox();
            assert.ok(seen > 100, `${what} has ${seen} pixels of ${width}`);
        }
        for (const colorScheme of ["light", "dark"]) {
            await long.emulateMedia({ colorScheme });
            await shot(long, `15-long-${width}-${colorScheme}`);
        }
    }
    await long.close();
    const short = await tab(`/?as=${chris}`, "chris");
    await short.setViewportSize({ width: 360, height: 640 });
    await short.getByText("connected as " + chris).waitFor();
    await short.locator("#room-name", { hasText: "lobby" }).waitFor();
    const isWhole = await short.evaluate(() => ["h1", "#state"].every((id) => {
        const { scrollWidth, clientWidth } = document.querySelector(id);
        return scrollWidth <= clientWidth;
    }));
    assert.ok(isWhole, "room and name are whole on 360 pixels");
    await shot(short, "16-chris-360");
    await short.close();
});

check("fits a phone, light and dark", async () => {
    await bob.setViewportSize({ width: 390, height: 780 });
    for (const colorScheme of ["light", "dark"]) {
        await bob.emulateMedia({ colorScheme });
        const [wide, seen] = await bob.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= seen, `${wide} pixels in ${seen}`);
        await shot(bob, `8-phone-${colorScheme}`);
    }
});

check("never makes the browser complain", async () => {
    assert.deepEqual(complaints, []);
});

await run();
