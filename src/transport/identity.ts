import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId } from './transport.ts'

/** A new Ed25519 identity: the private key as a libp2p protobuf (68 bytes). Keep it secret. */
export async function generateIdentity(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair('Ed25519'))
}

/**
 * The name an identity is known by. Throws when `privateKey` is not what `generateIdentity` made.
 */
export function peerIdOf(privateKey: Uint8Array): PeerId {
  return peerIdFromPrivateKey(privateKeyFromProtobuf(privateKey)).toString()
}
