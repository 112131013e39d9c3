/** A history of transactions, and what must be said of it: kinds, each with its shape if any. */
export interface PlantedTransactions {
  readonly name: string
  /** In lines: see transactions.ts. */
  readonly history: string
  /** All kinds found, sorted; none: nothing is wrong. */
  readonly found: readonly string[]
}

const plant =
  (...found: readonly string[]) =>
  (name: string, history: string): PlantedTransactions => ({ name, history, found })

const G0 = plant('G0')
const G1A = plant('G1a')
const G1B = plant('G1b')
const G1C = plant('G1c')
const SINGLE = plant('G-single')
const LOST_UPDATE = plant('G-single, lost update')
const G2 = plant('G2-item')
const SKEW = plant('G2-item, write skew')
const FORK = plant('G2-item, long fork')
const G0_TIME = plant('G0-realtime')
const G1C_TIME = plant('G1c-realtime')
const SINGLE_TIME = plant('G-single-realtime')
const STALE = plant('G-single-realtime, stale read')
const REVERSE = plant('G-single-realtime, causal reverse')
const G2_TIME = plant('G2-item-realtime')
const INTERNAL = plant('internal')
const DUPLICATE = plant('duplicate')
const PHANTOM = plant('phantom')
const ORDER = plant('incompatible-order')
const LOST = plant('lost-append')

const CYCLES: readonly PlantedTransactions[] = [
  G0('two appends cross', 'a 0-9 x+1 y+1\n b 0-9 x+2 y+2\n c 10-11 x[1 2] y[2 1]'),
  G0('one comes in the middle of another', 'a 0-9 x+1 x+3\n b 0-9 x+2\n c 10-11 x[1 2 3]'),
  G0(
    'three appends in a ring',
    `a 0-9 x+1 y+1
     b 0-9 y+2 z+2
     c 0-9 z+3 x+3
     d 10-11 x[3 1] y[1 2] z[2 3]`
  ),
  G0(
    'two appends cross, and nobody read the later ones',
    'a 0-9 x+1 y+1\n b 0-9 x+2 y+2\n c 1-8 x[1]\n d 1-8 y[2]'
  ),
  G1C('each saw the other', 'a 0-9 x+1 y[2]\n b 0-9 y+2 x[1]'),
  G1C('three saw each other in a ring', 'a 0-9 x+1 z[3]\n b 0-9 y+2 x[1]\n c 0-9 z+3 y[2]'),
  G1C('it saw what came after it', 'a 0-9 x+1 y[2]\n b 0-9 x+2 y+2\n c 10-11 x[1 2] y[2]'),
  G1C('two unknown ones saw each other', 'a 0- x+1 y[2] ?\n b 0- y+2 x[1] ?\n c 1-8 x[1]'),
  SINGLE('half of another is seen', 'a 0-9 x+1 y+1\n b 0-9 x[1] y[]'),
  SINGLE('one is seen, and what it saw is not', 'a 0-9 x+1\n b 0-9 x[1] y+2\n c 0-9 y[2] x[]'),
  SINGLE(
    'half of another is seen, and the rest nobody read since',
    'a 0-9 x+1 y+1 z+1\n b 0-9 x[1] z[]'
  ),
  SINGLE('half of an unknown one is seen', 'a 0- x+1 y+1 ?\n b 1-2 x[1] y[]'),
  LOST_UPDATE('two update one version', 'a 0-9 x[] x+1\n b 0-9 x[] x+2\n c 10-11 x[1 2]'),
  LOST_UPDATE('two update one version, unread', 'a 0-9 x[] x+1\n b 0-9 x[] x+2'),
  LOST_UPDATE(
    'an update covers one that is not told yet',
    'a 0-9 x+1\n b 0-8 x[1] x+2\n c 0-9 x[1] x+3\n d 3-9 x[1 3]'
  ),
  LOST_UPDATE('an update over a blind append', 'a 0-9 x[] x+1\n b 0-9 x+2\n c 10-11 x[2 1]'),
  LOST_UPDATE(
    'three update one version',
    'a 0-9 x[] x+1\n b 0-9 x[] x+2\n c 0-9 x[] x+3\n d 10-11 x[3 1 2]'
  ),
  SKEW('each missed the other', 'a 0-9 x[] y+1\n b 0-9 y[] x+2\n c 10-11 x[2] y[1]'),
  SKEW('each missed the other, unread', 'a 0-9 x[] y+1\n b 0-9 y[] x+2'),
  SKEW(
    'both read both, and append to one each',
    `i 0-1 x+1 y+1
     a 2-9 x[1] y[1] x+2
     b 2-9 x[1] y[1] y+3
     c 10-11 x[1 2] y[1 3]`
  ),
  SKEW('an unknown one and a known one', 'a 0- x[] y+1 ?\n b 0-9 y[] x+2\n c 10-11 y[1]'),
  FORK(
    'two readers see two appends in opposite order',
    'a 0-9 x+1\n b 0-9 y+2\n c 0-9 x[1] y[]\n d 0-9 x[] y[2]'
  ),
  FORK(
    'two readers part at later versions',
    `i 0-1 x+1 y+1
     a 2-9 x+2
     b 2-9 y+3
     c 2-9 x[1 2] y[1]
     d 2-9 y[1 3] x[1]`
  ),
  FORK(
    'two readers see two unknown appends in opposite order',
    'a 0- x+1 ?\n b 0- y+2 ?\n c 0-9 x[1] y[]\n d 20-29 x[] y[2]\n e 15-40 x[1] y[2]'
  ),
  G2(
    'three missed each other in a ring',
    'a 0-9 x[] y+1\n b 0-9 y[] z+2\n c 0-9 z[] x+3\n d 10-11 x[3] y[1] z[2]'
  ),
  G2('a reader shows that two did not see each other', 'a 0-9 x+1\n b 0-9 x[] y+2\n c 0-9 y[] x[1]')
]

// The plainest fault is told of, though there is a shorter cycle of another kind among the same.
const PLAINEST: readonly PlantedTransactions[] = [
  G0(
    'three appends in a ring, and a read between two of them',
    `a 0-9 x+1 y+1 w[9]
     b 0-9 y+2 z+2 w+9
     c 0-9 z+3 x+3
     d 10-11 x[3 1] y[1 2] z[2 3]`
  ),
  G1C(
    'three saw each other in a ring, and two of them missed something',
    'a 0-9 x+1 z[3] w+4\n b 0-9 y+2 x[1] w[]\n c 0-9 z+3 y[2]\n d 10-11 w[4]'
  ),
  G0_TIME(
    'two later appends stand first, and one was seen too early',
    `a 0-1 x+1 w[4]
     b 0-9 x+2 y+2
     c 2-3 y+3 w+4
     d 10-11 x[2 1] y[3 2]`
  ),
  G1C_TIME(
    'by way of another it saw what was called later, which missed it',
    'a 0-1 x[1] w+4\n b 0-9 y[2] x+1\n c 2-3 y+2 w[]\n d 10-11 w[4]'
  ),
  STALE(
    'a stale read after many others, and a longer cycle in less time',
    `a 0-1 x+1
     b 2-3 y+2
     c 0-20 x[] y[2]
     d 4-5 z[]
     d 6-7 z[]
     d 8-9 z[]
     d 10-11 z[]
     e 12-13 x[]
     e 14-15 x[1]`
  )
]

const IN_TIME: readonly PlantedTransactions[] = [
  G0_TIME('a later append stands first', 'a 0-1 x+1\n b 2-3 x+2\n c 4-5 x[2 1]'),
  G0_TIME(
    'a later append stands first, by way of another key',
    'a 0-1 x+1\n b 0-9 x+2 y+2\n c 2-3 y+3\n d 10-11 x[2 1] y[3 2]'
  ),
  G1C_TIME('it saw what was called later', 'a 0-1 x[1]\n b 2-3 x+1'),
  G1C_TIME('an unknown one is seen before its call', 'a 0-1 x[1]\n b 2- x+1 ?'),
  G1C_TIME(
    'by way of another it saw what was called later',
    'a 0-1 x[1]\n b 0-9 y[2] x+1\n c 2-3 y+2'
  ),
  STALE('a plain read misses a plain append', 'a 0-1 x+1\n b 2-3 x[]\n c 4-5 x[1]'),
  STALE(
    'a plain read beside a transaction misses half of it',
    'a 0-1 x+1 y+1\n b 2-3 y[]\n c 4-5 x[1] y[1]'
  ),
  STALE('a plain reader goes back', 'a 0- x+1 ?\n b 1-9 x+2\n c 2-3 x[1 2]\n c 10-11 x[1]'),
  STALE('a snapshot of before', 'a 0-1 x+1 y+1\n b 2-3 x[] y[]\n c 4-5 x[1] y[1]'),
  REVERSE('the later one is seen, the earlier is not', 'a 0-1 x+1\n b 2-3 y+2\n c 0-9 x[] y[2]'),
  REVERSE(
    'of one key: a copy of before the append, and what came after it',
    'i 0-1 x+1 y+1\n a 2-3 x+2\n b 4-5 y+3\n c 0-9 y[1 3] x[1]'
  ),
  SINGLE_TIME(
    'two plain readers go back while the append is under way',
    'a 0-9 x+1\n b 1-2 x[1]\n c 3-4 x[]'
  ),
  SINGLE_TIME(
    'a reader goes back while a transaction is under way',
    'a 0-9 x+1 y+1\n b 1-2 y[1]\n b 3-4 x[]'
  ),
  G2_TIME('each missed the other, one by way of time', 'a 0-9 y[] x+1\n b 0-1 y+2\n c 2-3 x[]'),
  G2_TIME(
    'two readers of half see them in opposite order',
    'a 0-9 x+1\n b 0-9 y+2\n c 1-2 x[1]\n c 3-4 y[]\n d 0-9 y[2] x[]'
  )
]

const AT_ONCE: readonly PlantedTransactions[] = [
  G1A('an append of a failed one is there', 'a 0-1 x+1 !\n b 2-3 x[1]'),
  G1A('an append of a failed one in the middle', 'a 0-9 x+1 !\n b 0-1 x+2\n c 8-9 x[1 2]'),
  G1A('half of a failed one is there, long after', 'a 0-1 x+1 y+1 !\n b 98-99 x[] y[1]'),
  G1B('the first half at one key', 'a 0-9 x+1 x+2\n b 0-9 x[1]\n c 10-11 x[1 2]'),
  G1B('the first half, and no more is seen', 'a 0-9 x+1 x+2\n b 0-9 x[1]'),
  G1B('the second half', 'a 0-9 x+1 x+2\n b 0-9 x[2]'),
  G1B('two of three of an unknown one', 'a 0- x+1 x+2 x+3 ?\n b 1-2 x[1 2]'),
  INTERNAL('its own append is missing', 'a 0-1 x+1 x[]'),
  INTERNAL('its own append is missing, others are there', 'i 0-1 x+1\n a 2-3 x+2 x[1]'),
  INTERNAL('one of its two appends is missing', 'a 0-1 x+1 x+2 x[2]'),
  INTERNAL('its own append before it', 'a 0-1 x[1] x+1'),
  INTERNAL('one of its two appends before it', 'a 0-1 x[1] x+1 x+2'),
  INTERNAL('two reads of one list differ', 'a 0-9 x+1\n b 0-9 x[] x[1]'),
  INTERNAL('a list changes under its own append', 'a 0-9 x+1\n b 0-9 x[] x+2 x[1 2]'),
  DUPLICATE('an element twice', 'a 0-1 x+1\n b 2-3 x[1 1]'),
  DUPLICATE('an unknown one was applied twice', 'a 0- x+1 ?\n b 1-2 x+2\n c 3-4 x[1 2 1]'),
  PHANTOM('an element of nobody', 'a 0-1 x[1]'),
  PHANTOM('an element of another key', 'a 0-1 y+1\n b 2-3 x[1] y[1]'),
  PHANTOM('a garbled end', 'a 0-1 x+1\n b 2-3 x[1 garbled]'),
  ORDER('two orders of two', 'a 0-9 x+1\n b 0-9 x+2\n c 0-9 x[1 2]\n d 0-9 x[2 1]'),
  ORDER('each without the other', 'a 0-9 x+1\n b 0-9 x+2\n c 0-9 x[1]\n d 0-9 x[2]'),
  ORDER('within one transaction', 'a 0-9 x+1 x+2\n b 10-11 x[2 1]'),
  LOST('an acknowledged append is nowhere', 'a 0-1 x+1\n b 2-3 x[]'),
  LOST('one of many is nowhere', 'a 0-1 x+1\n a 2-3 x+2\n a 4-5 x+3\n b 6-7 x[1 3]'),
  LOST('half of a transaction is nowhere', 'a 0-1 x+1 y+1\n b 2-3 y[]\n d 4-5 x[1]'),
  LOST('gone after a restart long after', 'a 0-1 x+1\n a 2-3 x[1] x+2\n b 900-901 x[1]'),
  plant('G-single, lost update', 'lost-append')(
    'an update covers another',
    'a 0-9 x[] x+1\n b 0-9 x[] x+2\n c 10-11 x[2]'
  ),
  plant('duplicate', 'lost-append')(
    'one is there twice and the other not at all',
    'a 0-1 x+1\n a 2-3 x+2\n b 4-5 x[1 1]'
  )
]

/** Histories that no strictly serializable store can have. */
export const BAD_TRANSACTIONS: readonly PlantedTransactions[] = [
  ...CYCLES,
  ...PLAINEST,
  ...IN_TIME,
  ...AT_ONCE
]

const good = plant()

/** The nearest good ones. */
export const GOOD_TRANSACTIONS: readonly PlantedTransactions[] = [
  good('nothing', ''),
  good('one after the other', 'a 0-1 x+1 y+1\n b 2-3 x[1] x+2\n c 4-5 x[1 2] y[1]'),
  good('its own appends are there', 'a 0-1 x[] x+1 x+2 x[1 2] y+3 y[3]'),
  good('one that is under way is missed or seen', 'a 0-9 x+1\n b 1-2 x[]\n b 3-4 x[1]'),
  good('two at one instant', 'a 0-1 x+1\n b 1-2 x[]'),
  good('two at once in either order', 'a 0-9 x+1\n b 0-9 x+2\n c 10-11 x[2 1]'),
  good('an unknown one never came', 'a 0- x+1 y+1 ?\n b 1-2 x[] y[]\n b 98-99 x[]'),
  good('an unknown one came late', 'a 0- x+1 y+1 ?\n b 1-2 x[] y[]\n b 98-99 x[1] y[1]'),
  good('an unknown one that gave up came late', 'a 0-1 x+1 ?\n b 2-3 x[]\n b 4-5 x[1]'),
  good('an unknown one that came read what was there', 'a 0- x[] y+1 ?\n b 1-2 y[1]'),
  good('what an unknown one read at odds counts for nothing', 'a 0- x[7] y+1 ?\n b 1-2 y[]'),
  good('what a failed one read at odds counts for nothing', 'a 0-1 x+1 y+1\n b 0-9 x[1] y[] !'),
  good('a failed one is not there', 'a 0-1 x+1 !\n b 2-3 x[]'),
  good('one missed the other', 'a 0-9 x[] y+1\n b 0-9 y[1] x+2'),
  good('one update after the other', 'a 0-9 x[] x+1\n b 0-9 x[1] x+2\n c 10-11 x[1 2]'),
  good('an update and a blind append after it', 'a 0-9 x[] x+1\n b 0-9 x+2\n c 10-11 x[1 2]'),
  good('two readers agree on an order', 'a 0-9 x+1\n b 0-9 y+2\n c 0-9 x[1] y[]\n d 0-9 x[1] y[2]'),
  good('acknowledged, and never read', 'a 0-1 x+1\n a 2-3 x+2'),
  good('a read from before the append', 'a 2-3 x+1\n b 0-9 x[]'),
  good('all of three of one transaction', 'a 0-9 x+1 x+2 x+3\n b 0-9 x[1 2 3]')
]
