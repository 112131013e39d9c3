import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/world/random.ts'
import { byKey, checkLinearizable } from '../simulation/checkers/linearizable.ts'
import { checkNearReads } from '../simulation/checkers/near-reads.ts'
import type { Arena } from './arena.ts'
import type { Caller } from './callers.ts'
import type { Fault } from './faults/fault.ts'
import { remainsOf } from './remains.ts'
import type { State } from './transactors.ts'
import { type History, Workload } from './workload.ts'

export interface Round {
  readonly name: string
  readonly arena: Arena
  readonly callers: readonly Caller[]
  readonly random: Random
  /** See Scene. */
  readonly msMax: number
  readonly say: (what: string) => void
}

/** What became of one round. */
export interface RoundReport {
  readonly fault: string
  /** Single things done to the cluster. */
  readonly strikes: number
  readonly counts: Readonly<Record<'ok' | 'failed' | 'unknown', number>>
  /** Of these, transactions. */
  readonly transactions: Readonly<Record<'ok' | 'failed' | 'unknown', number>>
  /** What was told to those who asked what became of a transaction. */
  readonly answers: Readonly<Record<State, number>>
  /** From the end of the fault until every node saw a whole cluster; undefined: never. */
  readonly healedMs: number | undefined
  /** From the last write until no replica held anything of a transaction; undefined: unknown. */
  readonly goneMs: number | undefined
  /** What was wrong, in words; empty: nothing. */
  readonly anomalies: readonly string[]
  /** Keys and values that were settled: they must never be missed again. */
  readonly settled: readonly { readonly key: string; readonly value: string }[]
}

const CALLS_BEFORE = 150
const CALLS_AFTER = 150
const CALLS_MS_MAX = 120_000

/**
 * One fault under load: callers work, it strikes, it ends, the cluster must be whole again and
 * serve, and everything that anybody was told must be the truth.
 */
export async function playRound(round: Round, fault: Fault): Promise<RoundReport> {
  const { arena, random, msMax } = round
  const workload = new Workload(round.name, random.fork('workload'))
  let strikes = 0
  const note = (what: string): void => {
    strikes++
    round.say(`${round.name} ${what}`)
  }
  workload.start(round.callers)
  const anomalies: string[] = []
  const serves = async (when: string, calls: number): Promise<void> => {
    if (await workload.more(calls, CALLS_MS_MAX)) return
    anomalies.push(`fewer than ${calls} calls succeeded in ${CALLS_MS_MAX} ms ${when}`)
  }
  await serves('before the fault', CALLS_BEFORE)
  anomalies.push(...(await fault.strike({ arena, workload, random, msMax, note })))
  arena.heal()
  const began = performance.now()
  const ill = await arena.healthy()
  const healedMs = ill === undefined ? Math.round(performance.now() - began) : undefined
  if (ill !== undefined) anomalies.push(`not whole again: ${ill}`)
  else await serves('after the fault', CALLS_AFTER)
  await workload.stop()
  const rest = ill === undefined ? await settle(round, workload) : undefined
  anomalies.push(...(rest?.ills ?? []))
  const { history } = workload
  const wrong = ill === undefined ? checkHistory(history) : checkRegisters(history)
  anomalies.push(...wrong, ...arena.unexpectedEnds(), ...arena.faultsLogged())
  if (anomalies.length > 0) keep(round, history)
  const settled = history.elements.settled
  const counts = countsOf(history)
  const { counts: transactions, answers } = history.ledgers
  const told = { counts, transactions, answers }
  const times = { healedMs, goneMs: rest?.goneMs }
  return { fault: fault.name, strikes, ...told, ...times, anomalies, settled }
}

/** Requires: a whole cluster, and nobody who calls. */
async function settle(
  round: Round,
  workload: Workload
): Promise<{ readonly ills: readonly string[]; readonly goneMs: number }> {
  const [unread, { tookMs, left }] = await Promise.all([
    workload.settle(lastCaller(round)),
    remainsOf(round.arena)
  ])
  return { ills: [...unread, ...left], goneMs: tookMs }
}

/** Over HTTP: one that can send idempotency keys. */
function lastCaller({ callers }: Round): Caller {
  const found = callers.find(({ name }) => name.startsWith('http'))
  if (found === undefined) throw new Error('a round needs a caller over HTTP')
  return found
}

/** What is wrong with what anybody was told. Requires: settled. */
export function checkHistory(history: History): string[] {
  const { counters, elements, ledgers } = history
  const rest = [counters, elements, ledgers].flatMap((part) => part.check())
  return [...checkRegisters(history), ...rest]
}

function checkRegisters({ registers }: History): string[] {
  const strong = registers.filter(({ near }) => near === undefined)
  const wrong = [...byKey(strong).values()].flatMap((operations) => {
    const verdict = checkLinearizable(operations)
    return verdict.type === 'linearizable' ? [] : [`${verdict.type}: ${verdict.message}`]
  })
  return [...wrong, ...checkNearReads(registers)]
}

function countsOf({ registers, counters, elements, ledgers }: History): RoundReport['counts'] {
  const counts = { ok: 0, failed: 0, unknown: 0 }
  for (const { outcome } of registers) counts[outcome.type]++
  for (const more of [counters.counts, elements.counts, ledgers.counts]) {
    counts.ok += more.ok
    counts.failed += more.failed
    counts.unknown += more.unknown
  }
  return counts
}

/** For whoever wants to know why. */
function keep({ arena, name }: Round, { registers, ledgers }: History): void {
  const keepAs = (what: string, all: readonly object[]): void => {
    const file = join(arena.options.directory, `${name}.${what}.jsonl`)
    writeFileSync(file, all.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
  keepAs('history', registers)
  keepAs('lists', ledgers.lists)
}
