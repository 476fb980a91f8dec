/**
 * Which addresses may be called. Checked at connect time on the resolved, pinned address, so that no name can lead inside,
 * however often it changes its mind. Ranges: IANA's special-purpose registries,
 * https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
 */
import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';

// biome-ignore format: a table
const forbidden4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  // Azure's metadata and DNS: a public number that only leads inside.
  '168.63.129.16/32',
];
/** Of IPv6 only this is in public use (RFC 4291, 2.4): everything else is special, whatever it will be used for. */
const public6 = ['2000::/3'];
const forbidden6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];
/** IPv6 that carries an IPv4 address in its last 4 bytes, in use today (mapped, NAT64): judged by what it carries. */
const carriers6 = ['::ffff:0:0/96', '64:ff9b::/96'];

const forbidden = { ipv4: blockList(forbidden4), ipv6: blockList(forbidden6) };
const publicIpv6 = blockList(public6);
const carriers = blockList(carriers6);
const loopback = blockList(['127.0.0.0/8', '::1/128']);

/** `dns.lookup` in the one form the guard uses. */
export type ResolveName = (
  hostname: string,
  options: { readonly all: true; readonly family?: number | 'IPv4' | 'IPv6' },
  callback: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

export class AddressBlocked extends Error {
  override readonly name = 'AddressBlocked';
  readonly code = 'ADDRESS_BLOCKED';
}

export class AddressGuard {
  private readonly allowed: BlockList;

  /** `allow`: CIDRs that may be reached although they are private. */
  constructor(
    allow: readonly string[],
    private readonly resolve: ResolveName = resolveName,
  ) {
    this.allowed = blockList(allow);
  }

  isAllowed(address: string): boolean {
    return listed(this.allowed, address);
  }

  /** Public, or allowed. */
  isReachable(address: string): boolean {
    if (this.isAllowed(address)) return true;
    if (isIPv4(address)) return !listed(forbidden.ipv4, address);
    const inner = embeddedIpv4(address);
    if (inner !== null) return this.isReachable(inner);
    return listed(publicIpv6, address) && !listed(forbidden.ipv6, address);
  }

  /** Whether a call may go to an address: plain http only to what is allowed by name of its range. */
  accepts(address: string, isPlain: boolean): boolean {
    return isPlain ? this.isAllowed(address) : this.isReachable(address);
  }

  /**
   * For `connect`: resolves all addresses of a name, refuses it if any is not accepted, and pins what it answers. Where some
   * are in the allowed ranges, it is those alone.
   */
  lookup(accepts: (address: string) => boolean, refusal: string): LookupFunction {
    return (hostname, options, callback) => {
      this.resolve(hostname, { all: true, family: options.family ?? 0 }, (error, addresses) => {
        if (error) return callback(error, '', 0);
        const named = addresses.filter(({ address }) => this.isAllowed(address));
        const pinned = named.length > 0 ? named : addresses;
        const [first] = pinned;
        if (!first || !pinned.every(({ address }) => accepts(address))) {
          return callback(new AddressBlocked(refusal), '', 0);
        }
        if (options.all) return callback(null, pinned);
        callback(null, first.address, first.family);
      });
    };
  }
}

export const NOT_PUBLIC =
  'the address is private, loopback, link-local or otherwise special, and not in HERALD_OUTBOUND_ALLOW';
export const PLAIN_NOT_ALLOWED = 'plain http is allowed only to addresses in HERALD_OUTBOUND_ALLOW';

export function isLoopback(address: string): boolean {
  return listed(loopback, address);
}

/** The address where a URL's host is one, without the brackets of IPv6; null for a name. */
export function literalAddress(hostname: string): string | null {
  const address = hostname.replace(/^\[|\]$/g, '');
  return isIP(address) === 0 ? null : address;
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix = ''] = range.split('/');
    list.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** A zone (`%eth0`) says nothing about where an address leads. */
function listed(list: BlockList, given: string): boolean {
  const address = given.split('%')[0]!;
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function embeddedIpv4(given: string): string | null {
  const address = given.split('%')[0]!;
  if (isIP(address) !== 6 || !listed(carriers, address)) return null;
  // URL writes any IPv6 in its canonical form, without a dotted tail.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':');
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16)) as [number, number];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
