import type { Clock, Timers } from './clock.ts'
import type { Random } from './random.ts'

export const realClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now()
}

/** Above it setTimeout fires at once. */
const DELAY_MS_MAX = 0x7fff_ffff

/**
 * Timers of the process. `soon` is setImmediate, which Node.js runs after the I/O events that wait
 * already; browsers have a message channel for the same.
 */
export const realTimers: Timers = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(DELAY_MS_MAX, Math.max(0, delayMs)))
    return () => clearTimeout(timer)
  },
  soon: 'setImmediate' in globalThis ? (run) => void setImmediate(run) : channelSoon()
}

function channelSoon(): (run: () => void) => void {
  const due: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.addEventListener('message', () => due.shift()?.())
  port1.start()
  return (run) => {
    due.push(run)
    port2.postMessage(0)
  }
}

/** WebCrypto hands out no more at once. */
const BYTES_AT_ONCE_MAX = 65_536
const WORDS_AT_ONCE = 256

/** Unpredictable numbers, fit for identities. `fork` gives the same source: there is no seed. */
export function systemRandom(): Random {
  // Asking the system takes 100 times as long as a number does.
  const words = new Uint32Array(WORDS_AT_ONCE)
  let next = WORDS_AT_ONCE
  const draw = (): number => {
    if (next === WORDS_AT_ONCE) {
      crypto.getRandomValues(words)
      next = 0
    }
    return words[next++] as number
  }
  const random: Random = {
    below: (bound) => {
      // What is left over at the top of the range would favour small numbers: draw again.
      const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
      let value = draw()
      while (value >= limit) value = draw()
      return value % bound
    },
    bytes: (length) => {
      const out = new Uint8Array(length)
      for (let i = 0; i < length; i += BYTES_AT_ONCE_MAX) {
        crypto.getRandomValues(out.subarray(i, i + BYTES_AT_ONCE_MAX))
      }
      return out
    },
    fork: () => random
  }
  return random
}
