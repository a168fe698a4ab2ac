// Signs the file of the second argument, or attests it where a payload type is given; the bundle goes to standard output.
import { readFileSync } from 'node:fs';
import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness, TSAWitness } from '@sigstore/sign';

const [url, file, logVersion, entryType, payloadType] = process.argv.slice(2);
const token = process.env.ORACLE_TOKEN;
const signer = new FulcioSigner({ fulcioBaseURL: url, identityProvider: { getToken: async () => token } });
const witnesses = [new TSAWitness({ tsaBaseURL: url })];
if (logVersion !== '0') {
  witnesses.push(new RekorWitness({ rekorBaseURL: url, majorApiVersion: Number(logVersion), entryType }));
}
const data = readFileSync(file);
const builder = payloadType
  ? new DSSEBundleBuilder({ signer, witnesses, certificateChain: false })
  : new MessageSignatureBundleBuilder({ signer, witnesses });
const bundle = await builder.create(payloadType ? { data, type: payloadType } : { data });
process.stdout.write(JSON.stringify(bundleToJSON(bundle)));
