/**
 * Which addresses may be called. Checked at connect time on the resolved, pinned address, so that no name can lead inside,
 * however often it changes its mind. Ranges: IANA's special-purpose registries,
 * https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
 */
import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';

const forbidden4 = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'];
const forbidden6 = ['::/128', '::1/128', '64:ff9b:1::/48', '100::/64', '2001::/32', '2001:db8::/32', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'];
/** IPv6 that carries an IPv4 address, and the byte at which it starts: decoded and judged by that. */
const embedding = [
  { prefix: '::ffff:0:0/96', at: 12 },
  { prefix: '::/96', at: 12 },
  { prefix: '64:ff9b::/96', at: 12 },
  { prefix: '2002::/16', at: 2 },
] as const;

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix = ''] = range.split('/');
    list.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

const forbidden = { ipv4: blockList(forbidden4), ipv6: blockList(forbidden6) };
const carriers = embedding.map(({ prefix, at }) => ({ list: blockList([prefix]), at }));

export class AddressBlocked extends Error {
  override readonly name = 'AddressBlocked';
  readonly code = 'ADDRESS_BLOCKED';
}

export class AddressGuard {
  private readonly allowed: BlockList;

  /** `allow`: CIDRs that may be reached although they are private. */
  constructor(allow: readonly string[]) {
    this.allowed = blockList(allow);
  }

  isAllowed(address: string): boolean {
    return listed(this.allowed, address);
  }

  /** Public, or allowed. */
  isReachable(address: string): boolean {
    if (this.isAllowed(address)) return true;
    const inner = embeddedIpv4(address);
    if (inner !== null) return this.isReachable(inner);
    return isIPv4(address) ? !forbidden.ipv4.check(address) : !forbidden.ipv6.check(address, 'ipv6');
  }

  /**
   * For `connect`: resolves all addresses of a name, refuses it if any is forbidden, and pins what it answers. With
   * `onlyAllowed` (plain http) every address must be in the allowed ranges.
   */
  lookup(onlyAllowed: boolean): LookupFunction {
    return (hostname, options, callback) => {
      resolveName(hostname, { all: true, family: options.family ?? 0 }, (error, addresses) => {
        if (error) return callback(error, '', 0);
        const bad = addresses.find(({ address }) => !(onlyAllowed ? this.isAllowed(address) : this.isReachable(address)));
        if (bad || addresses.length === 0) return callback(new AddressBlocked(blockedMessage(onlyAllowed)), '', 0);
        if (options.all) return callback(null, addresses as never);
        callback(null, addresses[0]!.address, addresses[0]!.family);
      });
    };
  }

  /** Throws where a URL's literal address may not be called. Names are checked when connecting. */
  checkLiteral(url: URL): void {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const onlyAllowed = url.protocol === 'http:';
    if (isIP(host) === 0) return;
    if (!(onlyAllowed ? this.isAllowed(host) : this.isReachable(host))) throw new AddressBlocked(blockedMessage(onlyAllowed));
  }
}

function blockedMessage(onlyAllowed: boolean): string {
  return onlyAllowed
    ? 'plain http is allowed only to addresses in HERALD_OUTBOUND_ALLOW'
    : 'the address is private, loopback, link-local or otherwise special, and not in HERALD_OUTBOUND_ALLOW';
}

function listed(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function embeddedIpv4(address: string): string | null {
  if (isIP(address) !== 6) return null;
  const carrier = carriers.find(({ list }) => list.check(address, 'ipv6'));
  if (!carrier || address === '::' || address === '::1') return null;
  const bytes = bytesOfIpv6(address);
  return bytes.slice(carrier.at, carrier.at + 4).join('.');
}

function bytesOfIpv6(address: string): number[] {
  // URL writes any IPv6 in its canonical form, without dotted tails and zones.
  const canonical = new URL(`http://[${address.split('%')[0]}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string) => part.split(':').filter(Boolean).map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}
