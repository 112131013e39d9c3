import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../../src/world/random.ts'
import { checkExpiry, type Mortal, type MortalRead } from './expiry.ts'

// Goal: the check of keys with a ttl finds each kind of breach, and allows whatever clocks, lags
// and unknown reads may make of a correct store. Method: planted histories of one key, put by
// session a from 0 to 10 for 100 ms; each line is `SESSION CALLED-RETURNED here|gone [session]`.

const MORTAL: Mortal = { key: 'k', session: 'a', ttlMs: 100, called: 0, returned: 10 }

function wrongs(history: string, isTimeRight = true): string[] {
  return checkExpiry([MORTAL], history.split('\n').map(parse), isTimeRight)
}

function parse(line: string): MortalRead {
  const found = /^ *(\w+) (\d+)-(\d+) (here|gone)( session)?$/.exec(line)
  if (found === null) throw new Error(`cannot read ${line}`)
  const [, session = '', called, returned, shown, near] = found
  return {
    key: 'k',
    session,
    consistency: near === undefined ? 'strong' : 'session',
    called: Number(called),
    returned: Number(returned),
    isThere: shown === 'here'
  }
}

test.each([
  ['is back for another session', 'b 120-130 gone\n c 131-140 here', /gone at 130, is back at 131/],
  ['is back for its own session', 'a 120-130 gone session\n a 131-140 here session', /is back/],
  [
    'is back for a session that saw it',
    'b 20-30 here\n b 40-50 gone session\n b 60-70 here',
    /back/
  ],
  ['is back for a strong read of who saw it go', 'a 12-20 gone session\n a 30-40 here', /back/],
  ['is gone at once', 'b 11-12 gone', /put at 0 for 100 ms, is gone at 12/],
  ['is gone a moment too early', 'b 90-99 gone', /is gone at 99/],
  ['outlives its ttl', 'b 113-120 here', /put by 10 for 100 ms, is there at 113/]
])('finds a key that %s', (_, history, wrong) => {
  expect(wrongs(history).join()).toMatch(wrong)
})

test.each([
  ['as long as it lives, and then no more', 'b 20-30 here\n b 99-100 gone\n b 130-140 gone'],
  ['reads that overlap where it ends', 'b 95-120 gone\n c 110-130 here'],
  ['a read that may have been before the put', 'b 0-9 gone\n b 11-20 here'],
  ['a session that has not heard of it', 'b 20-30 gone session\n b 40-50 here session'],
  ['one that lags, to others than who saw it go', 'a 120-130 gone\n b 131-140 here session'],
  ['a session read of a replica that lags', 'b 300-310 here session']
])('allows %s', (_, history) => {
  expect(wrongs(history)).toEqual([])
})

test('holds no ttl against clocks that were wrong', () => {
  expect(wrongs('b 11-12 gone\n b 4000-4001 gone', false)).toEqual([])
  expect(wrongs('b 9000-9001 here', false)).toEqual([])
  expect(wrongs('b 11-12 gone\n b 20-21 here', false)).not.toEqual([])
})

/** Of a store in which keys end at one moment each. */
function correct(random: Random): { mortals: Mortal[]; reads: MortalRead[] } {
  const mortals: Mortal[] = []
  const reads: MortalRead[] = []
  for (let i = 0; i < 1 + random.below(5); i++) {
    const [key, called, ttlMs] = [`k${i}`, random.below(500), 1 + random.below(500)]
    const put = called + random.below(100)
    const returned = put + random.below(100)
    const end = put + ttlMs
    mortals.push({ key, session: `s${random.below(4)}`, ttlMs, called, returned })
    for (let left = random.below(40); left > 0; left--) {
      const moment = random.below(end + 500)
      reads.push({
        key,
        session: `s${random.below(4)}`,
        consistency: random.below(3) === 0 ? 'session' : 'strong',
        called: moment - random.below(100),
        returned: moment + random.below(100),
        isThere: put <= moment && moment < end
      })
    }
  }
  return { mortals, reads }
}

test('accuses no store in which each key ends once', () => {
  for (let seed = 0; seed < 10_000; seed++) {
    const { mortals, reads } = correct(seededRandom(`expiry-${seed}`))
    const wrong = checkExpiry(mortals, reads, true)
    expect(wrong, `seed ${seed}`).toEqual([])
  }
})
