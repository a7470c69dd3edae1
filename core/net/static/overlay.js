/* The developer overlay, which `weir dev` adds to /weir.js: tells on the page what a saved script
 * did. It listens to weir:dev on the page's own connection; an application that wants to know of
 * good rules listens to the document's event "weir:loaded". */
(function (root) {
"use strict";

const Plain = root.Weir;
if (!root.document || !Plain) return;

const STYLE = `
    :host { all: initial; }
    * { box-sizing: border-box; }
    .panel, .toast {
        position: fixed; z-index: 2147483647; font: 15px/1.5 system-ui, sans-serif;
        background: #1d1b20; color: #f4eff4; border-radius: 10px;
        box-shadow: 0 8px 32px rgb(0 0 0 / .45), 0 0 0 1px rgb(255 255 255 / .12);
    }
    .panel {
        left: 50%; top: 12px; width: min(720px, calc(100vw - 24px)); max-height: 70vh;
        transform: translateX(-50%); overflow: auto; padding: 16px 20px 18px;
        border-top: 4px solid #ff6b5e;
    }
    header { display: flex; gap: 12px; align-items: baseline; }
    h2 { margin: 0; flex: 1; min-width: 0; font-size: 16px; overflow-wrap: anywhere; }
    h2 span { color: #ffb4a9; font-family: ui-monospace, monospace; }
    button {
        flex: none; font: inherit; color: inherit; background: none; cursor: pointer;
        border: 1px solid rgb(255 255 255 / .35); border-radius: 6px; padding: 2px 10px;
    }
    button:hover { background: rgb(255 255 255 / .12); }
    button:focus-visible { outline: 2px solid #ffb4a9; outline-offset: 2px; }
    pre {
        margin: 12px 0; padding: 10px 12px; overflow-x: auto;
        background: #100f12; border-radius: 6px; font: 14px/1.5 ui-monospace, monospace; tab-size: 4;
    }
    pre b { color: #9d949e; font-weight: normal; margin-right: 14px; user-select: none; }
    p { margin: 0; overflow-wrap: anywhere; }
    .more, .stays { margin-top: 8px; color: #cbc3cc; font-size: 14px; }
    .toast {
        left: 50%; top: 12px; translate: -50% 0; width: max-content; max-width: calc(100vw - 24px);
        padding: 8px 16px; animation: come .2s ease-out; font-size: 14px;
    }
    .toast::before {
        content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
        margin-right: 10px; background: #6fdd8b; vertical-align: 1px;
    }
    @keyframes come { from { opacity: 0; transform: translateY(-8px); } }
    @media (prefers-reduced-motion: reduce) { .toast { animation: none; } }
`;
const TOAST_MS = 4000;

function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
}

let shadow, panel, toast;

function place(made) {
    if (!shadow) {
        const host = element("weir-overlay");
        shadow = host.attachShadow({ mode: "open" });
        const sheet = new CSSStyleSheet(); /* allowed where a policy forbids <style> */
        sheet.replaceSync(STYLE);
        shadow.adoptedStyleSheets = [sheet];
        document.documentElement.append(host);
    }
    shadow.append(made);
    return made;
}

function hide() {
    panel?.remove();
    panel = undefined;
}

/** A panel with that title, which begins with a word and names a place. */
function showPanel(word, where, ...children) {
    hide();
    toast?.remove();
    const close = element("button", { type: "button", textContent: "Close", onclick: hide });
    const title = element("h2", {}, word, element("span", { textContent: where }));
    panel = element("section", { className: "panel" }, element("header", {}, title, close), ...children);
    panel.setAttribute("role", "alert");
    panel.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    place(panel);
}

const placeOf = ({ file, line }) => file ? file + (line ? ":" + line : "") : "the scripts";

/** @param {{file: string, line: number, channel: string, reason: string}} broken a message that is not what was promised */
function showBroken(broken) {
    showPanel("Not delivered: ", placeOf(broken),
        element("p", { className: "reason", textContent: broken.reason }),
        element("p", { className: "stays", textContent: `A message of ${broken.channel}, refused in dev mode alone.` }));
}

/**
 * @param {{generation: number, error: {file?: string, line?: number, source?: string,
 *     reason?: string}, more?: number}} news the first problem, and how many there are besides
 */
function showError({ error, generation, more }) {
    const children = [];
    if (error.source) {
        const number = element("b", { textContent: error.line || "" });
        children.push(element("pre", {}, number, error.source));
    }
    const stays = generation > 0
        ? `The rules of generation ${generation} stay in force.` : "No rules are in force yet.";
    children.push(element("p", { className: "reason", textContent: error.reason || "" }));
    if (more > 0) {
        const problems = more === 1 ? "problem" : "problems";
        const text = `and ${more} more ${problems}: the terminal and weir check tell all`;
        children.push(element("p", { className: "more", textContent: text }));
    }
    children.push(element("p", { className: "stays", textContent: stays }));
    showPanel("Not loaded: ", placeOf(error), ...children);
}

/** @param {{generation: number, made_from: number, why: string}} news of a server that has gone back by itself */
function showRolledBack({ generation, made_from: from, why }) {
    showPanel("Rolled back: ", `generation ${from}`,
        element("p", { className: "reason", textContent: why }),
        element("p", { className: "stays", textContent: `Its rules are in force again, as generation ${generation}. ` +
            "The files are as you saved them: the next save takes them again." }));
}

/** @param {{generation: number, made_from?: number, files?: string[], ms?: number}} news made_from: by a rollback */
function showLoaded({ generation, made_from: from, files = [], ms }) {
    hide();
    toast?.remove();
    const parts = [`generation ${generation}`, from ? `back to generation ${from}` : "", files.join(", ")];
    if (ms !== undefined) parts.push(`${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`);
    toast = element("div", { className: "toast", textContent: parts.filter(Boolean).join(" · ") });
    toast.setAttribute("role", "status");
    const shown = place(toast);
    setTimeout(() => shown.remove(), TOAST_MS);
}

/* `isNews`: it happened just now; else it is how things stood when we came. */
function tell(state, isNews) {
    if (state?.broken) return showBroken(state.broken);
    if (state?.error) showError(state);
    else if (state?.why) showRolledBack(state);
    else if (isNews && state?.generation) showLoaded(state);
    else hide();
    if (isNews && !state?.error) document.dispatchEvent(new Event("weir:loaded"));
}

function watch(weir) {
    const dev = weir.subscribe("weir:dev");
    dev.on("subscribed", (state) => tell(state, false));
    dev.on("message", (state) => tell(state, true));
    weir.on("disconnected", () => { if (watched === weir) watched = undefined; });
}

let watched;
function Weir(...options) {
    const weir = new Plain(...options);
    if (!watched) watch((watched = weir));
    return weir;
}
root.Weir = Object.assign(Weir, Plain);
Weir.prototype = Plain.prototype;
})(globalThis);
