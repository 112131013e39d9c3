import type { DialFailure } from './transport.ts'

/** How a broken or unanswered connection looks when libp2p has kept only the text of an error. */
const BROKEN = /ECONNRESET|EPIPE|ETIMEDOUT|timed? ?out|abort|closed|reset|ended|unexpected end/i
const DISAGREED = ['EncryptionFailedError', 'MuxerUnavailableError', 'UnsupportedProtocolError']

/**
 * What a rejected dial says about the peer. `refused` is definite (nobody listens there: its
 * process is gone), so it is reported only when every address that was tried said so.
 */
export function dialFailureOf(error: unknown): DialFailure {
  if (error instanceof AggregateError && error.errors.length > 0) {
    const [first, ...rest] = error.errors.map(dialFailureOf)
    return first !== undefined && rest.every((other) => other === first) ? first : 'unreachable'
  }
  if (!(error instanceof Error)) return 'unreachable'
  if ('code' in error && error.code === 'ECONNREFUSED') return 'refused'
  if (/dial self/.test(error.message)) return 'self'
  // libp2p wraps whatever ended a handshake: a peer that died in it said nothing about keys.
  if (DISAGREED.includes(error.name))
    return BROKEN.test(error.message) ? 'unreachable' : 'handshake'
  return error.cause === undefined ? 'unreachable' : dialFailureOf(error.cause)
}
