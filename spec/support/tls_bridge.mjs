/* Plain TCP in front of a TLS server, for clients of specs that know no TLS: node tls_bridge.mjs PORT FILE writes its own
 * port to FILE and lives as long as its input. It reads no faster than the client does. */
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { connect } from "node:tls";

const [port, file] = process.argv.slice(2);
const bridge = createServer({ allowHalfOpen: true, noDelay: true }, (plain) => {
    const tls = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, allowHalfOpen: true });
    tls.setNoDelay(true);
    plain.pipe(tls).pipe(plain);
    plain.on("error", () => tls.destroy()).on("close", () => tls.destroy());
    tls.on("error", () => plain.end()).on("close", () => plain.end());
});
bridge.listen(0, "127.0.0.1", () => {
    writeFileSync(file + ".part", String(bridge.address().port));
    renameSync(file + ".part", file);
});
process.stdin.resume().on("end", () => process.exit(0));
