/**
 * A stream of random numbers. Each component forks its own, so one more draw in one shifts no
 * other.
 */
export interface Random {
  /** A whole number, uniform in [0, bound). Requires: 1 <= bound <= 2^32. */
  below(bound: number): number
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array
  /** An independent stream, determined by this stream's seed and `name` alone. */
  fork(name: string): Random
}

/**
 * A reproducible stream from `seed`: sfc32 (Chris Doty-Humphrey, PractRand), seeded through
 * splitmix-style mixing. Not for secrets.
 */
export function seededRandom(seed: string): Random {
  let [a, b, c, d] = mix(seed)
  const next = (): number => {
    const t = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  return {
    below: (bound) => Math.floor((next() / 0x1_0000_0000) * bound),
    bytes: (length) => {
      const out = new Uint8Array(length)
      for (let i = 0; i < length; i++) out[i] = next() & 0xff
      return out
    },
    fork: (name) => seededRandom(`${seed}/${name}`)
  }
}

function mix(text: string): [number, number, number, number] {
  const out: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1]
  for (let lane = 0; lane < 4; lane++) {
    let h = (out[lane] ?? 0) ^ (lane * 0x85ebca6b)
    for (let i = 0; i < text.length; i++) {
      h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
      h ^= h >>> 15
      h = Math.imul(h, 0x2c1b3c6d)
    }
    h ^= h >>> 16
    h = Math.imul(h, 0x45d9f3b)
    out[lane] = (h ^ (h >>> 16)) | 0
  }
  return out
}
