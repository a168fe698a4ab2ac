// Verifies a bundle: trusted root, bundle, file ('-' for an attestation), identity, issuer, whether logs are asked for.
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const [root, bundle, file, identity, issuer, logs] = process.argv.slice(2);
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const threshold = Number(logs);
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(json(root))), {
  ctlogThreshold: threshold,
  tlogThreshold: threshold,
  tsaThreshold: 1,
});
const entity = toSignedEntity(bundleFromJSON(json(bundle)), file === '-' ? undefined : readFileSync(file));
const signer = verifier.verify(entity, { subjectAlternativeName: identity, extensions: { issuer } });
process.stdout.write(signer.identity.subjectAlternativeName);
