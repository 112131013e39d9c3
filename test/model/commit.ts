import { acknowledged, type Luck, Places } from './commit-places.ts'
import {
  changed,
  FIRST,
  firstOf,
  keyOf,
  NAMES,
  NO_ANSWER,
  NO_RECORD,
  nameOf,
  type Outcome,
  type Place,
  phased,
  type Rules,
  recorded,
  SECOND,
  type State,
  seen,
  send,
  told,
  type Weather
} from './commit-state.ts'
import type { Model } from './explore.ts'

/*
 * The commit protocol of a transaction that writes one key in each of some groups, the first of
 * which is its anchor. A group is one object whose steps are atomic: Raft is taken for granted.
 * Conditions are no more than luck here, and there are no other transactions: `isolation.ts` is
 * about those.
 *
 * A message once sent may arrive at any time, any number of times, or never. So it is with the
 * entries of a deposed leader, too, which is more than logs allow. Coordinators may end between any
 * two steps. Anybody may meet an intent and recover it at any time. The client may give up,
 * acknowledge, have its sessions evicted, and try again after an abort.
 */

export function commitModel(rules: Rules, weather: Weather): Model<State> {
  return new CommitModel(rules, weather)
}

class CommitModel implements Model<State> {
  readonly initial: State
  readonly #rules: Rules
  readonly #weather: Weather
  readonly #places: Places

  constructor(rules: Rules, weather: Weather) {
    this.#rules = rules
    this.#weather = weather
    this.#places = new Places(rules, weather)
    const places = Array.from({ length: 1 + weather.others }, () => ({
      part: -1,
      memos: ['-', '-'] as const,
      resolved: [false, false],
      acked: [false, false],
      era: 0,
      applied: [0, 0]
    }))
    const idle = {
      phase: 'i',
      replies: places.map(() => '-' as const),
      bases: places.map(() => 0)
    } as const
    this.initial = {
      places,
      records: [NO_RECORD, NO_RECORD],
      coordinators: [idle, idle, idle],
      sent: [],
      told: ['w', '-'],
      reader: { step: 0, late: false, met: undefined, saw: [] },
      kept: NO_ANSWER,
      late: false
    }
  }

  key(state: State): string {
    return keyOf(state)
  }

  steps(state: State, to: (label: string, next: State) => void): void {
    this.#coordinate(state, to)
    for (const message of state.sent) {
      this.#deliver(state, message, 'good', to)
      if (this.#weather.refusals === true) this.#deliver(state, message, 'moved', to)
      if (this.#weather.full === true) this.#deliver(state, message, 'full', to)
    }
    for (const name of NAMES) {
      if (state.places.some(({ part }) => part === name)) {
        to(`recover ${name}`, this.#places.recover(state, name, 'good'))
        if (this.#weather.full === true) {
          to(`recover ${name}, full`, this.#places.recover(state, name, 'full'))
        }
      }
      const forgotten = this.#forget(state, name)
      if (forgotten !== undefined) to(`forget ${name}`, forgotten)
    }
    this.#client(state, to)
    if (this.#weather.repeat === true) this.#repeat(state, to)
    if (this.#weather.evictions === true) this.#evict(state, to)
    if (this.#weather.reader === true) this.#read(state, to)
  }

  /**
   * Judged by what would be if everybody stopped here and whatever was left were recovered: then
   * nothing is prepared, and either all groups took the write or none did.
   */
  broken(state: State): readonly string[] {
    const found: string[] = []
    const calm = this.#calmed(state)
    if (calm.places.some(({ part }) => part >= 0)) found.push('an intent for ever')
    else {
      for (const name of NAMES) {
        const counts = calm.places.map(({ applied }) => applied[name] ?? 0)
        if (new Set(counts).size > 1) found.push('torn')
        if (state.told[name] === 'C' && counts[0] === 0) found.push('told committed, and lost')
        if (state.told[name] === 'A' && counts.some((count) => count > 0)) {
          found.push('told aborted, and committed')
        }
      }
    }
    if (calm.places.some(({ applied }) => applied.some((count) => count > 1))) {
      found.push('applied twice')
    }
    if (this.#weather.repeat === true) found.push(...brokenRepeats(calm))
    const [other, anchor] = state.reader.saw
    if (other !== undefined && other > 1) found.push('read twice applied')
    if (other !== undefined && anchor !== undefined) {
      if (other > anchor) found.push('read new, then old')
      if (state.reader.late && (other === 0 || anchor === 0))
        found.push('read old after the answer')
    }
    return found
  }

  marks(state: State): readonly string[] {
    const { told: known, records, reader, places, coordinators } = state
    const marks: string[] = []
    if (known[FIRST] === 'C') marks.push('told committed')
    if (known[FIRST] === 'A') marks.push('told aborted')
    if (known[SECOND] === 'C') marks.push('the second committed')
    const isDone = records[FIRST]?.state === '-' && (places[0]?.applied[FIRST] ?? 0) > 0
    if (isDone) marks.push('forgotten')
    if (isDone && known[FIRST] === 'U') marks.push('committed, and nobody knows')
    if (records[FIRST]?.state === 'P' && records[FIRST].term === 1) marks.push('the second leader')
    if (isDone && places[0]?.era === 1 && coordinators[1]?.phase === 'p') marks.push('a late copy')
    if (places[0]?.memos[FIRST] === 'A' && !places[0].resolved[FIRST]) marks.push('a tombstone')
    if (known[SECOND] === 'K') marks.push('a repeat is told')
    if (known[FIRST] === 'K') marks.push('the first is told what its repeat did')
    if (known[FIRST] === 'E' && known[SECOND] === 'E') marks.push('both are told otherwise')
    if (state.late && (places[0]?.applied[FIRST] ?? 0) > 0) marks.push('the key is forgotten')
    if (reader.late && reader.saw.length === 2) marks.push('read after the answer')
    if (reader.met !== undefined && records[reader.met.name]?.state === '-') marks.push('absent')
    return marks
  }

  #calmed(state: State): State {
    let calm = state
    for (let round = 0; round < 4; round++) {
      for (const name of NAMES) {
        if (!calm.places.some(({ part }) => part === name)) continue
        const basis = calm.coordinators[firstOf(name)]?.bases[0] ?? 0
        const { next, answer } = this.#places.query(calm, name, basis, 'good')
        calm = next
        const outcome = this.#places.meaning(answer)
        if (outcome === undefined) continue
        for (const at of calm.places.keys()) {
          calm = this.#places.resolve(calm, at, [name, outcome], 'good')
        }
      }
    }
    return calm
  }

  #coordinate(state: State, to: (label: string, next: State) => void): void {
    for (const [c, { phase, replies }] of state.coordinators.entries()) {
      if (phase === 'i' && this.#mayBegin(state, c)) to(`begin ${c}`, this.#begin(state, c))
      if (phase === 'p') {
        if (replies.every((reply) => reply === 'o')) {
          to(`decide ${c}`, send(phased(state, c, 'c'), `commit ${c}`))
        }
        // A refusal, or a reply that does not come.
        let aborting = send(phased(state, c, 'a'), `abort ${c}`)
        if (!this.#rules.tellAfterAbort) aborting = told(aborting, nameOf(c), 'A')
        to(`time-out ${c}`, aborting)
      }
      if (phase === 'i' || phase === '.' || this.#weather.patient === true) continue
      to(`die ${c}`, phased(state, c, '.'))
    }
  }

  #mayBegin(state: State, c: number): boolean {
    // Who ended without a write asks no more.
    if (c === 0) return state.told[FIRST] !== 'E' && state.told[FIRST] !== 'K'
    // However late, and whatever has happened since: a deposed leader does not know.
    if (c === 1) return this.#weather.secondLeader === true && state.coordinators[0]?.phase !== 'i'
    return state.told[SECOND] === 'w'
  }

  #begin(state: State, c: number): State {
    const now = state.places.map(({ era }) => era)
    const before = state.coordinators[firstOf(nameOf(c))]?.bases ?? now
    const bases = c === 1 && this.#rules.sameBasis ? before : now
    const messages = [`create ${c}`]
    for (let at = 1; at < state.places.length; at++) messages.push(`prepare ${c} ${at}`)
    const begun = phased(state, c, 'p')
    const coordinator = { phase: 'p', replies: now.map(() => '-' as const), bases } as const
    return send({ ...begun, coordinators: begun.coordinators.with(c, coordinator) }, ...messages)
  }

  #deliver(
    state: State,
    message: string,
    luck: Luck,
    to: (label: string, next: State) => void
  ): void {
    const [kind, a = '', b = ''] = message.split(' ')
    const label = luck === 'good' ? message : `${message}, ${luck}`
    const places = this.#places
    if (luck === 'moved' && kind !== 'create' && kind !== 'prepare') return
    if (kind === 'create') to(label, places.create(state, Number(a), luck))
    else if (kind === 'prepare') to(label, places.prepare(state, Number(a), Number(b), luck))
    else if (kind === 'commit') to(label, places.commit(state, Number(a), luck))
    else if (kind === 'abort') to(label, places.abort(state, Number(a), luck))
    else if (kind === 'resolve') {
      for (let at = 1; at < state.places.length; at++) {
        to(`${label} at ${at}`, places.resolve(state, at, [Number(a), b as Outcome], luck))
      }
    }
  }

  #forget(state: State, name: number): State | undefined {
    const record = state.records[name]?.state
    if (record !== 'C' && record !== 'A') return undefined
    const all = state.places.every(({ resolved }) => resolved[name])
    if (this.#rules.forgetLast && !all) return undefined
    const forgotten = recorded(state, name, NO_RECORD)
    const keeps = this.#weather.repeat === true && !this.#rules.answerWithCommit && record === 'C'
    return keeps && !state.late ? { ...forgotten, kept: name } : forgotten
  }

  #client(state: State, to: (label: string, next: State) => void): void {
    const { told: known } = state
    if (this.#weather.patient === true) return
    for (const name of NAMES) if (known[name] === 'w') to('give-up', told(state, name, 'U'))
    if (known[FIRST] === 'A' && known[SECOND] === '-' && this.#weather.again === true) {
      to('again', { ...state, told: known.with(SECOND, 'w') })
    }
    for (const at of state.places.keys()) {
      for (const names of this.#answered(state)) {
        const next = acknowledged(state, at, names)
        if (next !== state) to(`acknowledge ${at}`, next)
      }
    }
  }

  /** What can be acknowledged: all up to a number of one session; each session by itself. */
  #answered({ told: known }: State): readonly (readonly number[])[] {
    const isOpen = (name: number): boolean => known[name] === 'w' || known[name] === '-'
    const closed = NAMES.filter((name) => !isOpen(name))
    if (this.#weather.repeat === true) return closed.map((name) => [name])
    const names = isOpen(FIRST) ? [] : closed
    return names.length === 0 ? [] : [names]
  }

  /** Whoever asks again, and whoever sees that a condition does not hold. */
  #repeat(state: State, to: (label: string, next: State) => void): void {
    const { told: known, coordinators } = state
    if (known[SECOND] === '-') to('repeat', { ...state, told: known.with(SECOND, 'w') })
    for (const name of NAMES) {
      const isIdle = known[name] === 'w' && coordinators[firstOf(name)]?.phase === 'i'
      if (!isIdle && known[name] !== 'A') continue
      const next = this.#places.otherwise(state, name)
      if (next !== undefined) to(`otherwise ${name}`, next)
    }
    if (this.#weather.forgets === true && !state.late) {
      to('forget the key', { ...state, kept: NO_ANSWER, late: true })
    }
  }

  #evict(state: State, to: (label: string, next: State) => void): void {
    if (state.coordinators[0]?.phase === 'i') return
    for (const [at, { part, era }] of state.places.entries()) {
      const holds = part >= 0 || (at === 0 && state.records.some((record) => record.state !== '-'))
      if (era > 0 || (holds && this.#rules.pinned)) continue
      to(`evict ${at}`, changed(state, at, { era: 1, acked: [false, false], memos: ['-', '-'] }))
    }
  }

  /** Reads the key of the first other group, then the anchor's, whose record stands beside it. */
  #read(state: State, to: (label: string, next: State) => void): void {
    const { reader, places } = state
    const begun = reader.step === 0 ? { ...reader, late: state.told[FIRST] === 'C' } : reader
    if (reader.met !== undefined) {
      const { name, applied } = reader.met
      const record = state.records[name]?.state ?? '-'
      const known = record === '-' ? places[0]?.memos[name] : record
      if (known === '-' && this.#rules.rereadAbsent) {
        to('reread', { ...state, reader: { ...reader, met: undefined } })
      } else {
        to('ask', { ...state, reader: seen(reader, known === 'C' ? applied + 1 : applied) })
      }
    } else if (reader.step === 0) {
      const { part, applied } = places[1] as Place
      const value = applied[FIRST] ?? 0
      if (part < 0) to('read 1', { ...state, reader: seen(begun, value) })
      else to('meet', { ...state, reader: { ...begun, met: { name: part, applied: value } } })
    } else if (reader.step === 1) {
      to('read 0', { ...state, reader: seen(reader, places[0]?.applied[FIRST] ?? 0) })
    }
  }
}

/** Two requests that are one happen once, and both hear the same. */
function brokenRepeats({ places, told: known }: State): readonly string[] {
  const found: string[] = []
  const [first = 0, second = 0] = places[0]?.applied ?? []
  if (first + second > 1) found.push('done twice')
  if (known.includes('K') && first + second === 0) found.push('told of a commit, and lost')
  if (known.includes('E') && first + second > 0) found.push('told otherwise, and committed')
  return found
}
