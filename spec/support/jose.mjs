// Keys and tokens by a signer that Weir did not write: prints them as JSON. Arguments: a folder for the keys' files.
import { createPublicKey, createHmac, generateKeyPairSync, sign, constants } from "node:crypto";
import { writeFileSync } from "node:fs";

const folder = process.argv[2];
const KINDS = {
  rsa: ["rsa", { modulusLength: 2048 }], other: ["rsa", { modulusLength: 2048 }], small: ["rsa", { modulusLength: 1024 }],
  p256: ["ec", { namedCurve: "P-256" }], p384: ["ec", { namedCurve: "P-384" }], p521: ["ec", { namedCurve: "P-521" }],
  k256: ["ec", { namedCurve: "secp256k1" }], ed25519: ["ed25519"], ed448: ["ed448"], x25519: ["x25519"],
};
const base64 = (bytes) => Buffer.from(bytes).toString("base64url");
const keys = {}, jwks = {};
for (const [name, [kind, options]] of Object.entries(KINDS)) {
  const pair = generateKeyPairSync(kind, options ?? {});
  keys[name] = pair.privateKey;
  jwks[name] = createPublicKey(pair.privateKey).export({ format: "jwk" });
  writeFileSync(`${folder}/${name}.pem`, pair.publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(`${folder}/${name}.key`, pair.privateKey.export({ type: "pkcs8", format: "pem" }));
}
const secret = Buffer.alloc(64, "s");
jwks.oct = { kty: "oct", k: base64(secret) };

function signature(alg, key, text) {
  const digest = "sha" + alg.slice(2);
  if (alg === "none") return "";
  if (alg.startsWith("HS")) return createHmac(digest, key).update(text).digest();
  if (alg.startsWith("RS")) return sign(digest, text, key);
  if (alg.startsWith("PS")) {
    return sign(digest, text, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  }
  if (alg.startsWith("ES")) return sign(digest, text, { key, dsaEncoding: "ieee-p1363" });
  return sign(null, text, key);
}
function token(alg, key, { header, claims, mangle } = {}) {
  const text = base64(JSON.stringify({ alg, ...header })) + "." + base64(JSON.stringify({ sub: "ann", ...claims }));
  const bytes = signature(alg, key, Buffer.from(text));
  return text + "." + base64(mangle ? mangle(bytes, Buffer.from(text)) : bytes);
}

const OWNERS = { HS256: secret, HS384: secret, HS512: secret, ES256: keys.p256, ES384: keys.p384, ES512: keys.p521, EdDSA: keys.ed25519 };
for (const alg of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]) OWNERS[alg] = keys.rsa;
const tokens = {}, named = {};
for (const [alg, key] of Object.entries(OWNERS)) {
  tokens[alg] = token(alg, key);
  named[alg] = token(alg, key, { header: { kid: "a key" } });
}
const pem = createPublicKey(keys.rsa).export({ type: "spki", format: "pem" });
const attacks = {
  "no signature at all": token("none", null),
  "no signature, and RS256": token("RS256", keys.rsa, { mangle: () => Buffer.alloc(0) }),
  "the public key as a secret": token("HS256", Buffer.from(pem)),
  "another RSA key": token("RS256", keys.other),
  "another RSA key, PSS": token("PS256", keys.other),
  "an RSA signature called PSS": token("PS256", keys.rsa, { mangle: (_, text) => sign("sha256", text, keys.rsa) }),
  "PSS without salt": token("PS256", keys.rsa, {
    mangle: (_, text) => sign("sha256", text, { key: keys.rsa, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 0 }) }),
  "another digest than it says": token("RS256", keys.rsa, { mangle: (_, text) => sign("sha512", text, keys.rsa) }),
  "r = s = 0": token("ES256", keys.p256, { mangle: () => Buffer.alloc(64) }),
  "r = s = 0 on the largest curve": token("ES512", keys.p521, { mangle: () => Buffer.alloc(132) }),
  "all ones": token("ES256", keys.p256, { mangle: () => Buffer.alloc(64, 255) }),
  "a signature in DER": token("ES256", keys.p256, { mangle: (_, text) => sign("sha256", text, keys.p256) }),
  "another curve than it says": token("ES256", keys.p384, { mangle: (bytes) => bytes.subarray(0, 64) }),
  "a signature too long": token("ES256", keys.p256, { mangle: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]) }),
  "a signature cut": token("EdDSA", keys.ed25519, { mangle: (bytes) => bytes.subarray(0, 63) }),
  "an embedded key": token("RS256", keys.other, { header: { jwk: jwks.other } }),
  "a key from elsewhere": token("RS256", keys.other, { header: { jku: "https://example.com/keys", x5u: "https://example.com/x" } }),
  "an extension": token("RS256", keys.rsa, { header: { crit: ["b64"], b64: false } }),
};
const aimed = (claims) => token("ES256", keys.p256, { claims });
const claims = {
  mine: aimed({ aud: "weir", iss: "https://id" }), listed: aimed({ aud: ["other", "weir"], iss: "https://id" }),
  escaped: aimed({ aud: "weir", iss: "https://id" }).replace(/^/, ""), "of nobody": aimed({}),
  "for another": aimed({ aud: "weirs", iss: "https://id" }), "for others": aimed({ aud: ["other", 1, null], iss: "https://id" }),
  "by another": aimed({ aud: "weir", iss: "https://id/" }), "by a number": aimed({ aud: "weir", iss: 1 }),
};
console.log(JSON.stringify({ tokens, named, attacks, claims, jwks }));
