import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { Result } from '../../../src/wire/result.ts'
import { MapTable } from './fixture.ts'

// Goal: whatever copies come, however late and in whatever order, what is asked under one
// idempotency key within ten minutes has one effect, in one partition, and one answer. Method:
// doors that claim and then change, as ours do, with clocks of their own; three partitions with
// theirs, that restart; a network that keeps every copy for ever. The judge knows only when each
// request was made and which runs there were.

const MINUTE = 60_000
const WINDOW = 10 * MINUTE
const LIFE = MINUTE
/** Within it of the true time are the clocks of doors and partitions. */
const SKEW = 10_000
const HOME = 0

/** What may be asked: a partition, a counter in it, and a digest that tells it from the others. */
const REQUESTS = [
  { partition: HOME, counter: 'x' },
  { partition: 1, counter: 'y' },
  { partition: 1, counter: 'z' },
  { partition: 2, counter: 'y' }
] as const

type Step =
  | { readonly do: 'ask'; readonly key: number; readonly what: number; readonly skew: number }
  | { readonly do: 'deliver'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart'; readonly partition: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      key: fc.nat(1),
      what: fc.nat(REQUESTS.length - 1),
      skew: fc.integer({ min: -SKEW, max: SKEW })
    })
  },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.noBias(fc.nat()) })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat(20_000), fc.nat(4 * MINUTE), fc.nat(14 * MINUTE))
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restart' as const), partition: fc.nat(2) })
  }
)

interface Asked {
  readonly key: number
  readonly what: number
  /** True time. */
  readonly at: number
  readonly notAfter: number
  claimed: boolean
}

interface Copy {
  readonly session: string
  readonly partition: number
  readonly basis: number
  readonly operation: Operation
  readonly asked: Asked
}

class Partition {
  table = new MapTable()
  machine = this.#open()
  #time = 0

  #open(): StateMachine {
    return new StateMachine({ group: 1, table: this.table }, this.table.saved())
  }

  restart(): void {
    this.machine.prepareFlush()
    this.table = this.table.copy()
    this.machine = this.#open()
  }

  /** Undefined: its session answered, or refused it. */
  take({ session, basis, operation }: Copy, time: number): Result | undefined {
    this.#time = Math.max(this.#time, time)
    const command = encodeCommand({ session, seq: 1, ackedUpTo: 0, basis, operation })
    const { index } = this.machine.applied
    const [answer] = this.machine.apply(index + 1, 1, encodeBody(this.#time, [command]))
    return answer?.type === 'result' ? answer.result : undefined
  }
}

class Run {
  readonly partitions = [new Partition(), new Partition(), new Partition()]
  readonly skews = [0, SKEW, -SKEW]
  readonly network: Copy[] = []
  readonly ran: { readonly asked: Asked; readonly result: Result }[] = []
  readonly counts = new Map<string, number>()
  now = 1_000 * MINUTE
  #sessions = 0

  step(next: Step): void {
    switch (next.do) {
      case 'ask': {
        const { key, what, skew } = next
        const notAfter = this.now + skew + LIFE
        const asked = { key, what, at: this.now, notAfter, claimed: false }
        this.#send(asked, HOME, { type: 'claim', once: onceOf(asked) })
        return
      }
      case 'deliver':
        if (this.network.length > 0) this.#deliver(next.which)
        return
      case 'pass':
        this.now += next.ms
        return
      case 'restart':
        this.partitions[next.partition]?.restart()
    }
  }

  #send(asked: Asked, partition: number, operation: Operation): void {
    const session = String(++this.#sessions).padStart(32, '0')
    const basis = this.partitions[partition]?.machine.applied.index ?? 0
    this.network.push({ session, partition, basis, operation, asked })
  }

  /** Mostly one of the newest; at times any that ever was. */
  #deliver(n: number): void {
    const { length } = this.network
    const back = n % 4 === 0 ? n % length : n % Math.min(length, 4)
    const copy = this.network[length - 1 - back] as Copy
    const { asked, operation } = copy
    const partition = this.partitions[copy.partition] as Partition
    const number = partition.machine.counter + 1
    const result = partition.take(copy, this.now + (this.skews[copy.partition] as number))
    this.#tally(operation.type, result)
    if (operation.type === 'claim') {
      if (result?.type !== 'done' || asked.claimed || this.#isGone(asked)) return
      asked.claimed = true
      const { partition: to, counter } = REQUESTS[asked.what] as (typeof REQUESTS)[number]
      const change = { type: 'increment', key: utf8(counter), by: 1 } as const
      this.#send(asked, to, { type: 'once', once: onceOf(asked), operation: change })
    } else if (result?.type === 'counted') this.#judge(asked, result, result.revision === number)
  }

  /** `isRun`: it ran just now. Else it was answered with what an earlier one did. */
  #judge(asked: Asked, result: Result, isRun: boolean): void {
    const ofKey = this.ran.filter((other) => other.asked.key === asked.key)
    if (isRun) {
      const near = ofKey.filter((other) => Math.abs(asked.at - other.asked.at) <= WINDOW)
      expect(near, 'ran again').toEqual([])
      this.ran.push({ asked, result })
    } else if (!this.#isGone(asked)) {
      // Of a run longer ago, if repeats prolonged what it left.
      const same = ofKey.filter((other) => other.asked.what === asked.what)
      expect(same.map((one) => one.result)).toContainEqual(result)
      const before = ofKey.filter(({ asked: { at } }) => at <= asked.at && asked.at - at <= WINDOW)
      if (before.length > 0) expect(before.map((one) => one.result)).toEqual([result])
    }
    this.#tally(isRun ? 'ran' : 'answered', undefined)
  }

  /** No call lasts longer (see runOnce): nobody waits for its answer any more. */
  #isGone({ at }: Asked): boolean {
    return this.now - at > LIFE
  }

  #tally(type: string, result: Result | undefined): void {
    const name = result?.type === 'not-run' ? `${type} ${result.why}` : type
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

function onceOf({ key, what, notAfter }: Asked) {
  return { key: utf8(`key ${key}`), digest: new Uint8Array(32).fill(what), notAfter }
}

test('within ten minutes one key has one effect and one answer', () => {
  const counts = new Map<string, number>()
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
      const run = new Run()
      for (const next of steps) run.step(next)
      for (const [name, count] of run.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    }),
    { numRuns: 250, endOnFailure: true }
  )
  // Vacuity: what matters did happen.
  for (const name of ['ran', 'answered', 'claim', 'claim late', 'claim reused', 'once late']) {
    expect(counts.get(name) ?? 0, name).toBeGreaterThan(50)
  }
})
