/* Other servers for specs of fetch/, good and bad: node web.mjs FOLDER writes the ports { http, https, raw } to
 * FOLDER/ports and lives as long as its input. FOLDER/one.crt and one.key are the certificate. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { createServer } from "node:net";

const folder = process.argv[2];
const seen = { connections: 0, requests: {} };
const held = [];
const idp = { is_down: false };

function echo(request, response, body) {
    response.setHeader("X-Method", request.method);
    response.end(JSON.stringify({ method: request.method, url: request.url, fields: request.rawHeaders, body }));
}

function endless(response) {
    response.writeHead(200);
    const more = () => response.destroyed || response.write("x".repeat(16384), more);
    more();
}

const paths = {
    echo,
    status: (request, response, body, n) => response.writeHead(Number(n)).end("status " + n),
    bytes: (request, response, body, n) => response.end("x".repeat(Number(n))),
    endless: (request, response) => endless(response),
    silent: () => {},
    begun: (request, response) => response.writeHead(200).write("begun"),
    vanish: (request, response) => {
        response.writeHead(200, { "Content-Length": 1000 });
        response.write("ten bytes.", () => response.socket.destroy());
    },
    hold: (request, response) => held.push(response),
    release: (request, response) => {
        for (const one of held.splice(0)) one.end("released");
        response.end(String(held.length));
    },
    redirect: (request, response, body, n, query) =>
        response.writeHead(Number(n), { Location: query.get("to") }).end("over there"),
    around: (request, response, body, n) =>
        n === "0" ? echo(request, response, body) : response.writeHead(302, { Location: `/around/${n - 1}` }).end(),
    fields: (request, response, body, n) => {
        for (let i = 0; i < Number(n); i++) response.setHeader("X-Field-" + i, "v" + i);
        response.end("fields");
    },
    /* An identity provider: tokens are "NAME-good"; it can be told to be down. */
    introspect: (request, response, body) => {
        const name = /^(\w+)-good$/.exec(JSON.parse(body).token)?.[1];
        if (idp.is_down) return response.writeHead(503).end("down");
        if (!name) return response.writeHead(401).end("{}");
        response.end(JSON.stringify({ sub: name, roles: ["moderator"], exp: Math.floor(Date.now() / 1000) + 3600 }));
    },
    idp: (request, response, body, n) => response.end(String((idp.is_down = n === "down"))),
    seen: (request, response) => response.end(JSON.stringify(seen)),
};

function serve(request, response) {
    const url = new URL(request.url, "http://here");
    const [, name, n] = url.pathname.split("/");
    seen.requests[request.url] = (seen.requests[request.url] ?? 0) + 1;
    let body = "";
    request.setEncoding("latin1").on("data", (part) => (body += part)).on("end", () => {
        (paths[name] ?? echo)(request, response, body, n, url.searchParams);
    });
}

/* Answers that no decent server gives, by the path. */
const answers = {
    garbage: "SSH-2.0-OpenSSH_9.2\r\n\x00\x01\x02\xff".repeat(20),
    nothing: "",
    plain: "no status line, as in HTTP/0.9",
    early: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok",
    folded: "HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 2\r\n\r\nok",
    trailers: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: yes\r\n\r\n",
    chunk: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    negative: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    twice: "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A:2  \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
    head: "HTTP/1.1 200 OK\r\n" + "X-Long: 1234567890\r\n".repeat(5000) + "\r\n",
    line: "HTTP/1.1 200 OK\r\nX-Long: " + "1234567890".repeat(20000) + "\r\n\r\n",
    interim: "HTTP/1.1 100 Continue\r\n\r\n".repeat(5000),
    switch: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes",
};

const raw = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes) => socket.end(Buffer.from(answers[/ \/(\w*)/.exec(bytes)?.[1]] ?? "", "latin1")));
});

const key = { key: readFileSync(folder + "/one.key"), cert: readFileSync(folder + "/one.crt") };
const servers = { http: http.createServer(serve), https: https.createServer(key, serve), raw };
servers.http.on("connection", () => seen.connections++);
const ports = {};
for (const [name, server] of Object.entries(servers)) {
    server.keepAliveTimeout = 60000;
    server.on("tlsClientError", () => {});
    server.listen(0, "0.0.0.0", () => {
        ports[name] = server.address().port;
        if (Object.keys(ports).length < 3) return;
        writeFileSync(folder + "/ports.part", JSON.stringify(ports));
        renameSync(folder + "/ports.part", folder + "/ports");
    });
}
process.stdin.resume().on("end", () => process.exit(0));
