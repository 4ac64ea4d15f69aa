import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import type { buildConnector, Dispatcher } from 'undici';
import { mayReach, type AllowList } from '../domain/public-address.js';

/** The receiver's address is not public and not allowed: never tried again. */
export class AddressRefused extends Error {
  readonly code = 'address-refused';
  constructor() {
    super('the address is not public and OUTBOUND_ALLOW does not name it');
  }
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;
export type Resolve = (
  hostname: string,
  options: { all: true; verbatim?: boolean; family?: number | 'IPv4' | 'IPv6' },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * The only way out for HTTP (S3). The check sits in the look-up that the socket itself connects with, so an answer that
 * changes between check and connect (rebinding) does not exist; literals never come to a look-up and are checked before.
 * No redirects are followed and no proxy variable is read. The package is loaded where something is posted at all: it takes as
 * much memory as a tenth of a worker.
 */
export async function createOutboundAgent(
  allow: AllowList,
  resolve: Resolve = dnsLookup as Resolve,
): Promise<Dispatcher> {
  const undici = await import('undici');
  const lookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => {
    resolve(hostname, { all: true, verbatim: true, family: options.family }, (error, addresses) => {
      if (error) return callback(error, []);
      const named = allow.hosts.has(hostname.toLowerCase());
      const open = addresses.filter(({ address }) => named || mayReach(address, allow));
      if (!open.length) return callback(new AddressRefused(), []);
      if (options.all) return callback(null, open);
      return callback(null, open[0]!.address, open[0]!.family);
    });
  };
  const connect = undici.buildConnector({
    lookup: lookup as never,
    timeout: 5_000,
    noDelay: true,
  } as buildConnector.BuildOptions);
  return new undici.Agent({
    connect: (options, callback) => {
      const literal = options.hostname.replace(/^\[|\]$/g, '');
      const named = allow.hosts.has(options.hostname.toLowerCase());
      if (isIP(literal) && !named && !mayReach(literal, allow)) return callback(new AddressRefused(), null);
      return connect(options, callback);
    },
    pipelining: 1,
    connections: 32,
  });
}
