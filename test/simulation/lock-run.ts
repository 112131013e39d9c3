import { parseArgs } from 'node:util'
import { runLockSeed } from './lock-seed.ts'

// `node test/simulation/lock-run.ts --seeds N [--from K] [--seconds S]`: seeds K, K+1, … of locks
// alone, one after the other. Ends with 1 if any of them is broken.

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3600' }
  }
})

const began = performance.now()
const sum = { seeds: 0, broken: 0, faults: 0, calls: 0, simulatedMs: 0 }
const from = Number(values.from)
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  if (performance.now() - began > Number(values.seconds) * 1_000) break
  const { broken, faults, calls, simulatedMs } = runLockSeed(String(seed))
  sum.seeds++
  sum.faults += faults
  sum.calls += calls
  sum.simulatedMs += simulatedMs
  if (broken === undefined) continue
  sum.broken++
  console.log(`seed ${seed}: ${broken}`)
}
console.log(JSON.stringify(sum))
process.exitCode = sum.broken === 0 ? 0 : 1
