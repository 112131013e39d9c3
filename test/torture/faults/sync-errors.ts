import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../../../src/world/random.ts'
import type { Arena } from '../arena.ts'
import { busiest, type Fault, majority, one } from './fault.ts'

/** A node that goes on so long after its disk failed has not noticed. */
const END_MS_MAX = 15_000

/** The system refuses a sync: the node must end at once, with 1, and say why. */
export const syncError: Fault = {
  name: 'sync-error',
  obstacle: () => straceObstacle(),
  strike: async ({ arena, random, note }) => {
    const victims = await chosen(arena, random)
    // Once, and all is well again, as on a disk that drops what it could not write; or for good.
    const when = `${1 + random.below(8)}${random.below(2) === 0 ? '+' : ''}`
    note(`sync number ${when} of a thread fails with EIO on ${victims.join(', ')}`)
    const ills = await Promise.all(victims.map((victim) => failSync(arena, victim, when)))
    return ills.flat()
  }
}

let straceWorks: boolean | undefined

function straceObstacle(): string | undefined {
  straceWorks ??=
    spawnSync('strace', ['-e', 'inject=fdatasync:error=EIO', 'true'], { stdio: 'ignore' })
      .status === 0
  return straceWorks ? undefined : 'strace is not here, or may not inject faults'
}

async function chosen(arena: Arena, random: Random): Promise<readonly number[]> {
  const drawn = random.below(6)
  if (drawn === 0) return arena.all
  if (drawn === 1) return majority(random, arena.all)
  return drawn < 4 ? [await busiest(arena)] : [one(random, arena.all)]
}

async function failSync(arena: Arena, node: number, when: string): Promise<string[]> {
  const process = arena.at(node)
  arena.expectEnd(process, 1)
  const inject = ['-e', 'trace=fdatasync,fsync']
  inject.push('-e', `inject=fdatasync,fsync:error=EIO:when=${when}`)
  const strace = spawn('strace', ['-f', '-q', '-p', String(process.pid), ...inject], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const said = saidBy(strace)
  const ending = await Promise.race([process.ended(), wait(END_MS_MAX, undefined, { ref: false })])
  strace.kill('SIGKILL')
  await once(strace, 'close')
  if (ending === undefined) {
    await arena.kill(node)
    // Where no majority is left, nothing is written any more.
    if (!said().includes('INJECTED')) return []
    return [`node ${node} goes on ${END_MS_MAX} ms after its disk failed`]
  }
  if (ending !== 1) return [`node ${node} ended with ${ending} after its disk failed`]
  if (/"level":"fatal".*"node ended"/.test(process.log)) return []
  return [`node ${node} ended without a word after its disk failed: ${process.log.slice(-500)}`]
}

function saidBy(child: ChildProcess): () => string {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  return () => said
}
