import type { Random } from '../world/random.ts'
import { resize, type SimulatedFile } from './disk-file.ts'

const SECTOR_BYTES = 512

/** What a power cut can do to the bytes of a file that were not synced. */
export const CUT_OUTCOMES = [
  'keep',
  'lose',
  'lose-suffix',
  'zero-sectors',
  'stale-sectors',
  'zero-range',
  'tear-last'
] as const
export type CutOutcome = (typeof CUT_OUTCOMES)[number]

/**
 * What is left of `file` on the medium; all of it is durable then. What was synced stays as it is,
 * but for what a failed sync left out, which is gone though a later sync succeeded.
 */
export function cutPower(
  file: SimulatedFile,
  random: Random,
  outcome: CutOutcome = CUT_OUTCOMES[random.below(CUT_OUTCOMES.length)] as CutOutcome
): void {
  if (file.length > file.durable) lose(file, random, outcome)
  for (const [from, to] of file.holes) file.bytes.fill(0, from, Math.min(to, file.length))
  file.holes = []
  file.durable = file.length
}

function lose(file: SimulatedFile, random: Random, outcome: CutOutcome): void {
  const { durable, length } = file
  switch (outcome) {
    case 'keep':
      return
    case 'lose':
      file.length = durable
      return
    case 'lose-suffix':
      file.length = durable + random.below(length - durable + 1)
      return
    case 'zero-sectors':
      spoilSectors(file, random, (from, to) => file.bytes.fill(0, from, to))
      return
    case 'stale-sectors':
      spoilSectors(file, random, (from, to) => fillStale(file, random, from, to))
      return
    case 'zero-range': {
      // The file system had made it longer, ahead of the data.
      file.bytes.fill(0, durable + random.below(length - durable), length)
      resize(file, length + random.below(2 * SECTOR_BYTES))
      return
    }
    case 'tear-last': {
      const last = Math.max(durable, file.lastAppend)
      fillStale(file, random, last + random.below(length - last), length)
      return
    }
  }
}

/** Sectors reach the medium in any order: of those not synced, some never did. */
function spoilSectors(
  file: SimulatedFile,
  random: Random,
  spoil: (from: number, to: number) => void
): void {
  for (let at = file.durable; at < file.length; ) {
    const end = Math.min(file.length, at - (at % SECTOR_BYTES) + SECTOR_BYTES)
    if (random.below(2) === 0) spoil(at, end)
    at = end
  }
}

/** The medium shows what stood in those blocks before: other parts of the log, most likely. */
function fillStale(file: SimulatedFile, random: Random, from: number, to: number): void {
  const start = random.below(Math.max(1, from))
  for (let at = from; at < to; at++) {
    file.bytes[at] = file.bytes[start + ((at - from) % Math.max(1, from - start))] as number
  }
}
