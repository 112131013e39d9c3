import { parseArgs } from 'node:util'
import { runLockSeed } from '../simulation/lock-seed.ts'
import { runRegisterSeed } from '../simulation/register.ts'

// `node test/mutants/hunt.ts --from K --seeds N --seconds S [--locks]`: runs seeds K, K+1, … one
// after the other, stops at the first that is broken or when the time is up, and prints one line of
// JSON.

/** Of faults; with the calm that follows, seeds take less than ten simulated seconds on average. */
const CHAOS_MS = 4_000

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '600' },
    locks: { type: 'boolean', default: false }
  }
})

const began = performance.now()
let ran = 0
let simulatedMs = 0
let broken: { seed: number; what: string } | undefined
const from = Number(values.from)
const isTimeUp = (): boolean => performance.now() - began > Number(values.seconds) * 1_000
for (let seed = from; seed < from + Number(values.seeds) && !isTimeUp(); seed++) {
  const report = values.locks ? runLockSeed(String(seed)) : runRegisterSeed(String(seed), CHAOS_MS)
  ran++
  simulatedMs += report.simulatedMs
  if (report.broken === undefined) continue
  broken = { seed, what: report.broken }
  break
}
console.log(JSON.stringify({ ran, simulatedMs, broken }))
