import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

const DIALABLE = /^(ip6zone\/)?(ip4|ip6|dns|dns4|dns6)\/tcp(\/p2p)?$/

/** Whether the transport can dial `address`: an ip or host name, a tcp port, perhaps `/p2p/ID`. */
export function isDialable(address: string): boolean {
  try {
    const parts = multiaddr(address).getComponents()
    for (const { name, value = '' } of parts) {
      if (name === 'p2p') peerIdFromString(value)
      if (name === 'tcp' && Number(value) === 0) return false
    }
    return DIALABLE.test(parts.map(({ name }) => name).join('/'))
  } catch {
    // Both parsers throw at text that is no address, or names no peer.
    return false
  }
}
