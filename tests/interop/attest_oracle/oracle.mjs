// Builds provenance with @actions/attest for each claim set of the first argument, against a loopback issuer.
// Run from the folder that holds node_modules; the answer is the last line of standard error, after RESULT.
import http from 'node:http';
import * as jose from 'jose';
const { buildSLSAProvenancePredicate } = await import(new URL('./node_modules/@actions/attest/lib/provenance.js', import.meta.url));
const all = JSON.parse(process.argv[2]);
const { publicKey, privateKey } = await jose.generateKeyPair('RS256');
const jwk = { ...(await jose.exportJWK(publicKey)), kid: 'k', alg: 'RS256' };
let claims;
const server = http.createServer(async (q, r) => {
  const base = `http://127.0.0.1:${server.address().port}`;
  r.setHeader('content-type', 'application/json');
  if (q.url.startsWith('/.well-known')) return r.end(JSON.stringify({ issuer: base, jwks_uri: base + '/jwks' }));
  if (q.url === '/jwks') return r.end(JSON.stringify({ keys: [jwk] }));
  const t = await new jose.SignJWT({ ...claims, iss: base }).setProtectedHeader({ alg: 'RS256', kid: 'k' }).setAudience('nobody').setExpirationTime('5m').sign(privateKey);
  r.end(JSON.stringify({ value: t }));
}).listen(0, '127.0.0.1', async () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  process.env.ACTIONS_ID_TOKEN_REQUEST_URL = base + '/token?x=1';
  process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = 't';
  process.env.GITHUB_SERVER_URL = 'https://github.com';
  const out = [];
  for (claims of all) out.push((await buildSLSAProvenancePredicate(base)).params);
  process.stderr.write('\nRESULT ' + JSON.stringify(out));
  server.close(); process.exit(0);
});
