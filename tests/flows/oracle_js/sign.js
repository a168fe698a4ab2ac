// Signs the file of the second argument, or attests it where a payload type is given; the bundle goes to standard output.
import { readFileSync } from 'node:fs';
import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness, TSAWitness } from '@sigstore/sign';

// The address is one for all services, or those of Fulcio, Rekor and the timestamp authority with commas between.
const [urls, file, logVersion, entryType, payloadType] = process.argv.slice(2);
const [url, rekor = url, tsa = url] = urls.split(',');
const token = process.env.ORACLE_TOKEN;
const signer = new FulcioSigner({ fulcioBaseURL: url, identityProvider: { getToken: async () => token } });
const witnesses = [new TSAWitness({ tsaBaseURL: tsa })];
if (logVersion !== '0') {
  witnesses.push(new RekorWitness({ rekorBaseURL: rekor, majorApiVersion: Number(logVersion), entryType }));
}
const data = readFileSync(file);
const builder = payloadType
  ? new DSSEBundleBuilder({ signer, witnesses, certificateChain: false })
  : new MessageSignatureBundleBuilder({ signer, witnesses });
const bundle = await builder.create(payloadType ? { data, type: payloadType } : { data });
process.stdout.write(JSON.stringify(bundleToJSON(bundle)));
