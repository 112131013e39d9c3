import { parentPort } from 'node:worker_threads'
import { runRegisterSeed } from './register.ts'

parentPort?.on('message', ({ seed, twice }: { seed: string; twice: boolean }) => {
  const report = runRegisterSeed(seed)
  const hashes = [report.traceHash]
  if (twice) hashes.push(runRegisterSeed(seed).traceHash)
  parentPort?.postMessage({ report, hashes })
})
