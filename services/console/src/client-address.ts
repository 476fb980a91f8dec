/** Who calls, where gateways stand between: the last address that none of the trusted ones is. Pure. */
import { BlockList, isIP, isIPv4 } from 'node:net';

export type ClientAddress = (connected: string, forwardedFor: string | undefined) => string;

/** `trusted`: CIDRs. What an untrusted caller says of itself is not believed. */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  const proxies = new BlockList();
  for (const range of trusted) {
    const [address = '', prefix = ''] = range.split('/');
    proxies.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  const isProxy = (address: string) => proxies.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  return (connected, forwardedFor) => {
    let found = plain(connected);
    const hops = (forwardedFor ?? '').split(',').map((hop) => plain(hop.trim()));
    while (isProxy(found)) {
      const before = hops.pop();
      if (before === undefined || isIP(before) === 0) break;
      found = before;
    }
    return found;
  };
}

/** IPv4 as it is, also where a socket for both families shows it inside IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
