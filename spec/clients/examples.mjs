/* Opens the page of each example in Chromium, twice, and does with it what it is for:
 * node examples.mjs http://HOST:PORT NAME FOLDER_FOR_SCREENSHOTS (started by examples_spec.lua). */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { check, run } from "./check.mjs";

const [BASE, NAME, SHOTS] = process.argv.slice(2);
const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 900, height: 620 } });
context.setDefaultTimeout(10000);
const complaints = [];

async function tab(path) {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.stack));
    page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(BASE + path);
    return page;
}

const ann = await tab("/?as=ann"), ben = await tab("/?as=ben");
const shows = (page, text) => page.getByText(text).first().waitFor();

const plays = {
    async empty() {
        await ann.fill("#text", "hello");
        await ann.click("button");
        await shows(ben, "ann: hello");
    },
    async dashboard() {
        await ann.locator("#cpu").fill("95");
        await shows(ben, "95%");
        await shows(ben, "cpu is 95");
        await ann.locator("#cpu").fill("20");
        await shows(ben, "cpu is 20, well again");
        await shows(await tab("/?as=cy"), "20%");
    },
    async trading() {
        await ann.locator("button[value=sell]").click();
        await shows(ann, "Order 1: 0 filled, 5 left.");
        await shows(ben, "100 × 5");
        await ben.locator("button[value=buy]").click();
        await shows(ben, "Order 2: 5 filled, 0 left.");
        await shows(ann, "order 1: sell 5 at 100");
        await ben.fill("#qty", "0.5");
        await ben.evaluate(() => { document.getElementById("order").noValidate = true; });
        await ben.locator("button[value=buy]").click();
        await shows(ben, "/qty: type integer");
        await shows(await tab("/?as=cy"), "100");
    },
    async doc() {
        await ann.locator("textarea").first().fill("first");
        await ann.locator("textarea").first().blur();
        await shows(ben, "version 1, ann");
        assert.equal(await ben.locator("textarea").first().inputValue(), "first");
        await ben.locator("textarea").first().fill("second");
        await ben.locator("textarea").first().blur();
        await shows(ann, "version 2, ben");
        const cy = await tab("/?as=cy");
        await shows(cy, "version 2, ben");
        await ann.locator("textarea").first().fill("third");
        await ann.locator("textarea").first().blur();
        await shows(cy, "version 3, ann");
        assert.equal(await cy.locator("textarea").count(), 2);
    },
};

check("does in two tabs what it is for", async () => {
    await plays[NAME]();
    await ben.screenshot({ path: `${SHOTS}/example-${NAME}.png` });
});
check("has nothing to complain about", () => assert.deepEqual(complaints, []));

await run();
await browser.close();
