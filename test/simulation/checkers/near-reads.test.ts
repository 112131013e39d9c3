import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/world/random.ts'
import { correctNearReads } from './generated-near-reads.ts'
import { checkLinearizable } from './linearizable.ts'
import { checkNearReads, type Seen } from './near-reads.ts'
import { parseHistory } from './notation.ts'

// Goal: the check of session and eventual reads names each read that breaks its promise, and no
// other. Lines are those of notation.ts; `~ session` and `~ 5` (eventual, claimed to be at most 5
// ms old) mark reads of any replica. One client is one session.

function parse(text: string): Seen[] {
  return text.split('\n').flatMap((line) => {
    const [plain = '', promise] = line.split('~').map((part) => part.trim())
    return parseHistory(plain).map((operation): Seen => {
      const seen = { ...operation, session: operation.client }
      if (promise === undefined) return seen
      const consistency = promise === 'session' ? promise : 'eventual'
      const stalenessMs = promise === 'session' ? 0 : Number(promise)
      return { ...seen, near: { consistency, stalenessMs } }
    })
  })
}

const BAD: readonly (readonly [string, string])[] = [
  ['a value that nobody wrote', 'a 0-1 put x = @1\n b 2-3 get = y@1 ~ session'],
  ['a value of a failed write', 'a 0-1 put x !\n b 2-3 get = x@1 ~ 9'],
  ['a value before its call', 'b 0-1 get = x@1 ~ 9\n a 2-3 put x = @1'],
  ['not the own write', 'a 0-1 put x = @1\n a 2-3 put y = @2\n a 4-5 get = x@1 ~ session'],
  ['not the own first write', 'a 0-1 put x = @1\n a 2-3 get = absent ~ session'],
  ['the own delete undone', 'a 0-1 put x = @1\n a 2-3 del = @2\n a 4-5 get = x@1 ~ session'],
  [
    'an absence forgotten',
    'a 0-1 put x = @1\n b 2-3 get = x@1 ~ session\n a 4-5 del = @2\n b 6-7 get = absent ~ session' +
      '\n b 8-9 get = x@1 ~ session'
  ],
  [
    'older than an eventual read of the same session',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 get = y@2 ~ 9\n b 6-7 get = x@1 ~ session'
  ],
  [
    'older than a conflict told',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 put z if 1 = conflict@2' +
      '\n b 6-7 get = x@1 ~ session'
  ],
  ['gone without a delete', 'a 0-1 put x = @1\n a 2-3 add 1 = nan\n a 4-5 get = absent ~ session'],
  [
    'gone by a delete before what was seen',
    'a 0-1 put x = @1\n a 2-3 del = @2\n a 4-5 put y = @3\n a 6-7 get = absent ~ session'
  ],
  ['older than it claims', 'a 0-1 put x = @1\n a 2-3 put y = @2\n b 20-21 get = x@1 ~ 16'],
  ['absent, older than it claims', 'a 0-1 put x = @1\n b 20-21 get = absent ~ 18'],
  ['there, older than it claims', 'a 0-1 put x = @1\n a 2-3 del = @2\n b 20-21 get = x@1 ~ 16'],
  [
    'older than a read of another proves',
    'a 0-1 put x = @1\n a 2- put y ?\n c 8-9 get = y@2\n b 20-21 get = x@1 ~ 10'
  ]
]

const GOOD: readonly (readonly [string, string])[] = [
  ['a touch leaves the value', 'a 0-1 put x = @1\n a 2-3 touch = @2\n a 4-5 get = x@2 ~ session'],
  ['an unknown touch seen', 'a 0-1 put x = @1\n a 2- touch ?\n b 4-5 get = x@2 ~ session'],
  ["another's write may be missing", 'a 0-1 put x = @1\n b 2-3 get = absent ~ session'],
  ['an older value, honestly told', 'a 0-1 put x = @1\n a 2-3 put y = @2\n b 20-21 get = x@1 ~ 17'],
  ['an older absence, honestly told', 'a 0-1 put x = @1\n b 20-21 get = absent ~ 19'],
  ['an unknown write seen', 'a 0- put x ?\n b 20-21 get = x@1 ~ 0'],
  ['an unknown increment seen', 'a 0- add 1 ?\n b 20-21 get = 1@1 ~ session'],
  [
    'an unknown delete seen',
    'a 0-1 put x = @1\n c 2- del ?\n a 8-9 get = absent ~ session\n b 20-21 get = absent ~ 0'
  ],
  [
    'eventual reads may go back',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 get = y@2 ~ 9\n b 6-7 get = x@1 ~ 9'
  ],
  [
    'a write under way, seen or not',
    'a 0-1 put x = @1\n a 2-9 put y = @2\n b 3-4 get = y@2 ~ session\n c 5-6 get = x@1 ~ session'
  ],
  [
    'a delete and a new life',
    'a 0-1 put x = @1\n a 2-3 del = @2\n a 4-5 put y = @3\n a 6-7 get = y@3 ~ session'
  ],
  [
    'an absence of old, then the value again',
    'a 0-1 put x = @1\n a 2-3 get = absent ~ 9\n a 4-5 get = x@1 ~ session'
  ],
  [
    'an absence asked for before the write, and told after it',
    'a 0-9 get = absent\n a 0-5 put x = @1\n a 10-11 get = x@1 ~ session'
  ],
  ['a failed read shows nothing', 'a 0-1 put x = @1\n a 2-3 get ! ~ session']
]

test.each(BAD)('planted: %s', (_, history) => {
  expect(checkNearReads(parse(history))).toHaveLength(1)
})

test.each(GOOD)('innocent: %s', (_, history) => {
  expect(checkNearReads(parse(history))).toEqual([])
})

test('claims that rest on wall clocks are passed over where clocks jump', () => {
  const history = parse('a 0-1 put x = @1\n b 20-21 get = absent ~ 18')
  expect(checkNearReads(history, { stalenessMsMax: 18 })).toEqual([])
})

test('accuses no replicas that lag within what they promise', () => {
  let near = 0
  for (let seed = 0; seed < 10_000; seed++) {
    const random = seededRandom(`near-${seed}`)
    const history = correctNearReads(random, 1 + random.below(5), 10 + random.below(30))
    expect(checkNearReads(history), `seed ${seed}`).toEqual([])
    const strong = history.filter((one) => one.near === undefined)
    expect(checkLinearizable(strong).type, `seed ${seed}`).toBe('linearizable')
    near += history.length - strong.length
  }
  expect(near).toBeGreaterThan(20_000)
})
