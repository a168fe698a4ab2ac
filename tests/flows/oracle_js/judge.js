// Judges many bundles: trusted root as the first argument, identity and issuer after it; one bundle a line on standard
// input with the artifact in base64; 'accepted' or the reason a line on standard output.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const [root, identity, issuer] = process.argv.slice(2);
const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(readFileSync(root, 'utf8'))));
const verifier = new Verifier(material, { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 });

for await (const line of createInterface({ input: process.stdin, terminal: false })) {
  let answer = 'accepted';
  try {
    const { bundle, artifact } = JSON.parse(line);
    const entity = toSignedEntity(bundleFromJSON(JSON.parse(bundle)), artifact === null ? undefined : Buffer.from(artifact, 'base64'));
    verifier.verify(entity, { subjectAlternativeName: identity, extensions: { issuer } });
  } catch (error) {
    answer = `refused ${String(error.message ?? error).split('\n')[0]}`;
  }
  process.stdout.write(`${answer}\n`);
}
