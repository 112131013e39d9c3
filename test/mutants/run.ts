import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MUTANTS } from './all.ts'
import { mutated } from './apply.ts'
import type { Mutant } from './mutant.ts'

// `npm run mutants [-- --only M3,M10 --seeds 500 --from 1 --seconds 600]`: each mutant is planted
// in a copy of the tree and hunted seed by seed until one is broken; then the same seed must be
// sound without it. One process at a time.

/** What `hunt.ts` prints. */
interface Hunted {
  readonly ran: number
  readonly simulatedMs: number
  readonly broken?: { readonly seed: number; readonly what: string }
}

/** A seed that takes so long hangs: that is found out, and is no catch. */
const GRACE_SECONDS = 120

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '600' }
  }
})

async function main(): Promise<number> {
  const wanted = values.only?.split(',')
  const mutants = MUTANTS.filter(({ id }) => wanted === undefined || wanted.includes(id))
  const strangers = (wanted ?? []).filter((id) => !MUTANTS.some((mutant) => mutant.id === id))
  if (strangers.length > 0) throw new Error(`no such mutants: ${strangers.join(', ')}`)
  let caught = 0
  for (const mutant of mutants) {
    const found = await tryMutant(mutant)
    if (found.isCaught) caught++
    console.log(`${mutant.id.padEnd(5)} ${found.line}`)
  }
  console.log(`${caught} of ${mutants.length} caught`)
  return caught === mutants.length ? 0 : 1
}

async function tryMutant(mutant: Mutant): Promise<{ isCaught: boolean; line: string }> {
  const copy = plant(process.cwd(), mutant)
  const began = performance.now()
  try {
    const { from, seeds, seconds } = values
    const runs = mutant.ofLocks ? ['--locks'] : []
    const most = ['--seeds', seeds, '--seconds', seconds]
    const hunted = await hunt(copy, ['--from', from, ...most, ...runs])
    const took = `${((performance.now() - began) / 1_000).toFixed(1)} s`
    if (hunted === undefined) return { isCaught: false, line: `HANGS (${mutant.does})` }
    const { ran, simulatedMs, broken } = hunted
    const perSeed = `${(simulatedMs / 1_000 / Math.max(1, ran)).toFixed(1)} simulated s a seed`
    if (broken === undefined) {
      return { isCaught: false, line: `NOT CAUGHT by ${ran} seeds, ${perSeed}, ${took}` }
    }
    const control = await hunt(process.cwd(), ['--from', `${broken.seed}`, '--seeds', '1', ...runs])
    const [what] = broken.what.split('\n')
    if (control === undefined || control.broken !== undefined) {
      const line = `seed ${broken.seed} is broken without it, too: ${what}`
      return { isCaught: false, line }
    }
    return { isCaught: true, line: `caught by seed ${broken.seed} (${perSeed}, ${took}): ${what}` }
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** A copy of what a simulation needs of the tree at `root`, with the mutant in it. */
function plant(root: string, mutant: Mutant): string {
  const copy = mkdtempSync(join(tmpdir(), 'keymesh-mutant-'))
  for (const part of ['src', 'test', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [file, text] of mutated(root, mutant)) writeFileSync(join(copy, file), text)
  return copy
}

/** Undefined: it had to be ended. */
function hunt(root: string, args: readonly string[]): Promise<Hunted | undefined> {
  const child = spawn('node', ['--no-warnings', join(root, 'test/mutants/hunt.ts'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: (Number(values.seconds) + GRACE_SECONDS) * 1_000,
    killSignal: 'SIGKILL'
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      const last = Buffer.concat(chunks).toString().trim().split('\n').at(-1)
      if (code === 0 && last) resolve(JSON.parse(last) as Hunted)
      else if (code === null) resolve(undefined)
      else reject(new Error(`the hunt in ${root} ended with ${code}`))
    })
  })
}

process.exitCode = await main()
