import { isIP } from 'node:net';

export type IpPolicy = 'truncate' | 'drop' | 'keep';

/** IPv4 to its /24, IPv6 to its /48; what is no address is dropped. */
export function applyIpPolicy(address: string | undefined, policy: IpPolicy): string | undefined {
  if (address === undefined || policy === 'drop') return undefined;
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const version = isIP(plain);
  if (version === 0) return undefined;
  if (policy === 'keep') return plain;
  return version === 4 ? plain.replace(/\d+$/, '0') : truncateV6(plain);
}

function truncateV6(address: string): string {
  const [head = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  // a head shorter than three groups is filled by the zeros that '::' stands for
  const kept = [groups[0] ?? '0', groups[1] ?? '0', groups[2] ?? '0'].map((group) =>
    group.includes('.') ? '0' : group,
  );
  return `${kept.join(':')}::`;
}
