/* Runs the script of a page's HTML block as a browser would: node html_page.mjs URL FILE. The block loads
 * /weir.js from the server; what it prints with console.log is printed. Ends when the page closes or says so. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import vm from "node:vm";
const { WebSocket } = createRequire(new URL("../clients/", import.meta.url))("ws");

const [url, file] = process.argv.slice(2), html = readFileSync(file, "utf8");
const context = vm.createContext({ console, WebSocket, URL, URLSearchParams, setTimeout, clearTimeout,
    queueMicrotask, location: { href: url + "/?as=ann", search: "?as=ann" } });
for (const [, src, code] of html.matchAll(/<script(?: src="([^"]+)")?>([^]*?)<\/script>/g))
    vm.runInContext(src ? await (await fetch(url + src)).text() : code, context);
setTimeout(() => process.exit(0), 1500);
