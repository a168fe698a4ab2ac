// Verifies a bundle: trusted root, bundle, file ('-' for an attestation), identity, issuer, whether logs are asked for,
// and for an attestation the file that has to be one of its subjects. Instead of a file, the trusted root may be
// URL,ROOT,CACHE: it is then fetched from that TUF repository by @sigstore/tuf.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { getTrustedRoot } from '@sigstore/tuf';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const [root, bundle, file, identity, issuer, logs, subject] = process.argv.slice(2);
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const threshold = Number(logs);
const [mirrorURL, rootPath, cachePath] = root.split(',');
const trusted = cachePath
  ? await getTrustedRoot({ mirrorURL, rootPath, cachePath, forceInit: true })
  : TrustedRoot.fromJSON(json(root));
const verifier = new Verifier(toTrustMaterial(trusted), {
  ctlogThreshold: threshold,
  tlogThreshold: threshold,
  tsaThreshold: 1,
});
const entity = toSignedEntity(bundleFromJSON(json(bundle)), file === '-' ? undefined : readFileSync(file));
const signer = verifier.verify(entity, { subjectAlternativeName: identity, extensions: { issuer } });
if (subject) {
  const statement = JSON.parse(Buffer.from(json(bundle).dsseEnvelope.payload, 'base64').toString());
  const digest = createHash('sha256').update(readFileSync(subject)).digest('hex');
  if (!statement.subject.some((one) => one.digest.sha256 === digest)) throw new Error('not a subject');
}
process.stdout.write(signer.identity.subjectAlternativeName);
