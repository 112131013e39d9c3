import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksum } from '../../../src/storage/checksum.ts'
import { LogCorrupt } from '../../../src/storage/log-corrupt.ts'
import { RECORD_VERSION, RecordReader } from '../../../src/storage/records.ts'
import { segmentName } from '../../../src/storage/recovery.ts'
import { entries, LogHarness, markAt } from './log-harness.ts'
import { type ModelState, type Operation, perform, shown, shownOf } from './log-model.ts'

type Step =
  | Operation
  | { type: 'commit' }
  | { type: 'wait'; ms: number }
  | { type: 'crash' }
  | { type: 'kill' }

const group = fc.integer({ min: 1, max: 3 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      group,
      back: fc.constantFrom(0, 0, 0, 1, 2, 5),
      count: fc.integer({ min: 1, max: 4 }),
      size: fc.constantFrom(0, 10, 200, 700),
      nextTerm: fc.boolean()
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('hard-state' as const), group, vote: group })
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('compact' as const), group, keep: fc.nat({ max: 4 }) })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reset' as const), group, ahead: group }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('move' as const),
      group,
      bytes: fc.constantFrom(0, 2_000, 5_000),
      bytesMax: fc.constantFrom(1, 300, 10_000)
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('bury' as const), group }) }
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 15, arbitrary: operation },
  { weight: 6, arbitrary: fc.constant({ type: 'commit' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(0.5, 1, 2, 20) })
  },
  { weight: 2, arbitrary: fc.constant({ type: 'crash' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'kill' as const }) }
)

/** Runs steps against the log and a model that remembers every state since the last crash. */
class Run {
  readonly harness: LogHarness
  state: ModelState = []
  /** The model after each operation; the first is what the last crash left. */
  history: string[] = [shown([])]
  states: ModelState[] = [[]]
  /** Up to where the log said that everything is durable. */
  durable = 0

  constructor(seed: number) {
    this.harness = new LogHarness(`log-crash ${seed}`, 2048)
  }

  step(step: Step): void {
    if (step.type === 'wait') this.harness.run(step.ms)
    else if (step.type === 'commit') this.#commit()
    else if (step.type === 'crash') this.crash()
    else if (step.type === 'kill') this.#kill()
    else {
      perform(this.state, this.harness.log, step)
      this.states.push(structuredClone(this.state))
      this.history.push(shown(this.state))
    }
  }

  #commit(): void {
    const upTo = this.history.length - 1
    const { log } = this.harness
    log.commit((fault) => {
      expect(fault).toBeUndefined()
      expect(log).toBe(this.harness.log)
      this.durable = Math.max(this.durable, upTo)
    })
  }

  /** Everything committed is there, and nothing else but a prefix of the rest. */
  crash(): void {
    this.harness.crash()
    this.#check()
  }

  /** What a log shows at its start is durable: Raft promises it to others without a new sync. */
  #kill(): void {
    this.harness.kill()
    this.#check()
  }

  #check(): void {
    const found = shownOf(this.harness.log)
    const kept = this.history.lastIndexOf(found)
    expect(kept, `lost or invented: ${found}`).toBeGreaterThanOrEqual(this.durable)
    this.state = structuredClone(this.states[kept] ?? [])
    this.states = [this.states[kept] ?? []]
    this.history = [found]
    this.durable = 0
  }
}

/** Goal: random work with power cuts at random moments never loses a committed record. */
test('a power cut takes nothing that was committed, and leaves a prefix of the rest', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(step, { minLength: 10, maxLength: 120 }), (seed, steps) => {
      const run = new Run(seed)
      for (const each of steps) run.step(each)
      const expected = JSON.parse(shown(run.state)) as { hardState: unknown }[]
      const live = JSON.parse(shownOf(run.harness.log)) as { hardState: unknown }[]
      // A hard state that is behind the entries is raised only by the next start.
      const strip = (groups: { hardState: unknown }[]) =>
        groups.map((one) => ({ ...one, hardState: 0 }))
      expect(strip(live)).toEqual(strip(expected))
      run.crash()
      run.step({ type: 'commit' })
      run.harness.run(1000)
      run.crash()
    }),
    { numRuns: 300 }
  )
})

/** Some batches, each of its own sync, over several segments; the last one has three records. */
function somewhatLongLog(segmentBytes = 250): { harness: LogHarness; history: string[] } {
  const harness = new LogHarness('bits', segmentBytes)
  const { log } = harness
  log.create(1, 1, markAt(1, 1), { term: 1, vote: 0 })
  harness.commit()
  for (let index = 2; index < 8; index++) {
    log.append(1, entries(index, 1, 1))
    harness.commit()
  }
  const history: string[] = []
  for (let index = 8; index < 11; index++) {
    history.push(shownOf(log))
    log.append(1, entries(index, 1, 1))
  }
  harness.commit()
  history.push(shownOf(log))
  return { harness, history }
}

interface RecordAt {
  file: string
  offset: number
  length: number
  batch: number
}

/** The place and batch of every record in the segments of `harness`. */
function layout(harness: LogHarness): RecordAt[] {
  return harness.disk.list().flatMap((file) => {
    const bytes = harness.disk.read(file, 0, harness.disk.size(file))
    const reader = new RecordReader(bytes)
    const records: RecordAt[] = []
    for (let offset = 0; offset < bytes.length; ) {
      const header = reader.at(offset)
      if (header === undefined) throw new Error(`no record at ${offset} of ${file}`)
      records.push({ file, offset, length: header.length, batch: header.batch })
      offset += header.length
    }
    return records
  })
}

/**
 * Goal (R): one flipped bit anywhere. In the newest batch it looks like a torn write and is cut; in
 * any batch before it the log must be refused, for it was durable once.
 */
test.each([
  { segmentBytes: 250, inNewest: 4, where: 'behind a checkpoint' },
  { segmentBytes: 300, inNewest: 3, where: 'within a segment' }
])('a flipped bit is cut in the newest batch ($where) and refused in any other', (shape) => {
  const { segmentBytes, inNewest } = shape
  const records = layout(somewhatLongLog(segmentBytes).harness)
  const newest = records.at(-1)?.batch ?? 0
  expect(records.filter(({ batch }) => batch === newest)).toHaveLength(inNewest)
  expect(new Set(records.map(({ file }) => file)).size).toBeGreaterThan(1)
  let refused = 0
  let cut = 0
  for (const [number, record] of records.entries()) {
    for (let byte = record.offset; byte < record.offset + record.length; byte++) {
      const { harness, history } = somewhatLongLog(segmentBytes)
      harness.disk.flipBit(record.file, byte * 8 + (byte % 8))
      if (record.batch < newest) {
        expect(() => harness.reopen(), `byte ${byte} of ${record.file}`).toThrow(LogCorrupt)
        refused++
        continue
      }
      harness.reopen()
      const kept = Math.max(0, number - (records.length - 3))
      expect(shownOf(harness.log), `byte ${byte} of ${record.file}`).toBe(history[kept])
      cut++
    }
  }
  expect(refused).toBeGreaterThan(500)
  expect(cut).toBeGreaterThan(150)
})

/** The bytes at `to` read as those at `from`, as far as both go. */
function overwrite({ disk }: LogHarness, to: RecordAt, from: RecordAt): void {
  const bytes = disk.read(from.file, from.offset, Math.min(from.length, to.length))
  const before = disk.read(to.file, to.offset, bytes.length)
  for (const [i, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) {
      if (((byte ^ (before[i] ?? 0)) >> bit) & 1) disk.flipBit(to.file, (to.offset + i) * 8 + bit)
    }
  }
}

/**
 * Goal: sectors that were not written show what stood there before, a whole older record for
 * example: in the newest batch that is torn, in any other it is damage.
 */
test.each([250, 300])('an older record in the place of another, segments of %i', (segmentBytes) => {
  const records = layout(somewhatLongLog(segmentBytes).harness)
  const newest = records.at(-1)?.batch ?? 0
  let refused = 0
  let cut = 0
  for (const [number, record] of records.entries()) {
    for (const older of records.slice(0, number)) {
      const { harness, history } = somewhatLongLog(segmentBytes)
      overwrite(harness, record, older)
      if (record.batch < newest) {
        expect(() => harness.reopen(), `${number}`).toThrow(LogCorrupt)
        refused++
        continue
      }
      harness.reopen()
      expect(shownOf(harness.log)).toBe(history[Math.max(0, number - (records.length - 3))])
      cut++
    }
  }
  expect(refused).toBeGreaterThan(20)
  expect(cut).toBeGreaterThan(20)
})

/** Goal: a last batch that is there in part is cut wherever it ends; then the log goes on. */
test('a newest batch cut off at any byte leaves its whole records', () => {
  const records = layout(somewhatLongLog(300).harness)
  const last = records.slice(-3)
  const file = last[0]?.file ?? ''
  const start = last[0]?.offset ?? 0
  const end = (last[2]?.offset ?? 0) + (last[2]?.length ?? 0)
  for (let size = start; size < end; size++) {
    const { harness, history } = somewhatLongLog(300)
    harness.disk.truncate(file, size)
    harness.reopen()
    const whole = last.filter(({ offset, length }) => offset + length <= size).length
    expect(shownOf(harness.log)).toBe(history[whole])
    harness.log.append(1, entries(8 + whole, 1, 2))
    const after = shownOf(harness.log)
    expect(harness.commit()).toBeUndefined()
    harness.crash()
    expect(JSON.parse(shownOf(harness.log))[0].entries).toEqual(JSON.parse(after)[0].entries)
  }
})

/** Goal: the torn end of a log is cut also when its only segment is not the first it ever had. */
test('the end of the only segment left is cut wherever a crash tore it', () => {
  const harness = new LogHarness('only segment', 1000)
  harness.log.create(1, 1, markAt(1, 1), { term: 1, vote: 0 })
  let last = 1
  while (last < 3 || harness.disk.list()[0] === segmentName(1)) {
    harness.log.append(1, entries(++last, 1, 1))
    harness.log.compact(1, markAt(last, 1))
    harness.commit()
  }
  const [file = '', ...others] = harness.disk.list()
  expect(others).toEqual([])
  const whole = harness.disk.size(file)
  harness.log.append(1, entries(last + 1, 1, 1))
  harness.commit()
  expect(harness.disk.list()).toEqual([file])
  for (let size = harness.disk.size(file) - 1; size >= whole; size--) {
    harness.disk.truncate(file, size)
    harness.reopen()
    expect(harness.log.groups()[0]?.start.lastIndex).toBe(last)
    expect(harness.disk.size(file)).toBe(whole)
    harness.log.append(1, entries(last + 1, 1, 1))
    harness.commit()
  }
  harness.disk.truncate(file, 20)
  expect(() => harness.reopen()).toThrow(LogCorrupt)
})

/** Goal: removals that the directory forgets in any order never leave a gap between segments. */
test('a power cut while segments are removed leaves a log that opens', () => {
  let early = 0
  for (let seed = 0; seed < 100; seed++) {
    const harness = new LogHarness(`removal ${seed}`, 250)
    harness.log.create(1, 1, markAt(1, 1), { term: 1, vote: 0 })
    for (let index = 2; index < 30; index++) {
      harness.log.append(1, entries(index, 1, 1))
      harness.commit()
    }
    const before = harness.disk.list().length
    harness.log.compact(1, markAt(29, 1))
    harness.log.commit(() => {})
    harness.world.runWhile(harness.world.now + 1000, () => harness.disk.list().length < before - 2)
    if (harness.disk.list().length > 1) early++
    harness.crash()
    expect(harness.log.groups()[0]?.start.lastIndex).toBe(29)
  }
  expect(early).toBe(100)
})

test('a missing segment is refused', () => {
  const { harness } = somewhatLongLog()
  const names = harness.disk.list()
  expect(names.length).toBeGreaterThan(2)
  harness.disk.remove(names[1] ?? '')
  expect(() => harness.reopen()).toThrow('is missing')
})

test('a log without its oldest segments, though entries in them are needed, is refused', () => {
  const { harness } = somewhatLongLog()
  harness.disk.remove(segmentName(1))
  expect(() => harness.reopen()).toThrow(LogCorrupt)
})

test('an emptied segment is refused, unless a crash can have left it', () => {
  const { harness } = somewhatLongLog()
  const names = harness.disk.list()
  harness.disk.truncate(names.at(-1) ?? '', 0)
  harness.reopen()
  harness.disk.truncate(names[0] ?? '', 0)
  expect(() => harness.reopen()).toThrow('is empty')
})

test('what a crash left of the very first batch is an empty log', () => {
  const harness = new LogHarness('first')
  harness.log.create(1, 1, markAt(1, 1), { term: 1, vote: 0 })
  harness.commit()
  harness.disk.flipBit(segmentName(1), 20)
  harness.reopen()
  expect(harness.log.groups()).toEqual([])
  harness.log.create(1, 1, markAt(1, 1), { term: 1, vote: 0 })
  harness.commit()
  harness.crash()
  expect(harness.log.groups()).toHaveLength(1)
})

test('a log of a newer version is refused by name, not as damage', () => {
  const { harness } = somewhatLongLog()
  const [first] = layout(harness)
  const bytes = harness.disk.read(first?.file ?? '', 0, harness.disk.size(first?.file ?? ''))
  bytes[12] = RECORD_VERSION + 1
  new DataView(bytes.buffer).setUint32(4, checksum(bytes.subarray(8, first?.length)), true)
  harness.disk.replace(first?.file ?? '', bytes)
  expect(() => harness.reopen()).toThrow('written by a newer version')
})
