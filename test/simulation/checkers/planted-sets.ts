import type { Add, SetKind, SetRead, SetVerdict } from './set.ts'

/** A history of a set, and what must be said of it. */
export interface PlantedSet {
  readonly name: string
  readonly kind: SetKind
  readonly history: string
  /** The one kind of fault; undefined: none. */
  readonly fault: Exclude<keyof SetVerdict, 'neverRead'> | undefined
}

// A history in lines:
//
//   a 0-1 add x           acknowledged
//   a 0-  add x ?         nobody knows what became of it
//   a 0-1 add x !         it surely took no effect
//   b 2-3 read x y        all there was
//   b 2-3 read x of x y   what there was of some

const ADD = /^(\w+) (\d+)-(\d*) +add (\w+)( [?!])?$/
const READ = /^(\w+) (\d+)-(\d+) +read([\w ]*)$/

export function parseSet(text: string): { readonly adds: Add[]; readonly reads: SetRead[] } {
  const adds: Add[] = []
  const reads: SetRead[] = []
  for (const line of text.split('\n').map((one) => one.trim())) {
    const add = ADD.exec(line)
    const read = READ.exec(line)
    if (add !== null) {
      const [, client = '', called, returned, element = '', mark] = add
      const outcome = mark === undefined ? 'ok' : mark === ' ?' ? 'unknown' : 'failed'
      const end = returned === '' ? undefined : Number(returned)
      adds.push({ client, element, called: Number(called), returned: end, outcome })
    } else if (read !== null) {
      const [, client = '', called, returned, list = ''] = read
      const [shown = '', asked] = ` ${list.trim()} `.split(' of ')
      reads.push({
        client,
        called: Number(called),
        returned: Number(returned),
        elements: words(shown),
        ...(asked === undefined ? {} : { asked: new Set(words(asked)) })
      })
    } else if (line !== '') throw new Error(`not a line of a set: ${line}`)
  }
  return { adds, reads }
}

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '')

const plant = (
  name: string,
  history: string,
  fault: PlantedSet['fault'],
  kind: SetKind = 'keys'
): PlantedSet => ({ name, history, fault, kind })

const bad = (fault: PlantedSet['fault']) => {
  return (name: string, history: string, kind?: SetKind): PlantedSet =>
    plant(name, history, fault, kind)
}
const [lost, stale, phantom] = [bad('lost'), bad('stale'), bad('phantom')]
const [doubled, disordered] = [bad('doubled'), bad('disordered')]

/** Histories that no set which keeps its promise can have. */
export const BAD_SETS: readonly PlantedSet[] = [
  lost('an acknowledged element is nowhere', 'a 0-1 add x\n b 2-3 read'),
  lost('one of many is nowhere', 'a 0-1 add x\n a 2-3 add y\n a 4-5 add z\n b 6-7 read x z'),
  lost('it was seen, and is gone', 'a 0-1 add x\n b 2-3 read x\n b 4-5 read'),
  lost('an unknown one was seen, and is gone', 'a 0- add x ?\n b 2-3 read x\n c 4-5 read'),
  lost('one being added was seen, and is gone', 'a 0-9 add x\n b 2-3 read x\n c 4-5 read'),
  lost('it comes and goes', 'a 0-1 add x\n b 2-3 read\n b 4-5 read x\n b 6-7 read'),
  lost('one that was looked for among few', 'a 0-1 add x\n b 2-3 read of x y'),
  lost('gone after a restart long after', 'a 0-1 add x\n b 2-3 read x\n b 900-901 read'),
  lost('two are gone', 'a 0-1 add x\n b 0-1 add y\n c 2-3 read'),
  lost('a list lost its end', 'a 0-1 add x\n a 2-3 add y\n b 4-5 read x', 'list'),
  lost(
    'an update of a list covered another',
    'a 0-1 add x\n a 2-3 add y\n b 2-3 add z\n c 4-5 read x z',
    'list'
  ),
  lost('a second try that failed says nothing', 'a 0-1 add x\n c 0-1 add x !\n b 2-3 read'),
  stale('one read misses it', 'a 0-1 add x\n b 2-3 read\n b 4-5 read x'),
  stale('another replica misses it', 'a 0-1 add x\n b 2-3 read x\n c 4-5 read\n b 6-7 read x'),
  stale('missing while another read shows it', 'a 0-1 add x\n b 2-9 read x\n c 3-4 read'),
  stale('an unknown one flickers', 'a 0- add x ?\n b 2-3 read x\n b 4-5 read\n b 6-7 read x'),
  stale(
    'a read of some misses it',
    'a 0-1 add x\n a 2-3 add y\n b 4-5 read y of x y\n b 6-7 read x of x'
  ),
  stale('a list of before', 'a 0-1 add x\n a 2-3 add y\n b 4-5 read x\n b 6-7 read x y', 'list'),
  phantom('an element of nobody', 'a 0-1 read x'),
  phantom('an element before its time', 'b 0-1 read x\n a 2-3 add x'),
  phantom('an element whose add failed', 'a 0-1 add x !\n b 2-3 read x'),
  phantom('an element whose add failed long before', 'a 0-1 add x !\n b 99-100 read x'),
  phantom('an unknown one before its call', 'b 0-1 read x\n a 2- add x ?'),
  phantom('a garbled element of a list', 'a 0-1 add x\n b 2-3 read x garbled', 'list'),
  doubled('a list shows one twice', 'a 0-1 add x\n b 2-3 read x x', 'list'),
  doubled('an unknown one was added twice', 'a 0- add x ?\n b 2-3 read x x', 'list'),
  doubled('twice, with another between', 'a 0-1 add x\n a 2-3 add y\n b 4-5 read x y x', 'list'),
  disordered(
    'two readers see two orders',
    'a 0-9 add x\n b 0-9 add y\n c 1-8 read x y\n d 1-8 read y x',
    'list'
  ),
  disordered('a later one stands first', 'a 0-1 add x\n a 2-3 add y\n b 4-5 read y x', 'list'),
  disordered(
    'a later one stands first, with one of any time between',
    'a 0-1 add x\n b 0-9 add y\n a 2-3 add z\n c 10-11 read z y x',
    'list'
  ),
  disordered(
    'two that were being added, each without the other',
    'a 0-9 add x\n b 0-9 add y\n c 1-8 read x\n d 1-8 read y',
    'list'
  )
]

/** The nearest good ones. */
export const GOOD_SETS: readonly PlantedSet[] = [
  plant('nothing', '', undefined),
  plant('an empty set', 'a 0-1 read', undefined),
  plant('it is there', 'a 0-1 add x\n b 2-3 read x', undefined),
  plant('missing while it is added', 'a 0-9 add x\n b 1-2 read', undefined),
  plant('missing at the very time of its answer', 'a 0-2 add x\n b 2-3 read', undefined),
  plant('there while it is added', 'a 0-9 add x\n b 1-2 read x', undefined),
  plant('an unknown one never came', 'a 0- add x ?\n b 1-2 read\n b 99-100 read', undefined),
  plant('an unknown one came late', 'a 0- add x ?\n b 1-2 read\n b 99-100 read x', undefined),
  plant('a failed one is not there', 'a 0-1 add x !\n b 2-3 read', undefined),
  plant('a failed one tried again', 'a 0-1 add x !\n a 2-3 add x\n b 4-5 read x', undefined),
  plant('not looked for', 'a 0-1 add x\n a 2-3 add y\n b 4-5 read y of y', undefined),
  plant(
    'two reads at once may differ',
    'a 0-9 add x\n b 1-8 read x\n c 1-8 read\n d 10-11 read x',
    undefined
  ),
  plant(
    'of many keys one read may see the later and miss the earlier',
    'a 2-3 add x\n a 4-5 add y\n b 0-6 read y',
    undefined
  ),
  plant(
    'lists of one order',
    'a 0-9 add x\n b 0-9 add y\n c 1-2 read y\n c 3-4 read y x\n d 10-11 read y x',
    undefined,
    'list'
  ),
  plant(
    'an unknown one in the middle of a list',
    'a 0-1 add x\n b 0- add y ?\n a 2-3 add z\n c 4-5 read x y z',
    undefined,
    'list'
  )
]
