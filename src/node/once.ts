import type { PeerId } from '../transport/transport.ts'

/** How far apart requests of one link may overtake each other. */
const WINDOW = 1_024

/**
 * Lets each request of a link in once. A copy that was refused must not run from its repetition:
 * the refusal would then be a lie. Links of libp2p repeat nothing; nothing here relies on that.
 */
export class OncePerLink {
  readonly #seen = new Map<PeerId, Float64Array>()

  /** A new link: its sender numbers its requests from anywhere, upwards. */
  open(peer: PeerId): void {
    this.#seen.set(peer, new Float64Array(WINDOW).fill(-1))
  }

  close(peer: PeerId): void {
    this.#seen.delete(peer)
  }

  /** False: request `id` came before, or so long ago that nobody can tell. */
  admit(peer: PeerId, id: number): boolean {
    const seen = this.#seen.get(peer)
    const at = id % WINDOW
    if (seen === undefined || (seen[at] ?? id) >= id) return false
    seen[at] = id
    return true
  }
}
