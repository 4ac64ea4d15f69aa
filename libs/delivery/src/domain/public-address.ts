import ipaddr from 'ipaddr.js';

/** What may be reached although it is not public: host names, addresses and CIDR blocks. */
export interface AllowList {
  hosts: ReadonlySet<string>;
  blocks: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];
}

/** `intranet.example.jp 10.1.0.0/16 ::1`, separated by spaces or commas. Throws on a block that cannot be read. */
export function parseAllowList(text: string): AllowList {
  const hosts = new Set<string>();
  const blocks: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];
  for (const entry of text.split(/[\s,]+/).filter(Boolean)) {
    if (entry.includes('/')) blocks.push(ipaddr.parseCIDR(entry));
    else if (ipaddr.isValid(entry)) blocks.push(ipaddr.parseCIDR(`${entry}/${entry.includes(':') ? 128 : 32}`));
    else hosts.add(entry.toLowerCase());
  }
  return { hosts, blocks };
}

/** `unicast` of ipaddr.js is what no registry reserves; a mapped, NAT64 or 6to4 address counts as the IPv4 address inside it. */
export function mayReach(address: string, allow: AllowList): boolean {
  const parsed = parse(address);
  if (!parsed) return false;
  const inside = embeddedV4(parsed);
  const effective = inside ?? parsed;
  const allowed = allow.blocks.some(
    ([network, bits]) => network.kind() === effective.kind() && effective.match(network, bits),
  );
  return allowed || effective.range() === 'unicast';
}

function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  return ipaddr.isValid(bare) ? ipaddr.parse(bare) : undefined;
}

function embeddedV4(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (address.kind() === 'ipv4') return undefined;
  const v6 = address as ipaddr.IPv6;
  if (v6.isIPv4MappedAddress()) return v6.toIPv4Address();
  const bytes = v6.toByteArray();
  const v4 = (from: number) => ipaddr.fromByteArray(bytes.slice(from, from + 4)) as ipaddr.IPv4;
  if (v6.range() === 'rfc6052') return v4(12);
  if (v6.range() === '6to4') return v4(2);
  return undefined;
}
